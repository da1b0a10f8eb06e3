/* service.h - what a Service sends traffic to; shared by Endpoints and EndpointSlices. */
#pragma once
#include "kube/cache.h"
#include "kube/controller.h"

struct service_view {
    const struct object *service;
    struct object_list pods; /* that its selector takes */
    struct object_list nodes;
    struct object_list slices; /* of this service, ours; empty for Endpoints */
};

/* True when its endpoints are made from its selector. */
bool service_is_selecting(const struct object *service);
bool service_is_headless(const struct object *service);
bool service_publishes_not_ready(const struct object *service);

/* The number behind a Service's port in this pod; 0 when the pod has no port of that name. */
int64_t service_target_port(const struct object *pod, const struct value *port);

/* "first" when the pod has a DNS name of its own below the service, else NULL. */
const char *service_hostname(const struct object *service, const struct object *pod);

/* Has an address and has not ended. */
bool service_may_serve(const struct object *pod);
/* Its node is known, or does not matter. */
bool service_node_known(const struct service_view *v, const struct object *pod);
struct value *service_pod_ref(struct arena *a, const struct object *pod);

/* For keys_of of a Pod: the Services that select it. Those that did must be added, by who is in
 * their endpoints. */
void keys_of_service(const struct object *pod, struct controller_ctx *c, struct key_sink *s);
/* Fills pods and nodes. */
void service_observe(struct controller_ctx *c, struct service_view *v, struct arena *a);
