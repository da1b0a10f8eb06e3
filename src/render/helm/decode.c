/* decode.c - YAML into the fields of Go structs, as sigs.k8s.io/yaml and encoding/json do it. */
#include <string.h>
#include <strings.h>

#include "codec/number.h"
#include "codec/yaml.h"
#include "render/helm/helm_int.h"

/* Where the decoder stands: the way down is what errors name. */
struct place {
    const struct place *up;
    const char *field;
    const char *go_struct; /* the name of the struct that has the field, without its package */
};

struct decoder {
    struct helm_log *log;
    struct err *e;
};

static const char *path_of(struct arena *a, const struct place *p)
{
    return p->up ? arena_printf(a, "%s.%s", path_of(a, p->up), p->field) : p->field;
}

static const char *json_kind(const struct value *v)
{
    switch (v->kind) {
    case VALUE_BOOL:
        return "bool";
    case VALUE_INT:
    case VALUE_FLOAT:
        return "number";
    case VALUE_NULL:
    case VALUE_STRING:
    case VALUE_ARRAY:
    case VALUE_OBJECT:
        break;
    }
    return value_kind_name(v->kind);
}

#define DECODING "error unmarshaling JSON: while decoding JSON: json: cannot unmarshal"

static int mismatch(struct decoder *d, const struct place *p, const struct value *v,
                    const char *type)
{
    if (!p)
        return helm__fail(d->log, d->e, ERR_INVALID, DECODING " %s into Go value of type %s",
                          json_kind(v), type);
    return helm__fail(d->log, d->e, ERR_INVALID,
                      DECODING " %s into Go struct field %s.%s of type %s", json_kind(v),
                      p->go_struct, path_of(d->log->arena, p), type);
}

/* Numbers and booleans are texts where a text is wanted. */
static int decode_text(struct decoder *d, const struct place *p, const struct value *in,
                       struct value *out)
{
    char text[NUMBER_TEXT_MAX];
    switch (in->kind) {
    case VALUE_NULL:
        *out = *value_new_str(d->log->arena, "");
        return 0;
    case VALUE_BOOL:
        *out = *value_new_str(d->log->arena, in->boolean ? "true" : "false");
        return 0;
    case VALUE_FLOAT:
        *out = *value_new_strn(d->log->arena, text, number_format_g(in->d, text));
        return 0;
    case VALUE_INT:
        *out = *in;
        out->kind = VALUE_STRING;
        return 0;
    case VALUE_STRING:
        *out = *in;
        return 0;
    case VALUE_ARRAY:
    case VALUE_OBJECT:
        break;
    }
    return mismatch(d, p, in, "string");
}

static int decode_struct(struct decoder *d, const struct place *p, const struct value *in,
                         const char *type, const struct helm_field *fields, struct value *out);

static int decode_map(struct decoder *d, const struct place *p, const struct value *in,
                      struct value *out)
{
    if (in->kind != VALUE_OBJECT)
        return mismatch(d, p, in, "map[string]string");
    *out = *value_new_object(d->log->arena);
    VALUE_EACH_MEMBER (m, in) {
        struct value text;
        int rc = decode_text(d, p, &m->value, &text);
        if (rc < 0)
            return rc;
        (void)value_setn(d->log->arena, out, m->key, m->key_len, &text);
    }
    return 0;
}

static int decode_list(struct decoder *d, const struct place *p, const struct value *in,
                       const struct helm_field *f, struct value *out)
{
    struct arena *a = d->log->arena;
    bool structs = f->type == HELM_STRUCTS;
    if (in->kind != VALUE_ARRAY)
        return mismatch(d, p, in,
                        structs                ? arena_printf(a, "[]*%s", f->of)
                        : f->type == HELM_ANYS ? "[]interface {}"
                                               : "[]string");
    *out = *value_new_array(a);
    VALUE_EACH_ITEM (item, in) {
        struct value v = *item;
        int rc = 0;
        if (f->type == HELM_TEXTS)
            rc = decode_text(d, p, item, &v);
        else if (structs && item->kind != VALUE_NULL)
            rc = decode_struct(d, p, item, f->of, f->fields, &v);
        if (rc < 0)
            return rc;
        (void)value_push(a, out, &v);
    }
    return 0;
}

