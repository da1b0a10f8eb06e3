#include "render/kustomize/again.h"

#include "render/kustomize/kust_int.h"

/* ---- notes ---- */

static void end_map(void *map)
{
    map_done(map);
}

static struct map *map_in(struct arena *a)
{
    struct map *m = ARENA_NEW(a, struct map);
    map_init(m);
    arena_defer(a, end_map, m);
    return m;
}

struct kustomize_made *kustomize_made_new(struct arena *a)
{
    struct kustomize_made *m = ARENA_NEW(a, struct kustomize_made);
    *m = (struct kustomize_made){.plain = true, .files = map_in(a), .named = map_in(a)};
    return m;
}

/* Fields that act on each resource by itself. */
static bool acts_on_each(const char *field)
{
    static const char *const fields[] = {
        "apiVersion", "kind",       "metadata",   "resources", "bases",        "components",
        "namespace",  "namePrefix", "nameSuffix", "labels",    "commonLabels", "commonAnnotations",
        "sortOptions"};
    for (size_t i = 0; i < ARRAY_LEN(fields); i++)
        if (strcmp(field, fields[i]) == 0)
            return true;
    return false;
}

void kust_made_layer(struct kustomize_made *m, const struct value *doc)
{
    VALUE_EACH_MEMBER (field, doc)
        m->plain &= acts_on_each(field->key) || value_count(&field->value) == 0;
}

bool kust_made_unchanged(const struct kustomize_made *m, const char *path)
{
    return m && m->again && map_has(m->files, path) && !map_has(&m->again->changed, path);
}

void kust_made_file(struct kustomize_made *m, const char *path)
{
    if (m)
        (void)map_put(m->again ? &m->again->changed : m->files, path, m);
}

void kust_made_names(struct kustomize_made *m, struct kust_set *s)
{
    m->set = *s;
    m->set.items = arena_dup(s->a, s->items, s->n * sizeof *s->items);
}

/* ---- is a resource known by the same names? ---- */

static bool same_text(const char *a, const char *b)
{
    return strcmp(a ? a : "", b ? b : "") == 0;
}

static bool same_names(const struct kust_resource *a, const struct kust_resource *b)
{
    bool same = a->n_was == b->n_was && same_text(a->prefixes, b->prefixes) &&
                same_text(a->suffixes, b->suffixes) && kust_is_local(a) == kust_is_local(b) &&
                same_text(value_at_str(a->object, "apiVersion", ""),
                          value_at_str(b->object, "apiVersion", "")) &&
                same_text(kust_kind(a), kust_kind(b)) && same_text(kust_name(a), kust_name(b)) &&
                same_text(kust_ns(a), kust_ns(b));
    for (size_t i = 0; same && i < a->n_was; i++)
        same = same_text(a->was[i].name, b->was[i].name) && same_text(a->was[i].ns, b->was[i].ns) &&
               same_text(a->was[i].kind, b->was[i].kind);
    return same;
}

/* ---- the build ---- */

struct again {
    const struct kustomize_made *before;
    struct kust_again now;
    struct kust_set set; /* of the changed files */
    struct kust_set all; /* with those in the places of the ones that they replace */
    struct kust_layer *root;
    struct arena *a;
};

/* False: somebody else might see the difference. */
static bool replace(struct again *g)
{
    size_t n = 0;
    g->all = g->before->set;
    g->all.a = g->a;
    g->all.items = arena_dup(g->a, g->all.items, g->all.n * sizeof *g->all.items);
    for (size_t i = 0; i < g->all.n; i++) {
        struct kust_resource *was = g->all.items[i];
        if (!was->origin || !map_has(&g->now.changed, was->origin))
            continue;
        if (n == g->set.n || !same_names(was, g->set.items[n]))
            return false;
        g->set.items[n]->place = was->place;
        g->all.items[i] = g->set.items[n++];
    }
    return n == g->set.n;
}

/* Whether all changed files are files of resources. */
static bool all_were_met(const struct again *g)
{
    size_t cursor = 0;
    for (const struct map_entry *m; (m = map_next(&g->now.changed, &cursor));)
        if (!m->value)
            return false;
    return true;
}

static void put_in_place(const struct again *g, struct kustomize_result *out)
{
    const struct kustomize_made *before = g->before;
    *out = (struct kustomize_result){
        .objects = arena_dup(g->a, before->objects, before->n * sizeof *before->objects),
        .n = before->n,
        .fresh = ARENA_ARRAY(g->a, size_t, g->set.n + 1)};
    for (size_t i = 0; i < g->set.n; i++) {
        out->objects[g->set.items[i]->place] = g->set.items[i]->object;
        out->fresh[out->n_fresh++] = g->set.items[i]->place;
    }
}

static int build(struct again *g, struct kustomize_result *out, struct err *e)
{
    struct kustomize_made *made = g->root->opts->made;
    int rc = kust_build_layer(g->root, e);
    if (rc < 0 || !made->plain || !all_were_met(g) || !replace(g))
        return ERR_UNSUPPORTED;
    /* By the names of before, which are those of now. */
    rc = kust_mend(&g->all, g->before->named, g->set.items, g->set.n, e);
    if (rc < 0)
        return rc;
    kust_made_names(made, &g->all);
    for (size_t i = 0; i < g->set.n; i++)
        if (kust_is_local(g->set.items[i]))
            return ERR_UNSUPPORTED; /* it is in no place */
    rc = kust_finish(g->root, e);
    if (rc < 0)
        return rc;
    put_in_place(g, out);
    made->objects = out->objects;
    made->n = out->n;
    return 0;
}

int kustomize_build_again(struct tree *t, const char *dir, const struct kustomize_opts *opts,
                          const struct kustomize_change *change, struct arena *a,
                          struct kustomize_result *out, struct err *e)
{
    struct again g = {
        .before = change->before, .set = {.a = a, .config = value_new_object(a)},
             .a = a
    };
    struct kustomize_made *made = opts->made;
    struct kust_layer root;
    int rc = ERR_UNSUPPORTED;
    if (change->before->plain && kust_root(&root, t, dir, opts, &g.set) == 0) {
        map_init(&g.now.changed);
        for (const char *const *f = change->files; *f; f++)
            (void)map_put(&g.now.changed, *f, NULL);
        *made = *change->before;
        made->again = &g.now;
        g.root = &root;
        rc = build(&g, out, e);
        made->again = NULL;
        map_done(&g.now.changed);
    }
    return rc < 0 ? err_set(e, ERR_UNSUPPORTED, "folder %s is to be built whole", dir) : 0;
}
