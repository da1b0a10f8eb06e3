#include "gate/gate.h"

#include "base/clock.h"
#include "codec/json.h"
#include "t.h"

#define DIGEST "sha256:0123456789012345678901234567890123456789012345678901234567890123"

enum { NOW_S = 1700000000 }; /* 2023-11-14T22:13:20Z */
static const int64_t now_ms = NOW_S * 1000LL;

static struct err e;

static struct value *parsed(struct arena *a, const char *json)
{
    struct value *v = NULL;
    T_RC(json_parse(a, json, strlen(json), 0, &v, &e), &e, json);
    return v;
}

static const char statement[] =
    "[{\"predicate\":{\"runDetails\":{\"builder\":{\"id\":\"https://slipway.dev/builders/local/"
    "v1\"}},\"buildDefinition\":{\"resolvedDependencies\":[{\"uri\":\"git+http://h/git/"
    "shop@refs/heads/main\"}]}}}]";

static void decides(void)
{
    static const struct {
        const char *spec, *says; /* NULL: allowed */
        bool is_signed;
        int64_t scanned_days_ago; /* < 0: never */
        const char *provenance;
        const char *name;
    } cases[] = {
        {"{}",                                                          NULL,                                  true,  1,  statement, "all that is asked for"},
        {"{}",                                                          "by nobody",                           false, 1,  statement, "not signed"           },
        {"{}",                                                          "no scan",                             true,  -1, statement, "never scanned"        },
        {"{}",                                                          "is 192h0m0s old, more than 168h0m0s", true,  8,  statement, "scanned long ago"     },
        {"{\"scan\":{\"maxAge\":\"240h\"}}",                            NULL,                                  true,  8,  statement, "not too long for this"},
        {"{\"scan\":{\"required\":false}}",                             NULL,                                  true,  -1, statement, "no scan is asked for" },
        {"{}",                                                          "no provenance",                       true,  1,  "[]",      "of unknown origin"    },
        {"{\"provenance\":{\"required\":false}}",                       NULL,                                  true,  1,  "[]",      "of whatever origin"   },
        {"{\"provenance\":{\"builders\":[\"https://other/*\"]}}",       "no allowed builder",                  true,  1,
         statement,                                                                                                                  "another builder"      },
        {"{\"provenance\":{\"builders\":[\"https://slipway.dev/*\"]}}", NULL,                                  true,  1,  statement,
         "a builder by pattern"                                                                                                                             },
        {"{\"provenance\":{\"sources\":[\"http://h/git/shop\"]}}",      NULL,                                  true,  1,  statement,
         "an allowed source"                                                                                                                                },
        {"{\"provenance\":{\"sources\":[\"http://h/git/sh\"]}}",        "no allowed source",                   true,  1,
         statement,                                                                                                                  "another source"       },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        AUTO(arena) struct arena *a = arena_new(0);
        struct gate_policy p;
        struct value *object = value_new_object(a);
        (void)value_set_str(a, value_make_object(a, object, "metadata"), "name", "p");
        (void)value_set(a, object, "spec", parsed(a, cases[i].spec));
        T_RC(gate_policy_read(object, a, &p, &e), &e, cases[i].name);
        const struct gate_facts f = {
            .image = "r/shop/app:1",
            .digest = DIGEST,
            .is_signed = cases[i].is_signed,
            .unsigned_why = "it is signed by nobody",
            .scanned_ms = cases[i].scanned_days_ago < 0
                              ? INT64_MIN
                              : now_ms - cases[i].scanned_days_ago * 86400000,
            .provenance = parsed(a, cases[i].provenance),
        };
        const char *why = gate_refusal(&p, &f, now_ms, a);
        T_OK(!why == !cases[i].says, why ? why : cases[i].name);
        T_OK(!why || strstr(why, cases[i].says), why);
    }
}

static void refuses_what_is_not_here(void)
{
    AUTO(arena) struct arena *a = arena_new(0);
    struct gate_policy p;
    gate_policy_default(&p);
    const struct gate_facts f = {.image = "nginx:latest", .is_signed = true};
    const char *why = gate_refusal(&p, &f, now_ms, a);
    T_OK(why && strstr(why, "not in this registry"), "elsewhere");
    T_EQ_STR(gate_remedy("prod", "nginx:latest", NULL, a),
             "slipway allow nginx:latest -n prod --for 24h --reason \"...\"", "the way out");
    T_EQ_STR(gate_remedy("prod", "h:5000/shop/app:1", DIGEST, a),
             "slipway allow h:5000/shop/app@" DIGEST " -n prod --for 24h --reason \"...\"",
             "of one content");
}

