#include "server/flaws.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/map.h"
#include "base/thread.h"
#include "kube/events.h"
#include "scan/catalogue.h"

enum { EVERY_MS = 3000, SAID_MAX = 500, DIGEST_HEX = 71, LEVELS = SEVERITY_CRITICAL + 1 };

static const int64_t first_prune_ms = 3600 * 1000LL, prune_every_ms = 24 * 3600 * 1000LL;

struct counts {
    int64_t built_ms;
    size_t images[LEVELS], pods[LEVELS], repositories[LEVELS]; /* by their worst */
};

struct flaws {
    struct server *server;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool stop;
    struct stat looked;   /* the database that was dealt with */
    struct counts counts; /* under the lock */
    int64_t prune_at_ms;
};

/* What is new about one image, repository or pod. */
struct concern {
    const struct finding *worst;
    const char *image, *owner;
    size_t n;
};

static void add_concern(struct concern *c, const struct finding *f)
{
    if (!c->worst || f->severity > c->worst->severity)
        c->worst = f;
    c->n++;
}

static struct concern *concern_of(struct map *m, const char *key, struct arena *a)
{
    struct concern *c = map_get(m, key);
    if (!c) {
        c = ARENA_NEW(a, struct concern);
        (void)map_put(m, key, c);
    }
    return c;
}

static const char *sentence(const struct concern *c, const char *what, struct arena *a)
{
    const struct finding *f = c->worst;
    return arena_printf(a, "%zu new advisor%s about %s, the worst: %s %s in %s %s, %s%s", c->n,
                        c->n == 1 ? "y" : "ies", what, severity_name(f->severity), f->id,
                        f->package->binary, f->package->version,
                        *f->fixed ? "mended in " : "nothing mends it", f->fixed);
}

/* ---- telling ---- */

struct telling {
    struct server *server;
    struct arena *arena;
    struct map images, owners; /* digest, Git repository → struct concern */
    struct counts counts;
    size_t said;
};

static void tell(struct telling *t, const struct resource *r, const struct object *o,
                 const char *message)
{
    const struct event_note note = {
        .source = "advisories", .warning = true, .reason = "NewAdvisory", .message = message};
    if (t->said++ < SAID_MAX)
        recorder_add(runner_recorder(t->server->runner), r, o, &note);
}

static void collect(struct telling *t, const struct affected *list, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct concern *c = concern_of(&t->images, list[i].digest, t->arena);
        c->image = list[i].name;
        c->owner = list[i].owner;
        add_concern(c, list[i].finding);
        if (*list[i].owner)
            add_concern(concern_of(&t->owners, list[i].owner, t->arena), list[i].finding);
    }
}

/* The digest of what a container runs, "" when nobody knows. */
static const char *digest_of(const struct value *status, struct arena *a)
{
    const char *at = strstr(value_at_str(status, "imageID", ""), "sha256:");
    return at ? arena_strndup(a, at, strnlen(at, DIGEST_HEX)) : "";
}

typedef void (*on_container)(void *arg, const char *digest);

static void each_container(const struct object *pod, on_container fn, void *arg, struct arena *a)
{
    static const char *const statuses[] = {"initContainerStatuses", "containerStatuses",
                                           "ephemeralContainerStatuses"};
    const struct value *status = value_get(pod->root, "status");
    for (size_t i = 0; i < ARRAY_LEN(statuses); i++)
        VALUE_EACH_ITEM (c, value_get(status, statuses[i]))
            fn(arg, digest_of(c, a));
}

struct of_pod {
    const struct telling *telling;
    const struct concern *worst;
};

static void look_at_container(void *arg, const char *digest)
{
    struct of_pod *p = arg;
    const struct concern *c = map_get(&p->telling->images, digest);
    if (c && (!p->worst || c->worst->severity > p->worst->worst->severity))
        p->worst = c;
}

static bool runs(const struct object *pod)
{
    const char *phase = value_at_str(pod->root, "status.phase", "");
    return strcmp(phase, "Succeeded") != 0 && strcmp(phase, "Failed") != 0;
}

static int tell_pods(struct telling *t, struct err *e)
{
    struct kube_list pods = {0};
    int r = kube_list(t->server->kube, &RES_POD, NULL, NULL, &pods, e);
    for (size_t i = 0; i < pods.n; i++) {
        struct of_pod p = {.telling = t};
        if (runs(pods.items[i]))
            each_container(pods.items[i], look_at_container, &p, t->arena);
        if (!p.worst)
            continue;
        t->counts.pods[p.worst->worst->severity]++;
        const char *what = arena_printf(t->arena, "image %s", p.worst->image);
        tell(t, &RES_POD, pods.items[i], sentence(p.worst, what, t->arena));
    }
    kube_list_done(&pods);
    return r;
}

