/* Every path of an archive is taken apart and walked below the root's descriptor with openat2
 * and RESOLVE_IN_ROOT: "..", absolute paths and symbolic links end inside the root whatever
 * they say. Nothing is ever opened by a path of the host. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "base/buf.h"
#include "base/fs.h"
#include "codec/tar.h"
#include "oci/store_int.h"

#define WHITEOUT        ".wh."
#define WHITEOUT_OPAQUE ".wh..wh..opq"
#define OVERLAY_OPAQUE  "trusted.overlay.opaque"

enum { DEPTH_MAX = 512, LATER_MAX = 1 << 20 };

/* Times of folders are set last, deepest first, when nothing is put into them any more. */
struct later {
    char *path;
    struct timespec mtime;
};

struct extract {
    struct tar_reader *tar;
    int root;
    const struct lowers *below; /* or NULL */
    struct later *later;
    size_t n_later, room;
    char chunk[1 << 16];
};

static int open_in(int root, const char *path, int flags)
{
    struct open_how how = {.flags = (uint64_t)(flags | O_CLOEXEC), .resolve = RESOLVE_IN_ROOT};
    return (int)syscall(SYS_openat2, root, *path ? path : ".", &how, sizeof how);
}

/* Removes "." and empty parts and resolves ".." by text; "" is the root itself. */
static int clean_path(const char *path, char out[PATH_MAX], struct err *e)
{
    size_t n = 0;
    if (strlen(path) >= PATH_MAX)
        return err_set(e, ERR_TOO_LARGE, "path %.60s… is too long", path);
    for (const char *p = path; *p;) {
        size_t len = strcspn(p, "/");
        if (len == 2 && p[0] == '.' && p[1] == '.') {
            while (n > 0 && out[--n] != '/')
                ;
        } else if (len > 0 && !(len == 1 && *p == '.')) {
            if (n > 0)
                out[n++] = '/';
            memcpy(out + n, p, len);
            n += len;
        }
        p += len;
        p += *p == '/';
    }
    out[n] = '\0';
    return 0;
}

/* ---- folders that an archive leaves out ---- */

static int open_folder(const struct extract *x, const char *path, unsigned depth);

/* What the layers below show at `path`: a descriptor that only names it, or -1. */
static int find_below(const struct extract *x, const char *path, struct stat *st)
{
    for (size_t i = x->below ? x->below->n : 0; i-- > 0;) {
        AUTO_FD int lower = open(x->below->dirs[i], O_PATH | O_DIRECTORY | O_CLOEXEC);
        int fd = lower < 0 ? -1 : open_in(lower, path, O_PATH | O_NOFOLLOW);
        if (fd >= 0 && fstat(fd, st) == 0)
            return fd;
        if (fd >= 0)
            (void)close(fd);
    }
    return -1;
}

/* A link there is a link here, too, and what it names is made: else a folder of this layer would
 * hide it ("lib/x" over a base where lib is a link to usr/lib). */
static int follow_below(const struct extract *x, const char *path, int link, int parent,
                        const char *name, unsigned depth)
{
    char target[PATH_MAX], whole[PATH_MAX * 2], clean[PATH_MAX];
    ssize_t n = readlinkat(link, "", target, sizeof target - 1);
    if (n < 0)
        return -1;
    target[n] = '\0';
    if (symlinkat(target, parent, name) < 0)
        return -1;
    int before = *target == '/' ? 0 : (int)(name - path);
    (void)snprintf(whole, sizeof whole, "%.*s%s", before, path, target);
    if (clean_path(whole, clean, NULL) < 0) {
        errno = ENAMETOOLONG;
        return -1;
    }
    return open_folder(x, clean, depth + 1);
}

/* Makes one folder as the layers below have it: owner, mode and times. */
static int make_folder(const struct extract *x, const char *path, int parent, const char *name,
                       unsigned depth)
{
    struct stat st;
    AUTO_FD int same = find_below(x, path, &st);
    if (same >= 0 && S_ISLNK(st.st_mode))
        return follow_below(x, path, same, parent, name, depth);
    if (mkdirat(parent, name, 0755) < 0 && errno != EEXIST)
        return -1;
    int fd = open_in(x->root, path, O_RDONLY | O_DIRECTORY);
    if (fd < 0 || same < 0 || !S_ISDIR(st.st_mode))
        return fd;
    struct timespec times[2] = {st.st_mtim, st.st_mtim};
    if (fchown(fd, st.st_uid, st.st_gid) == 0 && fchmod(fd, st.st_mode & 07777) == 0 &&
        futimens(fd, times) == 0)
        return fd;
    int keep = errno;
    (void)close(fd);
    errno = keep;
    return -1;
}

