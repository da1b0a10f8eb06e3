#include "sign/provenance.h"

#include <string.h>

#define CHAINS_BUILD_TYPE "https://tekton.dev/chains/v2/slsa-tekton"

/* {"sha256": "hex"} of "sha256:hex" */
static struct value *digest_set(struct arena *a, const char *digest)
{
    struct value *v = value_new_object(a);
    const char *colon = strchr(digest, ':');
    if (colon)
        (void)value_set_str(a, v, arena_strndup(a, digest, (size_t)(colon - digest)), colon + 1);
    return v;
}

static void set_some(struct arena *a, struct value *v, const char *key, const char *text)
{
    if (text && *text)
        (void)value_set_str(a, v, key, text);
}

static void add_source(struct arena *a, struct value *deps, const struct provenance *p)
{
    if (!p->repository_url || !*p->repository_url)
        return;
    struct value *d = value_push(a, deps, value_new_object(a));
    (void)value_set(a, d, "uri",
                    value_new_strf(a, "git+%s%s%s", p->repository_url, p->ref && *p->ref ? "@" : "",
                                   p->ref ? p->ref : ""));
    (void)value_set_str(a, value_make_object(a, d, "digest"), "gitCommit", p->commit);
}

static struct value *build_definition(const struct provenance *p, struct arena *a)
{
    struct value *b = value_new_object(a);
    (void)value_set_str(a, b, "buildType", p->build_type ? p->build_type : CHAINS_BUILD_TYPE);
    struct value *outside = value_make_object(a, b, "externalParameters");
    (void)value_set(a, outside, "parameters", p->parameters ? p->parameters : value_new_object(a));
    struct value *source = value_make_object(a, outside, "source");
    set_some(a, source, "repository", p->repository_url);
    set_some(a, source, "ref", p->ref);
    set_some(a, source, "commit", p->commit);
    set_some(a, value_make_object(a, b, "internalParameters"), "pipeline", p->pipeline);
    struct value *deps = value_make_array(a, b, "resolvedDependencies");
    add_source(a, deps, p);
    VALUE_EACH_ITEM(m, p->materials)
    (void)value_push(a, deps, m);
    return b;
}

static struct value *run_details(const struct provenance *p, struct arena *a)
{
    struct value *r = value_new_object(a);
    (void)value_set_str(a, value_make_object(a, r, "builder"), "id", p->builder);
    struct value *meta = value_make_object(a, r, "metadata");
    set_some(a, meta, "invocationId", p->run);
    set_some(a, meta, "startedOn", p->started);
    set_some(a, meta, "finishedOn", p->finished);
    return r;
}

struct value *provenance_statement(const struct provenance *p, struct arena *a)
{
    struct value *s = value_new_object(a);
    (void)value_set_str(a, s, "_type", "https://in-toto.io/Statement/v1");
    struct value *subject = value_push(a, value_make_array(a, s, "subject"), value_new_object(a));
    (void)value_set_str(a, subject, "name", p->name);
    (void)value_set(a, subject, "digest", digest_set(a, p->digest));
    (void)value_set_str(a, s, "predicateType", SLSA_PROVENANCE_V1);
    struct value *predicate = value_make_object(a, s, "predicate");
    (void)value_set(a, predicate, "buildDefinition", build_definition(p, a));
    (void)value_set(a, predicate, "runDetails", run_details(p, a));
    return s;
}
