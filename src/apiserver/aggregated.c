#include <string.h>

#include "api/openapi.h"
#include "apiserver/discovery_int.h"
#include "codec/json.h"

/* ---- APIGroupDiscoveryList ---- */

static struct value *response_kind(struct arena *a, const struct listed *l,
                                   const struct group_version *gv)
{
    struct value *k = value_new_object(a);
    bool custom = l->served && l->served->kind.crd && !(l->kind_group && *l->kind_group);
    value_set_str(a, k, "group", custom ? gv->group : l->kind_group ? l->kind_group : "");
    value_set_str(a, k, "version", custom ? gv->version : l->kind_version ? l->kind_version : "");
    value_set_str(a, k, "kind", l->kind);
    return k;
}

static void add_resource(struct arena *a, struct value *list, const struct listed *all, size_t n,
                         size_t i, const struct group_version *gv)
{
    const struct listed *l = &all[i];
    struct value *r = value_new_object(a);
    value_set_str(a, r, "resource", l->name);
    value_set(a, r, "responseKind", response_kind(a, l, gv));
    value_set_str(a, r, "scope", l->namespaced ? "Namespaced" : "Cluster");
    value_set_str(a, r, "singularResource", l->singular);
    value_set(a, r, "verbs", discovery__split(a, l->verbs));
    if (l->short_names && *l->short_names)
        value_set(a, r, "shortNames", discovery__split(a, l->short_names));
    if (l->categories && *l->categories)
        value_set(a, r, "categories", discovery__split(a, l->categories));
    size_t len = strlen(l->name);
    for (size_t j = 0; j < n; j++) {
        const struct listed *sub = &all[j];
        if (strncmp(sub->name, l->name, len) != 0 || sub->name[len] != '/')
            continue;
        struct value *s = value_new_object(a);
        value_set_str(a, s, "subresource", sub->name + len + 1);
        value_set(a, s, "responseKind", response_kind(a, sub, gv));
        value_set(a, s, "verbs", discovery__split(a, sub->verbs));
        value_push(a, value_make_array(a, r, "subresources"), s);
    }
    value_push(a, list, r);
}

static struct value *version_of(struct web *w, const struct group_version *gv)
{
    struct arena *a = w->call.a;
    size_t n;
    const struct listed *all = discovery__resources(w->call.s, gv->group, gv->version, a, &n);
    struct value *v = value_new_object(a);
    value_set_str(a, v, "version", gv->version);
    struct value *list = value_make_array(a, v, "resources");
    for (size_t i = 0; i < n; i++)
        if (!strchr(all[i].name, '/'))
            add_resource(a, list, all, n, i, gv);
    value_set_str(a, v, "freshness", "Current");
    return v;
}

static struct value *aggregate(struct web *w, bool core, const char *api_version)
{
    struct arena *a = w->call.a;
    size_t n;
    const struct group_version *all = discovery__groups(w->call.s, a, &n);
    struct value *v = value_new_object(a);
    value_set_str(a, v, "kind", "APIGroupDiscoveryList");
    value_set_str(a, v, "apiVersion", api_version);
    value_set(a, v, "metadata", value_new_object(a));
    struct value *items = value_make_array(a, v, "items");
    struct value *versions = NULL;
    for (size_t i = 0; i < n; i++) {
        if ((*all[i].group == '\0') != core)
            continue;
        if (!versions || strcmp(all[i - 1].group, all[i].group) != 0) {
            struct value *g = value_new_object(a), *meta = value_make_object(a, g, "metadata");
            if (*all[i].group)
                value_set_str(a, meta, "name", all[i].group);
            value_set(a, meta, "creationTimestamp", value_null(a));
            g = value_push(a, items, g);
            versions = value_make_array(a, g, "versions");
        }
        value_push(a, versions, version_of(w, &all[i]));
    }
    return v;
}

