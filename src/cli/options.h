/* options.h - one table per verb gives parsing, defaults and --help.
 *
 * Model      Options may stand before, between and after arguments; "--" ends them. Long ones
 *            are --name VALUE or --name=VALUE, short ones -n VALUE.
 * Guarantees A wrong option is named with what to do; the exit code for it is 2.          */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"

enum option_kind {
    OPTION_FLAG,   /* bool */
    OPTION_TEXT,   /* const char * */
    OPTION_NUMBER, /* long */
    OPTION_LIST,   /* struct option_list: may be given several times */
    OPTION_MAYBE,  /* const char *: --name=VALUE, or --name alone for "" */
};

struct option_list {
    const char **items;
    size_t n;
};

struct option {
    const char *name; /* long, without dashes */
    char letter;      /* or 0 */
    enum option_kind kind;
    void *into;
    const char *value; /* what the value is called: "DIR" */
    const char *doc;
};

struct arguments {
    const char **items;
    size_t n;
    bool help; /* --help was asked for */
};

/* `table` ends with a NULL name. Arguments are borrowed from argv. */
int options_parse(const struct option *table, int argc, char **argv, struct arena *a,
                  struct arguments *out, struct err *e) MUST_CHECK;

/* The options' part of a help text, on standard output. */
void options_print(const struct option *table);
