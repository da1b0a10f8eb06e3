/* Where an Application's manifests come from. */
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>

#include "codec/base64.h"
#include "codec/json.h"
#include "ctl/gitops/app_int.h"
#include "ctl/gitops/render_opts.h"
#include "kube/cache.h"
#include "render/render.h"
#include "render/sops/sops.h"

/* ---- which repository ---- */

/* "http://…/git/shop.git" → "shop" for a known prefix, else NULL. */
static const char *under(const char *url, const char *prefix, struct arena *a)
{
    size_t n = prefix ? strlen(prefix) : 0, len = strlen(url);
    if (n == 0 || strncmp(url, prefix, n) != 0)
        return NULL;
    if (len > n + 4 && strcmp(url + len - 4, ".git") == 0)
        len -= 4;
    return arena_strndup(a, url + n, len - n);
}

static const char *hosted_name(const struct app *p, const char *url)
{
    const struct gitops_opts *o = &p->g->opts;
    const char *name = under(url, o->repositories->url, p->a);
    for (const char *const *u = o->urls; !name && u && *u; u++)
        name = under(url, *u, p->a);
    return name ? name : host_name_valid(url) ? url : NULL;
}

static bool same_url(const char *a, const char *b)
{
    size_t na = strlen(a), nb = strlen(b);
    na -= na > 4 && strcmp(a + na - 4, ".git") == 0 ? 4 : 0;
    nb -= nb > 4 && strcmp(b + nb - 4, ".git") == 0 ? 4 : 0;
    return na == nb && memcmp(a, b, na) == 0;
}

/* A Repository object that mirrors the URL; made when there is none. */
static int mirror_of(struct app *p, const char *url, const char **out, struct err *e)
{
    struct object_list all = cache_list(p->c->cache, &RES_REPOSITORY, NULL, p->a);
    for (size_t i = 0; i < all.n; i++) {
        const char *theirs = value_at_str(all.items[i]->root, "spec.url", "");
        if (*theirs && same_url(theirs, url)) {
            *out = all.items[i]->name;
            return 0;
        }
    }
    struct value *o = value_new_object(p->a);
    const char *name =
        arena_printf(p->a, "mirror-%016llx", (unsigned long long)map_hash(url, strlen(url)));
    (void)value_set_str(p->a, o, "apiVersion", "slipway.dev/v1");
    (void)value_set_str(p->a, o, "kind", "Repository");
    struct value *meta = value_make_object(p->a, o, "metadata");
    (void)value_set_str(p->a, meta, "name", name);
    (void)value_set_str(p->a, meta, "namespace", p->ns);
    (void)value_set_str(p->a, value_make_object(p->a, o, "spec"), "url", url);
    int rc = kube_create(p->c->kube, &RES_REPOSITORY, p->ns, o, NULL, e);
    if (rc < 0 && rc != ERR_EXISTS)
        return rc;
    *out = name;
    return 0;
}

static int check_source(const struct app *p, struct err *e)
{
    static const char *const known[] = {"repoURL",   "path", "targetRevision", "directory",
                                        "kustomize", "helm", "name",           "ref"};
    VALUE_EACH_MEMBER (m, p->source) {
        bool found = value_count(&m->value) == 0;
        for (size_t i = 0; i < ARRAY_LEN(known); i++)
            found |= strcmp(known[i], m->key) == 0;
        if (!found)
            return err_set(e, ERR_UNSUPPORTED, "spec.source.%s is not offered here yet", m->key);
    }
    if (!*value_at_str(p->source, "repoURL", ""))
        return err_set(e, ERR_INVALID, "spec.source.repoURL is missing");
    return 0;
}

int app_open_source(struct app *p, struct err *e)
{
    int rc = gitops_find_source(p->spec, &p->source, e);
    if (rc == 0)
        rc = check_source(p, e);
    if (rc < 0)
        return rc;
    const char *url = value_at_str(p->source, "repoURL", ""), *name = hosted_name(p, url);
    if (!name)
        rc = mirror_of(p, url, &name, e);
    if (rc < 0)
        return rc;
    rc = repo_open(repository_path(p->g->opts.repositories, name, p->a), &p->repo, e);
    if (rc == ERR_NOT_FOUND)
        return err_set(e, ERR_NOT_FOUND, "repository %s is not here (yet)", url);
    if (rc < 0)
        return rc;
    p->repository = name;
    AUTO(object) struct object *owner = NULL;
    const char *owner_name;
    if (repository_owner(p->g->opts.repositories, name, p->a, &p->repository_ns, &owner_name,
                         NULL) == 0 &&
        kube_get(p->c->kube, &RES_REPOSITORY, p->repository_ns, owner_name, &owner, NULL) == 0)
        p->writable = !*value_at_str(owner->root, "spec.url", "");
    rc = repo_resolve(p->repo, value_at_str(p->source, "targetRevision", "HEAD"), p->head, e);
    const char *why =
        owner ? value_at_str(object_condition(owner->root, "Ready"), "message", "") : "";
    if (rc == ERR_NOT_FOUND && *why)
        return err_wrap(e, rc, "Repository %s/%s: %s", p->repository_ns, owner_name, why);
    return rc;
}

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

static int render_at(struct app *p, const char *revision, struct render_result *out,
                     const char *const **files, struct err *e)
{
    AUTO(tree) struct tree *sealed = tree_of_commit(p->repo, revision);
    AUTO(tree) struct tree *t = sops_tree(sealed, &(struct sops_source){sops_keys, p});
    struct traced traced = {.base = {&traced_ops}, .real = t, .a = p->a};
    const struct gitops_source source = {p->c->kube, p->repo, revision,
                                         p->name,    p->spec, p->source};
    struct render_opts opts;
    struct elsewhere elsewhere;
    elsewhere_init(&elsewhere, p);
    map_init(&traced.files);
    int rc = gitops_render_opts(&source, t, p->a, &opts, e);
    opts.remote = &elsewhere.remote;
    opts.charts = &elsewhere.charts;
    if (rc == 0)
        rc = render_objects(&traced.base, &opts, p->a, out, e);
    if (rc == 0) {
        const char **list = ARENA_ARRAY(p->a, const char *, map_size(&traced.files) + 1);
        size_t cursor = 0, n = 0;
        for (const struct map_entry *f; (f = map_next(&traced.files, &cursor));)
            list[n++] = arena_strdup(p->a, f->key);
        *files = list;
    }
    map_done(&traced.files);
    elsewhere_done(&elsewhere);
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

int app_render(struct app *p, const char *revision, struct app_manifests *out, struct err *e)
{
    struct render_result r;
    struct app_manifests m = {.revision = revision};
    int rc = render_at(p, revision, &r, &m.files, e);
    if (rc < 0)
        return rc;
    m.objects = r.objects;
    m.n = r.n;
    static const char *const tools[] = {
        [RENDER_DIRECTORY] = "Directory", [RENDER_KUSTOMIZE] = "Kustomize", [RENDER_HELM] = "Helm"};
    m.tool = tools[r.tool];
    decorate(p, m.objects, m.n);
    rc = digest(p, m.objects, m.n, m.git, e);
    if (rc == 0)
        rc = app_outside_config(p, &m, e);
    if (rc < 0)
        return rc;
    m.images = images_of(p, m.objects, m.n);
    *out = m;
    return 0;
}
