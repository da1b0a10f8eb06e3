#include "logs/fluentbit.h"

#include <fnmatch.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "codec/yaml.h"

enum { PLUGINS_MAX = 64, VALUE_BYTES = 64 * 1024 };

enum {
    FORWARD_IN = 1 << FLUENTBIT_FORWARD_IN,
    SYSLOG_IN = 1 << FLUENTBIT_SYSLOG_IN,
    ES_OUT = 1 << FLUENTBIT_ES_OUT,
    FORWARD_OUT = 1 << FLUENTBIT_FORWARD_OUT,
    INPUTS = FORWARD_IN | SYSLOG_IN,
    OUTPUTS = ES_OUT | FORWARD_OUT,
};

static const struct {
    const char *section, *name;
    int64_t port;
} plugins[] = {
    [FLUENTBIT_FORWARD_IN] = {"inputs",  "forward", 24224},
    [FLUENTBIT_SYSLOG_IN] = {"inputs",  "syslog",  5140 },
    [FLUENTBIT_ES_OUT] = {"outputs", "es",      9200 },
    [FLUENTBIT_FORWARD_OUT] = {"outputs", "forward", 24224},
};

enum type { TEXT, PORT, BOOL, RETRIES };

#define AT(field) offsetof(struct fluentbit_plugin, field)

static const struct property {
    const char *name;
    enum type type;
    unsigned of; /* plugins that have it */
    size_t at;
    const char *only; /* the values it may have, with blanks around them; NULL: any */
} properties[] = {
    {"listen",               TEXT,    INPUTS,                           AT(listen),             NULL                             },
    {"port",                 PORT,    INPUTS | OUTPUTS,                 AT(port),               NULL                             },
    {"mode",                 TEXT,    SYSLOG_IN,                        AT(mode),               " tcp udp "                      },
    {"parser",               TEXT,    SYSLOG_IN,                        AT(parser),             " syslog-rfc5424 syslog-rfc3164 "},
    {"shared_key",           TEXT,    FORWARD_IN | FORWARD_OUT,         AT(shared_key),         NULL                             },
    {"self_hostname",        TEXT,    FORWARD_OUT,                      AT(self_hostname),      NULL                             },
    {"require_ack_response", BOOL,    FORWARD_OUT,                      AT(ack),                NULL                             },
    {"match",                TEXT,    OUTPUTS,                          AT(match),              NULL                             },
    {"host",                 TEXT,    OUTPUTS,                          AT(host),               NULL                             },
    {"compress",             TEXT,    OUTPUTS,                          AT(compress),           " gzip "                         },
    {"index",                TEXT,    ES_OUT,                           AT(index),              NULL                             },
    {"path",                 TEXT,    ES_OUT,                           AT(path),               NULL                             },
    {"http_user",            TEXT,    ES_OUT,                           AT(user),               NULL                             },
    {"http_passwd",          TEXT,    ES_OUT,                           AT(password),           NULL                             },
    {"http_api_key",         TEXT,    ES_OUT,                           AT(api_key),            NULL                             },
    {"logstash_format",      BOOL,    ES_OUT,                           AT(logstash_format),    NULL                             },
    {"logstash_prefix",      TEXT,    ES_OUT,                           AT(logstash_prefix),    NULL                             },
    {"suppress_type_name",   BOOL,    ES_OUT,                           AT(suppress_type_name), NULL                             },
    {"tls",                  BOOL,    FORWARD_IN | SYSLOG_IN | OUTPUTS, AT(tls),                NULL                             },
    {"tls.verify",           BOOL,    FORWARD_IN | SYSLOG_IN | OUTPUTS, AT(verify),             NULL                             },
    {"tls.ca_file",          TEXT,    FORWARD_IN | SYSLOG_IN | OUTPUTS, AT(ca_file),            NULL                             },
    {"tls.crt_file",         TEXT,    FORWARD_IN | SYSLOG_IN | OUTPUTS, AT(cert_file),          NULL                             },
    {"tls.key_file",         TEXT,    FORWARD_IN | SYSLOG_IN | OUTPUTS, AT(key_file),           NULL                             },
    {"retry_limit",          RETRIES, OUTPUTS,                          AT(retry_limit),        NULL                             },
    {"tls.vhost",            TEXT,    OUTPUTS,                          AT(vhost),              NULL                             },
};

/* What a file is read with. */
struct reader {
    struct arena *arena;
    const char *(*variable)(const char *name);
};

