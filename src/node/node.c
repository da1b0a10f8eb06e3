#include "node/node.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <ifaddrs.h>
#include <limits.h>
#include <net/if.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/thread.h"
#include "entrypoint/program.h"
#include "node/node_int.h"

enum { WATCH_WAIT_MS = 1000, LOG_LINGER_S = 600, START_COURTESY_MS = 20, START_PATIENCE_MS = 500 };

void event__pod(struct node *n, const struct object *pod, const char *container, bool warning,
                const char *reason, const char *fmt, ...)
{
    AUTO(arena) struct arena *a = arena_new(0);
    va_list ap;
    va_start(ap, fmt);
    struct event_note note = {.source = "kubelet",
                              .warning = warning,
                              .reason = reason,
                              .message = arena_vprintf(a, fmt, ap)};
    va_end(ap);
    if (container)
        note.field = arena_printf(a, "spec.containers{%s}", container);
    recorder_add(n->recorder, &RES_POD, pod, &note);
}

/* ---- workers ---- */

struct worker *node__worker(struct node *n, const char *uid)
{
    return map_get(&n->workers, uid);
}

void node__worker_leaves(struct node *n, const char *uid, const struct worker *w)
{
    LOCK_SCOPE(&n->lock);
    if (map_get(&n->workers, uid) == w)
        (void)map_remove(&n->workers, uid);
}

void node__worker_done(struct node *n)
{
    LOCK_SCOPE(&n->lock);
    n->n_workers--;
    (void)pthread_cond_broadcast(&n->changed);
}

static bool is_over(const struct object *pod)
{
    const char *phase = value_at_str(pod->root, "status.phase", "");
    return strcmp(phase, "Succeeded") == 0 || strcmp(phase, "Failed") == 0;
}

static bool has_remains(struct node *n, const char *uid)
{
    AUTO(arena) struct arena *a = arena_new(0);
    return access(place__pod(n, a, uid, NULL), F_OK) == 0;
}

static bool is_ours(const struct node *n, const struct object *pod)
{
    return strcmp(value_at_str(pod->root, "spec.nodeName", ""), n->name) == 0;
}

static void pod_seen(struct node *n, const struct object *pod)
{
    LOCK_SCOPE(&n->lock);
    struct worker *w = node__worker(n, pod->uid);
    if (w) {
        worker__update(w, pod);
        return;
    }
    if (n->stopping || (is_over(pod) && !pod->deleting && !has_remains(n, pod->uid)))
        return;
    struct err e;
    w = worker__new(n, pod);
    (void)map_put(&n->workers, pod->uid, w);
    n->n_workers++;
    if (worker__start(w, &e) < 0)
        log_die("node: %s", e.msg);
}

static void pod_gone(struct node *n, const char *uid)
{
    LOCK_SCOPE(&n->lock);
    struct worker *w = node__worker(n, uid);
    if (w)
        worker__update(w, NULL);
}

/* A container has ended: its id begins with the pod's uid. */
static void on_end(void *arg, const char *id, const struct container_end *end)
{
    struct node *n = arg;
    char uid[128];
    (void)end;
    (void)snprintf(uid, sizeof uid, "%.*s", (int)strcspn(id, "_"), id);
    LOCK_SCOPE(&n->lock);
    struct worker *w = node__worker(n, uid);
    if (w)
        worker__kick(w);
}

/* ---- what nobody knows any more ---- */

static bool listed(const struct kube_list *l, const char *uid)
{
    for (size_t i = 0; i < l->n; i++)
        if (strcmp(l->items[i]->uid, uid) == 0)
            return true;
    return false;
}

static void sweep_containers(struct node *n, const struct kube_list *pods)
{
    AUTO(arena) struct arena *a = arena_new(0);
    struct container_info *list;
    size_t count;
    struct err e;
    runtime_list(n->runtime, a, &list, &count);
    for (size_t i = 0; i < count; i++) {
        const char *uid = arena_strndup(a, list[i].id, strcspn(list[i].id, "_"));
        if (listed(pods, uid))
            continue;
        log_info("node", "removing container %s: its pod is gone", list[i].id);
        if (runtime_remove(n->runtime, list[i].id, &e) < 0)
            log_warn("node", "remove container %s: %s", list[i].id, e.msg);
    }
}

static void sweep_folder(struct node *n, const struct kube_list *pods, const char *folder,
                         bool logs)
{
    DIR *d = opendir(folder);
    if (!d)
        return;
    for (const struct dirent *ent; (ent = readdir(d));) {
        struct stat st;
        struct err e;
        AUTO(arena) struct arena *a = arena_new(0);
        if (ent->d_name[0] == '.' || listed(pods, ent->d_name))
            continue;
        if (!logs) {
            if (sandbox__down(n, ent->d_name, &e) < 0)
                log_warn("node", "pod %s: %s", ent->d_name, e.msg);
        } else if (fstatat(dirfd(d), ent->d_name, &st, 0) == 0 &&
                   st.st_mtime + LOG_LINGER_S < n->clock->real_ms(n->clock) / 1000) {
            (void)!fs_remove_tree(arena_printf(a, "%s/%s", folder, ent->d_name), NULL);
        }
    }
    (void)closedir(d);
}

