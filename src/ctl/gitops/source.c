/* What an Application's sources render to. */
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>

#include "codec/base64.h"
#include "codec/json.h"
#include "ctl/gitops/app_int.h"
#include "render/render.h"
#include "render/sops/sops.h"

/* ---- rendering, with a note of every file that was read ---- */

struct traced {
    struct tree base;
    struct tree *real;
    struct arena *a;
    struct map files;
};

static int traced_stat(struct tree *t, const char *path, enum tree_kind *out, struct err *e)
{
    return tree_stat(container_of(t, struct traced, base)->real, path, out, e);
}

static int traced_read(struct tree *t, const char *path, struct arena *a, const char **out,
                       size_t *n, struct err *e)
{
    struct traced *r = container_of(t, struct traced, base);
    if (!map_has(&r->files, path))
        (void)map_put(&r->files, path, r);
    return tree_read(r->real, path, a, out, n, e);
}

static int traced_list(struct tree *t, const char *dir, struct arena *a, struct tree_entry **out,
                       size_t *n, struct err *e)
{
    return tree_list(container_of(t, struct traced, base)->real, dir, a, out, n, e);
}

static void traced_free(struct tree *t)
{
    (void)t;
}

static const struct tree_ops traced_ops = {"traced", traced_stat, traced_read, traced_list,
                                           traced_free};

/* ---- keys of files that are encrypted in Git ---- */

#define SOPS_KEYS "sops-keys"

static int sops_keys(void *arg, struct arena *a, struct sops_keys *out, struct err *e)
{
    struct app *p = arg;
    AUTO(object) struct object *secret = NULL;
    struct age_identity *list = NULL;
    size_t n = 0, len;
    char *text;
    *out = (struct sops_keys){.ring = sops_ring(a),
                              .origin = arena_printf(a, "Secret %s/" SOPS_KEYS, p->ns)};
    int rc = kube_get(p->c->kube, &RES_SECRET, p->ns, SOPS_KEYS, &secret, e);
    if (rc < 0)
        return rc == ERR_NOT_FOUND ? 0 : rc;
    VALUE_EACH_MEMBER (m, value_get(secret->root, "data")) {
        rc = base64_decode(a, value_str(&m->value, ""), value_count(&m->value), BASE64_STD, &text,
                           &len, e);
        if (rc == 0)
            rc = sops_identities(text, len, a, &list, &n, e);
        if (rc < 0)
            return err_wrap(e, rc, "%s, key %s", out->origin, m->key);
    }
    out->ages = list;
    out->n_ages = n;
    return 0;
}

/* ---- the sources at a revision ---- */

/* One source, and what its files are read through. */
struct opened {
    struct gitops_source source;
    struct tree *sealed, *plain;
};

struct opened_all {
    struct opened *items;
    size_t n;
    struct render_ref *refs;
};

static void close_all(struct opened_all *all)
{
    for (size_t i = 0; i < all->n; i++) {
        tree_free(all->items[i].plain);
        tree_free(all->items[i].sealed);
    }
}

static int open_one(struct app *p, const struct app_source *s, struct opened *o, struct err *e)
{
    o->source = (struct gitops_source){.kube = p->c->kube,
                                       .repo = s->repo,
                                       .revision = o->source.revision,
                                       .name = p->name,
                                       .spec = p->spec,
                                       .source = s->doc};
    if (!s->chart) {
        o->sealed = tree_of_commit(s->repo, o->source.revision);
    } else {
        struct charts_wish wish = s->wish;
        const char *bytes;
        size_t n;
        wish.version = o->source.revision;
        int rc = charts_store_get(p->g->opts.charts, &wish, p->a, &bytes, &n, e);
        if (rc == ERR_AGAIN || rc == ERR_TIMEOUT)
            return ERR_NOT_FOUND; /* said, not waited for in silence */
        if (rc == 0)
            rc = gitops_chart_tree(bytes, n, p->obj->root, p->a, &o->sealed, &o->source.now_s, e);
        if (rc < 0)
            return rc;
    }
    o->plain = sops_tree(o->sealed, &(struct sops_source){sops_keys, p});
    return 0;
}

static int open_all(struct app *p, const struct app_sources *s, const char *revision,
                    struct opened_all *all, struct err *e)
{
    size_t refs = 0;
    int rc = 0;
    *all = (struct opened_all){ARENA_ARRAY(p->a, struct opened, s->n), s->n,
                               ARENA_ARRAY(p->a, struct render_ref, s->n + 1)};
    for (size_t i = 0; rc == 0 && i < s->n; i++) {
        struct opened *o = &all->items[i];
        o->source.revision = revision_part(p->a, revision, i);
        rc = open_one(p, &s->items[i], o, e);
        if (rc == 0 && *s->items[i].ref)
            all->refs[refs++] = (struct render_ref){s->items[i].ref, o->plain};
    }
    return rc;
}

