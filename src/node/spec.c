#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "api/quantity.h"
#include "base/fs.h"
#include "node/node_int.h"

struct build {
    struct node *n;
    const struct pod_def *d;
    const struct container_def *c;
    const struct sandbox *s;
    const struct pod_image *image;
    struct arena *a;
    const struct value *sc, *psc; /* security contexts: the container's, the pod's */
    const char **env;
    size_t n_env;
    struct container_mount *mounts;
    size_t n_mounts;
    struct container_spec *out;
};

/* ---- command ---- */

static size_t count(const char *const *list)
{
    size_t n = 0;
    while (list && list[n])
        n++;
    return n;
}

static const char **expand_list(const struct build *b, const struct value *list, const char **to)
{
    VALUE_EACH_ITEM (v, list)
        *to++ = env__expand(value_str(v, ""), b->env, b->n_env, b->a);
    return to;
}

static const char **copy_list(const char *const *list, const char **to)
{
    for (; *list; list++)
        *to++ = *list;
    return to;
}

static int set_command(struct build *b, struct err *e)
{
    const struct value *command = value_get(b->c->v, "command"), *args = value_get(b->c->v, "args");
    size_t n = value_count(command) + value_count(args) + count(b->image->entrypoint) +
               count(b->image->cmd);
    const char **argv = ARENA_ARRAY(b->a, const char *, n + 1), **to = argv;
    to = value_count(command) ? expand_list(b, command, to) : copy_list(b->image->entrypoint, to);
    if (value_count(args))
        to = expand_list(b, args, to);
    else if (!value_count(command))
        to = copy_list(b->image->cmd, to);
    if (to == argv)
        return err_set(e, ERR_INVALID, "no command specified");
    b->out->argv = argv;
    b->out->cwd = value_at_str(b->c->v, "workingDir", b->image->workdir);
    if (!*b->out->cwd)
        b->out->cwd = "/";
    return 0;
}

/* ---- who it runs as and what it may do ---- */

/* The container's security context goes before the pod's. */
static const struct value *either(const struct build *b, const char *key)
{
    const struct value *v = value_get(b->sc, key);
    return v ? v : value_get(b->psc, key);
}

static void add_group(struct build *b, uint32_t **groups, size_t *n, uint32_t gid)
{
    for (size_t i = 0; i < *n; i++)
        if ((*groups)[i] == gid)
            return;
    *groups = arena_grow(b->a, *groups, *n * sizeof **groups, (*n + 1) * sizeof **groups);
    (*groups)[(*n)++] = gid;
}

static int set_user(struct build *b, struct err *e)
{
    const struct value *run_as = either(b, "runAsUser"), *group = either(b, "runAsGroup");
    const char *user =
        run_as ? arena_printf(b->a, "%lld", (long long)value_int(run_as, 0)) : b->image->user;
    uint32_t *groups = NULL;
    size_t n = 0;
    int rc = user__find(b->image->layers, b->image->n_layers, user, &b->out->uid, &b->out->gid,
                        &groups, &n, b->a, e);
    if (rc < 0)
        return rc;
    if (group)
        b->out->gid = (uint32_t)value_int(group, 0);
    if (b->out->uid == 0 && value_bool(either(b, "runAsNonRoot"), false))
        return err_set(e, ERR_INVALID, "container has runAsNonRoot and image will run as root");
    if (strcmp(value_at_str(b->psc, "supplementalGroupsPolicy", "Merge"), "Strict") == 0)
        n = 0;
    VALUE_EACH_ITEM (g, value_get(b->psc, "supplementalGroups"))
        add_group(b, &groups, &n, (uint32_t)value_int(g, 0));
    if (value_get(b->psc, "fsGroup"))
        add_group(b, &groups, &n, (uint32_t)value_at_int(b->psc, "fsGroup", 0));
    b->out->groups = groups;
    b->out->n_groups = n;
    return 0;
}

static const char *const base_capabilities[] = {
    "AUDIT_WRITE",      "CHOWN",   "DAC_OVERRIDE", "FOWNER", "FSETID",  "KILL",   "MKNOD",
    "NET_BIND_SERVICE", "NET_RAW", "SETFCAP",      "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT",
};

static bool names(const struct value *list, const char *cap)
{
    VALUE_EACH_ITEM (v, list) {
        const char *s = value_str(v, "");
        if (strncasecmp(s, "CAP_", 4) == 0)
            s += 4;
        if (strcasecmp(s, cap) == 0 || strcasecmp(s, "ALL") == 0)
            return true;
    }
    return false;
}

