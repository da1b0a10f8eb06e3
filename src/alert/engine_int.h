/* engine_int.h - the state of the engine, for the files that decide. */
#pragma once
#include "alert/engine.h"
#include "base/map.h"

enum {
    ALERTS_MAX = 50000,
    ALERT_BYTES_MAX = 64 << 10,
    ALL_ALERTS_BYTES_MAX = 64 << 20,
    SILENCES_MAX = 10000,
    SILENCE_BYTES_MAX = 16 << 10,
    GROUPS_MAX = 50000,
    MATCHES_MAX = 256, /* routes of one alert */
    KEEP_SILENCE_MS = 120 * 3600000,
};

struct kept_alert {
    struct arena *arena;
    struct alert_told told;
    int64_t updated_ms;
    bool guessed;   /* nobody said when it ends */
    bool processed; /* a group has looked at it */
    unsigned groups;
    size_t bytes;
};

struct alert_group {
    char *id;
    struct arena *arena;
    const char *key;
    const struct alert_route *route;
    struct labels labels;
    struct kept_alert **alerts;
    size_t n;
    int64_t due_ms, interval_due_ms; /* when it looks; when it looks in any case */
    int64_t looked_ms;
    int64_t backoff_ms;
    uint64_t flush;   /* how often it has looked */
    unsigned waiting; /* notices that are not done */
    bool failed, looked;
};

/* Alerts that may inhibit by one rule, as of a generation. */
struct inhibitors {
    struct kept_alert **items;
    size_t n;
    uint64_t generation;
};

struct alert_engine {
    struct alert_config *config;
    struct map alerts;   /* fingerprint → struct kept_alert */
    struct map groups;   /* id → struct alert_group */
    struct map silences; /* id → struct kept_silence */
    struct map log;      /* key → struct kept_entry */
    struct inhibitors *inhibitors;
    uint64_t generation; /* of the set of alerts */
    int64_t swept_ms;
    size_t alert_bytes; /* of all alerts */
};

struct kept_silence {
    struct arena *arena;
    struct alert_silence silence;
};

struct kept_entry {
    struct arena *arena;
    struct alert_log_entry entry;
};

static inline bool kept__over(const struct kept_alert *k, int64_t now_ms)
{
    return k->told.ends_ms <= now_ms;
}

struct alert_told alert_told__copy(struct arena *a, const struct alert_told *t);

/* mute.c: why an alert is held back; NULL-terminated lists, empty when it is not. */
struct alert_muting {
    const char **silences, **inhibitors;
};
struct alert_muting engine__muting(struct alert_engine *g, const struct kept_alert *k,
                                   int64_t now_ms, struct arena *a);
/* Where an alert goes: at most MATCHES_MAX routes. */
size_t engine__routes(const struct alert_engine *g, const struct labels *l,
                      const struct alert_route **out);
/* Names of intervals that hold a route back now. */
const char **engine__time_muting(const struct alert_engine *g, const struct alert_route *r,
                                 int64_t now_ms, struct arena *a);
void engine__drop_inhibitors(struct alert_engine *g);

/* log.c */
bool engine__is_news(const struct alert_engine *g, const char *log_key,
                     const struct alert_channel *c, const struct alert_told *all, size_t n,
                     int64_t repeat_ms, int64_t now_ms);
const struct alert_log_entry *engine__note(struct alert_engine *g, const struct alert_notice *n);
void engine__sweep_log(struct alert_engine *g, int64_t now_ms);
void engine__sweep_silences(struct alert_engine *g, int64_t now_ms);
