/* forward.c - alerts to other Alertmanagers: out of a queue that is limited. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/thread.h"
#include "codec/json.h"
#include "notify/notify_int.h"

enum { QUEUE_MAX = 100, TIMEOUT_MS = 10000 };

struct packet {
    struct packet *next;
    char *body;
};

struct forwarder {
    const char *const *urls;
    pthread_mutex_t lock;
    pthread_cond_t queued;
    struct packet *first, **last;
    size_t n;
    uint64_t dropped;
    pthread_t thread;
    bool running;
    atomic_bool stopping; /* set under the lock; ends what is under way */
};

static void send_to(const char *url, const char *body, const atomic_bool *cancel)
{
    static const char *const headers[] = {"Content-Type: application/json", NULL};
    static const struct http_client_opts o = {.timeout_ms = TIMEOUT_MS,
                                              .connect_timeout_ms = TIMEOUT_MS};
    AUTO(arena) struct arena *a = arena_new(0);
    AUTO(http_client) struct http_client *c = http_client_new(&o);
    const struct http_call call = {.method = "POST",
                                   .url = arena_join(a, url, "/api/v2/alerts", NULL),
                                   .headers = headers,
                                   .body = body,
                                   .body_len = strlen(body),
                                   .max_answer = 1 << 16,
                                   .cancel = cancel};
    struct http_answer answer;
    struct err e;
    int r = http_do(c, &call, a, &answer, &e);
    if (r < 0 && r != ERR_CANCELLED)
        log_warn("alerts", "%s", e.msg);
    else if (r == 0 && answer.status / 100 != 2)
        log_warn("alerts", "alertmanager %s: HTTP status %d", url, answer.status);
}

static void *work(void *arg)
{
    struct forwarder *f = arg;
    (void)pthread_mutex_lock(&f->lock);
    while (!f->stopping) {
        struct packet *p = f->first;
        if (!p) {
            (void)cond_wait_ms(&f->queued, &f->lock, -1);
            continue;
        }
        f->first = p->next;
        if (!f->first)
            f->last = &f->first;
        f->n--;
        (void)pthread_mutex_unlock(&f->lock);
        for (size_t i = 0; f->urls[i] && !f->stopping; i++)
            send_to(f->urls[i], p->body, &f->stopping);
        free(p->body);
        free(p);
        (void)pthread_mutex_lock(&f->lock);
    }
    (void)pthread_mutex_unlock(&f->lock);
    return NULL;
}

struct forwarder *forwarder_new(const char *const *urls)
{
    struct forwarder *f = calloc(1, sizeof *f);
    struct err e;
    if (!f)
        log_die("out of memory");
    f->urls = urls;
    f->last = &f->first;
    (void)pthread_mutex_init(&f->lock, NULL);
    cond_init(&f->queued);
    f->running = thread_start(&f->thread, "alert-forward", 512, work, f, &e) == 0;
    if (!f->running)
        log_error("alerts", "%s", e.msg);
    return f;
}

/* The oldest go first when nobody takes them: what still fires is told again soon. */
static void drop_oldest(struct forwarder *f)
{
    struct packet *p = f->first;
    f->first = p->next;
    if (!f->first)
        f->last = &f->first;
    f->n--;
    free(p->body);
    free(p);
    if (f->dropped++ % QUEUE_MAX == 0)
        log_warn("alerts", "other alertmanagers are too slow: %llu packets were dropped",
                 (unsigned long long)f->dropped);
}

void forwarder_put(struct forwarder *f, const struct alert_post *posts, size_t n)
{
    AUTO(arena) struct arena *a = arena_new(0);
    struct value *list = value_new_array(a);
    for (size_t i = 0; i < n; i++)
        (void)value_push(a, list, json_post(&posts[i], a));
    struct packet *p = calloc(1, sizeof *p);
    if (!p || !(p->body = strdup(json_text(a, list, 0))))
        log_die("out of memory");
    LOCK_SCOPE(&f->lock);
    if (f->n == QUEUE_MAX)
        drop_oldest(f);
    *f->last = p;
    f->last = &p->next;
    f->n++;
    (void)pthread_cond_signal(&f->queued);
}

void forwarder_free(struct forwarder *f)
{
    if (!f)
        return;
    (void)pthread_mutex_lock(&f->lock);
    f->stopping = true;
    (void)pthread_cond_signal(&f->queued);
    (void)pthread_mutex_unlock(&f->lock);
    if (f->running)
        (void)pthread_join(f->thread, NULL);
    for (struct packet *p = f->first, *next; p; p = next) {
        next = p->next;
        free(p->body);
        free(p);
    }
    (void)pthread_cond_destroy(&f->queued);
    (void)pthread_mutex_destroy(&f->lock);
    free(f);
}
