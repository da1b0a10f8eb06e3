/* push.c - the loop that turns a Repository's new heads into events for EventListeners.
 *
 * Level triggered: status.heads is compared with the annotation that holds what was acted on
 * last. Names of what an event makes follow from repository, ref and commit, so that a crash
 * between acting and noting repeats nothing. */
#include "base/own.h"
#include "codec/json.h"
#include "ctl/tekton/pod.h"
#include "ctl/tekton/tekton_int.h"
#include "ctl/tekton/trigger.h"
#include "kube/events.h"

static const char seen_key[] = "slipway.dev/triggered";
static const char zeros[] = "0000000000000000000000000000000000000000";

struct pushing {
    struct controller_ctx *c;
    const struct object *repository;
    const char *ref, *before, *after;
};

static void put_header(struct event *ev, const char *name, const char *v, struct arena *a)
{
    struct value *list = value_new_array(a);
    (void)value_push_str(a, list, v);
    (void)value_set(a, ev->header, name, list);
}

/* The body GitHub would send. */
static struct value *push_body(const struct pushing *p, struct arena *a)
{
    const struct object *repo = p->repository;
    const struct tekton *t = p->c->arg;
    const char *url = value_at_str(repo->root, "status.url", "");
    if (t->git_url) /* mirrors of remote ones are served, too */
        url = arena_printf(a, "%s%s.git", t->git_url, repo->name);
    else if (!*url)
        url = value_at_str(repo->root, "spec.url", "");
    struct value *body = value_new_object(a), *r = value_new_object(a);
    (void)value_set_str(a, body, "ref", p->ref);
    (void)value_set_str(a, body, "before", p->before);
    (void)value_set_str(a, body, "after", p->after);
    (void)value_set_bool(a, body, "created", strcmp(p->before, zeros) == 0);
    (void)value_set_bool(a, body, "deleted", false);
    (void)value_set_str(a, r, "name", repo->name);
    (void)value_set(a, r, "full_name", value_new_strf(a, "%s/%s", repo->ns, repo->name));
    (void)value_set_str(a, r, "clone_url", url);
    (void)value_set_str(a, r, "url", url);
    (void)value_set_str(a, r, "default_branch", value_at_str(repo->root, "spec.branch", "main"));
    (void)value_set(a, body, "repository", r);
    (void)value_set_str(a, value_make_object(a, body, "head_commit"), "id", p->after);
    return body;
}

static void merge_into(struct value *to, const struct value *from, struct arena *a)
{
    VALUE_EACH_MEMBER (m, from) {
        struct value *had = value_get_mut(to, m->key);
        if (had && had->kind == VALUE_OBJECT && m->value.kind == VALUE_OBJECT)
            merge_into(had, &m->value, a);
        else
            (void)value_set(a, to, m->key, &m->value);
    }
}

static int make_event(const struct pushing *p, struct arena *a, struct event *out, struct err *e)
{
    struct tekton *t = p->c->arg;
    struct value *body = push_body(p, a), *more;
    if (t->ports.push_event) {
        int r = t->ports.push_event(t->ports.arg, p->repository->ns, p->repository->name, p->ref,
                                    p->before, p->after, a, &more, e);
        if (r < 0)
            return r;
        merge_into(body, more, a);
    }
    *out = (struct event){.header = value_new_object(a),
                          .text = json_text(a, body, JSON_NO_HTML),
                          .body = body,
                          .extensions = value_new_object(a),
                          .url = "",
                          .trusted = true};
    out->id = arena_printf(a, "%.12s-%.8s", p->after, p->repository->uid);
    put_header(out, "X-Github-Event", "push", a);
    put_header(out, "X-Gitea-Event", "push", a);
    put_header(out, "X-Github-Delivery", out->id, a);
    put_header(out, "Content-Type", "application/json", a);
    return 0;
}

struct complaint {
    struct controller_ctx *c;
    const struct object *listener;
};

