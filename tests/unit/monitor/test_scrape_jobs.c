#include "monitor/scrape_jobs.h"

#include <unistd.h>

#include "base/fs.h"
#include "codec/yaml.h"
#include "kube/fake.h"
#include "monitor/discovery.h"
#include "net/http_server.h"
#include "t.h"

static struct err e;

static const char OBJECTS[] =
    "apiVersion: v1\n"
    "kind: Pod\n"
    "metadata: {name: web-1, namespace: shop, labels: {app: web}, annotations: {a.b/c: x},\n"
    "  ownerReferences: [{kind: ReplicaSet, name: web, uid: u, controller: true, apiVersion: a}]}\n"
    "spec:\n"
    "  nodeName: n1\n"
    "  containers: [{name: c, image: i, ports: [{name: http, containerPort: 1}, {containerPort: "
    "9}]},\n    {name: side}]\n"
    "status: {phase: Running, podIP: 127.0.0.1, hostIP: 127.0.0.2,\n"
    "  conditions: [{type: Ready, status: 'True'}]}\n"
    "---\n"
    "apiVersion: v1\n"
    "kind: Service\n"
    "metadata: {name: web, namespace: shop, labels: {team: a}}\n"
    "spec: {clusterIP: 10.0.0.1, ports: [{name: m, port: 80}]}\n"
    "---\n"
    "apiVersion: v1\n"
    "kind: Endpoints\n"
    "metadata: {name: web, namespace: shop}\n"
    "subsets: [{ports: [{name: m, port: 1}], addresses: [{ip: 127.0.0.1, nodeName: n1, targetRef: "
    "{kind: Pod, name: web-1}}]}]\n"
    "---\n"
    "apiVersion: discovery.k8s.io/v1\n"
    "kind: EndpointSlice\n"
    "metadata: {name: web-x, namespace: shop, labels: {kubernetes.io/service-name: web}}\n"
    "addressType: IPv4\n"
    "ports: [{name: m, port: 1, protocol: TCP}]\n"
    "endpoints: [{addresses: [127.0.0.1], zone: z, conditions: {ready: true}, targetRef: {kind: "
    "Pod, name: web-1}}]\n"
    "---\n"
    "apiVersion: v1\n"
    "kind: Node\n"
    "metadata: {name: n1, labels: {disk: ssd}}\n"
    "status: {addresses: [{type: Hostname, address: h}, {type: InternalIP, address: 127.0.0.3}],\n"
    "  daemonEndpoints: {kubeletEndpoint: {Port: 2}}}\n";

struct world {
    struct arena *a;
    struct kube *kube;
    struct runner *runner;
    struct fake_clock clock;
    struct tsdb *db;
    struct scraper *scraper;
    struct scrape_jobs *jobs;
};

static int begin(struct world *w, const char *yaml, const char *folder)
{
    struct tsdb_opts o = {.clock = &clock_system};
    struct value *root;
    *w = (struct world){.a = arena_new(0)};
    fake_clock_init(&w->clock, 1000000);
    T_RC(yaml_parse(w->a, yaml, strlen(yaml), YAML_STRICT_KEYS, &root, &e), &e, yaml);
    T_RC(tsdb_open(&o, &w->db, &e), &e, "store");
    struct scraper_opts so = {.db = w->db, .clock = &clock_system};
    T_RC(scraper_start(&so, &w->scraper, &e), &e, "scraper");
    int r = scrape_jobs_open(root, folder, w->scraper, &w->jobs, &e);
    if (r < 0)
        return r;
    w->kube = kube_fake_new(&w->clock.clock);
    w->runner = runner_new(w->kube, &w->clock.clock, 0);
    runner_add(w->runner, &scrape_jobs_controller, w->jobs);
    kube_fake_load(w->kube, OBJECTS);
    T_RC(runner_start(w->runner, &e), &e, "runner");
    scrape_jobs_kick(w->jobs, w->runner);
    return 0;
}

static void end(struct world *w)
{
    runner_free(w->runner);
    kube_free(w->kube);
    scraper_free(w->scraper);
    scrape_jobs_free(w->jobs);
    tsdb_free(w->db);
    arena_free(w->a);
}

/* "URL {labels} interval/timeout;…" */
static const char *targets(struct world *w)
{
    struct scrape_state *list;
    const char *s = "";
    fake_clock_move(&w->clock, 5000);
    (void)runner_settle(w->runner, 100);
    size_t n = scraper_states(w->scraper, w->a, &list);
    for (size_t i = 0; i < n; i++)
        s = arena_printf(w->a, "%s%s %s %lld/%lld;", s, list[i].url,
                         labels_text(&list[i].labels, w->a), (long long)list[i].interval_ms / 1000,
                         (long long)list[i].timeout_ms / 1000);
    return s;
}

