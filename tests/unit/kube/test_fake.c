#include "codec/json.h"
#include "kube/fake.h"
#include "t.h"

static struct fake_clock at(void)
{
    struct fake_clock c;
    fake_clock_init(&c, 1700000000000);
    return c;
}

static struct value *json(struct arena *a, const char *text)
{
    struct value *v = NULL;
    struct err e = {0};
    T_RC(json_parse(a, text, strlen(text), 0, &v, &e), &e, text);
    return v;
}

static void stores_with_versions(void)
{
    struct fake_clock clock = at();
    AUTO(kube) struct kube *k = kube_fake_new(&clock.clock);
    AUTO(arena) struct arena *a = arena_new(0);
    AUTO(object) struct object *one = NULL, *two = NULL, *gone = NULL;
    struct err e = {0};
    T_RC(kube_create(k, &RES_CONFIG_MAP, "d",
                     json(a, "{\"metadata\":{\"name\":\"c\"},\"data\":{\"x\":\"1\"}}"), &one, &e),
         &e, "create");
    T_EQ_INT(kube_create(k, &RES_CONFIG_MAP, "d", one->root, NULL, &e), ERR_EXISTS, "twice");
    struct value *next = value_copy(a, one->root);
    (void)value_set_str(a, value_get_mut(next, "data"), "x", "2");
    T_RC(kube_update(k, &RES_CONFIG_MAP, "d", "c", NULL, next, &two, &e), &e, "update");
    T_OK(two->rv > one->rv, "newer");
    T_EQ_INT(kube_update(k, &RES_CONFIG_MAP, "d", "c", NULL, next, NULL, &e), ERR_CONFLICT,
             "stale");
    T_RC(kube_delete(k, &RES_CONFIG_MAP, "d", "c", NULL, &e), &e, "delete");
    T_EQ_INT(kube_get(k, &RES_CONFIG_MAP, "d", "c", &gone, &e), ERR_NOT_FOUND, "gone");
}

static void status_is_apart(void)
{
    struct fake_clock clock = at();
    AUTO(kube) struct kube *k = kube_fake_new(&clock.clock);
    AUTO(arena) struct arena *a = arena_new(0);
    AUTO(object) struct object *o = NULL, *p = NULL;
    struct err e = {0};
    T_RC(kube_create(k, &RES_DEPLOYMENT, "d",
                     json(a, "{\"metadata\":{\"name\":\"c\"},\"spec\":{\"replicas\":1},"
                             "\"status\":{\"replicas\":9}}"),
                     NULL, &e),
         &e, "create");
    T_RC(kube_patch(k, &RES_DEPLOYMENT, "d", "c", "status", KUBE_PATCH_MERGE,
                    json(a, "{\"status\":{\"replicas\":3},\"spec\":{\"replicas\":7}}"), &o, &e),
         &e, "patch status");
    T_EQ_INT(value_at_int(o->root, "spec.replicas", 0), 1, "spec stays");
    T_EQ_INT(value_at_int(o->root, "status.replicas", 0), 3, "status changes");
    T_EQ_INT(value_at_int(o->root, "metadata.generation", 0), 1, "generation stays");
    T_RC(kube_patch(k, &RES_DEPLOYMENT, "d", "c", NULL, KUBE_PATCH_MERGE,
                    json(a, "{\"status\":{\"replicas\":5},\"spec\":{\"replicas\":7}}"), &p, &e),
         &e, "patch spec");
    T_EQ_INT(value_at_int(p->root, "status.replicas", 0), 3, "status stays");
    T_EQ_INT(value_at_int(p->root, "metadata.generation", 0), 2, "generation grows");
}

static void apply_removes_what_it_had(void)
{
    struct fake_clock clock = at();
    AUTO(kube) struct kube *k = kube_fake_new(&clock.clock);
    AUTO(arena) struct arena *a = arena_new(0);
    AUTO(object) struct object *o = NULL;
    struct err e = {0};
    T_RC(kube_apply(k, &RES_CONFIG_MAP, "d", "c", NULL, "m", true,
                    json(a, "{\"metadata\":{\"name\":\"c\"},\"data\":{\"x\":\"1\",\"y\":\"2\"}}"),
                    NULL, &e),
         &e, "create");
    T_RC(kube_patch(k, &RES_CONFIG_MAP, "d", "c", NULL, KUBE_PATCH_MERGE,
                    json(a, "{\"data\":{\"z\":\"3\"}}"), NULL, &e),
         &e, "another's field");
    T_RC(kube_apply(k, &RES_CONFIG_MAP, "d", "c", NULL, "m", true,
                    json(a, "{\"metadata\":{\"name\":\"c\"},\"data\":{\"x\":\"4\"}}"), &o, &e),
         &e, "again");
    T_EQ_STR(json_text(a, value_get(o->root, "data"), JSON_SORTED), "{\"x\":\"4\",\"z\":\"3\"}",
             "y is gone, z stays");
}

