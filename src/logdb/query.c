/* query.c - choose streams by labels and chunks by time, then scan. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <string.h>

#include "base/log.h"
#include "base/thread.h"
#include "logdb/logdb_int.h"

enum { DEFAULT_LIMIT = 1000, MATCH_LIMIT = 100000, LINES_CHECK = 64, STREAMS_CHECK = 64 };

/* What one query has compiled and found so far. */
struct scan {
    struct logdb_query *q;
    struct arena *arena;
    pcre2_code **matchers, **filters; /* NULL where no expression is asked for */
    pcre2_match_data *match;
    pcre2_match_context *context;
    struct logdb_line *found; /* sorted as asked for, at most limit */
    size_t n, limit;
    uint64_t scanned, lines;
    logdb_visit visit; /* NULL: lines are kept in `found` */
    void *arg;
    struct place *places; /* by stream; of a scan only */
    const struct logdb_budget *budget;
    int64_t began_ms;
    const char *needle; /* a text that all lines wanted have */
    size_t n_needle;
};

/* How many lines of the newest time a scan has met in a stream. */
struct place {
    int64_t time_ns;
    unsigned count;
};

static int compile(const char *text, bool anchored, pcre2_code **out, struct err *e)
{
    int code;
    size_t at;
    uint32_t options = anchored ? PCRE2_ANCHORED | PCRE2_ENDANCHORED : 0;
    pcre2_code *c = pcre2_compile((PCRE2_SPTR)text, PCRE2_ZERO_TERMINATED,
                                  options | PCRE2_NEVER_UTF, &code, &at, NULL);
    if (!c) {
        unsigned char why[128];
        (void)pcre2_get_error_message(code, why, sizeof why);
        return err_set(e, ERR_INVALID, "regular expression \"%.100s\": %s at %zu", text,
                       (const char *)why, at);
    }
    (void)pcre2_jit_compile(c, PCRE2_JIT_COMPLETE); /* where that cannot be, it is interpreted */
    *out = c;
    return 0;
}

static bool is_expression(enum logdb_op op)
{
    return op == LOGDB_MATCH || op == LOGDB_NOT_MATCH;
}

/* The longest text that a filter asks for: a chunk is looked through for it as a whole. */
static void choose_needle(struct scan *s)
{
    for (size_t i = 0; i < s->q->n_filters; i++) {
        const struct logdb_filter *f = &s->q->filters[i];
        const char *text = f->text;
        size_t n = f->op == LOGDB_EQ      ? strlen(text)
                   : f->op == LOGDB_MATCH ? literal_of(f->text, s->arena, &text)
                                          : 0;
        if (n > s->n_needle) {
            s->needle = text;
            s->n_needle = n;
        }
    }
}

static int scan_begin(struct scan *s, struct err *e)
{
    const struct logdb_query *q = s->q;
    s->matchers = ARENA_ARRAY(s->arena, pcre2_code *, q->n_matchers + 1);
    s->filters = ARENA_ARRAY(s->arena, pcre2_code *, q->n_filters + 1);
    s->match = pcre2_match_data_create(1, NULL);
    s->context = pcre2_match_context_create(NULL);
    (void)pcre2_set_match_limit(s->context, MATCH_LIMIT);
    int r = 0;
    for (size_t i = 0; r == 0 && i < q->n_matchers; i++)
        if (is_expression(q->matchers[i].op))
            r = compile(q->matchers[i].value, true, &s->matchers[i], e);
    for (size_t i = 0; r == 0 && i < q->n_filters; i++)
        if (is_expression(q->filters[i].op))
            r = compile(q->filters[i].text, false, &s->filters[i], e);
    choose_needle(s);
    s->limit = q->limit ? q->limit : DEFAULT_LIMIT;
    if (!s->visit)
        s->found = ARENA_ARRAY(s->arena, struct logdb_line, s->limit + 1);
    return r;
}

static void scan_end(struct scan *s)
{
    for (size_t i = 0; i < s->q->n_matchers; i++)
        pcre2_code_free(s->matchers[i]);
    for (size_t i = 0; i < s->q->n_filters; i++)
        pcre2_code_free(s->filters[i]);
    pcre2_match_data_free(s->match);
    pcre2_match_context_free(s->context);
}