static void set_capabilities(struct build *b)
{
    const struct value *add = value_at(b->sc, "capabilities.add");
    const struct value *drop = value_at(b->sc, "capabilities.drop");
    if (!add && !drop)
        return;
    size_t n = 0;
    const char **list =
        ARENA_ARRAY(b->a, const char *, ARRAY_LEN(base_capabilities) + value_count(add) + 1);
    for (size_t i = 0; i < ARRAY_LEN(base_capabilities); i++)
        if (!names(drop, base_capabilities[i]) && !names(add, base_capabilities[i]))
            list[n++] = arena_printf(b->a, "CAP_%s", base_capabilities[i]);
    VALUE_EACH_ITEM (v, add) {
        const char *s = value_str(v, "");
        list[n++] = strncasecmp(s, "CAP_", 4) == 0 ? s : arena_printf(b->a, "CAP_%s", s);
    }
    b->out->capabilities = list;
}

static int set_fence(struct build *b, struct err *e)
{
    const char *seccomp = value_at_str(either(b, "seccompProfile"), "type", "RuntimeDefault");
    if (strcmp(seccomp, "Localhost") == 0)
        return err_set(e, ERR_UNSUPPORTED, "seccompProfile Localhost is not supported");
    b->out->seccomp = strcmp(seccomp, "Unconfined") == 0 ? SECCOMP_UNCONFINED : SECCOMP_DEFAULT;
    b->out->privileged = value_at_bool(b->sc, "privileged", false);
    b->out->no_new_privs = !value_at_bool(b->sc, "allowPrivilegeEscalation", true);
    b->out->readonly_root = value_at_bool(b->sc, "readOnlyRootFilesystem", false);
    b->out->unmask_proc = strcmp(value_at_str(b->sc, "procMount", ""), "Unmasked") == 0;
    set_capabilities(b);
    const struct value *sysctls = value_get(b->psc, "sysctls");
    const char **list = ARENA_ARRAY(b->a, const char *, value_count(sysctls) + 1);
    size_t n = 0;
    VALUE_EACH_ITEM (s, sysctls)
        list[n++] =
            arena_printf(b->a, "%s=%s", value_at_str(s, "name", ""), value_at_str(s, "value", ""));
    b->out->sysctls = list;
    return 0;
}

/* ---- limits ---- */

static bool quantity_of(const struct value *list, const char *name, struct quantity *q)
{
    const struct value *v = value_get(list, name);
    const char *text = value_is(v, VALUE_STRING)                            ? value_str(v, "")
                       : value_is(v, VALUE_INT) || value_is(v, VALUE_FLOAT) ? v->text
                                                                            : NULL;
    return text && quantity_parse(text, q, NULL) == 0 && q->nano > 0;
}

/* The kernel's victim when memory runs out: what promised nothing goes first. */
static int oom_score(const struct build *b, const struct value *requests)
{
    const char *qos = pod_qos(b->d->spec);
    if (strcmp(qos, "Guaranteed") == 0)
        return -997;
    if (strcmp(qos, "BestEffort") == 0)
        return 1000;
    struct quantity q;
    int64_t all = (int64_t)sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE);
    int64_t wanted = quantity_of(requests, "memory", &q) ? quantity_value(&q) : 0;
    int64_t score = 1000 - 1000 * wanted / all;
    return score < 3 ? 3 : score > 999 ? 999 : (int)score;
}

static void set_limits(struct build *b)
{
    const struct value *limits = value_at(b->c->v, "resources.limits");
    const struct value *requests = value_at(b->c->v, "resources.requests");
    struct container_limits *l = &b->out->limits;
    struct quantity q;
    l->cpu_shares = 2;
    if (quantity_of(requests, "cpu", &q) || quantity_of(limits, "cpu", &q)) {
        int64_t shares = quantity_milli_value(&q) * 1024 / 1000;
        l->cpu_shares = shares < 2 ? 2 : shares > 262144 ? 262144 : (uint64_t)shares;
    }
    if (quantity_of(limits, "cpu", &q)) {
        l->cpu_period_us = 100000;
        l->cpu_quota_us = quantity_milli_value(&q) * 100;
        if (l->cpu_quota_us < 1000)
            l->cpu_quota_us = 1000;
    }
    if (quantity_of(limits, "memory", &q))
        l->memory_bytes = quantity_value(&q);
    b->out->oom_score_adj = oom_score(b, requests);
}

/* ---- mounts ---- */

static void add_mount(struct build *b, const char *source, const char *target, const char *options,
                      bool readonly)
{
    b->mounts = arena_grow(b->a, b->mounts, b->n_mounts * sizeof *b->mounts,
                           (b->n_mounts + 1) * sizeof *b->mounts);
    b->mounts[b->n_mounts++] = (struct container_mount){
        .source = source, .target = target, .options = options, .readonly = readonly};
}

static bool has_mount(const struct build *b, const char *target)
{
    for (size_t i = 0; i < b->n_mounts; i++)
        if (strcmp(b->mounts[i].target, target) == 0)
            return true;
    return false;
}

