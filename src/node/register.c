#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "api/quantity.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/thread.h"
#include "node/node_int.h"

enum { BEAT_MS = 10000, CONDITIONS_MS = 300000, MAX_PODS = 512, LEASE_S = 40 };

static char *small_file(const char *path, struct arena *a)
{
    char *text;
    if (fs_read(path, 4096, a, &text, NULL, NULL) < 0)
        return arena_strdup(a, "");
    text[strcspn(text, "\n")] = '\0';
    return text;
}

static const char *os_image(struct arena *a)
{
    char *text;
    if (fs_read("/etc/os-release", 65536, a, &text, NULL, NULL) < 0)
        return "Linux";
    char *p = strstr(text, "PRETTY_NAME=\"");
    if (!p)
        return "Linux";
    p += 13;
    p[strcspn(p, "\"\n")] = '\0';
    return p;
}

static const char *architecture(const struct utsname *u)
{
    return strcmp(u->machine, "x86_64") == 0    ? "amd64"
           : strcmp(u->machine, "aarch64") == 0 ? "arm64"
                                                : u->machine;
}

static void set_resources(struct arena *a, struct value *status, const char *key)
{
    struct value *o = value_make_object(a, status, key);
    long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    (void)value_set(a, o, "cpu", value_new_strf(a, "%ld", sysconf(_SC_NPROCESSORS_ONLN)));
    (void)value_set(a, o, "memory", value_new_strf(a, "%ldKi", pages * (page / 1024)));
    (void)value_set(a, o, "pods", value_new_strf(a, "%d", MAX_PODS));
}

static void add_condition(struct arena *a, struct value *list, const char *const *text,
                          const char *now, const struct value *old)
{
    struct value *c = value_push(a, list, value_new_object(a));
    (void)value_set_str(a, c, "type", text[0]);
    (void)value_set_str(a, c, "status", text[1]);
    (void)value_set_str(a, c, "lastHeartbeatTime", now);
    const char *since = now;
    VALUE_EACH_ITEM (o, value_at(old, "status.conditions"))
        if (strcmp(value_at_str(o, "type", ""), text[0]) == 0 &&
            strcmp(value_at_str(o, "status", ""), text[1]) == 0)
            since = value_at_str(o, "lastTransitionTime", now);
    (void)value_set_str(a, c, "lastTransitionTime", since);
    (void)value_set_str(a, c, "reason", text[2]);
    (void)value_set_str(a, c, "message", text[3]);
}

static void set_conditions(struct node *n, struct arena *a, struct value *status,
                           const struct value *old)
{
    static const char *const conditions[][4] = {
        {"MemoryPressure", "False", "KubeletHasSufficientMemory",
         "kubelet has sufficient memory available"                                                      },
        {"DiskPressure",   "False", "KubeletHasNoDiskPressure",   "kubelet has no disk pressure"        },
        {"PIDPressure",    "False", "KubeletHasSufficientPID",    "kubelet has sufficient PID available"},
        {"Ready",          "True",  "KubeletReady",               "kubelet is posting ready status"     },
    };
    char now[CLOCK_TEXT_MAX];
    clock_format_rfc3339(n->clock->real_ms(n->clock), now);
    struct value *list = value_make_array(a, status, "conditions");
    for (size_t i = 0; i < ARRAY_LEN(conditions); i++)
        add_condition(a, list, conditions[i], now, old);
}

static void set_info(struct arena *a, struct value *status)
{
    struct utsname u;
    (void)uname(&u);
    struct value *i = value_make_object(a, status, "nodeInfo");
    (void)value_set_str(a, i, "architecture", architecture(&u));
    (void)value_set_str(a, i, "bootID", small_file("/proc/sys/kernel/random/boot_id", a));
    (void)value_set_str(a, i, "containerRuntimeVersion", "slipway://0.1.0");
    (void)value_set_str(a, i, "kernelVersion", u.release);
    (void)value_set_str(a, i, "kubeProxyVersion", "");
    (void)value_set_str(a, i, "kubeletVersion", "v1.33.0-slipway");
    (void)value_set_str(a, i, "machineID", small_file("/etc/machine-id", a));
    (void)value_set_str(a, i, "operatingSystem", "linux");
    (void)value_set_str(a, i, "osImage", os_image(a));
    (void)value_set_str(a, i, "systemUUID", small_file("/etc/machine-id", a));
}

static struct value *node_status(struct node *n, struct arena *a, const struct value *old)
{
    struct value *status = value_new_object(a);
    set_resources(a, status, "capacity");
    set_resources(a, status, "allocatable");
    set_conditions(n, a, status, old);
    struct value *list = value_make_array(a, status, "addresses");
    struct value *ip = value_push(a, list, value_new_object(a));
    (void)value_set_str(a, ip, "type", "InternalIP");
    (void)value_set_str(a, ip, "address", n->address);
    struct value *host = value_push(a, list, value_new_object(a));
    (void)value_set_str(a, host, "type", "Hostname");
    (void)value_set_str(a, host, "address", n->name);
    set_info(a, status);
    return status;
}

