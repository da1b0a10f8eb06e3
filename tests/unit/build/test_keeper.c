#include <string.h>

#include "base/fs.h"
#include "base/thread.h"
#include "blob/refs.h"
#include "build/keeper.h"
#include "t.h"

struct told {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    unsigned rounds;
    size_t blobs;
};

static void on_done(void *arg, int rc, const struct image_gc_result *result, const struct err *e)
{
    struct told *t = arg;
    T_RC(rc, e, "round");
    LOCK_SCOPE(&t->lock);
    t->rounds++;
    t->blobs += result->blobs;
    (void)pthread_cond_signal(&t->changed);
}

static void forgets_what_is_old(void)
{
    struct err e = {0};
    struct image_store *s;
    struct keeper *k;
    struct told told = {.lock = PTHREAD_MUTEX_INITIALIZER};
    char folder[] = "/tmp/slipway-keeper-XXXXXX", digest[DIGEST_MAX], used[DIGEST_MAX];
    cond_init(&told.changed);
    T_OK(mkdtemp(folder) != NULL, "mkdtemp");
    struct image_store_opts o = {.folder = folder};
    T_RC(image_store_open(&o, &s, &e), &e, "open");
    T_RC(blob_put(image_store_blobs(s), "old", 3, digest, &e), &e, "put");
    T_RC(blob_put(image_store_blobs(s), "new", 3, used, &e), &e, "put");
    char note[DIGEST_MAX + 32];
    (void)snprintf(note, sizeof note, "%s 1000 20", digest); /* used on day 20 of 1970 */
    T_RC(refs_set(image_store_refs(s), "c/old", digest, note, &e), &e, "set");
    (void)snprintf(note, sizeof note, "%s 1000 99999999", digest);
    T_RC(refs_set(image_store_refs(s), "c/new", used, note, &e), &e, "set");
    struct keeper_opts ko = {
        .images = s, .every_ms = 20, .grace_ms = -60000, .done = on_done, .arg = &told};
    T_RC(keeper_start(&ko, &k, &e), &e, "start");
    {
        LOCK_SCOPE(&told.lock);
        while (told.rounds < 2)
            (void)cond_wait_ms(&told.changed, &told.lock, 5000);
    }
    keeper_free(k);
    T_EQ_INT(told.blobs, 1, "one blob went");
    T_OK(!refs_has(image_store_refs(s), "c/old") && refs_has(image_store_refs(s), "c/new"),
         "names");
    T_OK(blob_has(image_store_blobs(s), used, NULL), "the other stays");
    image_store_free(s);
    T_RC(fs_remove_tree(folder, &e), &e, "remove");
}

T_MAIN(forgets_what_is_old)
