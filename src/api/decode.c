#include <string.h>

#include "api/crd_int.h"
#include "api/quantity.h"
#include "base/clock.h"
#include "codec/base64.h"
#include "codec/json.h"

/* Where the decoder stands; spelled only when a message needs it. */
struct place {
    const struct place *up; /* NULL: the root */
    const char *key;        /* of the root: its path; NULL: an element */
    size_t index;
    bool field;         /* a struct's, not a map's key */
    const char *strukt; /* "Container": the innermost struct */
};

struct decoder {
    struct arena *a;
    struct err *e;
    struct strict_errors *strict;
    bool restore; /* speak as the converter of unstructured objects does */
};

static void note(struct strict_errors *l, struct arena *a, const char *text)
{
    if (l->n == l->cap) {
        size_t cap = l->cap ? l->cap * 2 : 4;
        l->items = arena_grow(a, l->items, l->cap * sizeof *l->items, cap * sizeof *l->items);
        l->cap = cap;
    }
    l->items[l->n++] = text;
}

void strict_errors_add(struct strict_errors *l, struct arena *a, const char *text)
{
    note(l, a, text);
}

const char *strict_errors_text(const struct strict_errors *s, struct arena *a)
{
    const char *text = "strict decoding error: ";
    bool yaml = false;
    for (size_t i = 0; i < s->n; i++) {
        bool line = strncmp(s->items[i], "line ", 5) == 0;
        const char *sep = i == 0 ? "" : line && yaml ? "\n  " : ", ";
        text = arena_printf(a, "%s%s%s%s", text, sep,
                            line && !yaml ? "yaml: unmarshal errors:\n  " : "", s->items[i]);
        yaml = yaml || line;
    }
    return text;
}

/* "spec.containers[0].name" */
static const char *path_of(const struct place *p, struct arena *a)
{
    if (!p->up)
        return p->key;
    const char *up = path_of(p->up, a);
    if (!p->key)
        return arena_printf(a, "%s[%zu]", up, p->index);
    return arena_join(a, up, *up ? "." : "", p->key, NULL);
}

/* ".spec.containers.name": the fields of structs only */
static const char *go_path_of(const struct place *p, struct arena *a)
{
    if (!p->up)
        return "";
    const char *up = go_path_of(p->up, a);
    return p->field ? arena_join(a, up, ".", p->key, NULL) : up;
}

static const char *after_dot(const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot ? dot + 1 : name;
}

/* "core.v1.PodSpec" → "v1.PodSpec" */
static const char *go_name(const char *name)
{
    const char *dot = strchr(name, '.');
    return dot ? dot + 1 : name;
}

static const char *go_type(const struct schema *s, struct arena *a)
{
    switch (s->type) {
    case SCHEMA_STRUCT:
        return s->name ? go_name(s->name) : "object";
    case SCHEMA_MAP:
        return arena_printf(a, "map[string]%s", go_type(s->items, a));
    case SCHEMA_LIST:
        return arena_printf(a, "[]%s", go_type(s->items, a));
    case SCHEMA_INT:
        return s->format == FORMAT_INT32 ? "int32" : "int64";
    case SCHEMA_NUMBER:
        return "float64";
    case SCHEMA_BOOL:
        return "bool";
    default:
        return s->format == FORMAT_BYTE ? "[]uint8" : "string";
    }
}

static const char *json_kind(const struct value *v, struct arena *a, bool show_number)
{
    switch (v->kind) {
    case VALUE_INT:
    case VALUE_FLOAT:
        return show_number ? arena_printf(a, "number %s", v->text) : "number";
    case VALUE_BOOL:
    case VALUE_STRING:
    case VALUE_ARRAY:
    case VALUE_OBJECT:
    case VALUE_NULL:
        break;
    }
    return value_kind_name(v->kind);
}

static const char *reflect_kind(const struct value *v)
{
    static const char *const names[] = {
        [VALUE_NULL] = "invalid",  [VALUE_BOOL] = "bool",     [VALUE_INT] = "int64",
        [VALUE_FLOAT] = "float64", [VALUE_STRING] = "string", [VALUE_ARRAY] = "slice",
        [VALUE_OBJECT] = "map",
    };
    return names[v->kind];
}

static int mismatch(struct decoder *d, const struct schema *s, const struct value *v,
                    const struct place *p)
{
    bool number = v->kind == VALUE_INT || v->kind == VALUE_FLOAT;
    if (d->restore) {
        if (s->type == SCHEMA_STRUCT)
            return err_set(d->e, ERR_INVALID, "cannot restore struct from: %s", reflect_kind(v));
        if (s->type == SCHEMA_LIST || s->type == SCHEMA_MAP)
            return err_set(d->e, ERR_INVALID, "cannot restore %s from %s",
                           s->type == SCHEMA_MAP ? "map" : "slice", reflect_kind(v));
        return err_set(d->e, ERR_INVALID, "unrecognized type: %s", go_type(s, d->a));
    }
    bool range = number && (s->type == SCHEMA_INT || s->type == SCHEMA_NUMBER);
    const char *go = go_path_of(p, d->a);
    return err_set(d->e, ERR_INVALID, "json: cannot unmarshal %s into Go %s%s%s of type %s",
                   json_kind(v, d->a, range), *go ? "struct field " : "value", *go ? p->strukt : "",
                   go, go_type(s, d->a));
}

