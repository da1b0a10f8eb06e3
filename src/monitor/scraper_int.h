/* scraper_int.h - what the files of the scraper share. */
#pragma once
#include <pthread.h>

#include "base/map.h"
#include "monitor/scraper.h"

enum { SCRAPE_THREADS_MAX = 32 };

struct target {
    struct arena *arena;
    const char *key, *url; /* url NULL: a source */
    scraper_source fn;
    void *arg;
    struct labels labels;
    struct scrape_opts opts;
    struct map series; /* the database's reference, as text → number of the scrape that saw it */
    uint64_t scrapes;
    int64_t due_ms;            /* monotonic */
    struct arena *notes_arena; /* of what the page says about metrics; NULL: not read yet */
    struct metric_note *notes;
    size_t n_notes;
    bool busy, gone, up;
    int64_t last_ms, took_ms;
    char error[200];
};

struct scraper {
    struct scraper_opts opts;
    pthread_t threads[SCRAPE_THREADS_MAX];
    unsigned n_threads, idle;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct map targets;
    int64_t synced_ms;
    bool stopping;
};

/* scrape.c: asks once, and keeps what the target says. Not under the lock. */
void scrape__target(struct scraper *s, struct target *t);
/* The target's series end after their last sample, also when that is of this very millisecond.
 * Not under the lock: it writes to the store. */
void scrape__end(struct scraper *s, struct target *t);
int64_t scrape__interval_ms(const struct scraper *s, const struct target *t);
int64_t scrape__timeout_ms(const struct scraper *s, const struct target *t);
