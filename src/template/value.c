#include <math.h>

#include "base/map.h"
#include "template/value_int.h"

#include "base/banned.h"

/* ---- types ---- */

const struct go_type go_bool_type = {.name = "bool", .kind = GO_BOOL};
const struct go_type go_int_type = {.name = "int", .kind = GO_INT};
const struct go_type go_int32_type = {.name = "int32", .kind = GO_INT32};
const struct go_type go_int64_type = {.name = "int64", .kind = GO_INT64};
const struct go_type go_uint8_type = {.name = "uint8", .kind = GO_UINT8};
const struct go_type go_uint32_type = {.name = "uint32", .kind = GO_UINT32};
const struct go_type go_uint64_type = {.name = "uint64", .kind = GO_UINT64};
const struct go_type go_float64_type = {.name = "float64", .kind = GO_FLOAT64};
const struct go_type go_complex128_type = {.name = "complex128", .kind = GO_COMPLEX128};
const struct go_type go_string_type = {.name = "string", .kind = GO_STRING};
const struct go_type go_interface_type = {.name = "interface {}", .kind = GO_INTERFACE};
const struct go_type go_list_type = {
    .name = "[]interface {}", .kind = GO_SLICE, .elem = &go_interface_type};
const struct go_type go_strings_type = {
    .name = "[]string", .kind = GO_SLICE, .elem = &go_string_type};
const struct go_type go_ints_type = {.name = "[]int", .kind = GO_SLICE, .elem = &go_int_type};
const struct go_type go_lists_type = {
    .name = "[][]interface {}", .kind = GO_SLICE, .elem = &go_list_type};
const struct go_type go_bytes_type = {.name = "[]uint8", .kind = GO_SLICE, .elem = &go_uint8_type};
const struct go_type go_map_type = {
    .name = "map[string]interface {}", .kind = GO_MAP, .elem = &go_interface_type};
const struct go_type go_string_map_type = {
    .name = "map[string]string", .kind = GO_MAP, .elem = &go_string_type};

const char *go_kind_name(enum go_kind kind)
{
    static const char *const names[] = {
        [GO_INVALID] = "invalid", [GO_BOOL] = "bool",
        [GO_INT] = "int",         [GO_INT32] = "int32",
        [GO_INT64] = "int64",     [GO_UINT8] = "uint8",
        [GO_UINT32] = "uint32",   [GO_UINT64] = "uint64",
        [GO_FLOAT64] = "float64", [GO_COMPLEX128] = "complex128",
        [GO_STRING] = "string",   [GO_INTERFACE] = "interface",
        [GO_SLICE] = "slice",     [GO_MAP] = "map",
        [GO_STRUCT] = "struct",   [GO_PTR] = "ptr",
    };
    return names[kind];
}

const char *go_type_name(const struct go_value *v)
{
    enum go_kind kind = go_kind_of(v);
    return kind == GO_INVALID || kind == GO_INTERFACE ? "<nil>" : v->type->name;
}

/* ---- making ---- */

enum { DEPTH_MAX = 1000 }; /* `set` can put a map into itself */

/* What an empty list points to: not NULL, which is the nil slice. */
static struct go_value no_items[1];

struct go_value go_str(const char *s)
{
    return s ? go_strn(s, strlen(s)) : go_strn("", 0);
}

struct go_value go_typed_map(const struct go_type *type, struct go_map *m)
{
    return (struct go_value){.type = type, .map = m};
}

struct go_value go_map(struct go_map *m)
{
    return go_typed_map(&go_map_type, m);
}

struct go_value go_typed_list(const struct go_type *type, struct go_value *items, size_t n)
{
    return (struct go_value){.type = type, .items = items ? items : no_items, .n = (uint32_t)n};
}

struct go_value go_list(struct go_value *items, size_t n)
{
    return go_typed_list(&go_list_type, items, n);
}

struct go_value go_struct(const struct go_type *type, struct go_value *fields)
{
    return (struct go_value){.type = type, .fields = fields};
}

struct go_value go_bytes(const char *s, size_t n)
{
    return (struct go_value){.type = &go_bytes_type, .s = s ? s : "", .n = (uint32_t)n};
}

struct go_value go_boxed(struct go_value v)
{
    if (!v.type)
        return go_nil();
    v.boxed = true;
    return v;
}

