/* Property: every sample of a page in protobuf has a name; a histogram that is taken is sound; and
 * asking for classic buckets, too, takes none away. */
#include "fuzz.h"

#include "monitor/exposition_proto.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(arena) struct arena *a = arena_new(BATCH_BYTES_MAX);
    struct batch some, all;
    struct err e;
    if (exposition_proto_read(a, data, size, false, &some, &e) < 0)
        return 0;
    MUST(exposition_proto_read(a, data, size, true, &all, &e) == 0);
    MUST(all.n >= some.n && all.n_notes == some.n_notes);
    for (size_t i = 0; i < some.n; i++) {
        const struct batch_series *s = &some.series[i];
        MUST(s->n == 1 && (s->fault || *labels_get(&s->labels, "__name__")));
        MUST(s->fault || !s->samples->h || !histogram_fault(s->samples->h));
    }
    return 0;
}
