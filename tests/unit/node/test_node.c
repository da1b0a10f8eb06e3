#include "cluster.h"

#include <signal.h>

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

static void init_and_sidecars(void)
{
    struct cluster c;
    AUTO(arena) struct arena *a = arena_new(0);
    cluster_open(&c);
    cluster_create(&c,
                   POD("ordered",
                       "  restartPolicy: Never\n"
                       "  volumes: [{name: v, emptyDir: {medium: Memory}}]\n"
                       "  initContainers:\n"
                       "  - name: first\n"
                       "    image: busybox:1\n"
                       "    command: [sh, -c, 'echo one > /v/a']\n"
                       "    volumeMounts: [{name: v, mountPath: /v}]\n"
                       "  - name: side\n"
                       "    image: busybox:1\n"
                       "    restartPolicy: Always\n"
                       "    command: [sh, -c, 'cat /v/a; echo two >> /v/a; trap \"exit 0\" TERM; "
                       "while :; do sleep 0.05; done']\n"
                       "    startupProbe: {exec: {command: [sh, -c, 'grep two /v/a']}}\n"
                       "    volumeMounts: [{name: v, mountPath: /v}]\n"
                       "  containers:\n"
                       "  - name: app\n"
                       "    image: busybox:1\n"
                       "    command: [sh, -c, 'cat /v/a; sleep 0.2']\n"
                       "    volumeMounts: [{name: v, mountPath: /v, readOnly: true}]\n"));
    T_OK(cluster_wait(&c, "ordered", "status.phase", "Running", 5000), "runs");
    T_OK(cluster_wait(&c, "ordered", "status.initContainerStatuses[1].started", "true", 5000),
         "its sidecar runs");
    T_OK(cluster_wait(&c, "ordered", "status.phase", "Succeeded", 8000), "and ends");
    T_EQ_STR(logs(&c, "ordered", "app", false, a), "one\ntwo\n", "in order");
    T_OK(cluster_wait(&c, "ordered", "status.initContainerStatuses[1].state.terminated.exitCode",
                      "0", 100),
         "the sidecar was stopped politely");
    cluster_close(&c);
}

static void crash_loop(void)
{
    struct cluster c;
    AUTO(arena) struct arena *a = arena_new(0);
    cluster_open(&c);
    cluster_create(&c, POD("crash",
                           "  containers:\n"
                           "  - name: app\n"
                           "    image: busybox:1\n"
                           "    command: [sh, -c, 'cat /proc/sys/kernel/random/uuid; exit 1']\n"));
    T_OK(cluster_wait(&c, "crash", "status.containerStatuses[0].restartCount", "1", 5000),
         "restarted once at once");
    T_OK(cluster_wait(&c, "crash", "status.containerStatuses[0].state.waiting.reason",
                      "CrashLoopBackOff", 5000),
         "then it has to wait");
    T_OK(cluster_wait(&c, "crash", "status.containerStatuses[0].lastState.terminated.exitCode", "1",
                      100),
         "with its last state");
    T_OK(cluster_wait(&c, "crash", "status.phase", "Running", 100), "the pod counts as running");
    T_OK(cluster_event(&c, "BackOff", 1000), "an event says so");
    const char *now = logs(&c, "crash", "app", false, a);
    T_OK(strlen(now) > 5, "log");
    T_EQ_STR(logs(&c, "crash", "app", true, a), now, "the previous one is the one that ended");
    cluster_close(&c);
}

