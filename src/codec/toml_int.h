/* toml_int.h - toml.c reads structure, toml_scalar.c texts, numbers and times. */
#pragma once
#include "base/buf.h"
#include "codec/toml.h"

struct toml {
    struct arena *arena;
    const char *p, *end;
    uint32_t line;
    struct err *e;
};

int toml__refuse(struct toml *t, const char *why);

/* At the first quote. A key may not be multi-line. */
int toml__string(struct toml *t, bool multi_line, struct value *out) MUST_CHECK;

/* A word that stands bare: a number, a truth, a time. */
int toml__bare(struct toml *t, struct value *out) MUST_CHECK;
