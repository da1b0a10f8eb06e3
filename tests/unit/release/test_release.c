#include "codec/yaml.h"
#include "vcs/tree.h"
#include "world.h"

/* A chart of one template. */
static struct helm_chart *chart(struct world *w, const char *template)
{
    const struct tree_file files[] = {
        {"c/Chart.yaml",       "apiVersion: v2\nname: c\nversion: 1.2.3\nappVersion: \"9\"\n"},
        {"c/values.yaml",                    "color: blue\n"},
        {"c/templates/a.yaml",template},
        {0},
    };
    struct tree *t = tree_of_table(files);
    struct helm_chart *c = NULL;
    struct err e = {0};
    T_RC(helm_chart_load(t, "c", &w->log, &c, &e), &e, "load the chart");
    tree_free(t);
    return c;
}

static struct go_map *values(struct world *w, const char *yaml)
{
    struct value *v = NULL;
    struct err e = {0};
    T_RC(yaml_parse(w->arena, yaml, strlen(yaml), 0, &v, &e), &e, yaml);
    return go_from_value(w->arena, v).map;
}

static const char *const map_a = "kind: ConfigMap\napiVersion: v1\nmetadata: {name: a}\n"
                                 "data: {color: \"{{ .Values.color }}\"}\n";

static struct release *install(struct world *w, const char *template, const char *given)
{
    const struct release_opts o = {0};
    struct release *r = NULL;
    struct err e = {0};
    int rc = release_install(&w->session, "one", chart(w, template), values(w, given), &o, &r, &e);
    T_OK(rc == 0, w->log.error ? w->log.error : "install");
    return r;
}

static int upgrade(struct world *w, const char *template, const char *given,
                   const struct release_opts *o)
{
    struct release *r;
    struct err e = {0};
    return release_upgrade(&w->session, "one", chart(w, template), values(w, given), o, &r, &e);
}

/* "1 superseded, 2 deployed" */
static const char *history(struct world *w)
{
    struct release_list list;
    struct err e = {0};
    const char *out = "";
    if (release_history(&w->session, "one", &list, &e) < 0)
        return w->log.error;
    for (size_t i = 0; i < list.n; i++)
        out = arena_printf(w->arena, "%s%s%d %s", out, i ? ", " : "", list.items[i]->revision,
                           release_status_name(release_status(list.items[i])));
    return out;
}

/* The data of a ConfigMap as JSON-like text; "none": it is not there. */
static const char *data_of(struct world *w, const char *name)
{
    struct object *o;
    const char *out = "";
    if (kube_get(w->kube, &RES_CONFIG_MAP, "shop", name, &o, NULL) < 0)
        return "none";
    VALUE_EACH_MEMBER (m, value_get(o->root, "data"))
        out = arena_printf(w->arena, "%s%s%s=%s", out, *out ? " " : "", m->key,
                           value_str(&m->value, ""));
    object_unref(o);
    return out;
}

static void records(void)
{
    struct world w;
    struct object *o;
    struct err e = {0};
    world_open(&w);
    (void)install(&w, map_a, "color: red");
    T_EQ_STR(data_of(&w, "a"), "color=red", "the object");
    T_RC(kube_get(w.kube, &RES_SECRET, "shop", "sh.helm.release.v1.one.v1", &o, &e), &e, "record");
    T_EQ_STR(value_at_str(o->root, "type", ""), "helm.sh/release.v1", "type");
    T_EQ_STR(object_label(o, "owner"), "helm", "owner");
    T_EQ_STR(object_label(o, "name"), "one", "name");
    T_EQ_STR(object_label(o, "status"), "deployed", "status");
    T_EQ_STR(object_label(o, "version"), "1", "version");
    T_OK(object_annotation(o, RELEASE__OPERATION) == NULL, "nobody works at it any more");
    object_unref(o);
    struct release *r;
    T_RC(release_get(&w.session, "one", 0, &r, &e), &e, "read it");
    T_EQ_STR(value_at_str(r->doc, "config.color", ""), "red", "the user's values");
    T_EQ_STR(value_at_str(r->doc, "chart.values.color", ""), "blue", "the chart's");
    T_EQ_STR(value_at_str(r->doc, "chart.metadata.version", ""), "1.2.3", "the chart");
    T_EQ_STR(value_at_str(r->doc, "info.description", ""), "Install complete", "description");
    T_OK(strstr(release_manifest(r), "# Source: c/templates/a.yaml") != NULL, "manifest");
    world_close(&w);
}