/* ---- scalars that have a form of their own ---- */

static int bad_time(struct decoder *d, const char *text, bool micro)
{
    static const char *const layouts[] = {"2006-01-02T15:04:05Z07:00",
                                          "2006-01-02T15:04:05.000000Z07:00"};
    static const char shape[] = "0000-00-00T00:00:00";
    static const char *const parts[] = {"2006", "-", "01", "-", "02", "T",
                                        "15",   ":", "04", ":", "05"};
    size_t at = 0;
    for (size_t i = 0, part = 0; part < 11; part++) {
        size_t n = strlen(parts[part]);
        for (size_t j = 0; j < n; j++) {
            char c = text[at + j];
            bool digit = shape[i + j] == '0';
            if (!c || (digit ? c < '0' || c > '9' : c != shape[i + j]))
                return err_set(d->e, ERR_INVALID,
                               "parsing time \"%s\" as \"%s\": cannot parse \"%s\" as \"%s\"", text,
                               layouts[micro], text + at, parts[part]);
        }
        i += n;
        at += n;
    }
    const char *rest = text + at;
    size_t digits = *rest == '.' ? strspn(rest + 1, "0123456789") : 0;
    if (micro && digits < 6)
        return err_set(d->e, ERR_INVALID,
                       "parsing time \"%s\" as \"%s\": cannot parse \"%s\" as \".000000\"", text,
                       layouts[1], rest);
    if (micro && digits > 6)
        rest += 7;
    else if (digits)
        rest += digits + 1;
    return err_set(d->e, ERR_INVALID,
                   "parsing time \"%s\" as \"%s\": cannot parse \"%s\" as \"Z07:00\"", text,
                   layouts[micro], rest);
}

static int decode_time(struct decoder *d, const struct schema *s, struct value *v)
{
    bool micro = s->format == FORMAT_MICRO_TIME;
    int64_t ns;
    char text[CLOCK_TEXT_MAX];
    size_t digits = v->n > 19 && v->text[19] == '.' ? strspn(v->text + 20, "0123456789") : 0;
    if ((micro && digits != 6) || clock_parse_rfc3339(v->text, &ns, NULL) < 0) {
        int r = bad_time(d, v->text, micro);
        struct err last;
        if (!micro && clock_parse_rfc3339(v->text, &ns, &last) < 0 && strlen(v->text) >= 20)
            return err_set(d->e, ERR_INVALID, "%s", d->e ? d->e->msg : last.msg);
        return r;
    }
    if (micro)
        clock_format_rfc3339_micro(ns / 1000, text);
    else
        clock_format_rfc3339((ns - (ns % 1000000000 < 0 ? 1000000000 : 0)) / 1000000, text);
    *v = *value_new_str(d->a, text);
    return 0;
}

static int decode_quantity(struct decoder *d, struct value *v, const struct schema *s,
                           const struct place *p)
{
    struct quantity q;
    char text[QUANTITY_TEXT_MAX];
    if (v->kind != VALUE_STRING && v->kind != VALUE_INT && v->kind != VALUE_FLOAT)
        return mismatch(d, s, v, p);
    int r = quantity_parse(v->text, &q, d->e);
    if (r < 0)
        return r;
    quantity_print(&q, text);
    *v = *value_new_str(d->a, text);
    return 0;
}

static int decode_bytes(struct decoder *d, struct value *v)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t n = 0, i = 0;
    for (; i < v->n && v->text[i] != '='; i++)
        if (v->text[i] != '\n' && v->text[i] != '\r') {
            if (!strchr(alphabet, v->text[i]))
                return err_set(d->e, ERR_INVALID, "illegal base64 data at input byte %zu", i);
            n++;
        }
    size_t pads = v->n - i;
    if ((n + pads) % 4 || pads > 2 || strspn(v->text + i, "=") != pads)
        return err_set(d->e, ERR_INVALID, "illegal base64 data at input byte %zu",
                       n % 4 ? v->n : i);
    return 0;
}

static int decode_string(struct decoder *d, const struct schema *s, struct value *v,
                         const struct place *p)
{
    if (s->format == FORMAT_QUANTITY)
        return decode_quantity(d, v, s, p);
    if (v->kind != VALUE_STRING)
        return mismatch(d, s, v, p);
    if (s->format == FORMAT_TIME || s->format == FORMAT_MICRO_TIME)
        return decode_time(d, s, v);
    return s->format == FORMAT_BYTE ? decode_bytes(d, v) : 0;
}

