/* kust_int.h - layers, resources and what transformers share. */
#pragma once
#include <string.h>

#include "base/map.h"
#include "render/kustomize/kustomize.h"
#include "render/render.h"

enum kust_behavior { KUST_CREATE, KUST_REPLACE, KUST_MERGE };

enum { KUST_NAMES_MAX = 24, KUST_DEPTH_MAX = 24, KUST_LAYERS_MAX = 10000 };

struct kust_resource {
    struct value *object;
    /* Every name, namespace and kind it has had, oldest first; the last is the present one. */
    struct {
        const char *name, *ns, *kind;
    } was[KUST_NAMES_MAX];
    size_t n_was;
    const char *prefixes, *suffixes; /* all that were put on, with commas between them */
    bool wants_hash;
    bool of_chart;                         /* Helm has given it its namespace */
    const char *origin;                    /* its file, or what configured its generator */
    const struct kustomize_repository *of; /* whose file it is, or NULL */
    const char *made_by, *made_name;       /* the generator's kind and name, or NULL */
    const char *made_api;                  /* a generator's of others: its apiVersion, or NULL */
    size_t place;                          /* among what comes out, at the end */
};

struct kust_var {
    const char *name, *path;
    const struct kust_resource *of; /* NULL: nothing fitted */
    const struct value *value;      /* once names are final */
    bool used;
};

struct kust_set {
    struct arena *a;
    struct kust_resource **items;
    size_t n, cap;
    struct map
        *present; /* the first of each kind, namespace and name; NULL: they may have changed */
    struct kust_var *vars;
    size_t n_vars;
    const struct value *openapi; /* definitions that `openapi` brings, or NULL */
    struct value *config;        /* lists of field specs, by the names of `configurations` */
};

/* One kustomization at work on what it has gathered. */
struct kust_layer {
    struct tree *tree;
    struct arena *a;
    const char *dir, *file;
    const struct kustomize_opts *opts;
    const struct kust_layer *root;
    const struct value *doc;
    struct kust_set *set;
    struct kust_marks *marks; /* one for all layers */
    unsigned *layers;         /* how many there are so far: one count for all */
    int depth;
    bool component;                        /* one is expected here */
    const struct kust_resource *plugin;    /* the one at work, or NULL */
    const struct value *only;              /* field specs of a transformer that brings its own */
    const struct kustomize_repository *of; /* what it was fetched from, or NULL */
    const struct kust_layer *up;           /* who names it, or NULL */
    const char *outer_namespace;           /* what the layers above say, or NULL */
};

/* ---- resources ---- */
const char *kust_kind(const struct kust_resource *r);
const char *kust_group(struct arena *a, const struct kust_resource *r);
const char *kust_name(const struct kust_resource *r);
const char *kust_ns(const struct kust_resource *r); /* "" when none is written */
bool kust_same_ns(const char *a, const char *b);    /* none is "default" */
bool kust_cluster_scoped(const struct kust_resource *r);
/* Call after the object's name or namespace was changed. */
void kust_renamed(struct kust_resource *r);
/* ERR_INVALID when one with the same identity is there. */
int kust_add(struct kust_set *s, struct value *object, struct kust_resource **out,
             struct err *e) MUST_CHECK;
/* ---- places in an object ---- */
/* Calls fn for every value at "spec/template/spec/containers/image": lists on the way are
 * walked. With `create` a missing member is made (null) where its parent is an object. */
typedef int (*kust_visit_fn)(void *arg, struct value *at, struct err *e);
int kust_visit(struct arena *a, struct value *root, const char *path, bool create, kust_visit_fn fn,
               void *arg, struct err *e) MUST_CHECK;

/* A field spec: where resources of a kind have something. What is NULL or "" fits all. */
struct kust_place {
    const char *group, *version, *kind, *path;
    bool create;
};
bool kust_place_fits(const struct kust_place *p, const struct kust_resource *r);
/* By the kind that it had at first: a patch may have changed it. */
bool kust_place_fitted(const struct kust_place *p, const struct kust_resource *r);
/* Kustomize's own places of a field, by its name in `configurations`, then those configured; or
 * only those that the transformer at work brings. */
const struct kust_place *kust_places(const struct kust_layer *l, const char *field, size_t *n);
/* Those of the list that are not among the n places. */
const struct kust_place *kust_places_more(struct arena *a, const struct kust_place *own,
                                          size_t n_own, const struct value *specs, size_t *n);
struct kust_reference {
    struct kust_place to; /* the kind that is named; no path */
    struct kust_place at;
};
struct kust_references {
    struct kust_reference *items;
    size_t n;
};
/* Kustomize's own and those of `configurations`' nameReference. */
struct kust_references kust_all_references(struct arena *a, const struct value *configured);
/* Visits all places of a field in all resources. */
int kust_at_places(const struct kust_layer *l, const char *field, kust_visit_fn fn, void *arg,
                   struct err *e) MUST_CHECK;
