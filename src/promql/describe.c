#include "promql/describe.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "codec/number.h"
#include "promql/ast.h"
#include "promql/native.h"

enum { TEXT_MAX = 1 << 20 };

/* ---- labels ---- */

/* How long what names a series is: to the end of its braces, or to a space. */
static size_t name_length(const char *s)
{
    size_t i = strcspn(s, "{@ \t\n");
    char quote = 0;
    if (s[i] != '{')
        return i;
    for (; s[i]; i++) {
        if (quote && s[i] == '\\' && s[i + 1])
            i++;
        else if (quote && s[i] == quote)
            quote = 0;
        else if (!quote && strchr("\"'`", s[i]))
            quote = s[i];
        else if (!quote && s[i] == '}')
            return i + 1;
    }
    return i;
}

int describe_labels(struct arena *a, const char *text, struct labels *out, const char **rest,
                    struct err *e)
{
    struct expr *x;
    text += strspn(text, " \t");
    size_t n = name_length(text);
    char *selector = arena_strndup(a, text, n);
    *rest = text + n;
    *out = (struct labels){0};
    if (strcmp(selector, "{}") == 0)
        return 0;
    int r = promql_parse(a, selector, NULL, &x, e);
    if (r < 0)
        return r;
    if (x->kind != EXPR_SELECTOR)
        return err_set(e, ERR_INVALID, "\"%.100s\" is no series", selector);
    struct label *l = ARENA_ARRAY(a, struct label, x->selector.n_matchers);
    for (size_t i = 0; i < x->selector.n_matchers; i++) {
        if (x->selector.matchers[i].op != MATCH_EQ)
            return err_set(e, ERR_INVALID, "\"%.100s\" is no series: only \"=\" names one",
                           selector);
        l[i] = (struct label){x->selector.matchers[i].name, x->selector.matchers[i].value};
    }
    *out = labels_make(a, l, x->selector.n_matchers);
    return 0;
}

/* ---- histograms ---- */

struct reader {
    struct arena *a;
    const char *p;
    struct err *e;
    bool failed;
};

static void fail(struct reader *r, const char *what)
{
    if (!r->failed)
        (void)err_set(r->e, ERR_INVALID, "series values: %s at \"%.60s\"", what, r->p);
    r->failed = true;
}

static bool take(struct reader *r, const char *text)
{
    size_t n = strlen(text);
    if (strncmp(r->p, text, n) != 0)
        return false;
    r->p += n;
    return true;
}

static void skip_space(struct reader *r)
{
    r->p += strspn(r->p, " \t\n");
}

/* Never hexadecimal: "1+0x4" counts. */
static bool number(struct reader *r, double *out)
{
    char digits[64], *stop;
    size_t plus = *r->p == '+', n = strcspn(r->p + plus, "x \t\n]}");
    (void)snprintf(digits, sizeof digits, "%.*s", (int)n, r->p + plus);
    *out = strtod(digits, &stop);
    r->p += stop == digits ? 0 : plus + (size_t)(stop - digits);
    return stop != digits;
}

/* "[1 2 3]" */
static double *list(struct reader *r, size_t *out_n)
{
    size_t n = 0, room = (strcspn(r->p, "]") + 1) / 2;
    double *items = ARENA_ARRAY(r->a, double, room);
    if (!take(r, "["))
        fail(r, "\"[\" expected");
    for (skip_space(r); !r->failed && !take(r, "]"); skip_space(r))
        if (n == room || !number(r, &items[n++]))
            fail(r, "bad list of numbers");
    *out_n = n;
    return items;
}

