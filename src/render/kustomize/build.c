#include <stdarg.h>

#include "codec/yaml.h"
#include "render/kustomize/kust_int.h"
#include "render/kustomize/remote.h"

static const char *join(struct arena *a, const char *dir, const char *name)
{
    return *dir ? arena_printf(a, "%s/%s", dir, name) : name;
}

static const char *const file_names[] = {"kustomization.yaml", "kustomization.yml",
                                         "Kustomization"};

static bool is_file(struct tree *t, const char *path)
{
    enum tree_kind kind;
    return tree_stat(t, path, &kind, NULL) == 0 && kind == TREE_FILE;
}

const char *kustomize_file(struct tree *t, const char *dir, struct arena *a)
{
    for (size_t i = 0; i < ARRAY_LEN(file_names); i++) {
        const char *path = join(a, dir, file_names[i]);
        if (is_file(t, path))
            return path;
    }
    return NULL;
}

/* A folder has one kustomization file. */
static int check_alone(const struct kust_layer *l, struct err *e)
{
    for (size_t i = 0; i < ARRAY_LEN(file_names); i++) {
        const char *path = join(l->a, l->dir, file_names[i]);
        if (strcmp(path, l->file) != 0 && is_file(l->tree, path))
            return err_set(e, ERR_INVALID, "%s: there is %s, too; one of them is expected", l->file,
                           path);
    }
    return 0;
}

int kust_error(const struct kust_layer *l, const struct value *at, struct err *e, const char *fmt,
               ...)
{
    char text[400];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (at && at->line)
        return err_set(e, ERR_INVALID, "%s:%u: %s", l->file, at->line, text);
    return err_set(e, ERR_INVALID, "%s: %s", l->file, text);
}

/* Kustomize takes the names of fields in any case; they are spelled as known from here on. */
static void spell_known(const struct value *object, const char *const *known)
{
    VALUE_EACH_MEMBER (m, object)
        for (const char *const *k = known; *k; k++)
            if (strcasecmp(m->key, *k) == 0)
                ((struct member *)(uintptr_t)m)->key = *k;
}

int kust_only(const struct kust_layer *l, const struct value *v, const char *what,
              const char *const *names, struct err *e)
{
    spell_known(v, names);
    if (l->plugin) /* what a plugin does not know, it does not look at */
        return 0;
    VALUE_EACH_MEMBER (m, v) {
        bool known = false;
        for (const char *const *n = names; *n; n++)
            known |= strcmp(*n, m->key) == 0;
        if (!known)
            return err_set(e, ERR_UNSUPPORTED, "%s:%u: field %s%s%s is not offered here", l->file,
                           m->line, what, *what ? "." : "", m->key);
    }
    return 0;
}

int kust_inside(const struct kust_layer *l, const struct value *at, const char *path, struct err *e)
{
    size_t n = strlen(l->dir);
    if ((l->of || !l->opts->files_anywhere) && n > 0 &&
        (strncmp(path, l->dir, n) != 0 || path[n] != '/'))
        return kust_error(l, at, e, "%s is not in or below folder %s", path, l->dir);
    return 0;
}

int kust_path(const struct kust_layer *l, const struct value *at, const char *name,
              const char **path, struct err *e)
{
    int rc = tree_join(l->a, l->dir, name, path, e);
    if (rc < 0)
        return err_wrap(e, rc, "%s:%u", l->file, at ? at->line : 0);
    return kust_inside(l, at, *path, e);
}

static int fetch_file(const struct kust_layer *l, const char *url, struct kust_file *out,
                      struct err *e)
{
    struct kustomize_remote *r = l->opts->remote;
    out->path = url;
    return r ? r->file(r, url, l->a, &out->text, &out->n, e)
             : err_set(e, ERR_UNSUPPORTED, "it is remote, and nothing is fetched here");
}

