#include "monitor/exposition_proto.h"

#include <math.h>
#include <string.h>

#include "codec/number.h"
#include "monitor/histogram_body.h"

static const struct histogram_fields fields = {
    .count = 1,
    .count_float = 4,
    .sum = 2,
    .schema = 5,
    .zero_threshold = 6,
    .zero_count = 7,
    .zero_count_float = 8,
    .negative_spans = 9,
    .negative_deltas = 10,
    .negative_counts = 11,
    .positive_spans = 12,
    .positive_deltas = 13,
    .positive_counts = 14,
};

enum type { COUNTER, GAUGE, SUMMARY, UNTYPED, HISTOGRAM, GAUGE_HISTOGRAM };
static const char *const types[] = {"counter", "gauge",     "summary",
                                    "unknown", "histogram", "gaugehistogram"};

struct reading {
    struct arena *arena;
    struct err *e;
    struct batch *out;
    bool classic;
    /* the family at hand, and its metric */
    const char *name;
    enum type type;
    struct label labels[BATCH_LABELS_MAX];
    size_t n_labels;
    int64_t start;
};

static int malformed(const struct reading *r, const char *what)
{
    return err_set(r->e, ERR_INVALID, "the page is malformed: %s of metric %.100s", what, r->name);
}

static bool read_label(struct arena *a, struct proto m, struct label *out)
{
    *out = (struct label){"", ""};
    for (struct proto_field f; proto_next(&m, &f);)
        if ((f.number == 1 && !proto_text(a, &f, &out->name)) ||
            (f.number == 2 && !proto_text(a, &f, &out->value)))
            return false;
    return !m.broken;
}

static int64_t time_of(struct proto m)
{
    int64_t seconds = 0, nanos = 0;
    for (struct proto_field f; proto_next(&m, &f);) {
        if (f.number == 1)
            seconds = (int64_t)f.v;
        else if (f.number == 2)
            nanos = (int64_t)f.v;
    }
    return seconds > INT64_MAX / 2000 || seconds < 0 ? 0 : seconds * 1000 + nanos / 1000000;
}

static int add(struct reading *r, const char *suffix, const struct label *extra,
               const struct batch_sample *x, struct batch_series **out)
{
    struct batch_series *s;
    void *room, *sample;
    size_t n = r->n_labels;
    int rc = batch_add(r->out, r->arena, &s, r->e);
    if (rc == 0)
        rc = batch_room(r->arena, n + 2, sizeof *r->labels, &room, r->e);
    if (rc == 0)
        rc = batch_room(r->arena, 1, sizeof *x, &sample, r->e);
    if (rc < 0)
        return rc;
    struct label *l = memcpy(room, r->labels, n * sizeof *l);
    l[n++] =
        (struct label){"__name__", *suffix ? arena_join(r->arena, r->name, suffix, NULL) : r->name};
    if (extra)
        l[n++] = *extra;
    s->samples = memcpy(sample, x, sizeof *x);
    s->n = 1;
    if (out)
        *out = s;
    return batch_label(r->out, s, r->arena, l, n, r->e);
}

static int add_value(struct reading *r, const char *suffix, const struct label *extra, double v)
{
    const struct batch_sample x = {.v = v, .start = r->start};
    return add(r, suffix, extra, &x, NULL);
}

/* ---- exemplars ---- */

static int read_exemplar(struct reading *r, struct proto m, struct exemplar *out)
{
    struct label l[EXEMPLAR_RUNES_MAX];
    size_t n = 0;
    for (struct proto_field f; proto_next(&m, &f);) {
        if (f.number == 1 && (n == ARRAY_LEN(l) || !read_label(r->arena, f.bytes, &l[n++])))
            return malformed(r, "an exemplar's labels");
        if (f.number == 2)
            out->v = proto_double(f.v);
        else if (f.number == 3)
            out->t = time_of(f.bytes);
    }
    out->labels = labels_make(r->arena, l, n);
    return m.broken ? malformed(r, "an exemplar") : 0;
}

static int give_exemplar(struct reading *r, struct proto m, struct batch_series *s)
{
    void *room;
    int rc = batch_room(r->arena, 1, sizeof *s->exemplars, &room, r->e);
    if (rc < 0)
        return rc;
    s->exemplars = memset(room, 0, sizeof *s->exemplars);
    s->n_exemplars = 1;
    return read_exemplar(r, m, s->exemplars);
}

