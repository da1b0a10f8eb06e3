/* table.h - objects as rows, for `kubectl get`.
 *
 * Model    A kind has columns; a cell is a JSON value. Ages come from now_ms.            */
#pragma once
#include "api/kind.h"

/* [{name, type, format, description, priority}] */
struct value *table_columns(const struct kind *k, struct arena *a);

/* [cell, …] of one object. */
struct value *table_cells(const struct kind *k, const struct value *obj, int64_t now_ms,
                          struct arena *a);

/* "5d3h": as kubectl shows ages. */
const char *table_age(int64_t ms, struct arena *a);

/* [{type, status, reason, message}] of a row: a pod that ended says so. NULL: none. */
struct value *table_row_conditions(const struct kind *k, const struct value *obj, struct arena *a);
