#include "cluster.h"

#include "apiserver/pod_door.h"

static int keep(void *arg, const void *bytes, size_t n, struct err *e)
{
    (void)e;
    buf_add(arg, bytes, n);
    return 0;
}

static char *logs(struct cluster *c, const char *pod, const char *container, bool previous,
                  struct arena *a)
{
    AUTO_BUF struct buf b;
    AUTO(object) struct object *o = cluster_pod(c, pod);
    struct err e = {0};
    buf_init(&b, 1 << 20);
    struct pod_log_opts q = {
        .container = container, .previous = previous, .tail_lines = -1, .limit_bytes = -1};
    if (o && node_door(c->node)->ops->logs(node_door(c->node), o, &q, keep, &b, &e) < 0)
        buf_puts(&b, e.msg);
    return arena_strdup(a, buf_text(&b));
}

#define POD(name, rest)                                                                            \
    "apiVersion: v1\nkind: Pod\nmetadata: {name: " name ", namespace: default}\n"                  \
    "spec:\n  nodeName: n1\n" rest

static void runs_to_the_end(void)
{
    struct cluster c;
    AUTO(arena) struct arena *a = arena_new(0);
    cluster_open(&c);
    int64_t before = clock_mono_ms();
    cluster_create(&c, POD("one", "  restartPolicy: Never\n"
                                  "  containers:\n"
                                  "  - name: app\n"
                                  "    image: busybox:1\n"
                                  "    command: [sh, -c, 'echo hello $FROM_IMAGE; echo why > "
                                  "/dev/termination-log; exit 3']\n"));
    T_OK(cluster_wait(&c, "one", "status.phase", "Failed", 5000), "it fails");
    (void)fprintf(stderr, "a pod from creation to end: %lld ms\n",
                  (long long)(clock_mono_ms() - before));
    T_OK(cluster_wait(&c, "one", "status.containerStatuses[0].state.terminated.exitCode", "3", 100),
         "with its code");
    T_OK(cluster_wait(&c, "one", "status.containerStatuses[0].state.terminated.message", "why\n",
                      100),
         "and its message");
    T_OK(cluster_wait(&c, "one", "status.qosClass", "BestEffort", 100), "qos");
    T_EQ_STR(logs(&c, "one", "app", false, a), "hello yes\n", "its log");
    T_OK(cluster_event(&c, "Started", 1000), "events");
    cluster_close(&c);
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "shim") == 0)
        return shim_main(argc - 1, argv + 1);
    if (geteuid() != 0) {
        (void)printf("0 passed, 0 failed (needs root)\n");
        return 77;
    }
    static void (*const fns[])(void) = {runs_to_the_end};
    return t_run(fns, sizeof fns / sizeof fns[0]);
}
