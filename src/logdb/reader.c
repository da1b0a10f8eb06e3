#include "logdb/reader.h"

#include <string.h>

#include "base/log.h"
#include "base/thread.h"
#include "codec/json.h"
#include "logdb/logdb_int.h"

/* Of one stream. */
struct progress {
    bool known, wanted;
    uint32_t labels_sum;
    uint64_t pending, taken; /* to be handed over; handed over and not done */
    int64_t given_ns, done_ns;
    unsigned given_nth, done_nth;
};

struct logdb_reader {
    struct logdb *db;
    struct logdb_reader *next; /* of the store's readers; under its lock like all that follows */
    bool (*wants)(void *arg, const struct value *labels);
    void *arg;
    struct progress *streams; /* by number */
    size_t n_streams, at;     /* where the next look begins */
    uint64_t behind, lost;
};

static uint64_t lines_of(const struct stream *s)
{
    uint64_t n = s->head_lines;
    for (size_t i = 0; i < s->n_chunks; i++)
        n += s->chunks[i].lines;
    return n;
}

static uint32_t sum_of(const struct value *labels)
{
    AUTO(arena) struct arena *a = arena_new(0);
    const char *text = json_text(a, labels, JSON_SORTED);
    return checksum(text, strlen(text));
}

static struct progress *progress_of(struct logdb_reader *r, uint32_t stream)
{
    if (stream >= r->n_streams) {
        size_t n = r->db->cap_streams > stream ? r->db->cap_streams : (size_t)stream + 1;
        r->streams = realloc(r->streams, n * sizeof *r->streams);
        if (!r->streams)
            log_die("out of memory");
        memset(r->streams + r->n_streams, 0, (n - r->n_streams) * sizeof *r->streams);
        r->n_streams = n;
    }
    struct progress *p = &r->streams[stream];
    const struct stream *s = &r->db->streams[stream];
    if (!p->known && s->name) {
        p->known = true;
        p->wanted = r->wants(r->arg, &s->name->labels);
        p->labels_sum = p->wanted ? sum_of(&s->name->labels) : 0;
        p->given_ns = p->done_ns = -1;
    }
    return p;
}

void readers__added(struct logdb *db, uint32_t stream)
{
    for (struct logdb_reader *r = db->readers; r; r = r->next) {
        struct progress *p = progress_of(r, stream);
        p->pending += p->wanted;
        r->behind += p->wanted;
    }
}

static void lose(struct logdb_reader *r, uint64_t n)
{
    r->lost += n;
    r->behind -= n;
}

void readers__removed(struct logdb *db, uint32_t stream)
{
    uint64_t left = db->readers ? lines_of(&db->streams[stream]) : 0;
    for (struct logdb_reader *r = db->readers; r; r = r->next) {
        struct progress *p = progress_of(r, stream);
        if (p->pending > left) {
            lose(r, p->pending - left);
            p->pending = left;
        }
    }
}

void readers__cleared(struct logdb *db, uint32_t stream)
{
    for (struct logdb_reader *r = db->readers; r; r = r->next)
        if (stream < r->n_streams)
            r->streams[stream].known = false;
}

/* ---- where it stood ---- */

static uint64_t count_past(const struct buf *raw, int64_t from_ns, const struct logdb_mark *m,
                           unsigned *equal)
{
    const unsigned char *bytes = (const unsigned char *)raw->data;
    struct lines_reader lr = {bytes, bytes + raw->len, from_ns};
    const char *text;
    uint64_t past = 0;
    size_t n;
    while (lines_next(&lr, &text, &n) > 0)
        past += lr.time_ns > m->time_ns || (lr.time_ns == m->time_ns && (*equal)++ > m->nth);
    return past;
}

/* The lines of a stream that a mark does not cover; only what has the mark's time in it is read. */
static uint64_t lines_past(const struct stream *s, const struct logdb_mark *m)
{
    AUTO_UNPACKER struct unpacker u;
    struct err e;
    unsigned equal = 0;
    uint64_t n = 0;
    unpacker_init(&u);
    if (s->last_ns == m->time_ns && s->last_count == m->nth + 1)
        return 0;
    for (size_t i = 0; i < s->n_chunks; i++) {
        const struct chunk *c = &s->chunks[i];
        if (c->to_ns < m->time_ns)
            continue;
        if (c->from_ns > m->time_ns || chunk_read(&u, c, &e) < 0)
            n += c->lines;
        else
            n += count_past(&u.raw, c->from_ns, m, &equal);
    }
    if (s->head_lines && s->head_from_ns > m->time_ns)
        return n + s->head_lines;
    return n + (s->head_lines ? count_past(&s->head, s->head_from_ns, m, &equal) : 0);
}

