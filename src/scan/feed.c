#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/own.h"
#include "blob/digest.h"
#include "codec/json.h"
#include "oci/media.h"
#include "scan/feed_int.h"

#define KIND       "application/vnd.slipway.advisories.v1"
#define KIND_WHOLE KIND ".db+gzip"
#define KIND_DELTA KIND ".delta+gzip"
#define FROM       "dev.slipway.advisories.from"
#define TO         "dev.slipway.advisories.to"
#define TITLE      "org.opencontainers.image.title"
#define CREATED    "org.opencontainers.image.created"
#define EMPTY      "{}"

enum { DELTAS_MAX = 30, LAYERS_MAX = 1000 };

static const uint64_t unpacked_max = (uint64_t)5 << 30;

/* A folder of a machine's own in which a database is made ready, beside where it will be. */
struct stage {
    struct arena *arena;
    const char *folder;
    unsigned n; /* of files */
};

static int stage_open(struct stage *s, const char *path, struct err *e)
{
    s->arena = arena_new(0);
    char *folder = arena_printf(s->arena, "%s.update-XXXXXX", path);
    if (!mkdtemp(folder))
        return err_sys(e, errno, "make a folder beside %s", path);
    s->folder = folder;
    return 0;
}

static void stage_close(struct stage *s)
{
    if (s->folder)
        (void)!fs_remove_tree(s->folder, NULL);
    arena_free(s->arena);
}

static const char *stage_file(struct stage *s)
{
    return arena_printf(s->arena, "%s/%u", s->folder, s->n++);
}

/* ---- bytes ---- */

struct receiving {
    int fd;
    uint64_t left;
    struct digest_state digest;
    int failed; /* an errno; -1: more than was said */
};

static int receive(void *arg, const void *bytes, size_t n)
{
    struct receiving *r = arg;
    if (n > r->left)
        r->failed = -1;
    else if (write(r->fd, bytes, n) != (ssize_t)n)
        r->failed = errno ? errno : EIO;
    r->left -= r->failed ? 0 : n;
    digest_add(&r->digest, bytes, n);
    return r->failed != 0;
}

/* A blob of the manifest as a file. */
static int fetch(struct feed_place *p, const struct value *layer, const char *path, struct err *e)
{
    const char *digest = value_at_str(layer, "digest", "");
    int64_t size = value_at_int(layer, "size", -1);
    struct receiving to = {.left = (uint64_t)size};
    char is[DIGEST_MAX];
    int r = blob_digest_check(digest, e);
    if (r == 0 && (strncmp(digest, "sha256:", 7) != 0 || size < 0))
        r = err_set(e, ERR_INVALID, "a layer without size, or of another digest than sha256");
    if (r == 0 && (uint64_t)size > unpacked_max)
        r = err_set(e, ERR_TOO_LARGE, "a layer of more than %llu bytes",
                    (unsigned long long)unpacked_max);
    if (r < 0)
        return r;
    AUTO_FD int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_sys(e, errno, "write %s", path);
    to.fd = fd;
    digest_init(&to.digest, DIGEST_SHA256);
    r = p->ops->fetch(p, digest, receive, &to, e);
    if (to.failed > 0)
        return err_sys(e, to.failed, "write %s", path);
    digest_text(&to.digest, is);
    if (to.failed < 0 || (r == 0 && (to.left || strcmp(is, digest) != 0)))
        return err_set(e, ERR_INVALID, "what came for %s is something else", digest);
    return r;
}

static int inflate_file(const char *from, const char *to, struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(0);
    char *room = arena_alloc(a, FEED_PIECE);
    uint64_t total = 0;
    int n = 0, r = 0;
    gzFile f = gzopen(from, "re");
    AUTO_FD int fd = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (!f || fd < 0)
        r = err_sys(e, errno, "unpack %s", from);
    while (r == 0 && (n = gzread(f, room, FEED_PIECE)) > 0) {
        total += (uint64_t)n;
        if (total > unpacked_max)
            r = err_set(e, ERR_TOO_LARGE, "it unpacks to more than %llu bytes",
                        (unsigned long long)unpacked_max);
        else if (write(fd, room, (size_t)n) != n)
            r = err_sys(e, errno, "write %s", to);
    }
    if (f && gzclose_r(f) != Z_OK)
        n = -1;
    if (r == 0 && n < 0)
        r = err_set(e, ERR_INVALID, "a blob cannot be unpacked");
    return r < 0 || fsync(fd) == 0 ? r : err_sys(e, errno, "sync %s", to);
}

struct mapped {
    void *bytes;
    size_t n;
};

static void unmap(struct mapped *m)
{
    if (m->n)
        (void)munmap(m->bytes, m->n);
}

