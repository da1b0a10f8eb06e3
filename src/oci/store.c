#include "oci/images.h"

#include <errno.h>
#include <string.h>

#include "base/fs.h"
#include "codec/json.h"
#include "oci/media.h"
#include "oci/store_int.h"

enum { CONFIG_MAX_BYTES = 8 << 20 };

static int copy_options(struct image_store *s, const struct image_store_opts *o)
{
    struct arena *a = s->memory = arena_new(1 << 20);
    size_t n = 0;
    s->n_mirrors = o->n_mirrors;
    s->mirrors = ARENA_ARRAY(a, struct image_mirror, o->n_mirrors + 1);
    for (size_t i = 0; i < o->n_mirrors; i++)
        s->mirrors[i] =
            (struct image_mirror){arena_strdup(a, o->mirrors[i].host),
                                  arena_strdup(a, o->mirrors[i].url), o->mirrors[i].insecure};
    s->n_aliases = o->n_aliases;
    s->aliases = ARENA_ARRAY(a, struct image_alias, o->n_aliases + 1);
    for (size_t i = 0; i < o->n_aliases; i++)
        s->aliases[i] = (struct image_alias){arena_strdup(a, o->aliases[i].from),
                                             arena_strdup(a, o->aliases[i].to)};
    while (o->insecure_hosts && o->insecure_hosts[n])
        n++;
    s->insecure_hosts = ARENA_ARRAY(a, const char *, n + 1);
    for (size_t i = 0; i < n; i++)
        s->insecure_hosts[i] = arena_strdup(a, o->insecure_hosts[i]);
    s->platform = arena_strdup(a, o->platform ? o->platform : manifest_host_platform());
    image_store_add_local_host(s, IMAGES_LOCAL_HOST);
    for (size_t i = 0; o->local_hosts && o->local_hosts[i]; i++)
        image_store_add_local_host(s, o->local_hosts[i]);
    return 0;
}

static void read_boot_id(struct image_store *s)
{
    AUTO(arena) struct arena *a = arena_new(1 << 20);
    char *text;
    size_t n;
    (void)snprintf(s->boot_id, sizeof s->boot_id, "unknown");
    if (fs_read("/proc/sys/kernel/random/boot_id", 64, a, &text, &n, NULL) == 0 && n > 36)
        (void)snprintf(s->boot_id, sizeof s->boot_id, "%.36s", text);
}

static int open_parts(struct image_store *s, struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(1 << 20);
    int rc = fs_mkdirs(s->layers, 0711, e);
    if (rc < 0)
        return rc;
    if ((rc = blob_store_open(arena_printf(a, "%s/blobs", s->folder), &s->blobs, e)) < 0)
        return rc;
    return refs_open(arena_printf(a, "%s/refs.log", s->folder), &s->refs, e);
}

int image_store_open(const struct image_store_opts *o, struct image_store **out, struct err *e)
{
    struct image_store *s = calloc(1, sizeof *s);
    (void)pthread_mutex_init(&s->lock, NULL);
    cond_init(&s->changed);
    map_init(&s->local_hosts);
    map_init(&s->held);
    map_init(&s->busy);
    (void)copy_options(s, o);
    s->folder = arena_strdup(s->memory, o->folder);
    s->layers = arena_printf(s->memory, "%s/layers", o->folder);
    read_boot_id(s);
    int rc = open_parts(s, e);
    if (rc < 0) {
        image_store_free(s);
        return err_wrap(e, rc, "image store %s", o->folder);
    }
    *out = s;
    return 0;
}

void image_store_free(struct image_store *s)
{
    if (!s)
        return;
    refs_free(s->refs);
    blob_store_free(s->blobs);
    map_done(&s->local_hosts);
    map_done(&s->held);
    map_done(&s->busy);
    (void)pthread_mutex_destroy(&s->lock);
    (void)pthread_cond_destroy(&s->changed);
    arena_free(s->memory);
    free(s);
}

