#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fs.h"
#include "runtime/runtime_int.h"

extern char **environ;

int shim__listen(const char *name, struct err *e)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    if (strlen(name) >= sizeof at.sun_path)
        return err_set(e, ERR_INVALID, "socket name too long: %s", name);
    memcpy(at.sun_path, name, strlen(name) + 1);
    (void)unlink(name);
    AUTO_FD int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof at) < 0 || listen(fd, 16) < 0)
        return err_sys(e, errno, "listen on %s", name);
    return take_fd(&fd);
}

static int send_line(const char *text, int fd)
{
    struct iovec v = {(void *)(uintptr_t)text, strlen(text)};
    union {
        struct cmsghdr head;
        char room[CMSG_SPACE(sizeof(int))];
    } control = {0};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1};
    if (fd >= 0) {
        m.msg_control = &control;
        m.msg_controllen = sizeof control;
        struct cmsghdr *c = CMSG_FIRSTHDR(&m);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof fd);
        memcpy(CMSG_DATA(c), &fd, sizeof fd);
    }
    return (int)sendmsg(SHIM_TALK_FD, &m, MSG_NOSIGNAL);
}

bool shim__say(const char *text, int fd)
{
    bool heard = send_line(text, fd) >= 0;
    (void)close(SHIM_TALK_FD);
    return heard;
}

bool shim__say_error(const struct err *e)
{
    char text[sizeof e->msg + 32];
    (void)snprintf(text, sizeof text, "error %d %s", e->code, e->msg);
    return shim__say(text, -1);
}

/* Receives the terminal that crun sends over its console socket. */
static int take_terminal(int listen_fd)
{
    AUTO_FD int conn = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);
    if (conn < 0)
        return -1;
    char name[64];
    struct iovec v = {name, sizeof name};
    union {
        struct cmsghdr head;
        char room[CMSG_SPACE(sizeof(int))];
    } control;
    struct msghdr m = {
        .msg_iov = &v, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    if (recvmsg(conn, &m, MSG_CMSG_CLOEXEC) < 0)
        return -1;
    struct cmsghdr *c = CMSG_FIRSTHDR(&m);
    int fd = -1;
    if (c && c->cmsg_type == SCM_RIGHTS && c->cmsg_len >= CMSG_LEN(sizeof fd))
        memcpy(&fd, CMSG_DATA(c), sizeof fd);
    return fd;
}

/* The last line of crun's log, without its stamp, is what went wrong. */
static int reason(const char *log, int code, struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(1 << 16);
    char *text;
    if (fs_read(log, 1 << 16, a, &text, NULL, NULL) < 0)
        text = arena_strdup(a, "");
    char *end = text + strlen(text);
    while (end > text && end[-1] == '\n')
        *--end = '\0';
    char *last = strrchr(text, '\n');
    last = last ? last + 1 : text;
    char *stamp = strstr(last, "Z: ");
    if (stamp && stamp - last < 40)
        last = stamp + 3;
    if (!*last)
        return err_set(e, ERR_INVALID, "crun failed with exit code %d", code);
    return err_set(e, ERR_INVALID, "%s", last);
}

/* So that no container can write to its file, crun runs from a copy that nobody can change. If it
 * is none it mounts one and starts a second time, which takes as long as all the rest of it: it
 * is given one. -1: let it do that itself. */
static int sealed_copy(const char *path)
{
    AUTO_FD int from = open(path, O_RDONLY | O_CLOEXEC);
    AUTO_FD int to = from < 0 ? -1 : memfd_create("crun", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    ssize_t n;
    while (to >= 0 && (n = sendfile(to, from, NULL, 1 << 30)) != 0)
        if (n < 0)
            return -1;
    if (to < 0 ||
        fcntl(to, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0)
        return -1;
    return take_fd(&to);
}

/* As posix_spawnp(): 0, or why not. */
static int spawn_crun(const struct crun_call *c, const posix_spawn_file_actions_t *fa,
                      const posix_spawnattr_t *attr, pid_t *pid)
{
    char *const *args = (char *const *)(uintptr_t)c->args;
    AUTO_FD int copy = sealed_copy(c->crun);
    char path[32];
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", copy);
    if (copy >= 0 && posix_spawn(pid, path, fa, attr, args, environ) == 0)
        return 0;
    return posix_spawnp(pid, c->crun, fa, attr, args, environ);
}

static int start_crun(const struct crun_call *c, pid_t *pid, struct err *e)
{
    posix_spawn_file_actions_t fa;
    (void)posix_spawn_file_actions_init(&fa);
    const int fds[3] = {c->in_fd, c->out_fd, c->err_fd};
    for (int i = 0; i < 3; i++)
        if (fds[i] >= 0)
            (void)posix_spawn_file_actions_adddup2(&fa, fds[i], i);
        else
            (void)posix_spawn_file_actions_addopen(&fa, i, "/dev/null", O_RDWR, 0);
    posix_spawnattr_t attr;
    (void)posix_spawnattr_init(&attr);
    sigset_t none;
    (void)sigemptyset(&none);
    (void)posix_spawnattr_setsigmask(&attr, &none);
    sigset_t dflt;
    (void)sigemptyset(&dflt);
    for (int s = 1; s < 32; s++)
        if (s != SIGKILL && s != SIGSTOP)
            (void)sigaddset(&dflt, s);
    (void)posix_spawnattr_setsigdefault(&attr, &dflt);
    (void)posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    int rc = spawn_crun(c, &fa, &attr, pid);
    (void)posix_spawnattr_destroy(&attr);
    (void)posix_spawn_file_actions_destroy(&fa);
    if (rc)
        return err_sys(e, rc, "run %s", c->crun);
    return 0;
}

int shim__run_crun(struct crun_call *c, const char *log, struct err *e)
{
    pid_t pid;
    c->tty_fd = -1;
    int r = start_crun(c, &pid, e);
    if (r < 0)
        return r;
    /* crun connects before it exits: its end of the queue survives it, so that waiting for the
     * process first is safe and a crun that fails early does not leave us in accept(). */
    int status;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        return reason(log, WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), e);
    if (c->console_fd >= 0 && (c->tty_fd = take_terminal(c->console_fd)) < 0)
        return err_set(e, ERR_SYSTEM, "crun sent no terminal");
    return 0;
}
