/* remove.c - samples taken out on request, and copies of the whole. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/thread.h"
#include "tsdb/tsdb_int.h"

static void remove_natives(struct mem_series *s, int64_t min_t, int64_t max_t)
{
    size_t kept = 0;
    for (size_t i = 0; i < s->n_natives; i++) {
        if (s->natives[i].t >= min_t && s->natives[i].t <= max_t)
            free(s->natives[i].bytes);
        else
            s->natives[kept++] = s->natives[i];
    }
    s->n_natives = kept;
}

bool remove__span(struct mem_series *s, int64_t min_t, int64_t max_t)
{
    struct chunk *old = s->chunks;
    size_t n = s->n_chunks;
    s->chunks = NULL;
    s->n_chunks = s->cap_chunks = 0;
    for (size_t i = 0; i < n; i++) {
        struct chunk_reader r;
        chunk_reader_init(&r, &old[i]);
        for (struct sample x; chunk_next(&r, &x);) {
            if (x.t >= min_t && x.t <= max_t)
                continue;
            if (!s->n_chunks || s->chunks[s->n_chunks - 1].n == CHUNK_SAMPLES)
                head__make_chunk(s);
            chunk_add(&s->chunks[s->n_chunks - 1], x);
        }
        chunk_done(&old[i]);
    }
    free(old);
    remove_natives(s, min_t, max_t);
    return s->n_chunks == 0 && s->n_natives == 0;
}

int tsdb_delete(struct tsdb *db, const struct matcher *m, size_t n, int64_t min_t, int64_t max_t,
                struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(0);
    uint32_t *slots;
    size_t count;
    LOCK_SCOPE(&db->lock);
    int r = select__slots(db, m, n, a, &slots, &count, e);
    if (r < 0)
        return r;
    for (size_t i = 0; i < count; i++) {
        wal__delete(&db->wal, ref_of(db, slots[i]), min_t, max_t);
        if (remove__span(db->slots[slots[i]].series, min_t, max_t))
            head__drop(db, slots[i]);
    }
    return wal__write(db, e);
}

int tsdb_snapshot(struct tsdb *db, struct arena *a, const char **name, struct err *e)
{
    char stamp[32];
    struct tm tm;
    LOCK_SCOPE(&db->lock);
    if (!db->wal.dir)
        return err_set(e, ERR_UNSUPPORTED, "metrics are kept in memory only");
    int64_t now_ms = db->opts.clock->real_ms(db->opts.clock);
    time_t now = (time_t)(now_ms / 1000);
    (void)strftime(stamp, sizeof stamp, "%Y%m%dT%H%M%SZ", gmtime_r(&now, &tm));
    const char *folder = arena_printf(a, "%s-%04llx", stamp, (unsigned long long)(now_ms % 1000));
    int r = wal__write(db, e);
    if (r == 0)
        r = wal__copy(&db->wal, arena_join(a, db->wal.dir, "/snapshots/", folder, NULL), e);
    if (r == 0)
        *name = folder;
    return r;
}
