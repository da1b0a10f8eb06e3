#include "base/arena.h"
#include "t.h"

static void allocates(void)
{
    static const size_t sizes[] = {0, 1, 16, 4095, 4096, 100000, 1 << 20};
    AUTO(arena) struct arena *a = arena_new(1 << 16);
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        unsigned char *p = arena_alloc(a, sizes[i]);
        T_EQ_INT((size_t)(void *)p % 16, 0, "alignment");
        for (size_t k = 0; k < sizes[i]; k++)
            if (p[k])
                T_FAIL("zeroed", "byte %zu of %zu is %d", k, sizes[i], p[k]);
    }
}

static void grows(void)
{
    AUTO(arena) struct arena *a = arena_new(0);
    char *p = arena_dup(a, "abc", 3);
    char *q = arena_grow(a, p, 3, 10);
    T_OK(q == p, "the newest allocation grows in place");
    T_EQ_STR(q, "abc", "grown bytes are zero");
    (void)arena_alloc(a, 1);
    char *r = arena_grow(a, q, 10, 20000);
    T_OK(r != q, "an older one moves");
    T_EQ_STR(r, "abc", "moved bytes");
}

static void limits(void)
{
    AUTO(arena) struct arena *a = arena_new(1000);
    void *p = NULL;
    struct err e;
    T_EQ_INT(arena_try_alloc(a, 500, &p, &e), 0, "below the limit");
    T_EQ_INT(arena_try_alloc(a, 600, &p, &e), ERR_TOO_LARGE, "past the limit");
    T_EQ_INT(arena_try_alloc(a, (size_t)-1, &p, &e), ERR_TOO_LARGE, "absurd");
}

static char order[8];

static void note(void *arg)
{
    strncat(order, arg, 1);
}

static void defers(void)
{
    order[0] = '\0';
    struct arena *a = arena_new(0);
    char one[] = "1", two[] = "2";
    arena_defer(a, note, one);
    arena_defer(a, note, two);
    arena_free(a);
    T_EQ_STR(order, "21", "last registered first");
}

static void prints(void)
{
    AUTO(arena) struct arena *a = arena_new(0);
    T_EQ_STR(arena_printf(a, "%d-%s", 7, "x"), "7-x", "short");
    T_EQ_INT(strlen(arena_printf(a, "%1000d", 7)), 1000, "long");
}

static void joins(void)
{
    AUTO(arena) struct arena *a = arena_new(0);
    T_EQ_STR(arena_join(a, "f:", "", "name", NULL), "f:name", "three");
    T_EQ_STR(arena_join(a, "x", NULL, "y", NULL), "x", "up to the first NULL");
    T_EQ_STR(arena_join(a, NULL), "", "none");
}

T_MAIN(allocates, grows, limits, defers, prints, joins)
