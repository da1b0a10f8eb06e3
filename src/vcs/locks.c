/* Lock files of writers that were killed. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/log.h"
#include "vcs/repo_int.h"

enum { STALE_MS = 2000, DEPTH_MAX = 32 };

struct sweep {
    int64_t now_ms;
    bool younger;
};

static bool is_lock(const char *name)
{
    size_t n = strlen(name);
    return n > 5 && strcmp(name + n - 5, ".lock") == 0;
}

static int look_at(struct sweep *s, int folder, const char *name, struct err *e)
{
    struct stat st;
    if (fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT ? 0 : err_sys(e, errno, "look at %s", name);
    int64_t age = s->now_ms - (st.st_mtim.tv_sec * 1000 + st.st_mtim.tv_nsec / 1000000);
    if (age < STALE_MS) {
        s->younger = true;
        return 0;
    }
    log_warn("git", "%s is from a writer that was killed: removed", name);
    return unlinkat(folder, name, 0) == 0 || errno == ENOENT ? 0
                                                             : err_sys(e, errno, "remove %s", name);
}

/* Takes the descriptor. Branch names cannot end in .lock: whatever does is one. */
static int sweep_folder(struct sweep *s, int fd, int depth, struct err *e)
{
    DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
    int rc = 0;
    if (!d) {
        if (fd >= 0)
            (void)close(fd);
        return errno == ENOENT ? 0 : err_sys(e, errno, "open a folder of a repository");
    }
    for (struct dirent *ent; rc == 0 && (ent = readdir(d));) {
        if (is_lock(ent->d_name))
            rc = look_at(s, dirfd(d), ent->d_name, e);
        else if (depth > 0 && ent->d_type == DT_DIR && ent->d_name[0] != '.')
            rc = sweep_folder(
                s, openat(dirfd(d), ent->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC),
                depth - 1, e);
    }
    (void)closedir(d);
    return rc;
}

int repo_break_locks(struct repo *r, bool *younger, struct err *e)
{
    struct sweep s = {.now_ms = clock_real_ms()};
    AUTO_FD int root = open(r->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (root < 0)
        return err_sys(e, errno, "open %s", r->path);
    int rc = sweep_folder(&s, openat(root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), 0, e);
    if (rc == 0)
        rc = sweep_folder(&s, openat(root, "refs", O_RDONLY | O_DIRECTORY | O_CLOEXEC), DEPTH_MAX,
                          e);
    *younger = s.younger;
    return rc < 0 ? err_wrap(e, rc, "locks of %s", r->path) : 0;
}
