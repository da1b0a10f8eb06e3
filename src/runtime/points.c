/* The folders and files that mounts are put on. What an image lacks of them crun would make in each
 * container's own layer, some twenty that go with it again; here they are made once for all
 * containers with the same mounts, in a layer that lies below the image's: what the image has
 * counts more. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <nettle/sha2.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "runtime/runtime_int.h"

/* Containers with yet other mounts have them made by crun. */
enum { LAYERS_MAX = 256 };

static bool is_plain(const char *path)
{
    size_t n = strlen(path);
    return n > 1 && path[0] == '/' && path[n - 1] != '/' && !strstr(path, "//") &&
           !strstr(path, "/.") && !strchr(path, '\n');
}

static bool is_below(const char *path, const char *folder)
{
    size_t n = strlen(folder);
    return strncmp(path, folder, n) == 0 && path[n] == '/';
}

/* In another mount: made there. */
static bool is_inside(const struct container_spec *s, const char *target)
{
    static const char *const base[] = {"/proc", "/dev", "/sys"};
    for (size_t i = 0; i < ARRAY_LEN(base); i++)
        if (strcmp(target, base[i]) == 0 || is_below(target, base[i]))
            return true;
    for (size_t i = 0; i < s->n_mounts; i++)
        if (is_below(target, s->mounts[i].target))
            return true;
    return false;
}

/* A line a point, "d PATH" or "f PATH". */
static void list_points(const struct container_spec *s, struct buf *out)
{
    buf_puts(out, "d /proc\nd /dev\nd /sys\n");
    for (size_t i = 0; i < s->n_mounts; i++) {
        const struct container_mount *m = &s->mounts[i];
        struct stat st = {.st_mode = S_IFDIR};
        if (is_plain(m->target) && !is_inside(s, m->target) &&
            (m->type || stat(m->source, &st) == 0))
            buf_printf(out, "%c %s\n", S_ISDIR(st.st_mode) ? 'd' : 'f', m->target);
    }
}

static const char *name_of(const struct buf *list, struct arena *a)
{
    struct sha256_ctx c;
    uint8_t digest[16];
    char hex[2 * sizeof digest + 1];
    sha256_init(&c);
    sha256_update(&c, list->len, (const uint8_t *)list->data);
    sha256_digest(&c, sizeof digest, digest);
    for (size_t i = 0; i < sizeof digest; i++)
        (void)snprintf(hex + 2 * i, 3, "%02x", digest[i]);
    return arena_strdup(a, hex);
}

static bool is_full(const char *folder)
{
    size_t n = 0;
    DIR *d = opendir(folder);
    while (d && readdir(d))
        n++;
    if (d)
        (void)closedir(d);
    return n >= LAYERS_MAX;
}

static int make_point(const char *root, const char *line, size_t n, struct arena *a, struct err *e)
{
    char *path = arena_printf(a, "%s%.*s", root, (int)n - 2, line + 2);
    if (line[0] == 'd')
        return fs_mkdirs(path, 0755, e);
    char *name = strrchr(path, '/');
    *name = '\0';
    int rc = fs_mkdirs(path, 0755, e);
    *name = '/';
    AUTO_FD int fd = rc < 0 ? -1 : open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    return rc < 0 ? rc : fd < 0 ? err_sys(e, errno, "make %s", path) : 0;
}

/* Whole or not at all, whoever else makes the same one. */
static int make_layer(const char *path, const struct buf *list, const char *id, struct arena *a,
                      struct err *e)
{
    const char *fresh = arena_printf(a, "%s.%s", path, id);
    int rc = fs_mkdirs(fresh, 0755, e);
    for (const char *p = buf_text(list), *end; rc == 0 && (end = strchr(p, '\n')); p = end + 1)
        rc = make_point(fresh, p, (size_t)(end - p), a, e);
    if (rc == 0 && rename(fresh, path) < 0 && errno != EEXIST && errno != ENOTEMPTY)
        rc = err_sys(e, errno, "make %s", path);
    (void)!fs_remove_tree(fresh, NULL);
    return rc;
}

const char *runtime__points(struct runtime *r, const struct container_spec *s, struct arena *a)
{
    AUTO_BUF struct buf list;
    buf_init(&list, 1 << 20);
    list_points(s, &list);
    if (buf_check(&list, NULL) < 0)
        return NULL;
    const char *folder = arena_printf(a, "%s/points", r->dir);
    const char *path = arena_printf(a, "%s/%s", folder, name_of(&list, a));
    if (access(path, F_OK) == 0)
        return path;
    return !is_full(folder) && make_layer(path, &list, s->id, a, NULL) == 0 ? path : NULL;
}
