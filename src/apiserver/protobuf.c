#include "apiserver/protobuf.h"

#include <string.h>

#include "apiserver/protobuf_int.h"
#include "base/clock.h"
#include "codec/base64.h"
#include "codec/json.h"
#include "codec/proto.h"
#include "codec/utf8.h"

enum {
    DEPTH_MAX = 64,
    KEYS_MAX = 16 * 1024, /* of one map: each key is compared with those before it */
};

static const struct wire_message *find_message(const char *name)
{
    size_t lo = 0, hi = wire_n_messages;
    while (lo < hi) {
        size_t mid = (lo + hi) / 2;
        int c = strcmp(wire_messages[mid].name, name);
        if (c == 0)
            return &wire_messages[mid];
        if (c < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return NULL;
}

static const struct wire_field *find_field(const struct wire_message *m, unsigned number)
{
    for (unsigned i = 0; i < m->n; i++)
        if (m->fields[i].number == number)
            return &m->fields[i];
    return NULL;
}

/* ---- the types that JSON writes in a way of their own ---- */

/* Bytes that are no UTF-8 become U+FFFD, as in JSON. */
static struct value *text_of(struct arena *a, const struct proto *b)
{
    const char *p = (const char *)b->p;
    size_t n = (size_t)(b->end - b->p), good = 0;
    if (n == 0)
        return value_new_str(a, "");
    for (size_t len; good < n && (len = utf8_valid(p + good, n - good)) > 0;)
        good += len;
    if (good == n)
        return value_new_strn(a, p, n);
    char *out = arena_alloc(a, 3 * n + 1);
    size_t m = 0;
    for (size_t i = 0; i < n;) {
        size_t len = utf8_valid(p + i, n - i);
        if (len > 0)
            memcpy(out + m, p + i, len);
        m += len > 0 ? len : utf8_encode(UTF8_REPLACEMENT, out + m);
        i += len > 0 ? len : 1;
    }
    return value_new_strn(a, out, m);
}

static const int64_t ZERO_TIME = -62135596800; /* Go's: the first second of the year 1 */
static const int64_t LAST_TIME = 253402300799; /* the last one of the year 9999 */

static struct value *time_of(struct arena *a, struct proto b, bool micro)
{
    int64_t seconds = 0, nanos = 0;
    bool any = false;
    char text[CLOCK_TEXT_MAX];
    for (struct proto_field p; proto_next(&b, &p); any = true) {
        if (p.number == 1)
            seconds = (int64_t)p.v;
        else if (p.number == 2)
            nanos = (int64_t)p.v;
    }
    if (!any || seconds == ZERO_TIME)
        return value_null(a);
    if (b.broken || seconds < ZERO_TIME || seconds > LAST_TIME || nanos < 0 || nanos > 999999999)
        return NULL;
    if (micro)
        clock_format_rfc3339_micro(seconds * 1000000 + nanos / 1000, text);
    else
        clock_format_rfc3339(seconds * 1000, text);
    return value_new_str(a, text);
}

static struct value *int_or_string_of(struct arena *a, struct proto b)
{
    int64_t type = 0, number = 0;
    struct value *text = NULL;
    for (struct proto_field p; proto_next(&b, &p);) {
        if (p.number == 1)
            type = (int64_t)p.v;
        else if (p.number == 2)
            number = (int32_t)p.v;
        else if (p.number == 3)
            text = text_of(a, &p.bytes);
    }
    return type == 1 ? text ? text : value_new_str(a, "") : value_new_int(a, number);
}

static struct value *quantity_of(struct arena *a, struct proto b)
{
    for (struct proto_field p; proto_next(&b, &p);)
        if (p.number == 1)
            return text_of(a, &p.bytes);
    return value_new_str(a, "0");
}

static struct value *raw_of(struct arena *a, struct proto b)
{
    struct value *v = NULL;
    for (struct proto_field p; proto_next(&b, &p);) {
        size_t n = (size_t)(p.bytes.end - p.bytes.p);
        if (p.number == 1 && n > 0)
            return json_parse(a, (const char *)p.bytes.p, n, 0, &v, NULL) == 0 ? v : NULL;
    }
    return value_null(a);
}

static struct value *texts_of(struct arena *a, struct proto b)
{
    struct value *list = value_new_array(a);
    for (struct proto_field p; proto_next(&b, &p);)
        if (p.number == 1)
            value_push(a, list, text_of(a, &p.bytes));
    return list;
}

static struct value *duration_of(struct arena *a, struct proto b)
{
    int64_t ns = 0;
    char text[CLOCK_TEXT_MAX];
    for (struct proto_field p; proto_next(&b, &p);)
        if (p.number == 1)
            ns = (int64_t)p.v;
    clock_format_duration(ns, text);
    return value_new_str(a, text);
}

static bool read_message(struct arena *a, const struct wire_message *m, struct proto b,
                         struct value *into, unsigned depth);

static struct value *value_of(struct arena *a, const struct wire_field *f,
                              const struct proto_field *p, unsigned depth)
{
    bool varints = f->type == WIRE_BOOL || f->type == WIRE_INT;
    if (p->type != (varints ? PROTO_VARINT : f->type == WIRE_DOUBLE ? PROTO_FIXED64 : PROTO_BYTES))
        return NULL;
    switch ((enum wire_type)f->type) {
    case WIRE_TEXT:
        return text_of(a, &p->bytes);
    case WIRE_BOOL:
        return value_new_bool(a, p->v != 0);
    case WIRE_INT:
        return value_new_int(a, (int64_t)p->v);
    case WIRE_BYTES:
        return value_new_str(
            a, base64_encode(a, p->bytes.p, (size_t)(p->bytes.end - p->bytes.p), BASE64_STD));
    case WIRE_DOUBLE:
        return value_new_float(a, proto_double(p->v));
    case WIRE_TIME:
    case WIRE_MICRO_TIME:
        return time_of(a, p->bytes, f->type == WIRE_MICRO_TIME);
    case WIRE_INT_OR_STRING:
        return int_or_string_of(a, p->bytes);
    case WIRE_QUANTITY:
        return quantity_of(a, p->bytes);
    case WIRE_RAW:
        return raw_of(a, p->bytes);
    case WIRE_DURATION:
        return duration_of(a, p->bytes);
    case WIRE_TEXTS:
        return texts_of(a, p->bytes);
    case WIRE_MESSAGE:
        break;
    }
    struct value *v = value_new_object(a);
    if (f->message >= wire_n_messages ||
        !read_message(a, &wire_messages[f->message], p->bytes, v, depth + 1))
        return NULL;
    return v;
}

/* JSON leaves these out where Go's field is no pointer; structs it always writes. */
static bool is_zero(const struct wire_field *f, const struct value *v)
{
    if (f->type == WIRE_MESSAGE || f->type == WIRE_RAW)
        return v->kind == VALUE_NULL;
    switch (v->kind) {
    case VALUE_NULL:
        return true;
    case VALUE_BOOL:
        return !v->boolean;
    case VALUE_INT:
        return v->i == 0;
    case VALUE_FLOAT:
        return v->d == 0;
    case VALUE_STRING:
    case VALUE_ARRAY:
    case VALUE_OBJECT:
        return v->n == 0;
    }
    return false;
}

static struct value *list_at(struct arena *a, struct value *into, const char *name)
{
    struct value *list = value_get_mut(into, name);
    return list ? list : value_set(a, into, name, value_new_array(a));
}

static bool read_map_entry(struct arena *a, const struct wire_field *f, struct proto b,
                           struct value *into, unsigned depth)
{
    const struct value *key = value_new_str(a, "");
    struct value *v = value_new_str(a, ""), *map = value_get_mut(into, f->name);
    for (struct proto_field p; proto_next(&b, &p);) {
        if (p.number == 1)
            key = text_of(a, &p.bytes);
        else if (p.number == 2 && !(v = value_of(a, f, &p, depth)))
            return false;
    }
    if (!map)
        map = value_set(a, into, f->name, value_new_object(a));
    if (b.broken || map->n >= KEYS_MAX)
        return false;
    value_setn(a, map, key->text, key->n, v);
    return true;
}

static bool read_message(struct arena *a, const struct wire_message *m, struct proto b,
                         struct value *into, unsigned depth)
{
    if (depth > DEPTH_MAX)
        return false;
    for (struct proto_field p; proto_next(&b, &p);) {
        const struct wire_field *f = find_field(m, p.number);
        if (!f)
            continue;
        if (!f->name) {
            if (f->message >= wire_n_messages ||
                !read_message(a, &wire_messages[f->message], p.bytes, into, depth + 1))
                return false;
            continue;
        }
        if (f->flags & WIRE_MAP) {
            if (!read_map_entry(a, f, p.bytes, into, depth))
                return false;
            continue;
        }
        struct value *v = value_of(a, f, &p, depth);
        if (!v)
            return false;
        if (f->flags & WIRE_REPEATED)
            value_push(a, list_at(a, into, f->name), v);
        else if ((f->flags & WIRE_OPTIONAL) || !is_zero(f, v))
            value_set(a, into, f->name, v);
    }
    return !b.broken;
}

/* ---- the envelope ---- */

static const struct wire_message *message_of(struct arena *a, const char *api_version,
                                             const char *kind)
{
    const char *slash = strchr(api_version, '/');
    const char *version = slash ? slash + 1 : api_version;
    size_t n = slash ? strcspn(api_version, "./") : 0;
    const struct wire_message *m =
        find_message(slash ? arena_printf(a, "%.*s.%s.%s", (int)n, api_version, version, kind)
                           : arena_printf(a, "core.%s.%s", version, kind));
    return m ? m : find_message(arena_printf(a, "meta.v1.%s", kind));
}

int protobuf_parse(struct arena *a, const void *bytes, size_t n, struct value **out, struct err *e)
{
    static const unsigned char magic[] = {'k', '8', 's', 0};
    const unsigned char *from = bytes;
    if (n < sizeof magic || memcmp(from, magic, sizeof magic) != 0)
        return err_set(e, ERR_INVALID, "the body does not begin as protobuf of Kubernetes does");
    struct proto w = proto_of(from + sizeof magic, n - sizeof magic), raw = {0};
    const char *api_version = "", *kind = "";
    for (struct proto_field p; proto_next(&w, &p);) {
        if (p.number == 1) {
            for (struct proto_field t; proto_next(&p.bytes, &t);) {
                if (t.number == 1)
                    api_version = value_str(text_of(a, &t.bytes), "");
                else if (t.number == 2)
                    kind = value_str(text_of(a, &t.bytes), "");
            }
        } else if (p.number == 2) {
            raw = p.bytes;
        }
    }
    const struct wire_message *m = w.broken ? NULL : message_of(a, api_version, kind);
    if (!m)
        return err_set(e, ERR_INVALID, "no kind \"%s\" is known in protobuf for version \"%s\"",
                       kind, api_version);
    struct value *v = value_new_object(a);
    value_set_str(a, v, "apiVersion", api_version);
    value_set_str(a, v, "kind", kind);
    if (!read_message(a, m, raw, v, 0))
        return err_set(e, ERR_INVALID, "the body is not a well-formed %s", kind);
    *out = v;
    return 0;
}
