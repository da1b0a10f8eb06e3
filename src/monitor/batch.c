#include "monitor/batch.h"

#include <stdlib.h>
#include <string.h>

enum { REASONS_MAX = 10, REASON_LABELS_MAX = 200 };

int batch_room(struct arena *a, size_t n, size_t size, void **out, struct err *e)
{
    if (n > BATCH_BYTES_MAX / size)
        return err_set(e, ERR_TOO_LARGE, "the body holds more than %d MiB", BATCH_BYTES_MAX >> 20);
    return arena_try_alloc(a, n * size + 1, out, e);
}

static int grow(struct arena *a, void **items, size_t n, size_t *cap, size_t size, struct err *e)
{
    void *more;
    if (n < *cap)
        return 0;
    size_t room = *cap ? *cap * 2 : 16;
    int r = batch_room(a, room, size, &more, e);
    if (r < 0)
        return r;
    if (n)
        memcpy(more, *items, n * size);
    *items = more;
    *cap = room;
    return 0;
}

int batch_add(struct batch *b, struct arena *a, struct batch_series **out, struct err *e)
{
    void *items = b->series;
    int r = grow(a, &items, b->n, &b->cap, sizeof *b->series, e);
    b->series = items;
    if (r == 0) {
        *out = &b->series[b->n++];
        **out = (struct batch_series){0};
    }
    return r;
}

int batch_add_note(struct batch *b, struct arena *a, const struct batch_note *x, struct err *e)
{
    void *items = b->notes;
    int r = grow(a, &items, b->n_notes, &b->cap_notes, sizeof *b->notes, e);
    b->notes = items;
    if (r == 0)
        b->notes[b->n_notes++] = *x;
    return r;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct label *)a)->name, ((const struct label *)b)->name);
}

int batch_label(struct batch *b, struct batch_series *s, struct arena *a, struct label *items,
                size_t n, struct err *e)
{
    size_t kept = 0;
    bool named = false;
    for (size_t i = 0; i < n; i++) {
        b->label_bytes += strlen(items[i].name) + strlen(items[i].value) + 2;
        if (b->label_bytes > BATCH_LABEL_BYTES_MAX)
            return err_set(e, ERR_TOO_LARGE, "the labels of all series are more than %d MiB",
                           BATCH_LABEL_BYTES_MAX >> 20);
        named |= strcmp(items[i].name, "__name__") == 0 && *items[i].value;
    }
    qsort(items, n, sizeof *items, by_name);
    for (size_t i = 0; i < n; i++) {
        if (!s->fault && i && strcmp(items[i].name, items[i - 1].name) == 0)
            s->fault = arena_printf(a, "duplicated label %.100s", items[i].name);
        if (!s->fault && !*items[i].name)
            s->fault = "invalid metric name or labels, a label has no name";
    }
    for (size_t i = 0; i < n; i++)
        if (*items[i].value)
            items[kept++] = items[i];
    if (!s->fault && !named)
        s->fault = "invalid metric name or labels, it has no name";
    s->labels = (struct labels){items, kept};
    return 0;
}

/* ---- writing ---- */

struct writing {
    struct tsdb *db;
    struct arena *arena;
    int64_t oldest, newest;
    struct batch_result *result;
    size_t n_reasons;
};

static void refuse(struct writing *w, const struct batch_series *s, const char *why)
{
    struct batch_result *r = w->result;
    if (w->n_reasons++ >= REASONS_MAX)
        return;
    r->why =
        arena_printf(w->arena, "%s%s%s for series %.*s", r->why ? r->why : "", r->why ? "\n" : "",
                     why, REASON_LABELS_MAX, labels_text(&s->labels, w->arena));
}

static int append(struct writing *w, uint64_t ref, const struct batch_sample *x, struct err *e)
{
    if (x->t > w->newest)
        return err_set(e, ERR_INVALID, "out of bounds: timestamp is too far in the future");
    if (x->t < w->oldest)
        return err_set(e, ERR_INVALID, "out of bounds");
    tsdb_begins(w->db, ref, x->start > x->t ? 0 : x->start);
    int r = x->h ? tsdb_append_histogram(w->db, ref, x->t, x->h, e)
                 : tsdb_append(w->db, ref, x->t, x->v, e);
    if (r == ERR_CONFLICT)
        return err_set(e, r, "out of order sample");
    if (r == ERR_EXISTS)
        return err_set(e, r, "duplicate sample for timestamp");
    return r;
}

static void write_series(struct writing *w, const struct batch_series *s)
{
    struct batch_result *out = w->result;
    struct err e;
    uint64_t ref = 0;
    const char *fault = s->fault;
    if (!fault && tsdb_series(w->db, &s->labels, &ref, &e) < 0)
        fault = e.msg;
    if (fault) {
        out->refused += s->n;
        refuse(w, s, fault);
        return;
    }
    for (size_t i = 0; i < s->n; i++) {
        if (append(w, ref, &s->samples[i], &e) < 0) {
            out->refused++;
            refuse(w, s, e.msg);
        } else if (s->samples[i].h) {
            out->histograms++;
        } else {
            out->samples++;
        }
    }
    /* One that came before is no fault of the sender: clients repeat their last exemplar. */
    for (size_t i = 0; i < s->n_exemplars; i++)
        out->exemplars += tsdb_append_exemplar(w->db, ref, &s->exemplars[i], &e) == 0;
}

int batch_write(struct tsdb *db, const struct batch *b, const struct clock *clock, struct arena *a,
                struct batch_result *out, struct err *e)
{
    int64_t now = clock->real_ms(clock);
    struct writing w = {.db = db,
                        .arena = a,
                        .oldest = now - tsdb_retention_ms(db),
                        .newest = now + BATCH_AHEAD_MS,
                        .result = out};
    *out = (struct batch_result){0};
    for (size_t i = 0; i < b->n; i++)
        write_series(&w, &b->series[i]);
    int r = tsdb_commit(db, e);
    if (r == 0 && out->why)
        r = err_set(e, ERR_INVALID, "%s", out->why);
    return r;
}
