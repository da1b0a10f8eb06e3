/* work.h - the work API: what a pipeline's step may ask the server to do for it.
 *
 * Model      A step holds no credentials but its pod's service account token. It asks over HTTP
 *            (POST /work/v1/<verb>) to build, scan, push, sign an image or to update one in an
 *            infrastructure repository; the server does it on its own side of the fence. Who
 *            asks, and for which run and commit, is read from the pod, never from the request.
 * Guarantees A service account may touch only images matching its annotation
 *            slipway.dev/images, and write only repositories in slipway.dev/update-repositories
 *            (comma separated globs). What a run builds stays held until its scan passes and
 *            it is pushed. Answers are lines of JSON: {"line":…} as work goes on, then exactly
 *            one {"result":…} or {"error":{"code":…,"message":…}}.
 * Threads    work_handle() from any; ports are called on the connection's thread.
 * Not here   Building, scanning, signing and git themselves: ports, handed in by server/.     */
#pragma once
#include <stdbool.h>

#include "codec/value.h"
#include "kube/kube.h"
#include "net/http_server.h"

/* Who asks. Texts are never NULL; "" when the pod does not say. */
struct work_caller {
    const char *ns, *service_account, *pod, *pod_uid;
    const char *task_run, *pipeline_run, *pipeline, *task; /* names, from the pod's labels */
    const char *repository, *commit, *ref;                 /* of the app: slipway.dev/… labels */
    const struct value *run; /* the PipelineRun, or the TaskRun where there is none, or NULL */
};

/* Where progress goes; a line without its newline. */
struct work_progress {
    void (*line)(void *arg, const char *text);
    void *arg;
};

struct work_build {
    const struct work_caller *caller;
    const char *image;         /* name without tag or digest: "registry.local/shop/app" */
    const char *tag;           /* "" when not asked for */
    const char *containerfile; /* path within the context */
    const char *target;        /* stage, or "" */
    const struct value *args;  /* object of strings */
    int context_fd;            /* a tar at offset 0; stays the caller's */
};

struct work_image {
    const struct work_caller *caller;
    const char *image;  /* name without tag or digest */
    const char *digest; /* "sha256:…" */
    const char *tag;    /* push: tag to give, or ""; else "" */
    const char *policy; /* scan: name of a policy, or "" for the default */
};

struct work_update {
    const struct work_caller *caller;
    const char *repository; /* the infrastructure repository's name */
    const char *branch;
    const char *path;     /* file or folder with the image reference: "overlays/dev" */
    const char *image;    /* name as the files spell it */
    const char *new_name; /* "" when the name stays */
    const char *tag;      /* "" when only the digest is wanted */
    const char *digest;
    const char *app_commit, *run; /* trailers: Slipway-App-Commit, Slipway-Run ("ns/name") */
};

/* What the server supplies; every slot is required. Results go to *out, an object in `a`
 * that is sent to the step as it is; texts there must hold no secret.
 *   identify  the token's holder: {namespace, serviceAccount, pod, podUID}; ERR_UNAUTHENTICATED
 *   build     {digest, image}; the image is held, not yet pullable
 *   scan      {passed: bool, summary, findings: [{id, package, version, fixed, severity}]};
 *             a policy that is not met is a success with passed: false
 *   push      {digest, url}; ERR_DENIED unless that digest's scan passed
 *   sign      {signature, provenance}: digests of the two manifests
 *   update    {commit, changed: bool}; ERR_DENIED when the commit or digest is condemned    */
struct work_ports {
    void *arg;
    int (*identify)(void *arg, const char *token, struct arena *a, struct value **out,
                    struct err *e);
    int (*build)(void *arg, const struct work_build *r, struct work_progress *p, struct arena *a,
                 struct value **out, struct err *e);
    int (*scan)(void *arg, const struct work_image *r, struct work_progress *p, struct arena *a,
                struct value **out, struct err *e);
    int (*push)(void *arg, const struct work_image *r, struct work_progress *p, struct arena *a,
                struct value **out, struct err *e);
    int (*sign)(void *arg, const struct work_image *r, struct work_progress *p, struct arena *a,
                struct value **out, struct err *e);
    int (*update)(void *arg, const struct work_update *r, struct work_progress *p, struct arena *a,
                  struct value **out, struct err *e);
};

struct work;

/* `spool_dir`: where build contexts are kept while a build runs. Ports are copied. */
struct work *work_new(struct kube *k, const struct work_ports *ports, const char *spool_dir);
void work_free(struct work *w);
AUTO_DEFINE(work)

/* An http_handler; `arg` is the struct work. Answers every path below /work/. */
void work_handle(struct http_request *q, void *arg);
