/* tagging.c - what the policy says of pushes and deletions. */
#include <string.h>

#include "registry/registry_int.h"

enum { CONTENT_MAX = 4096 };

int tagging__fits(struct registry_call *c, const char *digest, uint64_t bytes, struct err *e)
{
    struct registry *r = c->registry;
    const struct registry_content one = {digest, bytes};
    return registry_policy_fits(c->policy, r->refs, r->blobs, c->repository, &one, e);
}

int tagging__take(struct registry_call *c, const char *digest, uint64_t bytes, struct err *e)
{
    struct registry *r = c->registry;
    const struct registry_content one = {digest, bytes};
    return registry_policy_take(c->policy, r->refs, r->blobs, c->repository, &one, 1, e);
}

int tagging__fixed(const char *repository, const char *tag, int rc, struct err *e)
{
    if (rc != ERR_EXISTS)
        return rc;
    const struct err inner = *e;
    (void)err_set(e, ERR_DENIED, "tag %.128s of %.255s is immutable: %.200s", tag, repository,
                  inner.msg);
    return err_hint(e, "push under another tag");
}

static int refuse_to_go(const char *repository, const char *tag, struct err *e)
{
    return err_set(e, ERR_DENIED, "tag %.128s of %.255s is immutable: it is not deleted", tag,
                   repository);
}

int tagging__may_go(struct registry_call *c, struct err *e)
{
    struct ref *tags;
    const char *prefix = name_tag(c, "");
    if (!c->policy)
        return 0;
    if (blob_digest_check(c->reference, NULL) < 0)
        return registry_policy_fixes(c->policy, c->repository, c->reference)
                   ? refuse_to_go(c->repository, c->reference, e)
                   : 0;
    size_t n = refs_list(c->registry->refs, prefix, c->arena, &tags);
    for (size_t i = 0; i < n; i++) {
        const char *tag = tags[i].name + strlen(prefix);
        if (strcmp(tags[i].digest, c->reference) == 0 &&
            registry_policy_fixes(c->policy, c->repository, tag))
            return refuse_to_go(c->repository, tag, e);
    }
    return 0;
}

/* An image's manifest and what it names, as far as it is here. */
static int content_of(struct registry *r, const char *digest, struct arena *a,
                      struct registry_content *out, size_t *n, struct err *e)
{
    struct manifest m;
    struct descriptor d;
    char *json;
    size_t size, i = 0;
    uint64_t bytes;
    int rc = blob_read(r->blobs, digest, MANIFEST_MAX_BYTES, a, &json, &size, e);
    if (rc == 0)
        rc = manifest_parse(a, json, size, NULL, &m, e);
    if (rc < 0)
        return rc;
    out[(*n)++] = (struct registry_content){digest, size};
    while (*n < CONTENT_MAX && manifest_next(&m, &i, &d))
        if (blob_has(r->blobs, d.digest, &bytes)) /* its size is not what the manifest says */
            out[(*n)++] = (struct registry_content){d.digest, bytes};
    return 0;
}

int registry_tag(struct registry *r, const char *repository, const char *tag, const char *digest,
                 struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(64 << 20);
    AUTO(registry_policy) struct registry_policy *policy = NULL;
    struct registry_content *content = ARENA_ARRAY(a, struct registry_content, CONTENT_MAX);
    const char *name = arena_printf(a, IMAGES_LOCAL_HOST "/%s:%s", repository, tag);
    size_t n = 0;
    int rc = r->opts.policy ? r->opts.policy(r->opts.arg, &policy, e) : 0;
    if (rc == 0 && policy)
        rc = content_of(r, digest, a, content, &n, e);
    if (rc == 0)
        rc = registry_policy_take(policy, r->refs, r->blobs, repository, content, n, e);
    if (rc < 0)
        return rc;
    if (!registry_policy_fixes(policy, repository, tag))
        return image_store_tag(r->opts.images, name, digest, e);
    rc = image_store_tag_once(r->opts.images, name, digest, e);
    return tagging__fixed(repository, tag, rc, e);
}
