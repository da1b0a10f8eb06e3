#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/thread.h"
#include "node/node_int.h"

char *place__pod(const struct node *n, struct arena *a, const char *uid, const char *file)
{
    return arena_printf(a, "%s/run/pods/%s%s%s", n->dir, uid, file ? "/" : "", file ? file : "");
}

char *place__log(const struct node *n, struct arena *a, const char *uid, const char *container,
                 int attempt)
{
    return arena_printf(a, "%s/pods/%s/%s/%d.log", n->dir, uid, container, attempt);
}

char *container__id(struct arena *a, const char *uid, const char *name, int attempt)
{
    return arena_printf(a, "%s_%s_%d", uid, name, attempt);
}

/* ---- namespaces that a pod's containers share ---- */

struct pinned {
    const char *ipc, *uts, *hostname;
    struct err *e;
    int rc;
};

static int pin(const char *ns, const char *path, struct err *e)
{
    AUTO_FD int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || mount(ns, path, NULL, MS_BIND, NULL) < 0)
        return err_sys(e, errno, "pin %s on %s", ns, path);
    return 0;
}

/* Runs on a thread of its own, which alone leaves the host's namespaces and then ends. */
static void *make_pinned(void *arg)
{
    struct pinned *p = arg;
    if (unshare(CLONE_NEWUTS | (p->ipc ? CLONE_NEWIPC : 0)) < 0 ||
        sethostname(p->hostname, strlen(p->hostname)) < 0) {
        p->rc = err_sys(p->e, errno, "make namespaces");
        return NULL;
    }
    if (p->ipc)
        p->rc = pin("/proc/thread-self/ns/ipc", p->ipc, p->e);
    if (p->rc == 0)
        p->rc = pin("/proc/thread-self/ns/uts", p->uts, p->e);
    return NULL;
}

static bool is_pinned(const char *path)
{
    struct statfs st;
    return statfs(path, &st) == 0 && st.f_type == NSFS_MAGIC;
}

static int share_namespaces(struct node *n, const struct pod_def *d, const char *hostname,
                            struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(0);
    struct pinned p = {.ipc = d->host_ipc ? NULL : place__pod(n, a, d->uid, "ipc"),
                       .uts = place__pod(n, a, d->uid, "uts"),
                       .hostname = hostname,
                       .e = e};
    /* a kill may have come between the two: no container ran then, and both are made anew */
    if (d->host_network || (is_pinned(p.uts) && (!p.ipc || is_pinned(p.ipc))))
        return 0;
    pthread_t t;
    int rc = thread_start(&t, "namespaces", 0, make_pinned, &p, e);
    if (rc < 0)
        return rc;
    (void)pthread_join(t, NULL);
    return p.rc;
}

/* ---- files below /etc ---- */

static int put_file(struct node *n, const char *uid, const char *name, const struct buf *b,
                    struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(0);
    const char *path = place__pod(n, a, uid, name);
    AUTO_FD int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0 || write(fd, buf_text(b), b->len) != (ssize_t)b->len)
        return err_sys(e, errno, "write %s", path);
    return 0;
}

static void host_file(const char *path, struct buf *b)
{
    AUTO(arena) struct arena *a = arena_new(0);
    char *text;
    if (fs_read(path, 1 << 20, a, &text, NULL, NULL) == 0)
        buf_puts(b, text);
}

static int write_hosts(struct node *n, const struct pod_def *d, const struct sandbox *s,
                       struct err *e)
{
    AUTO_BUF struct buf b;
    buf_init(&b, 2 << 20);
    buf_puts(&b, "# Kubernetes-managed hosts file");
    if (d->host_network) {
        buf_puts(&b, " (host network).\n");
        host_file("/etc/hosts", &b);
    } else {
        const char *sub = value_at_str(d->spec, "subdomain", "");
        buf_puts(&b, ".\n127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n"
                     "fe00::0\tip6-localnet\nfe00::0\tip6-mcastprefix\nfe00::1\tip6-allnodes\n"
                     "fe00::2\tip6-allrouters\n");
        if (*sub)
            buf_printf(&b, "%s\t%s.%s.%s.svc.%s\t%s\n", s->ip, s->hostname, sub, d->ns, n->domain,
                       s->hostname);
        else
            buf_printf(&b, "%s\t%s\n", s->ip, s->hostname);
    }
    const struct value *aliases = value_get(d->spec, "hostAliases");
    if (value_count(aliases))
        buf_puts(&b, "\n# Entries added by HostAliases.\n");
    VALUE_EACH_ITEM (h, aliases) {
        buf_puts(&b, value_at_str(h, "ip", ""));
        VALUE_EACH_ITEM (name, value_get(h, "hostnames"))
            buf_printf(&b, "\t%s", value_str(name, ""));
        buf_putc(&b, '\n');
    }
    return put_file(n, d->uid, "hosts", &b, e);
}

