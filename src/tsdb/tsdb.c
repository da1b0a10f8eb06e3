#include "tsdb/tsdb.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/thread.h"
#include "tsdb/tsdb_int.h"

enum { RETAIN_EVERY_MS = 60000 };

int tsdb_open(const struct tsdb_opts *o, struct tsdb **out, struct err *e)
{
    AUTO(tsdb) struct tsdb *db = calloc(1, sizeof *db);
    if (!db)
        log_die("out of memory");
    db->opts = *o;
    db->opts.retention_ms = o->retention_ms ? o->retention_ms : (int64_t)24 * 3600 * 1000;
    db->opts.max_series = o->max_series ? o->max_series : 200000;
    db->opts.max_exemplars = o->max_exemplars ? o->max_exemplars : 100000;
    map_init(&db->postings);
    (void)pthread_mutex_init(&db->lock, NULL);
    int r = wal__open(db, e);
    if (r < 0)
        return err_wrap(e, r, "metrics");
    *out = take_ptr(db);
    return 0;
}

void tsdb_free(struct tsdb *db)
{
    if (!db)
        return;
    struct err e;
    if (wal__write(db, &e) < 0)
        log_warn("metrics", "%s", e.msg);
    for (uint32_t i = 0; i < db->n_slots; i++)
        if (db->slots[i].series)
            series__free(db->slots[i].series);
    wal__close(&db->wal);
    exemplar__free(db);
    index__free(db);
    free(db->slots);
    free(db->free_slots);
    (void)pthread_mutex_destroy(&db->lock);
    free(db);
}

int tsdb_series(struct tsdb *db, const struct labels *l, uint64_t *out_ref, struct err *e)
{
    size_t bytes = 0;
    for (size_t i = 0; i < l->n; i++)
        bytes += strlen(l->items[i].name) + strlen(l->items[i].value) + 2;
    LOCK_SCOPE(&db->lock);
    if (l->n > SERIES_LABELS_MAX || bytes > SERIES_BYTES_MAX) {
        db->stats.refused++;
        return err_set(e, ERR_TOO_LARGE,
                       "%zu labels of %zu bytes together; a time series has at most %d of %d", l->n,
                       bytes, SERIES_LABELS_MAX, SERIES_BYTES_MAX);
    }
    uint32_t slot;
    bool known = index__find(db, l, &slot);
    if (!known && db->live >= db->opts.max_series) {
        db->stats.refused++;
        return err_set(e, ERR_TOO_LARGE, "there are %zu time series already, the most allowed",
                       db->live);
    }
    int r = known ? 0 : wal__ease(db, e);
    if (r < 0)
        return r;
    if (!known)
        slot = head__add(db, l);
    *out_ref = ref_of(db, slot);
    if (!known)
        wal__series(&db->wal, *out_ref, &db->slots[slot].series->labels);
    return 0;
}

/* 0 for what was taken and for the same again. */
static int refuse(struct tsdb *db, enum append how, int64_t t, struct err *e)
{
    if (how == APPEND_TAKEN || how == APPEND_SAME)
        return 0;
    db->stats.refused++;
    if (how == APPEND_TWICE)
        return err_set(e, ERR_EXISTS, "there is another sample of the time %lld", (long long)t);
    return err_set(e, ERR_CONFLICT, "a sample of the time %lld is not newer than the last one",
                   (long long)t);
}

static void taken(struct tsdb *db, struct mem_series *s, uint64_t ref, int64_t t)
{
    db->stats.samples_in++;
    if (starts__mark(s, t))
        wal__start(&db->wal, ref, t, s->start);
}

int tsdb_append(struct tsdb *db, uint64_t ref, int64_t t_ms, double v, struct err *e)
{
    LOCK_SCOPE(&db->lock);
    struct mem_series *s = head__get(db, ref);
    if (!s)
        return err_set(e, ERR_NOT_FOUND, "the time series is gone");
    int r = wal__ease(db, e);
    if (r < 0)
        return r;
    enum append how = head__append(s, (struct sample){t_ms, v});
    if (how == APPEND_TAKEN) {
        wal__sample(&db->wal, ref, (struct sample){t_ms, v});
        taken(db, s, ref, t_ms);
    }
    return refuse(db, how, t_ms, e);
}

void tsdb_begins(struct tsdb *db, uint64_t ref, int64_t start_ms)
{
    LOCK_SCOPE(&db->lock);
    struct mem_series *s = head__get(db, ref);
    if (s)
        s->start = start_ms;
}

int tsdb_append_histogram(struct tsdb *db, uint64_t ref, int64_t t_ms, const struct histogram *h,
                          struct err *e)
{
    const char *fault = histogram_fault(h);
    if (fault)
        return err_set(e, ERR_INVALID, "%s", fault);
    AUTO(arena) struct arena *a = arena_new(0);
    AUTO_BUF struct buf b;
    buf_init(&b, NATIVE_BYTES_MAX);
    LOCK_SCOPE(&db->lock);
    struct mem_series *s = head__get(db, ref);
    if (!s)
        return err_set(e, ERR_NOT_FOUND, "the time series is gone");
    struct histogram stored = *h;
    stored.hint = histogram_hint_after(native__newest(s, a), h);
    histogram_encode(&stored, &b);
    int r = buf_check(&b, e);
    if (r == 0)
        r = wal__ease(db, e);
    if (r < 0)
        return r;
    enum append how = native__append(s, t_ms, b.data, b.len);
    if (how == APPEND_TAKEN) {
        wal__histogram(&db->wal, ref, t_ms, b.data, b.len);
        taken(db, s, ref, t_ms);
    }
    return refuse(db, how, t_ms, e);
}

int tsdb_commit(struct tsdb *db, struct err *e)
{
    LOCK_SCOPE(&db->lock);
    return wal__write(db, e);
}

int tsdb_sync(struct tsdb *db, struct err *e)
{
    int fd;
    {
        LOCK_SCOPE(&db->lock);
        int r = wal__write(db, e);
        if (r < 0)
            return r;
        int64_t now = db->opts.clock->real_ms(db->opts.clock);
        if (now - db->retained_ms >= RETAIN_EVERY_MS) {
            head__retain(db, now - db->opts.retention_ms);
            wal__retain(db, now - db->opts.retention_ms);
            db->retained_ms = now;
        }
        fd = db->wal.dirty ? dup(db->wal.fd) : -1;
        db->wal.dirty = false;
    }
    if (fd < 0)
        return 0;
    int r = fdatasync(fd) < 0 ? err_sys(e, errno, "sync metrics log") : 0;
    (void)close(fd);
    return r;
}

void tsdb_stats(struct tsdb *db, struct tsdb_stats *out)
{
    LOCK_SCOPE(&db->lock);
    *out = db->stats;
    out->series = db->live;
    for (uint32_t i = 0; i < db->n_slots; i++) {
        const struct mem_series *s = db->slots[i].series;
        for (size_t k = 0; s && k < s->n_chunks; k++) {
            const struct chunk *c = &s->chunks[k];
            out->chunk_bytes += c->cap_bits / 8;
            if (!out->oldest_ms || c->first_t < out->oldest_ms)
                out->oldest_ms = c->first_t;
            if (c->last_t > out->newest_ms)
                out->newest_ms = c->last_t;
        }
    }
    for (size_t i = 0; i < db->wal.n; i++)
        out->log_bytes += db->wal.segments[i].bytes;
}

int64_t tsdb_retention_ms(const struct tsdb *db)
{
    return db->opts.retention_ms;
}