static void probes(void)
{
    struct cluster c;
    cluster_open(&c);
    cluster_create(&c,
                   POD("web", "  containers:\n"
                              "  - name: app\n"
                              "    image: busybox:1\n"
                              "    command: [sh, -c, 'mkdir /www; echo ok > /www/healthz; sleep "
                              "0.3; httpd -f -p 8080 -h /www']\n"
                              "    ports: [{name: http, containerPort: 8080}]\n"
                              "    readinessProbe: {httpGet: {path: /healthz, port: http}}\n"
                              "    livenessProbe: {tcpSocket: {port: 8080}, "
                              "initialDelaySeconds: 1, periodSeconds: 1}\n"));
    cluster_create(&c, POD("sick", "  terminationGracePeriodSeconds: 1\n"
                                   "  containers:\n"
                                   "  - name: app\n"
                                   "    image: busybox:1\n"
                                   "    command: [sleep, '100']\n"
                                   "    livenessProbe: {exec: {command: ['false']}, "
                                   "periodSeconds: 1, failureThreshold: 1}\n"));
    int64_t before = clock_mono_ms();
    T_OK(cluster_wait(&c, "web", "status.containerStatuses[0].ready", "true", 5000), "ready");
    T_OK(clock_mono_ms() - before < 2000, "long before the period is over");
    T_OK(cluster_wait(&c, "sick", "status.containerStatuses[0].restartCount", "1", 8000),
         "an ill one is restarted");
    T_OK(cluster_event(&c, "Unhealthy", 1000), "with an event");
    T_OK(cluster_wait(&c, "web", "status.containerStatuses[0].restartCount", "0", 100),
         "a well one is not");
    cluster_close(&c);
}

static void volumes_and_environment(void)
{
    struct cluster c;
    AUTO(arena) struct arena *a = arena_new(0);
    cluster_open(&c);
    cluster_create(&c, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: cm, namespace: default}\n"
                       "data: {color: blue, size: large}\n");
    cluster_create(&c, "apiVersion: v1\nkind: Secret\nmetadata: {name: sec, namespace: default}\n"
                       "data: {password: czNjcjN0}\n");
    cluster_create(&c,
                   "apiVersion: v1\nkind: Service\nmetadata: {name: my-db, namespace: default}\n"
                   "spec: {clusterIP: 10.96.0.9, ports: [{port: 5432}]}\n");
    cluster_create(
        &c,
        "apiVersion: v1\nkind: Pod\nmetadata: {name: vol, namespace: default, labels: {app: x}}\n"
        "spec:\n"
        "  nodeName: n1\n"
        "  restartPolicy: Never\n"
        "  securityContext: {fsGroup: 2000, runAsUser: 1000}\n"
        "  volumes:\n"
        "  - {name: cm, configMap: {name: cm}}\n"
        "  - {name: sec, secret: {secretName: sec, defaultMode: 256}}\n"
        "  - name: all\n"
        "    projected:\n"
        "      sources:\n"
        "      - configMap: {name: cm, items: [{key: size, path: sub/size}]}\n"
        "      - downwardAPI: {items: [{path: labels, fieldRef: {fieldPath: metadata.labels}}]}\n"
        "  - {name: e, emptyDir: {}}\n"
        "  containers:\n"
        "  - name: app\n"
        "    image: busybox:1\n"
        "    resources: {limits: {memory: 64Mi, cpu: 500m}}\n"
        "    env:\n"
        "    - {name: A, value: a}\n"
        "    - {name: B, value: '$(A)b $(C) $$(A)'}\n"
        "    - {name: POD, valueFrom: {fieldRef: {fieldPath: metadata.name}}}\n"
        "    - {name: MEM, valueFrom: {resourceFieldRef: {resource: limits.memory, divisor: "
        "1Mi}}}\n"
        "    - {name: PW, valueFrom: {secretKeyRef: {name: sec, key: password}}}\n"
        "    - {name: NOPE, valueFrom: {configMapKeyRef: {name: none, key: x, optional: true}}}\n"
        "    envFrom: [{prefix: CM_, configMapRef: {name: cm}}]\n"
        "    command: [sh, -c, 'cat /cm/color /sec/password /all/sub/size /all/labels; echo; "
        "echo $B,$POD,$MEM,$PW,$NOPE,$CM_color,$MY_DB_SERVICE_HOST,$MY_DB_PORT_5432_TCP; id -u; id "
        "-G;"
        " touch /e/x && stat -c %g /e/x; stat -c %a /sec/..data/password; cat /one; hostname; cat "
        "/etc/hostname; grep vol /etc/hosts']\n"
        "    volumeMounts:\n"
        "    - {name: cm, mountPath: /cm}\n"
        "    - {name: sec, mountPath: /sec}\n"
        "    - {name: all, mountPath: /all}\n"
        "    - {name: e, mountPath: /e}\n"
        "    - {name: cm, mountPath: /one, subPath: color}\n");
    T_OK(cluster_wait(&c, "vol", "status.phase", "Succeeded", 5000), "runs");
    AUTO(object) struct object *vol = cluster_pod(&c, "vol");
    T_EQ_STR(value_at_str(vol->root, "status.containerStatuses[0].state.terminated.message", ""),
             "", "no error");
    T_EQ_STR(logs(&c, "vol", "app", false, a),
             "blues3cr3tlargeapp=\"x\"\nab $(C) $(A),vol,64,s3cr3t,,blue,10.96.0.9,tcp://"
             "10.96.0.9:5432\n1000\n1001 50 2000\n2000\n440\nbluevol\nvol\n127.0.0.1\tvol\n",
             "what it saw");
    T_OK(cluster_wait(&c, "vol", "status.qosClass", "Guaranteed", 100), "qos");
    cluster_close(&c);
}

