#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/runtime_int.h"

extern char **environ;

static void set_files(posix_spawn_file_actions_t *fa, const struct spawn *s)
{
    const int fds[3] = {s->in_fd, s->out_fd, s->err_fd};
    for (int i = 0; i < 3; i++)
        if (fds[i] >= 0)
            (void)posix_spawn_file_actions_adddup2(fa, fds[i], i);
        else
            (void)posix_spawn_file_actions_addopen(fa, i, "/dev/null", O_RDWR, 0);
    if (s->talk_fd >= 0)
        (void)posix_spawn_file_actions_adddup2(fa, s->talk_fd, SHIM_TALK_FD);
    if (s->lock_fd >= 0)
        (void)posix_spawn_file_actions_adddup2(fa, s->lock_fd, SHIM_LOCK_FD);
    if (s->cwd)
        (void)posix_spawn_file_actions_addchdir_np(fa, s->cwd);
}

/* The shim gets a session of its own and no signal habits of ours, so that it lives on when the
 * terminal or the daemon goes. */
static void set_signals(posix_spawnattr_t *attr)
{
    sigset_t none, dflt;
    (void)sigemptyset(&none);
    (void)sigemptyset(&dflt);
    for (int s = 1; s < 32; s++)
        if (s != SIGKILL && s != SIGSTOP)
            (void)sigaddset(&dflt, s);
    (void)posix_spawnattr_setsigmask(attr, &none);
    (void)posix_spawnattr_setsigdefault(attr, &dflt);
    (void)posix_spawnattr_setflags(attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
                                             POSIX_SPAWN_SETSID);
}

int spawn__shim(const struct spawn *s, pid_t *out, struct err *e)
{
    size_t n = 0;
    while (s->args[n])
        n++;
    AUTO(arena) struct arena *a = arena_new(0);
    const char **argv = ARENA_ARRAY(a, const char *, n + 3);
    argv[0] = "slipway";
    argv[1] = "shim";
    memcpy(argv + 2, s->args, n * sizeof *argv);

    posix_spawn_file_actions_t fa;
    posix_spawnattr_t attr;
    (void)posix_spawn_file_actions_init(&fa);
    (void)posix_spawnattr_init(&attr);
    set_files(&fa, s);
    set_signals(&attr);
    int rc = posix_spawn(out, s->program, &fa, &attr, (char *const *)(uintptr_t)argv,
                         s->env ? (char *const *)(uintptr_t)s->env : environ);
    (void)posix_spawnattr_destroy(&attr);
    (void)posix_spawn_file_actions_destroy(&fa);
    return rc ? err_sys(e, rc, "run %s", s->program) : 0;
}

static int wait_readable(int fd, int timeout_ms, struct err *e)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    int n;
    while ((n = poll(&p, 1, timeout_ms)) < 0 && errno == EINTR) {
    }
    if (n < 0)
        return err_sys(e, errno, "wait for the shim");
    return n ? 0 : err_set(e, ERR_TIMEOUT, "the shim said nothing for %d ms", timeout_ms);
}

int spawn__hear(int talk_fd, int timeout_ms, char *text, size_t room, int *fd_out, struct err *e)
{
    int rc = wait_readable(talk_fd, timeout_ms, e);
    if (rc < 0)
        return rc;
    struct iovec v = {text, room - 1};
    union {
        struct cmsghdr head;
        char room[CMSG_SPACE(sizeof(int))];
    } control;
    struct msghdr m = {
        .msg_iov = &v, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    ssize_t n = recvmsg(talk_fd, &m, MSG_CMSG_CLOEXEC);
    if (n <= 0)
        return err_set(e, ERR_SYSTEM, "the shim died before it said anything");
    text[n] = '\0';
    struct cmsghdr *c = CMSG_FIRSTHDR(&m);
    int fd = -1;
    if (c && c->cmsg_type == SCM_RIGHTS && c->cmsg_len >= CMSG_LEN(sizeof fd))
        memcpy(&fd, CMSG_DATA(c), sizeof fd);
    if (fd_out)
        *fd_out = fd;
    else if (fd >= 0)
        (void)close(fd);
    int code, at = 0;
    if (sscanf(text, "error %d %n", &code, &at) == 1 && at)
        return err_set(e, code < 0 ? (enum err_code)code : ERR_SYSTEM, "%s", text + at);
    return 0;
}
