#include "api/podsecurity.h"

#include <string.h>

#include "api/tree_int.h"

struct pod {
    const struct value *spec, *annotations;
    struct arena *a;
};

/* Names in quotes, and how many. */
struct quoted {
    const char *text;
    size_t n;
};

static void add(struct pod *p, struct quoted *q, const char *name)
{
    q->text = arena_printf(p->a, "%s%s\"%s\"", q->text, q->n ? ", " : "", name);
    q->n++;
}

typedef bool container_test(const struct pod *p, const struct value *c);

static const char *const LISTS[] = {"initContainers", "containers", "ephemeralContainers"};

static struct quoted which(struct pod *p, container_test *bad)
{
    struct quoted q = {.text = ""};
    for (size_t i = 0; i < ARRAY_LEN(LISTS); i++)
        VALUE_EACH_ITEM (c, value_get(p->spec, LISTS[i]))
            if (bad(p, c))
                add(p, &q, str(c, "name"));
    return q;
}

/* `container "a"` or `containers "a", "b"` */
static const char *named(struct pod *p, struct quoted q, const char *noun)
{
    return arena_printf(p->a, "%s%s %s", noun, q.n > 1 ? "s" : "", q.text);
}

static const struct value *security(const struct value *c)
{
    return value_get(c, "securityContext");
}

static const struct value *pod_security(const struct pod *p)
{
    return value_get(p->spec, "securityContext");
}

static const char *simple(struct pod *p, container_test *bad, const char *reason, const char *must)
{
    struct quoted q = which(p, bad);
    return q.n ? arena_printf(p->a, "%s (%s %s)", reason, named(p, q, "container"), must) : NULL;
}

/* ---- baseline ---- */

static const char *host_namespaces(struct pod *p)
{
    static const char *const fields[] = {"hostNetwork", "hostPID", "hostIPC"};
    const char *text = "";
    for (size_t i = 0; i < 3; i++)
        if (value_bool(value_get(p->spec, fields[i]), false))
            text = arena_printf(p->a, "%s%s%s=true", text, *text ? ", " : "", fields[i]);
    return *text ? arena_printf(p->a, "host namespaces (%s)", text) : NULL;
}

static const char *host_paths(struct pod *p)
{
    struct quoted q = {.text = ""};
    VALUE_EACH_ITEM (v, value_get(p->spec, "volumes"))
        if (has(v, "hostPath"))
            add(p, &q, str(v, "name"));
    return q.n ? arena_printf(p->a, "hostPath volumes (%s)", named(p, q, "volume")) : NULL;
}

static bool uses_host_port(const struct pod *p, const struct value *c)
{
    (void)p;
    VALUE_EACH_ITEM (port, value_get(c, "ports"))
        if (value_int(value_get(port, "hostPort"), 0))
            return true;
    return false;
}

static const char *host_ports(struct pod *p)
{
    struct quoted q = which(p, uses_host_port);
    const char *ports = "";
    size_t n = 0;
    for (size_t i = 0; i < ARRAY_LEN(LISTS); i++)
        VALUE_EACH_ITEM (c, value_get(p->spec, LISTS[i]))
            VALUE_EACH_ITEM (port, value_get(c, "ports")) {
                int64_t host = value_int(value_get(port, "hostPort"), 0);
                if (host)
                    ports = arena_printf(p->a, "%s%s%lld", ports, n++ ? ", " : "", (long long)host);
            }
    return q.n ? arena_printf(p->a, "hostPort (%s use%s hostPort%s %s)", named(p, q, "container"),
                              q.n > 1 ? "" : "s", n > 1 ? "s" : "", ports)
               : NULL;
}

static bool is_privileged(const struct pod *p, const struct value *c)
{
    (void)p;
    return value_bool(value_get(security(c), "privileged"), false);
}

static bool unmasks_proc(const struct pod *p, const struct value *c)
{
    (void)p;
    const char *s = str(security(c), "procMount");
    return *s && !is(s, "Default");
}

static bool is_host_process(const struct pod *p, const struct value *c)
{
    (void)p;
    return value_bool(value_at(security(c), "windowsOptions.hostProcess"), false);
}

static const char *privileged(struct pod *p)
{
    return simple(p, is_privileged, "privileged", "must not set securityContext.privileged=true");
}

static const char *proc_mount(struct pod *p)
{
    return simple(p, unmasks_proc, "procMount",
                  "must not set securityContext.procMount to \"Unmasked\"");
}

