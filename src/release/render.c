/* render.c - a chart and its values become a revision that is not written yet. */
#include <string.h>

#include "base/buf.h"
#include "codec/base64.h"
#include "release/release_int.h"
#include "template/template.h"

enum { MANIFEST_MAX = 256 << 20, SEED = 32 };

const char *release__draw_seed(struct release_session *s)
{
    unsigned char seed[SEED];
    if (s->port->draw(s->port->self, seed, NULL) < 0)
        return NULL;
    return hex_encode(s->log->arena, seed, sizeof seed);
}

/* ---- lookup ---- */

static int look_up_list(struct release_session *s, const struct resource *r, const char *ns,
                        struct arena *a, struct go_value *out, struct err *e)
{
    struct kube_list l;
    int rc = kube_list(s->kube, r, ns, NULL, &l, e);
    if (rc < 0)
        return rc;
    struct value *root = value_new_object(a), *items = value_new_array(a);
    for (size_t i = 0; i < l.n; i++)
        (void)value_push(a, items, value_copy(a, l.items[i]->root));
    (void)value_set_str(a, root, "apiVersion", resource_api_version(r, a));
    (void)value_set(a, root, "kind", value_new_strf(a, "%sList", r->kind));
    (void)value_set(a, value_make_object(a, root, "metadata"), "resourceVersion",
                    value_new_strf(a, "%llu", (unsigned long long)l.rv));
    (void)value_set(a, root, "items", items);
    kube_list_done(&l);
    *out = go_from_value(a, root);
    return 0;
}

static int look_up(void *self, const char *api_version, const char *kind, const char *ns,
                   const char *name, struct arena *a, struct go_value *out, struct err *e)
{
    struct release_session *s = self;
    const struct resource *r;
    struct object *o;
    int rc = kube_find(s->kube, api_version, kind, &r, e);
    if (rc == ERR_NOT_FOUND)
        rc = err_set(e, rc, "the server could not find the requested resource");
    if (rc < 0)
        return err_wrap(e, rc, "unable to get apiresource from unstructured: %s, Kind=%s",
                        api_version, kind);
    ns = r->namespaced && *ns ? ns : NULL;
    *out = go_map(go_map_new(a, 0));
    rc = *name ? kube_get(s->kube, r, ns, name, &o, e) : look_up_list(s, r, ns, a, out, e);
    if (rc == ERR_NOT_FOUND)
        return 0;
    if (rc == 0 && *name) {
        *out = go_from_value(a, value_copy(a, o->root));
        object_unref(o);
    }
    return rc;
}

void release_look(struct release_session *s, struct template_host *host)
{
    host->self = s;
    host->lookup = look_up;
}

/* ---- hooks ---- */

/* "a, B" as a list of words in lower case. */
static struct value *words(struct arena *a, const char *text)
{
    struct value *list = value_new_array(a);
    for (const char *s = text; *text;) {
        size_t n = strcspn(s, ",");
        const char *from = s + strspn(s, " \t\r\n"), *end = s + n;
        while (end > from && strchr(" \t\r\n", end[-1]))
            end--;
        char *word = arena_strndup(a, from, end > from ? (size_t)(end - from) : 0);
        for (char *c = word; *c; c++)
            *c = *c >= 'A' && *c <= 'Z' ? (char)(*c + 32) : *c;
        (void)value_push_str(a, list, strcmp(word, "test-success") == 0 ? "test" : word);
        if (!s[n])
            break;
        s += n + 1;
    }
    return list;
}

static void set_words(struct arena *a, struct value *hook, const char *key, const char *text)
{
    struct value *list = words(a, text ? text : "");
    if (list->n)
        (void)value_set(a, hook, key, list);
}

static struct value *hooks_of(struct arena *a, const struct helm_manifests *hooks)
{
    struct value *list = value_new_array(a);
    for (size_t i = 0; i < hooks->n; i++) {
        const struct helm_manifest *m = &hooks->items[i];
        struct value *v = value_new_object(a), *run = value_new_object(a);
        (void)value_set_str(a, v, "name", m->name);
        (void)value_set_str(a, v, "kind", m->kind);
        (void)value_set_str(a, v, "path", m->path);
        (void)value_set(a, v, "manifest", value_new_strn(a, m->text.s, m->text.n));
        set_words(a, v, "events", m->hook);
        (void)value_set_str(a, run, "started_at", "");
        (void)value_set_str(a, run, "completed_at", "");
        (void)value_set_str(a, run, "phase", "");
        (void)value_set(a, v, "last_run", run);
        if (m->weight)
            (void)value_set_int(a, v, "weight", m->weight);
        set_words(a, v, "delete_policies", m->delete_policy);
        set_words(a, v, "output_log_policies", m->log_policy);
        (void)value_push(a, list, v);
    }
    return list;
}

