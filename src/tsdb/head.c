/* head.c - series in memory: slots and chunks. */
#include <string.h>

#include "base/log.h"
#include "tsdb/tsdb_int.h"

static uint32_t free_slot(struct tsdb *db)
{
    if (db->n_free)
        return db->free_slots[--db->n_free];
    if (db->n_slots == db->cap_slots) {
        db->cap_slots = db->cap_slots ? db->cap_slots * 2 : 256;
        db->slots = realloc(db->slots, db->cap_slots * sizeof *db->slots);
        if (!db->slots)
            log_die("out of memory");
    }
    db->slots[db->n_slots] = (struct slot){0};
    return (uint32_t)db->n_slots++;
}

static void keep_slot(struct tsdb *db, uint32_t slot)
{
    if (db->n_free == db->cap_free) {
        db->cap_free = db->cap_free ? db->cap_free * 2 : 256;
        db->free_slots = realloc(db->free_slots, db->cap_free * sizeof *db->free_slots);
        if (!db->free_slots)
            log_die("out of memory");
    }
    db->free_slots[db->n_free++] = slot;
}

uint32_t head__add(struct tsdb *db, const struct labels *l)
{
    struct mem_series *s = calloc(1, sizeof *s + l->n * sizeof *s->own);
    if (!s)
        log_die("out of memory");
    uint32_t slot = free_slot(db);
    db->slots[slot].series = s;
    db->slots[slot].generation++;
    index__add(db, slot, l);
    db->live++;
    return slot;
}

void series__free(struct mem_series *s)
{
    for (size_t i = 0; i < s->n_chunks; i++)
        chunk_done(&s->chunks[i]);
    free(s->chunks);
    (void)native__retain(s, INT64_MAX);
    free(s->natives);
    free(s->runs);
    free(s);
}

void head__drop(struct tsdb *db, uint32_t slot)
{
    index__remove(db, slot);
    series__free(db->slots[slot].series);
    db->slots[slot].series = NULL;
    db->live--;
    keep_slot(db, slot);
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
        s->cap_chunks = s->cap_chunks ? s->cap_chunks * 2 : 1;
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