static const char *host_process(struct pod *p)
{
    return simple(p, is_host_process, "hostProcess",
                  "must not set securityContext.windowsOptions.hostProcess=true");
}

/* Capabilities beyond `allowed`, over all containers, once each. */
static struct quoted added_beyond(struct pod *p, const char *const *allowed, struct quoted *who)
{
    struct quoted caps = {.text = ""};
    *who = (struct quoted){.text = ""};
    for (size_t i = 0; i < ARRAY_LEN(LISTS); i++)
        VALUE_EACH_ITEM (c, value_get(p->spec, LISTS[i])) {
            bool bad = false;
            VALUE_EACH_ITEM (x, value_at(security(c), "capabilities.add")) {
                size_t k = 0;
                while (allowed[k] && !is(allowed[k], value_str(x, "")))
                    k++;
                if (allowed[k])
                    continue;
                bad = true;
                if (!strstr(caps.text, arena_printf(p->a, "\"%s\"", value_str(x, ""))))
                    add(p, &caps, value_str(x, ""));
            }
            if (bad)
                add(p, who, str(c, "name"));
        }
    return caps;
}

static const char *capabilities_baseline(struct pod *p)
{
    static const char *const allowed[] = {
        "AUDIT_WRITE",      "CHOWN",   "DAC_OVERRIDE", "FOWNER",  "FSETID", "KILL",       "MKNOD",
        "NET_BIND_SERVICE", "SETFCAP", "SETGID",       "SETPCAP", "SETUID", "SYS_CHROOT", NULL};
    struct quoted who, caps = added_beyond(p, allowed, &who);
    return caps.n ? arena_printf(p->a,
                                 "non-default capabilities (%s must not include %s in "
                                 "securityContext.capabilities.add)",
                                 named(p, who, "container"), caps.text)
                  : NULL;
}

static bool seccomp_off(const struct pod *p, const struct value *c)
{
    (void)p;
    return is(value_at_str(security(c), "seccompProfile.type", ""), "Unconfined");
}

static const char *seccomp_baseline(struct pod *p)
{
    struct quoted q = which(p, seccomp_off);
    bool pod = is(value_at_str(pod_security(p), "seccompProfile.type", ""), "Unconfined");
    if (!pod && !q.n)
        return NULL;
    return arena_printf(
        p->a,
        "seccompProfile (%s%s%s must not set securityContext.seccompProfile.type to "
        "\"Unconfined\")",
        pod ? "pod" : "", pod && q.n ? " and " : "", q.n ? named(p, q, "container") : "");
}

static const char *sysctls(struct pod *p)
{
    static const char *const safe[] = {"kernel.shm_rmid_forced",
                                       "net.ipv4.ip_local_port_range",
                                       "net.ipv4.tcp_syncookies",
                                       "net.ipv4.ping_group_range",
                                       "net.ipv4.ip_unprivileged_port_start",
                                       "net.ipv4.ip_local_reserved_ports",
                                       "net.ipv4.tcp_keepalive_time",
                                       "net.ipv4.tcp_fin_timeout",
                                       "net.ipv4.tcp_keepalive_intvl",
                                       "net.ipv4.tcp_keepalive_probes",
                                       "net.ipv4.tcp_rmem",
                                       "net.ipv4.tcp_wmem"};
    const char *text = "";
    VALUE_EACH_ITEM (s, value_get(pod_security(p), "sysctls")) {
        size_t i = 0;
        while (i < ARRAY_LEN(safe) && !is(safe[i], str(s, "name")))
            i++;
        if (i == ARRAY_LEN(safe))
            text = arena_printf(p->a, "%s%s%s", text, *text ? ", " : "", str(s, "name"));
    }
    return *text ? arena_printf(p->a, "forbidden sysctls (%s)", text) : NULL;
}

static bool selinux_forbidden(const struct value *o)
{
    static const char *const types[] = {"", "container_t", "container_init_t", "container_kvm_t",
                                        "container_engine_t"};
    for (size_t i = 0; i < ARRAY_LEN(types); i++)
        if (is(types[i], str(o, "type")))
            return *str(o, "user") || *str(o, "role");
    return true;
}

static bool container_selinux(const struct pod *p, const struct value *c)
{
    (void)p;
    return selinux_forbidden(value_get(security(c), "seLinuxOptions"));
}