static struct value *node_object(struct node *n, struct arena *a)
{
    struct utsname u;
    (void)uname(&u);
    struct value *o = value_new_object(a);
    (void)value_set_str(a, o, "apiVersion", "v1");
    (void)value_set_str(a, o, "kind", "Node");
    struct value *meta = value_make_object(a, o, "metadata");
    (void)value_set_str(a, meta, "name", n->name);
    struct value *l = value_make_object(a, meta, "labels");
    (void)value_set_str(a, l, "kubernetes.io/hostname", n->name);
    (void)value_set_str(a, l, "kubernetes.io/os", "linux");
    (void)value_set_str(a, l, "kubernetes.io/arch", architecture(&u));
    (void)value_set_str(a, l, "node-role.kubernetes.io/control-plane", "");
    for (const char *const *p = n->labels; p && *p; p++) {
        const char *eq = strchr(*p, '=');
        if (eq)
            (void)value_set_str(a, l, arena_strndup(a, *p, (size_t)(eq - *p)), eq + 1);
    }
    (void)value_make_object(a, o, "spec");
    return o;
}

static int put_status(struct node *n, struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(0);
    AUTO(object) struct object *old = NULL;
    int rc = kube_get(n->kube, &RES_NODE, NULL, n->name, &old, e);
    if (rc < 0)
        return rc;
    struct value *patch = value_new_object(a);
    (void)value_set(a, patch, "status", node_status(n, a, old->root));
    return kube_patch(n->kube, &RES_NODE, NULL, n->name, "status", KUBE_PATCH_MERGE, patch, NULL,
                      e);
}

int register__node(struct node *n, struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(0);
    struct value *o = node_object(n, a);
    int rc = kube_create(n->kube, &RES_NODE, NULL, o, NULL, e);
    if (rc == ERR_EXISTS) {
        struct value *patch = value_new_object(a);
        (void)value_set(a, value_make_object(a, patch, "metadata"), "labels",
                        value_at(o, "metadata.labels"));
        rc = kube_patch(n->kube, &RES_NODE, NULL, n->name, NULL, KUBE_PATCH_MERGE, patch, NULL, e);
    }
    if (rc == 0)
        rc = put_status(n, e);
    return rc < 0 ? err_wrap(e, rc, "register node %s", n->name) : 0;
}

/* ---- the heartbeat ---- */

static struct value *lease_object(struct node *n, struct arena *a)
{
    char now[CLOCK_TEXT_MAX];
    clock_format_rfc3339_micro(n->clock->real_ms(n->clock) * 1000, now);
    struct value *o = value_new_object(a);
    (void)value_set_str(a, o, "apiVersion", "coordination.k8s.io/v1");
    (void)value_set_str(a, o, "kind", "Lease");
    struct value *meta = value_make_object(a, o, "metadata");
    (void)value_set_str(a, meta, "name", n->name);
    (void)value_set_str(a, meta, "namespace", "kube-node-lease");
    struct value *spec = value_make_object(a, o, "spec");
    (void)value_set_str(a, spec, "holderIdentity", n->name);
    (void)value_set_int(a, spec, "leaseDurationSeconds", LEASE_S);
    (void)value_set_str(a, spec, "renewTime", now);
    return o;
}

static int beat(struct node *n, struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(0);
    struct value *o = lease_object(n, a);
    struct value *patch = value_new_object(a);
    (void)value_set(a, patch, "spec", value_get(o, "spec"));
    int rc = kube_patch(n->kube, &RES_LEASE, "kube-node-lease", n->name, NULL, KUBE_PATCH_MERGE,
                        patch, NULL, e);
    return rc == ERR_NOT_FOUND ? kube_create(n->kube, &RES_LEASE, "kube-node-lease", o, NULL, e)
                               : rc;
}

void *register__beat(void *arg)
{
    struct node *n = arg;
    int64_t conditions_due = n->clock->mono_ms(n->clock) + CONDITIONS_MS;
    while (!n->stopping) {
        struct err e = {0};
        if (beat(n, &e) < 0)
            log_debug("node", "lease: %s", e.msg);
        if (n->clock->mono_ms(n->clock) >= conditions_due) {
            if (put_status(n, &e) < 0)
                log_warn("node", "status of node %s: %s", n->name, e.msg);
            conditions_due += CONDITIONS_MS;
        }
        LOCK_SCOPE(&n->lock);
        int64_t left, until = n->clock->mono_ms(n->clock) + BEAT_MS;
        while (!n->stopping && (left = until - n->clock->mono_ms(n->clock)) > 0)
            (void)cond_wait_ms(&n->changed, &n->lock, left);
    }
    return NULL;
}
