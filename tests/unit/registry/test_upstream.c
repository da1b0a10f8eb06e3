/* A registry that copies another one, which can be told to be in trouble. */
#include <stdatomic.h>

#include "base/fs.h"
#include "base/thread.h"
#include "net/http_client.h"
#include "registry/registry.h"
#include "t.h"

enum { BLOB = 300000, READERS = 6 };
enum trouble { NONE, BUSY, BROKEN, LYING, SLOW, BOASTING };

struct place {
    char folder[64];
    struct image_store *images;
    struct registry *registry;
    struct http_server *server;
};

static struct place there, here;
static atomic_int trouble, heads, gets, blobs, asked_here;
static char policy_text[256];
static struct arena *arena;
static struct http_client *client;
static char blob[BLOB + 1], digest[DIGEST_MAX], manifest[512], manifest_digest[DIGEST_MAX];
static const char type[] = "application/vnd.oci.image.manifest.v1+json";

static int give_policy(void *arg, struct registry_policy **out, struct err *e)
{
    (void)arg;
    return registry_policy_read(policy_text, out, e);
}

static void wait_for_readers(void)
{
    for (int i = 0; i < 60000 && atomic_load(&asked_here) < READERS; i++)
        (void)usleep(1000);
}

/* The other registry; its blobs can be slow or wrong. */
static void handle_there(struct http_request *q, void *arg)
{
    bool head = strcmp(q->method, "HEAD") == 0, is_blob = strstr(q->path, "/blobs/sha") != NULL;
    int how = atomic_load(&trouble);
    atomic_fetch_add(head ? &heads : is_blob ? &blobs : &gets, 1);
    if (how == BUSY || how == BROKEN) {
        http_send_text(q, how == BUSY ? 429 : 502, "not now");
    } else if (is_blob && !head && (how == LYING || how == SLOW)) {
        const char *bytes = blob;
        if (how == LYING) {
            char *other = arena_dup(q->arena, blob, BLOB);
            other[BLOB / 2] = '!';
            bytes = other;
        }
        http_send_begin(q, 200, NULL, BLOB);
        if (http_send_piece(q, bytes, BLOB / 2, NULL) < 0)
            return;
        if (how == SLOW)
            wait_for_readers();
        (void)!http_send_piece(q, bytes + BLOB / 2, BLOB - BLOB / 2, NULL);
    } else if (is_blob && head && how == BOASTING) {
        http_send_begin(q, 200, NULL, BLOB + 10);
    } else {
        registry_handle(q, arg);
    }
}

static void handle_here(struct http_request *q, void *arg)
{
    atomic_fetch_add(&asked_here, 1);
    registry_handle(q, arg);
}

static void open_place(struct place *p, bool copies)
{
    struct err e = {0};
    (void)snprintf(p->folder, sizeof p->folder, "/tmp/slipway-copy-XXXXXX");
    T_OK(mkdtemp(p->folder) != NULL, "mkdtemp");
    struct image_store_opts o = {.folder = p->folder};
    T_RC(image_store_open(&o, &p->images, &e), &e, "open");
    struct registry_opts r = {.images = p->images, .policy = copies ? give_policy : NULL};
    T_RC(registry_new(&r, &p->registry, &e), &e, "registry");
    struct http_listen l = {.address = "127.0.0.1:0"};
    T_RC(http_server_start(&l, copies ? handle_here : handle_there, p->registry, &p->server, &e),
         &e, "serve");
}

static void close_place(struct place *p)
{
    struct err e = {0};
    http_server_free(p->server);
    registry_free(p->registry);
    image_store_free(p->images);
    T_RC(fs_remove_tree(p->folder, &e), &e, "remove");
}

static struct http_answer ask(const struct place *p, const char *method, const char *path,
                              const char *body, size_t n, const char *header, struct arena *a)
{
    struct err e = {0};
    struct http_answer out = {0};
    const char *headers[] = {header, NULL};
    struct http_call call = {
        .method = method,
        .url = arena_printf(a, "http://127.0.0.1:%u/v2/%s", http_server_port(p->server), path),
        .headers = headers,
        .body = body,
        .body_len = n};
    if (http_do(client, &call, a, &out, &e) < 0)
        out.status = -1;
    return out;
}

