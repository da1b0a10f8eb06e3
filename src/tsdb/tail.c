#include "tsdb/tail.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "base/log.h"
#include "base/thread.h"
#include "tsdb/packed.h"
#include "tsdb/wal_int.h"

enum {
    READ_BYTES = 256 << 10,
    RECORD_MAX = PENDING_BYTES + 1,
    SLOTS_MAX = 1 << 24, /* more than any store has series */
};

/* What is known of the series that a slot holds. */
struct tailed {
    uint64_t hash;    /* of its labels in the log */
    uint64_t segment; /* that named it last */
    int64_t start;
    uint32_t generation, n; /* n: labels */
    char *text; /* names and values, each ended by a zero byte; NULL: it is not wanted */
    bool known;
};

struct tsdb_tail {
    struct tsdb *db;
    struct tsdb_tail_opts opts;
    struct tsdb_position at;
    uint64_t lost;
    int fd; /* of the segment at `at` */
    char *bytes;
    size_t n, used, cap;
    bool broken;   /* the rest of the segment cannot be read */
    uint64_t skip; /* samples up to this one were given before */
    char *inner;   /* of a record that is unpacked and not all taken; or NULL */
    size_t inner_n, inner_at;
    struct packed_reader run; /* of a run that is not all taken; p NULL: none is */
    uint64_t run_ref, run_t;
    struct tailed *slots;
    size_t n_slots;
};

/* The items of one call. */
struct taking {
    struct arena *arena;
    struct tsdb_tail_item *items;
    size_t n, max;
    uint64_t last; /* the series of the newest item */
};

/* ---- series ---- */

static struct tailed *slot_of(struct tsdb_tail *t, uint64_t ref, bool grow)
{
    uint32_t slot = (uint32_t)ref;
    if (slot >= t->n_slots && (!grow || slot >= SLOTS_MAX))
        return NULL;
    if (slot >= t->n_slots) {
        size_t n = t->n_slots ? t->n_slots : 1024;
        while (n <= slot)
            n *= 2;
        t->slots = realloc(t->slots, n * sizeof *t->slots);
        if (!t->slots)
            log_die("out of memory");
        memset(t->slots + t->n_slots, 0, (n - t->n_slots) * sizeof *t->slots);
        t->n_slots = n;
    }
    return &t->slots[slot];
}

static struct tailed *series_of(struct tsdb_tail *t, uint64_t ref)
{
    struct tailed *s = slot_of(t, ref, false);
    return s && s->known && s->generation == ref >> 32 ? s : NULL;
}

static void forget(struct tailed *s)
{
    free(s->text);
    *s = (struct tailed){0};
}

static void keep_labels(struct tailed *s, const struct labels *l)
{
    size_t room = 1;
    for (size_t i = 0; i < l->n; i++)
        room += strlen(l->items[i].name) + strlen(l->items[i].value) + 2;
    char *p = s->text = malloc(room);
    if (!p)
        log_die("out of memory");
    for (size_t i = 0; i < l->n; i++) {
        p = stpcpy(p, l->items[i].name) + 1;
        p = stpcpy(p, l->items[i].value) + 1;
    }
    s->n = (uint32_t)l->n;
}

/* Texts that alternate, up to `end`; borrowed. */
static size_t split(const char *p, const char *end, struct label *out, size_t max)
{
    size_t n = 0;
    for (; p < end && n < max; n++) {
        out[n].name = p;
        p += strlen(p) + 1;
        out[n].value = p < end ? p : "";
        p += p < end ? strlen(p) + 1 : 0;
    }
    return n;
}

static void take_series(struct tsdb_tail *t, const char *p, size_t n)
{
    struct label list[SERIES_LABELS_MAX];
    uint64_t ref;
    if (n < sizeof ref || (n > sizeof ref && p[n - 1] != '\0'))
        return;
    memcpy(&ref, p, sizeof ref);
    uint64_t hash = map_hash(p, n);
    struct tailed *s = slot_of(t, ref, true);
    if (!s)
        return;
    if (s->known && s->hash == hash) {
        s->segment = t->at.segment;
        return;
    }
    forget(s);
    AUTO(arena) struct arena *a = arena_new(0);
    size_t count = split(p + sizeof ref, p + n, list, ARRAY_LEN(list));
    struct labels own = labels_make(a, list, count), l;
    *s = (struct tailed){
        .hash = hash, .segment = t->at.segment, .generation = (uint32_t)(ref >> 32), .known = true};
    if (t->opts.label(t->opts.arg, &own, a, &l))
        keep_labels(s, &l);
}

/* Those that a whole segment did not name have ended. */
static void forget_ended(struct tsdb_tail *t)
{
    for (size_t i = 0; i < t->n_slots; i++)
        if (t->slots[i].known && t->slots[i].segment != t->at.segment)
            forget(&t->slots[i]);
}

