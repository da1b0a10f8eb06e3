/* db.c - slipway db: makes the advisory database, keeps it up to date, publishes it. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "cli/signing.h"
#include "oci/reference.h"
#include "scan/feed.h"

enum { BUILD, UPDATE, PUSH };

enum { KEY_MAX = 1 << 20 };

static const uint64_t download_max = (uint64_t)8 << 30;

struct db_options {
    const char *data_dir, *file, *verify_key;
    struct signing_words words; /* key: of the one who signs */
};

#define DB_OPTIONS(o)                                                                              \
    {"data-dir",    'd',   OPTION_TEXT,                                                            \
     &(o).data_dir, "DIR", "where everything is kept (" VERB_DEFAULT_DIR ")"},                     \
    {                                                                                              \
        "output", 'o', OPTION_TEXT, &(o).file, "FILE", "the database (DIR/advisories.db)"          \
    }

static const char *database(const struct db_options *o, struct arena *a)
{
    return o->file ? o->file : arena_printf(a, "%s/advisories.db", verb_data_dir(o->data_dir));
}

/* ---- places ---- */

struct place {
    struct feed_folder folder;
    struct feed_web web;
    struct feed_registry registry;
    struct http_client *http;
    struct remote remote;
    struct image_auth auth;
    struct feed_place *use;
};

static void place_close(struct place *p)
{
    http_client_free(p->http);
    if (p->use == &p->registry.place)
        remote_close(&p->remote);
}
#define AUTO_PLACE __attribute__((cleanup(place_close)))

static bool is_web(const char *name)
{
    return strncmp(name, "http://", 7) == 0 || strncmp(name, "https://", 8) == 0;
}

static bool is_artifact(const char *name)
{
    return strncmp(name, "oci://", 6) == 0;
}

static struct http_client *client(const struct db_options *o)
{
    return http_client_new(
        &(struct http_client_opts){.connect_timeout_ms = 10000, .insecure = o->words.insecure});
}

/* oci://HOST/PATH:TAG, http://…, https://…, or a folder. */
static int place_open(const struct db_options *o, const char *name, bool push, struct arena *a,
                      struct place *p, struct err *e)
{
    struct reference ref;
    if (is_web(name)) {
        size_t n = strlen(name);
        p->http = client(o);
        p->web = feed_web(p->http, arena_strndup(a, name, n - (name[n - 1] == '/')));
        p->use = &p->web.place;
        return 0;
    }
    if (!is_artifact(name)) {
        p->folder = feed_folder(name);
        p->use = &p->folder.place;
        return 0;
    }
    int r = reference_parse(name + 6, a, &ref, e);
    if (r == 0)
        r = signing_remote_open(&ref, &o->words, push, a, &p->auth, &p->remote, e);
    if (r < 0)
        return r;
    p->registry = feed_registry(&p->remote, ref.digest ? ref.digest : ref.tag);
    p->use = &p->registry.place;
    return 0;
}

/* ---- build ---- */

struct download {
    int fd;
    uint64_t left;
    int failed; /* an errno */
};

static int on_data(void *arg, const void *bytes, size_t n)
{
    struct download *d = arg;
    if (n > d->left)
        d->failed = EFBIG;
    else if (write(d->fd, bytes, n) != (ssize_t)n)
        d->failed = errno ? errno : EIO;
    d->left -= d->failed ? 0 : n;
    return d->failed ? ERR_SYSTEM : 0;
}

static int fetch_url(const struct db_options *o, const char *url, const char *path, struct arena *a,
                     struct err *e)
{
    AUTO(http_client) struct http_client *http = client(o);
    struct http_answer answer;
    AUTO_FD int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_sys(e, errno, "write %s", path);
    struct download to = {.fd = fd, .left = download_max};
    const struct http_call call = {
        .method = "GET", .url = url, .follow = true, .on_data = on_data, .arg = &to};
    int r = http_do(http, &call, a, &answer, e);
    if (to.failed)
        return err_sys(e, to.failed, "write %s", path);
    if (r == 0 && answer.status != 200)
        r = err_set(e, answer.status == 404 ? ERR_NOT_FOUND : ERR_AGAIN, "%s answers %d", url,
                    answer.status);
    return r;
}

