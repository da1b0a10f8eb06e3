/* ignore.c - .helmignore: Go's file patterns, the first rule that matches decides. */
#include <stdlib.h>
#include <string.h>

#include "render/helm/helm_int.h"

/* One [...] against `c`. *p stands behind the '[' and ends behind the ']'; -1: malformed. */
static int class_match(const char **p, char c)
{
    const char *s = *p;
    bool negated = *s == '^', hit = false;
    s += negated;
    for (int n = 0; n == 0 || *s != ']'; n++) {
        unsigned char lo, hi;
        if (*s == '\0' || *s == '-' || *s == ']')
            return -1;
        s += *s == '\\' && s[1];
        lo = hi = (unsigned char)*s++;
        if (*s == '-') {
            s++;
            if (*s == '\0' || *s == '-' || *s == ']')
                return -1;
            s += *s == '\\' && s[1];
            hi = (unsigned char)*s++;
        }
        hit |= lo <= (unsigned char)c && (unsigned char)c <= hi;
    }
    *p = s + 1;
    return hit != negated;
}

/* One character of a pattern that is not a star; false: no match or malformed. */
static bool step(const char **p, char c)
{
    if (**p == '[') {
        (*p)++;
        return class_match(p, c) > 0 && c != '/';
    }
    if (**p == '?') {
        (*p)++;
        return c != '/';
    }
    *p += **p == '\\' && (*p)[1];
    return *(*p)++ == c;
}

bool helm_path_match(const char *p, const char *s)
{
    const char *star = NULL, *from = NULL; /* the last star and where it stopped */
    for (;;) {
        const char *next = p;
        if (*p == '*') {
            star = ++p;
            from = s;
        } else if (*s && *p && step(&next, *s)) {
            p = next;
            s++;
        } else if (!*s && !*p) {
            return true;
        } else if (star && *from && *from != '/') {
            p = star;
            s = ++from;
        } else {
            return false;
        }
    }
}

static bool well_formed(const char *p)
{
    for (; *p; p++) {
        if (*p == '\\' && !*++p)
            return false;
        if (*p == '[') {
            p++;
            if (class_match(&p, 'a') < 0)
                return false;
            p--;
        }
    }
    return true;
}

struct rule {
    const char *pattern;
    bool negated, dir_only, by_name; /* by_name: without a slash, against the last part */
};

struct helm_ignore {
    struct rule *rules;
    size_t n;
};

static int add(struct helm_ignore *list, char *rule, struct helm_log *log, struct err *e)
{
    while (*rule && strchr(" \t\r\v\f", *rule))
        rule++;
    size_t n = strlen(rule);
    while (n && strchr(" \t\r\v\f", rule[n - 1]))
        rule[--n] = '\0';
    if (n == 0 || *rule == '#')
        return 0;
    if (strstr(rule, "**"))
        return helm__fail(log, e, ERR_INVALID, "double-star (**) syntax is not supported");
    if (!well_formed(rule))
        return helm__fail(log, e, ERR_INVALID, "syntax error in pattern");
    struct rule r = {.negated = *rule == '!'};
    rule += r.negated;
    n = strlen(rule);
    if (n && rule[n - 1] == '/') {
        r.dir_only = true;
        rule[n - 1] = '\0';
    }
    r.by_name = !strchr(rule, '/');
    r.pattern = rule + (*rule == '/');
    list->rules[list->n++] = r;
    return 0;
}

int helm__ignore_parse(const char *text, size_t n, struct helm_log *log, struct helm_ignore **out,
                       struct err *e)
{
    char *copy = arena_strndup(log->arena, text, n), hidden[] = "templates/.?*";
    size_t lines = 2;
    for (size_t i = 0; i < n; i++)
        lines += copy[i] == '\n';
    struct helm_ignore *list = ARENA_NEW(log->arena, struct helm_ignore);
    list->rules = ARENA_ARRAY(log->arena, struct rule, lines);
    if (n >= 3 && memcmp(copy, "\xef\xbb\xbf", 3) == 0)
        copy += 3;
    for (char *line = copy, *next; line; line = next) {
        next = strchr(line, '\n');
        if (next)
            *next++ = '\0';
        int rc = add(list, line, log, e);
        if (rc < 0)
            return rc;
    }
    *out = list;
    return add(list, arena_strdup(log->arena, hidden), log, e);
}

bool helm__ignored(const struct helm_ignore *list, const char *path, bool is_dir)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    for (size_t i = 0; i < list->n; i++) {
        const struct rule *r = &list->rules[i];
        bool hit = helm_path_match(r->pattern, r->by_name ? name : path);
        if (r->negated ? (r->dir_only && !is_dir) || !hit : hit && (is_dir || !r->dir_only))
            return true;
    }
    return false;
}