#define JOB(rest) "scrape_configs:\n- job_name: j\n  scrape_interval: 1h\n" rest

/* What relabelling sees, as labels of the target. */
#define SHOW "  relabel_configs: [{action: labelmap, regex: '__meta_kubernetes_(.+)'}]\n"

static void finds(void)
{
    static const struct {
        const char *name;
        const char *yaml, *want;
    } cases[] = {
        {"static",                                               JOB("  static_configs: [{targets: ['a:1', 'b:2'], labels: {x: v}}]\n"),
         "http://a:1/metrics {instance=\"a:1\", job=\"j\", x=\"v\"} 3600/10;"
         "http://b:2/metrics {instance=\"b:2\", job=\"j\", x=\"v\"} 3600/10;"                                                                                                                            },
        {"a group's job goes before",
         JOB("  static_configs: [{targets: ['a:1'], labels: {job: k}}]\n"),
         "http://a:1/metrics {instance=\"a:1\", job=\"k\"} 3600/10;"                                                                                                                                     },
        {"the same target twice",                                JOB("  static_configs: [{targets: ['a:1', 'a:1']}]\n"),
         "http://a:1/metrics {instance=\"a:1\", job=\"j\"} 3600/10;"                                                                                                                                     },
        {"how it is asked",
         "global: {scrape_interval: 20s, scrape_timeout: 15s}\n"
         "scrape_configs: [{job_name: j, scheme: https, metrics_path: /m, params: {a: [x y, z]}, "
         "static_configs: [{targets: ['a:1']}]}]\n",                                                                                     "https://a:1/m?a=x%20y&a=z {instance=\"a:1\", job=\"j\"} 20/15;"},
        {"a timeout of its own is not longer than the interval",
         "scrape_configs: [{job_name: j, scrape_interval: 5s, static_configs: [{targets: [a]}]}]\n",                                     "http://a/metrics {instance=\"a\", job=\"j\"} 5/5;"             },
        {"relabelled",
         JOB("  static_configs: [{targets: ['a:1', 'b:1']}]\n"
             "  relabel_configs:\n"
             "  - {source_labels: [__address__], regex: 'b:.*', action: drop}\n"
             "  - {source_labels: [__address__], target_label: instance, regex: '(.+):.*'}\n"
             "  - {target_label: __address__, replacement: 'proxy:9'}\n"
             "  - {target_label: __param_t, replacement: q}\n"
             "  - {target_label: __scrape_interval__, replacement: 30s}\n"),
         "http://proxy:9/metrics?t=q {instance=\"a\", job=\"j\"} 30/10;"                                                                                                                                 },
        {"a relabelled interval of nothing",
         JOB("  static_configs: [{targets: ['a:1']}]\n"
             "  relabel_configs: [{target_label: __scrape_interval__, replacement: 0s}]\n"),
         ""                                                                                                                                                                                              },
        {"pods",
         JOB("  kubernetes_sd_configs: [{role: pod, attach_metadata: {node: true}}]\n" SHOW),
         "http://127.0.0.1:1/metrics {instance=\"127.0.0.1:1\", job=\"j\", namespace=\"shop\", "
         "node_label_disk=\"ssd\", node_labelpresent_disk=\"true\", node_name=\"n1\", "
         "pod_annotation_a_b_c=\"x\", pod_annotationpresent_a_b_c=\"true\", "
         "pod_container_image=\"i\", pod_container_init=\"false\", pod_container_name=\"c\", "
         "pod_container_port_name=\"http\", pod_container_port_number=\"1\", "
         "pod_container_port_protocol=\"TCP\", pod_controller_kind=\"ReplicaSet\", "
         "pod_controller_name=\"web\", pod_host_ip=\"127.0.0.2\", pod_ip=\"127.0.0.1\", "
         "pod_label_app=\"web\", pod_labelpresent_app=\"true\", pod_name=\"web-1\", "
         "pod_node_name=\"n1\", pod_phase=\"Running\", pod_ready=\"true\", "
         "pod_uid=\"UID\"} 3600/10;"                                                                                                                                                                     },
        {"a container without ports",
         JOB("  kubernetes_sd_configs: [{role: pod}]\n"
             "  relabel_configs: [{source_labels: [__meta_kubernetes_pod_container_name], regex: "
             "side, action: keep}]\n"),
         "http://127.0.0.1/metrics {instance=\"127.0.0.1\", job=\"j\"} 3600/10;"                                                                                                                         },
        {"services",
         JOB("  kubernetes_sd_configs: [{role: service, namespaces: {names: [shop]}}]\n" SHOW),
         "http://web.shop.svc:80/metrics {instance=\"web.shop.svc:80\", job=\"j\", "
         "namespace=\"shop\", service_cluster_ip=\"10.0.0.1\", service_label_team=\"a\", "
         "service_labelpresent_team=\"true\", service_name=\"web\", service_port_name=\"m\", "
         "service_port_number=\"80\", service_port_protocol=\"TCP\", "
         "service_type=\"ClusterIP\"} 3600/10;"                                                                                                                                                          },
        {"another namespace",
         JOB("  kubernetes_sd_configs: [{role: service, namespaces: {names: [other]}}]\n"),                                              ""                                                              },
        {"a selector",
         JOB("  kubernetes_sd_configs: [{role: pod, selectors: [{role: pod, label: app=x}]}]\n"),
         ""                                                                                                                                                                                              },
        {"endpoints, and the pod's other port",
         JOB("  kubernetes_sd_configs: [{role: endpoints}]\n"
             "  relabel_configs: [{action: labelmap, regex: "
             "'__meta_kubernetes_((endpoint.*|service_name|pod_container_port_number))'}]\n"),
         "http://127.0.0.1:1/metrics {endpoint_address_target_kind=\"Pod\", "
         "endpoint_address_target_name=\"web-1\", endpoint_node_name=\"n1\", "
         "endpoint_port_name=\"m\", endpoint_port_protocol=\"TCP\", endpoint_ready=\"true\", "
         "endpoints_name=\"web\", instance=\"127.0.0.1:1\", job=\"j\", "
         "pod_container_port_number=\"1\", service_name=\"web\"} 3600/10;"
         "http://127.0.0.1:9/metrics {endpoints_name=\"web\", instance=\"127.0.0.1:9\", job=\"j\", "
         "pod_container_port_number=\"9\", service_name=\"web\"} 3600/10;"                                                                                                                               },
        {"endpointslices",
         JOB("  kubernetes_sd_configs: [{role: endpointslice}]\n"
             "  relabel_configs: [{source_labels: [__address__], regex: '.*:1', action: keep}, "
             "{action: labelmap, regex: "
             "'__meta_kubernetes_((endpoint.*|service_name|pod_name))'}]\n"),
         "http://127.0.0.1:1/metrics {endpointslice_address_target_kind=\"Pod\", "
         "endpointslice_address_target_name=\"web-1\", endpointslice_address_type=\"IPv4\", "
         "endpointslice_endpoint_conditions_ready=\"true\", endpointslice_endpoint_zone=\"z\", "
         "endpointslice_label_kubernetes_io_service_name=\"web\", "
         "endpointslice_labelpresent_kubernetes_io_service_name=\"true\", "
         "endpointslice_name=\"web-x\", endpointslice_port=\"1\", endpointslice_port_name=\"m\", "
         "endpointslice_port_protocol=\"TCP\", instance=\"127.0.0.1:1\", job=\"j\", "
         "pod_name=\"web-1\", service_name=\"web\"} 3600/10;"                                                                                                                                            },
        {"nodes",                                                JOB("  kubernetes_sd_configs: [{role: node}]\n" SHOW),
         "http://127.0.0.3:2/metrics {instance=\"n1\", job=\"j\", "
         "node_address_Hostname=\"h\", node_address_InternalIP=\"127.0.0.3\", "
         "node_label_disk=\"ssd\", node_labelpresent_disk=\"true\", node_name=\"n1\"} 3600/10;"                                                                                                          },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct world w;
        T_RC(begin(&w, cases[i].yaml, "."), &e, cases[i].name);
        AUTO(arena) struct arena *a = arena_new(0);
        const char *got = targets(&w);
        const char *uid = strstr(got, "pod_uid=\"");
        if (uid) { /* the fake's */
            size_t at = (size_t)(uid - got) + 9;
            got = arena_join(a, arena_strndup(a, got, at), "UID", strchr(got + at, '"'), NULL);
            got = arena_strndup(a, got, strcspn(got, ";") + 1); /* the other ports are alike */
        }
        T_EQ_STR(got, cases[i].want, cases[i].name);
        end(&w);
    }
}

