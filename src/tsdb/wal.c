/* wal.c - the log that memory is read back from.
 *
 * A segment begins with all series that live, so that older segments can go when their samples are
 * past the retention. Samples gather in runs, and what one commit writes is compressed whole
 * (docs/formats/tsdb.md). */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "base/fs.h"
#include "base/log.h"
#include "tsdb/packed.h"
#include "tsdb/wal_int.h"

enum { SEGMENT_BYTES = 16 << 20, RUN_BYTES = 1 << 16, SMALL_BYTES = 512, PACK_LEVEL = 1 };

void wal__path(const struct wal *w, uint64_t seq, char *out, size_t room)
{
    (void)snprintf(out, room, "%s/%012" PRIu64 ".wal", w->dir, seq);
}

static void add_record(struct buf *to, const void *body, size_t n)
{
    struct record_head h = {(uint32_t)n, (uint32_t)crc32_z(0, body, n)};
    buf_add(to, &h, sizeof h);
    buf_add(to, body, n);
}

static void end_run(struct wal *w)
{
    if (w->run.len)
        add_record(&w->pending.bytes, w->run.data, w->run.len);
    buf_clear(&w->run);
}

static void put_record(struct wal *w, const void *body, size_t n)
{
    end_run(w);
    add_record(&w->pending.bytes, body, n);
}

void wal__series(struct wal *w, uint64_t ref, const struct labels *l)
{
    if (!w->dir)
        return;
    AUTO_BUF struct buf b;
    buf_init(&b, 2 * SERIES_BYTES_MAX);
    buf_putc(&b, RECORD_SERIES);
    buf_add(&b, &ref, sizeof ref);
    for (size_t i = 0; i < l->n; i++) {
        buf_add(&b, l->items[i].name, strlen(l->items[i].name) + 1);
        buf_add(&b, l->items[i].value, strlen(l->items[i].value) + 1);
    }
    put_record(w, b.data, b.len);
}

void wal__count(struct wal *w, uint64_t samples, int64_t newest_ms)
{
    struct wal_segment *last = &w->segments[w->n - 1];
    last->samples += samples;
    if (newest_ms > last->newest_ms)
        last->newest_ms = newest_ms;
}

static void count_pending(struct wal *w, int64_t t)
{
    w->pending.samples++;
    if (t > w->pending.newest_ms)
        w->pending.newest_ms = t;
}

void wal__sample(struct wal *w, uint64_t ref, struct sample x)
{
    if (!w->dir)
        return;
    struct buf *run = &w->run;
    if (run->len >= RUN_BYTES)
        end_run(w);
    if (run->len == 0) {
        buf_putc(run, RECORD_RUN);
        w->run_ref = 0;
        w->run_t = 0;
    }
    packed_put_signed(run, (int64_t)(ref - w->run_ref));
    packed_put_signed(run, (int64_t)((uint64_t)x.t - (uint64_t)w->run_t));
    packed_put_double(run, x.v);
    w->run_ref = ref;
    w->run_t = x.t;
    count_pending(w, x.t);
}

void wal__histogram(struct wal *w, uint64_t ref, int64_t t, const void *bytes, size_t n)
{
    if (!w->dir)
        return;
    AUTO_BUF struct buf b;
    struct histogram_record r = {RECORD_HISTOGRAM, ref, t};
    buf_init(&b, NATIVE_BYTES_MAX + sizeof r);
    buf_add(&b, &r, sizeof r);
    buf_add(&b, bytes, n);
    put_record(w, b.data, b.len);
    count_pending(w, t);
}

void wal__start(struct wal *w, uint64_t ref, int64_t t, int64_t start)
{
    struct span_record r = {RECORD_START, ref, t, start};
    if (w->dir)
        put_record(w, &r, sizeof r);
}

void wal__delete(struct wal *w, uint64_t ref, int64_t min_t, int64_t max_t)
{
    struct span_record r = {RECORD_DELETE, ref, min_t, max_t};
    if (w->dir)
        put_record(w, &r, sizeof r);
}

void wal__exemplar(struct wal *w, uint64_t ref, const struct exemplar *x, const void *text,
                   size_t n)
{
    if (!w->dir)
        return;
    AUTO_BUF struct buf b;
    struct sample_record r = {
        RECORD_EXEMPLAR, ref, {x->t, x->v}
    };
    buf_init(&b, 1 << 16);
    buf_add(&b, &r, sizeof r);
    buf_add(&b, text, n);
    put_record(w, b.data, b.len);
}

