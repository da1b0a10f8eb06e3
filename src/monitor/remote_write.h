/* remote_write.h - samples on their way out to another store: remote_write of a Prometheus
 * configuration.
 *
 * Model      The store's log is the queue (tsdb/tail.h): a writer reads what is new in it, sends
 *            that in requests of at most max_samples_per_send, and notes in a file how far the
 *            other side has acknowledged. It begins with what comes after it was first configured.
 * Guarantees At least once, in order; nothing waits for it but its own thread, and it holds one
 *            request in memory. What the other side refuses for good, what sample_age_limit passes
 *            over and what retention removed before is counted, and said once a minute.
 * Threads    One of its own for each.                                                      */
#pragma once
#include "monitor/client_config.h"
#include "monitor/relabel.h"
#include "monitor/remote_body.h"
#include "tsdb/tail.h"

/* One element of remote_write; texts are borrowed from the arena it was read into. */
struct remote_write_config {
    const char *name, *url; /* name "": none */
    struct client_config client;
    enum remote_version version;
    struct labels external;
    struct relabel *relabel; /* owned; NULL: none */
    bool exemplars, histograms, retry_429;
    size_t max_samples;
    int64_t timeout_ms, deadline_ms, min_backoff_ms, max_backoff_ms;
    int64_t age_limit_ms; /* 0: none */
};

/* An element that was checked (rules/config.h). ERR_UNSUPPORTED names what is not done here. */
int remote_write_config_read(const struct value *v, const char *folder,
                             const struct labels *external, struct arena *a,
                             struct remote_write_config *out, struct err *e) MUST_CHECK;
void remote_write_config_done(struct remote_write_config *c);

struct remote_writer;
struct remote_writer_opts {
    struct tsdb *db;
    const struct clock *clock;
    const struct remote_write_config *config; /* borrowed */
    const char *file;                         /* how far it is */
};

int remote_writer_start(const struct remote_writer_opts *o, struct remote_writer **out,
                        struct err *e) MUST_CHECK;
void remote_writer_free(struct remote_writer *w); /* ends what is under way within seconds */
AUTO_DEFINE(remote_writer)

/* Samples, all since it was first configured; `behind` and `retried` since it was started. */
struct remote_writer_stats {
    uint64_t sent, retried;
    uint64_t refused; /* for good, by the other side */
    uint64_t aged;    /* older than sample_age_limit */
    uint64_t lost;    /* removed by retention before they were read, wanted or not */
    uint64_t behind;  /* in the log and not read, wanted or not */
};
void remote_writer_stats(struct remote_writer *w, struct remote_writer_stats *out);

/* All of a configuration; their files lie in `dir`. */
struct remote_writers;
int remote_writers_start(const struct value *root, const char *folder,
                         const struct labels *external, struct tsdb *db, const char *dir,
                         struct remote_writers **out, struct err *e) MUST_CHECK;
void remote_writers_free(struct remote_writers *w);
/* A scraper_source of their counts, under the names that Prometheus has for its own. */
void remote_writers_emit(void *writers,
                         void (*emit)(void *to, const struct label *labels, size_t n, double v),
                         void *to);
