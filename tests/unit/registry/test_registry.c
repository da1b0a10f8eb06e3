#include "base/fs.h"
#include "codec/json.h"
#include "net/http_client.h"
#include "registry/registry.h"
#include "t.h"

#define EMPTY_SHA256 "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static char folder[64], tagged_text[256];
static struct image_store *images;
static struct registry *registry;
static struct http_server *server;
static struct http_client *client;
static struct arena *arena;

/* alice may do all, bob may pull team/…, the world may pull public/… */
static int authorize(void *arg, const struct registry_ask *ask, struct err *e)
{
    (void)arg;
    bool pull = ask->action == REGISTRY_PULL, ping = ask->action == REGISTRY_PING;
    if (ask->token && strcmp(ask->token, "secret-token") == 0)
        return 0;
    if (ask->user && strcmp(ask->user, "alice") == 0 && strcmp(ask->password, "pw:1") == 0)
        return 0;
    if (ask->user && strcmp(ask->user, "bob") == 0 && strcmp(ask->password, "pw") == 0) {
        if (ping || ask->action == REGISTRY_CATALOG ||
            (pull && strncmp(ask->repository, "team/", 5) == 0))
            return 0;
        return err_set(e, ERR_DENIED, "bob may not");
    }
    bool nobody = ask->token ? strcmp(ask->token, "nobody") == 0 : !ask->user;
    if (nobody && ping && ask->token)
        return 0;
    if (nobody && pull && strncmp(ask->repository, "public/", 7) == 0)
        return 0;
    return err_set(e, ERR_UNAUTHENTICATED, "who are you?");
}

static int give_token(void *arg, const struct registry_ask *ask, struct arena *a, const char **out,
                      struct err *e)
{
    (void)a;
    if (ask->user && authorize(arg, ask, e) < 0)
        return err_set(e, ERR_UNAUTHENTICATED, "wrong password");
    *out = ask->user ? "secret-token" : "nobody";
    return 0;
}

static void on_tagged(void *arg, const char *repository, const char *tag, const char *digest)
{
    (void)arg;
    (void)snprintf(tagged_text, sizeof tagged_text, "%s:%s %s", repository, tag,
                   digest ? "set" : "removed");
}

static int admit(void *arg, const char *repository, const char *tag, const char *digest,
                 struct err *e)
{
    (void)arg;
    (void)repository;
    (void)digest;
    return strcmp(tag, "frozen") == 0 ? err_set(e, ERR_DENIED, "tag is immutable") : 0;
}

static const char policy_text[] = "immutableTags:\n"
                                  "- {repositories: [kept/**], tags: [\"v*\"]}\n"
                                  "quotas:\n"
                                  "- {repositories: [small/**], maxBytes: 400}\n";
static bool policy_wrong;

static int give_policy(void *arg, struct registry_policy **out, struct err *e)
{
    (void)arg;
    return registry_policy_read(policy_wrong ? "quotas: 1" : policy_text, out, e);
}

static void start(void)
{
    struct err e = {0};
    arena = arena_new(64 << 20);
    (void)snprintf(folder, sizeof folder, "/tmp/slipway-registry-XXXXXX");
    T_OK(mkdtemp(folder) != NULL, "mkdtemp");
    struct image_store_opts o = {.folder = folder};
    T_RC(image_store_open(&o, &images, &e), &e, "open");
    struct registry_opts r = {.images = images,
                              .authorize = authorize,
                              .token = give_token,
                              .tagged = on_tagged,
                              .admit = admit,
                              .policy = give_policy,
                              .max_manifest_bytes = 4096,
                              .max_blob_bytes = 1 << 20};
    T_RC(registry_new(&r, &registry, &e), &e, "registry");
    struct http_listen l = {.address = "127.0.0.1:0"};
    T_RC(http_server_start(&l, registry_handle, registry, &server, &e), &e, "serve");
    client = http_client_new(&(struct http_client_opts){0});
}

