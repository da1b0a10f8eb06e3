#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/thread.h"
#include "runtime/runtime_int.h"

enum { START_TIMEOUT_MS = 60000 };

static int check_id(const char *id, struct err *e)
{
    size_t n = strspn(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-");
    if (n == 0 || n > 200 || id[n] || id[0] == '.')
        return err_set(e, ERR_INVALID, "\"%.210s\" is not usable as a container's id", id);
    return 0;
}

static int write_notes(struct runtime *r, const struct container_spec *s, struct arena *a,
                       struct err *e)
{
    AUTO_BUF struct buf b;
    buf_init(&b, 1 << 20);
    buf_printf(&b, "cgroup=%s\n", s->cgroup ? s->cgroup : s->id);
    for (const char *const *n = s->notes; n && *n; n++)
        if (!strchr(*n, '\n'))
            buf_printf(&b, "%s\n", *n);
    return record__put(runtime__path(r, a, s->id, "notes"), buf_text(&b), e);
}

static int write_bundle(struct runtime *r, const struct container_spec *s, const char *cgroup,
                        struct arena *a, struct err *e)
{
    static const char *const folders[] = {"rootfs", "upper", "work"};
    for (size_t i = 0; i < ARRAY_LEN(folders); i++)
        if (mkdir(runtime__path(r, a, s->id, folders[i]), 0755) < 0)
            return err_sys(e, errno, "make %s of %s", folders[i], s->id);
    if (s->log_path) {
        char *folder = arena_strdup(a, s->log_path);
        char *slash = strrchr(folder, '/');
        if (slash && slash != folder) {
            *slash = '\0';
            int rc = fs_mkdirs(folder, 0755, e);
            if (rc < 0)
                return rc;
        }
    }
    size_t len;
    char *config = runtime__config(s, cgroup, a, &len);
    int rc = record__put(runtime__path(r, a, s->id, "config.json"), config, e);
    explicit_bzero(config, len);
    if (rc == 0)
        rc = write_notes(r, s, a, e);
    if (rc < 0)
        return rc;
    struct shim_conf conf = {.id = s->id,
                             .dir = r->dir,
                             .crun = r->crun,
                             .cgroup = cgroup,
                             .log = s->log_path,
                             .log_max = s->log_max_bytes,
                             .tty = s->tty,
                             .stdin_open = s->stdin_open,
                             .stdin_once = s->stdin_once};
    const char *points = s->n_layers ? runtime__points(r, s, a) : NULL;
    conf.layers = ARENA_ARRAY(a, const char *, s->n_layers + 1);
    if (points)
        conf.layers[conf.n_layers++] = points;
    for (size_t i = 0; i < s->n_layers; i++)
        conf.layers[conf.n_layers++] = s->layers[i];
    return shim_conf__write(&conf, runtime__path(r, a, s->id, "shim.conf"), e);
}

/* The lock that the shim will hold. Taken before there is one, so that at no moment a container
 * that is being started looks like one whose shim has died. */
static int take_lock(const char *folder, int *out, struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(0);
    const char *path = arena_printf(a, "%s/lock", folder);
    AUTO_FD int first = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    AUTO_FD int fd = first < 0 ? -1 : fcntl(first, F_DUPFD_CLOEXEC, SHIM_LOCK_FD + 1);
    if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0)
        return err_sys(e, errno, "lock %s", path);
    *out = take_fd(&fd);
    return 0;
}

/* Starts the shim and waits until the program runs. */
static int start_shim(struct runtime *r, struct container *c, const char *folder, struct err *e)
{
    int talk[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, talk) < 0)
        return err_sys(e, errno, "make a socket pair");
    AUTO_FD int ours = talk[0];
    AUTO_FD int theirs = talk[1];
    AUTO_FD int lock = -1;
    int rc = take_lock(folder, &lock, e);
    if (rc < 0)
        return rc;
    static const char *const args[] = {"run", NULL};
    struct spawn s = {.program = r->shim,
                      .args = args,
                      .talk_fd = theirs,
                      .lock_fd = lock,
                      .in_fd = -1,
                      .out_fd = -1,
                      .err_fd = -1,
                      .cwd = folder};
    pid_t pid;
    rc = spawn__shim(&s, &pid, e);
    if (rc < 0)
        return rc;
    (void)close(take_fd(&theirs));
    (void)close(take_fd(&lock));
    char text[1024];
    rc = spawn__hear(ours, START_TIMEOUT_MS, text, sizeof text, NULL, e);
    int init = 0;
    long long started = 0;
    if (rc == 0 && sscanf(text, "ok %d %lld", &init, &started) != 2)
        rc = err_set(e, ERR_SYSTEM, "the shim said \"%.100s\"", text);
    if (rc < 0) {
        if (rc == ERR_TIMEOUT)
            (void)kill(pid, SIGKILL);
        (void)waitpid(pid, NULL, 0);
        return rc;
    }
    LOCK_SCOPE(&r->lock);
    c->shim_pid = pid;
    c->shim_pidfd = pidfd_open(pid, 0);
    c->pid = init;
    c->pidfd = pidfd_open(init, 0);
    c->started_ms = started;
    c->starting = false;
    c->running = true;
    runtime__track(r, c);
    return 0;
}

static void forget(struct runtime *r, struct container *c, const char *folder)
{
    {
        LOCK_SCOPE(&r->lock);
        (void)map_remove(&r->containers, c->id);
    }
    cgroup__remove(c->cgroup);
    (void)!fs_remove_tree(folder, NULL);
    container__free(c);
}

int runtime_start(struct runtime *r, const struct container_spec *s, struct err *e)
{
    int rc = check_id(s->id, e);
    if (rc < 0)
        return rc;
    AUTO(arena) struct arena *a = arena_new(0);
    char *folder = runtime__path(r, a, s->id, NULL);
    struct container *c = container__new(s->id);
    c->cgroup = strdup(arena_printf(a, "/%s/%s", r->cgroup_parent, s->cgroup ? s->cgroup : s->id));
    c->starting = true;
    for (const char *const *n = s->notes; n && *n; n++)
        container__note(c, *n);
    {
        LOCK_SCOPE(&r->lock);
        if (map_has(&r->containers, s->id) || mkdir(folder, 0700) < 0) {
            container__free(c);
            return err_set(e, ERR_EXISTS, "container %s is there already", s->id);
        }
        (void)map_put(&r->containers, s->id, c);
    }
    rc = write_bundle(r, s, c->cgroup, a, e);
    if (rc == 0)
        rc = start_shim(r, c, folder, e);
    if (rc < 0)
        forget(r, c, folder);
    return rc;
}