/* Opens the folder `path` below root, made with its parents where it is not there. */
static int open_folder(const struct extract *x, const char *path, unsigned depth)
{
    char above[PATH_MAX];
    int fd = open_in(x->root, path, O_RDONLY | O_DIRECTORY);
    if (fd >= 0 || errno != ENOENT || depth >= DEPTH_MAX)
        return fd;
    const char *slash = strrchr(path, '/');
    size_t n = slash ? (size_t)(slash - path) : 0;
    memcpy(above, path, n);
    above[n] = '\0';
    AUTO_FD int parent = slash ? open_folder(x, above, depth + 1) : dup(x->root);
    if (parent < 0)
        return -1;
    return make_folder(x, path, parent, slash ? slash + 1 : path, depth);
}

static int remove_in(int folder, const char *name)
{
    if (unlinkat(folder, name, 0) == 0 || errno == ENOENT)
        return 0;
    if (errno != EISDIR && errno != EPERM)
        return -1;
    char path[64 + NAME_MAX];
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d/%s", folder, name);
    struct err e;
    return fs_remove_tree(path, &e) < 0 ? (errno = EIO, -1) : 0;
}

static int set_xattrs(int fd, const struct tar_entry *t, struct err *e)
{
    for (size_t i = 0; i < t->n_xattrs; i++) {
        const struct tar_xattr *x = &t->xattrs[i];
        /* trusted.* would steer the overlay; labels are the host's business. */
        if (strncmp(x->name, "user.", 5) != 0 && strcmp(x->name, "security.capability") != 0)
            continue;
        if (fsetxattr(fd, x->name, x->value, x->value_len, 0) < 0 && errno != ENOTSUP)
            return err_sys(e, errno, "set attribute %s of %s", x->name, t->path);
    }
    return 0;
}

static int write_file(struct extract *x, int fd, const struct tar_entry *t, struct err *e)
{
    for (;;) {
        size_t got;
        int rc = tar_reader_data(x->tar, x->chunk, sizeof x->chunk, &got, e);
        if (rc < 0 || got == 0)
            return rc;
        for (size_t at = 0; at < got;) {
            ssize_t put = write(fd, x->chunk + at, got - at);
            if (put < 0 && errno != EINTR)
                return err_sys(e, errno, "write %s", t->path);
            at += put > 0 ? (size_t)put : 0;
        }
    }
}

static struct timespec mtime_of(const struct tar_entry *t)
{
    return (struct timespec){.tv_sec = t->mtime, .tv_nsec = t->mtime_ns};
}

/* Owner first: chown drops set-id bits and capabilities. */
static int set_meta_fd(int fd, const struct tar_entry *t, struct err *e)
{
    struct timespec times[2] = {mtime_of(t), mtime_of(t)};
    if (fchown(fd, t->uid, t->gid) < 0 || fchmod(fd, t->mode & 07777) < 0)
        return err_sys(e, errno, "set owner and mode of %s", t->path);
    int rc = set_xattrs(fd, t, e);
    if (rc < 0)
        return rc;
    return futimens(fd, times) < 0 ? err_sys(e, errno, "set times of %s", t->path) : 0;
}

static int put_file(struct extract *x, int folder, const char *name, const struct tar_entry *t,
                    struct err *e)
{
    AUTO_FD int fd =
        openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_sys(e, errno, "create %s", t->path);
    int rc = write_file(x, fd, t, e);
    return rc < 0 ? rc : set_meta_fd(fd, t, e);
}

static int remember(struct extract *x, const char *path, const struct tar_entry *t, struct err *e)
{
    if (x->n_later >= LATER_MAX)
        return err_set(e, ERR_TOO_LARGE, "layer has more than %d folders", LATER_MAX);
    if (x->n_later == x->room) {
        x->room = x->room ? 2 * x->room : 256;
        x->later = realloc(x->later, x->room * sizeof *x->later);
        if (!x->later)
            abort();
    }
    x->later[x->n_later++] = (struct later){strdup(path), mtime_of(t)};
    return 0;
}

