/* Property: what a write request is read as, written in either version, reads as the same; and a
 * database takes each of its series or says why not. */
#include "fuzz.h"

#include "monitor/remote_body.h"

static void same(const struct batch *x, const struct batch *y)
{
    MUST(x->n == y->n);
    for (size_t i = 0; i < x->n; i++) {
        const struct batch_series *s = &x->series[i], *t = &y->series[i];
        if (s->fault)
            continue;
        MUST(labels_compare(&s->labels, &t->labels) == 0);
        MUST(s->n_exemplars == t->n_exemplars && s->n == t->n);
    }
}

static size_t samples(const struct batch *b)
{
    size_t n = 0;
    for (size_t i = 0; i < b->n; i++)
        n += b->series[i].n;
    return n;
}

static void check(const uint8_t *data, size_t size, enum remote_version version)
{
    AUTO(arena) struct arena *a = arena_new(BATCH_BYTES_MAX);
    AUTO(tsdb) struct tsdb *db = NULL;
    const struct tsdb_opts o = {.clock = &clock_system, .max_series = 100, .max_exemplars = 10};
    struct batch_result result;
    struct batch b, again;
    struct err e;
    if (remote_write_read(a, data, size, version, &b, &e) < 0)
        return;
    for (unsigned v = REMOTE_WRITE_1; v <= REMOTE_WRITE_2; v++) {
        AUTO_BUF struct buf out;
        buf_init(&out, 64 << 20);
        remote_write_print(&b, (enum remote_version)v, &out);
        MUST(remote_write_read(a, buf_text(&out), out.len, (enum remote_version)v, &again, &e) ==
             0);
        same(&b, &again);
    }
    MUST(tsdb_open(&o, &db, &e) == 0);
    int r = batch_write(db, &b, &clock_system, a, &result, &e);
    MUST((r == 0) == (result.why == NULL));
    MUST(result.samples + result.histograms + result.refused == samples(&b));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check(data, size, REMOTE_WRITE_1);
    check(data, size, REMOTE_WRITE_2);
    return 0;
}
