/* registry.c - slipway registry and slipway fsck: what this machine's registry holds, and whether
 * it is whole. */
#include "cli/registry.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/map.h"
#include "oci/images.h"
#include "oci/manifest.h"
#include "oci/reference.h"
#include "server/down.h"

enum { LS, TAGS, RM, USAGE, GC, FSCK };
enum { MINUTE_MS = 60000, DEFAULT_GRACE_MINUTES = 60 };

#define DIR_OPTION(dir)                                                                            \
    {                                                                                              \
        "data-dir", 'd', OPTION_TEXT, &(dir), "DIR",                                               \
            "where everything is kept (" VERB_DEFAULT_DIR ")"                                      \
    }

int registry_open_images(const char *data_dir, struct arena *a, struct image_store **out,
                         struct err *e)
{
    struct image_store_opts o = {.folder = arena_printf(a, "%s/images", verb_data_dir(data_dir))};
    return image_store_open(&o, out, e);
}

/* What a verb is about: the words after it, and this machine's images. */
struct about {
    struct arena *arena;
    struct arguments args;
    const char *data_dir;
    struct image_store *images;
    struct err err;
};

static void about_done(struct about *x)
{
    image_store_free(x->images);
    arena_free(x->arena);
}

#define ABOUT __attribute__((cleanup(about_done))) struct about

enum { ANY = -1 };

/* Of a verb whose only option is the data folder, with `words` words (ANY: one or more). False: it
 * is over, with *code. */
static bool begin(int verb, int argc, char **argv, int words, struct about *x, int *code)
{
    const struct option table[] = {DIR_OPTION(x->data_dir), {0}};
    const struct verb *v = &verbs_registry[verb];
    x->arena = arena_new(0);
    if (!verb_begin(v, table, argc, argv, x->arena, &x->args, code))
        return false;
    if (words == ANY ? x->args.n == 0 : x->args.n != (size_t)words)
        *code = verb_usage(v);
    else if (registry_open_images(x->data_dir, x->arena, &x->images, &x->err) < 0)
        *code = verb_fail(&x->err);
    else
        return true;
    return false;
}

/* "path" of "slipway.local/path:tag", and its tag; false for images of other hosts. */
static bool local_name(const char *reference, struct arena *a, struct reference *out)
{
    return reference_parse(reference, a, out, NULL) == 0 &&
           strcmp(out->host, IMAGES_LOCAL_HOST) == 0;
}

const char *registry_bytes_text(uint64_t n, struct arena *a)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    double v = (double)n;
    size_t u = 0;
    while (v >= 1024 && u < ARRAY_LEN(units) - 1) {
        v /= 1024;
        u++;
    }
    return arena_printf(a, u ? "%.1f %s" : "%.0f %s", v, units[u]);
}

/* ---- ls, tags ---- */

static int run_ls(int argc, char **argv)
{
    ABOUT x = {0};
    struct image_name *names;
    struct reference ref;
    struct map tags;
    int code;
    if (!begin(LS, argc, argv, 0, &x, &code))
        return code;
    struct arena *a = x.arena;
    map_init(&tags);
    size_t n = image_store_list(x.images, a, &names);
    for (size_t i = 0; i < n; i++)
        if (local_name(names[i].reference, a, &ref)) {
            size_t *count = map_get(&tags, ref.path);
            if (!count)
                (void)map_put(&tags, ref.path, count = ARENA_NEW(a, size_t));
            ++*count;
        }
    const struct map_entry *entry;
    for (size_t i = 0; (entry = map_next(&tags, &i));)
        (void)printf("%-50s %zu\n", entry->key, *(size_t *)entry->value);
    map_done(&tags);
    return EXIT_OK;
}

static int run_tags(int argc, char **argv)
{
    ABOUT x = {0};
    struct image_name *names;
    struct reference ref;
    size_t shown = 0;
    int code;
    if (!begin(TAGS, argc, argv, 1, &x, &code))
        return code;
    struct arena *a = x.arena;
    size_t n = image_store_list(x.images, a, &names);
    for (size_t i = 0; i < n; i++) {
        char when[CLOCK_TEXT_MAX];
        if (!local_name(names[i].reference, a, &ref) || strcmp(ref.path, x.args.items[0]) != 0)
            continue;
        clock_format_rfc3339(names[i].set_ms, when);
        (void)printf("%-40s %s %s\n", ref.tag, when, names[i].digest);
        shown++;
    }
    if (shown)
        return EXIT_OK;
    (void)err_set(&x.err, ERR_NOT_FOUND, "there is no repository %s with tags", x.args.items[0]);
    return verb_fail(&x.err);
}

