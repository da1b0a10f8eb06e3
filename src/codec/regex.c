#include "codec/regex.h"

#include <stdint.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "base/buf.h"

enum {
    PATTERN_MAX = 64 * 1024,
    MATCH_LIMIT = 2000000,
    DEPTH_LIMIT = 20000,
    HEAP_KIB = 20000,
    SPANS_MAX = 100
};

struct regex {
    pcre2_code *code;
    size_t groups;
    char **names; /* by number, from 1 */
};

static int unsupported(struct err *e, const char *what)
{
    return err_set(e, ERR_INVALID, "regular expression: %s is not supported", what);
}

/* After "(?": (?: (?i) (?i: (?P<name> (?<name> are RE2's. */
static bool group_is_good(const char *s)
{
    if (*s == 'P')
        return s[1] == '<';
    if (*s == '<')
        return s[1] != '=' && s[1] != '!';
    s += strspn(s, "imsU-");
    return *s == ':' || *s == ')';
}

/* The end of a class, which may have a ] first and [:names:] in it. */
static const char *skip_class(const char *s, const char *end)
{
    s++;
    s += s < end && *s == '^';
    s += s < end && *s == ']';
    for (; s < end && *s != ']'; s++) {
        if (*s == '\\')
            s++;
        else if (*s == '[' && s + 1 < end && s[1] == ':')
            for (s += 2; s < end && *s != ']'; s++)
                ;
    }
    return s;
}

/* A {n} or {n,m} that is a repetition; else a brace is itself. */
static const char *skip_braces(const char *s)
{
    const char *p = s + 1;
    size_t digits = strspn(p, "0123456789");
    p += digits;
    if (*p == ',')
        p += 1 + strspn(p + 1, "0123456789");
    return digits && *p == '}' ? p : s;
}

/* Refuses what PCRE2 knows and RE2 does not. */
static int check_syntax(const char *s, const char *end, struct err *e)
{
    for (; s < end; s++) {
        const char *next = s + 1;
        if (*s == '\\' && next < end) {
            if (strchr("123456789gkKGRXNHhVEZYyLlCOo", *next) && *next)
                return unsupported(e, "an escape like \\1, \\g or \\K");
            if (*next == 'Q')
                while (s + 2 < end && memcmp(s, "\\E", 2) != 0)
                    s++;
            s++;
        } else if (*s == '[') {
            s = skip_class(s, end);
        } else if (*s == '(' && next < end && (*next == '?' || *next == '*')) {
            if (*next == '*' || !group_is_good(next + 1))
                return unsupported(e, "a group like (?=, (?<! or (?>");
        } else if (strchr("*+?", *s) || (*s == '{' && skip_braces(s) != s)) {
            s = *s == '{' ? skip_braces(s) : s;
            if (s + 1 < end && s[1] == '+')
                return unsupported(e, "a possessive repetition");
            s += s + 1 < end && s[1] == '?';
            if (s + 1 < end &&
                (strchr("*+?", s[1]) || (s[1] == '{' && skip_braces(s + 1) != s + 1)))
                return unsupported(e, "a repetition of a repetition");
        }
    }
    return 0;
}

/* Behind "\\w" or "[:alpha:]" in a class a hyphen is itself for RE2 and an error for PCRE2. Gives
 * the end of what ends there, or `s`. */
static const char *skip_set(const char *s, const char *end)
{
    if (*s == '\\' && s + 1 < end && strchr("dDsSwW", s[1]))
        return s + 2;
    if (*s == '[' && s + 1 < end && s[1] == ':') {
        const char *close = memchr(s, ']', (size_t)(end - s));
        return close ? close + 1 : s;
    }
    return s;
}

