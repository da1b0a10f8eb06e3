/* apiserver_int.h - the server's insides: a call on its way through, and the kinds served. */
#pragma once
#include <pthread.h>
#include <stdint.h>

#include "api/admit.h"
#include "api/kind.h"
#include "api/object.h"
#include "api/selector.h"
#include "apiserver/apiserver.h"
#include "base/buf.h"
#include "base/map.h"
#include "store/watch.h"

enum {
    API_BODY_MAX = 3 * 1024 * 1024,   /* as upstream */
    API_OBJECT_MAX = 3 * 1024 * 1024, /* one stored object */
    API_TRIES = 16,                   /* a write that lost a race is tried so often */
};

/* ---- kinds.c: what is served ---- */

/* A kind at a version; lives as long as the server. */
struct served {
    struct kind kind;
    const struct resource *res; /* == kind.resource */
    const char *api_version, *list_kind;
    const char *prefix; /* of its keys: "/registry/apps/deployments/" */
    const char *head;   /* `{"kind":"Deployment","apiVersion":"apps/v1",` */
    size_t head_len;
    const char *qualified;        /* "deployments.apps", "pods" */
    const char *qualified_kind;   /* "Deployment.apps", "Pod" */
    const struct served *storage; /* the version its bytes are in; itself, nearly always */
    bool plain;                   /* stored bytes can be sent as they are */
};

int kinds__init(struct apiserver *s, struct err *e);
void kinds__done(struct apiserver *s);
const struct served *kinds__find(struct apiserver *s, const char *group, const char *version,
                                 const char *plural);
const struct served *kinds__of_kind(struct apiserver *s, const char *api_version, const char *kind);
const struct served *kinds__of(struct apiserver *s, const struct resource *r);
/* All that are served now, by group and version; in the arena. */
const struct served **kinds__all(struct apiserver *s, struct arena *a, size_t *out_n);
bool kinds__has_group(struct apiserver *s, const char *group, const char *version);

/* ---- a call ---- */

enum field_validation { VALIDATE_WARN, VALIDATE_STRICT, VALIDATE_IGNORE };

/* Why a call failed, as a Status says it. */
struct refusal {
    int code;
    const char *reason, *message;
    struct value *details; /* NULL: left out */
    int64_t retry_after;
};

struct call {
    struct apiserver *s;
    struct arena *a;
    struct identity who;
    bool trusted; /* system:masters: every right, none of the escalation checks */
    int64_t now_ms;

    /* of writes */
    bool dry_run, force;
    enum field_validation validation;
    const char *manager;
    const char *body; /* the text it came as, for messages; NULL in the process */
    size_t body_len;
    struct strict_errors body_errors; /* of the text itself: keys that stand twice */

    struct reservation *reserved; /* addresses and ports taken by this call, services.c */

    struct strict_errors warnings; /* for Warning headers */
    struct refusal refusal;        /* set when something returned < 0 */
};

/* One object as an answer: bytes as stored, or a tree, or both. */
struct result {
    struct value *tree;  /* with kind, apiVersion, resourceVersion; NULL: not made yet */
    struct entry *entry; /* held by the arena; NULL: a tree only */
    uint64_t rv;
    bool created;
};

/* ---- refusal.c ---- */
int refuse(struct call *c, int rc, int code, const char *reason, const char *fmt, ...) PRINTF(5, 6);
int refuse_bad_request(struct call *c, const char *fmt, ...) PRINTF(2, 3);
int refuse_not_found(struct call *c, const struct served *k, const char *name);
int refuse_exists(struct call *c, const struct served *k, const char *name);
int refuse_conflict(struct call *c, const struct served *k, const char *name, const char *why);
int refuse_forbidden(struct call *c, const struct served *k, const char *name, const char *fmt, ...)
    PRINTF(4, 5);
int refuse_invalid(struct call *c, const struct served *k, const char *name,
                   const struct field_errors *l);
/* `ListOptions.meta.k8s.io "" is invalid` and the like */
int refuse_invalid_as(struct call *c, const char *group, const char *kind, const char *name,
                      const struct field_errors *l);