void kust_config_merge(struct kust_set *into, const struct value *config);
int kust_var_add(struct kust_set *s, const struct kust_var *v, struct err *e) MUST_CHECK;

/* The fields at a replacement's path; `found` counts them. */
int kust_walk(struct arena *a, struct value *root, const char *path, kust_visit_fn fn, void *arg,
              size_t *found, struct err *e) MUST_CHECK;
/* The same for fields that fn writes: also within texts that are JSON or YAML, and made where
 * `create` asks for it. */
int kust_walk_into(struct arena *a, struct value *root, const char *path, bool create,
                   kust_visit_fn fn, void *arg, size_t *found, struct err *e) MUST_CHECK;
/* The text of a document printed anew once scalars in it became those of `is`, with its comments and
 * styles; NULL: it is too unusual. */
const char *kust_rewritten(struct arena *a, const char *text, size_t n, const struct value *is);
const char *kust_scalar(struct arena *a, const struct value *v); /* NULL when it is none */
/* A `target` or `select`: regular expressions that are anchored at both ends, and selectors. */
struct kust_target;
int kust_target_new(const struct kust_layer *l, const struct value *v, struct kust_target **out,
                    struct err *e) MUST_CHECK;
void kust_target_free(struct kust_target *t);
AUTO_DEFINE(kust_target)
/* As patches select. */
bool kust_target_selects(const struct kust_target *t, const struct kust_resource *r,
                         struct arena *a);
/* As replacements select: by any name it has had. */
bool kust_target_knew(const struct kust_target *t, const struct kust_resource *r, struct arena *a);

/* ERR_INVALID for a path of the tree that the layer may not read files from. */
int kust_inside(const struct kust_layer *l, const struct value *at, const char *path,
                struct err *e) MUST_CHECK;
/* A file of the layer: as with the real tool, nothing above the layer's folder is one. */
int kust_path(const struct kust_layer *l, const struct value *at, const char *name,
              const char **path, struct err *e) MUST_CHECK;

struct kust_file {
    const char *path, *text;
    size_t n;
};
/* kust_path() and the file's text; errors say where in the kustomization it is named. */
int kust_read(const struct kust_layer *l, const struct value *at, const char *name,
              struct kust_file *out, struct err *e) MUST_CHECK;
/* One document of YAML, read so. */
int kust_read_yaml(const struct kust_layer *l, const struct value *at, const char *name,
                   const char **path, struct value **doc, struct err *e) MUST_CHECK;

/* The objects of a text, lists taken apart; errors begin with `where`. */
int kust_parse(const struct kust_layer *l, const char *where, const char *text, size_t n,
               struct value ***out, size_t *out_n, struct err *e) MUST_CHECK;

int kust_json_patch(struct arena *a, const struct value *doc, const struct value *patch,
                    struct value **out, struct err *e) MUST_CHECK;
struct schema;
/* NULL: a kind that nothing is known of. */
const struct schema *kust_schema(const struct kust_layer *l, const char *version, const char *kind);
const struct schema *kust_known_schema(const char *version, const char *kind);
/* A comment behind a key may say the schema of its value, as JSON. */
struct kust_marks *kust_marks_new(struct arena *a);
void kust_mark(const struct kust_layer *l, const char *text, size_t n, struct value *const *docs,
               size_t n_docs);
const struct schema *kust_marked(const struct kust_marks *m, const struct value *v);
/* Kustomize's strategic merge of `patch` into `object`; both are written. NULL comes out when
 * the patch deletes all of it. */
int kust_merge(const struct kust_layer *l, const struct schema *s, struct value *object,
               struct value *patch, struct value **out, struct err *e) MUST_CHECK;

/* ---- errors with file and line ---- */
int kust_error(const struct kust_layer *l, const struct value *at, struct err *e, const char *fmt,
               ...) PRINTF(4, 5);
/* Refuses members of `v` that are not among the names (NULL-terminated). */
int kust_only(const struct kust_layer *l, const struct value *v, const char *what,
              const char *const *names, struct err *e) MUST_CHECK;

/* ---- what a build is made of, for the one that is made again ---- */

struct kust_again {
    struct map changed; /* files whose text differs; to non-NULL once they were read */
};

struct kustomize_made {
    bool plain;             /* resources have a say in each other by their names only */
    struct map *files;      /* of resources */
    struct map *named;      /* as kust_name_all() left it */
    struct kust_set set;    /* all resources, once their names are final */
    struct value **objects; /* what came out */
    size_t n;
    struct kust_again *again; /* while it is made again */
};

void kust_made_layer(struct kustomize_made *m, const struct value *doc);
bool kust_made_unchanged(const struct kustomize_made *m, const char *path); /* pass over it */
void kust_made_file(struct kustomize_made *m, const char *path);            /* it is read */
void kust_made_names(struct kustomize_made *m, struct kust_set *s);

