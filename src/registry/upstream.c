/* upstream.c - manifests of repositories that are copies of another registry's. A tag is asked for
 * with HEAD, which counts towards nobody's limit; what is here goes on being served when the other
 * side cannot, and the answer says so (Cache-Status, RFC 9211). */
#include "registry/upstream_int.h"

#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "oci/media.h"

enum { ASKED_MAX = 1 << 14, QUESTION_MS = 30000, CONNECT_MS = 5000, STALL_MS = 60000 };

#define ACCEPT_ALL                                                                                 \
    MEDIA_OCI_INDEX ", " MEDIA_OCI_MANIFEST ", " MEDIA_DOCKER_LIST ", " MEDIA_DOCKER_MANIFEST

bool upstream__of(const struct registry_policy *p, const char *repository, struct upstream *out)
{
    out->at = registry_policy_upstream(p, repository, &out->path);
    return out->at != NULL;
}

const char *upstream__mark(struct arena *a, const char *repository)
{
    return arena_printf(a, "u/%s", repository);
}

static const char *host_of(const char *url)
{
    return strstr(url, "://") + 3;
}

/* "busybox" is "library/busybox" at Docker Hub. */
static const char *path_at(const struct upstream *u, const char *url, struct arena *a)
{
    bool hub = strcmp(host_of(url), "registry-1.docker.io") == 0 && !strchr(u->path, '/');
    return hub ? arena_printf(a, "library/%s", u->path) : u->path;
}

static int ask_one(struct registry *r, const struct upstream *u, const char *url,
                   const struct remote_call *call, struct remote *remote, struct http_answer *out,
                   struct err *e)
{
    const struct registry_opts *o = &r->opts;
    const char *host = host_of(url);
    AUTO(arena) struct arena *a = arena_new(1 << 20);
    struct image_auth auth = {0};
    const struct http_client_opts http = {.connect_timeout_ms = CONNECT_MS,
                                          .timeout_ms = call->on_data ? 0 : QUESTION_MS,
                                          .stall_timeout_ms = STALL_MS,
                                          .insecure = u->at->insecure};
    int rc = u->at->secret && o->login ? o->login(o->arg, u->at->secret, host, a, &auth, e) : 0;
    const struct remote_opts ro = {.url = url,
                                   .host = host,
                                   .path = path_at(u, url, a),
                                   .actions = "pull",
                                   .auth = auth.user || auth.token ? &auth : NULL,
                                   .http = &http};
    if (rc < 0 || (rc = remote_open(&ro, remote, e)) < 0)
        return rc;
    rc = remote_do(remote, call, out, e);
    remote->auth = NULL; /* it goes with this function */
    if (rc < 0)
        remote_close(remote);
    return rc;
}

int upstream__ask(struct registry *r, const struct upstream *u, const struct remote_call *call,
                  struct remote *remote, struct http_answer *out, int *status, struct err *e)
{
    int rc = ERR_AGAIN;
    *status = 0;
    for (const char *const *url = u->at->urls; *url; url++) {
        rc = ask_one(r, u, *url, call, remote, out, e);
        if (rc < 0)
            continue;
        *status = out->status;
        if (out->status != 429 && out->status < 500)
            return 0;
        (void)remote_refused(remote, out, u->path, e);
        remote_close(remote);
        rc = ERR_AGAIN;
    }
    return rc;
}

void upstream__refuse(struct registry_call *c, const struct upstream *u, int status,
                      const char *code, const struct err *e)
{
    const char *from = host_of(u->at->urls[0]);
    if (status == 404)
        answer__error(c, 404, code, arena_printf(c->arena, "%s has no such thing", from));
    else if (status == 401 || status == 403)
        answer__error(
            c, 403, "DENIED",
            arena_printf(c->arena, "%s does not give %s to this registry", from, u->path));
    else if (status == 429)
        answer__error(c, 429, "TOOMANYREQUESTS",
                      arena_printf(c->arena, "%s has been asked too often", from));
    else
        answer__error(c, 503, "UNAVAILABLE", e->msg[0] ? e->msg : "the upstream gives no answer");
}

/* ---- what was asked when ---- */

static bool is_fresh(struct registry *r, const char *name, int64_t ms)
{
    LOCK_SCOPE(&r->lock);
    const void *at = map_get(&r->asked, name);
    return at && clock_mono_ms() - (int64_t)(intptr_t)at < ms;
}

static void is_asked(struct registry *r, const char *name)
{
    LOCK_SCOPE(&r->lock);
    if (map_size(&r->asked) >= ASKED_MAX) { /* they are asked for once more */
        map_done(&r->asked);
        map_init(&r->asked);
    }
    (void)map_put(&r->asked, name, (void *)(intptr_t)clock_mono_ms());
}

/* ---- fetching ---- */

static int store_manifest(struct registry_call *c, const char *expected,
                          const struct http_answer *answer, struct manifest *m,
                          char digest[DIGEST_MAX], struct err *e)
{
    struct blob_writer *w;
    const char *type = http_answer_header(answer, "content-type");
    if (type)
        type = arena_strndup(c->arena, type, strcspn(type, "; "));
    if (type && !strstr(type, "+json"))
        type = NULL; /* registries that say text/plain */
    if (answer->body_len > c->registry->opts.max_manifest_bytes)
        return err_set(e, ERR_TOO_LARGE, "the manifest has %zu bytes", answer->body_len);
    int rc = manifest_parse(c->arena, answer->body, answer->body_len, type, m, e);
    if (rc < 0 || (rc = blob_writer_new(c->registry->blobs, &w, e)) < 0)
        return rc;
    if ((rc = blob_write(w, answer->body, answer->body_len, e)) < 0) {
        blob_cancel(w);
        return rc;
    }
    return blob_commit(w, expected, digest, e);
}

