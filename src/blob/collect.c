#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>

#include "base/thread.h"
#include "blob/blob_int.h"

struct sweep {
    struct blob_store *store;
    bool (*keep)(void *arg, const char *digest);
    void *arg;
    int64_t before_ms;
    size_t blobs;
    uint64_t bytes;
};

static int64_t touched_ms(const struct stat *st)
{
    return (int64_t)st->st_mtim.tv_sec * 1000 + st->st_mtim.tv_nsec / 1000000;
}

/* Looks at the age under the lock: a touch either came before and spares it, or finds it gone. */
static void sweep_one(struct sweep *w, int folder, const char *algorithm, const char *hex)
{
    char digest[DIGEST_MAX];
    struct stat st;
    if ((size_t)snprintf(digest, sizeof digest, "%s:%s", algorithm, hex) >= sizeof digest)
        return;
    if (blob_digest_check(digest, NULL) < 0 || w->keep(w->arg, digest))
        return;
    (void)pthread_rwlock_wrlock(&w->store->lock);
    if (fstatat(folder, hex, &st, AT_SYMLINK_NOFOLLOW) == 0 && touched_ms(&st) < w->before_ms &&
        unlinkat(folder, hex, 0) == 0) {
        w->blobs++;
        w->bytes += (uint64_t)st.st_size;
    }
    (void)pthread_rwlock_unlock(&w->store->lock);
}

static void sweep_folder(struct sweep *w, const char *algorithm, const char *two)
{
    char path[PATH_MAX];
    (void)snprintf(path, sizeof path, "%s/%s/%s", w->store->folder, algorithm, two);
    DIR *d = opendir(path);
    if (!d)
        return;
    for (struct dirent *entry; (entry = readdir(d));) {
        if (entry->d_name[0] != '.')
            sweep_one(w, dirfd(d), algorithm, entry->d_name);
    }
    (void)closedir(d);
}

int blob_collect(struct blob_store *s, bool (*keep)(void *arg, const char *digest), void *arg,
                 int64_t before_ms, size_t *out_blobs, uint64_t *out_bytes, struct err *e)
{
    static const char *const algorithms[] = {"sha256", "sha512"};
    struct sweep w = {.store = s, .keep = keep, .arg = arg, .before_ms = before_ms};
    char path[PATH_MAX];
    for (size_t i = 0; i < ARRAY_LEN(algorithms); i++) {
        (void)snprintf(path, sizeof path, "%s/%s", s->folder, algorithms[i]);
        DIR *d = opendir(path);
        if (!d)
            return err_sys(e, errno, "open %s", path);
        for (struct dirent *entry; (entry = readdir(d));) {
            if (entry->d_name[0] != '.')
                sweep_folder(&w, algorithms[i], entry->d_name);
        }
        (void)closedir(d);
    }
    *out_blobs = w.blobs;
    *out_bytes = w.bytes;
    return 0;
}

struct visit {
    void (*fn)(void *arg, const char *digest);
    void *arg;
};

static bool visit_one(void *arg, const char *digest)
{
    struct visit *v = arg;
    v->fn(v->arg, digest);
    return true;
}

/* A collection that keeps all. */
int blob_each(struct blob_store *s, void (*fn)(void *arg, const char *digest), void *arg,
              struct err *e)
{
    struct visit v = {fn, arg};
    size_t none;
    uint64_t no_bytes;
    return blob_collect(s, visit_one, &v, 0, &none, &no_bytes, e);
}
