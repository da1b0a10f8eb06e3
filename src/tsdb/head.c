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

bool head__append(struct mem_series *s, struct sample x)
{
    struct chunk *last = s->n_chunks ? &s->chunks[s->n_chunks - 1] : NULL;
    if (last && last->n && x.t <= last->last_t)
        return false;
    if (s->n_natives && x.t <= s->natives[s->n_natives - 1].t)
        return false;
    if (!last || last->n == CHUNK_SAMPLES) {
        if (last)
            chunk_trim(last);
        if (s->n_chunks == s->cap_chunks) {
            s->cap_chunks = s->cap_chunks ? s->cap_chunks * 2 : 2;
            s->chunks = realloc(s->chunks, s->cap_chunks * sizeof *s->chunks);
            if (!s->chunks)
                log_die("out of memory");
        }
        last = &s->chunks[s->n_chunks++];
        chunk_init(last);
    }
    chunk_add(last, x);
    return true;
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
    }
}
