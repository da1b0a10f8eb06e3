/* parser.h - what the files of the parser share. Private to promql/. */
#pragma once
#include "promql/ast.h"
#include "promql/lexer.h"
#include "promql/promql.h"

enum { PARSER_MAX_DEPTH = 200, PARSER_MAX_ITEMS = 256 };

struct parser {
    struct lexer lexer;
    struct token token;
    int depth;
    struct parse_opts opts;
    bool computed;     /* the duration just read is more than a literal */
    bool any_matchers; /* of the selector to come: they may all fit the empty text */
    struct err *e;
    bool failed;
};

/* Record the first failure; NULL. */
struct expr *parser_fail(struct parser *p, size_t at, const char *fmt, ...) PRINTF(3, 4);
struct expr *parser_unexpected(struct parser *p, const char *where);

void parser_next(struct parser *p);
bool parser_is_op(const struct parser *p, const char *op);
bool parser_is_word(const struct parser *p, const char *word);
bool parser_take_op(struct parser *p, const char *op);
bool parser_take_word(struct parser *p, const char *word);
bool parser_expect(struct parser *p, const char *op, const char *where);
struct expr *parser_expr(struct parser *p, enum expr_kind kind, enum expr_type type, size_t at);

/* Operators that bind at least so strongly. */
struct expr *parser_binary(struct parser *p, int least);
/* parser_selector.c */
struct expr *parser_selector(struct parser *p, const char *name, size_t at);
struct expr *parser_postfix(struct parser *p, struct expr *x);
/* parser_duration.c: of a range or a subquery's step, more than 0; of an offset. */
bool parser_duration(struct parser *p, int64_t *out_ms);
bool parser_offset(struct parser *p, int64_t *out_ms);
/* parser_call.c */
bool parser_names(struct parser *p, struct names *out);
bool parser_is_aggregator(const char *name);
struct expr *parser_aggregate(struct parser *p, const char *name, size_t at);
struct expr *parser_call(struct parser *p, const char *name, size_t at);