static int map_file(const char *path, struct mapped *out, struct err *e)
{
    struct stat st;
    AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) < 0)
        return err_sys(e, errno, "open %s", path);
    void *p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (p == MAP_FAILED)
        return err_sys(e, errno, "map %s", path);
    *out = (struct mapped){p, (size_t)st.st_size};
    return 0;
}

static int deflate_file(const char *from, const char *to, struct err *e)
{
    __attribute__((cleanup(unmap))) struct mapped m = {0};
    int r = map_file(from, &m, e);
    gzFile f = r == 0 ? gzopen(to, "we6") : NULL;
    if (r < 0)
        return r;
    if (!f)
        return err_sys(e, errno, "write %s", to);
    for (size_t at = 0; r == 0 && at < m.n; at += FEED_PIECE) {
        unsigned n = (unsigned)(m.n - at < FEED_PIECE ? m.n - at : FEED_PIECE);
        if (gzwrite(f, (char *)m.bytes + at, n) != (int)n)
            r = err_set(e, ERR_SYSTEM, "write %s", to);
    }
    if (gzclose_w(f) != Z_OK && r == 0)
        r = err_set(e, ERR_SYSTEM, "write %s", to);
    return r;
}

/* ---- manifests ---- */

static int read_manifest(struct feed_place *p, struct arena *a, struct value **out, struct err *e)
{
    char *text;
    size_t n;
    int r = p->ops->manifest(p, a, &text, &n, e);
    if (r == 0)
        r = json_parse(a, text, n, 0, out, e);
    if (r == 0 && value_count(value_get(*out, "layers")) > LAYERS_MAX)
        r = err_set(e, ERR_TOO_LARGE, "the manifest has more than %d layers", LAYERS_MAX);
    return r;
}

static const char *note(const struct value *layer, const char *name)
{
    return value_str(value_get(value_get(layer, "annotations"), name), "");
}

static const struct value *whole_of(const struct value *manifest)
{
    VALUE_EACH_ITEM (layer, value_get(manifest, "layers"))
        if (strcmp(value_at_str(layer, "mediaType", ""), KIND_WHOLE) == 0)
            return layer;
    return NULL;
}

static const struct value *delta_from(const struct value *manifest, const char *from)
{
    VALUE_EACH_ITEM (layer, value_get(manifest, "layers"))
        if (strcmp(value_at_str(layer, "mediaType", ""), KIND_DELTA) == 0 &&
            strcmp(note(layer, FROM), from) == 0)
            return layer;
    return NULL;
}

/* ---- updates ---- */

struct updating {
    struct feed_place *place;
    const struct value *manifest, *whole;
    const char *path, *want;
    struct stage stage;
    struct feed_result result;
};

/* The deltas that lead from what is held to what is wanted, where they are less than the whole. */
static size_t find_chain(const struct updating *u, const char *held,
                         const struct value *out[DELTAS_MAX])
{
    int64_t left = value_at_int(u->whole, "size", 0);
    size_t n = 0;
    while (strcmp(held, u->want) != 0) {
        const struct value *layer = n < DELTAS_MAX ? delta_from(u->manifest, held) : NULL;
        left -= value_at_int(layer, "size", 0);
        if (!layer || left <= 0)
            return 0;
        out[n++] = layer;
        held = note(layer, TO);
    }
    return n;
}

static int unpack_layer(struct updating *u, const struct value *layer, const char **out,
                        struct err *e)
{
    const char *packed = stage_file(&u->stage), *plain = stage_file(&u->stage);
    int r = fetch(u->place, layer, packed, e);
    if (r == 0)
        r = inflate_file(packed, plain, e);
    (void)unlink(packed);
    u->result.bytes += r == 0 ? (uint64_t)value_at_int(layer, "size", 0) : 0;
    *out = plain;
    return r;
}

static int apply_chain(struct updating *u, const struct value *const *chain, size_t n,
                       const char **out, struct err *e)
{
    const char *at = u->path, *delta;
    int r = 0;
    for (size_t i = 0; r == 0 && i < n; i++) {
        AUTO(advisories) struct advisories *from = NULL;
        const char *next = stage_file(&u->stage);
        r = unpack_layer(u, chain[i], &delta, e);
        if (r == 0)
            r = advisories_open(at, &from, e);
        if (r == 0)
            r = advisories_apply(from, delta, next, e);
        at = next;
    }
    u->result.deltas = n;
    *out = at;
    return r;
}

/* By deltas where they lead there; whole where they do not, or fail. */
static int make_new(struct updating *u, const char *held, const char **out, struct err *e)
{
    const struct value *chain[DELTAS_MAX];
    size_t n = held ? find_chain(u, held, chain) : 0;
    if (n && apply_chain(u, chain, n, out, NULL) == 0)
        return 0;
    u->result.deltas = 0;
    return unpack_layer(u, u->whole, out, e);
}

