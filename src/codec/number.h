/* number.h - floating point numbers as text, as Go writes them.
 *
 * Guarantees The shortest digits that read back as the same double.                  */
#pragma once
#include <stddef.h>

enum { NUMBER_TEXT_MAX = 40 };

/* encoding/json's form: exponents only below 1e-6 and from 1e21. `out` has NUMBER_TEXT_MAX
 * bytes; returns the length. NaN and infinities print as "NaN", "+Inf", "-Inf". */
size_t number_format_json(double d, char *out);

/* strconv.FormatFloat(d, 'g', -1, 64): exponents below 1e-4 and from 1e6 ("1e+06"). */
size_t number_format_g(double d, char *out);

/* The same for the nearest float: FormatFloat(d, 'g', -1, 32). */
size_t number_format_g32(double d, char *out);

enum { NUMBER_PLAIN_MAX = 400 };

/* FormatFloat(d, 'f', -1, 64): never an exponent. `out` has NUMBER_PLAIN_MAX bytes. */
size_t number_format_plain(double d, char *out);