/* What one pod's root leaves in a claim the next pod's group may change, unless told otherwise. */
static void shares_a_claim(void)
{
    static const struct {
        const char *name, *security, *command, *phase;
    } pods[] = {
        {"first",  "{fsGroup: 2000}",
         "mkdir /w/d; echo a > /w/d/f; chmod 755 /w/d; chmod 644 /w/d/f",                                                 "Succeeded"},
        {"second", "{fsGroup: 2000, runAsUser: 1000}",                                      "echo b >> /w/d/f; > /w/d/g", "Succeeded"},
        {"third",  "{fsGroup: 2000}",                                                       "chmod 644 /w/d/f",           "Succeeded"},
        {"fourth", "{fsGroup: 2000, runAsUser: 1000, fsGroupChangePolicy: OnRootMismatch}",
         "echo c >> /w/d/f",                                                                                              "Failed"   },
    };
    struct cluster c;
    AUTO(arena) struct arena *a = arena_new(0);
    cluster_open(&c);
    cluster_create(&c, arena_printf(a,
                                    "apiVersion: v1\nkind: PersistentVolume\nmetadata: {name: pv}\n"
                                    "spec: {hostPath: {path: '%s/volumes/claim'}}\n",
                                    c.box.dir));
    cluster_create(&c, "apiVersion: v1\nkind: PersistentVolumeClaim\n"
                       "metadata: {name: w, namespace: default}\n"
                       "spec: {volumeName: pv}\nstatus: {phase: Bound}\n");
    for (size_t i = 0; i < ARRAY_LEN(pods); i++) {
        cluster_create(
            &c, arena_printf(a,
                             "apiVersion: v1\nkind: Pod\nmetadata: {name: %s, namespace: default}\n"
                             "spec:\n"
                             "  nodeName: n1\n"
                             "  restartPolicy: Never\n"
                             "  securityContext: %s\n"
                             "  volumes: [{name: w, persistentVolumeClaim: {claimName: w}}]\n"
                             "  containers:\n"
                             "  - name: app\n"
                             "    image: busybox:1\n"
                             "    command: [sh, -ec, '%s']\n"
                             "    volumeMounts: [{name: w, mountPath: /w}]\n",
                             pods[i].name, pods[i].security, pods[i].command));
        T_OK(cluster_wait(&c, pods[i].name, "status.phase", pods[i].phase, 5000), pods[i].name);
    }
    cluster_close(&c);
}

