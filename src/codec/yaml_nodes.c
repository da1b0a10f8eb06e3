/* yaml_nodes.c - what is left of nodes that were written and read again. */
#include "base/buf.h"
#include "codec/number.h"
#include "codec/utf8.h"
#include "codec/yaml.h"
#include "codec/yaml_int.h"

enum { QUOTES = VALUE_DOUBLE | VALUE_SINGLE | VALUE_LITERAL | VALUE_FOLDED };

static void set_text(struct value *v, const char *text, size_t n)
{
    v->kind = VALUE_STRING;
    v->text = text;
    v->n = (uint32_t)n;
}

/* ---- times ---- */

static const char *digits(const char *s, int *out)
{
    for (*out = 0; *s >= '0' && *s <= '9'; s++)
        *out = *out * 10 + *s - '0';
    return s;
}

/* "2001-12-14t21:59:43.10-05:00" is "2001-12-14T21:59:43.1-05:00"; a day is its midnight. */
static const char *long_time(struct arena *a, const char *s)
{
    int year, month, day, hour = 0, minute = 0, second = 0;
    s = digits(s, &year);
    s = digits(s + 1, &month);
    s = digits(s + 1, &day);
    while (*s == 'T' || *s == 't' || *s == ' ')
        s++;
    const char *part = "", *zone = "Z";
    size_t n_part = 0;
    if (*s) {
        s = digits(s, &hour);
        s = digits(s + 1, &minute);
        s = digits(s + 1, &second);
        if (*s == '.' || *s == ',') {
            part = s + 1;
            n_part = strspn(part, "0123456789");
            s = part + n_part;
        }
        zone = *s && strcmp(s + 1, "00:00") != 0 ? s : "Z";
    }
    enum { NANOSECONDS = 9 };
    n_part = n_part > NANOSECONDS ? NANOSECONDS : n_part;
    while (n_part > 0 && part[n_part - 1] == '0')
        n_part--;
    return arena_printf(a, "%04d-%02d-%02dT%02d:%02d:%02d%s%.*s%s", year, month, day, hour, minute,
                        second, n_part ? "." : "", (int)n_part, part, zone);
}

/* ---- folded text ---- */

/* As go-yaml v3 writes it, on one line between breaks. It doubles a break wherever the line
 * before does not begin with a blank, also where the next one does. */
static void write_folded(struct buf *b, const char *s, size_t n)
{
    bool at_start = true, lead = true;
    yaml__write_block(b, '>', s, n);
    for (size_t i = 0; i < n; i++) {
        if (s[i] == '\n') {
            if (!at_start && !lead && *s != ' ' && *s != '\t' && *s != '\n')
                buf_putc(b, '\n');
            buf_putc(b, '\n');
            at_start = true;
            continue;
        }
        if (at_start) {
            lead = s[i] == ' ' || s[i] == '\t';
            buf_puts(b, "  ");
        }
        buf_putc(b, s[i]);
        at_start = false;
    }
}

static int fold_again(struct arena *a, struct value *v, struct err *e)
{
    struct value *read;
    AUTO_BUF struct buf b;
    buf_init(&b, 4 * (size_t)v->n + 64);
    buf_puts(&b, "v: ");
    write_folded(&b, v->text, v->n);
    int rc = yaml_parse(a, b.data, b.len, 0, &read, e);
    if (rc == 0)
        set_text(v, value_at_str(read, "v", ""), value_count(value_get(read, "v")));
    return rc;
}

/* ---- the walk ---- */

/* What stands there as text, whatever it is. */
static void as_text(struct value *v)
{
    if (v->kind == VALUE_NULL || v->kind == VALUE_BOOL)
        set_text(v, v->word, strlen(v->word));
    else
        v->kind = VALUE_STRING;
}

static void settle_number(struct arena *a, struct value *v)
{
    char text[NUMBER_TEXT_MAX];
    if (v->kind == VALUE_INT) {
        v->text = arena_printf(a, "%lld", (long long)v->i);
    } else {
        struct yaml_scalar s = yaml__resolve(v->text, v->n);
        if (s.kind == YAML_UINT)
            v->text = arena_printf(a, "%llu", (unsigned long long)s.u);
        else
            v->text = arena_strndup(a, text, number_format_json(v->d, text));
    }
    v->n = (uint32_t)strlen(v->text);
}

static int settle_scalar(struct arena *a, struct value *v, bool flow, struct err *e)
{
    unsigned style = v->style;
    bool quoted = (style & QUOTES) && !(style & VALUE_TAGGED), spelled = style & VALUE_SPELLED;
    if (v->kind == VALUE_STRING) {
        bool block = (style & (VALUE_LITERAL | VALUE_FOLDED)) ||
                     (!(style & QUOTES) && memchr(v->text, '\n', v->n));
        if (block && !flow && *v->text == '\t' && yaml__shape(v->text, v->n).block_v3)
            return err_set(e, ERR_INVALID, "a text of several lines begins with a tab");
        if ((style & VALUE_TIME) && !quoted)
            v->text = long_time(a, v->text), v->n = (uint32_t)strlen(v->text);
        bool fold = (style & VALUE_FOLDED) && !flow && memchr(v->text, '\n', v->n);
        return fold && yaml__shape(v->text, v->n).block_v3 ? fold_again(a, v, e) : 0;
    }
    if (!spelled)
        return 0;
    if (quoted || (v->kind == VALUE_NULL && flow && !*v->word && !(style & VALUE_TAGGED)))
        as_text(v);
    else if (v->kind == VALUE_INT || v->kind == VALUE_FLOAT)
        settle_number(a, v);
    return 0;
}

