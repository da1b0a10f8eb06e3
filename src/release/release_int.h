/* release_int.h - what the files of release/ share. */
#pragma once
#include "release/release.h"

#define RELEASE__OPERATION "slipway.dev/operation" /* annotation of a Secret: its owner */

enum {
    RELEASE__RENEW_MS = 5000,  /* how often an owner shows that it lives */
    RELEASE__SILENT_MS = 15000 /* one that has not for so long is dead */
};

/* ---- errors: whole in the log, their beginning in *e ---- */

int release__fail(struct release_session *s, struct err *e, enum err_code code, const char *fmt,
                  ...) PRINTF(4, 5);
int release__wrap(struct release_session *s, struct err *e, int code, const char *fmt, ...)
    PRINTF(4, 5);
/* The same, but that the user has cancelled is told as it is. */
int release__told(struct release_session *s, struct err *e, int code, const char *context);
/* The sentence of one who knows only struct err. */
int release__note(struct release_session *s, struct err *e, int code);

/* ---- document.c ---- */

const char *release__text(const struct release *r, const char *path);
void release__set_status(struct release_session *s, struct release *r, enum release_status status,
                         const char *description);
/* A revision of a document that was just made or read. */
struct release *release__of(struct arena *a, struct value *doc);
/* Secret.data.release and back. */
const char *release__encode(struct arena *a, const struct value *doc);
int release__decode(struct arena *a, const char *data, struct value **out,
                    struct err *e) MUST_CHECK;
const char *release__now(struct release_session *s);

/* ---- store.c ---- */

int release__create(struct release_session *s, struct release *r, int history_max,
                    struct err *e) MUST_CHECK;
/* Writes the document and who owns it; with r->rv only over what was read. */
int release__update(struct release_session *s, struct release *r, bool only_as_read,
                    struct err *e) MUST_CHECK;
/* The same where failing must not hide another failure: it is not told. */
void release__record(struct release_session *s, struct release *r);
int release__delete(struct release_session *s, const struct release *r, struct err *e) MUST_CHECK;
/* The last one that is deployed, or NULL. */
struct release *release__deployed(const struct release_list *history);
struct release *release__last(const struct release_list *history);

/* ---- owner.c ---- */

enum release__owner {
    RELEASE__ALIVE,
    RELEASE__DEAD,
    RELEASE__FAR,      /* on another machine: watch whether it renews */
    RELEASE__OLD_HELM, /* none is named: go by the record's age */
};
enum release__owner release__judge(const char *owner, const struct release_self *me);
const char *release__claim(struct release_session *s);
/* Shows that we live, when it is time to; a failure shows nothing. */
void release__renew(struct release_session *s);
/* The history, after what dead owners left behind has been marked as failed. ERR_CONFLICT: another
 * operation is in progress. */
int release__settle(struct release_session *s, const char *name, struct release_list *history,
                    struct err *e) MUST_CHECK;

/* Such a one is among what is in the history. */
bool release__was_interrupted(const struct release *r);

/* ---- plan.c ---- */

bool release__same_object(const struct release_object *x, const struct release_object *y);
const struct release_object *release__find(const struct release_objects *list,
                                           const struct release_object *o);
/* "" or why it may not be adopted. */
const char *release__ownership(const struct value *live, const char *name, const char *ns,
                               struct arena *a);
/* Puts the marks of ownership on every object. */
void release__own(struct release_objects *list, const char *name, const char *ns, struct arena *a);
bool release__keeps(const struct value *object);
/* In the order of uninstalling. */
void release__sort_for_deletion(struct release_objects *list);
/* "Deployment "web" in namespace "shop"" */
const char *release__object_name(const struct release_object *o, struct arena *a);
/* The revisions tried after the base: those whose objects may be there though nobody wants them. */
struct release_list release__attempts(const struct release_list *history,
                                      const struct release *base, struct arena *a);
struct value *release__labels(struct arena *a, const struct value *had, const struct value *given);
/* Which revisions to delete so that one more fits. */
struct release_list release__surplus(const struct release_list *history, int max, struct arena *a);
bool release__has_policy(const struct value *hook, const char *list, const char *policy);