bool discovery__aggregated(struct web *w, bool core)
{
    const char *accept = http_header(w->q, "Accept");
    const char *list = accept ? strstr(accept, "as=APIGroupDiscoveryList") : NULL;
    if (!list)
        return false;
    const char *v2 = strstr(accept, "v=v2;as=APIGroupDiscoveryList");
    const char *beta = strstr(accept, "v=v2beta1;as=APIGroupDiscoveryList");
    if (!v2 && !beta)
        return false;
    const char *version = v2 && (!beta || v2 < beta) ? "v2" : "v2beta1";
    struct value *v =
        aggregate(w, core, arena_printf(w->call.a, "apidiscovery.k8s.io/%s", version));
    const char *text = json_text(w->call.a, v, 0);
    w->status = 200;
    http_set_header(w->q, "Vary", "Accept");
    http_send(w->q, 200,
              arena_printf(w->call.a,
                           "application/json;g=apidiscovery.k8s.io;v=%s;as=APIGroupDiscoveryList",
                           version),
              text, strlen(text));
    return true;
}

bool discovery__missing(struct web *w, const char *path)
{
    (void)path;
    web_send_text(w, 404, "404 page not found\n");
    return true;
}

/* ---- OpenAPI ---- */

static const struct kind **kinds_of(struct web *w, const char *group, const char *version,
                                    size_t *out_n)
{
    size_t n, m = 0;
    const struct served **all = kinds__all(w->call.s, w->call.a, &n);
    const struct kind **kinds = ARENA_ARRAY(w->call.a, const struct kind *, n + 1);
    for (size_t i = 0; i < n; i++)
        if (!group ||
            (strcmp(all[i]->res->group, group) == 0 && strcmp(all[i]->res->version, version) == 0))
            kinds[m++] = &all[i]->kind;
    *out_n = m;
    return kinds;
}

static bool send(struct web *w, struct value *v)
{
    w->media.yaml = false;
    web_send_value(w, 200, v);
    return true;
}

/* {"paths": {"apis/apps/v1": {"serverRelativeURL": "/openapi/v3/apis/apps/v1?hash=…"}}} */
static bool serve_index(struct web *w)
{
    struct arena *a = w->call.a;
    size_t n;
    const struct group_version *all = discovery__groups(w->call.s, a, &n);
    struct value *v = value_new_object(a), *paths = value_make_object(a, v, "paths");
    for (size_t i = 0; i < n; i++) {
        const char *path = *all[i].group
                               ? arena_printf(a, "apis/%s/%s", all[i].group, all[i].version)
                               : arena_printf(a, "api/%s", all[i].version);
        struct value *one = value_new_object(a);
        value_set_str(a, one, "serverRelativeURL", arena_printf(a, "/openapi/v3/%s", path));
        value_set(a, paths, path, one);
    }
    return send(w, v);
}

static bool serve_group(struct web *w, const char *path)
{
    struct arena *a = w->call.a;
    char *group = arena_strdup(a, path), *slash = strchr(group, '/');
    const char *version = NULL;
    if (!slash)
        return false;
    *slash++ = '\0';
    if (strcmp(group, "api") == 0) {
        group = arena_strdup(a, "");
        version = slash;
    } else {
        group = slash;
        slash = strchr(slash, '/');
        if (!slash)
            return false;
        *slash++ = '\0';
        version = slash;
    }
    size_t n;
    const struct kind **kinds = kinds_of(w, group, version, &n);
    if (n == 0 && !reviews__is(group, version, "tokenreviews") &&
        !reviews__is(group, version, "subjectaccessreviews"))
        return false;
    return send(w, openapi_v3(kinds, n, group, version, a));
}

bool openapi__serve(struct web *w, const char *path)
{
    if (strcmp(path, "/openapi/v2") == 0) {
        size_t n;
        const struct kind **kinds = kinds_of(w, NULL, NULL, &n);
        const char *accept = http_header(w->q, "Accept");
        if (accept && strstr(accept, "protobuf") && !strstr(accept, "json")) {
            w->status = 406;
            http_send_text(w->q, 406, "only JSON is offered\n");
            return true;
        }
        return send(w, openapi_v2(kinds, n, w->call.a));
    }
    if (strcmp(path, "/openapi/v3") == 0 || strcmp(path, "/openapi/v3/") == 0)
        return serve_index(w);
    return strncmp(path, "/openapi/v3/", 12) == 0 && serve_group(w, path + 12);
}
