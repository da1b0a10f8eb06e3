/* helmCharts: charts become resources, as `helm template` would print them. */
#include "codec/patch.h"
#include "codec/yaml.h"
#include "render/chart_port.h"
#include "render/helm/helm.h"
#include "render/kustomize/kust_int.h"
#include "template/template.h"

enum { CHART_OUTPUT_MAX = 512 << 20 };

/* One entry of helmCharts at work. */
struct chart {
    struct helm_reader reader;
    struct kust_layer *l;
    const struct value *entry;
    const char *name;
    const char *home; /* where charts are; in the tree */
    struct helm_chart *chart;
    struct helm_log log;
    struct kust_file *files; /* of values, the later ones win */
    size_t n_files;
};

static const char *text_of(const struct chart *c, const char *field)
{
    return value_at_str(c->entry, field, "");
}

static bool flag_of(const struct chart *c, const char *field)
{
    return value_at_bool(c->entry, field, false);
}

/* What Helm said, in full as far as an error has room. */
static int fail(const struct chart *c, int code, struct err *e)
{
    if (c->log.error)
        (void)err_set(e, code, "%s", c->log.error);
    return err_wrap(e, code, "%s:%u: chart %s", c->l->file, c->entry->line, c->name);
}

/* ---- what was written ---- */

static const struct field {
    const char *name;
    enum value_kind kind;
} fields[] = {
    {"name",                  VALUE_STRING},
    {"version",               VALUE_STRING},
    {"repo",                  VALUE_STRING},
    {"releaseName",           VALUE_STRING},
    {"namespace",             VALUE_STRING},
    {"additionalValuesFiles", VALUE_ARRAY },
    {"valuesFile",            VALUE_STRING},
    {"valuesInline",          VALUE_OBJECT},
    {"valuesMerge",           VALUE_STRING},
    {"includeCRDs",           VALUE_BOOL  },
    {"skipHooks",             VALUE_BOOL  },
    {"apiVersions",           VALUE_ARRAY },
    {"kubeVersion",           VALUE_STRING},
    {"nameTemplate",          VALUE_STRING},
    {"skipTests",             VALUE_BOOL  },
    {"debug",                 VALUE_BOOL  },
    {"devel",                 VALUE_BOOL  },
};

static int check_fields(const struct chart *c, struct err *e)
{
    VALUE_EACH_MEMBER (m, c->entry) {
        const struct field *f = fields, *end = fields + ARRAY_LEN(fields);
        while (f < end && strcmp(f->name, m->key) != 0)
            f++;
        if (f == end)
            return err_set(e, ERR_UNSUPPORTED, "%s:%u: field helmCharts.%s is not offered here",
                           c->l->file, m->line, m->key);
        if (!value_is(&m->value, f->kind) && !value_is(&m->value, VALUE_NULL))
            return kust_error(c->l, &m->value, e, "helmCharts: %s is %s, not %s", f->name,
                              value_kind_name(m->value.kind), value_kind_name(f->kind));
    }
    return 0;
}

static int check(const struct chart *c, struct err *e)
{
    static const char *const merges[] = {"", "merge", "override", "replace"};
    int rc = check_fields(c, e);
    bool known = false;
    if (rc < 0)
        return rc;
    if (!c->l->opts->helm)
        return kust_error(c->l, c->entry, e, "helmCharts: must specify --enable-helm");
    if (!*c->name)
        return kust_error(c->l, c->entry, e, "helmCharts: chart name cannot be empty");
    if (*text_of(c, "releaseName") == '-' || *c->name == '-')
        return kust_error(c->l, c->entry, e,
                          "helmCharts: releaseName and name must not start with '-'");
    for (size_t i = 0; i < ARRAY_LEN(merges); i++)
        known |= strcmp(text_of(c, "valuesMerge"), merges[i]) == 0;
    if (!known)
        return kust_error(c->l, value_get(c->entry, "valuesMerge"), e,
                          "helmCharts: valuesMerge must be one of [merge override replace]");
    return 0;
}

/* ---- the chart ---- */

