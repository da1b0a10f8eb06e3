/* unicode_int.h - what Go's unicode package says of a character (Unicode 15.0). */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

bool unicode_is_letter(uint32_t c);
bool unicode_is_digit(uint32_t c);
bool unicode_is_number(uint32_t c); /* digits, and others such as Roman ones */
bool unicode_is_punct(uint32_t c);
bool unicode_is_print(uint32_t c);
bool unicode_is_space(uint32_t c);
bool unicode_is_upper(uint32_t c);
bool unicode_is_lower(uint32_t c);
uint32_t unicode_upper(uint32_t c);
uint32_t unicode_lower(uint32_t c);
uint32_t unicode_title(uint32_t c);

/* The character at s and its bytes; U+FFFD and 1 where they are not UTF-8. n > 0. */
uint32_t unicode_decode(const char *s, size_t n, size_t *len);
size_t unicode_count(const char *s, size_t n);
void unicode_put(struct buf *b, uint32_t c);

/* "U+00E9 'é'", fmt's %#U; -1 for an end of input. */
void unicode_print_name(struct buf *b, uint32_t c, bool end);
