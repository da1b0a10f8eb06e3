/* Databases that are signed, published, and kept up to date by deltas. */
#include "scan/feed.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "codec/json.h"
#include "t.h"

static struct arena *a;
static struct err e;
static char dir[64];

static char *in(const char *name)
{
    return arena_printf(a, "%s/%s", dir, name);
}

/* A database of `n` packages; the fix of the first and the time are of this version. */
static const char *make(const char *name, int n, const char *fixed, int64_t at_ms, struct key *k)
{
    const char *from = in(arena_printf(a, "%s.json", name)), *path = in(name);
    char *text = arena_strdup(a, "[");
    struct advisories_stats stats;
    for (int i = 0; i < n; i++) /* some bulk, so that a delta is worth its while */
        text = arena_printf(
            a,
            "%s%s{\"id\":\"A-%d\",\"summary\":\"%x %x %x\",\"affected\":[{\"package\":{"
            "\"ecosystem\":\"npm\",\"name\":\"p%d\"},\"ranges\":[{\"type\":\"SEMVER\",\"events\":[{"
            "\"introduced\":\"0\"},{\"fixed\":\"%s\"}]}]}]}",
            text, i ? "," : "", i, i * 7919u, i * 104729u, i * 1299709u, i, i ? "1.0.0" : fixed);
    text = arena_printf(a, "%s]", text);
    T_RC(fs_write_atomic(from, 0644, text, strlen(text), &e), &e, from);
    T_RC(advisories_build(&from, 1, path, at_ms, &stats, &e), &e, path);
    if (k)
        T_RC(advisories_sign(path, k, &e), &e, path);
    return path;
}

static const char *digest(const char *path)
{
    AUTO(advisories) struct advisories *d = NULL;
    char *out = arena_alloc(a, DIGEST_MAX);
    T_RC(advisories_open(path, &d, &e), &e, path);
    advisories_digest(d, out);
    return out;
}

static void begin(void)
{
    (void)snprintf(dir, sizeof dir, "/tmp/slipway-feed-XXXXXX");
    T_OK(mkdtemp(dir), "mkdtemp");
    a = arena_new(0);
}

static void end(void)
{
    T_RC(fs_remove_tree(dir, &e), &e, "clean up");
    arena_free(a);
}

static struct public_key *half(struct key *k)
{
    struct public_key *out = NULL;
    T_RC(key_public_half(k, &out, &e), &e, "public half");
    return out;
}

static void signs(void)
{
    begin();
    AUTO(key) struct key *k = NULL, *other = NULL;
    AUTO(advisories) struct advisories *d = NULL, *bad = NULL;
    T_RC(key_generate(&k, &e), &e, "key");
    T_RC(key_generate(&other, &e), &e, "key");
    AUTO(public_key) struct public_key *mine = half(k), *others = half(other);
    const char *plain = make("plain", 3, "2.0.0", 1000, NULL);
    const char *path = make("signed", 3, "2.0.0", 1000, k);
    T_EQ_STR(digest(plain), digest(path), "the signature is no part of it");
    T_RC(advisories_open(path, &d, &e), &e, "open");
    T_RC(advisories_verify(d, mine, "me", &e), &e, "by me");
    T_EQ_INT(advisories_verify(d, others, "them", &e), ERR_DENIED, "by another");
    T_EQ_INT(advisories_sign(path, k, &e), ERR_EXISTS, "twice");
    T_RC(advisories_open(plain, &bad, &e), &e, "open");
    T_EQ_INT(advisories_verify(bad, mine, "me", &e), ERR_DENIED, "not signed");
    T_OK(strstr(e.msg, "is not signed; it should be, by me"), e.msg);
    end();
}

static void trusts_who_is_configured(void)
{
    begin();
    AUTO(key) struct key *k = NULL;
    struct advisories *d = NULL;
    char *pem;
    T_RC(key_generate(&k, &e), &e, "key");
    T_RC(key_public_pem(k, a, &pem, &e), &e, "pem");
    (void)make("advisories.db", 1, "2.0.0", 1000, NULL);
    T_RC(advisories_open_trusted(dir, NULL, NULL, &d, &e), &e, "nobody is asked for");
    advisories_free(d);
    T_RC(fs_write_atomic(in("advisories.pub"), 0644, pem, strlen(pem), &e), &e, "key");
    T_EQ_INT(advisories_open_trusted(dir, NULL, NULL, &d, &e), ERR_DENIED, "should be signed");
    const char *path = make("signed", 1, "2.0.0", 1000, k);
    T_RC(advisories_open_trusted(dir, path, NULL, &d, &e), &e, "is signed");
    advisories_free(d);
    T_EQ_INT(advisories_open_trusted(dir, path, in("none"), &d, &e), ERR_NOT_FOUND, "no such key");
    end();
}

static struct feed_result update(struct feed_place *p, const char *path, struct public_key *key)
{
    struct feed_result r = {0};
    T_RC(feed_update(p, path, key, "the key", &r, &e), &e, path);
    return r;
}

static struct feed_result push(struct feed_place *p, const char *path)
{
    struct feed_result r = {0};
    T_RC(feed_push(p, path, &r, &e), &e, path);
    return r;
}

