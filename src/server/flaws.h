/* flaws.h - whom a new database of advisories concerns, said without being asked.
 *
 * Model      DIR/advisories.db is looked at every few seconds. When it is another one, the
 * catalogue of scanned images is asked what it says that the one before (DIR/advisories.seen, the
 *            same file by another name) did not: an Event on each pod that runs such an image and
 *            on each Repository that one was built from, a line in the log, and metrics. Once a
 *            day the catalogue loses the images that are neither in the store nor run.
 * Guarantees What was found is said again after a crash before it was noted down, never lost.
 * Threads    One of its own; flaws_measure() on any.
 * Lifetime   flaws_stop() before the runner goes, flaws_free() after the scraper.           */
#pragma once
#include "monitor/scraper.h"
#include "server/server_int.h"

struct flaws;

int flaws_start(struct server *s, struct flaws **out, struct err *e) MUST_CHECK;
void flaws_stop(struct flaws *f); /* NULL is fine */
void flaws_free(struct flaws *f);

/* A scraper_source; arg: the struct flaws. */
void flaws_measure(void *flaws, scraper_emit emit, void *to);