static const char *const *files_of(struct app *p, const struct map *files)
{
    const char **list = ARENA_ARRAY(p->a, const char *, map_size(files) + 1);
    size_t cursor = 0, n = 0;
    for (const struct map_entry *f; (f = map_next(files, &cursor));)
        list[n++] = arena_strdup(p->a, f->key);
    return list;
}

/* Renders source `i`, with a note of what is read of each. */
static int render_one(struct app *p, struct opened_all *all, size_t i, struct traced *traced,
                      struct render_result *out, struct err *e)
{
    const struct opened *o = &all->items[i];
    struct render_opts opts;
    struct elsewhere elsewhere;
    elsewhere_init(&elsewhere, p);
    int rc = gitops_render_opts(&o->source, o->plain, p->a, &opts, e);
    opts.remote = &elsewhere.remote;
    opts.charts = &elsewhere.charts;
    opts.refs = all->refs;
    if (rc == 0)
        rc = render_objects(&traced[i].base, &opts, p->a, out, e);
    elsewhere_done(&elsewhere);
    return rc;
}

static void add_objects(struct app *p, struct app_manifests *m, const struct render_result *r)
{
    size_t size = sizeof *m->objects;
    m->objects = arena_grow(p->a, m->objects, m->n * size, (m->n + r->n) * size);
    if (r->n)
        memcpy(m->objects + m->n, r->objects, r->n * size);
    m->n += r->n;
}

static int render_all(struct app *p, const struct app_sources *s, struct opened_all *all,
                      struct app_manifests *out, struct err *e)
{
    static const char *const tools[] = {
        [RENDER_DIRECTORY] = "Directory", [RENDER_KUSTOMIZE] = "Kustomize", [RENDER_HELM] = "Helm"};
    struct traced *traced = ARENA_ARRAY(p->a, struct traced, s->n);
    int rc = 0;
    for (size_t i = 0, ref = 0; i < s->n; i++) {
        traced[i] = (struct traced){.base = {&traced_ops}, .real = all->items[i].plain, .a = p->a};
        map_init(&traced[i].files);
        if (*s->items[i].ref)
            all->refs[ref++].tree = &traced[i].base;
    }
    for (size_t i = 0; rc == 0 && i < s->n; i++) {
        struct render_result r;
        if (!s->items[i].renders)
            continue;
        rc = render_one(p, all, i, traced, &r, e);
        if (rc < 0 && s->many)
            (void)err_wrap(e, rc, "%s", s->items[i].path);
        if (rc < 0)
            break;
        out->tools[i] = tools[r.tool];
        add_objects(p, out, &r);
    }
    for (size_t i = 0; i < s->n; i++) {
        out->files[i] = files_of(p, &traced[i].files);
        map_done(&traced[i].files);
    }
    return rc;
}

/* ---- what is added to every object ---- */

static void set_note(struct app *p, struct value *o, const char *key, const char *text)
{
    (void)value_set_str(p->a, value_make_object(p->a, o, "metadata.annotations"), key, text);
}

static const char *group_of(struct app *p, const struct value *o)
{
    const char *version = value_at_str(o, "apiVersion", ""), *slash = strchr(version, '/');
    return slash ? arena_strndup(p->a, version, (size_t)(slash - version)) : "";
}

/* Kinds that come with the same sync are not known to the cluster yet. */
static bool namespaced(struct app *p, const struct value *o, struct value **all, size_t n)
{
    const struct resource *res;
    const char *kind = value_at_str(o, "kind", "");
    if (kube_find(p->c->kube, value_at_str(o, "apiVersion", ""), kind, &res, NULL) == 0)
        return res->namespaced;
    for (size_t i = 0; i < n; i++)
        if (strcmp(value_at_str(all[i], "kind", ""), "CustomResourceDefinition") == 0 &&
            strcmp(value_at_str(all[i], "spec.names.kind", ""), kind) == 0)
            return strcmp(value_at_str(all[i], "spec.scope", ""), "Namespaced") == 0;
    return true;
}

