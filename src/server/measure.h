/* measure.h - what is measured without asking: containers by cAdvisor's names, the node by
 * node_exporter's, objects by kube-state-metrics'; each with the job that dashboards for these
 * ask for. */
#pragma once
#include "monitor/scraper.h"

struct node;
struct kube;

/* node NULL: no containers and no machine; kube NULL: no objects. Both outlive the scraper. */
void measure_start(struct scraper *s, struct node *node, struct kube *kube);
