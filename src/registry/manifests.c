#include <string.h>

#include "base/buf.h"
#include "registry/registry_int.h"

enum { TAGS_AT_ONCE_MAX = 64 };

/* The manifest that the reference stands for, or answered. */
static int find(struct registry_call *c, struct ref *out)
{
    struct ref tag;
    const char *digest = c->reference;
    struct refs *refs = c->registry->refs;
    if (blob_digest_check(digest, NULL) < 0) {
        if (strchr(digest, ':')) {
            answer__error(c, 400, "DIGEST_INVALID", "the digest is not well-formed");
            return -1;
        }
        if (!reference_tag_ok(digest) ||
            refs_get(refs, name_tag(c, digest), c->arena, &tag, NULL) < 0) {
            answer__error(c, 404, "MANIFEST_UNKNOWN", "no such tag in this repository");
            return -1;
        }
        digest = tag.digest;
    }
    if (refs_get(refs, name_manifest(c, digest), c->arena, out, NULL) < 0) {
        answer__error(c, 404, "MANIFEST_UNKNOWN", "no such manifest in this repository");
        return -1;
    }
    return 0;
}

static void get(struct registry_call *c)
{
    struct err e = {0};
    struct ref m;
    uint64_t size;
    int fd;
    if (find(c, &m) < 0)
        return;
    if (blob_open(c->registry->blobs, m.digest, &fd, &size, &e) < 0) {
        answer__err(c, &e, "MANIFEST_UNKNOWN");
        return;
    }
    (void)blob_touch(c->registry->blobs, m.digest);
    answer__set(c, "Docker-Content-Digest", "%s", m.digest);
    answer__set(c, "ETag", "\"%s\"", m.digest);
    http_send_file(c->q, 200, m.note, fd, 0, (int64_t)size);
}

/* An image needs all its blobs. An index may name images that are elsewhere: clients copy single
 * platforms. */
static int check_parts(struct registry_call *c, const struct manifest *m, struct err *e)
{
    struct descriptor d;
    for (size_t i = 0; manifest_next(m, &i, &d);) {
        if (d.is_manifest || d.foreign)
            continue;
        if (!refs_has(c->registry->refs, name_blob(c, c->repository, d.digest)) ||
            !blob_touch(c->registry->blobs, d.digest))
            return err_set(e, ERR_INVALID, "blob %s is not in this repository", d.digest);
    }
    return 0;
}

static const char *content_type(struct registry_call *c)
{
    const char *header = http_header(c->q, "Content-Type");
    if (!header || !*header)
        return NULL;
    return arena_strndup(c->arena, header, strcspn(header, "; \t"));
}

struct push {
    const char *json;
    size_t n;
    struct manifest manifest;
    char digest[DIGEST_MAX];
    const char *tags[TAGS_AT_ONCE_MAX];
    size_t n_tags;
};

/* The tags asked for: in the path, or as parameters beside a digest. */
static int read_tags(struct registry_call *c, struct push *p, struct err *e)
{
    const char *name, *value;
    if (blob_digest_check(c->reference, NULL) < 0)
        p->tags[p->n_tags++] = c->reference;
    for (size_t i = 0; http_query_next(c->q, &i, &name, &value);) {
        if (strcmp(name, "tag") != 0)
            continue;
        if (p->n_tags == TAGS_AT_ONCE_MAX)
            return err_set(e, ERR_TOO_LARGE, "more than %d tags at once", TAGS_AT_ONCE_MAX);
        p->tags[p->n_tags++] = value;
    }
    for (size_t i = 0; i < p->n_tags; i++) {
        if (!reference_tag_ok(p->tags[i]))
            return err_set(e, ERR_INVALID, "tag \"%.130s\" is not allowed", p->tags[i]);
    }
    return 0;
}

static int store(struct registry_call *c, struct push *p, struct err *e)
{
    const struct registry_opts *o = &c->registry->opts;
    const char *expected = blob_digest_check(c->reference, NULL) == 0 ? c->reference : NULL;
    struct blob_writer *w;
    int rc = blob_writer_new(c->registry->blobs, &w, e);
    if (rc < 0)
        return rc;
    if ((rc = blob_write(w, p->json, p->n, e)) < 0) {
        blob_cancel(w);
        return rc;
    }
    if ((rc = blob_commit(w, expected, p->digest, e)) < 0)
        return rc;
    for (size_t i = 0; i < p->n_tags && o->admit && rc == 0; i++)
        rc = o->admit(o->arg, c->repository, p->tags[i], p->digest, e);
    return rc == 0 ? tagging__take(c, p->digest, p->n, e) : rc;
}