/* ---- records ---- */

static struct tsdb_tail_item *add_item(struct taking *to, const struct tailed *s, uint64_t ref,
                                       int64_t when, double v)
{
    struct tsdb_tail_item *x = &to->items[to->n++];
    struct label *list = ARENA_ARRAY(to->arena, struct label, s->n + 1);
    const char *p = s->text;
    size_t bytes = 0;
    for (uint32_t i = 0; i < 2 * s->n; i++)
        bytes += strlen(p + bytes) + 1;
    p = arena_dup(to->arena, p, bytes + 1);
    (void)split(p, p + bytes, list, s->n);
    *x = (struct tsdb_tail_item){
        .labels = {list, s->n},
          .t = when, .start = s->start, .v = v
    };
    to->last = ref;
    return x;
}

/* Counts a sample; false: it was given before. */
static bool is_new(struct tsdb_tail *t)
{
    return ++t->at.samples > t->skip;
}

static void take_float(struct tsdb_tail *t, struct taking *to, uint64_t ref, struct sample x)
{
    const struct tailed *s = series_of(t, ref);
    if (is_new(t) && to && s && s->text)
        (void)add_item(to, s, ref, x.t, x.v);
}

static void take_sample(struct tsdb_tail *t, struct taking *to, const char *body, size_t n)
{
    struct sample_record r;
    if (n != sizeof r)
        return;
    memcpy(&r, body, n);
    take_float(t, to, r.ref, r.sample);
}

static void take_histogram(struct tsdb_tail *t, struct taking *to, const char *body, size_t n)
{
    struct histogram_record r;
    struct histogram *h;
    if (n <= sizeof r)
        return;
    memcpy(&r, body, sizeof r);
    const struct tailed *s = series_of(t, r.ref);
    if (is_new(t) && to && t->opts.histograms && s && s->text &&
        histogram_decode(to->arena, (const uint8_t *)body + sizeof r, n - sizeof r, &h))
        add_item(to, s, r.ref, r.t, 0)->h = h;
}

/* It stands after the first sample that it is of. */
static void take_start(struct tsdb_tail *t, struct taking *to, const char *body, size_t n)
{
    struct span_record r;
    if (n != sizeof r)
        return;
    memcpy(&r, body, n);
    struct tailed *s = series_of(t, r.ref);
    if (!s)
        return;
    s->start = r.b;
    if (to && to->n && to->last == r.ref && to->items[to->n - 1].t == r.a)
        to->items[to->n - 1].start = r.b;
}

static void take_exemplar(struct tsdb_tail *t, struct taking *to, const char *body, size_t n)
{
    struct label list[EXEMPLAR_RUNES_MAX];
    struct sample_record r;
    if (n < sizeof r || (n > sizeof r && body[n - 1] != '\0') || !to || !t->opts.exemplars ||
        t->at.samples < t->skip)
        return;
    memcpy(&r, body, sizeof r);
    const struct tailed *s = series_of(t, r.ref);
    if (!s || !s->text)
        return;
    size_t count = split(body + sizeof r, body + n, list, ARRAY_LEN(list));
    struct exemplar *x = ARENA_NEW(to->arena, struct exemplar);
    *x = (struct exemplar){labels_make(to->arena, list, count), r.sample.v, r.sample.t};
    add_item(to, s, r.ref, r.sample.t, 0)->exemplar = x;
}

/* False: it is full; the run goes on where it stopped when it is taken again. */
static bool take_run(struct tsdb_tail *t, struct taking *to, const char *body, size_t n)
{
    const uint8_t *bytes = (const uint8_t *)body;
    if (!t->run.p)
        t->run = (struct packed_reader){bytes + 1, bytes + n, false}, t->run_ref = t->run_t = 0;
    while (t->run.p < t->run.end) {
        if (to && to->n == to->max)
            return false;
        t->run_ref += (uint64_t)packed_get_signed(&t->run);
        t->run_t += (uint64_t)packed_get_signed(&t->run);
        struct sample x = {(int64_t)t->run_t, packed_get_double(&t->run)};
        if (t->run.bad)
            break;
        take_float(t, to, t->run_ref, x);
    }
    t->run.p = NULL;
    return true;
}

static bool take_packed(struct tsdb_tail *t, struct taking *to, const char *body, size_t n);

/* `to` NULL: only what later records need is noted. False: there is no room for it, or for the rest
 * of it. */
