/* base64.h - base64 and hexadecimal.
 *
 * Guarantees Decoding is strict: other characters, wrong padding and loose bits at the end are
 *            refused; line ends are skipped, as Go does, in the two padded forms.          */
#pragma once
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"

enum base64_form {
    BASE64_STD,     /* + / with = at the end */
    BASE64_STD_RAW, /* without = */
    BASE64_URL,     /* - _ with = */
    BASE64_URL_RAW, /* as in JSON Web Tokens */
};

char *base64_encode(struct arena *a, const void *bytes, size_t n, enum base64_form form);

/* The result is NUL-terminated behind its n bytes. */
int base64_decode(struct arena *a, const char *text, size_t n, enum base64_form form, char **out,
                  size_t *out_n, struct err *e) MUST_CHECK;

int hex_value(char c); /* of a digit; < 0: it is none */
char *hex_encode(struct arena *a, const void *bytes, size_t n); /* lower case */
int hex_decode(struct arena *a, const char *text, size_t n, char **out, size_t *out_n,
               struct err *e) MUST_CHECK;