struct blob_store *image_store_blobs(struct image_store *s)
{
    return s->blobs;
}

struct refs *image_store_refs(struct image_store *s)
{
    return s->refs;
}

const char *image_store_folder(const struct image_store *s)
{
    return s->folder;
}

void image_store_add_local_host(struct image_store *s, const char *host)
{
    LOCK_SCOPE(&s->lock);
    (void)map_put(&s->local_hosts, host, s);
}

bool image_store_is_local(struct image_store *s, const char *host)
{
    LOCK_SCOPE(&s->lock);
    return map_has(&s->local_hosts, host);
}

bool store__begin(struct image_store *s, const char *key)
{
    LOCK_SCOPE(&s->lock);
    if (!map_has(&s->busy, key)) {
        (void)map_put(&s->busy, key, s);
        return true;
    }
    while (map_has(&s->busy, key))
        (void)pthread_cond_wait(&s->changed, &s->lock);
    return false;
}

void store__end(struct image_store *s, const char *key)
{
    LOCK_SCOPE(&s->lock);
    (void)map_remove(&s->busy, key);
    (void)pthread_cond_broadcast(&s->changed);
}

/* ---- names ---- */

static const char *apply_alias(const struct image_store *s, const struct reference *r,
                               struct arena *a)
{
    const char *text = reference_print(r, a);
    for (size_t i = 0; i < s->n_aliases; i++) {
        const char *from = s->aliases[i].from;
        size_t n = strlen(from);
        if (n > 0 && from[n - 1] == '/') {
            if (strncmp(text, from, n) == 0)
                return arena_printf(a, "%s%s", s->aliases[i].to, text + n);
            continue;
        }
        struct reference f;
        if (reference_parse(from, a, &f, NULL) == 0 && strcmp(reference_print(&f, a), text) == 0)
            return s->aliases[i].to;
    }
    return NULL;
}

int store__resolve(struct image_store *s, const char *text, struct arena *a, struct reference *out,
                   struct err *e)
{
    struct reference r;
    int rc = reference_parse(text, a, &r, e);
    if (rc < 0)
        return rc;
    const char *other = apply_alias(s, &r, a);
    if (other && (rc = reference_parse(other, a, &r, e)) < 0)
        return err_wrap(e, rc, "alias of %s", text);
    if (image_store_is_local(s, r.host))
        r.host = IMAGES_LOCAL_HOST;
    *out = r;
    return 0;
}

char *store__tag_name(const struct reference *r, struct arena *a)
{
    return arena_printf(a, "t/%s/%s:%s", r->host, r->path, r->tag ? r->tag : "");
}

static bool is_local_name(const struct reference *r)
{
    return strcmp(r->host, IMAGES_LOCAL_HOST) == 0;
}

/* The digest a reference stands for, from what is known here. */
static int find_digest(struct image_store *s, const struct reference *r, struct arena *a,
                       const char **out, struct err *e)
{
    struct ref tag;
    if (r->digest) {
        if (!blob_has(s->blobs, r->digest, NULL))
            return err_set(e, ERR_NOT_FOUND, "image %s is not here", reference_familiar(r, a));
        *out = r->digest;
        return 0;
    }
    int rc = refs_get(s->refs, store__tag_name(r, a), a, &tag, NULL);
    if (rc == ERR_NOT_FOUND)
        return err_set(e, rc, "image %s is not here", reference_familiar(r, a));
    if (rc < 0)
        return err_set(e, rc, "image %s cannot be looked up", reference_familiar(r, a));
    *out = tag.digest;
    return 0;
}

int image_store_digest(struct image_store *s, const char *reference, struct arena *a,
                       const char **out, struct err *e)
{
    struct reference r;
    int rc = store__resolve(s, reference, a, &r, e);
    return rc < 0 ? rc : find_digest(s, &r, a, out, e);
}

