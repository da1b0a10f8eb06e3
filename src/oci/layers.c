/* FOLDER/layers/<32 hex of the diff id>/fs is the unpacked layer, …/state says in which boot it
 * was made, or "synced". What was made in an earlier boot and not synced may have lost bytes when
 * the machine went down, and is made again; a process that dies loses none. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "blob/digest.h"
#include "codec/compress.h"
#include "oci/store_int.h"

#define LAYER_MAX_BYTES (256ULL << 30)

char *layer__folder(const struct image_store *s, const char *diff_id, struct arena *a)
{
    return arena_printf(a, "%s/%.32s", s->layers, diff_id + 7);
}

bool layer__ready(struct image_store *s, const char *diff_id)
{
    AUTO(arena) struct arena *a = arena_new(1 << 16);
    char *text;
    size_t n;
    if (fs_read(arena_printf(a, "%s/state", layer__folder(s, diff_id, a)), 256, a, &text, &n,
                NULL) < 0)
        return false;
    if (strcmp(text, "synced") != 0 && strcmp(text, s->boot_id) != 0)
        return false;
    /* Wanted now: collection looks at this time under the same lock. */
    LOCK_SCOPE(&s->lock);
    return utimensat(AT_FDCWD, layer__folder(s, diff_id, a), NULL, 0) == 0;
}

/* A source that hashes what passes. */
struct hashing {
    struct source source;
    struct source *from;
    struct digest_state hash;
};

static int hashing_read(struct source *self, void *out, size_t n, size_t *got, struct err *e)
{
    struct hashing *h = container_of(self, struct hashing, source);
    int rc = source_read(h->from, out, n, got, e);
    if (rc == 0)
        digest_add(&h->hash, out, *got);
    return rc;
}

