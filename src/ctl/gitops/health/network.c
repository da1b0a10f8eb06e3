/* Service and Ingress: those that need a balancer wait for its address. */
#include "ctl/gitops/health/health_int.h"

struct health health__service(const struct value *o, struct arena *a)
{
    (void)a;
    if (strcmp(value_at_str(o, "spec.type", ""), "LoadBalancer") == 0 &&
        value_count(value_at(o, "status.loadBalancer.ingress")) == 0)
        return HEALTH(PROGRESSING, "");
    return HEALTH(HEALTHY, "");
}

struct health health__ingress(const struct value *o, struct arena *a)
{
    (void)a;
    if (value_count(value_at(o, "status.loadBalancer.ingress")) == 0)
        return HEALTH(PROGRESSING, "");
    return HEALTH(HEALTHY, "");
}
