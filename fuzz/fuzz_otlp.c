/* Property: every series of OTLP's metrics has a name and labels in order, without doubles; JSON is
 * read as what it says. */
#include "fuzz.h"

#include "monitor/otlp.h"

static void check(const struct otlp_batch *b)
{
    MUST((b->dropped > 0) == (b->why != NULL));
    for (size_t i = 0; i < b->batch.n; i++) {
        const struct batch_series *s = &b->batch.series[i];
        MUST(s->n == 1 && (s->fault || *labels_get(&s->labels, "__name__")));
        for (size_t k = 1; !s->fault && k < s->labels.n; k++)
            MUST(strcmp(s->labels.items[k - 1].name, s->labels.items[k].name) < 0);
        MUST(!s->samples->h || !histogram_fault(s->samples->h));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(arena) struct arena *a = arena_new(BATCH_BYTES_MAX);
    static const struct otlp_opts usual = {0}, all = {.names = OTLP_UTF8,
                                                      .promote_all = true,
                                                      .promote_scope = true};
    struct otlp_batch b;
    struct err e;
    if (otlp_read(a, data, size, &usual, &b, &e) == 0)
        check(&b);
    if (otlp_read(a, data, size, &all, &b, &e) == 0)
        check(&b);
    if (otlp_read_json(a, data, size, &usual, &b, &e) == 0)
        check(&b);
    return 0;
}
