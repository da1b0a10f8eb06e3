/* lexer.h - PromQL text into tokens. */
#pragma once
#include <stdbool.h>

#include "base/arena.h"

enum token_kind {
    TOKEN_END,
    TOKEN_NAME,     /* identifier or keyword; text as written */
    TOKEN_NUMBER,   /* number */
    TOKEN_DURATION, /* number: seconds */
    TOKEN_STRING,   /* text, escapes undone */
    TOKEN_OP,       /* text: "(", ">=", … */
    TOKEN_BAD,      /* text: why */
};

struct token {
    enum token_kind kind;
    const char *text;
    double number;
    size_t at;
};

struct lexer {
    const char *text;
    size_t at;
    int brackets; /* inside [ ], where ':' parts a subquery and not a name */
    struct arena *arena;
};

struct token lexer_next(struct lexer *l);
