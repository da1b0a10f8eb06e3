#include "store/store.h"

#include <string.h>

#include "base/log.h"
#include "base/thread.h"
#include "store/store_int.h"

static const char *const migrations[] = {
    "CREATE TABLE log (rev INTEGER PRIMARY KEY, create_rev INTEGER NOT NULL,"
    "  deleted INTEGER NOT NULL, key TEXT NOT NULL, bytes BLOB NOT NULL);"
    "CREATE INDEX log_key ON log (key, rev);"
    "CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;"
    "INSERT INTO meta VALUES ('compacted', 0);",
    NULL,
};

static int start(struct store *s, const char *path, struct err *e)
{
    int r = db_open(path, migrations, &s->db, e);
    if (r == 0)
        r = statement_new(s->db,
                          "INSERT INTO log (rev, create_rev, deleted, key, bytes)"
                          " VALUES (?, ?, ?, ?, ?)",
                          &s->insert, e);
    if (r == 0)
        r = history__load(s, e);
    if (r < 0)
        return r;
    s->window.gone_rev = s->rev;
    r = thread_start(&s->writer, "store", 512, store__writer, s, e);
    s->writer_up = r == 0;
    return r;
}

int store_open(const char *path, struct store **out, struct err *e)
{
    AUTO(store) struct store *s = calloc(1, sizeof *s);
    if (!s)
        log_die("out of memory");
    (void)pthread_mutex_init(&s->db_lock, NULL);
    (void)pthread_rwlock_init(&s->lock, NULL);
    (void)pthread_mutex_init(&s->queue_lock, NULL);
    cond_init(&s->queue_filled);
    s->queue_tail = &s->queue;
    index_init(&s->index);
    window__init(&s->window);
    int r = start(s, path, e);
    if (r < 0)
        return r;
    *out = take_ptr(s);
    return 0;
}

void store_free(struct store *s)
{
    if (!s)
        return;
    if (s->writer_up) {
        (void)pthread_mutex_lock(&s->queue_lock);
        s->stopping = true;
        (void)pthread_cond_signal(&s->queue_filled);
        (void)pthread_mutex_unlock(&s->queue_lock);
        (void)pthread_join(s->writer, NULL);
    }
    statement_free(s->insert);
    db_free(s->db);
    window__done(&s->window);
    index_done(&s->index);
    (void)pthread_cond_destroy(&s->queue_filled);
    (void)pthread_mutex_destroy(&s->queue_lock);
    (void)pthread_rwlock_destroy(&s->lock);
    (void)pthread_mutex_destroy(&s->db_lock);
    free(s);
}

int store_defer_sync(struct store *s, struct err *e)
{
    LOCK_SCOPE(&s->db_lock);
    s->synced = s->rev;
    return db_set_durable(s->db, false, e);
}

int store_sync(struct store *s, struct err *e)
{
    LOCK_SCOPE(&s->db_lock);
    int r = db_set_durable(s->db, true, e);
    if (r == 0 && s->synced != s->rev)
        r = history__touch(s, e);
    if (r == 0)
        s->synced = s->rev;
    return r;
}

uint64_t store_revision(struct store *s)
{
    (void)pthread_rwlock_rdlock(&s->lock);
    uint64_t rev = s->rev;
    (void)pthread_rwlock_unlock(&s->lock);
    return rev;
}

uint64_t store_compacted(struct store *s)
{
    (void)pthread_rwlock_rdlock(&s->lock);
    uint64_t rev = s->compacted;
    (void)pthread_rwlock_unlock(&s->lock);
    return rev;
}

/* 0: read the present; 1: read the past; < 0: neither can be had. Under the read lock. */
static int when(const struct store *s, uint64_t at, struct err *e)
{
    if (at == 0 || at == s->rev)
        return 0;
    if (at > s->rev)
        return err_set(e, ERR_INVALID, "revision %llu is in the future, the newest is %llu",
                       (unsigned long long)at, (unsigned long long)s->rev);
    if (at < s->compacted)
        return err_set(e, ERR_GONE, "revision %llu was compacted, the oldest kept is %llu",
                       (unsigned long long)at, (unsigned long long)s->compacted);
    return 1;
}

