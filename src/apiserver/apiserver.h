/* apiserver.h - a Kubernetes-compatible API over the store.
 *
 * Model      authenticate → authorise → decode → default → validate → admit → store → watch.
 *            The core works on trees and knows no transport: HTTP (apiserver_http) and the port
 *            in the process (local.h) are two thin shells over it.
 * Guarantees A write that was answered with success is durable. What upstream's API server
 *            refuses is refused with its Status (reason, causes, message).
 * Threads    Any; calls may block.
 * Not here   Controllers (garbage collection, namespace clean-up, workloads: ctl/), running
 *            containers (pod_door.h). */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "api/resource.h"
#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "net/http_server.h"
#include "store/store.h"

struct apiserver;
struct image_gate;
struct past_pods;
struct pod_door;
struct value;

struct apiserver_opts {
    struct store *store;       /* borrowed; outlives the server */
    const struct clock *clock; /* NULL: the system's */
    const char *admin_token;   /* bearer token of a system:masters user, or NULL */
    const char *sa_key_pem;    /* EC P-256 private key that signs ServiceAccount tokens; NULL: a
                                  fresh one, tokens die with the process */
    const char *ca_pem;        /* what clients should trust; goes to kube-root-ca.crt */
    const char *service_cidr;  /* NULL: "10.96.0.0/16" */
    unsigned node_port_first, node_port_last; /* 0: 30000, 32767 */
    const char *address; /* "127.0.0.1:6443": for the kubernetes Service's endpoints */
};

int apiserver_new(const struct apiserver_opts *o, struct apiserver **out, struct err *e) MUST_CHECK;
/* Ends all watches and refuses new ones; call before http_server_free(). */
void apiserver_stop(struct apiserver *s);
void apiserver_free(struct apiserver *s);
AUTO_DEFINE(apiserver)

/* Logs, exec, attach and port-forward go through it; until then they answer 503. Borrowed. */
void apiserver_set_pod_door(struct apiserver *s, struct pod_door *door);

/* Logs of pods that are deleted; NULL: there are none. Borrowed. */
void apiserver_set_past_pods(struct apiserver *s, const struct past_pods *past);

/* Asked for images of protected namespaces; NULL: no namespace is. Borrowed. */
void apiserver_set_image_gate(struct apiserver *s, struct image_gate *gate);

/* Handler for http_server_start(); arg is the struct apiserver. */
void apiserver_http(struct http_request *q, void *arg);

/* Installs or updates the CRD whose YAML or JSON text this is (several documents allowed). Its
 * kinds are served when this returns. */
int apiserver_install_crds(struct apiserver *s, const char *text, size_t n,
                           struct err *e) MUST_CHECK;

/* ---- who and may: for the git host, the registry and the work API, too ---- */

struct identity {
    const char *user; /* "system:serviceaccount:ns:name", "alice", "system:anonymous" */
    const char *uid;  /* or "" */
    const char *const *groups;
    size_t n_groups;
    const struct value *extra; /* {"authentication.kubernetes.io/pod-name": ["x"], …}, or NULL */
};

/* Bearer token → identity, in the arena. ERR_UNAUTHENTICATED. Tokens: the admin's, users'
 * (Secrets of type slipway.dev/user-token in kube-system: data.token, data.user, data.groups)
 * and ServiceAccounts' (signed, bound). */
int apiserver_authenticate(struct apiserver *s, const char *token, struct arena *a,
                           struct identity *out, struct err *e) MUST_CHECK;

struct access {
    const char *verb;  /* "get", "create" … */
    const char *group; /* "" for core */
    const char *resource, *subresource;
    const char *ns, *name; /* NULL or "": all */
    const char *path;      /* a URL path that is no resource; then the above stay NULL */
};

/* 0, or ERR_DENIED with upstream's sentence ("pods is forbidden: User …"). */
int apiserver_authorize(struct apiserver *s, const struct identity *who, const struct access *w,
                        struct err *e) MUST_CHECK;

/* A token for a ServiceAccount, valid for ttl_s; bound to the pod when pod_name is not NULL. */
int apiserver_service_token(struct apiserver *s, const char *ns, const char *sa,
                            const char *pod_name, const char *pod_uid, int64_t ttl_s,
                            struct arena *a, const char **out, struct err *e) MUST_CHECK;
