#include "kube/cache.h"
#include "kube/controller.h"
#include "kube/events.h"
#include "kube/fake.h"
#include "kube/fan.h"
#include "kube/write.h"
#include "t.h"

#include <pthread.h>
#include <stdatomic.h>

/* A controller that gives each ConfigMap a Secret of its name, and counts. */
struct mirror {
    atomic_int syncs;
    int fail, code;
};

static int mirror_sync(struct controller_ctx *c, const struct key *key, struct arena *a,
                       struct err *e)
{
    struct mirror *m = c->arg;
    m->syncs++;
    if (m->fail > 0) {
        m->fail--;
        return err_set(e, m->code, "made to fail");
    }
    const struct object *cm = cache_get(c->cache, &RES_CONFIG_MAP, key->ns, key->name, a);
    if (!cm || cache_owned(c->cache, &RES_SECRET, cm->uid, a).n)
        return 0;
    struct value *s = value_new_object(a);
    struct value *meta = value_make_object(a, s, "metadata");
    (void)value_set_str(a, meta, "name", cm->name);
    (void)value_set_str(a, meta, "namespace", cm->ns);
    (void)value_push(a, value_make_array(a, meta, "ownerReferences"),
                     owner_reference(a, &RES_CONFIG_MAP, cm));
    event_normal(c, &RES_CONFIG_MAP, cm, "Mirrored", "made secret %s", cm->name);
    return write_create(c, &RES_SECRET, s, a, NULL, e);
}

static void of_secret(const struct object *o, struct controller_ctx *c, struct key_sink *s)
{
    (void)c;
    keys_of_owner(o, "ConfigMap", s);
}

static const struct controller_watch WATCHES[] = {
    {.resource = &RES_CONFIG_MAP},
    {&RES_SECRET, .keys_of = of_secret},
    {NULL}
};
static const struct controller MIRROR = {.name = "mirror", .watches = WATCHES, .sync = mirror_sync};

#define CM(name) "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: " name "}\n"

static size_t count(struct kube *k, const struct resource *r)
{
    struct kube_list l = {0};
    struct err e = {0};
    T_RC(kube_list(k, r, NULL, NULL, &l, &e), &e, "list");
    size_t n = l.n;
    kube_list_done(&l);
    return n;
}

static void by_hand(void)
{
    struct fake_clock clock;
    fake_clock_init(&clock, 1700000000000);
    AUTO(kube) struct kube *k = kube_fake_new(&clock.clock);
    struct mirror m = {0};
    AUTO(runner) struct runner *r = runner_new(k, &clock.clock, 0);
    runner_add(r, &MIRROR, &m);
    kube_fake_load(k, CM("a"));
    T_EQ_INT(runner_settle(r, 100), 2, "the object, then the secret it made");
    T_EQ_INT(count(k, &RES_SECRET), 1, "made");
    T_EQ_INT(count(k, &RES_EVENT), 1, "told");

    struct err e = {0};
    T_RC(kube_delete(k, &RES_SECRET, "default", "a", NULL, &e), &e, "delete");
    (void)runner_settle(r, 100);
    T_EQ_INT(count(k, &RES_SECRET), 1, "made again");
    T_EQ_INT(count(k, &RES_EVENT), 1, "the same sentence is counted, not repeated");

    kube_fake_load(k, CM("b"));
    kube_fake_compact(k);
    (void)runner_settle(r, 100);
    T_EQ_INT(count(k, &RES_SECRET), 2, "found by listing again");
}

static bool is_labelled(const struct object *o)
{
    return object_label(o, "ours") != NULL;
}

static const struct controller FILTER = {
    .name = "filter", .watches = WATCHES, .concerns = is_labelled, .sync = mirror_sync};

static void is_spared_what_does_not_concern_it(void)
{
    static const struct {
        const char *name, *ours; /* the label; NULL: none */
        size_t syncs;
    } steps[] = {
        {"never one of ours", NULL, 0}, {"becomes one", "1", 1},     {"stays one", "2", 1},
        {"is one no longer", NULL, 1},  {"nor at a change", "", 0},  {"and is again", "1", 1},
    };
    struct fake_clock clock;
    fake_clock_init(&clock, 1700000000000);
    AUTO(kube) struct kube *k = kube_fake_new(&clock.clock);
    AUTO(arena) struct arena *a = arena_new(0);
    struct mirror m = {.fail = 1000, .code = ERR_INVALID}; /* counts only */
    struct err e = {0};
    AUTO(runner) struct runner *r = runner_new(k, &clock.clock, 0);
    runner_add(r, &FILTER, &m);
    kube_fake_load(k, CM("a") "---\n" CM("b"));
    T_EQ_INT(runner_settle(r, 100), 0, "of others");
    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        struct value *patch = value_new_object(a);
        struct value *meta = value_make_object(a, patch, "metadata");
        struct value *labels = value_make_object(a, meta, "labels");
        (void)value_set_str(a, labels, "step", steps[i].name);
        if (!steps[i].ours)
            (void)value_set(a, labels, "ours", value_null(a));
        else if (*steps[i].ours)
            (void)value_set_str(a, labels, "ours", steps[i].ours);
        T_RC(kube_patch(k, &RES_CONFIG_MAP, "default", "a", NULL, KUBE_PATCH_MERGE, patch, NULL, &e),
             &e, "patch");
        T_EQ_INT(runner_settle(r, 100), steps[i].syncs, steps[i].name);
    }
    T_RC(kube_delete(k, &RES_CONFIG_MAP, "default", "a", NULL, &e), &e, "delete");
    T_EQ_INT(runner_settle(r, 100), 1, "one of ours is gone");
    T_RC(kube_delete(k, &RES_CONFIG_MAP, "default", "b", NULL, &e), &e, "delete");
    T_EQ_INT(runner_settle(r, 100), 0, "one of others is gone");
}

