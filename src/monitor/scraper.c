#include "monitor/scraper.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/thread.h"
#include "monitor/scraper_int.h"

enum { SYNC_MS = 1000 };

static void target_free(struct target *t)
{
    map_done(&t->series);
    arena_free(t->notes_arena);
    relabel_free(t->opts.relabel);
    arena_free(t->arena);
    free(t);
}

/* The next one due, or NULL with how long to wait. Under the lock. */
static struct target *next_due(struct scraper *s, int64_t *wait_ms)
{
    int64_t now = clock_mono_ms(), soonest = now + 60000;
    struct target *best = NULL;
    size_t at = 0;
    for (const struct map_entry *m; (m = map_next(&s->targets, &at));) {
        struct target *t = m->value;
        if (!t->busy && t->due_ms < soonest) {
            soonest = t->due_ms;
            best = t;
        }
    }
    *wait_ms = soonest > now ? soonest - now : 0;
    return best && best->due_ms <= now ? best : NULL;
}

static void sync_if_due(struct scraper *s)
{
    struct err e;
    int64_t now = clock_mono_ms();
    {
        LOCK_SCOPE(&s->lock);
        if (now - s->synced_ms < SYNC_MS)
            return;
        s->synced_ms = now;
    }
    if (tsdb_sync(s->opts.db, &e) < 0)
        log_error("metrics", "%s", e.msg);
}

static void end_target(struct scraper *s, struct target *t)
{
    if (!t)
        return;
    scrape__end(s, t);
    target_free(t);
}

/* The target that is due next, now this thread's; NULL: the scraper stops. *alone: no thread waits
 * for the one after it. */
static struct target *take_due(struct scraper *s, bool *alone)
{
    LOCK_SCOPE(&s->lock);
    while (!s->stopping) {
        int64_t wait_ms;
        struct target *t = next_due(s, &wait_ms);
        if (t) {
            t->busy = true;
            t->due_ms += scrape__interval_ms(s, t);
            if (t->due_ms < clock_mono_ms())
                t->due_ms = clock_mono_ms() + scrape__interval_ms(s, t);
            *alone = s->idle == 0;
            return t;
        }
        s->idle++;
        (void)cond_wait_ms(&s->changed, &s->lock, wait_ms);
        s->idle--;
    }
    return NULL;
}

/* False: it is gone, and nobody else's any more. */
static bool give_back(struct scraper *s, struct target *t)
{
    LOCK_SCOPE(&s->lock);
    t->busy = false;
    return !t->gone;
}

static void *work(void *arg);

/* None once it stops, so that who joins them knows how many there are. */
static int start_thread(struct scraper *s, struct err *e)
{
    LOCK_SCOPE(&s->lock);
    if (s->stopping || s->n_threads == SCRAPE_THREADS_MAX)
        return 0;
    int r = thread_start(&s->threads[s->n_threads], "scrape", 512, work, s, e);
    s->n_threads += r == 0;
    return r;
}

static void *work(void *arg)
{
    struct scraper *s = arg;
    struct err e;
    bool alone;
    for (struct target *t; (t = take_due(s, &alone));) {
        if (alone && start_thread(s, &e) < 0)
            log_debug("metrics", "no further thread: %s", e.msg);
        scrape__target(s, t);
        sync_if_due(s);
        if (!give_back(s, t))
            end_target(s, t);
    }
    return NULL;
}

int scrape_times_check(int64_t interval_ms, int64_t timeout_ms, struct err *e)
{
    if (interval_ms && interval_ms < SCRAPE_INTERVAL_MIN_MS)
        return err_set(e, ERR_INVALID, "a scrape interval of %lld ms is too short: at least %d ms",
                       (long long)interval_ms, SCRAPE_INTERVAL_MIN_MS);
    if (timeout_ms > SCRAPE_TIMEOUT_MAX_MS)
        return err_set(e, ERR_INVALID, "a scrape timeout of %lld ms is too long: at most %d ms",
                       (long long)timeout_ms, SCRAPE_TIMEOUT_MAX_MS);
    return 0;
}

