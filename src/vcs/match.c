#include "vcs/match.h"

#include <stddef.h>
#include <string.h>

/* Steps left for one match: patterns come from users, so that backtracking is bounded. */
struct match {
    unsigned steps;
};

static bool in_class(const char **p, char c)
{
    const char *s = *p + 1;
    bool negate = *s == '!' || *s == '^', hit = false;
    if (negate)
        s++;
    for (bool first = true; *s && (first || *s != ']'); first = false) {
        char low = *s++, high = low;
        if (*s == '-' && s[1] && s[1] != ']') {
            high = s[1];
            s += 2;
        }
        hit |= low <= c && c <= high;
    }
    *p = *s ? s + 1 : s;
    return hit != negate && c != '/';
}

static bool match_here(const char *p, const char *s, struct match *m);

static bool match_stars(const char *p, const char *s, struct match *m)
{
    bool deep = p[1] == '*';
    const char *rest = p + (deep ? 2 : 1);
    /* "a/<two stars>/b" also means "a/b" */
    if (deep && *rest == '/' && match_here(rest + 1, s, m))
        return true;
    for (;; s++) {
        if (match_here(rest, s, m))
            return true;
        if (!*s || (*s == '/' && !deep))
            return false;
    }
}

static bool match_braces(const char *p, const char *s, struct match *m)
{
    const char *end = strchr(p, '}');
    for (const char *alt = p + 1; alt <= end;) {
        size_t n = strcspn(alt, ",}");
        char joined[512];
        size_t rest = strlen(end + 1);
        if (n + rest + 1 > sizeof joined)
            return false;
        memcpy(joined, alt, n);
        memcpy(joined + n, end + 1, rest + 1);
        if (match_here(joined, s, m))
            return true;
        alt += n + 1;
    }
    return false;
}

static bool match_here(const char *p, const char *s, struct match *m)
{
    for (;;) {
        if (m->steps == 0)
            return false;
        m->steps--;
        if (*p == '*')
            return match_stars(p, s, m);
        if (*p == '{' && strchr(p, '}'))
            return match_braces(p, s, m);
        if (!*p)
            return !*s;
        if (!*s)
            return false;
        if (*p == '[' && strchr(p + 1, ']')) {
            if (!in_class(&p, *s))
                return false;
            s++;
            continue;
        }
        if (*p == '?' ? *s == '/' : *p != *s)
            return false;
        p++;
        s++;
    }
}

bool path_match(const char *pattern, const char *path)
{
    struct match m = {.steps = 100000};
    size_t n = strlen(pattern);
    char below[512];
    if (n > 0 && pattern[n - 1] == '/' && n + 3 < sizeof below) {
        memcpy(below, pattern, n);
        memcpy(below + n, "**", 3);
        pattern = below;
    }
    return match_here(pattern, path, &m);
}
