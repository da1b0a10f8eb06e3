#include "monitor/monitors.h"

#include "kube/fake.h"
#include "monitor/scraper.h"
#include "t.h"

static struct err e;

struct world {
    struct arena *a;
    struct kube *kube;
    struct runner *runner;
    struct tsdb *db;
    struct scraper *scraper;
};

static const char POD[] =
    "apiVersion: v1\n"
    "kind: Pod\n"
    "metadata: {name: web-1, namespace: shop, labels: {app: web, tier: front}}\n"
    "spec: {nodeName: n1, containers: [{name: c, ports: [{name: http, containerPort: 1}]}]}\n"
    "status: {phase: Running, podIP: 127.0.0.1}\n";
static const char SERVICE[] =
    "apiVersion: v1\n"
    "kind: Service\n"
    "metadata: {name: web, namespace: shop, labels: {app: web, team: a}}\n"
    "spec: {ports: [{name: metrics, port: 80}]}\n";
static const char SLICE[] =
    "apiVersion: discovery.k8s.io/v1\n"
    "kind: EndpointSlice\n"
    "metadata: {name: web-x, namespace: shop, labels: {kubernetes.io/service-name: web}}\n"
    "addressType: IPv4\n"
    "ports: [{name: metrics, port: 1}, {name: other, port: 2}]\n"
    "endpoints: [{addresses: [127.0.0.1], targetRef: {kind: Pod, name: web-1}}]\n";
static const char SECRET[] = "apiVersion: v1\n"
                             "kind: Secret\n"
                             "metadata: {name: s, namespace: shop}\n"
                             "data: {token: dA==}\n";

static void begin(struct world *w)
{
    struct tsdb_opts o = {.clock = &clock_system};
    *w = (struct world){.a = arena_new(0)};
    T_RC(tsdb_open(&o, &w->db, &e), &e, "store");
    struct scraper_opts so = {.db = w->db, .clock = &clock_system, .interval_ms = 3600000};
    T_RC(scraper_start(&so, &w->scraper, &e), &e, "scraper");
    w->kube = kube_fake_new(&clock_system);
    kube_fake_add(w->kube, &RES_SERVICE_MONITOR);
    kube_fake_add(w->kube, &RES_POD_MONITOR);
    w->runner = runner_new(w->kube, &clock_system, 0);
    runner_add(w->runner, &service_monitors_controller, w->scraper);
    runner_add(w->runner, &pod_monitors_controller, w->scraper);
    T_RC(runner_start(w->runner, &e), &e, "runner");
    kube_fake_load(w->kube, POD);
    kube_fake_load(w->kube, SERVICE);
    kube_fake_load(w->kube, SLICE);
    kube_fake_load(w->kube, SECRET);
}

static void end(struct world *w)
{
    runner_free(w->runner);
    kube_free(w->kube);
    scraper_free(w->scraper);
    tsdb_free(w->db);
    arena_free(w->a);
}

/* "URL {labels} interval;…" */
static const char *targets(struct world *w)
{
    struct scrape_state *list;
    const char *s = "";
    (void)runner_settle(w->runner, 100);
    size_t n = scraper_states(w->scraper, w->a, &list);
    for (size_t i = 0; i < n; i++)
        s = arena_printf(w->a, "%s%s %s %lld;", s, list[i].url, labels_text(&list[i].labels, w->a),
                         (long long)list[i].interval_ms / 1000);
    return s;
}

#define MONITOR(kind, ns, spec)                                                                    \
    "apiVersion: monitoring.coreos.com/v1\nkind: " kind "\nmetadata: {name: m, namespace: " ns     \
    "}\nspec: {" spec "}\n"