static void tell_owner(struct telling *t, const char *repository, const struct concern *c)
{
    AUTO(object) struct object *o = NULL;
    const char *ns, *name;
    t->counts.repositories[c->worst->severity]++;
    if (repository_owner(&t->server->repositories, repository, t->arena, &ns, &name, NULL) == 0 &&
        kube_get(t->server->kube, &RES_REPOSITORY, ns, name, &o, NULL) == 0)
        tell(t, &RES_REPOSITORY, o, sentence(c, "images built from it", t->arena));
}

static size_t sum(const size_t n[LEVELS])
{
    size_t all = 0;
    for (size_t i = 0; i < LEVELS; i++)
        all += n[i];
    return all;
}

/* Of what the catalogue says; 0 also when nothing is new. */
static int tell_all(struct telling *t, const struct affected *list, size_t n, struct err *e)
{
    size_t at = 0;
    collect(t, list, n);
    int r = n ? tell_pods(t, e) : 0;
    if (r < 0)
        return r;
    for (const struct map_entry *m; (m = map_next(&t->images, &at));)
        t->counts.images[((const struct concern *)m->value)->worst->severity]++;
    at = 0;
    for (const struct map_entry *m; (m = map_next(&t->owners, &at));)
        tell_owner(t, m->key, m->value);
    if (n)
        log_warn("advisories",
                 "the new database concerns %zu images, %zu running pods, %zu repositories: "
                 "`slipway db affected --pods` lists them",
                 sum(t->counts.images), sum(t->counts.pods), sum(t->counts.repositories));
    return 0;
}

/* ---- noticing ---- */

