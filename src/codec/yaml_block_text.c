/* yaml_block_text.c - text of the quick reader, in all its styles. */
#include "codec/yaml_block_int.h"

bool yaml__plain_begins(const struct yaml_block *b, bool flow)
{
    static const char indicators[] = ",[]{}#&*!|>'\"%@`";
    char c = yaml__peek(b, 0), next = yaml__peek(b, 1);
    if (c == '-')
        return next != ' ' && next != '\n' && next != '\0' && !(flow && strchr(",[]{}", next));
    if (c == '?' || c == ':')
        return !flow && !yaml__ends_word(next);
    return !yaml__ends_word(c) && !strchr(indicators, c);
}

static void add_breaks(struct yaml_block *b, size_t n)
{
    for (; n > 0; n--)
        buf_putc(&b->text, '\n');
}

/* Lines of one text become one: a single break is a space, of several all but one are kept. */
static void fold(struct yaml_block *b, size_t breaks)
{
    if (breaks == 1)
        buf_putc(&b->text, ' ');
    else
        add_breaks(b, breaks - 1);
}

/* From a break to the next line with something on it; how many breaks that were. */
static size_t skip_breaks(struct yaml_block *b)
{
    size_t n = 0;
    while (yaml__peek(b, 0) == '\n') {
        n++;
        yaml__next_line(b);
        while (yaml__peek(b, 0) == ' ')
            b->p++;
    }
    return n;
}

/* ---- without quotes ---- */

/* The part of a plain text on this line; false when a colon or a tab makes it something else. */
static bool plain_line(struct yaml_block *b)
{
    const char *from = b->p, *s = from;
    for (; s < b->end && *s != '\n'; s++) {
        if (*s == '\t' || (*s == ':' && (s + 1 == b->end || yaml__ends_word(s[1]))))
            return false;
        if (*s == '#' && s > from && s[-1] == ' ')
            break;
    }
    while (s > from && s[-1] == ' ')
        s--;
    buf_add(&b->text, from, (size_t)(s - from));
    b->p = s;
    return true;
}

bool yaml__plain_value(struct yaml_block *b, long parent)
{
    yaml_mark_t mark = yaml__mark(b, b->p);
    if (!yaml__plain_begins(b, false))
        return false;
    buf_clear(&b->text);
    for (;;) {
        if (!plain_line(b))
            return false;
        struct yaml_block here = *b;
        while (yaml__peek(b, 0) == ' ')
            b->p++;
        size_t breaks = skip_breaks(b);
        bool goes_on = breaks > 0 && b->p < b->end && b->p - b->line > parent && *b->p != '#';
        if (!goes_on) {
            b->p = here.p;
            b->line = here.line;
            b->line_no = here.line_no;
            return yaml__emit_text(b, YAML_PLAIN_SCALAR_STYLE, mark) && yaml__line_done(b);
        }
        fold(b, breaks);
    }
}

/* Whether the next thing in the lines from s on ends text within brackets. */
static bool ends_in_flow(const char *s, const char *end)
{
    while (s < end && (*s == ' ' || *s == '\n'))
        s++;
    return s < end && strchr(",]}", *s);
}

bool yaml__plain_in_flow(struct yaml_block *b)
{
    const char *from = b->p, *s = from;
    if (!yaml__plain_begins(b, true))
        return false;
    for (; s < b->end && !strchr(",[]{}\n", *s); s++) {
        if (*s == '\t' || *s == '?' || (*s == '#' && s[-1] == ' '))
            return false;
        if (*s == ':' && s + 1 < b->end && s[1] == ' ')
            break;
        if (*s == ':' && (s + 1 == b->end || strchr(",[]{}\n\t", s[1])))
            return false;
    }
    if (s == b->end || (*s == '\n' && !ends_in_flow(s, b->end)))
        return false;
    b->p = s;
    while (s > from && s[-1] == ' ')
        s--;
    buf_clear(&b->text);
    buf_add(&b->text, from, (size_t)(s - from));
    return yaml__emit_text(b, YAML_PLAIN_SCALAR_STYLE, yaml__mark(b, from));
}

/* ---- with quotes ---- */

/* A quoted text goes on in the next line, which it must not begin. */
static bool quoted_break(struct yaml_block *b, bool escaped)
{
    size_t breaks = skip_breaks(b);
    if (escaped)
        add_breaks(b, breaks - 1);
    else
        fold(b, breaks);
    return b->p > b->line;
}

static bool escape(struct yaml_block *b, bool one_line)
{
    static const char names[] = "ntr\"\\ ", means[] = "\n\t\r\"\\ ";
    char c = yaml__peek(b, 1);
    const char *at = c ? strchr(names, c) : NULL;
    b->p++;
    if (c == '\n')
        return !one_line && quoted_break(b, true);
    if (!at)
        return false;
    buf_putc(&b->text, means[at - names]);
    b->p++;
    return true;
}