static void sweep(struct node *n, const struct kube_list *pods)
{
    AUTO(arena) struct arena *a = arena_new(0);
    sweep_containers(n, pods);
    sweep_folder(n, pods, arena_printf(a, "%s/run/pods", n->dir), false);
    sweep_folder(n, pods, arena_printf(a, "%s/pods", n->dir), true);
}

/* Logs outlive their pod for a while; then they go, also while nobody restarts this process. */
static void sweep_logs_if_due(struct node *n, int64_t *last_ms)
{
    int64_t now = n->clock->mono_ms(n->clock);
    struct kube_list pods;
    if (now - *last_ms < LOG_LINGER_S * 1000 ||
        kube_list(n->kube, &RES_POD, NULL, NULL, &pods, NULL) < 0)
        return;
    AUTO(arena) struct arena *a = arena_new(0);
    sweep_folder(n, &pods, arena_printf(a, "%s/pods", n->dir), true);
    kube_list_done(&pods);
    *last_ms = now;
}

/* ---- the watch ---- */

static void drop_missing(struct node *n, const struct kube_list *pods)
{
    LOCK_SCOPE(&n->lock);
    const struct map_entry *m;
    for (size_t i = 0; (m = map_next(&n->workers, &i));)
        if (!listed(pods, m->key))
            worker__update(m->value, NULL);
}

static int list_pods(struct node *n, const struct kube_list_opts *o, bool first, uint64_t *rv,
                     struct err *e)
{
    struct kube_list pods;
    int rc = kube_list(n->kube, &RES_POD, NULL, o, &pods, e);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < pods.n; i++)
        if (is_ours(n, pods.items[i]))
            pod_seen(n, pods.items[i]);
    drop_missing(n, &pods);
    if (first)
        sweep(n, &pods);
    *rv = pods.rv;
    kube_list_done(&pods);
    return 0;
}

static int follow(struct node *n, struct kube_watch *w, uint64_t *rv, struct err *e)
{
    int64_t swept_ms = n->clock->mono_ms(n->clock);
    while (!n->stopping) {
        struct kube_event ev;
        sweep_logs_if_due(n, &swept_ms);
        int rc = kube_watch_next(n->kube, w, WATCH_WAIT_MS, &ev, e);
        if (rc == ERR_TIMEOUT)
            continue;
        if (rc < 0)
            return rc;
        *rv = ev.rv;
        if (!ev.object)
            continue;
        if (ev.type == KUBE_DELETED)
            pod_gone(n, ev.object->uid);
        else if (is_ours(n, ev.object))
            pod_seen(n, ev.object);
        object_unref(ev.object);
    }
    return 0;
}

static void *watch_pods(void *arg)
{
    struct node *n = arg;
    AUTO(arena) struct arena *a = arena_new(0);
    struct kube_list_opts o = {.fields = arena_printf(a, "spec.nodeName=%s", n->name)};
    bool first = true;
    while (!n->stopping) {
        uint64_t rv = 0;
        struct kube_watch *w;
        struct err e = {0};
        int rc = list_pods(n, &o, first, &rv, &e);
        if (rc == 0) {
            first = false;
            rc = kube_watch_open(n->kube, &RES_POD, NULL, &o, rv, &w, &e);
        }
        if (rc == 0) {
            rc = follow(n, w, &rv, &e);
            kube_watch_close(n->kube, w);
        }
        if (rc < 0 && rc != ERR_GONE && !n->stopping) {
            if (rc != ERR_CANCELLED) /* the server is stopping: so shall we soon */
                log_warn("node", "watch pods: %s", e.msg);
            (void)usleep(200000);
        }
    }
    return NULL;
}

/* ---- start and stop ---- */

/* The first address of the machine that is not loopback's or a pod's. */
static char *own_address(void)
{
    struct ifaddrs *list;
    char text[INET_ADDRSTRLEN] = "127.0.0.1";
    if (getifaddrs(&list) < 0)
        return strdup(text);
    for (const struct ifaddrs *i = list; i; i = i->ifa_next) {
        if (!i->ifa_addr || i->ifa_addr->sa_family != AF_INET || !(i->ifa_flags & IFF_UP) ||
            i->ifa_flags & (IFF_LOOPBACK | IFF_POINTOPOINT) ||
            strncmp(i->ifa_name, "slipway", 7) == 0 || strncmp(i->ifa_name, "docker", 6) == 0)
            continue;
        const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)i->ifa_addr;
        (void)inet_ntop(AF_INET, &in->sin_addr, text, sizeof text);
        break;
    }
    freeifaddrs(list);
    return strdup(text);
}