static void stop(void)
{
    struct err e = {0};
    http_client_free(client);
    http_server_free(server);
    registry_free(registry);
    image_store_free(images);
    arena_free(arena);
    T_RC(fs_remove_tree(folder, &e), &e, "remove");
}

static struct http_answer ask(const char *method, const char *path, const char *header,
                              const char *type, const char *body)
{
    struct err e = {0};
    struct http_answer out = {0};
    const char *headers[3] = {0};
    size_t n = 0;
    if (header)
        headers[n++] = header;
    if (type)
        headers[n++] = arena_printf(arena, "Content-Type: %s", type);
    struct http_call call = {
        .method = method,
        .url = arena_printf(arena, "http://127.0.0.1:%u%s", http_server_port(server), path),
        .headers = headers,
        .body = body,
        .body_len = body ? strlen(body) : 0,
    };
    T_RC(http_do(client, &call, arena, &out, &e), &e, path);
    return out;
}

static const char alice[] = "Authorization: Basic YWxpY2U6cHc6MQ==";
static const char bob[] = "Authorization: Basic Ym9iOnB3";
static const char bearer[] = "Authorization: Bearer secret-token";
static const char manifest_type[] = "application/vnd.oci.image.manifest.v1+json";

static const char *error_code(const struct http_answer *r)
{
    struct value *doc = NULL;
    if (json_parse(arena, r->body, r->body_len, 0, &doc, NULL) < 0)
        return "";
    return value_str(value_at(doc, "errors[0].code"), "");
}

static void put_blob(const char *repository, const char *digest, const char *body)
{
    struct http_answer r =
        ask("POST", arena_printf(arena, "/v2/%s/blobs/uploads/?digest=%s", repository, digest),
            alice, "application/octet-stream", body);
    T_EQ_INT(r.status, 201, repository);
}

static struct http_answer put_manifest(const char *repository, const char *tag, const char *who)
{
    const char *json = arena_printf(
        arena,
        "{\"schemaVersion\":2,\"config\":{\"mediaType\":\"application/x\",\"digest\":\"%s\","
        "\"size\":0}}",
        EMPTY_SHA256);
    return ask("PUT", arena_printf(arena, "/v2/%s/manifests/%s", repository, tag), who,
               manifest_type, json);
}

static void asks_for_rights(void)
{
    static const struct {
        const char *method, *path, *header;
        int status;
    } cases[] = {
        {"GET",    "/v2/",                       NULL,                                    401},
        {"GET",    "/v2/",                       alice,                                   200},
        {"GET",    "/v2/",                       bearer,                                  200},
        {"GET",    "/v2/",                       "Authorization: Basic YWxpY2U6d3Jvbmc=", 401},
        {"GET",    "/v2/",                       "Authorization: Basic ====",             401},
        {"GET",    "/v2/team/a/manifests/1",     NULL,                                    401},
        {"GET",    "/v2/team/a/manifests/1",     bob,                                     200},
        {"GET",    "/v2/other/a/manifests/1",    bob,                                     403},
        {"GET",    "/v2/public/a/manifests/1",   NULL,                                    200},
        {"DELETE", "/v2/public/a/manifests/1",   NULL,                                    401},
        {"DELETE", "/v2/team/a/manifests/1",     bob,                                     403},
        {"POST",   "/v2/team/a/blobs/uploads/",  bob,                                     403},
        {"GET",    "/v2/team/a/tags/list",       bob,                                     200},
        {"GET",    "/v2/a/%2e%2e/b/manifests/x", alice,                                   400},
        {"GET",    "/v2/UPPER/manifests/x",      alice,                                   400},
        {"GET",    "/other",                     alice,                                   404},
    };
    start();
    static const char *const repositories[] = {"team/a", "other/a", "public/a"};
    for (size_t i = 0; i < 3; i++) {
        put_blob(repositories[i], EMPTY_SHA256, "");
        T_EQ_INT(put_manifest(repositories[i], "1", alice).status, 201, repositories[i]);
    }
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct http_answer r = ask(cases[i].method, cases[i].path, cases[i].header, NULL, NULL);
        T_EQ_INT(r.status, cases[i].status, cases[i].path);
        if (r.status == 401)
            T_OK(http_answer_header(&r, "www-authenticate") != NULL, "challenge");
    }
    struct http_answer r = ask("GET", "/v2/_catalog", bob, NULL, NULL);
    T_OK(strstr(r.body, "team/a") && !strstr(r.body, "other/a"),
         "the catalogue shows what one may see");
    /* Knowing a digest is no right to its bytes, and mounting needs a right to read. */
    r = ask("GET", "/v2/public/none/blobs/" EMPTY_SHA256, NULL, NULL, NULL);
    T_EQ_INT(r.status, 404, "a blob is seen through its repository");
    stop();
}