static void decorate(struct app *p, struct value **all, size_t n)
{
    const char *dest = value_at_str(p->spec, "destination.namespace", "");
    for (size_t i = 0; i < n; i++) {
        struct value *meta = value_make_object(p->a, all[i], "metadata");
        bool in_ns = namespaced(p, all[i], all, n);
        if (!in_ns)
            (void)value_remove(meta, "namespace");
        else if (!*value_at_str(meta, "namespace", ""))
            (void)value_set_str(p->a, meta, "namespace", *dest ? dest : "default");
        set_note(
            p, all[i], APP_TRACKING,
            arena_printf(p->a, "%s%s/%s:%s/%s", app_tracking_prefix(p), group_of(p, all[i]),
                         value_at_str(all[i], "kind", ""),
                         in_ns ? value_at_str(meta, "namespace", "") : (*dest ? dest : "default"),
                         value_at_str(meta, "name", "")));
    }
}

static int digest(struct app *p, struct value **objects, size_t n, char out[65], struct err *e)
{
    struct value *all = value_new_array(p->a);
    unsigned char sum[32];
    for (size_t i = 0; i < n; i++)
        (void)value_push(p->a, all, objects[i]);
    const char *text = json_text(p->a, all, JSON_SORTED);
    if (gnutls_hash_fast(GNUTLS_DIG_SHA256, text, strlen(text), sum) < 0)
        return err_set(e, ERR_SYSTEM, "compute a SHA-256 digest");
    for (size_t i = 0; i < sizeof sum; i++)
        (void)snprintf(out + 2 * i, 3, "%02x", sum[i]);
    return 0;
}

/* ---- images, for status.summary and for condemnation ---- */

static void add_images(struct map *set, const struct value *v, int depth)
{
    if (depth > 64)
        return;
    VALUE_EACH_ITEM (item, v)
        add_images(set, item, depth + 1);
    VALUE_EACH_MEMBER (m, v) {
        bool list = strcmp(m->key, "containers") == 0 || strcmp(m->key, "initContainers") == 0;
        VALUE_EACH_ITEM (c, list ? &m->value : NULL) {
            const char *image = value_at_str(c, "image", "");
            if (*image && !map_has(set, image))
                (void)map_put(set, image, set);
        }
        if (!list)
            add_images(set, &m->value, depth + 1);
    }
}

static const char *const *images_of(struct app *p, struct value **objects, size_t n)
{
    struct map set;
    map_init(&set);
    for (size_t i = 0; i < n; i++)
        add_images(&set, objects[i], 0);
    const char **list = ARENA_ARRAY(p->a, const char *, map_size(&set) + 1);
    size_t cursor = 0, count = 0;
    for (const struct map_entry *m; (m = map_next(&set, &cursor));)
        list[count++] = arena_strdup(p->a, m->key);
    map_done(&set);
    return list;
}

/* Of objects that several sources bring, the last one counts. */
static void drop_repeated(struct app *p, struct app_manifests *m)
{
    struct map last;
    size_t kept = 0;
    const char *repeated = NULL;
    map_init(&last);
    for (size_t i = 0; i < m->n; i++)
        (void)map_put(&last, note_of(m->objects[i], APP_TRACKING), m->objects[i]);
    for (size_t i = 0; i < m->n; i++) {
        const char *id = note_of(m->objects[i], APP_TRACKING);
        bool named = *value_at_str(m->objects[i], "metadata.name", "");
        if (!named || map_get(&last, id) == m->objects[i])
            m->objects[kept++] = m->objects[i];
        else
            repeated = strchr(id, ':') ? strchr(id, ':') + 1 : id;
    }
    m->n = kept;
    map_done(&last);
    app_condition(
        p, "RepeatedResourceWarning",
        repeated
            ? arena_printf(p->a, "%s is in more than one source; the last one counts", repeated)
            : NULL);
}

int app_render(struct app *p, const struct app_sources *s, const char *revision,
               struct app_manifests *out, struct err *e)
{
    struct opened_all all;
    struct app_manifests m = {.revision = revision,
                              .source = s->doc,
                              .files = ARENA_ARRAY(p->a, const char *const *, s->n),
                              .tools = ARENA_ARRAY(p->a, const char *, s->n)};
    int rc = open_all(p, s, revision, &all, e);
    if (rc == 0)
        rc = render_all(p, s, &all, &m, e);
    close_all(&all);
    if (rc < 0)
        return rc;
    decorate(p, m.objects, m.n);
    if (s->many)
        drop_repeated(p, &m);
    rc = digest(p, m.objects, m.n, m.git, e);
    if (rc == 0)
        rc = app_outside_config(p, &m, e);
    if (rc < 0)
        return rc;
    m.images = images_of(p, m.objects, m.n);
    *out = m;
    return 0;
}
