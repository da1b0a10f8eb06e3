/* arena.h - memory that lives exactly as long as one unit of work.
 *
 * One request, one sync, one query: each has an arena, everything it builds lives
 * there, and its end frees it all. There is no "current" arena: a function that
 * allocates for its caller takes one as a parameter, and that parameter is the
 * documentation of the result's lifetime. Not thread-safe.                    */
#pragma once
#include <stdarg.h>
#include <stddef.h>

#include "base/err.h"
#include "base/own.h"

struct arena;

/* `limit`: bytes that outsiders may make us use through arena_try_alloc(). */
struct arena *arena_new(size_t limit);
void arena_free(struct arena *a); /* NULL is fine, as for every *_free() */
AUTO_DEFINE(arena)

/* For sizes this program chose. Zeroed, 16-byte aligned; never NULL (aborts on OOM). */
void *arena_alloc(struct arena *a, size_t size);
/* The same, not zeroed: for bytes that are filled at once. */
void *arena_room(struct arena *a, size_t size);

/* Copies; the result is NUL-terminated. */
char *arena_strdup(struct arena *a, const char *s);
char *arena_strndup(struct arena *a, const char *s, size_t n);
/* Without the blanks and line ends around it. */
char *arena_trimmed(struct arena *a, const char *s);
void *arena_dup(struct arena *a, const void *p, size_t size);
/* The texts one after the other, up to a NULL: what "%s%s" says, at a tenth of its price. */
char *arena_join(struct arena *a, const char *first, ...) __attribute__((sentinel));
char *arena_printf(struct arena *a, const char *fmt, ...) PRINTF(2, 3);
char *arena_vprintf(struct arena *a, const char *fmt, va_list ap);

/* Grows an array in place when it is the newest allocation, else copies. `old` may be NULL.
 * Bytes past old_size are zeroed. */
void *arena_grow(struct arena *a, void *old, size_t old_size, size_t new_size);

/* For sizes and counts that come from outside: ERR_TOO_LARGE past the limit. */
int arena_try_alloc(struct arena *a, size_t size, void **out, struct err *e) MUST_CHECK;

/* Runs fn(arg) when the arena dies, last registered first: fds, references. */
void arena_defer(struct arena *a, void (*fn)(void *arg), void *arg);

/* Bytes handed out so far. */
size_t arena_used(const struct arena *a);

#define ARENA_NEW(a, type)      ((type *)arena_alloc((a), sizeof(type)))
#define ARENA_ARRAY(a, type, n) ((type *)arena_alloc((a), sizeof(type) * (n)))
