/* index.c - which slot has these labels, and which slots have a label.
 *
 * Texts of labels stand once, with the list of the slots that have them: a series borrows them for
 * as long as it is in that list. */
#include <string.h>

#include "base/log.h"
#include "tsdb/tsdb_int.h"

/* ---- label → slots ---- */

/* Names and values cannot hold the byte 0xff: they are UTF-8. */
static char *posting_key(const struct label *l, struct arena *a)
{
    return arena_join(a, l->name, "\xff", l->value, NULL);
}

const struct postings *index__postings(const struct tsdb *db, const struct label *l,
                                       struct arena *a)
{
    return map_get(&db->postings, posting_key(l, a));
}

static struct postings *postings_new(const struct label *l)
{
    size_t name = strlen(l->name) + 1, value = strlen(l->value) + 1;
    struct postings *p = malloc(sizeof *p + name + value);
    if (!p)
        log_die("out of memory");
    char *text = memcpy(p->text, l->name, name);
    *p = (struct postings){
        .label = {text, memcpy(text + name, l->value, value)}
    };
    return p;
}

static void postings_free(struct postings *p)
{
    free(p->slots);
    free(p);
}

/* The label's lasting texts. */
static struct label postings_add(struct tsdb *db, const struct label *l, uint32_t slot,
                                 struct arena *a)
{
    const char *key = posting_key(l, a);
    struct postings *p = map_get(&db->postings, key);
    if (!p) {
        p = postings_new(l);
        (void)map_put(&db->postings, key, p);
    }
    if (p->n == p->cap) {
        p->cap = p->cap ? p->cap + p->cap / 2 + 1 : 2;
        p->slots = realloc(p->slots, p->cap * sizeof *p->slots);
        if (!p->slots)
            log_die("out of memory");
    }
    p->slots[p->n++] = slot;
    return p->label;
}

static void postings_remove(struct tsdb *db, const struct label *l, uint32_t slot, struct arena *a)
{
    const char *key = posting_key(l, a);
    struct postings *p = map_get(&db->postings, key);
    for (size_t i = 0; p && i < p->n; i++)
        if (p->slots[i] == slot) {
            p->slots[i] = p->slots[--p->n];
            break;
        }
    if (p && p->n == 0) {
        (void)map_remove(&db->postings, key);
        postings_free(p);
    }
}

/* ---- labels → slot ---- */

static uint32_t hash_of(const struct labels *l)
{
    uint64_t h = labels_hash(l) * 0x9e3779b97f4a7c15u;
    return (uint32_t)(h >> 32);
}

/* The place of the series with these labels, or the free one where it would go. */
static uint32_t *place(const struct tsdb *db, const struct labels *l, uint32_t hash)
{
    for (size_t i = hash;; i++) {
        uint32_t *at = &db->index[i & (db->n_index - 1)];
        const struct mem_series *s = *at ? db->slots[*at - 1].series : NULL;
        if (!s || (s->hash == hash && labels_compare(&s->labels, l) == 0))
            return at;
    }
}

static void grow(struct tsdb *db)
{
    db->n_index = db->n_index ? db->n_index * 2 : 1024;
    free(db->index);
    db->index = calloc(db->n_index, sizeof *db->index);
    if (!db->index)
        log_die("out of memory");
    for (uint32_t i = 0; i < db->n_slots; i++)
        if (db->slots[i].series) {
            const struct mem_series *s = db->slots[i].series;
            *place(db, &s->labels, s->hash) = i + 1;
        }
}

bool index__find(const struct tsdb *db, const struct labels *l, uint32_t *out_slot)
{
    uint32_t at = db->n_index ? *place(db, l, hash_of(l)) : 0;
    *out_slot = at - 1;
    return at != 0;
}

void index__add(struct tsdb *db, uint32_t slot, const struct labels *l)
{
    AUTO(arena) struct arena *a = arena_new(0);
    struct mem_series *s = db->slots[slot].series;
    for (size_t i = 0; i < l->n; i++)
        s->own[i] = postings_add(db, &l->items[i], slot, a);
    s->labels = (struct labels){s->own, l->n};
    s->hash = hash_of(l);
    if ((db->live + 1) * 2 > db->n_index)
        grow(db); /* finds this series, too */
    *place(db, l, s->hash) = slot + 1;
}

/* Those behind it move up, so that none is beyond a gap. */
static void take_out(struct tsdb *db, const struct mem_series *s)
{
    size_t mask = db->n_index - 1, gap = (size_t)(place(db, &s->labels, s->hash) - db->index);
    for (size_t i = gap;;) {
        i = (i + 1) & mask;
        if (!db->index[i])
            break;
        size_t home = db->slots[db->index[i] - 1].series->hash & mask;
        if (((i - home) & mask) >= ((i - gap) & mask)) {
            db->index[gap] = db->index[i];
            gap = i;
        }
    }
    db->index[gap] = 0;
}

void index__remove(struct tsdb *db, uint32_t slot)
{
    AUTO(arena) struct arena *a = arena_new(0);
    const struct mem_series *s = db->slots[slot].series;
    take_out(db, s);
    for (size_t i = 0; i < s->labels.n; i++)
        postings_remove(db, &s->labels.items[i], slot, a);
}

void index__free(struct tsdb *db)
{
    const struct map_entry *k;
    for (size_t i = 0; (k = map_next(&db->postings, &i));)
        postings_free(k->value);
    map_done(&db->postings);
    free(db->index);
}
