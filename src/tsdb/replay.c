/* replay.c - memory read back from the log. */
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "base/fs.h"
#include "base/log.h"
#include "tsdb/packed.h"
#include "tsdb/wal_int.h"

/* A segment's references → slots now. */
struct refs {
    struct {
        uint32_t generation, slot; /* slot + 1; 0: none */
    } * items;                     /* by the slot of then */
    size_t n;
};

enum { REFS_MAX = 1 << 24 };

static void refs_put(struct refs *r, uint64_t ref, uint32_t slot)
{
    uint32_t at = (uint32_t)ref;
    if (at >= REFS_MAX)
        return;
    if (at >= r->n) {
        size_t n = r->n ? r->n : 1024;
        while (n <= at)
            n *= 2;
        r->items = realloc(r->items, n * sizeof *r->items);
        if (!r->items)
            log_die("out of memory");
        memset(r->items + r->n, 0, (n - r->n) * sizeof *r->items);
        r->n = n;
    }
    r->items[at].generation = (uint32_t)(ref >> 32);
    r->items[at].slot = slot + 1;
}

static bool refs_get(const struct refs *r, uint64_t ref, uint32_t *out_slot)
{
    uint32_t at = (uint32_t)ref;
    if (at >= r->n || !r->items[at].slot || r->items[at].generation != ref >> 32)
        return false;
    *out_slot = r->items[at].slot - 1;
    return true;
}

static void replay_series(struct tsdb *db, struct refs *refs, const char *p, size_t n)
{
    struct label labels[SERIES_LABELS_MAX];
    size_t count = 0;
    uint64_t old;
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
    uint32_t slot;
    if (!index__find(db, &l, &slot))
        slot = head__add(db, &l);
    refs_put(refs, old, slot);
}

static struct mem_series *series_of(const struct tsdb *db, const struct refs *refs, uint64_t ref)
{
    uint32_t slot;
    return refs_get(refs, ref, &slot) ? db->slots[slot].series : NULL;
}

static void take_sample(struct tsdb *db, const struct refs *refs, uint64_t ref, struct sample x)
{
    struct mem_series *s = series_of(db, refs, ref);
    if (s)
        (void)head__append(s, x);
    wal__count(&db->wal, 1, x.t);
}

static void replay_sample(struct tsdb *db, struct refs *refs, const char *p, size_t n)
{
    struct sample_record r;
    if (n != sizeof r - 1)
        return;
    memcpy((char *)&r + 1, p, n);
    take_sample(db, refs, r.ref, r.sample);
}

static void replay_histogram(struct tsdb *db, struct refs *refs, const char *p, size_t n)
{
    struct histogram_record r;
    const size_t head = sizeof r - 1;
    if (n <= head)
        return;
    memcpy((char *)&r + 1, p, head);
    struct mem_series *s = series_of(db, refs, r.ref);
    if (s)
        (void)native__append(s, r.t, p + head, n - head);
    wal__count(&db->wal, 1, r.t);
}

static void replay_start(struct tsdb *db, struct refs *refs, const char *p, size_t n)
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
static void replay_delete(struct tsdb *db, struct refs *refs, const char *p, size_t n)
{
    struct span_record r;
    if (n != sizeof r - 1)
        return;
    memcpy((char *)&r + 1, p, n);
    struct mem_series *s = series_of(db, refs, r.ref);
    if (s)
        (void)remove__span(s, r.a, r.b);
}

static void replay_exemplar(struct tsdb *db, struct refs *refs, const char *p, size_t n)
{
    struct sample_record r;
    const size_t head = sizeof r - 1;
    uint32_t slot;
    if (n < head || (n > head && p[n - 1] != '\0'))
        return;
    memcpy((char *)&r + 1, p, head);
    if (refs_get(refs, r.ref, &slot))
        exemplar__keep(db, ref_of(db, slot), r.sample.t, r.sample.v, p + head, n - head);
}

static void replay_run(struct tsdb *db, struct refs *refs, const char *p, size_t n)
{
    const uint8_t *bytes = (const uint8_t *)p;
    struct packed_reader r = {bytes, bytes + n, false};
    uint64_t ref = 0, t = 0;
    while (r.p < r.end) {
        ref += (uint64_t)packed_get_signed(&r);
        t += (uint64_t)packed_get_signed(&r);
        struct sample x = {(int64_t)t, packed_get_double(&r)};
        if (r.bad)
            break;
        take_sample(db, refs, ref, x);
    }
}

static void replay_count(struct tsdb *db, struct refs *refs, const char *p, size_t n)
{
    struct wal_segment *s = &db->wal.segments[db->wal.n - 1];
    (void)refs;
    if (n == sizeof s->first)
        memcpy(&s->first, p, n);
}

/* Gives the length of what is whole. */
static size_t replay_all(struct tsdb *db, struct refs *refs, const char *bytes, size_t n,
                         bool within);

/* What one commit wrote, compressed; there is no such record within. */
static void replay_packed(struct tsdb *db, struct refs *refs, const char *p, size_t n)
{
    unsigned long long whole = ZSTD_getFrameContentSize(p, n);
    if (whole == 0 || whole > PENDING_BYTES) /* errors are larger, too */
        return;
    AUTO_MEM char *bytes = malloc(whole);
    if (!bytes)
        log_die("out of memory");
    size_t got = ZSTD_decompress(bytes, whole, p, n);
    if (!ZSTD_isError(got))
        (void)replay_all(db, refs, bytes, got, true);
}

static void replay_record(struct tsdb *db, struct refs *refs, const char *body, size_t n,
                          bool within)
{
    static void (*const readers[])(struct tsdb *, struct refs *, const char *, size_t) = {
        [RECORD_SERIES] = replay_series,
        [RECORD_SAMPLE] = replay_sample,
        [RECORD_HISTOGRAM] = replay_histogram,
        [RECORD_START] = replay_start,
        [RECORD_EXEMPLAR] = replay_exemplar,
        [RECORD_DELETE] = replay_delete,
        [RECORD_RUN] = replay_run,
        [RECORD_PACKED] = replay_packed,
        [RECORD_COUNT] = replay_count,
    };
    unsigned char type = (unsigned char)*body;
    if (type < ARRAY_LEN(readers) && readers[type] && !(within && type == RECORD_PACKED))
        readers[type](db, refs, body + 1, n - 1);
}

static size_t replay_all(struct tsdb *db, struct refs *refs, const char *bytes, size_t n,
                         bool within)
{
    size_t at = 0;
    for (struct record_head h; n - at >= sizeof h;) {
        memcpy(&h, bytes + at, sizeof h);
        const char *body = bytes + at + sizeof h;
        if (h.length == 0 || h.length > n - at - sizeof h ||
            (uint32_t)crc32_z(0, (const unsigned char *)body, h.length) != h.sum)
            break;
        replay_record(db, refs, body, h.length, within);
        at += sizeof h + h.length;
    }
    return at;
}

int wal__replay(struct tsdb *db, uint64_t seq, struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(0);
    char path[512], *bytes;
    size_t n;
    wal__path(&db->wal, seq, path, sizeof path);
    int r = fs_read(path, (size_t)1 << 30, a, &bytes, &n, e);
    if (r == 0)
        r = wal__open_segment(&db->wal, seq, e);
    if (r < 0)
        return r;
    struct refs refs = {0};
    size_t whole = replay_all(db, &refs, bytes, n, false);
    free(refs.items);
    db->wal.segments[db->wal.n - 1].bytes = whole;
    if (whole < n && ftruncate(db->wal.fd, (off_t)whole) < 0)
        return err_sys(e, errno, "cut %s", path);
    return 0;
}
