/* transformers and generators: Kustomize's own ones, each with a configuration of its own. What
 * one says is put as the kustomization field it stands for, and that field's stage is run. Those of
 * others are functions (functions.c). */
#include "codec/yaml.h"
#include "render/kustomize/kust_int.h"

#define VALIDATED_BY "validated-by"

typedef int (*stage_fn)(struct kust_layer *, struct err *);

struct plugin {
    const char *kind, *field;
    /* Its member that becomes the field; "": all of it is the one entry of a list. */
    const char *member;
    bool listed; /* the member is the one entry of a list */
    stage_fn run;
};

/* Only what waits for a suffix gets it. */
static int hash_now(struct kust_layer *l, struct err *e)
{
    (void)e;
    kust_hash_names(l->set);
    return 0;
}

static int kust_affixes(struct kust_layer *l, struct err *e)
{
    int rc = kust_prefix(l, e);
    return rc < 0 ? rc : kust_suffix(l, e);
}

/* Its `paths`, then the objects that `patches` holds. */
static int strategic_patches(struct kust_layer *l, struct err *e)
{
    const struct value *config = value_item(value_get(l->doc, "patchesStrategicMerge"), 0);
    struct kust_layer one = *l;
    struct value *doc = value_new_object(l->a);
    struct value *all = value_make_array(l->a, doc, "patchesStrategicMerge");
    VALUE_EACH_ITEM (path, value_get(config, "paths"))
        (void)value_push(l->a, all, path);
    if (*value_at_str(config, "patches", ""))
        (void)value_push(l->a, all, value_get(config, "patches"));
    if (value_count(all) == 0)
        return kust_error(l, config, e,
                          "PatchStrategicMergeTransformer: neither paths nor patches");
    one.doc = doc;
    return kust_patches_strategic(&one, e);
}

static const struct plugin transformers[] = {
    {"LabelTransformer",               "commonLabels",          "labels",             false, kust_common_labels   },
    {"AnnotationsTransformer",         "commonAnnotations",     "annotations",        false, kust_annotations     },
    {"NamespaceTransformer",           "namespace",             "metadata.namespace", false, kust_namespace       },
    {"PrefixTransformer",              "namePrefix",            "prefix",             false, kust_prefix          },
    {"SuffixTransformer",              "nameSuffix",            "suffix",             false, kust_suffix          },
    {"PrefixSuffixTransformer",        "namePrefix",            "prefix",             false, kust_affixes         },
    {"ImageTagTransformer",            "images",                "imageTag",           true,  kust_images          },
    {"ReplicaCountTransformer",        "replicas",              "replica",            true,  kust_replicas        },
    {"HashTransformer",                "",                      "metadata.nothing",   false, hash_now             },
    {"ValueAddTransformer",            "valueAdd",              "",                   true,  kust_value_add       },
    {"PatchTransformer",               "patches",               "",                   true,  kust_patches         },
    {"PatchStrategicMergeTransformer", "patchesStrategicMerge", "",                   true,  strategic_patches    },
    {"PatchJson6902Transformer",       "patchesJson6902",       "",                   true,  kust_patches_json6902},
    {"ReplacementTransformer",         "replacements",          "replacements",       false, kust_replacements    },
};

static const struct plugin generators[] = {
    {"ConfigMapGenerator",          "configMapGenerator", "", true, kust_generators},
    {"SecretGenerator",             "secretGenerator",    "", true, kust_generators},
    {"HelmChartInflationGenerator", "helmCharts",         "", true, kust_charts    },
    {"IAMPolicyGenerator",          "iamPolicy",          "", true, kust_iam_policy},
};

static bool is_typed(const char *key)
{
    static const char *const keys[] = {"allowKindChange",
                                       "allowNameChange",
                                       "count",
                                       "create",
                                       "disableNameSuffixHash",
                                       "filePathPosition",
                                       "immutable",
                                       "includeCRDs",
                                       "includeSelectors",
                                       "includeTemplates",
                                       "includeVolumeClaimTemplates",
                                       "index",
                                       "skipHooks",
                                       "skipTests",
                                       "unsetOnly",
                                       "valuesInline",
                                       "debug",
                                       "devel"};
    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        if (strcasecmp(keys[i], key) == 0)
            return true;
    return false;
}

/* In a plugin's configuration numbers and truths are as good as text where text is meant. */
static void make_text(struct arena *a, struct value *v)
{
    for (uint32_t i = 0; v->kind == VALUE_ARRAY && i < v->n; i++)
        make_text(a, &v->items[i]);
    for (uint32_t i = 0; v->kind == VALUE_OBJECT && i < v->n; i++)
        if (!is_typed(v->members[i].key))
            make_text(a, &v->members[i].value);
    if (v->kind == VALUE_BOOL || v->kind == VALUE_INT || v->kind == VALUE_FLOAT) {
        uint32_t line = v->line;
        *v = *value_new_str(a, kust_scalar(a, v));
        v->line = line;
    }
}

/* The plugin's own members, without what makes it an object. */
static struct value *entry_of(struct arena *a, const struct value *config)
{
    struct value *v = value_copy(a, config);
    const struct value *name = value_at(config, "metadata.name");
    const struct value *ns = value_at(config, "metadata.namespace");
    const char *kind = value_at_str(config, "kind", "");
    const struct value *op = value_get(config, "jsonOp");
    if (strstr(kind, "Generator") && !strstr(kind, "Helm")) {
        if (!value_get(v, "name") && name)
            (void)value_set(a, v, "name", name);
        if (!value_get(v, "namespace") && ns)
            (void)value_set(a, v, "namespace", ns);
    }
    if (op)
        (void)value_set(a, v, "patch", op);
    (void)value_remove(v, "jsonOp");
    (void)value_remove(v, "apiVersion");
    (void)value_remove(v, "kind");
    (void)value_remove(v, "metadata");
    return v;
}

