#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "codec/json.h"
#include "oci/images.h"
#include "oci/store_int.h"
#include "t.h"

static char folder[64];

static struct image_store *fresh(void)
{
    static const struct image_alias aliases[] = {
        {"docker.io/library/", "slipway.local/mirror/"     },
        {"gcr.io/p/tool:v1",   "slipway.local/tools:latest"},
    };
    static const char *const hosts[] = {"127.0.0.1:5000", NULL};
    struct err e = {0};
    struct image_store *s = NULL;
    (void)snprintf(folder, sizeof folder, "/tmp/slipway-store-XXXXXX");
    T_OK(mkdtemp(folder) != NULL, "mkdtemp");
    struct image_store_opts o = {.folder = folder,
                                 .local_hosts = hosts,
                                 .aliases = aliases,
                                 .n_aliases = 2,
                                 .platform = "linux/amd64"};
    T_RC(image_store_open(&o, &s, &e), &e, "open");
    return s;
}

static void finish(struct image_store *s)
{
    struct err e = {0};
    image_store_free(s);
    T_RC(fs_remove_tree(folder, &e), &e, "remove");
}

/* An image of one layer that holds a file with `text`. */
static void make(struct image_store *s, const char *text, const char *lease,
                 char digest[DIGEST_MAX])
{
    struct err e = {0};
    struct image_layer layer;
    char path[PATH_MAX];
    AUTO(arena) struct arena *a = arena_new(1 << 20);
    (void)snprintf(path, sizeof path, "%s/root", folder);
    T_EQ_INT(mkdir(path, 0755), 0, "mkdir");
    T_RC(fs_write_atomic(arena_printf(a, "%s/f", path), 0644, text, strlen(text), &e), &e, "write");
    const struct image_layer_opts o = {.epoch = 0, .adopt = true};
    T_RC(image_layer_pack(s, path, &o, &layer, &e), &e, "pack");
    struct value *config = value_new_object(a);
    (void)value_set_str(a, config, "os", "linux");
    (void)value_set_str(a, config, "architecture", "amd64");
    T_RC(image_store_assemble(s, a, config, &layer, 1, NULL, lease, digest, &e), &e, "assemble");
}

static void names_and_finds(void)
{
    struct err e = {0};
    struct image image = {0};
    struct image_name *names;
    char digest[DIGEST_MAX];
    AUTO(arena) struct arena *a = arena_new(1 << 20);
    struct image_store *s = fresh();
    make(s, "hello", "l1", digest);
    T_RC(image_store_tag(s, "127.0.0.1:5000/app:v1", digest, &e), &e, "tag");
    T_RC(image_store_ensure(s, "slipway.local/app:v1", NULL, a, &image, &e), &e, "ensure");
    T_EQ_STR(image.digest, digest, "digest");
    T_EQ_INT(image.n_layers, 1, "layers");
    T_OK(access(arena_printf(a, "%s/f", image.layer_dirs[0]), F_OK) == 0, "unpacked");
    T_EQ_STR(value_at_str(image.config, "os", ""), "linux", "configuration");
    T_EQ_INT(image_store_list(s, a, &names), 1, "list");
    T_EQ_STR(names[0].reference, "slipway.local/app:v1", "list");
    T_RC(image_store_find(s, digest, a, &image, &e), &e, "by digest");
    T_EQ_INT(image_store_find(s, "slipway.local/app:v2", a, &image, &e), ERR_NOT_FOUND, "v2");
    T_RC(image_store_tag(s, "slipway.local/mirror/busybox", digest, &e), &e, "tag");
    T_RC(image_store_ensure(s, "busybox", NULL, a, &image, &e), &e, "alias of a prefix");
    T_RC(image_store_tag(s, "slipway.local/tools", digest, &e), &e, "tag");
    T_RC(image_store_ensure(s, "gcr.io/p/tool:v1", NULL, a, &image, &e), &e, "alias");
    T_RC(image_store_untag(s, "slipway.local/tools", &e), &e, "untag");
    T_EQ_INT(image_store_untag(s, "slipway.local/tools", &e), ERR_NOT_FOUND, "untag again");
    finish(s);
}

