#include "promql/format.h"

#include <inttypes.h>
#include <string.h>

#include "base/buf.h"
#include "codec/number.h"
#include "promql/function.h"

enum { LINE_MAX_CHARS = 100, TEXT_MAX = 1 << 20 };

static const char *const operators[] = {
    [OP_OR] = "or",         [OP_AND] = "and",       [OP_UNLESS] = "unless", [OP_EQ] = "==",
    [OP_NE] = "!=",         [OP_LT] = "<",          [OP_LE] = "<=",         [OP_GT] = ">",
    [OP_GE] = ">=",         [OP_ADD] = "+",         [OP_SUB] = "-",         [OP_MUL] = "*",
    [OP_DIV] = "/",         [OP_MOD] = "%",         [OP_ATAN2] = "atan2",   [OP_POW] = "^",
    [OP_TRIM_UPPER] = "</", [OP_TRIM_LOWER] = ">/",
};

static void print(struct buf *b, const struct expr *x);

/* ---- parts ---- */

static void print_string(struct buf *b, const char *s)
{
    buf_putc(b, '"');
    for (; *s; s++)
        if (*s == '\n')
            buf_puts(b, "\\n");
        else if (*s == '\t')
            buf_puts(b, "\\t");
        else if (*s == '"' || *s == '\\')
            buf_printf(b, "\\%c", *s);
        else
            buf_putc(b, *s);
    buf_putc(b, '"');
}

/* "1h30m", "5m", "0s" */
static void print_span(struct buf *b, int64_t ms)
{
    static const struct {
        const char *unit;
        int64_t ms;
        bool whole; /* only where nothing is left over */
    } units[] = {
        {"y",  31536000000, true },
        {"w",  604800000,   true },
        {"d",  86400000,    false},
        {"h",  3600000,     false},
        {"m",  60000,       false},
        {"s",  1000,        false},
        {"ms", 1,           false},
    };
    if (ms == 0)
        buf_puts(b, "0s");
    if (ms < 0)
        buf_putc(b, '-');
    ms = ms < 0 ? -ms : ms;
    for (size_t i = 0; i < ARRAY_LEN(units); i++) {
        if (ms < units[i].ms || (units[i].whole && ms % units[i].ms))
            continue;
        buf_printf(b, "%" PRId64 "%s", ms / units[i].ms, units[i].unit);
        ms %= units[i].ms;
    }
}

static void print_when(struct buf *b, const struct when *w)
{
    switch (w->at) {
    case AT_NONE:
        break;
    case AT_TIME:
        buf_printf(b, " @ %.3f", (double)w->at_ms / 1000);
        break;
    case AT_START:
        buf_puts(b, " @ start()");
        break;
    case AT_END:
        buf_puts(b, " @ end()");
        break;
    }
    if (w->offset_ms) {
        buf_puts(b, " offset ");
        print_span(b, w->offset_ms);
    }
}

static void print_names(struct buf *b, const struct names *n)
{
    for (size_t i = 0; i < n->n; i++)
        buf_printf(b, "%s%s", i ? ", " : "", n->items[i]);
}

static void print_selector(struct buf *b, const struct expr *x)
{
    static const char *const ops[] = {"=", "!=", "=~", "!~"};
    size_t printed = 0;
    for (size_t i = 0; x->selector.named && i < x->selector.n_matchers; i++)
        if (strcmp(x->selector.matchers[i].name, "__name__") == 0)
            buf_puts(b, x->selector.matchers[i].value);
    for (size_t i = 0; i < x->selector.n_matchers; i++) {
        const struct matcher *m = &x->selector.matchers[i];
        if (x->selector.named && strcmp(m->name, "__name__") == 0)
            continue;
        buf_printf(b, "%s%s%s", printed++ ? "," : "{", m->name, ops[m->op]);
        print_string(b, m->value);
    }
    if (printed)
        buf_putc(b, '}');
    if (x->kind == EXPR_MATRIX) {
        buf_putc(b, '[');
        print_span(b, x->selector.range_ms);
        buf_putc(b, ']');
    }
    if (x->selector.anchored || x->selector.smoothed)
        buf_puts(b, x->selector.anchored ? " anchored" : " smoothed");
    print_when(b, &x->selector.when);
}

static void print_subquery_range(struct buf *b, const struct expr *x)
{
    buf_putc(b, '[');
    print_span(b, x->subquery.range_ms);
    buf_putc(b, ':');
    if (x->subquery.step_ms)
        print_span(b, x->subquery.step_ms);
    buf_putc(b, ']');
    print_when(b, &x->subquery.when);
}

/* "sum by (a, b) " */
static void print_aggregate_head(struct buf *b, const struct expr *x)
{
    buf_puts(b, aggregate_name(x->aggregate.op));
    if (!x->aggregate.without && !x->aggregate.grouping.n)
        return;
    buf_puts(b, x->aggregate.without ? " without (" : " by (");
    print_names(b, &x->aggregate.grouping);
    buf_puts(b, ") ");
}

static void print_fill(struct buf *b, const char *name, const struct fill *f)
{
    char text[NUMBER_TEXT_MAX];
    if (!f->set)
        return;
    (void)number_format_g(f->value, text);
    buf_printf(b, " %s (%s)", name, text);
}