/* An absolute home counts from the tree's root, which is the machine's for the command. */
static int find_home(struct chart *c, const struct value *globals, struct err *e)
{
    const char *home = value_at_str(globals, "chartHome", "");
    const char *version = text_of(c, "version");
    struct arena *a = c->l->a;
    home = *home ? home : "charts";
    if (*version && *text_of(c, "repo"))
        home = arena_printf(a, "%s/%s-%s", home, c->name, version);
    int rc = *home == '/' && c->l->opts->files_anywhere
                 ? tree_join(a, "", home + 1, &c->home, e)
                 : tree_join(a, c->l->dir, home, &c->home, e);
    return rc < 0 ? err_wrap(e, rc, "%s:%u: chartHome", c->l->file, c->entry->line) : 0;
}

static int fetch(struct chart *c, struct err *e)
{
    const char *repo = text_of(c, "repo"), *version = text_of(c, "version");
    struct chart_port *port = c->l->opts->charts;
    const void *archive;
    size_t n;
    struct chart_request wanted = {
        .repository = repo,
        .name = c->name,
        .version = !*version && flag_of(c, "devel") ? ">0.0.0-0" : version,
    };
    if (!*repo)
        return err_set(e, ERR_NOT_FOUND, "no repo specified for pull, no chart found at '%s/%s'",
                       c->home, c->name);
    if (!port)
        return err_set(e, ERR_UNSUPPORTED,
                       "it is not in folder %s, and charts are not fetched from %s here", c->home,
                       repo);
    int rc = port->fetch(port, &wanted, c->l->a, &archive, &n, e);
    return rc < 0 ? rc : helm_chart_unpack(archive, n, &c->log, &c->chart, e);
}

static int load(struct chart *c, struct err *e)
{
    const char *path;
    enum tree_kind kind;
    int rc = tree_join(c->l->a, c->home, c->name, &path, e);
    if (rc == 0)
        rc = tree_stat(c->l->tree, path, &kind, e);
    if (rc < 0)
        return rc;
    return kind == TREE_DIR ? helm_chart_load(c->l->tree, path, &c->log, &c->chart, e)
                            : fetch(c, e);
}

/* ---- its values ---- */

static int read_values(struct helm_reader *r, const char *path, struct arena *a, const char **out,
                       size_t *n, struct err *e)
{
    const struct chart *c = container_of(r, struct chart, reader);
    (void)a;
    for (size_t i = 0; i < c->n_files; i++)
        if (c->files[i].path == path) {
            *out = c->files[i].text;
            *n = c->files[i].n;
            return 0;
        }
    return err_set(e, ERR_NOT_FOUND, "open %s: no such file or directory", path);
}

/* The chart's own values, unless a file of the kustomization's is to stand for them. */
static int main_file(const struct chart *c, struct kust_file *out, struct err *e)
{
    struct helm_text own;
    if (*text_of(c, "valuesFile"))
        return kust_read(c->l, value_get(c->entry, "valuesFile"), text_of(c, "valuesFile"), out, e);
    if (!helm_chart_file(c->chart, "values.yaml", &own))
        return kust_error(c->l, c->entry, e, "chart %s has no values.yaml", c->name);
    *out = (struct kust_file){arena_printf(c->l->a, "%s/%s/values.yaml", c->home, c->name), own.s,
                              own.n};
    return kust_inside(c->l, value_get(c->entry, "name"), out->path, e);
}

static int merge_inline(const struct chart *c, struct kust_file *f, struct err *e)
{
    const struct value *own = value_get(c->entry, "valuesInline");
    const char *how = text_of(c, "valuesMerge");
    struct arena *a = c->l->a;
    struct value *theirs;
    int rc = strcmp(how, "replace") == 0 ? 0 : main_file(c, f, e);
    if (rc == 0 && strcmp(how, "replace") != 0) {
        rc = yaml_parse(a, f->text, f->n, YAML_NODES, &theirs, e);
        if (rc < 0)
            return err_wrap(e, rc, "%s", f->path);
        theirs = value_copy(a, strcmp(how, "merge") == 0 ? patch_merge(a, own, theirs)
                                                         : patch_merge(a, theirs, own));
        rc = yaml_settle(a, theirs, e);
        own = theirs;
    }
    f->path = arena_printf(a, "%s-kustomize-values.yaml", c->name);
    f->text = yaml_text(a, own, YAML_FOLD);
    f->n = strlen(f->text);
    return rc;
}

