/* journal.c - appended lines before they are packed: one record a line, checked on opening.
 *
 * Record: length (u32), checksum (u32), then varint stream, varint time, the line. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/log.h"
#include "logdb/logdb_int.h"

struct record_head {
    uint32_t length, sum;
};

void stream_take(struct logdb *db, struct stream *s, int64_t time_ns, const char *line, size_t n)
{
    if (time_ns < s->last_ns)
        time_ns = s->last_ns;
    s->last_count = time_ns == s->last_ns ? s->last_count + 1 : 1;
    if (s->head.len == 0)
        s->head_from_ns = time_ns;
    lines_put(&s->head, s->head.len == 0 ? 0 : time_ns - s->last_ns, line, n);
    s->last_ns = time_ns;
    s->head_lines++;
    db->stats.lines_in++;
    db->stats.bytes_in += n;
    readers__added(db, (uint32_t)(s - db->streams));
}

/* False when the record is damaged. */
static bool replay_one(struct logdb *db, const unsigned char *p, size_t n)
{
    const unsigned char *end = p + n;
    uint64_t stream, time_ns;
    if (!varint_get(&p, end, &stream) || !varint_get(&p, end, &time_ns) || stream >= db->n_streams)
        return false;
    struct stream *s = &db->streams[stream];
    if (!s->name)
        return true; /* forgotten since */
    /* Packed already, when a crash came between packing and truncating. */
    if (s->n_chunks && (int64_t)time_ns <= s->chunks[s->n_chunks - 1].to_ns)
        return true;
    stream_take(db, s, (int64_t)time_ns, (const char *)p, (size_t)(end - p));
    return true;
}

static size_t replay(struct logdb *db, const char *bytes, size_t n)
{
    size_t at = 0;
    for (struct record_head h; n - at >= sizeof h;) {
        memcpy(&h, bytes + at, sizeof h);
        const unsigned char *body = (const unsigned char *)bytes + at + sizeof h;
        if (h.length > n - at - sizeof h || checksum(body, h.length) != h.sum ||
            !replay_one(db, body, h.length))
            break;
        at += sizeof h + h.length;
    }
    return at;
}

int journal_open(struct logdb *db, struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(0);
    char *path = arena_printf(a, "%s/journal", db->dir), *bytes = NULL;
    size_t n = 0;
    int r = fs_read(path, (size_t)1 << 32, a, &bytes, &n, e);
    if (r < 0 && r != ERR_NOT_FOUND)
        return r;
    size_t good = bytes ? replay(db, bytes, n) : 0;
    db->journal = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_APPEND, 0600);
    if (db->journal < 0 || ftruncate(db->journal, (off_t)good) < 0)
        return err_sys(e, errno, "open %s", path);
    db->journal_bytes = good;
    return 0;
}

int journal_add(struct logdb *db, uint32_t stream, int64_t time_ns, const char *line, size_t n,
                struct err *e)
{
    char start[24];
    struct buf head = {.data = start, .cap = sizeof start, .max = sizeof start - 1};
    varint_put(&head, stream);
    varint_put(&head, (uint64_t)time_ns);
    AUTO_BUF struct buf body;
    buf_init(&body, LOG_LINE_MAX + 64);
    buf_add(&body, head.data, head.len);
    buf_add(&body, line, n);
    struct record_head h = {(uint32_t)body.len, checksum(body.data, body.len)};
    struct iovec parts[] = {
        {&h,        sizeof h},
        {body.data, body.len}
    };
    ssize_t want = (ssize_t)(sizeof h + body.len), wrote = writev(db->journal, parts, 2);
    if (wrote == want) {
        db->journal_bytes += (uint64_t)want;
        db->journal_dirty = true;
        return 0;
    }
    int sys = wrote < 0 ? errno : ENOSPC;
    if (ftruncate(db->journal, (off_t)db->journal_bytes) < 0)
        log_warn("logs", "cannot cut a half written record off %s/journal", db->dir);
    return err_sys(e, sys, "write %s/journal", db->dir);
}

int journal_truncate(struct logdb *db, struct err *e)
{
    if (ftruncate(db->journal, 0) < 0 || fsync(db->journal) < 0)
        return err_sys(e, errno, "truncate %s/journal", db->dir);
    db->journal_bytes = 0;
    db->journal_dirty = false;
    return 0;
}