static int check_new(const struct advisories *db, const struct updating *u, int64_t held_ms,
                     struct err *e)
{
    char is[DIGEST_MAX], has[CLOCK_TEXT_MAX], given[CLOCK_TEXT_MAX];
    advisories_digest(db, is);
    if (strcmp(is, u->want) != 0)
        return err_set(e, ERR_INVALID, "the database is not the one that the manifest names");
    if (advisories_built_ms(db) >= held_ms)
        return 0;
    clock_format_rfc3339(held_ms, has);
    clock_format_rfc3339(advisories_built_ms(db), given);
    (void)err_set(e, ERR_CONFLICT, "the database there is of %s, older than the one here, of %s",
                  given, has);
    return err_hint(e, "remove %s to go back", u->path);
}

static int replace(struct updating *u, const struct advisories *held, struct public_key *key,
                   const char *key_name, struct err *e)
{
    AUTO(advisories) struct advisories *db = NULL;
    char is[DIGEST_MAX];
    const char *made;
    if (held)
        advisories_digest(held, is);
    int r = make_new(u, held ? is : NULL, &made, e);
    if (r == 0)
        r = advisories_open(made, &db, e);
    if (r == 0)
        r = check_new(db, u, held ? advisories_built_ms(held) : INT64_MIN, e);
    if (r == 0 && key && advisories_verify(db, key, key_name, NULL) < 0)
        r = err_set(e, ERR_DENIED, "the database there is not signed by %s", key_name);
    if (r < 0)
        return r;
    u->result.built_ms = advisories_built_ms(db);
    u->result.changed = true;
    return rename(made, u->path) == 0 ? 0 : err_sys(e, errno, "rename to %s", u->path);
}

/* Whether what is held is what is wanted, and may be trusted. */
static bool is_current(const struct advisories *held, const char *want, struct public_key *key)
{
    char is[DIGEST_MAX];
    if (!held)
        return false;
    advisories_digest(held, is);
    return strcmp(is, want) == 0 && (!key || advisories_verify(held, key, "", NULL) == 0);
}

int feed_update(struct feed_place *p, const char *path, struct public_key *key,
                const char *key_name, struct feed_result *out, struct err *e)
{
    AUTO(arena) struct arena *a = arena_new((size_t)64 << 20);
    AUTO(advisories) struct advisories *held = NULL;
    struct updating u = {.place = p, .path = path};
    struct value *manifest;
    int r = read_manifest(p, a, &manifest, e);
    if (r < 0)
        return r;
    u.manifest = manifest;
    u.whole = whole_of(manifest);
    if (!u.whole)
        return err_set(e, ERR_INVALID, "what is published there is no database of advisories");
    u.want = note(u.whole, TO);
    if (advisories_open(path, &held, NULL) == 0 && is_current(held, u.want, key)) {
        *out = (struct feed_result){.built_ms = advisories_built_ms(held)};
        return 0;
    }
    r = stage_open(&u.stage, path, e);
    if (r == 0)
        r = replace(&u, held, key, key_name, e);
    stage_close(&u.stage);
    if (r == 0)
        *out = u.result;
    return r;
}

/* ---- publishing ---- */

struct pushing {
    struct feed_place *place;
    struct arena *arena;
    struct stage stage;
    struct value *layers;
    struct feed_result result;
};

static struct value *descriptor(struct arena *a, const char *type, const char *digest, size_t n)
{
    struct value *v = value_new_object(a);
    (void)value_set_str(a, v, "mediaType", type);
    (void)value_set_str(a, v, "digest", digest);
    (void)value_set_int(a, v, "size", (int64_t)n);
    return v;
}

/* Stores a file, packed, and makes a layer of it. `from` NULL: it is the whole. */
static int push_layer(struct pushing *u, const char *path, const char *from, const char *to,
                      struct err *e)
{
    __attribute__((cleanup(unmap))) struct mapped m = {0};
    const char *packed = stage_file(&u->stage);
    char digest[DIGEST_MAX];
    int r = deflate_file(path, packed, e);
    if (r == 0)
        r = map_file(packed, &m, e);
    if (r < 0)
        return r;
    blob_digest_of(m.bytes, m.n, digest);
    struct value *layer = value_push(
        u->arena, u->layers, descriptor(u->arena, from ? KIND_DELTA : KIND_WHOLE, digest, m.n));
    struct value *notes = value_make_object(u->arena, layer, "annotations");
    (void)value_set_str(u->arena, notes, TITLE, from ? "delta.gz" : "advisories.db.gz");
    if (from)
        (void)value_set_str(u->arena, notes, FROM, from);
    (void)value_set_str(u->arena, notes, TO, to);
    u->result.bytes += m.n;
    return u->place->ops->store(u->place, digest, m.bytes, m.n, e);
}

