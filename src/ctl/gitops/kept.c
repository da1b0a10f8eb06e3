#include "ctl/gitops/kept.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/thread.h"
#include "vcs/repo.h"

enum { DIFFERENCES = 8 };

/* What differs between two commits, or that nobody can say. */
struct difference {
    unsigned refs;
    char *repository;
    char from[REPO_SHA_MAX], to[REPO_SHA_MAX];
    bool known;
    struct tree_points points;
};

struct entry {
    struct kept_render *render;
    char commit[REPO_SHA_MAX];
    uint64_t used;    /* by the count of uses */
    uint64_t settled; /* resourceVersion, or 0 */
    bool told;
    size_t bytes;
};

struct kept {
    pthread_mutex_t lock;
    size_t limit, bytes;
    uint64_t uses;
    struct map entries; /* by the Application's key */
    struct difference *differences[DIFFERENCES];
    size_t next;
};

static void *new (size_t size)
{
    void *p = calloc(1, size);
    if (!p)
        log_die("out of memory");
    return p;
}

struct kept_render *kept_render_new(void)
{
    struct arena *a = arena_new(SIZE_MAX);
    struct kept_render *r = ARENA_NEW(a, struct kept_render);
    atomic_init(&r->refs, 1);
    r->a = a;
    tree_notes_init(&r->notes);
    return r;
}

struct kept_render *kept_render_ref(struct kept_render *r)
{
    (void)atomic_fetch_add(&r->refs, 1);
    return r;
}

void kept_render_unref(struct kept_render *r)
{
    if (!r || atomic_fetch_sub(&r->refs, 1) > 1)
        return;
    struct kept_render *base = r->base;
    tree_notes_done(&r->notes);
    arena_free(r->a);
    kept_render_unref(base);
}

/* ---- differences: the caller holds the lock, but where it says otherwise ---- */

static void difference_unref(struct difference *d)
{
    if (!d || --d->refs > 0)
        return;
    if (d->known)
        tree_points_done(&d->points);
    free(d->repository);
    free(d);
}

static struct difference *find_difference(struct kept *k, const char *repository, const char *from,
                                          const char *to)
{
    for (size_t i = 0; i < DIFFERENCES; i++) {
        struct difference *d = k->differences[i];
        if (d && strcmp(d->from, from) == 0 && strcmp(d->to, to) == 0 &&
            strcmp(d->repository, repository) == 0) {
            d->refs++;
            return d;
        }
    }
    return NULL;
}

static void keep_difference(struct kept *k, struct difference *d)
{
    difference_unref(k->differences[k->next]);
    k->differences[k->next] = d;
    k->next = (k->next + 1) % DIFFERENCES;
    d->refs++;
}

/* Without the lock. */
static struct difference *make_difference(struct repo *r, const char *from, const char *to)
{
    struct difference *d = new (sizeof *d);
    d->refs = 1;
    d->repository = strdup(repo_path(r));
    if (!d->repository)
        log_die("out of memory");
    (void)snprintf(d->from, sizeof d->from, "%s", from);
    (void)snprintf(d->to, sizeof d->to, "%s", to);
    d->known = tree_points_between(r, from, to, &d->points, NULL) == 0;
    return d;
}

/* ---- entries ---- */

static void remove_entry(struct kept *k, const char *key)
{
    struct entry *x = map_remove(&k->entries, key);
    if (!x)
        return;
    k->bytes -= x->bytes;
    kept_render_unref(x->render);
    free(x);
}

static void make_room(struct kept *k)
{
    while (k->bytes > k->limit && map_size(&k->entries) > 0) {
        const struct map_entry *oldest = NULL;
        size_t cursor = 0;
        for (const struct map_entry *m; (m = map_next(&k->entries, &cursor));)
            if (!oldest || ((struct entry *)m->value)->used < ((struct entry *)oldest->value)->used)
                oldest = m;
        remove_entry(k, oldest->key);
    }
}

struct kept *kept_new(size_t limit)
{
    struct kept *k = new (sizeof *k);
    k->limit = limit;
    (void)pthread_mutex_init(&k->lock, NULL);
    map_init(&k->entries);
    return k;
}

void kept_free(struct kept *k)
{
    if (!k)
        return;
    size_t cursor = 0;
    for (const struct map_entry *m; (m = map_next(&k->entries, &cursor));) {
        kept_render_unref(((struct entry *)m->value)->render);
        free(m->value);
    }
    map_done(&k->entries);
    for (size_t i = 0; i < DIFFERENCES; i++)
        difference_unref(k->differences[i]);
    (void)pthread_mutex_destroy(&k->lock);
    free(k);
}