bool go_is_nil(const struct go_value *v)
{
    switch (go_kind_of(v)) {
    case GO_INVALID:
    case GO_INTERFACE:
        return true;
    case GO_SLICE:
        return !v->items;
    case GO_MAP:
        return !v->map;
    case GO_PTR:
        return !v->opaque;
    case GO_BOOL:
    case GO_INT:
    case GO_INT32:
    case GO_INT64:
    case GO_UINT8:
    case GO_UINT32:
    case GO_UINT64:
    case GO_FLOAT64:
    case GO_COMPLEX128:
    case GO_STRING:
    case GO_STRUCT:
        break;
    }
    return false;
}

struct go_value go_zero(const struct go_type *type)
{
    struct go_value v = {.type = type};
    if (type->kind == GO_INTERFACE)
        v.boxed = true;
    else if (type->kind == GO_STRING)
        v.s = "";
    return v;
}

/* ---- maps ---- */

static inline uint64_t load(const char *s, size_t n)
{
    uint64_t v = 0;
    memcpy(&v, s, n);
    return v;
}

static inline uint64_t rotated(uint64_t h)
{
    return h << 31 | h >> 33;
}

/* Eight bytes at a time; the last ones overlap. */
uint32_t go_hash(const char *key, size_t n)
{
    const uint64_t mix = 0x9e3779b97f4a7c15u;
    uint64_t h = n * mix;
    for (size_t i = 8; i < n; i += 8)
        h = rotated((h ^ load(key + i - 8, 8)) * mix);
    uint64_t last = 0;
    if (n >= 8)
        last = load(key + n - 8, 8);
    else if (n >= 4)
        last = load(key, 4) << 32 | load(key + n - 4, 4);
    else if (n)
        last = (uint64_t)(unsigned char)key[0] << 16 | (uint64_t)(unsigned char)key[n / 2] << 8 |
               (unsigned char)key[n - 1];
    h = (h ^ last) * mix;
    return (uint32_t)(h >> 32);
}

struct go_map *go_map_new(struct arena *a, size_t room)
{
    struct go_map *m = ARENA_NEW(a, struct go_map);
    m->arena = a;
    if (room) {
        m->cap = (uint32_t)room;
        m->entries = ARENA_ARRAY(a, struct go_entry, room);
    }
    return m;
}

size_t go_map_size(const struct go_map *m)
{
    return m ? m->n : 0;
}

static bool entry_is(const struct go_entry *e, const char *key, size_t n, uint32_t hash)
{
    return e->hash == hash && e->n == n && memcmp(e->key, key, n) == 0;
}

/* The slot that holds the key, or the free one where it belongs. */
static uint32_t *find_slot(const struct go_map *m, const char *key, size_t n, uint32_t hash)
{
    uint32_t mask = m->n_slots - 1;
    for (uint32_t i = hash & mask;; i = (i + 1) & mask)
        if (!m->slots[i] || entry_is(&m->entries[m->slots[i] - 1], key, n, hash))
            return &m->slots[i];
}

static struct go_entry *find(const struct go_map *m, const char *key, size_t n, uint32_t hash)
{
    if (m->slots) {
        uint32_t slot = *find_slot(m, key, n, hash);
        return slot ? &m->entries[slot - 1] : NULL;
    }
    for (uint32_t i = 0; i < m->n; i++)
        if (entry_is(&m->entries[i], key, n, hash))
            return &m->entries[i];
    return NULL;
}

struct go_value *go_map_get_hashed(const struct go_map *m, const char *key, size_t n, uint32_t hash)
{
    struct go_entry *e = m ? find(m, key, n, hash) : NULL;
    return e ? &e->value : NULL;
}

struct go_value *go_map_get(const struct go_map *m, const char *key, size_t n)
{
    return go_map_get_hashed(m, key, n, go_hash(key, n));
}

static void index_entries(struct go_map *m)
{
    uint32_t want = 32;
    while (want < m->n * 2)
        want *= 2;
    if (want > m->n_slots) {
        m->n_slots = want;
        m->slots = ARENA_ARRAY(m->arena, uint32_t, want);
    } else {
        memset(m->slots, 0, m->n_slots * sizeof *m->slots);
    }
    for (uint32_t i = 0; i < m->n; i++) {
        const struct go_entry *e = &m->entries[i];
        *find_slot(m, e->key, e->n, e->hash) = i + 1;
    }
}

/* Before a write: a snapshot keeps the entries it was given. */
static void unshare(struct go_map *m)
{
    if (!m->shared)
        return;
    m->entries = arena_dup(m->arena, m->entries, m->n * sizeof *m->entries);
    m->cap = m->n;
    m->shared = false;
}