/* ---- rm ---- */

static int remove_one(struct image_store *s, const char *name, struct arena *a, struct err *e)
{
    struct reference ref;
    const char *full = arena_printf(a, IMAGES_LOCAL_HOST "/%s", name), *digest;
    bool said = strchr(name, ':') || strchr(name, '@');
    int r = reference_parse(full, a, &ref, e);
    if (r == 0 && !said)
        r = err_set(e, ERR_INVALID, "%s names no tag and no digest: which is to go?", name);
    if (r == 0)
        r = image_store_digest(s, full, a, &digest, e);
    if (r < 0)
        return r;
    return ref.digest ? image_store_forget(s, ref.path, ref.digest, e)
                      : image_store_untag(s, full, e);
}

static int run_rm(int argc, char **argv)
{
    ABOUT x = {0};
    int code;
    if (!begin(RM, argc, argv, ANY, &x, &code))
        return code;
    for (size_t i = 0; i < x.args.n; i++) {
        if (remove_one(x.images, x.args.items[i], x.arena, &x.err) < 0)
            return verb_fail(&x.err);
        (void)printf("removed %s\n", x.args.items[i]);
    }
    return EXIT_OK;
}

/* ---- usage ---- */

struct repository_use {
    struct map blobs; /* digest → size */
    uint64_t bytes;
};

static void add_blobs(struct image_store *s, struct repository_use *u, const char *digest,
                      unsigned depth)
{
    AUTO(arena) struct arena *a = arena_new(64 << 20);
    struct manifest m;
    struct descriptor d;
    char *json;
    size_t n;
    uint64_t size;
    struct blob_store *blobs = image_store_blobs(s);
    if (depth > 4 || map_put(&u->blobs, digest, u) || !blob_has(blobs, digest, &size))
        return;
    u->bytes += size;
    if (blob_read(blobs, digest, MANIFEST_MAX_BYTES, a, &json, &n, NULL) < 0 ||
        manifest_parse(a, json, n, NULL, &m, NULL) < 0)
        return;
    for (size_t i = 0; manifest_next(&m, &i, &d);) {
        if (d.is_manifest)
            add_blobs(s, u, d.digest, depth + 1);
        else if (blob_has(blobs, d.digest, &size) && !map_put(&u->blobs, d.digest, u))
            u->bytes += size;
    }
}

static void print_usage(struct image_store *s, struct arena *a)
{
    struct map repositories;
    struct repository_use all = {0};
    struct image_name *names;
    struct reference ref;
    map_init(&repositories);
    map_init(&all.blobs);
    size_t n = image_store_list(s, a, &names);
    for (size_t i = 0; i < n; i++) {
        if (!local_name(names[i].reference, a, &ref))
            continue;
        struct repository_use *u = map_get(&repositories, ref.path);
        if (!u) {
            u = ARENA_NEW(a, struct repository_use);
            map_init(&u->blobs);
            (void)map_put(&repositories, ref.path, u);
        }
        add_blobs(s, u, names[i].digest, 0);
        add_blobs(s, &all, names[i].digest, 0);
    }
    const struct map_entry *entry;
    for (size_t i = 0; (entry = map_next(&repositories, &i));) {
        struct repository_use *u = entry->value;
        (void)printf("%-50s %12s\n", entry->key, registry_bytes_text(u->bytes, a));
        map_done(&u->blobs);
    }
    (void)printf("%-50s %12s\n", "all, what is shared counted once",
                 registry_bytes_text(all.bytes, a));
    map_done(&all.blobs);
    map_done(&repositories);
}

static int run_usage(int argc, char **argv)
{
    ABOUT x = {0};
    int code;
    if (!begin(USAGE, argc, argv, 0, &x, &code))
        return code;
    print_usage(x.images, x.arena);
    return EXIT_OK;
}

/* ---- gc ---- */