static int open_beneath(int dir, const char *path, uint64_t flags)
{
    struct open_how how = {.flags = flags | O_CLOEXEC,
                           .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS};
    return (int)syscall(SYS_openat2, dir, path, &how, sizeof how);
}

/* Makes the folders of a sub path that are missing, never through a link. */
static void make_beneath(int dir, const char *path)
{
    AUTO(arena) struct arena *a = arena_new(0);
    char *p = arena_strdup(a, path);
    for (char *s = p;; s++) {
        if (*s != '/' && *s)
            continue;
        char held = *s;
        *s = '\0';
        char *base = strrchr(p, '/');
        AUTO_FD int up = base ? open_beneath(dir, (*base = '\0', p), O_PATH | O_DIRECTORY) : -1;
        if (*p && (!base || up >= 0))
            (void)mkdirat(base ? up : dir, base ? base + 1 : p, 0750);
        if (base)
            *base = '/';
        *s = held;
        if (!held)
            return;
    }
}

/* A sub path is opened without following links and pinned by a bind mount, so that the container
 * can't swap a link in between the look and the mount. */
static int pin_sub_path(struct build *b, const char *volume, const char *sub, const char **out,
                        struct err *e)
{
    AUTO_FD int dir = open(volume, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0)
        return err_sys(e, errno, "open volume %s", volume);
    AUTO_FD int fd = open_beneath(dir, sub, O_PATH);
    /* configMap and secret files are links into ..data: those we made ourselves */
    char inner[4096];
    ssize_t n = fd < 0 ? readlinkat(dir, "..data", inner, sizeof inner - 1) : -1;
    if (n > 0) {
        inner[n] = '\0';
        fd = open_beneath(dir, arena_printf(b->a, "%s/%s", inner, sub), O_PATH);
    } else if (fd < 0) {
        make_beneath(dir, sub);
        fd = open_beneath(dir, sub, O_PATH);
    }
    struct stat st;
    if (fd < 0 || fstat(fd, &st) < 0)
        return err_sys(e, errno, "subPath %s", sub);
    const char *folder = place__pod(b->n, b->a, b->d->uid, "subpaths");
    int rc = fs_mkdirs(folder, 0700, e);
    if (rc < 0)
        return rc;
    const char *at = arena_printf(b->a, "%s/%s-%zu", folder, b->c->name, b->n_mounts);
    (void)umount2(at, MNT_DETACH | UMOUNT_NOFOLLOW);
    if (S_ISDIR(st.st_mode))
        (void)mkdir(at, 0700);
    else
        (void)close(open(at, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    if (mount(arena_printf(b->a, "/proc/self/fd/%d", fd), at, NULL, MS_BIND | MS_REC, NULL) < 0)
        return err_sys(e, errno, "mount subPath %s", sub);
    *out = at;
    return guard__trim(b->n->dir, arena_printf(b->a, "%s/%s", volume, sub), at, b->a, e);
}

static bool is_host_path(const struct pod_def *d, const char *volume)
{
    VALUE_EACH_ITEM (v, value_get(d->spec, "volumes"))
        if (strcmp(value_at_str(v, "name", ""), volume) == 0)
            return value_get(v, "hostPath") != NULL;
    return false;
}

/* The data folder in a folder of the host that a pod may see is an empty one there. */
static int hide_data(struct build *b, const char *source, const char *target, struct err *e)
{
    const char *hidden = guard__hidden(b->n->dir, source, b->a);
    if (!hidden)
        return 0;
    const char *empty = arena_printf(b->a, "%s/run/empty", b->n->dir);
    int rc = fs_mkdirs(empty, 0555, e);
    if (rc == 0)
        add_mount(b, empty, arena_printf(b->a, "%s/%s", target, hidden), "rprivate", true);
    return rc;
}

static int add_volume_mount(struct build *b, const struct value *m, struct err *e)
{
    const char *name = value_at_str(m, "name", ""), *source;
    int rc = volume__path(b->n, b->d, name, b->a, &source, e);
    if (rc < 0)
        return rc;
    const char *real = source, *target = value_at_str(m, "mountPath", "");
    const char *sub = value_at_str(m, "subPath", "");
    const char *expr = value_at_str(m, "subPathExpr", "");
    if (*expr)
        sub = env__expand(expr, b->env, b->n_env, b->a);
    if (*sub) {
        real = arena_printf(b->a, "%s/%s", source, sub);
        if (is_host_path(b->d, name))
            rc = guard__path(b->n->dir, real, "bin", b->a, e);
        if (rc == 0)
            rc = pin_sub_path(b, source, sub, &source, e);
        if (rc < 0)
            return rc;
    }
    const char *propagation = value_at_str(m, "mountPropagation", "None");
    if (strcmp(propagation, "Bidirectional") == 0)
        return err_set(e, ERR_UNSUPPORTED, "mountPropagation Bidirectional is not supported");
    add_mount(b, source, target,
              strcmp(propagation, "HostToContainer") == 0 ? "rslave" : "rprivate",
              value_at_bool(m, "readOnly", false) || guard__read_only(b->n->dir, real, b->a));
    return is_host_path(b->d, name) ? hide_data(b, real, target, e) : 0;
}

static int add_termination_log(struct build *b, struct err *e)
{
    const char *folder = place__pod(b->n, b->a, b->d->uid, "messages");
    int rc = fs_mkdirs(folder, 0711, e);
    if (rc < 0)
        return rc;
    const char *file = arena_printf(b->a, "%s/%s", folder, b->c->name);
    AUTO_FD int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0 || fchmod(fd, 0666) < 0)
        return err_sys(e, errno, "make %s", file);
    add_mount(b, file, b->c->termination_path, "rprivate", false);
    return 0;
}

static size_t depth_of(const char *path)
{
    size_t n = 0;
    for (const char *p = path; *p; p++)
        n += *p == '/' && p[1] && p[1] != '/';
    return n;
}

/* Outer folders first, else in the order written: a mount never hides one that lies below it. */
static void sort_mounts(struct container_mount *m, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        struct container_mount x = m[i];
        size_t k = i;
        for (; k > 0 && depth_of(m[k - 1].target) > depth_of(x.target); k--)
            m[k] = m[k - 1];
        m[k] = x;
    }
}

