#include "logdb/logdb.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/thread.h"
#include "codec/json.h"
#include "logdb/logdb_int.h"

static uint32_t stream_new(struct logdb *db, const char *key, const struct value *labels)
{
    if (db->n_streams == db->cap_streams) {
        db->cap_streams = db->cap_streams ? db->cap_streams * 2 : 64;
        db->streams = realloc(db->streams, db->cap_streams * sizeof *db->streams);
        if (!db->streams)
            log_die("out of memory");
    }
    struct stream *s = &db->streams[db->n_streams];
    *s = (struct stream){.labels = value_copy(db->arena, labels)};
    buf_init(&s->head, LOG_CHUNK_MAX + LOG_LINE_MAX + 64);
    (void)map_put(&db->by_labels, key, (void *)(uintptr_t)(db->n_streams + 1));
    return (uint32_t)db->n_streams++;
}

/* Streams are known by their place in this file: one JSON object of labels a line. */
static int names_open(struct logdb *db, struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(0);
    char *path = arena_printf(a, "%s/streams", db->dir), *text = NULL;
    int r = fs_read(path, (size_t)1 << 30, a, &text, NULL, e);
    if (r < 0 && r != ERR_NOT_FOUND)
        return r;
    size_t good = 0;
    for (char *line = text, *end; line && (end = strchr(line, '\n')); line = end + 1) {
        struct value *labels;
        if (json_parse(a, line, (size_t)(end - line), 0, &labels, NULL) < 0)
            break;
        *end = '\0';
        (void)stream_new(db, line, labels);
        good = (size_t)(end + 1 - text);
    }
    db->names = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (db->names < 0 || ftruncate(db->names, (off_t)good) < 0)
        return err_sys(e, errno, "open %s", path);
    return 0;
}

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
    db->arena = arena_new(0);
    map_init(&db->by_labels);
    (void)pthread_mutex_init(&db->lock, NULL);
    (void)pthread_mutex_init(&db->sync, NULL);
    int r = fs_mkdirs(db->dir, 0700, e);
    if (r == 0)
        r = names_open(db, e);
    if (r == 0)
        r = segments_open(db, e);
    if (r == 0)
        r = journal_open(db, e);
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
    for (size_t i = 0; i < db->n_streams; i++) {
        for (size_t k = 0; k < db->streams[i].n_chunks; k++)
            segment_unref(db->streams[i].chunks[k].segment);
        free(db->streams[i].chunks);
        buf_done(&db->streams[i].head);
    }
    for (size_t i = 0; i < db->n_segments; i++)
        segment_unref(db->segments[i]);
    free(db->streams);
    free(db->segments);
    for (int *fd = (int[]){db->journal, db->names, -2}; *fd != -2; fd++)
        if (*fd >= 0)
            (void)close(*fd);
    map_done(&db->by_labels);
    arena_free(db->arena);
    (void)pthread_mutex_destroy(&db->sync);
    (void)pthread_mutex_destroy(&db->lock);
    free(db->dir);
    free(db);
}

int logdb_stream(struct logdb *db, const struct value *labels, uint32_t *out_id, struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(0);
    char *key = json_text(a, labels, JSON_SORTED);
    LOCK_SCOPE(&db->lock);
    uintptr_t known = (uintptr_t)map_get(&db->by_labels, key);
    if (known) {
        *out_id = (uint32_t)(known - 1);
        return 0;
    }
    char *line = arena_printf(a, "%s\n", key);
    size_t n = strlen(line);
    if (write(db->names, line, n) != (ssize_t)n || fdatasync(db->names) < 0)
        return err_sys(e, errno, "write %s/streams", db->dir);
    *out_id = stream_new(db, key, labels);
    return 0;
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
    if (stream >= db->n_streams)
        return err_set(e, ERR_NOT_FOUND, "there is no log stream %u", stream);
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

int logdb_sync(struct logdb *db, struct err *e)
{
    int fd;
    LOCK_SCOPE(&db->sync); /* who finds nothing to do waits for the one who does it */
    {
        LOCK_SCOPE(&db->lock);
        segments_retain(db);
        if (db->journal_bytes >= db->opts.flush_bytes ||
            db->opts.clock->real_ms(db->opts.clock) - db->packed_ms > db->opts.max_age_ms / 4)
            return segments_pack(db, e);
        fd = db->journal_dirty ? db->journal : -1;
        db->journal_dirty = false;
    }
    if (fd < 0 || fdatasync(fd) == 0)
        return 0;
    int sys = errno;
    LOCK_SCOPE(&db->lock);
    db->journal_dirty = true;
    return err_sys(e, sys, "sync %s/journal", db->dir);
}

void logdb_stats(struct logdb *db, struct logdb_stats *out)
{
    LOCK_SCOPE(&db->lock);
    *out = db->stats;
    out->streams = db->n_streams;
    out->segments = db->n_segments;
}
