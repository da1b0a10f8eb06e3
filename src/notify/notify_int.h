/* notify_int.h - what the files of notify/ share. */
#pragma once
#include <pthread.h>
#include <stdatomic.h>

#include "alert/message.h"
#include "codec/value.h"
#include "db/db.h"
#include "net/http_client.h"
#include "notify/notify.h"

enum { NOTIFIER_THREADS = 16 };

/* Templates in force; shared by deliveries that go on. */
struct wording {
    _Atomic unsigned refs;
    struct arena *arena;
    struct alert_words words;
};
struct wording *wording_ref(struct wording *w);
void wording_unref(struct wording *w);

/* Notices of one moment. */
struct batch {
    _Atomic unsigned refs;
    struct arena *arena;
    struct wording *wording;
};

struct job {
    struct batch *batch;
    const struct alert_notice *notice;
    struct job *next;
};

struct forwarder;

struct notifier {
    struct notifier_opts opts;
    pthread_mutex_t lock; /* of all below */
    pthread_cond_t changed, queued;
    struct alert_engine *engine;
    struct wording *wording;
    struct state *state; /* NULL: memory only */
    struct job *jobs, **last;
    size_t undone, under_way; /* jobs; undone ones wait or are under way */
    pthread_t decider, threads[NOTIFIER_THREADS];
    bool deciding;
    unsigned n_threads;          /* that deliver */
    struct forwarder *forwarder; /* NULL: alerts stay here */
    int64_t started_ms;
    bool stopping;
    atomic_bool cancelled; /* deliveries under way end */
};

/* Somebody looks at what is due: the first alert starts the thread that does. Under the lock. */
void notifier__wake(struct notifier *n);

/* deliver.c: renders and sends. */
enum alert_outcome notifier_deliver(const struct alert_notice *n, const struct alert_words *w,
                                    const atomic_bool *cancel, struct err *e);

/* http_config as options of a client; files are read into the arena. */
int notify_http_opts(const struct value *config, struct arena *a, struct http_client_opts *out,
                     struct err *e) MUST_CHECK;

/* state.c: alerts.db */
struct state;
int state_open(const char *path, struct state **out, struct err *e) MUST_CHECK;
void state_free(struct state *s);
int state_load(struct state *s, struct alert_engine *g, int64_t now_ms, struct err *e) MUST_CHECK;
int state_keep_entry(struct state *s, const struct alert_log_entry *x, int64_t now_ms,
                     struct err *e) MUST_CHECK;
int state_keep_silence(struct state *s, const struct alert_silence *x, struct err *e) MUST_CHECK;
int state_drop_silences(struct state *s, int64_t ended_before_ms, struct err *e) MUST_CHECK;

/* json.c: the API's shapes, which the disk has too. */
struct value *json_labels(const struct labels *l, struct arena *a);
int json_read_labels(const struct value *v, struct arena *a, struct labels *out,
                     struct err *e) MUST_CHECK;
void json_set_time(struct arena *a, struct value *v, const char *key, int64_t ms);
/* 0 where the key is not there. */
int json_time(const struct value *v, const char *key, int64_t *out_ms, struct err *e) MUST_CHECK;
struct value *json_silence(const struct alert_silence *s, int64_t now_ms, struct arena *a);
int json_read_silence(const struct value *v, struct arena *a, struct alert_silence *out,
                      struct err *e) MUST_CHECK;
struct value *json_post(const struct alert_post *p, struct arena *a);
int json_read_post(const struct value *v, struct arena *a, struct alert_post *out,
                   struct err *e) MUST_CHECK;

/* forward.c: other Alertmanagers. */
struct forwarder *forwarder_new(const char *const *urls);
void forwarder_put(struct forwarder *f, const struct alert_post *posts, size_t n);
void forwarder_free(struct forwarder *f);

/* api_silences.c: paths "silences" and "silence/…"; false: it is another's. */
bool notifier__silences(struct notifier *n, struct http_request *q, const char *path);
void notifier__send(struct http_request *q, int status, const struct value *v);
void notifier__fail(struct http_request *q, int status, const char *message);
/* Matchers of "filter" parameters; each of them has to fit. */
int notifier__filters(struct http_request *q, struct arena *a, struct alert_matchers *out,
                      struct err *e) MUST_CHECK;