static struct http_answer get(const char *path)
{
    return ask(&here, "GET", path, NULL, 0, NULL, arena);
}

/* Tag 1 of lib/app there, one layer; `note` makes it another image. */
static void push(const char *note)
{
    static const char content[] = "Content-Type: application/vnd.oci.image.manifest.v1+json";
    (void)snprintf(manifest, sizeof manifest,
                   "{\"schemaVersion\":2,\"mediaType\":\"%s\",\"annotations\":{\"n\":\"%s\"},"
                   "\"config\":{\"mediaType\":\"application/x\",\"digest\":\"%s\",\"size\":%d}}",
                   type, note, digest, BLOB);
    blob_digest_of(manifest, strlen(manifest), manifest_digest);
    struct http_answer r =
        ask(&there, "PUT", "lib/app/manifests/1", manifest, strlen(manifest), content, arena);
    T_EQ_INT(r.status, 201, "push there");
}

static void start(const char *revalidate)
{
    arena = arena_new(64 << 20);
    client = http_client_new(&(struct http_client_opts){0});
    open_place(&there, false);
    open_place(&here, true);
    atomic_store(&trouble, NONE);
    (void)snprintf(policy_text, sizeof policy_text,
                   "upstreams: [{prefix: hub, urls: [\"http://127.0.0.1:1\", "
                   "\"http://127.0.0.1:%u\"], revalidate: %s}]",
                   http_server_port(there.server), revalidate);
    for (size_t i = 0; i < BLOB; i++)
        blob[i] = (char)('a' + i % 26);
    blob_digest_of(blob, BLOB, digest);
    struct http_answer r =
        ask(&there, "POST", arena_printf(arena, "lib/app/blobs/uploads/?digest=%s", digest), blob,
            BLOB, "Content-Type: application/octet-stream", arena);
    T_EQ_INT(r.status, 201, "blob there");
    push("one");
    atomic_store(&heads, 0);
    atomic_store(&gets, 0);
    atomic_store(&blobs, 0);
}

static void stop(void)
{
    close_place(&here);
    close_place(&there);
    http_client_free(client);
    arena_free(arena);
}

static const char *state(const struct http_answer *r)
{
    const char *text = http_answer_header(r, "cache-status");
    return text ? text : "";
}

static void revalidates_tags(void)
{
    start("0s");
    struct http_answer r = get("hub/lib/app/manifests/1");
    T_EQ_STR(r.body, manifest, "from there, past a mirror that is not");
    T_EQ_STR(state(&r), "slipway; fwd=miss; stored", "the first time");
    r = get("hub/lib/app/manifests/1");
    T_EQ_STR(state(&r), "slipway; hit; detail=revalidated", "then it is asked for with HEAD");
    T_EQ_INT(atomic_load(&gets), 1, "manifests fetched");
    T_EQ_INT(atomic_load(&heads), 2, "questions");
    push("two");
    r = get("hub/lib/app/manifests/1");
    T_EQ_STR(r.body, manifest, "the new one");
    T_EQ_STR(state(&r), "slipway; fwd=stale; stored", "the new one");
    atomic_store(&trouble, BUSY);
    r = get("hub/lib/app/manifests/1");
    T_EQ_STR(r.body, manifest, "busy");
    T_EQ_STR(state(&r), "slipway; hit; fwd=stale; fwd-status=429", "busy");
    T_EQ_INT(get("hub/lib/other/manifests/1").status, 429, "what is not here");
    atomic_store(&trouble, BROKEN);
    r = get("hub/lib/app/manifests/1");
    T_EQ_STR(state(&r), "slipway; hit; fwd=stale; fwd-status=502", "broken");
    r = get(arena_printf(arena, "hub/lib/app/manifests/%s", manifest_digest));
    T_EQ_STR(state(&r), "slipway; hit", "a digest needs no question");
    atomic_store(&trouble, NONE);
    T_EQ_INT(get("hub/lib/app/manifests/none").status, 404, "nowhere");
    T_EQ_INT(get("lib/app/manifests/1").status, 404, "outside of the prefix");
    T_EQ_INT(ask(&here, "POST", "hub/lib/app/blobs/uploads/", "", 0, NULL, arena).status, 405,
             "pushes go there");
    stop();
}