static void stand_at(struct logdb_reader *r, const struct logdb_mark *m)
{
    if (m->stream >= r->db->n_streams || !r->db->streams[m->stream].name)
        return;
    struct progress *p = progress_of(r, m->stream);
    if (!p->wanted || p->labels_sum != m->labels_sum)
        return;
    uint64_t past = lines_past(&r->db->streams[m->stream], m);
    r->behind -= p->pending - past;
    p->pending = past;
    p->given_ns = p->done_ns = m->time_ns;
    p->given_nth = p->done_nth = m->nth;
}

static void begin_with(struct logdb_reader *r, uint32_t stream, bool begins)
{
    const struct stream *s = &r->db->streams[stream];
    struct progress *p = progress_of(r, stream);
    if (!p->wanted)
        return;
    if (!begins) {
        p->pending = lines_of(s);
        r->behind += p->pending;
    } else if (s->last_count) {
        p->given_ns = p->done_ns = s->last_ns;
        p->given_nth = p->done_nth = s->last_count - 1;
    }
}

int logdb_reader_open(struct logdb *db, const struct logdb_reader_opts *o,
                      struct logdb_reader **out, struct err *e)
{
    struct logdb_reader *r = calloc(1, sizeof *r);
    if (!r)
        return err_sys(e, 0, "out of memory");
    r->db = db;
    r->wants = o->wants;
    r->arg = o->arg;
    LOCK_SCOPE(&db->lock);
    for (size_t i = 0; i < db->n_streams; i++)
        begin_with(r, (uint32_t)i, o->begins);
    for (size_t i = 0; i < o->n_marks; i++)
        stand_at(r, &o->marks[i]);
    r->next = db->readers;
    db->readers = r;
    *out = r;
    return 0;
}

void logdb_reader_free(struct logdb_reader *r)
{
    if (!r)
        return;
    {
        LOCK_SCOPE(&r->db->lock);
        struct logdb_reader **at = &r->db->readers;
        while (*at != r)
            at = &(*at)->next;
        *at = r->next;
    }
    free(r->streams);
    free(r);
}

/* ---- taking ---- */

/* A chunk, or a copy of a head, with lines to be taken: they are reserved. */
struct portion {
    uint32_t stream;
    const struct value *labels;
    struct chunk chunk; /* segment NULL: it is the head */
    uint64_t skip, n;
    int64_t given_ns;
    unsigned given_nth;
};

static bool portion_in(struct logdb_reader *r, uint32_t stream, struct arena *a,
                       struct portion *out, struct buf *raw)
{
    const struct stream *s = &r->db->streams[stream];
    struct progress *p = progress_of(r, stream);
    if (!p->pending || !s->name)
        return false;
    *out = (struct portion){.stream = stream,
                            .labels = value_copy(a, &s->name->labels),
                            .skip = lines_of(s) - p->pending,
                            .given_ns = p->given_ns,
                            .given_nth = p->given_nth};
    size_t k = 0;
    while (k < s->n_chunks && out->skip >= s->chunks[k].lines)
        out->skip -= s->chunks[k++].lines;
    if (k < s->n_chunks) {
        out->chunk = s->chunks[k];
        (void)segment_ref(out->chunk.segment);
    } else {
        out->chunk = (struct chunk){.from_ns = s->head_from_ns, .lines = s->head_lines};
        buf_clear(raw);
        buf_add(raw, s->head.data, s->head.len);
    }
    out->n = out->chunk.lines - out->skip;
    p->pending -= out->n;
    p->taken += out->n;
    return true;
}

static bool next_portion(struct logdb_reader *r, size_t *looked, struct arena *a,
                         struct portion *out, struct buf *raw)
{
    LOCK_SCOPE(&r->db->lock);
    for (size_t n = r->db->n_streams; *looked < n; ++*looked) {
        uint32_t stream = (uint32_t)((r->at + *looked) % n);
        if (portion_in(r, stream, a, out, raw))
            return true;
    }
    return false;
}