/* ---- merge.c ---- */

/* The patch that leads from `live` to `target`, where `original` was released before: strategic for
 * built-in kinds; else a merge patch of original → target, or of all three with `three_way`. An
 * empty object: nothing to do. */
int release__patch(const struct release_object *target, const struct value *original,
                   const struct value *live, bool three_way, struct arena *a,
                   enum kube_patch_type *type, struct value **out, struct err *e) MUST_CHECK;

/* ---- upgrade.c ---- */

/* What is deployed (and `base`, unless NULL) is so no longer. */
int release__supersede(struct release_session *s, const struct release_list *history,
                       const struct release *base, struct err *e) MUST_CHECK;

/* ---- ready.c ---- */

struct release__live {
    const struct value *root;    /* as the API has it now */
    const struct value *current; /* a Deployment's newest ReplicaSet, or NULL */
    bool pods_ready;             /* of a ReplicaSet or ReplicationController */
};
/* NULL: ready; else what is missing. *broken: it never will be. */
const char *release__unready(const struct release_object *o, const struct release__live *live,
                             bool jobs, struct arena *a, bool *broken);
/* Which of the ReplicaSets a Deployment's template stands for now; NULL: none yet. */
const struct value *release__new_replica_set(const struct value *deployment,
                                             const struct kube_list *sets);

/* ---- apply.c ---- */

struct release__change {
    const struct release_objects *original; /* released before; NULL: nothing was */
    const struct release_objects *attempts; /* of revisions that came to no end */
    size_t n_attempts;
    struct release_objects *target;
    bool force, three_way;
    const char *name, *ns;          /* of the release */
    struct release_objects created; /* out */
    struct release_objects updated;
};

/* All of them, errors as Helm lists them. */
int release__create_all(struct release_session *s, const struct release_objects *list,
                        struct err *e) MUST_CHECK;
/* Creates, patches and deletes; ch->created is filled also on failure. */
int release__change(struct release_session *s, struct release__change *ch,
                    struct err *e) MUST_CHECK;
/* What is gone already is fine. */
int release__delete_all(struct release_session *s, const struct release_objects *list,
                        enum kube_propagation propagation, struct err *e) MUST_CHECK;
/* Those of `list` that exist. Unless `any`, others' objects are an error. */
int release__existing(struct release_session *s, const struct release_objects *list,
                      const char *name, bool any, struct release_objects *out,
                      struct err *e) MUST_CHECK;
void release__push(struct arena *a, struct release_objects *list, struct release_object o);
int release__recreate_pods(struct release_session *s, const struct release_objects *list,
                           struct err *e) MUST_CHECK;

/* ---- wait.c ---- */

/* "1 error occurred:\n\t* …", as Helm lists errors. */
const char *release__errors(struct arena *a, const char *const *list, size_t n);
int release__wait(struct release_session *s, const struct release_objects *list, bool jobs,
                  struct err *e) MUST_CHECK;
int release__wait_gone(struct release_session *s, const struct release_objects *list,
                       struct err *e) MUST_CHECK;
/* Until a hook's Job or Pod has ended. */
int release__wait_hook(struct release_session *s, const struct release_objects *list,
                       struct err *e) MUST_CHECK;

/* ---- hooks.c ---- */

int release__run_hooks(struct release_session *s, struct release *r, const char *event,
                       const struct release_filter *f, struct err *e) MUST_CHECK;

/* ---- render.c ---- */

struct release__render {
    const char *name, *ns, *seed;
    const char *first_deployed;   /* NULL: now */
    int revision, shown_revision; /* of the record; as templates see it */
    bool is_upgrade;
    enum release_status status;
    const char *description;
    struct value *labels;
};
int release__render(struct release_session *s, struct helm_chart *chart, struct go_map *values,
                    const struct release_opts *o, const struct release__render *how,
                    struct release **out, struct err *e) MUST_CHECK;
const char *release__draw_seed(struct release_session *s);
