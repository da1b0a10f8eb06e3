/* statement.c - SLSA v1.0, and what it shares with v0.2. */
#include <string.h>

#include "codec/base64.h"
#include "codec/json.h"
#include "ctl/chains/hints.h"
#include "ctl/chains/statement_int.h"
#include "sign/provenance.h"

bool statement__is_pipeline(const struct chains_run *r)
{
    return strcmp(r->kind, "PipelineRun") == 0;
}

const struct chains_artifact *statement__terms(const struct chains_run *r,
                                               const struct chains_config *c)
{
    return statement__is_pipeline(r) ? &c->pipeline : &c->task;
}

static const struct value *status(const struct value *run)
{
    return value_get(run, "status");
}

/* ---- what was made ---- */

static void task_subjects(const struct value *task_run, bool marked, struct arena *a,
                          struct value *into)
{
    if (marked)
        VALUE_EACH_ITEM (step, value_get(status(task_run), "steps"))
            hints_subjects(value_get(step, "results"), true, a, into);
    hints_subjects(value_get(status(task_run), "results"), marked, a, into);
}

struct value *statement__subjects(const struct chains_run *r, const struct chains_artifact *terms,
                                  struct arena *a)
{
    bool marked = terms->format == CHAINS_V2ALPHA4;
    struct value *into = value_new_array(a);
    if (!statement__is_pipeline(r)) {
        task_subjects(r->run, marked, a, into);
        return into;
    }
    hints_subjects(value_get(status(r->run), "results"), marked, a, into);
    for (size_t i = 0; terms->deep && i < r->n_children; i++)
        task_subjects(r->children[i], marked, a, into);
    return into;
}

/* ---- what was taken ---- */

static void add_image(const char *id, struct arena *a, struct value *into)
{
    const char *pullable = "docker-pullable://", *at = strchr(id, '@');
    if (strncmp(id, pullable, strlen(pullable)) == 0)
        id += strlen(pullable);
    if (at)
        hints_add(a, into,
                  hints_item(a, "uri", arena_printf(a, "oci://%.*s", (int)(at - id), id), at + 1));
}

void statement__images(const struct value *task_run, struct arena *a, struct value *into)
{
    VALUE_EACH_ITEM (s, value_get(status(task_run), "steps"))
        add_image(value_at_str(s, "imageID", ""), a, into);
    VALUE_EACH_ITEM (s, value_get(status(task_run), "sidecars"))
        add_image(value_at_str(s, "imageID", ""), a, into);
}

struct value *statement__source(const struct value *holder, const char *name, struct arena *a)
{
    const struct value *source = value_at(holder, "provenance.refSource");
    if (!source)
        return NULL;
    struct value *v = value_new_object(a);
    if (name)
        (void)value_set_str(a, v, "name", name);
    (void)value_set_str(a, v, "uri", value_at_str(source, "uri", ""));
    if (value_get(source, "digest"))
        (void)value_set(a, v, "digest", value_get(source, "digest"));
    return v;
}

/* The declared defaults, what the run was given, and what came out: the later one counts. */
static void look_for_git(const struct value *run, const char *spec, struct hints_git *g)
{
    hints_git_look(g, value_get(value_get(status(run), spec), "params"), "default");
    hints_git_look(g, value_at(run, "spec.params"), "value");
    hints_git_look(g, value_get(status(run), "results"), "value");
}

static void task_inputs(const struct value *task_run, struct arena *a, struct value *into)
{
    struct hints_git g = {0};
    look_for_git(task_run, "taskSpec", &g);
    hints_git_add(&g, a, into);
    hints_inputs(value_get(status(task_run), "results"), a, into);
}

static void step_inputs(const struct value *task_run, struct arena *a, struct value *into)
{
    VALUE_EACH_ITEM (step, value_get(status(task_run), "steps")) {
        struct hints_git g = {0};
        hints_git_look(&g, value_get(step, "results"), "value");
        hints_git_add(&g, a, into);
        hints_inputs(value_get(step, "results"), a, into);
    }
}

void statement__inputs(const struct chains_run *r, const struct chains_artifact *terms,
                       struct arena *a, struct value *into)
{
    bool steps = terms->format == CHAINS_V2ALPHA4;
    if (!statement__is_pipeline(r)) {
        if (steps)
            step_inputs(r->run, a, into);
        task_inputs(r->run, a, into);
        return;
    }
    hints_inputs(value_get(status(r->run), "results"), a, into);
    for (size_t i = 0; terms->deep && i < r->n_children; i++) {
        if (steps)
            step_inputs(r->children[i], a, into);
        task_inputs(r->children[i], a, into);
    }
    struct hints_git g = {0};
    look_for_git(r->run, "pipelineSpec", &g);
    hints_git_add(&g, a, into);
}

