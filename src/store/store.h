/* store.h - revisioned keys to bytes, durable, with history.
 *
 * Model      One sequence of revisions. Every write gets the next one and is kept until
 *            compaction, so that a read may ask for a past revision. The current state is in
 *            memory; disk is one append-only table in SQLite (WAL, synchronous FULL).
 * Guarantees A write that returned 0 is on disk (but see store_defer_sync). Writes queued together
 * share one sync (group commit). Readers never wait for the disk. Watches: see watch.h. Threads
 * Any. A write that is alone runs on its caller; others queue for one thread. Lifetime   Entries are immutable and shared:
 * entry_ref/entry_unref. Not here   Kinds, selectors, permissions; the store does not know what a
 * Pod is.        */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/own.h"

struct store;

struct entry {
    const char *key;
    const void *bytes;
    size_t len;
    uint64_t create_rev, rev; /* rev: of the write that made these bytes */
};

struct entry *entry_ref(const struct entry *n);
void entry_unref(struct entry *n);

/* `path`: the database file; NULL keeps everything in memory only. */
int store_open(const char *path, struct store **out, struct err *e) MUST_CHECK;
void store_free(struct store *s);
AUTO_DEFINE(store)

uint64_t store_revision(struct store *s);  /* of the newest visible write */
uint64_t store_compacted(struct store *s); /* reads before this are ERR_GONE */

/* `at`: a revision, or 0 for now. One reference for the caller. */
int store_get(struct store *s, const char *key, uint64_t at, struct entry **out,
              struct err *e) MUST_CHECK;

struct entry_list {
    struct entry **items; /* a reference each; key order */
    size_t n;
    uint64_t rev;  /* the state listed */
    uint64_t more; /* how many keys follow past the limit */
};

/* Keys that start with `prefix` and are greater than `after` (NULL: from the first), at most
 * `limit` (0: all). */
int store_list(struct store *s, const char *prefix, const char *after, size_t limit, uint64_t at,
               struct entry_list *out, struct err *e) MUST_CHECK;
void entry_list_done(struct entry_list *l);
uint64_t store_count(struct store *s, const char *prefix);

#define STORE_ANY UINT64_MAX /* `expect`: whatever is there, or nothing */

/* Writes when the key's revision is `expect` (0: must not exist). ERR_CONFLICT, ERR_EXISTS
 * (expect 0), ERR_NOT_FOUND (expect > 0 and gone). Returns when durable. */
int store_put(struct store *s, const char *key, const void *bytes, size_t len, uint64_t expect,
              uint64_t *out_rev, struct err *e) MUST_CHECK;
int store_delete(struct store *s, const char *key, uint64_t expect, uint64_t *out_rev,
                 struct err *e) MUST_CHECK;

/* Between these two a write returns once it is ordered, before it is on disk: for what a server
 * makes for itself before it answers anyone. store_sync() returns when all of it is there. */
int store_defer_sync(struct store *s, struct err *e) MUST_CHECK;
int store_sync(struct store *s, struct err *e) MUST_CHECK;

/* Forgets what only revisions before `before` can see. */
int store_compact(struct store *s, uint64_t before, struct err *e) MUST_CHECK;
