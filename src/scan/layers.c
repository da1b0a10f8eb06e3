#include "scan/layers.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/own.h"

enum { DEPTH_MAX = 64, PATH_SIZE = 4096 };

/* Links that lead out of the layer are not followed: they end at its root. */
static int open_in(const char *layer, const char *path, int flags)
{
    AUTO_FD int root = open(layer, O_PATH | O_DIRECTORY | O_CLOEXEC);
    struct open_how how = {.flags = (uint64_t)(flags | O_CLOEXEC), .resolve = RESOLVE_IN_ROOT};
    return root < 0 ? -1 : (int)syscall(SYS_openat2, root, path, &how, sizeof how);
}

enum shown { SHOWN_NOT, SHOWN_HERE, SHOWN_HIDDEN };

static bool is_opaque(int fd)
{
    char v[2] = "";
    return fgetxattr(fd, "trusted.overlay.opaque", v, sizeof v) > 0 && v[0] == 'y';
}

/* What one layer says about a path: it has it, it hides what is below, or nothing. */
static enum shown look(const char *layer, const char *path)
{
    char part[PATH_SIZE];
    size_t n = strlen(path);
    if (n >= sizeof part)
        return SHOWN_NOT;
    bool opaque = false;
    for (size_t i = 1; i <= n; i++) {
        struct stat st;
        if (i < n && path[i] != '/')
            continue;
        memcpy(part, path, i);
        part[i] = '\0';
        AUTO_FD int fd = open_in(layer, part, O_PATH | O_NOFOLLOW);
        if (fd < 0 || fstat(fd, &st) < 0)
            return opaque ? SHOWN_HIDDEN : SHOWN_NOT;
        if (S_ISCHR(st.st_mode) && st.st_rdev == makedev(0, 0))
            return SHOWN_HIDDEN;
        AUTO_FD int dir = i < n ? open_in(layer, part, O_RDONLY | O_DIRECTORY) : -1;
        opaque = opaque || (dir >= 0 && is_opaque(dir));
    }
    return SHOWN_HERE;
}

/* The layer that shows the path, or -1. */
static long layer_of(const struct layers *t, const char *path)
{
    for (size_t i = t->n; i > 0; i--) {
        enum shown s = look(t->layers[i - 1], path);
        if (s != SHOWN_NOT)
            return s == SHOWN_HERE ? (long)i - 1 : -1;
    }
    return -1;
}

bool layers__shows(const struct layers *t, const char *path, size_t layer)
{
    return layer_of(t, path) == (long)layer;
}

int layers__open(const struct layers *t, const char *path, int *out_fd, struct err *e)
{
    long i = layer_of(t, path);
    if (i < 0)
        return err_set(e, ERR_NOT_FOUND, "there is no %s", path);
    AUTO_FD int fd = open_in(t->layers[i], path, O_RDONLY | O_NONBLOCK);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) < 0)
        return err_sys(e, errno, "open %s", path);
    if (!S_ISREG(st.st_mode))
        return err_set(e, ERR_NOT_FOUND, "%s is no file", path);
    *out_fd = take_fd(&fd);
    return 0;
}

int layers__read_fd(int fd, const char *path, struct buf *out, struct err *e)
{
    for (;;) {
        char *p = buf_reserve(out, 64 * 1024);
        if (!p)
            return err_set(e, ERR_TOO_LARGE, "%s is larger than %zu bytes", path, out->max);
        ssize_t n = read(fd, p, 64 * 1024);
        if (n < 0)
            return err_sys(e, errno, "read %s", path);
        if (n == 0)
            return 0;
        out->len += (size_t)n;
        out->data[out->len] = '\0';
    }
}

int layers__read(const struct layers *t, const char *path, struct buf *out, struct err *e)
{
    AUTO_FD int fd = -1;
    int r = layers__open(t, path, &fd, e);
    return r < 0 ? r : layers__read_fd(fd, path, out, e);
}

struct walk {
    layers_fn *fn;
    void *arg;
    size_t layer;
    char path[PATH_SIZE];
};

static int walk_dir(struct walk *w, int dir_fd, size_t n, int depth, struct err *e);

static int walk_entry(struct walk *w, int dir_fd, const struct dirent *f, size_t n, int depth,
                      struct err *e)
{
    size_t len = strlen(f->d_name);
    if (strcmp(f->d_name, ".") == 0 || strcmp(f->d_name, "..") == 0 || n + len + 2 > PATH_SIZE)
        return 0;
    w->path[n] = '/';
    memcpy(w->path + n + 1, f->d_name, len + 1);
    if (f->d_type == DT_REG) {
        struct layers_file file = {w->path, w->path + n + 1, w->layer, dir_fd};
        return w->fn(w->arg, &file, e);
    }
    if (f->d_type != DT_DIR || depth >= DEPTH_MAX)
        return 0;
    int fd = openat(dir_fd, f->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return fd < 0 ? 0 : walk_dir(w, fd, n + 1 + len, depth + 1, e);
}

/* The folder whose name is the first n bytes of w->path. Takes the descriptor. */
static int walk_dir(struct walk *w, int dir_fd, size_t n, int depth, struct err *e)
{
    struct statfs fs;
    if (depth == 1 && fstatfs(dir_fd, &fs) == 0 &&
        (fs.f_type == PROC_SUPER_MAGIC || fs.f_type == SYSFS_MAGIC)) {
        (void)close(dir_fd); /* of a running system: no files */
        return 0;
    }
    DIR *d = fdopendir(dir_fd);
    int r = 0;
    if (!d) {
        (void)close(dir_fd);
        return err_sys(e, errno, "read %.*s", (int)n, w->path);
    }
    for (const struct dirent *f; r == 0 && (f = readdir(d));)
        r = walk_entry(w, dirfd(d), f, n, depth, e);
    (void)closedir(d);
    return r;
}

int layers__walk(const struct layers *t, layers_fn *fn, void *arg, struct err *e)
{
    int r = 0;
    for (size_t i = 0; r == 0 && i < t->n; i++) {
        struct walk w = {.fn = fn, .arg = arg, .layer = i};
        int fd = open(t->layers[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        r = fd < 0 ? err_sys(e, errno, "open %s", t->layers[i]) : walk_dir(&w, fd, 0, 0, e);
    }
    return r;
}
