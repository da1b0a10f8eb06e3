/* One container's guardian: it mounts the root, has crun start the program, writes what the
 * program prints, and records how it ended. It is a process of its own so that neither a crash
 * nor an update of the daemon loses a line or an exit code. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "runtime/runtime_int.h"

enum { MAX_CLIENTS = 16, READ_MAX = 64 * 1024, NOT_STARTED = 128 };

enum {
    FD_SIGNALS,
    FD_LISTEN,
    FD_OUT,
    FD_ERR,
    FD_STDIN,
    FD_CLIENTS,
    FD_COUNT = FD_CLIENTS + MAX_CLIENTS
};

struct shim {
    struct shim_conf conf;
    struct pollfd fds[FD_COUNT];
    bool attached[MAX_CLIENTS]; /* it sent its request */
    int stdin_fd;               /* to the program, or the terminal; -1. Never blocks us */
    int tty_fd;
    struct rootfs_view host;
    struct crilog log;
    struct crilog_stream out, err;
    pid_t pid;
    bool ended;
    int status;
    int64_t started_ms;
};

/* ---- attached clients ---- */

static void client_drop(struct shim *s, size_t i)
{
    (void)close(s->fds[FD_CLIENTS + i].fd);
    s->fds[FD_CLIENTS + i].fd = -1;
    s->attached[i] = false;
}

static void stdin_end(struct shim *s)
{
    if (s->stdin_fd >= 0 && s->stdin_fd != s->tty_fd)
        (void)close(s->stdin_fd);
    s->stdin_fd = s->fds[FD_STDIN].fd = -1;
}

/* A client that does not read is let go: the program must not wait for a spectator. */
static void clients_tell(struct shim *s, uint8_t stream, const char *bytes, size_t n)
{
    struct attach_frame f = {.stream = stream, .len = (uint32_t)n};
    struct iovec v[2] = {
        {&f,                       sizeof f},
        {(void *)(uintptr_t)bytes, n       }
    };
    struct msghdr m = {.msg_iov = v, .msg_iovlen = 2};
    for (size_t i = 0; i < MAX_CLIENTS; i++)
        if (s->attached[i] && sendmsg(s->fds[FD_CLIENTS + i].fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT) !=
                                  (ssize_t)(sizeof f + n))
            client_drop(s, i);
}