static int decode_field(struct decoder *d, const struct place *p, const struct value *in,
                        const struct helm_field *f, struct value *out)
{
    switch (f->type) {
    case HELM_TEXT:
        return decode_text(d, p, in, out);
    case HELM_FLAG:
        if (in->kind != VALUE_BOOL)
            return mismatch(d, p, in, "bool");
        *out = *in;
        return 0;
    case HELM_MAP:
        return decode_map(d, p, in, out);
    case HELM_STRUCT:
        return decode_struct(d, p, in, f->of, f->fields, out);
    case HELM_TEXTS:
    case HELM_STRUCTS:
    case HELM_ANYS:
        return decode_list(d, p, in, f, out);
    case HELM_ANY:
        *out = *in;
        return 0;
    }
    return 0;
}

/* Exact names win over those in another case. */
static const struct helm_field *field_named(const struct helm_field *fields, const char *name)
{
    const struct helm_field *folded = NULL;
    for (const struct helm_field *f = fields; f->name; f++) {
        if (strcmp(f->name, name) == 0)
            return f;
        if (!folded && strcasecmp(f->name, name) == 0)
            folded = f;
    }
    return folded;
}

static int decode_struct(struct decoder *d, const struct place *p, const struct value *in,
                         const char *type, const struct helm_field *fields, struct value *out)
{
    if (in->kind != VALUE_OBJECT)
        return mismatch(d, p, in, type);
    const char *dot = strncmp(type, "struct ", 7) == 0 ? NULL : strrchr(type, '.');
    struct value *made = value_new_object(d->log->arena);
    VALUE_EACH_MEMBER (m, in) {
        const struct helm_field *f = field_named(fields, m->key);
        if (!f || m->value.kind == VALUE_NULL)
            continue;
        struct value v;
        struct place at = {.up = p, .field = f->name, .go_struct = dot ? dot + 1 : ""};
        int rc = decode_field(d, &at, &m->value, f, &v);
        if (rc < 0)
            return rc;
        if (strcmp(f->name, m->key) == 0 || !value_get(made, f->name))
            (void)value_set(d->log->arena, made, f->name, &v);
    }
    *out = *made;
    return 0;
}

int helm__decode(const struct value *in, const char *go_type, const struct helm_field *fields,
                 struct helm_log *log, struct value **out, struct err *e)
{
    struct decoder d = {.log = log, .e = e};
    struct value *made = value_new_object(log->arena);
    int rc = in->kind == VALUE_NULL ? 0 : decode_struct(&d, NULL, in, go_type, fields, made);
    if (rc == 0)
        *out = made;
    return rc;
}

int helm__yaml(const char *text, size_t n, struct helm_log *log, struct value **out, struct err *e)
{
    struct err why = {0};
    int rc = yaml_parse(log->arena, text, n, YAML_FIRST | YAML_GO_ERRORS, out, &why);
    if (rc < 0)
        return helm__fail(log, e, why.code, "error converting YAML to JSON: %s", why.msg);
    return 0;
}

int helm__yaml_table(const char *text, size_t n, struct helm_log *log, struct go_map **out,
                     struct err *e)
{
    struct decoder d = {.log = log, .e = e};
    struct value *v;
    int rc = helm__yaml(text, n, log, &v, e);
    if (rc < 0)
        return rc;
    if (v->kind != VALUE_OBJECT && v->kind != VALUE_NULL)
        return mismatch(&d, NULL, v, "map[string]interface {}");
    *out = v->kind == VALUE_NULL ? NULL : go_from_value(log->arena, v).map;
    return 0;
}
