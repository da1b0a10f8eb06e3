#include "monitor/otlp.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "codec/base64.h"
#include "codec/json.h"
#include "codec/number.h"
#include "monitor/otlp_int.h"

enum {
    DELTA = 1,
    NO_VALUE = 1, /* of a point's flags */
    BOUNDS_MAX = 10000,
    EXTRA_LABELS = 4, /* name, job, instance, and le or quantile */
    JSON_PACKED_MAX = 64 << 20,
    TREE_MAX = 64 << 10, /* an attribute that is a list: as a tree it is many times larger */
};
static const double ZERO_THRESHOLD = 1e-128;

struct label_list {
    struct label items[BATCH_LABELS_MAX];
    size_t n;
};

/* One point: what all kinds have. */
struct point {
    struct label_list labels;
    struct batch_sample base; /* its times */
    struct exemplar *exemplars;
    size_t n_exemplars;
    bool no_value;
};

/* Whole numbers and bounds of a histogram. */
struct buckets {
    double count, sum, bounds[BOUNDS_MAX];
    uint64_t counts[BOUNDS_MAX + 1];
    size_t n_bounds, n_counts;
    bool has_sum;
};

struct otlp {
    struct arena *arena;
    struct err *e;
    const struct otlp_opts *opts;
    struct otlp_batch *out;
    const char *job, *instance; /* of the resource at hand */
    struct label_list resource, promoted, scope;
    int64_t newest; /* of its points */
    /* the metric at hand */
    const char *name;
    enum otlp_kind kind;
    struct point point; /* the one at hand: made once, for they are large */
    struct buckets buckets;
};

static int malformed(const struct otlp *o, const char *what)
{
    return err_set(o->e, ERR_INVALID, "the message is malformed: %s", what);
}

static void drop(struct otlp *o, size_t n, const char *why)
{
    o->out->dropped += n;
    if (n && !o->out->why)
        o->out->why = arena_printf(o->arena, "metric %.100s: %s", o->name, why);
}

static int64_t ms_of(uint64_t ns)
{
    return (int64_t)(ns / 1000000);
}

/* ---- attributes ---- */

static bool listed(const char *const *list, const char *name)
{
    for (; list && *list; list++)
        if (strcmp(*list, name) == 0)
            return true;
    return false;
}

/* Adds key and value as they are. */
static int read_pair(const struct otlp *o, struct proto m, struct label_list *out)
{
    struct label x = {"", ""};
    void *room; /* is there any left? */
    for (struct proto_field f; proto_next(&m, &f);) {
        if (f.number == 1 && !proto_text(o->arena, &f, &x.name))
            return malformed(o, "an attribute's key");
        if (f.number == 2 && !(x.value = otlp_value_text(o->arena, f.bytes, TREE_MAX)))
            return malformed(o, "an attribute's value, or it is a list that is too long");
    }
    if (m.broken)
        return malformed(o, "an attribute");
    if (out->n >= BATCH_LABELS_MAX - EXTRA_LABELS)
        return err_set(o->e, ERR_INVALID, "more than %d attributes",
                       BATCH_LABELS_MAX - EXTRA_LABELS);
    out->items[out->n++] = x;
    return batch_room(o->arena, 0, 1, &room, o->e);
}

static int read_pairs(const struct otlp *o, struct proto m, uint32_t number, struct label_list *out)
{
    int r = 0;
    for (struct proto_field f; r == 0 && proto_next(&m, &f);)
        if (f.number == number)
            r = read_pair(o, f.bytes, out);
    return r;
}

