#include "api/admit.h"

#include "api/conditions.h"
#include "codec/json.h"
#include "codec/yaml.h"
#include "t.h"

static struct value *parse(struct arena *a, const char *text)
{
    struct value *v = NULL;
    T_EQ_INT(json_parse(a, text, strlen(text), 0, &v, NULL), 0, text);
    return v;
}

static void refuses_wrong_types(void)
{
    static const struct {
        const struct resource *r;
        const char *text, *want;
    } cases[] = {
        {&RES_CONFIG_MAP, "{\"data\":{\"k\":1}}",
         "json: cannot unmarshal number into Go struct field ConfigMap.data of type string"},
        {&RES_CONFIG_MAP, "{\"metadata\":\"x\"}",
         "json: cannot unmarshal string into Go struct field ConfigMap.metadata of type "
         "v1.ObjectMeta"                                                                   },
        {&RES_DEPLOYMENT, "{\"spec\":{\"replicas\":\"many\"}}",
         "json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type "
         "int32"                                                                           },
        {&RES_POD,        "{\"spec\":{\"containers\":[{\"name\":5}]}}",
         "json: cannot unmarshal number into Go struct field Container.spec.containers.name of "
         "type string"                                                                     },
        {&RES_LEASE,      "{\"spec\":{\"renewTime\":\"2020-01-01\"}}",
         "parsing time \"2020-01-01\" as \"2006-01-02T15:04:05.000000Z07:00\": cannot parse \"\" "
         "as \"T\""                                                                        },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(arena) struct arena *a = arena_new(1 << 20);
        struct kind k = kind_builtin(cases[i].r);
        struct strict_errors strict = {0};
        struct err e = {.msg = ""};
        struct value *v = parse(a, cases[i].text);
        T_EQ_INT(admit_decode(&k, v, &strict, a, &e), ERR_INVALID, cases[i].text);
        T_EQ_STR(e.msg, cases[i].want, cases[i].text);
    }
}

static void reports_what_it_does_not_know(void)
{
    AUTO(arena) struct arena *a = arena_new(1 << 20);
    static const char text[] = "{\"metadata\":{\"lables\":{}},\"data\":{\"a\":\"1\",\"a\":\"2\"}}";
    struct kind k = kind_builtin(&RES_CONFIG_MAP);
    struct strict_errors strict = {0};
    struct value *v = parse(a, text);
    admit_json_duplicates(text, sizeof text - 1, &strict, a);
    T_EQ_INT(admit_decode(&k, v, &strict, a, NULL), 0, "decode");
    T_EQ_STR(strict_errors_text(&strict, a),
             "strict decoding error: duplicate field \"data.a\", unknown field \"metadata.lables\"",
             "both");
    T_OK(value_at(v, "metadata.lables") == NULL, "dropped");
    static const char yaml[] = "data:\n  a: 1\n  a: 2\n";
    struct strict_errors lines = {0};
    admit_yaml_duplicates(yaml, sizeof yaml - 1, &lines, a);
    T_EQ_STR(lines.n ? lines.items[0] : "", "line 3: key \"a\" already set in map", "yaml");
}

static void prints_as_go_would(void)
{
    AUTO(arena) struct arena *a = arena_new(1 << 20);
    struct kind k = kind_builtin(&RES_DEPLOYMENT);
    struct strict_errors strict = {0};
    struct value *v = parse(a, "{\"metadata\":{\"labels\":{}},\"spec\":{\"replicas\":0,"
                               "\"minReadySeconds\":0,\"template\":{\"spec\":{\"containers\":[{"
                               "\"name\":\"c\",\"resources\":{\"limits\":{\"cpu\":0.5}}}]}}}}");
    T_EQ_INT(admit_decode(&k, v, &strict, a, NULL), 0, "decode");
    T_EQ_INT(value_at_int(v, "spec.replicas", -1), 0, "a pointer's zero stays");
    T_OK(!value_at(v, "spec.minReadySeconds"), "another zero goes");
    T_OK(!value_at(v, "metadata.labels"), "an empty map goes");
    T_OK(value_at(v, "status") != NULL, "structs are always there");
    T_EQ_STR(value_at_str(v, "spec.template.spec.containers[0].resources.limits.cpu", ""), "500m",
             "quantities are canonical");
    T_OK(value_is(value_at(v, "spec.selector"), VALUE_NULL), "required pointers are null");
}

