#include "monitor/targets.h"

#include <string.h>

#include "kube/cache.h"
#include "monitor/scraper.h"

static const char *annotation(const struct object *pod, const char *key, const char *dflt)
{
    const char *v = object_annotation(pod, key);
    return v && *v ? v : dflt;
}

/* The annotation's port, else the first that a container declares. */
static const char *port_of(const struct object *pod, struct arena *a)
{
    const char *given = annotation(pod, "prometheus.io/port", NULL);
    if (given)
        return given;
    VALUE_EACH_ITEM (c, value_at(pod->root, "spec.containers"))
        VALUE_EACH_ITEM (p, value_get(c, "ports"))
            return arena_printf(a, "%lld", (long long)value_at_int(p, "containerPort", 80));
    return "80";
}

static bool wanted(const struct object *pod)
{
    const char *phase = value_at_str(pod->root, "status.phase", "");
    return strcmp(annotation(pod, "prometheus.io/scrape", "false"), "true") == 0 &&
           !pod->deleting && strcmp(phase, "Running") == 0 &&
           *value_at_str(pod->root, "status.podIP", "");
}

static const char *app_of(const struct object *pod)
{
    const char *app = object_label(pod, "app.kubernetes.io/name");
    if (!app)
        app = object_label(pod, "app");
    return app ? app : pod->name;
}

static int targets_sync(struct controller_ctx *c, const struct key *key, struct arena *a,
                        struct err *e)
{
    (void)e;
    const char *name = arena_printf(a, "pod/%s/%s", key->ns, key->name);
    const struct object *pod = cache_get(c->cache, &RES_POD, key->ns, key->name, a);
    if (!pod || !wanted(pod)) {
        scraper_remove(c->arg, name);
        return 0;
    }
    const char *ip = value_at_str(pod->root, "status.podIP", ""), *port = port_of(pod, a);
    const char *path = annotation(pod, "prometheus.io/path", "/metrics");
    const char *url =
        arena_printf(a, "%s://%s:%s%s%s", annotation(pod, "prometheus.io/scheme", "http"), ip, port,
                     *path == '/' ? "" : "/", path);
    const char *hash = object_label(pod, "pod-template-hash");
    const struct label list[] = {
        {"job",       app_of(pod)    },
        {"instance",  arena_printf(a,  "%s:%s", ip, port)},
        {"namespace",         pod->ns                  },
        {"pod", pod->name},
        {"pod_template_hash",       hash ? hash : ""            },
    };
    struct labels labels = labels_make(a, list, ARRAY_LEN(list));
    scraper_set(c->arg, name, url, &labels);
    return 0;
}

static const struct controller_watch watches[] = {
    {&RES_POD, NULL},
    {NULL,     NULL},
};

const struct controller targets_controller = {
    .name = "scrape-targets", .watches = watches, .workers = 1, .sync = targets_sync};
