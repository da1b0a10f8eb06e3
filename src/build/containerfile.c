#include "build/containerfile.h"

#include <ctype.h>
#include <stdarg.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/own.h"
#include "codec/json.h"

enum { WORDS_MAX = 4096, FLAGS_MAX = 64, HEREDOCS_MAX = 32 };

static const struct {
    const char *name;
    enum instruction_kind kind;
    bool may_json, heredocs;
} known[] = {
    {"ADD",         INSTR_ADD,         true,  true },
    {"ARG",         INSTR_ARG,         false, false},
    {"CMD",         INSTR_CMD,         true,  false},
    {"COPY",        INSTR_COPY,        true,  true },
    {"ENTRYPOINT",  INSTR_ENTRYPOINT,  true,  false},
    {"ENV",         INSTR_ENV,         false, false},
    {"EXPOSE",      INSTR_EXPOSE,      false, false},
    {"FROM",        INSTR_FROM,        false, false},
    {"HEALTHCHECK", INSTR_HEALTHCHECK, false, false},
    {"LABEL",       INSTR_LABEL,       false, false},
    {"MAINTAINER",  INSTR_MAINTAINER,  false, false},
    {"ONBUILD",     INSTR_ONBUILD,     false, false},
    {"RUN",         INSTR_RUN,         true,  true },
    {"SHELL",       INSTR_SHELL,       true,  false},
    {"STOPSIGNAL",  INSTR_STOPSIGNAL,  false, false},
    {"USER",        INSTR_USER,        false, false},
    {"VOLUME",      INSTR_VOLUME,      true,  false},
    {"WORKDIR",     INSTR_WORKDIR,     false, false},
};

struct parser {
    const char *name, *at, *end;
    unsigned line; /* of `at` */
    char escape;
    struct arena *arena;
    struct instruction *list;
    size_t n, room;
};

static int refuse(const struct parser *p, unsigned line, struct err *e, const char *fmt, ...)
    PRINTF(4, 5);
static int refuse(const struct parser *p, unsigned line, struct err *e, const char *fmt, ...)
{
    char text[512];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    return err_set(e, ERR_INVALID, "%s:%u: %s", p->name, line, text);
}

/* The next physical line without its end; false at the end of the file. */
static bool next_line(struct parser *p, const char **out, size_t *out_n)
{
    if (p->at >= p->end)
        return false;
    const char *nl = memchr(p->at, '\n', (size_t)(p->end - p->at));
    size_t n = nl ? (size_t)(nl - p->at) : (size_t)(p->end - p->at);
    *out = p->at;
    *out_n = n > 0 && p->at[n - 1] == '\r' ? n - 1 : n;
    p->at += n + (nl != NULL);
    p->line++;
    return true;
}

static const char *skip_blanks(const char *s)
{
    while (isspace((unsigned char)*s))
        s++;
    return s;
}

static bool is_comment(const char *s, size_t n)
{
    size_t i = 0;
    while (i < n && isspace((unsigned char)s[i]))
        i++;
    return i < n && s[i] == '#';
}

static bool is_blank(const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (!isspace((unsigned char)s[i]))
            return false;
    }
    return true;
}

/* Whether the line goes on; *n loses the escape and the blanks behind it. */
static bool continues(const struct parser *p, const char *s, size_t *n)
{
    size_t i = *n;
    while (i > 0 && (s[i - 1] == ' ' || s[i - 1] == '\t'))
        i--;
    if (i == 0 || s[i - 1] != p->escape)
        return false;
    *n = i - 1;
    return true;
}

/* Joins physical lines to a logical one; false at the end of the file. */
static bool logical_line(struct parser *p, struct buf *out, unsigned *first)
{
    const char *s;
    size_t n;
    buf_clear(out);
    bool began = false;
    while (next_line(p, &s, &n)) {
        if (is_comment(s, n) || (is_blank(s, n)))
            continue; /* also between continued lines, as Docker does */
        if (!began)
            *first = p->line;
        began = true;
        bool more = continues(p, s, &n);
        buf_add(out, s, n);
        if (!more)
            return true;
    }
    return began;
}

