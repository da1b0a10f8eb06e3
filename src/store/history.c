/* history.c - the past: reads of the log below the newest revision, loading, compaction. */
#include <string.h>

#include "base/log.h"
#include "store/store_int.h"

static struct entry *entry_of_row(struct statement *q)
{
    size_t len;
    const void *bytes = column_blob(q, 3, &len);
    struct entry *n = entry__new(column_text(q, 2), bytes, len);
    n->rev = (uint64_t)column_int(q, 0);
    n->create_rev = (uint64_t)column_int(q, 1);
    return n;
}

int history__get(struct store *s, const char *key, uint64_t at, struct entry **out, struct err *e)
{
    static const char sql[] = "SELECT rev, create_rev, key, bytes, deleted FROM log"
                              " WHERE key = ? AND rev <= ? ORDER BY rev DESC LIMIT 1";
    AUTO(statement) struct statement *q = NULL;
    (void)pthread_mutex_lock(&s->db_lock);
    int r = statement_new(s->db, sql, &q, e);
    if (r == 0) {
        bind_text(q, 1, key);
        bind_int(q, 2, (int64_t)at);
        r = statement_step(q, e);
    }
    if (r == 0 || (r > 0 && column_int(q, 4)))
        r = err_set(e, ERR_NOT_FOUND, "%s not found at revision %llu", key, (unsigned long long)at);
    else if (r > 0)
        *out = entry_of_row(q);
    statement_free(take_ptr(q));
    (void)pthread_mutex_unlock(&s->db_lock);
    return r > 0 ? 0 : r;
}

/* The least text greater than every text that starts with `prefix`; NULL when there is none. */
static char *end_of_prefix(const char *prefix)
{
    char *end = strdup(prefix);
    if (!end)
        log_die("out of memory");
    for (size_t n = strlen(end); n; n--) {
        if ((unsigned char)end[n - 1] < 0xff) {
            end[n - 1]++;
            end[n] = '\0';
            return end;
        }
    }
    free(end);
    return NULL;
}

static int collect(struct statement *q, size_t limit, struct entry_list *l, struct err *e)
{
    size_t cap = 0;
    int r;
    while ((r = statement_step(q, e)) > 0) {
        if (limit && l->n == limit) {
            l->more++;
            continue;
        }
        if (l->n == cap) {
            cap = cap ? cap * 2 : 64;
            l->items = realloc(l->items, cap * sizeof(struct entry *));
            if (!l->items)
                log_die("out of memory");
        }
        l->items[l->n++] = entry_of_row(q);
    }
    return r;
}

int history__list(struct store *s, const char *prefix, const char *after, size_t limit, uint64_t at,
                  struct entry_list *out, struct err *e)
{
    static const char sql[] =
        "SELECT l.rev, l.create_rev, l.key, l.bytes FROM"
        " (SELECT key, MAX(rev) AS newest FROM log WHERE key >= ?1 AND (?2 IS NULL OR key < ?2)"
        "  AND key > ?3 AND rev <= ?4 GROUP BY key) k"
        " JOIN log l ON l.rev = k.newest WHERE l.deleted = 0 ORDER BY l.key";
    AUTO_MEM char *end = end_of_prefix(prefix);
    AUTO(statement) struct statement *q = NULL;
    struct entry_list l = {.rev = at};
    (void)pthread_mutex_lock(&s->db_lock);
    int r = statement_new(s->db, sql, &q, e);
    if (r == 0) {
        bind_text(q, 1, prefix);
        bind_text(q, 2, end);
        bind_text(q, 3, after ? after : "");
        bind_int(q, 4, (int64_t)at);
        r = collect(q, limit, &l, e);
    }
    statement_free(take_ptr(q));
    (void)pthread_mutex_unlock(&s->db_lock);
    if (r < 0)
        entry_list_done(&l);
    else
        *out = l;
    return r;
}

static int set_compacted(struct store *s, uint64_t before, struct err *e)
{
    AUTO(statement) struct statement *q = NULL;
    int r = statement_new(s->db, "UPDATE meta SET value = ? WHERE name = 'compacted'", &q, e);
    if (r < 0)
        return r;
    bind_int(q, 1, (int64_t)before);
    return statement_run(q, e);
}

int history__touch(struct store *s, struct err *e)
{
    return set_compacted(s, s->compacted, e);
}

/* Rows that no revision from `before` on can see: replaced by then, or deletions by then. The
 * newest row stays whatever it is, so that revisions never start over. */
static int drop_old_rows(struct store *s, uint64_t before, struct err *e)
{
    static const char sql[] =
        "DELETE FROM log WHERE rev < ?1 AND rev < (SELECT MAX(rev) FROM log) AND (EXISTS"
        " (SELECT 1 FROM log n WHERE n.key = log.key AND n.rev > log.rev AND n.rev <= ?1)"
        " OR deleted = 1)";
    AUTO(statement) struct statement *q = NULL;
    int r = statement_new(s->db, sql, &q, e);
    if (r < 0)
        return r;
    bind_int(q, 1, (int64_t)before);
    return statement_run(q, e);
}

int history__compact(struct store *s, uint64_t before, struct err *e)
{
    if (before > s->rev)
        return err_set(e, ERR_INVALID, "revision %llu is in the future, the newest is %llu",
                       (unsigned long long)before, (unsigned long long)s->rev);
    if (before <= s->compacted)
        return 0;
    int r = db_begin(s->db, e);
    if (r == 0)
        r = set_compacted(s, before, e);
    if (r == 0)
        r = drop_old_rows(s, before, e);
    if (r == 0)
        r = db_commit(s->db, e);
    if (r < 0) {
        db_rollback(s->db);
        return r;
    }
    (void)pthread_rwlock_wrlock(&s->lock);
    s->compacted = before;
    (void)pthread_rwlock_unlock(&s->lock);
    return 0;
}

static int read_number(struct store *s, const char *sql, uint64_t *out, struct err *e)
{
    AUTO(statement) struct statement *q = NULL;
    int r = statement_new(s->db, sql, &q, e);
    if (r == 0)
        r = statement_step(q, e);
    if (r > 0)
        *out = (uint64_t)column_int(q, 0);
    return r < 0 ? r : 0;
}

int history__load(struct store *s, struct err *e)
{
    int r = read_number(s, "SELECT value FROM meta WHERE name = 'compacted'", &s->compacted, e);
    if (r == 0)
        r = read_number(s, "SELECT IFNULL(MAX(rev), 0) FROM log", &s->rev, e);
    return r == 0 ? load__present(s, e) : r;
}
