/* ready.c - when an object is ready, by its kind, as `helm --wait` judges. */
#include <string.h>

#include "api/intstr.h"
#include "release/release_int.h"

#define SAY(a, ...) arena_printf(a, __VA_ARGS__)

static bool observed(const struct value *root)
{
    return value_at_int(root, "status.observedGeneration", 0) ==
           value_at_int(root, "metadata.generation", 0);
}

static const char *pod(const struct value *root)
{
    return strcmp(value_str(value_get(object_condition(root, "Ready"), "status"), ""), "True") == 0
               ? NULL
               : "is not ready";
}

static const char *job(const struct value *root, struct arena *a, bool *broken)
{
    int64_t failed = value_at_int(root, "status.failed", 0);
    int64_t done = value_at_int(root, "status.succeeded", 0);
    const struct value *wanted = value_at(root, "spec.completions");
    *broken = failed > value_at_int(root, "spec.backoffLimit", 6);
    if (*broken)
        return "is failed";
    return wanted && done < value_int(wanted, 0)
               ? SAY(a, "has %lld of %lld completions", (long long)done,
                     (long long)value_int(wanted, 0))
               : NULL;
}

/* How many pods of a Deployment may be missing. */
static int64_t max_unavailable(const struct value *root, int64_t replicas)
{
    const struct value *rolling = value_at(root, "spec.strategy.rollingUpdate");
    const struct value *surge = value_get(rolling, "maxSurge");
    const struct value *missing = value_get(rolling, "maxUnavailable");
    int64_t more = 0, fewer = 0;
    if (strcmp(value_at_str(root, "spec.strategy.type", ""), "RollingUpdate") != 0 || replicas == 0)
        return 0;
    if ((surge && intstr_scale(surge, replicas, true, &more, NULL) < 0) ||
        (missing && intstr_scale(missing, replicas, false, &fewer, NULL) < 0))
        return 0;
    if (more == 0 && fewer == 0)
        fewer = 1;
    return fewer > replicas ? replicas : fewer;
}

static const char *deployment(const struct release__live *live, struct arena *a)
{
    const struct value *root = live->root, *set = live->current;
    int64_t replicas = value_at_int(root, "spec.replicas", 1);
    int64_t wanted = replicas - max_unavailable(root, replicas);
    int64_t ready = value_at_int(set, "status.readyReplicas", 0);
    if (value_at_bool(root, "spec.paused", false))
        return NULL;
    if (!set)
        return "has no ReplicaSet yet";
    if (!observed(set) || !observed(root))
        return "has not been seen by its controller yet";
    return ready >= wanted ? NULL
                           : SAY(a, "has %lld out of %lld expected pods ready", (long long)ready,
                                 (long long)wanted);
}

static const char *daemon_set(const struct value *root, struct arena *a)
{
    int64_t desired = value_at_int(root, "status.desiredNumberScheduled", 0), missing = 0;
    int64_t updated = value_at_int(root, "status.updatedNumberScheduled", 0);
    int64_t ready = value_at_int(root, "status.numberReady", 0);
    const struct value *rolling =
        value_at(root, "spec.updateStrategy.rollingUpdate.maxUnavailable");
    if (!observed(root))
        return "has not been seen by its controller yet";
    if (strcmp(value_at_str(root, "spec.updateStrategy.type", ""), "RollingUpdate") != 0)
        return NULL;
    if (updated != desired)
        return SAY(a, "has %lld out of %lld expected pods scheduled", (long long)updated,
                   (long long)desired);
    if (rolling && intstr_scale(rolling, desired, true, &missing, NULL) < 0)
        missing = desired;
    return ready >= desired - missing ? NULL
                                      : SAY(a, "has %lld out of %lld expected pods ready",
                                            (long long)ready, (long long)(desired - missing));
}

