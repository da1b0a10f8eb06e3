/* advisories.h - OSV records in one file, found by ecosystem and package without reading the rest.
 *
 * Model      A database is built from folders, archives and files and then only read: keys
 *            (ecosystem, package) sorted, each with its records as JSON; behind them, where it is
 *            signed, an ECDSA signature over all of that, as cosign makes it. Any number of
 *            processes may have it open; a new one replaces it by rename. A delta makes one from
 *            another, to the byte.
 * Threads    Reading from any. */
#pragma once
#include "blob/blob.h"
#include "codec/value.h"
#include "crypto/key.h"

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

/* What a data folder's readers use: `db`, or else DIR/advisories.db; signed by `key`, or else by
 * DIR/advisories.pub where that is there. ERR_DENIED: it is not. */
int advisories_open_trusted(const char *dir, const char *db, const char *key,
                            struct advisories **out, struct err *e) MUST_CHECK;

/* Signs a file that nobody reads yet. */
int advisories_sign(const char *path, struct key *k, struct err *e) MUST_CHECK;
/* ERR_DENIED: it is not signed, or by another. `name`: the key's, for people. */
int advisories_verify(const struct advisories *d, struct public_key *k, const char *name,
                      struct err *e) MUST_CHECK;
/* Of all but the signature. */
void advisories_digest(const struct advisories *d, char out[DIGEST_MAX]);

/* What makes `to`, with its signature, of `from`: a file. */
int advisories_delta(const struct advisories *from, const struct advisories *to, const char *path,
                     struct err *e) MUST_CHECK;
/* ERR_INVALID: the delta is damaged, or of another database. What it makes is as it was signed;
 * by whom is for the caller to ask. */
int advisories_apply(const struct advisories *from, const char *delta, const char *path,
                     struct err *e) MUST_CHECK;

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
