/* vars: values of fields put in for $(NAME), once, when all names are final. */
#include "render/kustomize/kust_int.h"

struct var_place {
    const char *kind; /* NULL: any */
    const char *path;
};

/* "$pod" stands for the place where a kind keeps a pod's spec. */
static const struct var_place places[] = {
    {NULL,                    "metadata/labels"                                  },
    {NULL,                    "metadata/annotations"                             },
    {NULL,                    "$pod/containers/args"                             },
    {NULL,                    "$pod/containers/command"                          },
    {NULL,                    "$pod/containers/env/value"                        },
    {NULL,                    "$pod/containers/volumeMounts/mountPath"           },
    {NULL,                    "$pod/initContainers/args"                         },
    {NULL,                    "$pod/initContainers/command"                      },
    {NULL,                    "$pod/initContainers/env/value"                    },
    {NULL,                    "$pod/initContainers/volumeMounts/mountPath"       },
    {NULL,                    "$pod/volumes/nfs/server"                          },
    {"Ingress",               "spec/rules/host"                                  },
    {"Ingress",               "spec/tls/hosts"                                   },
    {"Ingress",               "spec/tls/secretName"                              },
    {"Service",               "spec/ports/port"                                  },
    {"Service",               "spec/ports/targetPort"                            },
    {"CronJob",               "spec/jobTemplate/spec/template/volumes/nfs/server"},
    {"PersistentVolume",      "spec/nfs/server"                                  },
    {"PersistentVolumeClaim", "spec/nfs/server"                                  },
    {"StatefulSet",           "spec/volumeClaimTemplates/spec/nfs/server"        },
};

/* ---- finding what a var stands for ---- */

static bool meant(struct arena *a, const struct kust_resource *r, const struct value *ref)
{
    const char *version = value_at_str(ref, "apiVersion", ""), *slash = strchr(version, '/');
    const char *group = value_at_str(ref, "group", "");
    const char *name = value_at_str(ref, "name", ""), *ns = value_at_str(ref, "namespace", "");
    if (slash)
        group = arena_strndup(a, version, (size_t)(slash - version));
    if (strcmp(kust_kind(r), value_at_str(ref, "kind", "")) != 0)
        return false;
    if ((*version || *group) && strcmp(kust_group(a, r), group) != 0)
        return false;
    for (size_t i = 0; i < r->n_was; i++)
        if (strcmp(r->was[i].name, name) == 0 &&
            (!*ns || strcmp(*r->was[i].ns ? r->was[i].ns : "default", ns) == 0))
            return true;
    return false;
}

int kust_var_add(struct kust_set *s, const struct kust_var *v, struct err *e)
{
    for (size_t i = 0; i < s->n_vars; i++)
        if (strcmp(s->vars[i].name, v->name) == 0)
            return err_set(e, ERR_INVALID, "var \"%s\" is there twice", v->name);
    s->vars =
        arena_grow(s->a, s->vars, s->n_vars * sizeof *s->vars, (s->n_vars + 1) * sizeof *s->vars);
    s->vars[s->n_vars++] = *v;
    return 0;
}

static int one_var(struct kust_layer *l, const struct value *entry, struct err *e)
{
    static const char *const known[] = {"name", "objref", "fieldref", NULL};
    int rc = kust_only(l, entry, "vars", known, e);
    const struct value *ref = value_get(entry, "objref"), *field = value_get(entry, "fieldref");
    const char *path = value_at_str(field, "fieldPath", value_at_str(field, "fieldpath", ""));
    struct kust_var v = {.name = value_at_str(entry, "name", ""),
                         .path = *path ? path : "metadata.name"};
    if (rc < 0)
        return rc;
    if (!*v.name || !*value_at_str(ref, "name", ""))
        return kust_error(l, entry, e, "vars: name and objref.name are needed");
    for (size_t i = 0; i < l->set->n; i++) {
        if (!meant(l->a, l->set->items[i], ref))
            continue;
        if (v.of)
            return kust_error(l, entry, e, "var %s: more than one object fits", v.name);
        v.of = l->set->items[i];
    }
    rc = kust_var_add(l->set, &v, e);
    return rc < 0 ? err_wrap(e, rc, "%s:%u", l->file, entry->line) : 0;
}

int kust_vars(struct kust_layer *l, struct err *e)
{
    int rc = 0;
    VALUE_EACH_ITEM (entry, value_get(l->doc, "vars"))
        if (rc == 0)
            rc = one_var(l, entry, e);
    return rc;
}

/* ---- putting in ---- */

