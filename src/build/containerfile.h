/* containerfile.h - a Containerfile's text as a list of instructions.
 *
 * Model      Pure: text in, instructions out; nothing is expanded or looked up. Continuation
 *            lines are joined, comments dropped, flags and here-documents taken off, JSON forms
 *            recognised. What an instruction means is decided in stages.c and later.
 * Guarantees Errors name the file and the line.                                           */
#pragma once
#include <stdbool.h>

#include "base/arena.h"
#include "base/err.h"

enum instruction_kind {
    INSTR_ADD,
    INSTR_ARG,
    INSTR_CMD,
    INSTR_COPY,
    INSTR_ENTRYPOINT,
    INSTR_ENV,
    INSTR_EXPOSE,
    INSTR_FROM,
    INSTR_HEALTHCHECK,
    INSTR_LABEL,
    INSTR_MAINTAINER,
    INSTR_ONBUILD,
    INSTR_RUN,
    INSTR_SHELL,
    INSTR_STOPSIGNAL,
    INSTR_USER,
    INSTR_VOLUME,
    INSTR_WORKDIR,
};

struct heredoc {
    const char *name;
    const char *text;
    bool expand; /* the name was not quoted */
};

struct flag {
    const char *name;  /* "from" */
    const char *value; /* NULL for a bare flag */
};

struct instruction {
    enum instruction_kind kind;
    const char *name; /* "RUN" */
    unsigned line;
    const char *text; /* as one line, with flags, for names and history */
    const char *rest; /* after the flags */
    const char *raw;  /* rest with the here-documents as written, for a shell to read */
    const struct flag *flags;
    size_t n_flags;
    bool is_json;             /* rest is a JSON array of strings: */
    const char *const *words; /* NULL-terminated; JSON's or, else, split at blanks */
    size_t n_words;
    const struct heredoc *heredocs;
    size_t n_heredocs;
};

struct containerfile {
    const char *name; /* for messages */
    char escape;      /* '\\' or '`' */
    const struct instruction *list;
    size_t n;
};

enum { CONTAINERFILE_MAX_BYTES = 4 << 20 };

int containerfile_parse(const char *name, const char *text, size_t n, struct arena *a,
                        struct containerfile *out, struct err *e) MUST_CHECK;

/* One instruction by itself, as ONBUILD keeps it. */
int containerfile_parse_one(const struct containerfile *file, unsigned line, const char *text,
                            struct arena *a, struct instruction *out, struct err *e) MUST_CHECK;

/* The last value of a flag, NULL when it is not there. */
const char *instruction_flag(const struct instruction *i, const char *name);
