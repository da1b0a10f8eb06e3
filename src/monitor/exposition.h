/* exposition.h - Prometheus's text format 0.0.4: samples out of a scraped page. Pure. */
#pragma once
#include "tsdb/labels.h"

/* Called for each sample; labels (with __name__) live for the call. `t_ms` 0: none was given. */
typedef void (*exposition_sample)(void *arg, const struct labels *l, double v, int64_t t_ms);

/* ERR_INVALID names the line; samples before it were given out. */
int exposition_parse(const char *text, size_t n, exposition_sample fn, void *arg,
                     struct err *e) MUST_CHECK;
