/* tekton_int.h - shared by this folder's control loops. */
#pragma once
#include "ctl/tekton/params.h"
#include "ctl/tekton/tekton.h"
#include "kube/cache.h"
#include "kube/write.h"

struct tekton {
    struct tekton_ports ports;
    char *entrypoint_dir, *tools_image, *registry, *work_url, *git_url;
};

extern const struct controller taskrun_controller;
extern const struct controller pipelinerun_controller;
extern const struct controller push_controller;

/* What a reference was resolved to. */
struct resolved {
    const struct value *spec;
    const char *name;
    const struct value *labels, *annotations; /* of the definition, or NULL */
};

/* Resolves a taskRef, pipelineRef or step ref. `kind`: "Task", "Pipeline", "StepAction".
 * ERR_NOT_FOUND: no such thing; ERR_UNSUPPORTED: a resolver that is not offered. */
int tekton__resolve(struct controller_ctx *c, const char *ns, const char *kind,
                    const struct value *ref, struct arena *a, struct resolved *out,
                    struct err *e) MUST_CHECK;

/* Makes the claims that workspaces' volumeClaimTemplates ask for; gives the bindings with the
 * claims in their place. `only_names`: makes nothing. */
int tekton__claims(struct controller_ctx *c, const struct resource *res, const struct object *run,
                   struct arena *a, const struct value **bindings, struct err *e) MUST_CHECK;

/* ERR_INVALID unless exactly one of spec.taskRef and spec.taskSpec (`kind` "task"), or of
 * spec.pipelineRef and spec.pipelineSpec ("pipeline"), is there. */
int tekton__one_source(const struct value *run, const char *kind, struct arena *a,
                       struct err *e) MUST_CHECK;

/* Trying again may help. */
static inline bool tekton__transient(int r)
{
    return r == ERR_AGAIN || r == ERR_CONFLICT || r == ERR_TIMEOUT || r == ERR_SYSTEM;
}

/* Labels and annotations of a definition, under those of the run. */
void tekton__inherit(struct value *metadata, const struct resolved *from, struct arena *a);