static int keep(struct registry_call *c, const struct upstream *u, const char *expected,
                const struct http_answer *answer, struct err *e)
{
    struct manifest m;
    char digest[DIGEST_MAX];
    struct ref_change list[4];
    size_t n = 0;
    bool by_digest = strchr(c->reference, ':') != NULL;
    int rc = store_manifest(c, expected, answer, &m, digest, e);
    if (rc < 0)
        return rc;
    list[n++] = (struct ref_change){
        .name = upstream__mark(c->arena, c->repository), .digest = "", .note = u->at->urls[0]};
    list[n++] = (struct ref_change){
        .name = name_manifest(c, digest), .digest = digest, .note = m.media_type};
    if (m.subject)
        list[n++] = (struct ref_change){
            .name = arena_printf(c->arena, "r/%s@%s/%s", c->repository, m.subject, digest),
            .digest = digest};
    if (!by_digest)
        list[n++] = (struct ref_change){.name = name_tag(c, c->reference), .digest = digest};
    return refs_change(c->registry->refs, list, n, e);
}

/* True: answered, since it could not be had. */
static bool fetch(struct registry_call *c, const struct upstream *u, const char *expected,
                  int *status, struct err *e)
{
    struct http_answer answer;
    struct remote remote;
    const struct remote_call get = {.method = "GET",
                                    .path = arena_printf(c->arena, "/manifests/%s", c->reference),
                                    .accept = ACCEPT_ALL,
                                    .once = true};
    int rc = upstream__ask(c->registry, u, &get, &remote, &answer, status, e);
    if (rc < 0)
        return false;
    bool here = answer.status == 200;
    if (here && keep(c, u, expected, &answer, e) < 0) {
        *status = 0;
        here = false;
    }
    remote_close(&remote);
    return here;
}

static void says(struct registry_call *c, const char *what)
{
    answer__set(c, "Cache-Status", "slipway; %s", what);
}

static bool by_digest(struct registry_call *c, const struct upstream *u)
{
    struct err e = {0};
    int status;
    if (refs_has(c->registry->refs, name_manifest(c, c->reference)) &&
        blob_has(c->registry->blobs, c->reference, NULL)) {
        says(c, "hit");
        return false;
    }
    if (fetch(c, u, c->reference, &status, &e)) {
        says(c, "fwd=miss; stored");
        return false;
    }
    upstream__refuse(c, u, status, "MANIFEST_UNKNOWN", &e);
    return true;
}

/* The digest that the tag has there now; NULL: its answer does not say. */
static const char *digest_there(struct registry_call *c, const struct http_answer *answer)
{
    const char *digest = http_answer_header(answer, "docker-content-digest");
    const char *tag = http_answer_header(answer, "etag");
    if (!digest && tag) /* "sha256:…", as registries have it */
        digest = arena_strndup(c->arena, tag + (*tag == '"'), strcspn(tag + (*tag == '"'), "\""));
    return digest && blob_digest_check(digest, NULL) == 0 ? arena_strdup(c->arena, digest) : NULL;
}

/* 0, or ERR_AGAIN when there is no answer. *there: as digest_there(). */
static int look(struct registry_call *c, const struct upstream *u, int *status, const char **there,
                struct err *e)
{
    struct http_answer answer;
    struct remote remote;
    const struct remote_call head = {.method = "HEAD",
                                     .path = arena_printf(c->arena, "/manifests/%s", c->reference),
                                     .accept = ACCEPT_ALL,
                                     .once = true};
    int rc = upstream__ask(c->registry, u, &head, &remote, &answer, status, e);
    if (rc < 0)
        return rc;
    *there = *status == 200 ? digest_there(c, &answer) : NULL;
    remote_close(&remote);
    return 0;
}

static bool serve_stale(struct registry_call *c, const struct upstream *u, int status,
                        const struct err *e)
{
    says(c, status ? arena_printf(c->arena, "hit; fwd=stale; fwd-status=%d", status)
                   : "hit; fwd=stale; detail=unreachable");
    log_warn("registry", "%s:%s is served as it was copied last: %s: %s", c->repository,
             c->reference, u->at->urls[0], e->msg);
    return false;
}

static bool by_tag(struct registry_call *c, const struct upstream *u)
{
    struct registry *r = c->registry;
    struct err e = {0};
    struct ref had = {0};
    int status = 0;
    const char *there = NULL, *name = name_tag(c, c->reference);
    bool have =
        refs_get(r->refs, name, c->arena, &had, NULL) == 0 && blob_has(r->blobs, had.digest, NULL);
    if (have && is_fresh(r, name, u->at->revalidate_ms)) {
        says(c, "hit");
        return false;
    }
    int rc = look(c, u, &status, &there, &e);
    if (rc == 0 && status != 200) {
        upstream__refuse(c, u, status, "MANIFEST_UNKNOWN", &e);
        return true;
    }
    bool same = rc == 0 && have && there && strcmp(there, had.digest) == 0;
    if (same || (rc == 0 && fetch(c, u, there, &status, &e))) {
        is_asked(r, name);
        says(c, same ? "hit; detail=revalidated" : have ? "fwd=stale; stored" : "fwd=miss; stored");
        return false;
    }
    is_asked(r, name); /* not again at once: it has trouble enough */
    if (have)
        return serve_stale(c, u, status, &e);
    upstream__refuse(c, u, status, "MANIFEST_UNKNOWN", &e);
    return true;
}

bool upstream__manifest(struct registry_call *c, const struct upstream *u)
{
    if (blob_digest_check(c->reference, NULL) == 0)
        return by_digest(c, u);
    return reference_tag_ok(c->reference) && by_tag(c, u);
}