static void ends_politely(void)
{
    struct cluster c;
    AUTO(arena) struct arena *a = arena_new(0);
    cluster_open(&c);
    cluster_create(&c,
                   POD("polite", "  terminationGracePeriodSeconds: 10\n"
                                 "  containers:\n"
                                 "  - name: app\n"
                                 "    image: busybox:1\n"
                                 "    command: [sh, -c, 'trap \"echo bye; exit 0\" TERM; echo up; "
                                 "while :; do sleep 0.02; done']\n"
                                 "    lifecycle:\n"
                                 "      postStart: {exec: {command: [sh, -c, 'echo started > "
                                 "/proc/1/fd/1']}}\n"
                                 "      preStop: {exec: {command: [sh, -c, 'echo stopping > "
                                 "/proc/1/fd/1']}}\n"));
    cluster_create(&c,
                   POD("stubborn", "  terminationGracePeriodSeconds: 30\n"
                                   "  containers:\n"
                                   "  - name: app\n"
                                   "    image: busybox:1\n"
                                   "    command: [sh, -c, 'trap \"\" TERM; while :; do sleep 0.1; "
                                   "done']\n"));
    T_OK(cluster_wait(&c, "polite", "status.containerStatuses[0].started", "true", 5000), "runs");
    T_OK(cluster_wait(&c, "stubborn", "status.containerStatuses[0].started", "true", 5000), "runs");
    AUTO(object) struct object *o = cluster_pod(&c, "polite");
    struct kube_delete_opts d = {.grace_s = -1};
    struct err e = {0};
    (void)poll(NULL, 0, 100);
    T_RC(kube_delete(c.kube, &RES_POD, "default", "polite", &d, &e), &e, "delete");
    T_OK(cluster_gone(&c, "polite", 5000), "gone before its grace is over");
    AUTO_BUF struct buf b;
    buf_init(&b, 1 << 16);
    struct pod_log_opts q = {.container = "app", .tail_lines = -1, .limit_bytes = -1};
    T_RC(node_door(c.node)->ops->logs(node_door(c.node), o, &q, keep, &b, &e), &e, "log");
    T_OK(strstr(buf_text(&b), "started\n") && strstr(buf_text(&b), "stopping\nbye\n"),
         buf_text(&b));
    d.grace_s = 1;
    int64_t before = clock_mono_ms();
    T_RC(kube_delete(c.kube, &RES_POD, "default", "stubborn", &d, &e), &e, "delete");
    T_OK(cluster_gone(&c, "stubborn", 5000), "killed in the end");
    T_OK(clock_mono_ms() - before >= 900, "not before its grace was over");
    (void)a;
    cluster_close(&c);
}

static void adopts(void)
{
    struct cluster c;
    AUTO(arena) struct arena *a = arena_new(0);
    cluster_open(&c);
    cluster_create(&c, POD("stays", "  containers:\n"
                                    "  - name: app\n"
                                    "    image: busybox:1\n"
                                    "    command: [sh, -c, 'i=0; while :; do echo $i; i=$((i+1)); "
                                    "sleep 0.01; done']\n"));
    cluster_create(&c, POD("ends", "  restartPolicy: Never\n"
                                   "  containers:\n"
                                   "  - name: app\n"
                                   "    image: busybox:1\n"
                                   "    command: [sh, -c, 'sleep 0.5; echo late; exit 9']\n"));
    T_OK(cluster_wait(&c, "stays", "status.containerStatuses[0].ready", "true", 5000), "runs");
    T_OK(cluster_wait(&c, "ends", "status.containerStatuses[0].ready", "true", 5000), "runs");
    AUTO(object) struct object *before = cluster_pod(&c, "stays");
    node_stop(c.node);
    (void)poll(NULL, 0, 700);
    int64_t t = clock_mono_ms();
    cluster_node(&c);
    T_OK(cluster_wait(&c, "ends", "status.containerStatuses[0].state.terminated.exitCode", "9",
                      2000),
         "the exit code nobody saw");
    T_OK(clock_mono_ms() - t < 500, "within half a second");
    T_EQ_STR(logs(&c, "ends", "app", false, a), "late\n", "and its line");
    (void)poll(NULL, 0, 200);
    AUTO(object) struct object *after = cluster_pod(&c, "stays");
    T_EQ_STR(value_at_str(after->root, "status.containerStatuses[0].containerID", ""),
             value_at_str(before->root, "status.containerStatuses[0].containerID", "?"),
             "the other is the same container");
    T_EQ_STR(value_at_str(after->root, "status.containerStatuses[0].state.running.startedAt", ""),
             value_at_str(before->root, "status.containerStatuses[0].state.running.startedAt", "?"),
             "started when it was");
    const char *text = logs(&c, "stays", "app", false, a);
    int want = 0;
    for (const char *p = text; *p; p = strchr(p, '\n') + 1)
        if (strtol(p, NULL, 10) != want++)
            break;
    size_t lines = 0;
    for (const char *p = text; (p = strchr(p, '\n')); p++)
        lines++;
    T_EQ_INT(want, lines, "no line was lost");
    T_OK(lines > 30, "and many were written");
    cluster_close(&c);
}

