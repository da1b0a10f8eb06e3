/* own.h - who frees what: scope-bound cleanup and explicit hand-over. */
#pragma once
#include <stdlib.h>
#include <unistd.h>

/* AUTO_DEFINE(store) gives struct store a scope guard built on store_free():
 *     AUTO(store) struct store *s = NULL;                                   */
#define AUTO_DEFINE(type)                                                                          \
    static inline void auto_##type(struct type **p)                                                \
    {                                                                                              \
        type##_free(*p);                                                                           \
    }
#define AUTO(type) __attribute__((cleanup(auto_##type)))
#define AUTO_FD    __attribute__((cleanup(auto_fd)))
#define AUTO_MEM   __attribute__((cleanup(auto_mem)))

static inline void auto_fd(const int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
}

static inline void auto_mem(void *p)
{
    free(*(void **)p);
}

/* Moves ownership out of a guarded variable; its guard then sees NULL or -1. */
#define take_ptr(p)                                                                                \
    ({                                                                                             \
        __typeof__(p) *slot_ = &(p), val_ = *slot_;                                                \
        *slot_ = NULL;                                                                             \
        val_;                                                                                      \
    })

static inline int take_fd(int *fd)
{
    int v = *fd;
    *fd = -1;
    return v;
}

/* The struct that embeds `ptr` as its `member`. */
#define container_of(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
