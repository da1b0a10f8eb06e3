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
