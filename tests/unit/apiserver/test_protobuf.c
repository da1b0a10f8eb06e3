/* What typed Go clients send, against the JSON the same objects are. The bodies are written as
 * protobuf's text in short: (N …) a message in field N, N"…" text, N:… a number. */
#include <stdlib.h>
#include <string.h>

#include "apiserver/protobuf.h"
#include "base/buf.h"
#include "codec/json.h"
#include "t.h"

static void put_varint(struct buf *b, uint64_t v)
{
    for (; v >= 0x80; v >>= 7)
        buf_putc(b, (char)(v | 0x80));
    buf_putc(b, (char)v);
}

static void put_bytes(struct buf *b, unsigned number, const char *bytes, size_t n)
{
    put_varint(b, number << 3 | 2);
    put_varint(b, n);
    buf_add(b, bytes, n);
}

static long long number_at(const char *p, const char **after)
{
    *after = p + strspn(p, "-0123456789");
    return strtoll(p, NULL, 10);
}

/* Writes pieces up to the end or a ')'. */
static const char *put_pieces(struct buf *b, const char *p)
{
    while (*(p += strspn(p, " ")) && *p != ')') {
        bool inner = *p == '(';
        unsigned number = (unsigned)number_at(p + inner, &p);
        if (inner) {
            AUTO_BUF struct buf m;
            buf_init(&m, 1 << 16);
            p = put_pieces(&m, p) + 1;
            put_bytes(b, number, buf_text(&m), m.len);
        } else if (*p == '"') {
            const char *end = strchr(p + 1, '"');
            put_bytes(b, number, p + 1, (size_t)(end - p - 1));
            p = end + 1;
        } else {
            put_varint(b, number << 3);
            put_varint(b, (uint64_t)number_at(p + 1, &p));
        }
    }
    return p;
}

static void decode(void)
{
    static const struct {
        const char *name, *version, *kind, *body, *want; /* want NULL: refused */
    } cases[] = {
        {"config map",                "v1",                      "ConfigMap",
         "(1 1\"a\" 3\"ns\") (2 1\"k\" 2\"v\") (3 1\"b\" 2\"abc\")",                                                                 "'metadata':{'name':'a','namespace':'ns'},'data':{'k':'v'},'binaryData':{'b':'YWJj'}"},
        {"pointers keep zeros",       "apps/v1",                 "Deployment",          "(1) (2 1:0 (4 1\"\") 5:0)",
         "'metadata':{},'spec':{'replicas':0,'strategy':{}}"                                                                                                                                                              },
        {"negative numbers",          "scheduling.k8s.io/v1",    "PriorityClass",       "2:-5",                                      "'value':-5"                                                                         },
        {"quantities",                "v1",                      "ResourceQuota",       "(2 (1 1\"cpu\" (2 1\"500m\")))",
         "'spec':{'hard':{'cpu':'500m'}}"                                                                                                                                                                                 },
        {"number or text",            "policy/v1",               "PodDisruptionBudget", "(2 (1 1:0 2:3) (3 1:1 3\"25%\"))",
         "'spec':{'minAvailable':3,'maxUnavailable':'25%'}"                                                                                                                                                               },
        {"times",                     "v1",                      "Pod",                 "(1 (8 1:1700000000 2:5) (9 1:1700000001))",
         "'metadata':{'creationTimestamp':'2023-11-14T22:13:20Z','deletionTimestamp':"
         "'2023-11-14T22:13:21Z'}"                                                                                                                                                                                        },
        {"a zero time",               "v1",                      "Pod",                 "(1 1\"a\" (8))",                            "'metadata':{'name':'a'}"                                                            },
        {"microseconds",              "coordination.k8s.io/v1",  "Lease",               "(2 (3 1:1700000000 2:1000))",
         "'spec':{'acquireTime':'2023-11-14T22:13:20.000001Z'}"                                                                                                                                                           },
        {"fields of another message", "v1",                      "Pod",                 "(2 (1 1\"v\" (2 (6 1\"s\"))))",
         "'spec':{'volumes':[{'name':'v','secret':{'secretName':'s'}}]}"                                                                                                                                                  },
        {"any JSON",                  "apps/v1",                 "ControllerRevision",  "(2 1\"{}\") 3:2",                           "'data':{},'revision':2"                                                             },
        {"lists in a map",            "authorization.k8s.io/v1", "SubjectAccessReview",
         "(2 (5 1\"k\" (2 1\"x\" 1\"y\")))",                                                                                         "'spec':{'extra':{'k':['x','y']}}"                                                   },
        {"options",                   "v1",                      "DeleteOptions",       "1:0 4\"Foreground\" 5\"All\"",
         "'gracePeriodSeconds':0,'propagationPolicy':'Foreground','dryRun':['All']"                                                                                                                                       },
        {"options of a group",        "policy/v1",               "DeleteOptions",       "1:7",                                       "'gracePeriodSeconds':7"                                                             },
        {"unknown fields",            "v1",                      "Secret",              "99\"x\" 98:5 3\"Opaque\"",                  "'type':'Opaque'"                                                                    },
        {"unknown kind",              "v1",                      "Nonsense",            "",                                          NULL                                                                                 },
        {"a number for a text",       "v1",                      "Secret",              "3:1",                                       NULL                                                                                 },
        {"a text for a number",       "apps/v1",                 "Deployment",          "(2 1\"x\")",                                NULL                                                                                 },
        {"a time beyond years",       "v1",                      "Pod",                 "(1 (8 1:999999999999))",                    NULL                                                                                 },
        {"no JSON",                   "apps/v1",                 "ControllerRevision",  "(2 1\"{\")",                                NULL                                                                                 },
        {"no UTF-8",                  "v1",                      "Secret",              "3\"\xff\"",                                 "'type':'\xef\xbf\xbd'"                                                              },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        AUTO(arena) struct arena *a = arena_new(0);
        AUTO_BUF struct buf b, raw;
        buf_init(&b, 1 << 16);
        buf_init(&raw, 1 << 16);
        (void)put_pieces(&raw, cases[i].body);
        buf_add(&b, "k8s\0", 4);
        (void)put_pieces(&b,
                         arena_printf(a, "(1 1\"%s\" 2\"%s\")", cases[i].version, cases[i].kind));
        put_bytes(&b, 2, buf_text(&raw), raw.len);
        struct value *got = NULL;
        struct err e = {0};
        int rc = protobuf_parse(a, b.data, b.len, &got, &e);
        T_EQ_INT(rc, cases[i].want ? 0 : ERR_INVALID, cases[i].name);
        if (rc < 0 || !cases[i].want)
            continue;
        char *want = arena_printf(a, "{'apiVersion':'%s','kind':'%s',%s}", cases[i].version,
                                  cases[i].kind, cases[i].want);
        for (char *p = want; (p = strchr(p, '\''));)
            *p = '"';
        T_EQ_STR(json_text(a, got, 0), want, cases[i].name);
        /* cut anywhere, it is refused or a smaller object; never read past its end */
        for (size_t n = 0; n < b.len; n++) {
            char *part = malloc(n ? n : 1);
            memcpy(part, b.data, n);
            (void)!protobuf_parse(a, part, n, &got, &e);
            free(part);
        }
    }
}

T_MAIN(decode)
