/* config.h - the pruner's configuration: read, and refused when anything in it is not known. */
#pragma once
#include "codec/value.h"

enum prune_config {
    PRUNE_GLOBAL,    /* global-config, Tekton Pruner's */
    PRUNE_NAMESPACE, /* ns-config, Tekton Pruner's */
    PRUNE_IMAGES,    /* slipway-images */
    PRUNE_LOGS,      /* slipway-logs */
};

/* ERR_INVALID names the field; an empty text gives NULL. */
int prune_config_read(const char *text, enum prune_config which, struct arena *a,
                      const struct value **out, struct err *e) MUST_CHECK;