/* What is elsewhere, as a path below `folder`. */
static int bring(const struct db_options *o, const char *from, const char *folder, size_t i,
                 struct arena *a, const char **out, struct err *e)
{
    AUTO_PLACE struct place p = {0};
    const char *path = arena_printf(a, "%s/%zu", folder, i);
    int r = fs_mkdirs(path, 0700, e);
    *out = path;
    if (r == 0 && is_web(from)) {
        size_t n = strcspn(from, "?#"), start = n;
        while (from[start - 1] != '/')
            start--;
        return fetch_url(o, from,
                         arena_printf(a, "%s/x-%.*s", path, (int)(n - start), from + start), a, e);
    }
    if (r == 0)
        r = place_open(o, from, false, a, &p, e);
    return r < 0 ? r : feed_take(p.use, path, e);
}

static int build_from(const struct db_options *o, const char *const *from, size_t n,
                      const char *folder, const char *out, struct advisories_stats *stats,
                      struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(0);
    AUTO(key) struct key *k = NULL;
    const char **paths = ARENA_ARRAY(a, const char *, n + 1);
    const char *made = arena_printf(a, "%s/made.db", folder);
    int r = o->words.key ? signing_key(&o->words, &k, e) : 0;
    for (size_t i = 0; r == 0 && i < n; i++) {
        paths[i] = from[i];
        if (is_web(from[i]) || is_artifact(from[i]))
            r = bring(o, from[i], folder, i, a, &paths[i], e);
        if (r < 0)
            return err_wrap(e, r, "%s", from[i]);
    }
    if (r == 0)
        r = advisories_build(paths, n, made, clock_real_ms(), stats, e);
    if (r == 0 && k)
        r = advisories_sign(made, k, e);
    if (r == 0 && rename(made, out) < 0)
        r = err_sys(e, errno, "rename to %s", out);
    return r;
}

static int run_build(int argc, char **argv)
{
    struct db_options o = {0};
    const struct option table[] = {
        DB_OPTIONS(o), SIGNING_KEY_OPTION(o.words), SIGNING_REGISTRY_OPTIONS(o.words), {0}};
    AUTO(arena) struct arena *a = arena_new(0);
    struct arguments args;
    struct advisories_stats stats;
    struct err e = {0};
    int code;
    if (!verb_begin(&verbs_db[BUILD], table, argc, argv, a, &args, &code))
        return code;
    if (args.n == 0)
        return verb_usage(&verbs_db[BUILD]);
    const char *out = database(&o, a);
    char *folder = arena_printf(a, "%s.build-XXXXXX", out);
    int r = mkdtemp(folder) ? 0 : err_sys(&e, errno, "make a folder beside %s", out);
    if (r == 0) {
        r = build_from(&o, args.items, args.n, folder, out, &stats, &e);
        (void)!fs_remove_tree(folder, NULL);
    }
    if (r < 0)
        return verb_fail(&e);
    (void)printf(
        "%s: %zu records about %zu packages, %zu left out; attacks known or rated of %zu%s\n", out,
        stats.records, stats.packages, stats.skipped, stats.scored, o.words.key ? "; signed" : "");
    return EXIT_OK;
}

/* ---- update and push ---- */

/* The key that a database must be signed by: --verify-key, or DIR/advisories.pub. */
static int trusted_key(const struct db_options *o, struct arena *a, const char **name,
                       struct public_key **out, struct err *e)
{
    char *pem;
    size_t n;
    *name = o->verify_key ? o->verify_key
                          : arena_printf(a, "%s/advisories.pub", verb_data_dir(o->data_dir));
    int r = fs_read(*name, KEY_MAX, a, &pem, &n, e);
    if (r == ERR_NOT_FOUND && !o->verify_key)
        return 0;
    if (r == 0)
        r = public_key_load(pem, n, out, e);
    return r < 0 ? err_wrap(e, r, "%s", *name) : 0;
}