/* ---- directives: "# escape=`" on the first lines ---- */

static bool directive(const char *s, size_t n, const char *name, char value[64])
{
    char text[256];
    (void)snprintf(text, sizeof text, "%.*s", (int)(n < 255 ? n : 255), s);
    char *at = text;
    if (*at++ != '#')
        return false;
    while (*at == ' ' || *at == '\t')
        at++;
    char *eq = strchr(at, '=');
    size_t k = strlen(name);
    if (!eq || strncasecmp(at, name, k) != 0 || at + k + strspn(at + k, " \t") != eq)
        return false;
    eq = eq + 1 + strspn(eq + 1, " \t");
    eq[strcspn(eq, " \t")] = '\0';
    (void)snprintf(value, 64, "%.63s", eq);
    return true;
}

static int read_directives(struct parser *p, struct err *e)
{
    const char *s;
    size_t n;
    char value[64];
    for (;;) {
        struct parser before = *p;
        if (!next_line(p, &s, &n) || n == 0 || s[0] != '#' || !memchr(s, '=', n)) {
            *p = before;
            return 0;
        }
        if (directive(s, n, "escape", value)) {
            if (strcmp(value, "\\") != 0 && strcmp(value, "`") != 0)
                return refuse(p, p->line, e, "escape must be \\ or `, not \"%s\"", value);
            p->escape = value[0];
        } else if (!directive(s, n, "syntax", value) && !directive(s, n, "check", value)) {
            *p = before;
            return 0;
        }
    }
}

/* ---- here-documents ---- */

struct pending {
    const char *name;
    bool expand, strip_tabs;
};

/* Reads "NAME", "-NAME", "'NAME'" behind "<<"; what follows it. The name is "" when there is none.
 */
static const char *read_mark(struct parser *p, const char *s, struct pending *out)
{
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";
    bool strip_tabs = *s == '-';
    s += strip_tabs;
    const char *close = *s == '"' || *s == '\'' ? strchr(s + 1, *s) : NULL;
    size_t n = close ? (size_t)(close - s - 1) : strspn(s, letters);
    *out = (struct pending){arena_strndup(p->arena, s + (close != NULL), n), !close, strip_tabs};
    return close ? close + 1 : s + n;
}

/* Finds the marks of here-documents outside quotes. */
static size_t find_heredocs(struct parser *p, const char *s, struct pending out[HEREDOCS_MAX])
{
    size_t n = 0;
    char quote = 0;
    while (*s) {
        size_t angles = strspn(s, "<");
        if (*s == p->escape && s[1] && quote != '\'') {
            s += 2;
        } else if (quote || *s == '"' || *s == '\'') {
            quote = quote == *s ? 0 : quote ? quote : *s;
            s++;
        } else if (angles == 2 && n < HEREDOCS_MAX) {
            s = read_mark(p, s + 2, &out[n]);
            n += *out[n].name != '\0';
        } else {
            s += angles > 0 ? angles : 1; /* <<< is the shell's business */
        }
    }
    return n;
}

/* Reads the body up to its end line, also into `raw` as written. */
static int read_heredoc(struct parser *p, const struct pending *h, unsigned first, struct buf *raw,
                        struct heredoc *out, struct err *e)
{
    AUTO_BUF struct buf body;
    const char *s;
    size_t n, k = strlen(h->name);
    buf_init(&body, CONTAINERFILE_MAX_BYTES);
    while (next_line(p, &s, &n)) {
        buf_add(raw, s, n);
        buf_putc(raw, '\n');
        while (h->strip_tabs && n > 0 && *s == '\t') {
            s++;
            n--;
        }
        if (n == k && memcmp(s, h->name, k) == 0) {
            out->name = h->name;
            out->expand = h->expand;
            out->text = arena_strndup(p->arena, buf_text(&body), body.len);
            return 0;
        }
        buf_add(&body, s, n);
        buf_putc(&body, '\n');
    }
    return refuse(p, first, e, "the here-document %s does not end", h->name);
}

