#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "codec/json.h"
#include "codec/value.h"
#include "runtime/runtime_int.h"

static const char *const default_capabilities[] = {
    "CAP_AUDIT_WRITE", "CAP_CHOWN",   "CAP_DAC_OVERRIDE",     "CAP_FOWNER",     "CAP_FSETID",
    "CAP_KILL",        "CAP_MKNOD",   "CAP_NET_BIND_SERVICE", "CAP_NET_RAW",    "CAP_SETFCAP",
    "CAP_SETGID",      "CAP_SETPCAP", "CAP_SETUID",           "CAP_SYS_CHROOT", NULL,
};

/* By number. */
static const char *const all_capabilities[] = {
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_DAC_READ_SEARCH",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_KILL",
    "CAP_SETGID",
    "CAP_SETUID",
    "CAP_SETPCAP",
    "CAP_LINUX_IMMUTABLE",
    "CAP_NET_BIND_SERVICE",
    "CAP_NET_BROADCAST",
    "CAP_NET_ADMIN",
    "CAP_NET_RAW",
    "CAP_IPC_LOCK",
    "CAP_IPC_OWNER",
    "CAP_SYS_MODULE",
    "CAP_SYS_RAWIO",
    "CAP_SYS_CHROOT",
    "CAP_SYS_PTRACE",
    "CAP_SYS_PACCT",
    "CAP_SYS_ADMIN",
    "CAP_SYS_BOOT",
    "CAP_SYS_NICE",
    "CAP_SYS_RESOURCE",
    "CAP_SYS_TIME",
    "CAP_SYS_TTY_CONFIG",
    "CAP_MKNOD",
    "CAP_LEASE",
    "CAP_AUDIT_WRITE",
    "CAP_AUDIT_CONTROL",
    "CAP_SETFCAP",
    "CAP_MAC_OVERRIDE",
    "CAP_MAC_ADMIN",
    "CAP_SYSLOG",
    "CAP_WAKE_ALARM",
    "CAP_BLOCK_SUSPEND",
    "CAP_AUDIT_READ",
    "CAP_PERFMON",
    "CAP_BPF",
    "CAP_CHECKPOINT_RESTORE",
    NULL,
};

static const char *const masked[] = {
    "/proc/acpi",
    "/proc/asound",
    "/proc/interrupts",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/sys/devices/virtual/powercap",
    "/sys/firmware",
    NULL,
};

static const char *const readonly[] = {
    "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger", NULL,
};

static void set_list(struct arena *a, struct value *o, const char *key, const char *const *list)
{
    struct value *v = value_make_array(a, o, key);
    for (; list && *list; list++)
        (void)value_push_str(a, v, *list);
}

static void set_user(const struct container_spec *s, struct arena *a, struct value *process)
{
    struct value *u = value_make_object(a, process, "user");
    (void)value_set_int(a, u, "uid", s->uid);
    (void)value_set_int(a, u, "gid", s->gid);
    if (s->umask)
        (void)value_set_int(a, u, "umask", s->umask);
    if (s->n_groups == 0)
        return;
    struct value *g = value_make_array(a, u, "additionalGids");
    for (size_t i = 0; i < s->n_groups; i++)
        (void)value_push(a, g, value_new_int(a, s->groups[i]));
}

/* Whether we have it ourselves: what we lack can't be given, and asking for it would fail. */
static bool is_ours(const char *cap)
{
    for (int i = 0; all_capabilities[i]; i++)
        if (strcmp(all_capabilities[i], cap) == 0)
            return prctl(PR_CAPBSET_READ, i, 0, 0, 0) == 1;
    return true; /* unknown here: crun says what it thinks of it */
}

static void set_caps(struct arena *a, struct value *o, const char *key, const char *const *list)
{
    struct value *v = value_make_array(a, o, key);
    for (; *list; list++)
        if (is_ours(*list))
            (void)value_push_str(a, v, *list);
}

/* Only CAP_SYS_RESOURCE may make a process less likely to be the OOM killer's victim than we. */
static int oom_score(int wanted)
{
    char text[16] = "";
    AUTO_FD int fd = open("/proc/self/oom_score_adj", O_RDONLY | O_CLOEXEC);
    if (is_ours("CAP_SYS_RESOURCE") || fd < 0 || read(fd, text, sizeof text - 1) <= 0)
        return wanted;
    int own = (int)strtol(text, NULL, 10);
    return wanted < own ? own : wanted;
}