/* What docker does: ping, ask for a token where the challenge says, come again with it. */
static void gives_tokens(void)
{
    static const char nobody[] = "Authorization: Bearer nobody";
    static const char wrong[] = "Authorization: Basic YWxpY2U6d3Jvbmc=";
    static const struct {
        const char *method, *path, *header;
        int status;
        const char *challenge; /* after the service */
    } cases[] = {
        {"GET",  "/v2/",                        NULL,   401, ""                                 },
        {"GET",  "/v2/",                        nobody, 200, NULL                               },
        {"GET",  "/v2/public/a/manifests/none", nobody, 404, NULL                               },
        {"GET",  "/v2/team/a/manifests/1",      NULL,   401, ",scope=\"repository:team/a:pull\""},
        {"POST", "/v2/public/a/blobs/uploads/", nobody, 401,
         ",scope=\"repository:public/a:pull,push\",error=\"insufficient_scope\""                },
        {"GET",  "/v2/_catalog",                NULL,   401, ",scope=\"registry:catalog:*\""    },
        {"POST", "/v2/token",                   alice,  405, NULL                               },
    };
    static const struct {
        const char *header, *body;
        int status;
    } tokens[] = {
        {NULL,  "{\"token\":\"nobody\",\"access_token\":\"nobody\",\"expires_in\":300}",             200},
        {alice, "{\"token\":\"secret-token\",\"access_token\":\"secret-token\",\"expires_in\":300}",
         200                                                                                            },
        {wrong, "{\"errors\":[{\"code\":\"UNAUTHORIZED\",\"message\":\"wrong password\"}]}",         401},
    };
    start();
    const char *realm =
        arena_printf(arena, "Bearer realm=\"http://127.0.0.1:%u/v2/token\",service=\"slipway\"",
                     http_server_port(server));
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct http_answer r = ask(cases[i].method, cases[i].path, cases[i].header, NULL, NULL);
        T_EQ_INT(r.status, cases[i].status, cases[i].path);
        if (cases[i].challenge)
            T_EQ_STR(http_answer_header(&r, "www-authenticate"),
                     arena_printf(arena, "%s%s", realm, cases[i].challenge), cases[i].path);
    }
    for (size_t i = 0; i < ARRAY_LEN(tokens); i++) {
        struct http_answer r =
            ask("GET", "/v2/token?service=slipway&scope=x", tokens[i].header, NULL, NULL);
        T_EQ_INT(r.status, tokens[i].status, "token");
        T_EQ_STR(r.body, tokens[i].body, "token");
    }
    stop();
}

