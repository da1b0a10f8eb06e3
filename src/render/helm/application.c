#include "render/helm/application.h"

#include <ctype.h>
#include <string.h>

#include "base/buf.h"
#include "base/own.h"
#include "codec/json.h"
#include "render/helm/helm.h"
#include "template/template.h"

enum { VALUES_MAX = 1 << 20 };

/* The values that stand in the Application itself, as a file of this name. */
#define INLINE_VALUES "spec.source.helm.values"

struct source {
    struct helm_reader reader;
    struct tree *tree;
    const char *path; /* of the chart */
    const struct render_opts *opts;
    struct arena *a;
    const char *inline_values;
};

static const struct value *option(const struct source *s, const char *name)
{
    return value_get(s->opts->helm, name);
}

static int check_options(const struct source *s, struct err *e)
{
    static const char *const known[] = {"releaseName",
                                        "valueFiles",
                                        "values",
                                        "valuesObject",
                                        "parameters",
                                        "fileParameters",
                                        "skipCrds",
                                        "skipTests",
                                        "skipSchemaValidation",
                                        "ignoreMissingValueFiles",
                                        "namespace",
                                        "kubeVersion",
                                        "apiVersions",
                                        "passCredentials",
                                        "version"};
    VALUE_EACH_MEMBER (m, s->opts->helm) {
        bool found = false;
        for (size_t i = 0; i < ARRAY_LEN(known); i++)
            found |= strcmp(known[i], m->key) == 0;
        if (!found)
            return err_set(e, ERR_UNSUPPORTED, "spec.source.helm.%s is not offered here", m->key);
    }
    const char *version = value_str(option(s, "version"), "v3");
    if (*version && strcmp(version, "v3") != 0 && strcmp(version, "3") != 0)
        return err_set(e, ERR_UNSUPPORTED, "spec.source.helm.version %s is not offered: only v3",
                       version);
    return 0;
}

/* ---- $NAME and ${NAME} ---- */

/* NULL: nobody has set it. */
static const char *variable(const struct source *s, const char *name, size_t n)
{
    const struct render_variable *v = s->opts->variables;
    if (n == 1 && *name == '$')
        return "$";
    for (; v && v->name; v++)
        if (strlen(v->name) == n && strncmp(v->name, name, n) == 0)
            return v->value;
    return NULL;
}

static const char *expanded(const struct source *s, const char *text)
{
    if (!strchr(text, '$'))
        return text;
    AUTO_BUF struct buf b;
    buf_init(&b, VALUES_MAX);
    for (const char *c = text; *c;) {
        size_t n = 0;
        bool braces = c[0] == '$' && c[1] == '{';
        const char *name = c + 1 + braces;
        if (*c == '$' && *name == '$')
            n = 1;
        else if (*c == '$')
            while (isalnum((unsigned char)name[n]) || name[n] == '_')
                n++;
        if (n == 0 || (braces && name[n] != '}')) {
            buf_putc(&b, *c++);
            continue;
        }
        const char *value = variable(s, name, n);
        buf_puts(&b, value ? value : "");
        c = name + n + braces;
    }
    return arena_strdup(s->a, buf_text(&b));
}

/* ---- files ---- */

/* The tree that "$name/path" is in, and its path there; NULL: it is none that has a name. */
static const struct render_ref *referred(const struct source *s, const char *path,
                                         const char **rest)
{
    size_t n = strcspn(path, "/");
    for (const struct render_ref *r = s->opts->refs; *path == '$' && r && r->name; r++)
        if (strlen(r->name) == n - 1 && strncmp(r->name, path + 1, n - 1) == 0) {
            *rest = path + n + (path[n] == '/');
            return r;
        }
    return NULL;
}

/* Of another source they are left to be replaced within the path alone. */
static const char *file_name(const struct source *s, const char *path)
{
    const char *rest;
    const struct render_ref *r = referred(s, path, &rest);
    size_t n = strcspn(path, "/");
    if (!r && *path == '$' && path[1] != '{' && !variable(s, path + 1, n - 1))
        return path; /* to be refused by its name */
    return r ? arena_printf(s->a, "$%s/%s", r->name, expanded(s, rest)) : expanded(s, path);
}

/* "/x" counts from the repository's root, "$name/x" from that of another source, all else from the
 * chart. */