/* The delta from what is there, and those that led to it. */
static int push_delta(struct pushing *u, const struct value *before, const struct advisories *db,
                      const char *to, struct err *e)
{
    AUTO(advisories) struct advisories *old = NULL;
    struct updating fetched = {.place = u->place, .stage = u->stage};
    const char *path, *delta;
    int r = unpack_layer(&fetched, whole_of(before), &path, e);
    u->stage = fetched.stage;
    if (r == 0)
        r = advisories_open(path, &old, e);
    if (r == ERR_INVALID) /* of an earlier format: without a delta, then */
        return 0;
    delta = stage_file(&u->stage);
    if (r == 0)
        r = advisories_delta(old, db, delta, e);
    if (r == 0)
        r = push_layer(u, delta, note(whole_of(before), TO), to, e);
    if (r < 0)
        return r;
    u->result.deltas = 1;
    VALUE_EACH_ITEM (layer, value_get(before, "layers"))
        if (strcmp(value_at_str(layer, "mediaType", ""), KIND_DELTA) == 0 &&
            value_count(u->layers) <= DELTAS_MAX)
            (void)value_push(u->arena, u->layers, layer);
    return 0;
}

static int publish(struct pushing *u, int64_t built_ms, struct err *e)
{
    struct arena *a = u->arena;
    char digest[DIGEST_MAX], created[CLOCK_TEXT_MAX];
    struct value *v = value_new_object(a);
    clock_format_rfc3339(built_ms, created);
    blob_digest_of(EMPTY, strlen(EMPTY), digest);
    (void)value_set_int(a, v, "schemaVersion", 2);
    (void)value_set_str(a, v, "mediaType", MEDIA_OCI_MANIFEST);
    (void)value_set_str(a, v, "artifactType", KIND);
    (void)value_set(a, v, "config", descriptor(a, MEDIA_OCI_EMPTY, digest, strlen(EMPTY)));
    (void)value_set(a, v, "layers", u->layers);
    (void)value_set_str(a, value_make_object(a, v, "annotations"), CREATED, created);
    const char *text = json_text(a, v, 0);
    int r = u->place->ops->store(u->place, digest, EMPTY, strlen(EMPTY), e);
    return r < 0 ? r : u->place->ops->publish(u->place, text, strlen(text), e);
}

static int push_all(struct pushing *u, const char *path, struct err *e)
{
    AUTO(advisories) struct advisories *db = NULL;
    struct value *before = NULL;
    char to[DIGEST_MAX];
    int r = advisories_open(path, &db, e);
    if (r < 0)
        return r;
    advisories_digest(db, to);
    u->result.built_ms = advisories_built_ms(db);
    r = read_manifest(u->place, u->arena, &before, e);
    if (r < 0 && r != ERR_NOT_FOUND)
        return r;
    const struct value *whole = r == 0 ? whole_of(before) : NULL;
    if (whole && strcmp(note(whole, TO), to) == 0)
        return 0;
    u->result.changed = true;
    r = push_layer(u, path, NULL, to, e);
    if (r == 0 && whole)
        r = push_delta(u, before, db, to, e);
    return r < 0 ? r : publish(u, advisories_built_ms(db), e);
}

int feed_push(struct feed_place *p, const char *path, struct feed_result *out, struct err *e)
{
    AUTO(arena) struct arena *a = arena_new((size_t)64 << 20);
    struct pushing u = {.place = p, .arena = a, .layers = value_new_array(a)};
    if (!p->ops->store)
        return err_set(e, ERR_UNSUPPORTED, "a web server is only read from: push to its folder");
    int r = stage_open(&u.stage, path, e);
    if (r == 0)
        r = push_all(&u, path, e);
    stage_close(&u.stage);
    if (r == 0)
        *out = u.result;
    return r;
}

/* ---- any artifact ---- */

int feed_take(struct feed_place *p, const char *folder, struct err *e)
{
    AUTO(arena) struct arena *a = arena_new((size_t)64 << 20);
    struct value *manifest;
    int i = 0, r = read_manifest(p, a, &manifest, e);
    if (r == 0 && value_count(value_get(manifest, "layers")) == 0)
        r = err_set(e, ERR_INVALID, "the artifact has no layers");
    VALUE_EACH_ITEM (layer, r == 0 ? value_get(manifest, "layers") : NULL) {
        const char *title = note(layer, TITLE), *slash = strrchr(title, '/');
        const char *name = slash ? slash + 1 : title; /* the number: no two are one file */
        r = fetch(p, layer, arena_printf(a, "%s/%d-%s", folder, i++, name), e);
        if (r < 0)
            break;
    }
    return r;
}