/* Adds a label; two attributes that become one label share it: "a;b". */
static int put_label(const struct otlp *o, struct label_list *to, const char *prefix,
                     const struct label *x)
{
    const char *name = *prefix ? arena_join(o->arena, prefix, x->name, NULL) : x->name;
    if (!*x->value || !(name = otlp_label_name(o->arena, o->opts, name)))
        return 0;
    for (size_t i = 0; i < to->n; i++) {
        void *room;
        if (strcmp(to->items[i].name, name) != 0)
            continue;
        size_t n = strlen(to->items[i].value) + strlen(x->value) + 2;
        int r = batch_room(o->arena, n, 1, &room, o->e);
        if (r == 0) {
            (void)stpcpy(stpcpy(stpcpy(room, to->items[i].value), ";"), x->value);
            to->items[i].value = room;
        }
        return r;
    }
    if (to->n < BATCH_LABELS_MAX - EXTRA_LABELS)
        to->items[to->n++] = (struct label){name, x->value};
    return 0;
}

static int put_labels(const struct otlp *o, struct label_list *to, const char *prefix,
                      const struct label_list *from)
{
    int r = 0;
    for (size_t i = 0; r == 0 && i < from->n; i++)
        r = put_label(o, to, prefix, &from->items[i]);
    return r;
}

static void set_label(struct label_list *to, const char *name, const char *value)
{
    for (size_t i = 0; i < to->n; i++)
        if (strcmp(to->items[i].name, name) == 0) {
            to->items[i].value = value;
            return;
        }
    if (to->n < BATCH_LABELS_MAX)
        to->items[to->n++] = (struct label){name, value};
}

static const char *attribute(const struct label_list *l, const char *name)
{
    for (size_t i = 0; i < l->n; i++)
        if (strcmp(l->items[i].name, name) == 0)
            return l->items[i].value;
    return "";
}

static bool identifies(const char *name)
{
    static const char *const names[] = {"service.name", "service.namespace", "service.instance.id",
                                        NULL};
    return listed(names, name);
}

static int take_resource(struct otlp *o)
{
    const char *name = attribute(&o->resource, "service.name");
    const char *ns = attribute(&o->resource, "service.namespace");
    o->job = *name && *ns ? arena_join(o->arena, ns, "/", name, NULL) : name;
    o->instance = attribute(&o->resource, "service.instance.id");
    o->promoted.n = 0;
    int r = 0;
    for (size_t i = 0; r == 0 && i < o->resource.n; i++) {
        const struct label *x = &o->resource.items[i];
        if (o->opts->promote_all ? !listed(o->opts->ignore, x->name)
                                 : listed(o->opts->promote, x->name))
            r = put_label(o, &o->promoted, "", x);
    }
    return r;
}

/* ---- series ---- */

static int add_series(struct otlp *o, const struct label_list *l, const char *name,
                      const struct batch_sample *x, struct batch_series **out)
{
    struct batch_series *s;
    struct label_list all = *l;
    void *labels, *sample;
    set_label(&all, "__name__", name);
    int r = batch_add(&o->out->batch, o->arena, &s, o->e);
    if (r == 0)
        r = batch_room(o->arena, all.n, sizeof *all.items, &labels, o->e);
    if (r == 0)
        r = batch_room(o->arena, 1, sizeof *x, &sample, o->e);
    if (r < 0)
        return r;
    memcpy(labels, all.items, all.n * sizeof *all.items);
    s->samples = memcpy(sample, x, sizeof *x);
    s->n = 1;
    if (x->t > o->newest)
        o->newest = x->t;
    if (out)
        *out = s;
    return batch_label(&o->out->batch, s, o->arena, labels, all.n, o->e);
}

static struct batch_sample sample_of(const struct point *p, double v)
{
    struct batch_sample x = p->base;
    x.v = p->no_value ? stale_marker() : v;
    return x;
}

static int add_value(struct otlp *o, const struct point *p, const char *suffix, double v)
{
    struct batch_sample x = sample_of(p, v);
    return add_series(o, &p->labels, arena_join(o->arena, o->name, suffix, NULL), &x, NULL);
}