static void fills_defaults(void)
{
    AUTO(arena) struct arena *a = arena_new(1 << 20);
    static const struct {
        const char *path, *want;
    } cases[] = {
        {"spec.strategy.rollingUpdate.maxSurge",                        "25%"                 },
        {"spec.template.spec.dnsPolicy",                                "ClusterFirst"        },
        {"spec.template.spec.containers[0].imagePullPolicy",            "Always"              },
        {"spec.template.spec.containers[0].ports[0].protocol",          "TCP"                 },
        {"spec.template.spec.containers[0].livenessProbe.httpGet.path", "/"                   },
        {"spec.template.spec.serviceAccount",                           "sa"                  },
        {"spec.template.spec.containers[0].terminationMessagePath",     "/dev/termination-log"},
    };
    struct kind k = kind_builtin(&RES_DEPLOYMENT);
    struct value *v =
        parse(a, "{\"spec\":{\"template\":{\"spec\":{\"serviceAccountName\":\"sa\",\"volumes\":[{"
                 "\"name\":\"v\"}],\"containers\":[{\"name\":\"c\",\"image\":\"nginx\",\"ports\":[{"
                 "\"containerPort\":80}],\"livenessProbe\":{\"httpGet\":{\"port\":80}}}]}}}}");
    admit_default(&k, v, a);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        T_EQ_STR(value_at_str(v, cases[i].path, ""), cases[i].want, cases[i].path);
    T_EQ_INT(value_at_int(v, "spec.replicas", 0), 1, "replicas");
    T_EQ_INT(value_at_int(v, "spec.revisionHistoryLimit", 0), 10, "history");
    T_OK(value_at(v, "spec.template.spec.volumes[0].emptyDir") != NULL, "emptyDir");
}

static void judges(void)
{
    static const struct {
        const struct resource *r;
        const char *text, *want;
    } cases[] = {
        {&RES_POD,
         "{\"metadata\":{\"name\":\"p\",\"namespace\":\"x\"},\"spec\":{\"containers\":[]}}", "spec.containers: Required value"                                                       },
        {&RES_DEPLOYMENT,
         "{\"metadata\":{\"name\":\"d\",\"namespace\":\"x\"},\"spec\":{\"replicas\":-1,"
         "\"selector\":{"
         "\"matchLabels\":{\"a\":\"b\"}},\"template\":{\"metadata\":{\"labels\":{\"a\":\"c\"}},"
         "\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"i\"}]}}}}",                  "[spec.replicas: Invalid value: -1: must be greater than or equal to 0, "
         "spec.template.metadata.labels: Invalid value: map[string]string{\"a\":\"c\"}: `selector` "
         "does not match template `labels`]"                                                              },
        {&RES_CRON_JOB,
         "{\"metadata\":{\"name\":\"j\",\"namespace\":\"x\"},\"spec\":{\"schedule\":\"60 * * * *\","
         "\"jobTemplate\":{\"spec\":{\"template\":{\"spec\":{\"restartPolicy\":\"Never\","
         "\"containers\":[{\"name\":\"c\",\"image\":\"i\"}]}}}}}}",                          "spec.schedule: Invalid value: \"60 * * * *\": end of range (60) above maximum (59): 60"},
        {&RES_STATEFUL_SET,
         "{\"metadata\":{\"name\":\"s\",\"namespace\":\"x\"},\"spec\":{\"serviceName\":\"s\","
         "\"selector\":{\"matchLabels\":{\"a\":\"b\"}},\"volumeClaimTemplates\":[{\"metadata\":{"
         "\"name\":\"data\"}}],\"template\":{\"metadata\":{\"labels\":{\"a\":\"b\"}},\"spec\":{"
         "\"containers\":[{\"name\":\"c\",\"image\":\"i\",\"volumeMounts\":[{\"name\":\"data\","
         "\"mountPath\":\"/d\"}]}]}}}}",                                                     ""                                                                                      },
        {&RES_STATEFUL_SET,
         "{\"metadata\":{\"name\":\"s\",\"namespace\":\"x\"},\"spec\":{\"serviceName\":\"s\","
         "\"selector\":{\"matchLabels\":{\"a\":\"b\"}},\"volumeClaimTemplates\":[{\"metadata\":{"
         "\"name\":\"data\"}}],\"template\":{\"metadata\":{\"labels\":{\"a\":\"b\"}},\"spec\":{"
         "\"containers\":[{\"name\":\"c\",\"image\":\"i\",\"volumeMounts\":[{\"name\":\"other\","
         "\"mountPath\":\"/d\"}]}]}}}}",                                                     "spec.template.spec.containers[0].volumeMounts[0].name: Not found: \"other\""           },
        {&RES_ROLE,
         "{\"metadata\":{\"name\":\"r\",\"namespace\":\"x\"},\"rules\":[{\"apiGroups\":[\"\"],"
         "\"resources\":[\"pods\"]}]}",                                                      "rules[0].verbs: Required value: verbs must contain at least one value"                 },
        {&RES_SERVICE,
         "{\"metadata\":{\"name\":\"1a\",\"namespace\":\"x\"},\"spec\":{\"ports\":[{\"port\":80}]}"
         "}",                                                                                "metadata.name: Invalid value: \"1a\": a DNS-1035 label must consist of lower case "
         "alphanumeric characters or '-', start with an alphabetic character, and end with an "
         "alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is "
         "'[a-z]([-a-z0-9]*[a-z0-9])?')"                                                                                                                                },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(arena) struct arena *a = arena_new(1 << 20);
        struct kind k = kind_builtin(cases[i].r);
        struct field_errors l;
        struct value *v = parse(a, cases[i].text);
        field_errors_init(&l, a);
        admit_default(&k, v, a);
        admit_validate_create(&k, v, &l);
        T_EQ_STR(field_errors_text(&l, a), cases[i].want, cases[i].r->kind);
    }
}