static int file_path(const struct source *s, const char *path, struct tree **tree, const char **out,
                     struct err *e)
{
    const char *rest;
    const struct render_ref *r = referred(s, path, &rest);
    *tree = r ? r->tree : s->tree;
    if (r)
        return tree_join(s->a, "", rest, out, e);
    if (*path == '$')
        return err_set(e, ERR_NOT_FOUND, "%s: no source has the ref %.*s", path,
                       (int)strcspn(path + 1, "/"), path + 1);
    if (strstr(path, "://"))
        return err_set(e, ERR_UNSUPPORTED,
                       "%s: files of charts are read from the Application's repository only", path);
    return *path == '/' ? tree_join(s->a, "", path + 1, out, e)
                        : tree_join(s->a, s->path, path, out, e);
}

static int read_file(struct helm_reader *r, const char *path, struct arena *a, const char **out,
                     size_t *n, struct err *e)
{
    struct source *s = container_of(r, struct source, reader);
    if (strcmp(path, INLINE_VALUES) == 0) {
        *out = s->inline_values;
        *n = strlen(s->inline_values);
        return 0;
    }
    const char *full;
    struct tree *tree;
    int rc = file_path(s, path, &tree, &full, e);
    return rc < 0 ? rc : tree_read(tree, full, a, out, n, e);
}

static int is_there(const struct source *s, const char *path, bool *out, struct err *e)
{
    const char *full;
    struct tree *tree;
    enum tree_kind kind;
    int rc = file_path(s, path, &tree, &full, e);
    if (rc == 0)
        rc = tree_stat(tree, full, &kind, e);
    *out = rc == 0 && kind == TREE_FILE;
    return rc;
}

/* ---- values ---- */

struct sources {
    struct helm_value_source *items;
    size_t n;
};

static void add(struct sources *list, enum helm_values_kind kind, const char *text)
{
    list->items[list->n++] = (struct helm_value_source){kind, text};
}

static int add_files(const struct source *s, struct sources *list, struct err *e)
{
    bool lax = value_bool(option(s, "ignoreMissingValueFiles"), false);
    VALUE_EACH_ITEM (f, option(s, "valueFiles")) {
        const char *path = file_name(s, value_str(f, ""));
        bool there = true;
        int rc = lax ? is_there(s, path, &there, e) : 0;
        if (rc < 0)
            return rc;
        if (there)
            add(list, HELM_VALUES_FILE, path);
    }
    return 0;
}

/* valuesObject wins over values; a JSON text is YAML, too. */
static void add_inline(struct source *s, struct sources *list)
{
    const struct value *object = option(s, "valuesObject");
    const char *text = value_str(option(s, "values"), "");
    if (value_count(object) > 0)
        text = json_text(s->a, object, 0);
    s->inline_values = text;
    if (*text)
        add(list, HELM_VALUES_FILE, INLINE_VALUES);
}

/* A comma in a parameter's value is part of it, unless it was escaped before. */
static const char *escaped(struct arena *a, const char *text)
{
    size_t n = strlen(text);
    char *out = arena_alloc(a, 2 * n + 1), *to = out;
    for (size_t i = 0; i < n; i++) {
        if (text[i] == ',' && (i == 0 || text[i - 1] != '\\'))
            *to++ = '\\';
        *to++ = text[i];
    }
    return out;
}

static void add_parameters(const struct source *s, struct sources *list)
{
    VALUE_EACH_ITEM (p, option(s, "parameters")) {
        const char *value = escaped(s->a, expanded(s, value_at_str(p, "value", "")));
        add(list, value_at_bool(p, "forceString", false) ? HELM_SET_STRING : HELM_SET,
            arena_printf(s->a, "%s=%s", value_at_str(p, "name", ""), value));
    }
    VALUE_EACH_ITEM (p, option(s, "fileParameters"))
        add(list, HELM_SET_FILE,
            arena_printf(s->a, "%s=%s", value_at_str(p, "name", ""),
                         escaped(s->a, file_name(s, value_at_str(p, "path", "")))));
}

static int values_of(struct source *s, struct helm_log *log, struct go_map **out, struct err *e)
{
    struct sources list = {.n = 0};
    size_t max = value_count(option(s, "valueFiles")) + value_count(option(s, "parameters")) +
                 value_count(option(s, "fileParameters")) + 1;
    list.items = ARENA_ARRAY(s->a, struct helm_value_source, max);
    int rc = add_files(s, &list, e);
    if (rc < 0) {
        log->error = arena_strdup(s->a, e->msg);
        return rc;
    }
    add_inline(s, &list);
    add_parameters(s, &list);
    return helm_values_merge(list.items, list.n, &s->reader, log, out, e);
}

