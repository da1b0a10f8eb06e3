/* monitors.h - targets that ServiceMonitors and PodMonitors name, as the Prometheus Operator reads
 * them.
 *
 * Model      A monitor's targets are the endpoints of the services (or the pods) that its selector
 *            fits, one for each of its endpoints' ports. They get the operator's labels: namespace,
 *            service, pod, container, endpoint and job; then its relabelings are applied.
 * Guarantees A monitor that asks for what is not done here is named in an Event and in the log, and
 *            none of its targets is asked. Secrets are read again every minute.             */
#pragma once
#include "kube/controller.h"

/* arg of both: a struct scraper. */
extern const struct controller service_monitors_controller;
extern const struct controller pod_monitors_controller;