static bool expression_matches(struct scan *s, const pcre2_code *c, const char *text, size_t n)
{
    return pcre2_match(c, (PCRE2_SPTR)text, n, 0, 0, s->match, s->context) >= 0;
}

static bool stream_wanted(struct scan *s, const struct value *labels)
{
    for (size_t i = 0; i < s->q->n_matchers; i++) {
        const struct logdb_matcher *m = &s->q->matchers[i];
        const char *have = value_str(value_get(labels, m->label), "");
        bool yes = is_expression(m->op) ? expression_matches(s, s->matchers[i], have, strlen(have))
                                        : strcmp(have, m->value) == 0;
        if (yes != (m->op == LOGDB_EQ || m->op == LOGDB_MATCH))
            return false;
    }
    return true;
}

static bool line_wanted(struct scan *s, const char *line, size_t n)
{
    for (size_t i = 0; i < s->q->n_filters; i++) {
        const struct logdb_filter *f = &s->q->filters[i];
        bool yes = is_expression(f->op) ? expression_matches(s, s->filters[i], line, n)
                                        : memmem(line, n, f->text, strlen(f->text)) != NULL;
        if (yes != (f->op == LOGDB_EQ || f->op == LOGDB_MATCH))
            return false;
    }
    return true;
}

static bool comes_before(const struct scan *s, int64_t a, int64_t b)
{
    return s->q->newest_first ? a > b : a < b;
}

/* Sorts a line in behind its equals; the one past the limit falls out. */
static void keep(struct scan *s, const struct value *labels, int64_t time_ns, const char *line,
                 size_t n)
{
    const struct logdb_line *last = s->n ? &s->found[s->n - 1] : NULL;
    bool later_twin =
        s->q->newest_first && last && last->time_ns == time_ns && last->labels == labels;
    if (s->n == s->limit && !later_twin && !comes_before(s, time_ns, last->time_ns))
        return;
    size_t at = s->n;
    while (at > 0 && comes_before(s, time_ns, s->found[at - 1].time_ns))
        at--;
    /* Lines of one time are read oldest first; newest first shows the later one first. */
    while (s->q->newest_first && at > 0 && s->found[at - 1].time_ns == time_ns &&
           s->found[at - 1].labels == labels)
        at--;
    memmove(&s->found[at + 1], &s->found[at], (s->n - at) * sizeof *s->found);
    s->found[at] = (struct logdb_line){labels, time_ns, arena_strndup(s->arena, line, n), n};
    if (s->n < s->limit)
        s->n++;
}

/* One piece of work that was chosen under the lock and is read without it. */
struct piece {
    const struct value *labels;
    uint32_t stream;
    size_t order; /* as found: a stream's pieces are in the order of time */
    struct chunk chunk;
    struct buf head; /* a copy, when chunk.segment is NULL */
};

static unsigned nth_of(struct scan *s, uint32_t stream, int64_t time_ns)
{
    struct place *p = &s->places[stream];
    p->count = p->time_ns == time_ns ? p->count + 1 : 0;
    p->time_ns = time_ns;
    return p->count;
}

static int check_budget(const struct scan *s, struct err *e)
{
    const struct logdb_budget *b = s->budget;
    if (b->max_lines && s->lines > b->max_lines)
        return err_set(e, ERR_TOO_LARGE, "more than %llu lines would have to be looked at",
                       (unsigned long long)b->max_lines);
    if (b->max_bytes && s->scanned > b->max_bytes)
        return err_set(e, ERR_TOO_LARGE, "more than %llu bytes would have to be looked at",
                       (unsigned long long)b->max_bytes);
    if (b->max_ms && clock_mono_ms() - s->began_ms > b->max_ms)
        return err_set(e, ERR_TOO_LARGE, "looking at lines took more than %lld ms",
                       (long long)b->max_ms);
    return 0;
}

