/* scraper.h - asks targets for their metrics at their interval and keeps the answers.
 *
 * Model      A target is a URL and the labels its samples get. Sources inside this process are
 *            asked in the same way. Every scrape also records up, scrape_duration_seconds and
 *            scrape_samples_scraped.
 *            A page may be text, OpenMetrics or protobuf, which is asked for first: it alone has
 *            native histograms and exemplars.
 * Guarantees A series that is no longer given gets a stale marker, and so do all of a target that
 *            does not answer or is removed. A page is limited in size; a slow target holds up
 *            one thread for its timeout at most.
 * Threads    A pool of its own that grows while all are held up; set and remove from any.   */
#pragma once
#include "monitor/client_config.h"
#include "monitor/metadata.h"
#include "monitor/relabel.h"
#include "tsdb/tsdb.h"

struct scraper;

/* What who may only configure targets can ask for: a target that is asked all the time, or that
 * may take for ever, keeps others from being asked. */
enum { SCRAPE_INTERVAL_MIN_MS = 1000, SCRAPE_TIMEOUT_MAX_MS = 60000 };
int scrape_times_check(int64_t interval_ms, int64_t timeout_ms, struct err *e) MUST_CHECK;

struct scraper_opts {
    struct tsdb *db;
    const struct clock *clock;
    int64_t interval_ms; /* 0: 2 s */
    int64_t timeout_ms;  /* 0: 1 s */
    unsigned threads;    /* to begin with; 0: 2 */
};

int scraper_start(const struct scraper_opts *o, struct scraper **out, struct err *e) MUST_CHECK;
void scraper_free(struct scraper *s);
AUTO_DEFINE(scraper)

/* `key` names the target; again with other values changes it. `labels`: job, instance, … */
void scraper_set(struct scraper *s, const char *key, const char *url, const struct labels *labels);

/* How a target is asked, and what becomes of its samples; all zero is the usual. */
struct scrape_opts {
    int64_t interval_ms, timeout_ms;
    const char *bearer, *user, *password, *ca_pem, *cert_pem, *key_pem; /* NULL: none */
    bool insecure;
    bool text_only;        /* no protobuf */
    bool honor_labels;     /* what the page says of where it comes from stays */
    bool classic;          /* classic buckets of native histograms, too */
    bool honor_timestamps; /* samples keep the times that the page gives them */
    bool track_timestamps; /* and get stale markers nonetheless */
    size_t sample_limit, body_limit, label_limit, label_name_limit, label_value_limit; /* 0: none */
    struct relabel *relabel;            /* of samples; taken */
    const struct relabel *rules;        /* the same, borrowed for as long as the scraper lives */
    const struct client_config *client; /* instead of the above; borrowed likewise; or NULL */
    const char *refused;                /* why it is not asked, though it is a target; or NULL */
    const char *version;                /* the same, URL and labels the same: nothing changes; "" */
};
void scraper_put(struct scraper *s, const char *key, const char *url, const struct labels *labels,
                 const struct scrape_opts *o);
/* Removes those whose keys begin so and are not among `kept`. */
void scraper_keep(struct scraper *s, const char *prefix, const char *const *kept, size_t n);

/* A source in the process: fn calls emit for each sample (labels without the target's own). With
 * a `job` among its labels it is `up` like a target. interval_ms 0: the scraper's. */
typedef void (*scraper_emit)(void *to, const struct label *labels, size_t n, double v);
typedef void (*scraper_source)(void *arg, scraper_emit emit, void *to);
void scraper_set_source(struct scraper *s, const char *key, scraper_source fn, void *arg,
                        const struct labels *labels, int64_t interval_ms);
void scraper_remove(struct scraper *s, const char *key);

struct scrape_state {
    const char *key, *url, *error; /* error "" when it is up */
    struct labels labels;
    bool up;
    int64_t last_ms, took_ms, interval_ms, timeout_ms;
};
/* Every target with a URL, in the arena. */
size_t scraper_states(struct scraper *s, struct arena *a, struct scrape_state **out);
/* What pages say about their metrics; of each target, in the arena. */
struct scrape_note {
    struct labels labels; /* the target's */
    struct metric_note note;
};
size_t scraper_notes(struct scraper *s, struct arena *a, struct scrape_note **out);
