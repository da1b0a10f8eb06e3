/* advisories.h - OSV records in one file, found by ecosystem and package without reading the rest.
 *
 * Model      A database is built from folders, archives and files and then only read: keys
 *            (ecosystem, package) sorted, each with its records as JSON. Any number of processes
 * may have it open; a new one replaces it by rename. Threads    Reading from any. */
#pragma once
#include "codec/value.h"

struct advisories;

struct advisories_stats {
    size_t records, packages, skipped; /* skipped: withdrawn, or no package named */
    size_t scored;                     /* vulnerabilities of which attacks are known or rated */
};

/* Reads every *.json, *.yaml and archive below the paths: OSV records, Debian's tracker, Alpine's
 * secdb, CISA's known_exploited_vulnerabilities.json, EPSS' epss_scores*.csv. ERR_INVALID names the
 * file that is none of them. The same input makes the same bytes. */
int advisories_build(const char *const *paths, size_t n, const char *out_path, int64_t now_ms,
                     struct advisories_stats *out, struct err *e) MUST_CHECK;

int advisories_open(const char *path, struct advisories **out, struct err *e) MUST_CHECK;
void advisories_free(struct advisories *d);
AUTO_DEFINE(advisories)

int64_t advisories_built_ms(const struct advisories *d);
size_t advisories_packages(const struct advisories *d);

/* Whether the two say something else about a package; `before` NULL: whether `now` says anything.
 */
bool advisories_differ(const struct advisories *before, const struct advisories *now,
                       const char *ecosystem, const char *package, struct arena *a);

/* The records about a package: an array, empty when there are none. For "Debian:12" those of
 * "Debian" without a release count, too. */
int advisories_find(const struct advisories *d, const char *ecosystem, const char *package,
                    struct arena *a, struct value **out, struct err *e) MUST_CHECK;