static int put_folder(struct extract *x, int folder, const char *name, const char *path,
                      const struct tar_entry *t, struct err *e)
{
    struct stat st;
    if (*name && fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && !S_ISDIR(st.st_mode) &&
        remove_in(folder, name) < 0)
        return err_sys(e, errno, "replace %s", t->path);
    if (*name && mkdirat(folder, name, 0700) < 0 && errno != EEXIST)
        return err_sys(e, errno, "create folder %s", t->path);
    AUTO_FD int fd =
        openat(folder, *name ? name : ".", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return err_sys(e, errno, "open folder %s", t->path);
    int rc = set_meta_fd(fd, t, e);
    return rc < 0 ? rc : remember(x, path, t, e);
}

static int put_hardlink(struct extract *x, int folder, const char *name, const struct tar_entry *t,
                        struct err *e)
{
    char target[PATH_MAX];
    int rc = clean_path(t->link, target, e);
    if (rc < 0)
        return rc;
    char *slash = strrchr(target, '/');
    const char *base = slash ? slash + 1 : target;
    if (slash)
        *slash = '\0';
    AUTO_FD int from = open_in(x->root, slash ? target : "", O_RDONLY | O_DIRECTORY);
    if (from < 0 || linkat(from, base, folder, name, 0) < 0)
        return err_sys(e, errno, "link %s to %s", t->path, t->link);
    return 0;
}

static int put_special(int folder, const char *name, const struct tar_entry *t, struct err *e)
{
    struct timespec times[2] = {mtime_of(t), mtime_of(t)};
    int rc;
    if (t->type == TAR_SYMLINK) {
        rc = symlinkat(t->link, folder, name);
    } else {
        mode_t kind = t->type == TAR_CHAR ? S_IFCHR : t->type == TAR_BLOCK ? S_IFBLK : S_IFIFO;
        if (t->type == TAR_CHAR && t->dev_major == 0 && t->dev_minor == 0)
            return err_set(e, ERR_INVALID, "%s is a device 0,0", t->path);
        rc = mknodat(folder, name, kind | (t->mode & 0777), makedev(t->dev_major, t->dev_minor));
        if (rc == 0)
            rc = fchmodat(folder, name, t->mode & 07777, 0);
    }
    if (rc < 0 || fchownat(folder, name, t->uid, t->gid, AT_SYMLINK_NOFOLLOW) < 0 ||
        utimensat(folder, name, times, AT_SYMLINK_NOFOLLOW) < 0)
        return err_sys(e, errno, "create %s", t->path);
    return 0;
}

static int put_whiteout(int folder, const char *name, const struct tar_entry *t, struct err *e)
{
    if (strcmp(name, WHITEOUT_OPAQUE) == 0) {
        if (fsetxattr(folder, OVERLAY_OPAQUE, "y", 1, 0) < 0)
            return err_sys(e, errno, "mark the folder of %s opaque", t->path);
        return 0;
    }
    if (strncmp(name, ".wh..wh.", 8) == 0)
        return 0; /* aufs's own files */
    const char *hidden = name + strlen(WHITEOUT);
    if (!*hidden || strcmp(hidden, ".") == 0 || strcmp(hidden, "..") == 0)
        return err_set(e, ERR_INVALID, "whiteout %s names nothing", t->path);
    if (remove_in(folder, hidden) < 0 || mknodat(folder, hidden, S_IFCHR, makedev(0, 0)) < 0)
        return err_sys(e, errno, "put whiteout %s", t->path);
    return 0;
}

static int put_entry(struct extract *x, const struct tar_entry *t, struct err *e)
{
    char path[PATH_MAX];
    int rc = clean_path(t->path, path, e);
    if (rc < 0)
        return rc;
    char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    if (!*name && t->type != TAR_DIR)
        return err_set(e, ERR_INVALID, "entry \"%s\" has no name", t->path);
    if (slash)
        *slash = '\0';
    AUTO_FD int folder = open_folder(x, slash ? path : "", 0);
    if (slash)
        *slash = '/';
    if (folder < 0)
        return err_sys(e, errno, "open the folder of %s", t->path);
    if (strncmp(name, WHITEOUT, strlen(WHITEOUT)) == 0)
        return put_whiteout(folder, name, t, e);
    if (t->type == TAR_DIR)
        return put_folder(x, folder, name, path, t, e);
    if (remove_in(folder, name) < 0)
        return err_sys(e, errno, "replace %s", t->path);
    if (t->type == TAR_FILE)
        return put_file(x, folder, name, t, e);
    if (t->type == TAR_HARDLINK)
        return put_hardlink(x, folder, name, t, e);
    return put_special(folder, name, t, e);
}

static void settle_times(struct extract *x)
{
    while (x->n_later > 0) {
        struct later *l = &x->later[--x->n_later];
        struct timespec times[2] = {l->mtime, l->mtime};
        AUTO_FD int fd = open_in(x->root, l->path, O_RDONLY | O_DIRECTORY);
        if (fd >= 0)
            (void)futimens(fd, times);
        free(l->path);
    }
    free(x->later);
}

int layer__extract(struct source *from, int root_fd, const struct lowers *below, struct err *e)
{
    struct extract *x = calloc(1, sizeof *x);
    const struct tar_entry *t;
    int rc;
    x->tar = tar_reader_new(from);
    x->root = root_fd;
    x->below = below;
    while ((rc = tar_reader_next(x->tar, &t, e)) > 0) {
        if ((rc = put_entry(x, t, e)) < 0)
            break;
    }
    settle_times(x);
    tar_reader_free(x->tar);
    free(x);
    return rc;
}