int scraper_start(const struct scraper_opts *o, struct scraper **out, struct err *e)
{
    AUTO(scraper) struct scraper *s = calloc(1, sizeof *s);
    if (!s)
        log_die("out of memory");
    s->opts = *o;
    s->opts.interval_ms = o->interval_ms ? o->interval_ms : 2000;
    s->opts.timeout_ms = o->timeout_ms ? o->timeout_ms : 1000;
    unsigned n = o->threads ? o->threads : 2;
    map_init(&s->targets);
    (void)pthread_mutex_init(&s->lock, NULL);
    cond_init(&s->changed);
    for (unsigned i = 0; i < n; i++) {
        int r = start_thread(s, e);
        if (r < 0)
            return r;
    }
    *out = take_ptr(s);
    return 0;
}

void scraper_free(struct scraper *s)
{
    if (!s)
        return;
    (void)pthread_mutex_lock(&s->lock);
    s->stopping = true;
    (void)pthread_cond_broadcast(&s->changed);
    (void)pthread_mutex_unlock(&s->lock);
    for (unsigned i = 0; i < s->n_threads; i++) /* none is started any more */
        (void)pthread_join(s->threads[i], NULL);
    size_t at = 0;
    for (const struct map_entry *m; (m = map_next(&s->targets, &at));)
        target_free(m->value);
    map_done(&s->targets);
    (void)pthread_cond_destroy(&s->changed);
    (void)pthread_mutex_destroy(&s->lock);
    free(s);
}

/* Out of the map. What is given back is the caller's to end, without the lock. */
static struct target *drop(struct scraper *s, const char *key)
{
    struct target *t = map_remove(&s->targets, key);
    if (t && t->busy) {
        t->gone = true; /* its thread ends it */
        return NULL;
    }
    return t;
}

static bool same(const struct target *t, const char *url, const struct labels *l,
                 const char *version)
{
    return t->url && url && strcmp(t->url, url) == 0 && labels_compare(&t->labels, l) == 0 &&
           strcmp(t->opts.version, version) == 0;
}

static struct target *put(struct scraper *s, const char *key, const struct labels *labels)
{
    struct target *t = calloc(1, sizeof *t);
    if (!t)
        log_die("out of memory");
    t->arena = arena_new(0);
    t->key = arena_strdup(t->arena, key);
    t->labels = labels_copy(t->arena, labels);
    t->opts.version = "";
    t->due_ms = clock_mono_ms();
    map_init(&t->series);
    (void)map_put(&s->targets, key, t);
    (void)pthread_cond_signal(&s->changed);
    return t;
}

static const char *copied(struct arena *a, const char *text)
{
    return text ? arena_strdup(a, text) : NULL;
}

/* False: there is one just so. Else the old one, if any, has ended. */
static bool make_way(struct scraper *s, const char *key, const char *url,
                     const struct labels *labels, const char *version)
{
    struct target *gone;
    {
        LOCK_SCOPE(&s->lock);
        const struct target *old = map_get(&s->targets, key);
        if (old && same(old, url, labels, version))
            return false;
        gone = drop(s, key);
    }
    end_target(s, gone);
    return true;
}

void scraper_put(struct scraper *s, const char *key, const char *url, const struct labels *labels,
                 const struct scrape_opts *o)
{
    const char *version = o->version ? o->version : "";
    if (!make_way(s, key, url, labels, version)) {
        relabel_free(o->relabel);
        return;
    }
    LOCK_SCOPE(&s->lock);
    struct target *t = put(s, key, labels);
    t->url = arena_strdup(t->arena, url);
    t->opts = *o;
    t->opts.version = version;
    const char **texts[] = {&t->opts.bearer,  &t->opts.user,     &t->opts.password,
                            &t->opts.ca_pem,  &t->opts.cert_pem, &t->opts.key_pem,
                            &t->opts.refused, &t->opts.version};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        *texts[i] = copied(t->arena, *texts[i]);
}

