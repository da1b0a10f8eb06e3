/* line_rules.h - expressions of rules that make metrics of a namespace's lines: LogQL's metric
 * queries.
 *
 * Guarantees Only lines with the label namespace of the rules' namespace are looked at, and what
 * comes out has that label. A query has limits of lines, time and series. Threads    Any. */
#pragma once
#include "logdb/logdb.h"
#include "promql/promql.h"

/* Lines of a moment are there some seconds after it: a trace waits for its last line. */
enum { LINE_RULES_OFFSET_MS = 5000 };

struct line_rules;
struct line_rules *line_rules_new(struct arena *a, struct logdb *db, const char *ns);

int line_rules_check(const char *expr, struct arena *a, struct err *e) MUST_CHECK;
/* arg: the struct line_rules. */
int line_rules_eval(void *arg, const char *expr, int64_t at_ms, struct arena *a,
                    struct promql_result *out, struct err *e) MUST_CHECK;
