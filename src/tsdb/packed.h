/* packed.h - numbers in as few bytes as they need (docs/formats/tsdb.md), and back. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

void packed_put_varint(struct buf *b, uint64_t v);
void packed_put_signed(struct buf *b, int64_t v);
/* A small whole number takes few bytes, twice itself; all else a 1 and the eight that it has. */
void packed_put_double(struct buf *b, double v);

struct packed_reader {
    const uint8_t *p, *end;
    bool bad; /* what was wanted is not there; stays */
};

uint64_t packed_get_varint(struct packed_reader *r);
int64_t packed_get_signed(struct packed_reader *r);
double packed_get_double(struct packed_reader *r);
