/* dashboard_int.h - a text with Grafana's variables in it. Private to dashboard/. */
#pragma once
#include "dashboard/dashboard.h"

enum {
    DASHBOARD_FREE = 2,       /* variables whose values are tried independently */
    DASHBOARD_UNDECLARED = 8, /* most that are named of one text */
    DASHBOARD_PIECES = 2048,  /* twice the variables that one text may have */
    DASHBOARD_EXPR_MAX = 65536,
};

struct dashboard__piece {
    size_t at, n;      /* in the text */
    const char *fixed; /* what it always is, fixed_n bytes; NULL: one of several */
    size_t fixed_n;
    const struct dashboard_variable *variable; /* NULL: not declared */
    unsigned slot;                             /* below DASHBOARD_FREE: whose choice counts */
};

struct dashboard__text {
    struct dashboard__piece *pieces;
    size_t n;
    unsigned slots; /* in use */
    const char *undeclared[DASHBOARD_UNDECLARED];
    size_t n_undeclared;
};

/* ERR_TOO_LARGE: too long, or too many variables. */
int dashboard__split(struct arena *a, const struct dashboard *d, const char *text,
                     struct dashboard__text *out, struct err *e) MUST_CHECK;

/* How many values are tried for a variable, and the text with one choice a slot. */
size_t dashboard__choices(void);
char *dashboard__fill(struct arena *a, const struct dashboard__text *t,
                      const size_t choice[DASHBOARD_FREE]);

/* Where a byte of what dashboard__fill() gives comes from. */
size_t dashboard__origin(const struct dashboard__text *t, const size_t choice[DASHBOARD_FREE],
                         size_t at);

/* The name in "$x", "${x}", "${x:format}", "[[x]]", when the text is nothing else; else NULL. */
const char *dashboard__reference(struct arena *a, const char *text);
const struct dashboard_variable *dashboard__variable(const struct dashboard *d, const char *name,
                                                     size_t n);
