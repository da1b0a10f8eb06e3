/* segment.c - chunks in files: packing, finding them again, retention. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include "base/log.h"
#include "logdb/logdb_int.h"

enum { SEGMENT_MAX = 64 << 20, LEVEL = 1 };

static const char magic[4] = {'S', 'W', 'L', '1'};

/* On disk, little endian, before each chunk's compressed bytes. */
struct chunk_head {
    char magic[4];
    uint32_t stream, packed, raw, lines, sum; /* sum: of the compressed bytes */
    int64_t from_ns, to_ns;
};

struct segment *segment_ref(struct segment *s)
{
    atomic_fetch_add(&s->refs, 1);
    return s;
}

void segment_unref(struct segment *s)
{
    if (atomic_fetch_sub(&s->refs, 1) != 1)
        return;
    (void)close(s->fd);
    free(s);
}

static void path_of(const struct logdb *db, uint64_t seq, char *out, size_t room)
{
    (void)snprintf(out, room, "%s/%012" PRIu64 ".chunks", db->dir, seq);
}

static int segment_add(struct logdb *db, uint64_t seq, int flags, struct err *e)
{
    char path[512];
    path_of(db, seq, path, sizeof path);
    int fd = open(path, O_RDWR | O_CLOEXEC | flags, 0600);
    if (fd < 0)
        return err_sys(e, errno, "open %s", path);
    struct segment *s = calloc(1, sizeof *s);
    db->segments = realloc(db->segments, (db->n_segments + 1) * sizeof(struct segment *));
    if (!s || !db->segments)
        log_die("out of memory");
    *s = (struct segment){.refs = 1, .seq = seq, .fd = fd};
    db->segments[db->n_segments++] = s;
    if (seq >= db->next_seq)
        db->next_seq = seq + 1;
    return 0;
}

static void chunk_add(struct stream *s, struct chunk c)
{
    if (s->n_chunks == s->cap_chunks) {
        s->cap_chunks = s->cap_chunks ? s->cap_chunks * 2 : 8;
        s->chunks = realloc(s->chunks, s->cap_chunks * sizeof *s->chunks);
        if (!s->chunks)
            log_die("out of memory");
    }
    segment_ref(c.segment);
    s->chunks[s->n_chunks++] = c;
    if (!c.segment->oldest_ns || c.from_ns < c.segment->oldest_ns)
        c.segment->oldest_ns = c.from_ns;
    if (c.to_ns > c.segment->newest_ns)
        c.segment->newest_ns = c.to_ns;
}

/* Reads the heads of all chunks; stops at the first that is not whole. */
static int segment_load(struct logdb *db, struct segment *s, struct err *e)
{
    struct stat st;
    if (fstat(s->fd, &st) < 0)
        return err_sys(e, errno, "look at segment %" PRIu64, s->seq);
    struct chunk_head h;
    while (pread(s->fd, &h, sizeof h, (off_t)s->size) == sizeof h) {
        uint64_t end = s->size + sizeof h + h.packed;
        if (memcmp(h.magic, magic, sizeof magic) != 0 || end > (uint64_t)st.st_size ||
            h.stream >= db->n_streams)
            break;
        struct stream *to = &db->streams[h.stream];
        if (!to->name) {
            to->haunted = true; /* an unlinked segment that a power cut brought back, say */
            s->size = end;
            continue;
        }
        chunk_add(to, (struct chunk){s, s->size + sizeof h, h.packed, h.raw, h.lines, h.from_ns,
                                     h.to_ns});
        if (h.to_ns > to->last_ns) {
            to->last_ns = h.to_ns;
            to->last_count = 1;
        }
        s->size = end;
    }
    db->stats.disk_bytes += s->size;
    return ftruncate(s->fd, (off_t)s->size) < 0 ? err_sys(e, errno, "cut segment %" PRIu64, s->seq)
                                                : 0;
}

