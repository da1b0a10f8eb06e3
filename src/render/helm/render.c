/* render.c - a chart and values become documents. */
#include "render/helm/helm.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "codec/semver.h"
#include "render/helm/manifests_int.h"
#include "render/helm/schema_int.h"
#include "render/helm/values_int.h"
#include "template/template.h"

enum { OUTPUT_MAX = 256 << 20 };

#define HELM_VERSION    "v3.22"
#define HELM_GO_VERSION "go1.26.8"
/* What release builds of this Helm take, by the libraries they are linked with. */
#define KUBE_VERSION_DEFAULT "v1.37.0"

/* ---- checks before ---- */

int helm_chart_installable(const struct helm_chart *c, struct helm_log *log, struct err *e)
{
    const char *missing = NULL;
    if (*c->type && strcmp(c->type, "application") != 0)
        return helm__fail(log, e, ERR_INVALID, "%s charts are not installable", c->type);
    if (c->deprecated)
        helm__warn(log, "WARNING: This chart is deprecated");
    for (size_t i = 0; i < c->n_wants; i++) {
        bool found = false;
        for (size_t k = 0; k < c->n_deps && !found; k++)
            found = strcmp(c->deps[k]->name, c->wants[i]->name) == 0;
        if (!found)
            missing = missing ? arena_printf(log->arena, "%s, %s", missing, c->wants[i]->name)
                              : c->wants[i]->name;
    }
    if (missing)
        return helm__fail(log, e, ERR_NOT_FOUND,
                          "An error occurred while checking for chart dependencies. You may need "
                          "to run `helm dependency build` to fetch missing dependencies: found in "
                          "Chart.yaml, but missing in charts/ directory: %s",
                          missing);
    return 0;
}

#define NAME_PATTERN "^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$"

static bool name_ok(const char *s)
{
    for (size_t i = 0; s[i]; i++) {
        bool edge = i == 0 || !s[i + 1] || s[i + 1] == '.' || s[i - 1] == '.';
        bool letter = (s[i] >= 'a' && s[i] <= 'z') || (s[i] >= '0' && s[i] <= '9');
        if (!letter && (edge || (s[i] != '-' && s[i] != '.')))
            return false;
    }
    return true;
}

int helm_release_name_check(const char *name, struct helm_log *log, struct err *e)
{
    const char *quoted = helm__quote(log->arena, name, strlen(name));
    if (!*name)
        return helm__fail(log, e, ERR_INVALID, "release name %s: no name provided", quoted);
    if (strlen(name) > 53 || !name_ok(name))
        return helm__fail(log, e, ERR_INVALID,
                          "release name %s: invalid release name, must match regex " NAME_PATTERN
                          " and the length must not be longer than 53",
                          quoted);
    return 0;
}

int helm_name_template(const char *text, struct helm_log *log, const char **out, struct err *e)
{
    AUTO_BUF struct buf b;
    struct template_set *set = template_set_new(log->arena, NULL);
    buf_init(&b, 1 << 20);
    int rc = template_parse(set, "name-template", text, strlen(text), e);
    if (rc < 0) {
        log->error = template_set_error(set);
        return err_set(e, ERR_INVALID, "%s", log->error);
    }
    struct template_options options = {.keep_no_value = true};
    struct template_run *run = template_run_new(log->arena, set, &options);
    rc = template_execute(run, "name-template", go_nil(), &b, e);
    if (rc < 0) {
        log->error = template_run_error(run);
        return err_set(e, ERR_INVALID, "%s", log->error);
    }
    *out = arena_strdup(log->arena, buf_text(&b));
    return 0;
}

int helm_kube_version(const char *text, struct helm_log *log, const char **out, struct err *e)
{
    const char *quoted = helm__quote(log->arena, text, strlen(text));
    const char *s = text;
    while (isspace((unsigned char)*s))
        s++;
    s += *s == 'v';
    size_t n = 0, parts = 0;
    while (isdigit((unsigned char)s[n])) {
        if (s[n] == '0' && isdigit((unsigned char)s[n + 1]))
            return helm__fail(log, e, ERR_INVALID,
                              "invalid kube version '%s': illegal zero-prefixed version component "
                              "\"%.*s\" in %s",
                              text, (int)strspn(s + n, "0123456789"), s + n, quoted);
        parts++;
        n += strspn(s + n, "0123456789");
        if (s[n] != '.' || !isdigit((unsigned char)s[n + 1]))
            break;
        n++;
    }
    if (parts == 0)
        return helm__fail(log, e, ERR_INVALID,
                          "invalid kube version '%s': could not parse %s as version", text, quoted);
    if (parts < 2)
        return helm__fail(log, e, ERR_INVALID,
                          "invalid kube version '%s': illegal version string %s", text, quoted);
    *out = arena_printf(log->arena, "v%.*s", (int)n, s);
    return 0;
}