/* Where the needle is next, at or behind `from`; `end` when it is not. */
static const char *find_needle(const struct scan *s, const char *from, const char *end)
{
    const char *hit = memmem(from, (size_t)(end - from), s->needle, s->n_needle);
    return hit ? hit : end;
}

/* *hit moves on to the first needle that does not lie before the line. */
static bool has_needle(const struct scan *s, const struct logdb_entry *x, const char *end,
                       const char **hit)
{
    if (!s->n_needle)
        return true;
    if (*hit < x->text)
        *hit = find_needle(s, x->text, end);
    return *hit < x->text + x->n && (size_t)(x->text + x->n - *hit) >= s->n_needle;
}

static bool in_time(const struct logdb_query *q, int64_t time_ns)
{
    return time_ns >= q->from_ns && (!q->to_ns || time_ns < q->to_ns);
}

static int show_line(struct scan *s, const struct logdb_entry *x, struct err *e)
{
    if (s->visit)
        return s->visit(s->arg, x, e);
    keep(s, x->labels, x->time_ns, x->text, x->n);
    return 0;
}

static int scan_lines(struct scan *s, const struct piece *p, const struct buf *raw, struct err *e)
{
    const unsigned char *bytes = (const unsigned char *)raw->data;
    const char *end = raw->data + raw->len;
    const char *hit = s->n_needle ? find_needle(s, raw->data, end) : NULL;
    struct lines_reader r = {bytes, bytes + raw->len, p->chunk.from_ns};
    struct logdb_entry x = {
        .labels = p->labels, .stream = p->stream, .order = (uint64_t)p->order << 32};
    int rc = 0;
    s->scanned += raw->len;
    while (rc == 0 && lines_next(&r, &x.text, &x.n) > 0) {
        x.time_ns = r.time_ns;
        x.order++;
        if (++s->lines % LINES_CHECK == 0 && s->visit && (rc = check_budget(s, e)) < 0)
            return rc;
        if (s->visit && !s->q->pass)
            x.nth = nth_of(s, p->stream, r.time_ns);
        if (has_needle(s, &x, end, &hit) && in_time(s->q, r.time_ns) && line_wanted(s, x.text, x.n))
            rc = show_line(s, &x, e);
    }
    return rc;
}

static bool overlaps(const struct logdb_query *q, int64_t from_ns, int64_t to_ns)
{
    return to_ns >= q->from_ns && (!q->to_ns || from_ns < q->to_ns);
}

struct pieces {
    struct piece *items;
    size_t n, cap;
};

static struct piece *piece_add(struct pieces *p)
{
    if (p->n == p->cap) {
        p->cap = p->cap ? p->cap * 2 : 32;
        p->items = realloc(p->items, p->cap * sizeof *p->items);
        if (!p->items)
            log_die("out of memory");
    }
    struct piece *x = &p->items[p->n];
    *x = (struct piece){.order = p->n++};
    return x;
}

/* A stream whose labels fit. */
struct wanted {
    const struct stream_name *name;
    const struct value *labels; /* in the arena of the scan */
    uint32_t id;
};

/* Looks at the labels of all streams, unlocked: expressions may be slow. */
static int choose_streams(struct scan *s, const struct stream_index *x, struct wanted **out,
                          size_t *out_n, struct err *e)
{
    size_t n = 0, cap = 0;
    struct wanted *list = NULL;
    for (size_t i = 0; i < x->n; i++) {
        const struct stream_name *name = x->names[i];
        if (i % STREAMS_CHECK == 0 && s->budget && check_budget(s, e) < 0)
            return ERR_TOO_LARGE;
        if (!name || !stream_wanted(s, &name->labels))
            continue;
        if (n == cap) {
            size_t more = cap ? cap * 2 : 64;
            list = arena_grow(s->arena, list, cap * sizeof *list, more * sizeof *list);
            cap = more;
        }
        list[n++] = (struct wanted){name, NULL, (uint32_t)i};
    }
    for (size_t i = 0; i < n; i++)
        list[i].labels = value_copy(s->arena, &list[i].name->labels);
    *out = list;
    *out_n = n;
    return 0;
}

