#include "logdb/logdb.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/thread.h"
#include "logdb/logdb_int.h"

static void set_limits(struct logdb *db, uint64_t max_bytes, int64_t max_age_ms)
{
    db->opts.max_bytes = max_bytes ? max_bytes : (uint64_t)1 << 30;
    db->opts.max_age_ms = max_age_ms ? max_age_ms : (int64_t)30 * 86400 * 1000;
}

void logdb_limit(struct logdb *db, uint64_t max_bytes, int64_t max_age_ms)
{
    LOCK_SCOPE(&db->lock);
    set_limits(db, max_bytes, max_age_ms);
}

int logdb_open(const struct logdb_opts *o, struct logdb **out, struct err *e)
{
    AUTO(logdb) struct logdb *db = calloc(1, sizeof *db);
    if (!db || !(db->dir = strdup(o->dir)))
        log_die("out of memory");
    db->opts = *o;
    set_limits(db, o->max_bytes, o->max_age_ms);
    db->opts.flush_bytes = o->flush_bytes ? o->flush_bytes : 8 << 20;
    db->packed_ms = o->clock->real_ms(o->clock);
    db->journal = db->names = -1;
    map_init(&db->by_labels);
    map_init(&db->owners);
    (void)pthread_mutex_init(&db->lock, NULL);
    (void)pthread_mutex_init(&db->sync, NULL);
    int r = fs_mkdirs(db->dir, 0700, e);
    if (r == 0)
        r = streams_open(db, e);
    if (r == 0)
        r = segments_open(db, e);
    if (r == 0)
        r = journal_open(db, e);
    if (r == 0)
        r = streams_settle(db, e);
    if (r < 0)
        return err_wrap(e, r, "logs");
    *out = take_ptr(db);
    return 0;
}

void logdb_free(struct logdb *db)
{
    if (!db)
        return;
    struct err e;
    if (db->journal >= 0 && logdb_flush(db, &e) < 0)
        log_warn("logs", "%s", e.msg);
    streams_free(db);
    for (size_t i = 0; i < db->n_segments; i++)
        segment_unref(db->segments[i]);
    free(db->segments);
    for (int *fd = (int[]){db->journal, db->names, -2}; *fd != -2; fd++)
        if (*fd >= 0)
            (void)close(*fd);
    (void)pthread_mutex_destroy(&db->sync);
    (void)pthread_mutex_destroy(&db->lock);
    free(db->dir);
    free(db);
}

int64_t logdb_oldest_ns(struct logdb *db)
{
    LOCK_SCOPE(&db->lock);
    return segments_oldest_ns(db);
}

int logdb_append(struct logdb *db, uint32_t stream, int64_t time_ns, const char *line, size_t n,
                 struct err *e)
{
    struct logdb_place place;
    return logdb_append_at(db, stream, time_ns, line, n, &place, e);
}

int logdb_append_at(struct logdb *db, uint32_t stream, int64_t time_ns, const char *line, size_t n,
                    struct logdb_place *out, struct err *e)
{
    LOCK_SCOPE(&db->lock);
    if (stream >= db->n_streams || !db->streams[stream].name)
        return err_set(e, ERR_GONE, "there is no log stream %u", stream);
    struct stream *s = &db->streams[stream];
    if (n > LOG_LINE_MAX) {
        n = LOG_LINE_MAX;
        db->stats.cut_lines++;
    }
    if (time_ns < s->last_ns)
        time_ns = s->last_ns;
    int r = journal_add(db, stream, time_ns, line, n, e);
    if (r < 0)
        return r;
    stream_take(db, s, time_ns, line, n);
    *out = (struct logdb_place){s->last_ns, s->last_count - 1};
    return s->head.len >= LOG_CHUNK_MAX ? segments_pack(db, e) : 0;
}

void logdb_last(struct logdb *db, uint32_t stream, int64_t *out_ns, unsigned *out_count)
{
    LOCK_SCOPE(&db->lock);
    *out_ns = stream < db->n_streams ? db->streams[stream].last_ns : 0;
    *out_count = stream < db->n_streams ? db->streams[stream].last_count : 0;
}

int logdb_flush(struct logdb *db, struct err *e)
{
    LOCK_SCOPE(&db->lock);
    return segments_pack(db, e);
}

/* Names first: what the journal or a chunk says is of a stream that is known. */
static int sync_both(const struct logdb *db, int names, int journal, struct err *e)
{
    if (names >= 0 && fdatasync(names) < 0)
        return err_sys(e, errno, "sync %s/streams", db->dir);
    if (journal >= 0 && fdatasync(journal) < 0)
        return err_sys(e, errno, "sync %s/journal", db->dir);
    return 0;
}

int logdb_sync(struct logdb *db, struct err *e)
{
    int journal, names;
    LOCK_SCOPE(&db->sync); /* who finds nothing to do waits for the one who does it */
    {
        LOCK_SCOPE(&db->lock);
        segments_retain(db);
        streams_sweep(db);
        if (db->journal_bytes >= db->opts.flush_bytes ||
            db->opts.clock->real_ms(db->opts.clock) - db->packed_ms > db->opts.max_age_ms / 4)
            return segments_pack(db, e);
        journal = db->journal_dirty ? db->journal : -1;
        names = db->names_dirty ? db->names : -1;
        db->journal_dirty = db->names_dirty = false;
    }
    int r = sync_both(db, names, journal, e);
    if (r < 0) {
        LOCK_SCOPE(&db->lock);
        db->journal_dirty |= journal >= 0;
        db->names_dirty |= names >= 0;
    }
    return r;
}

void logdb_stats(struct logdb *db, struct logdb_stats *out)
{
    LOCK_SCOPE(&db->lock);
    *out = db->stats;
    out->streams = db->n_live;
    out->segments = db->n_segments;
}