/* ---- what templates see ---- */

/* One template and the values it runs with. */
struct page {
    const char *path, *base;
    struct helm_text text;
    struct go_map *dot; /* shared by the templates of a chart */
    size_t slashes, index;
};

struct pages {
    struct page *items;
    size_t n;
};

static struct go_value release_object(struct arena *a, const struct helm_render_opts *o)
{
    struct go_map *m = go_map_new(a, 8);
    go_map_put(m, "Name", go_str(o->release));
    go_map_put(m, "Namespace", go_str(o->namespace));
    go_map_put(m, "IsUpgrade", go_bool(o->is_upgrade));
    go_map_put(m, "IsInstall", go_bool(!o->is_upgrade));
    go_map_put(m, "Revision", go_int(o->revision ? o->revision : 1));
    go_map_put(m, "Service", go_str("Helm"));
    return go_map(m);
}

static struct go_value capabilities_object(struct arena *a, const struct helm_render_opts *o)
{
    size_t n = o->only_api_versions ? 0 : HELM_DEFAULT_API_VERSIONS;
    const char **all = ARENA_ARRAY(a, const char *, n + o->n_api_versions + 1);
    if (n)
        memcpy(all, helm_default_api_versions, n * sizeof *all);
    if (o->n_api_versions)
        memcpy(all + n, o->api_versions, o->n_api_versions * sizeof *all);
    struct helm_capabilities c = {
        .kube_version = o->kube_version ? o->kube_version : KUBE_VERSION_DEFAULT,
        .api_versions = all,
        .n_api_versions = n + o->n_api_versions,
        .helm_version = HELM_VERSION,
        .git_commit = "",
        .git_tree_state = "",
        .go_version = HELM_GO_VERSION,
    };
    return helm_capabilities(a, &c);
}

static void add_page(struct arena *a, struct pages *list, struct page p)
{
    size_t n = list->n, size = sizeof p;
    if ((n & (n - 1)) == 0)
        list->items = arena_grow(a, list->items, n * size, (n ? 2 * n : 1) * size);
    p.index = n;
    for (const char *s = p.path; *s; s++)
        p.slashes += *s == '/';
    list->items[list->n++] = p;
}