static int values_of(struct chart *c, struct go_map **out, struct err *e)
{
    const struct value *more = value_get(c->entry, "additionalValuesFiles");
    size_t max = value_count(more) + 1;
    struct helm_value_source *sources = ARENA_ARRAY(c->l->a, struct helm_value_source, max);
    c->files = ARENA_ARRAY(c->l->a, struct kust_file, max);
    int rc = value_count(value_get(c->entry, "valuesInline")) > 0
                 ? merge_inline(c, &c->files[c->n_files++], e)
                 : main_file(c, &c->files[c->n_files++], e);
    VALUE_EACH_ITEM (item, more)
        if (rc == 0)
            rc = kust_read(c->l, item, value_str(item, ""), &c->files[c->n_files++], e);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < c->n_files; i++)
        sources[i] = (struct helm_value_source){HELM_VALUES_FILE, c->files[i].path};
    rc = helm_values_merge(sources, c->n_files, &c->reader, &c->log, out, e);
    return rc < 0 ? fail(c, rc, e) : 0;
}

/* ---- rendering ---- */

static const char *const *api_versions(const struct chart *c, size_t *n)
{
    const struct value *own = value_get(c->entry, "apiVersions");
    *n = value_count(own);
    if (*n == 0) {
        *n = c->l->opts->n_helm_api_versions;
        return c->l->opts->helm_api_versions;
    }
    const char **out = ARENA_ARRAY(c->l->a, const char *, *n);
    for (size_t i = 0; i < *n; i++)
        out[i] = value_str(value_item(own, i), "");
    return out;
}

static int release_name(struct chart *c, const char **out, struct err *e)
{
    const char *name = text_of(c, "releaseName"), *made = text_of(c, "nameTemplate");
    if (*name && *made)
        return err_set(e, ERR_INVALID, "cannot set --name-template and also specify a name");
    *out = *name ? name : "release-name";
    return *made ? helm_name_template(made, &c->log, out, e) : 0;
}

static int print(struct chart *c, struct go_map *values, struct buf *out, struct err *e)
{
    const struct kustomize_opts *o = c->l->opts;
    const char *ns = text_of(c, "namespace");
    const char *kube =
        *text_of(c, "kubeVersion") ? text_of(c, "kubeVersion") : o->helm_kube_version;
    struct helm_render_opts opts = {.namespace = *ns ? ns : "default"};
    struct helm_show show = {.no_hooks = flag_of(c, "skipHooks"),
                             .skip_tests = flag_of(c, "skipTests")};
    struct helm_result result;
    opts.api_versions = api_versions(c, &opts.n_api_versions);
    int rc = release_name(c, &opts.release, e);
    struct template_host host = {.now_ns = o->now_ns,
                                 .seed = o->seed_n ? o->seed : opts.release,
                                 .seed_n = o->seed_n ? o->seed_n : strlen(opts.release)};
    opts.host = &host;
    if (o->charted)
        *o->charted = true;
    if (rc == 0 && kube && *kube)
        rc = helm_kube_version(kube, &c->log, &opts.kube_version, e);
    if (rc == 0)
        rc = helm_chart_installable(c->chart, &c->log, e);
    if (rc == 0)
        rc = helm_release_name_check(opts.release, &c->log, e);
    if (rc == 0)
        rc = helm_render(c->chart, values, &opts, &c->log, &result, e);
    if (rc < 0)
        return rc;
    helm_result_manifest(&result, flag_of(c, "includeCRDs"), out);
    return helm_result_print(&result, &show, &c->log, out, e);
}

static int add_all(struct chart *c, const struct buf *text, struct err *e)
{
    struct kust_layer *l = c->l;
    const char *where = arena_printf(l->a, "chart %s", c->name);
    const char *copy = arena_strndup(l->a, buf_text(text), text->len);
    struct value **objects = NULL;
    size_t n = 0;
    int rc = kust_parse(l, where, copy, text->len, &objects, &n, e);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        struct kust_resource *r;
        rc = kust_add(l->set, objects[i], &r, e);
        if (rc < 0)
            break;
        r->of_chart = true;
        r->origin = l->plugin ? l->plugin->origin : l->file;
        r->of = l->of;
        r->made_by = "HelmChartInflationGenerator";
        r->made_name = l->plugin ? kust_name(l->plugin) : NULL;
    }
    return rc < 0 ? err_wrap(e, rc, "%s:%u", l->file, c->entry->line) : 0;
}

