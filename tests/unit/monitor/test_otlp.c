#include "monitor/otlp.h"

#include "codec/proto.h"
#include "t.h"

static struct err e;

/* "name{labels} value@t<start>;…", histograms as count/sum/schema[index:count …]. */
static const char *text_of(const struct batch *b, struct arena *a)
{
    const char *s = "";
    for (size_t i = 0; i < b->n; i++) {
        const struct batch_series *x = &b->series[i];
        const struct batch_sample *p = &x->samples[0];
        s = arena_printf(a, "%s%s ", s, x->fault ? x->fault : labels_text(&x->labels, a));
        if (p->h) {
            s = arena_printf(a, "%s%g/%g/%d[", s, p->h->count, p->h->sum, p->h->schema);
            for (size_t k = 0; k < p->h->positive.n; k++)
                s = arena_printf(a, "%s%s%d:%g", s, k ? " " : "", p->h->positive.items[k].index,
                                 p->h->positive.items[k].count);
            s = arena_join(a, s, "]", NULL);
        } else {
            s = is_stale(p->v) ? arena_join(a, s, "stale", NULL) : arena_printf(a, "%s%g", s, p->v);
        }
        s = arena_printf(a, "%s@%lld", s, (long long)p->t);
        if (p->start)
            s = arena_printf(a, "%s<%lld>", s, (long long)p->start);
        for (size_t k = 0; k < x->n_exemplars; k++)
            s = arena_printf(a, "%s %s=%g", s, labels_text(&x->exemplars[k].labels, a),
                             x->exemplars[k].v);
        s = arena_join(a, s, ";", NULL);
    }
    return s;
}

#define RESOURCE                                                                                   \
    "{'attributes':[{'key':'service.name','value':{'stringValue':'shop'}},"                        \
    "{'key':'service.namespace','value':{'stringValue':'eu'}},"                                    \
    "{'key':'service.instance.id','value':{'stringValue':'7'}},"                                   \
    "{'key':'host.cores','value':{'intValue':'4'}}]}"
#define POINT "'startTimeUnixNano':'1000000','timeUnixNano':'5000000'"
#define WHO   "instance=\"7\", job=\"eu/shop\""
#define INFO  "target_info{host_cores=\"4\", " WHO "} 1@5;"

static const char *convert(const char *resource, const char *metric, const struct otlp_opts *o,
                           struct arena *a)
{
    struct otlp_batch b;
    char *json = arena_printf(a,
                              "{'resourceMetrics':[{'resource':%s,'scopeMetrics':[{'scope':"
                              "{'name':'lib','version':'2'},'metrics':[%s]}]}]}",
                              resource, metric);
    for (char *p = json; *p; p++)
        *p = *p == '\'' ? '"' : *p;
    if (otlp_read_json(a, json, strlen(json), o, &b, &e) < 0)
        return arena_strdup(a, e.msg);
    const char *s = text_of(&b.batch, a);
    return b.dropped ? arena_printf(a, "%s%zu dropped: %s", s, b.dropped, b.why) : s;
}