/* ---- SLSA v1.0: build definition ---- */

static bool is_verbose(const struct chains_config *c)
{
    return strcmp(c->build_type, "https://tekton.dev/chains/v2/slsa-tekton") == 0;
}

static char *content_of(const struct value *v, struct arena *a)
{
    char *text = json_text(a, v, 0);
    return base64_encode(a, text, strlen(text), BASE64_STD);
}

/* A task of a pipeline: where its spec is from, and with slsa-tekton the whole run. */
static void add_child(const struct value *child, const struct chains_config *c, struct arena *a,
                      struct value *deps)
{
    struct value *v = statement__source(status(child), "pipelineTask", a);
    if (is_verbose(c)) {
        if (!v)
            v = value_new_object(a);
        (void)value_set_str(a, v, "name", "pipelineTask");
        (void)value_set_str(a, v, "content", content_of(child, a));
    }
    hints_add(a, deps, v);
}

static void add_step_actions(const struct value *task_run, struct arena *a, struct value *deps)
{
    VALUE_EACH_ITEM (s, value_get(status(task_run), "steps")) {
        const char *name = arena_printf(a, "stepAction/%s", value_at_str(s, "name", ""));
        struct value *v = statement__source(s, name, a);
        if (v) /* kept even where another has the same source */
            (void)value_push(a, deps, v);
    }
}

static struct value *dependencies(const struct chains_run *r, const struct chains_config *c,
                                  struct arena *a)
{
    const struct chains_artifact *terms = statement__terms(r, c);
    bool pipeline = statement__is_pipeline(r), steps = terms->format == CHAINS_V2ALPHA4;
    struct value *deps = value_new_array(a), *inputs = value_new_array(a);
    struct value *own = statement__source(status(r->run), pipeline ? "pipeline" : "task", a);
    if (own)
        (void)value_push(a, deps, own);
    for (size_t i = 0; pipeline && i < r->n_children; i++) {
        add_child(r->children[i], c, a, deps);
        statement__images(r->children[i], a, deps);
        if (steps)
            add_step_actions(r->children[i], a, deps);
    }
    if (!pipeline) {
        statement__images(r->run, a, deps);
        if (steps)
            add_step_actions(r->run, a, deps);
    }
    statement__inputs(r, terms, a, inputs);
    VALUE_EACH_ITEM (i, inputs) {
        struct value *v = value_new_object(a);
        (void)value_set_str(a, v, "name", "inputs/result");
        VALUE_EACH_MEMBER (m, i)
            (void)value_set(a, v, m->key, &m->value);
        hints_add(a, deps, v);
    }
    return deps;
}

static struct value *outside(const struct value *run, struct arena *a)
{
    struct value *v = value_new_object(a);
    const struct value *source = value_at(run, "status.provenance.refSource");
    if (source) {
        const char *ref = "";
        VALUE_EACH_MEMBER (m, value_get(source, "digest"))
            ref = arena_printf(a, "%s:%s", m->key, value_str(&m->value, ""));
        struct value *from = value_make_object(a, v, "buildConfigSource");
        (void)value_set_str(a, from, "ref", ref);
        (void)value_set_str(a, from, "repository", value_at_str(source, "uri", ""));
        (void)value_set_str(a, from, "path", value_at_str(source, "entryPoint", ""));
    }
    if (value_get(run, "spec"))
        (void)value_set(a, v, "runSpec", value_get(run, "spec"));
    return v;
}

struct value *statement__annotations(const struct value *run, struct arena *a)
{
    struct value *v = value_new_object(a);
    VALUE_EACH_MEMBER (m, value_at(run, "metadata.annotations"))
        if (strncmp(m->key, "chains.tekton.dev/", 18) != 0 &&
            strcmp(m->key, "kubectl.kubernetes.io/last-applied-configuration") != 0)
            (void)value_set(a, v, m->key, &m->value);
    return v;
}

static struct value *inside(const struct value *run, const struct chains_config *c, struct arena *a)
{
    struct value *v = value_new_object(a);
    const struct value *flags = value_at(run, "status.provenance.featureFlags");
    if (flags)
        (void)value_set(a, v, "tekton-pipelines-feature-flags", flags);
    if (is_verbose(c)) {
        const struct value *labels = value_at(run, "metadata.labels");
        (void)value_set(a, v, "labels", labels ? labels : value_new_object(a));
        (void)value_set(a, v, "annotations", statement__annotations(run, a));
    }
    return v;
}