static pid_t shim_pid(struct cluster *c, const char *pod, struct arena *a)
{
    AUTO(object) struct object *o = cluster_pod(c, pod);
    char *text;
    const char *path =
        arena_printf(a, "%s/run/runtime/containers/%s_app_0/lock", c->box.dir, o->uid);
    return fs_read(path, 32, a, &text, NULL, NULL) < 0 ? 0 : (pid_t)strtol(text, NULL, 10);
}

static void loses_a_shim(void)
{
    struct cluster c;
    AUTO(arena) struct arena *a = arena_new(0);
    cluster_open(&c);
    cluster_create(&c, POD("lost", "  containers:\n"
                                   "  - name: app\n"
                                   "    image: busybox:1\n"
                                   "    command: [sleep, '100']\n"));
    T_OK(cluster_wait(&c, "lost", "status.containerStatuses[0].ready", "true", 5000), "runs");
    pid_t pid = shim_pid(&c, "lost", a);
    T_OK(pid > 1 && kill(pid, 9) == 0, "kill its shim");
    T_OK(cluster_wait(&c, "lost", "status.containerStatuses[0].restartCount", "1", 5000),
         "restarted");
    T_OK(cluster_wait(&c, "lost", "status.containerStatuses[0].lastState.terminated.reason",
                      "ContainerStatusUnknown", 1000),
         "how it ended is unknown");
    T_OK(cluster_wait(&c, "lost", "status.containerStatuses[0].lastState.terminated.exitCode",
                      "137", 1000),
         "137");
    cluster_close(&c);
}

static void explains_failures(void)
{
    struct cluster c;
    cluster_open(&c);
    cluster_create(&c, POD("noimage", "  containers: [{name: app, image: 'missing:1'}]\n"));
    cluster_create(&c, POD("nocommand", "  restartPolicy: Never\n"
                                        "  containers: [{name: app, image: 'busybox:1', command: "
                                        "[/no/such]}]\n"));
    cluster_create(&c, POD("nokey",
                           "  containers: [{name: app, image: 'busybox:1', command: [env], env: "
                           "[{name: X, valueFrom: {configMapKeyRef: {name: gone, key: "
                           "x}}}]}]\n"));
    cluster_create(&c,
                   POD("late", "  restartPolicy: Never\n"
                               "  activeDeadlineSeconds: 1\n"
                               "  terminationGracePeriodSeconds: 0\n"
                               "  containers: [{name: app, image: 'busybox:1', command: [sleep, "
                               "'100']}]\n"));
    cluster_create(&c, POD("hungry", "  restartPolicy: Never\n"
                                     "  containers:\n"
                                     "  - name: app\n"
                                     "    image: busybox:1\n"
                                     "    command: [sh, -c, 'x=a; while :; do x=$x$x; done']\n"
                                     "    resources: {limits: {memory: 16Mi}}\n"));
    T_OK(cluster_wait(&c, "noimage", "status.containerStatuses[0].state.waiting.reason",
                      "ErrImagePull", 3000),
         "an image that is not there");
    T_OK(cluster_wait(&c, "noimage", "status.containerStatuses[0].state.waiting.reason",
                      "ImagePullBackOff", 5000),
         "and is not asked for all the time");
    T_OK(cluster_wait(&c, "nocommand", "status.phase", "Failed", 3000),
         "a program that is not there");
    T_OK(cluster_wait(&c, "nocommand", "status.containerStatuses[0].state.terminated.reason",
                      "StartError", 1000),
         "says so");
    T_OK(cluster_wait(&c, "nokey", "status.containerStatuses[0].state.waiting.reason",
                      "CreateContainerConfigError", 3000),
         "a reference that leads nowhere");
    T_OK(cluster_wait(&c, "nokey", "status.containerStatuses[0].state.waiting.message",
                      "configmap \"gone\" not found", 1000),
         "says which");
    T_OK(cluster_wait(&c, "late", "status.reason", "DeadlineExceeded", 4000), "a deadline");
    T_OK(cluster_wait(&c, "late", "status.phase", "Failed", 4000), "fails the pod");
    T_OK(cluster_wait(&c, "hungry", "status.containerStatuses[0].state.terminated.reason",
                      "OOMKilled", 4000),
         "too much memory");
    cluster_close(&c);
}