void kept_drop(struct kept *k, const char *key)
{
    LOCK_SCOPE(&k->lock);
    remove_entry(k, key);
}

/* Of what was read, by the lowest of those that it was made from. */
static const struct tree_notes *notes_of(const struct kept_render *r)
{
    while (r->base)
        r = r->base;
    return &r->notes;
}

static size_t bytes_of(const struct kept_render *r)
{
    size_t bytes = map_size(&notes_of(r)->paths) * 2 * sizeof(struct map_entry);
    for (; r; r = r->base)
        bytes += arena_used(r->a);
    return bytes;
}

void kept_put(struct kept *k, const char *key, struct kept_render *r, const char *commit)
{
    struct entry *x = new (sizeof *x);
    size_t bytes = bytes_of(r);
    LOCK_SCOPE(&k->lock);
    remove_entry(k, key);
    (void)atomic_fetch_add(&r->refs, 1);
    *x = (struct entry){.render = r, .used = ++k->uses, .bytes = bytes};
    (void)snprintf(x->commit, sizeof x->commit, "%s", commit);
    (void)map_put(&k->entries, key, x);
    k->bytes += x->bytes;
    make_room(k);
}

/* What is there for the Application, whatever its commit. */
static struct kept_render *take(struct kept *k, const char *key, const char *inputs,
                                const char *repository, char commit[REPO_SHA_MAX])
{
    LOCK_SCOPE(&k->lock);
    struct entry *x = map_get(&k->entries, key);
    if (!x || strcmp(x->render->inputs, inputs) != 0 ||
        strcmp(x->render->repository, repository) != 0)
        return NULL;
    x->used = ++k->uses;
    memcpy(commit, x->commit, REPO_SHA_MAX);
    (void)atomic_fetch_add(&x->render->refs, 1);
    return x->render;
}

static void move_on(struct kept *k, const char *key, const struct kept_render *r,
                    const char *commit)
{
    LOCK_SCOPE(&k->lock);
    struct entry *x = map_get(&k->entries, key);
    if (x && x->render == r)
        (void)snprintf(x->commit, sizeof x->commit, "%s", commit);
}

/* What differs, with a reference for the caller. */
static struct difference *difference_of(struct kept *k, struct repo *r, const char *from,
                                        const char *to)
{
    struct difference *d;
    {
        LOCK_SCOPE(&k->lock);
        d = find_difference(k, repo_path(r), from, to);
    }
    if (d)
        return d;
    d = make_difference(r, from, to);
    LOCK_SCOPE(&k->lock);
    keep_difference(k, d);
    return d;
}

static void let_go(struct kept *k, struct difference *d)
{
    LOCK_SCOPE(&k->lock);
    difference_unref(d);
}

struct kept_render *kept_get(struct kept *k, const char *key, const char *inputs, struct repo *r,
                             const char *commit)
{
    char from[REPO_SHA_MAX];
    struct kept_render *render = take(k, key, inputs, repo_path(r), from);
    if (!render || strcmp(from, commit) == 0)
        return render;
    struct difference *d = difference_of(k, r, from, commit);
    bool same = d->known && !tree_notes_touched(notes_of(render), &d->points);
    let_go(k, d);
    if (same) {
        move_on(k, key, render, commit);
        return render;
    }
    kept_render_unref(render);
    return NULL;
}

struct kept_render *kept_near(struct kept *k, const char *key, const char *inputs, struct repo *r,
                              const char *commit, struct arena *a, const char *const **files)
{
    char from[REPO_SHA_MAX];
    struct kept_render *render = take(k, key, inputs, repo_path(r), from);
    if (!render)
        return NULL;
    struct difference *d = difference_of(k, r, from, commit);
    *files = d->known ? tree_notes_texts(notes_of(render), &d->points, a) : NULL;
    let_go(k, d);
    if (*files)
        return render;
    kept_render_unref(render);
    return NULL;
}

/* ---- settled ---- */

void kept_settle(struct kept *k, const char *key, uint64_t rv, bool told)
{
    LOCK_SCOPE(&k->lock);
    struct entry *x = map_get(&k->entries, key);
    if (x) {
        x->settled = rv;
        x->told = told;
    }
}

bool kept_settled(struct kept *k, const char *key, uint64_t rv)
{
    LOCK_SCOPE(&k->lock);
    const struct entry *x = map_get(&k->entries, key);
    return x && rv != 0 && x->settled == rv;
}

bool kept_told(struct kept *k, const char *key, uint64_t rv)
{
    LOCK_SCOPE(&k->lock);
    const struct entry *x = map_get(&k->entries, key);
    return x && rv != 0 && x->told && x->settled == rv;
}