static const struct value *var_value(const struct kust_set *s, const char *name, size_t n)
{
    for (size_t i = 0; i < s->n_vars; i++)
        if (strlen(s->vars[i].name) == n && memcmp(s->vars[i].name, name, n) == 0) {
            s->vars[i].used = true;
            return s->vars[i].value;
        }
    return NULL;
}

static const char *scalar_text(const struct value *v)
{
    return value_is(v, VALUE_BOOL) ? (v->boolean ? "true" : "false") : v->text;
}

static void expand(const struct kust_set *s, struct value *at)
{
    const char *p = at->text, *out = "";
    if (!strchr(p, '$'))
        return;
    while (*p) {
        size_t n = strcspn(p, "$");
        out = arena_printf(s->a, "%s%.*s", out, (int)n, p);
        p += n;
        const char *end = p[0] == '$' && p[1] == '(' ? strchr(p, ')') : NULL;
        if (end) {
            const struct value *v = var_value(s, p + 2, (size_t)(end - p - 2));
            if (v && p == at->text && !end[1]) {
                *at = *value_copy(s->a, v); /* alone, it keeps its type */
                return;
            }
            out = v ? arena_printf(s->a, "%s%s", out, scalar_text(v))
                    : arena_printf(s->a, "%s%.*s", out, (int)(end - p + 1), p);
            p = end + 1;
        } else if (*p) {
            out = arena_printf(s->a, "%s$", out);
            p += p[1] == '$' ? 2 : 1;
        }
    }
    *at = *value_new_str(s->a, out);
}

static int expand_at(void *arg, struct value *at, struct err *e)
{
    const struct kust_set *s = arg;
    (void)e;
    if (value_is(at, VALUE_STRING))
        expand(s, at);
    for (size_t i = 0; value_is(at, VALUE_OBJECT) && i < at->n; i++)
        if (value_is(&at->members[i].value, VALUE_STRING))
            expand(s, &at->members[i].value);
    return 0;
}

static int expand_place(struct kust_set *s, struct kust_resource *r, const struct var_place *p,
                        struct err *e)
{
    static const char *const pods[] = {"spec", "spec/template/spec",
                                       "spec/jobTemplate/spec/template/spec"};
    if (p->kind && strcmp(p->kind, kust_kind(r)) != 0)
        return 0;
    if (strncmp(p->path, "$pod/", 5) != 0)
        return kust_visit(s->a, r->object, p->path, false, expand_at, s, e);
    bool pod = strcmp(kust_kind(r), "Pod") == 0;
    int rc = 0;
    for (size_t i = pod ? 0 : 1; rc == 0 && i < (pod ? 1 : ARRAY_LEN(pods)); i++)
        rc = kust_visit(s->a, r->object, arena_printf(s->a, "%s/%s", pods[i], p->path + 5), false,
                        expand_at, s, e);
    return rc;
}

static int settle(struct kust_set *s, struct err *e)
{
    for (size_t i = 0; i < s->n_vars; i++) {
        struct kust_var *v = &s->vars[i];
        if (!v->of)
            return err_set(e, ERR_INVALID, "var %s: no object of this build fits", v->name);
        const struct value *is = value_at(v->of->object, v->path);
        if (!is || value_is(is, VALUE_NULL) || value_is(is, VALUE_ARRAY) ||
            value_is(is, VALUE_OBJECT))
            return err_set(e, ERR_INVALID, "var %s: %s %s has no value at %s", v->name,
                           kust_kind(v->of), kust_name(v->of), v->path);
        v->value = value_copy(s->a, is);
    }
    return 0;
}

int kust_vars_resolve(struct kust_set *s, struct err *e)
{
    if (s->n_vars == 0)
        return 0;
    size_t n_more;
    const struct kust_place *more =
        kust_places_more(s->a, NULL, 0, value_get(s->config, "varReference"), &n_more);
    int rc = settle(s, e);
    for (size_t i = 0; rc == 0 && i < s->n; i++) {
        for (size_t k = 0; rc == 0 && k < ARRAY_LEN(places); k++)
            rc = expand_place(s, s->items[i], &places[k], e);
        for (size_t k = 0; rc == 0 && k < n_more; k++)
            if (kust_place_fits(&more[k], s->items[i]))
                rc = kust_visit(s->a, s->items[i]->object, more[k].path, more[k].create, expand_at,
                                s, e);
    }
    return rc;
}

void kust_vars_unused(const struct kust_layer *root)
{
    const struct kust_set *s = root->set;
    const char *names = "";
    for (size_t i = 0; i < s->n_vars; i++)
        if (!s->vars[i].used)
            names = arena_printf(s->a, "%s%s%s", names, *names ? "," : "", s->vars[i].name);
    if (*names && root->opts->warn)
        root->opts->warn(
            arena_printf(s->a, "well-defined vars that were never replaced: %s", names));
}