static bool quoted_text(struct yaml_block *b, char quote, bool one_line)
{
    struct buf *t = &b->text;
    size_t escaped = 0; /* up to here the text is not to be trimmed */
    buf_clear(t);
    for (;;) {
        const char *s = b->p;
        while (s < b->end && *s != quote && *s != '\n' && *s != '\t' && *s != '\\')
            s++;
        buf_add(t, b->p, (size_t)(s - b->p));
        b->p = s;
        char c = yaml__peek(b, 0);
        if (c == quote && quote == '\'' && yaml__peek(b, 1) == quote) {
            buf_putc(t, quote);
            b->p += 2;
        } else if (c == quote) {
            b->p++;
            return true;
        } else if (c == '\\' && quote == '\'') {
            buf_putc(t, c);
            b->p++;
        } else if (c == '\\') {
            if (!escape(b, one_line))
                return false;
            escaped = t->len;
        } else if (c == '\n' && !one_line) {
            while (t->len > escaped && t->data[t->len - 1] == ' ')
                buf_cut(t, t->len - 1);
            if (!quoted_break(b, false))
                return false;
            escaped = t->len;
        } else {
            return false;
        }
    }
}

bool yaml__quoted(struct yaml_block *b, bool one_line)
{
    yaml_mark_t mark = yaml__mark(b, b->p);
    char quote = *b->p++;
    return quoted_text(b, quote, one_line) &&
           yaml__emit_text(
               b, quote == '"' ? YAML_DOUBLE_QUOTED_SCALAR_STYLE : YAML_SINGLE_QUOTED_SCALAR_STYLE,
               mark);
}

/* ---- in lines of its own ---- */

struct lines {
    bool literal;
    bool begun, broken; /* a line was read; a break ended it */
    bool was_blank;     /* that line began with a space */
    size_t breaks;      /* empty lines since */
    long indent;
};

/* Empty lines up to one that is not; spaces past the indent would be text. */
static bool empty_lines(struct yaml_block *b, struct lines *l)
{
    for (l->breaks = 0;; l->breaks++) {
        while (b->p - b->line < l->indent && yaml__peek(b, 0) == ' ')
            b->p++;
        if (b->p - b->line < l->indent && yaml__peek(b, 0) == '\t')
            return false;
        if (yaml__peek(b, 0) != '\n')
            return true;
        yaml__next_line(b);
    }
}

/* The first line that is not empty tells the indent. */
static bool find_indent(struct yaml_block *b, struct lines *l, long parent)
{
    long widest = 0;
    for (;; l->breaks++) {
        while (yaml__peek(b, 0) == ' ')
            b->p++;
        long col = b->p - b->line;
        if (yaml__peek(b, 0) != '\n') {
            l->indent = col > parent ? col : parent + 1;
            return widest <= col && !(b->p == b->end && col > 0) && yaml__peek(b, 0) != '\t';
        }
        widest = col > widest ? col : widest;
        yaml__next_line(b);
    }
}

static void join(struct yaml_block *b, struct lines *l, bool blank)
{
    if (!l->begun || (!l->literal && !l->was_blank && !blank)) {
        if (l->begun && l->breaks == 0)
            buf_putc(&b->text, ' ');
        else
            add_breaks(b, l->breaks);
    } else {
        add_breaks(b, 1 + l->breaks);
    }
}

static bool read_lines(struct yaml_block *b, struct lines *l)
{
    while (b->p < b->end && b->p - b->line == l->indent) {
        bool blank = *b->p == ' ' || *b->p == '\t';
        const char *stop = memchr(b->p, '\n', (size_t)(b->end - b->p));
        join(b, l, blank);
        l->was_blank = blank;
        l->begun = true;
        l->broken = stop;
        stop = stop ? stop : b->end;
        buf_add(&b->text, b->p, (size_t)(stop - b->p));
        b->p = stop;
        l->breaks = 0;
        if (!l->broken)
            return true;
        yaml__next_line(b);
        if (!empty_lines(b, l))
            return false;
    }
    return true;
}

bool yaml__block_scalar(struct yaml_block *b, long parent)
{
    yaml_mark_t mark = yaml__mark(b, b->p);
    struct lines l = {.literal = *b->p++ == '|'};
    char chomp = yaml__peek(b, 0);
    if (chomp == '-' || chomp == '+')
        b->p++;
    struct yaml_block head = *b;
    const char *stop = memchr(b->p, '\n', (size_t)(b->end - b->p));
    head.end = stop ? stop : b->end;
    if (!stop || !yaml__line_done(&head))
        return false;
    b->p = stop;
    yaml__next_line(b);
    buf_clear(&b->text);
    if (!find_indent(b, &l, parent) || !read_lines(b, &l))
        return false;
    if (l.broken && chomp != '-')
        add_breaks(b, 1);
    if (chomp == '+')
        add_breaks(b, l.breaks);
    yaml_scalar_style_t style = l.literal ? YAML_LITERAL_SCALAR_STYLE : YAML_FOLDED_SCALAR_STYLE;
    if (!yaml__emit_text(b, style, mark))
        return false;
    yaml__next_content(b);
    return true;
}
