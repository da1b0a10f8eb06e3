/* app_int.h - one sync of one Application, as its stages share it. */
#pragma once
#include <pthread.h>
#include <string.h>

#include "api/object.h"
#include "base/map.h"
#include "charts/store.h"
#include "ctl/gitops/diff.h"
#include "ctl/gitops/gitops.h"
#include "ctl/gitops/health/health.h"
#include "ctl/gitops/kept.h"
#include "ctl/gitops/login.h"
#include "ctl/gitops/manifests.h"
#include "ctl/gitops/render_opts.h"
#include "ctl/gitops/sync_plan.h"
#include "render/chart_port.h"
#include "render/kustomize/remote.h"
#include "vcs/clone.h"
#include "vcs/repo.h"

struct gitops {
    struct gitops_opts opts;
    pthread_mutex_t lock;
    struct map last_wave; /* Application uid → int64_t *, monotonic ms */
    struct map ahead;     /* repository → monotonic ms from when on others are told of its commit */
    struct kept *kept;
    atomic_ullong renders, render_us; /* that were made, and how long that took */
};

#define APP_MANAGER     "argocd-controller"
#define APP_TRACKING    "argocd.argoproj.io/tracking-id"
#define APP_FINALIZER   "resources-finalizer.argocd.argoproj.io"
#define APP_ROLLOUT     "slipway.dev/rollout"
#define APP_CONDEMN     "slipway.dev/condemn"
#define APP_CONFIG_HASH "slipway.dev/config-hash"

/* One entry of spec.sources, or spec.source, found. */
struct app_source {
    const struct value *doc;
    const char *path; /* of the entry, for messages: "spec.sources[1]" */
    const char *ref;  /* what others call it; "" none */
    bool renders;     /* it is not only there to be referred to */
    bool chart;       /* of a repository of charts; else a folder in Git */
    struct charts_wish wish;
    struct repo *repo;
    const char *repository; /* name of the hosted repository or mirror */
    bool writable;
    const char *why;  /* what its mirror says of the last fetch, or "" */
    const char *head; /* what targetRevision is: a commit, or a version */
};

/* Where manifests come from. A revision of it is a commit or version each, with commas between. */
struct app_sources {
    const struct value *doc; /* an object, or an array of several */
    struct app_source *items;
    size_t n;
    bool many;        /* it is an array */
    const char *head; /* the revision that is the newest; NULL: nobody has asked */
};

/* One object that Git wants, or that is left over in the cluster. */
struct app_item {
    const struct resource *res; /* NULL: the cluster does not know the kind */
    const char *group, *version, *kind, *ns, *name;
    const struct value *target; /* NULL: not in Git any more */
    const struct object *live;  /* NULL: not in the cluster */
    bool hook, in_sync, needs_prune, extraneous_ok, health_ignored;
    const char *differs; /* where, or NULL */
    struct health health;
    const char *error; /* why it could not be compared, or NULL */
};

struct app_items {
    struct app_item *items;
    size_t n;
};

struct app {
    struct gitops *g;
    struct controller_ctx *c;
    struct arena *a;
    const struct object *obj;
    const char *ns, *name;
    const struct value *spec;
    struct value *status;    /* the one being made */
    struct value *rollout;   /* the annotation being made */
    struct app_sources from; /* what the spec says */
    const char *revision;    /* its head, or the pinned one */
    struct app_manifests want;
    struct app_items have;
    struct diff_ignore ignore;
    int64_t now;
    bool taken_operation; /* .operation has become status.operationState */
    bool orders_done;     /* annotations that ask for something can go */
    bool again;           /* something was done that the next sync builds on: soon */
};

/* ---- settings ---- */
bool app_option(const struct app *p, const char *option);             /* syncOptions has "X=true" */
const char *app_option_text(const struct app *p, const char *name);   /* value of "name=value" */
int app_options_check(const struct app *p, struct err *e) MUST_CHECK; /* names an unknown one */
/* The same for a resource, whose annotation beats the Application's. */
bool item_option(const struct app *p, const struct value *object, const char *name, bool dflt);
const char *note_of(const struct value *object, const char *annotation); /* "" when absent */
const char *app_tracking_prefix(const struct app *p);
const char *app_time(const struct app *p, int64_t ms);

/* ---- hook.c: Argo CD's annotations, or Helm's in their words ---- */
const char *hook_phases(const struct value *o); /* "PreSync,Sync"; "": no hook; "Skip": not run */
bool hook_is(const struct value *o);
int hook_wave(const struct value *o);
unsigned hook_policies(const struct value *o);       /* of enum hook_policy; never none */
bool hook_lists(const char *list, const char *word); /* "a, b" has b */

/* ---- sources.c: where from ---- */
int app_sources_open(struct app *p, const struct value *doc, struct app_sources *out,
                     struct err *e) MUST_CHECK;
int app_sources_look(struct app *p, struct app_sources *s, struct err *e) MUST_CHECK;

/* ---- revision.c: names of what they are at ---- */
const char *revision_part(struct arena *a, const char *revision, size_t i); /* "": there is none */
const char *revision_join(struct arena *a, const char *const *parts, size_t n);
const char *revision_short(struct arena *a, const char *revision); /* for people */
/* For labels and parts of names: letters, digits, dots and dashes, at most `max`. */
const char *revision_label(struct arena *a, const char *revision, size_t max);
/* As Argo CD writes it: revision and source, or revisions and sources. */
void revision_put(struct arena *a, struct value *into, const char *revision,
                  const struct value *source);