int kust_root(struct kust_layer *l, struct tree *t, const char *dir,
              const struct kustomize_opts *opts, struct kust_set *set) MUST_CHECK;
int kust_build_layer(struct kust_layer *l, struct err *e) MUST_CHECK;

/* ---- the stages of a layer, in the order they run ---- */
/* Adds what the paths, folders and inlined objects of a field are. */
int kust_gather(struct kust_layer *l, const char *field, struct err *e) MUST_CHECK;
int kust_configurations(struct kust_layer *l, struct err *e) MUST_CHECK;
int kust_crds(struct kust_layer *l, struct err *e) MUST_CHECK;
int kust_openapi(struct kust_layer *l, struct err *e) MUST_CHECK;
int kust_generators(struct kust_layer *l, struct err *e) MUST_CHECK;
int kust_charts(struct kust_layer *l, struct err *e) MUST_CHECK;
/* An entry of helmChartInflationGenerator as one of helmCharts, which took its place; what it says
 * for all charts goes into `globals`. */
const struct value *kust_chart_of_old(struct arena *a, const struct value *old,
                                      struct value *globals);
int kust_patches_strategic(struct kust_layer *l, struct err *e) MUST_CHECK;
int kust_patches(struct kust_layer *l, struct err *e) MUST_CHECK;
int kust_namespace(struct kust_layer *l, struct err *e) MUST_CHECK;
int kust_prefix(struct kust_layer *l, struct err *e) MUST_CHECK;
int kust_suffix(struct kust_layer *l, struct err *e) MUST_CHECK;
int kust_labels(struct kust_layer *l, struct err *e) MUST_CHECK;
int kust_common_labels(struct kust_layer *l, struct err *e) MUST_CHECK;
int kust_annotations(struct kust_layer *l, struct err *e) MUST_CHECK;
int kust_patches_json6902(struct kust_layer *l, struct err *e) MUST_CHECK;
int kust_replicas(struct kust_layer *l, struct err *e) MUST_CHECK;
int kust_images(struct kust_layer *l, struct err *e) MUST_CHECK;
int kust_value_add(struct kust_layer *l, struct err *e) MUST_CHECK;
int kust_replacements(struct kust_layer *l, struct err *e) MUST_CHECK;
int kust_plugin_generators(struct kust_layer *l, struct err *e) MUST_CHECK;
int kust_plugin_transformers(struct kust_layer *l, struct err *e) MUST_CHECK;
/* Transformers that change nothing. */
int kust_plugin_validators(struct kust_layer *l, struct err *e) MUST_CHECK;
int kust_iam_policy(struct kust_layer *l, struct err *e) MUST_CHECK;
/* The function that `r` asks for. */
int kust_function_generate(struct kust_layer *l, const struct kust_resource *r,
                           struct err *e) MUST_CHECK;
int kust_function_transform(struct kust_layer *l, const struct kust_resource *r,
                            struct err *e) MUST_CHECK;
/* Puts what was generated into the one of its name that is there: `behavior` merge or replace.
 * `at` is what asked for it. */
int kust_absorb(struct kust_layer *l, const struct value *at, const struct value *object,
                const char *behavior, struct kust_resource **out, struct err *e) MUST_CHECK;
int kust_vars(struct kust_layer *l, struct err *e) MUST_CHECK;

/* ---- once, at the end ---- */
void kust_hash_names(struct kust_set *s);
/* Puts all names that were left behind into the map, for kust_mend(). */
void kust_name_all(struct kust_set *s, struct map *named);
/* What `from` refer to, among all of the set. */
int kust_mend(struct kust_set *s, const struct map *named, struct kust_resource *const *from,
              size_t n, struct err *e) MUST_CHECK;
bool kust_is_local(const struct kust_resource *r); /* it is for the build only */
/* Drops what is for the build only, and tidies annotations. */
int kust_finish(const struct kust_layer *root, struct err *e) MUST_CHECK;
#define KUST_ORIGINS         "originAnnotations"
#define KUST_TRANSFORMATIONS "transformerAnnotations"
#define KUST_MANAGED_BY      "managedByLabel"
bool kust_build_metadata(const struct kust_layer *root, const char *word);
/* Notes, where the root asks for it, that a transformer goes over all resources of the layer now;
 * `config` is the plugin's own, or NULL. */
void kust_transformed(const struct kust_layer *l, const char *kind, const struct value *config);
/* What the root's buildMetadata asks for. */
int kust_origins(const struct kust_layer *root, struct err *e) MUST_CHECK;
int kust_vars_resolve(struct kust_set *s, struct err *e) MUST_CHECK;
/* Warns of those that stand nowhere. */
void kust_vars_unused(const struct kust_layer *root);
/* As the command's flag says, or the root's sortOptions. */
int kust_order(const struct kust_layer *root, struct err *e) MUST_CHECK;

/* An Application's overrides laid over the root kustomization. */
int kust_override(struct kust_layer *l, const struct value *overrides, struct err *e) MUST_CHECK;
