#include "store/store.h"

#include <pthread.h>

#include "base/fs.h"
#include "t.h"

static struct err e;

static uint64_t put(struct store *s, const char *key, const char *text)
{
    uint64_t rev = 0;
    T_RC(store_put(s, key, text, strlen(text), STORE_ANY, &rev, &e), &e, key);
    return rev;
}

static const char *get(struct store *s, const char *key, uint64_t at)
{
    static char text[64];
    struct entry *n;
    int r = store_get(s, key, at, &n, &e);
    if (r < 0)
        return err_code_name(r);
    (void)snprintf(text, sizeof text, "%.*s", (int)n->len, (const char *)n->bytes);
    entry_unref(n);
    return text;
}

/* "key=text key=text +more" */
static const char *list(struct store *s, const char *prefix, const char *after, size_t limit,
                        uint64_t at)
{
    static char text[256];
    struct entry_list l;
    int r = store_list(s, prefix, after, limit, at, &l, &e);
    if (r < 0)
        return err_code_name(r);
    size_t n = 0;
    text[0] = '\0';
    for (size_t i = 0; i < l.n; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "%s=%.*s ", l.items[i]->key,
                              (int)l.items[i]->len, (const char *)l.items[i]->bytes);
    (void)snprintf(text + n, sizeof text - n, "+%llu", (unsigned long long)l.more);
    entry_list_done(&l);
    return text;
}

static void expects_revisions(void)
{
    AUTO(store) struct store *s = NULL;
    T_RC(store_open(NULL, &s, &e), &e, "open");
    uint64_t first = 0;
    T_EQ_INT(store_put(s, "a", "1", 1, 0, &first, &e), 0, "create");
    T_EQ_INT(store_put(s, "a", "1", 1, 0, NULL, &e), ERR_EXISTS, "create again");
    T_EQ_INT(store_put(s, "b", "1", 1, 7, NULL, &e), ERR_NOT_FOUND, "update of nothing");
    T_EQ_INT(store_put(s, "a", "2", 1, first, NULL, &e), 0, "update");
    T_EQ_INT(store_put(s, "a", "3", 1, first, NULL, &e), ERR_CONFLICT, "stale update");
    T_EQ_STR(get(s, "a", 0), "2", "what stands");
    T_EQ_INT(store_delete(s, "a", first, NULL, &e), ERR_CONFLICT, "stale delete");
    T_EQ_INT(store_delete(s, "a", STORE_ANY, NULL, &e), 0, "delete");
    T_EQ_INT(store_delete(s, "a", STORE_ANY, NULL, &e), ERR_NOT_FOUND, "delete again");
    T_EQ_STR(get(s, "a", 0), "not found", "gone");
}

