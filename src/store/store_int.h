/* store_int.h - what the files of store/ share. */
#pragma once
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "db/db.h"
#include "store/index.h"
#include "store/watch.h"

enum op_kind { OP_PUT, OP_DELETE, OP_COMPACT };

/* A write on its way: lives on its caller's stack until `done` is posted. Each has its own, so
 * that a commit wakes those it was for and nobody else. */
struct op {
    enum op_kind kind;
    const char *key;
    const void *bytes;
    size_t len;
    uint64_t expect; /* OP_COMPACT: the revision to compact before */
    uint64_t rev;
    struct entry *fresh, *prev; /* set by the writer; prev is a reference */
    int rc;
    struct err err;
    sem_t done;
    struct op *next;
};

/* The last events, oldest overwritten first. Sequence numbers count events, not revisions. */
struct window {
    struct watch_event *ring;
    size_t cap;
    uint64_t first, next; /* sequence numbers held: [first, next) */
    size_t bytes;
    uint64_t gone_rev;         /* events up to this revision may be missing */
    const struct op *foretold; /* the writes of a commit that waits for the disk, or NULL */
    uint64_t broken_promises;  /* how many such commits failed */
    atomic_uint verdicts;      /* how many of them stand or failed */
    struct watch *watches;
};

struct watch {
    struct store *store;
    char *prefix;
    size_t prefix_len;
    uint64_t seq;      /* the next event to look at; under the store's lock */
    uint64_t progress; /* the revision seen up to */
    uint64_t ahead;    /* where the watch is once the commit that was foretold stands, or 0 */
    uint64_t ahead_rev, promises; /* the revision then; `broken_promises` when it was foretold */
    unsigned verdicts;            /* the window's, when it was foretold */
    struct watch *next, **link;

    pthread_mutex_t lock; /* of what follows; the set's lock comes after it */
    pthread_cond_t ready;
    bool pending, woken;   /* something may be there */
    bool ready_ahead;      /* it has made ready for what was foretold */
    struct watch_set *set; /* it rests there */
    void *arg;
    bool back, leaving;       /* its rest is over */
    bool taken;               /* by one of the set's threads; written under the set's lock, too */
    struct watch *next_ready; /* under the set's lock, as the next two */
    bool queued;
    bool held; /* among those that made ready and wait for the verdict */
};

struct store {
    struct db *db;
    struct statement *insert;
    uint64_t synced;         /* while syncs are deferred: the revision that is on disk */
    pthread_mutex_t db_lock; /* the connection: writer between batches, readers of the past */

    pthread_rwlock_t lock; /* index, revision, compacted, window */
    struct index index;
    uint64_t rev, compacted;
    struct window window;
    atomic_uint resting; /* watches that rest in a set */

    pthread_mutex_t queue_lock;
    pthread_cond_t queue_filled;
    struct op *queue, **queue_tail;
    bool writing; /* a batch, by the writer or by who submitted it */
    bool alone;   /* the last batch was one op */
    bool stopping, writer_up;
    pthread_t writer;
};

struct entry *entry__new(const char *key, const void *bytes, size_t len);

/* writer.c */
void *store__writer(void *store);
/* Under the queue's lock, which it gives up meanwhile; nobody else writes. */
void store__write(struct store *s, struct op *ops);

/* watch.c; under the write lock. `window__publish` takes the event's references. */
void window__init(struct window *w);
void window__done(struct window *w);
void window__publish(struct window *w, struct watch_event ev);
/* A watch that had seen everything up to `from` moves on over what does not concern it: others'
 * events may not push it out of the window. */
void window__skip(struct window *w, uint64_t from);
/* Wakes the watches that the events from sequence `from` on concern. Under the read lock: those
 * who are woken look at once, and do not wait for the last one to be woken. */
void window__notify(struct window *w, uint64_t from);

/* Lends the writes of a commit to those who prepare what they will say of it; NULL takes them back.
 * Under the write lock. */
void window__foretell(struct window *w, const struct op *ops);
/* The threads of a set look at those of its watches that the writes concern. */
void window__make_ready(struct window *w, const struct op *ops);
/* Wakes every watch that the writes concern. */
void window__wake(struct window *w, const struct op *ops);

/* watch_set.c; with the watch's lock held: one of the threads of its set shall look at it. */
void watch__ready(struct watch *x);
/* The same of many: each is queued, then all threads are woken. False: somebody has it. */
bool watch__queue(struct watch *x);
void watch__filled(struct watch_set *s);
/* There is a verdict: all that made ready for it are taken next. */
void watch__verdict(struct watch_set *s);

/* history.c: reads of the past, from the log. */
int history__get(struct store *s, const char *key, uint64_t at, struct entry **out, struct err *e);
int history__list(struct store *s, const char *prefix, const char *after, size_t limit, uint64_t at,
                  struct entry_list *out, struct err *e);
/* A commit that changes nothing, but is waited for. */
int history__touch(struct store *s, struct err *e);
int history__compact(struct store *s, uint64_t before, struct err *e);
int history__load(struct store *s, struct err *e);

/* load.c: fills the index. */
int load__present(struct store *s, struct err *e);