void go_map_set(struct go_map *m, const char *key, size_t n, struct go_value v)
{
    uint32_t hash = go_hash(key, n);
    unshare(m);
    struct go_entry *e = find(m, key, n, hash);
    if (e) {
        e->value = v;
        return;
    }
    if (m->n == m->cap) {
        uint32_t cap = m->cap ? m->cap * 2 : 4;
        m->entries =
            arena_grow(m->arena, m->entries, m->cap * sizeof *m->entries, cap * sizeof *m->entries);
        m->cap = cap;
    }
    m->entries[m->n++] = (struct go_entry){key, (uint32_t)n, hash, v};
    m->sorted = false;
    if (m->slots && m->n * 2 <= m->n_slots)
        *find_slot(m, key, n, hash) = m->n;
    else if (m->n > MAP_LINEAR)
        index_entries(m);
}

void go_map_put(struct go_map *m, const char *key, struct go_value v)
{
    go_map_set(m, key, strlen(key), v);
}

bool go_map_remove(struct go_map *m, const char *key, size_t n)
{
    if (!go_map_get(m, key, n))
        return false;
    unshare(m);
    struct go_entry *e = find(m, key, n, go_hash(key, n));
    memmove(e, e + 1, (size_t)(m->entries + m->n - e - 1) * sizeof *e);
    m->n--;
    if (m->slots)
        index_entries(m);
    return true;
}

static int by_key(const void *a, const void *b)
{
    const struct go_entry *x = a, *y = b;
    return go_compare_text(x->key, x->n, y->key, y->n);
}

const struct go_entry *go_map_sorted(struct go_map *m, size_t *n)
{
    *n = go_map_size(m);
    if (!*n)
        return NULL;
    if (!m->sorted) {
        unshare(m);
        qsort(m->entries, m->n, sizeof *m->entries, by_key);
        m->sorted = true;
        if (m->slots)
            index_entries(m);
    }
    m->shared = true;
    return m->entries;
}

int go_compare_text(const char *a, size_t na, const char *b, size_t nb)
{
    int c = memcmp(a, b, na < nb ? na : nb);
    return c ? c : (na > nb) - (na < nb);
}

static void freeze(const struct go_value *v, int depth)
{
    size_t n = 0;
    if (depth > DEPTH_MAX)
        return;
    if (go_kind_of(v) == GO_MAP && v->map) {
        const struct go_entry *entries = go_map_sorted(v->map, &n);
        for (size_t i = 0; i < n; i++)
            freeze(&entries[i].value, depth + 1);
    } else if (go_kind_of(v) == GO_SLICE && v->type != &go_bytes_type) {
        for (; n < v->n; n++)
            freeze(&v->items[n], depth + 1);
    }
}

void go_map_freeze(struct go_map *m)
{
    struct go_value v = go_map(m);
    freeze(&v, 0);
}

/* ---- reading ---- */

struct go_value go_item(const struct go_value *list, size_t i)
{
    if (list->type == &go_bytes_type)
        return (struct go_value){.type = &go_uint8_type, .u = (unsigned char)list->s[i]};
    struct go_value v = list->items[i];
    return list->type->elem->kind == GO_INTERFACE ? go_boxed(v) : v;
}

bool go_truth(const struct go_value *v)
{
    switch (go_kind_of(v)) {
    case GO_INVALID:
    case GO_INTERFACE:
        return false;
    case GO_BOOL:
        return v->b;
    case GO_INT:
    case GO_INT32:
    case GO_INT64:
        return v->i != 0;
    case GO_UINT8:
    case GO_UINT32:
    case GO_UINT64:
        return v->u != 0;
    case GO_FLOAT64:
        return v->f != 0;
    case GO_COMPLEX128:
        return v->complex->re != 0 || v->complex->im != 0;
    case GO_STRING:
    case GO_SLICE:
        return v->n > 0;
    case GO_MAP:
        return go_map_size(v->map) > 0;
    case GO_STRUCT:
        return true;
    case GO_PTR:
        return v->opaque != NULL;
    }
    return false;
}

char *go_cstr(struct arena *a, const struct go_value *string)
{
    return arena_strndup(a, string->s, string->n);
}

static bool equal(const struct go_value *a, const struct go_value *b, int depth);

