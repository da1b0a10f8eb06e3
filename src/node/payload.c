#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "node/node_int.h"

void payload__add(struct payload *p, struct arena *a, const struct payload_file *f)
{
    p->files = arena_grow(a, p->files, p->n * sizeof *p->files, (p->n + 1) * sizeof *p->files);
    p->files[p->n++] = *f;
}

/* "a/b": relative and without steps up. */
static bool inside(const char *path)
{
    if (path[0] == '/' || !*path)
        return false;
    for (const char *p = path; p; p = strchr(p, '/') ? strchr(p, '/') + 1 : NULL)
        if (strncmp(p, "..", 2) == 0 && (p[2] == '/' || p[2] == '\0'))
            return false;
    return strncmp(path, "..", 2) != 0;
}

static int write_file(const char *dir, const struct payload_file *f, int64_t gid, struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(0);
    char *path = arena_printf(a, "%s/%s", dir, f->path);
    char *slash = strrchr(path, '/');
    *slash = '\0';
    int rc = fs_mkdirs(path, 0755, e);
    *slash = '/';
    if (rc < 0)
        return rc;
    AUTO_FD int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_sys(e, errno, "create %s", path);
    if (write(fd, f->bytes, f->n) != (ssize_t)f->n)
        return err_sys(e, errno ? errno : ENOSPC, "write %s", path);
    int mode = f->mode;
    if (gid >= 0) { /* fsGroup's members may read */
        (void)!fchown(fd, (uid_t)-1, (gid_t)gid);
        mode |= (mode & 0700) >> 3;
    }
    if (fchmod(fd, (mode_t)mode) < 0)
        return err_sys(e, errno, "set the mode of %s", path);
    return 0;
}

static bool same_file(const char *path, const struct payload_file *f)
{
    AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) < 0 || (size_t)st.st_size != f->n)
        return false;
    AUTO(arena) struct arena *a = arena_new(0);
    char *have = ARENA_ARRAY(a, char, f->n + 1);
    return read(fd, have, f->n) == (ssize_t)f->n && memcmp(have, f->bytes, f->n) == 0;
}

static bool unchanged(const char *dir, const struct payload *p)
{
    AUTO(arena) struct arena *a = arena_new(0);
    for (size_t i = 0; i < p->n; i++)
        if (!same_file(arena_printf(a, "%s/..data/%s", dir, p->files[i].path), &p->files[i]))
            return false;
    return access(arena_printf(a, "%s/..data", dir), F_OK) == 0;
}

/* The first step of each path becomes a link to ..data/STEP; links of old steps go. */
static int link_steps(const char *dir, const struct payload *p, struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(0);
    for (size_t i = 0; i < p->n; i++) {
        size_t n = strcspn(p->files[i].path, "/");
        char *link = arena_printf(a, "%s/%.*s", dir, (int)n, p->files[i].path);
        char *to = arena_printf(a, "..data/%.*s", (int)n, p->files[i].path);
        if (symlink(to, link) < 0 && errno != EEXIST)
            return err_sys(e, errno, "link %s", link);
    }
    return 0;
}

static void drop_dead_links(const char *dir)
{
    DIR *d = opendir(dir);
    if (!d)
        return;
    for (const struct dirent *ent; (ent = readdir(d));) {
        struct stat st;
        if (ent->d_type == DT_LNK && strcmp(ent->d_name, "..data") != 0 &&
            fstatat(dirfd(d), ent->d_name, &st, 0) < 0)
            (void)unlinkat(dirfd(d), ent->d_name, 0);
    }
    (void)closedir(d);
}

int payload__write(const char *dir, const struct payload *p, int64_t gid, struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(0);
    for (size_t i = 0; i < p->n; i++)
        if (!inside(p->files[i].path))
            return err_set(e, ERR_INVALID, "\"%s\" is not a path inside a volume",
                           p->files[i].path);
    if (unchanged(dir, p))
        return 0;
    char *name = arena_printf(a, "..%lld", (long long)clock_real_ns());
    char *fresh = arena_printf(a, "%s/%s", dir, name);
    int rc = fs_mkdirs(fresh, 0755, e);
    for (size_t i = 0; rc == 0 && i < p->n; i++)
        rc = write_file(fresh, &p->files[i], gid, e);
    if (rc < 0)
        return rc;
    char old[PATH_MAX];
    char *data = arena_printf(a, "%s/..data", dir), *tmp = arena_printf(a, "%s/..data_tmp", dir);
    ssize_t n = readlink(data, old, sizeof old - 1);
    (void)unlink(tmp);
    if (symlink(name, tmp) < 0 || rename(tmp, data) < 0)
        return err_sys(e, errno, "switch %s", data);
    rc = link_steps(dir, p, e);
    drop_dead_links(dir);
    if (n > 0) {
        old[n] = '\0';
        (void)!fs_remove_tree(arena_printf(a, "%s/%s", dir, old), NULL);
    }
    return rc;
}
