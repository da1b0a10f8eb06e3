/* head.c - series in memory: slots, postings, chunks. */
#include <string.h>

#include "base/log.h"
#include "tsdb/tsdb_int.h"

/* Names and values cannot hold the byte 0xff: they are UTF-8. */
char *series__key(const struct labels *l, struct arena *a)
{
    size_t n = 1;
    for (size_t i = 0; i < l->n; i++)
        n += strlen(l->items[i].name) + strlen(l->items[i].value) + 2;
    char *key = arena_alloc(a, n), *p = key;
    for (size_t i = 0; i < l->n; i++) {
        p = stpcpy(p, l->items[i].name);
        *p++ = '\xff';
        p = stpcpy(p, l->items[i].value);
        *p++ = '\xff';
    }
    return key;
}

static char *posting_key(const struct label *l, struct arena *a)
{
    return arena_printf(a, "%s\xff%s", l->name, l->value);
}

static void postings_add(struct tsdb *db, const char *key, uint32_t slot)
{
    struct postings *p = map_get(&db->postings, key);
    if (!p) {
        p = calloc(1, sizeof *p);
        if (!p)
            log_die("out of memory");
        (void)map_put(&db->postings, key, p);
    }
    if (p->n == p->cap) {
        p->cap = p->cap ? p->cap * 2 : 4;
        p->slots = realloc(p->slots, p->cap * sizeof *p->slots);
        if (!p->slots)
            log_die("out of memory");
    }
    p->slots[p->n++] = slot;
}

static void postings_remove(struct tsdb *db, const char *key, uint32_t slot)
{
    struct postings *p = map_get(&db->postings, key);
    for (size_t i = 0; p && i < p->n; i++)
        if (p->slots[i] == slot) {
            p->slots[i] = p->slots[--p->n];
            break;
        }
    if (p && p->n == 0) {
        (void)map_remove(&db->postings, key);
        free(p->slots);
        free(p);
    }
}

static void each_posting(struct tsdb *db, uint32_t slot,
                         void (*fn)(struct tsdb *, const char *, uint32_t))
{
    AUTO(arena) struct arena *a = arena_new(0);
    const struct labels *l = &db->slots[slot].series->labels;
    for (size_t i = 0; i < l->n; i++)
        fn(db, posting_key(&l->items[i], a), slot);
}

static uint32_t free_slot(struct tsdb *db)
{
    if (db->live < db->n_slots)
        for (size_t i = 0; i < db->n_slots; i++)
            if (!db->slots[i].series)
                return (uint32_t)i;
    if (db->n_slots == db->cap_slots) {
        db->cap_slots = db->cap_slots ? db->cap_slots * 2 : 256;
        db->slots = realloc(db->slots, db->cap_slots * sizeof *db->slots);
        if (!db->slots)
            log_die("out of memory");
    }
    db->slots[db->n_slots] = (struct slot){0};
    return (uint32_t)db->n_slots++;
}

uint32_t head__add(struct tsdb *db, const struct labels *l, const char *key)
{
    uint32_t slot = free_slot(db);
    struct mem_series *s = calloc(1, sizeof *s);
    if (!s)
        log_die("out of memory");
    s->arena = arena_new(0);
    s->labels = labels_copy(s->arena, l);
    s->key = arena_strdup(s->arena, key);
    db->slots[slot].series = s;
    db->slots[slot].generation++;
    db->live++;
    (void)map_put(&db->by_key, key, (void *)(uintptr_t)(slot + 1));
    each_posting(db, slot, postings_add);
    return slot;
}

void head__drop(struct tsdb *db, uint32_t slot)
{
    struct mem_series *s = db->slots[slot].series;
    each_posting(db, slot, postings_remove);
    (void)map_remove(&db->by_key, s->key);
    for (size_t i = 0; i < s->n_chunks; i++)
        chunk_done(&s->chunks[i]);
    free(s->chunks);
    (void)native__retain(s, INT64_MAX);
    free(s->natives);
    free(s->runs);
    arena_free(s->arena);
    free(s);
    db->slots[slot].series = NULL;
    db->live--;
}

struct mem_series *head__get(struct tsdb *db, uint64_t ref)
{
    uint32_t slot = (uint32_t)ref;
    if (slot >= db->n_slots || db->slots[slot].generation != ref >> 32)
        return NULL;
    return db->slots[slot].series;
}

enum append head__place(const struct mem_series *s, int64_t t)
{
    const struct chunk *floats = s->n_chunks ? &s->chunks[s->n_chunks - 1] : NULL;
    int64_t newest = floats && floats->n ? floats->last_t : INT64_MIN;
    if (s->n_natives && s->natives[s->n_natives - 1].t > newest)
        newest = s->natives[s->n_natives - 1].t;
    bool any = s->n_natives || (floats && floats->n);
    return !any || t > newest ? APPEND_TAKEN : t == newest ? APPEND_TWICE : APPEND_OLD;
}

void head__make_chunk(struct mem_series *s)
{
    if (s->n_chunks)
        chunk_trim(&s->chunks[s->n_chunks - 1]);
    if (s->n_chunks == s->cap_chunks) {
        s->cap_chunks = s->cap_chunks ? s->cap_chunks * 2 : 2;
        s->chunks = realloc(s->chunks, s->cap_chunks * sizeof *s->chunks);
        if (!s->chunks)
            log_die("out of memory");
    }
    chunk_init(&s->chunks[s->n_chunks++]);
}

enum append head__append(struct mem_series *s, struct sample x)
{
    enum append place = head__place(s, x.t);
    const struct chunk *last = s->n_chunks ? &s->chunks[s->n_chunks - 1] : NULL;
    if (place == APPEND_TWICE && last && last->n && last->last_t == x.t &&
        memcmp(&last->last_v, &x.v, sizeof x.v) == 0)
        return APPEND_SAME;
    if (place != APPEND_TAKEN)
        return place;
    if (!last || last->n == CHUNK_SAMPLES)
        head__make_chunk(s);
    chunk_add(&s->chunks[s->n_chunks - 1], x);
    return APPEND_TAKEN;
}

void head__retain(struct tsdb *db, int64_t oldest_ms)
{
    for (uint32_t i = 0; i < db->n_slots; i++) {
        struct mem_series *s = db->slots[i].series;
        size_t gone = 0;
        while (s && gone < s->n_chunks && s->chunks[gone].last_t < oldest_ms)
            chunk_done(&s->chunks[gone++]);
        if (!s || native__retain(s, oldest_ms) + gone == 0)
            continue;
        s->n_chunks -= gone;
        if (gone)
            memmove(s->chunks, s->chunks + gone, s->n_chunks * sizeof *s->chunks);
        if (s->n_chunks == 0 && s->n_natives == 0)
            head__drop(db, i);
        else
            starts__retain(s, oldest_ms);
    }
}
