#include "db/db.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/log.h"
#include "base/own.h"

struct db {
    sqlite3 *sql;
    char *path;
    int64_t log_bytes; /* the log was at least as long when last looked at */
};

struct statement {
    struct db *db;
    sqlite3_stmt *stmt;
};

static const char *name_of(const struct db *d)
{
    return d->path ? d->path : "database in memory";
}

static int fail(struct db *d, int rc, struct err *e)
{
    switch (rc & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        (void)err_set(e, ERR_EXISTS, "%s is in use by another process", name_of(d));
        return err_hint(e, "stop the other slipway, or give this one another --data-dir");
    case SQLITE_FULL:
        (void)err_set(e, ERR_SYSTEM, "%s: the disk is full", name_of(d));
        return err_hint(e, "free space on the disk that holds it; nothing was lost");
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        (void)err_set(e, ERR_SYSTEM, "%s is damaged: %s", name_of(d), sqlite3_errmsg(d->sql));
        return err_hint(e, "restore it from a backup");
    default:
        return err_set(e, ERR_SYSTEM, "%s: %s", name_of(d), sqlite3_errmsg(d->sql));
    }
}

int db_exec(struct db *d, const char *sql, struct err *e)
{
    int rc = sqlite3_exec(d->sql, sql, NULL, NULL, NULL);
    return rc == SQLITE_OK ? 0 : fail(d, rc, e);
}