int image_store_find(struct image_store *s, const char *reference, struct arena *a,
                     struct image *out, struct err *e)
{
    struct reference r;
    if (blob_digest_check(reference, NULL) == 0) {
        int rc = store__load(s, reference, s->platform, a, out, e);
        if (rc == 0)
            out->reference = arena_strdup(a, reference);
        return rc;
    }
    const char *digest;
    int rc = store__resolve(s, reference, a, &r, e);
    if (rc < 0 || (rc = find_digest(s, &r, a, &digest, e)) < 0)
        return rc;
    if ((rc = store__load(s, digest, s->platform, a, out, e)) < 0)
        return err_wrap(e, rc, "image %s", reference_familiar(&r, a));
    out->reference = reference_print(&r, a);
    return 0;
}

/* ---- loading ---- */

static int read_manifest(struct image_store *s, const char *digest, struct arena *a,
                         struct manifest *out, struct err *e)
{
    char *json;
    size_t n;
    int rc = blob_read(s->blobs, digest, MANIFEST_MAX_BYTES, a, &json, &n, e);
    return rc < 0 ? rc : manifest_parse(a, json, n, NULL, out, e);
}

static int read_config(struct image_store *s, struct image *image, struct arena *a, struct err *e)
{
    char *json;
    size_t n;
    struct value *config;
    int rc = blob_read(s->blobs, image->config_digest, CONFIG_MAX_BYTES, a, &json, &n, e);
    if (rc < 0 || (rc = json_parse(a, json, n, 0, &config, e)) < 0)
        return err_wrap(e, rc, "image configuration");
    image->config = config;
    const struct value *ids = value_at(config, "rootfs.diff_ids");
    size_t layers = value_count(value_get(image->manifest, "layers"));
    if (value_count(ids) != layers)
        return err_set(e, ERR_INVALID, "image has %zu layers and %zu diff ids", layers,
                       value_count(ids));
    const char **list = ARENA_ARRAY(a, const char *, layers + 1);
    for (size_t i = 0; i < layers; i++) {
        list[i] = value_str(value_item(ids, i), "");
        if ((rc = blob_digest_check(list[i], e)) < 0)
            return err_wrap(e, rc, "diff id %zu", i);
    }
    image->diff_ids = list;
    image->n_layers = layers;
    return 0;
}

int store__load(struct image_store *s, const char *digest, const char *platform, struct arena *a,
                struct image *out, struct err *e)
{
    struct manifest m;
    struct descriptor d;
    struct image image = {.digest = arena_strdup(a, digest)};
    int rc = read_manifest(s, digest, a, &m, e);
    if (rc == 0 && m.kind == MANIFEST_INDEX) {
        const struct value *child = manifest_choose(&m, platform);
        if (!child)
            return err_set(e, ERR_NOT_FOUND, "index %s has no image for %s", digest, platform);
        image.index_digest = image.digest;
        image.digest = value_at_str(child, "digest", "");
        rc = read_manifest(s, image.digest, a, &m, e);
    }
    if (rc < 0)
        return rc;
    if (m.kind != MANIFEST_IMAGE)
        return err_set(e, ERR_UNSUPPORTED, "index %s holds another index for %s", digest, platform);
    image.media_type = m.media_type;
    image.manifest = m.doc;
    image.config_digest = value_at_str(m.doc, "config.digest", "");
    for (size_t i = 0; manifest_next(&m, &i, &d);)
        image.size += d.size;
    if ((rc = read_config(s, &image, a, e)) < 0)
        return rc;
    *out = image;
    return 0;
}

/* ---- tags and leases ---- */

struct changes {
    struct arena *arena;
    struct ref_change *list;
    size_t n, room;
};

static void add_change(struct changes *c, const char *name, const char *digest, const char *note)
{
    if (c->n == c->room) {
        size_t more = c->room ? 2 * c->room : 32;
        c->list = arena_grow(c->arena, c->list, c->room * sizeof *c->list, more * sizeof *c->list);
        c->room = more;
    }
    c->list[c->n++] = (struct ref_change){.name = name, .digest = digest, .note = note};
}