static int decode_number(struct decoder *d, const struct schema *s, struct value *v,
                         const struct place *p)
{
    bool fits = v->kind == VALUE_INT &&
                (s->format != FORMAT_INT32 || (v->i >= INT32_MIN && v->i <= INT32_MAX));
    if (s->type == SCHEMA_NUMBER)
        fits = v->kind == VALUE_INT || v->kind == VALUE_FLOAT;
    return fits ? 0 : mismatch(d, s, v, p);
}

/* ---- the tree ---- */

static int decode(struct decoder *d, const struct schema *s, struct value *v,
                  const struct place *p);

static int decode_struct(struct decoder *d, const struct schema *s, struct value *v,
                         const struct place *p)
{
    if (v->kind != VALUE_OBJECT)
        return mismatch(d, s, v, p);
    const char *strukt = s->name ? after_dot(s->name) : p->strukt;
    for (size_t i = 0; i < v->n;) {
        const char *key = v->members[i].key;
        const struct schema_field *f = schema_field(s, key);
        struct place at = {.up = p, .key = key, .field = true, .strukt = strukt};
        if (!f && !(s->flags & SCHEMA_PRESERVE)) {
            note(d->strict, d->a, arena_printf(d->a, "unknown field \"%s\"", path_of(&at, d->a)));
            (void)value_remove(v, key);
            continue;
        }
        int r = f ? decode(d, f->schema, &v->members[i].value, &at) : 0;
        if (r < 0)
            return r;
        i++;
    }
    return 0;
}

static int decode_map(struct decoder *d, const struct schema *s, struct value *v,
                      const struct place *p)
{
    if (v->kind != VALUE_OBJECT)
        return mismatch(d, s, v, p);
    for (size_t i = 0; i < v->n; i++) {
        struct place at = {.up = p, .key = v->members[i].key, .strukt = p->strukt};
        int r = decode(d, s->items, &v->members[i].value, &at);
        if (r < 0)
            return r;
    }
    return 0;
}

static int decode_list(struct decoder *d, const struct schema *s, struct value *v,
                       const struct place *p)
{
    if (v->kind != VALUE_ARRAY)
        return mismatch(d, s, v, p);
    for (size_t i = 0; i < v->n; i++) {
        struct place at = {.up = p, .index = i, .strukt = p->strukt};
        int r = decode(d, s->items, &v->items[i], &at);
        if (r < 0)
            return r;
    }
    return 0;
}

static int decode(struct decoder *d, const struct schema *s, struct value *v, const struct place *p)
{
    if (v->kind == VALUE_NULL)
        return 0;
    switch ((enum schema_type)s->type) {
    case SCHEMA_STRUCT:
        return decode_struct(d, s, v, p);
    case SCHEMA_MAP:
        return decode_map(d, s, v, p);
    case SCHEMA_LIST:
        return decode_list(d, s, v, p);
    case SCHEMA_STRING:
        return decode_string(d, s, v, p);
    case SCHEMA_INT:
    case SCHEMA_NUMBER:
        return decode_number(d, s, v, p);
    case SCHEMA_BOOL:
        return v->kind == VALUE_BOOL ? 0 : mismatch(d, s, v, p);
    case SCHEMA_INT_OR_STRING:
        if (v->kind == VALUE_INT || v->kind == VALUE_STRING)
            return 0;
        return err_set(d->e, ERR_INVALID, "json: cannot unmarshal %s into Go value of type int32",
                       json_kind(v, d->a, v->kind == VALUE_FLOAT));
    case SCHEMA_ANY:
        break;
    }
    return 0;
}

static int run(const struct kind *k, struct value *obj, struct strict_errors *out, bool restore,
               struct arena *a, struct err *e)
{
    struct strict_errors ignored = {0};
    struct err scratch;
    struct decoder d = {
        .a = a, .e = e ? e : &scratch, .strict = out ? out : &ignored, .restore = restore};
    struct place root = {.key = "", .strukt = k->resource->kind};
    if (k->crd)
        return crd__decode(k, obj, d.strict, a, d.e);
    if (!k->schema)
        return 0;
    int r = decode(&d, k->schema, obj, &root);
    if (r == 0)
        admit_normalize(k, obj, a);
    return r;
}

int admit_decode(const struct kind *k, struct value *obj, struct strict_errors *out,
                 struct arena *a, struct err *e)
{
    return run(k, obj, out, false, a, e);
}

int admit_restore(const struct kind *k, struct value *obj, struct strict_errors *out,
                  struct arena *a, struct err *e)
{
    return run(k, obj, out, true, a, e);
}

