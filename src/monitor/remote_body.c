#include "monitor/remote_body.h"

#include <string.h>

#include "base/map.h"
#include "monitor/histogram_body.h"

/* By number, in both versions. */
static const char *const metric_types[] = {"unknown",        "counter", "gauge", "histogram",
                                           "gaugehistogram", "summary", "info",  "stateset"};

/* Fields of a series. */
struct numbers {
    uint32_t labels, samples, exemplars, histograms, metadata;
};
static const struct numbers numbers_of[] = {
    [REMOTE_WRITE_1] = {1, 2, 3, 4, 0},
    [REMOTE_WRITE_2] = {1, 2, 4, 3, 5},
};

struct reading {
    struct arena *arena;
    struct err *e;
    enum remote_version version;
    struct batch *out;
    const char **symbols; /* version 2 */
    size_t n_symbols;
};

static int malformed(const struct reading *r, const char *what)
{
    return err_set(r->e, ERR_INVALID, "the message is malformed: %s", what);
}

static size_t count_fields(struct proto m, uint32_t number)
{
    size_t n = 0;
    for (struct proto_field f; proto_next(&m, &f);)
        n += f.number == number;
    return n;
}

static const char *metric_type(uint64_t type)
{
    return metric_types[type < ARRAY_LEN(metric_types) ? type : 0];
}

/* ---- labels ---- */

static bool read_pair(struct arena *a, struct proto m, struct label *out)
{
    *out = (struct label){"", ""};
    for (struct proto_field f; proto_next(&m, &f);)
        if ((f.number == 1 && !proto_text(a, &f, &out->name)) ||
            (f.number == 2 && !proto_text(a, &f, &out->value)))
            return false;
    return !m.broken;
}

static const char *symbol(const struct reading *r, uint64_t i)
{
    return i < r->n_symbols ? r->symbols[i] : NULL;
}

/* References in pairs; they go on where the last field ended. */
static bool read_references(const struct reading *r, struct proto_field *f, struct label *l,
                            size_t *n)
{
    for (uint64_t v; proto_each(f, PROTO_VARINT, &v); ++*n) {
        const char *text = symbol(r, v);
        if (!text || *n >= 2 * BATCH_LABELS_MAX)
            return false;
        *(*n % 2 ? &l[*n / 2].value : &l[*n / 2].name) = text;
    }
    return !f->bytes.broken;
}

/* Labels of a series or an exemplar, in the arena; false: malformed, or too many. */
static bool read_labels(const struct reading *r, struct proto m, uint32_t number,
                        struct label **out, size_t *out_n)
{
    void *room;
    struct label l[BATCH_LABELS_MAX];
    size_t n = 0;
    for (struct proto_field f; proto_next(&m, &f);) {
        if (f.number != number)
            continue;
        if (r->version == REMOTE_WRITE_2 && !read_references(r, &f, l, &n))
            return false;
        if (r->version == REMOTE_WRITE_1 &&
            (n == BATCH_LABELS_MAX || !read_pair(r->arena, f.bytes, &l[n++])))
            return false;
    }
    if (r->version == REMOTE_WRITE_2 && n % 2)
        return false;
    *out_n = r->version == REMOTE_WRITE_2 ? n / 2 : n;
    if (batch_room(r->arena, *out_n, sizeof *l, &room, r->e) < 0)
        return false;
    *out = memcpy(room, l, *out_n * sizeof *l);
    return true;
}

/* ---- what a series holds ---- */

static int read_sample(const struct reading *r, struct proto m, struct batch_sample *out)
{
    for (struct proto_field f; proto_next(&m, &f);) {
        if (f.number == 1 && f.type == PROTO_FIXED64)
            out->v = proto_double(f.v);
        else if (f.number == 2 && f.type == PROTO_VARINT)
            out->t = (int64_t)f.v;
        else if (f.number == 3 && f.type == PROTO_VARINT && r->version == REMOTE_WRITE_2)
            out->start = (int64_t)f.v;
    }
    return m.broken ? malformed(r, "a sample") : 0;
}

static int read_histogram(const struct reading *r, struct proto m, struct batch_series *s,
                          struct batch_sample *out)
{
    struct histogram *h;
    bool broken = false;
    const char *why = histogram_body_read(r->arena, m, &histogram_fields_remote, &h, &broken);
    if (broken)
        return malformed(r, "a histogram");
    for (struct proto_field f; proto_next(&m, &f);) {
        if (f.number == 15 && f.type == PROTO_VARINT)
            out->t = (int64_t)f.v;
        else if (f.number == 17 && f.type == PROTO_VARINT && r->version == REMOTE_WRITE_2)
            out->start = (int64_t)f.v;
    }
    if (why && !s->fault)
        s->fault = why;
    if (is_stale(h->sum))
        out->v = h->sum; /* the series ends */
    else
        out->h = h;
    return 0;
}