static void client_accept(struct shim *s)
{
    int fd = accept4(s->fds[FD_LISTEN].fd, NULL, NULL, SOCK_CLOEXEC);
    for (size_t i = 0; i < MAX_CLIENTS && fd >= 0; i++)
        if (s->fds[FD_CLIENTS + i].fd < 0) {
            int room = 1 << 20;
            (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
            s->fds[FD_CLIENTS + i].fd = fd;
            return;
        }
    if (fd >= 0)
        (void)close(fd);
}

/* The first byte of a connection says what it is for: 'A' attach, 'R' resize. */
static void client_begin(struct shim *s, size_t i)
{
    unsigned char q[5];
    ssize_t n = recv(s->fds[FD_CLIENTS + i].fd, q, sizeof q, MSG_PEEK);
    if (n >= 1 && q[0] == 'A') {
        (void)!recv(s->fds[FD_CLIENTS + i].fd, q, 1, 0);
        s->attached[i] = true;
        return;
    }
    if (n == (ssize_t)sizeof q && q[0] == 'R' && s->tty_fd >= 0) {
        struct winsize w = {.ws_col = (unsigned short)(q[1] << 8 | q[2]),
                            .ws_row = (unsigned short)(q[3] << 8 | q[4])};
        (void)ioctl(s->tty_fd, TIOCSWINSZ, &w);
    }
    client_drop(s, i);
}

static void client_read(struct shim *s, size_t i)
{
    if (!s->attached[i]) {
        client_begin(s, i);
        return;
    }
    char bytes[4096];
    int fd = s->fds[FD_CLIENTS + i].fd;
    ssize_t n = recv(fd, bytes, sizeof bytes, MSG_PEEK);
    if (n <= 0) { /* it will write no more; it may still read */
        s->fds[FD_CLIENTS + i].events = 0;
        if (s->conf.stdin_once)
            stdin_end(s);
        return;
    }
    ssize_t w = s->stdin_fd < 0 ? n : write(s->stdin_fd, bytes, (size_t)n);
    if (w < 0 && errno == EAGAIN) { /* the program is slow to read: so are we */
        s->fds[FD_CLIENTS + i].events = 0;
        s->fds[FD_STDIN] = (struct pollfd){.fd = s->stdin_fd, .events = POLLOUT};
        return;
    }
    if (w < 0)
        stdin_end(s);
    else
        (void)!recv(fd, bytes, (size_t)w, 0);
}

static void stdin_ready(struct shim *s)
{
    s->fds[FD_STDIN].fd = -1;
    for (size_t i = 0; i < MAX_CLIENTS; i++)
        if (s->attached[i])
            s->fds[FD_CLIENTS + i].events = POLLIN;
}

/* ---- the program's output ---- */

static void stream_read(struct shim *s, size_t which)
{
    static char bytes[READ_MAX];
    struct crilog_stream *st = which == FD_OUT ? &s->out : &s->err;
    ssize_t n = read(s->fds[which].fd, bytes, sizeof bytes);
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    if (n <= 0) { /* a terminal whose last user left gives EIO */
        crilog__flush(&s->log, st, clock_real_ns());
        s->fds[which].fd = -1;
        return;
    }
    crilog__write(&s->log, st, bytes, (size_t)n, clock_real_ns());
    clients_tell(s, which == FD_OUT ? 1 : 2, bytes, (size_t)n);
}

/* What is in the pipes when the program has ended still counts; a stray process that keeps them
 * open does not keep us. */
static void streams_drain(struct shim *s)
{
    for (;;) {
        struct pollfd p[2] = {
            {s->fds[FD_OUT].fd, POLLIN, 0},
            {s->fds[FD_ERR].fd, POLLIN, 0}
        };
        if (poll(p, 2, 0) <= 0)
            break;
        if (p[0].revents)
            stream_read(s, FD_OUT);
        if (p[1].revents)
            stream_read(s, FD_ERR);
    }
    crilog__flush(&s->log, &s->out, clock_real_ns());
    crilog__flush(&s->log, &s->err, clock_real_ns());
}

/* ---- the program's life ---- */

static void reap(struct shim *s)
{
    struct signalfd_siginfo si;
    (void)!read(s->fds[FD_SIGNALS].fd, &si, sizeof si);
    int status;
    for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;)
        if (pid == s->pid) {
            s->ended = true;
            s->status = status;
        }
}

static void watch(struct shim *s)
{
    while (!s->ended) {
        if (poll(s->fds, FD_COUNT, -1) < 0)
            continue;
        if (s->fds[FD_OUT].revents)
            stream_read(s, FD_OUT);
        if (s->fds[FD_ERR].revents)
            stream_read(s, FD_ERR);
        for (size_t i = 0; i < MAX_CLIENTS; i++) {
            short got = s->fds[FD_CLIENTS + i].fd < 0 ? 0 : s->fds[FD_CLIENTS + i].revents;
            if (got & POLLIN)
                client_read(s, i);
            else if (got)
                client_drop(s, i);
        }
        if (s->fds[FD_STDIN].fd >= 0 && s->fds[FD_STDIN].revents)
            stdin_ready(s);
        if (s->fds[FD_LISTEN].revents)
            client_accept(s);
        if (s->fds[FD_SIGNALS].revents)
            reap(s);
    }
    streams_drain(s);
}