/* "${NAME}" in a text. */
static int expand(const struct reader *r, const char *text, const char **out, struct err *e)
{
    AUTO_BUF struct buf b;
    buf_init(&b, VALUE_BYTES);
    for (const char *at = text, *from; *at; at = from) {
        const char *end = NULL;
        from = strstr(at, "${");
        if (from)
            end = strchr(from, '}');
        if (!end) {
            buf_puts(&b, at);
            break;
        }
        const char *name = arena_strndup(r->arena, from + 2, (size_t)(end - from - 2));
        const char *value = r->variable(name);
        if (!value)
            return err_set(e, ERR_INVALID, "the environment has no variable %.100s", name);
        buf_add(&b, at, (size_t)(from - at));
        buf_puts(&b, value);
        from = end + 1;
    }
    *out = arena_strdup(r->arena, buf_text(&b));
    return buf_check(&b, e);
}

static int read_text(const struct reader *r, const struct value *v, const char **out, struct err *e)
{
    if (value_is(v, VALUE_STRING) || value_is(v, VALUE_INT) || value_is(v, VALUE_FLOAT))
        return expand(r, v->text, out, e);
    if (!value_is(v, VALUE_BOOL))
        return err_set(e, ERR_INVALID, "it is no text");
    *out = v->boolean ? "on" : "off";
    return 0;
}

static int read_bool(const char *text, bool *out, struct err *e)
{
    static const char *const words[][2] = {
        {"off",   "on"  },
        {"false", "true"},
        {"no",    "yes" },
    };
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        for (int yes = 0; yes < 2; yes++)
            if (strcasecmp(text, words[i][yes]) == 0) {
                *out = yes;
                return 0;
            }
    return err_set(e, ERR_INVALID, "%.100s is neither on nor off", text);
}

/* How often; no_limits and false: as often as it takes, no_retries: never. */
static int read_retries(const char *text, int64_t *out, struct err *e)
{
    if (strcasecmp(text, "no_limits") == 0 || strcasecmp(text, "false") == 0 ||
        strcasecmp(text, "off") == 0)
        *out = -1;
    else if (strcasecmp(text, "no_retries") == 0)
        *out = 0;
    else if (!value_int_from_text(text, out) || *out < 1)
        return err_set(e, ERR_INVALID, "%.100s is no number from 1, no_limits or no_retries", text);
    return 0;
}

static int read_property(const struct reader *r, const struct property *p, const struct value *v,
                         struct fluentbit_plugin *out, struct err *e)
{
    const char *text = "";
    char *to = (char *)out + p->at;
    int64_t port;
    int rc = read_text(r, v, &text, e);
    if (rc < 0)
        return rc;
    if (p->only && !strstr(p->only, arena_join(r->arena, " ", text, " ", NULL)))
        return err_set(e, ERR_UNSUPPORTED, "%.100s is not offered; there is%s", text, p->only);
    switch (p->type) {
    case TEXT:
        memcpy(to, &text, sizeof text);
        return 0;
    case BOOL:
        return read_bool(text, (bool *)to, e);
    case RETRIES:
        return read_retries(text, (int64_t *)(void *)to, e);
    case PORT:
        break;
    }
    if (!value_int_from_text(text, &port) || port < 0 || port > 65535)
        return err_set(e, ERR_INVALID, "%.100s is no port", text);
    memcpy(to, &port, sizeof port);
    return 0;
}

static const struct property *find_property(const char *name, enum fluentbit_kind kind)
{
    for (size_t i = 0; i < ARRAY_LEN(properties); i++)
        if (strcasecmp(properties[i].name, name) == 0 && (properties[i].of & 1u << kind))
            return &properties[i];
    return NULL;
}

static int check_plugin(const struct fluentbit_plugin *p, struct err *e)
{
    bool input = INPUTS & 1u << p->kind;
    if (p->kind == FLUENTBIT_SYSLOG_IN && !p->mode)
        return err_set(e, ERR_INVALID, "%s: mode is missing: tcp or udp", p->name);
    if (p->tls && p->mode && strcmp(p->mode, "udp") == 0)
        return err_set(e, ERR_INVALID, "%s: tls and mode udp do not go together", p->name);
    if (input && p->tls && (!p->cert_file || !p->key_file))
        return err_set(e, ERR_INVALID, "%s: tls needs tls.crt_file and tls.key_file", p->name);
    if (!p->cert_file != !p->key_file)
        return err_set(e, ERR_INVALID, "%s: tls.crt_file and tls.key_file go together", p->name);
    if (!p->tls && (p->ca_file || p->cert_file || p->vhost))
        return err_set(e, ERR_INVALID, "%s: tls.… without tls: on", p->name);
    if (p->shared_key && !*p->shared_key)
        return err_set(e, ERR_INVALID, "%s: shared_key is empty", p->name);
    return 0;
}

