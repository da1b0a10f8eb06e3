#include "base/map.h"
#include "render/kustomize/kust_int.h"

const char *kust_kind(const struct kust_resource *r)
{
    return value_str(value_get(r->object, "kind"), "");
}

const char *kust_group(struct arena *a, const struct kust_resource *r)
{
    const char *version = value_at_str(r->object, "apiVersion", ""), *slash = strchr(version, '/');
    return slash ? arena_strndup(a, version, (size_t)(slash - version)) : "";
}

const char *kust_name(const struct kust_resource *r)
{
    return value_str(value_get(value_get(r->object, "metadata"), "name"), "");
}

const char *kust_ns(const struct kust_resource *r)
{
    return value_str(value_get(value_get(r->object, "metadata"), "namespace"), "");
}

bool kustomize_cluster_scoped(const struct value *object)
{
    const char *version = value_at_str(object, "apiVersion", ""), *slash = strchr(version, '/');
    /* Others may have kinds of the same name. */
    if (slash && (slash - version < 7 || strncmp(slash - 7, ".k8s.io", 7) != 0))
        return false;
    static const char *const kinds[] = {
        "APIService",
        "CSIDriver",
        "CSINode",
        "CertificateSigningRequest",
        "ClusterRole",
        "ClusterRoleBinding",
        "ComponentStatus",
        "CustomResourceDefinition",
        "FlowSchema",
        "IngressClass",
        "MutatingWebhookConfiguration",
        "Namespace",
        "Node",
        "PersistentVolume",
        "PodSecurityPolicy",
        "PriorityClass",
        "PriorityLevelConfiguration",
        "RuntimeClass",
        "SelfSubjectAccessReview",
        "SelfSubjectRulesReview",
        "StorageClass",
        "SubjectAccessReview",
        "TokenReview",
        "ValidatingAdmissionPolicy",
        "ValidatingAdmissionPolicyBinding",
        "ValidatingWebhookConfiguration",
        "VolumeAttachment",
    };
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        if (strcmp(kinds[i], value_at_str(object, "kind", "")) == 0)
            return true;
    return false;
}

void kust_renamed(struct kust_resource *r)
{
    if (r->n_was < KUST_NAMES_MAX)
        r->n_was++;
    r->was[r->n_was - 1].name = kust_name(r);
    r->was[r->n_was - 1].ns = kust_ns(r);
    r->was[r->n_was - 1].kind = kust_kind(r);
}

static const char *effective_ns(const char *ns)
{
    return *ns ? ns : "default";
}

bool kust_same_ns(const char *a, const char *b)
{
    return strcmp(effective_ns(a), effective_ns(b)) == 0;
}

static const char *identity(struct arena *a, const struct kust_resource *r)
{
    return arena_join(a, kust_kind(r), "/", effective_ns(kust_ns(r)), "/", kust_name(r), NULL);
}

static void free_map(void *map)
{
    map_done(map);
}

/* Where to look up who is there; made again after transformers were at work. */
static struct map *present(struct kust_set *s)
{
    if (s->present)
        return s->present;
    s->present = ARENA_NEW(s->a, struct map);
    map_init(s->present);
    arena_defer(s->a, free_map, s->present);
    for (size_t i = s->n; i > 0; i--)
        (void)map_put(s->present, identity(s->a, s->items[i - 1]), s->items[i - 1]);
    return s->present;
}

static const char *part(struct arena *a, const char **list)
{
    size_t n = strcspn(*list, ",");
    const char *out = arena_strndup(a, *list, n);
    *list += n + ((*list)[n] == ',');
    return out;
}

/* An object that another build has printed may say what it was called there. */
static void recall(struct kust_set *s, struct kust_resource *r)
{
    static const char prefix[] = "internal.config.kubernetes.io/previous";
    const struct value *notes = value_at(r->object, "metadata.annotations");
    const char *names = value_str(value_get(notes, arena_printf(s->a, "%sNames", prefix)), "");
    const char *kinds = value_str(value_get(notes, arena_printf(s->a, "%sKinds", prefix)), "");
    const char *spaces =
        value_str(value_get(notes, arena_printf(s->a, "%sNamespaces", prefix)), "");
    while (*names && *kinds && *spaces && r->n_was + 1 < KUST_NAMES_MAX) {
        r->was[r->n_was].name = part(s->a, &names);
        r->was[r->n_was].kind = part(s->a, &kinds);
        r->was[r->n_was++].ns = part(s->a, &spaces);
    }
}

int kust_add(struct kust_set *s, struct value *object, struct kust_resource **out, struct err *e)
{
    struct kust_resource *r = ARENA_NEW(s->a, struct kust_resource);
    r->object = object;
    r->prefixes = r->suffixes = "";
    if (value_at(object, "metadata.annotations"))
        recall(s, r);
    const char *key = identity(s->a, r);
    const struct kust_resource *twin = map_get(present(s), key);
    if (twin && *kust_name(r) &&
        strcmp(value_at_str(twin->object, "apiVersion", ""),
               value_at_str(object, "apiVersion", "")) == 0)
        return err_set(e, ERR_INVALID, "%s %s is there twice", kust_kind(r), kust_name(r));
    if (!twin)
        (void)map_put(s->present, key, r);
    kust_renamed(r);
    if (s->n == s->cap) {
        size_t more = s->cap ? s->cap * 2 : 16;
        s->items = arena_grow(s->a, s->items, s->cap * sizeof *s->items, more * sizeof *s->items);
        s->cap = more;
    }
    s->items[s->n++] = r;
    if (out)
        *out = r;
    return 0;
}

struct visit {
    struct arena *a;
    bool create;
    kust_visit_fn fn;
    void *arg;
};

/* The length of the first step: "\\/" is no border. */
static size_t step(const char *path)
{
    size_t n = 0;
    while (path[n] && (path[n] != '/' || (n > 0 && path[n - 1] == '\\')))
        n++;
    return n;
}

/* Without the backslashes, and without the "[]" that may mark a list. */
static const char *step_key(struct arena *a, const char *path, size_t n)
{
    char *key = arena_strndup(a, path, n), *out = key;
    for (const char *p = key; *p; p++)
        if (p[0] != '\\' || p[1] != '/')
            *out++ = *p;
    *out = '\0';
    if (out - key > 2 && strcmp(out - 2, "[]") == 0)
        out[-2] = '\0';
    return key;
}

static int visit(const struct visit *v, struct value *at, const char *path, struct err *e)
{
    if (value_is(at, VALUE_ARRAY)) {
        for (size_t i = 0; i < value_count(at); i++) {
            int rc = visit(v, &at->items[i], path, e);
            if (rc < 0)
                return rc;
        }
        return 0;
    }
    if (!*path)
        return v->fn(v->arg, at, e);
    size_t n = step(path);
    const char *rest = path + n + (path[n] == '/'), *key = step_key(v->a, path, n);
    if (value_is(at, VALUE_NULL) && v->create)
        *at = *value_new_object(v->a);
    if (!value_is(at, VALUE_OBJECT))
        return 0;
    struct value *next = value_get_mut(at, key);
    bool list = n > 2 && path[n - 2] == '[';
    if (!next && v->create && !list)
        next = value_set(v->a, at, key, value_null(v->a));
    return next ? visit(v, next, rest, e) : 0;
}

int kust_visit(struct arena *a, struct value *root, const char *path, bool create, kust_visit_fn fn,
               void *arg, struct err *e)
{
    struct visit v = {a, create, fn, arg};
    return visit(&v, root, path, e);
}
