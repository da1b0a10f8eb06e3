#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "base/fs.h"
#include "blob/digest.h"
#include "codec/compress.h"
#include "codec/tar.h"
#include "oci/media.h"
#include "oci/store_int.h"

enum { LAYER_GZIP_LEVEL = 1, XATTRS_MAX = 64, XATTR_VALUE_MAX = 1 << 16 };

struct pack {
    const struct image_layer_opts *opts;
    struct tar_writer *tar;
    struct arena *arena; /* paths of files that have more than one name */
    struct map links;    /* "device:inode" -> first path */
    char path[PATH_MAX]; /* in the archive */
    size_t path_len;
    char chunk[1 << 16];
};

/* Takes the tar: hashes it and hands it on to the compressor. */
struct tar_out {
    struct sink sink;
    struct digest_state hash;
    struct sink *next;
};

static int tar_out_write(struct sink *self, const void *bytes, size_t n, struct err *e)
{
    struct tar_out *t = container_of(self, struct tar_out, sink);
    digest_add(&t->hash, bytes, n);
    return sink_write(t->next, bytes, n, e);
}

struct blob_out {
    struct sink sink;
    struct blob_writer *writer;
};

static int blob_out_write(struct sink *self, const void *bytes, size_t n, struct err *e)
{
    return blob_write(container_of(self, struct blob_out, sink)->writer, bytes, n, e);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool push_name(struct pack *p, const char *name)
{
    size_t n = strlen(name), sep = p->path_len > 0;
    if (p->path_len + n + 2 > sizeof p->path)
        return false;
    if (sep)
        p->path[p->path_len] = '/';
    memcpy(p->path + p->path_len + sep, name, n + 1);
    p->path_len += n + sep;
    return true;
}

static void pop_to(struct pack *p, size_t len)
{
    p->path_len = len;
    p->path[len] = '\0';
}

static bool wanted_xattr(const char *name)
{
    return strncmp(name, "user.", 5) == 0 || strcmp(name, "security.capability") == 0;
}

/* `fd` may be an O_PATH descriptor, so the file is named through /proc. */
static int read_xattrs(int fd, struct arena *a, struct tar_entry *t, struct err *e)
{
    char self[32], names[4096];
    (void)snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
    ssize_t n = listxattr(self, names, sizeof names);
    if (n < 0 && errno == ENOTSUP)
        return 0;
    if (n < 0)
        return err_sys(e, errno, "list attributes of %s", t->path);
    struct tar_xattr *list = ARENA_ARRAY(a, struct tar_xattr, XATTRS_MAX);
    for (const char *name = names; name < names + n; name += strlen(name) + 1) {
        if (!wanted_xattr(name) || t->n_xattrs >= XATTRS_MAX)
            continue;
        char *value = arena_alloc(a, XATTR_VALUE_MAX);
        ssize_t len = getxattr(self, name, value, XATTR_VALUE_MAX);
        if (len < 0)
            return err_sys(e, errno, "read attribute %s of %s", name, t->path);
        list[t->n_xattrs++] = (struct tar_xattr){arena_strdup(a, name), value, (size_t)len};
    }
    t->xattrs = list;
    return 0;
}

static bool is_opaque(int fd)
{
    char value[2];
    return fgetxattr(fd, "trusted.overlay.opaque", value, sizeof value) == 1 && value[0] == 'y';
}

static int write_empty(struct pack *p, const char *name, struct err *e)
{
    size_t len = p->path_len;
    if (!push_name(p, name))
        return err_set(e, ERR_TOO_LARGE, "path %.60s… is too long", p->path);
    struct tar_entry t = {.type = TAR_FILE, .path = p->path};
    int rc = tar_writer_entry(p->tar, &t, e);
    pop_to(p, len);
    return rc;
}

static int write_bytes(struct pack *p, int fd, uint64_t size, struct err *e)
{
    while (size > 0) {
        ssize_t got = read(fd, p->chunk, size < sizeof p->chunk ? size : sizeof p->chunk);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return err_sys(e, got < 0 ? errno : EIO, "read %s", p->path);
        int rc = tar_writer_data(p->tar, p->chunk, (size_t)got, e);
        if (rc < 0)
            return rc;
        size -= (uint64_t)got;
    }
    return 0;
}

static void fill_entry(const struct pack *p, const struct stat *st, struct tar_entry *t)
{
    *t = (struct tar_entry){
        .path = p->path,
        .mode = st->st_mode & 07777,
        .uid = st->st_uid,
        .gid = st->st_gid,
        .mtime = st->st_mtim.tv_sec,
    };
    if (p->opts->epoch >= 0 && t->mtime > p->opts->epoch)
        t->mtime = p->opts->epoch;
}

/* The first name of a file with several is stored, the others are links to it. */
static const char *linked_to(struct pack *p, const struct stat *st)
{
    char key[48];
    if (st->st_nlink < 2)
        return NULL;
    (void)snprintf(key, sizeof key, "%llx:%llx", (unsigned long long)st->st_dev,
                   (unsigned long long)st->st_ino);
    const char *first = map_get(&p->links, key);
    if (!first)
        (void)map_put(&p->links, key, arena_strdup(p->arena, p->path));
    return first;
}

static int pack_file(struct pack *p, int folder, const char *name, const struct stat *st,
                     struct tar_entry *t, struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(1 << 20);
    t->type = TAR_HARDLINK;
    t->link = linked_to(p, st);
    if (t->link)
        return tar_writer_entry(p->tar, t, e);
    AUTO_FD int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return err_sys(e, errno, "open %s", p->path);
    t->type = TAR_FILE;
    t->size = (uint64_t)st->st_size;
    int rc = read_xattrs(fd, a, t, e);
    if (rc < 0 || (rc = tar_writer_entry(p->tar, t, e)) < 0)
        return rc;
    return write_bytes(p, fd, t->size, e);
}

static int pack_special(struct pack *p, int folder, const char *name, const struct stat *st,
                        struct tar_entry *t, struct err *e)
{
    char link[PATH_MAX];
    if (S_ISLNK(st->st_mode)) {
        ssize_t n = readlinkat(folder, name, link, sizeof link - 1);
        if (n < 0)
            return err_sys(e, errno, "read link %s", p->path);
        link[n] = '\0';
        t->type = TAR_SYMLINK;
        t->link = link;
        t->mode = 0777;
    } else if (S_ISFIFO(st->st_mode)) {
        t->type = TAR_FIFO;
    } else if (S_ISCHR(st->st_mode) || S_ISBLK(st->st_mode)) {
        t->type = S_ISCHR(st->st_mode) ? TAR_CHAR : TAR_BLOCK;
        t->dev_major = major(st->st_rdev);
        t->dev_minor = minor(st->st_rdev);
    } else {
        return 0; /* sockets have no place in an image */
    }
    return tar_writer_entry(p->tar, t, e);
}

static int pack_folder(struct pack *p, int fd, struct err *e);

static int pack_subfolder(struct pack *p, int folder, const char *name, struct tar_entry *t,
                          struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(1 << 20);
    AUTO_FD int fd = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return err_sys(e, errno, "open %s", p->path);
    t->type = TAR_DIR;
    int rc = read_xattrs(fd, a, t, e);
    if (rc < 0 || (rc = tar_writer_entry(p->tar, t, e)) < 0)
        return rc;
    if (p->opts->whiteouts && is_opaque(fd) && (rc = write_empty(p, ".wh..wh..opq", e)) < 0)
        return rc;
    return pack_folder(p, fd, e);
}

static int pack_whiteout(struct pack *p, const char *name, struct err *e)
{
    char whiteout[NAME_MAX + 8];
    (void)snprintf(whiteout, sizeof whiteout, ".wh.%s", name);
    return write_empty(p, whiteout, e);
}

static int clamp_on_disk(const struct pack *p, int folder, const char *name, const struct stat *st)
{
    if (!p->opts->adopt || p->opts->epoch < 0 || st->st_mtim.tv_sec <= p->opts->epoch)
        return 0;
    struct timespec times[2] = {{.tv_sec = p->opts->epoch}, {.tv_sec = p->opts->epoch}};
    return utimensat(folder, name, times, AT_SYMLINK_NOFOLLOW);
}

static int pack_one(struct pack *p, int folder, const char *name, struct err *e)
{
    struct stat st;
    struct tar_entry t;
    size_t len = p->path_len;
    int rc;
    if (fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return err_sys(e, errno, "look at %s/%s", p->path, name);
    if (p->opts->whiteouts && S_ISCHR(st.st_mode) && st.st_rdev == makedev(0, 0))
        return pack_whiteout(p, name, e);
    if (!push_name(p, name))
        return err_set(e, ERR_TOO_LARGE, "path %.60s… is too long", p->path);
    fill_entry(p, &st, &t);
    if (S_ISDIR(st.st_mode))
        rc = pack_subfolder(p, folder, name, &t, e);
    else if (S_ISREG(st.st_mode))
        rc = pack_file(p, folder, name, &st, &t, e);
    else
        rc = pack_special(p, folder, name, &st, &t, e);
    if (rc == 0 && clamp_on_disk(p, folder, name, &st) < 0)
        rc = err_sys(e, errno, "set times of %s", p->path);
    pop_to(p, len);
    return rc;
}

static int pack_folder(struct pack *p, int fd, struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(1 << 20);
    size_t n = 0, room = 0;
    char **names = NULL;
    DIR *d = fdopendir(dup(fd));
    if (!d)
        return err_sys(e, errno, "read folder %s", p->path);
    for (struct dirent *entry; (entry = readdir(d));) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        if (n == room) {
            size_t more = room ? 2 * room : 64;
            names = arena_grow(a, names, room * sizeof *names, more * sizeof *names);
            room = more;
        }
        names[n++] = arena_strdup(a, entry->d_name);
    }
    (void)closedir(d);
    if (n > 1)
        qsort(names, n, sizeof *names, by_name);
    for (size_t i = 0; i < n; i++) {
        int rc = pack_one(p, fd, names[i], e);
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* The folders above the prefix are part of the archive, owned by root. */
static int pack_prefix(struct pack *p, struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(1 << 20);
    char *rest = arena_strdup(a, p->opts->prefix ? p->opts->prefix : "");
    for (char *part; (part = strsep(&rest, "/"));) {
        if (!*part)
            continue;
        if (!push_name(p, part))
            return err_set(e, ERR_TOO_LARGE, "path %.60s… is too long", p->opts->prefix);
        struct tar_entry t = {.type = TAR_DIR, .path = p->path, .mode = 0755};
        if (p->opts->epoch > 0)
            t.mtime = p->opts->epoch;
        int rc = tar_writer_entry(p->tar, &t, e);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int write_tar(const char *folder, const struct image_layer_opts *o, struct sink *to,
                     struct err *e)
{
    AUTO_FD int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return err_sys(e, errno, "open %s", folder);
    struct pack *p = calloc(1, sizeof *p);
    p->opts = o;
    p->tar = tar_writer_new(to, NULL);
    p->arena = arena_new(1 << 20);
    map_init(&p->links);
    int rc = pack_prefix(p, e);
    if (rc == 0)
        rc = pack_folder(p, fd, e);
    if (rc == 0)
        rc = tar_writer_end(p->tar, e);
    map_done(&p->links);
    arena_free(p->arena);
    tar_writer_free(p->tar);
    free(p);
    return rc;
}

static int write_layer(struct blob_writer *w, const char *folder, const struct image_layer_opts *o,
                       char diff_id[DIGEST_MAX], struct err *e)
{
    struct blob_out out = {.sink.write = blob_out_write, .writer = w};
    AUTO(compressor) struct compressor *gzip = NULL;
    int rc = compressor_new(COMPRESS_GZIP, LAYER_GZIP_LEVEL, &out.sink, &gzip, e);
    if (rc < 0)
        return rc;
    struct tar_out tar = {.sink.write = tar_out_write, .next = compressor_sink(gzip)};
    digest_init(&tar.hash, DIGEST_SHA256);
    if ((rc = write_tar(folder, o, &tar.sink, e)) < 0 || (rc = compressor_end(gzip, e)) < 0)
        return rc;
    digest_text(&tar.hash, diff_id);
    return 0;
}

int image_layer_pack(struct image_store *s, const char *folder, const struct image_layer_opts *o,
                     struct image_layer *out, struct err *e)
{
    struct blob_writer *w;
    struct image_layer layer = {.media_type = MEDIA_OCI_LAYER_GZIP};
    int rc = blob_writer_new(s->blobs, &w, e);
    if (rc < 0)
        return rc;
    if ((rc = write_layer(w, folder, o, layer.diff_id, e)) < 0) {
        blob_cancel(w);
        return err_wrap(e, rc, "pack layer");
    }
    layer.size = blob_writer_size(w);
    if ((rc = blob_commit(w, NULL, layer.digest, e)) < 0)
        return rc;
    rc = o->adopt ? layer__adopt(s, folder, layer.diff_id, e)
                  : layer__ensure(s, layer.digest, layer.diff_id, NULL, e);
    if (rc == 0)
        *out = layer;
    return rc;
}
