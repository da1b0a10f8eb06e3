/* writer.c - writing: takes what is queued, commits it together, publishes. One batch at a time.
 *
 * Order (I1): check → insert → commit → memory → events → callers. Nothing is visible before it
 * is durable, and a failed commit leaves memory as it was.                                   */
#include <string.h>

#include "base/map.h"
#include "store/store_int.h"

enum { FORETOLD_MAX = 4 };

/* What a key will be once the batch so far is committed: the index, overlaid by the batch. */
struct batch {
    struct map touched; /* key → the newest op of this batch that passed */
    uint64_t rev;
};

static struct entry *current(struct store *s, const struct batch *b, const char *key)
{
    const struct op *o = map_get(&b->touched, key);
    return o ? o->fresh : index_get(&s->index, key);
}

static int check(const struct op *o, const struct entry *have, struct err *e)
{
    if (o->kind == OP_DELETE && !have)
        return err_set(e, ERR_NOT_FOUND, "%s not found", o->key);
    if (o->expect == STORE_ANY)
        return 0;
    if (o->expect == 0 && have)
        return err_set(e, ERR_EXISTS, "%s already exists", o->key);
    if (o->expect != 0 && !have)
        return err_set(e, ERR_NOT_FOUND, "%s not found", o->key);
    if (have && have->rev != o->expect)
        return err_set(e, ERR_CONFLICT, "%s is at revision %llu, not %llu", o->key,
                       (unsigned long long)have->rev, (unsigned long long)o->expect);
    return 0;
}

static int insert(struct store *s, struct op *o, uint64_t create_rev, struct err *e)
{
    bind_int(s->insert, 1, (int64_t)o->rev);
    bind_int(s->insert, 2, (int64_t)create_rev);
    bind_int(s->insert, 3, o->kind == OP_DELETE);
    bind_text(s->insert, 4, o->key);
    bind_blob(s->insert, 5, o->bytes, o->len);
    return statement_run(s->insert, e);
}

/* Checks one op and writes it into the open transaction. < 0 only when the batch must end. */
static int stage(struct store *s, struct batch *b, struct op *o, struct err *e)
{
    struct entry *have = current(s, b, o->key);
    o->rc = check(o, have, &o->err);
    if (o->rc < 0)
        return 0;
    o->rev = b->rev + 1;
    uint64_t created = have ? have->create_rev : o->rev;
    int r = insert(s, o, created, e);
    if (r < 0)
        return r;
    b->rev = o->rev;
    o->prev = entry_ref(have);
    if (o->kind == OP_PUT) {
        o->fresh = entry__new(o->key, o->bytes, o->len);
        o->fresh->rev = o->rev;
        o->fresh->create_rev = created;
    }
    (void)map_put(&b->touched, o->key, o);
    return 0;
}

/* Few writes are foretold to the watches that rest: what they send is made while the disk works.
 * With many, the disk is not what is waited for. */
static void foretell(struct store *s, const struct op *ops)
{
    size_t n = 0;
    for (const struct op *o = ops; o && n <= FORETOLD_MAX; o = o->next)
        n++;
    if (n > FORETOLD_MAX || atomic_load(&s->resting) == 0)
        return;
    (void)pthread_rwlock_wrlock(&s->lock);
    window__foretell(&s->window, ops);
    (void)pthread_rwlock_unlock(&s->lock);
    (void)pthread_rwlock_rdlock(&s->lock);
    window__make_ready(&s->window, ops);
    (void)pthread_rwlock_unlock(&s->lock);
}

/* The commit failed: whoever made ready for it has to know. */
static void break_promise(struct store *s, const struct op *ops)
{
    (void)pthread_rwlock_wrlock(&s->lock);
    bool foretold = s->window.foretold;
    window__foretell(&s->window, NULL);
    s->window.broken_promises += foretold;
    (void)pthread_rwlock_unlock(&s->lock);
    if (!foretold)
        return;
    (void)pthread_rwlock_rdlock(&s->lock);
    window__wake(&s->window, ops);
    (void)pthread_rwlock_unlock(&s->lock);
}

static int commit(struct store *s, struct batch *b, struct op *ops, struct err *e)
{
    int r = db_begin(s->db, e);
    for (struct op *o = ops; r == 0 && o; o = o->next)
        if (o->kind != OP_COMPACT)
            r = stage(s, b, o, e);
    if (r == 0) {
        foretell(s, ops);
        r = db_commit(s->db, e);
    }
    if (r < 0)
        db_rollback(s->db);
    return r;
}

static void publish(struct store *s, uint64_t rev, struct op *ops)
{
    (void)pthread_rwlock_wrlock(&s->lock);
    uint64_t from = s->window.next;
    window__foretell(&s->window, NULL);
    for (struct op *o = ops; o; o = o->next) {
        if (o->rc < 0 || o->kind == OP_COMPACT)
            continue;
        if (o->kind == OP_PUT)
            index_put(&s->index, entry_ref(o->fresh));
        else
            index_remove(&s->index, o->key);
        window__publish(&s->window, (struct watch_event){.rev = o->rev,
                                                         .deleted = o->kind == OP_DELETE,
                                                         .entry = o->fresh,
                                                         .prev = o->prev});
    }
    s->rev = rev;
    window__skip(&s->window, from);
    (void)pthread_rwlock_unlock(&s->lock);
    (void)pthread_rwlock_rdlock(&s->lock);
    window__notify(&s->window, from);
    (void)pthread_rwlock_unlock(&s->lock);
}

static void fail_all(struct op *ops, int rc, const struct err *e)
{
    for (struct op *o = ops; o; o = o->next) {
        if (o->rc < 0 || o->kind == OP_COMPACT)
            continue;
        o->rc = rc;
        o->err = *e;
        entry_unref(o->fresh);
        entry_unref(o->prev);
    }
}

static void write_batch(struct store *s, struct op *ops)
{
    struct batch b = {.rev = s->rev};
    struct err e = {0};
    map_init(&b.touched);
    (void)pthread_mutex_lock(&s->db_lock);
    int r = commit(s, &b, ops, &e);
    if (r < 0) {
        break_promise(s, ops);
        fail_all(ops, r, &e);
    } else {
        publish(s, b.rev, ops);
    }
    for (struct op *o = ops; o; o = o->next)
        if (o->kind == OP_COMPACT)
            o->rc = history__compact(s, o->expect, &o->err);
    (void)pthread_mutex_unlock(&s->db_lock);
    map_done(&b.touched);
}

void store__write(struct store *s, struct op *ops)
{
    s->writing = true;
    s->alone = !ops->next;
    (void)pthread_mutex_unlock(&s->queue_lock);
    write_batch(s, ops);
    for (struct op *o = ops, *next; o; o = next) {
        next = o->next; /* o is gone once its caller goes on */
        (void)sem_post(&o->done);
    }
    (void)pthread_mutex_lock(&s->queue_lock);
    s->writing = false;
    if (s->queue || s->stopping)
        (void)pthread_cond_signal(&s->queue_filled);
}

void *store__writer(void *store)
{
    struct store *s = store;
    (void)pthread_mutex_lock(&s->queue_lock);
    for (;;) {
        while (s->writing || (!s->queue && !s->stopping))
            (void)pthread_cond_wait(&s->queue_filled, &s->queue_lock);
        struct op *ops = s->queue;
        if (!ops)
            break;
        s->queue = NULL;
        s->queue_tail = &s->queue;
        store__write(s, ops);
    }
    (void)pthread_mutex_unlock(&s->queue_lock);
    return NULL;
}