static bool take(struct tsdb_tail *t, struct taking *to, const char *body, size_t n)
{
    int type = (unsigned char)*body;
    bool makes = type == RECORD_SAMPLE || type == RECORD_HISTOGRAM || type == RECORD_EXEMPLAR;
    if (to && makes && to->n == to->max)
        return false;
    if (type == RECORD_PACKED)
        return take_packed(t, to, body + 1, n - 1);
    if (type == RECORD_RUN)
        return take_run(t, to, body, n);
    if (type == RECORD_SERIES)
        take_series(t, body + 1, n - 1);
    else if (type == RECORD_SAMPLE)
        take_sample(t, to, body, n);
    else if (type == RECORD_HISTOGRAM)
        take_histogram(t, to, body, n);
    else if (type == RECORD_START)
        take_start(t, to, body, n);
    else if (type == RECORD_EXEMPLAR)
        take_exemplar(t, to, body, n);
    return true;
}

/* The whole record at `bytes`, of which there are `n`; its length with the head, 0: there is
 * none. */
static size_t record_at(const char *bytes, size_t n, const char **body, size_t *len)
{
    struct record_head h;
    if (n < sizeof h)
        return 0;
    memcpy(&h, bytes, sizeof h);
    *body = bytes + sizeof h;
    *len = h.length;
    bool whole = h.length && h.length <= n - sizeof h &&
                 (uint32_t)crc32_z(0, (const unsigned char *)*body, h.length) == h.sum;
    return whole ? sizeof h + h.length : 0;
}

static void unpack(struct tsdb_tail *t, const char *p, size_t n)
{
    unsigned long long whole = ZSTD_getFrameContentSize(p, n);
    if (whole == 0 || whole > PENDING_BYTES) /* errors are larger, too */
        return;
    t->inner = malloc(whole);
    if (!t->inner)
        log_die("out of memory");
    size_t got = ZSTD_decompress(t->inner, whole, p, n);
    t->inner_n = ZSTD_isError(got) ? 0 : got;
    t->inner_at = 0;
}

static bool take_packed(struct tsdb_tail *t, struct taking *to, const char *p, size_t n)
{
    const char *body;
    size_t len, whole;
    if (!t->inner)
        unpack(t, p, n);
    while (t->inner &&
           (whole = record_at(t->inner + t->inner_at, t->inner_n - t->inner_at, &body, &len))) {
        if (*body != RECORD_PACKED && !take(t, to, body, len))
            return false;
        t->inner_at += whole;
    }
    free(t->inner);
    t->inner = NULL;
    return true;
}

/* ---- segments ---- */

/* A segment as the store knows it at this moment. */
struct place {
    uint64_t seq, bytes, first;
    bool exists, is_last;
};

/* The first segment from `seq` on. */
static struct place place_from(struct tsdb *db, uint64_t seq)
{
    LOCK_SCOPE(&db->lock);
    for (size_t i = 0; i < db->wal.n; i++) {
        const struct wal_segment *s = &db->wal.segments[i];
        if (s->seq >= seq)
            return (struct place){s->seq, s->bytes, s->first, true, i + 1 == db->wal.n};
    }
    return (struct place){0};
}

/* How far the segment at hand may be read. One that retention removed is whole. */
static uint64_t readable(const struct tsdb_tail *t)
{
    struct place p = place_from(t->db, t->at.segment);
    struct stat st;
    if (p.exists && p.seq == t->at.segment)
        return p.bytes;
    return fstat(t->fd, &st) == 0 ? (uint64_t)st.st_size : t->at.offset;
}

static int open_segment(struct tsdb_tail *t, const struct place *p, struct err *e)
{
    char path[512];
    wal__path(&t->db->wal, p->seq, path, sizeof path);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_sys(e, errno, "open %s", path);
    if (t->fd >= 0)
        (void)close(t->fd);
    t->fd = fd;
    t->n = t->used = 0;
    t->broken = false;
    t->run.p = NULL;
    free(t->inner);
    t->inner = NULL;
    if (p->first > t->at.samples)
        t->lost += p->first - t->at.samples;
    t->at = (struct tsdb_position){.segment = p->seq, .samples = p->first};
    return 0;
}

/* More of the segment into memory; false: there is no more yet, or it cannot be read. */
static bool fill(struct tsdb_tail *t, size_t want)
{
    uint64_t end = readable(t), from = t->at.offset + (t->n - t->used);
    memmove(t->bytes, t->bytes + t->used, t->n - t->used);
    t->n -= t->used;
    t->used = 0;
    size_t room = want > READ_BYTES ? want : READ_BYTES;
    if (t->cap < room) {
        t->bytes = realloc(t->bytes, room);
        if (!t->bytes)
            log_die("out of memory");
        t->cap = room;
    }
    size_t n = t->cap - t->n;
    if (from >= end)
        return false;
    n = n < end - from ? n : (size_t)(end - from);
    ssize_t got = pread(t->fd, t->bytes + t->n, n, (off_t)from);
    if (got <= 0)
        return false;
    t->n += (size_t)got;
    return true;
}