int store_get(struct store *s, const char *key, uint64_t at, struct entry **out, struct err *e)
{
    (void)pthread_rwlock_rdlock(&s->lock);
    int r = when(s, at, e);
    struct entry *n = r == 0 ? entry_ref(index_get(&s->index, key)) : NULL;
    (void)pthread_rwlock_unlock(&s->lock);
    if (r == 1)
        return history__get(s, key, at, out, e);
    if (r < 0)
        return r;
    if (!n)
        return err_set(e, ERR_NOT_FOUND, "%s not found", key);
    *out = n;
    return 0;
}

static void list_push(struct entry_list *l, size_t *cap, struct entry *n)
{
    if (l->n == *cap) {
        *cap = *cap ? *cap * 2 : 64;
        l->items = realloc(l->items, *cap * sizeof(struct entry *));
        if (!l->items)
            log_die("out of memory");
    }
    l->items[l->n++] = n;
}

/* The walk only reads; the references are taken once it is known what is listed. */
static void list_now(struct store *s, const char *prefix, const char *after, size_t limit,
                     struct entry_list *out)
{
    size_t n = strlen(prefix), cap = 0;
    bool skip = after && strcmp(after, prefix) >= 0;
    for (const struct index_node *x = index_seek(&s->index, skip ? after : prefix, skip);
         x && strncmp(x->entry->key, prefix, n) == 0; x = index_next(x)) {
        if (limit && out->n == limit)
            out->more++;
        else
            list_push(out, &cap, x->entry);
    }
    for (size_t i = 0; i < out->n; i++)
        (void)entry_ref(out->items[i]);
    out->rev = s->rev;
}

int store_list(struct store *s, const char *prefix, const char *after, size_t limit, uint64_t at,
               struct entry_list *out, struct err *e)
{
    struct entry_list l = {0};
    (void)pthread_rwlock_rdlock(&s->lock);
    int r = when(s, at, e);
    if (r == 0)
        list_now(s, prefix, after, limit, &l);
    (void)pthread_rwlock_unlock(&s->lock);
    if (r == 1)
        return history__list(s, prefix, after, limit, at, out, e);
    if (r < 0)
        return r;
    *out = l;
    return 0;
}

uint64_t store_count(struct store *s, const char *prefix)
{
    size_t n = strlen(prefix);
    uint64_t count = 0;
    (void)pthread_rwlock_rdlock(&s->lock);
    for (const struct index_node *x = index_seek(&s->index, prefix, false);
         x && strncmp(x->entry->key, prefix, n) == 0; x = index_next(x))
        count++;
    (void)pthread_rwlock_unlock(&s->lock);
    return count;
}

/* Returns when the op is durable or refused. Who is alone writes it himself: to wake the writer
 * takes longer than many a disk. In company it is left to the writer, for one sync writes what all
 * wait for. */
static int submit(struct store *s, struct op *o, struct err *e)
{
    (void)sem_init(&o->done, 0, 0);
    (void)pthread_mutex_lock(&s->queue_lock);
    if (s->alone && !s->writing && !s->queue) {
        store__write(s, o);
    } else {
        *s->queue_tail = o;
        s->queue_tail = &o->next;
        (void)pthread_cond_signal(&s->queue_filled);
    }
    (void)pthread_mutex_unlock(&s->queue_lock);
    while (sem_wait(&o->done) < 0)
        ; /* a signal handler ran */
    (void)sem_destroy(&o->done);
    if (o->rc < 0 && e)
        *e = o->err;
    return o->rc;
}

int store_put(struct store *s, const char *key, const void *bytes, size_t len, uint64_t expect,
              uint64_t *out_rev, struct err *e)
{
    struct op o = {.kind = OP_PUT, .key = key, .bytes = bytes, .len = len, .expect = expect};
    int r = submit(s, &o, e);
    if (r == 0 && out_rev)
        *out_rev = o.rev;
    return r;
}

int store_delete(struct store *s, const char *key, uint64_t expect, uint64_t *out_rev,
                 struct err *e)
{
    struct op o = {.kind = OP_DELETE, .key = key, .expect = expect};
    int r = submit(s, &o, e);
    if (r == 0 && out_rev)
        *out_rev = o.rev;
    return r;
}

int store_compact(struct store *s, uint64_t before, struct err *e)
{
    struct op o = {.kind = OP_COMPACT, .expect = before};
    return submit(s, &o, e);
}