static void converts(void)
{
    static const struct {
        const char *name, *metric, *want;
    } cases[] = {
        {"gauge",
         "{'name':'temp.now','unit':'Cel','gauge':{'dataPoints':[{" POINT ",'asDouble':1.5,"
         "'attributes':[{'key':'room.no','value':{'intValue':3}},"
         "{'key':'on','value':{'boolValue':true}}]}]}}",                                             "temp_now_celsius{" WHO ", on=\"true\", room_no=\"3\"} 1.5@5;" INFO                     },
        {"counter",
         "{'name':'sent','unit':'By','sum':{'aggregationTemporality':2,'isMonotonic':true,"
         "'dataPoints':[{" POINT ",'asInt':'7','exemplars':[{'timeUnixNano':'4000000','asInt':'2',"
         "'traceId':'0aff','filteredAttributes':[{'key':'k','value':{'stringValue':'v'}}]}]}]}}",    "sent_bytes_total{" WHO "} 7@5<1> {k=\"v\", trace_id=\"0aff\"}=2;" INFO                 },
        {"up and down",
         "{'name':'queue','sum':{'aggregationTemporality':2,'dataPoints':[{" POINT ",'asInt':7}]}}",
         "queue{" WHO "} 7@5;" INFO                                                                                                                                                          },
        {"delta",
         "{'name':'sent','sum':{'aggregationTemporality':1,'isMonotonic':true,'dataPoints':[{},{}]}"
         "}",                                                                                        "2 dropped: metric sent: invalid temporality and type combination: deltas are not taken"},
        {"histogram",
         "{'name':'took','unit':'s','histogram':{'aggregationTemporality':2,'dataPoints':[{" POINT
         ",'count':'6','sum':9,'bucketCounts':['1','2','3'],'explicitBounds':[0.5,2],"
         "'exemplars':[{'asDouble':1},{'asDouble':0.1}]}]}}",                                        "took_seconds_sum{" WHO "} 9@5<1>;took_seconds_count{" WHO "} 6@5<1>;"
         "took_seconds_bucket{"
         "instance=\"7\", job=\"eu/shop\", le=\"0.5\"} 1@5<1> {}=0.1;"
         "took_seconds_bucket{instance=\"7\", job=\"eu/shop\", le=\"2\"} 3@5<1> {}=1;"
         "took_seconds_bucket{instance=\"7\", job=\"eu/shop\", le=\"+Inf\"} 6@5<1>;" INFO                                       },
        {"exponential",
         "{'name':'took','exponentialHistogram':{'aggregationTemporality':2,'dataPoints':[{" POINT
         ",'count':'6','sum':9,'scale':1,'zeroCount':'1','positive':{'offset':2,'bucketCounts':"
         "['2','0','3']}}]}}",                                                                       "took{" WHO "} 6/9/1[3:2 5:3]@5<1>;" INFO                                               },
        {"too fine a scale",
         "{'name':'took','exponentialHistogram':{'aggregationTemporality':2,'dataPoints':[{" POINT
         ",'count':'6','scale':9,'positive':{'offset':-1,'bucketCounts':['1','2','3']}}]}}",         "took{" WHO "} 6/0/8[0:1 1:5]@5<1>;" INFO                                               },
        {"summary",
         "{'name':'took','summary':{'dataPoints':[{" POINT ",'count':'6','sum':9,"
         "'quantileValues':[{'quantile':0.5,'value':2}]}]}}",                                        "took{instance=\"7\", job=\"eu/shop\", quantile=\"0.5\"} 2@5<1>;took_sum{" WHO
         "} 9@5<1>;took_count{" WHO "} 6@5<1>;" INFO                                                                            },
        {"ends",             "{'name':'x','gauge':{'dataPoints':[{" POINT ",'flags':1}]}}",
         "x{" WHO "} stale@5;" INFO                                                                                                                                                          },
        {"no value",         "{'name':'x','gauge':{'dataPoints':[{" POINT "}]}}",
         "1 dropped: metric x: a point has no value"                                                                                                                                         },
        {"wrong kind",       "{'name':5}",
         "resourceMetrics: scopeMetrics: metrics: name: a value of another kind was expected"                                                                                                },
        {"two of a name",
         "{'name':'x','gauge':{'dataPoints':[{" POINT ",'asInt':1,'attributes':["
         "{'key':'a.b','value':{'stringValue':'1'}},{'key':'a_b','value':{'stringValue':'2'}},"
         "{'key':'l','value':{'arrayValue':{'values':[{'intValue':1},{'stringValue':'z'}]}}}]}]}}",  "x{a_b=\"1;2\", instance=\"7\", job=\"eu/shop\", l=\"[1,\\\"z\\\"]\"} 1@5;" INFO        },
    };
    static const struct otlp_opts usual = {0};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        AUTO(arena) struct arena *a = arena_new(BATCH_BYTES_MAX);
        T_EQ_STR(convert(RESOURCE, cases[i].metric, &usual, a), cases[i].want, cases[i].name);
    }
}

