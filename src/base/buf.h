/* buf.h - a growing run of bytes that knows its maximum.
 *
 * Model      Appending past `max` drops the bytes and makes the buffer `overflow`; check once
 *            at the end with buf_check(). data is always NUL-terminated (never NULL after the
 *            first append; buf_text() is never NULL).
 * Lifetime   buf_init … buf_done; buf_take hands the bytes over to free().               */
#pragma once
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct buf {
    char *data;
    size_t len, cap, max;
    bool overflow;
};

void buf_init(struct buf *b, size_t max);
void buf_done(struct buf *b);
#define AUTO_BUF __attribute__((cleanup(buf_done)))

void buf_add(struct buf *b, const void *bytes, size_t n);
void buf_puts(struct buf *b, const char *s);
void buf_putc(struct buf *b, char c);
void buf_printf(struct buf *b, const char *fmt, ...) PRINTF(2, 3);
void buf_vprintf(struct buf *b, const char *fmt, va_list ap);

/* Room for n more bytes at data + len, which the caller fills and adds to len; NULL past max. */
char *buf_reserve(struct buf *b, size_t n);

void buf_clear(struct buf *b); /* keeps the memory */
void buf_cut(struct buf *b, size_t len);

const char *buf_text(const struct buf *b);
char *buf_take(struct buf *b); /* NUL-terminated, for free(); the buffer is empty again */

/* ERR_TOO_LARGE when an append was dropped. */
int buf_check(const struct buf *b, struct err *e) MUST_CHECK;