static int read_exemplar(const struct reading *r, struct proto m, struct exemplar *out)
{
    struct label *l;
    size_t n;
    struct proto fields = m;
    if (!read_labels(r, m, 1, &l, &n) || n > EXEMPLAR_RUNES_MAX)
        return malformed(r, "an exemplar's labels");
    *out = (struct exemplar){
        .labels = {l, n}
    };
    for (struct proto_field f; proto_next(&fields, &f);) {
        if (f.number == 2 && f.type == PROTO_FIXED64)
            out->v = proto_double(f.v);
        else if (f.number == 3 && f.type == PROTO_VARINT)
            out->t = (int64_t)f.v;
    }
    return fields.broken ? malformed(r, "an exemplar") : 0;
}

static int read_values(const struct reading *r, struct proto m, struct batch_series *s)
{
    const struct numbers *n = &numbers_of[r->version];
    size_t floats = count_fields(m, n->samples), histograms = count_fields(m, n->histograms);
    void *samples, *exemplars;
    int rc = batch_room(r->arena, floats + histograms, sizeof *s->samples, &samples, r->e);
    if (rc == 0)
        rc = batch_room(r->arena, count_fields(m, n->exemplars), sizeof *s->exemplars, &exemplars,
                        r->e);
    if (rc < 0)
        return rc;
    s->samples = samples;
    s->exemplars = exemplars;
    for (struct proto_field f; rc == 0 && proto_next(&m, &f);) {
        if (f.number != n->samples && f.number != n->histograms && f.number != n->exemplars)
            continue;
        if (f.number == n->exemplars) {
            rc = read_exemplar(r, f.bytes, &s->exemplars[s->n_exemplars++]);
            continue;
        }
        struct batch_sample *x = &s->samples[s->n++];
        *x = (struct batch_sample){0};
        rc = f.number == n->samples ? read_sample(r, f.bytes, x) : read_histogram(r, f.bytes, s, x);
    }
    if (rc == 0 && r->version == REMOTE_WRITE_2 && !s->fault && (!floats == !histograms))
        s->fault = floats ? "TimeSeries must contain either samples or histograms, not both"
                          : "TimeSeries must contain at least one sample or histogram";
    return rc;
}

/* Version 2 says it beside each series; it is the metric's. */
static int read_metadata(struct reading *r, struct proto m, const struct labels *l)
{
    struct batch_note x = {labels_get(l, "__name__"), metric_type(0), "", ""};
    const char *help = "", *unit = "";
    for (struct proto_field f; proto_next(&m, &f);) {
        if (f.number == 1)
            x.type = metric_type(f.v);
        else if (f.number == 3)
            help = symbol(r, f.v);
        else if (f.number == 4)
            unit = symbol(r, f.v);
    }
    if (m.broken || !help || !unit)
        return malformed(r, "metadata");
    x.help = help;
    x.unit = unit;
    const struct batch_note *last = r->out->n_notes ? &r->out->notes[r->out->n_notes - 1] : NULL;
    bool said = strcmp(x.type, "unknown") != 0 || *help || *unit;
    bool again = last && strcmp(last->name, x.name) == 0;
    return said && !again && *x.name ? batch_add_note(r->out, r->arena, &x, r->e) : 0;
}

static int read_series(struct reading *r, struct proto m)
{
    struct batch_series *s;
    struct label *l;
    size_t n;
    int rc = batch_add(r->out, r->arena, &s, r->e);
    if (rc < 0)
        return rc;
    if (!read_labels(r, m, numbers_of[r->version].labels, &l, &n))
        return malformed(r, "a series' labels");
    rc = batch_label(r->out, s, r->arena, l, n, r->e);
    if (rc == 0)
        rc = read_values(r, m, s);
    struct proto fields = m;
    for (struct proto_field f; rc == 0 && proto_next(&fields, &f);)
        if (f.number == numbers_of[r->version].metadata && f.type == PROTO_BYTES)
            rc = read_metadata(r, f.bytes, &s->labels);
    return rc == 0 && fields.broken ? malformed(r, "a series") : rc;
}

/* ---- the requests ---- */

static int read_note_1(struct reading *r, struct proto m)
{
    struct batch_note x = {"", metric_type(0), "", ""};
    for (struct proto_field f; proto_next(&m, &f);) {
        if (f.number == 1)
            x.type = metric_type(f.v);
        else if ((f.number == 2 && !proto_text(r->arena, &f, &x.name)) ||
                 (f.number == 4 && !proto_text(r->arena, &f, &x.help)) ||
                 (f.number == 5 && !proto_text(r->arena, &f, &x.unit)))
            return malformed(r, "metadata");
    }
    if (m.broken)
        return malformed(r, "metadata");
    return *x.name ? batch_add_note(r->out, r->arena, &x, r->e) : 0;
}

