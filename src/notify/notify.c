#include "notify/notify.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/thread.h"
#include "notify/notify_int.h"

enum {
    DELIVERERS = 4,
    LOOK_MS = 60000,
    GRACE_MS = 3000,
    STACK_KIB = 8192,
    KEEP_SILENCE_MS = 120 * 3600000
};

static void *deliver(void *arg);

static int64_t now_of(const struct notifier *n)
{
    return n->opts.clock->real_ms(n->opts.clock);
}

/* ---- what is shared by deliveries ---- */

struct wording *wording_ref(struct wording *w)
{
    atomic_fetch_add(&w->refs, 1);
    return w;
}

void wording_unref(struct wording *w)
{
    if (w && atomic_fetch_sub(&w->refs, 1) == 1) {
        arena_free(w->arena);
        free(w);
    }
}

static struct wording *wording_new(const char *external_url, const struct notifier_file *files,
                                   size_t n)
{
    struct wording *w = calloc(1, sizeof *w);
    if (!w)
        log_die("out of memory");
    atomic_init(&w->refs, 1);
    w->arena = arena_new(0);
    struct alert_template *t = ARENA_ARRAY(w->arena, struct alert_template, n + 1);
    for (size_t i = 0; i < n; i++)
        t[i] = (struct alert_template){arena_strdup(w->arena, files[i].name),
                                       arena_strdup(w->arena, files[i].text)};
    w->words = (struct alert_words){t, n, arena_strdup(w->arena, external_url)};
    return w;
}

static void batch_unref(struct batch *b)
{
    if (atomic_fetch_sub(&b->refs, 1) != 1)
        return;
    wording_unref(b->wording);
    arena_free(b->arena);
    free(b);
}

/* ---- telling ---- */

/* As many deliver as there is work for, up to a limit. Under the lock. */
static void start_deliverers(struct notifier *n)
{
    unsigned most = n->opts.threads ? n->opts.threads : DELIVERERS;
    struct err e;
    if (most > NOTIFIER_THREADS)
        most = NOTIFIER_THREADS;
    for (; n->n_threads < most && n->n_threads < n->undone; n->n_threads++)
        if (thread_start(&n->threads[n->n_threads], "alert-send", STACK_KIB, deliver, n, &e) < 0) {
            log_error("alerts", "%s", e.msg);
            return;
        }
}

/* Under the lock. */
static void queue_notices(struct notifier *n, struct batch *b, const struct alert_notice *list,
                          size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct job *j = calloc(1, sizeof *j);
        if (!j)
            log_die("out of memory");
        atomic_fetch_add(&b->refs, 1);
        *j = (struct job){b, &list[i], NULL};
        *n->last = j;
        n->last = &j->next;
    }
    n->undone += count;
    start_deliverers(n);
    if (count)
        (void)pthread_cond_broadcast(&n->queued);
}

static void run_due(struct notifier *n)
{
    struct batch *b = calloc(1, sizeof *b);
    const struct alert_notice *list;
    if (!b)
        log_die("out of memory");
    atomic_init(&b->refs, 1);
    b->arena = arena_new(0);
    b->wording = wording_ref(n->wording);
    size_t count = alert_engine_run(n->engine, now_of(n), b->arena, &list);
    queue_notices(n, b, list, count);
    batch_unref(b);
}

static void *decide(void *arg)
{
    struct notifier *n = arg;
    (void)pthread_mutex_lock(&n->lock);
    while (!n->stopping) {
        int64_t due_ms = alert_engine_due_ms(n->engine), now_ms = now_of(n);
        if (due_ms <= now_ms)
            run_due(n);
        else if (due_ms == INT64_MAX)
            (void)cond_wait_ms(&n->changed, &n->lock, -1);
        else /* it looks again in time, should somebody set the clock */
            (void)cond_wait_ms(&n->changed, &n->lock,
                               due_ms - now_ms < LOOK_MS ? due_ms - now_ms : LOOK_MS);
    }
    (void)pthread_mutex_unlock(&n->lock);
    return NULL;
}

void notifier__wake(struct notifier *n)
{
    struct err e;
    if (!n->deciding && !n->stopping) {
        n->deciding = thread_start(&n->decider, "alerts", STACK_KIB, decide, n, &e) == 0;
        if (!n->deciding)
            log_error("alerts", "%s", e.msg);
    }
    (void)pthread_cond_signal(&n->changed);
}

/* Under the lock. */
static void note(struct notifier *n, const struct alert_notice *x, enum alert_outcome how)
{
    struct err e;
    int64_t now_ms = now_of(n);
    const struct alert_log_entry *entry = alert_engine_done(n->engine, x, how, now_ms);
    if (entry && n->state && state_keep_entry(n->state, entry, now_ms, &e) < 0)
        log_error("alerts", "%s", e.msg);
}

static void say(const struct alert_notice *x, enum alert_outcome how, const struct err *e)
{
    static const char *const ways[] = {"webhook", "mail", "slack"};
    const char *way = ways[x->channel->way];
    if (how == ALERT_DELIVERED)
        log_debug("alerts", "%s: receiver %s was told by %s", x->group_key, x->receiver->name, way);
    else
        log_warn("alerts", "%s: receiver %s cannot be told by %s: %s; %s", x->group_key,
                 x->receiver->name, way, e->msg,
                 how == ALERT_RETRY ? "it is tried again" : "it is tried at the next interval");
}

