/* otlp_value.h - OTLP's attributes, which its metrics and logs share, as documents. Pure. */
#pragma once
#include "codec/proto_json.h"

/* An AnyValue; NULL: malformed, or nested too deep. Bytes become base64. */
struct value *otlp_value(struct arena *a, struct proto m);
/* A KeyValue, added to an object; false: malformed, or the object has 1024 members. */
bool otlp_pair(struct arena *a, struct proto m, struct value *object);

extern const struct proto_json_message otlp_value_message, otlp_pair_message;
