/* targets.h - pods that ask to be scraped, by their annotations (prometheus.io/scrape, port, path,
 * scheme). */
#pragma once
#include "kube/controller.h"

/* arg: a struct scraper. */
extern const struct controller targets_controller;
