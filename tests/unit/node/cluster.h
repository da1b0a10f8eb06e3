/* cluster.h - a node over a fake API, busybox as every image, loopback as the network. */
#pragma once
#include <poll.h>
#include <unistd.h>

#include "../runtime/sandbox.h"
#include "codec/json.h"
#include "kube/fake.h"
#include "node/image_port.h"
#include "node/net_port.h"
#include "node/node.h"

struct fake_images {
    struct image_source source; /* first */
    const char *layers[1];
};

static int fake_ensure(struct image_source *s, const struct pod_image_query *q, struct arena *a,
                       struct pod_image *out, struct err *e)
{
    static const char *const none[] = {NULL};
    static const char *const env[] = {"PATH=/bin", "FROM_IMAGE=yes", NULL};
    struct fake_images *f = container_of(s, struct fake_images, source);
    if (strstr(q->ref, "missing"))
        return err_set(e, ERR_NOT_FOUND, "%s: not found", q->ref);
    *out = (struct pod_image){.ref = arena_printf(a, "docker.io/library/%s", q->ref),
                              .id = "sha256:1",
                              .digest = "docker.io/library/busybox@sha256:1",
                              .layers = f->layers,
                              .n_layers = 1,
                              .entrypoint = none,
                              .cmd = none,
                              .env = env,
                              .user = "",
                              .workdir = "",
                              .stop_signal = "",
                              .hold = "sha256:1"};
    return 0;
}

static void fake_hold(struct image_source *s, const char *what, const char *holder)
{
    (void)s;
    (void)what;
    (void)holder;
}

static void fake_drop(struct image_source *s, const char *holder)
{
    (void)s;
    (void)holder;
}

struct cluster {
    struct sandbox box;
    struct kube *kube;
    struct fake_images images;
    struct pod_net *net;
    struct node *node;
    char netns[96];
};

static inline void cluster_node(struct cluster *c)
{
    struct err e = {0};
    struct node_opts o = {.kube = c->kube,
                          .images = &c->images.source,
                          .net = c->net,
                          .name = "n1",
                          .address = "127.0.0.1",
                          .dir = c->box.dir,
                          .cgroup_parent = "slipway-test"};
    T_RC(node_start(&o, &c->node, &e), &e, "start the node");
}

static inline void cluster_open(struct cluster *c)
{
    static const struct image_ops ops = {"fake", fake_ensure, fake_hold, fake_drop};
    struct err e = {0};
    *c = (struct cluster){.images.source.ops = &ops};
    T_OK(sandbox_open(&c->box), "sandbox");
    c->images.layers[0] = c->box.layer;
    c->kube = kube_fake_new(&clock_system);
    (void)snprintf(c->netns, sizeof c->netns, "%s/netns", c->box.dir);
    T_RC(pod_net_loopback(c->netns, &c->net, &e), &e, "network");
    cluster_node(c);
}

static inline struct object *cluster_pod(struct cluster *c, const char *name)
{
    struct object *o;
    return kube_get(c->kube, &RES_POD, "default", name, &o, NULL) < 0 ? NULL : o;
}

/* Deletes every pod and waits until the node has let go of them. */
static inline void cluster_close(struct cluster *c)
{
    struct kube_list l;
    struct err e;
    bool left = true;
    for (int i = 0; left && i < 500; i++) {
        if (kube_list(c->kube, &RES_POD, NULL, NULL, &l, &e) < 0)
            break;
        struct kube_delete_opts o = {.grace_s = 1};
        for (size_t k = 0; k < l.n && i % 100 == 0; k++)
            (void)!kube_delete(c->kube, &RES_POD, l.items[k]->ns, l.items[k]->name, &o, &e);
        left = l.n > 0;
        kube_list_done(&l);
        (void)poll(NULL, 0, left ? 20 : 0);
    }
    node_stop(c->node);
    pod_net_loopback_free(c->net);
    kube_free(c->kube);
    sandbox_close(&c->box);
}

static inline void cluster_create(struct cluster *c, const char *yaml)
{
    kube_fake_load(c->kube, yaml);
}

/* Waits until the text at `path` of the pod is `want` (NULL: absent); true when it came. */
static inline bool cluster_wait(struct cluster *c, const char *name, const char *path,
                                const char *want, int ms)
{
    char last[256] = "";
    for (int64_t until = clock_mono_ms() + ms; clock_mono_ms() < until;) {
        struct object *o = cluster_pod(c, name);
        AUTO(arena) struct arena *a = arena_new(0);
        const struct value *v = o ? value_at(o->root, path) : NULL;
        const char *got = !v                          ? NULL
                          : value_is(v, VALUE_STRING) ? value_str(v, "")
                                                      : json_text(a, v, 0);
        bool ok = !got || !want ? got == want : strcmp(got, want) == 0;
        (void)snprintf(last, sizeof last, "%s", got ? got : "(absent)");
        object_unref(o);
        if (ok)
            return true;
        (void)poll(NULL, 0, 5);
    }
    T_FAIL(name, "%s is %s, not %s", path, last, want ? want : "(absent)");
    return false;
}

static inline bool cluster_gone(struct cluster *c, const char *name, int ms)
{
    for (int64_t until = clock_mono_ms() + ms; clock_mono_ms() < until;) {
        struct object *o = cluster_pod(c, name);
        object_unref(o);
        if (!o)
            return true;
        (void)poll(NULL, 0, 5);
    }
    return false;
}

static inline bool cluster_event(struct cluster *c, const char *reason, int ms)
{
    for (int64_t until = clock_mono_ms() + ms; clock_mono_ms() < until;) {
        struct kube_list l;
        bool found = false;
        if (kube_list(c->kube, &RES_EVENT, NULL, NULL, &l, NULL) == 0) {
            for (size_t i = 0; i < l.n; i++)
                found |= strcmp(value_at_str(l.items[i]->root, "reason", ""), reason) == 0;
            kube_list_done(&l);
        }
        if (found)
            return true;
        (void)poll(NULL, 0, 10);
    }
    return false;
}
