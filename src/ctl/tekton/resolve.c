/* resolve.c - finding the Task, Pipeline or StepAction that a reference means. */
#include "codec/yaml.h"
#include "ctl/tekton/taskspec.h"
#include "ctl/tekton/tekton_int.h"

static const struct resource *resource_of(const char *kind)
{
    if (strcmp(kind, "Pipeline") == 0)
        return &RES_PIPELINE;
    return strcmp(kind, "StepAction") == 0 ? &RES_STEP_ACTION : &RES_TASK;
}

static const char *param(const struct value *ref, const char *name)
{
    return value_at_str(named(value_get(ref, "params"), name), "value", "");
}

static void take_definition(const struct value *root, const char *kind, struct arena *a,
                            struct resolved *out)
{
    const struct value *spec = value_get(root, "spec");
    out->spec = strcmp(kind, "Task") == 0 ? taskspec_modernize(spec, a) : spec;
    out->name = value_at_str(root, "metadata.name", "");
    out->labels = value_at(root, "metadata.labels");
    out->annotations = value_at(root, "metadata.annotations");
}

static int from_cluster(struct controller_ctx *c, const char *ns, const char *kind,
                        const char *name, struct arena *a, struct resolved *out, struct err *e)
{
    const struct resource *res = resource_of(kind);
    struct object *o;
    int r = kube_get(c->kube, res, ns, name, &o, e);
    if (r == ERR_NOT_FOUND)
        return err_set(e, ERR_NOT_FOUND, "%s.tekton.dev \"%s\" not found", res->plural, name);
    if (r < 0)
        return r;
    const struct object *held = object_hold(a, o);
    object_unref(o);
    take_definition(held->root, kind, a, out);
    return 0;
}

/* The document of the right kind in a file's text. */
static int from_text(const char *kind, const char *text, size_t n, struct arena *a,
                     struct resolved *out, struct err *e)
{
    struct value **docs;
    size_t count;
    int r = yaml_or_json_parse_all(a, text, n, 0, &docs, &count, e);
    if (r < 0)
        return r;
    for (size_t i = 0; i < count; i++) {
        const char *is = value_at_str(docs[i], "kind", "");
        if (strcmp(is, kind) == 0) {
            take_definition(docs[i], kind, a, out);
            return 0;
        }
    }
    return err_set(e, ERR_INVALID, "the resolved file holds no %s", kind);
}

static int from_git(struct tekton *t, const struct value *ref, struct arena *a, char **text,
                    size_t *n, struct err *e)
{
    const char *url = param(ref, "url"), *path = param(ref, "pathInRepo");
    if (!*url) /* the authenticated form names the repository alone */
        url = param(ref, "repo");
    if (!*url || !*path)
        return err_set(e, ERR_INVALID, "git resolver: params url and pathInRepo are required");
    if (!t->ports.git_file)
        return err_set(e, ERR_UNSUPPORTED, "git resolver is not offered here");
    return t->ports.git_file(t->ports.arg, url, param(ref, "revision"), path, a, text, n, e);
}

static int from_resolver(struct controller_ctx *c, const char *ns, const char *kind,
                         const struct value *ref, struct arena *a, struct resolved *out,
                         struct err *e)
{
    struct tekton *t = c->arg;
    const char *resolver = value_at_str(ref, "resolver", "");
    char *text;
    size_t n;
    int r = err_set(e, ERR_UNSUPPORTED, "resolver \"%s\" is not offered here", resolver);
    if (strcmp(resolver, "cluster") == 0) {
        const char *in = param(ref, "namespace"), *what = param(ref, "kind");
        if (*what && strcasecmp(what, kind) != 0)
            return err_set(e, ERR_INVALID, "cluster resolver: kind \"%s\" where a %s is wanted",
                           what, kind);
        return from_cluster(c, *in ? in : ns, kind, param(ref, "name"), a, out, e);
    }
    if (strcmp(resolver, "git") == 0)
        r = from_git(t, ref, a, &text, &n, e);
    else if (strcmp(resolver, "http") == 0 && t->ports.http_file)
        r = t->ports.http_file(t->ports.arg, param(ref, "url"), a, &text, &n, e);
    else if ((strcmp(resolver, "hub") == 0 || strcmp(resolver, "bundles") == 0) &&
             t->ports.catalog_file)
        r = t->ports.catalog_file(t->ports.arg, kind, param(ref, "name"), a, &text, &n, e);
    if (r < 0)
        return r;
    return from_text(kind, text, n, a, out, e);
}

