#include "vcs/tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "vcs/repo.h"
#include "vcs/tree_int.h"

int tree__path_check(const char *path, struct err *e)
{
    size_t n = strlen(path);
    if (n > 4000)
        return err_set(e, ERR_INVALID, "path is longer than 4000 bytes");
    for (const char *s = path; *s;) {
        size_t part = strcspn(s, "/");
        bool dots = (part == 1 && s[0] == '.') || (part == 2 && s[0] == '.' && s[1] == '.');
        bool git = part == 4 && strncasecmp(s, ".git", 4) == 0;
        if (part == 0 || dots || git || (s[part] == '/' && s[part + 1] == '\0'))
            return err_set(e, ERR_INVALID, "path \"%.300s\" is not a plain relative path", path);
        s += part + (s[part] == '/');
    }
    return 0;
}

int tree_stat(struct tree *t, const char *path, enum tree_kind *out, struct err *e)
{
    int rc = tree__path_check(path, e);
    return rc < 0 ? rc : t->ops->stat(t, path, out, e);
}

int tree_read(struct tree *t, const char *path, struct arena *a, const char **out, size_t *n,
              struct err *e)
{
    int rc = tree__path_check(path, e);
    return rc < 0 ? rc : t->ops->read(t, path, a, out, n, e);
}

int tree_list(struct tree *t, const char *dir, struct arena *a, struct tree_entry **out, size_t *n,
              struct err *e)
{
    int rc = tree__path_check(dir, e);
    return rc < 0 ? rc : t->ops->list(t, dir, a, out, n, e);
}

void tree_free(struct tree *t)
{
    if (t)
        t->ops->free(t);
}

int tree_join(struct arena *a, const char *dir, const char *path, const char **out, struct err *e)
{
    if (*path == '/')
        return err_set(e, ERR_INVALID, "path \"%.300s\" is absolute", path);
    size_t cap = strlen(dir) + strlen(path) + 2, len = strlen(dir);
    char *joined = arena_alloc(a, cap);
    memcpy(joined, dir, len);
    for (const char *s = path; *s;) {
        size_t n = strcspn(s, "/");
        if (n == 2 && s[0] == '.' && s[1] == '.') {
            if (len == 0)
                return err_set(e, ERR_INVALID,
                               "path \"%.300s\" in folder \"%.300s\" leaves the root", path, dir);
            while (len > 0 && joined[len - 1] != '/')
                len--;
            len -= len > 0;
        } else if (n > 0 && !(n == 1 && s[0] == '.')) {
            if (len > 0)
                joined[len++] = '/';
            memcpy(joined + len, s, n);
            len += n;
        }
        s += n + (s[n] == '/');
    }
    joined[len] = '\0';
    *out = joined;
    return 0;
}

void *tree__new(size_t size)
{
    void *p = calloc(1, size);
    if (!p)
        abort();
    return p;
}

/* ---- a folder ---- */

enum { MAPPED_MIN = 32 * 1024 }; /* below, reading is cheaper */

struct folder_tree {
    struct tree base;
    int fd;
    bool maps;
};

/* The kernel keeps the path, links included, below the root. */
static int open_below(struct folder_tree *t, const char *path, uint64_t flags)
{
    struct open_how how = {.flags = flags | O_CLOEXEC,
                           .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS};
    return (int)syscall(SYS_openat2, t->fd, *path ? path : ".", &how, sizeof how);
}

/* Why a path cannot be had. */
static int unreachable(int sys, const char *path, struct err *e)
{
    if (sys == EXDEV)
        return err_set(e, ERR_INVALID, "%s is a link that leads out of the root", path);
    return err_sys(e, sys, "open %s", path);
}

static int folder_stat(struct tree *base, const char *path, enum tree_kind *out, struct err *e)
{
    struct folder_tree *t = container_of(base, struct folder_tree, base);
    AUTO_FD int fd = open_below(t, path, O_PATH);
    struct stat st;
    if (fd < 0 && errno != ENOENT && errno != ENOTDIR)
        return unreachable(errno, path, e);
    if (fd < 0 || fstat(fd, &st) < 0)
        *out = TREE_NONE;
    else
        *out = S_ISDIR(st.st_mode) ? TREE_DIR : S_ISREG(st.st_mode) ? TREE_FILE : TREE_NONE;
    return 0;
}