int kust_read(const struct kust_layer *l, const struct value *at, const char *name,
              struct kust_file *out, struct err *e)
{
    if (kustomize_is_http(name)) {
        int rc = fetch_file(l, name, out, e);
        return rc < 0 ? err_wrap(e, rc, "%s:%u: %s", l->file, at ? at->line : 0, name) : 0;
    }
    int rc = kust_path(l, at, name, &out->path, e);
    if (rc < 0)
        return rc;
    rc = tree_read(l->tree, out->path, l->a, &out->text, &out->n, e);
    return rc < 0 ? err_wrap(e, rc, "%s:%u", l->file, at->line) : 0;
}

int kust_read_yaml(const struct kust_layer *l, const struct value *at, const char *name,
                   const char **path, struct value **doc, struct err *e)
{
    struct kust_file f;
    int rc = kust_read(l, at, name, &f, e);
    if (rc < 0)
        return rc;
    *path = f.path;
    rc = yaml_parse(l->a, f.text, f.n, 0, doc, e);
    return rc < 0 ? err_wrap(e, rc, "%s:%u", l->file, at->line) : 0;
}

/* ---- gathering ---- */

/* A folder, here or in a repository. */
struct place {
    struct tree *tree;
    const char *dir;
    const struct kustomize_repository *of; /* NULL: where the build began */
};

/* Whether a folder may be a base here. */
static int check_base(const struct kust_layer *l, const struct value *item, struct place at,
                      struct err *e)
{
    for (const struct kust_layer *up = l; up; up = up->up)
        if (up->tree == at.tree && strcmp(up->dir, at.dir) == 0)
            return kust_error(l, item, e, "folder \"%s\" is a base of itself", at.dir);
    if (l->depth == KUST_DEPTH_MAX)
        return kust_error(l, item, e, "kustomizations are nested in more than %d levels",
                          KUST_DEPTH_MAX);
    if (++*l->layers > KUST_LAYERS_MAX)
        return kust_error(l, item, e, "more than %d kustomizations make one build",
                          KUST_LAYERS_MAX);
    if (!kustomize_file(at.tree, at.dir, l->a))
        return kust_error(l, item, e, "folder \"%s\" has no kustomization file", at.dir);
    return 0;
}

/* A folder with a kustomization of its own; components work on what is there already. */
static int add_folder(struct kust_layer *l, const struct value *item, struct place at,
                      bool component, struct err *e)
{
    const char *dir = at.dir;
    struct kust_set below = {.a = l->a, .config = value_new_object(l->a)};
    struct kust_layer sub = {.tree = at.tree,
                             .a = l->a,
                             .dir = dir,
                             .file = kustomize_file(at.tree, dir, l->a),
                             .of = at.of,
                             .opts = l->opts,
                             .root = l->root,
                             .marks = l->marks,
                             .layers = l->layers,
                             .set = component ? l->set : &below,
                             .depth = l->depth + 1,
                             .up = l,
                             .component = component,
                             .outer_namespace = value_at_str(l->doc, "namespace", "")};
    if (!*sub.outer_namespace)
        sub.outer_namespace = l->outer_namespace;
    int rc = check_base(l, item, at, e);
    if (rc == 0)
        rc = kust_build_layer(&sub, e);
    for (size_t i = 0; rc == 0 && !component && i < below.n; i++) {
        rc = kust_add(l->set, below.items[i]->object, NULL, e);
        if (rc == 0)
            l->set->items[l->set->n - 1] = below.items[i];
        else
            rc = err_wrap(e, rc, "%s: %s", l->file, dir);
    }
    for (size_t i = 0; rc == 0 && i < below.n_vars; i++)
        rc = kust_var_add(l->set, &below.vars[i], e);
    kust_config_merge(l->set, below.config);
    if (below.openapi)
        l->set->openapi = below.openapi;
    return rc;
}

static int add_objects(struct kust_layer *l, const struct kust_file *f, const char *origin,
                       const struct kustomize_repository *of, struct err *e)
{
    struct value **objects;
    size_t n = 0;
    int rc = kust_parse(l, f->path, f->text, f->n, &objects, &n, e);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        struct kust_resource *r;
        rc = kust_add(l->set, objects[i], &r, e);
        if (rc < 0)
            return err_wrap(e, rc, "%s:%u", f->path, objects[i]->line);
        r->origin = origin;
        r->of = of;
    }
    return rc;
}

