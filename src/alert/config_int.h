/* config_int.h - what the files that read the configuration share. */
#pragma once
#include "alert/config.h"

enum alert_field_kind { FIELD_ANY, FIELD_TEXT, FIELD_BOOL, FIELD_SPAN, FIELD_NUMBER };

/* A field that an object of the file may have. */
struct alert_field {
    const char *name;
    enum alert_field_kind kind;
    bool secret;
    const struct alert_field *inner; /* of an object's fields; NULL: not looked into */
};

/* ERR_INVALID names a field that is not in the table, or of the wrong kind, by line. */
int alert_fields_check(const struct value *v, const char *what, const struct alert_field *table,
                       struct err *e) MUST_CHECK;
/* Whether a field of this name holds a secret, wherever it stands. */
bool alert_field_is_secret(const char *name);

/* ways.c: the receivers, with the global settings laid below theirs. */
extern const struct alert_field alert_global_fields[];
int alert_receivers_read(struct alert_config *c, const struct value *root,
                         struct err *e) MUST_CHECK;

/* "5m" */
int alert_span(const struct value *v, const char *name, int64_t dflt_ms, int64_t *out,
               struct err *e) MUST_CHECK;
