/* What an earlier life of the daemon left: containers that ran on, ended, or were lost. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/pidfd.h>
#include <unistd.h>

#include "base/fs.h"
#include "runtime/runtime_int.h"

static void read_notes(struct runtime *r, struct container *c, struct arena *a)
{
    char *text;
    if (fs_read(runtime__path(r, a, c->id, "notes"), 1 << 20, a, &text, NULL, NULL) < 0)
        text = arena_printf(a, "cgroup=%s\n", c->id);
    for (char *p = text, *end; (end = strchr(p, '\n')); p = end + 1) {
        *end = '\0';
        if (strncmp(p, "cgroup=", 7) == 0 && !c->cgroup)
            c->cgroup = strdup(arena_printf(a, "/%s/%s", r->cgroup_parent, p + 7));
        else
            container__note(c, p);
    }
}

/* Whether its shim lives: it holds the lock for as long as it does. *pid: its number, 0 when there
 * never was one. */
static bool shim_lives(struct runtime *r, const char *id, pid_t *pid, struct arena *a)
{
    enum { TRIES = 200, PAUSE_US = 5000 }; /* one that was just started has yet to write it */
    AUTO_FD int fd = open(runtime__path(r, a, id, "lock"), O_RDWR | O_CLOEXEC);
    bool lives = fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) < 0;
    char text[16] = "";
    for (int i = 0; fd >= 0 && pread(fd, text, sizeof text - 1, 0) <= 0 && lives && i < TRIES; i++)
        (void)usleep(PAUSE_US);
    *pid = (pid_t)strtol(text, NULL, 10);
    return lives;
}

bool runtime_lives(const char *dir)
{
    AUTO(arena) struct arena *a = arena_new(0);
    const char *folder = arena_printf(a, "%s/containers", dir);
    DIR *d = opendir(folder);
    bool lives = false;
    for (struct dirent *entry; d && !lives && (entry = readdir(d));) {
        const char *path = arena_printf(a, "%s/%s/lock", folder, entry->d_name);
        AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
        lives = fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) < 0;
    }
    if (d)
        (void)closedir(d);
    return lives;
}

/* With the record of its end, with a shim that lives, or neither: then it is lost. */
static void find_state(struct runtime *r, struct container *c, struct arena *a)
{
    if (container__take_end(r, c))
        return;
    if (shim_lives(r, c->id, &c->shim_pid, a)) {
        c->shim_pidfd = pidfd_open(c->shim_pid, 0);
        c->pidfd = c->pid ? pidfd_open(c->pid, 0) : -1;
        pid_t again;
        if (shim_lives(r, c->id, &again, a)) { /* still: both numbers were theirs */
            runtime__track(r, c);
            return;
        }
    }
    if (container__take_end(r, c)) /* it ended between the two looks */
        return;
    if (c->pidfd >= 0) { /* without a shim the number may be another's by now */
        (void)close(c->pidfd);
        c->pidfd = -1;
    }
    container__bury(r, c);
    (void)container__take_end(r, c);
}

static void adopt(struct runtime *r, const char *id)
{
    AUTO(arena) struct arena *a = arena_new(0);
    pid_t shim;
    if (!shim_lives(r, id, &shim, a) && !shim) { /* the daemon died before anything ran */
        (void)!fs_remove_tree(runtime__path(r, a, id, NULL), NULL);
        return;
    }
    struct container *c = container__new(id);
    read_notes(r, c, a);
    (void)map_put(&r->containers, id, c);
    (void)record__get_started(runtime__path(r, a, id, "started"), &c->pid, &c->started_ms, NULL);
    c->running = true;
    find_state(r, c, a);
}

int runtime__find_containers(struct runtime *r, struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(0);
    const char *folder = arena_printf(a, "%s/containers", r->dir);
    DIR *d = opendir(folder);
    if (!d)
        return err_sys(e, errno, "open %s", folder);
    for (const struct dirent *ent; (ent = readdir(d));)
        if (ent->d_name[0] != '.')
            adopt(r, ent->d_name);
    (void)closedir(d);
    return 0;
}