static int by_number(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int is_segment(const struct dirent *f)
{
    const char *dot = strchr(f->d_name, '.');
    return dot && strcmp(dot, ".chunks") == 0;
}

int segments_open(struct logdb *db, struct err *e)
{
    struct dirent **files;
    int n = scandir(db->dir, &files, is_segment, by_number), r = 0;
    if (n < 0)
        return err_sys(e, errno, "read %s", db->dir);
    for (int i = 0; i < n; i++) {
        if (r == 0)
            r = segment_add(db, strtoull(files[i]->d_name, NULL, 10), 0, e);
        if (r == 0)
            r = segment_load(db, db->segments[db->n_segments - 1], e);
        free(files[i]);
    }
    free(files);
    return r;
}

static int write_chunk(struct logdb *db, struct segment *g, uint32_t id, struct stream *s,
                       struct err *e)
{
    size_t room = ZSTD_compressBound(s->head.len);
    AUTO_MEM char *packed = malloc(sizeof(struct chunk_head) + room);
    if (!packed)
        log_die("out of memory");
    char *body = packed + sizeof(struct chunk_head);
    size_t n = ZSTD_compress(body, room, s->head.data, s->head.len, LEVEL);
    if (ZSTD_isError(n))
        return err_set(e, ERR_SYSTEM, "compress log lines: %s", ZSTD_getErrorName(n));
    struct chunk_head h = {.stream = id,
                           .packed = (uint32_t)n,
                           .raw = (uint32_t)s->head.len,
                           .lines = s->head_lines,
                           .sum = checksum(body, n),
                           .from_ns = s->head_from_ns,
                           .to_ns = s->last_ns};
    memcpy(h.magic, magic, sizeof magic);
    memcpy(packed, &h, sizeof h);
    size_t whole = sizeof h + n;
    if (pwrite(g->fd, packed, whole, (off_t)g->size) != (ssize_t)whole)
        return err_sys(e, errno ? errno : ENOSPC, "write log segment %" PRIu64, g->seq);
    chunk_add(s,
              (struct chunk){g, g->size + sizeof h, h.packed, h.raw, h.lines, h.from_ns, h.to_ns});
    g->size += whole;
    db->stats.disk_bytes += whole;
    buf_clear(&s->head);
    s->head_lines = 0;
    return 0;
}

/* A segment goes as a whole: one that spans too much would keep its oldest lines for long. */
static bool spans_enough(const struct logdb *db, const struct segment *s)
{
    int64_t now_ms = db->opts.clock->real_ms(db->opts.clock);
    return s->size > 0 && now_ms - s->oldest_ns / 1000000 > db->opts.max_age_ms / 4;
}

static int segment_for_writing(struct logdb *db, struct segment **out, struct err *e)
{
    struct segment *last = db->n_segments ? db->segments[db->n_segments - 1] : NULL;
    if (!last || last->size >= SEGMENT_MAX || (!*out && spans_enough(db, last))) {
        int r = segment_add(db, db->next_seq, O_CREAT | O_EXCL, e);
        if (r < 0)
            return r;
        last = db->segments[db->n_segments - 1];
    }
    *out = last;
    return 0;
}

int segments_pack(struct logdb *db, struct err *e)
{
    struct segment *g = NULL;
    if (db->names_dirty && fdatasync(db->names) < 0)
        return err_sys(e, errno, "sync %s/streams", db->dir);
    db->names_dirty = false;
    for (size_t i = 0; i < db->n_streams; i++) {
        if (db->streams[i].head.len == 0)
            continue;
        int r = segment_for_writing(db, &g, e);
        if (r == 0)
            r = write_chunk(db, g, (uint32_t)i, &db->streams[i], e);
        if (r < 0)
            return r;
    }
    if (g && fdatasync(g->fd) < 0)
        return err_sys(e, errno, "sync log segment %" PRIu64, g->seq);
    db->packed_ms = db->opts.clock->real_ms(db->opts.clock);
    return journal_truncate(db, e);
}

static void drop_oldest(struct logdb *db)
{
    struct segment *g = db->segments[0];
    char path[512];
    path_of(db, g->seq, path, sizeof path);
    (void)unlink(path);
    for (size_t i = 0; i < db->n_streams; i++) {
        struct stream *s = &db->streams[i];
        size_t gone = 0;
        while (gone < s->n_chunks && s->chunks[gone].segment == g)
            segment_unref(s->chunks[gone++].segment);
        s->n_chunks -= gone;
        if (!gone)
            continue;
        memmove(s->chunks, s->chunks + gone, s->n_chunks * sizeof *s->chunks);
        readers__removed(db, (uint32_t)i);
    }
    db->stats.disk_bytes -= g->size;
    db->stats.removed_segments++;
    db->n_segments--;
    memmove(db->segments, db->segments + 1, db->n_segments * sizeof(struct segment *));
    segment_unref(g);
}

int64_t segments_oldest_ns(const struct logdb *db)
{
    return (db->opts.clock->real_ms(db->opts.clock) - db->opts.max_age_ms) * 1000000;
}

void segments_retain(struct logdb *db)
{
    int64_t oldest_ns = segments_oldest_ns(db);
    while (db->n_segments > 1 || (db->n_segments == 1 && db->segments[0]->size > 0)) {
        bool large = db->n_segments > 1 && db->stats.disk_bytes > db->opts.max_bytes;
        if (!large && db->segments[0]->newest_ns >= oldest_ns)
            return;
        drop_oldest(db);
    }
}

void unpacker_init(struct unpacker *u)
{
    *u = (struct unpacker){0};
    buf_init(&u->packed, SIZE_MAX / 2);
    buf_init(&u->raw, LOG_CHUNK_MAX + LOG_LINE_MAX + 64);
}

void unpacker_done(struct unpacker *u)
{
    (void)ZSTD_freeDCtx(u->zstd);
    buf_done(&u->packed);
    buf_done(&u->raw);
}

int chunk_read(struct unpacker *u, const struct chunk *c, struct err *e)
{
    if (!u->zstd && !(u->zstd = ZSTD_createDCtx()))
        log_die("out of memory");
    buf_clear(&u->packed);
    buf_clear(&u->raw);
    char *packed = buf_reserve(&u->packed, c->packed), *raw = buf_reserve(&u->raw, c->raw);
    if (!packed || !raw)
        return err_set(e, ERR_TOO_LARGE, "a log chunk of %u bytes", c->raw);
    if (pread(c->segment->fd, packed, c->packed, (off_t)c->offset) != (ssize_t)c->packed)
        return err_sys(e, errno, "read log segment %" PRIu64, c->segment->seq);
    size_t n = ZSTD_decompressDCtx(u->zstd, raw, c->raw, packed, c->packed);
    if (ZSTD_isError(n) || n != c->raw)
        return err_set(e, ERR_SYSTEM, "log segment %" PRIu64 " is damaged at %" PRIu64,
                       c->segment->seq, c->offset);
    u->raw.len = n;
    return 0;
}
