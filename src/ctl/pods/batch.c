/* batch.c - creating and deleting many pods without waiting for one after the other. */
#include <stdatomic.h>
#include <string.h>

#include "base/thread.h"
#include "ctl/pods/pods.h"
#include "kube/events.h"
#include "kube/fan.h"

enum { BATCH_FIRST = 16 };

/* What the calls of one batch share. */
struct work {
    struct controller_ctx *c;
    const struct resource *owner_res;
    const struct object *owner;
    struct value *const *pods;
    const struct object_list *doomed;
    const struct object **made;
    struct arena *arena; /* of `made` */
    pthread_mutex_t lock;
    size_t done;
    int rc; /* the first error */
    struct err *e;
};

static void failed(struct work *w, int rc, const struct err *e)
{
    LOCK_SCOPE(&w->lock);
    if (w->rc < 0)
        return;
    w->rc = rc;
    if (w->e)
        *w->e = *e;
}

static void create_one(void *arg, size_t i)
{
    struct work *w = arg;
    AUTO(arena) struct arena *a = arena_new(0);
    struct err e = {0};
    const struct object *o = NULL;
    int rc = write_create(w->c, &RES_POD, w->pods[i], a, &o, &e);
    if (rc < 0) {
        event_warning(w->c, w->owner_res, w->owner, "FailedCreate", "Error creating: %s", e.msg);
        failed(w, rc, &e);
        return;
    }
    event_normal(w->c, w->owner_res, w->owner, "SuccessfulCreate", "Created pod: %s", o->name);
    LOCK_SCOPE(&w->lock);
    if (w->made)
        w->made[i] = object_hold(w->arena, o);
    w->done++;
}

int pods_create(struct controller_ctx *c, struct pod_batch *b, struct arena *a, struct err *e)
{
    struct work w = {.c = c,
                     .owner_res = b->owner_res,
                     .owner = b->owner,
                     .made = b->made,
                     .arena = a,
                     .lock = PTHREAD_MUTEX_INITIALIZER,
                     .e = e};
    for (size_t from = 0, size = BATCH_FIRST; from < b->n && w.rc == 0; size *= 4) {
        size_t n = b->n - from < size ? b->n - from : size;
        w.pods = b->pods + from;
        w.made = b->made ? b->made + from : NULL;
        fan_run(c->fan, n, create_one, &w);
        from += n;
    }
    b->done = w.done;
    (void)pthread_mutex_destroy(&w.lock);
    return w.rc;
}

static void delete_one(void *arg, size_t i)
{
    struct work *w = arg;
    struct err e = {0};
    const struct object *p = w->doomed->items[i];
    int rc = write_delete(w->c, &RES_POD, p, NULL, &e);
    if (rc < 0) {
        event_warning(w->c, w->owner_res, w->owner, "FailedDelete", "Error deleting: %s", e.msg);
        failed(w, rc, &e);
        return;
    }
    event_normal(w->c, w->owner_res, w->owner, "SuccessfulDelete", "Deleted pod: %s", p->name);
}

int pods_delete(struct controller_ctx *c, const struct resource *owner_res,
                const struct object *owner, const struct object_list *pods, struct err *e)
{
    struct work w = {.c = c,
                     .owner_res = owner_res,
                     .owner = owner,
                     .doomed = pods,
                     .lock = PTHREAD_MUTEX_INITIALIZER,
                     .e = e};
    fan_run(c->fan, pods->n, delete_one, &w);
    (void)pthread_mutex_destroy(&w.lock);
    return w.rc;
}
