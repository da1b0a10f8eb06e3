/* index.h - index.yaml, the list of a repository's charts: read, searched, made.
 *
 * Model      A document; every chart's versions, newest first. Entries that are no charts are left
 *            out with a warning, when the chart is asked for.
 * Guarantees A text of at most CHARTS_INDEX_MAX; what is not an index is refused as Helm does.
 * Lifetime   In the arena given.                                                          */
#pragma once
#include "charts/charts.h"
#include "codec/value.h"

struct charts_index {
    struct value *doc;
    const char *source; /* for messages: a path or URL */
};

struct charts_entry {
    const char *version;
    const char *const *urls;
    size_t n_urls;
    const char *digest, *app_version, *description; /* "": not said */
    const struct value *doc;
};

int charts_index_parse(const char *text, size_t n, const char *source, struct arena *a,
                       struct charts_index *out, struct err *e) MUST_CHECK;
/* ERR_NOT_FOUND in Helm's words: open PATH: no such file or directory. */
int charts_index_read(const char *path, struct arena *a, struct charts_index *out,
                      struct err *e) MUST_CHECK;

/* All versions of a chart, newest first. ERR_NOT_FOUND: it is not in the list. */
int charts_index_versions(const struct charts_index *ix, const char *name, struct arena *a,
                          struct charts_entry **out, size_t *n, struct err *e) MUST_CHECK;
/* The newest in the range; "" is any release, and an exact text beats the range. */
int charts_index_get(const struct charts_index *ix, const char *name, const char *version,
                     struct arena *a, struct charts_entry *out, struct err *e) MUST_CHECK;

/* ---- making one ---- */

struct charts_index charts_index_new(struct arena *a, int64_t now_ms);
/* `meta` is the chart's, `url` where it can be had. */
void charts_index_add(struct charts_index *ix, const struct value *meta, const char *url,
                      const char *digest, int64_t now_ms, struct arena *a);
/* Adds what only `other` has. */
void charts_index_merge(struct charts_index *ix, const struct charts_index *other, struct arena *a);
const char *charts_index_text(struct charts_index *ix, bool json, struct arena *a);

/* 2026-01-02T03:04:05.678Z */
const char *charts_time(int64_t now_ms, struct arena *a);
