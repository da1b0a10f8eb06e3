#include <math.h>

#include "codec/base64.h"
#include "template/value_int.h"

#include "base/banned.h"

enum { DEPTH_MAX = 1000 };

struct go_value go_from_value(struct arena *a, const struct value *v)
{
    if (!v)
        return go_nil();
    switch (v->kind) {
    case VALUE_NULL:
        return go_nil();
    case VALUE_BOOL:
        return go_bool(v->boolean);
    case VALUE_INT:
        return go_float((double)v->i);
    case VALUE_FLOAT:
        return go_float(v->d);
    case VALUE_STRING:
        return go_strn(v->text, v->n);
    case VALUE_ARRAY: {
        struct go_value *items = v->n ? ARENA_ARRAY(a, struct go_value, v->n) : NULL;
        for (uint32_t i = 0; i < v->n; i++)
            items[i] = go_from_value(a, &v->items[i]);
        return go_list(items, v->n);
    }
    case VALUE_OBJECT: {
        struct go_map *m = go_map_new(a, v->n);
        for (uint32_t i = 0; i < v->n; i++)
            go_map_set(m, v->members[i].key, v->members[i].key_len,
                       go_from_value(a, &v->members[i].value));
        return go_map(m);
    }
    }
    return go_nil();
}

static int convert(struct arena *a, const struct go_value *v, int depth, struct value *out,
                   struct err *e);

static int convert_list(struct arena *a, const struct go_value *v, int depth, struct value *out,
                        struct err *e)
{
    if (!v->items)
        return 0;
    if (v->type == &go_bytes_type) {
        *out = *value_new_str(a, base64_encode(a, v->s, v->n, BASE64_STD));
        return 0;
    }
    *out = (struct value){.kind = VALUE_ARRAY, .n = v->n, .cap = v->n};
    out->items = ARENA_ARRAY(a, struct value, v->n ? v->n : 1);
    for (uint32_t i = 0; i < v->n; i++) {
        int rc = convert(a, &v->items[i], depth + 1, &out->items[i], e);
        if (rc)
            return rc;
    }
    return 0;
}

static const char *terminated(struct arena *a, const char *s, size_t n)
{
    return arena_strndup(a, s, n);
}

static int convert_map(struct arena *a, const struct go_value *v, int depth, struct value *out,
                       struct err *e)
{
    if (!v->map)
        return 0;
    size_t n = 0;
    const struct go_entry *entries = go_map_sorted(v->map, &n);
    *out = (struct value){.kind = VALUE_OBJECT, .n = (uint32_t)n, .cap = n};
    out->members = ARENA_ARRAY(a, struct member, n ? n : 1);
    for (size_t i = 0; i < n; i++) {
        struct member *m = &out->members[i];
        m->key = terminated(a, entries[i].key, entries[i].n);
        m->key_len = entries[i].n;
        int rc = convert(a, &entries[i].value, depth + 1, &m->value, e);
        if (rc)
            return rc;
    }
    return 0;
}

/* encoding/json's "omitempty". */
static bool is_empty(const struct go_value *v)
{
    return go_kind_of(v) == GO_STRUCT ? false : !go_truth(v);
}

static int convert_fields(struct arena *a, const struct go_type *t, const struct go_value *fields,
                          int depth, struct value *out, struct err *e)
{
    for (uint32_t i = 0; i < t->n_fields; i++) {
        const struct go_field *f = &t->fields[i];
        int rc = 0;
        if (f->embedded) {
            rc = convert_fields(a, f->type, fields[i].fields, depth, out, e);
        } else if (!(f->json && f->json[0] == '-') && !(f->omit_empty && is_empty(&fields[i]))) {
            struct value member = {.kind = VALUE_NULL};
            rc = convert(a, &fields[i], depth + 1, &member, e);
            (void)value_set(a, out, f->json ? f->json : f->name, &member);
        }
        if (rc)
            return rc;
    }
    return 0;
}

static int convert(struct arena *a, const struct go_value *v, int depth, struct value *out,
                   struct err *e)
{
    *out = (struct value){.kind = VALUE_NULL};
    if (depth > DEPTH_MAX)
        return err_set(e, ERR_TOO_LARGE, "a value of more than %d levels", DEPTH_MAX);
    switch (go_kind_of(v)) {
    case GO_INVALID:
    case GO_INTERFACE:
        return 0;
    case GO_BOOL:
        *out = (struct value){.kind = VALUE_BOOL, .boolean = v->b};
        return 0;
    case GO_INT:
    case GO_INT32:
    case GO_INT64:
        *out = *value_new_int(a, v->i);
        return 0;
    case GO_UINT8:
    case GO_UINT32:
    case GO_UINT64:
        *out = *value_new_int(a, (int64_t)v->u);
        return 0;
    case GO_FLOAT64:
        if (!isfinite(v->f))
            return err_set(e, ERR_INVALID, "json: unsupported value: %s",
                           isnan(v->f) ? "NaN"
                           : v->f > 0  ? "+Inf"
                                       : "-Inf");
        *out = *value_new_float(a, v->f);
        return 0;
    case GO_COMPLEX128:
        return err_set(e, ERR_INVALID, "json: unsupported type: complex128");
    case GO_STRING:
        *out = (struct value){.kind = VALUE_STRING, .n = v->n, .text = terminated(a, v->s, v->n)};
        return 0;
    case GO_SLICE:
        return convert_list(a, v, depth, out, e);
    case GO_MAP:
        return convert_map(a, v, depth, out, e);
    case GO_STRUCT:
    case GO_PTR:
        break;
    }
    const struct go_type *t = v->type->kind == GO_PTR ? v->type->elem : v->type;
    if (v->type->json_text) {
        *out = *value_new_str(a, v->type->json_text(a, v));
        return 0;
    }
    if (!v->opaque)
        return 0;
    *out = *value_new_object(a);
    return convert_fields(a, t, v->fields, depth, out, e);
}

int go_to_value(struct arena *a, const struct go_value *v, struct value *out, struct err *e)
{
    struct value made;
    int rc = convert(a, v, 0, &made, e);
    if (rc == 0)
        *out = made;
    return rc;
}