static void each(struct buf *b, const char *before, const struct value *list, const char *after)
{
    VALUE_EACH_ITEM (v, list)
        buf_printf(b, "%s%s%s", before, value_str(v, ""), after);
}

static int write_resolv(struct node *n, const struct pod_def *d, const struct sandbox *s,
                        struct err *e)
{
    const char *policy = value_at_str(d->spec, "dnsPolicy", "ClusterFirst");
    const struct value *config = value_get(d->spec, "dnsConfig");
    const struct value *searches = value_get(config, "searches");
    bool cluster = *s->dns && (strcmp(policy, "ClusterFirstWithHostNet") == 0 ||
                               (strcmp(policy, "ClusterFirst") == 0 && !d->host_network));
    AUTO_BUF struct buf b;
    buf_init(&b, 1 << 20);
    if (cluster) {
        buf_printf(&b, "nameserver %s\n", s->dns);
        each(&b, "nameserver ", value_get(config, "nameservers"), "\n");
        buf_printf(&b, "search %s.svc.%s svc.%s %s", d->ns, n->domain, n->domain, n->domain);
        each(&b, " ", searches, "");
        buf_puts(&b, "\noptions ndots:5");
    } else {
        if (strcmp(policy, "None") != 0)
            host_file("/etc/resolv.conf", &b);
        each(&b, "nameserver ", value_get(config, "nameservers"), "\n");
        if (value_count(searches)) {
            buf_puts(&b, "search");
            each(&b, " ", searches, "");
            buf_putc(&b, '\n');
        }
        if (value_count(value_get(config, "options")))
            buf_puts(&b, "options");
    }
    VALUE_EACH_ITEM (o, value_get(config, "options")) {
        const char *v = value_at_str(o, "value", NULL);
        buf_printf(&b, " %s%s%s", value_at_str(o, "name", ""), v ? ":" : "", v ? v : "");
    }
    buf_putc(&b, '\n');
    return put_file(n, d->uid, "resolv.conf", &b, e);
}

static int write_files(struct node *n, const struct pod_def *d, const struct sandbox *s,
                       struct err *e)
{
    int rc = write_hosts(n, d, s, e);
    if (rc == 0)
        rc = write_resolv(n, d, s, e);
    if (rc < 0)
        return rc;
    AUTO_BUF struct buf b;
    buf_init(&b, 256);
    buf_printf(&b, "%s\n", s->hostname);
    return put_file(n, d->uid, "hostname", &b, e);
}

/* ---- up and down ---- */

static void choose_hostname(const struct pod_def *d, struct sandbox *s)
{
    const char *name = value_at_str(d->spec, "hostname", d->name);
    if (d->host_network && gethostname(s->hostname, sizeof s->hostname) == 0)
        return;
    (void)snprintf(s->hostname, sizeof s->hostname, "%.63s", name);
    for (size_t n = strlen(s->hostname); n && strchr("-.", s->hostname[n - 1]); n--)
        s->hostname[n - 1] = '\0';
}

static size_t host_ports(const struct pod_def *d, struct arena *a, struct net_host_port **out)
{
    size_t n = 0;
    struct net_host_port *list = NULL;
    for (size_t i = 0; i < d->n; i++)
        VALUE_EACH_ITEM (p, value_get(d->c[i].v, "ports")) {
            int64_t host = value_at_int(p, "hostPort", 0);
            if (host <= 0)
                continue;
            list = arena_grow(a, list, n * sizeof *list, (n + 1) * sizeof *list);
            list[n++] = (struct net_host_port){
                .protocol = value_at_str(p, "protocol", "TCP"),
                .host_ip = value_at_str(p, "hostIP", ""),
                .host_port = (uint16_t)host,
                .container_port = (uint16_t)value_at_int(p, "containerPort", 0),
            };
        }
    *out = list;
    return n;
}