/* Attributes that become one label are joined, again and again: 200 of 64 KiB would be 1.3 GB. */
static void limits_what_is_joined(void)
{
    static const struct otlp_opts usual = {0};
    AUTO(arena) struct arena *a = arena_new(BATCH_BYTES_MAX);
    AUTO_BUF struct buf b;
    struct otlp_batch out;
    buf_init(&b, 32 << 20);
    size_t at[5], n = 0;
    for (uint32_t i = 1; i < 4; i++) /* resourceMetrics, scopeMetrics, metrics */
        at[n++] = proto_begin(&b, i == 1 ? 1 : 2);
    proto_put_text(&b, 1, "x");
    at[n++] = proto_begin(&b, 5);
    at[n++] = proto_begin(&b, 1);
    char *value = arena_alloc(a, (64 << 10) + 1);
    memset(value, 'v', 64 << 10);
    for (unsigned i = 0; i < 200; i++) {
        const char key[] = {'k', (char)(i % 2 ? '.' : '-'), 'k', '\0'};
        size_t pair = proto_begin(&b, 7);
        proto_put_text(&b, 1, key);
        size_t v = proto_begin(&b, 2);
        proto_put_text(&b, 1, value);
        proto_end(&b, v);
        proto_end(&b, pair);
    }
    while (n)
        proto_end(&b, at[--n]);
    T_EQ_INT(otlp_read(a, buf_text(&b), b.len, &usual, &out, &e), ERR_TOO_LARGE, "joined");
}

static void names(void)
{
    static const struct {
        const char *name, *unit;
        enum otlp_names how;
        bool counter;
        const char *want;
    } cases[] = {
        {"system.io",         "By/s",      OTLP_ESCAPED,      false, "system_io_bytes_per_second"},
        {"http.server.total", "{request}", OTLP_ESCAPED,      true,  "http_server_total"         },
        {"9lives",            "",          OTLP_ESCAPED,      false, "_9lives"                   },
        {"a__b",              "ms",        OTLP_ESCAPED,      false, "a_b_milliseconds"          },
        {"use",               "1",         OTLP_ESCAPED,      false, "use_ratio"                 },
        {"use_seconds",       "s",         OTLP_ESCAPED,      false, "use_seconds"               },
        {"a.b",               "s",         OTLP_ESCAPED_BARE, true,  "a_b"                       },
        {"a.b",               "s",         OTLP_UTF8,         true,  "a.b_seconds_total"         },
        {"a.b",               "s",         OTLP_UTF8_BARE,    true,  "a.b"                       },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        AUTO(arena) struct arena *a = arena_new(BATCH_BYTES_MAX);
        const struct otlp_opts o = {.names = cases[i].how};
        char *metric =
            arena_printf(a,
                         "{'name':'%s','unit':'%s','%s':{'aggregationTemporality':2,"
                         "'isMonotonic':true,'dataPoints':[{'asInt':1}]}}",
                         cases[i].name, cases[i].unit, cases[i].counter ? "sum" : "gauge");
        const char *want = strchr(cases[i].want, '.') ? arena_printf(a, "%s 1@0;", cases[i].want)
                                                      : arena_printf(a, "%s 1@0;", cases[i].want);
        T_EQ_STR(convert("{}", metric, &o, a), want, cases[i].name);
    }
}

static void promotes(void)
{
    static const char *const some[] = {"host.cores", NULL};
    static const char metric[] = "{'name':'x','gauge':{'dataPoints':[{" POINT ",'asInt':1}]}}";
    AUTO(arena) struct arena *a = arena_new(BATCH_BYTES_MAX);
    const struct otlp_opts o = {.promote = some, .promote_scope = true, .keep_identifying = true};
    T_EQ_STR(convert(RESOURCE, metric, &o, a),
             "x{host_cores=\"4\", " WHO ", otel_scope_name=\"lib\", otel_scope_version=\"2\"} 1@5;"
             "target_info{host_cores=\"4\", " WHO ", service_instance_id=\"7\", "
             "service_name=\"shop\", service_namespace=\"eu\"} 1@5;",
             "as asked");
}

T_MAIN(converts, limits_what_is_joined, names, promotes)
