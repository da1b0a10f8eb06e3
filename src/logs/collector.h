/* collector.h - reads what containers write, as it is written, into the log store.
 *
 * Model      Log files in CRI form lie at DIR/<pod uid>/<container>/<n>.log. follow() says which
 *            labels a pod's lines get; the kernel says when there is something to read.
 *            The lines of a stack trace are one record (multiline.h).
 * Guarantees Every line of a followed pod is stored once, also over a restart; a file that was
 *            opened is read to its end though it is deleted meanwhile. Containers never wait.
 * Threads    One of its own; follow and forget from any.                                     */
#pragma once
#include "logdb/logdb.h"

struct collector;

int collector_start(struct logdb *db, const char *dir, struct collector **out,
                    struct err *e) MUST_CHECK;
void collector_free(struct collector *c); /* reads what is there, then stops */
AUTO_DEFINE(collector)

/* `labels`: an object of strings; container and stream are added. Again with the same uid is fine.
 */
void collector_follow(struct collector *c, const char *uid, const struct value *labels);
/* The pod is gone: what it has written last is read, and its files are closed. */
void collector_forget(struct collector *c, const char *ns, const char *pod);
