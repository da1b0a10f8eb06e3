#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/thread.h"
#include "codec/json.h"
#include "runtime/runtime_int.h"

enum { EXEC_TIMEOUT_MS = 30000, CONFIG_MAX_BYTES = 16 << 20 };

static int running(struct runtime *r, const char *id, struct err *e)
{
    LOCK_SCOPE(&r->lock);
    const struct container *c = map_get(&r->containers, id);
    if (!c || !c->running)
        return err_set(e, ERR_NOT_FOUND, "container %s does not run", id);
    return 0;
}

/* FILE in the container's folder: its own process but for what it runs. So a command has the user,
 * groups, capabilities and environment that the container has. */
static int write_process(struct runtime *r, const char *id, const struct exec_spec *s,
                         const char *file, struct arena *a, struct err *e)
{
    char *text;
    size_t n;
    struct value *config;
    int rc = fs_read(runtime__path(r, a, id, "config.json"), CONFIG_MAX_BYTES, a, &text, &n, e);
    if (rc < 0 || (rc = json_parse(a, text, n, 0, &config, e)) < 0)
        return err_wrap(e, rc, "container %s", id);
    struct value *process = value_get_mut(config, "process");
    struct value *args = value_set(a, process, "args", value_new_array(a));
    for (const char *const *arg = s->argv; *arg; arg++)
        (void)value_push_str(a, args, *arg);
    (void)value_set_bool(a, process, "terminal", s->tty);
    char *out = json_text(a, process, 0);
    rc = record__put(runtime__path(r, a, id, file), out, e);
    explicit_bzero(out, strlen(out)); /* the environment may hold secrets */
    explicit_bzero(text, n);
    return rc;
}

int runtime_exec(struct runtime *r, const char *id, const struct exec_spec *s,
                 struct exec_process *out, struct err *e)
{
    int rc = running(r, id, e);
    if (rc < 0)
        return rc;
    int talk[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, talk) < 0)
        return err_sys(e, errno, "make a socket pair");
    AUTO_FD int ours = talk[0];
    AUTO(arena) struct arena *a = arena_new(0);
    const char *file = arena_printf(a, "exec-%u.json", atomic_fetch_add(&r->n_execs, 1));
    const char *const args[] = {
        "exec", r->crun, arena_printf(a, "%s/crun", r->dir), id, s->tty ? "tty" : "plain",
        file,   NULL};
    rc = write_process(r, id, s, file, a, e);
    struct spawn sp = {.program = r->shim,
                       .args = args,
                       .talk_fd = talk[1],
                       .lock_fd = -1,
                       .in_fd = s->tty ? -1 : s->in_fd,
                       .out_fd = s->tty ? -1 : s->out_fd,
                       .err_fd = s->tty ? -1 : s->err_fd,
                       .cwd = runtime__path(r, a, id, NULL)};
    pid_t pid = 0;
    if (rc == 0)
        rc = spawn__shim(&sp, &pid, e);
    (void)close(talk[1]);
    if (rc < 0) {
        (void)unlink(runtime__path(r, a, id, file));
        return rc;
    }
    char text[1024];
    int tty = -1;
    rc = spawn__hear(ours, EXEC_TIMEOUT_MS, text, sizeof text, &tty, e);
    if (rc < 0) {
        (void)kill(pid, SIGKILL);
        (void)waitpid(pid, NULL, 0);
        return rc;
    }
    *out = (struct exec_process){.pid = pid, .pidfd = pidfd_open(pid, 0), .tty_fd = tty};
    return 0;
}

void exec_kill(struct exec_process *p)
{
    if (p->pidfd >= 0)
        (void)pidfd_send_signal(p->pidfd, SIGTERM, NULL, 0);
}

int exec_wait(struct exec_process *p, int64_t timeout_ms, int *code, struct err *e)
{
    struct pollfd f = {.fd = p->pidfd, .events = POLLIN};
    bool late = poll(&f, 1, timeout_ms < 0 ? -1 : (int)timeout_ms) == 0;
    if (late)
        exec_kill(p);
    int status = 0;
    while (waitpid(p->pid, &status, 0) < 0 && errno == EINTR) {
    }
    (void)close(p->pidfd);
    if (p->tty_fd >= 0)
        (void)close(p->tty_fd);
    *p = (struct exec_process){.pidfd = -1, .tty_fd = -1};
    if (late)
        return err_set(e, ERR_TIMEOUT, "command did not end within %lld ms", (long long)timeout_ms);
    *code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return 0;
}

