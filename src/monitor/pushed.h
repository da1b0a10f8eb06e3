/* pushed.h - what senders say about their metrics (remote write, OTLP): kept while the process
 * lives, as targets' pages are. Threads: any. */
#pragma once
#include "monitor/batch.h"
#include "monitor/metadata.h"

enum { PUSHED_NOTES_MAX = 20000, PUSHED_TEXT_MAX = 4096 };

struct pushed;

struct pushed *pushed_new(void);
void pushed_free(struct pushed *p);
AUTO_DEFINE(pushed)

/* The newest that is said of a metric stays; what is past a maximum is left out. */
void pushed_put(struct pushed *p, const struct batch *b);
/* In the arena. */
size_t pushed_notes(struct pushed *p, struct arena *a, struct metric_note **out);