static void life(void)
{
    struct world w;
    struct err e = {0};
    const char *kept;
    const struct release_opts o = {0};
    static const char *const both = "kind: ConfigMap\napiVersion: v1\nmetadata: {name: a}\n"
                                    "data: {color: \"{{ .Values.color }}\", new: x}\n"
                                    "---\nkind: ConfigMap\napiVersion: v1\nmetadata: {name: b}\n";
    world_open(&w);
    (void)install(&w, map_a, "color: red");
    T_EQ_INT(upgrade(&w, both, "{}", &o), 0, "upgrade");
    T_EQ_STR(data_of(&w, "a"), "color=red new=x", "values are those of before");
    T_EQ_STR(data_of(&w, "b"), "", "the new one");
    T_EQ_STR(history(&w), "1 superseded, 2 deployed", "history");
    T_RC(release_rollback(&w.session, "one", 0, &o, &e), &e, "rollback");
    T_EQ_STR(data_of(&w, "a"), "color=red", "as it was");
    T_EQ_STR(data_of(&w, "b"), "none", "gone again");
    T_EQ_STR(history(&w), "1 superseded, 2 superseded, 3 deployed", "history");
    T_RC(release_uninstall(&w.session, "one", &o, &kept, &e), &e, "uninstall");
    T_EQ_STR(data_of(&w, "a"), "none", "gone");
    T_EQ_STR(history(&w), "release: not found", "no records");
    world_close(&w);
}

/* ---- owners that die ---- */

static const char *const map_ab = "kind: ConfigMap\napiVersion: v1\nmetadata: {name: a}\n"
                                  "data: {color: red, half: done}\n"
                                  "---\nkind: ConfigMap\napiVersion: v1\nmetadata: {name: b}\n";

/* What a record says of its owner is somebody else from here on. */
static void give_to(struct world *w, int revision, const char *owner)
{
    struct value *patch = value_new_object(w->arena);
    struct err e = {0};
    (void)value_set_str(w->arena, value_make_object(w->arena, patch, "metadata.annotations"),
                        RELEASE__OPERATION, owner);
    T_RC(kube_patch(w->kube, &RES_SECRET, "shop",
                    arena_printf(w->arena, "sh.helm.release.v1.one.v%d", revision), NULL,
                    KUBE_PATCH_MERGE, patch, NULL, &e),
         &e, "give it to another");
}

static const char *dead_owner(struct world *w)
{
    const struct release_self *me = w->session.me;
    return arena_printf(w->arena,
                        "{\"host\":\"%s\",\"boot\":\"%s\",\"pids\":\"%s\",\"pid\":%lld,"
                        "\"began\":%lld}",
                        me->host, me->boot, me->pids, (long long)me->pid, (long long)me->began - 1);
}

/* An upgrade that stops at the n-th write after its record, as if killed there. */
static void die_in_upgrade(struct world *w, unsigned writes)
{
    const struct release_opts o = {0};
    struct kube_list l;
    w->cancel_at = w->pauses + writes;
    T_OK(upgrade(w, map_ab, "{}", &o) < 0, "stopped");
    w->cancel_at = 0;
    T_EQ_INT(kube_list(w->kube, &RES_SECRET, "shop", NULL, &l, NULL), 0, "list");
    kube_list_done(&l);
    struct release *r;
    struct err e = {0};
    T_RC(release_get(&w->session, "one", 0, &r, &e), &e, "the last");
    release__set_status(&w->session, r, RELEASE_PENDING_UPGRADE, "Preparing upgrade");
    T_RC(release__update(&w->session, r, false, &e), &e, "as it was when it died");
    give_to(w, r->revision, dead_owner(w));
}