/* From a struct err of a lower layer. */
int refuse_err(struct call *c, const struct err *e);
void refuse_details(struct call *c, const char *group, const char *kind, const char *name);
struct value *refusal_status(const struct refusal *r, struct arena *a);
void refusal_err(const struct refusal *r, int rc, struct err *e);
void call_warn(struct call *c, const char *text);

/* ---- stored.c: objects as bytes ---- */
const char *stored__key(const struct served *k, const char *ns, const char *name, struct arena *a);
/* Bytes to keep: without kind, apiVersion and resourceVersion, metadata first. */
void stored__encode(const struct value *obj, struct buf *out);
/* The tree a client sees at version k. */
int stored__decode(const struct served *k, const struct entry *n, struct arena *a,
                   struct value **out, struct err *e);
/* The JSON a client sees, straight from the bytes; k->plain only. `item`: of a list, where built
 * in kinds leave kind and apiVersion out. `rv`: 0 for the entry's own. */
struct spliced {
    const char *head, *rest; /* with `start` between them */
    size_t head_len, start_len, rest_len;
    char start[64]; /* `"metadata":{"resourceVersion":"…",` */
};
struct spliced stored__spliced(const struct served *k, const struct entry *n, uint64_t rv,
                               bool item);
void stored__splice(const struct served *k, const struct entry *n, uint64_t rv, struct buf *out);
size_t stored__spliced_size(const struct served *k, const struct entry *n, bool item);
/* The tree shared by everyone in the process, decoded once per revision. One reference. */
struct object *stored__object(struct apiserver *s, const struct served *k, const struct entry *n);
void stored__cache_init(struct apiserver *s);
void stored__cache_done(struct apiserver *s);

/* ---- convert.c ---- */
void convert__object(const struct served *from, const struct served *to, struct value *obj,
                     struct arena *a);

/* ---- rest.c: one object ---- */
int rest_get(struct call *c, const struct served *k, const char *ns, const char *name,
             struct result *out);
int rest_create(struct call *c, const struct served *k, const char *ns, struct value *obj,
                struct result *out);

/* Makes the new object of the old one; the tree may be written. `live` NULL: there is none. */
typedef int (*rest_change)(struct call *c, const struct served *k, const struct value *live,
                           void *arg, struct value **out);
struct rest_write {
    const struct served *k;
    const char *ns, *name, *sub; /* sub: NULL, "status", … */
    rest_change change;
    void *arg;
    bool create;  /* where there is none, the change makes one */
    bool applied; /* change has done defaulting's and managed fields' work: server-side apply */
    bool replace; /* a PUT: what it says of uid is a precondition */
    bool raw;     /* internal bookkeeping: no admission, validation, or field ownership */
};
int rest_write(struct call *c, const struct rest_write *w, struct result *out);
int rest_update(struct call *c, const struct served *k, const char *ns, const char *name,
                const char *sub, struct value *obj, struct result *out);

enum patch_type { PATCH_JSON, PATCH_MERGE, PATCH_STRATEGIC, PATCH_APPLY };
int rest_patch(struct call *c, const struct served *k, const char *ns, const char *name,
               const char *sub, enum patch_type type, struct value *patch, struct result *out);

struct delete_opts {
    int64_t grace_s;         /* -1: not said */
    const char *propagation; /* "Foreground" …; NULL: not said */
    const char *uid, *rv;    /* preconditions, or NULL */
    int orphan_dependents;   /* -1: not said (deprecated form) */
};
extern const struct delete_opts DELETE_DEFAULT;
/* *out: the object as it is now or was; gone: it is. */
int rest_delete(struct call *c, const struct served *k, const char *ns, const char *name,
                const struct delete_opts *o, struct result *out, bool *gone);
bool rest_returns_deleted(const struct served *k);

/* `the object provided is unrecognized (must be of type K): why (the beginning of the body)` */
int refuse_unrecognized(struct call *c, const char *kind, const char *why);

/* Decodes, defaults, checks: a body as it comes. Shared by create, update and patches. */
int rest__decode_body(struct call *c, const struct served *k, struct value *obj);

/* ---- list.c ---- */
struct list_opts {
    const char *labels, *fields; /* selectors as text, or NULL */
    int64_t limit, timeout_s;    /* 0: none */
    const char *cont, *rv, *rv_match;
    bool watch, bookmarks;
    int send_initial; /* -1: not said */
};
struct selection {
    struct selector labels, fields;
    bool all;         /* nothing to check */
    const char *name; /* metadata.name=…, or NULL */
};
int list__selection(struct call *c, const struct served *k, const struct list_opts *o,
                    struct selection *out);
