/* What an Application's sources render to. */
#include "base/clock.h"
#include "codec/base64.h"
#include "codec/json.h"
#include "ctl/gitops/app_int.h"
#include "render/render.h"
#include "render/sops/sops.h"

/* ---- rendering, with a note of every file that was read ---- */

struct traced {
    struct tree base;
    struct tree *real;
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

struct keys_port {
    struct app *p;
    bool asked;
};

static int sops_keys(void *arg, struct arena *a, struct sops_keys *out, struct err *e)
{
    struct keys_port *port = arg;
    struct app *p = port->p;
    port->asked = true;
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
    struct kept_render *render; /* the one being made: all of it lives there */
    struct keys_port keys;
    bool alone; /* nothing but files of commits and the Application has a say */
};

static void close_all(struct opened_all *all)
{
    for (size_t i = 0; i < all->n; i++) {
        tree_free(all->items[i].plain);
        tree_free(all->items[i].sealed);
    }
}

/* Objects may share what the source says: it is copied to where they live. */
static int open_one(struct app *p, const struct app_source *s, struct opened_all *all,
                    struct opened *o, struct err *e)
{
    struct arena *a = all->render->a;
    o->source = (struct gitops_source){.kube = p->c->kube,
                                       .repo = s->repo,
                                       .revision = o->source.revision,
                                       .name = p->name,
                                       .spec = value_copy(a, p->spec),
                                       .source = value_copy(a, s->doc)};
    if (!s->chart) {
        o->sealed = tree_of_commit_noted(s->repo, o->source.revision, &all->render->notes);
    } else {
        all->alone = false;
        struct charts_wish wish = s->wish;
        const char *bytes;
        size_t n;
        wish.version = o->source.revision;
        int rc = charts_store_get(p->g->opts.charts, &wish, a, &bytes, &n, e);
        if (rc == ERR_AGAIN || rc == ERR_TIMEOUT)
            return ERR_NOT_FOUND; /* said, not waited for in silence */
        if (rc == 0)
            rc = gitops_chart_tree(bytes, n, p->obj->root, a, &o->sealed, &o->source.now_s, e);
        if (rc < 0)
            return rc;
    }
    o->plain = sops_tree(o->sealed, &(struct sops_source){sops_keys, &all->keys});
    return 0;
}

static int open_all(struct app *p, const struct app_sources *s, const char *revision,
                    struct kept_render *render, struct opened_all *all, struct err *e)
{
    struct arena *a = render->a;
    size_t refs = 0;
    int rc = 0;
    *all = (struct opened_all){
        .items = ARENA_ARRAY(a, struct opened, s->n),
        .n = s->n,
        .refs = ARENA_ARRAY(a, struct render_ref, s->n + 1),
        .render = render,
        .keys = {p, false},
        .alone = !s->many
    };
    for (size_t i = 0; rc == 0 && i < s->n; i++) {
        struct opened *o = &all->items[i];
        o->source.revision = revision_part(a, revision, i);
        rc = open_one(p, &s->items[i], all, o, e);
        if (rc == 0 && *s->items[i].ref)
            all->refs[refs++] = (struct render_ref){s->items[i].ref, o->plain};
    }
    return rc;
}

/* Renders source `i`, with a note of what is read of each. */
static int render_one(struct app *p, struct opened_all *all, size_t i, struct traced *traced,
                      struct render_result *out, struct err *e)
{
    const struct opened *o = &all->items[i];
    struct render_opts opts;
    struct elsewhere elsewhere;
    elsewhere_init(&elsewhere, p);
    int rc = gitops_render_opts(&o->source, o->plain, all->render->a, &opts, e);
    opts.remote = &elsewhere.remote;
    opts.charts = &elsewhere.charts;
    opts.refs = all->refs;
    opts.noted = all->n == 1;
    if (rc == 0)
        rc = render_objects(&traced[i].base, &opts, all->render->a, out, e);
    all->alone &= rc == 0 && !out->charted && !elsewhere.asked;
    elsewhere_done(&elsewhere);
    return rc;
}

static void add_objects(struct arena *a, struct app_manifests *m, const struct render_result *r)
{
    size_t size = sizeof *m->objects;
    m->objects = arena_grow(a, m->objects, m->n * size, (m->n + r->n) * size);
    if (r->n)
        memcpy(m->objects + m->n, r->objects, r->n * size);
    m->n += r->n;
}

static int render_all(struct app *p, const struct app_sources *s, struct opened_all *all,
                      struct err *e)
{
    struct app_manifests *out = &all->render->m;
    struct arena *a = all->render->a;
    static const char *const tools[] = {
        [RENDER_DIRECTORY] = "Directory", [RENDER_KUSTOMIZE] = "Kustomize", [RENDER_HELM] = "Helm"};
    struct traced *traced = ARENA_ARRAY(a, struct traced, s->n);
    int rc = 0;
    for (size_t i = 0, ref = 0; i < s->n; i++) {
        traced[i] = (struct traced){.base = {&traced_ops}, .real = all->items[i].plain};
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
        add_objects(a, out, &r);
        all->render->result = r;
    }
    for (size_t i = 0; i < s->n; i++) {
        out->files[i] = manifests__names(&traced[i].files, a);
        map_done(&traced[i].files);
    }
    all->alone &= !all->keys.asked;
    return rc;
}

/* ---- renders, made or kept ---- */

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

const char *app_key(const char *ns, const char *name, struct arena *a)
{
    return arena_join(a, ns, "/", name, NULL);
}

/* Whatever has a say beside the files: any edit of the Application's spec might. */
const char *app_inputs(const struct value *spec, const char *ns, const char *name, struct arena *a)
{
    return arena_join(a, ns, "/", name, " ", json_text(a, spec, JSON_SORTED), NULL);
}

static int make(struct app *p, const struct app_sources *s, const char *revision,
                struct kept_render *r, bool *alone, struct err *e)
{
    struct opened_all all;
    struct app_manifests *m = &r->m;
    m->files = ARENA_ARRAY(r->a, const char *const *, s->n);
    m->tools = ARENA_ARRAY(r->a, const char *, s->n);
    int rc = open_all(p, s, revision, r, &all, e);
    if (rc == 0)
        rc = render_all(p, s, &all, e);
    close_all(&all);
    if (rc < 0)
        return rc;
    *alone = all.alone;
    for (size_t i = 0; i < m->n; i++)
        m->objects[i] = manifests__decorate(p, m, r->a, m->objects[i]);
    if (s->many)
        drop_repeated(p, m);
    m->parts = ARENA_ARRAY(r->a, struct app_part, m->n + 1);
    for (size_t i = 0; rc == 0 && i < m->n; i++)
        rc = manifests__part(m->objects[i], r->a, &m->parts[i], e);
    return rc < 0 ? rc : manifests__sum_up(m, r->a, e);
}

/* From one that differs in the text of some files. ERR_UNSUPPORTED: make it whole. */
static int make_from(struct app *p, const struct app_sources *s, const char *revision,
                     struct kept_render *base, const char *const *files, struct kept_render *r,
                     struct err *e)
{
    struct opened_all all;
    struct render_opts opts;
    struct app_manifests *m = &r->m;
    struct arena *a = r->a;
    int rc = open_all(p, s, revision, r, &all, e);
    if (rc == 0)
        rc = gitops_render_opts(&all.items[0].source, all.items[0].plain, a, &opts, e);
    opts.noted = true;
    if (rc == 0)
        rc = render_again(all.items[0].plain, &opts, &base->result, files, a, &r->result, e);
    if (rc == 0 && all.keys.asked)
        rc = ERR_UNSUPPORTED;
    close_all(&all);
    if (rc < 0)
        return rc;
    *m = base->m;
    m->objects = arena_dup(a, m->objects, m->n * sizeof *m->objects);
    m->parts = arena_dup(a, m->parts, m->n * sizeof *m->parts);
    m->kinds = arena_dup(a, m->kinds, m->n_kinds * sizeof *m->kinds);
    for (size_t i = 0; rc == 0 && i < r->result.n_fresh; i++) {
        size_t at = r->result.fresh[i];
        m->objects[at] = manifests__decorate(p, m, a, r->result.objects[at]);
        m->parts[at] = (struct app_part){0};
        rc = manifests__part(m->objects[at], a, &m->parts[at], e);
    }
    return rc < 0 ? rc : manifests__sum_up(m, a, e);
}

static void let_go(void *arg)
{
    kept_render_unref(arg);
}

static struct kept_render *held(struct app *p, struct kept_render *r)
{
    if (r)
        arena_defer(p->a, let_go, r);
    return r;
}

enum { DEPTH_MAX = 32 }; /* renders made from renders; then what they do not use goes */

/* A render of the newest commit, from the one before or whole. */
static int renew(struct app *p, const struct app_sources *s, const char *key, const char *inputs,
                 struct kept_render **out, bool *alone, struct err *e)
{
    const char *const *files;
    struct kept_render *r = NULL,
                       *base = held(p, kept_near(p->g->kept, key, inputs, s->items[0].repo, s->head,
                                                 p->a, &files));
    if (base && base->depth < DEPTH_MAX && manifests__kinds_are_same(p, &base->m)) {
        *out = r = held(p, kept_render_new());
        if (make_from(p, s, s->head, base, files, r, NULL) == 0) {
            r->base = kept_render_ref(base);
            r->depth = base->depth + 1;
            *alone = true;
            return 0;
        }
    }
    *out = r = held(p, kept_render_new());
    return make(p, s, s->head, r, alone, e);
}

/* A render that stays until the sync ends. Only what the Application itself names is kept, at its
 * newest commit. */
static int hold_render(struct app *p, const struct app_sources *s, const char *revision,
                       struct kept_render **out, struct err *e)
{
    const char *inputs = app_inputs(p->spec, p->ns, p->name, p->a);
    const char *key = app_key(p->ns, p->name, p->a);
    bool own = s == &p->from && !s->many && s->items[0].repo && strcmp(revision, s->head) == 0;
    bool alone = false;
    struct kept_render *r =
        own ? held(p, kept_get(p->g->kept, key, inputs, s->items[0].repo, revision)) : NULL;
    *out = r;
    if (r && manifests__kinds_are_same(p, &r->m))
        return 0;
    int64_t from = clock_mono_us();
    int rc;
    if (own) {
        rc = renew(p, s, key, inputs, out, &alone, e);
    } else {
        *out = held(p, kept_render_new());
        rc = make(p, s, revision, *out, &alone, e);
    }
    (void)atomic_fetch_add(&p->g->renders, 1);
    (void)atomic_fetch_add(&p->g->render_us, (unsigned long long)(clock_mono_us() - from));
    if (rc < 0 || !own)
        return rc;
    if (!alone) {
        kept_drop(p->g->kept, key);
        return 0;
    }
    r = *out;
    r->inputs = arena_strdup(r->a, inputs);
    r->repository = arena_strdup(r->a, repo_path(s->items[0].repo));
    kept_put(p->g->kept, key, r, revision);
    return 0;
}

int app_render(struct app *p, const struct app_sources *s, const char *revision,
               struct app_manifests *out, struct err *e)
{
    struct kept_render *r = NULL;
    int rc = hold_render(p, s, revision, &r, e);
    if (rc < 0)
        return rc;
    struct app_manifests m = r->m;
    m.revision = revision;
    m.source = s->doc;
    m.plain = r->m.objects;
    m.whole = ARENA_ARRAY(p->a, char, sizeof m.git);
    m.objects = ARENA_ARRAY(p->a, struct value *, m.n + 1);
    for (size_t i = 0; i < m.n; i++) /* what others share is not written to */
        m.objects[i] = trial_wanted(p) ? value_copy(p->a, r->m.objects[i]) : r->m.objects[i];
    m.parts = trial_wanted(p) ? NULL : r->m.parts;
    rc = app_outside_config(p, &m, e);
    if (rc == 0)
        *out = m;
    return rc;
}