static void reads_policies(void)
{
    static const struct {
        const char *spec, *says; /* NULL: it is read */
    } cases[] = {
        {"{\"authorities\":[{\"name\":\"a\",\"key\":{\"data\":\"x\"}}]}",           NULL                    },
        {"{\"authorities\":[{\"key\":{\"server\":true}}],\"mode\":\"warn\"}",       NULL                    },
        {"{\"authorities\":[{\"keyless\":{\"identities\":[{\"issuer\":\"i\",\"subjectRegExp\":"
         "\"s.*\"}]}}]}",                                                  NULL                    },
        {"{\"authorities\":[{\"keyless\":{\"identities\":[{\"issuer\":\"i\"}]}}]}", "subject"               },
        {"{\"authorities\":[{\"keyless\":{\"identities\":[]}}]}",                   "0 entries"             },
        {"{\"authorities\":[{\"keyless\":{\"url\":\"x\"}}]}",                       "keyless.url"           },
        {"{\"authorities\":[{\"static\":{\"action\":\"pass\"}}]}",                  "authorities.static"    },
        {"{\"authorities\":[{\"name\":\"a\"}]}",                                    "one of key and keyless"},
        {"{\"authorities\":[{\"key\":{\"kms\":\"x\"}}]}",                           "key.kms"               },
        {"{\"authorities\":[{\"key\":{}}]}",                                        "one of data"           },
        {"{\"mode\":\"maybe\"}",                                                    "enforce or warn"       },
        {"{\"match\":[]}",                                                          "spec.match"            },
        {"{\"scan\":{\"maxAge\":\"a week\"}}",                                      "a week"                },
        {"{\"provenance\":{\"builder\":[]}}",                                       "provenance.builder"    },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        AUTO(arena) struct arena *a = arena_new(0);
        struct gate_policy p;
        struct value *object = value_new_object(a);
        (void)value_set(a, object, "spec", parsed(a, cases[i].spec));
        int r = gate_policy_read(object, a, &p, &e);
        T_OK((r == 0) == !cases[i].says, cases[i].spec);
        T_OK(r == 0 || (cases[i].says && strstr(e.msg, cases[i].says)), e.msg);
    }
}

static void allows_for_a_time(void)
{
    static const struct {
        const char *image, *owner, *reason, *expires;
        bool ok;
        const char *name;
    } cases[] = {
        {"h:5000/a:1",       "me", "why", "2023-11-15T00:00:00Z", true,  "as the pod says it"   },
        {"h:5000/a@" DIGEST, "me", "why", "2023-11-15T00:00:00Z", true,  "by its content"       },
        {"h:5000/b@" DIGEST, "me", "why", "2023-11-15T00:00:00Z", false, "of another name"      },
        {"h:5000/a:2",       "me", "why", "2023-11-15T00:00:00Z", false, "of another tag"       },
        {"h:5000/a:1",       "me", "why", "2023-11-14T22:13:20Z", false, "its time is up"       },
        {"h:5000/a:1",       "",   "why", "2023-11-15T00:00:00Z", false, "nobody answers for it"},
        {"h:5000/a:1",       "me", "",    "2023-11-15T00:00:00Z", false, "without a reason"     },
        {"h:5000/a:1",       "me", "why", "",                     false, "for ever"             },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        AUTO(arena) struct arena *a = arena_new(0);
        struct value *o = value_new_object(a), *spec = value_make_object(a, o, "spec");
        (void)value_set_str(a, spec, "image", cases[i].image);
        (void)value_set_str(a, spec, "owner", cases[i].owner);
        (void)value_set_str(a, spec, "reason", cases[i].reason);
        (void)value_set_str(a, spec, "expires", cases[i].expires);
        const struct value *all[] = {o};
        T_OK((gate_allowance(all, 1, "h:5000/a:1", DIGEST, now_ms) != NULL) == cases[i].ok,
             cases[i].name);
    }
}

static void covers_images_and_namespaces(void)
{
    AUTO(arena) struct arena *a = arena_new(0);
    const struct value *some = parsed(a, "{\"spec\":{\"images\":[{\"glob\":\"h:5000/shop/*\"}]}}");
    T_OK(gate_policy_covers(some, "h:5000/shop/app"), "in the folder");
    T_OK(!gate_policy_covers(some, "h:5000/shop/deep/app"), "deeper");
    T_OK(!gate_policy_covers(some, "docker.io/library/nginx"), "elsewhere");
    T_OK(gate_policy_covers(parsed(a, "{\"spec\":{}}"), "docker.io/library/nginx"), "all");
    T_OK(gate_protects(
             parsed(a, "{\"metadata\":{\"labels\":{\"slipway.dev/protected\":\"true\"}}}")),
         "our label");
    T_OK(gate_protects(
             parsed(a, "{\"metadata\":{\"labels\":{\"policy.sigstore.dev/include\":\"true\"}}}")),
         "Sigstore's");
    T_OK(
        !gate_protects(parsed(a, "{\"metadata\":{\"labels\":{\"slipway.dev/protected\":\"no\"}}}")),
        "neither");
}

T_MAIN(decides, refuses_what_is_not_here, reads_policies, allows_for_a_time,
       covers_images_and_namespaces)