static int add_file(struct kust_layer *l, const char *path, struct err *e)
{
    struct kust_file f = {.path = path};
    int rc = tree_read(l->tree, path, l->a, &f.text, &f.n, e);
    return rc < 0 ? rc : add_objects(l, &f, path, l->of, e);
}

static int add_text(struct kust_layer *l, const struct value *item, const char *text, struct err *e)
{
    struct kust_file f = {arena_printf(l->a, "%s:%u", l->file, item->line), text, strlen(text)};
    return add_objects(l, &f, l->file, l->of, e);
}

static int add_url(struct kust_layer *l, const char *url, const struct kustomize_repository *repo,
                   struct err *e)
{
    struct kust_file f = {.n = 0};
    const char *origin = NULL;
    int rc = fetch_file(l, url, &f, e);
    if (rc == 0 && !repo)
        rc = tree_join(l->a, l->dir, url, &origin, e);
    return rc < 0 ? rc : add_objects(l, &f, repo ? repo->path : origin, repo, e);
}

static int add_repository(struct kust_layer *l, const struct value *item,
                          const struct kustomize_repository *repo, bool component, struct err *e)
{
    struct kustomize_remote *r = l->opts->remote;
    struct place place = {.dir = repo->path, .of = repo};
    if (!r)
        return err_set(e, ERR_UNSUPPORTED, "it is remote, and nothing is fetched here");
    for (const struct kust_layer *up = l; up; up = up->up)
        if (up->of && strncmp(up->of->raw, repo->raw, strlen(repo->raw)) == 0)
            return err_set(e, ERR_INVALID,
                           "cycle detected: URI '%s' referenced by previous URI '%s'", repo->raw,
                           up->of->raw);
    int rc = r->repository(r, repo, &place.tree, e);
    return rc < 0 ? rc : add_folder(l, item, place, component, e);
}

/* A URL is a file if it can be read as one, else a repository if it can be one. */
static int add_remote(struct kust_layer *l, const struct value *at,
                      const struct kustomize_repository *repo, bool component, struct err *e)
{
    const char *url = at->text;
    bool file = kustomize_is_http(url) && !component;
    if (l->opts->made)
        l->opts->made->plain = false;
    struct err as_file = {0};
    int rc = file ? add_url(l, url, repo, e) : ERR_NOT_FOUND;
    if (rc == 0)
        return 0;
    if (file)
        as_file = *e;
    if (repo && (l->opts->remote || !file))
        rc = add_repository(l, at, repo, component, e);
    if (rc < 0 && file && repo && l->opts->remote)
        rc = err_wrap(e, rc, "accumulation err='%.200s'", as_file.msg);
    return rc < 0 ? err_wrap(e, rc, "%s:%u: %s", l->file, at->line, url) : 0;
}

static int add_path(struct kust_layer *l, const char *field, const struct value *item,
                    bool component, struct err *e)
{
    const char *text = item->text, *path;
    struct kustomize_repository *repo = ARENA_NEW(l->a, struct kustomize_repository);
    enum tree_kind kind = TREE_NONE;
    bool is_repo = kustomize_repository_parse(text, l->a, repo, NULL) == 0;
    if (kustomize_is_http(text) || (is_repo && strstr(text, "://")))
        return add_remote(l, item, is_repo ? repo : NULL, component, e);
    int rc = tree_join(l->a, l->dir, text, &path, is_repo ? NULL : e);
    if (rc == 0 && kust_made_unchanged(l->opts->made, path))
        return 0;
    if (rc == 0)
        rc = tree_stat(l->tree, path, &kind, is_repo ? NULL : e);
    if (is_repo && (rc < 0 || kind != TREE_FILE))
        return add_remote(l, item, repo, component, e);
    if (rc < 0)
        return err_wrap(e, rc, "%s:%u", l->file, item->line);
    if (kind == TREE_NONE)
        return kust_error(l, item, e, "%s: %s does not exist", field, text);
    if (component && kind == TREE_FILE)
        return kust_error(l, item, e, "%s: %s is not a folder", field, text);
    if (kind == TREE_FILE && (rc = kust_path(l, item, text, &path, e)) < 0)
        return rc;
    struct place place = {l->tree, path, l->of};
    if (kind == TREE_FILE)
        kust_made_file(l->opts->made, path);
    return kind == TREE_DIR ? add_folder(l, item, place, component, e) : add_file(l, path, e);
}