/* The pattern with such hyphens escaped; `out` has room for twice of it. */
static size_t plain_hyphens(const char *s, size_t n, char *out)
{
    const char *end = s + n, *from = s;
    size_t len = 0;
    while (s < end) {
        const char *stop = *s == '[' ? skip_class(s, end) : s;
        for (const char *next; s < stop; s = next) {
            next = skip_set(s, stop);
            bool set = next != s && s > from;
            if (!set)
                next = s + (*s == '\\' && s + 1 < stop ? 2 : 1);
            memcpy(out + len, s, (size_t)(next - s));
            len += (size_t)(next - s);
            if (set && *next == '-' && next + 1 < stop)
                out[len++] = '\\';
        }
        if (s < end && *s == '\\' && s + 1 < end)
            out[len++] = *s++;
        if (s < end)
            out[len++] = *s++;
        from = s;
    }
    return len;
}

static void read_names(struct regex *r)
{
    uint32_t n = 0, size = 0;
    PCRE2_SPTR table = NULL;
    (void)pcre2_pattern_info(r->code, PCRE2_INFO_NAMECOUNT, &n);
    (void)pcre2_pattern_info(r->code, PCRE2_INFO_NAMEENTRYSIZE, &size);
    (void)pcre2_pattern_info(r->code, PCRE2_INFO_NAMETABLE, &table);
    r->names = calloc(r->groups + 1, sizeof *r->names);
    for (uint32_t i = 0; i < n && r->names; i++, table += size) {
        size_t number = (size_t)table[0] << 8 | table[1];
        if (number <= r->groups)
            r->names[number] = strdup((const char *)table + 2);
    }
}

int regex_compile(const char *pattern, size_t n, unsigned flags, struct regex **out, struct err *e)
{
    if (n > PATTERN_MAX)
        return err_set(e, ERR_TOO_LARGE, "a regular expression of %zu bytes", n);
    if (strlen(pattern) < n)
        return unsupported(e, "a NUL");
    int rc = check_syntax(pattern, pattern + n, e);
    if (rc)
        return rc;
    uint32_t options = PCRE2_UTF | PCRE2_NEVER_BACKSLASH_C | PCRE2_DOLLAR_ENDONLY;
    options |= flags & REGEX_CASE ? PCRE2_CASELESS : 0;
    options |= flags & REGEX_ANCHORED ? PCRE2_ANCHORED | PCRE2_ENDANCHORED : 0;
    options |= flags & REGEX_DOT_ALL ? PCRE2_DOTALL : 0;
    int code = 0;
    PCRE2_SIZE at = 0;
    AUTO_MEM char *plain = malloc(2 * n + 1);
    if (!plain)
        return err_set(e, ERR_TOO_LARGE, "no memory for a regular expression");
    n = plain_hyphens(pattern, n, plain);
    pcre2_code *compiled = pcre2_compile((PCRE2_SPTR)plain, n, options, &code, &at, NULL);
    if (!compiled) {
        PCRE2_UCHAR text[200];
        (void)pcre2_get_error_message(code, text, sizeof text);
        return err_set(e, ERR_INVALID, "regular expression, at byte %zu: %s", at, (char *)text);
    }
    uint32_t groups = 0;
    (void)pcre2_pattern_info(compiled, PCRE2_INFO_CAPTURECOUNT, &groups);
    struct regex *r = calloc(1, sizeof *r);
    if (!r) {
        pcre2_code_free(compiled);
        return err_set(e, ERR_TOO_LARGE, "no memory for a regular expression");
    }
    r->code = compiled;
    r->groups = groups;
    read_names(r);
    *out = r;
    return 0;
}

void regex_free(struct regex *r)
{
    if (!r)
        return;
    for (size_t i = 0; r->names && i <= r->groups; i++)
        free(r->names[i]);
    free(r->names);
    pcre2_code_free(r->code);
    free(r);
}

size_t regex_groups(const struct regex *r)
{
    return r->groups;
}

const char *regex_group_name(const struct regex *r, size_t i)
{
    return r->names && i <= r->groups ? r->names[i] : NULL;
}

static int match_error(int code, struct err *e)
{
    PCRE2_UCHAR text[200];
    (void)pcre2_get_error_message(code, text, sizeof text);
    bool limit = code == PCRE2_ERROR_MATCHLIMIT || code == PCRE2_ERROR_DEPTHLIMIT ||
                 code == PCRE2_ERROR_HEAPLIMIT;
    return err_set(e, limit ? ERR_TOO_LARGE : ERR_INVALID, "regular expression: %s", (char *)text);
}

