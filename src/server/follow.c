#include "server/follow.h"

#include <string.h>

#include "kube/cache.h"
#include "logs/collector.h"

/* Labels of the pod that its lines carry, and what they are called there. */
static const struct {
    const char *label, *as;
} carried[] = {
    {"app",                     "app"         },
    {"app.kubernetes.io/name",  "app"         },
    {"slipway.dev/commit",      "commit"      },
    {"slipway.dev/repository",  "repository"  },
    {"tekton.dev/pipelineRun",  "pipeline_run"},
    {"tekton.dev/pipelineTask", "task"        },
};

static int follow_sync(struct controller_ctx *c, const struct key *key, struct arena *a,
                       struct err *e)
{
    (void)e;
    const struct object *pod = cache_get(c->cache, &RES_POD, key->ns, key->name, a);
    if (!pod) {
        collector_forget(c->arg, key->ns, key->name);
        return 0;
    }
    struct value *labels = value_new_object(a);
    (void)value_set_str(a, labels, "namespace", pod->ns);
    (void)value_set_str(a, labels, "pod", pod->name);
    for (size_t i = 0; i < ARRAY_LEN(carried); i++) {
        const char *v = object_label(pod, carried[i].label);
        if (v)
            (void)value_set_str(a, labels, carried[i].as, v);
    }
    collector_follow(c->arg, pod->uid, labels);
    return 0;
}

static const struct controller_watch watches[] = {
    {&RES_POD, NULL},
    {NULL,     NULL},
};

const struct controller follow_controller = {
    .name = "log-collector", .watches = watches, .workers = 1, .sync = follow_sync};
