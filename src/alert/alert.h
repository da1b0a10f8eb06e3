/* alert.h - what is told about an alert: by rules, or by whoever posts to the API. */
#pragma once
#include "tsdb/labels.h"

struct alert_post {
    struct labels labels, annotations;
    int64_t starts_ms, ends_ms; /* 0: not said. It is over once ends_ms has passed */
    const char *generator_url;  /* "" */
};
