/* pruner_int.h - what the files of ctl/pruner share. */
#pragma once
#include "base/map.h"
#include "ctl/pruner/pruner.h"
#include "logdb/logdb.h"
#include "oci/images.h"

struct pruner {
    struct image_store *images;
    struct logdb *logs;
    struct map good;    /* "NAMESPACE/NAME/KEY" -> text in force */
    struct map refused; /* the same -> text that was complained about */
};

/* One round over the registry. `config`: slipway-images, or NULL. */
int pruner__images(struct pruner *p, struct controller_ctx *c, const struct value *config,
                   struct arena *a, struct err *e) MUST_CHECK;
