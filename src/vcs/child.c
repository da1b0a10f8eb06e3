#include "vcs/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/own.h"

enum { FD_TELL = 8, FD_HEAR = 9, FD_ABOVE = 32 };

int child_pipe(int fds[2], struct err *e)
{
    int raw[2];
    if (pipe2(raw, O_CLOEXEC) < 0)
        return err_sys(e, errno, "make a pipe");
    /* Above the numbers that the child gives out, so that no dup2 tramples another's source. */
    for (int i = 0; i < 2; i++) {
        fds[i] = fcntl(raw[i], F_DUPFD_CLOEXEC, FD_ABOVE);
        (void)close(raw[i]);
    }
    return fds[0] < 0 || fds[1] < 0 ? err_sys(e, errno, "make a pipe") : 0;
}

static void add_fd(posix_spawn_file_actions_t *fa, int fd, int as, int null_flags)
{
    if (fd >= 0)
        (void)posix_spawn_file_actions_adddup2(fa, fd, as);
    else
        (void)posix_spawn_file_actions_addopen(fa, as, "/dev/null", null_flags, 0);
}

int child_start(const struct child_opts *o, pid_t *out, struct err *e)
{
    posix_spawn_file_actions_t fa;
    posix_spawnattr_t attr;
    sigset_t none, all;
    (void)posix_spawn_file_actions_init(&fa);
    (void)posix_spawnattr_init(&attr);
    add_fd(&fa, o->in, 0, O_RDONLY);
    add_fd(&fa, o->out, 1, O_WRONLY);
    add_fd(&fa, o->err, 2, O_WRONLY);
    add_fd(&fa, o->tell, FD_TELL, O_WRONLY);
    add_fd(&fa, o->hear, FD_HEAR, O_RDONLY);
    (void)posix_spawn_file_actions_addclosefrom_np(&fa, FD_HEAR + 1);
    (void)sigemptyset(&none);
    (void)sigfillset(&all);
    (void)posix_spawnattr_setsigmask(&attr, &none);
    (void)posix_spawnattr_setsigdefault(&attr, &all);
    (void)posix_spawnattr_setpgroup(&attr, 0);
    (void)posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
                                              POSIX_SPAWN_SETSIGDEF);
    /* posix_spawnp wants char *const []; it writes to none of the strings. */
    int sys = posix_spawnp(out, o->argv[0], &fa, &attr, (char *const *)(uintptr_t)o->argv,
                           (char *const *)(uintptr_t)o->env);
    (void)posix_spawn_file_actions_destroy(&fa);
    (void)posix_spawnattr_destroy(&attr);
    if (sys != 0) {
        (void)err_sys(e, sys, "start %s", o->argv[0]);
        return err_hint(e, "install git");
    }
    return 0;
}

int child_wait(pid_t pid)
{
    int status;
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return 255;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void child_kill(pid_t pid)
{
    (void)kill(-pid, SIGKILL);
}

/* False at the end of the stream. */
static bool drain(int fd, struct buf *into)
{
    char chunk[16384];
    ssize_t n = read(fd, chunk, sizeof chunk);
    if (n < 0 && errno == EINTR)
        return true;
    if (n > 0)
        buf_add(into, chunk, (size_t)n);
    return n > 0;
}

/* Until both streams end; false when the deadline passed. */
static bool collect(int out, struct buf *out_text, int err, struct buf *err_text, int64_t deadline)
{
    struct pollfd p[2] = {
        {.fd = out, .events = POLLIN},
        {.fd = err, .events = POLLIN}
    };
    while (p[0].fd >= 0 || p[1].fd >= 0) {
        int64_t left = deadline - clock_mono_ms();
        if (left <= 0)
            return false;
        if (poll(p, 2, (int)(left < 1000000 ? left : 1000000)) < 0 && errno != EINTR)
            return false;
        if (p[0].revents && !drain(out, out_text))
            p[0].fd = -1;
        if (p[1].revents && !drain(err, err_text))
            p[1].fd = -1;
    }
    return true;
}

int child_run(const struct child_opts *opts, int64_t timeout_ms, struct buf *out_text,
              struct buf *err_text, int *out_code, struct err *e)
{
    int out[2] = {-1, -1}, err[2] = {-1, -1};
    pid_t pid;
    int rc = child_pipe(out, e);
    if (rc == 0)
        rc = child_pipe(err, e);
    AUTO_FD int out_r = out[0];
    AUTO_FD int err_r = err[0];
    struct child_opts o = *opts;
    o.out = out[1];
    o.err = err[1];
    if (rc == 0)
        rc = child_start(&o, &pid, e);
    if (out[1] >= 0)
        (void)close(out[1]);
    if (err[1] >= 0)
        (void)close(err[1]);
    if (rc < 0)
        return rc;
    bool ended = collect(out_r, out_text, err_r, err_text, clock_mono_ms() + timeout_ms);
    if (!ended)
        child_kill(pid);
    *out_code = child_wait(pid);
    if (!ended)
        return err_set(e, ERR_TIMEOUT, "%s %s took longer than %lld ms", o.argv[0], o.argv[1],
                       (long long)timeout_ms);
    return 0;
}