/* ---- one instruction ---- */

static size_t split(struct parser *p, const char *s, const char **words)
{
    size_t n = 0;
    while (*(s = skip_blanks(s)) && n < WORDS_MAX) {
        size_t k = 0;
        char quote = 0;
        while (s[k] && (quote || !isspace((unsigned char)s[k]))) {
            if (s[k] == p->escape && s[k + 1] && quote != '\'')
                k++;
            else if (quote)
                quote = s[k] == quote ? 0 : quote;
            else if (s[k] == '"' || s[k] == '\'')
                quote = s[k];
            k++;
        }
        words[n++] = arena_strndup(p->arena, s, k);
        s += k;
    }
    return n;
}

static bool json_words(struct parser *p, const char *s, const char **words, size_t *n)
{
    struct value *list;
    if (*s != '[' || json_parse(p->arena, s, strlen(s), 0, &list, NULL) < 0 ||
        !value_is(list, VALUE_ARRAY) || value_count(list) > WORDS_MAX)
        return false;
    *n = 0;
    VALUE_EACH_ITEM (v, list) {
        if (!value_is(v, VALUE_STRING))
            return false;
        words[(*n)++] = value_str(v, "");
    }
    return true;
}

static int find_kind(const struct parser *p, unsigned line, const char *word, size_t *out,
                     struct err *e)
{
    for (size_t i = 0; i < ARRAY_LEN(known); i++) {
        if (strcasecmp(known[i].name, word) == 0) {
            *out = i;
            return 0;
        }
    }
    return refuse(p, line, e, "unknown instruction \"%.60s\"", word);
}

/* Takes "--name=value" off the front. HEALTHCHECK and RUN have them before their command, too. */
static int read_flags(struct parser *p, const char **rest, struct instruction *i, struct err *e)
{
    struct flag *flags = ARENA_ARRAY(p->arena, struct flag, FLAGS_MAX);
    const char *s = *rest;
    while (s[0] == '-' && s[1] == '-') {
        size_t k = 0;
        char quote = 0;
        while (s[k] && (quote || !isspace((unsigned char)s[k]))) {
            if (s[k] == p->escape && s[k + 1])
                k++;
            else if (quote)
                quote = s[k] == quote ? 0 : quote;
            else if (s[k] == '"' || s[k] == '\'')
                quote = s[k];
            k++;
        }
        if (k == 2) { /* "--" ends them */
            s = skip_blanks(s + 2);
            break;
        }
        if (i->n_flags == FLAGS_MAX)
            return refuse(p, i->line, e, "more than %d flags", FLAGS_MAX);
        char *word = arena_strndup(p->arena, s + 2, k - 2), *eq = strchr(word, '=');
        if (eq)
            *eq++ = '\0';
        flags[i->n_flags++] = (struct flag){word, eq};
        s = skip_blanks(s + k);
    }
    i->flags = flags;
    *rest = s;
    return 0;
}

static int read_heredocs(struct parser *p, struct instruction *i, struct err *e)
{
    struct pending pending[HEREDOCS_MAX];
    AUTO_BUF struct buf raw;
    buf_init(&raw, CONTAINERFILE_MAX_BYTES);
    size_t n = find_heredocs(p, i->rest, pending);
    if (n == 0)
        return 0;
    struct heredoc *list = ARENA_ARRAY(p->arena, struct heredoc, n);
    buf_printf(&raw, "%s\n", i->rest);
    for (size_t k = 0; k < n; k++) {
        int rc = read_heredoc(p, &pending[k], i->line, &raw, &list[k], e);
        if (rc < 0)
            return rc;
    }
    i->raw = arena_strndup(p->arena, buf_text(&raw), raw.len);
    i->heredocs = list;
    i->n_heredocs = n;
    return 0;
}

