/* yaml_block.c - maps and lists of the quick reader. */
#include <stdint.h>
#include <string.h>

#include "codec/utf8.h"
#include "codec/yaml_block_int.h"

enum { DEPTH_MAX = 100, KEY_MAX = 1000 };

static bool leaf(struct yaml_block *b, long parent);
static bool node(struct yaml_block *b, long parent);
static bool flow(struct yaml_block *b);

/* ---- telling ---- */

yaml_mark_t yaml__mark(const struct yaml_block *b, const char *at)
{
    size_t column = (size_t)(at - b->line);
    for (const char *s = b->line; !b->ascii && s < at; s++)
        column -= ((unsigned char)*s & 0xc0) == 0x80;
    return (yaml_mark_t){.line = b->line_no, .column = column};
}

bool yaml__emit(struct yaml_block *b, const yaml_event_t *event)
{
    int rc = b->fn(b->arg, event);
    b->enough = rc > 0;
    return rc == 0;
}

bool yaml__emit_text(struct yaml_block *b, yaml_scalar_style_t style, yaml_mark_t mark)
{
    bool plain = style == YAML_PLAIN_SCALAR_STYLE;
    yaml_event_t event = {.type = YAML_SCALAR_EVENT, .start_mark = mark, .end_mark = mark};
    (void)buf_reserve(&b->text, 1);
    event.data.scalar.value = (yaml_char_t *)b->text.data;
    event.data.scalar.length = b->text.len;
    event.data.scalar.style = style;
    event.data.scalar.plain_implicit = plain;
    event.data.scalar.quoted_implicit = !plain;
    return yaml__emit(b, &event);
}

static bool emit_nothing(struct yaml_block *b, yaml_mark_t mark)
{
    buf_clear(&b->text);
    return yaml__emit_text(b, YAML_PLAIN_SCALAR_STYLE, mark);
}

static bool emit_begin(struct yaml_block *b, bool map, bool flow_style)
{
    yaml_event_t event = {.type = map ? YAML_MAPPING_START_EVENT : YAML_SEQUENCE_START_EVENT,
                          .start_mark = yaml__mark(b, b->p)};
    if (map) {
        event.data.mapping_start.implicit = 1;
        event.data.mapping_start.style =
            flow_style ? YAML_FLOW_MAPPING_STYLE : YAML_BLOCK_MAPPING_STYLE;
    } else {
        event.data.sequence_start.implicit = 1;
        event.data.sequence_start.style =
            flow_style ? YAML_FLOW_SEQUENCE_STYLE : YAML_BLOCK_SEQUENCE_STYLE;
    }
    return ++b->depth <= DEPTH_MAX && yaml__emit(b, &event);
}

static bool emit_end(struct yaml_block *b, bool map)
{
    b->depth--;
    return yaml__emit(
        b, &(yaml_event_t){.type = map ? YAML_MAPPING_END_EVENT : YAML_SEQUENCE_END_EVENT});
}

/* ---- lines ---- */

void yaml__next_line(struct yaml_block *b)
{
    b->p++;
    b->line = b->p;
    b->line_no++;
}

static void skip_spaces(struct yaml_block *b)
{
    while (b->p < b->end && *b->p == ' ')
        b->p++;
}

static void skip_comment(struct yaml_block *b)
{
    const char *stop = memchr(b->p, '\n', (size_t)(b->end - b->p));
    b->p = stop ? stop : b->end;
}

void yaml__next_content(struct yaml_block *b)
{
    for (;;) {
        skip_spaces(b);
        if (yaml__peek(b, 0) == '#')
            skip_comment(b);
        if (b->p == b->end || *b->p != '\n')
            return;
        yaml__next_line(b);
    }
}

bool yaml__line_done(struct yaml_block *b)
{
    const char *from = b->p;
    skip_spaces(b);
    if (yaml__peek(b, 0) == '#' && b->p > from)
        skip_comment(b);
    if (b->p < b->end && *b->p != '\n')
        return false;
    yaml__next_content(b);
    return true;
}

static long column(const struct yaml_block *b)
{
    return b->p - b->line;
}

static bool at_marker(const struct yaml_block *b)
{
    return b->p == b->line && b->end - b->p >= 3 &&
           (memcmp(b->p, "---", 3) == 0 || memcmp(b->p, "...", 3) == 0) &&
           yaml__ends_word(yaml__peek(b, 3));
}

static bool at_end(const struct yaml_block *b)
{
    return b->p == b->end || at_marker(b);
}

static bool at_dash(const struct yaml_block *b)
{
    return yaml__peek(b, 0) == '-' && yaml__ends_word(yaml__peek(b, 1));
}

/* ---- maps ---- */

