/* shim jail FOLDER PROGRAM ARGUMENT…: fences itself in and runs the program (jail.h). Says "ok"
 * when it runs, then waits and exits with its code. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fs.h"
#include "runtime/runtime_int.h"

extern char **environ;

enum { NAMESPACES = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS };
enum { PROC_FLAGS = MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC };
enum { N_DEVICES = 5, N_KEPT = 2 };

static const char *const devices[N_DEVICES] = {"/dev/null", "/dev/zero", "/dev/full", "/dev/random",
                                               "/dev/urandom"};

/* ---- namespaces ---- */

static int write_map(const char *path, const char *text, struct err *e)
{
    AUTO_FD int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0 || write(fd, text, strlen(text)) < 0)
        return err_sys(e, errno, "write %s", path);
    return 0;
}

/* Whoever may not make namespaces makes them as the root of one for users. */
static int enter_namespaces(struct err *e)
{
    uid_t uid = geteuid();
    gid_t gid = getegid();
    if (unshare(NAMESPACES) == 0)
        return 0;
    if (errno != EPERM || unshare(NAMESPACES | CLONE_NEWUSER) < 0)
        return err_sys(e, errno, "make namespaces of its own");
    char text[64];
    (void)snprintf(text, sizeof text, "%u %u 1", (unsigned)uid, (unsigned)uid);
    int rc = write_map("/proc/self/setgroups", "deny", e);
    if (rc == 0)
        rc = write_map("/proc/self/uid_map", text, e);
    (void)snprintf(text, sizeof text, "%u %u 1", (unsigned)gid, (unsigned)gid);
    return rc == 0 ? write_map("/proc/self/gid_map", text, e) : rc;
}

/* ---- files ---- */

