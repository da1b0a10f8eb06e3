#include "store/index.h"

#include "store/store_int.h"
#include "t.h"

static void stays_in_order(void)
{
    struct index x;
    index_init(&x);
    static bool in[300];
    memset(in, 0, sizeof in);
    size_t live = 0;
    unsigned seed = 3;
    for (int step = 0; step < 10000; step++) {
        seed = seed * 1103515245 + 12345;
        unsigned k = (seed >> 8) % ARRAY_LEN(in);
        char key[16];
        (void)snprintf(key, sizeof key, "k%03u", k);
        bool put = (seed >> 20) & 1;
        live += (size_t)put - (size_t)in[k];
        in[k] = put;
        if (put)
            index_put(&x, entry__new(key, key, strlen(key)));
        else
            index_remove(&x, key);
    }
    T_EQ_INT(x.count, live, "count");
    const struct index_node *n = index_seek(&x, "", false);
    for (unsigned k = 0; k < ARRAY_LEN(in); k++) {
        char key[16];
        (void)snprintf(key, sizeof key, "k%03u", k);
        T_OK((index_get(&x, key) != NULL) == in[k], key);
        if (!in[k])
            continue;
        T_EQ_STR(n ? n->entry->key : NULL, key, "order");
        n = n ? index_next(n) : NULL;
    }
    T_OK(!n, "nothing after the last");
    index_done(&x);
}

static void seeks(void)
{
    struct index x;
    index_init(&x);
    index_put(&x, entry__new("b", "", 0));
    index_put(&x, entry__new("d", "", 0));
    static const struct {
        const char *key;
        bool past;
        const char *want;
    } cases[] = {
        {"a", false, "b" },
        {"b", false, "b" },
        {"b", true,  "d" },
        {"c", false, "d" },
        {"d", true,  NULL},
        {"e", false, NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct index_node *n = index_seek(&x, cases[i].key, cases[i].past);
        T_EQ_STR(n ? n->entry->key : NULL, cases[i].want, cases[i].key);
    }
    index_done(&x);
}

T_MAIN(stays_in_order, seeks)