bool list__matches(struct apiserver *s, const struct selection *sel, const struct served *k,
                   const struct entry *n);
struct listing {
    struct entry **items; /* held by the arena */
    size_t n;
    uint64_t rv, remaining; /* remaining: past the limit, 0 when unknown */
    const char *cont;       /* "" at the end */
};
int rest_list(struct call *c, const struct served *k, const char *ns, const struct list_opts *o,
              struct listing *out);
int list__check_opts(struct call *c, const struct list_opts *o, bool watching);
/* "abc" → `invalid resource version: …` */
int list__revision(struct call *c, const char *text, uint64_t *out);
/* A GET's resourceVersion: well-formed, and not in the future. */
int list__check_get(struct call *c, const char *rv);

/* ---- admission.c ---- */
int admission_create(struct call *c, const struct served *k, const char *ns, struct value *obj);
int admission_update(struct call *c, const struct served *k, const char *ns, const char *sub,
                     struct value *obj, const struct value *old);
/* After validation: quota and what else only judges. */
int admission_check_create(struct call *c, const struct served *k, const char *ns,
                           const struct value *obj);
int admission_check_update(struct call *c, const struct served *k, const char *ns, const char *sub,
                           const struct value *obj, const struct value *old);
int admission_delete(struct call *c, const struct served *k, const char *ns, const char *name);
/* What admission webhooks say to it. */
int admission_check_delete(struct call *c, const struct served *k, const char *ns,
                           const struct value *live);
/* A write that did not happen in the end. */
void admission_undo(struct call *c);
/* An object has gone. */
void admission_release(struct call *c, const struct served *k, const struct value *obj);
/* Something was written: roles, CRDs and others that the server itself looks at. */
void admission_wrote(struct apiserver *s, const struct served *k, const struct value *obj,
                     bool deleted);

/* ---- admit_pods.c, services.c, quota.c, podsecurity.c ---- */
int admit_pod_create(struct call *c, const char *ns, struct value *pod);
void admit_pod_tolerations(struct call *c, struct value *pod);
int service_allocate(struct call *c, struct value *obj, const struct value *old);
/* Gives back what `obj` has and `keep` (or NULL) has not. */
void service_release(struct call *c, const struct value *obj, const struct value *keep);
void service_undo(struct call *c);
int services__init(struct apiserver *s, struct err *e);
/* The first address of the range, as text. */
const char *services__first(struct apiserver *s, struct arena *a);
void services__done(struct apiserver *s);

/* ---- crds.c ---- */
int crds__init(struct apiserver *s, struct err *e);
/* No new objects of a kind that is going. */
int crds__check_create(struct call *c, const struct served *k);
/* Accepts names, establishes, serves or stops serving. */
void crds__changed(struct apiserver *s, const struct value *crd, bool deleted);

/* ---- authn.c, rbac.c, bootstrap.c, tokens.c ---- */
int authn__request(struct apiserver *s, struct http_request *q, struct call *c);
bool identity_in(const struct identity *who, const char *group);
int rbac__init(struct apiserver *s, struct err *e);
void rbac__done(struct apiserver *s);
void rbac__changed(struct apiserver *s);
int rbac__authorize(struct call *c, const struct access *w);
bool rbac__allowed(struct apiserver *s, const struct identity *who, const struct access *w,
                   struct arena *a, const char **out_why);
/* Roles and bindings must not give what their writer has not. */
int rbac__escalation(struct call *c, const struct served *k, const char *ns,
                     const struct value *obj, const struct value *old);
/* [{verbs, apiGroups, …}] of what `who` may do in ns, resource and non-resource rules. */
void rbac__rules_of(struct apiserver *s, const struct identity *who, const char *ns,
                    struct arena *a, struct value *resource_rules, struct value *path_rules);
int bootstrap__install(struct apiserver *s, struct err *e);