/* Where the quoted text that begins at s ends on its line, or NULL. */
static const char *quote_end(const char *s, const char *end)
{
    char quote = *s++;
    for (; s < end && *s != '\n'; s++) {
        if (quote == '"' && *s == '\\')
            s++;
        else if (*s == quote && quote == '\'' && s + 1 < end && s[1] == quote)
            s++;
        else if (*s == quote)
            return s + 1;
    }
    return NULL;
}

/* The colon behind the key at p, or NULL when there is no key. */
static const char *find_colon(const struct yaml_block *b)
{
    const char *s = b->p;
    if (s == b->end || *s == '[' || *s == '{')
        return NULL;
    if (*s == '"' || *s == '\'') {
        s = quote_end(s, b->end);
        while (s && s < b->end && *s == ' ')
            s++;
        return s && s < b->end && *s == ':' && (s + 1 == b->end || yaml__ends_word(s[1])) ? s
                                                                                          : NULL;
    }
    for (; s < b->end && *s != '\n'; s++) {
        if (*s == ':' && (s + 1 == b->end || yaml__ends_word(s[1])))
            return s;
        if (*s == '#' && s > b->p && s[-1] == ' ')
            return NULL;
    }
    return NULL;
}

/* A key without quotes, up to where it ends. */
static bool plain_key(struct yaml_block *b, const char *stop)
{
    yaml_mark_t mark = yaml__mark(b, b->p);
    while (stop > b->p && stop[-1] == ' ')
        stop--;
    if (memchr(b->p, '\t', (size_t)(stop - b->p)))
        return false;
    buf_clear(&b->text);
    buf_add(&b->text, b->p, (size_t)(stop - b->p));
    return yaml__emit_text(b, YAML_PLAIN_SCALAR_STYLE, mark);
}

static bool key(struct yaml_block *b, const char *colon)
{
    if (colon - b->p > KEY_MAX)
        return false;
    bool quoted = *b->p == '"' || *b->p == '\'';
    if (quoted ? !yaml__quoted(b, true) : !yaml__plain_begins(b, false) || !plain_key(b, colon))
        return false;
    b->p = colon + 1;
    return true;
}

static bool sequence(struct yaml_block *b, long indentless_in);

/* What follows the colon, on its line or below. */
static bool member_value(struct yaml_block *b, long col)
{
    yaml_mark_t mark = yaml__mark(b, b->p);
    if (yaml__line_done(b)) {
        bool dash = at_dash(b);
        if (at_end(b) || column(b) < col || (column(b) == col && !dash))
            return emit_nothing(b, mark);
        return column(b) == col ? sequence(b, col) : node(b, col);
    }
    return !at_dash(b) && leaf(b, col);
}

static bool mapping(struct yaml_block *b, const char *colon)
{
    long col = column(b);
    if (!emit_begin(b, true, false))
        return false;
    for (;;) {
        if (!key(b, colon) || !member_value(b, col))
            return false;
        if (at_end(b) || column(b) < col)
            return emit_end(b, true);
        if (column(b) > col || at_dash(b))
            return false;
        colon = find_colon(b);
        if (!colon)
            return false;
    }
}

/* ---- lists ---- */

/* What follows the dash. */
static bool item(struct yaml_block *b, long col)
{
    b->p++;
    yaml_mark_t mark = yaml__mark(b, b->p);
    if (yaml__line_done(b) && (at_end(b) || column(b) <= col))
        return emit_nothing(b, mark);
    return node(b, col);
}

/* One that stands below its key may be no deeper than the key. */
static bool sequence(struct yaml_block *b, long indentless_in)
{
    long col = column(b);
    if (!emit_begin(b, false, false))
        return false;
    for (;;) {
        if (!item(b, col))
            return false;
        if (at_end(b) || column(b) < col)
            return emit_end(b, false);
        if (column(b) > col)
            return false;
        if (!at_dash(b))
            return col == indentless_in && emit_end(b, false);
    }
}

/* ---- brackets ---- */

/* Within brackets lines mean nothing, but for what would end the document. */
static bool flow_space(struct yaml_block *b)
{
    size_t line = b->line_no;
    const char *from = b->p;
    skip_spaces(b);
    if (yaml__peek(b, 0) == '\n' || (yaml__peek(b, 0) == '#' && b->p > from))
        yaml__next_content(b);
    return b->line_no == line || !strchr("-.", yaml__peek(b, 0)) || b->p > b->line;
}

static bool flow_value(struct yaml_block *b)
{
    char c = yaml__peek(b, 0);
    if (c == '[' || c == '{')
        return flow(b);
    return c == '"' || c == '\'' ? yaml__quoted(b, true) : yaml__plain_in_flow(b);
}

