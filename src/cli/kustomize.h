/* kustomize.h - what the kustomize verbs share: the kustomization file of the current folder. */
#pragma once
#include "cli/verb.h"
#include "render/kustomize/edit.h"

enum { KUSTOMIZE_FILE_MAX = 16 << 20 };

/* Prints "Error: sentence"; gives EXIT_FAILED. */
int kustomize_cli_fail(const struct err *e);

/* What `kustomize edit` was asked for. */
struct edit {
    struct kustomize_edit file;
    struct arena *a;
    const char **args;
    size_t n;
    bool unchanged;                              /* nothing is to be written */
    int (*after)(struct edit *q, struct err *e); /* once it was written; or NULL */
    const char *built;                           /* what it made before; NULL: it could not be */

    /* options, where the command has them */
    bool force, without_selector, include_templates, no_verify, ignore_missing, no_hash, vars;
    const char *path, *patch, *group, *version, *kind, *name, *namespace, *annotation_selector,
        *label_selector, *env_file, *behavior, *type, *new_namespace;
    struct option_list literals, files;
};

/* The kustomization file of this folder; ERR_NOT_FOUND when there is none. */
int kustomize_cli_find(const char **out, struct err *e) MUST_CHECK;
/* Files that a pattern names, in order; none is no error. */
int kustomize_cli_glob(const char *pattern, struct arena *a, const char ***out, size_t *n,
                       struct err *e) MUST_CHECK;
/* "k:v" with v perhaps in quotes, or "k", into a table of texts. */
int kustomize_cli_pair(struct arena *a, const char *text, const char *kind, struct value *into,
                       struct err *e) MUST_CHECK;
bool kustomize_cli_listed(const struct value *list, const char *text);

/* ---- kustomize_edit_maps.c: configMapGenerator and secretGenerator ---- */
int kustomize_cli_add_map(struct edit *q, bool secret, struct err *e) MUST_CHECK;
int kustomize_cli_set_map(struct edit *q, bool secret, struct err *e) MUST_CHECK;
int kustomize_cli_remove_map(struct edit *q, bool secret, struct err *e) MUST_CHECK;

/* ---- kustomize_vars.c ---- */
/* Replacements instead of vars in the document; writes the resource files, once all of it is sure
 * to succeed. */
int kustomize_cli_vars(struct arena *a, struct value *doc, struct err *e) MUST_CHECK;

/* What building this folder prints, without any option. */
int kustomize_cli_built(struct arena *a, struct buf *out, struct err *e) MUST_CHECK;

int kustomize_cli_edit(int argc, char **argv, const struct verb *verb);
int kustomize_cli_create(int argc, char **argv, const struct verb *verb);