static void refuses(void)
{
    static const struct {
        const char *name;
        const char *yaml, *want;
    } cases[] = {
        {"another discovery",            JOB("  consul_sd_configs: [{server: a}]\n"),
         "scrape_configs: job j: line 4: consul_sd_configs is not acted on here"              },
        {"what YAML takes for a truth",  JOB("  static_configs: [{targets: [a], labels: {x: y}}]\n"),
         "scrape_configs: job j: line 4: label x is bool, not a text: quote it"               },
        {"a role",                       JOB("  kubernetes_sd_configs: [{role: ingress}]\n"),
         "scrape_configs: job j: line 4: kubernetes_sd_configs: role ingress is not acted on "
         "here"                                                                               },
        {"another API",                  JOB("  kubernetes_sd_configs: [{role: pod, api_server: 'http://a'}]\n"),
         "scrape_configs: job j: line 4: kubernetes_sd_configs: api_server is not acted on "
         "here: the objects are those of slipway's own API"                                   },
        {"oauth2",                       JOB("  oauth2: {client_id: a}\n"),
         "scrape_configs: job j: line 4: oauth2 is not acted on here"                         },
        {"a proxy",                      JOB("  proxy_url: http://a\n"),
         "scrape_configs: job j: line 4: proxy_url is not acted on here"                      },
        {"what would change histograms", JOB("  convert_classic_histograms_to_nhcb: true\n"),
         "scrape_configs: job j: line 4: convert_classic_histograms_to_nhcb true is not acted on "
         "here"                                                                               },
        {"too often",                    "scrape_configs: [{job_name: j, scrape_interval: 1ms}]\n",
         "scrape_configs: job j: a scrape interval of 1 ms is too short: at least 1000 ms"    },
        {"for too long",                 JOB("  scrape_timeout: 30m\n"),
         "scrape_configs: job j: a scrape timeout of 1800000 ms is too long: at most 60000 ms"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct world w;
        T_OK(begin(&w, cases[i].yaml, ".") < 0, cases[i].name);
        T_EQ_STR(e.msg, cases[i].want, cases[i].name);
        end(&w);
    }
}

static void write_file(const char *path, const char *text)
{
    T_RC(fs_write_atomic(path, 0600, text, strlen(text), &e), &e, path);
}

static void page(struct http_request *q, void *arg)
{
    const char *token = http_header(q, "Authorization");
    (void)arg;
    http_send_text(q, token && strcmp(token, "Basic dTpw") == 0 ? 200 : 401,
                   "[{\"targets\": [\"h:1\"], \"labels\": {\"from\": \"page\"}}]");
}

/* What a file or a page says; what was right stays when it goes wrong. */
static void follows(void)
{
    struct world w;
    char dir[] = "/tmp/jobs-XXXXXX";
    AUTO(http_server) struct http_server *server = NULL;
    AUTO(arena) struct arena *a = arena_new(0);
    struct http_listen l = {.address = "127.0.0.1:0"};
    T_OK(mkdtemp(dir), "folder");
    const char *file = arena_join(a, dir, "/t.json", NULL);
    write_file(file, "[{\"targets\": [\"f:1\"], \"labels\": {\"n\": \"1\"}}]");
    write_file(arena_join(a, dir, "/word", NULL), "p\n");
    T_RC(http_server_start(&l, page, NULL, &server, &e), &e, "server");
    T_RC(begin(&w,
               arena_printf(a,
                            JOB("  file_sd_configs: [{files: ['*.json']}]\n"
                                "  http_sd_configs: [{url: 'http://127.0.0.1:%u/', basic_auth: "
                                "{username: u, password_file: word}}]\n"),
                            http_server_port(server)),
               dir),
         &e, "begin");
    static const char both[] = "http://f:1/metrics {instance=\"f:1\", job=\"j\", n=\"1\"} 3600/10;"
                               "http://h:1/metrics {from=\"page\", instance=\"h:1\", job=\"j\"} "
                               "3600/10;";
    static const char one[] =
        "http://h:1/metrics {from=\"page\", instance=\"h:1\", job=\"j\"} 3600/10;";
    const char *first = targets(&w);
    T_OK(strstr(first, "f:1") && strlen(first) == strlen(both), first);
    write_file(file, "[{\"targets\": 1}]");
    T_EQ_STR(targets(&w), first, "a wrong file changes nothing");
    write_file(file, "[]");
    T_EQ_STR(targets(&w), one, "the file names none");
    T_RC(fs_remove_tree(dir, &e), &e, "remove");
    end(&w);
}

static void groups(void)
{
    static const struct {
        const char *text, *want;
    } cases[] = {
        {"[]",                                                   NULL                                                },
        {"[{\"targets\": [\"a\"], \"labels\": {\"b\": \"c\"}}]", NULL                                                },
        {"{}",                                                   "it is object, not a list of groups"                },
        {"[1]",                                                  "a group is int, not an object"                     },
        {"[{\"target\": []}]",                                   "a group has targets and labels, no target"         },
        {"[{\"targets\": [1]}]",                                 "a target is int, not a text"                       },
        {"[{\"targets\": \"a\"}]",                               "a group's targets are a list, its labels an object"},
        {"[{\"labels\": {\"a\": []}}]",                          "label a is array, not a text: quote it"            },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(arena) struct arena *a = arena_new(0);
        const struct value *v;
        size_t n = strlen(cases[i].text);
        int r = discovery_groups_read(cases[i].text, n, i % 2, a, &v, &e);
        T_OK((r == 0) == !cases[i].want, cases[i].text);
        if (cases[i].want)
            T_EQ_STR(e.msg, cases[i].want, cases[i].text);
    }
}

T_MAIN(finds, refuses, follows, groups)