/* What a resource says besides who it is, as target_info. */
static int add_target_info(struct otlp *o)
{
    struct label_list l = {.n = 0};
    struct batch_sample x = {.t = o->newest, .v = 1};
    int r = 0;
    for (size_t i = 0; r == 0 && i < o->resource.n; i++)
        if (o->opts->keep_identifying || !identifies(o->resource.items[i].name))
            r = put_label(o, &l, "", &o->resource.items[i]);
    if (r < 0)
        return r;
    if (!l.n || !o->newest || (!*o->job && !*o->instance))
        return 0;
    set_label(&l, "job", o->job);
    set_label(&l, "instance", o->instance);
    return add_series(o, &l, "target_info", &x, NULL);
}

/* ---- points ---- */

struct point_fields {
    uint32_t attributes, exemplars, flags;
};

static int read_exemplar(struct otlp *o, struct proto m, struct exemplar *out)
{
    struct label_list l = {.n = 0}, raw = {.n = 0};
    int r = read_pairs(o, m, 7, &raw);
    if (r == 0)
        r = put_labels(o, &l, "", &raw);
    if (r < 0)
        return r;
    for (struct proto_field f; proto_next(&m, &f);) {
        size_t n = proto_left(&f.bytes);
        if (f.number == 2)
            out->t = ms_of(f.v);
        else if (f.number == 3 && f.type == PROTO_FIXED64)
            out->v = proto_double(f.v);
        else if (f.number == 6 && f.type == PROTO_FIXED64)
            out->v = (double)(int64_t)f.v;
        else if ((f.number == 4 || f.number == 5) && n && n <= 32)
            set_label(&l, f.number == 4 ? "span_id" : "trace_id",
                      hex_encode(o->arena, f.bytes.p, n));
    }
    out->labels = labels_make(o->arena, l.items, l.n);
    return m.broken ? malformed(o, "an exemplar") : 0;
}

static int read_exemplars(struct otlp *o, struct proto m, uint32_t number, struct point *p)
{
    struct proto count = m;
    size_t n = 0;
    void *room;
    for (struct proto_field f; proto_next(&count, &f);)
        n += f.number == number;
    int r = batch_room(o->arena, n, sizeof *p->exemplars, &room, o->e);
    if (r < 0)
        return r;
    p->exemplars = memset(room, 0, n * sizeof *p->exemplars);
    for (struct proto_field f; r == 0 && proto_next(&m, &f);)
        if (f.number == number)
            r = read_exemplar(o, f.bytes, &p->exemplars[p->n_exemplars++]);
    return r;
}

static int read_point(struct otlp *o, struct proto m, const struct point_fields *n, struct point *p)
{
    struct label_list raw = {.n = 0};
    p->labels.n = p->n_exemplars = 0;
    p->base = (struct batch_sample){0};
    p->no_value = false;
    int r = read_pairs(o, m, n->attributes, &raw);
    if (r == 0 && n->exemplars)
        r = read_exemplars(o, m, n->exemplars, p);
    if (r == 0)
        r = put_labels(o, &p->labels, "", &raw);
    if (r < 0)
        return r;
    for (struct proto_field f; proto_next(&m, &f);) {
        if (f.number == 2 && f.type == PROTO_FIXED64)
            p->base.start = ms_of(f.v);
        else if (f.number == 3 && f.type == PROTO_FIXED64)
            p->base.t = ms_of(f.v);
        else if (f.number == n->flags && f.type == PROTO_VARINT)
            p->no_value = f.v & NO_VALUE;
    }
    for (size_t i = 0; i < o->promoted.n; i++)
        set_label(&p->labels, o->promoted.items[i].name, o->promoted.items[i].value);
    for (size_t i = 0; i < o->scope.n; i++)
        set_label(&p->labels, o->scope.items[i].name, o->scope.items[i].value);
    if (*o->job)
        set_label(&p->labels, "job", o->job);
    if (*o->instance)
        set_label(&p->labels, "instance", o->instance);
    return m.broken ? malformed(o, "a point") : 0;
}