static int give_exemplars(struct reading *r, struct proto m, uint32_t number,
                          struct batch_series *s)
{
    struct proto count = m;
    size_t n = 0;
    void *room;
    for (struct proto_field f; proto_next(&count, &f);)
        n += f.number == number;
    int rc = batch_room(r->arena, n, sizeof *s->exemplars, &room, r->e);
    if (rc < 0)
        return rc;
    s->exemplars = memset(room, 0, n * sizeof *s->exemplars);
    for (struct proto_field f; rc == 0 && proto_next(&m, &f);)
        if (f.number == number)
            rc = read_exemplar(r, f.bytes, &s->exemplars[s->n_exemplars++]);
    return rc;
}

/* ---- metrics by type ---- */

static int take_simple(struct reading *r, struct proto m)
{
    struct batch_series *s;
    struct proto exemplar = proto_of(NULL, 0);
    struct batch_sample x = {.v = 0};
    for (struct proto_field f; proto_next(&m, &f);) {
        if (f.number == 1)
            x.v = proto_double(f.v);
        else if (f.number == 2)
            exemplar = f.bytes;
        else if (f.number == 3)
            x.start = time_of(f.bytes);
    }
    if (m.broken)
        return malformed(r, "a value");
    int rc = add(r, "", NULL, &x, &s);
    return rc == 0 && exemplar.p ? give_exemplar(r, exemplar, s) : rc;
}

static int add_quantile(struct reading *r, struct proto m)
{
    char text[NUMBER_TEXT_MAX];
    double q = 0, v = 0;
    for (struct proto_field f; proto_next(&m, &f);) {
        if (f.number == 1)
            q = proto_double(f.v);
        else if (f.number == 2)
            v = proto_double(f.v);
    }
    (void)number_format_g(q, text);
    const struct label l = {"quantile", arena_strdup(r->arena, text)};
    return m.broken ? malformed(r, "a quantile") : add_value(r, "", &l, v);
}

static int take_summary(struct reading *r, struct proto m)
{
    double count = 0, sum = 0;
    int rc = 0;
    for (struct proto c = m; rc == 0;) {
        struct proto_field f;
        if (!proto_next(&c, &f))
            break;
        if (f.number == 1)
            count = (double)f.v;
        else if (f.number == 2)
            sum = proto_double(f.v);
        else if (f.number == 4)
            r->start = time_of(f.bytes);
    }
    for (struct proto_field f; rc == 0 && proto_next(&m, &f);)
        if (f.number == 3)
            rc = add_quantile(r, f.bytes);
    if (rc == 0)
        rc = add_value(r, "_sum", NULL, sum);
    if (rc == 0)
        rc = add_value(r, "_count", NULL, count);
    return rc == 0 && m.broken ? malformed(r, "a summary") : rc;
}

static int add_bucket(struct reading *r, struct proto m, bool *infinite)
{
    char text[NUMBER_TEXT_MAX];
    double bound = 0;
    struct batch_sample x = {.start = r->start};
    struct proto exemplar = proto_of(NULL, 0);
    struct batch_series *s;
    for (struct proto_field f; proto_next(&m, &f);) {
        if (f.number == 1)
            x.v = (double)f.v;
        else if (f.number == 2)
            bound = proto_double(f.v);
        else if (f.number == 3)
            exemplar = f.bytes;
        else if (f.number == 4 && proto_double(f.v) > 0)
            x.v = proto_double(f.v);
    }
    (void)number_format_g(bound, text);
    *infinite |= isinf(bound) && bound > 0;
    const struct label l = {"le", arena_strdup(r->arena, text)};
    int rc = m.broken ? malformed(r, "a bucket") : add(r, "_bucket", &l, &x, &s);
    return rc == 0 && exemplar.p ? give_exemplar(r, exemplar, s) : rc;
}

static int take_classic(struct reading *r, struct proto m, const struct histogram *h)
{
    static const struct label last = {"le", "+Inf"};
    bool infinite = false;
    int rc = 0;
    for (struct proto_field f; rc == 0 && proto_next(&m, &f);)
        if (f.number == 3 && f.type == PROTO_BYTES)
            rc = add_bucket(r, f.bytes, &infinite);
    if (rc == 0 && !infinite)
        rc = add_value(r, "_bucket", &last, h->count);
    if (rc == 0)
        rc = add_value(r, "_sum", NULL, h->sum);
    return rc == 0 ? add_value(r, "_count", NULL, h->count) : rc;
}

