#include "codec/otlp_value.h"

#include "codec/base64.h"

enum { DEPTH_MAX = 16, ITEMS_MAX = 1024 /* of a list: each key is compared with all */ };

static const struct proto_json_message array_message = {
    (const struct proto_json_field[]){
                                      {"values", 1, PROTO_JSON_MESSAGE, true, &otlp_value_message},
                                      {0},
                                      }
};
static const struct proto_json_message list_message = {
    (const struct proto_json_field[]){
                                      {"values", 1, PROTO_JSON_MESSAGE, true, &otlp_pair_message},
                                      {0},
                                      }
};
const struct proto_json_message otlp_value_message = {
    (const struct proto_json_field[]){
                                      {"stringValue", 1, PROTO_JSON_TEXT, false, NULL},
                                      {"boolValue", 2, PROTO_JSON_BOOL, false, NULL},
                                      {"intValue", 3, PROTO_JSON_INT, false, NULL},
                                      {"doubleValue", 4, PROTO_JSON_DOUBLE, false, NULL},
                                      {"arrayValue", 5, PROTO_JSON_MESSAGE, false, &array_message},
                                      {"kvlistValue", 6, PROTO_JSON_MESSAGE, false, &list_message},
                                      {"bytesValue", 7, PROTO_JSON_BASE64, false, NULL},
                                      {0},
                                      }
};
const struct proto_json_message otlp_pair_message = {
    (const struct proto_json_field[]){
                                      {"key", 1, PROTO_JSON_TEXT, false, NULL},
                                      {"value", 2, PROTO_JSON_MESSAGE, false, &otlp_value_message},
                                      {0},
                                      }
};

static struct value *value_of(struct arena *a, struct proto m, unsigned depth);

static bool add_pair(struct arena *a, struct proto m, struct value *object, unsigned depth)
{
    const char *key = "";
    struct proto body = proto_of("", 0);
    if (value_members_count(object) == ITEMS_MAX)
        return false;
    for (struct proto_field f; proto_next(&m, &f);) {
        if (f.number == 1 && !proto_text(a, &f, &key))
            return false;
        if (f.number == 2 && f.type == PROTO_BYTES)
            body = f.bytes;
    }
    struct value *v = m.broken ? NULL : value_of(a, body, depth);
    if (v)
        (void)value_set(a, object, key, v);
    return v != NULL;
}

static struct value *list_of(struct arena *a, struct proto m, bool pairs, unsigned depth)
{
    struct value *list = pairs ? value_new_object(a) : value_new_array(a);
    for (struct proto_field f; proto_next(&m, &f);) {
        if (f.number != 1 || f.type != PROTO_BYTES)
            continue;
        if (pairs) {
            if (!add_pair(a, f.bytes, list, depth + 1))
                return NULL;
            continue;
        }
        struct value *v = value_count(list) == ITEMS_MAX ? NULL : value_of(a, f.bytes, depth + 1);
        if (!v)
            return NULL;
        (void)value_push(a, list, v);
    }
    return m.broken ? NULL : list;
}

static struct value *value_of(struct arena *a, struct proto m, unsigned depth)
{
    struct value *v = value_null(a);
    const char *text;
    if (depth > DEPTH_MAX)
        return NULL;
    for (struct proto_field f; v && proto_next(&m, &f);) {
        if (f.number == 1)
            v = proto_text(a, &f, &text) ? value_new_str(a, text) : NULL;
        else if (f.number == 2)
            v = value_new_bool(a, f.v != 0);
        else if (f.number == 3)
            v = value_new_int(a, (int64_t)f.v);
        else if (f.number == 4)
            v = value_new_float(a, proto_double(f.v));
        else if ((f.number == 5 || f.number == 6) && f.type == PROTO_BYTES)
            v = list_of(a, f.bytes, f.number == 6, depth);
        else if (f.number == 7 && f.type == PROTO_BYTES)
            v = value_new_str(a, base64_encode(a, f.bytes.p, proto_left(&f.bytes), BASE64_STD));
    }
    return m.broken ? NULL : v;
}

struct value *otlp_value(struct arena *a, struct proto m)
{
    return value_of(a, m, 0);
}

bool otlp_pair(struct arena *a, struct proto m, struct value *object)
{
    return add_pair(a, m, object, 0);
}