static void take_lines(const struct portion *p, const struct buf *raw, size_t max_bytes,
                       struct arena *a, struct logdb_batch *out, size_t max_lines, size_t *bytes,
                       struct logdb_entry *last)
{
    const unsigned char *from = (const unsigned char *)raw->data;
    struct lines_reader lr = {from, from + raw->len, p->chunk.from_ns};
    struct logdb_entry x = {
        .labels = p->labels, .stream = p->stream, .time_ns = p->given_ns, .nth = p->given_nth};
    uint64_t seen = 0;
    *last = x;
    while (out->n < max_lines && *bytes < max_bytes && lines_next(&lr, &x.text, &x.n) > 0) {
        if (seen++ < p->skip)
            continue;
        x.nth = lr.time_ns == x.time_ns ? x.nth + 1 : 0;
        x.time_ns = lr.time_ns;
        *bytes += x.n + 64;
        out->lines[out->n] = x;
        out->lines[out->n++].text = arena_strndup(a, x.text, x.n);
        *last = x;
    }
}

/* What was reserved and not taken is pending again, as far as it is still there. */
static void give_back(struct logdb_reader *r, const struct portion *p,
                      const struct logdb_entry *last, uint64_t taken, bool readable)
{
    LOCK_SCOPE(&r->db->lock);
    struct progress *g = progress_of(r, p->stream);
    uint64_t left = lines_of(&r->db->streams[p->stream]), back = p->n - taken;
    g->taken -= back;
    if (!readable) {
        lose(r, back);
        return;
    }
    g->pending += back;
    g->given_ns = last->time_ns;
    g->given_nth = last->nth;
    if (g->pending > left) {
        lose(r, g->pending - left);
        g->pending = left;
    }
}

void logdb_reader_next(struct logdb_reader *r, size_t max_lines, size_t max_bytes, struct arena *a,
                       struct logdb_batch *out)
{
    AUTO_UNPACKER struct unpacker u;
    struct portion p;
    size_t bytes = 0, looked = 0;
    unpacker_init(&u);
    *out = (struct logdb_batch){ARENA_ARRAY(a, struct logdb_entry, max_lines), 0};
    while (out->n < max_lines && bytes < max_bytes && next_portion(r, &looked, a, &p, &u.raw)) {
        struct err e;
        struct logdb_entry last;
        size_t had = out->n;
        int rc = p.chunk.segment ? chunk_read(&u, &p.chunk, &e) : 0;
        if (rc < 0)
            log_warn("logs", "%llu lines cannot be taken onward: %s", (unsigned long long)p.n,
                     e.msg);
        else
            take_lines(&p, &u.raw, max_bytes, a, out, max_lines, &bytes, &last);
        give_back(r, &p, &last, out->n - had, rc == 0 && out->n > had);
        if (p.chunk.segment)
            segment_unref(p.chunk.segment);
        looked++;
    }
    r->at += looked; /* the next look begins behind: nobody waits for a stream that is loud */
}

void logdb_reader_done(struct logdb_reader *r, const struct logdb_entry *last, size_t n)
{
    LOCK_SCOPE(&r->db->lock);
    struct progress *p = progress_of(r, last->stream);
    p->taken -= n;
    r->behind -= n;
    p->done_ns = last->time_ns;
    p->done_nth = last->nth;
}

void logdb_reader_stats(struct logdb_reader *r, struct logdb_reader_stats *out)
{
    LOCK_SCOPE(&r->db->lock);
    *out = (struct logdb_reader_stats){r->behind, r->lost};
}

void logdb_reader_marks(struct logdb_reader *r, struct arena *a, struct logdb_mark **out,
                        size_t *out_n)
{
    LOCK_SCOPE(&r->db->lock);
    size_t n = 0;
    *out = ARENA_ARRAY(a, struct logdb_mark, r->db->n_streams + 1);
    for (uint32_t i = 0; i < r->db->n_streams; i++) {
        const struct progress *p = progress_of(r, i);
        if (p->wanted && p->done_ns >= 0 && r->db->streams[i].name)
            (*out)[n++] = (struct logdb_mark){i, p->labels_sum, p->done_ns, p->done_nth};
    }
    *out_n = n;
}
