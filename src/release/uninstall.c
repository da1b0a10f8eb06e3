/* uninstall.c - a release's objects go, and its records unless they are to be kept. */
#include <string.h>

#include "release/release_int.h"

static int purge(struct release_session *s, const struct release_list *history, struct err *e)
{
    for (size_t i = 0; i < history->n; i++) {
        int rc = release__delete(s, history->items[i], e);
        if (rc < 0)
            return release__wrap(s, e, rc, "uninstall: Failed to purge the release");
    }
    return 0;
}

/* What is to go, in its order; *kept names the rest. */
static int split(struct release_session *s, const struct release *r, struct release_objects *gone,
                 const char **kept, struct err *e)
{
    struct arena *a = s->log->arena;
    struct release_objects all;
    const char *list = "";
    int rc = release_objects(s, release_manifest(r), &all, e);
    if (rc < 0)
        return rc;
    release__sort_for_deletion(&all);
    *gone = (struct release_objects){0};
    for (size_t i = 0; i < all.n; i++) {
        const struct release_object *o = &all.items[i];
        if (release__keeps(o->root))
            list = arena_printf(a, "%s[%s] %s\n", list, o->res->kind, o->name);
        else
            release__push(a, gone, *o);
    }
    *kept =
        *list ? arena_join(a, "These resources were kept due to the resource policy:\n", list, NULL)
              : "";
    return 0;
}

/* Errors after the objects have gone do not keep the rest from being done. */
struct troubles {
    const char *text;
    size_t n;
};

static void trouble(struct release_session *s, struct troubles *t)
{
    t->text =
        t->text ? arena_printf(s->log->arena, "%s; %s", t->text, s->log->error) : s->log->error;
    t->n++;
}

static int end_records(struct release_session *s, struct release_list *history,
                       const struct release_opts *o, struct err *e)
{
    struct release *r = release__last(history);
    release__set_status(s, r, RELEASE_UNINSTALLED,
                        o->description ? o->description : "Uninstallation complete");
    if (!o->keep_history)
        return purge(s, history, e);
    int rc = release__update(s, r, false, e);
    return rc < 0 ? rc : release__supersede(s, history, NULL, e);
}

static int remove_objects(struct release_session *s, const struct release *r,
                          const struct release_opts *o, const char **kept,
                          struct release_objects *gone, struct err *e)
{
    int rc = split(s, r, gone, kept, e);
    if (rc == 0)
        rc = release__delete_all(s, gone, o->cascade, e);
    if (rc == 0)
        return 0;
    const char *why = s->log->error;
    (void)release__fail(s, e, (enum err_code)rc, "failed to delete release: %s", r->name);
    (void)err_hint(e, "%s", why);
    return rc;
}

static int uninstall(struct release_session *s, struct release_list *history,
                     const struct release_opts *o, const char **kept, struct err *e)
{
    struct release *r = release__last(history);
    struct release_objects gone;
    struct troubles t = {0};
    release__set_status(s, r, RELEASE_UNINSTALLING, "Deletion in progress (or silently failed)");
    (void)value_set_str(s->log->arena, value_get_mut(r->doc, "info"), "deleted", release__now(s));
    int rc = o->no_hooks ? 0 : release__run_hooks(s, r, "pre-delete", NULL, e);
    if (rc < 0)
        return rc;
    rc = release__update(s, r, false, e);
    if (rc == 0)
        rc = remove_objects(s, r, o, kept, &gone, e);
    if (rc < 0)
        return rc;
    if (o->wait && release__wait_gone(s, &gone, e) < 0)
        trouble(s, &t);
    if (!o->no_hooks && release__run_hooks(s, r, "post-delete", NULL, e) < 0)
        trouble(s, &t);
    if (end_records(s, history, o, e) < 0)
        trouble(s, &t);
    return t.n ? release__fail(s, e, ERR_INVALID, "uninstallation completed with %zu error(s): %s",
                               t.n, t.text)
               : 0;
}

int release_uninstall(struct release_session *s, const char *name, const struct release_opts *o,
                      const char **kept, struct err *e)
{
    struct release_list history;
    struct release *found;
    *kept = "";
    if (o->dry_run)
        return release_get(s, name, 0, &found, e);
    if (helm_release_name_check(name, s->log, e) < 0)
        return release__fail(s, e, ERR_INVALID, "uninstall: Release name is invalid: %s", name);
    int rc = release__settle(s, name, &history, e);
    if (rc == ERR_NOT_FOUND && o->ignore_not_found)
        return 0;
    if (rc < 0)
        return release__wrap(s, e, rc, "uninstall: Release not loaded: %s", name);
    if (release_status(release__last(&history)) != RELEASE_UNINSTALLED)
        return uninstall(s, &history, o, kept, e);
    if (!o->keep_history)
        return purge(s, &history, e);
    return release__fail(s, e, ERR_INVALID, "the release named \"%s\" is already deleted", name);
}