/* It has native buckets, or says that it would have some. */
static bool is_native(struct proto m)
{
    for (struct proto_field f; proto_next(&m, &f);)
        if (f.number == fields.positive_spans || f.number == fields.negative_spans ||
            (f.number == fields.zero_threshold && proto_double(f.v) > 0) ||
            (f.number == fields.zero_count && f.v > 0))
            return true;
    return false;
}

static int take_histogram(struct reading *r, struct proto m)
{
    struct histogram *h;
    struct batch_series *s;
    bool broken = false, native = is_native(m);
    for (struct proto c = m;;) {
        struct proto_field f;
        if (!proto_next(&c, &f))
            break;
        if (f.number == 15)
            r->start = time_of(f.bytes);
    }
    const char *why = histogram_body_read(r->arena, m, &fields, &h, &broken);
    if (broken)
        return malformed(r, "a histogram");
    if (r->type == GAUGE_HISTOGRAM)
        h->hint = HISTOGRAM_GAUGE;
    if (native) {
        const struct batch_sample x = {.h = h, .start = r->start};
        int rc = add(r, "", NULL, &x, &s);
        if (rc == 0 && why && !s->fault)
            s->fault = why;
        if (rc == 0)
            rc = give_exemplars(r, m, 16, s);
        if (rc < 0)
            return rc;
    }
    return !native || r->classic ? take_classic(r, m, h) : 0;
}

static int take_metric(struct reading *r, struct proto m)
{
    static const struct {
        uint32_t number;
        int (*take)(struct reading *, struct proto);
    } kinds[] = {
        [COUNTER] = {3, take_simple   },
          [GAUGE] = {2, take_simple   },
        [SUMMARY] = {4, take_summary  },
          [UNTYPED] = {5, take_simple   },
        [HISTOGRAM] = {7, take_histogram},
          [GAUGE_HISTOGRAM] = {7, take_histogram},
    };
    int rc = 0;
    r->n_labels = 0;
    r->start = 0;
    for (struct proto c = m;;) {
        struct proto_field f;
        if (!proto_next(&c, &f))
            break;
        if (f.number == 1 && (r->n_labels >= BATCH_LABELS_MAX - 2 ||
                              !read_label(r->arena, f.bytes, &r->labels[r->n_labels++])))
            return malformed(r, "labels");
    }
    for (struct proto_field f; rc == 0 && proto_next(&m, &f);)
        if (f.number == kinds[r->type].number && f.type == PROTO_BYTES)
            rc = kinds[r->type].take(r, f.bytes);
    return rc == 0 && m.broken ? malformed(r, "a metric") : rc;
}

static int take_family(struct reading *r, struct proto m)
{
    struct batch_note note = {"", types[COUNTER], "", ""};
    struct proto metrics = m;
    r->name = "";
    r->type = COUNTER;
    for (struct proto_field f; proto_next(&m, &f);) {
        if ((f.number == 1 && !proto_text(r->arena, &f, &note.name)) ||
            (f.number == 2 && !proto_text(r->arena, &f, &note.help)) ||
            (f.number == 5 && !proto_text(r->arena, &f, &note.unit)))
            return malformed(r, "name, help or unit");
        if (f.number == 3 && f.v < ARRAY_LEN(types))
            r->type = (enum type)f.v;
    }
    if (m.broken || !*note.name)
        return malformed(r, "a family");
    r->name = note.name;
    note.type = types[r->type];
    int rc = batch_add_note(r->out, r->arena, &note, r->e);
    for (struct proto_field f; rc == 0 && proto_next(&metrics, &f);)
        if (f.number == 4 && f.type == PROTO_BYTES)
            rc = take_metric(r, f.bytes);
    return rc;
}

int exposition_proto_read(struct arena *a, const void *bytes, size_t n, bool classic,
                          struct batch *out, struct err *e)
{
    struct proto m = proto_of(bytes, n);
    struct reading *r = ARENA_NEW(a, struct reading);
    int rc = 0;
    *out = (struct batch){0};
    *r = (struct reading){.arena = a, .e = e, .out = out, .classic = classic, .name = ""};
    while (rc == 0 && m.p < m.end) {
        uint64_t length = proto_varint(&m);
        if (m.broken || length > proto_left(&m))
            return malformed(r, "the length");
        rc = take_family(r, proto_of(m.p, (size_t)length));
        m.p += length;
    }
    return rc;
}
