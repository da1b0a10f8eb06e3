/* owner.c - who works at a revision, and whether they still do.
 *
 * Helm's client owns the state of a release and takes it along when it dies. Here a pending record
 * names its owner: machine, process and when that began. On the same machine the kernel knows
 * whether it lives; elsewhere an owner renews its claim every few seconds, and one that is watched
 * for long enough without doing so is dead, whatever the clocks say. */
#include "release/owner.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "codec/json.h"
#include "release/release_int.h"

enum { PROC_MAX = 4096, LOOK_MS = 1000 };

#define INTERRUPTED "interrupted: "

/* ---- who we are ---- */

/* When a process began, in ticks since the machine did; -1: there is none. */
static int64_t began(int64_t pid)
{
    AUTO(arena) struct arena *a = arena_new(0);
    char *text;
    size_t n;
    if (fs_read(arena_printf(a, "/proc/%lld/stat", (long long)pid), PROC_MAX, a, &text, &n, NULL) <
        0)
        return -1;
    const char *s = strrchr(text, ')'); /* behind the name; the state is field 3, the time 22 */
    for (int field = 2; s && field < 22; field++)
        s = strchr(s + 1, ' ');
    return s ? strtoll(s + 1, NULL, 10) : -1;
}

static const char *one_line(const char *path, struct arena *a)
{
    char *text;
    size_t n;
    if (fs_read(path, PROC_MAX, a, &text, &n, NULL) < 0)
        return "";
    text[strcspn(text, "\n")] = '\0';
    return text;
}

const struct release_self *release_self(struct arena *a)
{
    struct release_self *me = ARENA_NEW(a, struct release_self);
    char host[256] = "", pids[64] = "";
    (void)gethostname(host, sizeof host - 1);
    ssize_t n = readlink("/proc/self/ns/pid", pids, sizeof pids - 1);
    pids[n > 0 ? n : 0] = '\0';
    me->host = arena_strdup(a, host);
    me->boot = one_line("/proc/sys/kernel/random/boot_id", a);
    me->pids = arena_strdup(a, pids);
    me->pid = getpid();
    me->began = began(me->pid);
    return me;
}

const char *release__claim(struct release_session *s)
{
    struct arena *a = s->log->arena;
    struct value *v = value_new_object(a);
    (void)value_set_str(a, v, "host", s->me->host);
    (void)value_set_str(a, v, "boot", s->me->boot);
    (void)value_set_str(a, v, "pids", s->me->pids);
    (void)value_set_int(a, v, "pid", s->me->pid);
    (void)value_set_int(a, v, "began", s->me->began);
    (void)value_set_str(a, v, "renewed", release__now(s));
    return json_text(a, v, 0);
}

/* ---- does another one live ---- */

enum release__owner release__judge(const char *owner, const struct release_self *me)
{
    AUTO(arena) struct arena *a = arena_new(0);
    struct value *v;
    if (!owner || json_parse(a, owner, strlen(owner), 0, &v, NULL) < 0)
        return RELEASE__OLD_HELM;
    bool here = strcmp(value_str(value_get(v, "host"), ""), me->host) == 0;
    if (here && strcmp(value_str(value_get(v, "boot"), ""), me->boot) != 0)
        return RELEASE__DEAD; /* this machine has been started again since */
    if (!here || strcmp(value_str(value_get(v, "pids"), ""), me->pids) != 0)
        return RELEASE__FAR;
    int64_t pid = value_int(value_get(v, "pid"), 0);
    return began(pid) == value_int(value_get(v, "began"), -2) ? RELEASE__ALIVE : RELEASE__DEAD;
}

static const char *owner_name(const char *owner, struct arena *a)
{
    struct value *v;
    if (!owner || json_parse(a, owner, strlen(owner), 0, &v, NULL) < 0)
        return "a helm that did not say who it is";
    return arena_printf(a, "process %lld on %s", (long long)value_int(value_get(v, "pid"), 0),
                        value_str(value_get(v, "host"), "?"));
}