/* Makes a manifest and all that it names part of a local repository. */
static int publish(struct image_store *s, const char *path, const char *digest, unsigned depth,
                   struct changes *c, struct err *e)
{
    struct manifest m;
    struct descriptor d;
    struct arena *a = c->arena;
    if (depth > 4)
        return err_set(e, ERR_TOO_LARGE, "index %s is nested too deeply", digest);
    int rc = read_manifest(s, digest, a, &m, e);
    if (rc < 0)
        return rc;
    add_change(c, arena_printf(a, "m/%s@%s", path, digest), digest, m.media_type);
    if (m.subject)
        add_change(c, arena_printf(a, "r/%s@%s/%s", path, m.subject, digest), digest, NULL);
    for (size_t i = 0; manifest_next(&m, &i, &d);) {
        if (!blob_touch(s->blobs, d.digest))
            continue; /* an index may name platforms that are not here */
        if (d.is_manifest) {
            if ((rc = publish(s, path, d.digest, depth + 1, c, e)) < 0)
                return rc;
            continue;
        }
        add_change(c, arena_printf(a, "b/%s@%s", path, d.digest), d.digest, NULL);
    }
    return 0;
}

static int tag(struct image_store *s, const char *reference, const char *digest, bool once,
               struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(64 << 20);
    struct reference r;
    struct changes c = {.arena = a};
    int rc = store__resolve(s, reference, a, &r, e);
    if (rc < 0)
        return rc;
    if (!blob_touch(s->blobs, digest))
        return err_set(e, ERR_NOT_FOUND, "tag %s: manifest %s is not in the store", reference,
                       digest);
    if (is_local_name(&r) && (rc = publish(s, r.path, digest, 0, &c, e)) < 0)
        return err_wrap(e, rc, "tag %s", reference);
    if (r.tag) {
        add_change(&c, store__tag_name(&r, a), digest, NULL);
        c.list[c.n - 1].once = once;
    }
    rc = refs_change(s->refs, c.list, c.n, e);
    return rc < 0 ? err_wrap(e, rc, "tag %s", reference) : 0;
}

int image_store_tag(struct image_store *s, const char *reference, const char *digest, struct err *e)
{
    return tag(s, reference, digest, false, e);
}

int image_store_tag_once(struct image_store *s, const char *reference, const char *digest,
                         struct err *e)
{
    return tag(s, reference, digest, true, e);
}

int image_store_untag(struct image_store *s, const char *reference, struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(1 << 20);
    struct reference r;
    int rc = store__resolve(s, reference, a, &r, e);
    if (rc < 0)
        return rc;
    if (!refs_has(s->refs, store__tag_name(&r, a)))
        return err_set(e, ERR_NOT_FOUND, "image %s is not here", reference);
    return refs_remove(s->refs, store__tag_name(&r, a), e);
}

int image_store_untag_if(struct image_store *s, const char *reference, const char *digest,
                         struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(1 << 20);
    struct reference r;
    struct ref now;
    int rc = store__resolve(s, reference, a, &r, e);
    if (rc < 0)
        return rc;
    const char *name = store__tag_name(&r, a);
    if (refs_get(s->refs, name, a, &now, NULL) < 0 || strcmp(now.digest, digest) != 0)
        return 0;
    return refs_remove(s->refs, name, e);
}

const char *const *image_store_leases(struct image_store *s, struct arena *a)
{
    struct ref *leases;
    size_t n = refs_list(s->refs, "l/", a, &leases);
    const char **list = ARENA_ARRAY(a, const char *, n + 1);
    for (size_t i = 0; i < n; i++)
        list[i] = leases[i].digest;
    list[n] = NULL;
    return list;
}

static bool is_runnable(const struct manifest *m)
{
    const char *type = m->artifact_type ? m->artifact_type : "";
    return strcmp(type, MEDIA_OCI_CONFIG) == 0 || strcmp(type, MEDIA_DOCKER_CONFIG) == 0;
}

