/* watch.h - tell subscribers, in order, what changed in the store.
 *
 * Model      The store remembers the last events (a window). A watch starts after a revision
 *            and sees every later event of its prefix once, in revision order.
 * Guarantees No event is skipped silently: a reader that falls behind the window gets
 *            ERR_GONE and must relist. Events are published only when durable; what is foretold
 *            is for making ready, not for showing.
 * Threads    next/close from any one thread per watch; watch_wake from any. Many watches that rest
 *            in a set share its threads: to wake a hundred threads takes longer than their work. */
#pragma once
#include <stdbool.h>

#include "store/store.h"

struct watch;

struct watch_event {
    uint64_t rev;
    bool deleted;
    struct entry *entry; /* what is now there; when deleted, NULL */
    struct entry *prev;  /* what was there before; NULL when created */
};
void watch_event_done(struct watch_event *ev);

/* Events with a revision greater than `since`. ERR_GONE: older than the window. */
int watch_open(struct store *s, const char *prefix, uint64_t since, struct watch **out,
               struct err *e) MUST_CHECK;

/* Waits at most timeout_ms (< 0: for ever) for the next event. ERR_TIMEOUT, ERR_GONE,
 * ERR_CANCELLED after watch_wake(). */
int watch_next(struct watch *w, int64_t timeout_ms, struct watch_event *out,
               struct err *e) MUST_CHECK;

/* Up to this revision the watch has seen everything, events or none: for bookmarks. */
uint64_t watch_progress(struct watch *w);
void watch_wake(struct watch *w); /* ends the wait of watch_next, and its rest */
void watch_close(struct watch *w);

/* ---- sets ---- */

struct watch_set; /* of watches of one store, before whose end it is freed */
struct watch_set *watch_set_new(struct store *s);
void watch_set_free(struct watch_set *s); /* nothing rests in it */

/* Lends the watch to the set for at most timeout_ms, or until one of the set's threads gives it
 * back, or watch_wake(). When this returns nobody else has it. */
void watch_rest(struct watch *w, struct watch_set *s, void *arg, int64_t timeout_ms);

/* For the set's threads: waits for a watch that has seen nothing of its last event, and its
 * `arg`; NULL once the set was ended. The thread has it for itself until watch_set_put(); `back`
 * ends its rest. */
struct watch *watch_set_take(struct watch_set *s, void **out_arg);
void watch_set_put(struct watch_set *s, struct watch *w, bool back);
void watch_set_end(struct watch_set *s);

/* ---- ahead of the disk ---- */

/* While a small commit waits for the disk, watches that rest in a set and have seen everything
 * before it can be taken to make ready for its events: how many are in `out`; 0: none, or more of
 * them or of their bytes than asked for. After any, watch_settled() comes before watch_next(). */
size_t watch_foretold(struct watch *w, struct watch_event *out, size_t max, size_t max_bytes);

/* 0: the events that were foretold are durable, and count as seen; ERR_CANCELLED: they will never
 * be; ERR_TIMEOUT: nobody knows yet, after timeout_ms (< 0: waits for it). */
int watch_settled(struct watch *w, int64_t timeout_ms, struct err *e) MUST_CHECK;