/* A copy of a mount, to be put elsewhere once its place is covered. */
static int copy_mount(const char *path)
{
    return (int)syscall(SYS_open_tree, AT_FDCWD, path,
                        OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
}

static int lock_down(int fd, const char *path, struct err *e)
{
    struct mount_attr attr = {.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV};
    if (syscall(SYS_mount_setattr, fd, path, AT_RECURSIVE | (*path ? 0 : AT_EMPTY_PATH), &attr,
                sizeof attr) < 0)
        return err_sys(e, errno, "make files read-only");
    return 0;
}

static int put_back(int fd, const char *path, struct err *e)
{
    if (move_mount(fd, "", AT_FDCWD, path, MOVE_MOUNT_F_EMPTY_PATH) < 0)
        return err_sys(e, errno, "show %s", path);
    return 0;
}

static int make_devices(const int *fds, struct err *e)
{
    if (mount("tmpfs", "/dev", "tmpfs", MS_NOSUID | MS_NOEXEC, "mode=755,size=64k") < 0)
        return err_sys(e, errno, "cover /dev");
    for (size_t i = 0; i < N_DEVICES; i++) {
        if (fds[i] < 0)
            continue; /* it is not there */
        AUTO_FD int made = open(devices[i], O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
        int rc =
            made < 0 ? err_sys(e, errno, "make %s", devices[i]) : put_back(fds[i], devices[i], e);
        if (rc < 0)
            return rc;
    }
    (void)!symlink("/proc/self/fd", "/dev/fd");
    (void)!symlink("/proc/self/fd/0", "/dev/stdin");
    (void)!symlink("/proc/self/fd/1", "/dev/stdout");
    (void)!symlink("/proc/self/fd/2", "/dev/stderr");
    return 0;
}

/* What lies below would lead out, or to other programs. */
static int cover(const char *path, const char *options, struct err *e)
{
    struct stat st;
    if (lstat(path, &st) < 0 || !S_ISDIR(st.st_mode))
        return 0;
    if (mount("tmpfs", path, "tmpfs", MS_NOSUID | MS_NODEV, options) < 0)
        return err_sys(e, errno, "cover %s", path);
    return 0;
}

/* What covers is written no more, but for /tmp. */
static int freeze(const char *path, struct err *e)
{
    struct mount_attr attr = {.attr_set = MOUNT_ATTR_RDONLY};
    struct stat st;
    if (lstat(path, &st) < 0 || !S_ISDIR(st.st_mode))
        return 0;
    if (syscall(SYS_mount_setattr, AT_FDCWD, path, 0, &attr, sizeof attr) < 0)
        return err_sys(e, errno, "make %s read-only", path);
    return 0;
}

static bool is_below(const char *path, const char *folder)
{
    size_t n = strlen(folder);
    return strncmp(path, folder, n) == 0 && (path[n] == '/' || path[n] == '\0');
}

/* Folders that would be covered, and are needed. */
static bool is_hidden(const char *path)
{
    return is_below(path, "/tmp") || is_below(path, "/run") || is_below(path, "/dev");
}

static int show(int fd, const char *path, struct err *e)
{
    int rc = lock_down(fd, "", e);
    if (rc == 0)
        rc = fs_mkdirs(path, 0755, e);
    return rc == 0 ? put_back(fd, path, e) : rc;
}

static int hide_files(const char *const *kept, struct err *e)
{
    int fds[N_DEVICES], kept_fds[N_KEPT];
    int rc = fs_private_mounts(e);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < N_DEVICES; i++)
        fds[i] = copy_mount(devices[i]);
    for (size_t i = 0; i < N_KEPT; i++)
        kept_fds[i] = kept[i] && is_hidden(kept[i]) ? copy_mount(kept[i]) : -1;
    rc = lock_down(AT_FDCWD, "/", e);
    if (rc == 0)
        rc = make_devices(fds, e);
    if (rc == 0)
        rc = cover("/run", "mode=755,size=1m", e);
    if (rc == 0)
        rc = cover("/tmp", "mode=1777,size=64m", e);
    for (size_t i = 0; rc == 0 && i < N_KEPT; i++)
        if (kept_fds[i] >= 0)
            rc = show(kept_fds[i], kept[i], e);
    /* Within some containers none may be mounted: then there is none to see. */
    if (rc == 0 && mount("proc", "/proc", "proc", PROC_FLAGS, NULL) < 0)
        rc = cover("/proc", "mode=555,size=4k", e);
    static const char *const frozen[] = {"/dev", "/run", "/proc"};
    for (size_t i = 0; rc == 0 && i < ARRAY_LEN(frozen); i++)
        rc = freeze(frozen[i], e);
    return rc;
}

/* ---- rights ---- */

#define FIELD(f)      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, f))
#define ALLOW         BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)
#define REFUSE(n)     BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (n))
#define DENY(call, n) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (call), 0, 1), REFUSE(n)

#if defined(__x86_64__)
#define OWN_ARCH AUDIT_ARCH_X86_64
#else
#define OWN_ARCH AUDIT_ARCH_AARCH64
#endif

/* Namespaces would give capabilities within them. Sockets are of kinds that end with the network's
 * namespace: those in the file system lead to whoever listens there, vsock out of the machine. */
static int filter_calls(struct err *e)
{
    struct sock_filter program[] = {
        FIELD(arch),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, OWN_ARCH, 1, 0),
        REFUSE(ENOSYS),
        FIELD(nr),
#if defined(__x86_64__)
        BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 0x40000000, 0, 1), /* x32 */
        REFUSE(ENOSYS),
#endif
        DENY(SYS_clone3, ENOSYS),
        DENY(SYS_io_uring_setup, ENOSYS),
        DENY(SYS_unshare, EPERM),
        DENY(SYS_setns, EPERM),
        DENY(SYS_mount, EPERM),
        DENY(SYS_fsopen, EPERM),
        DENY(SYS_open_tree, EPERM),
        DENY(SYS_ptrace, EPERM),
        DENY(SYS_bpf, EPERM),
        DENY(SYS_perf_event_open, EPERM),
        DENY(SYS_keyctl, EPERM),
        DENY(SYS_add_key, EPERM),
        DENY(SYS_request_key, EPERM),
        DENY(SYS_userfaultfd, EPERM),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 0, 3),
        FIELD(args[0]),
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 0x7E020000, 0, 7),
        REFUSE(EPERM),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_socket, 0, 5),
        FIELD(args[0]),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_INET, 3, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_INET6, 2, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_NETLINK, 1, 0),
        REFUSE(EAFNOSUPPORT),
        ALLOW,
    };
    const struct sock_fprog all = {ARRAY_LEN(program), program};
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &all) < 0)
        return err_sys(e, errno, "filter system calls");
    return 0;
}

static int drop_rights(struct err *e)
{
    static const struct {
        int what;
        rlim_t most;
    } limits[] = {
        {RLIMIT_CORE,   0         },
        {RLIMIT_NOFILE, 1024      },
        {RLIMIT_FSIZE,  256u << 20},
        {RLIMIT_DATA,   4ull << 30},
    };
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[2] = {0};
    for (size_t i = 0; i < ARRAY_LEN(limits); i++) {
        const struct rlimit l = {limits[i].most, limits[i].most};
        (void)setrlimit(limits[i].what, &l);
    }
    for (unsigned long cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
        (void)prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || syscall(SYS_capset, &head, none) < 0)
        return err_sys(e, errno, "drop capabilities");
    return filter_calls(e);
}

