/* queue.h - which keys wait, which run, and when each is due.
 *
 * Model      A key is idle, waiting (due now or later) or running. Adding a waiting key changes
 *            nothing; adding a running key makes it wait again when it is done. So many events
 *            are one run, and no key runs twice at a time. A failed key waits 5 ms, doubled
 *            with every failure up to 60 s.
 * Guarantees Keys that are due are taken in the order they became due.
 * Threads    None: the runner holds its lock. Time is an argument (monotonic ms).
 * Lifetime   A taken key's text is good until queue_done().                              */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/own.h"

enum { QUEUE_BACKOFF_FIRST_MS = 5, QUEUE_BACKOFF_MAX_MS = 60000 };

struct queue;

struct queue *queue_new(void);
void queue_free(struct queue *q);
AUTO_DEFINE(queue)

void queue_add(struct queue *q, const char *key, int64_t now_ms);
/* The earlier of this and what was asked before holds. */
void queue_add_at(struct queue *q, const char *key, int64_t due_ms);

/* Takes the key that is due first (the `nth` of those that wait and are due, 0 = first); NULL
 * when none is. */
const char *queue_take(struct queue *q, int64_t now_ms, size_t nth);

/* Ends a run. Failed: the key is added again after its back-off. */
void queue_done(struct queue *q, const char *key, bool failed, int64_t now_ms);

unsigned queue_failures(struct queue *q, const char *key);
size_t queue_ready(struct queue *q, int64_t now_ms); /* how many could be taken */
size_t queue_running(const struct queue *q);
int64_t queue_next_due(struct queue *q); /* INT64_MAX: nothing waits */
size_t queue_len(const struct queue *q); /* waiting or running */
