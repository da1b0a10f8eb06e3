/* yaml_style.c - which characters a style can carry, and writing the quoted styles. */
#include "base/buf.h"
#include "codec/utf8.h"
#include "codec/yaml_int.h"

/* What the emitter of go-yaml leaves unescaped; a tab and characters past U+FFFF are not. */
static bool is_printable(uint32_t c)
{
    return c == '\n' || (c >= 0x20 && c <= 0x7e) || (c >= 0xa0 && c <= 0xd7ff) ||
           (c >= 0xe000 && c <= 0xfffd && c != 0xfeff);
}

static bool is_break(uint32_t c)
{
    return c == '\n' || c == '\r' || c == 0x85 || c == 0x2028 || c == 0x2029;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

struct scan {
    bool flow, block; /* indicators that plain text must not have there */
    bool breaks, special, tab;
    bool lead_space, lead_break, trail_space, trail_break, break_space, space_break;
};

static void scan_indicator(struct scan *s, char c, bool first, bool after_blank, bool before_blank)
{
    if (first && strchr("#,[]{}&*!|>'\"%@`", c)) {
        s->flow = s->block = true;
    } else if (c == ':' || (first && c == '?')) {
        s->flow = true;
        s->block = s->block || before_blank;
    } else if (first && c == '-') {
        s->flow = s->flow || before_blank;
        s->block = s->block || before_blank;
    } else if (strchr(",?[]{}", c)) {
        s->flow = true;
    } else if (c == '#' && after_blank) {
        s->flow = s->block = true;
    }
}

/* Within a text these say nothing about it: no space, break or indicator. */
static const bool dull[256] = {
    ['!' ... '"'] = true, ['$' ... '+'] = true, ['-' ... '9'] = true,
    [';' ... '>'] = true, ['@' ... 'Z'] = true, ['\\'] = true,
    ['^' ... 'z'] = true, ['|'] = true,         ['~'] = true,
};

static struct scan scan_text(const char *text, size_t n)
{
    struct scan s = {0};
    bool was_space = false, was_break = false, after_blank = true;
    s.flow = s.block = n >= 3 && (memcmp(text, "---", 3) == 0 || memcmp(text, "...", 3) == 0);
    for (size_t i = 0, len; i < n; i += len) {
        if (i > 0 && dull[(unsigned char)text[i]]) {
            was_space = was_break = after_blank = false;
            len = 1;
            continue;
        }
        len = utf8_valid(text + i, n - i);
        uint32_t c = len ? utf8_decode(text + i, len) : 0;
        len = len ? len : 1;
        bool last = i + len >= n, space = c == ' ', brk = is_break(c);
        if (c > 0 && c < 0x80)
            scan_indicator(&s, (char)c, i == 0, after_blank, last || is_blank(text[i + len]));
        s.special = s.special || (c != '\t' && !is_printable(c));
        s.tab = s.tab || c == '\t';
        s.breaks = s.breaks || brk;
        s.lead_space = s.lead_space || (space && i == 0);
        s.lead_break = s.lead_break || (brk && i == 0);
        s.trail_space = s.trail_space || (space && last);
        s.trail_break = s.trail_break || (brk && last);
        s.break_space = s.break_space || (space && was_break);
        s.space_break = s.space_break || (brk && was_space);
        was_space = space;
        was_break = brk;
        after_blank = brk || c == ' ' || c == '\t' || c == 0;
    }
    return s;
}

/* Most text is names, words and versions, which any style can carry. */
static bool is_harmless(const char *text, size_t n)
{
    static const bool inner[256] = {
        ['a' ... 'z'] = true, ['A' ... 'Z'] = true, ['0' ... '9'] = true, ['_'] = true,
        ['/'] = true,         ['.'] = true,         ['-'] = true};
    unsigned char first = (unsigned char)*text;
    if (!inner[first] || first == '-' || first == '.')
        return false;
    for (size_t i = 1; i < n; i++)
        if (!inner[(unsigned char)text[i]])
            return false;
    return true;
}

struct yaml_shape yaml__shape(const char *text, size_t n)
{
    if (n == 0)
        return (struct yaml_shape){.block_plain = true, .single = true};
    if (is_harmless(text, n))
        return (struct yaml_shape){.flow_plain = true,
                                   .block_plain = true,
                                   .single = true,
                                   .block = true,
                                   .block_v3 = true};
    struct scan s = scan_text(text, n);
    bool bad = s.space_break || s.special || s.tab;
    bool edge = s.lead_space || s.lead_break || s.trail_space || s.trail_break;
    bool plain = !edge && !s.break_space && !bad && !s.breaks;
    return (struct yaml_shape){
        .flow_plain = plain && !s.flow,
        .block_plain = plain && !s.block,
        .single = !s.break_space && !bad,
        .block = !s.trail_space && !bad,
        .block_v3 = !s.trail_space && !s.space_break && !s.special,
        .multiline = s.breaks,
    };
}

static char short_escape(uint32_t c)
{
    static const char table[] = {
        [0] = '0',    ['\a'] = 'a', ['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\v'] = 'v',
        ['\f'] = 'f', ['\r'] = 'r', [0x1b] = 'e', ['"'] = '"',  ['\\'] = '\\'};
    switch (c) {
    case 0x85:
        return 'N';
    case 0xa0:
        return '_';
    case 0x2028:
        return 'L';
    case 0x2029:
        return 'P';
    default:
        return c < sizeof table ? table[c] : '\0';
    }
}

/* ---- lines ---- */

enum { WIDTH = 80 };

/* Characters since the line began; no more than WIDTH if they are. */
static size_t column(const struct buf *b)
{
    const char *line = b->len ? memrchr(b->data, '\n', b->len) : NULL;
    size_t from = line ? (size_t)(line - b->data) + 1 : 0, n = b->len - from;
    if (n <= WIDTH)
        return n; /* no more characters than bytes: it is not full */
    for (size_t i = from; i < b->len; i++)
        n -= ((unsigned char)b->data[i] & 0xc0) == 0x80;
    return n;
}

static void new_line(struct buf *b, size_t indent)
{
    buf_printf(b, "\n%*s", (int)indent, "");
}

/* At a blank of the text: whether the line ends here instead. */
static bool folds(const struct buf *b, struct yaml_lines lines, bool after_space)
{
    return lines.fold && !after_space && column(b) > WIDTH;
}

/* What a flow text copies as it stands, from i on. */
static size_t run_length(const char *text, size_t i, size_t n)
{
    size_t from = i;
    while (i < n && text[i] != ' ' && text[i] != '\'' && (unsigned char)text[i] < 0x80)
        i++;
    return i - from;
}

/* Plain and single-quoted text differ in what a quote becomes. */
static void write_flow(struct buf *b, const char *text, size_t n, struct yaml_lines lines,
                       bool quoted)
{
    bool after_break = false, after_space = false;
    for (size_t i = 0, len; i < n; i += len) {
        len = run_length(text, i, n);
        len = len ? len : utf8_valid(text + i, n - i);
        len = len ? len : 1;
        bool brk = (text[i] & 0x80) && len > 1 && is_break(utf8_decode(text + i, len));
        bool space = text[i] == ' ';
        if (space && i > 0 && i + 1 < n && text[i + 1] != ' ' && folds(b, lines, after_space)) {
            new_line(b, lines.indent);
        } else {
            if (after_break && !brk)
                buf_printf(b, "%*s", (int)lines.indent, "");
            if (text[i] == '\'' && quoted)
                buf_putc(b, '\'');
            buf_add(b, text + i, len);
        }
        after_space = space;
        after_break = brk;
    }
}

void yaml__write_plain(struct buf *b, const char *text, size_t n, struct yaml_lines lines)
{
    if (lines.fold)
        write_flow(b, text, n, lines, false);
    else
        buf_add(b, text, n);
}

void yaml__write_single(struct buf *b, const char *text, size_t n, struct yaml_lines lines)
{
    buf_putc(b, '\'');
    write_flow(b, text, n, lines, true);
    buf_putc(b, '\'');
}

static void write_escape(struct buf *b, uint32_t c)
{
    if (short_escape(c))
        buf_add(b, (char[]){'\\', short_escape(c)}, 2);
    else
        buf_printf(b, c <= 0xff ? "\\x%02X" : c <= 0xffff ? "\\u%04X" : "\\U%08X", c);
}

void yaml__write_double(struct buf *b, const char *text, size_t n, struct yaml_lines lines)
{
    /* go-yaml escapes all of a text that begins with a byte order mark. */
    bool bom = n >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0, after_space = false;
    buf_putc(b, '"');
    for (size_t i = 0, len; i < n; i += len) {
        len = utf8_valid(text + i, n - i);
        uint32_t c = len ? utf8_decode(text + i, len) : UTF8_REPLACEMENT;
        bool raw = is_printable(c) && !is_break(c) && c != '"' && c != '\\' && len && !bom;
        len = len ? len : 1;
        bool space = raw && c == ' ';
        if (!raw) {
            write_escape(b, c);
        } else if (space && i > 0 && i + 1 < n && folds(b, lines, after_space)) {
            new_line(b, lines.indent);
            if (text[i + 1] == ' ')
                buf_putc(b, '\\');
        } else {
            buf_add(b, text + i, len);
        }
        after_space = space;
    }
    buf_putc(b, '"');
}
