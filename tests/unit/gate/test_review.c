#include "gate/review.h"

#include "codec/json.h"
#include "t.h"

#define POD(images)                                                                                \
    "{\"apiVersion\":\"admission.k8s.io/v1\",\"kind\":\"AdmissionReview\",\"request\":{\"uid\":"   \
    "\"u1\",\"namespace\":\"prod\",\"resource\":{\"group\":\"\",\"version\":\"v1\",\"resource\":"  \
    "\"pods\"},\"userInfo\":{\"username\":\"ann\"}," images "}}"
#define ALLOWANCE(members)                                                                         \
    "{\"apiVersion\":\"admission.k8s.io/v1\",\"kind\":\"AdmissionReview\",\"request\":{\"uid\":"   \
    "\"u1\",\"namespace\":\"prod\",\"resource\":{\"group\":\"slipway.dev\",\"version\":\"v1\","    \
    "\"resource\":\"imageallowances\"},\"userInfo\":{\"username\":\"ann\"}," members "}}"

static struct err e;

/* Knows "good" and "good@d"; lets "allowed" in, and says so. */
static int admit(struct image_gate *g, const char *ns, const char *image, struct arena *a,
                 struct image_answer *out, struct err *err)
{
    (void)g;
    (void)a;
    T_EQ_STR(ns, "prod", "namespace");
    if (strcmp(image, "good") == 0)
        out->pinned = "good@d";
    if (strcmp(image, "allowed") == 0)
        out->warning = "allowed for a while";
    if (strncmp(image, "good", 4) == 0 || out->warning)
        return 0;
    (void)err_set(err, ERR_DENIED, "unknown");
    return err_hint(err, "slipway allow %s", image);
}

static bool protects(struct image_gate *g, const struct value *ns)
{
    (void)g;
    (void)ns;
    return true;
}

/* Ann may act as Bob. */
static int may_act_as(void *arg, const struct value *user, const char *owner, struct err *err)
{
    (void)arg;
    if (strcmp(value_at_str(user, "username", ""), "ann") == 0 && strcmp(owner, "bob") == 0)
        return 0;
    return err_set(err, ERR_DENIED, "forbidden");
}

static const struct image_gate_ops ops = {protects, admit};
static struct image_gate gate = {&ops};
static const struct gate_reviewer reviewer = {&gate, may_act_as, NULL};

static const char *asked(struct arena *a, bool mutating, const char *review)
{
    struct value *v = NULL, *out = NULL;
    T_RC(json_parse(a, review, strlen(review), 0, &v, &e), &e, review);
    T_RC(gate_review(&reviewer, mutating, v, a, &out, &e), &e, review);
    T_EQ_STR(value_at_str(out, "response.uid", ""), "u1", "the same request");
    return json_text(a, value_get(out, "response"), 0);
}

