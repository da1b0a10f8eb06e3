/* config_int.h - within the check of a configuration. */
#pragma once
#include "codec/value.h"
#include "rules/config.h"

struct config_check {
    struct arena *arena;
    const char *dir; /* of the file */
    const struct value *root;
    struct err *e;
};

/* What must hold of an object of the shape `name` beyond its fields. */
int config__holds(struct config_check *c, const char *name, const struct value *v) MUST_CHECK;

/* Of services that are found. */
int config__discovery_holds(struct config_check *c, const char *name,
                            const struct value *v) MUST_CHECK;

/* What must hold where fields of HTTP clients are. */
int config__client_holds(struct config_check *c, const char *name,
                         const struct value *v) MUST_CHECK;

/* Of the whole file; `files` its scrape_config_files. */
int config__whole_holds(struct config_check *c, bool agent) MUST_CHECK;

/* An object as the shape `name` has it, with all below. */
int config__walk(struct config_check *c, const char *name, const struct value *v) MUST_CHECK;

int config__read(struct config_check *c, const char *path, const struct value **out) MUST_CHECK;

/* "" when it is not there or null; numbers as they are written. */
const char *config__text(const struct value *object, const char *field);
bool config__has(const struct value *object, const char *field); /* and it is not null */
bool config__set(const struct value *object, const char *field); /* and it is not empty */