static int parse_text(struct parser *p, unsigned line, const char *text, struct instruction *out,
                      struct err *e)
{
    struct instruction i = {.line = line};
    size_t k, what;
    text = skip_blanks(text);
    k = strcspn(text, " \t\r\n\v\f");
    int rc = find_kind(p, line, arena_strndup(p->arena, text, k), &what, e);
    if (rc < 0)
        return rc;
    i.kind = known[what].kind;
    i.name = known[what].name;
    char *rest = arena_strdup(p->arena, skip_blanks(text + k));
    size_t n = strlen(rest);
    while (n > 0 && isspace((unsigned char)rest[n - 1]))
        rest[--n] = '\0';
    i.text = arena_printf(p->arena, "%s %s", i.name, rest);
    i.rest = rest;
    if (i.kind != INSTR_ONBUILD && i.kind != INSTR_ENV && i.kind != INSTR_LABEL &&
        i.kind != INSTR_ARG && i.kind != INSTR_CMD && i.kind != INSTR_ENTRYPOINT &&
        i.kind != INSTR_SHELL && (rc = read_flags(p, &i.rest, &i, e)) < 0)
        return rc;
    if (!*i.rest && i.kind != INSTR_CMD && i.kind != INSTR_ENTRYPOINT)
        return refuse(p, line, e, "%s requires at least one argument", i.name);
    i.raw = i.rest;
    if (known[what].heredocs && (rc = read_heredocs(p, &i, e)) < 0)
        return rc;
    const char **words = ARENA_ARRAY(p->arena, const char *, WORDS_MAX + 1);
    i.is_json = known[what].may_json && json_words(p, i.rest, words, &i.n_words);
    if (!i.is_json)
        i.n_words = split(p, i.rest, words);
    words[i.n_words] = NULL;
    i.words = words;
    *out = i;
    return 0;
}

static struct instruction *add(struct parser *p)
{
    if (p->n == p->room) {
        size_t more = p->room ? 2 * p->room : 32;
        p->list = arena_grow(p->arena, p->list, p->room * sizeof *p->list, more * sizeof *p->list);
        p->room = more;
    }
    return &p->list[p->n++];
}

int containerfile_parse(const char *name, const char *text, size_t n, struct arena *a,
                        struct containerfile *out, struct err *e)
{
    AUTO_BUF struct buf line;
    unsigned first = 0;
    buf_init(&line, CONTAINERFILE_MAX_BYTES);
    if (n >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
        text += 3;
        n -= 3;
    }
    struct parser p = {.name = name, .at = text, .end = text + n, .escape = '\\', .arena = a};
    if (n > CONTAINERFILE_MAX_BYTES)
        return err_set(e, ERR_TOO_LARGE, "%s is larger than %d bytes", name,
                       CONTAINERFILE_MAX_BYTES);
    if (memchr(text, '\0', n))
        return err_set(e, ERR_INVALID, "%s is not a text file", name);
    int rc = read_directives(&p, e);
    while (rc == 0 && logical_line(&p, &line, &first))
        rc = parse_text(&p, first, arena_strdup(a, buf_text(&line)), add(&p), e);
    if (rc < 0)
        return rc;
    if (p.n == 0)
        return err_set(e, ERR_INVALID, "%s has no instructions", name);
    *out = (struct containerfile){name, p.escape, p.list, p.n};
    return 0;
}

int containerfile_parse_one(const struct containerfile *file, unsigned line, const char *text,
                            struct arena *a, struct instruction *out, struct err *e)
{
    struct parser p = {.name = file->name, .at = "", .escape = file->escape, .arena = a};
    p.end = p.at;
    return parse_text(&p, line, text, out, e);
}

const char *instruction_flag(const struct instruction *i, const char *name)
{
    const char *value = NULL;
    for (size_t k = 0; k < i->n_flags; k++) {
        if (strcmp(i->flags[k].name, name) == 0)
            value = i->flags[k].value ? i->flags[k].value : "";
    }
    return value;
}
