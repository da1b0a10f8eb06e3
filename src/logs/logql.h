/* logql.h - Grafana Loki's query language, as far as choosing and filtering lines goes.
 *
 * Model      {label="value", other=~"expr"} |= "text" != "text" |~ "expr" !~ "expr". Strings are
 *            "quoted" with Go's escapes, or `raw`.
 * Not here   Parsers, formatting and metric queries: refused by name.                       */
#pragma once
#include "logdb/logdb.h"

/* Fills matchers and filters of *out; the rest is the caller's. ERR_INVALID names the place. */
int logql_parse(const char *text, struct arena *a, struct logdb_query *out,
                struct err *e) MUST_CHECK;