/* What pods run is known to the server alone, which collects by itself while it is up; when it is
 * not, they may run on. */
static int lock_data(const char *data_dir, struct arena *a, int *fd, struct err *e)
{
    const char *path = arena_printf(a, "%s/lock", verb_data_dir(data_dir));
    *fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (*fd < 0)
        return err_sys(e, errno, "open %s", path);
    bool mine = flock(*fd, LOCK_EX | LOCK_NB) == 0;
    if (mine && server_left_running(verb_data_dir(data_dir))) {
        (void)err_set(e, ERR_EXISTS, "containers of %s still run", verb_data_dir(data_dir));
        return err_hint(e, "slipway up finds them again and collects by itself; slipway down ends "
                           "them");
    }
    if (mine)
        return 0;
    (void)err_set(e, ERR_EXISTS, "%s is in use by a slipway", verb_data_dir(data_dir));
    return err_hint(e, "it collects by itself; stop it to do so from here");
}

static int run_gc(int argc, char **argv)
{
    const char *data_dir = NULL;
    long minutes = DEFAULT_GRACE_MINUTES;
    const struct option table[] = {
        DIR_OPTION(data_dir),
        {"grace",        0, OPTION_NUMBER, &minutes, "MINUTES", "what is younger stays (60)"},
        {0}
    };
    AUTO(arena) struct arena *a = arena_new(0);
    AUTO(image_store) struct image_store *s = NULL;
    AUTO_FD int lock = -1;
    struct arguments args;
    struct image_gc_result gone;
    struct err e = {0};
    int code;
    if (!verb_begin(&verbs_registry[GC], table, argc, argv, a, &args, &code))
        return code;
    if (args.n || minutes < 0)
        return verb_usage(&verbs_registry[GC]);
    if (lock_data(data_dir, a, &lock, &e) < 0 || registry_open_images(data_dir, a, &s, &e) < 0 ||
        image_store_collect(s, (int64_t)minutes * MINUTE_MS, &gone, &e) < 0)
        return verb_fail(&e);
    (void)printf("removed %zu blobs and %zu unpacked layers, %s\n", gone.blobs, gone.layers,
                 registry_bytes_text(gone.bytes, a));
    return EXIT_OK;
}

/* ---- fsck ---- */

static void report(void *arg, const char *line)
{
    (void)arg;
    (void)printf("%s\n", line);
}

static void progress(void *arg, const struct image_check_result *so_far)
{
    (void)arg;
    if (so_far->blobs % 64 == 0)
        (void)fprintf(stderr, "\r%zu blobs, %llu MiB ", so_far->blobs,
                      (unsigned long long)(so_far->bytes >> 20));
}

static int run_fsck(int argc, char **argv)
{
    ABOUT x = {0};
    const struct image_check_opts o = {.report = report,
                                       .progress = isatty(STDERR_FILENO) ? progress : NULL};
    struct image_check_result r;
    int code;
    if (!begin(FSCK, argc, argv, 0, &x, &code))
        return code;
    if (image_store_check(x.images, &o, &r, &x.err) < 0)
        return verb_fail(&x.err);
    if (o.progress)
        (void)fprintf(stderr, "\r\033[K");
    (void)printf("%zu blobs (%s), %zu manifests, %zu names: ", r.blobs,
                 registry_bytes_text(r.bytes, x.arena), r.manifests, r.names);
    if (r.bad)
        (void)printf("%zu things are wrong\n", r.bad);
    else
        (void)puts("all whole");
    return r.bad ? EXIT_FAILED : EXIT_OK;
}

const struct verb verbs_registry[] = {
    [LS] = {"registry ls",                                  "[options]", "the repositories of this machine's registry", run_ls},
    [TAGS] = {"registry tags", "REPOSITORY [options]", "its tags, with digests", run_tags},
    [RM] = {"registry rm",                                              "REPOSITORY:TAG|REPOSITORY@DIGEST... [options]",
            "take a tag or a manifest out", run_rm},
    [USAGE] = {"registry usage",                        "[options]", "how much room each repository takes", run_usage},
    [GC] = {"registry gc",                                      "[options]", "remove what nothing reaches", run_gc},
    [FSCK] = {"fsck",                                  "[options]", "read all content: is it what it says, and is it all there?",
            run_fsck},
    {0                }
};
