/* After names changed: mends what refers to them. */
#include "base/map.h"
#include "render/kustomize/kust_int.h"

/* Several may be found: they are told apart by what they went through. */
struct found {
    struct kust_resource **items;
    size_t n;
};

struct mend {
    struct kust_set *set;
    const struct map *named; /* names that were left behind, to struct found */
    struct map
        *first_spaces; /* first namespaces, to struct found: one for each present namespace */
    const struct kust_resource *from;
    const struct kust_reference *ref;
};

/* The namespace a reference names: the resource's first one, or its present one. */
struct space {
    const char *ns; /* NULL: it names none */
    bool present;
};

static bool had_name(const struct kust_resource *r, const char *name)
{
    for (size_t i = 0; i + 1 < r->n_was; i++)
        if (strcmp(r->was[i].name, name) == 0)
            return true;
    return false;
}

/* A role is meant only by its own group and kind. */
static bool role_fits(const struct mend *m, const struct kust_resource *r)
{
    const struct value *ref = value_get(m->from->object, "roleRef");
    const char *path = m->ref->at.path;
    size_t n = strlen(path);
    if (n < 12 || strcmp(path + n - 12, "roleRef/name") != 0 || !value_get(ref, "apiGroup") ||
        !value_get(ref, "kind"))
        return true;
    return kust_place_fits(&(struct kust_place){.group = value_at_str(ref, "apiGroup", ""),
                                                .kind = value_at_str(ref, "kind", "")},
                           r);
}

/* A binding of a role reaches the accounts of the namespaces it names. */
static bool binds_in(const struct kust_resource *from, const char *ns)
{
    if (strcmp(kust_kind(from), "RoleBinding") != 0)
        return false;
    VALUE_EACH_ITEM (s, value_get(from->object, "subjects"))
        if (strcmp(value_at_str(s, "kind", ""), "ServiceAccount") == 0 &&
            *value_at_str(s, "namespace", "") && strcmp(value_at_str(s, "namespace", ""), ns) == 0)
            return true;
    return false;
}

static bool could_be_meant(const struct kust_resource *from, const struct kust_resource *r)
{
    return kust_same_ns(kust_ns(r), kust_ns(from)) || kust_cluster_scoped(from) ||
           kust_cluster_scoped(r) || binds_in(from, kust_ns(r));
}

static bool reachable(const struct mend *m, const struct kust_resource *r)
{
    return kust_cluster_scoped(m->from) || kust_cluster_scoped(r) ||
           strcmp(kust_kind(r), "ServiceAccount") == 0 ||
           kust_same_ns(kust_ns(m->from), kust_ns(r));
}

/* Whether one list of affixes ends as the other does. */
static bool same_end(const char *a, const char *b)
{
    size_t na = strlen(a), nb = strlen(b);
    const char *shorter = na < nb ? a : b, *longer = na < nb ? b : a;
    size_t n = strlen(shorter), more = strlen(longer) - n;
    return strcmp(longer + more, shorter) == 0 && (more == 0 || n == 0 || longer[more - 1] == ',');
}

static bool same_affixes(const struct kust_resource *a, const struct kust_resource *b,
                         bool empty_fits)
{
    bool no_prefix = empty_fits && (!*a->prefixes || !*b->prefixes);
    bool no_suffix = empty_fits && (!*a->suffixes || !*b->suffixes);
    return (no_prefix || same_end(a->prefixes, b->prefixes)) &&
           (no_suffix || same_end(a->suffixes, b->suffixes));
}

static void keep_same_affixes(struct found *f, const struct mend *m, bool empty_fits)
{
    size_t kept = 0;
    for (size_t i = 0; i < f->n; i++)
        if (same_affixes(f->items[i], m->from, empty_fits))
            f->items[kept++] = f->items[i];
    f->n = kept;
}

/* Whether it makes no difference which of them is meant. */
static bool identical(const struct found *f, bool with_ns)
{
    for (size_t i = 1; i < f->n; i++)
        if (strcmp(kust_name(f->items[i]), kust_name(f->items[0])) != 0 ||
            (with_ns && strcmp(kust_ns(f->items[i]), kust_ns(f->items[0])) != 0))
            return false;
    return true;
}

static void add(struct arena *a, struct found *f, struct kust_resource *r)
{
    if ((f->n & (f->n - 1)) == 0)
        f->items =
            arena_grow(a, f->items, f->n * sizeof(void *), (f->n ? 2 * f->n : 1) * sizeof(void *));
    f->items[f->n++] = r;
}

static const char *effective_ns(const struct kust_resource *r, const char *ns)
{
    return *ns || kust_cluster_scoped(r) ? ns : "default";
}

static bool is_in(const struct kust_resource *r, const struct space *in)
{
    return !in->ns || strcmp(effective_ns(r, in->present ? kust_ns(r) : r->was[0].ns), in->ns) == 0;
}

