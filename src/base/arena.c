#include "base/arena.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"

enum { BLOCK_FIRST = 4096 - 64, BLOCK_MAX = 256 * 1024, ALIGN = 16 };

struct block {
    struct block *next;
    size_t size, used;
    _Alignas(ALIGN) char data[];
};

struct deferred {
    struct deferred *next;
    void (*fn)(void *arg);
    void *arg;
};

struct arena {
    struct block *head;
    struct deferred *deferred;
    size_t limit, used, next_size;
};

struct arena *arena_new(size_t limit)
{
    struct arena *a = calloc(1, sizeof *a);
    if (!a)
        log_die("out of memory");
    a->limit = limit;
    a->next_size = BLOCK_FIRST;
    return a;
}

void arena_free(struct arena *a)
{
    if (!a)
        return;
    for (struct deferred *d = a->deferred; d; d = d->next)
        d->fn(d->arg);
    for (struct block *b = a->head, *next; b; b = next) {
        next = b->next;
        free(b);
    }
    free(a);
}

static bool add_block(struct arena *a, size_t need)
{
    size_t size = need > a->next_size ? need : a->next_size;
    struct block *b = malloc(sizeof *b + size);
    if (!b)
        return false;
    b->size = size;
    b->used = 0;
    b->next = a->head;
    a->head = b;
    if (a->next_size < BLOCK_MAX)
        a->next_size *= 2;
    return true;
}

/* Uninitialised memory, or NULL when the system has none. */
static void *take(struct arena *a, size_t size)
{
    if (size > SIZE_MAX - ALIGN)
        return NULL;
    size = (size + ALIGN - 1) & ~(size_t)(ALIGN - 1);
    if ((!a->head || a->head->size - a->head->used < size) && !add_block(a, size))
        return NULL;
    void *p = a->head->data + a->head->used;
    a->head->used += size;
    a->used += size;
    return p;
}

static void *take_or_die(struct arena *a, size_t size)
{
    void *p = take(a, size);
    if (!p)
        log_die("out of memory (%zu bytes)", size);
    return p;
}

void *arena_alloc(struct arena *a, size_t size)
{
    return memset(take_or_die(a, size), 0, size);
}

void *arena_room(struct arena *a, size_t size)
{
    return take_or_die(a, size);
}

char *arena_trimmed(struct arena *a, const char *s)
{
    static const char blanks[] = " \t\r\n";
    s += strspn(s, blanks);
    size_t n = strlen(s);
    while (n && strchr(blanks, s[n - 1]))
        n--;
    return arena_strndup(a, s, n);
}

void *arena_dup(struct arena *a, const void *p, size_t size)
{
    void *copy = take_or_die(a, size);
    if (size)
        memcpy(copy, p, size);
    return copy;
}

char *arena_strndup(struct arena *a, const char *s, size_t n)
{
    char *copy = take_or_die(a, n + 1);
    if (n)
        memcpy(copy, s, n);
    copy[n] = '\0';
    return copy;
}

char *arena_strdup(struct arena *a, const char *s)
{
    return arena_strndup(a, s, strlen(s));
}

char *arena_join(struct arena *a, const char *first, ...)
{
    va_list ap, again;
    size_t n = 0;
    va_start(ap, first);
    va_copy(again, ap);
    for (const char *s = first; s; s = va_arg(ap, const char *))
        n += strlen(s);
    va_end(ap);
    char *out = take_or_die(a, n + 1), *end = out;
    for (const char *s = first; s; s = va_arg(again, const char *))
        end = stpcpy(end, s);
    va_end(again);
    *end = '\0';
    return out;
}

char *arena_vprintf(struct arena *a, const char *fmt, va_list ap)
{
    char small[256];
    va_list again;
    va_copy(again, ap);
    int n = vsnprintf(small, sizeof small, fmt, ap);
    char *out;
    if (n < 0) {
        out = arena_strdup(a, "");
    } else if ((size_t)n < sizeof small) {
        out = arena_strndup(a, small, (size_t)n);
    } else {
        out = take_or_die(a, (size_t)n + 1);
        (void)vsnprintf(out, (size_t)n + 1, fmt, again);
    }
    va_end(again);
    return out;
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    char *out = arena_vprintf(a, fmt, ap);
    va_end(ap);
    return out;
}

void *arena_grow(struct arena *a, void *old, size_t old_size, size_t new_size)
{
    size_t held = (old_size + ALIGN - 1) & ~(size_t)(ALIGN - 1);
    struct block *b = a->head;
    bool newest = old && b && (char *)old + held == b->data + b->used;
    if (newest && new_size > old_size && new_size - old_size <= b->size - b->used) {
        size_t want = (new_size + ALIGN - 1) & ~(size_t)(ALIGN - 1);
        if (want - held <= b->size - b->used) {
            b->used += want - held;
            a->used += want - held;
            memset((char *)old + old_size, 0, new_size - old_size);
            return old;
        }
    }
    char *p = take_or_die(a, new_size);
    size_t keep = old_size < new_size ? old_size : new_size;
    if (keep)
        memcpy(p, old, keep);
    memset(p + keep, 0, new_size - keep);
    return p;
}

int arena_try_alloc(struct arena *a, size_t size, void **out, struct err *e)
{
    if (size > a->limit || a->used > a->limit - size)
        return err_set(e, ERR_TOO_LARGE, "more than %zu bytes of memory would be needed", a->limit);
    void *p = take(a, size);
    if (!p)
        return err_set(e, ERR_TOO_LARGE, "the system has no %zu bytes of memory left", size);
    *out = memset(p, 0, size);
    return 0;
}

void arena_defer(struct arena *a, void (*fn)(void *arg), void *arg)
{
    struct deferred *d = ARENA_NEW(a, struct deferred);
    *d = (struct deferred){a->deferred, fn, arg};
    a->deferred = d;
}

size_t arena_used(const struct arena *a)
{
    return a->used;
}