static int set_mounts(struct build *b, struct err *e)
{
    if (value_count(value_get(b->c->v, "volumeDevices")))
        return err_set(e, ERR_UNSUPPORTED, "volumeDevices are not supported");
    VALUE_EACH_ITEM (m, value_get(b->c->v, "volumeMounts")) {
        int rc = add_volume_mount(b, m, e);
        if (rc < 0)
            return rc;
    }
    static const struct {
        const char *target, *file;
    } own[] = {
        {"/etc/hosts",       "hosts"      },
        {"/etc/resolv.conf", "resolv.conf"},
        {"/etc/hostname",    "hostname"   },
        {"/dev/shm",         "shm"        }
    };
    for (size_t i = 0; i < ARRAY_LEN(own); i++) {
        const char *file = place__pod(b->n, b->a, b->d->uid, own[i].file);
        if (!has_mount(b, own[i].target) && access(file, F_OK) == 0)
            add_mount(b, file, own[i].target, "rprivate", false);
    }
    int rc = add_termination_log(b, e);
    sort_mounts(b->mounts, b->n_mounts);
    b->out->mounts = b->mounts;
    b->out->n_mounts = b->n_mounts;
    return rc;
}

/* ---- namespaces ---- */

static int set_namespaces(struct build *b, struct err *e)
{
    const char *uts = place__pod(b->n, b->a, b->d->uid, "uts");
    const char *ipc = place__pod(b->n, b->a, b->d->uid, "ipc");
    b->out->net_ns = b->s->netns;
    b->out->uts_ns = b->d->host_network ? "host" : uts;
    b->out->ipc_ns = b->d->host_ipc ? "host" : access(ipc, F_OK) == 0 ? ipc : NULL;
    if (b->d->host_pid)
        b->out->pid_ns = "host";
    else if (b->d->share_pid)
        return runtime_ns_path(b->n->runtime, container__id(b->a, b->d->uid, "POD", 0), "pid", b->a,
                               &b->out->pid_ns, e);
    return 0;
}

int spec__build(struct node *n, const struct pod_def *d, const struct container_def *c,
                const struct sandbox *s, const struct pod_image *image, struct arena *a,
                struct container_spec *out, struct err *e)
{
    *out = (struct container_spec){.layers = image->layers,
                                   .n_layers = image->n_layers,
                                   .tty = c->tty,
                                   .stdin_open = c->stdin_open,
                                   .stdin_once = c->stdin_once};
    struct build b = {.n = n,
                      .d = d,
                      .c = c,
                      .s = s,
                      .image = image,
                      .a = a,
                      .out = out,
                      .sc = value_get(c->v, "securityContext"),
                      .psc = value_get(d->spec, "securityContext")};
    int rc = env__of(n, d, c, s, image->env, a, &b.env, e);
    if (rc < 0)
        return rc;
    b.n_env = count(b.env);
    out->env = b.env;
    out->cgroup = arena_printf(a, "pod%s/%s", d->uid, c->name);
    set_limits(&b);
    rc = set_command(&b, e);
    if (rc == 0)
        rc = set_user(&b, e);
    if (rc == 0)
        rc = set_fence(&b, e);
    if (rc == 0)
        rc = set_mounts(&b, e);
    return rc == 0 ? set_namespaces(&b, e) : rc;
}
