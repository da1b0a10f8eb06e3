/* server_int.h - what the files of server/ share: everything that runs, in one struct. */
#pragma once
#include "apiserver/apiserver.h"
#include "charts/store.h"
#include "ctl/analysis/analysis.h"
#include "ctl/chains/chains.h"
#include "ctl/ctl.h"
#include "ctl/gitops/gitops.h"
#include "ctl/pruner/pruner.h"
#include "ctl/repository/repository.h"
#include "ctl/tekton/tekton.h"
#include "ctl/tekton/work.h"
#include "elastic/elastic.h"
#include "kube/controller.h"
#include "logdb/logdb.h"
#include "logs/collector.h"
#include "monitor/api.h"
#include "monitor/dashboards.h"
#include "monitor/remote_write.h"
#include "monitor/scrape_jobs.h"
#include "monitor/sources.h"
#include "net/http_server.h"
#include "node/node.h"
#include "notify/configuration.h"
#include "oci/images.h"
#include "podnet/podnet.h"
#include "promql/promql.h"
#include "registry/registry.h"
#include "server/identity.h"
#include "server/measure.h"
#include "server/server.h"
#include "vcs/host.h"

enum { SERVER_DOORS = 8 };

/* The registry's policy as it was read last, and which version of its ConfigMap that was. */
struct registry_port {
    pthread_mutex_t lock;
    struct registry_policy *policy;
    char *text; /* that it was read from, or that was refused */
    bool known; /* there is one, though perhaps none was asked for */
    struct err wrong;
    int64_t read_ms;
};

struct server {
    struct server_opts opts;
    /* Both live as long as the server: paths, addresses; `id`, which a thread of its own opens. */
    struct arena *arena, *keys_arena;
    const char *dir;
    struct identity_files id;
    int lock_fd;

    struct store *store;
    struct image_store *images;
    struct logdb *logs;
    struct logs_access logs_access;
    struct elastic *elastic;
    struct tsdb *metrics;
    struct promql_tsdb source;
    struct collector *collector;
    struct shipping *shipping; /* or NULL */
    struct measured_self measured;
    struct scraper *scraper;
    struct scrape_jobs *jobs; /* of prometheus.yml; or NULL */
    struct remote_writers *writers;
    struct ruler *ruler;
    struct notifier *notifier;
    struct flaws *flaws;
    struct notify_source notify;
    const char *const *managers; /* other Alertmanagers, NULL-terminated; or NULL */
    struct rule_sources rules;
    struct dashboards *dashboards;
    struct monitor_api monitor;
    struct pushed *pushed;
    struct analysis_opts analysis;
    struct ctl_opts workloads;
    struct podnet *podnet;
    struct requests *requests; /* NULL: nobody listens */
    struct apiserver *api;

    struct kube *kube, *node_kube; /* as system:masters, each with a field manager of its own */
    struct runner *runner;
    struct node *node;
    struct image_source *image_source;
    struct pod_net *pod_net;

    struct image_gate *gate; /* of a real cluster's webhook */
    struct runtime *build_runtime;
    struct keeper *keeper;
    struct registry *registry;
    struct registry_port registry_port;
    struct repository_opts repositories;
    struct host *host;
    struct charts_store *charts;
    struct gitops *gitops;
    struct pruner *pruner;
    struct tekton *tekton;
    struct chains *chains;
    struct work *work;
    struct key *signing_key;
    struct public_key *signing_public;

    struct http_server *doors[SERVER_DOORS];
    size_t n_doors;
};

/* doors.c: HTTP in front of everything but the API. */
int doors_open(struct server *s, struct err *e) MUST_CHECK;
int door_open(struct server *s, const char *address, bool tls, http_handler handler, void *arg,
              struct err *e) MUST_CHECK;

/* shipping.c: the ways that lines have in and out besides HTTP. */
int shipping_start(struct server *s, struct err *e) MUST_CHECK;
void shipping_free(struct shipping *x);

/* work_ports.c: what a pipeline's step may ask for. */
int work_ports_open(struct server *s, struct err *e) MUST_CHECK;

/* registry_port.c: what the registry refuses and copies, as the API says. */
void registry_port_open(struct server *s);
void registry_port_done(struct server *s);
int registry_port_login(void *arg, const char *secret, const char *host, struct arena *a,
                        struct image_auth *out, struct err *e) MUST_CHECK;
int registry_port_policy(void *arg, struct registry_policy **out, struct err *e) MUST_CHECK;

/* gate_port.c: what may start in a protected namespace; as long as the server. */
struct image_gate *gate_port_open(struct server *s);

/* past_port.c: logs of deleted pods; as long as the server. */
void past_port_open(struct server *s);

/* admission.c: where a real cluster asks it. */
int admission_open(struct server *s, struct err *e) MUST_CHECK;

/* chains_port.c: what signs runs that ended. */
struct chains *chains_port_open(struct server *s);

/* loops.c: the controllers. */
int loops_start(struct server *s, struct err *e) MUST_CHECK;

/* alerting.c: rules, and where their alerts go. */
int alerting_start(struct server *s, struct err *e) MUST_CHECK;
void alerting_stop(struct server *s); /* nothing runs any more; before the runner goes */
void alerting_free(struct server *s);

/* cluster.c: the API of a real cluster. */
int cluster_open(struct server *s, struct err *e) MUST_CHECK;

/* rights.c: who a token belongs to and what they may, asked of whichever API there is; as
 * apiserver_authenticate() and apiserver_authorize(). */
int rights_authenticate(struct server *s, const char *token, struct arena *a, struct identity *out,
                        struct err *e) MUST_CHECK;
int rights_authorize(struct server *s, const struct identity *who, const struct access *w,
                     struct err *e) MUST_CHECK;

/* "HOST:PORT" of the pods' gateway with the port of `address`. */
const char *server__on_gateway(struct server *s, const char *address);
/* "HOST:PORT" where pods reach what listens on `address`; NULL: they cannot. */
const char *server__for_pods(struct server *s, const char *address);