static void judges_pushes(void)
{
    start();
    put_blob("a", EMPTY_SHA256, "");
    T_EQ_INT(put_manifest("a", "1", alice).status, 201, "push");
    T_EQ_STR(tagged_text, "a:1 set", "told");
    struct http_answer r = put_manifest("a", "frozen", alice);
    T_EQ_INT(r.status, 403, "not admitted");
    T_EQ_STR(error_code(&r), "DENIED", "not admitted");
    r = put_manifest("b", "1", alice);
    T_EQ_STR(error_code(&r), "MANIFEST_BLOB_UNKNOWN", "the blob is another repository's");
    r = put_manifest("a", ".bad", alice);
    T_EQ_STR(error_code(&r), "TAG_INVALID", "tag");
    r = ask("PUT", "/v2/a/manifests/2", alice, manifest_type, "{\"schemaVersion\":1}");
    T_EQ_STR(error_code(&r), "MANIFEST_INVALID", "manifest");
    char big[5000];
    memset(big, ' ', sizeof big - 1);
    big[sizeof big - 1] = '\0';
    T_EQ_INT(ask("PUT", "/v2/a/manifests/2", alice, manifest_type, big).status, 413, "too large");
    r = ask("POST", "/v2/a/blobs/uploads/?digest=" EMPTY_SHA256, alice, NULL, "other");
    T_EQ_STR(error_code(&r), "DIGEST_INVALID", "other bytes");
    char *huge = arena_alloc(arena, (1 << 20) + 2);
    memset(huge, 'x', (1 << 20) + 1);
    T_EQ_INT(ask("POST", "/v2/a/blobs/uploads/?digest=" EMPTY_SHA256, alice, NULL, huge).status,
             413, "blob too large");
    T_EQ_INT(ask("PUT", "/v2/a/blobs/uploads/none?digest=" EMPTY_SHA256, alice, NULL, "").status,
             404, "unknown upload");
    T_EQ_INT(ask("DELETE", "/v2/a/manifests/1", alice, NULL, NULL).status, 202, "delete");
    T_EQ_STR(tagged_text, "a:1 removed", "told");
    T_EQ_INT(ask("GET", "/v2/a/manifests/1", alice, NULL, NULL).status, 404, "gone");
    stop();
}

static const char *error_message(const struct http_answer *r)
{
    struct value *doc = NULL;
    if (json_parse(arena, r->body, r->body_len, 0, &doc, NULL) < 0)
        return "";
    return value_str(value_at(doc, "errors[0].message"), "");
}

static struct http_answer put_other(const char *repository, const char *tag)
{
    return ask("PUT", arena_printf(arena, "/v2/%s/manifests/%s", repository, tag), alice,
               manifest_type,
               "{\"schemaVersion\":2,\"annotations\":{\"a\":\"b\"},\"config\":{\"mediaType\":"
               "\"application/x\",\"digest\":\"" EMPTY_SHA256 "\",\"size\":0}}");
}

static void keeps_tags(void)
{
    static const char about[] =
        "sha256-e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855.sig";
    start();
    put_blob("kept/a", EMPTY_SHA256, "");
    struct http_answer r = put_manifest("kept/a", "v1", alice);
    const char *digest = http_answer_header(&r, "docker-content-digest");
    T_EQ_INT(r.status, 201, "a new tag");
    T_EQ_INT(put_manifest("kept/a", "v1", alice).status, 201, "the same once more");
    r = put_other("kept/a", "v1");
    T_EQ_INT(r.status, 403, "it does not move");
    T_EQ_STR(error_code(&r), "DENIED", "it does not move");
    T_OK(strstr(error_message(&r), "tag v1 of kept/a is immutable: it names sha256:") != NULL,
         "why");
    T_EQ_INT(ask("DELETE", "/v2/kept/a/manifests/v1", alice, NULL, NULL).status, 403, "by tag");
    T_EQ_INT(
        ask("DELETE", arena_printf(arena, "/v2/kept/a/manifests/%s", digest), alice, NULL, NULL)
            .status,
        403, "by digest");
    T_EQ_INT(put_manifest("kept/a", "latest", alice).status, 201, "another tag");
    T_EQ_INT(put_other("kept/a", "latest").status, 201, "moves");
    T_EQ_INT(put_manifest("kept/a", about, alice).status, 201, "a signature's");
    T_EQ_INT(put_other("kept/a", about).status, 201, "moves");
    policy_wrong = true;
    T_EQ_INT(put_manifest("kept/a", "v2", alice).status, 503, "nobody knows what holds");
    T_EQ_INT(ask("GET", "/v2/kept/a/manifests/v1", alice, NULL, NULL).status, 200, "pulls go on");
    policy_wrong = false;
    stop();
}