static bool flow_member(struct yaml_block *b)
{
    char c = yaml__peek(b, 0);
    bool quoted = c == '"' || c == '\'';
    const char *from = b->p;
    if (c == '[' || c == '{' || !flow_value(b) || b->p - from > KEY_MAX)
        return false;
    skip_spaces(b);
    if (yaml__peek(b, 0) != ':' || !(quoted || yaml__peek(b, 1) == ' '))
        return false;
    b->p++;
    return flow_space(b) && flow_value(b);
}

static bool flow(struct yaml_block *b)
{
    bool map = *b->p == '{';
    char close = map ? '}' : ']';
    if (!emit_begin(b, map, true))
        return false;
    do {
        b->p++;
        if (!flow_space(b))
            return false;
        if (yaml__peek(b, 0) == close)
            break;
        if (!(map ? flow_member(b) : flow_value(b)) || !flow_space(b))
            return false;
    } while (yaml__peek(b, 0) == ',');
    if (yaml__peek(b, 0) != close)
        return false;
    b->p++;
    return emit_end(b, map);
}

/* ---- documents ---- */

/* Neither a map nor a list with dashes. Ends at the next thing in a line below. */
static bool leaf(struct yaml_block *b, long parent)
{
    char c = yaml__peek(b, 0);
    if (c == '[' || c == '{')
        return flow(b) && yaml__line_done(b);
    if (parent < 0)
        return false;
    if (c == '|' || c == '>')
        return yaml__block_scalar(b, parent);
    if (c == '"' || c == '\'')
        return yaml__quoted(b, false) && yaml__line_done(b);
    return yaml__plain_value(b, parent);
}

static bool node(struct yaml_block *b, long parent)
{
    if (at_dash(b))
        return sequence(b, -1);
    const char *colon = find_colon(b);
    return colon ? mapping(b, colon) : leaf(b, parent);
}

/* An empty document is where the next thing is, the text's end in a line of its own. */
static yaml_mark_t next_mark(const struct yaml_block *b)
{
    if (b->p == b->end && b->p > b->line)
        return (yaml_mark_t){.line = b->line_no + 1};
    return yaml__mark(b, b->p);
}

static bool document(struct yaml_block *b, bool first)
{
    bool marked = at_marker(b);
    if (marked) {
        bool dots = *b->p == '.';
        b->p += 3;
        if (dots || !yaml__line_done(b))
            return false;
    } else if (!first) {
        return false;
    }
    if (!yaml__emit(b, &(yaml_event_t){.type = YAML_DOCUMENT_START_EVENT}))
        return false;
    if (at_end(b) ? !emit_nothing(b, next_mark(b)) : !node(b, -1))
        return false;
    return at_end(b) && yaml__emit(b, &(yaml_event_t){.type = YAML_DOCUMENT_END_EVENT});
}

/* Eight bytes that are all printable ASCII or line ends; tells every byte apart, exactly. */
static bool is_plain_word(const char *text)
{
    const uint64_t ones = 0x0101010101010101u, high = ones << 7;
    uint64_t w;
    memcpy(&w, text, sizeof w);
    uint64_t big = w | high; /* subtracting from this borrows from no neighbour */
    uint64_t control = ~(big - ones * 0x20), end = ~(((w ^ ones * '\n') | high) - ones);
    uint64_t delete = ~(((w ^ ones * 0x7f) | high) - ones);
    return ((w | (control & ~end) | delete) & high) == 0;
}

/* Characters that mean something to libyaml's reader, or that it refuses, are left to it. */
static bool is_ordinary(const char *text, size_t n, bool *ascii)
{
    *ascii = true;
    for (size_t i = 0, len; i < n; i += len) {
        unsigned char c = (unsigned char)text[i];
        len = n - i >= 8 && is_plain_word(text + i) ? 8 : 1;
        if (len == 8 || (c >= 0x20 && c < 0x7f))
            continue;
        if (c < 0x80 && c != '\n' && c != '\t')
            return false;
        if (c < 0x80)
            continue;
        *ascii = false;
        len = utf8_valid(text + i, n - i);
        uint32_t u = len ? utf8_decode(text + i, len) : 0;
        if (u < 0xa0 || u == 0x2028 || u == 0x2029 || u == 0xfeff || (u & 0xfffe) == 0xfffe)
            return false;
    }
    return true;
}

bool yaml__block_events(const char *text, size_t n, yaml_event_fn fn, void *arg)
{
    struct yaml_block b = {.p = text, .end = text + n, .line = text, .fn = fn, .arg = arg};
    if (!is_ordinary(text, n, &b.ascii))
        return false;
    buf_init(&b.text, SIZE_MAX / 2);
    yaml__next_content(&b);
    bool going = true;
    for (bool first = true; going && b.p < b.end; first = false)
        going = document(&b, first);
    if (going)
        going = yaml__emit(&b, &(yaml_event_t){.type = YAML_STREAM_END_EVENT});
    buf_done(&b.text);
    return going || b.enough;
}