static enum histogram_hint hint(struct reader *r)
{
    static const char *const names[] = {"unknown", "reset", "not_reset", "gauge"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (take(r, names[i]))
            return (enum histogram_hint)i;
    fail(r, "bad counter_reset_hint");
    return HISTOGRAM_UNKNOWN;
}

struct parts {
    double offset, n_offset, schema;
    const double *buckets, *n_buckets;
    size_t n, n_negative;
    bool hint_set;
};

static bool part(struct reader *r, struct histogram *h, struct parts *x)
{
    const struct {
        const char *key;
        double *to;
    } numbers[] = {
        {"schema:",     &x->schema        },
        {"count:",      &h->count         },
        {"sum:",        &h->sum           },
        {"z_bucket:",   &h->zero_count    },
        {"z_bucket_w:", &h->zero_threshold},
        {"offset:",     &x->offset        },
        {"n_offset:",   &x->n_offset      },
    };
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
        if (take(r, numbers[i].key))
            return number(r, numbers[i].to);
    if (take(r, "buckets:")) {
        x->buckets = list(r, &x->n);
    } else if (take(r, "n_buckets:")) {
        x->n_buckets = list(r, &x->n_negative);
    } else if (take(r, "custom_values:")) {
        h->bounds = list(r, &h->n_bounds);
    } else if (take(r, "counter_reset_hint:")) {
        h->hint = hint(r);
        x->hint_set = true;
    } else {
        return false;
    }
    return !r->failed;
}

static void fill_side(struct arena *a, struct histogram_side *s, const double *counts, size_t n,
                      double offset)
{
    s->items = ARENA_ARRAY(a, struct histogram_bucket, n);
    for (size_t i = 0; i < n; i++)
        s->items[i] = (struct histogram_bucket){(int32_t)offset + (int32_t)i, counts[i], 0};
    s->n = n;
}

/* After "{{". */
static struct histogram *histogram(struct reader *r, bool *hint_set)
{
    struct histogram *h = ARENA_NEW(r->a, struct histogram);
    struct parts x = {0};
    for (skip_space(r); !r->failed && !take(r, "}}"); skip_space(r))
        if (!part(r, h, &x))
            fail(r, "bad histogram description");
    if (fabs(x.schema) > 100 || fabs(x.offset) > 1e9 || fabs(x.n_offset) > 1e9)
        fail(r, "number out of range in a histogram");
    h->schema = (int32_t)(r->failed ? 0 : x.schema);
    fill_side(r->a, &h->positive, x.buckets, x.n, r->failed ? 0 : x.offset);
    fill_side(r->a, &h->negative, x.n_buckets, x.n_negative, r->failed ? 0 : x.n_offset);
    histogram_compact(h);
    *hint_set = x.hint_set;
    return h;
}

/* ---- values ---- */

static void add(struct reader *r, struct description *out, size_t *cap, struct described v)
{
    if (out->n == DESCRIBE_MAX) {
        fail(r, "too many values");
        return;
    }
    if (out->n == *cap) {
        size_t more = *cap ? *cap * 2 : 16;
        out->values = arena_grow(r->a, out->values, *cap * sizeof v, more * sizeof v);
        *cap = more;
    }
    out->values[out->n++] = v;
}

static bool times(struct reader *r, unsigned long *out)
{
    if (*r->p != 'x' || !isdigit((unsigned char)r->p[1]))
        return false;
    char *end;
    *out = strtoul(r->p + 1, &end, 10);
    r->p = end;
    return true;
}

static void histograms(struct reader *r, struct description *out, size_t *cap)
{
    struct described v = {0};
    unsigned long again = 0;
    const struct histogram *step = NULL;
    v.h = histogram(r, &v.hint_set);
    double sign = *r->p == '-' ? -1 : 1;
    if (take(r, "+{{") || take(r, "-{{"))
        step = histogram(r, &v.hint_set);
    if (!times(r, &again) && step)
        fail(r, "\"x\" and how often expected");
    add(r, out, cap, v);
    for (; again && !r->failed; again--) {
        unsigned bent;
        if (step) {
            struct histogram *h = histogram_copy(r->a, v.h);
            if (h->schema > step->schema || !native_add(r->a, h, step, sign, &bent)) {
                fail(r, "histograms that cannot be combined");
                break;
            }
            native_settle(h);
            v.h = h;
        }
        add(r, out, cap, v);
    }
}

static void floats(struct reader *r, struct description *out, size_t *cap)
{
    struct described v = {0};
    unsigned long again = 0;
    double step = 0;
    if (take(r, "stale"))
        v.v = stale_marker();
    else if (!number(r, &v.v))
        fail(r, "number, \"stale\" or \"_\" expected");
    if (*r->p == '+' || *r->p == '-')
        (void)number(r, &step);
    (void)times(r, &again);
    add(r, out, cap, v);
    for (; again && !r->failed; again--) {
        if (!is_stale(v.v))
            v.v += step;
        add(r, out, cap, v);
    }
}

int describe_values(struct arena *a, const char *text, struct description *out, struct err *e)
{
    struct reader r = {a, text, e, false};
    size_t cap = 0;
    out->values = NULL;
    out->n = 0;
    for (skip_space(&r); *r.p && !r.failed; skip_space(&r)) {
        unsigned long n = 1;
        if (take(&r, "{{")) {
            histograms(&r, out, &cap);
        } else if (take(&r, "_")) {
            (void)times(&r, &n);
            for (; n && !r.failed; n--)
                add(&r, out, &cap, (struct described){.omitted = true});
        } else {
            floats(&r, out, &cap);
        }
        if (*r.p && !isspace((unsigned char)*r.p))
            fail(&r, "a space expected");
    }
    return r.failed ? ERR_INVALID : 0;
}

int describe_series(struct arena *a, const char *text, struct description *out, struct err *e)
{
    const char *rest;
    int r = describe_labels(a, text, &out->labels, &rest, e);
    return r < 0 ? r : describe_values(a, rest, out, e);
}

/* ---- text ---- */

static void put_number(struct buf *b, const char *before, double v)
{
    char text[NUMBER_TEXT_MAX];
    (void)number_format_g(v, text);
    buf_printf(b, "%s%s", before, text);
}

/* Empty buckets between others are written out. */
static void put_side(struct buf *b, const struct histogram_side *s, const char *offset,
                     const char *buckets)
{
    if (!s->n)
        return;
    if (s->items[0].index)
        buf_printf(b, " %s%d", offset, s->items[0].index);
    buf_puts(b, buckets);
    int32_t next = s->items[0].index;
    for (size_t i = 0; i < s->n; next++) {
        bool there = s->items[i].index == next;
        put_number(b, next == s->items[0].index ? "" : " ", there ? s->items[i].count : 0);
        i += there;
    }
    buf_putc(b, ']');
}

char *describe_histogram(struct arena *a, const struct histogram *h)
{
    static const char *const hints[] = {"", " counter_reset_hint:reset",
                                        " counter_reset_hint:not_reset",
                                        " counter_reset_hint:gauge"};
    AUTO_BUF struct buf b;
    buf_init(&b, TEXT_MAX);
    if (h->schema)
        buf_printf(&b, " schema:%d", h->schema);
    if (h->count != 0)
        put_number(&b, " count:", h->count);
    if (h->sum != 0)
        put_number(&b, " sum:", h->sum);
    if (h->zero_count != 0)
        put_number(&b, " z_bucket:", h->zero_count);
    if (h->zero_threshold != 0)
        put_number(&b, " z_bucket_w:", h->zero_threshold);
    if (histogram_is_custom(h)) {
        buf_puts(&b, " custom_values:[");
        for (size_t i = 0; i < h->n_bounds; i++)
            put_number(&b, i ? " " : "", h->bounds[i]);
        buf_putc(&b, ']');
    }
    buf_puts(&b, hints[h->hint]);
    put_side(&b, &h->positive, "offset:", " buckets:[");
    put_side(&b, &h->negative, "n_offset:", " n_buckets:[");
    return arena_printf(a, "{{%s}}", b.len ? buf_text(&b) + 1 : "");
}