int tekton__resolve(struct controller_ctx *c, const char *ns, const char *kind,
                    const struct value *ref, struct arena *a, struct resolved *out, struct err *e)
{
    *out = (struct resolved){0};
    if (value_get(ref, "bundle"))
        return err_set(e, ERR_UNSUPPORTED,
                       "bundle \"%s\": Tekton bundles are not offered; use a resolver",
                       value_at_str(ref, "bundle", ""));
    if (*value_at_str(ref, "resolver", ""))
        return from_resolver(c, ns, kind, ref, a, out, e);
    const char *said = value_at_str(ref, "kind", "");
    if (strcmp(said, "ClusterTask") == 0)
        return err_set(e, ERR_UNSUPPORTED,
                       "ClusterTask \"%s\": cluster tasks were removed from "
                       "Tekton; use the cluster resolver",
                       value_at_str(ref, "name", ""));
    return from_cluster(c, ns, kind, value_at_str(ref, "name", ""), a, out, e);
}

int tekton__one_source(const struct value *run, const char *kind, struct arena *a, struct err *e)
{
    const char *ref = arena_printf(a, "spec.%sRef", kind);
    const char *own = arena_printf(a, "spec.%sSpec", kind);
    bool has_ref = value_at(run, ref) != NULL, has_own = value_at(run, own) != NULL;
    if (has_ref != has_own)
        return 0;
    return err_set(e, ERR_INVALID, "expected exactly one, got %s: %s, %s",
                   has_ref ? "both" : "neither", ref, own);
}

void tekton__inherit(struct value *metadata, const struct resolved *from, struct arena *a)
{
    const struct {
        const char *key;
        const struct value *from;
    } maps[] = {
        {"labels",      from->labels     },
        {"annotations", from->annotations},
    };
    for (size_t i = 0; i < ARRAY_LEN(maps); i++) {
        VALUE_EACH_MEMBER (m, maps[i].from) {
            struct value *into = value_make_object(a, metadata, maps[i].key);
            if (strcmp(m->key, "kubectl.kubernetes.io/last-applied-configuration") != 0 &&
                !value_get(into, m->key))
                (void)value_set(a, into, m->key, &m->value);
        }
    }
}

/* ---- claims ---- */

static int make_claim(struct controller_ctx *c, const struct resource *res,
                      const struct object *run, const struct value *template, const char *name,
                      struct arena *a, struct err *e)
{
    struct value *claim = value_copy(a, template);
    (void)value_set_str(a, claim, "apiVersion", "v1");
    (void)value_set_str(a, claim, "kind", "PersistentVolumeClaim");
    struct value *meta = value_make_object(a, claim, "metadata");
    (void)value_set_str(a, meta, "name", name);
    (void)value_set_str(a, meta, "namespace", run->ns);
    struct value *owners = value_new_array(a);
    (void)value_push(a, owners, owner_reference(a, res, run));
    (void)value_set(a, meta, "ownerReferences", owners);
    (void)value_remove(claim, "status");
    int r = write_create(c, &RES_PERSISTENT_VOLUME_CLAIM, claim, a, NULL, e);
    return r == ERR_EXISTS ? 0 : r;
}

int tekton__claims(struct controller_ctx *c, const struct resource *res, const struct object *run,
                   struct arena *a, const struct value **bindings, struct err *e)
{
    struct value *out = value_new_array(a);
    VALUE_EACH_ITEM (b, value_at(run->root, "spec.workspaces")) {
        const struct value *template = value_get(b, "volumeClaimTemplate");
        if (!template) {
            (void)value_push(a, out, b);
            continue;
        }
        const char *workspace = value_at_str(b, "name", "");
        const char *own = value_at_str(template, "metadata.name", "pvc");
        const char *key = arena_printf(a, "%s/%s", workspace, run->uid);
        const char *name =
            arena_printf(a, "%s-%010llx", own,
                         (unsigned long long)(map_hash(key, strlen(key)) & 0xffffffffffull));
        int r = make_claim(c, res, run, template, name, a, e);
        if (r < 0)
            return err_wrap(e, r, "make the claim of workspace %s", workspace);
        struct value *bound = value_copy(a, b), *claim = value_new_object(a);
        (void)value_remove(bound, "volumeClaimTemplate");
        (void)value_set_str(a, claim, "claimName", name);
        (void)value_set(a, bound, "persistentVolumeClaim", claim);
        (void)value_push(a, out, bound);
    }
    *bindings = out;
    return 0;
}