static void unpacks_what_a_crash_may_have_torn(void)
{
    struct err e = {0};
    struct image image = {0};
    char digest[DIGEST_MAX];
    AUTO(arena) struct arena *a = arena_new(1 << 20);
    struct image_store *s = fresh();
    make(s, "hello", "l1", digest);
    T_RC(image_store_find(s, digest, a, &image, &e), &e, "find");
    const char *dir = layer__folder(s, image.diff_ids[0], a);
    T_RC(fs_write_atomic(arena_printf(a, "%s/state", dir), 0644, "other-boot", 10, &e), &e,
         "state");
    T_RC(fs_write_atomic(arena_printf(a, "%s/fs/f", dir), 0644, "", 0, &e), &e, "torn");
    T_RC(image_store_unpack(s, &image, a, &e), &e, "unpack");
    char *text;
    size_t n;
    T_RC(fs_read(arena_printf(a, "%s/f", image.layer_dirs[0]), 99, a, &text, &n, &e), &e, "read");
    T_EQ_STR(text, "hello", "whole again");
    finish(s);
}

static void collects(void)
{
    struct err e = {0};
    struct image image = {0};
    struct image_gc_result gc = {0};
    char kept[DIGEST_MAX], lost[DIGEST_MAX], held[DIGEST_MAX], leased[DIGEST_MAX], sig[DIGEST_MAX];
    AUTO(arena) struct arena *a = arena_new(1 << 20);
    struct image_store *s = fresh();
    make(s, "kept", NULL, kept);
    make(s, "lost", NULL, lost);
    make(s, "held", NULL, held);
    make(s, "leased", "l", leased);
    T_RC(image_store_tag(s, "slipway.local/app:1", kept, &e), &e, "tag");
    image_store_hold(s, held);
    T_RC(image_store_find(s, kept, a, &image, &e), &e, "find");
    struct value *m = value_new_object(a), *subject = value_new_object(a);
    (void)value_set_int(a, m, "schemaVersion", 2);
    (void)value_set_str(a, m, "artifactType", "application/sig");
    (void)value_set(a, m, "config", value_get(image.manifest, "config"));
    (void)value_set_str(a, subject, "digest", kept);
    (void)value_set_int(a, subject, "size", 1);
    (void)value_set(a, m, "subject", subject);
    const char *json = json_text(a, m, 0);
    T_RC(image_store_attach(s, "app", "application/vnd.oci.image.manifest.v1+json", json,
                            strlen(json), sig, &e),
         &e, "attach");
    T_RC(image_store_collect(s, 3600000, &gc, &e), &e, "young");
    T_EQ_INT(gc.blobs + gc.layers, 0, "young things live");
    T_RC(image_store_collect(s, -3600000, &gc, &e), &e, "collect");
    T_EQ_INT(gc.blobs, 3, "manifest, configuration and layer");
    T_EQ_INT(gc.layers, 1, "unpacked layer");
    T_RC(image_store_find(s, kept, a, &image, &e), &e, "kept");
    T_RC(image_store_find(s, held, a, &image, &e), &e, "held");
    T_RC(image_store_find(s, leased, a, &image, &e), &e, "leased");
    T_EQ_INT(image_store_find(s, lost, a, &image, &e), ERR_NOT_FOUND, "lost");
    struct value *list = image_store_referrers(s, "app", kept, NULL, a);
    T_EQ_STR(value_at_str(list, "manifests[0].digest", ""), sig, "referrer");
    list = image_store_referrers(s, "app", kept, "application/other", a);
    T_EQ_INT(value_count(value_get(list, "manifests")), 0, "filtered");
    size_t forgotten = 99;
    T_RC(image_store_tag(s, arena_printf(a, "slipway.local/app@%s", leased), leased, &e), &e,
         "push");
    T_RC(image_store_forget_untagged(s, INT64_MAX, &forgotten, &e), &e, "forget");
    T_EQ_INT(forgotten, 0, "leased, and the referrer of a tag");
    image_store_release(s, held);
    T_RC(image_store_unlease(s, "l", &e), &e, "unlease");
    T_RC(image_store_forget_untagged(s, INT64_MAX, &forgotten, &e), &e, "forget");
    T_EQ_INT(forgotten, 1, "the lease is gone");
    T_RC(image_store_collect(s, -3600000, &gc, &e), &e, "collect");
    T_EQ_INT(gc.blobs, 6, "held and leased are gone");
    const char *sig_tag = arena_printf(a, "slipway.local/app:sha256-%s.sig", kept + 7);
    T_RC(image_store_tag(s, sig_tag, sig, &e), &e, "tag of a signature");
    T_RC(image_store_forget(s, "app", kept, &e), &e, "forget");
    T_EQ_INT(image_store_untag(s, sig_tag, &e), ERR_NOT_FOUND, "the signature's tag is gone");
    T_EQ_INT(image_store_find(s, "slipway.local/app:1", a, &image, &e), ERR_NOT_FOUND, "with tags");
    T_EQ_INT(image_store_forget(s, "app", kept, &e), ERR_NOT_FOUND, "forget again");
    finish(s);
}