/* " + on (a) group_left (b) " */
static void print_operator(struct buf *b, const struct expr *x)
{
    const struct matching *m = &x->binary.matching;
    buf_printf(b, "%s%s", operators[x->binary.op], x->binary.return_bool ? " bool" : "");
    if (m->on || m->labels.n) {
        buf_puts(b, m->on ? " on (" : " ignoring (");
        print_names(b, &m->labels);
        buf_putc(b, ')');
    }
    if (m->card != CARD_ONE) {
        buf_puts(b, m->card == CARD_MANY_TO_ONE ? " group_left (" : " group_right (");
        print_names(b, &m->include);
        buf_putc(b, ')');
    }
    print_fill(b, "fill_left", &m->fill_left);
    print_fill(b, "fill_right", &m->fill_right);
}

/* ---- in one line ---- */

static void print_call(struct buf *b, const struct expr *x)
{
    buf_printf(b, "%s(", x->call.function->name);
    for (size_t i = 0; i < x->call.n_args; i++) {
        buf_puts(b, i ? ", " : "");
        print(b, x->call.args[i]);
    }
    buf_putc(b, ')');
}

static void print_aggregate(struct buf *b, const struct expr *x)
{
    print_aggregate_head(b, x);
    buf_putc(b, '(');
    if (x->aggregate.param) {
        print(b, x->aggregate.param);
        buf_puts(b, ", ");
    }
    print(b, x->aggregate.inner);
    buf_putc(b, ')');
}

static void print_bare(struct buf *b, const struct expr *x)
{
    char number[NUMBER_TEXT_MAX];
    switch (x->kind) {
    case EXPR_NUMBER:
        (void)number_format_g(x->number, number);
        buf_puts(b, number);
        break;
    case EXPR_STRING:
        print_string(b, x->string);
        break;
    case EXPR_SELECTOR:
    case EXPR_MATRIX:
        print_selector(b, x);
        break;
    case EXPR_SUBQUERY:
        print(b, x->subquery.inner);
        print_subquery_range(b, x);
        break;
    case EXPR_CALL:
        print_call(b, x);
        break;
    case EXPR_AGGREGATE:
        print_aggregate(b, x);
        break;
    case EXPR_BINARY:
        print(b, x->binary.left);
        buf_putc(b, ' ');
        print_operator(b, x);
        buf_putc(b, ' ');
        print(b, x->binary.right);
        break;
    case EXPR_NEGATE:
        buf_putc(b, '-');
        print(b, x->inner);
        break;
    }
}

static void print(struct buf *b, const struct expr *x)
{
    if (x->paren)
        buf_putc(b, '(');
    print_bare(b, x);
    if (x->paren)
        buf_putc(b, ')');
}

/* ---- in several lines ---- */

static void indent(struct buf *b, int level)
{
    for (int i = 0; i < level; i++)
        buf_puts(b, "  ");
}

static void pretty(struct buf *b, const struct expr *x, int level, bool paren);

static bool fits(const struct expr *x, bool paren)
{
    AUTO_BUF struct buf b;
    buf_init(&b, TEXT_MAX);
    if (paren)
        print(&b, x);
    else
        print_bare(&b, x);
    return b.len <= LINE_MAX_CHARS;
}

static void close_on(struct buf *b, int level)
{
    buf_putc(b, '\n');
    indent(b, level);
    buf_putc(b, ')');
}

static void pretty_call(struct buf *b, const struct expr *x, int level)
{
    indent(b, level);
    buf_printf(b, "%s(\n", x->call.function->name);
    for (size_t i = 0; i < x->call.n_args; i++) {
        buf_puts(b, i ? ",\n" : "");
        pretty(b, x->call.args[i], level + 1, true);
    }
    close_on(b, level);
}

static void pretty_aggregate(struct buf *b, const struct expr *x, int level)
{
    indent(b, level);
    print_aggregate_head(b, x);
    buf_puts(b, "(\n");
    if (x->aggregate.param) {
        pretty(b, x->aggregate.param, level + 1, true);
        buf_puts(b, ",\n");
    }
    pretty(b, x->aggregate.inner, level + 1, true);
    close_on(b, level);
}

static void pretty_binary(struct buf *b, const struct expr *x, int level)
{
    pretty(b, x->binary.left, level + 1, true);
    buf_putc(b, '\n');
    indent(b, level);
    print_operator(b, x);
    buf_putc(b, '\n');
    pretty(b, x->binary.right, level + 1, true);
}

/* `paren`: with the parentheses around it. */
static void pretty(struct buf *b, const struct expr *x, int level, bool paren)
{
    bool short_enough = fits(x, paren);
    if (!short_enough && paren && x->paren) {
        indent(b, level);
        buf_puts(b, "(\n");
        pretty(b, x, level + 1, false);
        close_on(b, level);
    } else if (!short_enough && x->kind == EXPR_CALL) {
        pretty_call(b, x, level);
    } else if (!short_enough && x->kind == EXPR_AGGREGATE) {
        pretty_aggregate(b, x, level);
    } else if (!short_enough && x->kind == EXPR_BINARY) {
        pretty_binary(b, x, level);
    } else if (!short_enough && x->kind == EXPR_SUBQUERY) {
        pretty(b, x->subquery.inner, level, true);
        print_subquery_range(b, x);
    } else {
        indent(b, level);
        if (paren)
            print(b, x);
        else
            print_bare(b, x);
    }
}

char *promql_format(struct arena *a, const struct expr *x)
{
    AUTO_BUF struct buf b;
    buf_init(&b, TEXT_MAX);
    pretty(&b, x, 0, true);
    return arena_strdup(a, buf_text(&b));
}