/* A process that is not root gets its capabilities as a bound only, as containerd does. */
static void set_capabilities(const struct container_spec *s, struct arena *a, struct value *process)
{
    const char *const *caps = s->privileged     ? all_capabilities
                              : s->capabilities ? s->capabilities
                                                : default_capabilities;
    struct value *c = value_make_object(a, process, "capabilities");
    set_caps(a, c, "bounding", caps);
    if (s->uid != 0 && !s->privileged)
        return;
    set_caps(a, c, "effective", caps);
    set_caps(a, c, "permitted", caps);
}

static void set_process(const struct container_spec *s, struct arena *a, struct value *root)
{
    struct value *p = value_make_object(a, root, "process");
    (void)value_set_bool(a, p, "terminal", s->tty);
    set_list(a, p, "args", s->argv);
    set_list(a, p, "env", s->env);
    (void)value_set_str(a, p, "cwd", s->cwd && *s->cwd ? s->cwd : "/");
    (void)value_set_bool(a, p, "noNewPrivileges", s->no_new_privs);
    (void)value_set_int(a, p, "oomScoreAdj", oom_score(s->oom_score_adj));
    set_user(s, a, p);
    set_capabilities(s, a, p);
    if (s->n_rlimits == 0)
        return;
    struct value *list = value_make_array(a, p, "rlimits");
    for (size_t i = 0; i < s->n_rlimits; i++) {
        struct value *l = value_push(a, list, value_new_object(a));
        (void)value_set_str(a, l, "type", s->rlimits[i].type);
        (void)value_set_int(a, l, "soft", (int64_t)s->rlimits[i].soft);
        (void)value_set_int(a, l, "hard", (int64_t)s->rlimits[i].hard);
    }
}

static void split_options(struct arena *a, struct value *list, const char *options)
{
    while (options && *options) {
        size_t n = strcspn(options, ",");
        if (n)
            (void)value_push(a, list, value_new_strn(a, options, n));
        options += n + (options[n] == ',');
    }
}

static void add_mount(struct arena *a, struct value *list, const struct container_mount *m)
{
    struct value *v = value_push(a, list, value_new_object(a));
    (void)value_set_str(a, v, "destination", m->target);
    (void)value_set_str(a, v, "type", m->type ? m->type : "bind");
    (void)value_set_str(a, v, "source", m->source ? m->source : m->type);
    struct value *o = value_make_array(a, v, "options");
    if (!m->type)
        (void)value_push_str(a, o, "rbind");
    split_options(a, o, m->options);
    (void)value_push_str(a, o, m->readonly ? "ro" : "rw");
}

static bool is_mounted(const struct container_spec *s, const char *target)
{
    for (size_t i = 0; i < s->n_mounts; i++)
        if (strcmp(s->mounts[i].target, target) == 0)
            return true;
    return false;
}

static void set_mounts(const struct container_spec *s, struct arena *a, struct value *root)
{
    const struct container_mount base[] = {
        {"proc",   "/proc",          "proc",   "nosuid,noexec,nodev",                                     false         },
        {"tmpfs",  "/dev",           "tmpfs",  "nosuid,strictatime,mode=755,size=65536k",                 false         },
        {"devpts", "/dev/pts",       "devpts", "nosuid,noexec,newinstance,ptmxmode=0666,mode=0620,gid=5",
         false                                                                                                          },
        {"mqueue", "/dev/mqueue",    "mqueue", "nosuid,noexec,nodev",                                     false         },
        {"shm",    "/dev/shm",       "tmpfs",  "nosuid,noexec,nodev,mode=1777,size=65536k",               false         },
        {"sysfs",  "/sys",           "sysfs",  "nosuid,noexec,nodev",                                     !s->privileged},
        {"cgroup", "/sys/fs/cgroup", "cgroup", "nosuid,noexec,nodev,relatime",                            !s->privileged},
    };
    struct value *list = value_make_array(a, root, "mounts");
    for (size_t i = 0; i < ARRAY_LEN(base); i++)
        if (!is_mounted(s, base[i].target))
            add_mount(a, list, &base[i]);
    for (size_t i = 0; i < s->n_mounts; i++)
        add_mount(a, list, &s->mounts[i]);
}

static void add_namespace(struct arena *a, struct value *list, const char *type, const char *path)
{
    if (path && strcmp(path, "host") == 0)
        return;
    struct value *n = value_push(a, list, value_new_object(a));
    (void)value_set_str(a, n, "type", type);
    if (path)
        (void)value_set_str(a, n, "path", path);
}

static void set_namespaces(const struct container_spec *s, struct arena *a, struct value *linux_)
{
    struct value *list = value_make_array(a, linux_, "namespaces");
    add_namespace(a, list, "mount", NULL);
    add_namespace(a, list, "network", s->net_ns);
    add_namespace(a, list, "ipc", s->ipc_ns);
    add_namespace(a, list, "uts", s->uts_ns);
    add_namespace(a, list, "pid", s->pid_ns);
    if (!s->privileged)
        add_namespace(a, list, "cgroup", NULL);
}

