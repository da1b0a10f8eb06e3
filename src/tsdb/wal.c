/* wal.c - the log that memory is read back from.
 *
 * A segment begins with all series that live, so that older segments can go when their samples are
 * past the retention. Record: length (u32), CRC-32 (u32), then 1 = a series,
 * 2 = a sample, 3 = a native histogram, 4 = a start, 5 = an exemplar or 6 = a deletion. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "base/fs.h"
#include "base/log.h"
#include "tsdb/tsdb_int.h"

enum {
    SEGMENT_BYTES = 16 << 20,
    PENDING_BYTES = 64 << 20,
    RECORD_SERIES = 1,
    RECORD_SAMPLE = 2,
    RECORD_HISTOGRAM = 3,
    RECORD_START = 4,
    RECORD_EXEMPLAR = 5,
    RECORD_DELETE = 6,
};

struct head {
    uint32_t length, sum;
};

static void path_of(const struct wal *w, uint64_t seq, char *out, size_t room)
{
    (void)snprintf(out, room, "%s/%012" PRIu64 ".wal", w->dir, seq);
}

static void put_record(struct wal *w, const void *body, size_t n)
{
    struct head h = {(uint32_t)n, (uint32_t)crc32_z(0, body, n)};
    buf_add(&w->pending, &h, sizeof h);
    buf_add(&w->pending, body, n);
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

struct __attribute__((packed)) sample_record {
    char type;
    uint64_t ref;
    struct sample sample;
};

static void saw_time(struct wal *w, int64_t t)
{
    struct wal_segment *last = &w->segments[w->n - 1];
    if (t > last->newest_ms)
        last->newest_ms = t;
}

void wal__sample(struct wal *w, uint64_t ref, struct sample x)
{
    if (!w->dir)
        return;
    struct sample_record r = {RECORD_SAMPLE, ref, x};
    put_record(w, &r, sizeof r);
    saw_time(w, x.t);
}

struct __attribute__((packed)) histogram_record {
    char type;
    uint64_t ref;
    int64_t t; /* the encoded histogram follows */
};

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
    saw_time(w, t);
}

/* A start: t, start. A deletion: from, to. */
struct __attribute__((packed)) span_record {
    char type;
    uint64_t ref;
    int64_t a, b;
};

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

static int segment_open(struct wal *w, uint64_t seq, struct err *e)
{
    char path[512];
    path_of(w, seq, path, sizeof path);
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_sys(e, errno, "open %s", path);
    w->segments = realloc(w->segments, (w->n + 1) * sizeof *w->segments);
    if (!w->segments)
        log_die("out of memory");
    w->segments[w->n++] = (struct wal_segment){.seq = seq};
    if (w->fd >= 0)
        (void)close(w->fd);
    w->fd = fd;
    return 0;
}

/* ---- reading back ---- */

/* References in the segment → references now. */
static void replay_series(struct tsdb *db, struct map *refs, const char *p, size_t n)
{
    struct label labels[SERIES_LABELS_MAX];
    size_t count = 0;
    uint64_t old;
    char key[32];
    if (n < sizeof old || (n > sizeof old && p[n - 1] != '\0'))
        return;
    memcpy(&old, p, sizeof old);
    const char *end = p + n;
    for (p += sizeof old; p < end && count < ARRAY_LEN(labels); count++) {
        labels[count].name = p;
        p += strlen(p) + 1;
        labels[count].value = p < end ? p : "";
        p += p < end ? strlen(p) + 1 : 0;
    }
    AUTO(arena) struct arena *a = arena_new(0);
    struct labels l = labels_make(a, labels, count);
    char *text = series__key(&l, a);
    uintptr_t known = (uintptr_t)map_get(&db->by_key, text);
    uint32_t slot = known ? (uint32_t)(known - 1) : head__add(db, &l, text);
    (void)snprintf(key, sizeof key, "%" PRIu64, old);
    (void)map_put(refs, key, (void *)(uintptr_t)(slot + 1));
}

static struct mem_series *series_of(struct tsdb *db, struct map *refs, uint64_t ref)
{
    char key[32];
    (void)snprintf(key, sizeof key, "%" PRIu64, ref);
    uintptr_t slot = (uintptr_t)map_get(refs, key);
    return slot ? db->slots[slot - 1].series : NULL;
}

static void replay_sample(struct tsdb *db, struct map *refs, const char *p, size_t n)
{
    struct sample_record r;
    if (n != sizeof r - 1)
        return;
    memcpy((char *)&r + 1, p, n);
    struct mem_series *s = series_of(db, refs, r.ref);
    if (s)
        (void)head__append(s, r.sample);
    saw_time(&db->wal, r.sample.t);
}

static void replay_histogram(struct tsdb *db, struct map *refs, const char *p, size_t n)
{
    struct histogram_record r;
    const size_t head = sizeof r - 1;
    if (n <= head)
        return;
    memcpy((char *)&r + 1, p, head);
    struct mem_series *s = series_of(db, refs, r.ref);
    if (s)
        (void)native__append(s, r.t, p + head, n - head);
    saw_time(&db->wal, r.t);
}

static void replay_start(struct tsdb *db, struct map *refs, const char *p, size_t n)
{
    struct span_record r;
    if (n != sizeof r - 1)
        return;
    memcpy((char *)&r + 1, p, n);
    struct mem_series *s = series_of(db, refs, r.ref);
    if (s)
        starts__add(s, r.a, r.b);
}

/* A series that has nothing left stays for the records after this one. */
static void replay_delete(struct tsdb *db, struct map *refs, const char *p, size_t n)
{
    struct span_record r;
    if (n != sizeof r - 1)
        return;
    memcpy((char *)&r + 1, p, n);
    struct mem_series *s = series_of(db, refs, r.ref);
    if (s)
        (void)remove__span(s, r.a, r.b);
}

