#include "apiserver/watching_int.h"

#include "base/thread.h"

enum watching watching__classify(struct apiserver *s, const struct selection *sel,
                                 const struct served *k, const struct watch_event *ev,
                                 struct entry *view)
{
    bool was = ev->prev && list__matches(s, sel, k, ev->prev);
    bool is = ev->entry && !ev->deleted && list__matches(s, sel, k, ev->entry);
    if (!was && !is)
        return WATCHING_NOTHING;
    *view = is ? *ev->entry : *ev->prev;
    view->rev = ev->rev; /* what is gone shows the revision at which it went */
    return is ? was ? WATCHING_MODIFIED : WATCHING_ADDED : WATCHING_DELETED;
}

/* ---- casters ---- */

enum { CASTER_STACK_KIB = 2048 }; /* as for a connection: deep documents recurse */

static void *cast(void *arg)
{
    struct watch_set *set = arg;
    void *stream;
    for (struct watch *w; (w = watch_set_take(set, &stream));)
        watch_set_put(set, w, !web__cast(stream));
    return NULL;
}

int casters__start(struct casters *c, struct store *store, struct err *e)
{
    int rc = 0;
    c->set = watch_set_new(store);
    while (rc == 0 && c->n < ARRAY_LEN(c->threads)) {
        rc = thread_start(&c->threads[c->n], "caster", CASTER_STACK_KIB, cast, c->set, e);
        c->n += rc == 0;
    }
    return rc;
}

void casters__stop(struct casters *c)
{
    if (c->set)
        watch_set_end(c->set);
    while (c->n > 0)
        (void)pthread_join(c->threads[--c->n], NULL);
    watch_set_free(c->set);
}

/* ---- all watches ---- */

void live_watch_add(struct apiserver *s, struct live_watch *l, struct watch *w)
{
    LOCK_SCOPE(&s->watches_mutex);
    l->watch = w;
    l->next = s->watches;
    l->pprev = &s->watches;
    if (l->next)
        l->next->pprev = &l->next;
    s->watches = l;
    if (s->stopping)
        watch_wake(w);
}

void live_watch_remove(struct apiserver *s, struct live_watch *l)
{
    LOCK_SCOPE(&s->watches_mutex);
    *l->pprev = l->next;
    if (l->next)
        l->next->pprev = l->pprev;
}