/* Only what an ObjectMeta may hold; used for custom resources and embedded ones. */
int decode__meta(struct value *meta, const char *path, struct strict_errors *out, struct arena *a,
                 struct err *e)
{
    struct strict_errors ignored = {0};
    struct err scratch;
    struct decoder d = {.a = a, .e = e ? e : &scratch, .strict = out ? out : &ignored};
    struct place at = {.key = path, .strukt = "ObjectMeta"};
    return decode(&d, schema_named("meta.v1.ObjectMeta"), meta, &at);
}

/* ---- Go's view of what is set ---- */

static bool is_zero(const struct value *v)
{
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
        break;
    }
    return v->n == 0;
}

static void normalize(const struct schema *s, struct value *v, struct arena *a);

/* Would Go leave it out? */
static bool left_out(const struct schema_field *f, const struct value *v)
{
    const struct schema *s = f->schema;
    if (v->kind == VALUE_NULL)
        return true;
    bool list = s->type == SCHEMA_LIST || s->type == SCHEMA_MAP;
    if (list && !v->n && (v->kind == VALUE_ARRAY || v->kind == VALUE_OBJECT))
        return true; /* where Go prints it all the same, it becomes null */
    if (f->required || s->dflt || (s->flags & SCHEMA_POINTER) || s->type == SCHEMA_STRUCT ||
        s->type == SCHEMA_ANY || s->type == SCHEMA_INT_OR_STRING)
        return false;
    if (s->type == SCHEMA_STRING && s->format == FORMAT_QUANTITY)
        return false;
    return is_zero(v);
}

static void add_missing(const struct schema *s, struct value *v, struct arena *a)
{
    bool meta = s->flags & SCHEMA_META;
    for (size_t i = 0; i < s->n_fields; i++) {
        const struct schema_field *f = &s->fields[i];
        bool stamp = meta && strcmp(f->name, "creationTimestamp") == 0;
        bool always = f->required || (f->schema->flags & SCHEMA_ALWAYS) || stamp;
        if ((!always && !f->schema->dflt) || value_get(v, f->name))
            continue;
        struct value *made = value_null(a);
        if (f->schema->dflt && f->schema->format == FORMAT_QUANTITY) {
            (void)value_set_str(a, v, f->name, "0");
            continue;
        }
        if (f->schema->dflt && f->schema->type == SCHEMA_STRUCT)
            made = value_new_object(a);
        else if (f->schema->dflt && !(f->schema->flags & SCHEMA_POINTER))
            switch ((int)f->schema->type) {
            case SCHEMA_STRING:
                made = value_new_str(a, "");
                break;
            case SCHEMA_INT:
            case SCHEMA_NUMBER:
                made = value_new_int(a, 0);
                break;
            case SCHEMA_BOOL:
                made = value_new_bool(a, false);
                break;
            default:
                break;
            }
        else if (f->schema->dflt)
            continue;
        bool json = f->schema->dflt && strcmp(f->schema->dflt, "\"\"") != 0 &&
                    f->schema->type == SCHEMA_STRING;
        if (json) /* a default with content is omitempty in Go and filled by defaulting */
            continue;
        normalize(f->schema, value_set(a, v, f->name, made), a);
    }
}

/* A null element is its type's zero. */
static void normalize_element(const struct schema *s, struct value *v, struct arena *a)
{
    if (v->kind != VALUE_NULL)
        normalize(s, v, a);
    else if (s->type == SCHEMA_STRING && s->format == FORMAT_NONE)
        *v = *value_new_str(a, "");
    else if (s->type == SCHEMA_STRING && s->format == FORMAT_QUANTITY)
        *v = *value_new_str(a, "0");
}

static void normalize(const struct schema *s, struct value *v, struct arena *a)
{
    if (v->kind == VALUE_ARRAY && s->type == SCHEMA_LIST) {
        for (size_t i = 0; i < v->n; i++)
            normalize_element(s->items, &v->items[i], a);
        return;
    }
    if (v->kind != VALUE_OBJECT)
        return;
    if (s->type == SCHEMA_MAP) {
        for (size_t i = 0; i < v->n; i++)
            normalize_element(s->items, &v->members[i].value, a);
        return;
    }
    if (s->type != SCHEMA_STRUCT)
        return;
    for (size_t i = 0; i < v->n;) {
        struct member *m = &v->members[i];
        const struct schema_field *f = schema_field(s, m->key);
        if (f && left_out(f, &m->value)) {
            (void)value_remove(v, m->key);
            continue;
        }
        if (f)
            normalize(f->schema, &m->value, a);
        i++;
    }
    add_missing(s, v, a);
}

void admit_normalize(const struct kind *k, struct value *obj, struct arena *a)
{
    if (k->schema && !k->crd)
        normalize(k->schema, obj, a);
}
