#include "monitor/exposition_proto.h"

#include "codec/proto.h"
#include "t.h"

static struct err e;

static void put_label(struct buf *b, const char *name, const char *value)
{
    size_t at = proto_begin(b, 1);
    proto_put_text(b, 1, name);
    proto_put_text(b, 2, value);
    proto_end(b, at);
}

/* A family with one metric, whose value is the message `body` under `number`. */
static void put_family(struct buf *page, const char *name, unsigned type, uint32_t number,
                       const struct buf *body)
{
    AUTO_BUF struct buf b;
    buf_init(&b, 1 << 16);
    proto_put_text(&b, 1, name);
    proto_put_text(&b, 2, "help");
    proto_put_varint(&b, 3, type);
    size_t m = proto_begin(&b, 4);
    put_label(&b, "job", "x");
    proto_put_bytes(&b, number, buf_text(body), body->len);
    proto_end(&b, m);
    proto_add_varint(page, b.len);
    buf_add(page, b.data, b.len);
}

static void put_exemplar(struct buf *b, uint32_t number)
{
    size_t at = proto_begin(b, number);
    put_label(b, "id", "t");
    proto_put_double(b, 2, 0.5);
    size_t t = proto_begin(b, 3);
    proto_put_varint(b, 1, 7);
    proto_end(b, t);
    proto_end(b, at);
}

static void make(struct buf *page)
{
    AUTO_BUF struct buf b;
    buf_init(&b, 1 << 16);
    proto_put_double(&b, 1, 3);
    put_exemplar(&b, 2);
    put_family(page, "c", 0, 3, &b);
    buf_clear(&b);
    proto_put_varint(&b, 1, 4);
    proto_put_double(&b, 2, 2.5);
    size_t q = proto_begin(&b, 3);
    proto_put_double(&b, 1, 0.99);
    proto_put_double(&b, 2, 8);
    proto_end(&b, q);
    put_family(page, "s", 2, 4, &b);
    buf_clear(&b);
    proto_put_varint(&b, 1, 3);
    proto_put_double(&b, 2, 9);
    q = proto_begin(&b, 3);
    proto_put_varint(&b, 1, 1);
    proto_put_double(&b, 2, 1);
    proto_end(&b, q);
    put_family(page, "classic", 4, 7, &b);
    proto_put_zigzag(&b, 5, 2);
    proto_put_double(&b, 6, 0.001);
    proto_put_varint(&b, 7, 1);
    q = proto_begin(&b, 12);
    proto_put_zigzag(&b, 1, -1);
    proto_put_varint(&b, 2, 2);
    proto_end(&b, q);
    q = proto_begin(&b, 13);
    proto_add_varint(&b, 2);
    proto_add_varint(&b, 0);
    proto_end(&b, q);
    put_family(page, "native", 4, 7, &b);
}

static const char *text_of(const struct batch *b, struct arena *a)
{
    const char *s = "";
    for (size_t i = 0; i < b->n; i++) {
        const struct batch_series *x = &b->series[i];
        s = arena_printf(a, "%s%s ", s, x->fault ? x->fault : labels_text(&x->labels, a));
        s = x->samples->h ? arena_printf(a, "%s%g/%g/%zu", s, x->samples->h->count,
                                         x->samples->h->sum, x->samples->h->positive.n)
                          : arena_printf(a, "%s%g", s, x->samples->v);
        if (x->n_exemplars)
            s = arena_printf(a, "%s #%s %g@%lld", s, labels_text(&x->exemplars->labels, a),
                             x->exemplars->v, (long long)x->exemplars->t);
        s = arena_join(a, s, "\n", NULL);
    }
    return s;
}

#define FIRST                                                                                      \
    "c{job=\"x\"} 3 #{id=\"t\"} 0.5@7000\n"                                                        \
    "s{job=\"x\", quantile=\"0.99\"} 8\ns_sum{job=\"x\"} 2.5\ns_count{job=\"x\"} 4\n"              \
    "classic_bucket{job=\"x\", le=\"1\"} 1\nclassic_bucket{job=\"x\", le=\"+Inf\"} 3\n"            \
    "classic_sum{job=\"x\"} 9\nclassic_count{job=\"x\"} 3\nnative{job=\"x\"} 3/9/2\n"

static void reads(void)
{
    AUTO(arena) struct arena *a = arena_new(BATCH_BYTES_MAX);
    AUTO_BUF struct buf page;
    struct batch b;
    buf_init(&page, 1 << 20);
    make(&page);
    T_RC(exposition_proto_read(a, page.data, page.len, false, &b, &e), &e, "page");
    T_EQ_STR(text_of(&b, a), FIRST, "native ones alone");
    T_EQ_INT(b.n_notes, 4, "notes");
    T_EQ_STR(b.notes[1].type, "summary", "a type");
    T_RC(exposition_proto_read(a, page.data, page.len, true, &b, &e), &e, "page");
    T_EQ_STR(text_of(&b, a),
             FIRST "native_bucket{job=\"x\", le=\"1\"} 1\nnative_bucket{job=\"x\", le=\"+Inf\"} 3\n"
                   "native_sum{job=\"x\"} 9\nnative_count{job=\"x\"} 3\n",
             "classic ones, too");
    for (size_t n = 1; n < page.len; n++) {
        AUTO(arena) struct arena *torn = arena_new(BATCH_BYTES_MAX);
        if (exposition_proto_read(torn, page.data, n, false, &b, &e) == 0)
            T_OK(b.n_notes < 4, "only whole families");
    }
}

T_MAIN(reads)