void release__renew(struct release_session *s)
{
    struct release *r = s->renewing;
    int64_t now = s->clock->mono_ms(s->clock);
    if (!r || now - s->renewed_ms < RELEASE__RENEW_MS)
        return;
    AUTO(arena) struct arena *a = arena_new(0);
    struct value *patch = value_new_object(a);
    struct object *o;
    (void)value_set_str(a, value_make_object(a, patch, "metadata.annotations"), RELEASE__OPERATION,
                        release__claim(s));
    s->renewed_ms = now;
    if (kube_patch(s->kube, &RES_SECRET, s->ns,
                   arena_printf(a, "sh.helm.release.v1.%s.v%d", r->name, r->revision), NULL,
                   KUBE_PATCH_MERGE, patch, &o, NULL) == 0) {
        r->rv = o->rv;
        object_unref(o);
    }
}

/* ---- taking over ---- */

static int in_progress(struct release_session *s, const struct release *r, struct err *e)
{
    (void)release__fail(s, e, ERR_CONFLICT,
                        "another operation (install/upgrade/rollback) is in progress");
    return err_hint(e, "revision %d is %s, by %s", r->revision,
                    release_status_name(release_status(r)), owner_name(r->owner, s->log->arena));
}

/* Watches an owner on another machine; *alive: it has renewed its claim, or come to its end. */
static int watch_far(struct release_session *s, const struct release *r, bool *alive, struct err *e)
{
    int64_t end = s->clock->mono_ms(s->clock) + RELEASE__SILENT_MS;
    *alive = false;
    while (!*alive && s->clock->mono_ms(s->clock) < end) {
        struct release *now;
        int rc = s->port->pause(s->port->self, LOOK_MS, e);
        if (rc < 0)
            return release__note(s, e, rc);
        rc = release_get(s, r->name, r->revision, &now, e);
        if (rc < 0 && rc != ERR_NOT_FOUND)
            return rc;
        *alive = rc < 0 || !now->owner || strcmp(now->owner, r->owner) != 0;
    }
    return 0;
}

static const char *operation(const struct release *r)
{
    enum release_status status = release_status(r);
    return status == RELEASE_PENDING_INSTALL   ? "Release"
           : status == RELEASE_PENDING_UPGRADE ? "Upgrade"
                                               : "Rollback";
}

static int settle_one(struct release_session *s, struct release *r, struct err *e)
{
    struct arena *a = s->log->arena;
    enum release__owner owner = release__judge(r->owner, s->me);
    bool alive = owner == RELEASE__ALIVE;
    int rc = 0;
    if (owner == RELEASE__FAR)
        rc = watch_far(s, r, &alive, e);
    if (owner == RELEASE__OLD_HELM)
        alive = s->clock->real_ms(s->clock) / 1000 - r->written_s <= s->timeout_ms / 1000;
    if (rc < 0)
        return rc;
    if (alive)
        return in_progress(s, r, e);
    const char *who = owner_name(r->owner, a);
    if (release_status(r) == RELEASE_UNINSTALLING)
        return 0; /* Helm's own answer is to uninstall once more */
    release__set_status(
        s, r, RELEASE_FAILED,
        arena_printf(a, "%s \"%s\" failed: " INTERRUPTED "%s is gone", operation(r), r->name, who));
    rc = release__update(s, r, true, e);
    return rc == ERR_CONFLICT ? in_progress(s, r, e) : rc;
}

bool release__was_interrupted(const struct release *r)
{
    return release_status(r) == RELEASE_FAILED &&
           strstr(release__text(r, "info.description"), "failed: " INTERRUPTED);
}

int release__settle(struct release_session *s, const char *name, struct release_list *history,
                    struct err *e)
{
    int rc = release_history(s, name, history, e);
    for (size_t i = 0; rc == 0 && i < history->n; i++) {
        struct release *r = history->items[i];
        if (release_is_pending(r) || (release_status(r) == RELEASE_UNINSTALLING && r->owner))
            rc = settle_one(s, r, e);
    }
    return rc;
}