static bool equal_maps(const struct go_value *a, const struct go_value *b, int depth)
{
    if (!a->map != !b->map || go_map_size(a->map) != go_map_size(b->map))
        return false;
    for (uint32_t i = 0; i < go_map_size(a->map); i++) {
        const struct go_entry *e = &a->map->entries[i];
        const struct go_value *other = go_map_get_hashed(b->map, e->key, e->n, e->hash);
        if (!other || !equal(&e->value, other, depth + 1))
            return false;
    }
    return true;
}

static bool equal_items(const struct go_value *a, const struct go_value *b, int depth)
{
    if (a->n != b->n || !a->items != !b->items)
        return false;
    if (a->type == &go_bytes_type)
        return memcmp(a->s, b->s, a->n) == 0;
    for (uint32_t i = 0; i < a->n; i++)
        if (!equal(&a->items[i], &b->items[i], depth + 1))
            return false;
    return true;
}

static bool equal_fields(const struct go_value *a, const struct go_value *b, int depth)
{
    if (a->opaque == b->opaque)
        return true;
    if (!a->opaque || !b->opaque)
        return false;
    const struct go_type *t = a->type->kind == GO_PTR ? a->type->elem : a->type;
    for (uint32_t i = 0; i < t->n_fields; i++)
        if (!equal(&a->fields[i], &b->fields[i], depth + 1))
            return false;
    return t->n_fields > 0;
}

static bool equal(const struct go_value *a, const struct go_value *b, int depth)
{
    enum go_kind kind = go_kind_of(a);
    if (kind == GO_INVALID || kind == GO_INTERFACE)
        return go_kind_of(b) == GO_INVALID || go_kind_of(b) == GO_INTERFACE;
    if (a->type != b->type || depth > DEPTH_MAX)
        return false;
    switch (kind) {
    case GO_BOOL:
        return a->b == b->b;
    case GO_FLOAT64:
        return a->f == b->f;
    case GO_COMPLEX128:
        return a->complex->re == b->complex->re && a->complex->im == b->complex->im;
    case GO_STRING:
        return a->n == b->n && memcmp(a->s, b->s, a->n) == 0;
    case GO_SLICE:
        return equal_items(a, b, depth);
    case GO_MAP:
        return equal_maps(a, b, depth);
    case GO_STRUCT:
    case GO_PTR:
        return equal_fields(a, b, depth);
    case GO_INT:
    case GO_INT32:
    case GO_INT64:
    case GO_UINT8:
    case GO_UINT32:
    case GO_UINT64:
    case GO_INVALID:
    case GO_INTERFACE:
        break;
    }
    return a->u == b->u;
}

bool go_deep_equal(const struct go_value *a, const struct go_value *b)
{
    return equal(a, b, 0);
}

static struct go_value copy(struct arena *a, const struct go_value *v, int depth)
{
    struct go_value out = *v;
    enum go_kind kind = go_kind_of(v);
    if (depth > DEPTH_MAX) {
        out = (struct go_value){0};
    } else if (kind == GO_MAP && v->map) {
        out.map = go_map_new(a, v->map->n);
        for (uint32_t i = 0; i < v->map->n; i++) {
            const struct go_entry *e = &v->map->entries[i];
            go_map_set(out.map, e->key, e->n, copy(a, &e->value, depth + 1));
        }
    } else if (kind == GO_SLICE && v->items && v->type != &go_bytes_type) {
        out.items = v->n ? ARENA_ARRAY(a, struct go_value, v->n) : no_items;
        for (uint32_t i = 0; i < v->n; i++)
            out.items[i] = copy(a, &v->items[i], depth + 1);
    }
    return out;
}

struct go_value go_copy(struct arena *a, const struct go_value *v)
{
    return copy(a, v, 0);
}

/* False: more than `left`. */
static bool weigh(const struct go_value *v, size_t *left, int depth)
{
    enum go_kind kind = go_kind_of(v);
    size_t own = 1 + (kind == GO_STRING || v->type == &go_bytes_type ? v->n / 16 : 0);
    if (own > *left || depth > DEPTH_MAX)
        return own <= *left;
    *left -= own;
    bool fits = true;
    if (kind == GO_MAP && v->map)
        for (uint32_t i = 0; i < v->map->n && fits; i++)
            fits = weigh(&v->map->entries[i].value, left, depth + 1);
    else if (kind == GO_SLICE && v->items && v->type != &go_bytes_type)
        for (uint32_t i = 0; i < v->n && fits; i++)
            fits = weigh(&v->items[i], left, depth + 1);
    return fits;
}

size_t go_weight(const struct go_value *v, size_t most)
{
    size_t left = most;
    return weigh(v, &left, 0) ? most - left : most + 1;
}
