/* blob.h - content-addressed bytes: registry, build cache and node image store at once.
 *
 * Model      A digest ("sha256:<hex>", also sha512) names a file below one folder. A writer
 *            collects bytes, then commits under the digest it computed, or cancels. Named
 *            references (tags, leases) keep blobs alive; the rest is collected.
 * Guarantees A blob is visible only whole and verified, and durable once a commit or a touch has
 *            said that it is there. Nothing that a lease or a reference reaches is ever removed.
 * Threads    Any; a writer belongs to one thread.                                       */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/own.h"

enum { DIGEST_MAX = 7 + 128 + 1 };

struct blob_store;
struct blob_writer;

int blob_store_open(const char *folder, struct blob_store **out, struct err *e) MUST_CHECK;
void blob_store_free(struct blob_store *s);
AUTO_DEFINE(blob_store)

/* ERR_INVALID unless it is a well-formed digest of a known algorithm. */
int blob_digest_check(const char *digest, struct err *e) MUST_CHECK;
void blob_digest_of(const void *bytes, size_t n, char out[DIGEST_MAX]); /* sha256 */

int blob_writer_new(struct blob_store *s, struct blob_writer **out, struct err *e) MUST_CHECK;
int blob_write(struct blob_writer *w, const void *bytes, size_t n, struct err *e) MUST_CHECK;
/* A descriptor for pread() of what has been written so far, or -1; good also when the writer has
 * gone. */
int blob_writer_reader(const struct blob_writer *w);
uint64_t blob_writer_size(const struct blob_writer *w);
/* `expected`: NULL, or the digest it must have (ERR_INVALID otherwise). The writer is gone after
 * either of these, whatever they return. */
int blob_commit(struct blob_writer *w, const char *expected, char out_digest[DIGEST_MAX],
                struct err *e) MUST_CHECK;
void blob_cancel(struct blob_writer *w);

int blob_put(struct blob_store *s, const void *bytes, size_t n, char out_digest[DIGEST_MAX],
             struct err *e) MUST_CHECK;
bool blob_has(struct blob_store *s, const char *digest, uint64_t *out_size);
int blob_open(struct blob_store *s, const char *digest, int *out_fd, uint64_t *out_size,
              struct err *e) MUST_CHECK;
/* Small ones, whole: manifests, configurations. */
int blob_read(struct blob_store *s, const char *digest, size_t max, struct arena *a, char **out,
              size_t *out_len, struct err *e) MUST_CHECK;
/* The file's path, for mounting and hard links; never written by anyone. */
const char *blob_path(struct blob_store *s, const char *digest, struct arena *a);
int blob_delete(struct blob_store *s, const char *digest, struct err *e) MUST_CHECK;
/* Marks it as wanted now, so that collection lets it live for another grace period, and waits until
 * it is on the disk where another thread is only just putting it there. False when it is not there.
 */
bool blob_touch(struct blob_store *s, const char *digest);

/* Every blob there is; some may go meanwhile. */
int blob_each(struct blob_store *s, void (*fn)(void *arg, const char *digest), void *arg,
              struct err *e) MUST_CHECK;

/* Removes every blob that `keep` does not want and that nobody wrote or touched since `before_ms`
 * (UTC). Serves meanwhile. */
int blob_collect(struct blob_store *s, bool (*keep)(void *arg, const char *digest), void *arg,
                 int64_t before_ms, size_t *out_blobs, uint64_t *out_bytes,
                 struct err *e) MUST_CHECK;
