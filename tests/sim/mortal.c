#include "mortal.h"

#include <stddef.h>
#include <stdio.h>

#include "base/own.h"

static struct mortal *mortal_of(struct kube *k)
{
    return container_of(k, struct mortal, kube);
}

static int gone(struct err *e)
{
    return err_set(e, ERR_SYSTEM, "the process is dead");
}

/* 0: go on. Else: dead, before the write (`*do_it` false) or right after it. */
static int fate(struct mortal *m, const char *verb, const struct resource *r, bool *do_it,
                struct err *e)
{
    *do_it = false;
    if (m->dead)
        return gone(e);
    *do_it = true;
    if (++m->writes != m->die_at)
        return 0;
    m->dead = true;
    *do_it = m->after;
    (void)snprintf(m->point, sizeof m->point, "%s %s %s", m->after ? "after" : "before", verb,
                   r->plural);
    return gone(e);
}

static int m_get(struct kube *k, const struct resource *r, const char *ns, const char *name,
                 struct object **out, struct err *e)
{
    struct mortal *m = mortal_of(k);
    return m->dead ? gone(e) : kube_get(m->real, r, ns, name, out, e);
}

static int m_list(struct kube *k, const struct resource *r, const char *ns,
                  const struct kube_list_opts *opts, struct kube_list *out, struct err *e)
{
    struct mortal *m = mortal_of(k);
    return m->dead ? gone(e) : kube_list(m->real, r, ns, opts, out, e);
}

/* A write that is done by a process that dies with it: its answer is lost. */
#define WRITE(verb, call)                                                                          \
    struct mortal *m = mortal_of(k);                                                               \
    struct object *lost = NULL;                                                                    \
    bool do_it;                                                                                    \
    int rc = fate(m, verb, r, &do_it, e);                                                          \
    struct object **to = rc == 0 ? out : &lost;                                                    \
    int done = do_it ? (call) : rc;                                                                \
    object_unref(lost);                                                                            \
    return rc < 0 ? gone(e) : done

static int m_create(struct kube *k, const struct resource *r, const char *ns,
                    const struct value *obj, struct object **out, struct err *e)
{
    WRITE("create", kube_create(m->real, r, ns, obj, to, e));
}

static int m_update(struct kube *k, const struct resource *r, const char *ns, const char *name,
                    const char *sub, const struct value *obj, struct object **out, struct err *e)
{
    WRITE("update", kube_update(m->real, r, ns, name, sub, obj, to, e));
}

static int m_patch(struct kube *k, const struct resource *r, const char *ns, const char *name,
                   const char *sub, enum kube_patch_type type, const struct value *patch,
                   struct object **out, struct err *e)
{
    WRITE("patch", kube_patch(m->real, r, ns, name, sub, type, patch, to, e));
}

static int m_apply(struct kube *k, const struct resource *r, const char *ns, const char *name,
                   const char *sub, const char *manager, bool force, bool dry_run,
                   const struct value *obj, struct object **out, struct err *e)
{
    WRITE("apply", dry_run ? kube_apply_dry(m->real, r, ns, name, manager, obj, to, e)
                           : kube_apply(m->real, r, ns, name, sub, manager, force, obj, to, e));
}

static int m_delete(struct kube *k, const struct resource *r, const char *ns, const char *name,
                    const struct kube_delete_opts *opts, struct err *e)
{
    struct mortal *m = mortal_of(k);
    bool do_it;
    int rc = fate(m, "delete", r, &do_it, e);
    int done = do_it ? kube_delete(m->real, r, ns, name, opts, e) : rc;
    return rc < 0 ? gone(e) : done;
}

/* Watches are the real ones: they end with the process, too, but need not be told apart. */
static int m_watch_open(struct kube *k, const struct resource *r, const char *ns,
                        const struct kube_list_opts *opts, uint64_t since, struct kube_watch **out,
                        struct err *e)
{
    struct mortal *m = mortal_of(k);
    return m->dead ? gone(e) : kube_watch_open(m->real, r, ns, opts, since, out, e);
}

static int m_find(struct kube *k, const char *api_version, const char *kind,
                  const struct resource **out, struct err *e)
{
    return kube_find(mortal_of(k)->real, api_version, kind, out, e);
}

static void m_free(struct kube *k)
{
    (void)k;
}

/* watch_next and watch_close get no kube, only the watch: the real implementation's own. */
static struct kube_ops ops;

void mortal_init(struct mortal *m, struct kube *real, unsigned long die_at, bool after)
{
    ops = (struct kube_ops){.name = "mortal",
                            .get = m_get,
                            .list = m_list,
                            .create = m_create,
                            .update = m_update,
                            .patch = m_patch,
                            .apply = m_apply,
                            .del = m_delete,
                            .watch_open = m_watch_open,
                            .watch_next = real->ops->watch_next,
                            .watch_close = real->ops->watch_close,
                            .watch_wake = real->ops->watch_wake,
                            .find = m_find,
                            .free = m_free};
    *m = (struct mortal){.kube.ops = &ops, .real = real, .die_at = die_at, .after = after};
}
