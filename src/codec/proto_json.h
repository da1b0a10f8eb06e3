/* proto_json.h - messages of protocol buffers that were written as JSON, into their wire format.
 *
 * Model      Tables say which member is which field. Members that no table names are left out, null
 *            says nothing, and 64-bit numbers may be texts, as the JSON mapping of proto3 has it.
 * Guarantees Pure. What is of another kind than the table says is refused with its name.       */
#pragma once
#include "codec/proto.h"
#include "codec/value.h"

enum proto_json_kind {
    PROTO_JSON_TEXT,
    PROTO_JSON_BASE64,
    PROTO_JSON_HEX, /* bytes as OTLP writes its ids */
    PROTO_JSON_BOOL,
    PROTO_JSON_INT, /* also an enumeration's number */
    PROTO_JSON_ZIGZAG,
    PROTO_JSON_FIXED64,
    PROTO_JSON_DOUBLE,
    PROTO_JSON_MESSAGE,
};

struct proto_json_message;

struct proto_json_field {
    const char *name; /* in lowerCamelCase */
    uint32_t number;
    enum proto_json_kind kind;
    bool repeated;
    const struct proto_json_message *message;
};

struct proto_json_message {
    const struct proto_json_field *fields; /* ended by one without a name */
};

/* Adds the message's fields to `out`, whose maximum the caller checks. */
int proto_json_pack(const struct value *v, const struct proto_json_message *m, struct buf *out,
                    struct err *e) MUST_CHECK;
