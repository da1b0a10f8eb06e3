#include <ctype.h>
#include <string.h>

#include "build/build_int.h"

enum { USERS_FILE_MAX = 4 << 20 };

struct line_fields {
    char *field[7];
    size_t n;
};

/* The next line of a colon-separated file, taken apart in place. */
static bool next_fields(char **text, struct line_fields *out)
{
    char *line = strsep(text, "\n");
    if (!line)
        return false;
    out->n = 0;
    while (line && out->n < ARRAY_LEN(out->field))
        out->field[out->n++] = strsep(&line, ":");
    return true;
}

static bool number(const char *s, uint32_t *out)
{
    char *end;
    if (!isdigit((unsigned char)*s))
        return false;
    unsigned long n = strtoul(s, &end, 10);
    *out = (uint32_t)n;
    return !*end && n < UINT32_MAX;
}

static bool find_user(int root, const char *name, struct arena *a, struct user *out)
{
    char *text;
    size_t n;
    struct line_fields f;
    uint32_t uid, gid, want = 0;
    bool by_number = number(name, &want);
    if (!view_read(root, "etc/passwd", USERS_FILE_MAX, a, &text, &n))
        return false;
    while (next_fields(&text, &f)) {
        if (f.n < 4 || !number(f.field[2], &uid) || !number(f.field[3], &gid))
            continue;
        if (by_number ? uid != want : strcmp(f.field[0], name) != 0)
            continue;
        out->uid = uid;
        out->gid = gid;
        return true;
    }
    return false;
}

static bool find_group(int root, const char *name, struct arena *a, uint32_t *out)
{
    char *text;
    size_t n;
    struct line_fields f;
    if (number(name, out))
        return true;
    if (!view_read(root, "etc/group", USERS_FILE_MAX, a, &text, &n))
        return false;
    while (next_fields(&text, &f)) {
        if (f.n >= 3 && strcmp(f.field[0], name) == 0 && number(f.field[2], out))
            return true;
    }
    return false;
}

static void find_groups_of(int root, const char *name, struct arena *a, struct user *out)
{
    char *text;
    size_t n;
    struct line_fields f;
    uint32_t gid;
    if (!view_read(root, "etc/group", USERS_FILE_MAX, a, &text, &n))
        return;
    while (next_fields(&text, &f) && out->n_groups < ARRAY_LEN(out->groups)) {
        if (f.n < 4 || !number(f.field[2], &gid))
            continue;
        for (char *member; (member = strsep(&f.field[3], ","));) {
            if (strcmp(member, name) == 0) {
                out->groups[out->n_groups++] = gid;
                break;
            }
        }
    }
}

int user_find(int root, const char *text, struct user *out, struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(1 << 20);
    struct user u = {0};
    char *name = arena_strdup(a, text), *group = strchr(name, ':');
    if (group)
        *group++ = '\0';
    if (!*name)
        name = arena_strdup(a, "0");
    bool found = find_user(root, name, a, &u);
    if (!found && !number(name, &u.uid))
        return err_set(e, ERR_INVALID, "there is no user \"%s\" in /etc/passwd", name);
    if (!found)
        u.gid = group ? 0 : u.uid;
    if (group && *group && !find_group(root, group, a, &u.gid))
        return err_set(e, ERR_INVALID, "there is no group \"%s\" in /etc/group", group);
    if (!group)
        find_groups_of(root, name, a, &u);
    *out = u;
    return 0;
}