static bool is_library(const struct helm_chart *c)
{
    return strcasecmp(c->type, "library") == 0;
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* The templates of a chart and of those in it; gives the map that is dot in them. */
static struct go_map *collect(struct arena *a, const struct helm_chart *c, struct go_map *values,
                              const struct go_value *release, const struct go_value *capabilities,
                              struct pages *out)
{
    struct go_map *dot = go_map_new(a, 8), *subcharts = go_map_new(a, c->n_deps);
    struct go_map *own = values ? values : go_map_new(a, 0);
    go_map_put(dot, "Chart", helm_chart(a, helm__chart_metadata(a, c), !c->parent));
    go_map_put(dot, "Files", helm_files(a, c->files.items, c->files.n));
    go_map_put(dot, "Release", *release);
    go_map_put(dot, "Capabilities", *capabilities);
    go_map_put(dot, "Values", helm_values(own));
    go_map_put(dot, "Subcharts", go_map(subcharts));
    for (size_t i = 0; i < c->n_deps; i++) {
        const struct helm_chart *sub = c->deps[i];
        struct go_map *theirs = helm__table(own, sub->name, NULL);
        go_map_put(subcharts, sub->name,
                   go_map(collect(a, sub, theirs, release, capabilities, out)));
    }
    const char *path = helm__chart_path(a, c), *base = arena_printf(a, "%s/templates", path);
    for (size_t i = 0; i < c->templates.n; i++) {
        const struct helm_file *f = &c->templates.items[i];
        if (is_library(c) && *base_name(f->name) != '_')
            continue;
        add_page(a, out,
                 (struct page){
                     .path = arena_printf(a, "%s/%s", path, f->name),
                     .base = base,
                     .text = {f->bytes, f->n},
                     .dot = dot
        });
    }
    return dot;
}

/* ---- running ---- */

/* Deeper paths first, later names first; of two with one path the one that came last. */
static int page_order(const void *x, const void *y)
{
    const struct page *a = x, *b = y;
    if (a->slashes != b->slashes)
        return a->slashes > b->slashes ? -1 : 1;
    int c = strcmp(b->path, a->path);
    return c ? c : a->index > b->index ? -1 : a->index < b->index;
}

static void sort_pages(struct pages *p)
{
    size_t n = 0;
    if (p->n)
        qsort(p->items, p->n, sizeof *p->items, page_order);
    for (size_t i = 0; i < p->n; i++)
        if (n == 0 || strcmp(p->items[n - 1].path, p->items[i].path) != 0)
            p->items[n++] = p->items[i];
    p->n = n;
}

static int parse_pages(struct template_set *set, const struct pages *pages, struct helm_log *log,
                       struct err *e)
{
    for (size_t i = 0; i < pages->n; i++) {
        const struct page *p = &pages->items[i];
        int rc = template_parse(set, p->path, p->text.s, p->text.n, e);
        if (rc < 0)
            return helm__fail(log, e, (enum err_code)rc, "%s",
                              template_parse_error(log->arena, p->path, template_set_error(set)));
    }
    return 0;
}

static int run_page(struct template_run *run, const struct page *p, struct helm_log *log,
                    struct helm_text *out, struct err *e)
{
    AUTO_BUF struct buf text;
    buf_init(&text, OUTPUT_MAX);
    struct go_map *about = go_map_new(log->arena, 2);
    go_map_put(about, "Name", go_str(p->path));
    go_map_put(about, "BasePath", go_str(p->base));
    go_map_put(p->dot, "Template", helm_values(about));
    int rc = template_execute(run, p->path, go_map(p->dot), &text, e);
    if (rc < 0)
        return helm__fail(log, e, (enum err_code)rc, "%s",
                          template_exec_error(log->arena, p->path, template_run_error(run)));
    *out = (struct helm_text){arena_strndup(log->arena, buf_text(&text), text.len), text.len};
    return 0;
}

static int rendered_order(const void *x, const void *y)
{
    return strcmp(((const struct helm_rendered *)x)->path, ((const struct helm_rendered *)y)->path);
}

static bool is_notes(const char *path)
{
    size_t n = strlen(path), m = strlen("NOTES.txt");
    return n >= m && strcmp(path + n - m, "NOTES.txt") == 0;
}

static void take_notes(const struct helm_chart *c, const struct helm_render_opts *o,
                       const struct helm_rendered *r, struct arena *a, struct helm_result *out)
{
    if (!o->subchart_notes && strcmp(r->path, arena_printf(a, "%s/templates/NOTES.txt", c->name)))
        return;
    const char *joined = arena_printf(a, "%.*s%s%.*s", (int)out->notes.n, out->notes.s,
                                      out->notes.n ? "\n" : "", (int)r->text.n, r->text.s);
    out->notes = (struct helm_text){joined, strlen(joined)};
}

static int run_pages(const struct helm_chart *c, struct pages *pages,
                     const struct helm_render_opts *o, struct helm_log *log,
                     struct helm_result *out, struct err *e)
{
    struct arena *a = log->arena;
    struct template_set *set = template_set_new(a, NULL);
    struct template_options options = {.strict = o->strict, .lint = o->lint, .host = o->host};
    struct helm_rendered *files = ARENA_ARRAY(a, struct helm_rendered, pages->n + 1);
    size_t n = 0;
    sort_pages(pages);
    int rc = parse_pages(set, pages, log, e);
    struct template_run *run = template_run_new(a, set, &options);
    for (size_t i = 0; i < pages->n && rc == 0; i++) {
        struct helm_rendered r = {.path = pages->items[i].path};
        if (*base_name(r.path) == '_')
            continue;
        rc = run_page(run, &pages->items[i], log, &r.text, e);
        if (is_notes(r.path))
            take_notes(c, o, &r, a, out);
        else
            files[n++] = r;
    }
    if (rc < 0)
        return rc;
    if (n)
        qsort(files, n, sizeof *files, rendered_order);
    return helm__manifests(log, files, n, out, e);
}

static void collect_crds(struct arena *a, const struct helm_chart *c, struct helm_manifests *out)
{
    static const char *const extensions[] = {".yaml", ".yml", ".json"};
    for (size_t i = 0; i < c->files.n; i++) {
        const struct helm_file *f = &c->files.items[i];
        const char *dot = strrchr(base_name(f->name), '.');
        bool manifest = false;
        for (size_t k = 0; k < ARRAY_LEN(extensions) && dot; k++)
            manifest |= strcasecmp(dot, extensions[k]) == 0;
        if (strncmp(f->name, "crds/", 5) != 0 || !manifest)
            continue;
        size_t n = out->n, size = sizeof *out->items;
        if ((n & (n - 1)) == 0)
            out->items = arena_grow(a, out->items, n * size, (n ? 2 * n : 1) * size);
        out->items[out->n++] = (struct helm_manifest){
            .path = arena_printf(a, "%s/%s", helm__chart_path(a, c), f->name),
            .text = {f->bytes, f->n},
            .api_version = "",
            .kind = "",
            .name = "",
        };
    }
    for (size_t i = 0; i < c->n_deps; i++)
        collect_crds(a, c->deps[i], out);
}

static int check_kube_version(const struct helm_chart *c, const char *version, struct helm_log *log,
                              struct err *e)
{
    struct semver v;
    struct semver_range *range;
    if (!*c->kube_version)
        return 0;
    if (semver_parse(log->arena, version, &v, NULL) == 0 &&
        semver_range_parse(log->arena, c->kube_version, &range, NULL) == 0 &&
        semver_range_has(range, &v))
        return 0;
    return helm__fail(log, e, ERR_INVALID,
                      "chart requires kubeVersion: %s which is incompatible with Kubernetes %s",
                      c->kube_version, version);
}

int helm_chart_settle(struct helm_chart *c, struct go_map *values, struct helm_log *log,
                      struct helm_manifests *crds, struct err *e)
{
    int rc = c->settled ? 0 : helm__dependencies(log, c, values, e);
    c->settled = rc == 0;
    *crds = (struct helm_manifests){0};
    if (rc == 0)
        collect_crds(log->arena, c, crds);
    return rc;
}

/* The chart as its values make it, and all of those, checked. */
static int settle_values(struct helm_chart *c, struct go_map *values,
                         const struct helm_render_opts *opts, struct helm_log *log,
                         struct helm_manifests *crds, struct go_map **out, struct err *e)
{
    int rc = helm_chart_settle(c, values, log, crds, e);
    if (rc == 0)
        rc = helm__coalesce(log, c, values, false, out, e);
    if (rc == 0 && !opts->skip_schema)
        rc = helm__schema_check(log, c, *out, e);
    return rc;
}

/* The same for the linter: no manifests are made of it, and versions of Kubernetes do not matter.
 */
int helm__render_files(struct helm_chart *c, struct go_map *values,
                       const struct helm_render_opts *opts, struct helm_log *log,
                       struct helm_rendered **out, struct template_trace ***traces, size_t *n,
                       struct err *e)
{
    struct arena *a = log->arena;
    struct pages pages = {0};
    struct helm_manifests crds;
    struct go_map *all;
    int rc = settle_values(c, values, opts, log, &crds, &all, e);
    if (rc < 0)
        return rc;
    struct go_value release = release_object(a, opts);
    struct go_value capabilities = capabilities_object(a, opts);
    (void)collect(a, c, all, &release, &capabilities, &pages);
    struct template_set *set = template_set_new(a, NULL);
    struct template_options options = {.lint = true, .host = opts->host};
    sort_pages(&pages);
    rc = parse_pages(set, &pages, log, e);
    struct template_run *run = template_run_new(a, set, &options);
    *out = ARENA_ARRAY(a, struct helm_rendered, pages.n + 1);
    *traces = ARENA_ARRAY(a, struct template_trace *, pages.n + 1);
    *n = 0;
    for (size_t i = 0; i < pages.n && rc == 0; i++) {
        const char *path = pages.items[i].path;
        if (*base_name(path) == '_')
            continue;
        struct template_trace *trace = ARENA_NEW(a, struct template_trace);
        trace->name = path;
        template_run_trace(run, trace);
        (*traces)[*n] = trace;
        (*out)[*n].path = path;
        rc = run_page(run, &pages.items[i], log, &(*out)[(*n)++].text, e);
    }
    return rc;
}

int helm_render(struct helm_chart *c, struct go_map *values, const struct helm_render_opts *opts,
                struct helm_log *log, struct helm_result *out, struct err *e)
{
    struct arena *a = log->arena;
    struct pages pages = {0};
    struct go_map *all;
    *out = (struct helm_result){
        .notes = {"", 0}
    };
    int rc = settle_values(c, values, opts, log, &out->crds, &all, e);
    if (rc < 0)
        return rc;
    out->began = true;
    rc = check_kube_version(c, opts->kube_version ? opts->kube_version : KUBE_VERSION_DEFAULT, log,
                            e);
    if (rc < 0)
        return rc;
    struct go_value release = release_object(a, opts);
    struct go_value capabilities = capabilities_object(a, opts);
    (void)collect(a, c, all, &release, &capabilities, &pages);
    return run_pages(c, &pages, opts, log, out, e);
}
