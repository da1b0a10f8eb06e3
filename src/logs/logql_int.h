/* logql_int.h - what the files of LogQL share. */
#pragma once
#include "codec/regex.h"
#include "logs/logql.h"
#include "tsdb/labels.h"

enum { ROW_LABELS = 256 };

/* One line on its way through the stages. */
struct row {
    struct arena *arena; /* of texts made on the way */
    const char *text;
    size_t n;
    int64_t time_ns;
    struct label labels[ROW_LABELS];
    size_t n_labels, n_stream; /* the first ones are the stream's */
    double value;              /* unwrapped */
    bool has_value;
};

const char *logql__row_get(const struct row *r, const char *name); /* "" when absent */
void logql__row_set(struct row *r, const char *name, const char *value);

enum stage_kind {
    STAGE_LINE,
    STAGE_JSON,
    STAGE_LOGFMT,
    STAGE_REGEXP,
    STAGE_PATTERN,
    STAGE_LABEL,
    STAGE_LINE_FORMAT,
    STAGE_LABEL_FORMAT,
    STAGE_DROP,
    STAGE_KEEP,
    STAGE_UNWRAP,
};

enum compare_op { CMP_EQ, CMP_NE, CMP_GT, CMP_GE, CMP_LT, CMP_LE, CMP_MATCH, CMP_NOT_MATCH };

/* A condition on labels: a leaf, or two of them. */
struct condition {
    char op; /* '&', '|', or 0 for a leaf */
    struct condition *left, *right;
    const char *label;
    enum compare_op compare;
    enum { AS_TEXT, AS_NUMBER, AS_DURATION, AS_BYTES } as;
    const char *text;
    double number;
    struct regex *regex;
};

struct pattern_part {
    const char *literal; /* before the capture */
    const char *name;    /* NULL: none (the end); "_": not kept */
};

struct template_set;

struct renaming {
    const char *to, *from;     /* from NULL: of the template */
    struct template_set *text; /* template "t" */
};

struct stage {
    enum stage_kind kind;
    /* LINE */
    enum logdb_op op;
    const char *const *texts; /* any of them */
    struct regex **regexes;
    size_t n_texts;
    /* JSON, LOGFMT: only these, as label = path; none: all */
    struct renaming *renamings;
    size_t n_renamings;
    struct regex *regex; /* REGEXP */
    struct pattern_part *parts;
    size_t n_parts;
    struct condition *condition;
    struct template_set *text;
    const char *const *names; /* DROP, KEEP; UNWRAP: one */
    size_t n_names;
    enum { UNWRAP_PLAIN, UNWRAP_DURATION, UNWRAP_BYTES } unit;
};

/* False: the line is not wanted. */
bool logql__stages_run(const struct stage *stages, size_t n, struct row *r);

/* Fills the row from an entry of the store. */
void logql__row_begin(struct row *r, const struct logdb_entry *x, struct arena *a);

/* "10s", "1h30m" in seconds; "20MB", "3KiB" in bytes. */
bool logql__duration(const char *text, double *out_s);
bool logql__bytes(const char *text, double *out);

/* ---- the parser ---- */

struct parser {
    const char *text, *at;
    struct arena *arena;
};

int logql__fail(const struct parser *p, struct err *e, const char *what);
void logql__skip(struct parser *p);
bool logql__take(struct parser *p, const char *token);
bool logql__word(struct parser *p, const char *word); /* not the beginning of a longer one */
const char *logql__name(struct parser *p);            /* NULL: none */
int logql__string(struct parser *p, const char **out, struct err *e);
/* "5m", "1h30m". */
int logql__span(struct parser *p, int64_t *out_ms, struct err *e);
/* Selector and stages. *range_ms is filled from a [5m] on the way; NULL: it is not expected. */
int logql__log(struct parser *p, struct logql_log *out, int64_t *range_ms, struct err *e);
int logql__stage(struct parser *p, struct stage *out, struct err *e); /* behind its | */

/* A scan with what the caller may see and what it may cost. */
int logql__scan(const struct logql_scope *s, const struct logdb_query *query, struct arena *a,
                logdb_visit visit, void *arg, struct err *e);

/* ---- ranges ---- */

struct range_call {
    const char *function;
    struct logql_log log;
    int64_t range_ms, offset_ms;
    double parameter; /* of quantile_over_time */
    bool grouped, without;
    const char *const *group;
    size_t n_group;
    struct series_set series; /* what it gave */
};

/* Works the call out for all steps. */
int logql__range(const struct logql_scope *s, struct range_call *c, int64_t start_ms,
                 int64_t end_ms, int64_t step_ms, struct arena *a, struct err *e);
/* ERR_INVALID: the function needs what the query does not have. */
int logql__range_check(const struct range_call *c, struct err *e);
bool logql__is_range(const char *name, size_t n);