static const char *how(const struct feed_result *r, struct arena *a)
{
    return r->deltas ? arena_printf(a, "%zu delta%s", r->deltas, r->deltas == 1 ? "" : "s")
                     : "whole";
}

static int run_update(int argc, char **argv)
{
    struct db_options o = {0};
    const struct option table[] = {
        DB_OPTIONS(o),
        {"verify-key", 0, OPTION_TEXT, &o.verify_key, "FILE",
             "who must have signed it (DIR/advisories.pub, if it is there)"},
        SIGNING_REGISTRY_OPTIONS(o.words),
        {0}
    };
    AUTO(arena) struct arena *a = arena_new(0);
    AUTO(public_key) struct public_key *key = NULL;
    AUTO_PLACE struct place p = {0};
    char built[CLOCK_TEXT_MAX];
    struct feed_result result;
    struct arguments args;
    struct err e = {0};
    const char *name;
    int code;
    if (!verb_begin(&verbs_db[UPDATE], table, argc, argv, a, &args, &code))
        return code;
    if (args.n != 1)
        return verb_usage(&verbs_db[UPDATE]);
    const char *path = database(&o, a);
    int r = trusted_key(&o, a, &name, &key, &e);
    if (r == 0)
        r = place_open(&o, args.items[0], false, a, &p, &e);
    if (r == 0)
        r = feed_update(p.use, path, key, name, &result, &e);
    if (r < 0) {
        (void)err_wrap(&e, r, "%s", args.items[0]);
        return verb_fail(&e);
    }
    clock_format_rfc3339(result.built_ms, built);
    if (result.changed)
        (void)printf("%s: of %s, %s, %llu bytes fetched%s\n", path, built, how(&result, a),
                     (unsigned long long)result.bytes, key ? ", signature verified" : "");
    else
        (void)printf("%s: of %s, nothing newer\n", path, built);
    return EXIT_OK;
}

static int run_push(int argc, char **argv)
{
    struct db_options o = {0};
    const struct option table[] = {DB_OPTIONS(o), SIGNING_REGISTRY_OPTIONS(o.words), {0}};
    AUTO(arena) struct arena *a = arena_new(0);
    AUTO_PLACE struct place p = {0};
    struct feed_result result;
    struct arguments args;
    struct err e = {0};
    int code;
    if (!verb_begin(&verbs_db[PUSH], table, argc, argv, a, &args, &code))
        return code;
    if (args.n != 1)
        return verb_usage(&verbs_db[PUSH]);
    int r = place_open(&o, args.items[0], true, a, &p, &e);
    if (r == 0)
        r = feed_push(p.use, database(&o, a), &result, &e);
    if (r < 0) {
        (void)err_wrap(&e, r, "%s", args.items[0]);
        return verb_fail(&e);
    }
    if (result.changed)
        (void)printf("%s: the whole%s, %llu bytes\n", args.items[0],
                     result.deltas ? " and a delta" : "", (unsigned long long)result.bytes);
    else
        (void)printf("%s: is there already\n", args.items[0]);
    return EXIT_OK;
}

const struct verb verbs_db[] = {
    [BUILD] = {"db build",                                                 "DIR|FILE|URL|oci://IMAGE... [--key KEY]",
               "make the advisory database from OSV records and trackers", run_build},
    [UPDATE] = {"db update", "DIR|URL|oci://IMAGE [--verify-key FILE]",
               "fetch a newer one, by deltas where there are", run_update},
    [PUSH] = {"db push",                                                          "DIR|oci://IMAGE [options]", "publish it for those who update", run_push},
    {0                }
};