/* Fields of plugins are known in any case of letters. */
static void spell_members(struct value *config)
{
    static const char *const known[] = {"metadata", "labels",  "annotations",  "fieldSpecs",
                                        "prefix",   "suffix",  "imageTag",     "replica",
                                        "paths",    "patches", "replacements", "jsonOp"};
    for (uint32_t i = 0; i < config->n; i++)
        for (size_t k = 0; k < ARRAY_LEN(known); k++)
            if (strcasecmp(config->members[i].key, known[k]) == 0)
                config->members[i].key = known[k];
}

static struct value *doc_of(struct arena *a, const struct plugin *p, const struct value *config)
{
    struct value *doc = value_new_object(a);
    const struct value *v = *p->member ? value_at(config, p->member) : entry_of(a, config);
    if (v && p->listed)
        (void)value_push(a, value_make_array(a, doc, p->field), v);
    else if (v)
        (void)value_set(a, doc, p->field, v);
    if (p->run == kust_charts) {
        static const char *const globals[] = {"chartHome", "configHome"};
        struct value *entry = &value_get_mut(doc, p->field)->items[0];
        for (size_t i = 0; i < ARRAY_LEN(globals); i++) {
            const struct value *is = value_get(entry, globals[i]);
            if (is)
                (void)value_set(a, value_make_object(a, doc, "helmGlobals"), globals[i], is);
            (void)value_remove(entry, globals[i]);
        }
    }
    if (strcmp(p->kind, "PrefixSuffixTransformer") == 0 && value_get(config, "suffix"))
        (void)value_set(a, doc, "nameSuffix", value_get(config, "suffix"));
    return doc;
}

static int run_plugin(struct kust_layer *l, const struct plugin *all, size_t n,
                      const struct kust_resource *r, struct err *e)
{
    struct value *config = value_copy(l->a, r->object);
    int rc = yaml_settle(l->a, config, e);
    if (rc < 0)
        return rc;
    make_text(l->a, config);
    spell_members(config);
    const struct value *specs = value_get(config, "fieldSpecs");
    for (size_t i = 0; i < n; i++) {
        if (strcmp(all[i].kind, kust_kind(r)) != 0)
            continue;
        struct kust_layer one = *l;
        one.plugin = r;
        one.doc = doc_of(l->a, &all[i], config);
        one.only = specs ? specs : value_new_array(l->a);
        if (all == transformers)
            kust_transformed(&one, all[i].kind, config);
        return all[i].run(&one, e);
    }
    return err_set(e, ERR_UNSUPPORTED, "%s:%u: plugin %s is not offered", l->file, config->line,
                   kust_kind(r));
}

static int run_all(struct kust_layer *l, const char *field, const struct plugin *all, size_t n,
                   struct err *e)
{
    struct kust_set found = {.a = l->a, .config = value_new_object(l->a)};
    struct kust_layer of_plugins = *l;
    of_plugins.set = &found;
    int rc = kust_gather(&of_plugins, field, e);
    for (size_t i = 0; rc == 0 && i < found.n; i++) {
        const struct kust_resource *r = found.items[i];
        if (strcmp(value_at_str(r->object, "apiVersion", ""), "builtin") == 0)
            rc = run_plugin(l, all, n, r, e);
        else if (all == generators)
            rc = kust_function_generate(l, r, e);
        else
            rc = kust_function_transform(l, r, e);
    }
    return rc;
}

int kust_plugin_generators(struct kust_layer *l, struct err *e)
{
    return run_all(l, "generators", generators, ARRAY_LEN(generators), e);
}

int kust_plugin_transformers(struct kust_layer *l, struct err *e)
{
    return run_all(l, "transformers", transformers, ARRAY_LEN(transformers), e);
}

/* As two copies of it are when they were printed. */
static int same_object(struct kust_layer *l, struct value *before, const struct value *now,
                       bool *same, struct err *e)
{
    struct value *after = value_copy(l->a, now);
    int rc = yaml_settle(l->a, before, e);
    if (rc == 0)
        rc = yaml_settle(l->a, after, e);
    struct value *meta = value_get_mut(after, "metadata"), *labels = value_get_mut(meta, "labels");
    if (value_get(labels, VALIDATED_BY)) {
        (void)value_removen(labels, VALIDATED_BY, strlen(VALIDATED_BY));
        if (value_count(labels) == 0)
            (void)value_remove(meta, "labels");
    }
    *same = value_equal(before, after);
    return rc;
}

int kust_plugin_validators(struct kust_layer *l, struct err *e)
{
    size_t n = l->set->n;
    if (value_count(value_get(l->doc, "validators")) == 0)
        return 0;
    struct value **before = ARENA_ARRAY(l->a, struct value *, n + 1);
    for (size_t i = 0; i < n; i++)
        before[i] = value_copy(l->a, l->set->items[i]->object);
    int rc = run_all(l, "validators", transformers, ARRAY_LEN(transformers), e);
    bool same = l->set->n == n;
    for (size_t i = 0; rc == 0 && same && i < n; i++)
        rc = same_object(l, before[i], l->set->items[i]->object, &same, e);
    if (rc == 0 && !same)
        return kust_error(l, value_get(l->doc, "validators"), e, "a validator changed an object");
    return rc;
}
