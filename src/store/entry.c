#include <string.h>

#include "base/log.h"
#include "store/store_int.h"

enum { AHEAD = 8 }; /* entries lie scattered: they are fetched while others are worked on */

struct box {
    _Atomic unsigned refs;
    struct entry entry;
    char data[]; /* key, NUL, bytes */
};

static struct box *box_of(const struct entry *n)
{
    return (struct box *)(uintptr_t)((const char *)n - offsetof(struct box, entry));
}

struct entry *entry__new(const char *key, const void *bytes, size_t len)
{
    size_t k = strlen(key) + 1;
    struct box *b = malloc(sizeof *b + k + len + 1);
    if (!b)
        log_die("out of memory (%zu bytes)", len);
    atomic_init(&b->refs, 1);
    memcpy(b->data, key, k);
    if (len)
        memcpy(b->data + k, bytes, len);
    b->data[k + len] = '\0';
    b->entry = (struct entry){.key = b->data, .bytes = b->data + k, .len = len};
    return &b->entry;
}

struct entry *entry_ref(const struct entry *n)
{
    if (!n)
        return NULL;
    struct box *b = box_of(n);
    atomic_fetch_add_explicit(&b->refs, 1, memory_order_relaxed);
    return &b->entry;
}

void entry_unref(struct entry *n)
{
    if (!n)
        return;
    struct box *b = box_of(n);
    if (atomic_fetch_sub_explicit(&b->refs, 1, memory_order_acq_rel) == 1)
        free(b);
}

void entry_list_done(struct entry_list *l)
{
    for (size_t i = 0; i < l->n; i++) {
        if (i + AHEAD < l->n)
            __builtin_prefetch(box_of(l->items[i + AHEAD]), 1);
        entry_unref(l->items[i]);
    }
    free(l->items);
    *l = (struct entry_list){0};
}
