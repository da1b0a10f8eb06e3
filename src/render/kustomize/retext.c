/* retext.c - a text that is YAML, printed anew with a few scalars replaced: its comments, quotes
 * and brackets stay, its indentation and blank lines become Kustomize's. What is out of the
 * ordinary (anchors, tags, texts of several lines in quotes) is left to others. */
#include "codec/yaml.h"
#include "render/kustomize/kust_int.h"

enum { LEVELS_MAX = 100, PATH_ROOM = 1000, SPLICES_MAX = 64, REPLACED_MAX = 16 << 20 };

/* ---- what differs ---- */

struct splice {
    struct arena *a;
    const char *text;
    size_t n, count;
};

static bool is_scalar(const struct value *v)
{
    return v->kind != VALUE_ARRAY && v->kind != VALUE_OBJECT;
}

static bool is_printable(const char *text)
{
    for (const char *p = text; *p; p++)
        if ((unsigned char)*p < ' ' || *p == 127)
            return false;
    return true;
}

/* A text that is no other in quotes than it is without. */
static bool is_ordinary(const char *text)
{
    size_t n = strlen(text);
    return n == 0 || (!strchr("-?:,[]{}#&*!|>'\"%@` ", *text) && !strstr(text, ": ") &&
                      !strstr(text, " #") && text[n - 1] != ':' && text[n - 1] != ' ');
}

/* Puts what differs into the text; false: it is more than scalars. */
static bool splice(struct splice *s, const char *path, const struct value *was,
                   const struct value *is)
{
    char *out;
    size_t n;
    if (strlen(path) > PATH_ROOM || is_scalar(was) != is_scalar(is))
        return false;
    if (is_scalar(was)) {
        const char *old = kust_scalar(s->a, was), *new = kust_scalar(s->a, is);
        if (!old || !new || was->kind != is->kind)
            return value_equal(was, is);
        if (strcmp(old, new) == 0)
            return true;
        if (!is_printable(new) || (was->style != VALUE_DOUBLE && !is_ordinary(new)))
            return false;
        if (s->count++ == SPLICES_MAX ||
            yaml_edit_scalar(s->a, s->text, s->n, 0, path, new, &out, &n, NULL) < 0)
            return false;
        s->text = out;
        s->n = n;
        return true;
    }
    if (was->kind != is->kind || was->n != is->n)
        return false;
    for (uint32_t i = 0; i < was->n; i++) {
        bool list = was->kind == VALUE_ARRAY;
        const char *key = list ? "" : was->members[i].key;
        const struct value *a = list ? &was->items[i] : &was->members[i].value;
        const struct value *b = list ? &is->items[i] : &is->members[i].value;
        if (!list && strcmp(key, is->members[i].key) != 0)
            return false;
        if (value_equal(a, b))
            continue;
        if (strpbrk(key, ".[]"))
            return false;
        const char *step = list ? arena_printf(s->a, "%s[%u]", path, i)
                                : arena_printf(s->a, "%s%s%s", path, *path ? "." : "", key);
        if (!splice(s, step, a, b))
            return false;
    }
    return true;
}

/* ---- lines ---- */

struct level {
    size_t from, to; /* its column, as it was and as it is to be */
    bool list;
};

/* Lines of comments that wait for what is below them. */
struct comments {
    const char *from, *end; /* NULL: none */
    size_t column;
    bool parted; /* a blank line is above them */
    bool gap;    /* they are written; a blank line follows where the next is at their column */
};

struct lines {
    struct buf *out;
    const char *at, *end;
    struct level levels[LEVELS_MAX];
    size_t depth;
    struct comments wait;
};

static size_t line_length(const struct lines *l, const char *p)
{
    const char *newline = memchr(p, '\n', (size_t)(l->end - p));
    return newline ? (size_t)(newline - p) : (size_t)(l->end - p);
}

static size_t indent_of(const char *p, size_t n)
{
    size_t i = 0;
    while (i < n && p[i] == ' ')
        i++;
    return i;
}

static void put_indent(struct buf *b, size_t n)
{
    for (; n > 0; n--)
        buf_add(b, " ", 1);
}

/* Where a token of this kind and column goes; false: too deep, or nowhere. */
static bool place(struct lines *l, size_t column, bool list, size_t *to)
{
    while (l->depth > 0) {
        const struct level *top = &l->levels[l->depth - 1];
        if (top->from < column || (top->from == column && (top->list == list || list)))
            break;
        l->depth--;
    }
    const struct level *top = l->depth ? &l->levels[l->depth - 1] : NULL;
    if (!top || top->from < column || top->list != list) {
        if (l->depth == LEVELS_MAX)
            return false;
        size_t col = !top ? 0 : list && !top->list ? top->to : top->to + 2;
        l->levels[l->depth++] = (struct level){column, col, list};
    }
    *to = l->levels[l->depth - 1].to;
    return true;
}