static void lists_and_remembers(void)
{
    AUTO(store) struct store *s = NULL;
    T_RC(store_open(NULL, &s, &e), &e, "open");
    (void)put(s, "/p/a", "1");
    (void)put(s, "/p/b", "1");
    (void)put(s, "/q/a", "x");
    uint64_t then = put(s, "/p/c", "1");
    (void)put(s, "/p/a", "2");
    T_RC(store_delete(s, "/p/b", STORE_ANY, NULL, &e), &e, "delete");
    static const struct {
        const char *prefix, *after;
        size_t limit;
        bool past;
        const char *want;
    } cases[] = {
        {"/p/", NULL,   0, false, "/p/a=2 /p/c=1 +0"       },
        {"/p/", "/p/a", 0, false, "/p/c=1 +0"              },
        {"/p/", NULL,   1, false, "/p/a=2 +1"              },
        {"/p/", NULL,   0, true,  "/p/a=1 /p/b=1 /p/c=1 +0"},
        {"/p/", "/p/a", 1, true,  "/p/b=1 +1"              },
        {"/z/", NULL,   0, false, "+0"                     },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        T_EQ_STR(list(s, cases[i].prefix, cases[i].after, cases[i].limit, cases[i].past ? then : 0),
                 cases[i].want, cases[i].prefix);
    T_EQ_STR(get(s, "/p/b", then), "1", "the past");
    T_EQ_INT(store_count(s, "/p/"), 2, "count");
    T_EQ_STR(get(s, "/p/b", 99), "invalid", "the future");
    T_RC(store_compact(s, then + 1, &e), &e, "compact");
    T_EQ_STR(get(s, "/p/b", then), "gone", "compacted");
    T_EQ_STR(list(s, "/p/", NULL, 0, then + 1), "/p/a=2 /p/b=1 /p/c=1 +0", "kept");
    T_EQ_STR(list(s, "/p/", NULL, 0, 0), "/p/a=2 /p/c=1 +0", "the present is untouched");
}

static void survives(void)
{
    AUTO(arena) struct arena *a = arena_new(0);
    char dir[] = "/tmp/slipway-store-XXXXXX";
    T_OK(mkdtemp(dir), "mkdtemp");
    char *path = arena_printf(a, "%s/store.db", dir);
    struct store *s = NULL, *second = NULL;
    T_RC(store_open(path, &s, &e), &e, "open");
    (void)put(s, "a", "1");
    (void)put(s, "b", "1");
    T_RC(store_delete(s, "b", STORE_ANY, NULL, &e), &e, "delete");
    uint64_t rev = store_revision(s);
    T_EQ_INT(store_open(path, &second, &e), ERR_EXISTS, "a second process is refused");
    store_free(s);
    T_RC(store_open(path, &s, &e), &e, "open again");
    T_EQ_INT(store_revision(s), rev, "revision");
    T_EQ_STR(list(s, "", NULL, 0, 0), "a=1 +0", "state");
    T_RC(store_compact(s, rev, &e), &e, "compact");
    store_free(s);
    T_RC(store_open(path, &s, &e), &e, "after compaction");
    T_EQ_INT(store_revision(s), rev, "a deletion that is newest keeps its revision");
    T_OK(put(s, "c", "1") == rev + 1, "revisions go on");
    store_free(s);
    T_RC(fs_remove_tree(dir, &e), &e, "clean up");
}

enum { WRITERS = 8, WRITES = 300 };

static void *count_up(void *store)
{
    struct err mine;
    for (int i = 0; i < WRITES;) {
        struct entry *n;
        if (store_get(store, "n", 0, &n, &mine) < 0)
            return NULL;
        char text[16];
        int v = (int)strtol(n->bytes, NULL, 10) + 1;
        (void)snprintf(text, sizeof text, "%d", v);
        int r = store_put(store, "n", text, strlen(text), n->rev, NULL, &mine);
        entry_unref(n);
        i += r == 0;
    }
    return NULL;
}

static void loses_no_update(void)
{
    AUTO(store) struct store *s = NULL;
    T_RC(store_open(NULL, &s, &e), &e, "open");
    (void)put(s, "n", "0");
    pthread_t t[WRITERS];
    for (int i = 0; i < WRITERS; i++)
        (void)pthread_create(&t[i], NULL, count_up, s);
    for (int i = 0; i < WRITERS; i++)
        (void)pthread_join(t[i], NULL);
    char want[16];
    (void)snprintf(want, sizeof want, "%d", WRITERS * WRITES);
    T_EQ_STR(get(s, "n", 0), want, "compare and swap");
}

static void waits_once_for_many(void)
{
    AUTO(arena) struct arena *a = arena_new(0);
    char dir[] = "/tmp/slipway-store-XXXXXX";
    T_OK(mkdtemp(dir), "mkdtemp");
    char *path = arena_printf(a, "%s/store.db", dir);
    struct store *s = NULL;
    T_RC(store_open(path, &s, &e), &e, "open");
    T_RC(store_defer_sync(s, &e), &e, "defer");
    T_OK(put(s, "a", "1") == 1 && put(s, "a", "2") == 2, "writes are ordered and seen");
    T_EQ_STR(get(s, "a", 1), "1", "the past, too");
    T_RC(store_sync(s, &e), &e, "sync");
    T_RC(store_sync(s, &e), &e, "nothing to wait for");
    T_OK(put(s, "b", "1") == 3, "and go on");
    store_free(s);
    T_RC(store_open(path, &s, &e), &e, "open again");
    T_EQ_STR(list(s, "", NULL, 0, 0), "a=2 b=1 +0", "state");
    store_free(s);
    T_RC(fs_remove_tree(dir, &e), &e, "clean up");
}

T_MAIN(expects_revisions, lists_and_remembers, survives, waits_once_for_many, loses_no_update)
