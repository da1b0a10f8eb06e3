#include "build/words.h"

#include <ctype.h>
#include <string.h>

#include "base/buf.h"
#include "codec/glob.h"

enum { WORD_MAX_BYTES = 1 << 20, NESTING_MAX = 32 };

struct lexer {
    const struct variables *vars;
    struct arena *arena;
    const char *at;
    bool raw; /* quotes are ordinary characters */
    unsigned depth;
    struct err *e;
};

static int expand(struct lexer *l, const char *stops, struct buf *out);

/* A word up to one of `stops`, itself expanded. */
static int operand(struct lexer *l, const char *stops, const char **out)
{
    AUTO_BUF struct buf b;
    buf_init(&b, WORD_MAX_BYTES);
    int rc = expand(l, stops, &b);
    if (rc == 0)
        *out = arena_strndup(l->arena, buf_text(&b), b.len);
    return rc;
}

/* The longest or shortest beginning (or end) that matches is removed. */
static const char *trim(struct lexer *l, const char *value, const char *pattern, bool front,
                        bool longest)
{
    size_t n = strlen(value);
    for (size_t i = 0; i <= n; i++) {
        size_t k = longest ? n - i : i; /* length of the part to remove */
        const char *part = front ? arena_strndup(l->arena, value, k) : value + n - k;
        if (glob_match(pattern, part, GLOB_FLAT))
            return front ? value + k : arena_strndup(l->arena, value, n - k);
    }
    return value;
}

static const char *replace(struct lexer *l, const char *value, const char *pattern,
                           const char *with, bool all)
{
    AUTO_BUF struct buf b;
    buf_init(&b, WORD_MAX_BYTES);
    size_t n = strlen(value);
    for (size_t i = 0; i < n;) {
        size_t k = n - i;
        while (k > 0 && !glob_match(pattern, arena_strndup(l->arena, value + i, k), GLOB_FLAT))
            k--;
        if (k == 0) {
            buf_putc(&b, value[i++]);
            continue;
        }
        buf_puts(&b, with);
        i += k;
        if (!all) {
            buf_puts(&b, value + i);
            break;
        }
    }
    return arena_strndup(l->arena, buf_text(&b), b.len);
}

/* ${NAME:-word} and its kin; `at` stands behind the name. */
static int with_default(struct lexer *l, const char *name, const char **value)
{
    bool colon = *l->at == ':';
    l->at += colon;
    char op = *l->at++;
    const char *word;
    int rc = operand(l, "}", &word);
    if (rc < 0)
        return rc;
    bool has = *value && (!colon || **value);
    switch (op) {
    case '-':
        *value = has ? *value : word;
        return 0;
    case '+':
        *value = has ? word : "";
        return 0;
    case '?':
        if (!has)
            return err_set(l->e, ERR_INVALID, "%s: %s", name, *word ? word : "is not set");
        return 0;
    default:
        return err_set(l->e, ERR_INVALID, "unsupported modifier %c in ${%s…}", op, name);
    }
}

static int with_pattern(struct lexer *l, const char **value)
{
    char op = *l->at++;
    bool twice = *l->at == op;
    const char *pattern, *with = "";
    l->at += twice;
    int rc = operand(l, op == '/' ? "/}" : "}", &pattern);
    if (rc == 0 && op == '/' && *l->at == '/') {
        l->at++;
        rc = operand(l, "}", &with);
    }
    if (rc < 0)
        return rc;
    const char *old = *value ? *value : "";
    *value =
        op == '/' ? replace(l, old, pattern, with, twice) : trim(l, old, pattern, op == '#', twice);
    return 0;
}

static size_t name_length(const char *s)
{
    size_t n = 0;
    if (isdigit((unsigned char)*s))
        return strspn(s, "0123456789");
    if (*s && strchr("@*#?-$!", *s))
        return 1;
    while (isalnum((unsigned char)s[n]) || s[n] == '_')
        n++;
    return n;
}

/* Stands behind the $. */
static int variable(struct lexer *l, struct buf *out)
{
    bool braces = *l->at == '{';
    size_t n = name_length(l->at + braces);
    if (n == 0 && !braces) {
        buf_putc(out, '$');
        return 0;
    }
    if (n == 0)
        return err_set(l->e, ERR_INVALID, "bad substitution: ${%.20s", l->at + 1);
    const char *name = arena_strndup(l->arena, l->at + braces, n);
    const char *value = l->vars->get(l->vars->arg, name);
    l->at += n + braces;
    if (braces) {
        int rc = 0;
        if (*l->at && strchr(":-+?", *l->at))
            rc = with_default(l, name, &value);
        else if (*l->at && strchr("#%/", *l->at))
            rc = with_pattern(l, &value);
        if (rc < 0)
            return rc;
        if (*l->at++ != '}')
            return err_set(l->e, ERR_INVALID, "${%s is not closed by }", name);
    }
    if (value)
        buf_puts(out, value);
    return 0;
}

static int double_quoted(struct lexer *l, struct buf *out)
{
    while (*l->at && *l->at != '"') {
        if (*l->at == l->vars->escape && l->at[1] &&
            (l->at[1] == '"' || l->at[1] == '$' || l->at[1] == l->vars->escape)) {
            buf_putc(out, l->at[1]);
            l->at += 2;
        } else if (*l->at == '$') {
            l->at++;
            int rc = variable(l, out);
            if (rc < 0)
                return rc;
        } else {
            buf_putc(out, *l->at++);
        }
    }
    if (*l->at++ != '"')
        return err_set(l->e, ERR_INVALID, "a double quote is not closed");
    return 0;
}

static int single_quoted(struct lexer *l, struct buf *out)
{
    const char *end = strchr(l->at, '\'');
    if (!end)
        return err_set(l->e, ERR_INVALID, "a single quote is not closed");
    buf_add(out, l->at, (size_t)(end - l->at));
    l->at = end + 1;
    return 0;
}

static int expand(struct lexer *l, const char *stops, struct buf *out)
{
    int rc = 0;
    if (++l->depth > NESTING_MAX)
        return err_set(l->e, ERR_INVALID, "substitutions are nested more than %d deep",
                       NESTING_MAX);
    while (rc == 0 && *l->at && !strchr(stops, *l->at)) {
        char c = *l->at++;
        if (c == '$') {
            rc = variable(l, out);
        } else if (c == '\'' && !l->raw) {
            rc = single_quoted(l, out);
        } else if (c == '"' && !l->raw) {
            rc = double_quoted(l, out);
        } else if (c == l->vars->escape && (!l->raw || *l->at == '$' || *l->at == c)) {
            if (*l->at)
                buf_putc(out, *l->at++);
        } else {
            buf_putc(out, c);
        }
    }
    l->depth--;
    return rc < 0 ? rc : buf_check(out, l->e);
}

static int run(const struct variables *v, const char *text, bool raw, struct arena *a,
               const char **out, struct err *e)
{
    AUTO_BUF struct buf b;
    struct lexer l = {.vars = v, .arena = a, .at = text, .raw = raw, .e = e};
    buf_init(&b, WORD_MAX_BYTES);
    int rc = expand(&l, "", &b);
    if (rc == 0)
        *out = arena_strndup(a, buf_text(&b), b.len);
    return rc;
}

int words_expand(const struct variables *v, const char *word, struct arena *a, const char **out,
                 struct err *e)
{
    return run(v, word, false, a, out, e);
}

int words_expand_text(const struct variables *v, const char *text, struct arena *a,
                      const char **out, struct err *e)
{
    return run(v, text, true, a, out, e);
}
