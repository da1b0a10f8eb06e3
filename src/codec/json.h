/* json.h - RFC 8259 text to values and back.
 *
 * Guarantees What Go's encoding/json accepts is accepted and the rest refused with line and
 *            column; UTF-8 is checked (invalid bytes become U+FFFD, as Go does); nesting is
 *            limited to 10,000. Printing matches Go's encoding/json byte for byte
 *            (escapes, float form), members in tree order, numbers with the text they had.  */
#pragma once
#include "base/buf.h"
#include "codec/value.h"

enum json_flag {
    JSON_PRETTY = 1 << 0,      /* two spaces a level, "key": value */
    JSON_SORTED = 1 << 1,      /* members by key, as Go prints maps */
    JSON_NO_HTML = 1 << 2,     /* leave <, > and & as they are (Go's SetEscapeHTML(false)) */
    JSON_BORROW = 1 << 3,      /* parse: text without escapes may point into the input */
    JSON_INDENT4 = 1 << 4,     /* with JSON_PRETTY: four spaces a level (kubectl -o json) */
    JSON_STRICT_KEYS = 1 << 5, /* parse: a key that stands twice is an error */
    JSON_SHALLOW = 1 << 6,     /* parse: 500 levels at most, for readers that recurse */
};

int json_parse(struct arena *a, const char *text, size_t n, unsigned flags, struct value **out,
               struct err *e) MUST_CHECK;

/* All values of a text, with or without blanks between them. */
int json_parse_all(struct arena *a, const char *text, size_t n, unsigned flags, struct value ***out,
                   size_t *out_n, struct err *e) MUST_CHECK;

/* Reads the first value of a text with several; *used is where the next begins. Costs as much
 * memory as the whole text. */
int json_parse_prefix(struct arena *a, const char *text, size_t n, unsigned flags,
                      struct value **out, size_t *used, struct err *e) MUST_CHECK;

void json_print(struct buf *b, const struct value *v, unsigned flags);
char *json_text(struct arena *a, const struct value *v, unsigned flags);

/* A string with its quotes. */
void json_print_string(struct buf *b, const char *s, size_t n, unsigned flags);
