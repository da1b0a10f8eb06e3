#include "codec/value.h"
#include "runtime/runtime_int.h"

/* What no pod needs and what reaches past its fence: the kernel's own state, other mounts and
 * namespaces, raw memory, and interfaces that have been a way out before. A capability that a
 * pod was given on purpose does not open them again; `privileged` and Unconfined do. */
static const char *const denied[] = {
    "acct",
    "add_key",
    "adjtimex",
    "bpf",
    "clock_adjtime",
    "clock_settime",
    "create_module",
    "delete_module",
    "finit_module",
    "fsconfig",
    "fsmount",
    "fsopen",
    "fspick",
    "get_kernel_syms",
    "init_module",
    "ioperm",
    "iopl",
    "kcmp",
    "kexec_file_load",
    "kexec_load",
    "keyctl",
    "lookup_dcookie",
    "mount",
    "mount_setattr",
    "move_mount",
    "nfsservctl",
    "open_by_handle_at",
    "open_tree",
    "perf_event_open",
    "pivot_root",
    "process_vm_readv",
    "process_vm_writev",
    "query_module",
    "quotactl",
    "quotactl_fd",
    "reboot",
    "request_key",
    "setns",
    "settimeofday",
    "stime",
    "swapoff",
    "swapon",
    "sysfs",
    "syslog",
    "_sysctl",
    "umount",
    "umount2",
    "unshare",
    "uselib",
    "userfaultfd",
    "ustat",
    "vhangup",
    "vm86",
    "vm86old",
};

/* Newer interfaces: "not there" makes callers fall back on older ones. */
static const char *const absent[] = {
    "clone3",
    "io_uring_enter",
    "io_uring_register",
    "io_uring_setup",
};

enum { NEW_NAMESPACE_FLAGS = 0x7E020000, EPERM_NUMBER = 1, ENOSYS_NUMBER = 38 };

static struct value *rule(struct arena *a, struct value *list, int error)
{
    struct value *r = value_push(a, list, value_new_object(a));
    (void)value_set_str(a, r, "action", "SCMP_ACT_ERRNO");
    (void)value_set_int(a, r, "errnoRet", error);
    return r;
}

static void rule_names(struct arena *a, struct value *r, const char *const *names, size_t n)
{
    struct value *list = value_make_array(a, r, "names");
    for (size_t i = 0; i < n; i++)
        (void)value_push_str(a, list, names[i]);
}

/* clone() that asks for any new namespace is denied; threads and plain children are not. libseccomp
 * has no "any of these bits", so there is a rule for each. */
static void deny_namespaces(struct arena *a, struct value *list)
{
    static const char *const clone_only[] = {"clone"};
    for (unsigned bit = 0; bit < 31; bit++) {
        if (!(NEW_NAMESPACE_FLAGS & 1u << bit))
            continue;
        struct value *r = rule(a, list, EPERM_NUMBER);
        rule_names(a, r, clone_only, 1);
        struct value *arg = value_push(a, value_make_array(a, r, "args"), value_new_object(a));
        (void)value_set_int(a, arg, "index", 0);
        (void)value_set_int(a, arg, "value", 1u << bit);
        (void)value_set_int(a, arg, "valueTwo", 1u << bit);
        (void)value_set_str(a, arg, "op", "SCMP_CMP_MASKED_EQ");
    }
}

struct value *seccomp__profile(struct arena *a)
{
    struct value *p = value_new_object(a);
    (void)value_set_str(a, p, "defaultAction", "SCMP_ACT_ALLOW");
#if defined(__x86_64__)
    struct value *archs = value_make_array(a, p, "architectures");
    (void)value_push_str(a, archs, "SCMP_ARCH_X86_64");
    (void)value_push_str(a, archs, "SCMP_ARCH_X86");
    (void)value_push_str(a, archs, "SCMP_ARCH_X32");
#elif defined(__aarch64__)
    struct value *archs = value_make_array(a, p, "architectures");
    (void)value_push_str(a, archs, "SCMP_ARCH_AARCH64");
    (void)value_push_str(a, archs, "SCMP_ARCH_ARM");
#endif
    struct value *list = value_make_array(a, p, "syscalls");
    rule_names(a, rule(a, list, EPERM_NUMBER), denied, ARRAY_LEN(denied));
    rule_names(a, rule(a, list, ENOSYS_NUMBER), absent, ARRAY_LEN(absent));
    deny_namespaces(a, list);
    return p;
}