static int drain(struct source *from, struct err *e)
{
    char rest[1 << 14];
    for (size_t got = 1; got > 0;) {
        int rc = source_read(from, rest, sizeof rest, &got, e);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int extract_blob(struct image_store *s, const char *digest, const char *diff_id,
                        const struct lowers *below, const char *folder, struct err *e)
{
    AUTO_FD int blob = -1;
    int rc = blob_open(s->blobs, digest, &blob, NULL, e);
    if (rc < 0)
        return rc;
    AUTO_FD int root = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (root < 0)
        return err_sys(e, errno, "open %s", folder);
    struct source_fd bytes = source_from_fd(blob);
    AUTO(decompressor) struct decompressor *plain = NULL;
    rc = decompressor_new(COMPRESS_AUTO, &bytes.source, LAYER_MAX_BYTES, &plain, e);
    if (rc < 0)
        return rc;
    struct hashing tar = {.source.read = hashing_read, .from = decompressor_source(plain)};
    digest_init(&tar.hash, digest_kind_of(diff_id));
    if ((rc = layer__extract(&tar.source, root, below, e)) < 0 || (rc = drain(&tar.source, e)) < 0)
        return rc;
    char is[DIGEST_MAX];
    digest_text(&tar.hash, is);
    if (strcmp(is, diff_id) != 0)
        return err_set(e, ERR_INVALID, "layer has diff id %s, the configuration says %s", is,
                       diff_id);
    return 0;
}

/* Two processes may do the same; the second finds the folder there and drops its own. */
static int settle(struct image_store *s, const char *diff_id, const char *made, struct arena *a,
                  struct err *e)
{
    const char *folder = layer__folder(s, diff_id, a);
    const char *state = arena_printf(a, "%s/state", made);
    AUTO_FD int fd = open(state, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd < 0 || write(fd, s->boot_id, strlen(s->boot_id)) < 0)
        return err_sys(e, errno, "write %s", state);
    for (unsigned attempt = 0; attempt < 8; attempt++) {
        if (renameat2(AT_FDCWD, made, AT_FDCWD, folder, RENAME_NOREPLACE) == 0)
            return 0;
        if (errno != EEXIST && errno != ENOTEMPTY)
            break;
        if (layer__ready(s, diff_id))
            return 0;
        /* From an earlier boot: out of the way at once, gone when there is time. */
        char *old =
            arena_printf(a, "%s/.old-%.32s.%d.%u", s->layers, diff_id + 7, (int)getpid(), attempt);
        if (rename(folder, old) == 0) {
            int gone = fs_remove_tree(old, NULL);
            (void)gone;
        }
    }
    return err_sys(e, errno, "rename %s to %s", made, folder);
}

/* A new folder beside the layers, locked while its maker lives (collect.c removes the others). */
static int new_folder(struct image_store *s, struct arena *a, char **out, int *out_lock,
                      struct err *e)
{
    char *made = arena_printf(a, "%s/.new-XXXXXX", s->layers);
    if (!mkdtemp(made) || chmod(made, 0755) < 0)
        return err_sys(e, errno, "create %s", made);
    *out_lock = open(made, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    (void)flock(*out_lock, LOCK_EX | LOCK_NB);
    *out = made;
    return 0;
}

static int make(struct image_store *s, const char *digest, const char *diff_id,
                const struct lowers *below, struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(1 << 20);
    AUTO_FD int lock = -1;
    char *made;
    int rc = new_folder(s, a, &made, &lock, e);
    if (rc < 0)
        return rc;
    char *root = arena_printf(a, "%s/fs", made);
    if (mkdir(root, 0755) < 0 || chmod(root, 0755) < 0)
        rc = err_sys(e, errno, "create %s", root);
    if (rc == 0)
        rc = extract_blob(s, digest, diff_id, below, root, e);
    if (rc == 0)
        rc = settle(s, diff_id, made, a, e);
    int gone = fs_remove_tree(made, NULL); /* collection tries again */
    (void)gone;
    return rc < 0 ? err_wrap(e, rc, "unpack layer %s", digest) : 0;
}

int layer__adopt(struct image_store *s, const char *folder, const char *diff_id, struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(1 << 20);
    AUTO_FD int lock = -1;
    char *made;
    if (layer__ready(s, diff_id))
        return 0;
    int rc = new_folder(s, a, &made, &lock, e);
    if (rc < 0)
        return rc;
    if (chmod(folder, 0755) < 0 || rename(folder, arena_printf(a, "%s/fs", made)) < 0)
        rc = err_sys(e, errno, "move %s to the layers", folder);
    if (rc == 0)
        rc = settle(s, diff_id, made, a, e);
    int gone = fs_remove_tree(made, NULL); /* collection tries again */
    (void)gone;
    return rc;
}

int layer__ensure(struct image_store *s, const char *digest, const char *diff_id,
                  const struct lowers *below, struct err *e)
{
    while (!layer__ready(s, diff_id)) {
        if (!store__begin(s, diff_id))
            continue;
        int rc = layer__ready(s, diff_id) ? 0 : make(s, digest, diff_id, below, e);
        store__end(s, diff_id);
        if (rc < 0)
            return rc;
    }
    return 0;
}

int image_store_unpack(struct image_store *s, struct image *image, struct arena *a, struct err *e)
{
    const char **dirs = ARENA_ARRAY(a, const char *, image->n_layers + 1);
    const struct value *layers = value_get(image->manifest, "layers");
    for (size_t i = 0; i < image->n_layers; i++) {
        const char *digest = value_at_str(value_item(layers, i), "digest", "");
        const struct lowers below = {dirs, i};
        int rc = layer__ensure(s, digest, image->diff_ids[i], &below, e);
        if (rc < 0)
            return err_wrap(e, rc, "image %s", image->reference);
        dirs[i] = arena_printf(a, "%s/fs", layer__folder(s, image->diff_ids[i], a));
    }
    image->layer_dirs = dirs;
    return 0;
}

int image_layer_dir(struct image_store *s, const struct image_layer *l, struct arena *a,
                    const char **out, struct err *e)
{
    int rc = layer__ensure(s, l->digest, l->diff_id, NULL, e);
    if (rc == 0)
        *out = arena_printf(a, "%s/fs", layer__folder(s, l->diff_id, a));
    return rc;
}

int image_extract(int archive_fd, int folder_fd, struct err *e)
{
    struct source_fd bytes = source_from_fd(archive_fd);
    AUTO(decompressor) struct decompressor *plain = NULL;
    int rc = decompressor_new(COMPRESS_AUTO, &bytes.source, LAYER_MAX_BYTES, &plain, e);
    return rc < 0 ? rc : layer__extract(decompressor_source(plain), folder_fd, NULL, e);
}

int image_extract_from(struct source *tar, int folder_fd, struct err *e)
{
    return layer__extract(tar, folder_fd, NULL, e);
}
