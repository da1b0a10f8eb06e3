/* db.h - SQLite, with this project's errors: statements, transactions, migrations.
 *
 * Model      A db is one connection; a statement is prepared once and stepped many times.
 *            Binding is positional (1-based), as in SQLite.
 * Guarantees Files are opened in WAL mode with synchronous=FULL: a committed transaction is on
 *            disk. A file is held by one process (ERR_EXISTS names the conflict).
 * Threads    One at a time per db, with its statements.
 * Lifetime   Text and blobs that a column returns live until the next step or reset.       */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/own.h"

struct db;
struct statement;

/* `path` NULL: in memory. `migrations`: SQL scripts, NULL-terminated; script i brings
 * user_version from i to i + 1, each in a transaction of its own. A file newer than the program
 * is refused. */
int db_open(const char *path, const char *const *migrations, struct db **out,
            struct err *e) MUST_CHECK;
void db_free(struct db *d);
AUTO_DEFINE(db)

int db_exec(struct db *d, const char *sql, struct err *e) MUST_CHECK;
/* Off: a commit is ordered after the one before, but returns before it is on disk. The first one
 * after on again brings all of them there. On at first. */
int db_set_durable(struct db *d, bool on, struct err *e) MUST_CHECK;
int db_begin(struct db *d, struct err *e) MUST_CHECK;
int db_commit(struct db *d, struct err *e) MUST_CHECK;
void db_rollback(struct db *d); /* also when none is open */

int statement_new(struct db *d, const char *sql, struct statement **out, struct err *e) MUST_CHECK;
void statement_free(struct statement *s);
AUTO_DEFINE(statement)

void bind_int(struct statement *s, int at, int64_t v);
void bind_text(struct statement *s, int at, const char *v);           /* borrowed until reset */
void bind_blob(struct statement *s, int at, const void *v, size_t n); /* borrowed until reset */
void bind_null(struct statement *s, int at);

/* 1: a row is there, 0: done (and reset), < 0: an error code. */
int statement_step(struct statement *s, struct err *e) MUST_CHECK;
/* Steps a statement that gives no rows, and resets it. */
int statement_run(struct statement *s, struct err *e) MUST_CHECK;
void statement_reset(struct statement *s);

int64_t column_int(struct statement *s, int at); /* 0-based */
const char *column_text(struct statement *s, int at);
const void *column_blob(struct statement *s, int at, size_t *out_len);