static void replay_exemplar(struct tsdb *db, struct map *refs, const char *p, size_t n)
{
    struct sample_record r;
    const size_t head = sizeof r - 1;
    char key[32];
    if (n < head || (n > head && p[n - 1] != '\0'))
        return;
    memcpy((char *)&r + 1, p, head);
    (void)snprintf(key, sizeof key, "%" PRIu64, r.ref);
    uintptr_t slot = (uintptr_t)map_get(refs, key);
    if (slot)
        exemplar__keep(db, ref_of(db, (uint32_t)(slot - 1)), r.sample.t, r.sample.v, p + head,
                       n - head);
}

static void replay_record(struct tsdb *db, struct map *refs, const char *body, size_t n)
{
    static void (*const readers[])(struct tsdb *, struct map *, const char *, size_t) = {
        [RECORD_SERIES] = replay_series,       [RECORD_SAMPLE] = replay_sample,
        [RECORD_HISTOGRAM] = replay_histogram, [RECORD_START] = replay_start,
        [RECORD_EXEMPLAR] = replay_exemplar,   [RECORD_DELETE] = replay_delete,
    };
    unsigned char type = (unsigned char)*body;
    if (type < ARRAY_LEN(readers) && readers[type])
        readers[type](db, refs, body + 1, n - 1);
}

/* Gives the length of what is whole. */
static size_t replay(struct tsdb *db, const char *bytes, size_t n)
{
    struct map refs;
    size_t at = 0;
    map_init(&refs);
    for (struct head h; n - at >= sizeof h;) {
        memcpy(&h, bytes + at, sizeof h);
        const char *body = bytes + at + sizeof h;
        if (h.length == 0 || h.length > n - at - sizeof h ||
            (uint32_t)crc32_z(0, (const unsigned char *)body, h.length) != h.sum)
            break;
        replay_record(db, &refs, body, h.length);
        at += sizeof h + h.length;
    }
    map_done(&refs);
    return at;
}

static int replay_file(struct tsdb *db, uint64_t seq, struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(0);
    char path[512], *bytes;
    size_t n;
    path_of(&db->wal, seq, path, sizeof path);
    int r = fs_read(path, (size_t)1 << 30, a, &bytes, &n, e);
    if (r == 0)
        r = segment_open(&db->wal, seq, e);
    if (r < 0)
        return r;
    size_t whole = replay(db, bytes, n);
    db->wal.segments[db->wal.n - 1].bytes = whole;
    if (whole < n && ftruncate(db->wal.fd, (off_t)whole) < 0)
        return err_sys(e, errno, "cut %s", path);
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

static int write_pending(struct wal *w, struct err *e)
{
    struct wal_segment *s = &w->segments[w->n - 1];
    int r = buf_check(&w->pending, e);
    if (r == 0 && write(w->fd, w->pending.data, w->pending.len) != (ssize_t)w->pending.len) {
        r = err_sys(e, errno ? errno : ENOSPC, "write metrics log %s", w->dir);
        if (ftruncate(w->fd, (off_t)s->bytes) < 0)
            log_warn("metrics", "cannot cut a half written record off %s", w->dir);
    }
    if (r == 0) {
        s->bytes += w->pending.len;
        w->dirty = true;
    }
    buf_clear(&w->pending);
    return r;
}

static int start_segment(struct tsdb *db, uint64_t seq, struct err *e)
{
    int r = segment_open(&db->wal, seq, e);
    for (uint32_t i = 0; r == 0 && i < db->n_slots; i++) {
        if (db->slots[i].series)
            wal__series(&db->wal, ref_of(db, i), &db->slots[i].series->labels);
        if (db->wal.pending.len >= PENDING_BYTES / 2)
            r = write_pending(&db->wal, e);
    }
    if (r == 0) {
        struct wal_segment *s = &db->wal.segments[db->wal.n - 1];
        s->defined = s->bytes + db->wal.pending.len;
    }
    return r;
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
    buf_init(&w->pending, PENDING_BYTES);
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
            r = replay_file(db, next++, e);
        free(files[i]);
    }
    free(files);
    for (uint32_t i = 0; i < db->n_slots; i++) {
        const struct mem_series *s = db->slots[i].series;
        if (s && s->n_chunks == 0 && s->n_natives == 0)
            head__drop(db, i);
    }
    /* References start anew with every process, and so does the segment they are defined in. */
    return r < 0 ? r : start_segment(db, next, e);
}

void wal__close(struct wal *w)
{
    if (!w->dir)
        return;
    if (w->fd >= 0)
        (void)close(w->fd);
    buf_done(&w->pending);
    free(w->segments);
    free(w->dir);
}

int wal__write(struct tsdb *db, struct err *e)
{
    struct wal *w = &db->wal;
    if (!w->dir || w->pending.len == 0)
        return 0;
    int r = write_pending(w, e);
    const struct wal_segment *s = &w->segments[w->n - 1];
    return r == 0 && s->bytes >= s->defined + SEGMENT_BYTES ? start_segment(db, s->seq + 1, e) : r;
}

int wal__ease(struct tsdb *db, struct err *e)
{
    return db->wal.pending.len < PENDING_BYTES / 2 ? 0 : wal__write(db, e);
}

void wal__retain(struct tsdb *db, int64_t oldest_ms)
{
    struct wal *w = &db->wal;
    size_t gone = 0;
    while (gone + 1 < w->n && w->segments[gone].newest_ms < oldest_ms) {
        char path[512];
        path_of(w, w->segments[gone++].seq, path, sizeof path);
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
        path_of(w, s->seq, from, sizeof from);
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