static int read_plugin(const struct reader *r, const char *section, size_t nth,
                       const struct value *v, struct fluentbit_plugin *out, struct err *e)
{
    const char *name = NULL;
    size_t kind = 0;
    VALUE_EACH_MEMBER (m, v)
        if (strcasecmp(m->key, "name") == 0)
            name = value_str(&m->value, NULL);
    const char *where = arena_printf(r->arena, "pipeline.%s[%zu]", section, nth);
    if (!name)
        return err_set(e, ERR_INVALID, "%s: name is missing", where);
    while (kind < ARRAY_LEN(plugins) && (strcmp(plugins[kind].section, section) != 0 ||
                                         strcasecmp(plugins[kind].name, name) != 0))
        kind++;
    if (kind == ARRAY_LEN(plugins))
        return err_set(e, ERR_UNSUPPORTED, "%s: %.100s is not offered", where, name);
    *out = (struct fluentbit_plugin){.kind = (enum fluentbit_kind)kind,
                                     .name = arena_printf(r->arena, "%s (%s)", where, name),
                                     .port = plugins[kind].port,
                                     .verify = !strcmp(section, "outputs"),
                                     .ack = true,
                                     .suppress_type_name = true,
                                     .retry_limit = -1,
                                     .listen = "127.0.0.1",
                                     .host = "127.0.0.1",
                                     .match = "*",
                                     .index = "fluent-bit",
                                     .path = "",
                                     .logstash_prefix = "logstash",
                                     .self_hostname = "slipway"};
    VALUE_EACH_MEMBER (m, v) {
        const struct property *p = find_property(m->key, out->kind);
        if (strcasecmp(m->key, "name") == 0)
            continue;
        if (!p)
            return err_set(e, ERR_UNSUPPORTED, "%s: %.100s is not offered", out->name, m->key);
        int rc = read_property(r, p, &m->value, out, e);
        if (rc < 0)
            return err_wrap(e, rc, "%s: %s", out->name, p->name);
    }
    return check_plugin(out, e);
}

static int read_section(const struct reader *r, const struct member *m, struct fluentbit *out,
                        struct err *e)
{
    size_t nth = 0;
    if (strcmp(m->key, "inputs") != 0 && strcmp(m->key, "outputs") != 0)
        return err_set(e, ERR_UNSUPPORTED, "pipeline.%.100s is not offered", m->key);
    if (!value_is(&m->value, VALUE_ARRAY))
        return err_set(e, ERR_INVALID, "pipeline.%s is no list", m->key);
    VALUE_EACH_ITEM (v, &m->value) {
        if (out->n == PLUGINS_MAX)
            return err_set(e, ERR_TOO_LARGE, "more than %d inputs and outputs", PLUGINS_MAX);
        int rc = read_plugin(r, m->key, nth++, v, &out->items[out->n], e);
        if (rc < 0)
            return rc;
        out->n++;
    }
    return 0;
}

int fluentbit_parse(const char *text, size_t n, const char *(*variable)(const char *name),
                    struct arena *a, struct fluentbit *out, struct err *e)
{
    const struct reader r = {a, variable};
    struct fluentbit f = {.items = ARENA_ARRAY(a, struct fluentbit_plugin, PLUGINS_MAX)};
    struct value *root;
    int rc = yaml_parse(a, text, n, YAML_STRICT_KEYS, &root, e);
    if (rc == 0 && !value_is(root, VALUE_OBJECT))
        return err_set(e, ERR_INVALID, "the file is no map with a pipeline");
    VALUE_EACH_MEMBER (m, rc == 0 ? root : NULL)
        if (rc == 0 && strcmp(m->key, "pipeline") != 0)
            rc = err_set(e, ERR_UNSUPPORTED, "%.100s is not offered", m->key);
    VALUE_EACH_MEMBER (m, rc == 0 ? value_get(root, "pipeline") : NULL)
        if (rc == 0)
            rc = read_section(&r, m, &f, e);
    if (rc == 0)
        *out = f;
    return rc;
}

bool fluentbit_match(const char *pattern, const char *tag)
{
    return fnmatch(pattern, tag, FNM_NOESCAPE) == 0;
}
