/* regex.h - regular expressions with RE2's syntax, run by PCRE2.
 *
 * Guarantees What RE2 has not (look-around, back references, possessive and atomic groups,
 *            recursion, callouts) is refused; every match has a limit on its work.
 * Threads    A compiled expression may be used from any thread.                       */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/own.h"

enum regex_flag {
    REGEX_CASE = 1 << 0,     /* letters match in either case */
    REGEX_ANCHORED = 1 << 1, /* the whole text must match */
    REGEX_DOT_ALL = 1 << 2,  /* a dot matches a line end, too */
};

struct regex;
int regex_compile(const char *pattern, size_t n, unsigned flags, struct regex **out,
                  struct err *e) MUST_CHECK;
void regex_free(struct regex *r);
AUTO_DEFINE(regex)

/* Byte offsets of a group; start is SIZE_MAX when it did not take part. */
struct regex_span {
    size_t start, end;
};

size_t regex_groups(const struct regex *r);                    /* without the whole */
const char *regex_group_name(const struct regex *r, size_t i); /* NULL: it has none; i from 1 */

/* Searches from byte `from` on; *hit says whether it matched. spans[0] is the whole match; at
 * most n_spans are filled, which may be 0. ERR_TOO_LARGE: the limit on work. */
int regex_match(const struct regex *r, const char *text, size_t n, size_t from,
                struct regex_span *spans, size_t n_spans, bool *hit, struct err *e) MUST_CHECK;

struct buf;
/* Replaces all matches (at most `limit`; negative: all). In `with`, $1, ${1} and ${name} are
 * groups and $$ a dollar sign when `expand`, else nothing is special. */
int regex_replace(const struct regex *r, const char *text, size_t n, const char *with, bool expand,
                  long limit, struct buf *out, struct err *e) MUST_CHECK;
