#include "base/map.h"

#include <stdint.h>

#include "base/own.h"
#include "t.h"

static void behaves_like_a_table(void)
{
    struct map m;
    map_init(&m);
    static bool in[500];
    memset(in, 0, sizeof in);
    unsigned seed = 7;
    for (int step = 0; step < 20000; step++) {
        seed = seed * 1103515245 + 12345;
        unsigned k = (seed >> 8) % ARRAY_LEN(in);
        char key[16];
        (void)snprintf(key, sizeof key, "k%u", k);
        if (seed & 1) {
            T_OK((map_put(&m, key, (void *)(uintptr_t)(k + 1)) != NULL) == in[k], "put");
            in[k] = true;
        } else {
            T_OK((map_remove(&m, key) != NULL) == in[k], "remove");
            in[k] = false;
        }
    }
    size_t live = 0;
    for (unsigned k = 0; k < ARRAY_LEN(in); k++) {
        char key[16];
        (void)snprintf(key, sizeof key, "k%u", k);
        T_EQ_INT((uintptr_t)map_get(&m, key), in[k] ? k + 1 : 0, key);
        live += in[k];
    }
    T_EQ_INT(map_size(&m), live, "size");
    map_done(&m);
}

static void walks_in_order(void)
{
    struct map m;
    map_init(&m);
    static const char *const keys[] = {"b", "a", "c", "d"};
    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        (void)map_put(&m, keys[i], &m);
    (void)map_remove(&m, "a");
    char got[8] = "";
    size_t at = 0;
    for (const struct map_entry *e; (e = map_next(&m, &at));)
        strncat(got, e->key, 1);
    T_EQ_STR(got, "bcd", "insertion order");
    map_done(&m);
}

T_MAIN(behaves_like_a_table, walks_in_order)
