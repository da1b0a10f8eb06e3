/* yaml_int.h - the scalar rules of go-yaml v2, shared by reading, writing and editing. */
#pragma once
#include <stdbool.h>

#include "codec/value.h"

enum yaml_kind { YAML_STR, YAML_NULL, YAML_BOOL, YAML_INT, YAML_UINT, YAML_FLOAT, YAML_TIME };

struct yaml_scalar {
    enum yaml_kind kind;
    union {
        bool boolean;
        int64_t i;
        uint64_t u; /* past int64 */
        double d;   /* may be infinite or not a number */
    };
};

/* What a plain scalar without a tag means. */
struct yaml_scalar yaml__resolve(const char *s, size_t n);

/* The style a string is written in. */
enum yaml_style { YAML_PLAIN, YAML_SINGLE, YAML_DOUBLE, YAML_LITERAL };

/* The one that a value, not a key, is printed in. */
enum yaml_style yaml__style_of(const char *s, size_t n);

/* What the characters of a text allow. */
struct yaml_shape {
    bool flow_plain, block_plain, single, block, multiline;
    bool block_v3; /* for go-yaml v3, to which tabs are no bar */
};
struct yaml_shape yaml__shape(const char *s, size_t n);

/* Whether a string may stand unquoted and still be a string (also for YAML 1.1 readers). */
bool yaml__reads_as_text(const char *s, size_t n);

struct buf;
struct yaml_parser_s;

/* Where a scalar that goes on over a line continues. */
struct yaml_lines {
    size_t indent;
    bool fold; /* at blanks past column 80 */
};

void yaml__write_plain(struct buf *b, const char *s, size_t n, struct yaml_lines lines);
void yaml__write_double(struct buf *b, const char *s, size_t n, struct yaml_lines lines);

/* Breaks other than \n are the only ones that may be in it. */
void yaml__write_single(struct buf *b, const char *s, size_t n, struct yaml_lines lines);

/* The head of a text in lines, '|' or '>', with what tells how it begins and ends. */
void yaml__write_block(struct buf *b, char style, const char *s, size_t n);

/* Whether a text, if it is JSON at all, means the same as YAML. */
bool yaml__reads_as_json(const char *s, size_t n);

/* The character that stands `index` characters behind text (libyaml counts characters). */
const char *yaml__at_index(const char *text, const unsigned char *end, size_t index);

/* Records what libyaml found wrong. */
int yaml__parser_error(const struct yaml_parser_s *p, struct err *e);