static void count_stats(void *arg, const struct node_container_stats *s)
{
    int *n = arg;
    if (strcmp(s->pod, "door") == 0 && s->running && s->pids >= 1 && s->memory_bytes > 0)
        ++*n;
}

static void opens_doors(void)
{
    struct cluster c;
    cluster_open(&c);
    cluster_create(&c,
                   POD("door", "  shareProcessNamespace: true\n"
                               "  containers:\n"
                               "  - name: app\n"
                               "    image: busybox:1\n"
                               "    command: [sh, -c, 'echo served > /tmp/x; httpd -f -p 8080 -h "
                               "/tmp']\n"));
    T_OK(cluster_wait(&c, "door", "status.containerStatuses[0].ready", "true", 5000), "runs");
    AUTO(object) struct object *o = cluster_pod(&c, "door");

    struct pod_door *d = node_door(c.node);
    struct err e = {0};
    int out[2], code = -1;
    T_OK(pipe(out) == 0, "pipe");
    struct pod_exec_opts x = {
        .container = "app",
        .argv = (const char *const[]){"sh", "-c", "echo hi; cat /proc/1/comm; exit 5", NULL},
        .in_fd = -1,
        .out_fd = out[1],
        .err_fd = -1,
        .resize_fd = -1,
        .gone_fd = -1
    };
    T_RC(d->ops->exec(d, o, &x, &code, &e), &e, "exec");
    char text[256] = "";
    T_EQ_INT(code, 5, "its code");
    T_OK(read(out[0], text, sizeof text - 1) > 0, "its output");
    T_EQ_STR(text, "hi\npause\n", "in the shared process namespace");
    x.container = "other";
    T_EQ_INT(d->ops->exec(d, o, &x, &code, &e), ERR_NOT_FOUND, "no such container");
    int fd = -1;
    T_RC(d->ops->connect(d, o, 8080, &fd, &e), &e, "connect");
    T_OK(write(fd, "GET /x HTTP/1.0\r\n\r\n", 19) == 19, "ask");
    size_t n = 0;
    memset(text, 0, sizeof text);
    for (ssize_t got; n < sizeof text - 1 && (got = read(fd, text + n, sizeof text - 1 - n)) > 0;)
        n += (size_t)got;
    T_OK(strstr(text, "served") != NULL, text);
    (void)close(fd);
    int count = 0;
    node_stats(c.node, true, count_stats, &count);
    T_EQ_INT(count, 1, "numbers");
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
    static void (*const all[])(void) = {
        runs_to_the_end, init_and_sidecars, crash_loop, probes,       volumes_and_environment,
        shares_a_claim,  ends_politely,     adopts,     loses_a_shim, explains_failures,
        opens_doors};
    if (argc > 1 && strspn(argv[1], "0123456789"))
        return t_run(all + strtol(argv[1], NULL, 10), 1);
    return t_run(all, sizeof all / sizeof all[0]);
}
