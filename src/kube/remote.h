/* remote.h - the port over HTTP: a real cluster, or another slipway, behind a kubeconfig.
 *
 * Model      The kubeconfig's current context (or a named one) gives server and credentials:
 *            tokens, token files, client certificates, basic passwords. Credential plugins
 *            (exec, auth-provider) are refused with a sentence that says what to do instead.
 *            Kinds that are not built in are found through discovery, once.
 * Threads    Any. Each open watch has a thread of its own.                                */
#pragma once
#include "kube/kube.h"

struct kube_config {
    const char *server;                                                /* "https://…" */
    const char *ca_pem, *cert_pem, *key_pem, *token, *user, *password; /* NULL: none */
    const char *ns; /* of the context; "default" when it names none */
    bool insecure;
};

/* `dir`: what relative file names are relative to. `context` NULL: the current one. */
int kube_config_parse(const char *text, size_t n, const char *dir, const char *context,
                      struct arena *a, struct kube_config *out, struct err *e) MUST_CHECK;
int kube_config_load(const char *path, const char *context, struct arena *a,
                     struct kube_config *out, struct err *e) MUST_CHECK;

/* Copies what it needs. `manager`: the field manager of its writes. */
struct kube *kube_remote_new(const struct kube_config *c, const char *manager);

/* ---- what the port has not, of a kube made above ---- */

struct kube_server {
    const char *version;       /* "v1.33.0" */
    const char **api_versions; /* "apps/v1", "apps/v1/Deployment" */
    size_t n_api_versions;
};
int kube_remote_server(struct kube *k, struct arena *a, struct kube_server *out,
                       struct err *e) MUST_CHECK;

/* What a container has said; `container` NULL: the only one. */
int kube_remote_logs(struct kube *k, const char *ns, const char *pod, const char *container,
                     struct arena *a, const char **out, size_t *n, struct err *e) MUST_CHECK;

/* As `kubectl get` shows it (meta.k8s.io/v1 Table); `name` NULL: those that `labels` select. */
int kube_remote_table(struct kube *k, const struct resource *r, const char *ns, const char *name,
                      const char *labels, struct arena *a, struct value **out,
                      struct err *e) MUST_CHECK;
