/* version_int.h - what the orders of the ecosystems share. One file an ecosystem.
 *
 * An order takes any text, also one its ecosystem would refuse, and says <0, 0, >0. Numbers
 * have any length and are never converted.                                              */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "scan/version.h"

enum { VERSION_TOKENS = 128 }; /* what stands behind so many parts decides nothing */

/* A run of digits or of anything else. */
struct version_token {
    const char *at;
    size_t n;
    bool number;
    char before; /* '.', '-': what separates it from the one in front */
};

int version__sign(long v);
bool version__digit(char c);

/* Compares runs of digits, leading zeros aside, and moves past them. */
int version__digits(const char **a, const char *a_end, const char **b, const char *b_end);

/* The same for two whole runs; an empty one is 0. */
int version__numbers(const char *a, size_t na, const char *b, size_t nb);

/* Byte by byte, the shorter first. */
int version__text(const char *a, size_t na, const char *b, size_t nb);
int version__text_nocase(const char *a, size_t na, const char *b, size_t nb);

/* At most `count` numbers with dots between them (absent ones are 0); moves past them. */
int version__dotted(const char **a, const char **b, size_t count);

/* Numbers between any of the separators; the list that goes on is newer. */
int version__lists(const char *a, const char *b, const char *separators);

/* Dotted identifiers up to '+' or the end: numbers before text, the shorter first. */
int version__identifiers(const char *a, const char *b,
                         int (*text)(const char *, size_t, const char *, size_t));

/* The prerelease behind "1.2.3", "" or "-…": having one is older. */
int version__prerelease(const char *a, const char *b,
                        int (*text)(const char *, size_t, const char *, size_t));

/* Without the "v", "=" or blanks people write in front. */
const char *version__unprefixed(const char *v);

bool version__is_zero(const struct version_token *t);
