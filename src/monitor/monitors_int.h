/* monitors_int.h - what the files of monitors share. */
#pragma once
#include "kube/cache.h"
#include "monitor/monitors.h"
#include "monitor/scraper.h"

/* One endpoint of a monitor, ready to be asked. */
struct endpoint {
    const struct value *spec;
    struct scrape_opts opts; /* without `relabel`, which every target gets of its own */
    struct relabel *relabel; /* of targets */
};

/* Reads monitor_endpoint's fields and the secrets they name. ERR_INVALID: what is not done here. */
int monitors__endpoint(struct controller_ctx *c, const struct object *monitor,
                       const struct value *spec, struct arena *a, struct endpoint *out,
                       struct err *e) MUST_CHECK;
/* The monitor's own fields. */
int monitors__check(const struct object *monitor, struct err *e) MUST_CHECK;
