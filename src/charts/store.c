#include "charts/store.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/map.h"
#include "base/thread.h"
#include "blob/blob.h"
#include "charts/url.h"
#include "codec/semver.h"

enum { LOOK_MS = 180 * 1000, NAME_MAX_BYTES = DIGEST_MAX, LOOKS_MAX = 10000 };
static const int64_t KEEP_MS = (int64_t)30 * 24 * 3600 * 1000;

/* What a range came to. */
struct look {
    int64_t at_ms; /* monotonic */
    char version[];
};

struct charts_store {
    struct charts_store_opts opts;
    struct arena *arena;
    struct blob_store *blobs; /* NULL: nothing is kept */
    const char *names;        /* folder */
    pthread_mutex_t lock;
    struct map looks;
};

static bool keep_none(void *arg, const char *digest)
{
    (void)arg, (void)digest;
    return false;
}

static int open_folder(struct charts_store *s, struct err *e)
{
    size_t n;
    uint64_t bytes;
    s->names = arena_printf(s->arena, "%s/names", s->opts.folder);
    int rc = fs_mkdirs(s->names, 0700, e);
    if (rc == 0)
        rc = blob_store_open(arena_printf(s->arena, "%s/archives", s->opts.folder), &s->blobs, e);
    if (rc == 0)
        rc = blob_collect(s->blobs, keep_none, NULL,
                          s->opts.clock->real_ms(s->opts.clock) - KEEP_MS, &n, &bytes, e);
    return rc < 0 ? err_wrap(e, rc, "charts in %s", s->opts.folder) : 0;
}

int charts_store_open(const struct charts_store_opts *opts, struct charts_store **out,
                      struct err *e)
{
    AUTO(charts_store) struct charts_store *s = calloc(1, sizeof *s);
    if (!s)
        abort();
    s->opts = *opts;
    s->arena = arena_new(0);
    if (s->opts.look_ms == 0)
        s->opts.look_ms = LOOK_MS;
    (void)pthread_mutex_init(&s->lock, NULL);
    map_init(&s->looks);
    if (s->opts.folder) {
        s->opts.folder = arena_strdup(s->arena, s->opts.folder);
        int rc = open_folder(s, e);
        if (rc < 0)
            return rc;
    }
    *out = take_ptr(s);
    return 0;
}

static void forget_looks(struct charts_store *s)
{
    size_t cursor = 0;
    for (const struct map_entry *m; (m = map_next(&s->looks, &cursor));)
        free(m->value);
    map_done(&s->looks);
    map_init(&s->looks);
}

void charts_store_free(struct charts_store *s)
{
    if (!s)
        return;
    forget_looks(s);
    map_done(&s->looks);
    (void)pthread_mutex_destroy(&s->lock);
    blob_store_free(s->blobs);
    arena_free(s->arena);
    free(s);
}

/* Two users may see two different charts; who only says to be one of them does not see what is
 * kept for the other. The key itself is in memory only; on disk it is a digest. */
static const char *key_of(const struct charts_wish *w, struct arena *a)
{
    const struct charts_access *who = w->access;
    const char *user = who && who->user ? who->user : "";
    const char *password = who && who->password ? who->password : "";
    const char *text =
        arena_printf(a, "%s\n%s\n%s\n%s", url_public(w->repository, a), w->name, w->version, user);
    return *password ? arena_printf(a, "%s\n%s", text, password) : text;
}

static struct charts_query query_of(const struct charts_wish *w, struct arena *a)
{
    bool oci = strncmp(w->repository, "oci://", 6) == 0;
    return (struct charts_query){
        .chart = oci ? url_join(w->repository, w->name, a) : w->name,
        .version = strcmp(w->version, "*") == 0 ? "" : w->version,
        .repository = oci ? NULL : w->repository,
        .access = w->access,
    };
}

/* ---- versions ---- */

static bool looked(struct charts_store *s, const char *key, struct arena *a, const char **out)
{
    LOCK_SCOPE(&s->lock);
    const struct look *l = map_get(&s->looks, key);
    if (!l || s->opts.clock->mono_ms(s->opts.clock) - l->at_ms >= s->opts.look_ms)
        return false;
    *out = arena_strdup(a, l->version);
    return true;
}

static void note_look(struct charts_store *s, const char *key, const char *version)
{
    size_t n = strlen(version) + 1;
    struct look *l = malloc(sizeof *l + n);
    if (!l)
        abort();
    l->at_ms = s->opts.clock->mono_ms(s->opts.clock);
    memcpy(l->version, version, n);
    LOCK_SCOPE(&s->lock);
    if (map_size(&s->looks) >= LOOKS_MAX)
        forget_looks(s);
    free(map_put(&s->looks, key, l));
}

int charts_store_version(struct charts_store *s, const struct charts_wish *w, struct arena *a,
                         const char **out, struct err *e)
{
    static const struct charts_files nobody;
    const char *key = key_of(w, a), *url, *version = NULL;
    struct charts_query q = query_of(w, a);
    struct semver exact;
    if (semver_parse(a, w->version, &exact, NULL) == 0 && strchr(w->version, '.') &&
        strchr(strchr(w->version, '.') + 1, '.')) {
        *out = w->version;
        return 0;
    }
    if (!w->fresh && looked(s, key, a, out))
        return 0;
    if (!*q.version)
        q.version = "*";
    int rc = charts_resolve(&nobody, &q, a, &url, &version, e);
    if (rc < 0)
        return rc;
    note_look(s, key, version);
    *out = version;
    return 0;
}

/* ---- archives ---- */

static const char *name_file(const struct charts_store *s, const char *key, struct arena *a)
{
    char digest[DIGEST_MAX];
    blob_digest_of(key, strlen(key), digest);
    return arena_printf(a, "%s/%s", s->names, strchr(digest, ':') + 1);
}

static bool kept(struct charts_store *s, const char *file, struct arena *a, const char **out,
                 size_t *n)
{
    char *digest, *bytes, real[DIGEST_MAX];
    size_t len;
    if (fs_read(file, NAME_MAX_BYTES, a, &digest, &len, NULL) < 0 ||
        blob_digest_check(digest, NULL) < 0 || !blob_touch(s->blobs, digest) ||
        blob_read(s->blobs, digest, CHARTS_ARCHIVE_MAX, a, &bytes, &len, NULL) < 0)
        return false;
    blob_digest_of(bytes, len, real);
    if (strcmp(real, digest) != 0) {
        (void)!blob_delete(s->blobs, digest, NULL);
        return false;
    }
    *out = bytes;
    *n = len;
    return true;
}

int charts_store_get(struct charts_store *s, const struct charts_wish *w, struct arena *a,
                     const char **out, size_t *n, struct err *e)
{
    static const struct charts_files nobody;
    const char *file = s->blobs ? name_file(s, key_of(w, a), a) : NULL;
    const struct charts_query q = query_of(w, a);
    struct charts_answer answer;
    char digest[DIGEST_MAX];
    if (file && !w->fresh && kept(s, file, a, out, n))
        return 0;
    int rc = charts_fetch(&nobody, &q, a, &answer, e);
    if (rc == 0 && file)
        rc = blob_put(s->blobs, answer.bytes, answer.n, digest, e);
    if (rc == 0 && file)
        rc = fs_write_atomic(file, 0600, digest, strlen(digest), e);
    if (rc < 0)
        return rc;
    *out = answer.bytes;
    *n = answer.n;
    return 0;
}