int db_set_durable(struct db *d, bool on, struct err *e)
{
    return db_exec(d, on ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL", e);
}

int db_begin(struct db *d, struct err *e)
{
    return db_exec(d, "BEGIN IMMEDIATE", e);
}

int db_commit(struct db *d, struct err *e)
{
    return db_exec(d, "COMMIT", e);
}

void db_rollback(struct db *d)
{
    if (!sqlite3_get_autocommit(d->sql))
        (void)sqlite3_exec(d->sql, "ROLLBACK", NULL, NULL, NULL);
}

static int user_version(struct db *d, int64_t *out, struct err *e)
{
    AUTO(statement) struct statement *s = NULL;
    int r = statement_new(d, "PRAGMA user_version", &s, e);
    if (r == 0)
        r = statement_step(s, e);
    if (r < 0)
        return r;
    *out = column_int(s, 0);
    return 0;
}

static int migrate_one(struct db *d, const char *script, int64_t version, struct err *e)
{
    char pragma[64];
    (void)snprintf(pragma, sizeof pragma, "PRAGMA user_version = %lld", (long long)version);
    int r = db_begin(d, e);
    if (r == 0)
        r = db_exec(d, script, e);
    if (r == 0)
        r = db_exec(d, pragma, e);
    if (r == 0)
        r = db_commit(d, e);
    if (r < 0)
        db_rollback(d);
    return r;
}

static int migrate(struct db *d, const char *const *scripts, struct err *e)
{
    int64_t have = 0, newest = 0;
    while (scripts[newest])
        newest++;
    int r = user_version(d, &have, e);
    if (r < 0)
        return r;
    if (have > newest)
        return err_set(e, ERR_UNSUPPORTED,
                       "%s was written by a newer slipway (format %lld, this one knows %lld)",
                       name_of(d), (long long)have, (long long)newest);
    for (; r == 0 && have < newest; have++)
        r = migrate_one(d, scripts[have], have + 1, e);
    return r;
}

/* ---- the log that commits are appended to ---- */

enum {
    FRAME_BYTES = 4096 + 24, /* a page in the log */
    CHECKPOINT_FRAMES = 4000,
    GROW_BYTES = 1 << 20,
};

/* A commit over bytes that are there takes one sync of data; one that makes the file longer waits
 * for the file system's journal, too. So the file grows ahead of the commits, with what is no valid
 * frame. When that fails, they grow it themselves. Its length is remembered: once a file was asked
 * for its times, the next write changes them and the next sync writes them. */
static void grow_log(struct db *d, int frames)
{
    static const char nothing[64 * 1024];
    sqlite3_file *log = NULL;
    sqlite3_int64 size = 0, last = (sqlite3_int64)CHECKPOINT_FRAMES * FRAME_BYTES,
                  wanted = (sqlite3_int64)frames * FRAME_BYTES + GROW_BYTES / 4;
    if (wanted > last)
        wanted = last;
    if (d->log_bytes >= wanted ||
        sqlite3_file_control(d->sql, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log) != SQLITE_OK ||
        !log->pMethods || log->pMethods->xFileSize(log, &size) != SQLITE_OK)
        return;
    for (sqlite3_int64 end = size < wanted ? size + GROW_BYTES : size; size < end;
         size += sizeof nothing)
        if (log->pMethods->xWrite(log, nothing, sizeof nothing, size) != SQLITE_OK)
            break;
    d->log_bytes = size;
}

static int after_commit(void *arg, sqlite3 *sql, const char *name, int frames)
{
    grow_log(arg, frames);
    if (frames >= CHECKPOINT_FRAMES)
        (void)sqlite3_wal_checkpoint_v2(sql, name, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    return SQLITE_OK; /* the commit is done, whatever became of the rest */
}

/* A schema is lost whole or not at all, and is on disk with the first commit that needs it. */
static const char settings[] = "PRAGMA locking_mode = EXCLUSIVE;"
                               "PRAGMA synchronous = NORMAL;"
                               "PRAGMA journal_mode = WAL;"
                               "PRAGMA journal_size_limit = 33554432;"
                               "PRAGMA cache_size = -2048;"
                               "PRAGMA temp_store = MEMORY;";

/* What is kept is nobody else's business. The files beside it, which SQLite makes, have its mode;
 * those of a process that was killed are there already. */
static int keep_private(const char *path, struct err *e)
{
    static const char *const beside[] = {"-wal", "-shm", "-journal"};
    AUTO_FD int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || fchmod(fd, 0600) < 0)
        return err_sys(e, errno, "open %s", path);
    for (size_t i = 0; i < sizeof beside / sizeof *beside; i++) {
        char name[PATH_MAX];
        if (snprintf(name, sizeof name, "%s%s", path, beside[i]) < (int)sizeof name &&
            chmod(name, 0600) < 0 && errno != ENOENT)
            return err_sys(e, errno, "open %s", name);
    }
    return 0;
}

int db_open(const char *path, const char *const *migrations, struct db **out, struct err *e)
{
    AUTO(db) struct db *d = calloc(1, sizeof *d);
    if (!d || (path && !(d->path = strdup(path))))
        log_die("out of memory");
    int r = path ? keep_private(path, e) : 0;
    if (r < 0)
        return r;
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    int rc = sqlite3_open_v2(path ? path : ":memory:", &d->sql, flags, NULL);
    if (rc != SQLITE_OK)
        return d->sql ? fail(d, rc, e) : err_set(e, ERR_SYSTEM, "open %s", name_of(d));
    (void)sqlite3_extended_result_codes(d->sql, 1);
    (void)sqlite3_wal_hook(d->sql, after_commit, d);
    r = db_exec(d, settings, e);
    if (r == 0)
        r = migrate(d, migrations, e);
    if (r == 0)
        r = db_set_durable(d, true, e);
    if (r < 0)
        return r;
    *out = take_ptr(d);
    return 0;
}

void db_free(struct db *d)
{
    if (!d)
        return;
    (void)sqlite3_close_v2(d->sql);
    free(d->path);
    free(d);
}

int statement_new(struct db *d, const char *sql, struct statement **out, struct err *e)
{
    sqlite3_stmt *stmt;
    int rc = sqlite3_prepare_v3(d->sql, sql, -1, SQLITE_PREPARE_PERSISTENT, &stmt, NULL);
    if (rc != SQLITE_OK)
        return fail(d, rc, e);
    struct statement *s = malloc(sizeof *s);
    if (!s)
        log_die("out of memory");
    *s = (struct statement){d, stmt};
    *out = s;
    return 0;
}

void statement_free(struct statement *s)
{
    if (!s)
        return;
    (void)sqlite3_finalize(s->stmt);
    free(s);
}

void bind_int(struct statement *s, int at, int64_t v)
{
    (void)sqlite3_bind_int64(s->stmt, at, v);
}

void bind_text(struct statement *s, int at, const char *v)
{
    (void)sqlite3_bind_text(s->stmt, at, v, -1, SQLITE_STATIC);
}

void bind_blob(struct statement *s, int at, const void *v, size_t n)
{
    (void)sqlite3_bind_blob64(s->stmt, at, v ? v : "", n, SQLITE_STATIC);
}

void bind_null(struct statement *s, int at)
{
    (void)sqlite3_bind_null(s->stmt, at);
}

int statement_step(struct statement *s, struct err *e)
{
    int rc = sqlite3_step(s->stmt);
    if (rc == SQLITE_ROW)
        return 1;
    int r = rc == SQLITE_DONE ? 0 : fail(s->db, rc, e);
    (void)sqlite3_reset(s->stmt);
    return r;
}

int statement_run(struct statement *s, struct err *e)
{
    int r = statement_step(s, e);
    if (r > 0)
        statement_reset(s);
    return r < 0 ? r : 0;
}

void statement_reset(struct statement *s)
{
    (void)sqlite3_reset(s->stmt);
}

int64_t column_int(struct statement *s, int at)
{
    return sqlite3_column_int64(s->stmt, at);
}

const char *column_text(struct statement *s, int at)
{
    const char *t = (const char *)sqlite3_column_text(s->stmt, at);
    return t ? t : "";
}

const void *column_blob(struct statement *s, int at, size_t *out_len)
{
    const void *p = sqlite3_column_blob(s->stmt, at);
    *out_len = (size_t)sqlite3_column_bytes(s->stmt, at);
    return p ? p : "";
}