static void *deliver(void *arg)
{
    struct notifier *n = arg;
    (void)pthread_mutex_lock(&n->lock);
    while (!n->stopping) {
        struct job *j = n->jobs;
        if (!j) {
            (void)cond_wait_ms(&n->queued, &n->lock, -1);
            continue;
        }
        n->jobs = j->next;
        if (!n->jobs)
            n->last = &n->jobs;
        n->under_way++;
        (void)pthread_mutex_unlock(&n->lock);
        struct err e = {0};
        enum alert_outcome how =
            notifier_deliver(j->notice, &j->batch->wording->words, &n->cancelled, &e);
        if (e.code != ERR_CANCELLED)
            say(j->notice, how, &e);
        (void)pthread_mutex_lock(&n->lock);
        note(n, j->notice, how);
        n->undone--;
        n->under_way--;
        batch_unref(j->batch);
        free(j);
        (void)pthread_cond_signal(&n->changed);
    }
    (void)pthread_mutex_unlock(&n->lock);
    return NULL;
}

/* ---- what comes in ---- */

void notifier_put(struct notifier *n, const struct alert_post *posts, size_t count)
{
    struct err e;
    if (n->forwarder)
        forwarder_put(n->forwarder, posts, count);
    LOCK_SCOPE(&n->lock);
    for (size_t i = 0; i < count; i++)
        if (alert_engine_put(n->engine, &posts[i], now_of(n), &e) < 0)
            log_warn("alerts", "%s: %s", labels_get(&posts[i].labels, "alertname"), e.msg);
    notifier__wake(n);
}

void notifier_forward(struct notifier *n, const char *const *urls)
{
    n->forwarder = forwarder_new(urls);
}

static int read_config(const struct notifier_config *c, struct alert_config **out, struct err *e)
{
    if (!c->text) {
        *out = alert_config_none();
        return 0;
    }
    int r = alert_config_read(c->text, strlen(c->text), out, e);
    if (r == 0 && (*out)->names_files && !c->local)
        r = err_set(e, ERR_INVALID,
                    "settings ending in _file are for --alertmanager-config alone; put the value"
                    " itself into the Secret");
    return r;
}

int notifier_configure(struct notifier *n, const struct notifier_config *c, struct err *e)
{
    AUTO(alert_config) struct alert_config *config = NULL;
    struct wording *w = wording_new(n->opts.external_url, c->templates, c->n_templates);
    int r = read_config(c, &config, e);
    if (r == 0)
        r = alert_templates_check(&w->words, e);
    if (r < 0) {
        wording_unref(w);
        return r;
    }
    LOCK_SCOPE(&n->lock);
    alert_engine_configure(n->engine, config, now_of(n));
    wording_unref(n->wording);
    n->wording = w;
    (void)pthread_cond_signal(&n->changed);
    return 0;
}

/* ---- life ---- */

static int open_state(struct notifier *n, struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(0);
    if (!n->opts.dir)
        return 0;
    int r = state_open(arena_join(a, n->opts.dir, "/alerts.db", NULL), &n->state, e);
    if (r == 0)
        r = state_drop_silences(n->state, now_of(n) - KEEP_SILENCE_MS, e);
    return r < 0 ? r : state_load(n->state, n->engine, now_of(n), e);
}

int notifier_start(const struct notifier_opts *o, struct notifier **out, struct err *e)
{
    AUTO(notifier) struct notifier *n = calloc(1, sizeof *n);
    AUTO(alert_config) struct alert_config *none = alert_config_none();
    if (!n)
        log_die("out of memory");
    n->opts = *o;
    n->last = &n->jobs;
    n->started_ms = now_of(n);
    (void)pthread_mutex_init(&n->lock, NULL);
    cond_init(&n->changed);
    cond_init(&n->queued);
    n->engine = alert_engine_new(none);
    n->wording = wording_new(o->external_url, NULL, 0);
    int r = open_state(n, e);
    if (r < 0)
        return r;
    {
        LOCK_SCOPE(&n->lock);
        if (alert_engine_due_ms(n->engine) != INT64_MAX)
            notifier__wake(n); /* alerts from before a restart */
    }
    *out = take_ptr(n);
    return 0;
}

/* What is told already should be in the log: an answer gets a moment to come. */
static void finish(struct notifier *n)
{
    LOCK_SCOPE(&n->lock);
    int64_t left_ms, until_ms = clock_mono_ms() + (n->opts.grace_ms ? n->opts.grace_ms : GRACE_MS);
    while (n->under_way && (left_ms = until_ms - clock_mono_ms()) > 0)
        (void)cond_wait_ms(&n->changed, &n->lock, left_ms);
    atomic_store(&n->cancelled, true);
}

void notifier_stop(struct notifier *n)
{
    if (!n)
        return;
    (void)pthread_mutex_lock(&n->lock);
    n->stopping = true;
    (void)pthread_cond_broadcast(&n->changed);
    (void)pthread_cond_broadcast(&n->queued);
    (void)pthread_mutex_unlock(&n->lock);
    if (n->deciding)
        (void)pthread_join(n->decider, NULL);
    n->deciding = false;
    finish(n);
    while (n->n_threads)
        (void)pthread_join(n->threads[--n->n_threads], NULL);
}

void notifier_free(struct notifier *n)
{
    if (!n)
        return;
    notifier_stop(n);
    forwarder_free(n->forwarder);
    for (struct job *j = n->jobs, *next; j; j = next) {
        next = j->next;
        batch_unref(j->batch);
        free(j);
    }
    alert_engine_free(n->engine);
    wording_unref(n->wording);
    state_free(n->state);
    (void)pthread_cond_destroy(&n->changed);
    (void)pthread_cond_destroy(&n->queued);
    (void)pthread_mutex_destroy(&n->lock);
    free(n);
}