static void updates(void)
{
    begin();
    AUTO(key) struct key *k = NULL;
    AUTO(advisories) struct advisories *reader = NULL;
    T_RC(key_generate(&k, &e), &e, "key");
    AUTO(public_key) struct public_key *key = half(k);
    const char *one = make("one", 400, "2.0.0", 1000, k), *held = in("held.db");
    const char *two = make("two", 401, "3.0.0", 2000, k), *late = in("late.db");
    const char *three = make("three", 399, "3.0.0", 3000, k);
    struct feed_folder folder = feed_folder(in("place"));
    struct feed_result r;
    T_EQ_INT(feed_update(&folder.place, held, key, "k", &r, &e), ERR_NOT_FOUND, "nothing there");
    r = push(&folder.place, one);
    T_OK(r.changed && r.deltas == 0, "the first is whole");
    T_OK(!push(&folder.place, one).changed, "again");
    r = update(&folder.place, held, key);
    T_OK(r.changed && r.deltas == 0 && r.built_ms == 1000, "whole");
    T_EQ_STR(digest(held), digest(one), "the same");
    r = update(&folder.place, held, key);
    T_OK(!r.changed && r.bytes == 0, "nothing newer");
    (void)update(&folder.place, late, key);
    T_RC(advisories_open(held, &reader, &e), &e, "one who reads");

    T_EQ_INT((int)push(&folder.place, two).deltas, 1, "with a delta");
    r = update(&folder.place, held, key);
    T_OK(r.changed && r.deltas == 1 && r.built_ms == 2000, "by delta");
    T_EQ_STR(digest(held), digest(two), "the same");
    T_EQ_INT((int)advisories_packages(reader), 400, "who reads goes on with what they had");
    (void)push(&folder.place, three);
    T_EQ_INT((int)update(&folder.place, late, key).deltas, 2, "by two deltas");
    T_EQ_STR(digest(late), digest(three), "the same");
    end();
}

static void refuses(void)
{
    begin();
    AUTO(key) struct key *k = NULL;
    T_RC(key_generate(&k, &e), &e, "key");
    AUTO(public_key) struct public_key *key = half(k);
    const char *held = make("held", 3, "2.0.0", 5000, NULL);
    const char *before = digest(held);
    struct feed_folder folder = feed_folder(in("place"));
    struct feed_result r;
    (void)push(&folder.place, make("new", 3, "3.0.0", 6000, NULL));
    T_EQ_INT(feed_update(&folder.place, held, key, "k.pub", &r, &e), ERR_DENIED, "not signed");
    T_OK(strstr(e.msg, "is not signed by k.pub"), e.msg);
    struct feed_folder old = feed_folder(in("old-place"));
    (void)push(&old.place, make("old", 3, "1.0.0", 4000, k));
    T_EQ_INT(feed_update(&old.place, held, key, "k.pub", &r, &e), ERR_CONFLICT, "older");

    struct value *doc = NULL;
    char *text;
    size_t n;
    T_RC(fs_read(in("place/index.json"), 1 << 20, a, &text, &n, &e), &e, "manifest");
    T_RC(json_parse(a, text, n, 0, &doc, &e), &e, "manifest");
    const char *whole = strchr(value_at_str(doc, "layers[0].digest", ":"), ':') + 1;
    const char *blob = in(arena_printf(a, "place/blobs/sha256/%s", whole));
    T_RC(fs_write_atomic(blob, 0644, "junk", 4, &e), &e, "damage");
    T_EQ_INT(feed_update(&folder.place, held, NULL, "", &r, &e), ERR_INVALID, "damaged");
    T_EQ_STR(digest(held), before, "what is held stays");
    T_EQ_INT(feed_take(&folder.place, dir, &e), ERR_INVALID, "a damaged artifact");
    end();
}

static void takes_artifacts(void)
{
    begin();
    static const char record[] = "{\"id\":\"A\",\"affected\":[{\"package\":{\"ecosystem\":\"npm\","
                                 "\"name\":\"p\"},\"versions\":[\"1\"]}]}";
    char of[DIGEST_MAX];
    blob_digest_of(record, strlen(record), of);
    struct feed_folder folder = feed_folder(in("place"));
    const char *manifest = arena_printf(
        a,
        "{\"layers\":[{\"digest\":\"%s\",\"size\":%zu,\"annotations\":{\"org.opencontainers."
        "image.title\":\"../../x/all.json\"}}]}",
        of, strlen(record));
    T_RC(folder.place.ops->store(&folder.place, of, record, strlen(record), &e), &e, "blob");
    T_RC(folder.place.ops->publish(&folder.place, manifest, strlen(manifest), &e), &e, "manifest");
    T_RC(fs_mkdirs(in("taken"), 0755, &e), &e, "folder");
    T_RC(feed_take(&folder.place, in("taken"), &e), &e, "take");
    struct advisories_stats stats;
    const char *from = in("taken");
    T_RC(advisories_build(&from, 1, in("db"), 1, &stats, &e), &e, "build of it");
    T_EQ_INT((int)stats.records, 1, "by its title, within the folder");
    end();
}

static void deltas_are_of_their_database(void)
{
    begin();
    AUTO(advisories) struct advisories *one = NULL, *two = NULL;
    T_RC(advisories_open(make("one", 5, "1.0.0", 1, NULL), &one, &e), &e, "one");
    T_RC(advisories_open(make("two", 4, "2.0.0", 2, NULL), &two, &e), &e, "two");
    T_RC(advisories_delta(one, two, in("delta"), &e), &e, "delta");
    T_RC(advisories_apply(one, in("delta"), in("made"), &e), &e, "apply");
    T_EQ_STR(digest(in("made")), digest(in("two")), "to the byte");
    T_EQ_INT(advisories_apply(two, in("delta"), in("x"), &e), ERR_INVALID, "of another");
    T_EQ_INT(advisories_apply(one, in("one"), in("x"), &e), ERR_INVALID, "no delta");
    T_OK(truncate(in("delta"), 400) == 0, "cut");
    T_EQ_INT(advisories_apply(one, in("delta"), in("x"), &e), ERR_INVALID, "cut off");
    end();
}

T_MAIN(signs, trusts_who_is_configured, updates, refuses, takes_artifacts,
       deltas_are_of_their_database)
