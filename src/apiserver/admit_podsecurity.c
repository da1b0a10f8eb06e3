/* admit_podsecurity.c - a namespace's labels say which pods it takes (Pod Security Admission).
 *
 * pod-security.kubernetes.io/enforce refuses pods, …/warn sends Warning headers, for pods and for
 * what makes pods; …-version says which release's rules are meant. */
#include <string.h>

#include "api/podsecurity.h"
#include "apiserver/admission_int.h"

static const char *label(const struct value *ns, const char *mode, const char *what, struct call *c)
{
    const char *key = arena_printf(c->a, "pod-security.kubernetes.io/%s%s", mode, what);
    return value_str(value_get(value_at(ns, "metadata.labels"), key), "");
}

/* What is wrong in the namespace's mode, and what to call its rules. */
static const char *violations(struct call *c, const struct value *ns, const char *mode,
                              const struct value *pod, const char **rules)
{
    const char *level = label(ns, mode, "", c), *version = label(ns, mode, "-version", c);
    *rules = arena_printf(c->a, "%s:%s", level, *version ? version : "latest");
    if (!podsecurity_level_known(level))
        return NULL;
    return podsecurity_violations(level, version, value_get(pod, "spec"),
                                  value_at(pod, "metadata.annotations"), c->a);
}

/* The pod in a pod, or in what makes pods; NULL: there is none. */
static const struct value *pod_in(const struct resource *r, const struct value *obj)
{
    static const struct resource *const makers[] = {&RES_DEPLOYMENT,   &RES_REPLICA_SET,
                                                    &RES_STATEFUL_SET, &RES_DAEMON_SET,
                                                    &RES_JOB,          &RES_REPLICATION_CONTROLLER};
    if (r == &RES_POD)
        return obj;
    if (r == &RES_POD_TEMPLATE)
        return value_get(obj, "template");
    if (r == &RES_CRON_JOB)
        return value_at(obj, "spec.jobTemplate.spec.template");
    for (size_t i = 0; i < ARRAY_LEN(makers); i++)
        if (r == makers[i])
            return value_at(obj, "spec.template");
    return NULL;
}

int admit_pod_security(struct call *c, const struct served *k, const struct value *ns,
                       const struct value *obj)
{
    const struct value *pod = pod_in(k->res, obj);
    const char *rules, *why;
    if (!pod || !ns)
        return 0;
    why = violations(c, ns, "enforce", pod, &rules);
    if (why && k->res == &RES_POD)
        return refuse_forbidden(c, k, value_at_str(obj, "metadata.name", ""),
                                "violates PodSecurity \"%s\": %s", rules, why);
    why = violations(c, ns, "warn", pod, &rules);
    if (why)
        call_warn(c, arena_printf(c->a, "would violate PodSecurity \"%s\": %s", rules, why));
    return 0;
}