/* Past a text in quotes, or 0: it does not end here, or has escapes that are written otherwise. */
static size_t quoted(const char *p, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        if (*p == '"' && p[i] == '\\') {
            if (++i == n || !strchr("\\\"nt", p[i]))
                return 0;
        } else if (p[i] == *p) {
            if (*p == '"' || i + 1 == n || p[i + 1] != '\'')
                return i + 1;
            i++;
        }
    }
    return 0;
}

/* Past a collection in brackets, or 0: it does not end here. It is written with a space behind each
 * comma and colon. */
static size_t put_bracketed(struct buf *b, const char *p, size_t n)
{
    size_t open = 0;
    for (size_t i = 0; i < n; i++) {
        bool opens = p[i] == '[' || p[i] == '{', closes = p[i] == ']' || p[i] == '}';
        size_t text = p[i] == '"' || p[i] == '\'' ? quoted(p + i, n - i) : 1;
        if (!text || (p[i] != '\'' && p[i] != '"' && strchr("&*!#?", p[i])) ||
            (closes && p[i - 1] == ','))
            return 0;
        size_t after = i + text, blanks = indent_of(p + after, n - after);
        bool last = after + blanks < n && strchr("]}", p[after + blanks]);
        buf_add(b, p + i, text);
        open += opens;
        if (closes && --open == 0)
            return i + 1;
        if (p[i] == ',' && !last)
            buf_add(b, " ", 1);
        else if (!opens && blanks && !last && p[after + blanks] != ',')
            buf_add(b, " ", 1);
        i = after + blanks - 1;
    }
    return 0;
}

/* Past a plain text, up to a comment or, for a key, its colon. */
static size_t plain(const char *p, size_t n, bool key)
{
    size_t i = 0;
    for (; i < n; i++)
        if ((p[i] == '#' && i > 0 && p[i - 1] == ' ') ||
            (key && p[i] == ':' && (i + 1 == n || p[i + 1] == ' ')))
            break;
    while (i > 0 && p[i - 1] == ' ')
        i--;
    return i;
}

/* The key that begins here, without its colon; 0: none. */
static size_t key_length(const char *p, size_t n)
{
    if (n == 0 || strchr("[{", *p))
        return 0;
    size_t k = *p == '"' || *p == '\'' ? quoted(p, n) : plain(p, n, true);
    return k < n && p[k] == ':' && (k + 1 == n || p[k + 1] == ' ') ? k : 0;
}

/* A text in block style; `to` is the column of what it belongs to. */
static bool put_block(struct lines *l, size_t above, size_t to)
{
    size_t inner = 0, blank = 0;
    while (l->at < l->end) {
        size_t n = line_length(l, l->at), indent = indent_of(l->at, n);
        if (indent < n && indent <= above && !(inner && indent >= inner))
            break;
        if (indent == n) {
            blank++;
        } else {
            inner = inner ? inner : indent;
            if (indent < inner)
                return false;
            for (; blank > 0; blank--)
                buf_add(l->out, "\n", 1);
            put_indent(l->out, to + 2);
            buf_add(l->out, l->at + inner, n - inner);
            buf_add(l->out, "\n", 1);
        }
        l->at += n + (l->at + n < l->end);
    }
    return inner > 0;
}

/* What stands behind a key or dash, with a space before it, and the line's end. */
static bool put_value(struct lines *l, const char *p, size_t n, size_t above, size_t to)
{
    size_t k = 0;
    if (n > 0 && *p != '#') {
        if (strchr("&*!>?%@`", *p) || (*p == '-' && (n == 1 || p[1] == ' ')))
            return false;
        bool block = *p == '|', brackets = *p == '[' || *p == '{';
        buf_add(l->out, " ", 1);
        k = brackets                  ? put_bracketed(l->out, p, n)
            : *p == '"' || *p == '\'' ? quoted(p, n)
                                      : plain(p, n, false);
        if (k == 0 || (block && (k != n || (k > 1 && !(k == 2 && strchr("-+", p[1]))))))
            return false;
        if (!brackets)
            buf_add(l->out, p, k);
        if (block) {
            buf_add(l->out, "\n", 1);
            return put_block(l, above, to);
        }
    }
    k += indent_of(p + k, n - k);
    if (k < n && p[k] != '#')
        return false;
    if (k < n) {
        buf_add(l->out, " ", 1);
        buf_add(l->out, p + k, n - k);
    }
    buf_add(l->out, "\n", 1);
    return true;
}

