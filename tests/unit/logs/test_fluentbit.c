#include "logs/fluentbit.h"

#include <string.h>

#include "t.h"

static struct err e;

static const char *variable(const char *name)
{
    return strcmp(name, "KEY") == 0 ? "secret" : NULL;
}

static const char *parsed(const char *text, struct arena *a)
{
    struct fluentbit f;
    char *all = arena_strdup(a, "");
    if (fluentbit_parse(text, strlen(text), variable, a, &f, &e) < 0)
        return e.msg;
    for (size_t i = 0; i < f.n; i++)
        all = arena_printf(a, "%s%s %s:%lld %s%s%s; ", all, f.items[i].name,
                           f.items[i].kind < FLUENTBIT_ES_OUT ? f.items[i].listen : f.items[i].host,
                           (long long)f.items[i].port,
                           f.items[i].shared_key ? f.items[i].shared_key : "-",
                           f.items[i].tls ? " tls" : "", f.items[i].verify ? " verify" : "");
    return all;
}

static void reads(void)
{
    static const struct {
        const char *text, *want;
    } cases[] = {
        {"pipeline: {inputs: [{name: forward}]}",
         "pipeline.inputs[0] (forward) 127.0.0.1:24224 -; "                                                                 },
        {"pipeline: {inputs: [{Name: forward, Port: 1, Shared_Key: 'a${KEY}b'}]}",
         "pipeline.inputs[0] (forward) 127.0.0.1:1 asecretb; "                                                              },
        {"pipeline: {outputs: [{name: es, host: h, tls: on}]}",
         "pipeline.outputs[0] (es) h:9200 - tls verify; "                                                                   },
        {"pipeline: {inputs: [{name: syslog}]}",
         "pipeline.inputs[0] (syslog): mode is missing: tcp or udp"                                                         },
        {"pipeline: {inputs: [{name: syslog, mode: unix_udp}]}",
         "pipeline.inputs[0] (syslog): mode: unix_udp is not offered; there is tcp udp "                                    },
        {"pipeline: {inputs: [{name: forward, tls: on}]}",
         "pipeline.inputs[0] (forward): tls needs tls.crt_file and tls.key_file"                                            },
        {"pipeline: {inputs: [{name: tail}]}",                                     "pipeline.inputs[0]: tail is not offered"},
        {"pipeline: {inputs: [{name: forward, unix_path: /x}]}",
         "pipeline.inputs[0] (forward): unix_path is not offered"                                                           },
        {"pipeline: {inputs: [{name: forward, port: 70000}]}",
         "pipeline.inputs[0] (forward): port: 70000 is no port"                                                             },
        {"pipeline: {outputs: [{name: forward, shared_key: '${NONE}'}]}",
         "pipeline.outputs[0] (forward): shared_key: the environment has no variable NONE"                                  },
        {"pipeline: {filters: [{name: grep}]}",                                    "pipeline.filters is not offered"        },
        {"parsers: []",                                                            "parsers is not offered"                 },
        {"- a",                                                                    "the file is no map with a pipeline"     },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(arena) struct arena *a = arena_new(0);
        T_EQ_STR(parsed(cases[i].text, a), cases[i].want, cases[i].text);
    }
}

T_MAIN(reads)