void exec_resize(const struct exec_process *p, unsigned columns, unsigned rows)
{
    struct winsize w = {.ws_col = (unsigned short)columns, .ws_row = (unsigned short)rows};
    if (p->tty_fd >= 0)
        (void)ioctl(p->tty_fd, TIOCSWINSZ, &w);
}

/* ---- attach ---- */

/* Connects to the shim's socket through /proc, so that the path may be of any length. */
static int talk_to_shim(struct runtime *r, const char *id, int *out, struct err *e)
{
    int rc = running(r, id, e);
    if (rc < 0)
        return rc;
    AUTO(arena) struct arena *a = arena_new(0);
    AUTO_FD int dir = open(runtime__path(r, a, id, NULL), O_PATH | O_DIRECTORY | O_CLOEXEC);
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    (void)snprintf(at.sun_path, sizeof at.sun_path, "/proc/self/fd/%d/talk.sock", dir);
    AUTO_FD int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (dir < 0 || fd < 0 || connect(fd, (struct sockaddr *)&at, sizeof at) < 0)
        return err_sys(e, errno, "reach the shim of %s", id);
    *out = take_fd(&fd);
    return 0;
}

int runtime_attach(struct runtime *r, const char *id, int *out_fd, struct err *e)
{
    AUTO_FD int fd = -1;
    int rc = talk_to_shim(r, id, &fd, e);
    if (rc < 0)
        return rc;
    if (send(fd, "A", 1, MSG_NOSIGNAL) != 1)
        return err_sys(e, errno, "attach to %s", id);
    *out_fd = take_fd(&fd);
    return 0;
}

int runtime_resize(struct runtime *r, const char *id, unsigned columns, unsigned rows,
                   struct err *e)
{
    AUTO_FD int fd = -1;
    int rc = talk_to_shim(r, id, &fd, e);
    if (rc < 0)
        return rc;
    unsigned char q[5] = {'R', (unsigned char)(columns >> 8), (unsigned char)columns,
                          (unsigned char)(rows >> 8), (unsigned char)rows};
    if (send(fd, q, sizeof q, MSG_NOSIGNAL) != (ssize_t)sizeof q)
        return err_sys(e, errno, "resize the terminal of %s", id);
    return 0;
}

/* ---- numbers ---- */

static uint64_t tree_bytes(int dir_fd)
{
    DIR *d = fdopendir(dir_fd);
    if (!d) {
        (void)close(dir_fd);
        return 0;
    }
    uint64_t sum = 0;
    for (const struct dirent *ent; (ent = readdir(d));) {
        struct stat st;
        if (strcmp(ent->d_name, ".") == 0 || strcmp(ent->d_name, "..") == 0 ||
            fstatat(dirfd(d), ent->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
            continue;
        sum += (uint64_t)st.st_blocks * 512;
        int sub = S_ISDIR(st.st_mode) ? openat(dirfd(d), ent->d_name,
                                               O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
                                      : -1;
        if (sub >= 0)
            sum += tree_bytes(sub);
    }
    (void)closedir(d);
    return sum;
}

int runtime_stats(struct runtime *r, const char *id, bool with_fs, struct container_stats *out,
                  struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(0);
    const char *cgroup;
    {
        LOCK_SCOPE(&r->lock);
        const struct container *c = map_get(&r->containers, id);
        if (!c || !c->running)
            return err_set(e, ERR_NOT_FOUND, "container %s does not run", id);
        cgroup = arena_strdup(a, c->cgroup);
    }
    struct container_stats s = {0};
    int rc = cgroup__stats(cgroup, &s, e);
    if (rc < 0)
        return rc;
    if (with_fs) {
        int fd = open(runtime__path(r, a, id, "upper"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        s.fs_bytes = fd < 0 ? 0 : tree_bytes(fd);
    }
    *out = s;
    return 0;
}
