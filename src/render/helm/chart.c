/* chart.c - files become a chart: Chart.yaml, values, templates, and the charts in charts/. */
#include <string.h>

#include "codec/semver.h"
#include "codec/utf8.h"
#include "render/helm/helm_int.h"

static const struct helm_field maintainer_fields[] = {
    {.name = "name",     .type = HELM_TEXT},
    {.name = "email",                  .type = HELM_TEXT},
    {.name = "url",.type = HELM_TEXT},
    {0     },
};

static const struct helm_field dependency_fields[] = {
    {.name = "name",       .type = HELM_TEXT},
    {.name = "version",                    .type = HELM_TEXT},
    {.name = "repository",.type = HELM_TEXT},
    {.name = "condition", .type = HELM_TEXT},
    {.name = "tags",                    .type = HELM_TEXTS},
    {.name = "enabled",   .type = HELM_FLAG},
    {.name = "import-values",       .type = HELM_ANYS},
    {.name = "alias",                    .type = HELM_TEXT},
    {0},
};

static const struct helm_field chart_fields[] = {
    {.name = "name",        .type = HELM_TEXT},
    {.name = "home",                     .type = HELM_TEXT},
    {.name = "sources",.type = HELM_TEXTS},
    {.name = "version",     .type = HELM_TEXT},
    {.name = "description",                     .type = HELM_TEXT},
    {.name = "keywords",.type = HELM_TEXTS},
    {.name = "maintainers", .type = HELM_STRUCTS, maintainer_fields, "chart.Maintainer"},
    {.name = "icon",                     .type = HELM_TEXT},
    {.name = "apiVersion",    .type = HELM_TEXT},
    {.name = "condition", .type = HELM_TEXT},
    {.name = "tags",    .type = HELM_TEXT},
    {.name = "appVersion",                     .type = HELM_TEXT},
    {.name = "deprecated",.type = HELM_FLAG},
    {.name = "annotations",  .type = HELM_MAP},
    {.name = "kubeVersion",                     .type = HELM_TEXT},
    {.name = "dependencies",    .type = HELM_STRUCTS, dependency_fields, "chart.Dependency"},
    {.name = "type",        .type = HELM_TEXT},
    {0                    },
};

static const struct helm_field lock_fields[] = {
    {.name = "generated",    .type = HELM_TEXT},
    {.name = "digest",                      .type = HELM_TEXT},
    {.name = "dependencies",.type = HELM_STRUCTS, dependency_fields, "chart.Dependency"},
    {0},
};

void helm__files_add(struct arena *a, struct helm_file_list *list, struct helm_file f)
{
    size_t n = list->n, size = sizeof f;
    if ((n & (n - 1)) == 0)
        list->items = arena_grow(a, list->items, n * size, (n ? 2 * n : 1) * size);
    list->items[list->n++] = f;
}

void helm__chart_adopt(struct arena *a, struct helm_chart *parent, struct helm_chart *child)
{
    size_t n = parent->n_deps, size = sizeof(struct helm_chart *);
    if ((n & (n - 1)) == 0)
        parent->deps = arena_grow(a, parent->deps, n * size, (n ? 2 * n : 1) * size);
    parent->deps[parent->n_deps++] = child;
    child->parent = parent;
}

const char *helm__chart_path(struct arena *a, const struct helm_chart *c)
{
    return c->parent ? arena_printf(a, "%s/charts/%s", helm__chart_path(a, c->parent), c->name)
                     : c->name;
}

/* ---- Chart.yaml ---- */

/* White space becomes a blank and what cannot be printed goes. */
static const char *sanitized(struct arena *a, const char *s)
{
    size_t n = strlen(s), len = 0;
    bool plain = true;
    for (size_t i = 0; i < n && plain; i++)
        plain = s[i] >= 0x20 && s[i] < 0x7f;
    if (plain)
        return s;
    char *out = arena_alloc(a, n + 1);
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)s[i];
        if (c >= 0x80)
            out[len++] = s[i];
        else if (c == ' ' || (c >= '\t' && c <= '\r'))
            out[len++] = ' ';
        else if (c > ' ' && c != 0x7f)
            out[len++] = s[i];
    }
    return out;
}

/* Makes a field presentable in place; gives its text, "" when it is not there. */
static const char *tidy(struct arena *a, struct value *object, const char *field)
{
    struct value *v = value_get_mut(object, field);
    if (!value_is(v, VALUE_STRING))
        return "";
    const char *clean = sanitized(a, v->text);
    if (clean != v->text)
        *v = *value_new_str(a, clean);
    return clean;
}

static void tidy_list(struct arena *a, struct value *object, const char *field)
{
    struct value *list = value_get_mut(object, field);
    for (size_t i = 0; i < value_count(list); i++)
        list->items[i] = *value_new_str(a, sanitized(a, value_str(&list->items[i], "")));
}

