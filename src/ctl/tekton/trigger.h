/* trigger.h - an event meets EventListeners: interceptors, bindings, templates, objects. */
#pragma once
#include "ctl/tekton/event.h"
#include "ctl/tekton/tekton.h"
#include "kube/kube.h"

struct firing {
    struct kube *kube;
    const char *ns;       /* of the listener */
    const char *listener; /* its name */
    const char *seed;     /* what makes this event this event: names follow from it */
    const struct value *labels, *annotations; /* for what is created, or NULL */
    const struct tekton_ports *ports;         /* may_create is asked; or NULL */
    const char *account; /* trigger_fire() fills it in: the listener's service account */
    /* Called for each trigger that could not be judged or carried out. */
    void (*complain)(void *arg, const char *trigger, const char *message);
    void *arg;
};

/* Fires every trigger of the listener that wants the event. 0 and how many objects there now
 * are for it; an error only when trying again may help. */
int trigger_fire(const struct firing *f, const struct value *listener, const struct event *ev,
                 struct arena *a, size_t *created, struct err *e) MUST_CHECK;
