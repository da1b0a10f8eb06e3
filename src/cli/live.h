/* live.h - what an API has, held against what is wanted.
 *
 * Model      The API is asked what applying each object would make of it (a dry run, in the name
 *            of whoever applied it before), so that defaults and other writers' fields are on
 *            both sides. Where it refuses, the wanted fields are laid over the live ones, and
 *            the refusal is the change's note.                                              */
#pragma once
#include "cli/changes.h"
#include "kube/kube.h"

/* `ns`: of objects that name none. The objects are changed: they get their namespace. */
int live_changes(struct kube *k, const char *ns, struct value *const *objects, size_t n,
                 struct arena *a, struct changes *out, struct err *e) MUST_CHECK;

/* What an Application's status lists, still runs, and is not wanted any more: it would go. */
int live_left_over(struct kube *k, const struct value *resources, struct value *const *objects,
                   size_t n, struct arena *a, struct changes *out, struct err *e) MUST_CHECK;