static int take_number(struct otlp *o, struct proto m, struct point *p)
{
    static const struct point_fields fields = {7, 5, 8};
    struct batch_series *s;
    double v = 0;
    bool any = false;
    int r = read_point(o, m, &fields, p);
    for (struct proto_field f; r == 0 && proto_next(&m, &f);) {
        if ((f.number != 4 && f.number != 6) || f.type != PROTO_FIXED64)
            continue;
        v = f.number == 4 ? proto_double(f.v) : (double)(int64_t)f.v;
        any = true;
    }
    if (r < 0)
        return r;
    if (!any && !p->no_value) {
        drop(o, 1, "a point has no value");
        return 0;
    }
    struct batch_sample x = sample_of(p, v);
    if (o->kind != OTLP_COUNTER)
        x.start = 0;
    r = add_series(o, &p->labels, o->name, &x, &s);
    if (r == 0) {
        s->exemplars = p->exemplars;
        s->n_exemplars = p->n_exemplars;
    }
    return r;
}

static bool read_buckets(struct proto m, struct buckets *b)
{
    b->count = 0;
    b->n_bounds = b->n_counts = 0;
    b->has_sum = false;
    for (struct proto_field f; proto_next(&m, &f);) {
        if (f.number == 4 && f.type == PROTO_FIXED64)
            b->count = (double)f.v;
        if (f.number == 5 && f.type == PROTO_FIXED64) {
            b->sum = proto_double(f.v);
            b->has_sum = true;
        }
        for (uint64_t v; f.number == 6 && proto_each(&f, PROTO_FIXED64, &v);) {
            if (b->n_counts > BOUNDS_MAX)
                return false;
            b->counts[b->n_counts++] = v;
        }
        for (uint64_t v; f.number == 7 && proto_each(&f, PROTO_FIXED64, &v);) {
            if (b->n_bounds == BOUNDS_MAX)
                return false;
            b->bounds[b->n_bounds++] = proto_double(v);
        }
        if (f.bytes.broken)
            return false;
    }
    return !m.broken;
}

/* Those exemplars that lie in a bucket, as a part of their list, which is put in that order. */
static void give_exemplars(struct batch_series *s, struct point *p, size_t *from, double above,
                           double upto)
{
    size_t at = *from;
    for (size_t i = at; i < p->n_exemplars; i++) {
        struct exemplar x = p->exemplars[i];
        if (!(x.v > above && x.v <= upto))
            continue;
        p->exemplars[i] = p->exemplars[at];
        p->exemplars[at++] = x;
    }
    s->exemplars = p->exemplars + *from;
    s->n_exemplars = at - *from;
    *from = at;
}

static int add_bucket(struct otlp *o, struct point *p, double bound, double n, double below,
                      size_t *exemplars)
{
    struct batch_series *s;
    char le[NUMBER_PLAIN_MAX];
    struct batch_sample x = sample_of(p, n);
    struct label_list l = p->labels;
    if (isinf(bound))
        (void)stpcpy(le, "+Inf");
    else
        (void)number_format_plain(bound, le);
    set_label(&l, "le", arena_strdup(o->arena, le));
    int r = add_series(o, &l, arena_join(o->arena, o->name, "_bucket", NULL), &x, &s);
    if (r == 0)
        give_exemplars(s, p, exemplars, below, bound);
    return r;
}

static int take_histogram(struct otlp *o, struct proto m, struct point *p)
{
    static const struct point_fields fields = {9, 8, 10};
    struct buckets *b = &o->buckets;
    double n = 0, below = -INFINITY;
    size_t exemplars = 0;
    int r = read_point(o, m, &fields, p);
    if (r == 0 && !read_buckets(m, b))
        r = malformed(o, "a histogram's buckets");
    if (r == 0 && b->n_counts && b->n_counts != b->n_bounds + 1)
        r = malformed(o, "a histogram needs one bucket more than bounds");
    if (r == 0 && b->has_sum)
        r = add_value(o, p, "_sum", b->sum);
    if (r == 0)
        r = add_value(o, p, "_count", b->count);
    for (size_t i = 0; r == 0 && i < b->n_bounds && i < b->n_counts; i++) {
        n += (double)b->counts[i];
        r = add_bucket(o, p, b->bounds[i], n, below, &exemplars);
        below = b->bounds[i];
    }
    return r == 0 ? add_bucket(o, p, INFINITY, b->count, below, &exemplars) : r;
}

