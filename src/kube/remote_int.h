/* remote_int.h - requests to an API server. */
#pragma once
#include <pthread.h>
#include <stdatomic.h>

#include "base/map.h"
#include "kube/remote.h"
#include "net/http_client.h"

struct remote {
    struct kube kube;
    atomic_uint refs;    /* the caller's, and one a watch whose reader may outlive it */
    struct arena *arena; /* of the configuration */
    struct http_client *http;
    const char *server, *manager;
    pthread_mutex_t lock; /* guards what was discovered */
    struct arena *found_arena;
    struct map found; /* "apiVersion kind" → const struct resource * */
};

void remote__unref(struct remote *r);

struct ask {
    const char *method, *path, *query;
    const char *type, *accept; /* of the body and of the answer; NULL: JSON */
    const struct value *body;
};

/* The answer's tree lives in `a`. */
int remote__ask(struct remote *r, const struct ask *q, struct arena *a, struct value **out,
                struct err *e) MUST_CHECK;

/* What an answer that is not a success says. */
int remote__refusal(const struct http_answer *r, const char *what, struct arena *a, struct err *e);

/* Starts and reads a watch; see watch_* in kube.h. */
int remote__watch_open(struct kube *k, const struct resource *r, const char *ns,
                       const struct kube_list_opts *opts, uint64_t since, struct kube_watch **out,
                       struct err *e) MUST_CHECK;
int remote__watch_next(struct kube_watch *w, int64_t timeout_ms, struct kube_event *out,
                       struct err *e) MUST_CHECK;
void remote__watch_close(struct kube_watch *w);
void remote__watch_wake(struct kube_watch *w);

/* "?a=b&c=d" of pairs that are not NULL, escaped; pairs end with a NULL name. */
const char *remote__query(struct arena *a, const char *const pairs[][2]);