static bool is_same(const struct stat *a, const struct stat *b)
{
    return a->st_ino == b->st_ino && a->st_dev == b->st_dev &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* What `fresh` says that `seen` did not. Where nothing was seen before, nothing is new. */
static int compare(struct flaws *f, const char *seen, const char *fresh, struct telling *t,
                   struct err *e)
{
    AUTO(advisories) struct advisories *before = NULL, *now = NULL;
    AUTO(catalogue) struct catalogue *c = NULL;
    struct affected *list;
    size_t n;
    int r = advisories_open_trusted(f->server->dir, fresh, NULL, &now, e);
    if (r < 0)
        return r;
    t->counts.built_ms = advisories_built_ms(now);
    if (advisories_open(seen, &before, NULL) < 0)
        return 0;
    r = catalogue_open(arena_printf(t->arena, "%s/catalogue", f->server->dir), false, &c, e);
    if (r == 0)
        r = catalogue_affected(c, before, now, clock_real_ms(), t->arena, &list, &n, e);
    return r < 0 ? r : tell_all(t, list, n, e);
}

/* The database gets a second name first: what is compared is what is noted down as seen. */
static int deal_with(struct flaws *f, const char *db, struct telling *t, struct err *e)
{
    const char *seen = arena_printf(t->arena, "%s/advisories.seen", f->server->dir);
    const char *fresh = arena_printf(t->arena, "%s.new", seen);
    (void)unlink(fresh);
    if (linkat(AT_FDCWD, db, AT_FDCWD, fresh, AT_SYMLINK_FOLLOW) < 0)
        return err_sys(e, errno, "link %s to %s", db, fresh);
    int r = compare(f, seen, fresh, t, e);
    if (r == 0 && rename(fresh, seen) < 0)
        r = err_sys(e, errno, "rename %s", fresh);
    (void)unlink(fresh); /* of two names of one file, rename() leaves both */
    return r;
}

static void look(struct flaws *f)
{
    AUTO(arena) struct arena *a = arena_new(0);
    struct telling t = {.server = f->server, .arena = a};
    const char *db = arena_printf(a, "%s/advisories.db", f->server->dir);
    struct stat st;
    struct err e;
    if (stat(db, &st) < 0 || is_same(&st, &f->looked))
        return;
    map_init(&t.images);
    map_init(&t.owners);
    int r = deal_with(f, db, &t, &e);
    map_done(&t.images);
    map_done(&t.owners);
    if (r < 0)
        log_warn("advisories", "whom the database concerns is not known: %s", e.msg);
    if (r == ERR_AGAIN) /* the API cannot be asked now */
        return;
    f->looked = st;
    LOCK_SCOPE(&f->lock);
    f->counts = t.counts;
}

/* ---- pruning ---- */

struct keeping {
    struct server *server;
    struct map *running; /* digests */
};

static void note_running(void *arg, const char *digest)
{
    (void)map_put(arg, digest, arg);
}

static bool keep(void *arg, const char *digest)
{
    const struct keeping *k = arg;
    AUTO(arena) struct arena *a = arena_new(0);
    struct image image;
    return map_has(k->running, digest) ||
           image_store_find(k->server->images, digest, a, &image, NULL) != ERR_NOT_FOUND;
}

static void prune(struct flaws *f)
{
    AUTO(arena) struct arena *a = arena_new(0);
    struct kube_list pods = {0};
    struct map running;
    struct keeping k = {f->server, &running};
    struct err e;
    size_t gone = 0;
    map_init(&running);
    int r = kube_list(f->server->kube, &RES_POD, NULL, NULL, &pods, &e);
    for (size_t i = 0; i < pods.n; i++)
        each_container(pods.items[i], note_running, &running, a);
    if (r == 0)
        r = catalogue_prune(arena_printf(a, "%s/catalogue", f->server->dir), keep, &k, &gone, &e);
    if (r < 0)
        log_warn("advisories", "the catalogue of images is not pruned: %s", e.msg);
    else if (gone)
        log_info("advisories", "%zu images that are gone left the catalogue", gone);
    kube_list_done(&pods);
    map_done(&running);
}

/* ---- the thread ---- */

static bool sleep_a_while(struct flaws *f)
{
    int64_t due = clock_mono_ms() + EVERY_MS;
    LOCK_SCOPE(&f->lock);
    for (int64_t left; !f->stop && (left = due - clock_mono_ms()) > 0;)
        (void)cond_wait_ms(&f->wake, &f->lock, left);
    return !f->stop;
}

static void *run(void *arg)
{
    struct flaws *f = arg;
    while (sleep_a_while(f)) {
        look(f);
        if (clock_mono_ms() < f->prune_at_ms)
            continue;
        prune(f);
        f->prune_at_ms = clock_mono_ms() + prune_every_ms;
    }
    return NULL;
}

int flaws_start(struct server *s, struct flaws **out, struct err *e)
{
    struct flaws *f = calloc(1, sizeof *f);
    if (!f)
        log_die("out of memory");
    f->server = s;
    f->prune_at_ms = clock_mono_ms() + first_prune_ms;
    (void)pthread_mutex_init(&f->lock, NULL);
    cond_init(&f->wake);
    int r = thread_start(&f->thread, "advisories", 512, run, f, e);
    if (r < 0) {
        free(f);
        return r;
    }
    *out = f;
    return 0;
}

void flaws_stop(struct flaws *f)
{
    if (!f)
        return;
    {
        LOCK_SCOPE(&f->lock);
        f->stop = true;
        (void)pthread_cond_signal(&f->wake);
    }
    (void)pthread_join(f->thread, NULL);
}

void flaws_free(struct flaws *f)
{
    if (!f)
        return;
    (void)pthread_mutex_destroy(&f->lock);
    (void)pthread_cond_destroy(&f->wake);
    free(f);
}

/* ---- metrics ---- */

void flaws_measure(void *flaws, scraper_emit emit, void *to)
{
    struct flaws *f = flaws;
    struct counts c;
    {
        LOCK_SCOPE(&f->lock);
        c = f->counts;
    }
    const struct {
        const char *name;
        const size_t *n;
    } sets[] = {
        {"slipway_new_advisory_images",       c.images      },
        {"slipway_new_advisory_pods",         c.pods        },
        {"slipway_new_advisory_repositories", c.repositories},
    };
    if (!c.built_ms)
        return;
    const struct label built = {"__name__", "slipway_advisories_built_timestamp_seconds"};
    emit(to, &built, 1, (double)c.built_ms / 1000);
    for (size_t i = 0; i < ARRAY_LEN(sets); i++)
        for (size_t level = 0; level < LEVELS; level++) {
            const struct label l[] = {
                {"__name__", sets[i].name                       },
                {"severity", severity_name((enum severity)level)}
            };
            emit(to, l, ARRAY_LEN(l), (double)sets[i].n[level]);
        }
}