/* ---- objects ---- */

struct objects {
    struct value **items;
    size_t n;
};

static int take_all(struct arena *a, const struct helm_manifests *list, bool skip_tests,
                    struct objects *out, struct err *e)
{
    for (size_t i = 0; i < list->n; i++) {
        const struct helm_manifest *m = &list->items[i];
        struct value **more = NULL;
        size_t n = 0, size = sizeof *more;
        if (skip_tests && m->events & 1u << HELM_TEST)
            continue;
        struct render_text t = {.path = m->path, .text = m->text.s, .len = m->text.n};
        int rc = render_parse(&t, a, &more, &n, e);
        if (rc < 0)
            return rc;
        out->items = arena_grow(a, out->items, out->n * size, (out->n + n) * size);
        if (n)
            memcpy(out->items + out->n, more, n * size);
        out->n += n;
    }
    return 0;
}

static int collect(const struct source *s, const struct helm_result *r, struct objects *out,
                   struct err *e)
{
    bool crds = !value_bool(option(s, "skipCrds"), false);
    int rc = crds ? take_all(s->a, &r->crds, false, out, e) : 0;
    if (rc == 0)
        rc = take_all(s->a, &r->manifests, false, out, e);
    if (rc == 0)
        rc = take_all(s->a, &r->hooks, value_bool(option(s, "skipTests"), false), out, e);
    return rc;
}

static const char *const *api_versions(const struct source *s, size_t *n)
{
    const struct value *list = option(s, "apiVersions");
    const char **out =
        ARENA_ARRAY(s->a, const char *, s->opts->n_api_versions + value_count(list) + 1);
    *n = 0;
    for (size_t i = 0; i < s->opts->n_api_versions && value_count(list) == 0; i++)
        out[(*n)++] = s->opts->api_versions[i];
    VALUE_EACH_ITEM (v, list)
        out[(*n)++] = value_str(v, "");
    return out;
}

static int render(struct source *s, struct helm_log *log, struct helm_result *out, struct err *e)
{
    struct helm_chart *chart;
    struct go_map *values;
    const struct render_opts *o = s->opts;
    struct template_host host = {.now_ns = o->now_ns,
                                 .seed = o->release ? o->release : "",
                                 .seed_n = o->release ? strlen(o->release) : 0};
    struct helm_render_opts opts = {
        .release = value_str(option(s, "releaseName"), o->release ? o->release : "release-name"),
        .namespace = value_str(option(s, "namespace"), o->namespace ? o->namespace : "default"),
        .kube_version = o->kube_version,
        .skip_schema = value_bool(option(s, "skipSchemaValidation"), false),
        .host = &host,
    };
    const char *kube_version = value_str(option(s, "kubeVersion"), o->kube_version);
    opts.api_versions = api_versions(s, &opts.n_api_versions);
    int rc = kube_version ? helm_kube_version(kube_version, log, &opts.kube_version, e) : 0;
    if (rc == 0)
        rc = values_of(s, log, &values, e);
    if (rc == 0)
        rc = helm_chart_load(s->tree, s->path, log, &chart, e);
    if (rc == 0)
        rc = helm_chart_installable(chart, log, e);
    if (rc == 0)
        rc = helm_release_name_check(opts.release, log, e);
    return rc < 0 ? rc : helm_render(chart, values, &opts, log, out, e);
}

int helm_application(struct tree *t, const char *path, const struct render_opts *o, struct arena *a,
                     struct value ***out, size_t *n, struct err *e)
{
    struct source s = {.reader = {read_file}, .tree = t, .path = path, .opts = o, .a = a};
    struct helm_log log = {.arena = a};
    struct helm_result result;
    struct objects objects = {.n = 0};
    int rc = check_options(&s, e);
    if (rc < 0)
        return rc;
    rc = render(&s, &log, &result, e);
    if (rc < 0)
        return err_wrap(e, rc, "chart %s", *path ? path : ".");
    rc = collect(&s, &result, &objects, e);
    if (rc < 0)
        return rc;
    *out = objects.items;
    *n = objects.n;
    return 0;
}