static void finds(void)
{
    static const struct {
        const char *name;
        const char *yaml, *want;
    } cases[] = {
        {"a service's port",
         MONITOR("ServiceMonitor", "shop",
         "selector: {matchLabels: {app: web}}, endpoints: [{port: metrics}]"),
         "http://127.0.0.1:1/metrics {container=\"c\", endpoint=\"metrics\", "
         "instance=\"127.0.0.1:1\", "
         "job=\"web\", namespace=\"shop\", pod=\"web-1\", service=\"web\"} 3600;"                     },
        {"as asked",
         MONITOR("ServiceMonitor", "shop",
         "selector: {}, jobLabel: team, targetLabels: [team], podTargetLabels: [tier], "
                 "endpoints: [{targetPort: http, path: /m, "
                 "scheme: https, interval: 30s, scrapeTimeout: 5s, params: {a: [x y, z]}, "
                 "tlsConfig: {insecureSkipVerify: true}, "
                 "bearerTokenSecret: {name: s, key: token}, relabelings: [{sourceLabels: "
                 "[__meta_kubernetes_pod_node_name], "
                 "targetLabel: node}, {action: labeldrop, regex: container|pod}], "
                 "metricRelabelings: [{sourceLabels: [__name__], regex: x, action: drop}]}]"),
         "https://127.0.0.1:1/m?a=x%20y&a=z {endpoint=\"http\", instance=\"127.0.0.1:1\", "
         "job=\"a\", namespace=\"shop\", "
         "node=\"n1\", service=\"web\", team=\"a\", tier=\"front\"} 30;"                              },
        {"another namespace",
         MONITOR("ServiceMonitor", "other", "selector: {}, endpoints: [{port: metrics}]"),          ""},
        {"named namespaces",
         MONITOR(
             "ServiceMonitor",     "other",
         "selector: {}, namespaceSelector: {matchNames: [shop]}, endpoints: [{port: other}]"),
         "http://127.0.0.1:2/metrics {endpoint=\"other\", instance=\"127.0.0.1:2\", job=\"web\", "
         "namespace=\"shop\", "
         "pod=\"web-1\", service=\"web\"} 3600;"                                                      },
        {"another label",
         MONITOR("ServiceMonitor", "shop",
         "selector: {matchLabels: {app: x}}, endpoints: [{port: metrics}]"),
         ""                                                                                           },
        {"relabelled away",
         MONITOR(
             "ServiceMonitor",     "shop",
         "selector: {}, endpoints: [{port: metrics, relabelings: "
             "[{sourceLabels: [__meta_kubernetes_service_label_team], regex: b, action: keep}]}]"),
         ""                                                                                           },
        {"what is not done",
         MONITOR("ServiceMonitor", "shop",
         "selector: {}, endpoints: [{port: metrics, oauth2: {}}]"),
         ""                                                                                           },
        {"no such secret",
         MONITOR(
             "ServiceMonitor",     "shop",
         "selector: {}, endpoints: [{port: metrics, bearerTokenSecret: {name: t, key: k}}]"),
         ""                                                                                           },
        {"a pod's port",
         MONITOR("PodMonitor",     "shop",
         "selector: {matchLabels: {app: web}}, podMetricsEndpoints: [{port: http}]"),
         "http://127.0.0.1:1/metrics {container=\"c\", endpoint=\"http\", "
         "instance=\"127.0.0.1:1\", "
         "job=\"shop/m\", namespace=\"shop\", pod=\"web-1\"} 3600;"                                   },
        {"any namespace",
         MONITOR("PodMonitor",     "other",
         "selector: {}, namespaceSelector: {any: true}, podMetricsEndpoints: [{targetPort: "
                 "1}]"),
         "http://127.0.0.1:1/metrics {container=\"c\", endpoint=\"1\", instance=\"127.0.0.1:1\", "
         "job=\"other/m\", namespace=\"shop\", pod=\"web-1\"} 3600;"                                  },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct world w;
        begin(&w);
        kube_fake_load(w.kube, cases[i].yaml);
        T_EQ_STR(targets(&w), cases[i].want, cases[i].name);
        end(&w);
    }
}

static void follows(void)
{
    static const struct kube_delete_opts now = {.grace_s = 0};
    struct world w;
    begin(&w);
    kube_fake_load(
        w.kube, MONITOR("PodMonitor", "shop", "selector: {}, podMetricsEndpoints: [{port: http}]"));
    T_OK(*targets(&w), "there");
    T_RC(kube_delete(w.kube, &RES_POD, "shop", "web-1", &now, &e), &e, "the pod goes");
    T_EQ_STR(targets(&w), "", "gone with the pod");
    kube_fake_load(w.kube, POD);
    T_OK(*targets(&w), "there again");
    T_RC(kube_delete(w.kube, &RES_POD_MONITOR, "shop", "m", NULL, &e), &e, "the monitor goes");
    T_EQ_STR(targets(&w), "", "gone with the monitor");
    end(&w);
}

T_MAIN(finds, follows)