/* NULL: it was forgotten meanwhile. */
static const struct stream *still_there(const struct logdb *db, const struct wanted *w)
{
    const struct stream *st = &db->streams[w->id];
    return st->name == w->name ? st : NULL;
}

static void choose_pieces(const struct scan *s, const struct stream *st, const struct wanted *w,
                          struct pieces *p)
{
    for (size_t k = 0; k < st->n_chunks; k++)
        if (overlaps(s->q, st->chunks[k].from_ns, st->chunks[k].to_ns)) {
            struct piece *x = piece_add(p);
            x->labels = w->labels;
            x->stream = w->id;
            x->chunk = st->chunks[k];
            (void)segment_ref(x->chunk.segment);
        }
    if (st->head.len && overlaps(s->q, st->head_from_ns, st->last_ns)) {
        struct piece *x = piece_add(p);
        x->labels = w->labels;
        x->stream = w->id;
        x->chunk = (struct chunk){
            .from_ns = st->head_from_ns, .to_ns = st->last_ns, .lines = st->head_lines};
        buf_init(&x->head, st->head.len);
        buf_add(&x->head, st->head.data, st->head.len);
    }
}

static int choose(struct logdb *db, struct scan *s, struct pieces *p, struct err *e)
{
    struct stream_index *x;
    struct wanted *list;
    size_t n;
    {
        LOCK_SCOPE(&db->lock);
        x = index_ref(db);
        if (s->q->from_ns < segments_oldest_ns(db))
            s->q->from_ns = segments_oldest_ns(db);
    }
    if (s->visit)
        s->places = ARENA_ARRAY(s->arena, struct place, x->n + 1);
    int r = choose_streams(s, x, &list, &n, e);
    if (r == 0) {
        LOCK_SCOPE(&db->lock);
        for (size_t i = 0; i < n; i++) {
            const struct stream *st = still_there(db, &list[i]);
            if (st)
                choose_pieces(s, st, &list[i], p);
        }
    }
    index_unref(x);
    return r;
}

static int by_order(const struct piece *x, const struct piece *y)
{
    return x->order < y->order ? -1 : x->order > y->order;
}

static int oldest_first(const void *a, const void *b)
{
    const struct piece *x = a, *y = b;
    if (x->chunk.from_ns == y->chunk.from_ns)
        return by_order(x, y);
    return x->chunk.from_ns < y->chunk.from_ns ? -1 : 1;
}

static int newest_first(const void *a, const void *b)
{
    const struct piece *x = a, *y = b;
    if (x->chunk.to_ns == y->chunk.to_ns)
        return by_order(x, y);
    return x->chunk.to_ns > y->chunk.to_ns ? -1 : 1;
}

/* Nothing in it can still get among the lines found. */
static bool too_late(const struct scan *s, const struct chunk *c)
{
    return s->n == s->limit &&
           !comes_before(s, s->q->newest_first ? c->to_ns : c->from_ns, s->found[s->n - 1].time_ns);
}

static bool passed(const struct scan *s, const struct piece *p)
{
    const struct logdb_run x = {.labels = p->labels,
                                .lines = p->chunk.lines,
                                .from_ns = p->chunk.from_ns,
                                .to_ns = p->chunk.to_ns,
                                .all = !s->q->n_filters && in_time(s->q, p->chunk.from_ns) &&
                                       in_time(s->q, p->chunk.to_ns)};
    return s->q->pass && s->q->pass(s->arg, &x);
}

static int scan_piece(struct scan *s, struct piece *p, struct unpacker *u, struct err *e)
{
    if (passed(s, p))
        return 0;
    if (!p->chunk.segment)
        return scan_lines(s, p, &p->head, e);
    int r = chunk_read(u, &p->chunk, e);
    return r < 0 ? r : scan_lines(s, p, &u->raw, e);
}

static void pieces_done(struct pieces *p)
{
    for (size_t i = 0; i < p->n; i++) {
        if (p->items[i].chunk.segment)
            segment_unref(p->items[i].chunk.segment);
        buf_done(&p->items[i].head);
    }
    free(p->items);
}