static void waits_to_ask_again(void)
{
    start("1h");
    (void)get("hub/lib/app/manifests/1");
    push("two");
    struct http_answer r = get("hub/lib/app/manifests/1");
    T_EQ_STR(state(&r), "slipway; hit", "within the hour");
    T_EQ_INT(atomic_load(&heads), 1, "questions");
    stop();
}

struct reader {
    pthread_t thread;
    struct arena *arena;
    struct http_answer answer;
};

static void *read_blob(void *arg)
{
    struct reader *r = arg;
    r->answer = ask(&here, "GET", arena_printf(r->arena, "hub/lib/app/blobs/%s", digest), NULL, 0,
                    NULL, r->arena);
    return NULL;
}

static void fetches_once(void)
{
    struct reader readers[READERS];
    struct err e = {0};
    start("1h");
    atomic_store(&trouble, SLOW);
    atomic_store(&asked_here, 0);
    for (size_t i = 0; i < READERS; i++) {
        readers[i].arena = arena_new(8 << 20);
        T_RC(thread_start(&readers[i].thread, "reader", 512, read_blob, &readers[i], &e), &e,
             "thread");
    }
    for (size_t i = 0; i < READERS; i++) {
        (void)pthread_join(readers[i].thread, NULL);
        T_EQ_INT(readers[i].answer.status, 200, "a reader");
        T_OK(readers[i].answer.body_len == BLOB && memcmp(readers[i].answer.body, blob, BLOB) == 0,
             "its bytes");
        arena_free(readers[i].arena);
    }
    T_EQ_INT(atomic_load(&blobs), 1, "fetched once");
    struct http_answer r = get(arena_printf(arena, "hub/lib/app/blobs/%s", digest));
    T_EQ_STR(state(&r), "slipway; hit", "here now");
    stop();
}

static void print(void *arg, const char *line)
{
    (void)arg;
    T_FAIL("check", "%s", line);
}

/* Wrong bytes are never all of an answer, nor are they kept. */
static void believes_digests_only(void)
{
    struct err e = {0};
    const struct image_check_opts o = {.report = print};
    struct image_check_result result;
    const char *path;
    start("1h");
    path = arena_printf(arena, "hub/lib/app/blobs/%s", digest);
    (void)get("hub/lib/app/manifests/1");
    atomic_store(&trouble, LYING);
    T_EQ_INT(get(path).status, -1, "it is cut off");
    T_EQ_INT(ask(&here, "GET", path, NULL, 0, "Range: bytes=0-9", arena).status, 503, "in part");
    T_OK(!blob_has(image_store_blobs(here.images), digest, NULL), "it is not kept");
    T_RC(image_store_check(here.images, &o, &result, &e), &e, "check");
    T_EQ_INT(result.bad, 0, "a copy may lack parts");
    atomic_store(&trouble, NONE);
    T_EQ_INT(ask(&here, "HEAD", path, NULL, 0, NULL, arena).status, 200, "a question fetches not");
    T_OK(!blob_has(image_store_blobs(here.images), digest, NULL), "a question fetches not");
    struct http_answer r = ask(&here, "GET", path, NULL, 0, "Range: bytes=2-4", arena);
    T_EQ_INT(r.status, 206, "a part");
    T_EQ_STR(r.body, "cde", "a part");
    stop();
}

/* Less came than HEAD said, and yet it is the blob: it is kept, and nobody waits for the rest. */
static void ends_where_bytes_end(void)
{
    start("1h");
    const char *path = arena_printf(arena, "hub/lib/app/blobs/%s", digest);
    atomic_store(&trouble, BOASTING);
    T_EQ_INT(get(path).status, -1, "it is cut off");
    struct http_answer r = get(path);
    T_OK(r.status == 200 && r.body_len == BLOB, "it is here");
    T_EQ_STR(state(&r), "slipway; hit", "it is here");
    stop();
}

T_MAIN(revalidates_tags, waits_to_ask_again, fetches_once, believes_digests_only,
       ends_where_bytes_end)