static int join_network(struct node *n, const struct pod_def *d, struct sandbox *s, struct err *e)
{
    if (d->host_network) {
        (void)snprintf(s->ip, sizeof s->ip, "%s", n->address);
        (void)snprintf(s->netns, sizeof s->netns, "host");
        return 0;
    }
    AUTO(arena) struct arena *a = arena_new(0);
    struct net_host_port *ports = NULL;
    struct net_want want = {.uid = d->uid, .ns = d->ns, .name = d->name};
    want.n_ports = host_ports(d, a, &ports);
    want.ports = ports;
    struct net_pod got;
    int rc = n->net->ops->add(n->net, &want, a, &got, e);
    if (rc < 0)
        return err_wrap(e, rc, "network");
    (void)snprintf(s->ip, sizeof s->ip, "%s", got.ip);
    (void)snprintf(s->netns, sizeof s->netns, "%s", got.netns);
    (void)snprintf(s->dns, sizeof s->dns, "%s", got.dns ? got.dns : "");
    s->inside_only = got.inside_only;
    return 0;
}

static int mount_shm(struct node *n, const struct pod_def *d, struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(0);
    const char *dir = place__pod(n, a, d->uid, "shm");
    struct statfs st;
    if (d->host_ipc || (statfs(dir, &st) == 0 && st.f_type == TMPFS_MAGIC))
        return 0;
    int rc = fs_mkdirs(dir, 0777, e);
    if (rc == 0 &&
        mount("shm", dir, "tmpfs", MS_NOSUID | MS_NOEXEC | MS_NODEV, "mode=1777,size=64m") < 0)
        return err_sys(e, errno, "mount %s", dir);
    return rc;
}

/* A process that does nothing holds the process namespace the containers share. */
static int start_pause(struct node *n, const struct pod_def *d, const struct sandbox *s,
                       struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(0);
    const char *id = container__id(a, d->uid, "POD", 0);
    struct container_info info;
    if (!d->share_pid || (runtime_get(n->runtime, id, a, &info, NULL) == 0 && info.running))
        return 0;
    int rc = runtime_remove(n->runtime, id, e);
    char *layer = place__pod(n, a, d->uid, "pause");
    if (rc == 0)
        rc = fs_mkdirs(layer, 0755, e);
    if (rc < 0)
        return rc;
    const char *layers[] = {layer}, *argv[] = {"/pause", "shim", "pause", NULL};
    const char *env[] = {NULL};
    struct container_mount mount = {
        .source = runtime_shim(n->runtime), .target = "/pause", .readonly = true};
    struct container_spec c = {
        .id = id,
        .layers = layers,
        .n_layers = 1,
        .argv = argv,
        .env = env,
        .mounts = &mount,
        .n_mounts = 1,
        .net_ns = s->netns,
        .no_new_privs = true,
        .uid = 65535,
        .gid = 65535,
        .cgroup = arena_printf(a, "pod%s/POD", d->uid),
        .oom_score_adj = -998,
    };
    return runtime_start(n->runtime, &c, e);
}

int sandbox__up(struct node *n, const struct pod_def *d, struct sandbox *out, struct err *e)
{
    struct sandbox s = {0};
    AUTO(arena) struct arena *a = arena_new(0);
    choose_hostname(d, &s);
    int rc = fs_mkdirs(place__pod(n, a, d->uid, "volumes"), 0711, e);
    if (rc == 0)
        rc = join_network(n, d, &s, e);
    if (rc == 0)
        rc = share_namespaces(n, d, s.hostname, e);
    if (rc == 0)
        rc = mount_shm(n, d, e);
    if (rc == 0)
        rc = write_files(n, d, &s, e);
    if (rc == 0)
        rc = start_pause(n, d, &s, e);
    if (rc == 0)
        rc = volume__setup(n, d, &s, e);
    if (rc == 0)
        *out = s;
    return rc;
}

int sandbox__down(struct node *n, const char *uid, struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(0);
    int rc = runtime_remove(n->runtime, container__id(a, uid, "POD", 0), e);
    if (rc == 0)
        rc = n->net->ops->del(n->net, uid, e);
    if (rc < 0)
        return rc;
    runtime_drop_group(n->runtime, arena_printf(a, "pod%s", uid));
    const char *dir = place__pod(n, a, uid, NULL);
    rc = fs_unmount_below(dir, e);
    return rc < 0 ? rc : fs_remove_tree(dir, e);
}