/* ---- the program ---- */

/* In Go's words, as whoever asks for functions knows them. */
static int cannot_run(const char *program, int number, struct err *e)
{
    char text[128];
    (void)snprintf(text, sizeof text, "%s", strerror(number));
    if (*text >= 'A' && *text <= 'Z')
        *text = (char)(*text - 'A' + 'a');
    return err_set(e, ERR_INVALID, "fork/exec %s: %s", program, text);
}

/* Where its program lies, which may be hidden; NULL: in PATH. */
static const char *folder_of(const char *program, char *room)
{
    char *slash = strchr(program, '/') && realpath(program, room) ? strrchr(room, '/') : NULL;
    if (!slash || slash == room)
        return NULL;
    *slash = '\0';
    return room;
}

/* Comes back only when it fails. */
static int become(char **argv, struct err *e)
{
    int rc = drop_rights(e);
    if (rc < 0)
        return rc;
    (void)execvp(argv[1], argv + 1);
    return cannot_run(argv[1], errno, e);
}

static int fence(char **argv, struct err *e)
{
    char room[PATH_MAX];
    if (chdir(argv[0]) < 0)
        return err_sys(e, errno, "enter %s", argv[0]);
    const char *const kept[N_KEPT] = {argv[0], folder_of(argv[1], room)};
    int rc = hide_files(kept, e);
    if (rc == 0 && chdir(argv[0]) < 0)
        rc = err_sys(e, errno, "enter %s", argv[0]);
    return rc;
}

/* Also reaps what was left to us meanwhile. */
static int wait_for(pid_t pid)
{
    int status;
    for (pid_t ended; (ended = waitpid(-1, &status, 0)) != pid;)
        if (ended < 0 && errno != EINTR)
            return 137;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* Whether the other end, which our parent holds, is closed: it went before it could take us with
 * it. */
static bool is_alone(int fd)
{
    struct pollfd f = {.fd = fd};
    return poll(&f, 1, 0) > 0;
}

/* The first process of its namespace, with which the others end. The program is not it: it could
 * choose to outlive its watcher. Comes back in whom there is an error to tell. */
static int rule(char **argv, int said, struct err *e)
{
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)close_range(SHIM_TALK_FD, ~0u, CLOSE_RANGE_CLOEXEC);
    if (is_alone(said))
        _exit(137);
    int rc = fence(argv, e);
    if (rc < 0)
        return rc;
    (void)prctl(PR_SET_DUMPABLE, 0); /* the program, of the same user, leaves it alone */
    pid_t pid = fork();
    if (pid == 0)
        return become(argv, e);
    if (pid < 0)
        return err_sys(e, errno, "fork");
    (void)close_range(0, ~0u, 0);
    _exit(wait_for(pid));
}

static volatile sig_atomic_t inner;

static void end_inner(int sig)
{
    (void)sig;
    if (inner > 0)
        (void)kill((pid_t)inner, SIGKILL);
}

/* Silence means that the program has begun: the pipe closed as it did. */
static bool heard_error(int fd, struct err *e)
{
    return read(fd, e, sizeof *e) == (ssize_t)sizeof *e;
}

int shim__jail(int argc, char **argv)
{
    struct err e = {0};
    int said[2];
    if (argc < 3)
        return 2;
    int rc = pipe2(said, O_CLOEXEC) < 0 ? err_sys(&e, errno, "make a pipe") : enter_namespaces(&e);
    /* Not before: who becomes another in namespaces is asked anew. */
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (is_alone(SHIM_TALK_FD))
        return 137;
    pid_t pid = rc < 0 ? -1 : fork();
    if (pid == 0) {
        (void)close(said[0]);
        (void)rule(argv + 1, said[1], &e);
        (void)!write(said[1], &e, sizeof e);
        _exit(126);
    }
    if (rc == 0 && pid < 0)
        rc = err_sys(&e, errno, "fork");
    if (rc == 0)
        (void)close(said[1]);
    inner = pid;
    struct sigaction act = {.sa_handler = end_inner};
    (void)sigaction(SIGTERM, &act, NULL);
    if (rc < 0 || heard_error(said[0], &e)) {
        (void)shim__say_error(&e);
        return 126;
    }
    (void)shim__say("ok", -1);
    for (int i = 0; i < 3; i++)
        (void)close(i);
    return wait_for(pid);
}
