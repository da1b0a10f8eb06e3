/* render.h - a folder of files in, objects out; pure.
 *
 * Model      What kind of folder it is decides the tool, as in Argo CD: Chart.yaml is Helm, a
 *            kustomization file is Kustomize, everything else is plain YAML and JSON.
 * Guarantees No clock, network or environment: the same tree gives the same objects in the same
 *            order. A field or file that is not understood is refused with file and line;
 *            nothing is ignored in silence.
 * Threads    Any number of renderings side by side, one tree each.
 * Lifetime   Objects live in the arena and are the caller's to change.                    */
#pragma once
#include <stdbool.h>

#include "codec/value.h"
#include "vcs/tree.h"

struct kustomize_made;

enum render_tool { RENDER_DIRECTORY, RENDER_KUSTOMIZE, RENDER_HELM };

struct render_variable {
    const char *name, *value;
};

/* Another tree, whose files values may be: "$NAME/path". */
struct render_ref {
    const char *name;
    struct tree *tree;
};

struct render_opts {
    const char *path;              /* folder in the tree; "" or "." is the root */
    const struct value *directory; /* Application spec.source.directory, or NULL */
    const struct value *kustomize; /* … .kustomize, or NULL */
    const struct value *helm;      /* … .helm, or NULL */

    /* What charts ask for beside their values. */
    const char *release, *namespace; /* unless the source names others */
    const char *kube_version;        /* of the cluster; NULL: Helm's default */
    const char *const *api_versions; /* of the cluster, beside Helm's own list */
    size_t n_api_versions;
    int64_t now_ns;                          /* what a chart takes for the time */
    const struct render_variable *variables; /* $NAME in parameters; ends with NULL */
    const struct render_ref *refs;           /* ends with NULL; or NULL */

    /* What kustomizations name by URL, and their charts of repositories; NULL refuses them. */
    struct kustomize_remote *remote;
    struct chart_port *charts;

    bool noted; /* the result is noted, so that render_again() can build on it */
};

struct render_result {
    enum render_tool tool;
    struct value **objects;
    size_t n;
    bool charted; /* a chart had a part in it, and with it the time and the cluster's kinds */

    struct kustomize_made *made;
    size_t *fresh; /* of render_again(): indexes of objects that were made */
    size_t n_fresh;
};

int render_detect(struct tree *t, const char *path, enum render_tool *out,
                  struct err *e) MUST_CHECK;

int render_objects(struct tree *t, const struct render_opts *opts, struct arena *a,
                   struct render_result *out, struct err *e) MUST_CHECK;

/* After nothing but the text of some files changed (their paths, NULL-terminated): the same as
 * render_objects(), at the price of these files; all objects that are not fresh are the very ones
 * of `before`, which must outlive the result. ERR_UNSUPPORTED: render it whole. */
int render_again(struct tree *t, const struct render_opts *opts, const struct render_result *before,
                 const char *const *files, struct arena *a, struct render_result *out,
                 struct err *e) MUST_CHECK;

/* ---- what the tools share ---- */

struct render_text {
    const char *path; /* for errors */
    const char *text;
    size_t len;
    unsigned yaml_flags; /* as the tool reads it that the text is for */
};

/* The objects of one file: every document, lists taken apart. Each must have apiVersion, kind
 * and a name; errors name file and line. */
int render_parse(const struct render_text *t, struct arena *a, struct value ***out, size_t *n,
                 struct err *e) MUST_CHECK;