static bool alias_ok(const char *s)
{
    for (; *s; s++)
        if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-", *s))
            return false;
    return true;
}

static int invalid(struct helm_log *log, struct err *e, const char *text)
{
    return helm__fail(log, e, ERR_INVALID, "validation: %s", text);
}

static int read_dependency(struct helm_chart *c, struct value *v, struct helm_log *log,
                           struct helm_dependency **out, struct err *e)
{
    struct arena *a = log->arena;
    (void)c;
    if (v->kind == VALUE_NULL)
        return invalid(log, e, "dependencies must not contain empty or null nodes");
    struct helm_dependency *d = ARENA_NEW(a, struct helm_dependency);
    tidy_list(a, v, "tags");
    *d = (struct helm_dependency){
        .name = tidy(a, v, "name"),
        .version = tidy(a, v, "version"),
        .repository = tidy(a, v, "repository"),
        .condition = tidy(a, v, "condition"),
        .alias = value_str(value_get(v, "alias"), ""),
        .import_values = value_get(v, "import-values"),
    };
    const struct value *tags = value_get(v, "tags");
    d->tags = ARENA_ARRAY(a, const char *, value_count(tags) + 1);
    VALUE_EACH_ITEM (t, tags)
        d->tags[d->n_tags++] = value_str(t, "");
    if (!alias_ok(d->alias))
        return helm__fail(log, e, ERR_INVALID,
                          "validation: dependency %s has disallowed characters in the alias",
                          helm__quote(a, d->name, strlen(d->name)));
    *out = d;
    return 0;
}

static int read_dependencies(struct helm_chart *c, struct helm_log *log, struct err *e)
{
    struct value *list = value_get_mut(c->meta, "dependencies");
    c->has_wants = list != NULL;
    c->wants = ARENA_ARRAY(log->arena, struct helm_dependency *, value_count(list) + 1);
    for (size_t i = 0; i < value_count(list); i++) {
        struct helm_dependency *d = NULL;
        int rc = read_dependency(c, &list->items[i], log, &d, e);
        if (rc < 0)
            return rc;
        const char *key = *d->alias ? d->alias : d->name;
        for (size_t k = 0; k < c->n_wants; k++)
            if (strcmp(*c->wants[k]->alias ? c->wants[k]->alias : c->wants[k]->name, key) == 0)
                return helm__fail(log, e, ERR_INVALID,
                                  "validation: more than one dependency with name or alias %s",
                                  helm__quote(log->arena, key, strlen(key)));
        c->wants[c->n_wants++] = d;
    }
    return 0;
}

static int check_name(const struct helm_chart *c, struct helm_log *log, struct err *e)
{
    const char *quoted = helm__quote(log->arena, c->name, strlen(c->name));
    if (!*c->name)
        return invalid(log, e, "chart.metadata.name is required");
    if (strcmp(c->name, ".") == 0 || strcmp(c->name, "..") == 0)
        return helm__fail(log, e, ERR_INVALID, "validation: chart.metadata.name %s is not allowed",
                          quoted);
    if (strchr(c->name, '/'))
        return helm__fail(log, e, ERR_INVALID, "validation: chart.metadata.name %s is invalid",
                          quoted);
    return 0;
}

static int check_metadata(struct helm_chart *c, struct helm_log *log, struct err *e)
{
    struct arena *a = log->arena;
    struct semver v;
    static const char *const texts[] = {"description", "home", "icon", "condition", "tags"};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        (void)tidy(a, c->meta, texts[i]);
    tidy_list(a, c->meta, "sources");
    tidy_list(a, c->meta, "keywords");
    int rc = check_name(c, log, e);
    if (rc < 0)
        return rc;
    if (!*c->version)
        return invalid(log, e, "chart.metadata.version is required");
    if (semver_parse(a, c->version, &v, NULL) < 0)
        return helm__fail(log, e, ERR_INVALID, "validation: chart.metadata.version %s is invalid",
                          helm__quote(a, c->version, strlen(c->version)));
    if (*c->type && strcmp(c->type, "application") != 0 && strcmp(c->type, "library") != 0)
        return invalid(log, e, "chart.metadata.type must be application or library");
    struct value *list = value_get_mut(c->meta, "maintainers");
    for (size_t i = 0; i < value_count(list); i++) {
        if (list->items[i].kind == VALUE_NULL)
            return invalid(log, e, "maintainers must not contain empty or null nodes");
        (void)tidy(a, &list->items[i], "name");
        (void)tidy(a, &list->items[i], "email");
        (void)tidy(a, &list->items[i], "url");
    }
    return read_dependencies(c, log, e);
}