static int read_symbols(struct reading *r, struct proto m)
{
    void *room;
    size_t n = count_fields(m, 4);
    int rc = batch_room(r->arena, n, sizeof *r->symbols, &room, r->e);
    if (rc < 0)
        return rc;
    r->symbols = room;
    for (struct proto_field f; proto_next(&m, &f);)
        if (f.number == 4 && !proto_text(r->arena, &f, &r->symbols[r->n_symbols++]))
            return malformed(r, "a symbol is not UTF-8");
    return 0;
}

int remote_write_read(struct arena *a, const void *bytes, size_t n, enum remote_version version,
                      struct batch *out, struct err *e)
{
    struct proto m = proto_of(bytes, n);
    struct reading r = {.arena = a, .e = e, .version = version, .out = out};
    bool second = version == REMOTE_WRITE_2;
    *out = (struct batch){0};
    int rc = second ? read_symbols(&r, m) : 0;
    for (struct proto_field f; rc == 0 && proto_next(&m, &f);) {
        if (f.type != PROTO_BYTES)
            continue;
        if (f.number == (second ? 5 : 1))
            rc = read_series(&r, f.bytes);
        else if (f.number == 3 && !second)
            rc = read_note_1(&r, f.bytes);
    }
    return rc == 0 && m.broken ? malformed(&r, "it ends early, or is another message") : rc;
}

/* ---- writing ---- */

struct printing {
    struct buf *out;
    enum remote_version version;
    struct map symbols; /* text → its number + 1 */
    struct buf texts;   /* the symbols' fields */
    size_t n_symbols;
};

static uint64_t refer(struct printing *p, const char *text)
{
    uintptr_t known = (uintptr_t)map_get(&p->symbols, text);
    if (!known) {
        known = ++p->n_symbols;
        (void)map_put(&p->symbols, text, (void *)known);
        proto_put_text(&p->texts, 4, text);
    }
    return known - 1;
}

static void print_labels(struct printing *p, const struct labels *l)
{
    if (p->version == REMOTE_WRITE_2) {
        size_t at = proto_begin(p->out, 1);
        for (size_t i = 0; i < l->n; i++) {
            proto_add_varint(p->out, refer(p, l->items[i].name));
            proto_add_varint(p->out, refer(p, l->items[i].value));
        }
        proto_end(p->out, at);
        return;
    }
    for (size_t i = 0; i < l->n; i++) {
        size_t at = proto_begin(p->out, 1);
        proto_put_text(p->out, 1, l->items[i].name);
        proto_put_text(p->out, 2, l->items[i].value);
        proto_end(p->out, at);
    }
}

static void print_sample(struct printing *p, const struct batch_sample *x)
{
    const struct numbers *n = &numbers_of[p->version];
    size_t at = proto_begin(p->out, x->h ? n->histograms : n->samples);
    bool start = x->start && p->version == REMOTE_WRITE_2;
    if (x->h) {
        histogram_body_print(x->h, &histogram_fields_remote, p->out);
        proto_put_varint(p->out, 15, (uint64_t)x->t);
    } else {
        proto_put_double(p->out, 1, x->v);
        proto_put_varint(p->out, 2, (uint64_t)x->t);
    }
    if (start)
        proto_put_varint(p->out, x->h ? 17 : 3, (uint64_t)x->start);
    proto_end(p->out, at);
}

static void print_exemplar(struct printing *p, const struct exemplar *x)
{
    size_t at = proto_begin(p->out, numbers_of[p->version].exemplars);
    print_labels(p, &x->labels);
    proto_put_double(p->out, 2, x->v);
    proto_put_varint(p->out, 3, (uint64_t)x->t);
    proto_end(p->out, at);
}

static unsigned type_number(const char *type)
{
    for (unsigned i = 0; i < ARRAY_LEN(metric_types); i++)
        if (strcmp(metric_types[i], type) == 0)
            return i;
    return 0;
}

static const struct batch_note *note_of(const struct batch *b, const char *name)
{
    for (size_t i = 0; i < b->n_notes; i++)
        if (strcmp(b->notes[i].name, name) == 0)
            return &b->notes[i];
    return NULL;
}

static void print_note_2(struct printing *p, const struct batch_note *x)
{
    size_t at = proto_begin(p->out, 5);
    proto_put_varint(p->out, 1, type_number(x->type));
    proto_put_varint(p->out, 3, refer(p, x->help));
    proto_put_varint(p->out, 4, refer(p, x->unit));
    proto_end(p->out, at);
}