static const char *stateful_set(const struct value *root, struct arena *a)
{
    int64_t replicas = value_at_int(root, "spec.replicas", 1);
    int64_t partition = value_at_int(root, "spec.updateStrategy.rollingUpdate.partition", 0);
    int64_t updated = value_at_int(root, "status.updatedReplicas", 0);
    int64_t ready = value_at_int(root, "status.readyReplicas", 0);
    if (!observed(root))
        return "has not been seen by its controller yet";
    if (strcmp(value_at_str(root, "spec.updateStrategy.type", ""), "RollingUpdate") != 0)
        return NULL;
    if (updated < replicas - partition)
        return SAY(a, "has %lld out of %lld expected pods scheduled", (long long)updated,
                   (long long)(replicas - partition));
    if (ready != replicas)
        return SAY(a, "has %lld out of %lld expected pods ready", (long long)ready,
                   (long long)replicas);
    return partition == 0 && strcmp(value_at_str(root, "status.currentRevision", ""),
                                    value_at_str(root, "status.updateRevision", "")) != 0
               ? "still has pods of its last revision"
               : NULL;
}

static const char *service(const struct value *root)
{
    const char *type = value_at_str(root, "spec.type", "");
    if (strcmp(type, "ExternalName") == 0)
        return NULL;
    if (!*value_at_str(root, "spec.clusterIP", ""))
        return "has no cluster IP address";
    if (strcmp(type, "LoadBalancer") != 0 || value_count(value_at(root, "spec.externalIPs")) > 0)
        return NULL;
    return value_at(root, "status.loadBalancer.ingress") ? NULL : "has no load balancer address";
}

static const char *crd(const struct value *root)
{
    const struct value *established = object_condition(root, "Established");
    const struct value *accepted = object_condition(root, "NamesAccepted");
    return strcmp(value_str(value_get(established, "status"), ""), "True") == 0 ||
                   strcmp(value_str(value_get(accepted, "status"), ""), "False") == 0
               ? NULL
               : "is not established";
}

static const char *replicas(const struct release__live *live)
{
    return !observed(live->root) ? "has not been seen by its controller yet"
           : live->pods_ready    ? NULL
                                 : "has pods that are not ready";
}

const char *release__unready(const struct release_object *o, const struct release__live *live,
                             bool jobs, struct arena *a, bool *broken)
{
    const char *kind = o->res->kind;
    *broken = false;
    if (o->res == &RES_POD)
        return pod(live->root);
    if (o->res == &RES_JOB)
        return jobs ? job(live->root, a, broken) : NULL;
    if (o->res == &RES_DEPLOYMENT)
        return deployment(live, a);
    if (o->res == &RES_DAEMON_SET)
        return daemon_set(live->root, a);
    if (o->res == &RES_STATEFUL_SET)
        return stateful_set(live->root, a);
    if (o->res == &RES_SERVICE)
        return service(live->root);
    if (o->res == &RES_CRD)
        return crd(live->root);
    if (o->res == &RES_PERSISTENT_VOLUME_CLAIM)
        return strcmp(value_at_str(live->root, "status.phase", ""), "Bound") == 0 ? NULL
                                                                                  : "is not bound";
    if (o->res == &RES_REPLICA_SET || strcmp(kind, "ReplicationController") == 0)
        return replicas(live);
    return NULL;
}

/* ---- which ReplicaSet ---- */

static struct value *without_hash(struct arena *a, const struct value *template)
{
    struct value *t = value_copy(a, template);
    struct value *labels = value_at_mut(t, "metadata.labels");
    if (labels)
        (void)value_remove(labels, "pod-template-hash");
    return t;
}

static bool is_older(const struct value *x, const struct value *y)
{
    int c = strcmp(value_at_str(x, "metadata.creationTimestamp", ""),
                   value_at_str(y, "metadata.creationTimestamp", ""));
    return c ? c < 0
             : strcmp(value_at_str(x, "metadata.name", ""), value_at_str(y, "metadata.name", "")) <
                   0;
}

const struct value *release__new_replica_set(const struct value *deployment,
                                             const struct kube_list *sets)
{
    AUTO(arena) struct arena *a = arena_new(0);
    const struct value *template = without_hash(a, value_at(deployment, "spec.template"));
    const char *uid = value_at_str(deployment, "metadata.uid", "");
    const struct value *best = NULL;
    for (size_t i = 0; i < sets->n; i++) {
        const struct value *root = sets->items[i]->root;
        const char *owner = value_str(value_get(object_controller(sets->items[i]), "uid"), "");
        if (strcmp(owner, uid) == 0 &&
            value_equal(without_hash(a, value_at(root, "spec.template")), template) &&
            (!best || is_older(root, best)))
            best = root;
    }
    return best;
}
