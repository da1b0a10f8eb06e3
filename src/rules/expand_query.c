/* expand_query.c - what templates of alerts may ask of the store, and links into it. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "codec/number.h"
#include "rules/expand_int.h"

enum { SAMPLES_MAX = 10000, QUERIES_MAX = 100, URL_MAX = 1 << 16 };

static const struct rule_expansion *asked(const struct go_call *c)
{
    return template_run_host(c->run)->self;
}

static struct go_value sample_value(struct arena *a, const struct series *s)
{
    struct go_map *m = go_map_new(a, 2);
    go_map_put(m, "Labels", expand__labels(a, &s->labels));
    go_map_put(m, "Value", go_float(s->samples[0].v));
    return go_map(m);
}

int expand__query(struct go_call *c, const struct go_value *args, size_t n, struct go_value *out)
{
    struct rule_expansion *x = template_run_host(c->run)->self;
    struct promql_result r;
    struct err e;
    (void)n;
    if (++x->queries > QUERIES_MAX)
        return go_fail(c, "a template may ask %d queries", QUERIES_MAX);
    if (promql_instant(x->host->source, x->host->query, go_cstr(c->arena, &args[0]), x->at_ms,
                       c->arena, &r, &e) < 0)
        return go_fail(c, "%s", e.msg);
    if (r.type == PROMQL_MATRIX || r.type == PROMQL_STRING || r.series.n > SAMPLES_MAX)
        return go_fail(c, "the query gives no vector, or one of more than %d series", SAMPLES_MAX);
    struct go_value *items = ARENA_ARRAY(c->arena, struct go_value, r.series.n + 1);
    for (size_t i = 0; i < r.series.n; i++)
        items[i] = sample_value(c->arena, &r.series.items[i]);
    *out = go_list(items, r.series.n);
    return 0;
}

int expand__first(struct go_call *c, const struct go_value *args, size_t n, struct go_value *out)
{
    (void)n;
    if (go_kind_of(&args[0]) != GO_SLICE || args[0].n == 0)
        return go_fail(c, "first() called on vector with no elements");
    *out = go_item(&args[0], 0);
    return 0;
}

/* A member of a sample; one that is none has nothing. */
static const struct go_value *member(const struct go_value *sample, const char *name)
{
    return go_kind_of(sample) == GO_MAP ? go_map_get(sample->map, name, strlen(name)) : NULL;
}

int expand__value(struct go_call *c, const struct go_value *args, size_t n, struct go_value *out)
{
    const struct go_value *v = member(&args[0], "Value");
    (void)n;
    if (!v)
        return go_fail(c, "value: this is no sample of a query");
    *out = *v;
    return 0;
}

static int label_of(struct go_call *c, const struct go_value *sample, const struct go_value *name,
                    struct go_value *out)
{
    const struct go_value *l = member(sample, "Labels");
    if (!l)
        return go_fail(c, "label: this is no sample of a query");
    const struct go_value *v = go_map_get(l->map, name->s, name->n);
    *out = v ? *v : go_str("");
    return 0;
}

int expand__label(struct go_call *c, const struct go_value *args, size_t n, struct go_value *out)
{
    (void)n;
    return label_of(c, &args[1], &args[0], out);
}

int expand__strvalue(struct go_call *c, const struct go_value *args, size_t n, struct go_value *out)
{
    const struct go_value name = go_str("__value__");
    (void)n;
    return label_of(c, &args[0], &name, out);
}

struct sorted {
    const char *by;
    struct go_value v;
};

static int compare(const void *a, const void *b)
{
    return strcmp(((const struct sorted *)a)->by, ((const struct sorted *)b)->by);
}

int expand__sort(struct go_call *c, const struct go_value *args, size_t n, struct go_value *out)
{
    (void)n;
    if (go_kind_of(&args[1]) != GO_SLICE)
        return go_fail(c, "sortByLabel: this is no answer of a query");
    struct sorted *all = ARENA_ARRAY(c->arena, struct sorted, args[1].n + 1);
    struct go_value *items = ARENA_ARRAY(c->arena, struct go_value, args[1].n + 1);
    for (size_t i = 0; i < args[1].n; i++) {
        struct go_value by;
        all[i].v = go_item(&args[1], i);
        int r = label_of(c, &all[i].v, &args[0], &by);
        if (r < 0)
            return r;
        all[i].by = go_cstr(c->arena, &by);
    }
    qsort(all, args[1].n, sizeof *all, compare);
    for (size_t i = 0; i < args[1].n; i++)
        items[i] = all[i].v;
    *out = go_list(items, args[1].n);
    return 0;
}

/* {"arg0": …, "arg1": …}, for a template that takes several. */
int expand__args(struct go_call *c, const struct go_value *args, size_t n, struct go_value *out)
{
    struct go_map *m = go_map_new(c->arena, n);
    for (size_t i = 0; i < n; i++)
        go_map_put(m, arena_printf(c->arena, "arg%zu", i), args[i]);
    *out = go_map(m);
    return 0;
}

/* ---- links ---- */

static char *url_escape(struct arena *a, const char *s)
{
    AUTO_BUF struct buf b;
    buf_init(&b, URL_MAX);
    for (; *s; s++)
        if (isalnum((unsigned char)*s) || strchr("-_.~", *s))
            buf_putc(&b, *s);
        else if (*s == ' ')
            buf_putc(&b, '+');
        else
            buf_printf(&b, "%%%02X", (unsigned char)*s);
    return arena_strdup(a, buf_text(&b));
}

char *rule_link(struct arena *a, const char *expr)
{
    return arena_printf(a, "/graph?g0.expr=%s&g0.tab=1", url_escape(a, expr));
}

int expand__table_link(struct go_call *c, const struct go_value *args, size_t n,
                       struct go_value *out)
{
    (void)n;
    *out = go_str(rule_link(c->arena, go_cstr(c->arena, &args[0])));
    return 0;
}

int expand__graph_link(struct go_call *c, const struct go_value *args, size_t n,
                       struct go_value *out)
{
    char *expr = url_escape(c->arena, go_cstr(c->arena, &args[0]));
    (void)n;
    *out = go_str(arena_printf(c->arena, "/graph?g0.expr=%s&g0.tab=0", expr));
    return 0;
}

int expand__escape(struct go_call *c, const struct go_value *args, size_t n, struct go_value *out)
{
    (void)n;
    *out = go_str(url_escape(c->arena, go_cstr(c->arena, &args[0])));
    return 0;
}

int expand__external_url(struct go_call *c, const struct go_value *args, size_t n,
                         struct go_value *out)
{
    (void)args;
    (void)n;
    *out = go_str(asked(c)->host->external_url);
    return 0;
}

int expand__path_prefix(struct go_call *c, const struct go_value *args, size_t n,
                        struct go_value *out)
{
    const char *url = asked(c)->host->external_url, *host = strstr(url, "://");
    const char *path = host ? strchr(host + 3, '/') : NULL;
    (void)args;
    (void)n;
    *out = go_str(path ? path : "");
    return 0;
}