static void print_series(struct printing *p, const struct batch *b, const struct batch_series *s)
{
    bool second = p->version == REMOTE_WRITE_2;
    size_t at = proto_begin(p->out, second ? 5 : 1);
    print_labels(p, &s->labels);
    for (size_t i = 0; i < s->n; i++)
        print_sample(p, &s->samples[i]);
    for (size_t i = 0; i < s->n_exemplars; i++)
        print_exemplar(p, &s->exemplars[i]);
    const struct batch_note *note = second ? note_of(b, labels_get(&s->labels, "__name__")) : NULL;
    if (note)
        print_note_2(p, note);
    proto_end(p->out, at);
}

static void print_note_1(struct buf *out, const struct batch_note *x)
{
    size_t at = proto_begin(out, 3);
    proto_put_varint(out, 1, type_number(x->type));
    proto_put_text(out, 2, x->name);
    proto_put_text(out, 4, x->help);
    proto_put_text(out, 5, x->unit);
    proto_end(out, at);
}

void remote_write_print(const struct batch *b, enum remote_version version, struct buf *out)
{
    struct printing p = {.out = out, .version = version};
    map_init(&p.symbols);
    buf_init(&p.texts, out->max);
    if (version == REMOTE_WRITE_2)
        (void)refer(&p, ""); /* the first is always empty */
    for (size_t i = 0; i < b->n; i++)
        print_series(&p, b, &b->series[i]);
    for (size_t i = 0; i < b->n_notes && version == REMOTE_WRITE_1; i++)
        print_note_1(out, &b->notes[i]);
    buf_add(out, buf_text(&p.texts), p.texts.len);
    buf_done(&p.texts);
    map_done(&p.symbols);
}

/* ---- remote read ---- */

static bool read_matcher(struct arena *a, struct proto m, struct matcher *out)
{
    static const enum match_op ops[] = {MATCH_EQ, MATCH_NE, MATCH_RE, MATCH_NOT_RE};
    *out = (struct matcher){"", MATCH_EQ, ""};
    for (struct proto_field f; proto_next(&m, &f);) {
        if (f.number == 1 && f.v >= ARRAY_LEN(ops))
            return false;
        if (f.number == 1)
            out->op = ops[f.v];
        else if ((f.number == 2 && !proto_text(a, &f, &out->name)) ||
                 (f.number == 3 && !proto_text(a, &f, &out->value)))
            return false;
    }
    return !m.broken;
}

static bool read_query(struct arena *a, struct proto m, struct remote_query *out)
{
    struct matcher *list = ARENA_ARRAY(a, struct matcher, REMOTE_MATCHERS_MAX);
    *out = (struct remote_query){.matchers = list};
    for (struct proto_field f; proto_next(&m, &f);) {
        if (f.number == 1)
            out->min_t = (int64_t)f.v;
        else if (f.number == 2)
            out->max_t = (int64_t)f.v;
        else if (f.number == 3 &&
                 (out->n == REMOTE_MATCHERS_MAX || !read_matcher(a, f.bytes, &list[out->n++])))
            return false;
    }
    return !m.broken;
}

int remote_read_read(struct arena *a, const void *bytes, size_t n, struct remote_queries *out,
                     struct err *e)
{
    struct proto m = proto_of(bytes, n);
    size_t types = 0;
    *out =
        (struct remote_queries){.items = ARENA_ARRAY(a, struct remote_query, REMOTE_QUERIES_MAX)};
    for (struct proto_field f; proto_next(&m, &f);) {
        if (f.number == 1 &&
            (out->n == REMOTE_QUERIES_MAX || !read_query(a, f.bytes, &out->items[out->n++])))
            return err_set(e, ERR_INVALID, "query %zu of the read request is malformed", out->n);
        for (uint64_t v; f.number == 2 && proto_each(&f, PROTO_VARINT, &v); types++)
            out->samples |= v == 0;
    }
    out->samples |= types == 0;
    return m.broken ? err_set(e, ERR_INVALID, "the read request is malformed") : 0;
}

void remote_read_print(const struct series_set *set, struct buf *out)
{
    struct printing p = {.out = out, .version = REMOTE_WRITE_1};
    size_t result = proto_begin(out, 1);
    for (size_t i = 0; i < set->n && !out->overflow; i++) {
        const struct series *s = &set->items[i];
        size_t at = proto_begin(out, 1);
        print_labels(&p, &s->labels);
        for (size_t k = 0; k < s->n; k++)
            print_sample(&p, &(struct batch_sample){
                                 .t = s->samples[k].t,
                                 .v = s->samples[k].v,
                                 .h = s->histograms ? s->histograms[k] : NULL,
                             });
        proto_end(out, at);
    }
    proto_end(out, result);
}