static int pipes_open(struct shim *s, struct crun_call *call, struct err *e)
{
    *call = (struct crun_call){.in_fd = -1, .out_fd = -1, .err_fd = -1, .console_fd = -1};
    if (s->conf.tty) {
        call->console_fd = shim__listen("console.sock", e);
        return call->console_fd < 0 ? call->console_fd : 0;
    }
    int out[2], err[2], in[2] = {-1, -1};
    if (pipe2(out, O_CLOEXEC) < 0 || pipe2(err, O_CLOEXEC) < 0 ||
        (s->conf.stdin_open && pipe2(in, O_CLOEXEC) < 0))
        return err_sys(e, errno, "make pipes");
    s->fds[FD_OUT].fd = out[0];
    s->fds[FD_ERR].fd = err[0];
    s->stdin_fd = in[1];
    if (s->stdin_fd >= 0)
        (void)fcntl(s->stdin_fd, F_SETFL, O_NONBLOCK);
    call->in_fd = in[0];
    call->out_fd = out[1];
    call->err_fd = err[1];
    return 0;
}

static void pipes_hand_over(struct shim *s, struct crun_call *call)
{
    const int given[] = {call->in_fd, call->out_fd, call->err_fd, call->console_fd};
    for (size_t i = 0; i < ARRAY_LEN(given); i++)
        if (given[i] >= 0)
            (void)close(given[i]);
    if (!s->conf.tty)
        return;
    (void)unlink("console.sock");
    s->tty_fd = call->tty_fd;
    (void)fcntl(s->tty_fd, F_SETFL, O_NONBLOCK);
    s->fds[FD_OUT].fd = s->tty_fd;
    if (s->conf.stdin_open)
        s->stdin_fd = s->tty_fd;
}

static pid_t pid_of(const char *file)
{
    AUTO(arena) struct arena *a = arena_new(256);
    char *text;
    return fs_read(file, 32, a, &text, NULL, NULL) < 0 ? 0 : (pid_t)strtol(text, NULL, 10);
}

static int program_start(struct shim *s, const char *root, struct err *e)
{
    const char *args[16] = {
        s->conf.crun, "--root", root,       "--cgroup-manager=cgroupfs", "--log",
        "crun.log",   "run",    "--detach", "--no-new-keyring",          "--pid-file",
        "init.pid"};
    size_t n = 11;
    struct crun_call call;
    int r = pipes_open(s, &call, e);
    if (r < 0)
        return r;
    if (s->conf.tty) {
        args[n++] = "--console-socket";
        args[n++] = "console.sock";
    }
    args[n++] = s->conf.id;
    call.crun = s->conf.crun;
    call.args = args;
    r = shim__run_crun(&call, "crun.log", e);
    pipes_hand_over(s, &call);
    if (r < 0)
        return r;
    s->started_ms = clock_real_ms();
    s->pid = pid_of("init.pid");
    if (s->pid <= 0)
        return err_set(e, ERR_SYSTEM, "crun wrote no process id");
    char text[64];
    (void)snprintf(text, sizeof text, "%d %lld\n", (int)s->pid, (long long)s->started_ms);
    return record__put("started", text, e);
}

static void end_record(struct shim *s)
{
    struct container_end end = {.started_ms = s->started_ms, .finished_ms = clock_real_ms()};
    end.signal = WIFSIGNALED(s->status) ? WTERMSIG(s->status) : 0;
    end.code = end.signal ? 128 + end.signal : WEXITSTATUS(s->status);
    end.oom = cgroup__oom_kills(s->conf.cgroup) > 0;
    char path[4096];
    (void)snprintf(path, sizeof path, "%s/exits/%s", s->conf.dir, s->conf.id);
    struct err e;
    (void)record__put_end(path, &end, &e);
}

/* The OOM killer should take the program, not its guardian. The program's own score is set by
 * crun from the configuration. */
static void shy_from_oom(void)
{
    AUTO_FD int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    (void)!write(fd, "-998", 4);
}

