#include "runtime/jail.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/runtime_int.h"

enum { START_TIMEOUT_MS = 60000, ARGS_MAX = 4096 };

/* The shim as a file that is nowhere. */
static int shim_file(struct err *e)
{
    extern const char shim_image[], shim_image_end[];
    const char *at = shim_image;
    AUTO_FD int fd = memfd_create("slipway-shim", MFD_CLOEXEC);
    while (fd >= 0 && at < shim_image_end) {
        ssize_t n = write(fd, at, (size_t)(shim_image_end - at));
        if (n < 0)
            return err_sys(e, errno, "copy the shim");
        at += n;
    }
    /* Out of the way of the descriptors that the shim is given by their numbers. */
    int out = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, SHIM_LOCK_FD + 1);
    return out < 0 ? err_sys(e, errno, "make a file in memory") : out;
}

static int count(const char *const *list)
{
    int n = 0;
    while (list[n])
        n++;
    return n;
}

int jail_start(const struct jail_spec *s, struct exec_process *out, struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(0);
    int n = count(s->args), talk[2];
    if (n > ARGS_MAX)
        return err_set(e, ERR_TOO_LARGE, "%s: more than %d arguments", s->program, ARGS_MAX);
    AUTO_FD int shim = shim_file(e);
    if (shim < 0)
        return shim;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, talk) < 0)
        return err_sys(e, errno, "make a socket pair");
    AUTO_FD int ours = talk[0];
    const char **args = ARENA_ARRAY(a, const char *, (size_t)n + 4);
    args[0] = "jail";
    args[1] = s->folder;
    args[2] = s->program;
    memcpy(args + 3, s->args, (size_t)n * sizeof *args);
    const struct spawn sp = {.program = arena_printf(a, "/proc/self/fd/%d", shim),
                             .args = args,
                             .env = s->env,
                             .talk_fd = talk[1],
                             .lock_fd = -1,
                             .in_fd = s->in_fd,
                             .out_fd = s->out_fd,
                             .err_fd = s->err_fd};
    pid_t pid = 0;
    int rc = spawn__shim(&sp, &pid, e);
    (void)close(talk[1]);
    if (rc < 0)
        return rc;
    char text[1024];
    rc = spawn__hear(ours, START_TIMEOUT_MS, text, sizeof text, NULL, e);
    if (rc < 0) {
        (void)kill(pid, SIGKILL);
        (void)waitpid(pid, NULL, 0);
        return rc;
    }
    *out = (struct exec_process){.pid = pid, .pidfd = pidfd_open(pid, 0), .tty_fd = -1};
    return 0;
}
