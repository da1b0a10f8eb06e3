/* chart.h - what a chart says of itself, and packing it.
 *
 * Lifetime   Answers live as long as the chart, or in the arena given.                    */
#pragma once
#include <stdint.h>

#include "base/buf.h"
#include "render/helm/helm.h"

const char *helm_chart_name(const struct helm_chart *c);
const char *helm_chart_version(const struct helm_chart *c);
bool helm_chart_is_old(const struct helm_chart *c); /* of apiVersion v1 */

/* Chart.yaml as Helm writes it: known fields that say something, in the order of its struct. */
struct value *helm_chart_meta(const struct helm_chart *c, struct arena *a);
/* The same as text. */
const char *helm_chart_yaml(const struct helm_chart *c, struct arena *a);
void helm_chart_set(struct helm_chart *c, const char *field, const char *text, struct arena *a);

/* Chart.yaml's dependencies, an array, NULL when it has no such field. */
const struct value *helm_chart_wants(const struct helm_chart *c);
/* One of them, as Helm writes it. */
struct value *helm_dependency_doc(const struct value *dependency, struct arena *a);
/* Chart.lock or requirements.lock, or NULL. */
const struct value *helm_chart_lock(const struct helm_chart *c);
bool helm_chart_has_values(const struct helm_chart *c);

/* Charts in charts/. */
size_t helm_chart_children(const struct helm_chart *c, struct helm_chart *const **out);

struct helm_chart_file {
    const char *name;
    struct helm_text text;
};
/* Every file as it was read. */
size_t helm_chart_raw(const struct helm_chart *c, struct arena *a, struct helm_chart_file **out);
/* All but Chart.yaml, values, schema, templates and charts. */
size_t helm_chart_rest(const struct helm_chart *c, struct arena *a, struct helm_chart_file **out);
/* Files of crds/, of the subcharts too, in Helm's order. */
size_t helm_chart_crds(const struct helm_chart *c, struct arena *a, struct helm_chart_file **out);

/* A .tgz that Helm reads. The same chart and time give the same bytes. */
int helm_chart_save(const struct helm_chart *c, int64_t mtime, struct helm_log *log,
                    struct buf *out, struct err *e) MUST_CHECK;
/* The files of an archive, as they are in it, without looking into them. */
int helm_archive_list(const void *archive, size_t n, struct helm_log *log,
                      struct helm_chart_file **out, size_t *n_out, struct err *e) MUST_CHECK;

/* The same as a tree, whose root is the chart; it lives as long as the arena and the archive. */
struct tree;
int helm_archive_tree(const void *archive, size_t n, struct arena *a, struct tree **out,
                      struct err *e) MUST_CHECK;

/* When the newest of its files was made (seconds since 1970); 0: it is no archive. */
int64_t helm_archive_time(const void *archive, size_t n);

/* An error, sentence in the log, for those who work with charts. */
int helm_fail(struct helm_log *log, struct err *e, enum err_code code, const char *fmt, ...)
    PRINTF(4, 5);