static int prepare(struct shim *s, struct err *e)
{
    for (size_t i = 0; i < FD_COUNT; i++)
        s->fds[i] = (struct pollfd){.fd = -1, .events = POLLIN};
    s->stdin_fd = s->tty_fd = -1;
    s->out.name = "stdout";
    s->err.name = "stderr";
    sigset_t all;
    (void)sigfillset(&all); /* only SIGKILL ends a shim before its container */
    (void)sigprocmask(SIG_SETMASK, &all, NULL);
    sigset_t child;
    (void)sigemptyset(&child);
    (void)sigaddset(&child, SIGCHLD);
    s->fds[FD_SIGNALS].fd = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
    (void)prctl(PR_SET_CHILD_SUBREAPER, 1);
    shy_from_oom();
    int r = crilog__open(&s->log, s->conf.log, s->conf.log_max, e);
    if (r < 0)
        return r;
    s->fds[FD_LISTEN].fd = shim__listen("talk.sock", e);
    if (s->fds[FD_LISTEN].fd < 0)
        return s->fds[FD_LISTEN].fd;
    rootfs__remember_view(&s->host);
    r = rootfs__private_mounts(e);
    return r < 0 ? r : rootfs__mount(s->conf.layers, s->conf.n_layers, e);
}

/* shim run, in the container's folder. */
static int run(void)
{
    static struct shim shim; /* the buffers are too large for a stack */
    struct shim *s = &shim;
    struct err e = {0};
    AUTO(arena) struct arena *a = arena_new(0);
    /* Locked by the daemon before we began, held for as long as we live: how others know that we
     * do. No program we start inherits it. */
    (void)fcntl(SHIM_LOCK_FD, F_SETFD, FD_CLOEXEC);
    (void)dprintf(SHIM_LOCK_FD, "%d\n", (int)getpid());
    int r = shim_conf__read(&s->conf, "shim.conf", a, &e);
    if (r == 0)
        r = prepare(s, &e);
    char *root = arena_printf(a, "%s/crun", s->conf.dir ? s->conf.dir : "");
    if (r == 0)
        r = program_start(s, root, &e);
    if (r < 0) {
        if (s->conf.id)
            container__clean(s->conf.dir, s->conf.id, s->conf.cgroup);
        if (!shim__say_error(&e) && s->conf.id) {
            s->status = W_EXITCODE(NOT_STARTED, 0); /* the next daemon will want to know */
            end_record(s);
        }
        return 1;
    }
    char text[64];
    (void)snprintf(text, sizeof text, "ok %d %lld", (int)s->pid, (long long)s->started_ms);
    (void)shim__say(text, -1);
    (void)rootfs__leave_mounts(&s->host, &e);
    watch(s);
    end_record(s);
    container__clean(s->conf.dir, s->conf.id, s->conf.cgroup);
    return 0;
}

/* shim pause: holds a pod's process namespace open and reaps what is left in it. */
static int pause_forever(void)
{
    sigset_t wanted;
    (void)sigemptyset(&wanted);
    (void)sigaddset(&wanted, SIGTERM);
    (void)sigaddset(&wanted, SIGINT);
    (void)sigaddset(&wanted, SIGCHLD);
    (void)sigprocmask(SIG_BLOCK, &wanted, NULL);
    for (int sig; sigwait(&wanted, &sig) == 0;) {
        if (sig != SIGCHLD)
            return 0;
        while (waitpid(-1, NULL, WNOHANG) > 0) {
        }
    }
    return 1;
}

int shim_main(int argc, char **argv)
{
    const char *verb = argc > 1 ? argv[1] : "";
    if (strcmp(verb, "run") == 0)
        return run();
    if (strcmp(verb, "exec") == 0)
        return shim__exec(argc - 1, argv + 1);
    if (strcmp(verb, "jail") == 0)
        return shim__jail(argc - 1, argv + 1);
    if (strcmp(verb, "pause") == 0)
        return pause_forever();
    (void)fputs("shim: this verb is for slipway itself\n", stderr);
    return 2;
}