static void finalizers_and_grace(void)
{
    struct fake_clock clock = at();
    AUTO(kube) struct kube *k = kube_fake_new(&clock.clock);
    AUTO(arena) struct arena *a = arena_new(0);
    AUTO(object) struct object *o = NULL, *p = NULL;
    struct err e = {0};
    kube_fake_load(k,
                   "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {nodeName: node-1}\n"
                   "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: c, finalizers: [f]}\n");
    T_RC(kube_delete(k, &RES_POD, "default", "p", NULL, &e), &e, "pod");
    T_RC(kube_get(k, &RES_POD, "default", "p", &o, &e), &e, "it stays");
    T_OK(o->deleting, "it is being deleted");
    T_RC(kube_delete(k, &RES_POD, "default", "p", &(struct kube_delete_opts){.grace_s = 0}, &e), &e,
         "without grace");
    T_EQ_INT(kube_get(k, &RES_POD, "default", "p", &p, &e), ERR_NOT_FOUND, "gone");

    T_RC(kube_delete(k, &RES_CONFIG_MAP, "default", "c", NULL, &e), &e, "config map");
    T_RC(kube_patch(k, &RES_CONFIG_MAP, "default", "c", NULL, KUBE_PATCH_MERGE,
                    json(a, "{\"metadata\":{\"finalizers\":null}}"), NULL, &e),
         &e, "finalized");
    T_EQ_INT(kube_get(k, &RES_CONFIG_MAP, "default", "c", &p, &e), ERR_NOT_FOUND, "gone");
}

static void lists_by_selectors(void)
{
    static const struct {
        const char *labels, *fields;
        size_t n;
    } cases[] = {
        {NULL,            NULL,                    3},
        {"app=a",         NULL,                    2},
        {"app!=a",        NULL,                    1},
        {"app in (a,b)",  NULL,                    3},
        {"tier",          NULL,                    1},
        {"!tier",         NULL,                    2},
        {"app=a,!tier",   NULL,                    1},
        {"app notin (b)", NULL,                    2},
        {NULL,            "metadata.name=x",       1},
        {NULL,            "status.phase!=Running", 2},
    };
    struct fake_clock clock = at();
    AUTO(kube) struct kube *k = kube_fake_new(&clock.clock);
    kube_fake_load(k, "apiVersion: v1\nkind: Pod\nmetadata: {name: x, labels: {app: a}}\n"
                      "status: {phase: Running}\n---\n"
                      "apiVersion: v1\nkind: Pod\nmetadata: {name: w, labels: {app: a, tier: t}}\n"
                      "---\napiVersion: v1\nkind: Pod\nmetadata: {name: z, labels: {app: b}}\n");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct kube_list l = {0};
        struct err e = {0};
        T_RC(kube_list(k, &RES_POD, NULL,
                       &(struct kube_list_opts){cases[i].labels, cases[i].fields}, &l, &e),
             &e, "list");
        T_EQ_INT(l.n, cases[i].n, cases[i].labels ? cases[i].labels : "fields");
        kube_list_done(&l);
    }
}

static void watches_from_a_version(void)
{
    struct fake_clock clock = at();
    AUTO(kube) struct kube *k = kube_fake_new(&clock.clock);
    struct kube_list l = {0};
    struct kube_watch *w = NULL;
    struct kube_event ev;
    struct err e = {0};
    kube_fake_load(k, "apiVersion: v1\nkind: Pod\nmetadata: {name: x}\n");
    T_RC(kube_list(k, &RES_POD, NULL, NULL, &l, &e), &e, "list");
    kube_fake_load(k, "apiVersion: v1\nkind: Pod\nmetadata: {name: w}\n");
    T_RC(kube_watch_open(k, &RES_POD, NULL, NULL, l.rv, &w, &e), &e, "open");
    T_RC(kube_watch_next(k, w, 0, &ev, &e), &e, "one");
    T_EQ_STR(ev.object->name, "w", "what came after the list");
    object_unref(ev.object);
    T_EQ_INT(kube_watch_next(k, w, 0, &ev, &e), ERR_TIMEOUT, "no more");
    kube_fake_load(k, "apiVersion: v1\nkind: Pod\nmetadata: {name: z}\n");
    kube_fake_compact(k);
    T_EQ_INT(kube_watch_next(k, w, 0, &ev, &e), ERR_GONE, "too old");
    kube_watch_close(k, w);
    kube_list_done(&l);
}

static void strategic_merges_by_name(void)
{
    struct fake_clock clock = at();
    AUTO(kube) struct kube *k = kube_fake_new(&clock.clock);
    AUTO(arena) struct arena *a = arena_new(0);
    AUTO(object) struct object *o = NULL;
    struct err e = {0};
    kube_fake_load(k, "apiVersion: v1\nkind: Pod\nmetadata: {name: x}\n"
                      "spec: {containers: [{name: a, image: i}, {name: b, image: j}]}\n");
    T_RC(kube_patch(k, &RES_POD, "default", "x", NULL, KUBE_PATCH_STRATEGIC,
                    json(a, "{\"spec\":{\"containers\":[{\"name\":\"b\",\"image\":\"k\"},"
                            "{\"name\":\"a\",\"$patch\":\"delete\"}]}}"),
                    &o, &e),
         &e, "patch");
    T_EQ_STR(json_text(a, value_at(o->root, "spec.containers"), 0),
             "[{\"name\":\"b\",\"image\":\"k\"}]", "merged");
}

T_MAIN(stores_with_versions, status_is_apart, apply_removes_what_it_had, finalizers_and_grace,
       lists_by_selectors, watches_from_a_version, strategic_merges_by_name)
