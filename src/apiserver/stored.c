#include <string.h>

#include "apiserver/apiserver_int.h"
#include "base/log.h"
#include "base/thread.h"
#include "codec/json.h"

static const char START[] = "{\"metadata\":{";
enum { START_LEN = sizeof START - 1, CACHE_SLOTS = 4096 };

const char *stored__key(const struct served *k, const char *ns, const char *name, struct arena *a)
{
    if (k->res->namespaced && ns && *ns)
        return arena_join(a, k->prefix, ns, "/", name, NULL);
    return arena_join(a, k->prefix, name, NULL);
}

static void put_key(struct buf *out, const char *key, bool *first)
{
    if (!*first)
        buf_putc(out, ',');
    *first = false;
    struct value text = {.kind = VALUE_STRING, .n = (uint32_t)strlen(key), .text = key};
    json_print(out, &text, 0);
    buf_putc(out, ':');
}

void stored__encode(const struct value *obj, struct buf *out)
{
    bool first = true;
    buf_add(out, START, START_LEN);
    VALUE_EACH_MEMBER (m, value_get(obj, "metadata")) {
        if (strcmp(m->key, "resourceVersion") == 0 || strcmp(m->key, "selfLink") == 0)
            continue;
        put_key(out, m->key, &first);
        json_print(out, &m->value, 0);
    }
    buf_putc(out, '}');
    first = false;
    VALUE_EACH_MEMBER (m, obj) {
        if (strcmp(m->key, "metadata") == 0 || strcmp(m->key, "kind") == 0 ||
            strcmp(m->key, "apiVersion") == 0)
            continue;
        put_key(out, m->key, &first);
        json_print(out, &m->value, 0);
    }
    buf_putc(out, '}');
}

static size_t digits(uint64_t v, char out[24])
{
    char text[24];
    size_t n = 0;
    do {
        text[n++] = (char)('0' + v % 10);
        v /= 10;
    } while (v);
    for (size_t i = 0; i < n; i++)
        out[i] = text[n - 1 - i];
    return n;
}

static const char RV[] = "\"resourceVersion\":\"";
enum { RV_LEN = sizeof RV - 1 };

static bool no_metadata(const struct entry *n)
{
    return ((const char *)n->bytes)[START_LEN] == '}';
}

static char *put(char *at, const void *bytes, size_t n)
{
    memcpy(at, bytes, n);
    return at + n;
}

struct spliced stored__spliced(const struct served *k, const struct entry *n, uint64_t rv,
                               bool item)
{
    struct spliced s = {.head = k->head, .head_len = k->head_len};
    if (item && !k->kind.crd) {
        s.head = "{";
        s.head_len = 1;
    }
    char *p = put(s.start, START + 1, START_LEN - 1);
    p = put(p, RV, RV_LEN);
    p += digits(rv ? rv : n->rev, p);
    *p++ = '"';
    if (!no_metadata(n))
        *p++ = ',';
    s.start_len = (size_t)(p - s.start);
    s.rest = (const char *)n->bytes + START_LEN;
    s.rest_len = n->len - START_LEN;
    return s;
}

size_t stored__spliced_size(const struct served *k, const struct entry *n, bool item)
{
    char text[24];
    size_t head = item && !k->kind.crd ? 1 : k->head_len;
    return head + n->len - 1 + RV_LEN + digits(n->rev, text) + 1 + !no_metadata(n);
}

void stored__splice(const struct served *k, const struct entry *n, uint64_t rv, struct buf *out)
{
    struct spliced s = stored__spliced(k, n, rv, false);
    char *p = buf_reserve(out, s.head_len + s.start_len + s.rest_len);
    if (!p)
        return;
    p = put(p, s.head, s.head_len);
    p = put(p, s.start, s.start_len);
    p = put(p, s.rest, s.rest_len);
    *p = '\0';
    out->len = (size_t)(p - out->data);
}

int stored__decode(const struct served *k, const struct entry *n, struct arena *a,
                   struct value **out, struct err *e)
{
    struct value *obj;
    int rc = json_parse(a, n->bytes, n->len, 0, &obj, e);
    if (rc < 0)
        return err_wrap(e, rc, "%s", n->key);
    if (k->storage != k)
        convert__object(k->storage, k, obj, a);
    if (k->kind.crd)
        admit_default(&k->kind, obj, a);
    value_set_str(a, obj, "kind", k->res->kind);
    value_set_str(a, obj, "apiVersion", k->api_version);
    struct value *meta = value_get_mut(obj, "metadata");
    value_set(a, meta, "resourceVersion", value_new_strf(a, "%llu", (unsigned long long)n->rev));
    *out = obj;
    return 0;
}

/* ---- decoded once: a table that forgets; losing a slot only costs a parse ---- */

struct object_cache {
    pthread_mutex_t locks[64];
    struct slot {
        const struct served *k;
        uint64_t rev;
        struct object *object;
    } slots[CACHE_SLOTS];
};

void stored__cache_init(struct apiserver *s)
{
    s->cache = calloc(1, sizeof *s->cache);
    if (!s->cache)
        log_die("out of memory");
    for (size_t i = 0; i < ARRAY_LEN(s->cache->locks); i++)
        (void)pthread_mutex_init(&s->cache->locks[i], NULL);
}

void stored__cache_done(struct apiserver *s)
{
    if (!s->cache)
        return;
    for (size_t i = 0; i < CACHE_SLOTS; i++)
        object_unref(s->cache->slots[i].object);
    for (size_t i = 0; i < ARRAY_LEN(s->cache->locks); i++)
        (void)pthread_mutex_destroy(&s->cache->locks[i]);
    free(s->cache);
}

struct object *stored__object(struct apiserver *s, const struct served *k, const struct entry *n)
{
    struct object_cache *cache = s->cache;
    size_t at = map_hash(n->key, strlen(n->key)) % CACHE_SLOTS;
    pthread_mutex_t *lock = &cache->locks[at % ARRAY_LEN(cache->locks)];
    struct slot *slot = &cache->slots[at];
    (void)pthread_mutex_lock(lock);
    if (slot->object && slot->rev == n->rev && slot->k == k) {
        struct object *o = object_ref(slot->object);
        (void)pthread_mutex_unlock(lock);
        return o;
    }
    (void)pthread_mutex_unlock(lock);
    AUTO(arena) struct arena *a = arena_new(SIZE_MAX);
    struct err e = {0};
    struct value *root;
    if (stored__decode(k, n, a, &root, &e) < 0)
        log_die("the store holds what was never written: %s", e.msg);
    struct object *o = object_new(take_ptr(a), root), *old;
    (void)pthread_mutex_lock(lock);
    old = slot->object;
    *slot = (struct slot){k, n->rev, object_ref(o)};
    (void)pthread_mutex_unlock(lock);
    object_unref(old);
    return o;
}
