/* release.h - Helm's releases on a cluster: install, upgrade, roll back, uninstall, test.
 *
 * Model      A release is a chain of revisions, each a Secret in Helm's own form: `helm` reads
 *            what is written here and the reverse. An operation writes a revision as pending, with
 *            its owner, does its work, and writes how it ended. Decisions (order, ownership,
 *            patches, readiness, whose turn it is) are pure functions in plan.c, merge.c, ready.c
 *            and owner.c; the rest asks the API.
 * Guarantees A revision whose owner has died is never in the way: the next operation marks it as
 *            failed and goes on from where the cluster is, taking away what only the dead one had
 *            made. What a chart draws at random comes from a seed that the release keeps.
 *            Errors are Helm's sentences, whole in log->error.
 * Threads    One operation a session.
 * Lifetime   Everything lives in the log's arena.
 * Not here   Reading charts and values (render/helm), printing (cli).                       */
#pragma once
#include "base/clock.h"
#include "kube/kube.h"
#include "render/helm/helm.h"

/* ---- what was released ---- */

enum release_status {
    RELEASE_UNKNOWN,
    RELEASE_DEPLOYED,
    RELEASE_UNINSTALLED,
    RELEASE_SUPERSEDED,
    RELEASE_FAILED,
    RELEASE_UNINSTALLING,
    RELEASE_PENDING_INSTALL,
    RELEASE_PENDING_UPGRADE,
    RELEASE_PENDING_ROLLBACK,
};

struct release {
    struct value *doc;    /* Helm's document: name, info, chart, config, manifest, hooks, … */
    struct value *labels; /* the user's, of the Secret */
    const char *name, *ns;
    int revision;
    const char *seed;  /* 64 hexadecimal digits, or NULL: not written by us */
    const char *owner; /* who works at it; NULL: nobody, or a `helm` */
    int64_t written_s; /* when the record was last written, by its writer's clock */
    uint64_t rv;
};

struct release_list {
    struct release **items;
    size_t n;
};

enum release_status release_status(const struct release *r);
const char *release_status_name(enum release_status s);
bool release_is_pending(const struct release *r);
const char *release_manifest(const struct release *r);

/* ---- a session ---- */

/* What an operation needs beside the API. */
struct release_port {
    /* Lets time pass; ERR_CANCELLED once the user wants to stop. */
    int (*pause)(void *self, int64_t ms, struct err *e);
    /* The server's version and all its "group/version" and "group/version/Kind". */
    int (*discover)(void *self, struct arena *a, const char **version, const char ***apis,
                    size_t *n, struct err *e);
    /* 32 bytes nobody can guess. */
    int (*draw)(void *self, unsigned char out[32], struct err *e);
    /* What a container of a hook has said; NULL: is not shown. */
    int (*logs)(void *self, const char *ns, const char *pod, const char *container, struct arena *a,
                const char **out, size_t *n, struct err *e);
    /* Replaces the manifest; NULL: no post-renderer. */
    int (*post_render)(void *self, struct helm_log *log, struct buf *manifest, struct err *e);
    void *self;
};

struct release_self; /* who we are: owner.c */

struct release_session {
    struct kube *kube;
    struct helm_log *log;
    const struct clock *clock;
    const struct release_port *port;
    const char *ns;           /* of the release, and of objects that name none */
    int64_t timeout_ms;       /* of each wait */
    const char *waiting_for;  /* out: what a wait that failed was about, or NULL */
    struct release *renewing; /* our claim on it is renewed while we wait */
    int64_t renewed_ms;       /* when that was last done, on clock->mono_ms */
    const struct release_self *me;
};

/* ---- operations ---- */

enum release_values {
    RELEASE_VALUES_GIVEN,            /* those given, or the last ones when none are */
    RELEASE_VALUES_RESET,            /* those given */
    RELEASE_VALUES_REUSE,            /* over all that the last revision was made with */
    RELEASE_VALUES_RESET_THEN_REUSE, /* over the user's of the last revision */
};

struct release_opts {
    bool no_hooks, wait, wait_for_jobs, atomic, force, cleanup_on_fail, take_ownership;
    bool skip_crds, create_namespace, replace, keep_history, ignore_not_found, recreate_pods;
    bool dry_run, dry_run_client; /* client: lookup finds nothing */
    bool hide_secret, skip_schema, subchart_notes;
    enum release_values values;
    enum kube_propagation cascade;
    int history_max;            /* 0: any number */
    const char *description;    /* or NULL */
    const struct value *labels; /* or NULL; "null" takes one away */
};

/* *out is the revision as far as it came, also on failure; or NULL. */
int release_install(struct release_session *s, const char *name, struct helm_chart *chart,
                    struct go_map *values, const struct release_opts *o, struct release **out,
                    struct err *e) MUST_CHECK;
int release_upgrade(struct release_session *s, const char *name, struct helm_chart *chart,
                    struct go_map *values, const struct release_opts *o, struct release **out,
                    struct err *e) MUST_CHECK;
/* revision 0: the one before the last. */
int release_rollback(struct release_session *s, const char *name, int revision,
                     const struct release_opts *o, struct err *e) MUST_CHECK;
/* *kept says what a resource policy has kept, or is "". */
int release_uninstall(struct release_session *s, const char *name, const struct release_opts *o,
                      const char **kept, struct err *e) MUST_CHECK;

/* Runs the hooks of kind "test" whose names are in `only` (n_only 0: all) and not in `but`. */
struct release_filter {
    const char *const *only, *const *but;
    size_t n_only, n_but;
};
bool release_filter_has(const struct release_filter *f, const char *name);
int release_test(struct release_session *s, const char *name, const struct release_filter *f,
                 struct release **out, struct err *e) MUST_CHECK;

/* ---- reading ---- */

/* revision 0: the last one. */
int release_get(struct release_session *s, const char *name, int revision, struct release **out,
                struct err *e) MUST_CHECK;
/* By revision; ERR_NOT_FOUND when there is none. */
int release_history(struct release_session *s, const char *name, struct release_list *out,
                    struct err *e) MUST_CHECK;
/* Every revision of every release of a namespace (NULL: of all). */
int release_all(struct release_session *s, const char *ns, struct release_list *out,
                struct err *e) MUST_CHECK;

/* Hooks of an event, as they run: by weight, then by name. */
size_t release_hooks(const struct release *r, const char *event, struct arena *a,
                     const struct value ***out);

/* The objects of a revision, for looking at. */
struct release_object {
    const struct value *root;
    const struct resource *res;
    const char *ns, *name; /* ns "": not namespaced */
};
struct release_objects {
    struct release_object *items;
    size_t n;
};
int release_objects(struct release_session *s, const char *manifest, struct release_objects *out,
                    struct err *e) MUST_CHECK;

/* ---- for those who only look: helm template ---- */

/* Lets the templates' lookup find what the cluster has. */
struct template_host;
void release_look(struct release_session *s, struct template_host *host);
/* Whether a manifest could be installed under this name: its kinds are known, its objects belong to
 * nobody else, and the server's schemas and checks accept them. Nothing is changed. */
int release_check(struct release_session *s, const char *name, const char *manifest,
                  struct err *e) MUST_CHECK;

/* ---- times, as Go writes them ---- */

/* "" is no time. */
const char *release_time_text(int64_t real_ms, struct arena *a);      /* RFC 3339, local offset */
const char *release_time_ansic(const char *rfc3339, struct arena *a); /* Mon Jan  2 15:04:05 2006 */
const char *release_time_string(const char *rfc3339, struct arena *a); /* … +0000 UTC */
