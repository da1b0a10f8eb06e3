#include "base/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

static int read_all(int fd, const char *path, size_t max, struct buf *b, struct err *e)
{
    for (;;) {
        char *p = buf_reserve(b, 64 * 1024);
        size_t room = 64 * 1024;
        if (!p) { /* near the maximum: one byte more decides */
            b->overflow = false;
            room = max - b->len + 1;
            b->max = max + 1;
            p = buf_reserve(b, room);
        }
        ssize_t n = read(fd, p, room);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_sys(e, errno, "read %s", path);
        if (n == 0)
            return 0;
        b->len += (size_t)n;
        if (b->len > max)
            return err_set(e, ERR_TOO_LARGE, "%s is larger than %zu bytes", path, max);
    }
}

int fs_read(const char *path, size_t max, struct arena *a, char **out, size_t *out_len,
            struct err *e)
{
    AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_sys(e, errno, "open %s", path);
    AUTO_BUF struct buf b;
    buf_init(&b, max);
    int r = read_all(fd, path, max, &b, e);
    if (r < 0)
        return r;
    *out = arena_strndup(a, buf_text(&b), b.len);
    if (out_len)
        *out_len = b.len;
    return 0;
}

static int write_all(int fd, const char *p, size_t n)
{
    while (n) {
        ssize_t w = write(fd, p, n);
        if (w < 0 && errno == EINTR)
            continue;
        if (w < 0)
            return -1;
        p += w;
        n -= (size_t)w;
    }
    return 0;
}

static int sync_folder_of(const char *path, struct err *e)
{
    char dir[PATH_MAX];
    const char *slash = strrchr(path, '/');
    size_t n = slash ? (size_t)(slash - path) : 1;
    (void)snprintf(dir, sizeof dir, "%.*s", (int)(n ? n : 1), slash ? path : ".");
    AUTO_FD int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) < 0)
        return err_sys(e, errno, "sync %s", dir);
    return 0;
}

/* A file on its way: written beside where it shall be. */
struct draft {
    int fd;
    char tmp[PATH_MAX];
};

static int draft_write(struct draft *d, const struct fs_file *f, struct err *e)
{
    if ((size_t)snprintf(d->tmp, sizeof d->tmp, "%s.XXXXXX", f->path) >= sizeof d->tmp)
        return err_set(e, ERR_INVALID, "path too long: %.100s…", f->path);
    d->fd = mkostemp(d->tmp, O_CLOEXEC);
    if (d->fd < 0)
        return err_sys(e, errno, "create %s", d->tmp);
    if (fchmod(d->fd, f->mode) < 0 || write_all(d->fd, f->bytes, f->n) < 0)
        return err_sys(e, errno, "write %s", f->path);
    return 0;
}

static int publish(struct draft *d, const struct fs_file *files, size_t n, struct err *e)
{
    /* Started together, so that the first fsync() finds the others' blocks in its own round. */
    for (size_t i = 0; n > 1 && i < n; i++)
        (void)sync_file_range(d[i].fd, 0, 0, SYNC_FILE_RANGE_WRITE);
    for (size_t i = 0; i < n; i++)
        if (fsync(d[i].fd) < 0)
            return err_sys(e, errno, "write %s", files[i].path);
    for (size_t i = 0; i < n; i++) {
        if (rename(d[i].tmp, files[i].path) < 0)
            return err_sys(e, errno, "write %s", files[i].path);
        d[i].tmp[0] = '\0';
    }
    return n ? sync_folder_of(files[0].path, e) : 0;
}

