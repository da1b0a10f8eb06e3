/* quantity.h - resource.Quantity: "100m", "1.5Gi", "2e3"; exact down to nano.
 *
 * Model    The value is held in units of 10^-9 in 128 bits, with the suffix family it was
 *          written in. As upstream, more than 2^63-1 is capped and less than a nano rounds
 *          away from zero.                                                               */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum quantity_format { QUANTITY_DECIMAL, QUANTITY_BINARY, QUANTITY_EXPONENT };

struct quantity {
    __int128 nano;
    enum quantity_format format;
};

enum { QUANTITY_TEXT_MAX = 64 };

int quantity_parse(const char *text, struct quantity *out, struct err *e) MUST_CHECK;
/* Canonical form; `out` has QUANTITY_TEXT_MAX bytes. */
void quantity_print(const struct quantity *q, char *out);
int quantity_cmp(const struct quantity *a, const struct quantity *b);
void quantity_add(struct quantity *a, const struct quantity *b); /* keeps a's format unless 0 */
void quantity_sub(struct quantity *a, const struct quantity *b);
int64_t quantity_value(const struct quantity *q);       /* whole units, rounded up */
int64_t quantity_milli_value(const struct quantity *q); /* rounded up, capped */
struct quantity quantity_from_int(int64_t v, enum quantity_format f);
struct quantity quantity_from_milli(int64_t v, enum quantity_format f);