static void set_limits(const struct container_spec *s, struct arena *a, struct value *res)
{
    const struct container_limits *l = &s->limits;
    if (l->memory_bytes > 0) {
        struct value *m = value_make_object(a, res, "memory");
        (void)value_set_int(a, m, "limit", l->memory_bytes);
        if (l->memory_swap_bytes > 0)
            (void)value_set_int(a, m, "swap", l->memory_swap_bytes);
    }
    if (l->cpu_quota_us > 0 || l->cpu_shares > 0) {
        struct value *c = value_make_object(a, res, "cpu");
        if (l->cpu_shares > 0)
            (void)value_set_int(a, c, "shares", (int64_t)l->cpu_shares);
        if (l->cpu_quota_us > 0) {
            (void)value_set_int(a, c, "quota", l->cpu_quota_us);
            (void)value_set_int(a, c, "period", l->cpu_period_us ? l->cpu_period_us : 100000);
        }
    }
    if (l->pids > 0)
        (void)value_set_int(a, value_make_object(a, res, "pids"), "limit", l->pids);
}

static void allow_device(struct arena *a, struct value *list, char type, int64_t major,
                         int64_t minor)
{
    struct value *d = value_push(a, list, value_new_object(a));
    (void)value_set_bool(a, d, "allow", true);
    (void)value_set_str(a, d, "type", type == 'c' ? "c" : "b");
    if (major >= 0)
        (void)value_set_int(a, d, "major", major);
    if (minor >= 0)
        (void)value_set_int(a, d, "minor", minor);
    (void)value_set_str(a, d, "access", "rwm");
}

/* Nothing but what is listed may be opened; crun itself allows null, zero, tty and their like. */
static void set_devices(const struct container_spec *s, struct arena *a, struct value *linux_)
{
    struct value *rules = value_make_array(a, linux_, "resources.devices");
    struct value *all = value_push(a, rules, value_new_object(a));
    (void)value_set_bool(a, all, "allow", s->privileged);
    (void)value_set_str(a, all, "access", "rwm");
    if (s->n_devices == 0)
        return;
    struct value *nodes = value_make_array(a, linux_, "devices");
    for (size_t i = 0; i < s->n_devices; i++) {
        const struct container_device *d = &s->devices[i];
        struct value *n = value_push(a, nodes, value_new_object(a));
        (void)value_set_str(a, n, "path", d->path);
        (void)value_set_str(a, n, "type", d->type == 'c' ? "c" : "b");
        (void)value_set_int(a, n, "major", d->major);
        (void)value_set_int(a, n, "minor", d->minor);
        if (!s->privileged)
            allow_device(a, rules, d->type, d->major, d->minor);
    }
}

static void set_sysctls(const struct container_spec *s, struct arena *a, struct value *linux_)
{
    for (const char *const *p = s->sysctls; p && *p; p++) {
        const char *eq = strchr(*p, '=');
        if (eq)
            (void)value_set_str(a, value_make_object(a, linux_, "sysctl"),
                                arena_strndup(a, *p, (size_t)(eq - *p)), eq + 1);
    }
}

static void set_linux(const struct container_spec *s, const char *cgroup, struct arena *a,
                      struct value *root)
{
    struct value *l = value_make_object(a, root, "linux");
    (void)value_set_str(a, l, "cgroupsPath", cgroup);
    set_devices(s, a, l);
    set_limits(s, a, value_get_mut(l, "resources"));
    set_namespaces(s, a, l);
    set_sysctls(s, a, l);
    if (s->privileged)
        return;
    if (!s->unmask_proc) {
        set_list(a, l, "maskedPaths", masked);
        set_list(a, l, "readonlyPaths", readonly);
    }
    if (s->seccomp == SECCOMP_DEFAULT)
        (void)value_set(a, l, "seccomp", seccomp__profile(a));
}

char *runtime__config(const struct container_spec *s, const char *cgroup_path, struct arena *a,
                      size_t *len)
{
    struct value *root = value_new_object(a);
    (void)value_set_str(a, root, "ociVersion", "1.0.2");
    set_process(s, a, root);
    struct value *fs = value_make_object(a, root, "root");
    (void)value_set_str(a, fs, "path", "rootfs");
    (void)value_set_bool(a, fs, "readonly", s->readonly_root);
    if (s->hostname)
        (void)value_set_str(a, root, "hostname", s->hostname);
    set_mounts(s, a, root);
    set_linux(s, cgroup_path, a, root);
    char *text = json_text(a, root, JSON_NO_HTML);
    *len = strlen(text);
    return text;
}