int fs_write_all(const struct fs_file *files, size_t n, struct err *e)
{
    AUTO_MEM struct draft *d = calloc(n + 1, sizeof *d);
    size_t begun = 0;
    int r = d ? 0 : err_sys(e, ENOMEM, "write %zu files", n);
    while (r == 0 && begun < n) {
        d[begun].fd = -1;
        r = draft_write(&d[begun], &files[begun], e);
        begun++;
    }
    if (r == 0)
        r = publish(d, files, n, e);
    for (size_t i = 0; i < begun; i++) {
        if (d[i].fd >= 0 && d[i].tmp[0])
            (void)unlink(d[i].tmp);
        if (d[i].fd >= 0)
            (void)close(d[i].fd);
    }
    return r;
}

int fs_write_atomic(const char *path, mode_t mode, const void *bytes, size_t n, struct err *e)
{
    return fs_write_all(&(struct fs_file){path, mode, bytes, n}, 1, e);
}

int fs_mkdirs(const char *path, mode_t mode, struct err *e)
{
    char p[PATH_MAX];
    size_t n = strlen(path);
    if (n == 0 || n >= sizeof p)
        return err_set(e, ERR_INVALID, "not a usable path: \"%.100s\"", path);
    memcpy(p, path, n + 1);
    for (char *s = p + 1;; s++) {
        if (*s != '/' && *s != '\0')
            continue;
        char held = *s;
        *s = '\0';
        if (mkdir(p, mode) < 0 && errno != EEXIST)
            return err_sys(e, errno, "create folder %s", p);
        if (!held)
            return 0;
        *s = held;
    }
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

int fs_remove_tree(const char *path, struct err *e)
{
    if (nftw(path, remove_one, 32, FTW_DEPTH | FTW_PHYS | FTW_MOUNT) < 0 && errno != ENOENT)
        return err_sys(e, errno, "remove %s", path);
    return 0;
}

/* The fifth word of a line of mountinfo, where the mount is, with "\\040" for a space undone. */
static char *mount_point(char *line)
{
    char *path = line;
    for (int i = 0; i < 4 && path; i++)
        path = (path = strchr(path, ' ')) ? path + 1 : NULL;
    if (!path)
        return NULL;
    char *to = path;
    for (const char *p = path; *p && *p != ' '; p++)
        if (*p == '\\' && p[1] && p[2] && p[3]) {
            *to++ = (char)((p[1] - '0') << 6 | (p[2] - '0') << 3 | (p[3] - '0'));
            p += 3;
        } else {
            *to++ = *p;
        }
    *to = '\0';
    return path;
}

/* A folder that is mounted more than once, or that went with another, is no mount any more. */
static int detach(char *const *points, size_t n, struct err *e)
{
    while (n > 0)
        if (umount2(points[--n], MNT_DETACH | UMOUNT_NOFOLLOW) < 0 && errno != EINVAL &&
            errno != ENOENT)
            return err_sys(e, errno, "unmount %s", points[n]);
    return 0;
}

int fs_private_mounts(struct err *e)
{
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0)
        return 0;
    bool in_chroot = errno == EINVAL;
    (void)err_sys(e, errno, "make mounts private");
    return in_chroot ? err_hint(e, "the root folder is no mount point, as in a chroot: bind the "
                                   "folder over itself (mount --rbind DIR DIR) and enter it again")
                     : (int)e->code;
}

int fs_unmount_below(const char *path, struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(0);
    char real[PATH_MAX];
    if (!realpath(path, real))
        return errno == ENOENT ? 0 : err_sys(e, errno, "unmount below %s", path);
    FILE *f = fopen("/proc/self/mountinfo", "re");
    if (!f)
        return err_sys(e, errno, "read /proc/self/mountinfo");
    char *line = NULL, *point, **points = NULL;
    size_t room = 0, n = 0, len = strlen(real);
    while (getline(&line, &room, f) > 0) {
        if (!(point = mount_point(line)) || strncmp(point, real, len) != 0 || point[len] != '/')
            continue;
        points = arena_grow(a, points, n * sizeof *points, (n + 1) * sizeof *points);
        points[n++] = arena_strdup(a, point);
    }
    free(line);
    (void)fclose(f);
    return detach(points, n, e);
}
