#include "base/map.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"

uint64_t map_hash(const void *bytes, size_t n)
{
    const unsigned char *p = bytes;
    uint64_t h = 0xcbf29ce484222325u;
    for (size_t i = 0; i < n; i++)
        h = (h ^ p[i]) * 0x100000001b3u;
    h ^= h >> 32;
    h *= 0xd6e8feb86659fd93u;
    return h ^ (h >> 32);
}

void map_init(struct map *m)
{
    *m = (struct map){0};
}

void map_done(struct map *m)
{
    for (size_t i = 0; i < m->n_entries; i++)
        free(m->entries[i].key);
    free(m->entries);
    free(m->slots);
    *m = (struct map){0};
}

/* The slot that holds `key`, or the free one where it would go. */
static uint32_t *find(const struct map *m, const char *key, uint64_t hash)
{
    size_t mask = m->n_slots - 1;
    for (size_t i = hash & mask;; i = (i + 1) & mask) {
        uint32_t at = m->slots[i];
        if (!at)
            return &m->slots[i];
        const struct map_entry *e = &m->entries[at - 1];
        if (e->key && e->hash == hash && strcmp(e->key, key) == 0)
            return &m->slots[i];
    }
}

static void *xrealloc(void *p, size_t n)
{
    p = realloc(p, n);
    if (!p)
        log_die("out of memory (%zu bytes)", n);
    return p;
}

/* Drops removed entries and rebuilds the slots for at least twice the live ones. */
static void rebuild(struct map *m)
{
    size_t n = 0;
    for (size_t i = 0; i < m->n_entries; i++)
        if (m->entries[i].key)
            m->entries[n++] = m->entries[i];
    m->n_entries = n;
    size_t slots = 16;
    while (slots < (n + 1) * 4)
        slots *= 2;
    m->slots = xrealloc(m->slots, slots * sizeof *m->slots);
    memset(m->slots, 0, slots * sizeof *m->slots);
    m->n_slots = slots;
    m->cap_entries = slots / 2;
    m->entries = xrealloc(m->entries, m->cap_entries * sizeof *m->entries);
    size_t mask = slots - 1;
    for (size_t i = 0; i < n; i++) {
        size_t at = m->entries[i].hash & mask;
        while (m->slots[at])
            at = (at + 1) & mask;
        m->slots[at] = (uint32_t)i + 1;
    }
}

static struct map_entry *lookup(const struct map *m, const char *key)
{
    if (!m->n_slots)
        return NULL;
    uint32_t at = *find(m, key, map_hash(key, strlen(key)));
    return at ? &m->entries[at - 1] : NULL;
}

void *map_get(const struct map *m, const char *key)
{
    const struct map_entry *e = lookup(m, key);
    return e ? e->value : NULL;
}

bool map_has(const struct map *m, const char *key)
{
    return lookup(m, key) != NULL;
}

void *map_put(struct map *m, const char *key, void *value)
{
    struct map_entry *e = lookup(m, key);
    if (e) {
        void *old = e->value;
        e->value = value;
        return old;
    }
    if (m->n_entries == m->cap_entries)
        rebuild(m);
    size_t n = strlen(key);
    uint64_t hash = map_hash(key, n);
    uint32_t *slot = find(m, key, hash);
    char *copy = xrealloc(NULL, n + 1);
    memcpy(copy, key, n + 1);
    m->entries[m->n_entries++] = (struct map_entry){copy, value, hash};
    *slot = (uint32_t)m->n_entries;
    m->live++;
    return NULL;
}

void *map_remove(struct map *m, const char *key)
{
    struct map_entry *e = lookup(m, key);
    if (!e)
        return NULL;
    void *old = e->value;
    free(e->key);
    *e = (struct map_entry){0}; /* its slot stays taken until the next rebuild */
    m->live--;
    return old;
}

const struct map_entry *map_next(const struct map *m, size_t *cursor)
{
    while (*cursor < m->n_entries) {
        const struct map_entry *e = &m->entries[(*cursor)++];
        if (e->key)
            return e;
    }
    return NULL;
}