static int gather(struct kust_layer *l, const char *field, bool component, struct err *e)
{
    bool inlined = strcmp(field, "transformers") == 0 || strcmp(field, "generators") == 0 ||
                   strcmp(field, "validators") == 0;
    VALUE_EACH_ITEM (item, value_get(l->doc, field)) {
        const char *text = value_str(item, NULL);
        if (!text || !*text)
            return kust_error(l, item, e, "%s: a path is expected", field);
        int rc = inlined && strchr(text, '\n') ? add_text(l, item, text, e)
                                               : add_path(l, field, item, component, e);
        if (rc < 0)
            return rc;
    }
    return 0;
}

int kust_gather(struct kust_layer *l, const char *field, struct err *e)
{
    return gather(l, field, false, e);
}

/* ---- one layer ---- */

/* Whether it says nothing but what it is. */
static bool is_empty(const struct value *doc)
{
    VALUE_EACH_MEMBER (m, doc) {
        bool type = strcmp(m->key, "apiVersion") == 0 || strcmp(m->key, "kind") == 0;
        bool bases = strcmp(m->key, "bases") == 0 && value_count(&m->value) == 0;
        bool none = value_is(&m->value, VALUE_NULL) ||
                    (value_is(&m->value, VALUE_STRING) && m->value.n == 0);
        if (!type && !bases && !none)
            return false;
    }
    return true;
}

static int check_type(const struct kust_layer *l, const struct value *doc, struct err *e)
{
    const struct value *version = value_get(doc, "apiVersion");
    const char *kind = value_at_str(doc, "kind", ""), *is = value_str(version, "");
    bool component = strcmp(kind, "Component") == 0;
    if (*kind && !component && strcmp(kind, "Kustomization") != 0)
        return kust_error(l, value_get(doc, "kind"), e,
                          "kind %s is not a Kustomization or Component", kind);
    if (l->component != component && (l->component || l->depth > 0))
        return kust_error(l, value_get(doc, "kind"), e, "a kustomization of kind %s is expected",
                          l->component ? "Component" : "Kustomization");
    const char *want =
        component ? "kustomize.config.k8s.io/v1alpha1" : "kustomize.config.k8s.io/v1beta1";
    if (*is && strcmp(is, want) != 0)
        return kust_error(l, version, e, "apiVersion %s is not %s", is, want);
    return 0;
}

static void warn_of_old(const struct kust_layer *l)
{
    static const char *const old[][3] = {
        {"bases",                 "resources",    ""               },
        {"commonLabels",          "labels",       ""               },
        {"imageTags",             "images",       ""               },
        {"patchesJson6902",       "patches",      ""               },
        {"patchesStrategicMerge", "patches",      ""               },
        {"vars",                  "replacements", "[EXPERIMENTAL] "},
    };
    for (size_t i = 0; l->opts->warn && i < ARRAY_LEN(old); i++)
        if (value_get(l->doc, old[i][0]) && !value_is(value_get(l->doc, old[i][0]), VALUE_NULL))
            l->opts->warn(arena_printf(l->a,
                                       "# Warning: '%s' is deprecated. Please use '%s' instead. "
                                       "%sRun 'kustomize edit fix' to update your Kustomization "
                                       "automatically.",
                                       old[i][0], old[i][1], old[i][2]));
}

