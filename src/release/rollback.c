/* rollback.c - a new revision that is like an old one. */
#include <string.h>

#include "release/release_int.h"

static struct release *find(const struct release_list *history, int revision)
{
    for (size_t i = 0; i < history->n; i++)
        if (history->items[i]->revision == revision)
            return history->items[i];
    return NULL;
}

/* The old document with the new one's number and times. */
static struct release *copy_of(struct release_session *s, const struct release *old,
                               const struct release *last)
{
    struct arena *a = s->log->arena;
    struct value *doc = value_copy(a, old->doc), *info = value_new_object(a);
    const char *notes = release__text(old, "info.notes");
    (void)value_set_str(a, info, "first_deployed", release__text(last, "info.first_deployed"));
    (void)value_set_str(a, info, "last_deployed", release__now(s));
    (void)value_set_str(a, info, "deleted", "");
    (void)value_set(a, info, "description", value_new_strf(a, "Rollback to %d", old->revision));
    (void)value_set_str(a, info, "status", release_status_name(RELEASE_PENDING_ROLLBACK));
    if (*notes)
        (void)value_set_str(a, info, "notes", notes);
    (void)value_set(a, doc, "info", info);
    (void)value_set_int(a, doc, "version", last->revision + 1);
    struct release *r = release__of(a, doc);
    r->labels = old->labels;
    r->seed = old->seed ? old->seed : last->seed;
    return r;
}

struct rollback {
    struct release *last, *release;
    const struct release_opts *opts;
    struct release_objects current, target;
    struct release_objects *attempts;
    size_t n_attempts;
};

static int read_objects(struct release_session *s, struct rollback *b,
                        const struct release_list *history, struct err *e)
{
    const struct release *base = release__deployed(history);
    int rc = release_objects(s, release_manifest(b->last), &b->current, e);
    if (rc < 0)
        return release__wrap(s, e, rc,
                             "unable to build kubernetes objects from current release manifest");
    rc = release_objects(s, release_manifest(b->release), &b->target, e);
    if (rc < 0)
        return release__wrap(s, e, rc,
                             "unable to build kubernetes objects from new release manifest");
    struct release_list tried = {0};
    if (base)
        tried = release__attempts(history, base, s->log->arena);
    b->attempts = ARENA_ARRAY(s->log->arena, struct release_objects, tried.n + 2);
    for (size_t i = 0; i < tried.n; i++)
        if (tried.items[i] != b->last && release_objects(s, release_manifest(tried.items[i]),
                                                         &b->attempts[b->n_attempts], e) == 0)
            b->n_attempts++;
    /* A last one that failed half-way may have left the one before it in place. */
    if (base && base != b->last &&
        release_objects(s, release_manifest(base), &b->attempts[b->n_attempts], e) == 0)
        b->n_attempts++;
    return 0;
}

static int fail(struct release_session *s, struct rollback *b, const struct release__change *ch,
                int code, struct err *e)
{
    struct arena *a = s->log->arena;
    const char *why = s->log->error;
    struct err first = *e;
    if (release_status(b->last) != RELEASE_FAILED) {
        release__set_status(s, b->last, RELEASE_SUPERSEDED, NULL);
        release__record(s, b->last);
    }
    release__set_status(s, b->release, RELEASE_FAILED,
                        arena_printf(a, "Rollback \"%s\" failed: %s", b->release->name, why));
    release__record(s, b->release);
    if (b->opts->cleanup_on_fail && ch->created.n) {
        int rc = release__delete_all(s, &ch->created, KUBE_BACKGROUND, e);
        if (rc < 0)
            return release__wrap(s, e, rc,
                                 "an error occurred while cleaning up resources. original rollback "
                                 "error: %s: unable to cleanup resources",
                                 why);
    }
    *e = first;
    s->log->error = why;
    return code;
}

/* A failure after which the record says so, in these words. */
static int fail_saying(struct release_session *s, struct rollback *b, int code)
{
    const char *why = s->log->error;
    release__set_status(
        s, b->release, RELEASE_FAILED,
        arena_printf(s->log->arena, "Release \"%s\" failed: %s", b->release->name, why));
    release__record(s, b->release);
    return code;
}

static int perform(struct release_session *s, struct rollback *b, struct err *e)
{
    const struct release_opts *o = b->opts;
    struct release__change ch = {.original = &b->current,
                                 .attempts = b->attempts,
                                 .n_attempts = b->n_attempts,
                                 .target = &b->target,
                                 .force = o->force,
                                 .name = b->release->name,
                                 .ns = s->ns};
    int rc = o->no_hooks ? 0 : release__run_hooks(s, b->release, "pre-rollback", NULL, e);
    if (rc < 0)
        return fail_saying(s, b, rc);
    release__own(&b->target, b->release->name, s->ns, s->log->arena);
    rc = release__change(s, &ch, e);
    if (rc < 0)
        return fail(s, b, &ch, rc, e);
    if (o->recreate_pods)
        rc = release__recreate_pods(s, &ch.updated, e);
    if (rc == 0 && o->wait)
        rc = release__wait(s, &b->target, o->wait_for_jobs, e);
    if (rc < 0) {
        (void)fail_saying(s, b, rc);
        return release__wrap(s, e, rc, "release %s failed", b->release->name);
    }
    rc = o->no_hooks ? 0 : release__run_hooks(s, b->release, "post-rollback", NULL, e);
    return rc < 0 ? fail_saying(s, b, rc) : 0;
}

int release_rollback(struct release_session *s, const char *name, int revision,
                     const struct release_opts *o, struct err *e)
{
    struct rollback b = {.opts = o};
    struct release_list history;
    if (helm_release_name_check(name, s->log, e) < 0)
        return release__fail(s, e, ERR_INVALID, "prepareRollback: Release name is invalid: %s",
                             name);
    if (revision < 0)
        return release__fail(s, e, ERR_INVALID, "invalid release revision");
    int rc = release__settle(s, name, &history, e);
    if (rc < 0)
        return rc;
    b.last = release__last(&history);
    int wanted = revision ? revision : b.last->revision - 1;
    struct release *old = find(&history, wanted);
    if (!old)
        return release__fail(s, e, ERR_NOT_FOUND, "release has no %d version", wanted);
    b.release = copy_of(s, old, b.last);
    rc = read_objects(s, &b, &history, e);
    if (rc < 0 || o->dry_run)
        return rc;
    rc = release__create(s, b.release, o->history_max, e);
    if (rc == 0)
        rc = perform(s, &b, e);
    if (rc < 0)
        return rc;
    release__set_status(s, b.release, RELEASE_DEPLOYED, NULL);
    rc = release__update(s, b.release, false, e);
    return rc < 0 ? rc : release__supersede(s, &history, NULL, e);
}
