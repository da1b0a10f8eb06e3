/* feed.h - where databases of advisories are published, and how a machine keeps up with them.
 *
 * Model      A place holds one manifest, an OCI artifact's, and blobs by digest: the whole
 *            database, and deltas that lead from earlier ones to it. Three places are real: a
 *            folder (index.json, blobs/sha256/HEX), the same folder behind a web server, and a
 *            repository of any registry.
 * Guarantees What is fetched has the digests and sizes that the manifest says, is signed by the
 *            key where one is given, and is not older than what is there; only then it takes its
 *            place, by rename. Whoever reads goes on with what they had.
 * Threads    A place is used by one at a time.                                              */
#pragma once
#include "net/http_client.h"
#include "oci/remote.h"
#include "scan/advisories.h"

struct feed_place;

typedef int (*feed_sink)(void *arg, const void *bytes, size_t n);

struct feed_place_ops {
    /* ERR_NOT_FOUND: nothing is published there yet. */
    int (*manifest)(struct feed_place *p, struct arena *a, char **out, size_t *n, struct err *e);
    int (*fetch)(struct feed_place *p, const char *digest, feed_sink to, void *arg, struct err *e);
    /* NULL: it can only be read. */
    int (*store)(struct feed_place *p, const char *digest, const void *bytes, size_t n,
                 struct err *e);
    int (*publish)(struct feed_place *p, const char *manifest, size_t n, struct err *e);
};

struct feed_place {
    const struct feed_place_ops *ops;
};

struct feed_folder {
    struct feed_place place;
    const char *path;
};
struct feed_folder feed_folder(const char *path);

struct feed_web {
    struct feed_place place;
    struct http_client *http;
    const char *url; /* of the folder, without a slash at its end */
};
struct feed_web feed_web(struct http_client *http, const char *url);

struct feed_registry {
    struct feed_place place;
    struct remote *remote;
    const char *tag;
};
struct feed_registry feed_registry(struct remote *remote, const char *tag);

struct feed_result {
    bool changed;
    size_t deltas; /* by which it came; 0: whole */
    uint64_t bytes;
    int64_t built_ms;
};

/* Brings the database at `path` up to date; `key` (`key_name` for people) may be NULL. */
int feed_update(struct feed_place *p, const char *path, struct public_key *key,
                const char *key_name, struct feed_result *out, struct err *e) MUST_CHECK;

/* Publishes the database at `path`, with a delta from the one that is there. */
int feed_push(struct feed_place *p, const char *path, struct feed_result *out,
              struct err *e) MUST_CHECK;

/* Every layer of an artifact of whatever kind, as files of the folder by their titles. */
int feed_take(struct feed_place *p, const char *folder, struct err *e) MUST_CHECK;