static int load_doc(struct kust_layer *l, struct err *e)
{
    static const char *const known[] = {"apiVersion",
                                        "kind",
                                        "metadata",
                                        "resources",
                                        "bases",
                                        "components",
                                        "namespace",
                                        "namePrefix",
                                        "nameSuffix",
                                        "labels",
                                        "commonLabels",
                                        "commonAnnotations",
                                        "images",
                                        "imageTags",
                                        "replicas",
                                        "patches",
                                        "patchesStrategicMerge",
                                        "patchesJson6902",
                                        "configMapGenerator",
                                        "secretGenerator",
                                        "helmCharts",
                                        "helmGlobals",
                                        "helmChartInflationGenerator",
                                        "generatorOptions",
                                        "configurations",
                                        "crds",
                                        "vars",
                                        "sortOptions",
                                        "buildMetadata",
                                        "openapi",
                                        "replacements",
                                        "transformers",
                                        "generators",
                                        "validators",
                                        NULL};
    const char *text;
    size_t n;
    struct value *doc;
    int rc = check_alone(l, e);
    if (rc == 0)
        rc = tree_read(l->tree, l->file, l->a, &text, &n, e);
    if (rc < 0)
        return rc;
    rc = yaml_parse(l->a, text, n, 0, &doc, e);
    if (rc < 0)
        return err_wrap(e, rc, "%s", l->file);
    if (!value_is(doc, VALUE_OBJECT))
        return kust_error(l, doc, e, "a kustomization is expected");
    spell_known(doc, known);
    l->doc = doc;
    warn_of_old(l);
    VALUE_EACH_ITEM (item, value_get(doc, "imageTags"))
        (void)value_push(l->a, value_make_array(l->a, doc, "images"), item);
    if (is_empty(doc))
        return kust_error(l, doc, e, "the kustomization is empty");
    rc = check_type(l, doc, e);
    return rc < 0 ? rc : kust_only(l, doc, "", known, e);
}

/* The transformers of a layer in the order they run, with the fields that ask for them. */
static const struct stage {
    int (*run)(struct kust_layer *, struct err *);
    const char *kind, *field;
    bool each; /* one a list entry, not one for all */
} stages[] = {
    {kust_patches_strategic, "PatchStrategicMergeTransformer", "patchesStrategicMerge", false},
    {kust_patches,           "PatchTransformer",               "patches",               true },
    {kust_namespace,         "NamespaceTransformer",           "namespace",             false},
    {kust_prefix,            "PrefixTransformer",              "namePrefix",            false},
    {kust_suffix,            "SuffixTransformer",              "nameSuffix",            false},
    {kust_labels,            "LabelTransformer",               "labels",                true },
    {kust_common_labels,     "LabelTransformer",               "commonLabels",          false},
    {kust_annotations,       "AnnotationsTransformer",         "commonAnnotations",     false},
    {kust_patches_json6902,  "PatchJson6902Transformer",       "patchesJson6902",       true },
    {kust_replicas,          "ReplicaCountTransformer",        "replicas",              true },
    {kust_images,            "ImageTagTransformer",            "images",                true },
    {kust_replacements,      "ReplacementTransformer",         "replacements",          false},
};

static int run_stage(struct kust_layer *l, const struct stage *s, struct err *e)
{
    const struct value *asked = value_get(l->doc, s->field);
    /* `labels` and commonLabels share a transformer, which runs for both where either is. */
    if (s->run == kust_common_labels && value_count(asked) == 0)
        asked = value_get(l->doc, "labels");
    if (value_count(asked) == 0)
        return 0;
    if (!s->each || !kust_build_metadata(l->root, KUST_TRANSFORMATIONS)) {
        kust_transformed(l, s->kind, NULL);
        int rc = s->run(l, e);
        l->set->present = NULL;
        return rc;
    }
    int rc = 0;
    VALUE_EACH_ITEM (item, asked) {
        struct kust_layer one = *l;
        struct value *doc = value_new_object(l->a);
        (void)value_push(l->a, value_make_array(l->a, doc, s->field), item);
        one.doc = doc;
        kust_transformed(l, s->kind, NULL);
        rc = rc < 0 ? rc : s->run(&one, e);
        l->set->present = NULL;
    }
    return rc;
}

