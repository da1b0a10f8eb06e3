/* tekton.h - Tekton's TaskRuns, PipelineRuns and Triggers as control loops.
 *
 * Model      A TaskRun becomes a Pod, a PipelineRun TaskRuns (and CustomRuns, PipelineRuns), a
 *            push of a Repository PipelineRuns through its EventListeners and Triggers. Files of
 *            users work unchanged: tekton.dev/v1 and v1beta1.
 * Guarantees A run is a pure function of its objects (taskrun_plan.h, pipelinerun_plan.h); names
 *            of what is made are deterministic, so that nothing is made twice. What is not
 *            offered is refused in the run's condition, by name.
 * Threads    The runner's; ports are called from them and may block.
 * Lifetime   A struct tekton outlives its runner.                                         */
#pragma once
#include "kube/controller.h"

/* What the server supplies. NULL slots refuse what needs them. */
struct tekton_ports {
    void *arg;
    /* {entrypoint: […], cmd: […]} of an image, for steps that name no command. */
    int (*image_config)(void *arg, const char *image, struct arena *a, struct value **out,
                        struct err *e);
    /* One file of a git repository, hosted or remote, at a revision ("" for its HEAD). */
    int (*git_file)(void *arg, const char *url, const char *revision, const char *path,
                    struct arena *a, char **out, size_t *out_n, struct err *e);
    int (*http_file)(void *arg, const char *url, struct arena *a, char **out, size_t *out_n,
                     struct err *e);
    /* A task or pipeline of the catalogue that is shipped: for the hub and bundles resolvers. */
    int (*catalog_file)(void *arg, const char *kind, const char *name, struct arena *a, char **out,
                        size_t *out_n, struct err *e);
    /* The event a push is: {head_commit: {id, message, author: {name, email}, timestamp}, …}
     * merged into the body that interceptors and bindings see. */
    int (*push_event)(void *arg, const char *ns, const char *repository, const char *ref,
                      const char *before, const char *after, struct arena *a, struct value **out,
                      struct err *e);
    /* Whether a listener's service account may create this resource in a namespace ("" for none):
     * 0, or ERR_DENIED with the API's sentence. NULL: it may not. Tekton's own runs in the
     * listener's namespace need no such right. */
    int (*may_create)(void *arg, const char *ns, const char *account, const struct resource *res,
                      const char *in_ns, struct err *e);
};

struct tekton_opts {
    struct tekton_ports ports;
    const char *entrypoint_dir; /* on the node: holds `entrypoint`; NULL: copied by a container */
    const char *tools_image;    /* NULL: "slipway.local/tools" */
    /* Where nodes that are not ours pull images of slipway.local from ("HOST:5000"); NULL: the
     * node has them. */
    const char *registry;
    /* As pods reach them: the work API, for `slipway step`, and hosted repositories
     * ("http://10.88.0.1:3000/git/"). Steps get SLIPWAY_WORK_URL and SLIPWAY_GIT_URL. Or NULL. */
    const char *work_url, *git_url;
};

struct tekton;

struct tekton *tekton_new(const struct tekton_opts *o); /* copies what it is given */
void tekton_free(struct tekton *t);
AUTO_DEFINE(tekton)

/* Adds all of Tekton's loops. */
void tekton_add(struct runner *r, struct tekton *t);
