/* What Go's regexp says of a pattern that it does not take: the first thing that is wrong, and the
 * part of the pattern it is about. What it lets pass may still be wrong in PCRE2's eyes. */
#include "template/functions_int.h"

#include "base/banned.h"

enum { REPEAT_MAX = 1000 };

struct check {
    struct arena *arena;
    const char *s, *end, *whole;
    int depth;
    const char *error;
};

static bool fail(struct check *c, const char *what, const char *s, size_t n)
{
    c->error = arena_printf(c->arena, "error parsing regexp: %s: `%.*s`", what, (int)n, s);
    return false;
}

/* {n}, {n,} or {n,m}; NULL: a brace like any other. */
static const char *repetition_end(const char *s, const char *end, bool *good)
{
    const char *p = s + 1;
    long numbers[2] = {0, -1};
    for (int i = 0; i < 2; i++) {
        const char *digits = p;
        for (numbers[i] = 0; p < end && *p >= '0' && *p <= '9'; p++)
            numbers[i] = numbers[i] > REPEAT_MAX ? numbers[i] : numbers[i] * 10 + (*p - '0');
        if (p == digits && i == 0)
            return NULL;
        if (p == digits)
            numbers[i] = -1;
        if (i == 1 || p == end || *p != ',')
            break;
        p++;
    }
    if (p == end || *p != '}')
        return NULL;
    *good = numbers[0] <= REPEAT_MAX && numbers[1] <= REPEAT_MAX &&
            (numbers[1] < 0 || numbers[1] >= numbers[0] || p[-1] == ',' ||
             !memchr(s, ',', (size_t)(p - s)));
    return p + 1;
}

static bool escape(struct check *c, bool in_class)
{
    const char *start = c->s++;
    if (c->s == c->end) {
        c->error = "error parsing regexp: trailing backslash at end of expression: ``";
        return false;
    }
    unsigned char ch = (unsigned char)*c->s;
    size_t len = 1;
    if (ch >= 0x80)
        (void)unicode_decode(c->s, (size_t)(c->end - c->s), &len);
    c->s += len;
    bool letter = (ch | 0x20) >= 'a' && (ch | 0x20) <= 'z', digit = ch >= '0' && ch <= '9';
    if (ch == 'Q' && !in_class) {
        const char *stop = memmem(c->s, (size_t)(c->end - c->s), "\\E", 2);
        c->s = stop ? stop + 2 : c->end;
        return true;
    }
    if (ch == 'p' || ch == 'P') {
        const char *stop =
            c->s < c->end && *c->s == '{' ? memchr(c->s, '}', (size_t)(c->end - c->s)) : c->s;
        c->s = stop && stop < c->end ? stop + 1 : c->end;
        return stop || fail(c, "invalid character class range", start, (size_t)(c->end - start));
    }
    const char *known = in_class ? "afnrtvdsDSwWx01234567" : "afnrtvdsDSwWxAbBzC0";
    bool good = ch < 0x80 && ((!letter && !digit && ch != '_') || strchr(known, ch));
    return good || fail(c, "invalid escape sequence", start, (size_t)(c->s - start));
}

static uint32_t class_char(const char *s, size_t n)
{
    size_t len;
    return unicode_decode(s, n, &len);
}

static bool class(struct check *c)
{
    const char *start = c->s++;
    if (c->s < c->end && *c->s == '^')
        c->s++;
    for (bool first = true; c->s == c->end || *c->s != ']' || first; first = false) {
        if (c->s == c->end)
            return fail(c, "missing closing ]", start, (size_t)(c->end - start));
        const char *low = c->s;
        if (*c->s == '[' && c->s + 1 < c->end && c->s[1] == ':') {
            const char *stop = memmem(c->s + 2, (size_t)(c->end - c->s - 2), ":]", 2);
            if (stop) {
                c->s = stop + 2;
                continue;
            }
        }
        size_t len = 1;
        if (*c->s == '\\') {
            if (!escape(c, true))
                return false;
            len = 0;
        } else {
            (void)unicode_decode(c->s, (size_t)(c->end - c->s), &len);
            c->s += len;
        }
        if (len && c->end - c->s > 1 && *c->s == '-' && c->s[1] != ']') {
            const char *high = ++c->s;
            bool plain = *high != '\\';
            if (!plain && !escape(c, true))
                return false;
            if (plain) {
                (void)unicode_decode(high, (size_t)(c->end - high), &len);
                c->s += len;
                if (class_char(high, (size_t)(c->end - high)) <
                    class_char(low, (size_t)(c->end - low)))
                    return fail(c, "invalid character class range", low, (size_t)(c->s - low));
            }
        }
    }
    c->s++;
    return true;
}