void scraper_set(struct scraper *s, const char *key, const char *url, const struct labels *labels)
{
    scraper_put(s, key, url, labels, &(struct scrape_opts){0});
}

/* Takes those out whose keys begin so and that `keep` has not. */
static size_t drop_rest(struct scraper *s, const char *prefix, const struct map *keep,
                        struct arena *a, struct target ***out)
{
    size_t at = 0, len = strlen(prefix), count = 0, n = 0;
    LOCK_SCOPE(&s->lock);
    const char **keys = ARENA_ARRAY(a, const char *, map_size(&s->targets) + 1);
    *out = ARENA_ARRAY(a, struct target *, map_size(&s->targets) + 1);
    for (const struct map_entry *m; (m = map_next(&s->targets, &at));)
        if (strncmp(m->key, prefix, len) == 0 && !map_has(keep, m->key))
            keys[count++] = arena_strdup(a, m->key);
    for (size_t i = 0; i < count; i++) {
        struct target *t = drop(s, keys[i]);
        if (t)
            (*out)[n++] = t;
    }
    return n;
}

void scraper_keep(struct scraper *s, const char *prefix, const char *const *kept, size_t n)
{
    AUTO(arena) struct arena *a = arena_new(0);
    struct target **gone;
    struct map keep;
    map_init(&keep);
    for (size_t i = 0; i < n; i++)
        (void)map_put(&keep, kept[i], s);
    size_t count = drop_rest(s, prefix, &keep, a, &gone);
    map_done(&keep);
    for (size_t i = 0; i < count; i++)
        end_target(s, gone[i]);
}

void scraper_set_source(struct scraper *s, const char *key, scraper_source fn, void *arg,
                        const struct labels *labels, int64_t interval_ms)
{
    scraper_remove(s, key);
    LOCK_SCOPE(&s->lock);
    struct target *t = put(s, key, labels);
    t->fn = fn;
    t->arg = arg;
    t->opts.interval_ms = interval_ms;
}

void scraper_remove(struct scraper *s, const char *key)
{
    struct target *gone;
    {
        LOCK_SCOPE(&s->lock);
        gone = drop(s, key);
    }
    end_target(s, gone);
}

size_t scraper_states(struct scraper *s, struct arena *a, struct scrape_state **out)
{
    LOCK_SCOPE(&s->lock);
    struct scrape_state *list = ARENA_ARRAY(a, struct scrape_state, map_size(&s->targets) + 1);
    size_t n = 0, at = 0;
    for (const struct map_entry *m; (m = map_next(&s->targets, &at));) {
        const struct target *t = m->value;
        if (t->url)
            list[n++] = (struct scrape_state){arena_strdup(a, t->key),
                                              arena_strdup(a, t->url),
                                              arena_strdup(a, t->error),
                                              labels_copy(a, &t->labels),
                                              t->up,
                                              t->last_ms,
                                              t->took_ms,
                                              scrape__interval_ms(s, t),
                                              scrape__timeout_ms(s, t)};
    }
    *out = list;
    return n;
}

static struct metric_note note_copy(struct arena *a, const struct metric_note *n)
{
    return (struct metric_note){arena_strdup(a, n->name), arena_strdup(a, n->type),
                                arena_strdup(a, n->help), arena_strdup(a, n->unit)};
}

size_t scraper_notes(struct scraper *s, struct arena *a, struct scrape_note **out)
{
    LOCK_SCOPE(&s->lock);
    const struct map_entry *m;
    size_t n = 0, room = 0;
    for (size_t at = 0; (m = map_next(&s->targets, &at));)
        room += ((const struct target *)m->value)->n_notes;
    *out = ARENA_ARRAY(a, struct scrape_note, room + 1);
    for (size_t at = 0; (m = map_next(&s->targets, &at));) {
        const struct target *t = m->value;
        struct labels labels = labels_copy(a, &t->labels);
        for (size_t i = 0; i < t->n_notes; i++)
            (*out)[n++] = (struct scrape_note){labels, note_copy(a, &t->notes[i])};
    }
    return n;
}
