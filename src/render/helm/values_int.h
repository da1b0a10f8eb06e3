/* values_int.h - joining and reading values. */
#pragma once
#include "render/helm/helm_int.h"

/* All values of a chart and its subcharts, as a new tree; `values` (NULL: none) win. `merge` keeps
 * nulls, else a null takes away what a chart has by default. */
int helm__coalesce(struct helm_log *log, const struct helm_chart *c, struct go_map *values,
                   bool merge, struct go_map **out, struct err *e) MUST_CHECK;

/* Puts into `dst` what `src` has and it has not; changes both. */
void helm__tables(struct helm_log *log, struct go_map *dst, struct go_map *src, const char *prefix,
                  bool merge);

/* The table at "a.b.c", or NULL; then *missing (may be NULL) begins with the part that is none. */
struct go_map *helm__table(struct go_map *m, const char *path, const char **missing);

/* ---- dependencies.c ---- */

/* Leaves out the charts that conditions and tags switch off, names aliases, imports values. */
int helm__dependencies(struct helm_log *log, struct helm_chart *c, struct go_map *values,
                       struct err *e) MUST_CHECK;
