/* protobuf_int.h - the tables that tools/wire-gen.py makes of schemas/wire.txt. */
#pragma once
#include <stddef.h>
#include <stdint.h>

enum wire_type {
    WIRE_TEXT,
    WIRE_BOOL,
    WIRE_INT,
    WIRE_BYTES,
    WIRE_DOUBLE,
    WIRE_TIME,
    WIRE_MICRO_TIME,
    WIRE_INT_OR_STRING,
    WIRE_QUANTITY,
    WIRE_RAW,
    WIRE_DURATION,
    WIRE_TEXTS, /* a message whose one field is a list of texts */
    WIRE_MESSAGE,
};

enum wire_flag { WIRE_REPEATED = 1, WIRE_OPTIONAL = 2, WIRE_MAP = 4 };

struct wire_field {
    const char *name; /* NULL: its fields stand in the object around it */
    uint16_t number;
    uint8_t type;
    uint16_t message;
    uint8_t flags;
};

struct wire_message {
    const char *name; /* "apps.v1.Deployment" */
    const struct wire_field *fields;
    unsigned n;
};

extern const struct wire_message wire_messages[]; /* by name */
extern const unsigned wire_n_messages;