/* What Chart.yaml says, and requirements.yaml adds, into the chart's fields. */
static int take_metadata(struct helm_chart *c, struct helm_log *log, struct err *e)
{
    struct arena *a = log->arena;
    c->name = tidy(a, c->meta, "name");
    c->version = value_str(value_get(c->meta, "version"), "");
    c->app_version = tidy(a, c->meta, "appVersion");
    c->kube_version = tidy(a, c->meta, "kubeVersion");
    c->type = value_str(value_get(c->meta, "type"), "");
    c->api_version = value_str(value_get(c->meta, "apiVersion"), "");
    c->deprecated = value_bool(value_get(c->meta, "deprecated"), false);
    return check_metadata(c, log, e);
}

static int decode_file(const struct helm_file *f, const char *go_type,
                       const struct helm_field *fields, struct helm_log *log, struct value **out,
                       struct err *e)
{
    struct value *doc;
    int rc = helm__yaml(f->bytes, f->n, log, &doc, e);
    if (rc == 0)
        rc = helm__decode(doc, go_type, fields, log, out, e);
    return rc < 0 ? helm__wrap(log, e, rc, "cannot load %s", f->name) : 0;
}

static int read_metadata(struct helm_chart *c, const struct helm_file_list *files,
                         struct helm_log *log, struct err *e)
{
    for (size_t i = 0; i < files->n; i++) {
        if (strcmp(files->items[i].name, "Chart.yaml") != 0)
            continue;
        int rc = decode_file(&files->items[i], "chart.Metadata", chart_fields, log, &c->meta, e);
        if (rc < 0)
            return rc;
        /* Helm 2 knew charts without it. */
        if (!*value_str(value_get(c->meta, "apiVersion"), ""))
            (void)value_set_str(log->arena, c->meta, "apiVersion", "v1");
    }
    return 0;
}

static int read_requirements(struct helm_chart *c, const struct helm_file *f, struct helm_log *log,
                             struct err *e)
{
    struct value *more;
    int rc = decode_file(f, "chart.Metadata", chart_fields, log, &more, e);
    if (rc < 0)
        return rc;
    if (!c->meta)
        c->meta = value_new_object(log->arena);
    VALUE_EACH_MEMBER (m, more)
        (void)value_set(log->arena, c->meta, m->key, &m->value);
    return 0;
}

int helm__chart_fields(const struct value *doc, struct helm_log *log, struct value **out,
                       struct err *e)
{
    return helm__decode(doc, "chart.Metadata", chart_fields, log, out, e);
}

static bool is_v1(const struct helm_chart *c)
{
    return strcmp(value_str(value_get(c->meta, "apiVersion"), ""), "v1") == 0;
}

/* requirements.yaml and requirements.lock, which only charts of apiVersion v1 should have. */
static int read_old_file(struct helm_chart *c, const struct helm_file *f, struct helm_log *log,
                         struct err *e)
{
    bool lock = strcmp(f->name, "requirements.lock") == 0;
    if (!is_v1(c) && lock)
        helm__warn(log, "load.go:127: Warning: Dependency locking is handled in Chart.lock since "
                        "apiVersion \"v2\". We recommend migrating to Chart.lock.");
    if (!is_v1(c) && !lock)
        helm__warn(log, "load.go:111: Warning: Dependencies are handled in Chart.yaml since "
                        "apiVersion \"v2\". We recommend migrating dependencies to Chart.yaml.");
    int rc = 0;
    if (lock) {
        struct value *v = NULL;
        rc = decode_file(f, "chart.Lock", lock_fields, log, &v, e);
        c->lock = v;
    } else {
        rc = read_requirements(c, f, log, e);
    }
    if (rc == 0 && is_v1(c))
        helm__files_add(log->arena, &c->files, *f);
    return rc;
}

/* ---- the other files ---- */

/* Files of charts/, gathered by the first part of their path. */
struct subchart {
    const char *name;
    struct helm_file_list files;
};

struct subcharts {
    struct subchart *items;
    size_t n;
};

static void gather(struct arena *a, struct subcharts *list, struct helm_file f)
{
    f.name += strlen("charts/");
    size_t len = strcspn(f.name, "/"), size = sizeof *list->items;
    struct subchart *s = NULL;
    for (size_t i = list->n; i-- > 0 && !s;)
        if (strncmp(list->items[i].name, f.name, len) == 0 && !list->items[i].name[len])
            s = &list->items[i];
    if (!s) {
        size_t n = list->n;
        if ((n & (n - 1)) == 0)
            list->items = arena_grow(a, list->items, n * size, (n ? 2 * n : 1) * size);
        s = &list->items[list->n++];
        *s = (struct subchart){.name = arena_strndup(a, f.name, len)};
    }
    helm__files_add(a, &s->files, f);
}

static bool has_suffix(const char *s, const char *suffix)
{
    size_t n = strlen(s), m = strlen(suffix);
    return n >= m && strcmp(s + n - m, suffix) == 0;
}