static const char *selinux(struct pod *p)
{
    struct quoted q = which(p, container_selinux);
    bool pod = selinux_forbidden(value_get(pod_security(p), "seLinuxOptions"));
    if (!pod && !q.n)
        return NULL;
    return arena_printf(
        p->a, "seLinuxOptions (%s%s%s set forbidden securityContext.seLinuxOptions)",
        pod ? "pod" : "", pod && q.n ? " and " : "", q.n ? named(p, q, "container") : "");
}

static bool apparmor_off(const struct pod *p, const struct value *c)
{
    const char *key =
        arena_printf(p->a, "container.apparmor.security.beta.kubernetes.io/%s", str(c, "name"));
    const char *note = str(p->annotations, key);
    return is(value_at_str(security(c), "appArmorProfile.type", ""), "Unconfined") ||
           is(note, "unconfined");
}

static const char *apparmor(struct pod *p)
{
    struct quoted q = which(p, apparmor_off);
    bool pod = is(value_at_str(pod_security(p), "appArmorProfile.type", ""), "Unconfined");
    if (!pod && !q.n)
        return NULL;
    return arena_printf(p->a,
                        "forbidden AppArmor profile (%s%s%s must not set AppArmor profile type to "
                        "\"Unconfined\")",
                        pod ? "pod" : "", pod && q.n ? " and " : "",
                        q.n ? named(p, q, "container") : "");
}

/* ---- restricted ---- */

static bool may_escalate(const struct pod *p, const struct value *c)
{
    (void)p;
    return value_bool(value_get(security(c), "allowPrivilegeEscalation"), true);
}

static const char *escalation(struct pod *p)
{
    return simple(p, may_escalate, "allowPrivilegeEscalation != false",
                  "must set securityContext.allowPrivilegeEscalation=false");
}

static bool keeps_capabilities(const struct pod *p, const struct value *c)
{
    (void)p;
    VALUE_EACH_ITEM (x, value_at(security(c), "capabilities.drop"))
        if (is(value_str(x, ""), "ALL"))
            return false;
    return true;
}

static const char *capabilities_restricted(struct pod *p)
{
    static const char *const allowed[] = {"NET_BIND_SERVICE", NULL};
    struct quoted keep = which(p, keeps_capabilities), who;
    struct quoted caps = added_beyond(p, allowed, &who);
    const char *text = "";
    if (keep.n)
        text = arena_printf(p->a, "%s must set securityContext.capabilities.drop=[\"ALL\"]",
                            named(p, keep, "container"));
    if (caps.n)
        text = arena_printf(p->a, "%s%s%s must not include %s in securityContext.capabilities.add",
                            text, *text ? "; " : "", named(p, who, "container"), caps.text);
    return *text ? arena_printf(p->a, "unrestricted capabilities (%s)", text) : NULL;
}

static const char *volume_types(struct pod *p)
{
    static const char *const allowed[] = {"configMap", "csi",       "downwardAPI",
                                          "emptyDir",  "ephemeral", "persistentVolumeClaim",
                                          "projected", "secret",    "image"};
    struct quoted who = {.text = ""}, types = {.text = ""};
    VALUE_EACH_ITEM (v, value_get(p->spec, "volumes"))
        VALUE_EACH_MEMBER (m, v) {
            size_t i = 0;
            while (i < ARRAY_LEN(allowed) && !is(allowed[i], m->key))
                i++;
            if (i < ARRAY_LEN(allowed) || is(m->key, "name"))
                continue;
            add(p, &who, str(v, "name"));
            if (!strstr(types.text, arena_printf(p->a, "\"%s\"", m->key)))
                add(p, &types, m->key);
        }
    return who.n ? arena_printf(p->a,
                                "restricted volume types (%s use%s restricted volume type%s "
                                "%s)",
                                named(p, who, "volume"), who.n > 1 ? "" : "s",
                                types.n > 1 ? "s" : "", types.text)
                 : NULL;
}

static bool says_root(const struct pod *p, const struct value *c)
{
    (void)p;
    return !value_bool(value_get(security(c), "runAsNonRoot"), true);
}

static bool says_nothing_of_root(const struct pod *p, const struct value *c)
{
    (void)p;
    return !has(security(c), "runAsNonRoot");
}