/* The next whole record, not all taken yet; its length with the head, 0: there is none. */
static size_t peek(struct tsdb_tail *t, const char **body, size_t *len)
{
    while (!t->broken) {
        struct record_head h = {0};
        size_t have = t->n - t->used;
        if (have >= sizeof h)
            memcpy(&h, t->bytes + t->used, sizeof h);
        bool sane = have < sizeof h || (h.length && h.length <= RECORD_MAX);
        if (sane && have < sizeof h + h.length) {
            if (!fill(t, sizeof h + h.length))
                return 0;
            continue;
        }
        size_t whole = sane ? record_at(t->bytes + t->used, have, body, len) : 0;
        if (whole)
            return whole;
        t->broken = true;
        log_warn("metrics", "segment %llu of the log cannot be read past %llu",
                 (unsigned long long)t->at.segment, (unsigned long long)t->at.offset);
    }
    return 0;
}

static void pass(struct tsdb_tail *t, size_t n)
{
    t->used += n;
    t->at.offset += n;
}

/* To the segment after this one, when there is one. Once there is, this one grows no more: what was
 * written to it in between is taken first. */
static int go_on(struct tsdb_tail *t, bool *moved, struct err *e)
{
    struct place next = place_from(t->db, t->at.segment + 1);
    const char *body;
    size_t len;
    *moved = next.exists;
    if (!next.exists || peek(t, &body, &len))
        return 0;
    forget_ended(t);
    return open_segment(t, &next, e);
}

/* ---- life ---- */

/* Up to the position, for the series that are named before it. */
static void catch_up(struct tsdb_tail *t, uint64_t offset)
{
    const char *body;
    size_t len, n;
    while (t->at.offset < offset && (n = peek(t, &body, &len))) {
        (void)take(t, NULL, body, len);
        pass(t, n);
    }
}

/* A position that does not fit what is there is of another store: then all is new. */
static int go_to(struct tsdb_tail *t, const struct place *p, const struct tsdb_position *to,
                 struct err *e)
{
    catch_up(t, to->offset);
    if (t->at.offset == to->offset && t->at.samples <= to->samples) {
        t->skip = to->samples;
        return 0;
    }
    t->at.samples = p->first; /* nothing is lost */
    return open_segment(t, p, e);
}

int tsdb_tail_open(struct tsdb *db, const struct tsdb_tail_opts *o, struct tsdb_tail **out,
                   struct err *e)
{
    struct place p = place_from(db, o->begins ? 0 : o->from.segment);
    if (!p.exists)
        p = place_from(db, 0); /* the store is another one */
    while (o->begins && p.exists && !p.is_last)
        p = place_from(db, p.seq + 1);
    if (!p.exists)
        return err_set(e, ERR_UNSUPPORTED, "the store is in memory only: it has no log to read");
    AUTO(tsdb_tail) struct tsdb_tail *t = calloc(1, sizeof *t);
    if (!t)
        log_die("out of memory");
    t->db = db;
    t->opts = *o;
    t->fd = -1;
    t->at.samples = o->begins ? UINT64_MAX : o->from.samples;
    int r = open_segment(t, &p, e);
    if (r == 0 && o->begins)
        catch_up(t, p.bytes);
    else if (r == 0 && p.seq == o->from.segment)
        r = go_to(t, &p, &o->from, e);
    if (r == 0)
        *out = take_ptr(t);
    return r;
}

void tsdb_tail_free(struct tsdb_tail *t)
{
    if (!t)
        return;
    for (size_t i = 0; i < t->n_slots; i++)
        free(t->slots[i].text);
    if (t->fd >= 0)
        (void)close(t->fd);
    free(t->slots);
    free(t->inner);
    free(t->bytes);
    free(t);
}

int tsdb_tail_next(struct tsdb_tail *t, size_t max, struct arena *a, struct tsdb_tail_item **out,
                   size_t *n, struct err *e)
{
    struct taking to = {.arena = a, .max = max};
    bool moved = true;
    int r = 0;
    to.items = ARENA_ARRAY(a, struct tsdb_tail_item, max + 1);
    while (r == 0 && moved) {
        const char *body;
        size_t len, whole;
        while ((whole = peek(t, &body, &len)) && take(t, &to, body, len))
            pass(t, whole);
        if (whole)
            break; /* it is full */
        r = go_on(t, &moved, e);
    }
    *out = to.items;
    *n = to.n;
    return to.n ? 0 : r;
}

struct tsdb_position tsdb_tail_position(const struct tsdb_tail *t)
{
    return t->at;
}

void tsdb_tail_stats(struct tsdb_tail *t, struct tsdb_tail_stats *out)
{
    LOCK_SCOPE(&t->db->lock);
    const struct wal_segment *last = &t->db->wal.segments[t->db->wal.n - 1];
    uint64_t all = last->first + last->samples;
    out->behind = all > t->at.samples ? all - t->at.samples : 0;
    out->lost = t->lost;
}