static void interrupted(void)
{
    for (unsigned at = 1; at <= 2; at++) {
        struct world w;
        const struct release_opts o = {0};
        world_open(&w);
        (void)install(&w, map_a, "color: red");
        die_in_upgrade(&w, at);
        T_EQ_STR(history(&w), "1 deployed, 2 pending-upgrade", "left behind");
        T_EQ_INT(upgrade(&w, map_a, "{}", &o), 0, "the next goes on");
        T_EQ_STR(history(&w), "1 superseded, 2 failed, 3 deployed", "and says what became of it");
        T_EQ_STR(data_of(&w, "a"), "color=red", "what the dead one has added is gone");
        T_EQ_STR(data_of(&w, "b"), "none", "and what it has made");
        world_close(&w);
    }
}

static void owners(void)
{
    struct world w;
    world_open(&w);
    const struct release_self *me = w.session.me;
    const struct {
        const char *name, *owner;
        enum release__owner want;
    } cases[] = {
        {"we ourselves",                                 release__claim(&w.session), RELEASE__ALIVE                              },
        {"a process of the same number that is another", dead_owner(&w),             RELEASE__DEAD                               },
        {"before the machine's start",
         arena_printf(w.arena,                                                       "{\"host\":\"%s\",\"boot\":\"x\",\"pid\":1}", me->host),
         RELEASE__DEAD},
        {"another machine",                                  "{\"host\":\"elsewhere\",\"boot\":\"x\",\"pid\":1}",                                                            RELEASE__FAR                                                                                       },
        {"helm",                                  NULL, RELEASE__OLD_HELM},
        {"nonsense",                             "{",                                                       RELEASE__OLD_HELM                                                                                                                                         },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        T_EQ_INT(release__judge(cases[i].owner, me), cases[i].want, cases[i].name);
    world_close(&w);
}

/* The owner on another machine shows that it lives. */
static void renew_far(struct world *w)
{
    give_to(
        w, 2,
        arena_printf(w->arena, "{\"host\":\"elsewhere\",\"pid\":1,\"renewed\":\"%u\"}", w->pauses));
}

static void far_owners(void)
{
    for (int alive = 0; alive < 2; alive++) {
        struct world w;
        const struct release_opts o = {0};
        world_open(&w);
        (void)install(&w, map_a, "color: red");
        die_in_upgrade(&w, 2);
        give_to(&w, 2, "{\"host\":\"elsewhere\",\"pid\":1,\"renewed\":\"0\"}");
        w.on_pause = alive ? renew_far : NULL;
        int rc = upgrade(&w, map_a, "{}", &o);
        T_EQ_INT(rc, alive ? ERR_CONFLICT : 0, alive ? "it lives" : "it is dead");
        T_EQ_STR(alive ? w.log.error : "",
                 alive ? "another operation (install/upgrade/rollback) is in progress" : "",
                 "in Helm's words");
        world_close(&w);
    }
}

static void old_helm(void)
{
    struct world w;
    const struct release_opts o = {0};
    world_open(&w);
    (void)install(&w, map_a, "color: red");
    die_in_upgrade(&w, 2);
    give_to(&w, 2, "?");
    T_EQ_INT(upgrade(&w, map_a, "{}", &o), ERR_CONFLICT, "a helm may be at work");
    fake_clock_move(&w.clock, 61000);
    T_EQ_INT(upgrade(&w, map_a, "{}", &o), 0, "not for longer than --timeout");
    world_close(&w);
}

static void interrupted_install(void)
{
    struct world w;
    struct err e = {0};
    struct release *r;
    const struct release_opts o = {0};
    world_open(&w);
    r = install(&w, map_ab, "{}");
    release__set_status(&w.session, r, RELEASE_PENDING_INSTALL, "Initial install underway");
    T_RC(release__update(&w.session, r, false, &e), &e, "as it was when it died");
    give_to(&w, 1, dead_owner(&w));
    int rc =
        release_install(&w.session, "one", chart(&w, map_a), values(&w, "color: red"), &o, &r, &e);
    T_OK(rc == 0, w.log.error ? w.log.error : "install once more");
    T_EQ_STR(history(&w), "1 failed, 2 deployed", "history");
    T_EQ_STR(data_of(&w, "a"), "color=red", "as wanted now");
    T_EQ_STR(data_of(&w, "b"), "none", "only the dead one wanted it");
    T_EQ_INT(release_install(&w.session, "one", chart(&w, map_a), values(&w, "{}"), &o, &r, &e),
             ERR_EXISTS, "one that is there");
    world_close(&w);
}

/* ---- values, seeds, ownership ---- */

static void reused_values(void)
{
    static const struct {
        enum release_values how;
        const char *given, *want;
    } cases[] = {
        {RELEASE_VALUES_GIVEN,            "{}",         "color=red" },
        {RELEASE_VALUES_GIVEN,            "x: 1",       "color=blue"},
        {RELEASE_VALUES_RESET,            "{}",         "color=blue"},
        {RELEASE_VALUES_REUSE,            "x: 1",       "color=red" },
        {RELEASE_VALUES_RESET_THEN_REUSE, "x: 1",       "color=red" },
        {RELEASE_VALUES_REUSE,            "color: tan", "color=tan" },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct world w;
        const struct release_opts o = {.values = cases[i].how};
        world_open(&w);
        (void)install(&w, map_a, "color: red");
        T_EQ_INT(upgrade(&w, map_a, cases[i].given, &o), 0, cases[i].given);
        T_EQ_STR(data_of(&w, "a"), cases[i].want, cases[i].given);
        world_close(&w);
    }
}

static void seeds(void)
{
    static const char *const random = "kind: ConfigMap\napiVersion: v1\nmetadata: {name: a}\n"
                                      "data: {drawn: {{ randAlphaNum 20 }}}\n";
    struct world w;
    const struct release_opts o = {0};
    world_open(&w);
    (void)install(&w, random, "{}");
    const char *first = data_of(&w, "a");
    T_EQ_INT(upgrade(&w, random, "{}", &o), 0, "upgrade");
    T_EQ_STR(data_of(&w, "a"), first, "what was drawn stays");
    world_close(&w);
}

static void foreign(void)
{
    struct world w;
    struct err e = {0};
    struct release *r;
    struct release_opts o = {0};
    world_open(&w);
    kube_fake_load(w.kube, "kind: ConfigMap\napiVersion: v1\n"
                           "metadata: {name: a, namespace: shop}\ndata: {mine: \"1\"}\n");
    T_EQ_INT(release_install(&w.session, "one", chart(&w, map_a), values(&w, "{}"), &o, &r, &e),
             ERR_CONFLICT, "somebody else's");
    T_EQ_STR(w.log.error,
             "Unable to continue with install: ConfigMap \"a\" in namespace \"shop\" exists and "
             "cannot be imported into the current release: invalid ownership metadata; label "
             "validation error: missing key \"app.kubernetes.io/managed-by\": must be set to "
             "\"Helm\"; annotation validation error: missing key "
             "\"meta.helm.sh/release-name\": must be set to \"one\"; annotation validation error: "
             "missing key \"meta.helm.sh/release-namespace\": must be set to \"shop\"",
             "in Helm's words");
    o.take_ownership = true;
    T_RC(release_install(&w.session, "one", chart(&w, map_a), values(&w, "{}"), &o, &r, &e), &e,
         "taken over");
    T_EQ_STR(data_of(&w, "a"), "mine=1 color=blue", "what is not the chart's stays");
    world_close(&w);
}

static void old_revisions(void)
{
    struct world w;
    const struct release_opts o = {.history_max = 3};
    world_open(&w);
    (void)install(&w, map_a, "{}");
    for (int i = 0; i < 4; i++)
        T_EQ_INT(upgrade(&w, map_a, "{}", &o), 0, "upgrade");
    T_EQ_STR(history(&w), "3 superseded, 4 superseded, 5 deployed", "the last three");
    world_close(&w);
}

T_MAIN(records, life, interrupted, owners, far_owners, old_helm, interrupted_install, reused_values,
       seeds, foreign, old_revisions)
