/* Whatever order things happen in, and wherever the process dies: the end is the same. */
#include "sim.h"
#include "t.h"

static const char WORLD[] =
    "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n"
    "  replicas: 3\n  selector: {matchLabels: {app: web}}\n  strategy: {type: RollingUpdate, "
    "rollingUpdate: {maxSurge: 1, maxUnavailable: 1}}\n"
    "  template:\n    metadata: {labels: {app: web}}\n"
    "    spec: {containers: [{name: c, image: 'nginx:1'}]}\n"
    "---\napiVersion: v1\nkind: Service\nmetadata: {name: web}\n"
    "spec: {selector: {app: web}, ports: [{port: 80}]}\n"
    "---\napiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: db}\nspec:\n"
    "  replicas: 2\n  serviceName: db\n  selector: {matchLabels: {app: db}}\n"
    "  template:\n    metadata: {labels: {app: db}}\n"
    "    spec: {containers: [{name: c, image: 'pg:1'}]}\n"
    "---\napiVersion: batch/v1\nkind: Job\nmetadata: {name: j}\nspec:\n"
    "  completions: 3\n  parallelism: 2\n"
    "  template: {spec: {restartPolicy: Never, containers: [{name: c, image: 'b:1'}]}}\n";

#define IMAGE(i)                                                                                   \
    "{\"spec\":{\"template\":{\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"" i "\"}]}}}}"

static int64_t number(struct sim *s, const struct resource *r, const char *name, const char *path)
{
    AUTO(object) struct object *o = NULL;
    struct err e = {0};
    if (kube_get(s->kube, r, "demo", name, &o, &e) < 0)
        return -1;
    return value_at_int(o->root, path, 0);
}

static size_t with_image(struct sim *s, const char *image)
{
    struct kube_list l = {0};
    struct err e = {0};
    size_t n = 0;
    T_RC(kube_list(s->kube, &RES_POD, "demo", NULL, &l, &e), &e, "list");
    for (size_t i = 0; i < l.n; i++)
        n += strcmp(value_at_str(l.items[i]->root, "spec.containers[0].image", ""), image) == 0 &&
             !l.items[i]->deleting;
    kube_list_done(&l);
    return n;
}

static size_t endpoints(struct sim *s)
{
    struct kube_list l = {0};
    struct err e = {0};
    size_t n = 0;
    T_RC(kube_list(s->kube, &RES_ENDPOINT_SLICE, "demo",
                   &(struct kube_list_opts){"kubernetes.io/service-name=web", NULL}, &l, &e),
         &e, "list");
    for (size_t i = 0; i < l.n; i++)
        n += value_count(value_get(l.items[i]->root, "endpoints"));
    kube_list_done(&l);
    return n;
}

/* One life of the cluster; the number of writes that its controllers made. */
static unsigned long live(uint64_t seed, unsigned long die_at, bool after)
{
    struct sim s;
    char name[200];
    sim_up(&s, seed, die_at, after);
    sim_apply(&s, WORLD);
    bool settled = sim_run(&s, 20000);
    sim_patch(&s, &RES_DEPLOYMENT, "web", IMAGE("nginx:2"));
    settled = sim_run(&s, 20000) && settled;
    unsigned long writes = s.mortal.writes;
    (void)snprintf(name, sizeof name, "seed %llu, died %s", (unsigned long long)seed,
                   s.restarts ? s.mortal.point : "never");
    T_OK(settled, name);
    T_EQ_INT(with_image(&s, "nginx:2"), 3, name);
    T_EQ_INT(with_image(&s, "nginx:1"), 0, name);
    T_EQ_INT(endpoints(&s), 3, name);
    T_EQ_INT(number(&s, &RES_DEPLOYMENT, "web", "status.availableReplicas"), 3, name);
    T_EQ_INT(number(&s, &RES_STATEFUL_SET, "db", "status.readyReplicas"), 2, name);
    T_EQ_INT(number(&s, &RES_JOB, "j", "status.succeeded"), 3, name);
    T_EQ_INT(sim_count(&s, &RES_POD, "job-name=j"), 3, name);
    T_EQ_INT(sim_count(&s, &RES_REPLICA_SET, "app=web"), 2, name);

    struct err e = {0};
    T_RC(kube_delete(s.kube, &RES_NAMESPACE, NULL, "demo", NULL, &e), &e, name);
    T_OK(sim_run(&s, 20000), name);
    AUTO(object) struct object *ns = NULL;
    T_EQ_INT(kube_get(s.kube, &RES_NAMESPACE, NULL, "demo", &ns, &e), ERR_NOT_FOUND, name);
    T_EQ_INT(sim_count(&s, &RES_POD, NULL), 0, name);
    sim_down(&s);
    return writes;
}

static void any_order(void)
{
    for (uint64_t seed = 1; seed <= 4; seed++)
        (void)live(seed * 7919, 0, false);
}

/* Every 13th write in turn, so that all kinds of points come up within seconds. */
static void any_death(void)
{
    unsigned long writes = live(1, 0, false);
    for (unsigned long at = 1; at <= writes; at += 13)
        (void)live(at, at, at % 2);
}

T_MAIN(any_order, any_death)