/* All names at once: the manifest, its place among referrers, its tags. */
static int publish(struct registry_call *c, struct push *p, struct err *e)
{
    struct ref_change list[TAGS_AT_ONCE_MAX + 2];
    size_t n = 0;
    list[n++] = (struct ref_change){
        .name = name_manifest(c, p->digest), .digest = p->digest, .note = p->manifest.media_type};
    if (p->manifest.subject)
        list[n++] = (struct ref_change){.name = arena_printf(c->arena, "r/%s@%s/%s", c->repository,
                                                             p->manifest.subject, p->digest),
                                        .digest = p->digest};
    for (size_t i = 0; i < p->n_tags; i++)
        list[n++] = (struct ref_change){
            .name = name_tag(c, p->tags[i]),
            .digest = p->digest,
            .once = registry_policy_fixes(c->policy, c->repository, p->tags[i])};
    int rc = refs_change(c->registry->refs, list, n, e);
    return tagging__fixed(c->repository, p->n_tags ? p->tags[0] : "", rc, e);
}

static void accepted(struct registry_call *c, struct push *p)
{
    const struct registry_opts *o = &c->registry->opts;
    answer__set(c, "Location", "/v2/%s/manifests/%s", c->repository, p->digest);
    answer__set(c, "Docker-Content-Digest", "%s", p->digest);
    if (p->manifest.subject)
        answer__set(c, "OCI-Subject", "%s", p->manifest.subject);
    for (size_t i = 0; i < p->n_tags; i++) {
        answer__set(c, "OCI-Tag", "%s", p->tags[i]);
        if (o->tagged)
            o->tagged(o->arg, c->repository, p->tags[i], p->digest);
    }
    answer__empty(c, 201);
}

static void put(struct registry_call *c)
{
    struct err e = {0};
    char *json;
    struct push p = {0};
    size_t max = c->registry->opts.max_manifest_bytes;
    if (strchr(c->reference, ':') && blob_digest_check(c->reference, &e) < 0) {
        answer__error(c, 400, "DIGEST_INVALID", e.msg);
        return;
    }
    if (read_tags(c, &p, &e) < 0) {
        answer__err(c, &e, "TAG_INVALID");
        return;
    }
    if (http_read_all(c->q, max, &json, &p.n, &e) < 0 ||
        manifest_parse(c->arena, json, p.n, content_type(c), &p.manifest, &e) < 0) {
        answer__err(c, &e, "MANIFEST_INVALID");
        return;
    }
    p.json = json;
    if (check_parts(c, &p.manifest, &e) < 0) {
        answer__error(c, 404, "MANIFEST_BLOB_UNKNOWN", e.msg);
        return;
    }
    if (store(c, &p, &e) < 0) {
        answer__err(c, &e, "DIGEST_INVALID");
        return;
    }
    if (publish(c, &p, &e) < 0)
        answer__err(c, &e, "MANIFEST_INVALID");
    else
        accepted(c, &p);
}

static int remove_tag(struct registry_call *c, struct err *e)
{
    const struct registry_opts *o = &c->registry->opts;
    const char *name = name_tag(c, c->reference);
    if (!reference_tag_ok(c->reference) || !refs_has(c->registry->refs, name))
        return err_set(e, ERR_NOT_FOUND, "no such tag in this repository");
    int rc = refs_remove(c->registry->refs, name, e);
    if (rc == 0 && o->tagged)
        o->tagged(o->arg, c->repository, c->reference, NULL);
    return rc;
}

static void delete (struct registry_call *c)
{
    struct err e = {0};
    bool by_digest = blob_digest_check(c->reference, NULL) == 0;
    if (!by_digest && strchr(c->reference, ':'))
        answer__error(c, 400, "DIGEST_INVALID", "the digest is not well-formed");
    else if (tagging__may_go(c, &e) < 0)
        answer__err(c, &e, "DENIED");
    else if ((by_digest
                  ? image_store_forget(c->registry->opts.images, c->repository, c->reference, &e)
                  : remove_tag(c, &e)) < 0)
        answer__err(c, &e, "MANIFEST_UNKNOWN");
    else {
        registry_policy_recount(c->policy);
        answer__empty(c, 202);
    }
}

void manifests__handle(struct registry_call *c)
{
    const char *m = c->q->method;
    if (strcmp(m, "GET") == 0 || strcmp(m, "HEAD") == 0)
        get(c);
    else if (strcmp(m, "PUT") == 0)
        put(c);
    else if (strcmp(m, "DELETE") == 0)
        delete (c);
    else
        answer__error(c, 405, "UNSUPPORTED", "a manifest knows GET, HEAD, PUT and DELETE");
}