/* Each container costs two descriptors here, each watch and client one. */
static void raise_limits(void)
{
    struct rlimit l;
    if (getrlimit(RLIMIT_NOFILE, &l) == 0 && l.rlim_cur < l.rlim_max) {
        l.rlim_cur = l.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &l);
    }
}

static struct node *node_new(const struct node_opts *o)
{
    char real[PATH_MAX];
    struct node *n = calloc(1, sizeof *n);
    if (!n)
        log_die("out of memory for the node");
    n->door.ops = &door__ops;
    n->kube = o->kube;
    n->images = o->images;
    n->net = o->net;
    n->clock = o->clock ? o->clock : &clock_system;
    n->name = strdup(o->name ? o->name : "slipway");
    n->address = o->address ? strdup(o->address) : own_address();
    n->dir = strdup(realpath(o->dir, real) ? real : o->dir);
    n->domain = strdup(o->cluster_domain ? o->cluster_domain : "cluster.local");
    n->api_host = o->api_host ? strdup(o->api_host) : NULL;
    n->api_port = o->api_port;
    n->labels = o->labels;
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    turns__init(&n->starts, processors > 2 ? (unsigned)processors : 2, START_COURTESY_MS,
                START_PATIENCE_MS);
    map_init(&n->workers);
    (void)pthread_mutex_init(&n->lock, NULL);
    cond_init(&n->changed);
    return n;
}

static int begin(struct node *n, const struct node_opts *o, struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(0);
    struct runtime_opts ro = {.dir = arena_printf(a, "%s/run/runtime", n->dir),
                              .shim = o->shim,
                              .crun = o->crun,
                              .cgroup_parent = o->cgroup_parent,
                              .on_end = on_end,
                              .arg = n};
    const struct program entrypoint = program_entrypoint();
    /* Volumes are as open as their pods ask for, so that nobody else may pass. */
    const char *pods = arena_printf(a, "%s/run/pods", n->dir);
    int rc = fs_mkdirs(pods, 0700, e);
    if (rc == 0 && chmod(pods, 0700) < 0)
        rc = err_sys(e, errno, "close %s", pods);
    if (rc == 0)
        rc = fs_mkdirs(arena_printf(a, "%s/pods", n->dir), 0755, e);
    if (rc == 0)
        rc = fs_mkdirs(arena_printf(a, "%s/bin", n->dir), 0755, e);
    if (rc == 0)
        rc = program_install(&entrypoint, arena_printf(a, "%s/bin/entrypoint", n->dir), e);
    if (rc == 0)
        rc = runtime_open(&ro, &n->runtime, e);
    n->recorder = recorder_new(n->kube, n->clock);
    if (rc == 0)
        rc = recorder_start(n->recorder, e);
    if (rc == 0)
        rc = register__node(n, e);
    if (rc == 0)
        rc = runtime_watch(n->runtime, e);
    if (rc == 0) {
        rc = thread_start(&n->watch_thread, "node-watch", 256, watch_pods, n, e);
        n->watch_runs = rc == 0;
    }
    if (rc == 0) {
        rc = thread_start(&n->beat_thread, "node-beat", 256, register__beat, n, e);
        n->beat_runs = rc == 0;
    }
    return rc;
}

int node_start(const struct node_opts *o, struct node **out, struct err *e)
{
    raise_limits();
    int rc = fs_mkdirs(o->dir, 0711, e);
    if (rc < 0)
        return rc;
    struct node *n = node_new(o);
    rc = begin(n, o, e);
    if (rc < 0) {
        node_stop(n);
        return err_wrap(e, rc, "node");
    }
    *out = n;
    return 0;
}

static void stop_workers(struct node *n)
{
    LOCK_SCOPE(&n->lock);
    n->stopping = true;
    (void)pthread_cond_broadcast(&n->changed);
    const struct map_entry *m;
    for (size_t i = 0; (m = map_next(&n->workers, &i));)
        worker__kick(m->value);
    while (n->n_workers)
        (void)cond_wait_ms(&n->changed, &n->lock, -1);
}

void node_stop(struct node *n)
{
    if (!n)
        return;
    stop_workers(n);
    if (n->watch_runs)
        (void)pthread_join(n->watch_thread, NULL);
    if (n->beat_runs)
        (void)pthread_join(n->beat_thread, NULL);
    runtime_close(n->runtime);
    recorder_free(n->recorder);
    map_done(&n->workers);
    turns__done(&n->starts);
    (void)pthread_mutex_destroy(&n->lock);
    (void)pthread_cond_destroy(&n->changed);
    free(n->name);
    free(n->address);
    free(n->dir);
    free(n->domain);
    free(n->api_host);
    free(n);
}

struct pod_door *node_door(struct node *n)
{
    return &n->door;
}
