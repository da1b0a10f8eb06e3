/* cel_lex_int.h - the tokens of CEL. */
#pragma once
#include "codec/cel_int.h"

enum cel_token_kind { TOKEN_END, TOKEN_IDENT, TOKEN_QUOTED, TOKEN_LITERAL, TOKEN_PUNCT };

struct cel_token {
    enum cel_token_kind kind;
    const char *at;   /* where it stands */
    const char *text; /* IDENT, PUNCT; QUOTED: without its backticks */
    size_t n;
    struct cel_value literal;
    bool too_large; /* 9223372036854775808, which only a minus sign makes good */
};

struct cel_lexer {
    struct arena *arena;
    const char *text, *at, *end;
    struct err *e;
};

int cel__lex(struct cel_lexer *l, struct cel_token *out) MUST_CHECK;
int cel__lex_error(const struct cel_lexer *l, const char *at, const char *what);
