/* chunk.h - samples of one series, packed as Gorilla does: times by second difference, values by
 * exclusive or with the one before. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sample {
    int64_t t; /* milliseconds */
    double v;
};

struct chunk {
    uint8_t *bits;
    uint32_t n_bits, cap_bits;
    uint16_t n; /* samples */
    uint8_t lead, trail;
    int64_t first_t, last_t, last_delta;
    uint64_t last_v;
};

enum { CHUNK_SAMPLES = 120 };

void chunk_init(struct chunk *c);
void chunk_done(struct chunk *c);
/* t must be greater than last_t. */
void chunk_add(struct chunk *c, struct sample s);
void chunk_trim(struct chunk *c); /* gives back spare memory when nothing more comes */

struct chunk_reader {
    const struct chunk *c;
    uint32_t at;
    uint16_t i;
    uint8_t lead, trail;
    int64_t t, delta;
    uint64_t v;
};
void chunk_reader_init(struct chunk_reader *r, const struct chunk *c);
bool chunk_next(struct chunk_reader *r, struct sample *out);

/* The value that says "this series has ended" (Prometheus's stale marker), and its test. */
double stale_marker(void);
bool is_stale(double v);