const char *const *image_store_children(struct image_store *s, const char *digest, struct arena *a)
{
    AUTO(arena) struct arena *read = arena_new(64 << 20);
    static const char *const none[] = {NULL};
    struct manifest doc;
    struct descriptor d;
    char *json;
    size_t size, n = 0;
    if (blob_read(s->blobs, digest, MANIFEST_MAX_BYTES, read, &json, &size, NULL) < 0 ||
        manifest_parse(read, json, size, NULL, &doc, NULL) < 0)
        return NULL;
    if (doc.kind == MANIFEST_IMAGE)
        return is_runnable(&doc) ? none : NULL;
    for (size_t i = 0; manifest_next(&doc, &i, &d);)
        n++;
    const char **list = ARENA_ARRAY(a, const char *, n + 1);
    n = 0;
    for (size_t i = 0; manifest_next(&doc, &i, &d);)
        list[n++] = arena_strdup(a, d.digest);
    list[n] = NULL;
    return list;
}

size_t image_store_list(struct image_store *s, struct arena *a, struct image_name **out)
{
    struct ref *tags;
    size_t n = refs_list(s->refs, "t/", a, &tags);
    struct image_name *list = ARENA_ARRAY(a, struct image_name, n + 1);
    for (size_t i = 0; i < n; i++)
        list[i] = (struct image_name){tags[i].name + 2, tags[i].digest, tags[i].set_ms};
    *out = list;
    return n;
}

int image_store_lease(struct image_store *s, const char *lease, const char *digest, struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(1 << 20);
    if (!blob_touch(s->blobs, digest))
        return err_set(e, ERR_NOT_FOUND, "lease %s: %s is not in the store", lease, digest);
    return refs_set(s->refs, arena_printf(a, "l/%s", lease), digest, NULL, e);
}

int image_store_unlease(struct image_store *s, const char *lease, struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(1 << 20);
    return refs_remove(s->refs, arena_printf(a, "l/%s", lease), e);
}

int image_store_leased(struct image_store *s, const char *lease, char out_digest[DIGEST_MAX],
                       struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(1 << 20);
    struct ref r;
    int rc = refs_get(s->refs, arena_printf(a, "l/%s", lease), a, &r, e);
    if (rc == 0)
        (void)snprintf(out_digest, DIGEST_MAX, "%s", r.digest);
    return rc;
}

void image_store_hold(struct image_store *s, const char *digest)
{
    LOCK_SCOPE(&s->lock);
    uintptr_t count = (uintptr_t)map_get(&s->held, digest);
    (void)map_put(&s->held, digest, (void *)(count + 1));
}

void image_store_release(struct image_store *s, const char *digest)
{
    LOCK_SCOPE(&s->lock);
    uintptr_t count = (uintptr_t)map_get(&s->held, digest);
    if (count > 1)
        (void)map_put(&s->held, digest, (void *)(count - 1));
    else
        (void)map_remove(&s->held, digest);
}

int image_store_put_manifest(struct image_store *s, const char *media_type, const char *json,
                             size_t n, const char *lease, char out_digest[DIGEST_MAX],
                             struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(64 << 20);
    struct manifest m;
    struct descriptor d;
    int rc = manifest_parse(a, json, n, media_type, &m, e);
    if (rc < 0)
        return rc;
    for (size_t i = 0; manifest_next(&m, &i, &d);) {
        if (!blob_touch(s->blobs, d.digest) && !d.foreign)
            return err_set(e, ERR_INVALID, "manifest names %s, which is not in the store",
                           d.digest);
    }
    if ((rc = blob_put(s->blobs, json, n, out_digest, e)) < 0 || !lease)
        return rc;
    if (*lease && lease[strlen(lease) - 1] == '/')
        lease = arena_printf(a, "%s%s", lease, out_digest);
    return image_store_lease(s, lease, out_digest, e);
}