/* As many bytes as the file said it has; one that grows meanwhile is cut, one that shrinks ends. */
static int read_bytes(int fd, const char *path, size_t size, char *to, size_t *n, struct err *e)
{
    size_t have = 0;
    while (have < size) {
        ssize_t got = read(fd, to + have, size - have);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return err_sys(e, errno, "read %s", path);
        if (got == 0)
            break;
        have += (size_t)got;
    }
    to[have] = '\0';
    *n = have;
    return 0;
}

struct mapping {
    void *at;
    size_t n;
};

static void unmap(void *arg)
{
    struct mapping *m = arg;
    (void)munmap(m->at, m->n);
}

/* The file itself as memory, whose last page ends in NULs; NULL when it cannot be had so. */
static const char *map_bytes(int fd, size_t size, struct arena *a)
{
    if (size < MAPPED_MIN || size % (size_t)sysconf(_SC_PAGESIZE) == 0)
        return NULL;
    void *at = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (at == MAP_FAILED)
        return NULL;
    struct mapping *m = ARENA_NEW(a, struct mapping);
    *m = (struct mapping){at, size};
    arena_defer(a, unmap, m);
    return at;
}

static int folder_read(struct tree *base, const char *path, struct arena *a, const char **out,
                       size_t *n, struct err *e)
{
    struct folder_tree *t = container_of(base, struct folder_tree, base);
    AUTO_FD int fd = open_below(t, path, O_RDONLY | O_NONBLOCK);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) < 0)
        return unreachable(errno, path, e);
    if (!S_ISREG(st.st_mode))
        return err_set(e, ERR_INVALID, "%s is not a file", path);
    if (st.st_size > REPO_BLOB_MAX)
        return err_set(e, ERR_TOO_LARGE, "%s is larger than %d bytes", path, REPO_BLOB_MAX);
    const char *mapped = t->maps ? map_bytes(fd, (size_t)st.st_size, a) : NULL;
    if (mapped) {
        *out = mapped;
        *n = (size_t)st.st_size;
        return 0;
    }
    char *text = arena_room(a, (size_t)st.st_size + 1);
    int rc = read_bytes(fd, path, (size_t)st.st_size, text, n, e);
    if (rc == 0)
        *out = text;
    return rc;
}

static int entry_order(const void *a, const void *b)
{
    return strcmp(((const struct tree_entry *)a)->name, ((const struct tree_entry *)b)->name);
}

/* What most entries are the folder itself says; links are followed. */
static enum tree_kind kind_of(struct tree *base, const char *dir, const struct dirent *ent,
                              struct arena *a)
{
    enum tree_kind kind;
    if (ent->d_type == DT_REG)
        return TREE_FILE;
    if (ent->d_type == DT_DIR)
        return TREE_DIR;
    const char *path = arena_printf(a, "%s%s%s", dir, *dir ? "/" : "", ent->d_name);
    return folder_stat(base, path, &kind, NULL) < 0 ? TREE_NONE : kind;
}

static int folder_list(struct tree *base, const char *dir, struct arena *a, struct tree_entry **out,
                       size_t *n, struct err *e)
{
    struct folder_tree *t = container_of(base, struct folder_tree, base);
    int fd = open_below(t, dir, O_RDONLY | O_DIRECTORY);
    DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
    if (!d)
        return err_sys(e, errno, "list %s", *dir ? dir : ".");
    struct tree_entry *list = NULL;
    size_t count = 0, cap = 0;
    for (struct dirent *ent; count < REPO_ENTRIES_MAX && (ent = readdir(d));) {
        if (strcmp(ent->d_name, ".") == 0 || strcmp(ent->d_name, "..") == 0 ||
            strcmp(ent->d_name, ".git") == 0)
            continue;
        if (count == cap) {
            size_t more = cap ? cap * 2 : 32;
            list = arena_grow(a, list, cap * sizeof *list, more * sizeof *list);
            cap = more;
        }
        list[count].name = arena_strdup(a, ent->d_name);
        list[count++].kind = kind_of(base, dir, ent, a);
    }
    (void)closedir(d);
    if (count > 1)
        qsort(list, count, sizeof *list, entry_order);
    *out = list;
    *n = count;
    return 0;
}

