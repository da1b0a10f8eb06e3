#include "tsdb/chunk.h"

#include <math.h>

#include "base/own.h"
#include "t.h"

/* Every sample comes back bit for bit, whatever its distance to the one before. */
static void gives_back_what_it_took(void)
{
    static const int64_t steps[] = {1,    15000, 15001, 14999,  8192,
                                    8193, -0,    65536, 600000, 1LL << 40};
    static const double values[] = {0, -0.0, 1, 1, 1.5, 3.1415926, -7e300, 5e-324, INFINITY};
    struct chunk c;
    struct sample want[CHUNK_SAMPLES], got;
    chunk_init(&c);
    int64_t t = 1700000000000;
    unsigned seed = 11;
    for (int i = 0; i < CHUNK_SAMPLES; i++) {
        seed = seed * 1103515245 + 12345;
        t += steps[(seed >> 8) % ARRAY_LEN(steps)] + 1;
        double v = values[(seed >> 16) % ARRAY_LEN(values)];
        want[i] = (struct sample){t, i % 10 == 9 ? stale_marker() : v};
        chunk_add(&c, want[i]);
    }
    chunk_trim(&c);
    struct chunk_reader r;
    chunk_reader_init(&r, &c);
    for (int i = 0; i < CHUNK_SAMPLES; i++) {
        T_OK(chunk_next(&r, &got), "a sample");
        T_OK(memcmp(&got, &want[i], sizeof got) == 0, "the same sample");
        T_EQ_INT(is_stale(got.v), i % 10 == 9, "stale markers are kept apart from NaN");
    }
    T_OK(!chunk_next(&r, &got), "the end");
    T_OK(!is_stale(NAN), "an ordinary NaN is a value");
    chunk_done(&c);
}

static void packs_regular_series(void)
{
    struct chunk c;
    chunk_init(&c);
    for (int i = 0; i < CHUNK_SAMPLES; i++)
        chunk_add(&c, (struct sample){1700000000000 + i * 15000, 100 + i / 10});
    T_OK(c.n_bits / 8 < 2 * CHUNK_SAMPLES, "less than two bytes a sample");
    chunk_done(&c);
}

T_MAIN(gives_back_what_it_took, packs_regular_series)