/* One side's counts, into buckets `shift` times coarser. */
static const char *read_side(struct otlp *o, struct proto m, unsigned shift,
                             struct histogram_side *out)
{
    int64_t offset = 0, i = 0;
    size_t n = 0;
    for (struct proto c = m; n <= HISTOGRAM_BUCKETS_MAX;) {
        struct proto_field f;
        if (!proto_next(&c, &f))
            break;
        if (f.number == 1)
            offset = proto_zigzag(f.v);
        for (uint64_t v; f.number == 2 && proto_each(&f, PROTO_VARINT, &v);)
            n++;
    }
    if (n > HISTOGRAM_BUCKETS_MAX || offset > INT32_MAX / 2 || offset < INT32_MIN / 2)
        return "a histogram has too many buckets";
    void *room;
    if (batch_room(o->arena, n, sizeof *out->items, &room, NULL) < 0)
        return "the histograms have too many buckets";
    out->items = room;
    for (struct proto_field f; proto_next(&m, &f);)
        for (uint64_t v; f.number == 2 && proto_each(&f, PROTO_VARINT, &v); i++) {
            int32_t index = (int32_t)((offset + i) >> shift) + 1;
            if (!out->n || out->items[out->n - 1].index != index)
                out->items[out->n++] = (struct histogram_bucket){index, 0, 0};
            out->items[out->n - 1].count += (double)v;
        }
    return m.broken ? "a histogram's buckets are malformed" : NULL;
}

static const char *read_exponential(struct otlp *o, struct proto m, struct histogram *h)
{
    struct proto sides[2] = {proto_of(NULL, 0), proto_of(NULL, 0)};
    int64_t scale = 0;
    for (struct proto_field f; proto_next(&m, &f);) {
        if (f.number == 4)
            h->count = (double)f.v;
        else if (f.number == 5)
            h->sum = proto_double(f.v);
        else if (f.number == 6)
            scale = proto_zigzag(f.v);
        else if (f.number == 7)
            h->zero_count = (double)f.v;
        else if (f.number == 8 || f.number == 9)
            sides[f.number - 8] = f.bytes;
        else if (f.number == 14)
            h->zero_threshold = proto_double(f.v);
    }
    if (scale < HISTOGRAM_SCHEMA_MIN)
        return "cannot convert exponential to native histogram: the scale must be >= -4";
    if (scale > 64)
        return "cannot convert exponential to native histogram: the scale is too large";
    unsigned shift = scale > HISTOGRAM_SCHEMA_MAX ? (unsigned)(scale - HISTOGRAM_SCHEMA_MAX) : 0;
    h->schema = (int32_t)(scale - shift);
    if (!(h->zero_threshold > 0))
        h->zero_threshold = ZERO_THRESHOLD;
    const char *why = read_side(o, sides[0], shift < 63 ? shift : 62, &h->positive);
    if (!why)
        why = read_side(o, sides[1], shift < 63 ? shift : 62, &h->negative);
    histogram_compact(h);
    return why ? why : histogram_fault(h);
}

static int take_exponential(struct otlp *o, struct proto m, struct point *p)
{
    static const struct point_fields fields = {1, 11, 10};
    struct histogram *h;
    struct batch_series *s;
    void *room;
    int r = read_point(o, m, &fields, p);
    if (r == 0)
        r = batch_room(o->arena, 1, sizeof *h, &room, o->e);
    if (r < 0)
        return r;
    h = memset(room, 0, sizeof *h);
    const char *why = p->no_value ? NULL : read_exponential(o, m, h);
    if (why) {
        drop(o, 1, why);
        return 0;
    }
    struct batch_sample x = sample_of(p, 0);
    x.h = p->no_value ? NULL : h;
    r = add_series(o, &p->labels, o->name, &x, &s);
    if (r == 0) {
        s->exemplars = p->exemplars;
        s->n_exemplars = p->n_exemplars;
    }
    return r;
}