int logdb_query(struct logdb *db, const struct logdb_query *q, struct arena *a,
                struct logdb_result *out, struct err *e)
{
    struct logdb_query kept = *q;
    struct scan s = {.q = &kept, .arena = a};
    struct pieces p = {0};
    kept.pass = NULL;
    AUTO_UNPACKER struct unpacker u;
    unpacker_init(&u);
    int r = scan_begin(&s, e);
    if (r == 0)
        r = choose(db, &s, &p, e);
    if (p.n)
        qsort(p.items, p.n, sizeof *p.items, q->newest_first ? newest_first : oldest_first);
    for (size_t i = 0; r == 0 && i < p.n; i++)
        if (!too_late(&s, &p.items[i].chunk))
            r = scan_piece(&s, &p.items[i], &u, e);
    pieces_done(&p);
    scan_end(&s);
    if (r == 0)
        *out = (struct logdb_result){s.found, s.n, s.scanned};
    return r;
}

int logdb_scan(struct logdb *db, const struct logdb_query *q, const struct logdb_budget *budget,
               struct arena *a, logdb_visit visit, void *arg, struct logdb_cost *out_cost,
               struct err *e)
{
    struct logdb_query kept = *q;
    struct scan s = {.q = &kept,
                     .arena = a,
                     .visit = visit,
                     .arg = arg,
                     .budget = budget,
                     .began_ms = budget->began_ms ? budget->began_ms : clock_mono_ms()};
    struct pieces p = {0};
    AUTO_UNPACKER struct unpacker u;
    unpacker_init(&u);
    int r = scan_begin(&s, e);
    if (r == 0)
        r = check_budget(&s, e);
    if (r == 0)
        r = choose(db, &s, &p, e);
    if (p.n)
        qsort(p.items, p.n, sizeof *p.items, q->newest_first ? newest_first : oldest_first);
    for (size_t i = 0; r == 0 && i < p.n; i++) {
        r = scan_piece(&s, &p.items[i], &u, e);
        if (r == 0)
            r = check_budget(&s, e);
    }
    pieces_done(&p);
    scan_end(&s);
    *out_cost = (struct logdb_cost){s.lines, s.scanned};
    return r < 0 ? r : 0;
}

static struct logdb_stream_info info_of(const struct stream *st, const struct wanted *w)
{
    struct logdb_stream_info x = {.id = w->id,
                                  .labels = w->labels,
                                  .lines = st->head_lines,
                                  .bytes = st->head.len,
                                  .from_ns =
                                      st->n_chunks ? st->chunks[0].from_ns : st->head_from_ns,
                                  .to_ns = st->last_ns};
    for (size_t k = 0; k < st->n_chunks; k++) {
        x.lines += st->chunks[k].lines;
        x.bytes += st->chunks[k].raw;
    }
    return x;
}

static size_t infos(struct logdb *db, const struct logdb_query *q, const struct wanted *list,
                    size_t n, struct logdb_stream_info *out)
{
    size_t found = 0;
    LOCK_SCOPE(&db->lock);
    for (size_t i = 0; i < n; i++) {
        const struct stream *st = still_there(db, &list[i]);
        if (!st || (!st->n_chunks && !st->head.len))
            continue;
        out[found] = info_of(st, &list[i]);
        found += overlaps(q, out[found].from_ns, out[found].to_ns);
    }
    return found;
}

int logdb_streams(struct logdb *db, const struct logdb_query *q, struct arena *a,
                  struct logdb_stream_info **out, size_t *out_n, struct err *e)
{
    struct logdb_query kept = *q;
    struct scan s = {.q = &kept, .arena = a};
    struct stream_index *x = NULL;
    struct wanted *list;
    size_t n;
    int r = scan_begin(&s, e);
    if (r == 0) {
        LOCK_SCOPE(&db->lock);
        x = index_ref(db);
    }
    if (r == 0)
        r = choose_streams(&s, x, &list, &n, e);
    if (r == 0) {
        *out = ARENA_ARRAY(a, struct logdb_stream_info, n + 1);
        *out_n = infos(db, q, list, n, *out);
    }
    index_unref(x);
    scan_end(&s);
    return r;
}
