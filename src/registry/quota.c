/* quota.c - what repositories hold, counted from the names in refs.log, each content once. A count
 * is kept for a while, with what came since; other processes' changes are seen with the next. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/map.h"
#include "base/thread.h"
#include "registry/policy_int.h"

enum { COUNTED_FOR_MS = 10000 };

struct count {
    struct map digests;
    uint64_t bytes;
    int64_t at_ms; /* of the clock that never goes back; 0: not counted */
};

struct registry_policy {
    int references; /* changed with atomics */
    struct arena *arena;
    struct registry_rules rules;
    pthread_mutex_t lock; /* of counts; held while names are counted: who pushes there waits */
    struct count *counts;
};

struct registry_policy *policy__new(struct arena *a, const struct registry_rules *rules)
{
    struct registry_policy *p = calloc(1, sizeof *p);
    if (!p)
        log_die("out of memory");
    *p = (struct registry_policy){.references = 1, .arena = a, .rules = *rules};
    p->counts = ARENA_ARRAY(a, struct count, rules->n_quotas + 1);
    (void)pthread_mutex_init(&p->lock, NULL);
    for (size_t i = 0; i < rules->n_quotas; i++)
        map_init(&p->counts[i].digests);
    return p;
}

struct registry_policy *registry_policy_ref(struct registry_policy *p)
{
    if (p)
        (void)__atomic_add_fetch(&p->references, 1, __ATOMIC_RELAXED);
    return p;
}

void registry_policy_free(struct registry_policy *p)
{
    if (!p || __atomic_sub_fetch(&p->references, 1, __ATOMIC_ACQ_REL) > 0)
        return;
    for (size_t i = 0; i < p->rules.n_quotas; i++)
        map_done(&p->counts[i].digests);
    (void)pthread_mutex_destroy(&p->lock);
    arena_free(p->arena);
    free(p);
}

const struct registry_rules *registry_policy_rules(const struct registry_policy *p)
{
    return &p->rules;
}

struct place {
    struct refs *refs;
    struct blob_store *blobs;
};

/* Blobs ("b/") or manifests ("m/") of the quota's repositories. */
static void count_names(struct count *c, const struct registry_quota *q, const struct place *at,
                        const char *prefix)
{
    AUTO(arena) struct arena *a = arena_new(0);
    struct ref *list;
    size_t n = refs_list(at->refs, prefix, a, &list);
    const char *last = "";
    bool covered = false;
    for (size_t i = 0; i < n; i++) {
        const char *name = list[i].name + 2, *sign = strchr(name, '@');
        size_t len = sign ? (size_t)(sign - name) : strlen(name);
        uint64_t bytes;
        if (strncmp(last, name, len) != 0 || last[len]) { /* sorted: repositories stand together */
            last = arena_strndup(a, name, len);
            covered = policy__covers(q, last);
        }
        if (covered && !map_has(&c->digests, list[i].digest) &&
            blob_has(at->blobs, list[i].digest, &bytes)) {
            (void)map_put(&c->digests, list[i].digest, c);
            c->bytes += bytes;
        }
    }
}

/* The lock is held. */
static void count(struct count *c, const struct registry_quota *q, const struct place *at)
{
    map_done(&c->digests);
    map_init(&c->digests);
    c->bytes = 0;
    count_names(c, q, at, "b/");
    count_names(c, q, at, "m/");
    c->at_ms = clock_mono_ms();
}

static struct count *counted(struct registry_policy *p, size_t i, const struct place *at)
{
    struct count *c = &p->counts[i];
    if (!c->at_ms || clock_mono_ms() - c->at_ms > COUNTED_FOR_MS)
        count(c, &p->rules.quotas[i], at);
    return c;
}

/* A quota's repositories, as in the policy. */
static const char *print_patterns(const char *const *list, struct arena *a)
{
    const char *text = list[0];
    for (list++; *list; list++)
        text = arena_printf(a, "%s, %s", text, *list);
    return text;
}

static int refuse(const struct registry_quota *q, const char *repository, uint64_t used,
                  uint64_t more, struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(1 << 20);
    (void)err_set(e, ERR_DENIED,
                  "%s: %llu bytes more do not fit into the quota of %.200s: %llu of %llu are used",
                  repository, (unsigned long long)more, print_patterns(q->repositories, a),
                  (unsigned long long)used, (unsigned long long)q->max_bytes);
    return err_hint(e, "delete images that nobody needs, or raise the quota");
}

/* What of the content the quota's repositories do not have. */
static uint64_t news(const struct count *c, const struct registry_content *list, size_t n)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < n; i++)
        if (!map_has(&c->digests, list[i].digest))
            bytes += list[i].bytes;
    return bytes;
}

int registry_policy_take(struct registry_policy *p, struct refs *refs, struct blob_store *blobs,
                         const char *repository, const struct registry_content *list, size_t n,
                         struct err *e)
{
    const struct place at = {refs, blobs};
    if (!p || p->rules.n_quotas == 0)
        return 0;
    LOCK_SCOPE(&p->lock);
    for (size_t i = 0; i < p->rules.n_quotas; i++) {
        const struct registry_quota *q = &p->rules.quotas[i];
        if (!policy__covers(q, repository))
            continue;
        struct count *c = counted(p, i, &at);
        uint64_t more = news(c, list, n);
        if (more && c->bytes + more > q->max_bytes)
            return refuse(q, repository, c->bytes, more, e);
    }
    for (size_t i = 0; i < p->rules.n_quotas; i++) {
        struct count *c = &p->counts[i];
        if (!policy__covers(&p->rules.quotas[i], repository))
            continue;
        for (size_t k = 0; k < n; k++)
            if (!map_put(&c->digests, list[k].digest, c))
                c->bytes += list[k].bytes;
    }
    return 0;
}

int registry_policy_fits(struct registry_policy *p, struct refs *refs, struct blob_store *blobs,
                         const char *repository, const struct registry_content *content,
                         struct err *e)
{
    const struct place at = {refs, blobs};
    if (!p || p->rules.n_quotas == 0)
        return 0;
    LOCK_SCOPE(&p->lock);
    for (size_t i = 0; i < p->rules.n_quotas; i++) {
        const struct registry_quota *q = &p->rules.quotas[i];
        if (!policy__covers(q, repository))
            continue;
        const struct count *c = counted(p, i, &at);
        uint64_t has; /* other bytes under a known name are not it */
        if (content->digest && map_has(&c->digests, content->digest) &&
            blob_has(blobs, content->digest, &has) && content->bytes <= has)
            continue;
        if (c->bytes > q->max_bytes || content->bytes > q->max_bytes - c->bytes)
            return refuse(q, repository, c->bytes, content->bytes, e);
    }
    return 0;
}

uint64_t registry_policy_used(struct registry_policy *p, struct refs *refs,
                              struct blob_store *blobs, size_t quota)
{
    const struct place at = {refs, blobs};
    LOCK_SCOPE(&p->lock);
    count(&p->counts[quota], &p->rules.quotas[quota], &at);
    return p->counts[quota].bytes;
}

void registry_policy_recount(struct registry_policy *p)
{
    if (!p)
        return;
    LOCK_SCOPE(&p->lock);
    for (size_t i = 0; i < p->rules.n_quotas; i++)
        p->counts[i].at_ms = 0;
}
