/* literal_int.h - numbers and strings as templates spell them. */
#pragma once
#include "template/parse_int.h"

/* NULL, or what is wrong with it. */
const char *literal_number(struct arena *a, const char *s, size_t n, enum token_kind kind,
                           struct number *out);

/* strconv.ParseFloat(), without underscores. */
bool literal_float(const char *s, double *out);

/* The value where nothing says which type is wanted; no value at all: it overflows an int. */
struct go_value literal_constant(const char *s, size_t n, const struct number *number);

/* The bytes of the first `count` characters. */
size_t literal_cut(const char *s, size_t n, size_t count);
