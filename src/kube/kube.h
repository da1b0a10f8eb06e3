/* kube.h - the port to the API that every controller, the node and the CLI use.
 *
 * Model      get, list, watch, create, update, patch, apply, delete on resources. Two
 *            implementations: in the process (apiserver/local.h) and HTTP with a kubeconfig
 *            (kube/remote.h); callers cannot tell which they have.
 * Guarantees Errors have the codes of base/err.h: ERR_CONFLICT for a stale
 *            resourceVersion, ERR_EXISTS, ERR_NOT_FOUND, ERR_GONE for a watch to relist,
 *            ERR_INVALID with the server's sentence for refused objects.
 * Threads    Any; calls may block. One thread per kube_watch (kube_watch_wake: any).
 * Lifetime   Objects returned carry one reference for the caller (object_unref).          */
#pragma once
#include "api/object.h"
#include "api/resource.h"
#include "base/err.h"

struct kube;
struct kube_watch;

struct kube_list_opts {
    const char *labels; /* label selector, or NULL */
    const char *fields; /* field selector, or NULL */
};

struct kube_list {
    struct object **items;
    size_t n;
    uint64_t rv; /* watch from here */
};
void kube_list_done(struct kube_list *l);

enum kube_event_type { KUBE_ADDED, KUBE_MODIFIED, KUBE_DELETED, KUBE_BOOKMARK };

struct kube_event {
    enum kube_event_type type;
    struct object *object; /* a reference for the caller; NULL for a bookmark */
    uint64_t rv;
};

enum kube_patch_type { KUBE_PATCH_JSON, KUBE_PATCH_MERGE, KUBE_PATCH_STRATEGIC };

enum kube_propagation { KUBE_BACKGROUND, KUBE_FOREGROUND, KUBE_ORPHAN };

struct kube_delete_opts {
    enum kube_propagation propagation;
    int64_t grace_s; /* < 0: the object's own */
    const char *uid; /* precondition, or NULL */
    uint64_t rv;     /* precondition, or 0 */
};

/* What an implementation supplies; every slot is required. */
struct kube_ops {
    const char *name;
    int (*get)(struct kube *k, const struct resource *r, const char *ns, const char *name,
               struct object **out, struct err *e);
    int (*list)(struct kube *k, const struct resource *r, const char *ns,
                const struct kube_list_opts *opts, struct kube_list *out, struct err *e);
    int (*create)(struct kube *k, const struct resource *r, const char *ns, const struct value *obj,
                  struct object **out, struct err *e);
    int (*update)(struct kube *k, const struct resource *r, const char *ns, const char *name,
                  const char *sub, const struct value *obj, struct object **out, struct err *e);
    int (*patch)(struct kube *k, const struct resource *r, const char *ns, const char *name,
                 const char *sub, enum kube_patch_type type, const struct value *patch,
                 struct object **out, struct err *e);
    int (*apply)(struct kube *k, const struct resource *r, const char *ns, const char *name,
                 const char *sub, const char *manager, bool force, bool dry_run,
                 const struct value *obj, struct object **out, struct err *e);
    int (*del)(struct kube *k, const struct resource *r, const char *ns, const char *name,
               const struct kube_delete_opts *opts, struct err *e);
    int (*watch_open)(struct kube *k, const struct resource *r, const char *ns,
                      const struct kube_list_opts *opts, uint64_t since, struct kube_watch **out,
                      struct err *e);
    int (*watch_next)(struct kube_watch *w, int64_t timeout_ms, struct kube_event *out,
                      struct err *e);
    void (*watch_close)(struct kube_watch *w);
    /* The resource behind an apiVersion and kind, CRDs included; lives as long as the kube. */
    int (*find)(struct kube *k, const char *api_version, const char *kind,
                const struct resource **out, struct err *e);
    void (*free)(struct kube *k);
    /* Ends the wait of watch_next from another thread (ERR_CANCELLED). The one slot that may be
     * NULL: then a wait ends with its timeout. */
    void (*watch_wake)(struct kube_watch *w);
};

struct kube {
    const struct kube_ops *ops;
};

/* `ns` is NULL or "" for cluster-scoped resources, and in list and watch for all namespaces.
 * `sub` is NULL, "status", "scale" … `out` may be NULL where the result is not wanted.
 * Subresources that are only ever POSTed ("binding", "eviction") go through kube_update. */
int kube_get(struct kube *k, const struct resource *r, const char *ns, const char *name,
             struct object **out, struct err *e) MUST_CHECK;
int kube_list(struct kube *k, const struct resource *r, const char *ns,
              const struct kube_list_opts *opts, struct kube_list *out, struct err *e) MUST_CHECK;
int kube_create(struct kube *k, const struct resource *r, const char *ns, const struct value *obj,
                struct object **out, struct err *e) MUST_CHECK;
int kube_update(struct kube *k, const struct resource *r, const char *ns, const char *name,
                const char *sub, const struct value *obj, struct object **out,
                struct err *e) MUST_CHECK;
int kube_patch(struct kube *k, const struct resource *r, const char *ns, const char *name,
               const char *sub, enum kube_patch_type type, const struct value *patch,
               struct object **out, struct err *e) MUST_CHECK;
/* Server-side apply. */
int kube_apply(struct kube *k, const struct resource *r, const char *ns, const char *name,
               const char *sub, const char *manager, bool force, const struct value *obj,
               struct object **out, struct err *e) MUST_CHECK;
/* What kube_apply would give, without doing it. */
int kube_apply_dry(struct kube *k, const struct resource *r, const char *ns, const char *name,
                   const char *manager, const struct value *obj, struct object **out,
                   struct err *e) MUST_CHECK;
int kube_delete(struct kube *k, const struct resource *r, const char *ns, const char *name,
                const struct kube_delete_opts *opts, struct err *e) MUST_CHECK;
int kube_watch_open(struct kube *k, const struct resource *r, const char *ns,
                    const struct kube_list_opts *opts, uint64_t since, struct kube_watch **out,
                    struct err *e) MUST_CHECK;
/* ERR_TIMEOUT when nothing came for timeout_ms; ERR_GONE: relist; ERR_CANCELLED: closed. */
int kube_watch_next(struct kube *k, struct kube_watch *w, int64_t timeout_ms,
                    struct kube_event *out, struct err *e) MUST_CHECK;
void kube_watch_close(struct kube *k, struct kube_watch *w);
/* From any thread, while the watch is open: its watch_next returns ERR_CANCELLED soon. */
void kube_watch_wake(struct kube *k, struct kube_watch *w);
int kube_find(struct kube *k, const char *api_version, const char *kind,
              const struct resource **out, struct err *e) MUST_CHECK;
void kube_free(struct kube *k);
AUTO_DEFINE(kube)