/* Each at this column; blanks around them go. */
static bool put_comments(struct lines *l, struct comments *c, size_t to)
{
    for (const char *p = c->from, *next; p && p < c->end; p = next) {
        size_t n = line_length(l, p), indent = indent_of(p, n);
        next = p + n + 1;
        while (n > indent && p[n - 1] == ' ')
            n--;
        put_indent(l->out, to);
        buf_add(l->out, p + indent, n - indent);
        buf_add(l->out, "\n", 1);
    }
    c->from = NULL;
    return true;
}

/* Those that belong to what is above: at the column of a table that they stand at. */
static bool put_foot(struct lines *l)
{
    for (size_t i = l->depth; i > 0; i--)
        if (l->levels[i - 1].from == l->wait.column && !l->levels[i - 1].list)
            return put_comments(l, &l->wait, l->levels[i - 1].to);
    return false;
}

/* One line that begins a value, and what belongs to it. */
static bool put_line(struct lines *l, const char *p, size_t n)
{
    size_t column = indent_of(p, n), to = 0;
    bool first = true;
    while (column < n && p[column] == '-' && (column + 1 == n || p[column + 1] == ' ')) {
        if (!place(l, column, true, &to))
            return false;
        if (first && put_comments(l, &l->wait, to))
            put_indent(l->out, to);
        buf_add(l->out, first ? "-" : " -", first ? 1 : 2);
        first = false;
        column++;
        column += indent_of(p + column, n - column);
    }
    size_t key = key_length(p + column, n - column);
    if (!key) /* the text of a list */
        return !first && put_value(l, p + column, n - column, l->levels[l->depth - 1].from, to);
    if (strchr("&*!?%@`", p[column]) || !place(l, column, false, &to))
        return false;
    if (first && put_comments(l, &l->wait, to))
        put_indent(l->out, to);
    else
        buf_add(l->out, " ", 1);
    buf_add(l->out, p + column, key);
    buf_add(l->out, ":", 1);
    size_t at = column + key + 1;
    at += indent_of(p + at, n - at);
    return put_value(l, p + at, n - at, column, to);
}

static bool is_marker(const char *p, size_t n)
{
    return n >= 3 && (memcmp(p, "---", 3) == 0 || memcmp(p, "...", 3) == 0);
}

/* What is above a blank line, or further in than what follows, belongs to what is above it. */
static bool settle(struct lines *l, bool begun, bool blank, size_t column)
{
    struct comments *w = &l->wait;
    if (!w->from)
        return true;
    if (begun && (blank || w->column > column)) {
        w->gap = blank;
        return put_foot(l);
    }
    if (blank && put_comments(l, w, w->column))
        buf_add(l->out, "\n", 1);
    return true;
}

static bool put_lines(struct lines *l)
{
    struct comments *w = &l->wait;
    bool begun = false, blank = false;
    while (l->at < l->end) {
        const char *p = l->at;
        size_t n = line_length(l, p), indent = indent_of(p, n);
        l->at += n + (p + n < l->end);
        while (n > indent && p[n - 1] == ' ')
            n--;
        bool comment = indent < n && p[indent] == '#';
        if (memchr(p, '\t', n) || memchr(p, '\r', n) || is_marker(p, n) ||
            (comment && w->from && w->column != indent))
            return false;
        if (indent < n && w->gap && w->column == indent)
            buf_add(l->out, "\n", 1);
        w->gap &= indent >= n;
        if (comment)
            *w = (struct comments){w->from ? w->from : p, l->at, indent,
                                   w->from ? w->parted : blank, false};
        else if (!settle(l, begun, indent >= n, indent) || (indent < n && !put_line(l, p, n)))
            return false;
        begun |= indent < n && !comment;
        blank = indent >= n;
    }
    if (w->from && w->column > 0)
        return false;
    if (w->from && w->parted)
        buf_add(l->out, "\n", 1);
    return put_comments(l, w, 0) && begun;
}

const char *kust_rewritten(struct arena *a, const char *text, size_t n, const struct value *is)
{
    AUTO_BUF struct buf b = {.max = REPLACED_MAX};
    struct splice s = {.a = a, .text = text, .n = n};
    struct value *was, *now;
    if (yaml_parse(a, text, n, YAML_NODES, &was, NULL) < 0 || !splice(&s, "", was, is))
        return NULL;
    struct lines *l = ARENA_NEW(a, struct lines);
    *l = (struct lines){.out = &b, .at = s.text, .end = s.text + s.n};
    if (!put_lines(l) || buf_check(&b, NULL) < 0)
        return NULL;
    size_t len = b.len;
    while (len > 0 && buf_text(&b)[len - 1] == '\n')
        len--;
    const char *out = arena_strndup(a, buf_text(&b), len);
    bool same = yaml_parse(a, out, len, YAML_NODES, &now, NULL) == 0 && value_equal(now, is);
    return same ? out : NULL;
}
