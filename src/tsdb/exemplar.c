/* exemplar.c - a ring of exemplars: the newest of all series. */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/thread.h"
#include "tsdb/tsdb_int.h"

enum { TEXT_MAX = 8 * EXEMPLAR_RUNES_MAX };

void exemplar__keep(struct tsdb *db, uint64_t ref, int64_t t, double v, const void *text, size_t n)
{
    if (!db->exemplars && !(db->exemplars = calloc(db->opts.max_exemplars, sizeof *db->exemplars)))
        log_die("out of memory");
    size_t at = db->next_exemplar;
    struct kept_exemplar *x = &db->exemplars[at];
    db->next_exemplar = (db->next_exemplar + 1) % db->opts.max_exemplars;
    db->stats.exemplars += x->text == NULL;
    free(x->text);
    *x = (struct kept_exemplar){ref, t, v, (uint32_t)n, malloc(n + 1)};
    if (!x->text)
        log_die("out of memory");
    memcpy(x->text, text, n);
    struct mem_series *s = head__get(db, ref);
    if (s) {
        s->exemplar_t = t;
        s->exemplar_at = at;
    }
}

void exemplar__free(struct tsdb *db)
{
    for (size_t i = 0; db->exemplars && i < db->opts.max_exemplars; i++)
        free(db->exemplars[i].text);
    free(db->exemplars);
}

/* Characters, counted no further than it matters. */
static size_t runes(const char *s)
{
    size_t n = 0;
    for (; *s && n <= EXEMPLAR_RUNES_MAX; s++)
        n += ((unsigned char)*s & 0xc0) != 0x80;
    return n;
}

static bool encode(const struct labels *l, struct buf *b)
{
    size_t n = 0;
    for (size_t i = 0; i < l->n; i++) {
        n += runes(l->items[i].name) + runes(l->items[i].value);
        if (n > EXEMPLAR_RUNES_MAX)
            return false;
        buf_add(b, l->items[i].name, strlen(l->items[i].name) + 1);
        buf_add(b, l->items[i].value, strlen(l->items[i].value) + 1);
    }
    return !b->overflow;
}

/* The newest of its series: an application says the same one until it has another. */
static bool is_again(const struct tsdb *db, const struct mem_series *s, uint64_t ref,
                     const struct exemplar *x, const struct buf *text)
{
    const struct kept_exemplar *o = db->exemplars ? &db->exemplars[s->exemplar_at] : NULL;
    return o && o->text && o->ref == ref && o->t == x->t &&
           memcmp(&o->v, &x->v, sizeof o->v) == 0 && o->n == text->len &&
           memcmp(o->text, buf_text(text), o->n) == 0;
}

int tsdb_append_exemplar(struct tsdb *db, uint64_t ref, const struct exemplar *x, struct err *e)
{
    AUTO_BUF struct buf b;
    buf_init(&b, TEXT_MAX);
    if (!encode(&x->labels, &b))
        return err_set(e, ERR_INVALID,
                       "label length for exemplar exceeds maximum of %d UTF-8 characters",
                       EXEMPLAR_RUNES_MAX);
    LOCK_SCOPE(&db->lock);
    struct mem_series *s = head__get(db, ref);
    if (!s)
        return err_set(e, ERR_NOT_FOUND, "the time series is gone");
    if (s->exemplar_t && x->t < s->exemplar_t)
        return err_set(e, ERR_CONFLICT, "out of order exemplar");
    if (s->exemplar_t == x->t && is_again(db, s, ref, x, &b))
        return 0;
    int r = wal__ease(db, e);
    if (r < 0)
        return r;
    exemplar__keep(db, ref, x->t, x->v, buf_text(&b), b.len);
    wal__exemplar(&db->wal, ref, x, buf_text(&b), b.len);
    return 0;
}

/* ---- reading ---- */

struct found {
    uint32_t slot;
    const struct kept_exemplar *x;
};

static int by_series(const void *a, const void *b)
{
    const struct found *x = a, *y = b;
    if (x->slot != y->slot)
        return x->slot < y->slot ? -1 : 1;
    return x->x->t != y->x->t ? (x->x->t < y->x->t ? -1 : 1) : 0;
}

static int by_number(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static int by_labels(const void *a, const void *b)
{
    return labels_compare(&((const struct exemplar_series *)a)->labels,
                          &((const struct exemplar_series *)b)->labels);
}

static struct exemplar decode(const struct kept_exemplar *x, struct arena *a)
{
    struct label l[EXEMPLAR_RUNES_MAX + 1];
    size_t n = 0;
    for (const char *p = x->text, *end = p + x->n; p < end && n < ARRAY_LEN(l); n++) {
        l[n].name = p;
        p += strlen(p) + 1;
        l[n].value = p < end ? p : "";
        p += p < end ? strlen(p) + 1 : 0;
    }
    return (struct exemplar){labels_make(a, l, n), x->v, x->t};
}

/* Those of the span and of these slots, which are sorted. */
static size_t find(struct tsdb *db, const uint32_t *slots, size_t n, const int64_t span[2],
                   struct found *out)
{
    size_t count = 0;
    for (size_t i = 0; db->exemplars && i < db->opts.max_exemplars; i++) {
        const struct kept_exemplar *x = &db->exemplars[i];
        uint32_t slot = (uint32_t)x->ref;
        if (x->text && x->t >= span[0] && x->t <= span[1] && head__get(db, x->ref) &&
            bsearch(&slot, slots, n, sizeof slot, by_number))
            out[count++] = (struct found){slot, x};
    }
    return count;
}

int tsdb_exemplars(struct tsdb *db, const struct matcher *m, size_t n, int64_t min_t, int64_t max_t,
                   struct arena *a, struct exemplar_series **out, size_t *out_n, struct err *e)
{
    const int64_t span[2] = {min_t, max_t};
    uint32_t *slots;
    size_t n_slots, n_series = 0;
    LOCK_SCOPE(&db->lock);
    int r = select__slots(db, m, n, a, &slots, &n_slots, e);
    if (r < 0)
        return r;
    qsort(slots, n_slots, sizeof *slots, by_number);
    struct found *all = ARENA_ARRAY(a, struct found, db->stats.exemplars + 1);
    size_t count = find(db, slots, n_slots, span, all);
    qsort(all, count, sizeof *all, by_series);
    struct exemplar_series *list = ARENA_ARRAY(a, struct exemplar_series, count + 1);
    struct exemplar *items = ARENA_ARRAY(a, struct exemplar, count + 1);
    for (size_t i = 0; i < count; i++) {
        items[i] = decode(all[i].x, a);
        if (i == 0 || all[i].slot != all[i - 1].slot)
            list[n_series++] = (struct exemplar_series){
                labels_copy(a, &db->slots[all[i].slot].series->labels), &items[i], 0};
        list[n_series - 1].n++;
    }
    qsort(list, n_series, sizeof *list, by_labels);
    *out = list;
    *out_n = n_series;
    return 0;
}