static int read_values(struct helm_chart *c, const struct helm_file *f, struct helm_log *log,
                       struct err *e)
{
    int rc = helm__yaml_table(f->bytes, f->n, log, &c->values, e);
    return rc < 0 ? helm__wrap(log, e, rc, "cannot load values.yaml") : 0;
}

static int read_lock(struct helm_chart *c, const struct helm_file *f, struct helm_log *log,
                     struct err *e)
{
    struct value *v = NULL;
    int rc = decode_file(f, "chart.Lock", lock_fields, log, &v, e);
    c->lock = v;
    return rc;
}

static int read_file(struct helm_chart *c, const struct helm_file *f, struct subcharts *subs,
                     struct helm_log *log, struct err *e)
{
    struct arena *a = log->arena;
    if (strcmp(f->name, "Chart.yaml") == 0)
        return 0;
    if (strcmp(f->name, "Chart.lock") == 0)
        return read_lock(c, f, log, e);
    if (strcmp(f->name, "values.yaml") == 0)
        return read_values(c, f, log, e);
    if (strcmp(f->name, "requirements.yaml") == 0 || strcmp(f->name, "requirements.lock") == 0)
        return read_old_file(c, f, log, e);
    if (strcmp(f->name, "values.schema.json") == 0) {
        c->schema = f->bytes;
        c->schema_len = f->n;
    } else if (strncmp(f->name, "templates/", 10) == 0) {
        helm__files_add(a, &c->templates, *f);
    } else if (strncmp(f->name, "charts/", 7) == 0 && !has_suffix(f->name, ".prov")) {
        gather(a, subs, *f);
    } else {
        helm__files_add(a, &c->files, *f);
    }
    return 0;
}

static int read_subchart(const struct subchart *s, unsigned depth, struct helm_log *log,
                         struct helm_chart **out, struct err *e)
{
    struct helm_file_list files = {0};
    if (has_suffix(s->name, ".tgz")) {
        int rc = helm__archive_files(s->files.items[0].bytes, s->files.items[0].n, log, &files, e);
        return rc < 0 ? rc : helm__chart_from_files(&files, depth, log, out, e);
    }
    for (size_t i = 0; i < s->files.n; i++) {
        struct helm_file f = s->files.items[i];
        const char *slash = strchr(f.name, '/');
        if (!slash)
            continue;
        f.name = slash + 1;
        helm__files_add(log->arena, &files, f);
    }
    return helm__chart_from_files(&files, depth, log, out, e);
}

static int read_subcharts(struct helm_chart *c, const struct subcharts *subs, unsigned depth,
                          struct helm_log *log, struct err *e)
{
    for (size_t i = 0; i < subs->n; i++) {
        const struct subchart *s = &subs->items[i];
        struct helm_chart *child;
        if (*s->name == '_' || *s->name == '.')
            continue;
        if (has_suffix(s->name, ".tgz") && strcmp(s->files.items[0].name, s->name) != 0)
            return helm__fail(log, e, ERR_INVALID,
                              "error unpacking subchart tar in %s: expected %s, got %s", c->name,
                              s->name, s->files.items[0].name);
        int rc = read_subchart(s, depth + 1, log, &child, e);
        if (rc < 0)
            return helm__wrap(log, e, rc, "error unpacking subchart %s in %s", s->name, c->name);
        helm__chart_adopt(log->arena, c, child);
    }
    return 0;
}

int helm__chart_from_files(const struct helm_file_list *files, unsigned depth, struct helm_log *log,
                           struct helm_chart **out, struct err *e)
{
    struct helm_chart *c = ARENA_NEW(log->arena, struct helm_chart);
    struct subcharts subs = {0};
    if (depth > HELM__NESTING_MAX)
        return helm__fail(log, e, ERR_TOO_LARGE, "charts are nested more than %d levels deep",
                          HELM__NESTING_MAX);
    c->raw = *files;
    int rc = read_metadata(c, files, log, e);
    for (size_t i = 0; i < files->n && rc == 0; i++)
        rc = read_file(c, &files->items[i], &subs, log, e);
    if (rc < 0)
        return rc;
    if (!c->meta)
        return helm__fail(log, e, ERR_NOT_FOUND, "Chart.yaml file is missing");
    rc = take_metadata(c, log, e);
    if (rc == 0)
        rc = read_subcharts(c, &subs, depth, log, e);
    if (rc == 0)
        *out = c;
    return rc;
}

bool helm_chart_file(const struct helm_chart *c, const char *name, struct helm_text *out)
{
    for (size_t i = 0; i < c->raw.n; i++)
        if (strcmp(c->raw.items[i].name, name) == 0) {
            *out = (struct helm_text){c->raw.items[i].bytes, c->raw.items[i].n};
            return true;
        }
    return false;
}