static int settle(struct arena *a, struct value *v, bool flow, struct err *e)
{
    int rc = 0;
    if (v->kind == VALUE_ARRAY) {
        flow = flow || (v->style & VALUE_FLOW);
        for (uint32_t i = 0; rc == 0 && i < v->n; i++)
            rc = settle(a, &v->items[i], flow, e);
    } else if (v->kind == VALUE_OBJECT) {
        flow = flow || (v->style & VALUE_FLOW);
        for (uint32_t i = 0; rc == 0 && i < v->n; i++) {
            struct member *m = &v->members[i];
            if (m->value.style & VALUE_BARE_KEY)
                return err_set(e, ERR_INVALID, "line %u: key %.200s is not text; quote it", m->line,
                               m->key);
            rc = settle(a, &m->value, flow, e);
        }
    } else {
        rc = settle_scalar(a, v, flow, e);
    }
    v->style = 0;
    return rc;
}

int yaml_settle(struct arena *a, struct value *v, struct err *e)
{
    return settle(a, v, false, e);
}

void yaml_restyle(struct value *v)
{
    static const unsigned styles[] = {[YAML_PLAIN] = 0,
                                      [YAML_SINGLE] = VALUE_SINGLE,
                                      [YAML_DOUBLE] = VALUE_DOUBLE,
                                      [YAML_LITERAL] = VALUE_LITERAL};
    if (v->kind == VALUE_STRING)
        v->style = styles[yaml__style_of(v->text, v->n)] & VALUE_STYLES;
    for (uint32_t i = 0; v->kind == VALUE_ARRAY && i < v->n; i++)
        yaml_restyle(&v->items[i]);
    for (uint32_t i = 0; v->kind == VALUE_OBJECT && i < v->n; i++)
        yaml_restyle(&v->members[i].value);
}

/* ---- JSON that is read as YAML ---- */

static bool is_refused(uint32_t c)
{
    return (c >= 0x7f && c < 0xa0 && c != 0x85) || c == 0xfffe || c == 0xffff;
}

/* Ends a run of blanks and breaks: one break is a space, each more is a line end. */
static void end_line(struct buf *b, size_t breaks)
{
    while (b->len > 0 && (b->data[b->len - 1] == ' ' || b->data[b->len - 1] == '\t'))
        buf_cut(b, b->len - 1);
    if (breaks == 1)
        buf_putc(b, ' ');
    for (; breaks > 1; breaks--)
        buf_putc(b, '\n');
}

/* Double-quoted, where blanks around a line break do not count. Line ends and tabs are escapes
 * in JSON, so that they do. */
static const char *fold_breaks(struct arena *a, const char *s, size_t n, uint32_t *out_n)
{
    AUTO_BUF struct buf b;
    buf_init(&b, n + 1);
    size_t breaks = 0;
    for (size_t i = 0; i < n; i++) {
        if (s[i] == '\xc2' && i + 1 < n && s[i + 1] == '\x85') {
            breaks++;
            i++;
        } else if (breaks == 0 || s[i] != ' ') {
            if (breaks > 0)
                end_line(&b, breaks);
            breaks = 0;
            buf_putc(&b, s[i]);
        }
    }
    if (breaks > 0)
        end_line(&b, breaks);
    *out_n = (uint32_t)b.len;
    return arena_strndup(a, buf_text(&b), b.len);
}

static int carry_text(struct arena *a, const char **text, uint32_t *n, struct err *e)
{
    const char *s = *text;
    bool breaks = false;
    for (size_t i = 0, len; i < *n; i += len) {
        len = 1;
        if ((unsigned char)s[i] < 0x7f)
            continue;
        size_t wide = utf8_valid(s + i, *n - i);
        uint32_t c = wide ? utf8_decode(s + i, wide) : 0;
        len = wide ? wide : 1;
        if (is_refused(c))
            return err_set(e, ERR_INVALID, "a text holds the control character U+%04X", c);
        breaks = breaks || c == 0x85;
    }
    if (breaks)
        *text = fold_breaks(a, s, *n, n);
    return 0;
}

int yaml_through_json(struct arena *a, struct value *v, struct err *e)
{
    int rc = 0;
    if (v->kind == VALUE_STRING)
        return carry_text(a, &v->text, &v->n, e);
    for (uint32_t i = 0; rc == 0 && v->kind == VALUE_ARRAY && i < v->n; i++)
        rc = yaml_through_json(a, &v->items[i], e);
    for (uint32_t i = 0; rc == 0 && v->kind == VALUE_OBJECT && i < v->n; i++) {
        rc = carry_text(a, &v->members[i].key, &v->members[i].key_len, e);
        if (rc == 0)
            rc = yaml_through_json(a, &v->members[i].value, e);
    }
    return rc;
}