int wal__open_segment(struct wal *w, uint64_t seq, struct err *e)
{
    char path[512];
    wal__path(w, seq, path, sizeof path);
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_sys(e, errno, "open %s", path);
    w->segments = realloc(w->segments, (w->n + 1) * sizeof *w->segments);
    if (!w->segments)
        log_die("out of memory");
    const struct wal_segment *last = w->n ? &w->segments[w->n - 1] : NULL;
    w->segments[w->n] =
        (struct wal_segment){.seq = seq, .first = last ? last->first + last->samples : 0};
    w->n++;
    w->next_seq = seq + 1;
    if (w->fd >= 0)
        (void)close(w->fd);
    w->fd = fd;
    return 0;
}

static int is_segment(const struct dirent *f)
{
    const char *dot = strchr(f->d_name, '.');
    return dot && strcmp(dot, ".wal") == 0;
}

static int by_number(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

/* What is pending as it is written: as one record, compressed, where that is worth it. */
static const struct buf *pack(struct wal *w)
{
    if (w->pending.bytes.len < SMALL_BYTES)
        return &w->pending.bytes;
    AUTO_MEM void *room = malloc(ZSTD_compressBound(w->pending.bytes.len) + 1);
    if (!room)
        log_die("out of memory");
    char *body = room;
    *body = RECORD_PACKED;
    size_t n = ZSTD_compress(body + 1, ZSTD_compressBound(w->pending.bytes.len), w->pending.bytes.data,
                             w->pending.bytes.len, PACK_LEVEL);
    if (ZSTD_isError(n) || n >= w->pending.bytes.len)
        return &w->pending.bytes;
    buf_clear(&w->packed);
    add_record(&w->packed, body, n + 1);
    return &w->packed;
}

static void clear_pending(struct wal *w)
{
    w->pending.samples = 0;
    w->pending.newest_ms = 0;
    buf_clear(&w->pending.bytes);
}

static int write_pending(struct wal *w, struct err *e)
{
    struct wal_segment *s = &w->segments[w->n - 1];
    end_run(w);
    const struct buf *out = &w->pending.bytes;
    int r = buf_check(&w->pending.bytes, e);
    if (r == 0) {
        out = pack(w);
        r = buf_check(out, e);
    }
    errno = ENOSPC; /* of a write that was cut short */
    if (r == 0 && write(w->fd, out->data, out->len) != (ssize_t)out->len) {
        r = err_sys(e, errno, "write metrics log %s", w->dir);
        if (ftruncate(w->fd, (off_t)s->bytes) < 0)
            log_warn("metrics", "cannot cut a half written record off %s", w->dir);
    }
    if (r == 0) {
        s->bytes += out->len;
        wal__count(w, w->pending.samples, w->pending.newest_ms);
        w->dirty = true;
    }
    w->lost |= r < 0;
    clear_pending(w);
    return r;
}

static void put_count(struct wal *w)
{
    const struct count_record r = {RECORD_COUNT, w->segments[w->n - 1].first};
    put_record(w, &r, sizeof r);
}

static int define_series(struct tsdb *db, struct err *e)
{
    struct wal *w = &db->wal;
    int r = 0;
    put_count(w);
    for (uint32_t i = 0; r == 0 && i < db->n_slots; i++) {
        if (db->slots[i].series)
            wal__series(w, ref_of(db, i), &db->slots[i].series->labels);
        if (w->pending.bytes.len >= PENDING_BYTES / 2)
            r = write_pending(w, e);
    }
    return r == 0 && w->pending.bytes.len ? write_pending(w, e) : r;
}

/* One without all its series is of no use. */
static void drop_segment(struct wal *w)
{
    char path[512];
    w->next_seq = w->segments[--w->n].seq;
    wal__path(w, w->next_seq, path, sizeof path);
    (void)unlink(path);
    (void)close(w->fd);
    w->fd = -1;
}

static int start_segment(struct tsdb *db, struct err *e)
{
    struct wal *w = &db->wal;
    int r = wal__open_segment(w, w->next_seq, e);
    if (r == 0) {
        r = define_series(db, e);
        if (r < 0)
            drop_segment(w);
        else
            w->segments[w->n - 1].defined = w->segments[w->n - 1].bytes;
    }
    w->lost = r < 0;
    return r;
}

/* After a loss: what waits goes behind the series, as theirs may be among what was lost. */
static int resume(struct tsdb *db, struct err *e)
{
    struct wal *w = &db->wal;
    end_run(w);
    const struct wal_pending waits = w->pending;
    w->pending = (struct wal_pending){0};
    buf_init(&w->pending.bytes, PENDING_BYTES);
    int r = start_segment(db, e);
    buf_done(&w->pending.bytes);
    w->pending = waits;
    if (r < 0)
        clear_pending(w);
    return r;
}

static bool is_no_room(const struct err *e)
{
    return e->sys == ENOSPC || e->sys == EDQUOT || e->sys == EFBIG;
}

int wal__open(struct tsdb *db, struct err *e)
{
    struct wal *w = &db->wal;
    struct dirent **files;
    w->fd = -1;
    if (!db->opts.dir)
        return 0;
    if (!(w->dir = strdup(db->opts.dir)))
        log_die("out of memory");
    buf_init(&w->pending.bytes, PENDING_BYTES);
    buf_init(&w->packed, PENDING_BYTES);
    buf_init(&w->run, 2 * RUN_BYTES);
    int r = fs_mkdirs(w->dir, 0700, e);
    if (r < 0)
        return r;
    int n = scandir(w->dir, &files, is_segment, by_number);
    if (n < 0)
        return err_sys(e, errno, "read %s", w->dir);
    uint64_t next = 0;
    for (int i = 0; i < n; i++) {
        next = strtoull(files[i]->d_name, NULL, 10);
        if (r == 0)
            r = wal__replay(db, next++, e);
        free(files[i]);
    }
    free(files);
    for (uint32_t i = 0; i < db->n_slots; i++) {
        const struct mem_series *s = db->slots[i].series;
        if (s && s->n_chunks == 0 && s->n_natives == 0)
            head__drop(db, i);
    }
    if (r < 0)
        return r;
    /* References start anew with every process, and so does the segment they are defined in. */
    w->next_seq = next;
    r = start_segment(db, e);
    if (r == 0 || !is_no_room(e))
        return r;
    log_warn("metrics", "%s: kept in memory only until there is room", e->msg);
    return 0;
}

void wal__close(struct wal *w)
{
    if (!w->dir)
        return;
    if (w->fd >= 0)
        (void)close(w->fd);
    buf_done(&w->pending.bytes);
    buf_done(&w->packed);
    buf_done(&w->run);
    free(w->segments);
    free(w->dir);
}

/* What follows the series it begins with outweighs them. */
static bool is_full(const struct wal_segment *s)
{
    uint64_t own = s->bytes - s->defined;
    return own >= SEGMENT_BYTES && own >= 4 * s->defined;
}

int wal__write(struct tsdb *db, struct err *e)
{
    struct wal *w = &db->wal;
    if (!w->dir || w->pending.bytes.len + w->run.len == 0)
        return 0;
    int r = w->lost ? resume(db, e) : 0;
    if (r == 0)
        r = write_pending(w, e);
    return r == 0 && is_full(&w->segments[w->n - 1]) ? start_segment(db, e) : r;
}

int wal__ease(struct tsdb *db, struct err *e)
{
    return db->wal.pending.bytes.len < PENDING_BYTES / 2 ? 0 : wal__write(db, e);
}

void wal__retain(struct tsdb *db, int64_t oldest_ms)
{
    struct wal *w = &db->wal;
    size_t gone = 0;
    while (gone + 1 < w->n && w->segments[gone].newest_ms < oldest_ms) {
        char path[512];
        wal__path(w, w->segments[gone++].seq, path, sizeof path);
        (void)unlink(path);
    }
    w->n -= gone;
    if (gone)
        memmove(w->segments, w->segments + gone, w->n * sizeof *w->segments);
}

/* The last segment is written on: it is copied, the others are the same files. */
int wal__copy(struct wal *w, const char *to, struct err *e)
{
    int r = fs_mkdirs(to, 0700, e);
    for (size_t i = 0; r == 0 && i < w->n; i++) {
        AUTO(arena) struct arena *a = arena_new(0);
        const struct wal_segment *s = &w->segments[i];
        char from[512];
        wal__path(w, s->seq, from, sizeof from);
        const char *path = arena_join(a, to, strrchr(from, '/'), NULL);
        char *bytes;
        size_t n;
        if (i + 1 < w->n) {
            if (link(from, path) < 0)
                r = err_sys(e, errno, "link %s", path);
            continue;
        }
        r = fs_read(from, (size_t)1 << 30, a, &bytes, &n, e);
        if (r == 0)
            r = fs_write_atomic(path, 0600, bytes, s->bytes < n ? s->bytes : n, e);
    }
    return r;
}