static void reads_sources(void)
{
    static const char *const mirrors[] = {"docker.io=http://10.0.0.1:5000", "*=https://m", NULL};
    static const char *const aliases[] = {"debian:stable-slim=slipway.local/debian", NULL};
    static const char *const bad[][2] = {
        {"docker.io",  NULL},
        {"=x",         NULL},
        {"docker.io=", NULL}
    };
    struct err e = {0};
    struct image_store_opts o = {0};
    AUTO(arena) struct arena *a = arena_new(1 << 16);
    T_RC(image_sources_read(mirrors, aliases, a, &o, &e), &e, "read");
    T_EQ_INT(o.n_mirrors, 2, "mirrors");
    T_EQ_STR(o.mirrors[0].host, "docker.io", "host");
    T_EQ_STR(o.mirrors[0].url, "http://10.0.0.1:5000", "url");
    T_OK(o.mirrors[0].insecure && !o.mirrors[1].insecure, "plain HTTP");
    T_EQ_INT(o.n_aliases, 1, "aliases");
    T_EQ_STR(o.aliases[0].from, "debian:stable-slim", "from");
    T_EQ_STR(o.aliases[0].to, "slipway.local/debian", "to");
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        T_EQ_INT(image_sources_read(bad[i], NULL, a, &o, &e), ERR_INVALID, bad[i][0]);
        T_EQ_INT(image_sources_read(NULL, bad[i], a, &o, &e), ERR_INVALID, bad[i][0]);
    }
    T_RC(image_sources_read(NULL, NULL, a, &o, &e), &e, "none");
    T_EQ_INT(o.n_mirrors + o.n_aliases, 0, "none");
}

static void count(void *arg, const char *line)
{
    (void)line;
    ++*(int *)arg;
}

/* What a bad disk does to a store is found: other bytes, and bytes that are gone. */
static void checks(void)
{
    char digest[DIGEST_MAX];
    struct image image;
    struct image_check_result r;
    struct err e = {0};
    int said = 0;
    const struct image_check_opts o = {.report = count, .arg = &said};
    struct image_store *s = fresh();
    AUTO(arena) struct arena *a = arena_new(1 << 20);
    make(s, "checked", "l", digest);
    T_RC(image_store_tag(s, "slipway.local/a:1", digest, &e), &e, "tag");
    T_RC(image_store_check(s, &o, &r, &e), &e, "check");
    T_OK(r.bad == 0 && said == 0 && r.blobs == 3 && r.manifests == 1, "all whole");
    T_RC(image_store_find(s, digest, a, &image, &e), &e, "find");
    const char *path = blob_path(image_store_blobs(s), image.config_digest, a);
    T_EQ_INT(chmod(path, 0600), 0, "chmod");
    T_RC(fs_write_atomic(path, 0600, "{}", 2, &e), &e, "other bytes");
    T_RC(image_store_check(s, &o, &r, &e), &e, "check again");
    T_OK(r.bad == 1 && said == 1, "found");
    T_EQ_INT(unlink(path), 0, "gone");
    T_RC(image_store_check(s, &o, &r, &e), &e, "and again");
    T_OK(r.bad >= 1 && r.blobs == 2, "missed");
    finish(s);
}

T_MAIN(reads_sources, names_and_finds, unpacks_what_a_crash_may_have_torn, collects, checks)
