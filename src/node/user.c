#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "node/node_int.h"

enum { FILE_MAX_BYTES = 1 << 20 };

/* The newest layer's file; links in an image lead nowhere outside of its layer. */
static const char *read_file(const char *const *layers, size_t n, const char *path, struct arena *a)
{
    for (size_t i = n; i > 0; i--) {
        AUTO_FD int dir = open(layers[i - 1], O_PATH | O_DIRECTORY | O_CLOEXEC);
        struct open_how how = {.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK,
                               .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS};
        AUTO_FD int fd = (int)syscall(SYS_openat2, dir, path, &how, sizeof how);
        struct stat st;
        if (fd < 0 || fstat(fd, &st) < 0)
            continue;
        if (!S_ISREG(st.st_mode)) /* a whiteout: removed */
            return "";
        char *text = ARENA_ARRAY(a, char, FILE_MAX_BYTES + 1);
        ssize_t got = read(fd, text, FILE_MAX_BYTES);
        return got < 0 ? "" : text;
    }
    return "";
}

/* Field `k` of a line "a:b:c". */
static const char *field(const char *line, const char *end, int k, size_t *len)
{
    for (; k > 0; k--) {
        line = memchr(line, ':', (size_t)(end - line));
        if (!line)
            return NULL;
        line++;
    }
    const char *stop = memchr(line, ':', (size_t)(end - line));
    *len = (size_t)((stop ? stop : end) - line);
    return line;
}

static bool is(const char *line, const char *end, int k, const char *want)
{
    size_t len;
    const char *f = field(line, end, k, &len);
    return f && len == strlen(want) && memcmp(f, want, len) == 0;
}

/* The line whose field `k` is `want`; NULL when there is none. */
static const char *find_line(const char *text, int k, const char *want, const char **end)
{
    for (const char *p = text; *p;) {
        const char *nl = strchrnul(p, '\n');
        if (is(p, nl, k, want)) {
            *end = nl;
            return p;
        }
        p = *nl ? nl + 1 : nl;
    }
    return NULL;
}

static bool number(const char *text, uint32_t *out)
{
    if (!*text || strspn(text, "0123456789") != strlen(text))
        return false;
    unsigned long v = strtoul(text, NULL, 10);
    *out = (uint32_t)v;
    return v <= UINT32_MAX;
}

static uint32_t id_field(const char *line, const char *end, int k)
{
    size_t len;
    const char *f = field(line, end, k, &len);
    return f ? (uint32_t)strtoul(f, NULL, 10) : 0;
}

static bool listed(const char *members, size_t len, const char *name)
{
    size_t n = strlen(name);
    for (const char *p = members, *end = members + len; p < end;) {
        const char *comma = memchr(p, ',', (size_t)(end - p));
        size_t part = (size_t)((comma ? comma : end) - p);
        if (part == n && memcmp(p, name, n) == 0)
            return true;
        p += part + 1;
    }
    return false;
}

static void memberships(const char *group, const char *name, uint32_t **groups, size_t *n,
                        struct arena *a)
{
    for (const char *p = group; *p;) {
        const char *nl = strchrnul(p, '\n');
        size_t len;
        const char *members = field(p, nl, 3, &len);
        if (members && listed(members, len, name)) {
            *groups = arena_grow(a, *groups, *n * sizeof **groups, (*n + 1) * sizeof **groups);
            (*groups)[(*n)++] = id_field(p, nl, 2);
        }
        p = *nl ? nl + 1 : nl;
    }
}

int user__find(const char *const *layers, size_t n, const char *user, uint32_t *uid, uint32_t *gid,
               uint32_t **groups, size_t *n_groups, struct arena *a, struct err *e)
{
    const char *passwd = read_file(layers, n, "etc/passwd", a);
    const char *group = read_file(layers, n, "etc/group", a);
    const char *colon = strchr(user, ':');
    char *name = colon ? arena_strndup(a, user, (size_t)(colon - user)) : arena_strdup(a, user);
    uint32_t u = 0, g = 0;
    bool numeric = number(name, &u);
    const char *end;
    const char *line = *name ? find_line(passwd, numeric ? 2 : 0, name, &end) : NULL;
    if (line) {
        size_t len;
        const char *f = field(line, end, 0, &len);
        u = id_field(line, end, 2);
        g = id_field(line, end, 3);
        memberships(group, arena_strndup(a, f, len), groups, n_groups, a);
    } else if (*name && !numeric) {
        return err_set(e, ERR_INVALID, "the image has no user \"%s\"", name);
    }
    if (colon && !number(colon + 1, &g)) {
        line = find_line(group, 0, colon + 1, &end);
        if (!line)
            return err_set(e, ERR_INVALID, "the image has no group \"%s\"", colon + 1);
        g = id_field(line, end, 2);
    }
    *uid = u;
    *gid = g;
    return 0;
}