/* ---- SLSA v1.0: run details ---- */

static void add_products(const struct value *results, const char *prefix, bool marked,
                         struct arena *a, struct value *into)
{
    VALUE_EACH_ITEM (r, results) {
        if (marked && hints_is_output(r))
            continue;
        struct value *v = value_push(a, into, value_new_object(a));
        (void)value_set(a, v, "name",
                        value_new_strf(a, "%s%s", prefix, value_at_str(r, "name", "")));
        (void)value_set_str(a, v, "content", content_of(value_get(r, "value"), a));
        (void)value_set_str(a, v, "mediaType", "application/json");
    }
}

static void add_task_products(const struct value *task_run, bool marked, struct arena *a,
                              struct value *into)
{
    const char *name = value_at_str(task_run, "metadata.name", "");
    const char *prefix = marked ? arena_printf(a, "taskRunResults/%s/", name) : "taskRunResults/";
    add_products(value_get(status(task_run), "results"), prefix, marked, a, into);
    if (marked)
        VALUE_EACH_ITEM (s, value_get(status(task_run), "steps"))
            add_products(value_get(s, "results"), arena_printf(a, "stepResults/%s/", name), true, a,
                         into);
}

static struct value *products(const struct chains_run *r, const struct chains_artifact *terms,
                              struct arena *a)
{
    bool marked = terms->format == CHAINS_V2ALPHA4;
    struct value *into = value_new_array(a);
    const char *name = value_at_str(r->run, "metadata.name", "");
    if (!statement__is_pipeline(r)) {
        add_task_products(r->run, marked, a, into);
        return into;
    }
    add_products(value_get(status(r->run), "results"),
                 marked ? arena_printf(a, "pipelineRunResults/%s/", name) : "pipelineRunResults/",
                 marked, a, into);
    for (size_t i = 0; marked && terms->deep && i < r->n_children; i++)
        add_task_products(r->children[i], true, a, into);
    return into;
}

static struct value *details(const struct chains_run *r, const struct chains_config *c,
                             struct arena *a)
{
    static const char *const times[][2] = {
        {"startTime",      "startedOn" },
        {"completionTime", "finishedOn"}
    };
    struct value *v = value_new_object(a);
    (void)value_set_str(a, value_make_object(a, v, "builder"), "id", c->builder);
    struct value *meta = value_make_object(a, v, "metadata");
    (void)value_set_str(a, meta, "invocationId", value_at_str(r->run, "metadata.uid", ""));
    for (size_t i = 0; i < 2; i++) {
        const struct value *t = value_get(status(r->run), times[i][0]);
        if (t)
            (void)value_set(a, meta, times[i][1], t);
    }
    struct value *made = products(r, statement__terms(r, c), a);
    if (value_count(made))
        (void)value_set(a, v, "byproducts", made);
    return v;
}

static struct value *predicate(const struct chains_run *r, const struct chains_config *c,
                               struct arena *a)
{
    struct value *v = value_new_object(a), *b = value_new_object(a);
    (void)value_set_str(a, b, "buildType", c->build_type);
    (void)value_set(a, b, "externalParameters", outside(r->run, a));
    (void)value_set(a, b, "internalParameters", inside(r->run, c, a));
    (void)value_set(a, b, "resolvedDependencies", dependencies(r, c, a));
    (void)value_set(a, v, "buildDefinition", b);
    (void)value_set(a, v, "runDetails", details(r, c, a));
    return v;
}

struct value *chains_statement(const struct chains_run *r, const struct chains_config *c,
                               struct arena *a)
{
    const struct chains_artifact *terms = statement__terms(r, c);
    bool old = terms->format == CHAINS_V1;
    struct value *s = value_new_object(a);
    (void)value_set_str(a, s, "_type",
                        old ? "https://in-toto.io/Statement/v0.1"
                            : "https://in-toto.io/Statement/v1");
    (void)value_set(a, s, "subject", statement__subjects(r, terms, a));
    (void)value_set_str(a, s, "predicateType",
                        old ? "https://slsa.dev/provenance/v0.2" : SLSA_PROVENANCE_V1);
    (void)value_set(a, s, "predicate",
                    old ? statement__predicate_v02(r, c, a) : predicate(r, c, a));
    return s;
}