/* Of all that ever had the name. */
static int select_one(const struct mend *m, const char *name, const struct space *in, bool with_ns,
                      struct kust_resource **out, struct err *e)
{
    struct found f = {.n = 0};
    *out = NULL;
    const struct found *all = map_get(m->named, name);
    for (size_t i = 0; all && i < all->n; i++) {
        struct kust_resource *r = all->items[i];
        if (had_name(r, name) && is_in(r, in) && kust_place_fits(&m->ref->to, r) &&
            could_be_meant(m->from, r) && role_fits(m, r) && reachable(m, r))
            add(m->set->a, &f, r);
    }
    if (f.n > 1)
        keep_same_affixes(&f, m, true);
    if (f.n > 1)
        keep_same_affixes(&f, m, false);
    if (f.n == 0)
        return 0;
    if (f.n > 1 && !identical(&f, with_ns))
        return err_set(e, ERR_INVALID, "%s %s: %s %s at %s may be one of %zu", kust_kind(m->from),
                       kust_name(m->from), m->ref->to.kind, name, m->ref->at.path, f.n);
    *out = f.items[0];
    return 0;
}

static void note_space(struct mend *m, struct kust_resource *r)
{
    const char *ns = effective_ns(r, r->was[0].ns);
    struct found *f = map_get(m->first_spaces, ns);
    if (!f) {
        f = ARENA_NEW(m->set->a, struct found);
        (void)map_put(m->first_spaces, ns, f);
    }
    for (size_t i = 0; i < f->n; i++)
        if (strcmp(kust_ns(f->items[i]), kust_ns(r)) == 0 &&
            kust_cluster_scoped(f->items[i]) == kust_cluster_scoped(r))
            return;
    add(m->set->a, f, r);
}

/* It is the first namespace of what could be meant, or else the present one. */
static struct space space_of(struct mend *m, const char *ns)
{
    if (map_size(m->first_spaces) == 0)
        for (size_t i = 0; i < m->set->n; i++)
            note_space(m, m->set->items[i]);
    const struct found *f = map_get(m->first_spaces, ns);
    bool first = false;
    for (size_t i = 0; f && i < f->n && !first; i++)
        first = could_be_meant(m->from, f->items[i]);
    return (struct space){ns, !first};
}

static int mend_mapping(struct mend *m, struct value *at, struct err *e)
{
    const struct value *name = value_get(at, "name"), *ns = value_get(at, "namespace");
    if (!name)
        return err_set(e, ERR_INVALID, "%s %s: there is no name at %s", kust_kind(m->from),
                       kust_name(m->from), m->ref->at.path);
    if (ns && !*value_str(ns, ""))
        return err_set(e, ERR_INVALID, "%s %s: namespace is blank at %s", kust_kind(m->from),
                       kust_name(m->from), m->ref->at.path);
    struct space in = ns ? space_of(m, value_str(ns, "")) : (struct space){NULL, false};
    struct kust_resource *r;
    int rc = select_one(m, value_str(name, ""), &in, true, &r, e);
    if (rc < 0 || !r)
        return rc;
    if (strcmp(kust_name(r), value_str(name, "")) != 0)
        (void)value_set_str(m->set->a, at, "name", kust_name(r));
    if (*kust_ns(r))
        (void)value_set_str(m->set->a, at, "namespace", kust_ns(r));
    return 0;
}

static int mend_at(void *arg, struct value *at, struct err *e)
{
    static const struct space anywhere = {NULL, false};
    struct mend *m = arg;
    if (value_is(at, VALUE_OBJECT))
        return mend_mapping(m, at, e);
    if (!value_is(at, VALUE_STRING))
        return 0;
    struct kust_resource *r;
    int rc = select_one(m, at->text, &anywhere, false, &r, e);
    if (rc == 0 && r && strcmp(kust_name(r), at->text) != 0)
        *at = *value_new_str(m->set->a, kust_name(r));
    return rc;
}

static void note_names(struct arena *a, struct map *named, struct kust_resource *r)
{
    for (size_t i = 0; i + 1 < r->n_was; i++) {
        struct found *f = map_get(named, r->was[i].name);
        if (!f) {
            f = ARENA_NEW(a, struct found);
            (void)map_put(named, r->was[i].name, f);
        }
        if (f->n == 0 || f->items[f->n - 1] != r)
            add(a, f, r);
    }
}

void kust_name_all(struct kust_set *s, struct map *named)
{
    for (size_t i = 0; i < s->n; i++)
        note_names(s->a, named, s->items[i]);
}

int kust_mend(struct kust_set *s, const struct map *named, struct kust_resource *const *from,
              size_t n, struct err *e)
{
    struct kust_references all = kust_all_references(s->a, value_get(s->config, "nameReference"));
    struct map first_spaces;
    int rc = 0;
    map_init(&first_spaces);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        struct mend m = {.set = s, .named = named, .first_spaces = &first_spaces, .from = from[i]};
        for (size_t k = 0; rc == 0 && k < all.n; k++) {
            m.ref = &all.items[k];
            if (kust_place_fitted(&m.ref->at, m.from))
                rc = kust_visit(s->a, m.from->object, m.ref->at.path, false, mend_at, &m, e);
        }
    }
    map_done(&first_spaces);
    return rc;
}