/* What is wrong with one admission webhook. */
static const char *said_of_webhook(struct arena *a, const char *more)
{
    struct kind k = kind_builtin(&RES_MUTATING_WEBHOOKS);
    struct field_errors l;
    struct value *v = parse(a, arena_printf(a,
                                            "{\"metadata\":{\"name\":\"w\"},\"webhooks\":[{"
                                            "\"admissionReviewVersions\":[\"v1\"],%s}]}",
                                            more));
    field_errors_init(&l, a);
    admit_default(&k, v, a);
    admit_validate_create(&k, v, &l);
    T_EQ_STR(value_at_str(v, "webhooks[0].reinvocationPolicy", ""), "Never", "a default");
    return field_errors_text(&l, a);
}

static void judges_webhooks(void)
{
    static const char *const cases[][2] = {
        {"\"name\":\"a.b.c\",\"sideEffects\":\"None\",\"clientConfig\":{\"url\":\"https://h/x\"}",
         ""                                                                                   },
        {"\"name\":\"a.b\",\"sideEffects\":\"None\",\"clientConfig\":{\"url\":\"https://h/x\"}",
         "should be a domain with at least three segments separated by dots"                  },
        {"\"name\":\"a.b.c\",\"sideEffects\":\"Some\",\"clientConfig\":{\"url\":\"https://h/x\"}",
         "webhooks[0].sideEffects: Unsupported value: \"Some\""                               },
        {"\"name\":\"a.b.c\",\"sideEffects\":\"None\",\"clientConfig\":{\"url\":\"http://h/x\"}",
         "'https' is the only allowed URL scheme"                                             },
        {"\"name\":\"a.b.c\",\"sideEffects\":\"None\",\"clientConfig\":{}",
         "webhooks[0].clientConfig: Required value: exactly one of url or service is required"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(arena) struct arena *a = arena_new(1 << 20);
        const char *said = said_of_webhook(a, cases[i][0]);
        T_OK(*cases[i][1] ? strstr(said, cases[i][1]) != NULL : !*said, said);
    }
}

static void keeps_what_an_update_may_not_change(void)
{
    AUTO(arena) struct arena *a = arena_new(1 << 20);
    struct kind k = kind_builtin(&RES_REPLICA_SET);
    const struct value *old = parse(a, "{\"metadata\":{\"name\":\"r\",\"generation\":3},\"spec\":{"
                                       "\"replicas\":1},\"status\":{\"replicas\":1}}");
    struct value *v =
        parse(a, "{\"metadata\":{\"name\":\"r\"},\"spec\":{\"replicas\":2},\"status\":{"
                 "\"replicas\":9}}");
    admit_prepare_update(&k, NULL, v, old, a);
    T_EQ_INT(value_at_int(v, "metadata.generation", 0), 4, "generation");
    T_EQ_INT(value_at_int(v, "status.replicas", 0), 1, "status");
    v = parse(
        a, "{\"metadata\":{\"name\":\"r\"},\"spec\":{\"replicas\":2},\"status\":{\"replicas\":9}}");
    admit_prepare_update(&k, "status", v, old, a);
    T_EQ_INT(value_at_int(v, "metadata.generation", 0), 3, "generation");
    T_EQ_INT(value_at_int(v, "spec.replicas", 0), 1, "spec");
    T_EQ_INT(value_at_int(v, "status.replicas", 0), 9, "status");
}

/* The members besides metadata before and after, and what is said of it. */
static void refuses_changes(void)
{
    static const char node_why[] =
        "[spec.podCIDRs: Forbidden: node updates may not change podCIDR except from \"\" to valid, "
        "spec.providerID: Forbidden: node updates may not change providerID except from \"\" to "
        "valid]";
    static const char type_why[] = "type: Invalid value: \"b\": field is immutable";
    static const char controller_why[] = "spec.controller: Invalid value: \"a.b/d\": field is "
                                         "immutable";
    static const struct resource *const kinds[] = {&RES_NODE, &RES_NODE, &RES_SECRET,
                                                   &RES_INGRESS_CLASS};
    static const char *const cases[][3] = {
        {"spec: {podCIDRs: [10.1.0.0/24], providerID: a}", "spec: {providerID: b}",                          node_why      },
        {"spec: {}",                                       "spec: {podCIDRs: [10.2.0.0/24], providerID: b}", ""            },
        {"{type: a}",                                      "{type: b}",                                      type_why      },
        {"spec: {controller: a.b/c}",                      "spec: {controller: a.b/d}",                      controller_why},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(arena) struct arena *a = arena_new(1 << 20);
        struct kind k = kind_builtin(kinds[i]);
        struct field_errors l;
        struct value *sides[2] = {NULL, NULL};
        for (size_t s = 0; s < 2; s++) {
            const char *text = cases[i][s];
            T_OK(yaml_parse(a, text, strlen(text), 0, &sides[s], NULL) == 0, text);
            struct value *meta = value_make_object(a, sides[s], "metadata");
            value_set_str(a, meta, "name", "one");
            value_set_str(a, meta, "resourceVersion", "1");
            if (kinds[i]->namespaced)
                value_set_str(a, meta, "namespace", "x");
        }
        field_errors_init(&l, a);
        admit_validate_update(&k, NULL, sides[1], sides[0], &l);
        T_EQ_STR(field_errors_text(&l, a), cases[i][2], cases[i][0]);
    }
}

static void moves_conditions_once(void)
{
    AUTO(arena) struct arena *a = arena_new(1 << 20);
    struct value *v = value_new_object(a);
    struct condition c = {.type = "Ready", .status = "True", .reason = "Up", .message = "m"};
    T_OK(condition_set(a, v, &c, 1000), "new");
    T_OK(!condition_set(a, v, &c, 9000), "the same");
    T_EQ_STR(value_at_str(v, "status.conditions[0].lastTransitionTime", ""), "1970-01-01T00:00:01Z",
             "time");
    c.reason = "Still";
    T_OK(condition_set(a, v, &c, 9000), "reason");
    T_EQ_STR(value_at_str(v, "status.conditions[0].lastTransitionTime", ""), "1970-01-01T00:00:01Z",
             "time stays");
    T_OK(condition_is(v, "Ready", "True"), "is");
}

T_MAIN(refuses_wrong_types, reports_what_it_does_not_know, prints_as_go_would, fills_defaults,
       judges, judges_webhooks, keeps_what_an_update_may_not_change, refuses_changes,
       moves_conditions_once)