static void answers(void)
{
    static const struct {
        const char *name, *review;
        bool mutating;
        const char *says, *not ;
    } cases[] = {
        {"proven",                          POD("\"object\":{\"spec\":{\"containers\":[{\"image\":\"good@d\"}]}}"),     false,
         "\"allowed\":true",                                                                                                                                  "warnings"        },
        {"by tag",                          POD("\"object\":{\"spec\":{\"containers\":[{\"image\":\"good\"}]}}"),       false,
         "write good@d",                                                                                                                                      "\"allowed\":true"},
        {"a tag is pinned",                 POD("\"object\":{\"spec\":{\"containers\":[{\"image\":\"good\"}]}}"),
         true,                                                                                                                 "\"patchType\":\"JSONPatch\"", "false"           },
        {"unknown",                         POD("\"object\":{\"spec\":{\"initContainers\":[{\"image\":\"x\"}]}}"),      false,
         "what would allow it: slipway allow x",                                                                                                              "\"allowed\":true"},
        {"ephemeral",                       POD("\"object\":{\"spec\":{\"ephemeralContainers\":[{\"image\":\"x\"}]}}"),
         false,                                                                                                                "\"code\":403",                "\"allowed\":true"},
        {"unknown is refused by the other",
         POD("\"object\":{\"spec\":{\"containers\":[{\"image\":\"x\"}]}}"),                                             true,
         "\"allowed\":true",                                                                                                                                  "patch"           },
        {"with a warning",                  POD("\"object\":{\"spec\":{\"containers\":[{\"image\":\"allowed\"}]}}"),
         false,                                                                                                                "[\"allowed for a while\"]",   "false"           },
        {"as it was",
         POD("\"object\":{\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"x\"}]}},"
             "\"oldObject\":{\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"x\"}]}}"),
         false,                                                                                                                "\"allowed\":true",            "status"          },
        {"another than it was",
         POD("\"object\":{\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"x\"}]}},"
             "\"oldObject\":{\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"y\"}]}}"),
         false,                                                                                                                "\"allowed\":false",           "\"allowed\":true"},
        {"without an object",               POD("\"object\":null"),                                                     false, "\"allowed\":false",           "true"            },
        {"an owner is set",                 ALLOWANCE("\"object\":{\"spec\":{\"image\":\"i\"}}"),                       true,
         "\"patch\":",                                                                                                                                        "false"           },
        {"no owner",                        ALLOWANCE("\"object\":{\"spec\":{\"image\":\"i\"}}"),                       false,
         "spec.owner is empty",                                                                                                                               "true"            },
        {"oneself",                         ALLOWANCE("\"object\":{\"spec\":{\"owner\":\"ann\"}}"),                     false,
         "\"allowed\":true",                                                                                                                                  "false"           },
        {"one that she may be",             ALLOWANCE("\"object\":{\"spec\":{\"owner\":\"bob\"}}"),                     false,
         "\"allowed\":true",                                                                                                                                  "false"           },
        {"one that she may not be",         ALLOWANCE("\"object\":{\"spec\":{\"owner\":\"eve\"}}"),                     false,
         "spec.owner is eve, but ann writes it",                                                                                                              "true"            },
        {"another's, unchanged",
         ALLOWANCE("\"object\":{\"spec\":{\"owner\":\"eve\"}},"
                   "\"oldObject\":{\"spec\":{\"owner\":\"eve\"}}"),
         false,                                                                                                                "\"allowed\":true",            "false"           },
        {"another's, longer",
         ALLOWANCE("\"object\":{\"spec\":{\"owner\":\"eve\",\"expires\":\"2\"}},"
                   "\"oldObject\":{\"spec\":{\"owner\":\"eve\",\"expires\":\"1\"}}"),
         false,                                                                                                                "\"allowed\":false",           "true"            },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(arena) struct arena *a = arena_new(0);
        const char *text = asked(a, cases[i].mutating, cases[i].review);
        T_OK(strstr(text, cases[i].says) && !strstr(text, cases[i].not ),
             arena_printf(a, "%s: %s", cases[i].name, text));
    }
}

static void refuses_what_is_no_review(void)
{
    static const char *const texts[] = {
        "{}",
        "[]",
        "{\"apiVersion\":\"admission.k8s.io/v1\",\"kind\":\"AdmissionReview\"}",
        "{\"apiVersion\":\"admission.k8s.io/v1beta1\",\"kind\":\"AdmissionReview\",\"request\":{"
        "\"uid\":\"u\"}}",
    };
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        AUTO(arena) struct arena *a = arena_new(0);
        struct value *v = NULL, *out;
        T_RC(json_parse(a, texts[i], strlen(texts[i]), 0, &v, &e), &e, texts[i]);
        T_EQ_INT(gate_review(&reviewer, false, v, a, &out, &e), ERR_INVALID, texts[i]);
    }
}

static void asks_for_protected_namespaces_alone(void)
{
    AUTO(arena) struct arena *a = arena_new(0);
    for (int mutating = 0; mutating < 2; mutating++) {
        const struct value *v = gate_webhooks(mutating, "https://h:1", "PEM", a);
        VALUE_EACH_ITEM (h, value_get(v, "webhooks")) {
            bool pods = !*value_at_str(value_item(value_get(h, "rules"), 0), "apiGroups.0", "");
            T_EQ_STR(value_at_str(h, "failurePolicy", ""), "Fail", "it fails closed");
            T_EQ_STR(value_at_str(h, "clientConfig.url", ""),
                     mutating ? "https://h:1/pin" : "https://h:1/admit", "where");
            T_OK(!pods || value_get(h, "namespaceSelector") ||
                     strstr(value_at_str(h, "name", ""), "allowances"),
                 "pods of protected namespaces only");
        }
    }
}

T_MAIN(answers, refuses_what_is_no_review, asks_for_protected_namespaces_alone)
