#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "base/fs.h"
#include "build/build_int.h"
#include "codec/glob.h"

enum { ITEMS_MAX = 1 << 20, DEPTH_MAX = 256, TREE_PATH_MAX = 4096 };

struct chooser {
    const struct tree_source *from;
    struct arena *arena;
    struct tree *list;
    size_t n, room;
    size_t items_room;
};

/* ---- choosing ---- */

static bool is_excluded(const struct tree_source *from, const char *path, const char *sub)
{
    if (from->n_ignore && glob_ignored(from->ignore, from->n_ignore, path))
        return true;
    for (size_t i = 0; i < from->n_exclude; i++) {
        if (*sub && glob_match(from->exclude[i], sub, GLOB_PREFIX))
            return true;
    }
    return false;
}

static char *join(struct arena *a, const char *folder, const char *name)
{
    return arena_printf(a, "%s%s%s", folder, *folder && *name ? "/" : "", name);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static int list_folder(int fd, struct arena *a, char ***out, size_t *out_n, struct err *e)
{
    size_t n = 0, room = 0;
    char **names = NULL;
    DIR *d = fdopendir(dup(fd));
    if (!d)
        return err_sys(e, errno, "read a folder");
    rewinddir(d);
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
    *out = names;
    *out_n = n;
    return 0;
}

static int add_item(struct chooser *c, struct tree *t, const char *path, const char *sub,
                    const struct stat *st, const char *link, struct err *e)
{
    if (t->n >= ITEMS_MAX)
        return err_set(e, ERR_TOO_LARGE, "%s holds more than %d files", t->path, ITEMS_MAX);
    if (t->n == c->items_room) {
        size_t more = c->items_room ? 2 * c->items_room : 64;
        t->items = arena_grow(c->arena, t->items, c->items_room * sizeof *t->items,
                              more * sizeof *t->items);
        c->items_room = more;
    }
    bool keep = c->from->keep_owner;
    t->items[t->n++] = (struct tree_item){
        .path = path,
        .sub = sub,
        .mode = st->st_mode,
        .uid = keep ? st->st_uid : 0,
        .gid = keep ? st->st_gid : 0,
        .size = S_ISREG(st->st_mode) ? (uint64_t)st->st_size : 0,
        .mtime = st->st_mtim,
        .link = link,
    };
    return 0;
}

static int add_entry(struct chooser *c, struct tree *t, int folder, const char *name,
                     const char *path, const char *sub, unsigned depth, struct err *e);

/* An ignored folder is still looked into, for what exceptions take back. */
static int add_folder(struct chooser *c, struct tree *t, int fd, const char *path, const char *sub,
                      const struct stat *st, unsigned depth, struct err *e)
{
    char **names;
    size_t n, before = t->n;
    bool excluded = *sub && is_excluded(c->from, path, sub);
    if (depth > DEPTH_MAX)
        return err_set(e, ERR_TOO_LARGE, "%s is nested more than %d deep", t->path, DEPTH_MAX);
    int rc = add_item(c, t, path, sub, st, NULL, e);
    if (rc == 0)
        rc = list_folder(fd, c->arena, &names, &n, e);
    for (size_t i = 0; rc == 0 && i < n; i++)
        rc = add_entry(c, t, fd, names[i], join(c->arena, path, names[i]),
                       join(c->arena, sub, names[i]), depth + 1, e);
    if (rc == 0 && excluded && t->n == before + 1)
        t->n = before;
    return rc;
}

static int add_entry(struct chooser *c, struct tree *t, int folder, const char *name,
                     const char *path, const char *sub, unsigned depth, struct err *e)
{
    struct stat st;
    char link[TREE_PATH_MAX];
    if (fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return err_sys(e, errno, "look at %s", path);
    if (S_ISDIR(st.st_mode)) {
        AUTO_FD int fd = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
            return err_sys(e, errno, "open %s", path);
        return add_folder(c, t, fd, path, sub, &st, depth, e);
    }
    if (is_excluded(c->from, path, sub) || S_ISSOCK(st.st_mode))
        return 0;
    if (!S_ISLNK(st.st_mode))
        return add_item(c, t, path, sub, &st, NULL, e);
    ssize_t n = readlinkat(folder, name, link, sizeof link - 1);
    if (n < 0)
        return err_sys(e, errno, "read link %s", path);
    link[n] = '\0';
    return add_item(c, t, path, sub, &st, arena_strdup(c->arena, link), e);
}

/* What a path names, links followed inside the root. */
static int add_tree(struct chooser *c, const char *path, bool must, struct err *e)
{
    struct stat st;
    AUTO_FD int fd = view_open(c->from->root, path, O_RDONLY | O_NONBLOCK);
    bool ignored = *path && is_excluded(c->from, path, "");
    if (fd < 0 || fstat(fd, &st) < 0 || (ignored && !S_ISDIR(st.st_mode))) {
        if (!must)
            return 0;
        return err_set(e, ERR_NOT_FOUND, "\"%s\" is not there%s", *path ? path : "/",
                       ignored ? ": .dockerignore leaves it out" : "");
    }
    if (c->n == c->room) {
        size_t more = c->room ? 2 * c->room : 8;
        c->list = arena_grow(c->arena, c->list, c->room * sizeof *c->list, more * sizeof *c->list);
        c->room = more;
    }
    struct tree *t = &c->list[c->n++];
    const char *slash = strrchr(path, '/');
    *t = (struct tree){.name = slash ? slash + 1 : path, .path = path};
    t->is_dir = S_ISDIR(st.st_mode);
    c->items_room = 0;
    return t->is_dir ? add_folder(c, t, fd, path, "", &st, 0, e)
                     : add_item(c, t, path, "", &st, NULL, e);
}

/* Matches one part of the pattern after the other. */
static int match(struct chooser *c, const char *folder, const char *pattern, unsigned depth,
                 struct err *e)
{
    size_t n_part = strcspn(pattern, "/");
    const char *part = arena_strndup(c->arena, pattern, n_part);
    const char *rest = pattern[n_part] ? pattern + n_part + 1 : "";
    char **names;
    size_t n;
    if (!strpbrk(part, "*?[\\")) {
        const char *path = join(c->arena, folder, part);
        return *rest ? match(c, path, rest, depth + 1, e) : add_tree(c, path, false, e);
    }
    AUTO_FD int fd = view_open(c->from->root, folder, O_RDONLY | O_DIRECTORY);
    if (fd < 0 || depth > DEPTH_MAX)
        return 0;
    int rc = list_folder(fd, c->arena, &names, &n, e);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        bool any = strcmp(part, "**") == 0;
        if (!any && !glob_match(part, names[i], 0))
            continue;
        const char *path = join(c->arena, folder, names[i]);
        rc = *rest ? match(c, path, any ? pattern : rest, depth + 1, e)
                   : add_tree(c, path, false, e);
        if (rc == 0 && any && *rest)
            rc = match(c, folder, rest, depth + 1, e);
    }
    return rc;
}

/* "./a/../b//c" is "b/c". */
static char *clean(struct arena *a, const char *path)
{
    char *out = arena_strdup(a, path);
    size_t n = 0;
    for (const char *p = path; *p;) {
        size_t k = strcspn(p, "/");
        if (k == 2 && p[0] == '.' && p[1] == '.') {
            while (n > 0 && out[--n] != '/')
                ;
        } else if (k > 0 && !(k == 1 && *p == '.')) {
            if (n > 0)
                out[n++] = '/';
            memmove(out + n, p, k);
            n += k;
        }
        p += k;
        p += *p == '/';
    }
    out[n] = '\0';
    return out;
}

int tree_choose(const struct tree_source *from, const char *pattern, struct arena *a,
                struct tree **out, size_t *n, struct err *e)
{
    struct chooser c = {.from = from, .arena = a};
    char *path = clean(a, pattern);
    int rc = strpbrk(path, "*?[") ? match(&c, "", path, 0, e) : add_tree(&c, path, true, e);
    if (rc < 0)
        return rc;
    *out = c.list;
    *n = c.n;
    return 0;
}

/* ---- hashing ---- */

static int hash_bytes(int root, const struct tree_item *item, struct key *k, struct err *e)
{
    char chunk[1 << 14];
    AUTO_FD int fd = view_open(root, item->path, O_RDONLY | O_NOCTTY);
    if (fd < 0)
        return err_sys(e, errno, "open %s", item->path);
    for (;;) {
        ssize_t n = read(fd, chunk, sizeof chunk);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_sys(e, errno, "read %s", item->path);
        build__key_add_bytes(k, chunk, (size_t)n);
        if (n == 0)
            return 0;
    }
}

int tree_hash(const struct tree_source *from, const struct tree *t, struct key *k, struct err *e)
{
    build__key_add(k, t->is_dir ? "folder" : t->name);
    for (size_t i = 0; i < t->n; i++) {
        const struct tree_item *item = &t->items[i];
        if (t->is_dir && !*item->sub)
            continue;
        uint32_t meta[3] = {item->mode, item->uid, item->gid};
        build__key_add(k, item->sub);
        build__key_add_bytes(k, meta, sizeof meta);
        build__key_add(k, item->link);
        int rc = S_ISREG(item->mode) ? hash_bytes(from->root, item, k, e) : 0;
        if (rc < 0)
            return rc;
    }
    build__key_add(k, NULL);
    return 0;
}

/* ---- copying ---- */

static int open_or_make(int folder, const char *name, uint32_t uid, uint32_t gid)
{
    if (mkdirat(folder, name, 0755) < 0)
        return errno == EEXIST ? 0 : -1;
    return fchownat(folder, name, uid, gid, AT_SYMLINK_NOFOLLOW);
}

int tree_mkdirs(int root, const char *path, uint32_t uid, uint32_t gid, struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(1 << 16);
    char *all = clean(a, path);
    for (char *at = all; *at;) {
        size_t n = strcspn(at, "/");
        char *end = at + n, keep = *end;
        *end = '\0';
        const char *name;
        AUTO_FD int parent = view_open_parent(root, all, &name);
        AUTO_FD int is = view_open(root, all, O_RDONLY | O_DIRECTORY);
        if (is < 0 && (parent < 0 || open_or_make(parent, name, uid, gid) < 0))
            return err_sys(e, errno, "create folder /%s", all);
        AUTO_FD int made = view_open(root, all, O_RDONLY | O_DIRECTORY);
        if (made < 0)
            return err_sys(e, errno, "open folder /%s", all);
        *end = keep;
        at = end + (keep == '/');
    }
    return 0;
}

static int copy_bytes(int in, int out, uint64_t size)
{
    uint64_t left = size;
    while (left > 0) {
        ssize_t n = copy_file_range(in, NULL, out, NULL, left, 0);
        if (n < 0 && left == size)
            break; /* other file systems, old kernels */
        if (n <= 0)
            return -1;
        left -= (uint64_t)n;
    }
    while (left > 0) {
        ssize_t n = sendfile(out, in, NULL, left);
        if (n <= 0)
            return -1;
        left -= (uint64_t)n;
    }
    return 0;
}

static void copy_xattrs(int in, int out)
{
    char value[1 << 12];
    ssize_t n = fgetxattr(in, "security.capability", value, sizeof value);
    if (n > 0)
        (void)fsetxattr(out, "security.capability", value, (size_t)n, 0);
}

static int remove_in(int folder, const char *name)
{
    return unlinkat(folder, name, 0) == 0 || errno == ENOENT ? 0 : -1;
}

struct writing {
    const struct tree_source *from;
    const struct tree_target *to;
    struct err *e;
};

static int set_meta(const struct writing *w, int folder, const char *name,
                    const struct tree_item *item)
{
    mode_t mode = item->mode & 07777;
    struct timespec times[2] = {item->mtime, item->mtime};
    uint32_t uid = w->to->set_owner ? w->to->uid : item->uid;
    uint32_t gid = w->to->set_owner ? w->to->gid : item->gid;
    if (w->to->chmod) {
        int rc = tree_chmod(w->to->chmod, mode, S_ISDIR(item->mode), &mode, w->e);
        if (rc < 0)
            return rc;
    }
    if (fchownat(folder, name, uid, gid, AT_SYMLINK_NOFOLLOW) < 0 ||
        (!S_ISLNK(item->mode) && fchmodat(folder, name, mode, 0) < 0) ||
        utimensat(folder, name, times, AT_SYMLINK_NOFOLLOW) < 0)
        return err_sys(w->e, errno, "set owner, mode and time of %s", item->path);
    return 0;
}

static int copy_file(const struct writing *w, int folder, const char *name,
                     const struct tree_item *item)
{
    AUTO_FD int in = view_open(w->from->root, item->path, O_RDONLY | O_NOCTTY);
    if (in < 0)
        return err_sys(w->e, errno, "open %s", item->path);
    AUTO_FD int out =
        openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (out < 0 || copy_bytes(in, out, item->size) < 0)
        return err_sys(w->e, errno, "copy %s", item->path);
    int rc = set_meta(w, folder, name, item);
    copy_xattrs(in, out);
    return rc;
}

static int copy_item(const struct writing *w, const char *path, const struct tree_item *item)
{
    const char *name;
    struct stat st;
    AUTO_FD int folder = view_open_parent(w->to->root, path, &name);
    if (folder < 0)
        return err_sys(w->e, errno, "open the folder of /%s", path);
    bool is = fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
    if (S_ISDIR(item->mode)) {
        AUTO_FD int there = view_open(w->to->root, path, O_RDONLY | O_DIRECTORY);
        if (there >= 0)
            return 0; /* keeps what it has */
        if (is)
            return err_set(w->e, ERR_INVALID, "cannot copy the folder %s over a file", item->path);
        if (mkdirat(folder, name, 0755) < 0)
            return err_sys(w->e, errno, "create folder /%s", path);
        return set_meta(w, folder, name, item);
    }
    if (is && S_ISDIR(st.st_mode))
        return err_set(w->e, ERR_INVALID, "cannot copy the file %s over a folder", item->path);
    if (is && remove_in(folder, name) < 0)
        return err_sys(w->e, errno, "replace /%s", path);
    if (S_ISREG(item->mode))
        return copy_file(w, folder, name, item);
    if (S_ISLNK(item->mode) && symlinkat(item->link, folder, name) < 0)
        return err_sys(w->e, errno, "link /%s", path);
    if (!S_ISLNK(item->mode) && mknodat(folder, name, item->mode, 0) < 0)
        return err_sys(w->e, errno, "create /%s", path);
    return set_meta(w, folder, name, item);
}

/* Times of new folders are set again at the end, children changed them. */
int tree_copy(const struct tree_source *from, const struct tree *t, const struct tree_target *to,
              struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(1 << 20);
    const struct writing w = {from, to, e};
    char *base = clean(a, to->path);
    const char *name;
    for (size_t i = 0; i < t->n; i++) {
        if (t->is_dir && !*t->items[i].sub)
            continue; /* the folder itself is the target's */
        int rc = copy_item(&w, join(a, base, t->items[i].sub), &t->items[i]);
        if (rc < 0)
            return rc;
    }
    for (size_t i = t->n; i-- > 0;) {
        const struct tree_item *item = &t->items[i];
        if (!S_ISDIR(item->mode) || !*item->sub)
            continue;
        struct timespec times[2] = {item->mtime, item->mtime};
        AUTO_FD int folder = view_open_parent(to->root, join(a, base, item->sub), &name);
        if (folder >= 0)
            (void)utimensat(folder, name, times, AT_SYMLINK_NOFOLLOW);
    }
    return 0;
}

/* ---- modes ---- */

static mode_t who_mask(const char **s)
{
    mode_t mask = 0;
    for (; **s && strchr("ugoa", **s); (*s)++) {
        mask |= **s == 'u' ? 04700 : **s == 'g' ? 02070 : **s == 'o' ? 01007 : 07777;
    }
    return mask ? mask : 07777;
}

static mode_t permission_bits(const char **s, mode_t mode, bool is_dir)
{
    mode_t bits = 0;
    for (; **s && strchr("rwxXst", **s); (*s)++) {
        switch (**s) {
        case 'r':
            bits |= 0444;
            break;
        case 'w':
            bits |= 0222;
            break;
        case 'x':
            bits |= 0111;
            break;
        case 'X':
            bits |= is_dir || (mode & 0111) ? 0111 : 0;
            break;
        case 's':
            bits |= 06000;
            break;
        default:
            bits |= 01000;
            break;
        }
    }
    return bits;
}

int tree_chmod(const char *text, mode_t mode, bool is_dir, mode_t *out, struct err *e)
{
    char *end;
    const char *s = text;
    unsigned long octal = strtoul(text, &end, 8);
    if (!*end && end != text && octal <= 07777) {
        *out = (mode_t)octal;
        return 0;
    }
    for (;;) {
        mode_t mask = who_mask(&s);
        char op = *s;
        if (op != '+' && op != '-' && op != '=')
            return err_set(e, ERR_INVALID, "chmod \"%s\" is neither octal nor like u+x", text);
        s++;
        mode_t bits = permission_bits(&s, mode, is_dir) & mask;
        mode = op == '+' ? mode | bits : op == '-' ? mode & ~bits : (mode & ~(mask & 0777)) | bits;
        if (!*s)
            break;
        if (*s++ != ',')
            return err_set(e, ERR_INVALID, "chmod \"%s\" is neither octal nor like u+x", text);
    }
    *out = mode & 07777;
    return 0;
}
