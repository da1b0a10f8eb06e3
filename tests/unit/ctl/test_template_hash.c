#include "codec/json.h"
#include "ctl/pods/template_hash.h"
#include "t.h"

/* The hash that a real kube-controller-manager gave this template (with its defaults). */
static void names_as_upstream(void)
{
    static const char text[] =
        "{\"metadata\":{\"creationTimestamp\":null,\"labels\":{\"app\":\"web\"}},\"spec\":{"
        "\"containers\":[{\"name\":\"c\",\"image\":\"nginx:1\",\"resources\":{},"
        "\"terminationMessagePath\":\"/dev/termination-log\",\"terminationMessagePolicy\":\"File\","
        "\"imagePullPolicy\":\"IfNotPresent\"}],\"restartPolicy\":\"Always\","
        "\"terminationGracePeriodSeconds\":30,\"dnsPolicy\":\"ClusterFirst\","
        "\"securityContext\":{},\"schedulerName\":\"default-scheduler\"}}";
    AUTO(arena) struct arena *a = arena_new(0);
    struct value *v = NULL;
    struct err e = {0};
    T_RC(json_parse(a, text, strlen(text), 0, &v, &e), &e, "json");
    T_EQ_STR(template_hash(v, -1, a), "758d58495", "recorded");
    T_OK(strcmp(template_hash(v, 1, a), "758d58495") != 0, "a collision gives another");
}

static void prints_what_go_prints(void)
{
    static const struct {
        const char *json, *has;
    } cases[] = {
        {"{\"spec\":{\"volumes\":[{\"name\":\"v\",\"configMap\":{\"name\":\"c\"}}]}}",
         "ConfigMap:(*v1.ConfigMapVolumeSource){LocalObjectReference:(v1.LocalObjectReference){"
         "Name:(string)c} Items:([]v1.KeyToPath)<nil> DefaultMode:(*int32)<nil> "
         "Optional:(*bool)<nil>}"                                                                                                                                       },
        {"{\"spec\":{\"containers\":[{\"resources\":{\"requests\":{\"cpu\":\"100m\","
         "\"memory\":\"64Mi\"}}}]}}",                                         "Requests:(v1.ResourceList)map[cpu:{i:(resource.int64Amount){value:(int64)100 "
         "scale:(resource.Scale)-3} d:(resource.infDecAmount){Dec:(*inf.Dec)<nil>} s:(string)100m "
         "Format:(resource.Format)DecimalSI} "
         "memory:{i:(resource.int64Amount){value:(int64)67108864 "
         "scale:(resource.Scale)0} d:(resource.infDecAmount){Dec:(*inf.Dec)<nil>} s:(string)64Mi "
         "Format:(resource.Format)BinarySI}]"                                                                             },
        {"{\"spec\":{\"containers\":[{\"readinessProbe\":{\"httpGet\":{\"path\":\"/\","
         "\"port\":80}}}]}}",                                                 "Port:(intstr.IntOrString){Type:(intstr.Type)0 IntVal:(int32)80 StrVal:(string)}"},
        {"{\"metadata\":{\"labels\":{\"b\":\"2\",\"a\":\"1\"}}}",
         "Labels:(map[string]string)map[a:1 b:2]"                                                                                                                       },
        {"{\"spec\":{\"containers\":[{\"command\":[\"sh\",\"-c\"]}]}}",
         "Command:([]string)[sh -c]"                                                                                                                                    },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        AUTO(arena) struct arena *a = arena_new(0);
        struct value *v = NULL;
        struct err e = {0};
        T_RC(json_parse(a, cases[i].json, strlen(cases[i].json), 0, &v, &e), &e, "json");
        const char *text = template_text(v, a);
        if (!strstr(text, cases[i].has))
            T_FAIL(cases[i].has, "is not in %s", text);
    }
}

T_MAIN(names_as_upstream, prints_what_go_prints)