static bool group(struct check *c)
{
    const char *start = c->s++;
    c->depth++;
    if (c->s == c->end || *c->s != '?')
        return true;
    const char *p = c->s + 1;
    bool named = p < c->end && (*p == '<' || (*p == 'P' && p + 1 < c->end && p[1] == '<'));
    if (named && !(*p == '<' && p + 1 < c->end && (p[1] == '=' || p[1] == '!'))) {
        const char *name = p + (*p == 'P' ? 2 : 1);
        const char *stop = memchr(name, '>', (size_t)(c->end - name));
        if (!stop)
            return fail(c, "invalid named capture", start, (size_t)(c->end - start));
        for (const char *q = name; q < stop; q++)
            if (*q != '_' && !unicode_is_letter((unsigned char)*q) &&
                !unicode_is_digit((unsigned char)*q))
                stop = q = name;
        if (stop == name) {
            const char *to = memchr(name, '>', (size_t)(c->end - name));
            return fail(c, "invalid named capture", start, (size_t)(to + 1 - start));
        }
        c->s = stop + 1;
        return true;
    }
    for (; p < c->end && strchr("imsU-", *p) && *p; p++)
        ;
    if (p == c->end)
        return fail(c, "missing closing )", c->whole, (size_t)(c->end - c->whole));
    if (*p != ':' && *p != ')')
        return fail(c, "invalid or unsupported Perl syntax", start, (size_t)(p + 1 - start));
    c->depth -= *p == ')';
    c->s = p + 1;
    return true;
}

/* A repetition of what stands before it, which may be nothing or another repetition. */
static bool repetition(struct check *c, const char **last, bool nothing)
{
    const char *start = c->s, *end = start + 1;
    bool good = true;
    if (*start == '{') {
        end = repetition_end(start, c->end, &good);
        if (!end) { /* a brace like any other */
            c->s++;
            *last = NULL;
            return true;
        }
        if (!good)
            return fail(c, "invalid repeat count", start, (size_t)(end - start));
    }
    if (nothing)
        return fail(c, "missing argument to repetition operator", start, (size_t)(end - start));
    if (end < c->end && *end == '?')
        end++;
    if (*last)
        return fail(c, "invalid nested repetition operator", *last, (size_t)(end - *last));
    *last = start;
    c->s = end;
    return true;
}

const char *regex__error(struct arena *a, const char *s, size_t n)
{
    struct check c = {.arena = a, .s = s, .end = s + n, .whole = s};
    const char *last = NULL; /* the repetition right before */
    bool nothing = true, good = true;
    while (c.s < c.end && good) {
        char ch = *c.s;
        if (strchr("*+?{", ch) && ch) {
            good = repetition(&c, &last, nothing);
            nothing = false;
            continue;
        }
        last = NULL;
        nothing = ch == '|' || ch == '(';
        if (ch == '\\') {
            good = escape(&c, false);
        } else if (ch == '[') {
            good = class(&c);
        } else if (ch == '(') {
            good = group(&c);
        } else {
            if (ch == ')' && --c.depth < 0)
                good = fail(&c, "unexpected )", s, n);
            c.s++;
        }
    }
    if (good && c.depth > 0)
        (void)fail(&c, "missing closing )", s, n);
    return c.error;
}