static const char *run_as_non_root(struct pod *p)
{
    const struct value *pod = value_get(pod_security(p), "runAsNonRoot");
    struct quoted bad = which(p, says_root), unset = which(p, says_nothing_of_root);
    const char *text = "";
    bool pod_bad = pod && !value_bool(pod, true);
    if (pod_bad && unset.n)
        text = "pod";
    if (bad.n)
        text = arena_printf(p->a, "%s%s%s", text, *text ? " and " : "", named(p, bad, "container"));
    if (*text)
        return arena_printf(p->a,
                            "runAsNonRoot != true (%s must not set "
                            "securityContext.runAsNonRoot=false)",
                            text);
    if (!pod && unset.n)
        return arena_printf(p->a,
                            "runAsNonRoot != true (pod or %s must set "
                            "securityContext.runAsNonRoot=true)",
                            named(p, unset, "container"));
    return NULL;
}

static bool is_user_0(const struct pod *p, const struct value *c)
{
    (void)p;
    return value_int(value_get(security(c), "runAsUser"), 1) == 0;
}

static const char *run_as_user(struct pod *p)
{
    struct quoted q = which(p, is_user_0);
    bool pod = value_int(value_get(pod_security(p), "runAsUser"), 1) == 0;
    if (!pod && !q.n)
        return NULL;
    return arena_printf(p->a, "runAsUser=0 (%s%s%s must not set runAsUser=0)", pod ? "pod" : "",
                        pod && q.n ? " and " : "", q.n ? named(p, q, "container") : "");
}

static bool no_seccomp(const struct pod *p, const struct value *c)
{
    (void)p;
    return !*value_at_str(security(c), "seccompProfile.type", "");
}

static const char *seccomp_restricted(struct pod *p)
{
    const char *pod = value_at_str(pod_security(p), "seccompProfile.type", "");
    struct quoted off = which(p, seccomp_off), unset = which(p, no_seccomp);
    bool pod_off = is(pod, "Unconfined");
    if (pod_off || off.n)
        return arena_printf(
            p->a,
            "seccompProfile (%s%s%s must not set securityContext.seccompProfile.type to "
            "\"Unconfined\")",
            pod_off ? "pod" : "", pod_off && off.n ? " and " : "",
            off.n ? named(p, off, "container") : "");
    if (*pod || !unset.n)
        return NULL;
    return arena_printf(p->a,
                        "seccompProfile (pod or %s must set securityContext.seccompProfile.type "
                        "to \"RuntimeDefault\" or \"Localhost\")",
                        named(p, unset, "container"));
}

/* ---- levels ---- */

/* In the order of upstream's names. `since`: the minor release that began to ask; `restricted`:
 * of that level only; `replaced`: the restricted level has a stricter one. */
static const struct {
    const char *(*check)(struct pod *p);
    int since;
    bool restricted;
    int replaced_since;
} CHECKS[] = {
    {apparmor,                0,  false, 0 },
    {capabilities_baseline,   0,  false, 22},
    {host_namespaces,         0,  false, 0 },
    {host_paths,              0,  false, -1},
    {host_ports,              0,  false, 0 },
    {privileged,              0,  false, 0 },
    {proc_mount,              0,  false, 0 },
    {selinux,                 0,  false, 0 },
    {seccomp_baseline,        0,  false, 19},
    {sysctls,                 0,  false, 0 },
    {host_process,            0,  false, 0 },
    {escalation,              8,  true,  0 },
    {capabilities_restricted, 22, true,  0 },
    {volume_types,            0,  true,  0 },
    {run_as_non_root,         0,  true,  0 },
    {run_as_user,             23, true,  0 },
    {seccomp_restricted,      19, true,  0 },
};

bool podsecurity_level_known(const char *level)
{
    return is(level, "privileged") || is(level, "baseline") || is(level, "restricted");
}

const char *podsecurity_violations(const char *level, const char *version, const struct value *spec,
                                   const struct value *annotations, struct arena *a)
{
    struct pod p = {spec, annotations, a};
    bool restricted = is(level, "restricted");
    long minor = strncmp(version, "v1.", 3) == 0 ? strtol(version + 3, NULL, 10) : 1000;
    const char *text = NULL;
    if (!restricted && !is(level, "baseline"))
        return NULL;
    for (size_t i = 0; i < ARRAY_LEN(CHECKS); i++) {
        int replaced = CHECKS[i].replaced_since;
        bool stricter = restricted && replaced && (replaced < 0 || minor >= replaced);
        if (minor < CHECKS[i].since || (CHECKS[i].restricted && !restricted) || stricter)
            continue;
        const char *one = CHECKS[i].check(&p);
        if (one)
            text = text ? arena_printf(a, "%s, %s", text, one) : one;
    }
    return text;
}
