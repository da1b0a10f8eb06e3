#include <limits.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "base/thread.h"
#include "codec/json.h"
#include "oci/images.h"
#include "oci/store_int.h"
#include "t.h"

enum { WORKERS = 6, ROUNDS = 15 };

static char folder[64], digest[DIGEST_MAX];
static struct image_store *store;
static int failures;

static void make_image(void)
{
    struct err e = {0};
    struct image_layer layer;
    char path[PATH_MAX];
    AUTO(arena) struct arena *a = arena_new(1 << 20);
    (void)snprintf(path, sizeof path, "%s/root", folder);
    T_EQ_INT(mkdir(path, 0755), 0, "mkdir");
    T_RC(fs_write_atomic(arena_printf(a, "%s/f", path), 0644, "hello", 5, &e), &e, "write");
    const struct image_layer_opts o = {.epoch = 0, .adopt = true};
    T_RC(image_layer_pack(store, path, &o, &layer, &e), &e, "pack");
    struct value *config = value_new_object(a);
    (void)value_set_str(a, config, "os", "linux");
    T_RC(image_store_assemble(store, a, config, &layer, 1, NULL, "keep", digest, &e), &e,
         "assemble");
}

static int round_of(struct arena *a, unsigned me, unsigned i, struct err *e)
{
    struct image image;
    char out[DIGEST_MAX];
    struct image_gc_result gc;
    const char *tag = arena_printf(a, "slipway.local/app:t%u", me);
    const char *text = arena_printf(a, "blob %u %u", me, i);
    int rc = image_store_find(store, digest, a, &image, e);
    if (rc == 0 && me == 0) { /* everybody unpacks at the same time; a new one may be in the way */
        int gone = fs_remove_tree(layer__folder(store, image.diff_ids[0], a), NULL);
        (void)gone;
    }
    if (rc == 0)
        rc = image_store_unpack(store, &image, a, e);
    if (rc == 0)
        rc = image_store_tag(store, tag, digest, e);
    if (rc == 0)
        rc = image_store_ensure(store, tag, NULL, a, &image, e);
    if (rc == 0)
        rc = blob_put(image_store_blobs(store), text, strlen(text), out, e);
    image_store_hold(store, digest);
    if (rc == 0 && me == 1)
        rc = image_store_collect(store, 60000, &gc, e);
    image_store_release(store, digest);
    return rc == 0 ? image_store_untag(store, tag, e) : rc;
}

static void *work(void *arg)
{
    struct err e = {0};
    for (unsigned i = 0; i < ROUNDS; i++) {
        AUTO(arena) struct arena *a = arena_new(1 << 20);
        if (round_of(a, (unsigned)(uintptr_t)arg, i, &e) < 0) {
            (void)fprintf(stderr, "%s\n", e.msg);
            (void)__atomic_add_fetch(&failures, 1, __ATOMIC_SEQ_CST);
        }
    }
    return NULL;
}

static void works_side_by_side(void)
{
    struct err e = {0};
    pthread_t threads[WORKERS];
    (void)snprintf(folder, sizeof folder, "/tmp/slipway-many-XXXXXX");
    T_OK(mkdtemp(folder) != NULL, "mkdtemp");
    struct image_store_opts o = {.folder = folder};
    T_RC(image_store_open(&o, &store, &e), &e, "open");
    make_image();
    for (uintptr_t i = 0; i < WORKERS; i++)
        T_RC(thread_start(&threads[i], "worker", 512, work, (void *)i, &e), &e, "thread");
    for (size_t i = 0; i < WORKERS; i++)
        (void)pthread_join(threads[i], NULL);
    T_EQ_INT(failures, 0, "rounds that failed");
    image_store_free(store);
    T_RC(fs_remove_tree(folder, &e), &e, "remove");
}

T_MAIN(works_side_by_side)