static void complain(void *arg, const char *trigger, const char *message)
{
    struct complaint *to = arg;
    event_warning(to->c, &RES_EVENT_LISTENER, to->listener, "TriggerFailed", "trigger %s: %s",
                  trigger, message);
}

/* A listener may name the repositories it listens to; without, it hears all of its namespace. */
static bool listens(const struct object *listener, const char *repository)
{
    const char *list = object_annotation(listener, "slipway.dev/repository");
    size_t n = strlen(repository);
    for (const char *p = list; p && *p;) {
        size_t len = strcspn(p, ", ");
        if (len == n && strncmp(p, repository, n) == 0)
            return true;
        p += len + strspn(p + len, ", ");
    }
    return list == NULL;
}

static int fire_push(const struct pushing *p, struct arena *a, struct err *e)
{
    struct event ev;
    int r = make_event(p, a, &ev, e);
    if (r < 0)
        return r;
    struct value *labels = value_new_object(a), *notes = value_new_object(a);
    (void)value_set_str(a, labels, "slipway.dev/repository", label_value(p->repository->name, a));
    (void)value_set_str(a, labels, "slipway.dev/commit", p->after);
    (void)value_set_str(a, notes, "slipway.dev/ref", p->ref);
    struct object_list listeners =
        cache_list(p->c->cache, &RES_EVENT_LISTENER, p->repository->ns, a);
    for (size_t i = 0; i < listeners.n && r == 0; i++) {
        const struct object *l = listeners.items[i];
        struct complaint to = {p->c, l};
        const struct firing f = {
            .kube = p->c->kube,
            .ns = l->ns,
            .listener = l->name,
            .seed = arena_printf(a, "%s %s %s", p->repository->name, p->ref, p->after),
            .labels = labels,
            .annotations = notes,
            .ports = &((const struct tekton *)p->c->arg)->ports,
            .complain = complain,
            .arg = &to,
        };
        size_t created;
        if (!listens(l, p->repository->name))
            continue;
        r = trigger_fire(&f, l->root, &ev, a, &created, e);
        if (r == 0 && created)
            event_normal(p->c, &RES_REPOSITORY, p->repository, "Triggered",
                         "%s of %s: event listener %s made %zu object(s)", p->after, p->ref,
                         l->name, created);
    }
    return r;
}

static int push_sync(struct controller_ctx *c, const struct key *key, struct arena *a,
                     struct err *e)
{
    const struct object *repo = cache_get(c->cache, &RES_REPOSITORY, key->ns, key->name, a);
    const struct value *heads = repo ? value_at(repo->root, "status.heads") : NULL;
    if (!repo || repo->deleting || !heads)
        return 0;
    struct value *seen = NULL;
    const char *noted = object_annotation(repo, seen_key);
    if (noted && json_parse(a, noted, strlen(noted), 0, &seen, NULL) < 0)
        seen = NULL;
    if (value_equal(seen, heads))
        return 0;
    VALUE_EACH_MEMBER (h, heads) {
        const char *before = value_str(value_get(seen, h->key), zeros);
        const struct pushing p = {c, repo, h->key, before, value_str(&h->value, "")};
        if (strcmp(p.before, p.after) == 0)
            continue;
        int r = fire_push(&p, a, e);
        if (r < 0)
            return err_wrap(e, r, "fire the triggers of %s", h->key);
    }
    struct value *patch = value_new_object(a);
    struct value *notes = value_make_object(a, patch, "metadata.annotations");
    (void)value_set_str(a, notes, seen_key, json_text(a, heads, 0));
    return write_patch(c, &RES_REPOSITORY, repo, patch, e);
}

static void keys_of_none(const struct object *o, struct controller_ctx *c, struct key_sink *s)
{
    (void)o;
    (void)c;
    (void)s;
}

static const struct controller_watch push_watches[] = {
    {&RES_REPOSITORY,     NULL        },
    {&RES_EVENT_LISTENER, keys_of_none},
    {NULL,                NULL        },
};

const struct controller push_controller = {
    .name = "tekton-triggers",
    .watches = push_watches,
    .sync = push_sync,
};