static void folder_free(struct tree *base)
{
    struct folder_tree *t = container_of(base, struct folder_tree, base);
    (void)close(t->fd);
    free(t);
}

static const struct tree_ops folder_ops = {"folder", folder_stat, folder_read, folder_list,
                                           folder_free};

static int open_folder(const char *path, bool maps, struct tree **out, struct err *e)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return err_sys(e, errno, "open folder %s", path);
    struct folder_tree *t = tree__new(sizeof *t);
    t->base.ops = &folder_ops;
    t->fd = fd;
    t->maps = maps;
    *out = &t->base;
    return 0;
}

int tree_of_folder(const char *path, struct tree **out, struct err *e)
{
    return open_folder(path, false, out, e);
}

int tree_of_folder_mapped(const char *path, struct tree **out, struct err *e)
{
    return open_folder(path, true, out, e);
}

/* ---- a table ---- */

struct table_tree {
    struct tree base;
    const struct tree_file *files;
    const size_t *sizes; /* or NULL */
};

/* What follows `dir` in `path`, or NULL when it is not below it. */
static const char *below(const char *path, const char *dir)
{
    size_t n = strlen(dir);
    if (n == 0)
        return path;
    return strncmp(path, dir, n) == 0 && path[n] == '/' ? path + n + 1 : NULL;
}

static int table_stat(struct tree *base, const char *path, enum tree_kind *out, struct err *e)
{
    struct table_tree *t = container_of(base, struct table_tree, base);
    (void)e;
    *out = *path ? TREE_NONE : TREE_DIR;
    for (const struct tree_file *f = t->files; f->path; f++) {
        if (strcmp(f->path, path) == 0)
            *out = TREE_FILE;
        else if (below(f->path, path))
            *out = TREE_DIR;
    }
    return 0;
}

static int table_read(struct tree *base, const char *path, struct arena *a, const char **out,
                      size_t *n, struct err *e)
{
    struct table_tree *t = container_of(base, struct table_tree, base);
    for (const struct tree_file *f = t->files; f->path; f++) {
        if (strcmp(f->path, path) == 0) {
            *n = t->sizes ? t->sizes[f - t->files] : strlen(f->text);
            *out = arena_strndup(a, f->text, *n);
            return 0;
        }
    }
    return err_set(e, ERR_NOT_FOUND, "%s does not exist", path);
}

static int table_list(struct tree *base, const char *dir, struct arena *a, struct tree_entry **out,
                      size_t *n, struct err *e)
{
    struct table_tree *t = container_of(base, struct table_tree, base);
    size_t max = 0, count = 0;
    for (const struct tree_file *f = t->files; f->path; f++)
        max++;
    struct tree_entry *list = ARENA_ARRAY(a, struct tree_entry, max + 1);
    for (const struct tree_file *f = t->files; f->path; f++) {
        const char *rest = below(f->path, dir);
        if (!rest)
            continue;
        size_t len = strcspn(rest, "/");
        const char *name = arena_strndup(a, rest, len);
        bool known = false;
        for (size_t i = 0; i < count; i++)
            known |= strcmp(list[i].name, name) == 0;
        if (!known)
            list[count++] = (struct tree_entry){name, rest[len] ? TREE_DIR : TREE_FILE};
    }
    if (count == 0 && *dir)
        return err_set(e, ERR_NOT_FOUND, "folder %s does not exist", dir);
    if (count > 1)
        qsort(list, count, sizeof *list, entry_order);
    *out = list;
    *n = count;
    return 0;
}

static void table_free(struct tree *base)
{
    free(container_of(base, struct table_tree, base));
}

static const struct tree_ops table_ops = {"table", table_stat, table_read, table_list, table_free};

struct tree *tree_of_table(const struct tree_file *files)
{
    return tree_of_bytes(files, NULL);
}

struct tree *tree_of_bytes(const struct tree_file *files, const size_t *sizes)
{
    struct table_tree *t = tree__new(sizeof *t);
    t->base.ops = &table_ops;
    t->files = files;
    t->sizes = sizes;
    return &t->base;
}