int regex_match(const struct regex *r, const char *text, size_t n, size_t from,
                struct regex_span *spans, size_t n_spans, bool *hit, struct err *e)
{
    pcre2_match_context *context = pcre2_match_context_create(NULL);
    pcre2_match_data *data = pcre2_match_data_create_from_pattern(r->code, NULL);
    int code = PCRE2_ERROR_NOMEMORY;
    if (context && data) {
        (void)pcre2_set_match_limit(context, MATCH_LIMIT);
        (void)pcre2_set_depth_limit(context, DEPTH_LIMIT);
        (void)pcre2_set_heap_limit(context, HEAP_KIB);
        code = pcre2_match(r->code, (PCRE2_SPTR)text, n, from, 0, data, context);
    }
    const PCRE2_SIZE *ends = data && code > 0 ? pcre2_get_ovector_pointer(data) : NULL;
    for (size_t i = 0; i < n_spans && ends; i++) {
        bool has = i < (size_t)code && ends[2 * i] != PCRE2_UNSET;
        spans[i] = has ? (struct regex_span){ends[2 * i], ends[2 * i + 1]}
                       : (struct regex_span){SIZE_MAX, SIZE_MAX};
    }
    pcre2_match_data_free(data);
    pcre2_match_context_free(context);
    if (code < 0 && code != PCRE2_ERROR_NOMATCH)
        return match_error(code, e);
    *hit = code > 0;
    return 0;
}

/* ---- replacing ---- */

static size_t group_by_name(const struct regex *r, const char *name, size_t n)
{
    char *end = NULL;
    size_t number = strtoul(name, &end, 10);
    if (end == name + n)
        return number;
    for (size_t i = 1; r->names && i <= r->groups; i++)
        if (r->names[i] && strlen(r->names[i]) == n && memcmp(r->names[i], name, n) == 0)
            return i;
    return SIZE_MAX;
}

static size_t word_length(const char *s)
{
    size_t n = 0;
    while ((s[n] >= '0' && s[n] <= '9') || ((s[n] | 0x20) >= 'a' && (s[n] | 0x20) <= 'z') ||
           s[n] == '_')
        n++;
    return n;
}

static void expand(const struct regex *r, const char *with, const char *text,
                   const struct regex_span *spans, struct buf *out)
{
    while (*with) {
        size_t plain = strcspn(with, "$");
        buf_add(out, with, plain);
        with += plain;
        if (*with == '\0')
            return;
        bool braces = with[1] == '{';
        const char *name = with + 1 + braces;
        size_t n = word_length(name);
        if (with[1] == '$') {
            buf_putc(out, '$');
            with += 2;
            continue;
        }
        if (n == 0 || (braces && name[n] != '}')) {
            buf_putc(out, *with++);
            continue;
        }
        size_t group = group_by_name(r, name, n);
        if (group <= r->groups && group < SPANS_MAX && spans[group].start != SIZE_MAX)
            buf_add(out, text + spans[group].start, spans[group].end - spans[group].start);
        with = name + n + braces;
    }
}

int regex_replace(const struct regex *r, const char *text, size_t n, const char *with, bool expands,
                  long limit, struct buf *out, struct err *e)
{
    struct regex_span spans[SPANS_MAX];
    size_t at = 0, done = 0;
    while (at <= n && limit != 0) {
        bool hit = false;
        int rc = regex_match(r, text, n, at, spans, SPANS_MAX, &hit, e);
        if (rc)
            return rc;
        if (!hit)
            break;
        bool empty = spans[0].end == spans[0].start;
        if (!empty || spans[0].start != done || done == 0) {
            buf_add(out, text + done, spans[0].start - done);
            if (expands)
                expand(r, with, text, spans, out);
            else
                buf_puts(out, with);
            done = spans[0].end;
            limit -= limit > 0;
        }
        at = spans[0].end;
        if (empty)
            for (at++; at < n && ((unsigned char)text[at] & 0xc0) == 0x80; at++)
                ;
    }
    buf_add(out, text + done, n - done);
    return buf_check(out, e);
}