int kust_build_layer(struct kust_layer *l, struct err *e)
{
    int rc = load_doc(l, e);
    if (rc == 0 && l->depth == 0 && l->opts->overrides)
        rc = kust_override(l, l->opts->overrides, e);
    if (rc == 0 && l->opts->made)
        kust_made_layer(l->opts->made, l->doc);
    if (rc == 0)
        rc = gather(l, "resources", false, e);
    if (rc == 0)
        rc = gather(l, "bases", false, e);
    if (rc == 0)
        rc = kust_openapi(l, e);
    if (rc == 0)
        rc = kust_configurations(l, e);
    if (rc == 0)
        rc = kust_crds(l, e);
    if (rc == 0)
        rc = kust_generators(l, e);
    if (rc == 0)
        rc = kust_charts(l, e);
    if (rc == 0)
        rc = kust_plugin_generators(l, e);
    if (rc == 0)
        rc = gather(l, "components", true, e);
    for (size_t i = 0; rc == 0 && i < ARRAY_LEN(stages); i++)
        rc = run_stage(l, &stages[i], e);
    if (rc == 0)
        rc = kust_plugin_transformers(l, e);
    l->set->present = NULL;
    if (rc == 0)
        rc = kust_plugin_validators(l, e);
    return rc == 0 ? kust_vars(l, e) : rc;
}

int kust_root(struct kust_layer *l, struct tree *t, const char *dir,
              const struct kustomize_opts *opts, struct kust_set *set)
{
    *l = (struct kust_layer){.tree = t,
                             .a = set->a,
                             .dir = dir,
                             .file = kustomize_file(t, dir, set->a),
                             .of = opts->of,
                             .opts = opts,
                             .marks = kust_marks_new(set->a),
                             .layers = ARENA_NEW(set->a, unsigned),
                             .set = set};
    l->root = l;
    return l->file ? 0 : ERR_NOT_FOUND;
}

static int mend_all(struct kust_set *s, struct kustomize_made *made, struct err *e)
{
    struct map own, *named = made ? made->named : &own;
    map_init(&own);
    kust_name_all(s, named);
    int rc = kust_mend(s, named, s->items, s->n, e);
    map_done(&own);
    return rc;
}

int kustomize_build(struct tree *t, const char *dir, const struct kustomize_opts *opts,
                    struct arena *a, struct value ***out, size_t *n, struct err *e)
{
    struct kust_set set = {.a = a, .config = value_new_object(a)};
    struct kust_layer l;
    if (kust_root(&l, t, dir, opts, &set) < 0)
        return err_set(e, ERR_NOT_FOUND, "folder \"%s\" has no kustomization file", dir);
    int rc = kust_build_layer(&l, e);
    if (rc == 0)
        kust_hash_names(&set);
    if (rc == 0)
        rc = mend_all(&set, opts->made, e);
    if (rc == 0)
        rc = kust_vars_resolve(&set, e);
    if (rc == 0)
        kust_vars_unused(&l);
    if (rc == 0)
        rc = kust_origins(&l, e);
    if (rc == 0 && opts->made)
        kust_made_names(opts->made, &set);
    if (rc == 0)
        rc = kust_finish(&l, e);
    if (rc == 0)
        rc = kust_order(&l, e);
    if (rc < 0)
        return rc;
    struct value **objects = ARENA_ARRAY(a, struct value *, set.n + 1);
    for (size_t i = 0; i < set.n; i++) {
        objects[i] = set.items[i]->object;
        set.items[i]->place = i;
    }
    if (opts->made) {
        opts->made->objects = objects;
        opts->made->n = set.n;
    }
    *out = objects;
    *n = set.n;
    return 0;
}

void kustomize_print(struct buf *b, struct value *const *objects, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            buf_puts(b, "---\n");
        yaml_print(b, objects[i], YAML_FOLD);
    }
}
