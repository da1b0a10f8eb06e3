#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "runtime/runtime_int.h"

int record__put(const char *path, const char *text, struct err *e)
{
    char tmp[4096];
    if (snprintf(tmp, sizeof tmp, "%s.new", path) >= (int)sizeof tmp)
        return err_set(e, ERR_INVALID, "path too long: %.100s…", path);
    AUTO_FD int fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_sys(e, errno, "create %s", tmp);
    size_t n = strlen(text);
    ssize_t w = write(fd, text, n);
    if (w != (ssize_t)n || rename(tmp, path) < 0) {
        int sys = w >= 0 && w != (ssize_t)n ? ENOSPC : errno;
        (void)unlink(tmp);
        return err_sys(e, sys, "write %s", path);
    }
    return 0;
}

int record__put_end(const char *path, const struct container_end *end, struct err *e)
{
    char text[128];
    (void)snprintf(text, sizeof text, "%d %d %d %d %lld %lld\n", end->code, end->signal, end->oom,
                   end->lost, (long long)end->started_ms, (long long)end->finished_ms);
    return record__put(path, text, e);
}

static int read_small(const char *path, char *text, size_t room, struct err *e)
{
    AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_sys(e, errno, "open %s", path);
    ssize_t n = read(fd, text, room - 1);
    if (n < 0)
        return err_sys(e, errno, "read %s", path);
    text[n] = '\0';
    return 0;
}

int record__get_end(const char *path, struct container_end *end, struct err *e)
{
    char text[128];
    int r = read_small(path, text, sizeof text, e);
    if (r < 0)
        return r;
    struct container_end got = {0};
    int oom, lost;
    long long started, finished;
    if (sscanf(text, "%d %d %d %d %lld %lld", &got.code, &got.signal, &oom, &lost, &started,
               &finished) != 6)
        return err_set(e, ERR_INVALID, "%s is not an end record", path);
    got.oom = oom;
    got.lost = lost;
    got.started_ms = started;
    got.finished_ms = finished;
    *end = got;
    return 0;
}

int record__get_started(const char *path, pid_t *pid, int64_t *started_ms, struct err *e)
{
    char text[128];
    int r = read_small(path, text, sizeof text, e);
    if (r < 0)
        return r;
    int p;
    long long ms;
    if (sscanf(text, "%d %lld", &p, &ms) != 2)
        return err_set(e, ERR_INVALID, "%s is not a start record", path);
    *pid = p;
    *started_ms = ms;
    return 0;
}

void container__clean(const char *dir, const char *id, const char *cgroup)
{
    AUTO(arena) struct arena *a = arena_new(0);
    cgroup__kill(cgroup);
    cgroup__remove(cgroup);
    (void)!fs_remove_tree(arena_printf(a, "%s/crun/%s", dir, id), NULL);
}