void revision_put_source(struct arena *a, struct value *into, const struct value *source);
const char *revision_get(struct arena *a, const struct value *from); /* "": there is none */
/* The revision that `asked` names, each part a name of its source. */
int revision_resolve(struct app *p, const struct app_sources *s, const char *asked,
                     const char **out, struct err *e) MUST_CHECK;

/* ---- source.c: manifests ---- */
const char *app_key(const char *ns, const char *name, struct arena *a); /* in struct kept */
const char *app_inputs(const struct value *spec, const char *ns, const char *name, struct arena *a);
int app_render(struct app *p, const struct app_sources *s, const char *revision,
               struct app_manifests *out, struct err *e) MUST_CHECK;

/* ---- manifests.c: what is added to objects, and what is said of all ---- */
/* A copy with namespace and tracking id; it shares what it can. Notes its kind. */
struct value *manifests__decorate(struct app *p, struct app_manifests *m, struct arena *a,
                                  const struct value *rendered);
int manifests__part(const struct value *o, struct arena *a, struct app_part *out,
                    struct err *e) MUST_CHECK;
/* Whether two digests, of which one may be of a version before, are of the same content, by what
 * can be told with `m` at hand. */
bool manifests__same(const struct app_manifests *m, const char *a, const char *b);
/* Digest and images of all parts. */
int manifests__sum_up(struct app_manifests *m, struct arena *a, struct err *e) MUST_CHECK;
/* Whether the cluster says the same of all kinds as when they were noted. */
bool manifests__kinds_are_same(struct app *p, const struct app_manifests *m);
const char *const *manifests__names(const struct map *set, struct arena *a);

/* ---- elsewhere.c: what a source names by URL ---- */
struct elsewhere {
    struct app *p;
    struct kustomize_remote remote;
    struct chart_port charts;
    struct clone_set *clones;
    bool asked;
};
void elsewhere_init(struct elsewhere *w, struct app *p);
void elsewhere_done(struct elsewhere *w);

/* ---- live.c: what there is ---- */
int app_observe(struct app *p, const struct app_manifests *want, struct app_items *out,
                struct err *e) MUST_CHECK;
/* Objects that carry the Application's tracking id. */
int app_tracked(struct app *p, const struct app_manifests *want, struct app_items *out,
                struct err *e) MUST_CHECK;

/* For watches: the Application whose tracking id an object carries. */
void app_keys_of_tracked(const struct object *o, struct controller_ctx *c, struct key_sink *s);

/* ---- config.c: configuration that Git does not hold ---- */
/* Puts a digest of the Secrets and ConfigMaps that come from outside into the pod templates that
 * use them, so that a change rolls them. */
int app_outside_config(struct app *p, struct app_manifests *m, struct err *e) MUST_CHECK;
/* Keeps copies of the Secrets from outside as they are now. */
int app_config_save(struct app *p, const struct value *config, struct err *e) MUST_CHECK;
/* Puts back what was kept where it is something else now. */
int app_config_restore(struct app *p, const struct value *config, struct err *e) MUST_CHECK;

/* ---- status.c ---- */
void app_summarize(struct app *p);
/* Makes status and annotation durable: at the end, and before anything else is written. */
int app_write(struct app *p, struct err *e) MUST_CHECK;
void app_soon(struct app *p, int64_t ms); /* sync again after so long at the latest */

/* ---- project.c ---- */
/* ERR_DENIED: the AppProject does not allow the source or destination. */
int project_check(struct app *p, struct err *e) MUST_CHECK;
/* ERR_DENIED: nor what the source names by URL. */
int project_check_source(struct app *p, const char *url, struct err *e) MUST_CHECK;
/* NULL, or why a kind may not be synced. */
const char *project_refuses(struct app *p, const struct app_item *item);

/* ---- operation.c: a sync under way ---- */
bool operation_running(const struct app *p);
int operation_begin(struct app *p, const struct value *operation, struct err *e) MUST_CHECK;
/* Carries a running operation as far as it goes now. */
int operation_step(struct app *p, struct err *e) MUST_CHECK;

/* ---- trial.c: health analysis, condemnation, rollback ---- */
/* Asked for by slipway.dev/analysis or slipway.dev/rollback: auto. */
bool trial_wanted(const struct app *p);
/* The Condemnation that covers this content, or NULL. */
const struct object *trial_condemned(struct app *p, const struct app_manifests *m);
/* After a condemnation that cannot be reverted in Git: true, and the last good revision of the
 * sources as they were then. */
bool trial_pinned(struct app *p, const struct app_manifests *head, struct app_sources *out,
                  const char **revision);
/* An operation is for this content: it is not begun again by itself. */
void trial_attempt(struct app *p, const struct app_manifests *m);
/* … and is about to bring it to the cluster. */
int trial_begin(struct app *p, const struct app_manifests *m, struct err *e) MUST_CHECK;
int trial_step(struct app *p, struct err *e) MUST_CHECK;

/* ---- conditions ---- */
void app_condition(struct app *p, const char *type, const char *message); /* NULL: take away */
