#include <fcntl.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "base/thread.h"
#include "blob/refs.h"
#include "t.h"

#define A "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
#define B "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

static char folder[64], file[80];

static void fresh(void)
{
    (void)snprintf(folder, sizeof folder, "/tmp/slipway-refs-XXXXXX");
    T_OK(mkdtemp(folder) != NULL, "mkdtemp");
    (void)snprintf(file, sizeof file, "%s/refs.log", folder);
}

static void finish(void)
{
    struct err e = {0};
    T_RC(fs_remove_tree(folder, &e), &e, "remove");
}

static void names_last(void)
{
    struct err e = {0};
    struct ref got, *list;
    AUTO(arena) struct arena *a = arena_new(1 << 20);
    struct refs *r;
    fresh();
    T_RC(refs_open(file, &r, &e), &e, "open");
    T_RC(refs_set(r, "t/app:2", A, "note two", &e), &e, "set");
    T_RC(refs_set(r, "t/app:1", A, NULL, &e), &e, "set");
    T_RC(refs_set(r, "t/app:1", B, NULL, &e), &e, "move");
    T_RC(refs_set(r, "u/x", "", "only a note", &e), &e, "no digest");
    T_RC(refs_set(r, "u/y", A, NULL, &e), &e, "set");
    T_RC(refs_remove(r, "u/y", &e), &e, "remove");
    T_RC(refs_remove(r, "u/y", &e), &e, "remove again");
    refs_free(r);
    T_RC(refs_open(file, &r, &e), &e, "open again");
    T_EQ_INT(refs_list(r, "t/", a, &list), 2, "two under t/");
    T_EQ_STR(list[0].name, "t/app:1", "sorted");
    T_EQ_STR(list[0].digest, B, "moved");
    T_EQ_STR(list[1].note, "note two", "note");
    T_RC(refs_get(r, "u/x", a, &got, &e), &e, "get");
    T_EQ_STR(got.note, "only a note", "note");
    T_EQ_INT(refs_get(r, "u/y", a, &got, &e), ERR_NOT_FOUND, "removed");
    T_EQ_INT(refs_set(r, "a b", A, NULL, &e), ERR_INVALID, "space");
    T_EQ_INT(refs_set(r, "a\tb", A, NULL, &e), ERR_INVALID, "tab");
    T_EQ_INT(refs_set(r, "a", "sha256:1", NULL, &e), ERR_INVALID, "digest");
    refs_free(r);
    finish();
}

static void drops_a_torn_end(void)
{
    struct err e = {0};
    AUTO(arena) struct arena *a = arena_new(1 << 20);
    struct refs *r;
    struct ref got;
    fresh();
    T_RC(refs_open(file, &r, &e), &e, "open");
    T_RC(refs_set(r, "one", A, NULL, &e), &e, "set");
    refs_free(r);
    int fd = open(file, O_WRONLY | O_APPEND | O_CLOEXEC);
    T_EQ_INT(write(fd, "0123abcd\t17000\tS\ttwo\tsha2", 26), 26, "torn");
    (void)close(fd);
    T_RC(refs_open(file, &r, &e), &e, "open torn");
    T_OK(refs_has(r, "one") && !refs_has(r, "two"), "torn line is not applied");
    T_RC(refs_set(r, "three", B, NULL, &e), &e, "set after");
    refs_free(r);
    T_RC(refs_open(file, &r, &e), &e, "open again");
    T_RC(refs_get(r, "three", a, &got, &e), &e, "get");
    T_OK(refs_has(r, "one"), "one");
    refs_free(r);
    finish();
}

static void follows_another_writer(void)
{
    struct err e = {0};
    struct refs *r, *q;
    struct stat st;
    char name[32];
    fresh();
    T_RC(refs_open(file, &r, &e), &e, "open");
    T_RC(refs_open(file, &q, &e), &e, "open twice");
    T_RC(refs_set(r, "one", A, NULL, &e), &e, "set");
    T_OK(refs_has(q, "one"), "seen");
    char note[500];
    memset(note, 'n', sizeof note - 1);
    note[sizeof note - 1] = '\0';
    for (int i = 0; i < 2200; i++) {
        note[0] = (char)('a' + i % 26);
        (void)snprintf(name, sizeof name, "n%d", i % 3);
        T_RC(refs_set(i % 2 ? r : q, name, i % 5 ? A : B, note, &e), &e, name);
    }
    T_OK(stat(file, &st) == 0 && st.st_size < (1 << 20) + 8192, "history is dropped");
    T_OK(refs_has(q, "one") && refs_has(r, "n2") && refs_has(q, "n2"), "all see all");
    refs_free(r);
    refs_free(q);
    finish();
}

enum { CHANGERS = 8, CHANGES = 20 };

struct changer {
    struct refs *refs;
    int number, sets, wins, refusals;
};

/* Each sets names of its own, asks for what is not allowed, and wants the names set but once. */
static void *changes(void *arg)
{
    struct changer *c = arg;
    char digest[DIGEST_MAX], name[32];
    struct err e = {0};
    (void)snprintf(digest, sizeof digest, "sha256:%064d", c->number);
    for (int i = 0; i < CHANGES; i++) {
        (void)snprintf(name, sizeof name, "own/%d/%d", c->number, i);
        c->sets += refs_set(c->refs, name, A, NULL, &e) == 0 && refs_has(c->refs, name);
        c->refusals += refs_set(c->refs, "a b", A, NULL, &e) == ERR_INVALID;
        (void)snprintf(name, sizeof name, "once/%d", i);
        struct ref_change once = {.name = name, .digest = digest, .once = true};
        c->wins += refs_change(c->refs, &once, 1, &e) == 0;
    }
    return NULL;
}

static void many_change_at_once(void)
{
    struct err e = {0};
    struct refs *r, *q;
    struct ref *list;
    struct changer changers[CHANGERS];
    pthread_t threads[CHANGERS];
    int sets = 0, wins = 0, refusals = 0;
    AUTO(arena) struct arena *a = arena_new(1 << 20);
    fresh();
    T_RC(refs_open(file, &r, &e), &e, "open");
    T_RC(refs_open(file, &q, &e), &e, "open twice");
    for (int i = 0; i < CHANGERS; i++) {
        changers[i] = (struct changer){.refs = i % 2 ? r : q, .number = i};
        T_RC(thread_start(&threads[i], "changer", 0, changes, &changers[i], &e), &e, "thread");
    }
    for (int i = 0; i < CHANGERS; i++) {
        (void)pthread_join(threads[i], NULL);
        sets += changers[i].sets;
        wins += changers[i].wins;
        refusals += changers[i].refusals;
    }
    T_EQ_INT(sets, CHANGERS * CHANGES, "all are set, and seen by whoever set them");
    T_EQ_INT(refusals, CHANGERS * CHANGES, "what is not allowed fails alone");
    T_EQ_INT(wins, CHANGES, "one sets what is set but once");
    refs_free(r);
    refs_free(q);
    T_RC(refs_open(file, &r, &e), &e, "open again");
    T_EQ_INT(refs_list(r, "own/", a, &list), CHANGERS * CHANGES, "all are on the disk");
    T_EQ_INT(refs_list(r, "once/", a, &list), CHANGES, "all are on the disk");
    refs_free(r);
    finish();
}

T_MAIN(names_last, drops_a_torn_end, follows_another_writer, many_change_at_once)
