/* measure.h - what is measured without asking: containers by cAdvisor's names, the node by
 * node_exporter's, objects by kube-state-metrics', and slipway itself; each with the job that
 * dashboards for these ask for. */
#pragma once
#include "logdb/logdb.h"
#include "monitor/scraper.h"

struct node;
struct kube;

/* slipway's own stores. */
struct measured_self {
    struct tsdb *metrics;
    struct logdb *logs;
    int64_t started_ms;
};

/* node NULL: no containers and no machine; kube NULL: no objects. All outlive the scraper. */
void measure_start(struct scraper *s, struct node *node, struct kube *kube,
                   struct measured_self *self);
