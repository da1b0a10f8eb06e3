/* load.c - the present, when a store is opened: one thread reads rows, the other makes entries of
 * them. Each takes about as long, and a start waits for both. */
#include <string.h>

#include "base/buf.h"
#include "base/thread.h"
#include "store/store_int.h"

enum { BLOCKS = 4, BLOCK_BYTES = 256 * 1024 };

/* How a row stands in a block, before its key with a NUL and its bytes. */
struct row {
    uint64_t rev, create_rev;
    size_t key_size, len;
};

struct load {
    struct statement *rows;
    struct buf blocks[BLOCKS]; /* in turn, and again */
    pthread_mutex_t lock;      /* of what follows */
    pthread_cond_t changed;
    size_t filled, emptied; /* blocks so far */
    bool all;               /* no more will be filled */
    int rc;
    struct err e;
};

static void copy_row(struct statement *q, struct buf *out)
{
    struct row r = {.rev = (uint64_t)column_int(q, 0), .create_rev = (uint64_t)column_int(q, 1)};
    const char *key = column_text(q, 2);
    const void *bytes = column_blob(q, 3, &r.len);
    r.key_size = strlen(key) + 1;
    buf_add(out, &r, sizeof r);
    buf_add(out, key, r.key_size);
    buf_add(out, bytes, r.len);
}

static struct buf *await_empty(struct load *l)
{
    LOCK_SCOPE(&l->lock);
    while (l->filled == l->emptied + BLOCKS)
        (void)pthread_cond_wait(&l->changed, &l->lock);
    return &l->blocks[l->filled % BLOCKS];
}

static void *read_rows(void *arg)
{
    struct load *l = arg;
    for (int r = 1; r > 0;) {
        struct buf *b = await_empty(l);
        buf_clear(b);
        while (b->len < BLOCK_BYTES && (r = statement_step(l->rows, &l->e)) > 0)
            copy_row(l->rows, b);
        LOCK_SCOPE(&l->lock);
        l->filled++;
        l->all = r <= 0;
        l->rc = r < 0 ? r : 0;
        (void)pthread_cond_signal(&l->changed);
    }
    return NULL;
}

/* NULL: that was all. */
static struct buf *await_filled(struct load *l)
{
    LOCK_SCOPE(&l->lock);
    while (l->filled == l->emptied && !l->all)
        (void)pthread_cond_wait(&l->changed, &l->lock);
    return l->filled == l->emptied ? NULL : &l->blocks[l->emptied % BLOCKS];
}

static void make_entries(struct index *x, const struct buf *b)
{
    struct row r;
    for (const char *p = b->data, *end = p + b->len; p < end; p += r.key_size + r.len) {
        memcpy(&r, p, sizeof r);
        p += sizeof r;
        struct entry *n = entry__new(p, p + r.key_size, r.len);
        n->rev = r.rev;
        n->create_rev = r.create_rev;
        index_put(x, n);
    }
}

static int load_rows(struct load *l, struct index *x, struct err *e)
{
    pthread_t reader;
    int r = thread_start(&reader, "store-load", 512, read_rows, l, e);
    if (r < 0)
        return r;
    for (struct buf *b; (b = await_filled(l));) {
        make_entries(x, b);
        LOCK_SCOPE(&l->lock);
        l->emptied++;
        (void)pthread_cond_signal(&l->changed);
    }
    (void)pthread_join(reader, NULL);
    if (l->rc < 0 && e)
        *e = l->e;
    return l->rc;
}

int load__present(struct store *s, struct err *e)
{
    /* The cross join keeps the order: the newest revisions are not gathered first. */
    static const char sql[] = "SELECT l.rev, l.create_rev, l.key, l.bytes FROM"
                              " (SELECT MAX(rev) AS newest FROM log GROUP BY key) k"
                              " CROSS JOIN log l ON l.rev = k.newest WHERE l.deleted = 0";
    AUTO(statement) struct statement *q = NULL;
    int r = statement_new(s->db, sql, &q, e);
    if (r < 0)
        return r;
    struct load l = {.rows = q};
    (void)pthread_mutex_init(&l.lock, NULL);
    cond_init(&l.changed);
    for (size_t i = 0; i < BLOCKS; i++)
        buf_init(&l.blocks[i], SIZE_MAX / 2);
    r = load_rows(&l, &s->index, e);
    for (size_t i = 0; i < BLOCKS; i++)
        buf_done(&l.blocks[i]);
    (void)pthread_cond_destroy(&l.changed);
    (void)pthread_mutex_destroy(&l.lock);
    return r;
}