/* ---- the document ---- */

static void hide_secrets(struct helm_result *r)
{
    static const char hidden[] = "# HIDDEN: The Secret output has been suppressed";
    for (size_t i = 0; i < r->manifests.n; i++) {
        struct helm_manifest *m = &r->manifests.items[i];
        if (strcmp(m->kind, "Secret") == 0 && strcmp(m->api_version, "v1") == 0)
            m->text = (struct helm_text){hidden, sizeof hidden - 1};
    }
}

static int manifest_of(struct release_session *s, struct helm_result *r,
                       const struct release_opts *o, const char **out, struct err *e)
{
    AUTO_BUF struct buf b;
    buf_init(&b, MANIFEST_MAX);
    if (o->hide_secret)
        hide_secrets(r);
    helm_result_manifest(r, false, &b);
    int rc = buf_check(&b, e);
    if (rc < 0)
        return release__note(s, e, rc);
    if (s->port->post_render)
        rc = s->port->post_render(s->port->self, s->log, &b, e);
    *out = arena_strndup(s->log->arena, buf_text(&b), b.len);
    return rc;
}

static struct value *info_of(struct release_session *s, const struct release__render *how,
                             struct helm_text notes)
{
    struct arena *a = s->log->arena;
    struct value *info = value_new_object(a);
    const char *now = release__now(s);
    (void)value_set_str(a, info, "first_deployed", how->first_deployed ? how->first_deployed : now);
    (void)value_set_str(a, info, "last_deployed", now);
    (void)value_set_str(a, info, "deleted", "");
    (void)value_set_str(a, info, "description", how->description);
    (void)value_set_str(a, info, "status", release_status_name(how->status));
    if (notes.n)
        (void)value_set(a, info, "notes", value_new_strn(a, notes.s, notes.n));
    return info;
}

static int document_of(struct release_session *s, const struct helm_chart *chart,
                       const struct value *config, const struct release__render *how,
                       const struct release_opts *o, struct helm_result *r, struct release **out,
                       struct err *e)
{
    struct arena *a = s->log->arena;
    struct value *doc = value_new_object(a), *chart_doc, *hooks = hooks_of(a, &r->hooks);
    const char *manifest;
    int rc = helm_chart_document(chart, s->log, &chart_doc, e);
    if (rc == 0)
        rc = manifest_of(s, r, o, &manifest, e);
    if (rc < 0)
        return rc;
    (void)value_set_str(a, doc, "name", how->name);
    (void)value_set(a, doc, "info", info_of(s, how, r->notes));
    (void)value_set(a, doc, "chart", chart_doc);
    if (value_count(config))
        (void)value_set(a, doc, "config", config);
    if (*manifest)
        (void)value_set_str(a, doc, "manifest", manifest);
    if (hooks->n)
        (void)value_set(a, doc, "hooks", hooks);
    (void)value_set_int(a, doc, "version", how->revision);
    (void)value_set_str(a, doc, "namespace", how->ns);
    *out = release__of(a, doc);
    (*out)->seed = how->seed;
    (*out)->labels = how->labels;
    return 0;
}

int release__render(struct release_session *s, struct helm_chart *chart, struct go_map *values,
                    const struct release_opts *o, const struct release__render *how,
                    struct release **out, struct err *e)
{
    struct template_host host = {.self = s,
                                 .lookup = o->dry_run_client ? NULL : look_up,
                                 .now_ns = s->clock->real_ms(s->clock) * 1000000,
                                 .seed = how->seed,
                                 .seed_n = how->seed ? strlen(how->seed) : 0};
    struct helm_render_opts opts = {.release = how->name,
                                    .namespace = how->ns,
                                    .only_api_versions = true,
                                    .is_upgrade = how->is_upgrade,
                                    .skip_schema = o->skip_schema,
                                    .subchart_notes = o->subchart_notes,
                                    .revision = how->shown_revision,
                                    .host = &host};
    struct go_value given = go_map(values);
    struct value *config = value_new_object(s->log->arena);
    struct helm_result result = {.began = false};
    int rc = go_to_value(s->log->arena, &given, config, e); /* before rendering changes them */
    if (rc < 0)
        return release__note(s, e, rc);
    const char **apis;
    rc = s->port->discover(s->port->self, s->log->arena, &opts.kube_version, &apis,
                           &opts.n_api_versions, e);
    if (rc < 0) {
        (void)release__note(s, e, rc);
        return release__wrap(s, e, rc, "could not get apiVersions from Kubernetes");
    }
    opts.api_versions = apis;
    rc = helm_render(chart, values, &opts, s->log, &result, e);
    return rc < 0 ? rc : document_of(s, chart, config, how, o, &result, out, e);
}