static int add_quantile(struct otlp *o, struct proto m, const struct point *p)
{
    double q = 0, v = 0;
    char text[NUMBER_PLAIN_MAX];
    for (struct proto_field f; proto_next(&m, &f);) {
        if (f.number == 1)
            q = proto_double(f.v);
        else if (f.number == 2)
            v = proto_double(f.v);
    }
    struct batch_sample x = sample_of(p, v);
    struct label_list l = p->labels;
    (void)number_format_plain(q, text);
    set_label(&l, "quantile", arena_strdup(o->arena, text));
    return m.broken ? malformed(o, "a quantile") : add_series(o, &l, o->name, &x, NULL);
}

static int take_summary(struct otlp *o, struct proto m, struct point *p)
{
    static const struct point_fields fields = {7, 0, 8};
    double count = 0, sum = 0;
    int r = read_point(o, m, &fields, p);
    for (struct proto_field f; r == 0 && proto_next(&m, &f);) {
        if (f.number == 4)
            count = (double)f.v;
        else if (f.number == 5)
            sum = proto_double(f.v);
        else if (f.number == 6)
            r = add_quantile(o, f.bytes, p);
    }
    if (r == 0)
        r = add_value(o, p, "_sum", sum);
    return r == 0 ? add_value(o, p, "_count", count) : r;
}

/* ---- metrics ---- */

struct metric {
    const char *name, *help, *unit;
    uint32_t kind; /* the number of the field that holds the points; 0: none */
    struct proto data;
    uint64_t temporality;
    bool monotonic;
    size_t points;
};

static int read_metric(struct otlp *o, struct proto m, struct metric *out)
{
    *out = (struct metric){"", "", "", 0, {0}, 0, false, 0};
    for (struct proto_field f; proto_next(&m, &f);) {
        if ((f.number == 1 && !proto_text(o->arena, &f, &out->name)) ||
            (f.number == 2 && !proto_text(o->arena, &f, &out->help)) ||
            (f.number == 3 && !proto_text(o->arena, &f, &out->unit)))
            return malformed(o, "a metric's name, description or unit");
        if (f.number >= 5 && f.number <= 11 && f.type == PROTO_BYTES) {
            out->kind = f.number;
            out->data = f.bytes;
        }
    }
    struct proto data = out->data;
    for (struct proto_field f; proto_next(&data, &f);) {
        out->points += f.number == 1;
        if (f.number == 2)
            out->temporality = f.v;
        else if (f.number == 3)
            out->monotonic = f.v != 0;
    }
    return m.broken || data.broken ? malformed(o, "a metric") : 0;
}

static const char *type_name(const struct metric *m)
{
    switch (m->kind) {
    case 5:
        return "gauge";
    case 7:
        return m->monotonic ? "counter" : "gauge";
    case 11:
        return "summary";
    default:
        return "histogram";
    }
}

static int take_metric(struct otlp *o, struct proto body)
{
    static int (*const takers[])(struct otlp *, struct proto, struct point *) = {
        [5] = take_number,       [7] = take_number,   [9] = take_histogram,
        [10] = take_exponential, [11] = take_summary,
    };
    struct metric m;
    int r = read_metric(o, body, &m);
    if (r < 0)
        return r;
    o->name = m.name;
    o->kind = m.kind == 5 ? OTLP_GAUGE : m.kind == 7 && m.monotonic ? OTLP_COUNTER : OTLP_OTHER;
    if (m.kind == 0 || m.kind >= ARRAY_LEN(takers) || !takers[m.kind])
        return 0;
    if ((m.kind == 7 || m.kind == 9 || m.kind == 10) && m.temporality == DELTA) {
        drop(o, m.points, "invalid temporality and type combination: deltas are not taken");
        return 0;
    }
    o->name = otlp_metric_name(o->arena, o->opts, m.name, m.unit, o->kind);
    if (!*o->name) {
        drop(o, m.points, "the metric has no name");
        return 0;
    }
    const struct batch_note note = {o->name, type_name(&m), m.help, otlp_unit(o->arena, m.unit)};
    r = batch_add_note(&o->out->batch, o->arena, &note, o->e);
    for (struct proto_field f; r == 0 && proto_next(&m.data, &f);)
        if (f.number == 1 && f.type == PROTO_BYTES)
            r = takers[m.kind](o, f.bytes, &o->point);
    return r;
}