static void counts_quotas(void)
{
    char text[300], digest[DIGEST_MAX];
    start();
    memset(text, 'x', sizeof text);
    text[299] = '\0';
    blob_digest_of(text, 299, digest);
    put_blob("small/a", digest, text);
    put_blob("small/b", digest, text); /* counts once */
    text[0] = 'y';
    blob_digest_of(text, 299, digest);
    struct http_answer r =
        ask("POST", arena_printf(arena, "/v2/small/a/blobs/uploads/?digest=%s", digest), alice,
            "application/octet-stream", text);
    T_EQ_INT(r.status, 403, "full");
    T_EQ_STR(error_message(&r),
             "small/a: 299 bytes more do not fit into the quota of small/**: 299 of 400 are used; "
             "delete images that nobody needs, or raise the quota",
             "with sizes");
    put_blob("large/a", digest, text);
    r = ask("POST", arena_printf(arena, "/v2/small/b/blobs/uploads/?mount=%s&from=large/a", digest),
            alice, NULL, "");
    T_EQ_INT(r.status, 403, "mounts count, too");
    blob_digest_of(text + 1, 298, digest);
    T_EQ_INT(ask("DELETE", arena_printf(arena, "/v2/large/a/blobs/%s", digest), alice, NULL, NULL)
                 .status,
             404, "not there");
    struct err e = {0};
    put_blob("large/a", EMPTY_SHA256, "");
    r = put_manifest("large/a", "1", alice);
    digest[0] = '\0';
    (void)snprintf(digest, sizeof digest, "%s", http_answer_header(&r, "docker-content-digest"));
    T_RC(registry_tag(registry, "large/b", "1", digest, &e), &e, "no quota");
    T_RC(registry_tag(registry, "kept/b", "v1", digest, &e), &e, "a new tag");
    T_RC(registry_tag(registry, "kept/b", "v1", digest, &e), &e, "the same");
    T_EQ_INT(registry_tag(registry, "small/b", "1", digest, &e), ERR_DENIED, "no room");
    stop();
}

static void sends_ranges(void)
{
    static const struct {
        const char *range;
        int status;
        const char *body;
    } cases[] = {
        {"Range: bytes=0-1",     206, "he"   },
        {"Range: bytes=3-",      206, "lo"   },
        {"Range: bytes=-2",      206, "lo"   },
        {"Range: bytes=1-100",   206, "ello" },
        {"Range: bytes=5-",      416, NULL   },
        {"Range: bytes=-0",      416, NULL   },
        {"Range: bytes=3-1",     200, "hello"},
        {"Range: items=1-2",     200, "hello"},
        {"Range: bytes=0-0,2-3", 200, "hello"},
    };
    static const char path[] =
        "/v2/r/blobs/sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
    start();
    put_blob("r", path + 12, "hello");
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const char *headers[] = {alice, cases[i].range, NULL};
        struct http_answer r = {0};
        struct err e = {0};
        struct http_call call = {
            .method = "GET",
            .url = arena_printf(arena, "http://127.0.0.1:%u%s", http_server_port(server), path),
            .headers = headers};
        T_RC(http_do(client, &call, arena, &r, &e), &e, cases[i].range);
        T_EQ_INT(r.status, cases[i].status, cases[i].range);
        if (cases[i].body)
            T_EQ_STR(r.body, cases[i].body, cases[i].range);
    }
    stop();
}

T_MAIN(asks_for_rights, gives_tokens, judges_pushes, keeps_tags, counts_quotas, sends_ranges)
