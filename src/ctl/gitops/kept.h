/* kept.h - what Applications rendered to, kept until something that was read changes.
 *
 * Model      One render an Application: its manifests, what of its commit was read
 *            (vcs/tree_notes.h) and, as one text, everything else that had a say (its inputs).
 *            A commit that differs in nothing that was read has the same manifests: the render
 *            moves on to it. What differs between two commits is found once for all that ask.
 *            An Application may be settled: nothing is going on in it, and only another
 *            input or another cluster would change anything.
 * Guarantees What is given out is what rendering the commit afresh would give, byte for byte.
 *            At most `limit` bytes of renders are held; those unused for longest go first. One
 *            that is in use outlives its place here.
 * Threads    Any. A render is written by nobody once it is here.
 * Not here   Whether a render may be kept: those that ask for more than files of the commit (what
 *            is elsewhere, keys, the time) never come here (source.c).                   */
#pragma once
#include <stdatomic.h>

#include "ctl/gitops/manifests.h"
#include "render/render.h"
#include "vcs/tree_notes.h"

struct kept_render {
    atomic_uint refs;
    struct arena *a; /* all below lives here */
    struct app_manifests m;
    const char *repository; /* its folder */
    const char *inputs;
    struct tree_notes notes;
    struct render_result result; /* before anything was added */

    /* One that was made from another shares with it whatever did not change. */
    struct kept_render *base; /* a reference, or NULL */
    unsigned depth;           /* how many there are below it */
};

/* With one reference. Fill it, then put it, then leave it alone. */
struct kept_render *kept_render_new(void);
struct kept_render *kept_render_ref(struct kept_render *r);
void kept_render_unref(struct kept_render *r);

struct kept;

struct kept *kept_new(size_t limit);
void kept_free(struct kept *k);

/* `key` names the Application. The render of `commit`, with a reference for the caller; NULL: it
 * must be made. */
struct kept_render *kept_get(struct kept *k, const char *key, const char *inputs, struct repo *r,
                             const char *commit);
/* The newest render there is, if `commit` differs from its own in nothing that was read but the
 * text of files; those are *files, NULL-terminated, in `a`. */
struct kept_render *kept_near(struct kept *k, const char *key, const char *inputs, struct repo *r,
                              const char *commit, struct arena *a, const char *const **files);
/* In place of the one before. Takes a reference of its own. */
void kept_put(struct kept *k, const char *key, struct kept_render *r, const char *commit);
void kept_drop(struct kept *k, const char *key);

/* Notes that the Application is settled as of this resourceVersion; `told`: whoever wrote it wants
 * nobody to look because of it. */
void kept_settle(struct kept *k, const char *key, uint64_t rv, bool told);
/* Whether it is still so. */
bool kept_settled(struct kept *k, const char *key, uint64_t rv);
/* Whether it is the version that nobody needs to look at. */
bool kept_told(struct kept *k, const char *key, uint64_t rv);