static int read_scope(struct otlp *o, struct proto m)
{
    struct label_list raw = {.n = 0};
    int r = read_pairs(o, m, 3, &raw);
    o->scope.n = 0;
    for (struct proto_field f; r == 0 && proto_next(&m, &f);) {
        const char *text;
        if (f.number != 1 && f.number != 2)
            continue;
        if (!proto_text(o->arena, &f, &text))
            return malformed(o, "a scope");
        set_label(&o->scope, f.number == 1 ? "otel_scope_name" : "otel_scope_version", text);
    }
    return r == 0 ? put_labels(o, &o->scope, "otel_scope_", &raw) : r;
}

static int take_scope_metrics(struct otlp *o, struct proto m)
{
    struct proto metrics = m;
    int r = 0;
    o->scope.n = 0;
    for (struct proto_field f; r == 0 && proto_next(&m, &f);)
        if (f.number == 1 && o->opts->promote_scope)
            r = read_scope(o, f.bytes);
    for (struct proto_field f; r == 0 && proto_next(&metrics, &f);)
        if (f.number == 2 && f.type == PROTO_BYTES)
            r = take_metric(o, f.bytes);
    return r == 0 && m.broken ? malformed(o, "metrics of a scope") : r;
}

static int take_resource_metrics(struct otlp *o, struct proto m)
{
    struct proto scopes = m;
    int r = 0;
    o->resource.n = 0;
    o->newest = 0;
    for (struct proto_field f; r == 0 && proto_next(&m, &f);)
        if (f.number == 1)
            r = read_pairs(o, f.bytes, 1, &o->resource);
    if (r == 0)
        r = take_resource(o);
    for (struct proto_field f; r == 0 && proto_next(&scopes, &f);)
        if (f.number == 2 && f.type == PROTO_BYTES)
            r = take_scope_metrics(o, f.bytes);
    if (r == 0)
        r = add_target_info(o);
    return r == 0 && m.broken ? malformed(o, "metrics of a resource") : r;
}

int otlp_read(struct arena *a, const void *bytes, size_t n, const struct otlp_opts *opts,
              struct otlp_batch *out, struct err *e)
{
    struct proto m = proto_of(bytes, n);
    struct otlp *o = ARENA_NEW(a, struct otlp);
    int r = 0;
    *out = (struct otlp_batch){0};
    o->arena = a;
    o->e = e;
    o->opts = opts;
    o->out = out;
    o->name = o->job = o->instance = "";
    for (struct proto_field f; r == 0 && proto_next(&m, &f);)
        if (f.number == 1 && f.type == PROTO_BYTES)
            r = take_resource_metrics(o, f.bytes);
    return r == 0 && m.broken ? malformed(o, "it ends early, or is another message") : r;
}

int otlp_read_json(struct arena *a, const void *bytes, size_t n, const struct otlp_opts *o,
                   struct otlp_batch *out, struct err *e)
{
    AUTO(arena) struct arena *tree = arena_new(0);
    AUTO_BUF struct buf b;
    struct value *v;
    buf_init(&b, JSON_PACKED_MAX);
    int r = json_parse(tree, bytes, n, JSON_SHALLOW, &v, e);
    if (r == 0)
        r = proto_json_pack(v, &otlp_metrics_message, &b, e);
    if (r == 0)
        r = buf_check(&b, e);
    return r == 0 ? otlp_read(a, buf_text(&b), b.len, o, out, e) : r;
}