struct token_claims {
    const char *ns, *sa, *sa_uid;
    const char *bound_kind, *bound_name, *bound_uid; /* "pod" …, or NULL */
    const char *const *audiences;
    size_t n_audiences;
    int64_t ttl_s, issued_s;
    const char *jti;
};
int tokens__init(struct apiserver *s, const char *key_pem, struct err *e);
void tokens__done(struct apiserver *s);
int tokens__sign(struct apiserver *s, const struct token_claims *t, struct arena *a,
                 const char **out, struct err *e);
int tokens__verify(struct apiserver *s, const char *token, const char *audience, struct arena *a,
                   struct identity *out, struct value **out_extra, struct err *e);
/* `token audiences ["x"] is invalid for …` when that is what is wrong with it, or NULL. */
const char *tokens__audience_error(struct apiserver *s, const char *token, const char *audience,
                                   struct arena *a);

/* ---- subs.c, scale.c, reviews.c: what is not plain storage ---- */
struct target {
    const char *group, *version, *plural, *ns, *name, *sub;
    const char *rest; /* what follows a subresource, or NULL */
    bool legacy_watch;
};
/* POST bodies to kinds that are asked, not stored. False: `plural` is none of them. */
bool reviews__is(const char *group, const char *version, const char *plural);
int reviews__create(struct call *c, const struct target *t, struct value *obj, struct value **out);
/* The object at a key, with a reference, or NULL. */
struct object *peek(struct apiserver *s, const struct resource *r, const char *ns,
                    const char *name);

/* As kube_update() and kube_patch() reach what is not the object itself. */
int subs__update(struct call *c, const struct served *k, const char *ns, const char *name,
                 const char *sub, struct value *obj, struct result *out, bool *known);
int subs__patch(struct call *c, const struct served *k, const char *ns, const char *name,
                const char *sub, enum patch_type type, struct value *patch, struct result *out,
                bool *known);

/* ---- housekeeping.c: old Events and the store's past ---- */
int housekeeping__start(struct apiserver *s, struct err *e);
void housekeeping__stop(struct apiserver *s);
void housekeeping__round(struct apiserver *s); /* once, now */

/* ---- the server ---- */
struct object_cache;
struct rbac;
struct services;
struct tokens;
struct kinds;

/* Threads that send events for all clients' watches: to wake a thread for each of a hundred takes
 * longer than to encrypt and send what it has to say. */
struct casters {
    struct watch_set *set;
    pthread_t threads[2];
    unsigned n;
};

struct apiserver {
    struct store *store;
    const struct clock *clock;
    char *admin_token, *ca_pem, *address;
    struct pod_door *door;
    const struct past_pods *past_pods;
    struct image_gate *image_gate; /* NULL: nobody protects anything */
    volatile bool stopping;
    uint64_t first_watch; /* clients' watches begin here: what was before is not kept */
    struct kinds *kinds;
    struct object_cache *cache;
    struct rbac *rbac;
    struct services *services;
    struct tokens *tokens;
    struct casters casters;
    pthread_mutex_t watches_mutex;
    struct live_watch *watches; /* woken by apiserver_stop() */
    pthread_mutex_t crd_mutex;
    struct map crd_editions; /* what of each CRD is served: crds.c */
    pthread_mutex_t quota_mutex;
    struct metrics *metrics;
    struct housekeeping *housekeeping;
    const char *service_cidr;
    unsigned node_port_first, node_port_last;
    _Atomic uint64_t webhook_changes, webhooks_none; /* webhooks.c */
};

/* The server's own writes. */
void call_init_internal(struct call *c, struct apiserver *s, struct arena *a, const char *manager);

int casters__start(struct casters *c, struct store *store, struct err *e);
void casters__stop(struct casters *c);

/* Watches register so that a stop reaches them. */
struct live_watch {
    struct live_watch *next, **pprev;
    struct watch *watch;
};
void live_watch_add(struct apiserver *s, struct live_watch *l, struct watch *w);
void live_watch_remove(struct apiserver *s, struct live_watch *l);

/* A JSON parser's error as Go words it. */
const char *web__json_problem(struct arena *a, const char *message);

/* ---- metrics.c ---- */
struct metrics *metrics_new(void);
void metrics_free(struct metrics *m);
void metrics_count(struct metrics *m, const char *verb, const char *resource, int code, int64_t us);
void metrics_print(struct apiserver *s, struct buf *out);