static void failures_back_off(void)
{
    struct fake_clock clock;
    fake_clock_init(&clock, 1700000000000);
    AUTO(kube) struct kube *k = kube_fake_new(&clock.clock);
    struct mirror m = {.fail = 3, .code = ERR_SYSTEM};
    AUTO(runner) struct runner *r = runner_new(k, &clock.clock, 0);
    runner_add(r, &MIRROR, &m);
    kube_fake_load(k, CM("a"));
    T_EQ_INT(runner_settle(r, 100), 1, "once");
    for (int i = 0, wait = 5; i < 2; i++, wait *= 2) {
        T_EQ_INT(runner_next_due_ms(r) - clock.ms, wait, "then later");
        fake_clock_move(&clock, wait);
        T_EQ_INT(runner_settle(r, 100), 1, "once more");
    }
    fake_clock_move(&clock, 20);
    (void)runner_settle(r, 100);
    T_EQ_INT(count(k, &RES_SECRET), 1, "done in the end");
    T_EQ_INT(runner_next_due_ms(r), INT64_MAX, "settled");

    m.fail = 1;
    m.code = ERR_INVALID;
    kube_fake_load(k, CM("b"));
    (void)runner_settle(r, 100);
    T_EQ_INT(runner_next_due_ms(r), INT64_MAX, "blamed input is not tried again");
}

static void stale_writes_are_retried(void)
{
    struct fake_clock clock;
    fake_clock_init(&clock, 1700000000000);
    AUTO(kube) struct kube *k = kube_fake_new(&clock.clock);
    struct mirror m = {0};
    AUTO(runner) struct runner *r = runner_new(k, &clock.clock, 0);
    runner_add(r, &MIRROR, &m);
    kube_fake_fail(k, "create", &RES_SECRET, 2, ERR_CONFLICT);
    kube_fake_load(k, CM("a"));
    for (int i = 0; i < 10; i++) {
        (void)runner_settle(r, 100);
        fake_clock_move(&clock, 100);
    }
    T_EQ_INT(count(k, &RES_SECRET), 1, "made");
}

static void with_threads(void)
{
    AUTO(kube) struct kube *k = kube_fake_new(&clock_system);
    struct mirror m = {0};
    struct err e = {0};
    AUTO(runner) struct runner *r = runner_new(k, &clock_system, 4);
    runner_add(r, &MIRROR, &m);
    T_RC(runner_start(r, &e), &e, "start");
    for (int i = 0; i < 200; i++) {
        char text[128];
        (void)snprintf(text, sizeof text, CM("cm-%d"), i);
        kube_fake_load(k, text);
    }
    for (int i = 0; i < 500 && count(k, &RES_SECRET) < 200; i++)
        (void)usleep(10000);
    T_EQ_INT(count(k, &RES_SECRET), 200, "one each");
    runner_stop(r);
}

static void count_up(void *arg, size_t i)
{
    atomic_int *seen = arg;
    seen[i]++;
}

static void fan_calls_each_once(void)
{
    AUTO(fan) struct fan *f = fan_new(8);
    static atomic_int seen[1000];
    for (int round = 1; round <= 3; round++) {
        fan_run(f, 1000, count_up, seen);
        for (int i = 0; i < 1000; i++)
            T_EQ_INT(seen[i], round, "once a round");
    }
}

/* A resource that another controller watches, too, under another address: as CRDs serve it. */
static int also_sync(struct controller_ctx *c, const struct key *key, struct arena *a,
                     struct err *e)
{
    static struct resource as_served;
    atomic_int *seen = c->arg;
    (void)a, (void)e;
    as_served = RES_CONFIG_MAP;
    controller_watch_also(c, &(struct controller_watch){&as_served, NULL});
    *seen += strcmp(key->name, "late") == 0;
    return 0;
}

static void hears_of_what_others_watch(void)
{
    static const struct controller_watch watches[] = {
        {.resource = &RES_SECRET},
        {NULL}
    };
    static const struct controller also = {.name = "also", .watches = watches, .sync = also_sync};
    struct fake_clock clock;
    fake_clock_init(&clock, 1700000000000);
    AUTO(kube) struct kube *k = kube_fake_new(&clock.clock);
    struct mirror m = {0};
    atomic_int seen = 0;
    AUTO(runner) struct runner *r = runner_new(k, &clock.clock, 0);
    runner_add(r, &MIRROR, &m);
    runner_add(r, &also, &seen);
    kube_fake_load(k, CM("a"));
    (void)runner_settle(r, 100); /* the mirror's Secret makes it watch */
    kube_fake_load(k, CM("late"));
    (void)runner_settle(r, 100);
    seen = 0; /* of the Secret that the mirror made */
    struct err e = {0};
    T_RC(kube_delete(k, &RES_CONFIG_MAP, "default", "late", NULL, &e), &e, "delete");
    (void)runner_settle(r, 100);
    T_OK(seen > 0, "told of the end of what another one watches");
}

T_MAIN(hears_of_what_others_watch, by_hand, is_spared_what_does_not_concern_it, failures_back_off,
       stale_writes_are_retried, with_threads, fan_calls_each_once)