static int inflate(struct kust_layer *l, const struct value *entry, const struct value *globals,
                   struct err *e)
{
    struct chart c = {.reader = {read_values},
                      .l = l,
                      .entry = entry,
                      .name = value_at_str(entry, "name", ""),
                      .log = {.arena = l->a}};
    struct go_map *values;
    AUTO_BUF struct buf text = {.max = CHART_OUTPUT_MAX};
    int rc = check(&c, e);
    if (rc == 0)
        rc = find_home(&c, globals, e);
    if (rc < 0)
        return rc;
    rc = load(&c, e);
    if (rc < 0)
        return fail(&c, rc, e);
    rc = values_of(&c, &values, e);
    if (rc < 0)
        return rc;
    rc = print(&c, values, &text, e);
    return rc < 0 ? fail(&c, rc, e) : add_all(&c, &text, e);
}

/* ---- the fields ---- */

const struct value *kust_chart_of_old(struct arena *a, const struct value *old,
                                      struct value *globals)
{
    static const char *const names[][2] = {
        {"chartName",    "name"        },
        {"chartVersion", "version"     },
        {"chartRepoUrl", "repo"        },
        {"values",       "valuesFile"  },
        {"valuesLocal",  "valuesInline"},
        {"valuesMerge",  "valuesMerge" },
        {"releaseName",  "releaseName" },
    };
    static const char *const homes[][2] = {
        {"chartHome", "chartHome" },
        {"helmHome",  "configHome"},
    };
    struct value *entry = value_new_object(a);
    entry->line = old->line;
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (value_get(old, names[i][0]))
            (void)value_set(a, entry, names[i][1], value_get(old, names[i][0]));
    for (size_t i = 0; i < ARRAY_LEN(homes); i++)
        if (*value_at_str(old, homes[i][0], ""))
            (void)value_set(a, globals, homes[i][1], value_get(old, homes[i][0]));
    return entry;
}

/* Names of fields in any case, as Kustomize reads them; in the kustomization's namespace. */
static const struct value *completed(struct kust_layer *l, const struct value *entry)
{
    const char *ns = value_at_str(l->doc, "namespace", l->outer_namespace);
    struct value *copy = value_copy(l->a, entry);
    for (size_t i = 0; value_is(copy, VALUE_OBJECT) && i < copy->n; i++)
        for (size_t k = 0; k < ARRAY_LEN(fields); k++)
            if (strcasecmp(copy->members[i].key, fields[k].name) == 0)
                copy->members[i].key = fields[k].name;
    if (!l->plugin && ns && *ns && !*value_at_str(copy, "namespace", ""))
        (void)value_set_str(l->a, copy, "namespace", ns);
    return copy;
}

int kust_charts(struct kust_layer *l, struct err *e)
{
    static const char *const known[] = {
        "chartName",   "chartVersion",     "chartRepoUrl", "chartHome",   "chartRepoName",
        "helmBin",     "helmHome",         "values",       "valuesLocal", "valuesMerge",
        "releaseName", "releaseNamespace", "extraArgs",    NULL};
    static const char *const of_globals[] = {"chartHome", "configHome", NULL};
    const struct value *globals = value_get(l->doc, "helmGlobals");
    struct value *old_globals = value_new_object(l->a), *list = value_new_array(l->a);
    int rc = kust_only(l, globals, "helmGlobals", of_globals, e);
    VALUE_EACH_ITEM (entry, value_get(l->doc, "helmCharts"))
        (void)value_push(l->a, list, entry);
    VALUE_EACH_ITEM (entry, value_get(l->doc, "helmChartInflationGenerator")) {
        if (rc == 0)
            rc = kust_only(l, entry, "helmChartInflationGenerator", known, e);
        (void)value_push(l->a, list, kust_chart_of_old(l->a, entry, old_globals));
    }
    VALUE_EACH_ITEM (entry, list)
        if (rc == 0)
            rc = inflate(l, completed(l, entry), globals ? globals : old_globals, e);
    return rc;
}
