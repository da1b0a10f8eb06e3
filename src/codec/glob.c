#include "codec/glob.h"

#include <stdint.h>
#include <string.h>

struct text {
    const char *s, *end;
};

static char fold(char c, unsigned flags)
{
    return flags & GLOB_CASE && c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

/* ---- one part: * ? [ ] \ ---- */

/* The character of a class at *p, an escape undone. */
static bool class_char(const char **p, const char *end, char *out)
{
    if (**p == '\\' && ++*p == end)
        return false;
    *out = *(*p)++;
    return true;
}

/* At the [ of a class: whether it holds c; *p is left behind its ], or NULL if it has none. */
static bool class_has(const char **p, const char *end, char c, unsigned flags)
{
    const char *s = *p + 1;
    bool negated = s < end && (*s == '!' || *s == '^'), hit = false;
    s += negated;
    *p = NULL;
    for (bool first = true; s < end && (first || *s != ']'); first = false) {
        char low, high;
        if (!class_char(&s, end, &low))
            return false;
        high = low;
        if (s + 1 < end && *s == '-' && s[1] != ']') {
            s++;
            if (!class_char(&s, end, &high))
                return false;
        }
        hit = hit || (fold(low, flags) <= c && c <= fold(high, flags));
    }
    if (s == end)
        return false;
    *p = s + 1;
    return hit != negated;
}

/* Takes one character of the pattern, which must not be a star. NULL: it is not c. */
static const char *step(const char *p, const char *end, char c, unsigned flags)
{
    c = fold(c, flags);
    if (*p == '?')
        return p + 1;
    if (*p == '[') {
        bool hit = class_has(&p, end, c, flags);
        return hit ? p : NULL;
    }
    if (*p == '\\' && ++p == end)
        return NULL;
    return fold(*p, flags) == c ? p + 1 : NULL;
}

/* A character is one byte unless it is UTF-8: a star or question mark takes whole ones. */
static const char *next_char(const char *s, const char *end)
{
    s++;
    while (s < end && ((unsigned char)*s & 0xc0) == 0x80)
        s++;
    return s;
}

/* When it does not go on, the last star takes one character more: earlier ones need not. */
static bool part_match(struct text p, struct text t, unsigned flags)
{
    const char *star = NULL, *star_at = NULL;
    for (;;) {
        if (p.s < p.end && *p.s == '*') {
            star = ++p.s;
            star_at = t.s;
            continue;
        }
        if (p.s == p.end && t.s == t.end)
            return true;
        const char *next = p.s < p.end && t.s < t.end ? step(p.s, p.end, *t.s, flags) : NULL;
        if (next) {
            t.s = *p.s == '?' ? next_char(t.s, t.end) : t.s + 1;
            p.s = next;
            continue;
        }
        if (!star || star_at == t.end)
            return false;
        star_at = next_char(star_at, t.end);
        t.s = star_at;
        p.s = star;
    }
}

/* ---- parts of a path ---- */

static struct text part_at(const char *s)
{
    return (struct text){s, s + strcspn(s, "/")};
}

static const char *after(struct text part)
{
    return *part.end ? part.end + 1 : NULL;
}

static bool is_any(struct text part)
{
    return part.end - part.s == 2 && memcmp(part.s, "**", 2) == 0;
}

bool glob_match(const char *pattern, const char *path, unsigned flags)
{
    if (flags & GLOB_FLAT)
        return part_match((struct text){pattern, pattern + strlen(pattern)},
                          (struct text){path, path + strlen(path)}, flags);
    const char *p = pattern, *t = path, *any = NULL, *any_at = NULL; /* NULL: at the end */
    for (;;) {
        if (p && is_any(part_at(p))) {
            p = after(part_at(p));
            any = p;
            any_at = t;
            if (!p)
                return t != NULL || flags & GLOB_PREFIX || pattern[2] == '\0';
            continue;
        }
        if (!p && (!t || flags & GLOB_PREFIX))
            return true;
        if (p && t && part_match(part_at(p), part_at(t), flags)) {
            p = after(part_at(p));
            t = after(part_at(t));
            continue;
        }
        if (!any || !any_at)
            return false;
        any_at = after(part_at(any_at));
        t = any_at;
        p = any;
    }
}

bool glob_valid(const char *pattern)
{
    const char *end = pattern + strlen(pattern);
    for (const char *p = pattern; p && *p;) {
        if (*p == '[') {
            (void)class_has(&p, end, 'a', 0);
            if (!p)
                return false;
        } else if (*p == '\\') {
            if (p[1] == '\0')
                return false;
            p += 2;
        } else {
            p++;
        }
    }
    return true;
}

/* ---- ordered patterns ---- */

/* Without blanks around it and slashes at its ends; the longest that count is 4 KiB. */
static bool clean(const char *pattern, char *out, size_t size)
{
    pattern += strspn(pattern, " \t");
    while (*pattern == '/' || (pattern[0] == '.' && pattern[1] == '/'))
        pattern++;
    size_t n = strlen(pattern);
    while (n > 0 && strchr(" \t\r\n", pattern[n - 1]))
        n--;
    while (n > 0 && pattern[n - 1] == '/')
        n--;
    if (n == 0 || n >= size)
        return false;
    memcpy(out, pattern, n);
    out[n] = '\0';
    return true;
}

bool glob_ignored(const char *const *patterns, size_t n, const char *path)
{
    char pattern[4096];
    bool ignored = false;
    for (size_t i = 0; i < n; i++) {
        const char *p = patterns[i] + strspn(patterns[i], " \t");
        bool except = *p == '!';
        if (*p == '#' || !clean(p + except, pattern, sizeof pattern))
            continue;
        if (ignored == except && glob_match(pattern, path, GLOB_PREFIX))
            ignored = !except;
    }
    return ignored;
}
