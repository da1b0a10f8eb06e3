#include "api/errors.h"

#include <string.h>

#include "codec/json.h"

void field_errors_init(struct field_errors *l, struct arena *a)
{
    *l = (struct field_errors){.arena = a};
}

static const char *type_text(enum field_error_type t)
{
    static const char *const texts[] = {
        [FIELD_REQUIRED] = "Required value",
        [FIELD_INVALID] = "Invalid value",
        [FIELD_NOT_SUPPORTED] = "Unsupported value",
        [FIELD_FORBIDDEN] = "Forbidden",
        [FIELD_DUPLICATE] = "Duplicate value",
        [FIELD_NOT_FOUND] = "Not found",
        [FIELD_TOO_LONG] = "Too long",
        [FIELD_TOO_MANY] = "Too many",
        [FIELD_TYPE_INVALID] = "Invalid value",
        [FIELD_INTERNAL] = "Internal error",
    };
    return texts[t];
}

static void add(struct field_errors *l, enum field_error_type type, const char *field,
                const char *message)
{
    if (l->n == l->cap) {
        size_t cap = l->cap ? l->cap * 2 : 8;
        l->items =
            arena_grow(l->arena, l->items, l->cap * sizeof *l->items, cap * sizeof *l->items);
        l->cap = cap;
    }
    l->items[l->n++] = (struct field_error){type, arena_strdup(l->arena, field), message};
}

void field_errors_keep(struct field_errors *l, const struct field_error *e)
{
    add(l, e->type, e->field, e->message);
}

void field_errors_add_raw(struct field_errors *l, enum field_error_type type, const char *field,
                          const char *shown, const char *detail)
{
    bool bare = type == FIELD_REQUIRED || type == FIELD_FORBIDDEN || type == FIELD_TOO_LONG ||
                type == FIELD_INTERNAL || !shown;
    add(l, type, field,
        arena_printf(l->arena, "%s%s%s%s%s", type_text(type), bare ? "" : ": ", bare ? "" : shown,
                     detail && *detail ? ": " : "", detail ? detail : ""));
}

/* Go's %q for what reaches us; JSON's escapes differ only for control characters and <>&. */
const char *field_errors_quote(struct arena *a, const char *s, size_t n)
{
    static const char hex[] = "0123456789abcdef";
    static const char from[] = "\a\b\f\n\r\t\v\\\"", to[] = "abfnrtv\\\"";
    char *out = arena_alloc(a, n * 4 + 3), *p = out;
    *p++ = '"';
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)s[i];
        const char *special = c ? strchr(from, c) : NULL;
        if (special) {
            *p++ = '\\';
            *p++ = to[special - from];
        } else if (c < 0x20 || c == 0x7f) {
            *p++ = '\\';
            *p++ = 'x';
            *p++ = hex[c >> 4];
            *p++ = hex[c & 15];
        } else {
            *p++ = (char)c;
        }
    }
    *p++ = '"';
    *p = '\0';
    return out;
}

/* []string{"a", "b"}, when it is that */
static const char *shown_strings(struct arena *a, const struct value *list)
{
    const char *text = "[]string{";
    for (size_t i = 0; i < list->n; i++) {
        const struct value *v = &list->items[i];
        if (v->kind != VALUE_STRING)
            return json_text(a, list, JSON_NO_HTML);
        text = arena_printf(a, "%s%s%s", text, i ? ", " : "", field_errors_quote(a, v->text, v->n));
    }
    return arena_printf(a, "%s}", text);
}

static const char *shown(struct arena *a, const struct value *bad)
{
    if (!bad)
        return NULL;
    switch (bad->kind) {
    case VALUE_STRING:
        return field_errors_quote(a, bad->text, bad->n);
    case VALUE_NULL:
        return "\"null\"";
    case VALUE_BOOL:
    case VALUE_INT:
    case VALUE_FLOAT:
    case VALUE_OBJECT:
        break;
    case VALUE_ARRAY:
        return shown_strings(a, bad);
    }
    return json_text(a, bad, JSON_NO_HTML);
}

void field_errors_add(struct field_errors *l, enum field_error_type type, const char *field,
                      const struct value *bad, const char *detail)
{
    field_errors_add_raw(l, type, field, shown(l->arena, bad), detail);
}

void field_errors_addf(struct field_errors *l, enum field_error_type type, const char *field,
                       const struct value *bad, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    const char *detail = arena_vprintf(l->arena, fmt, ap);
    va_end(ap);
    field_errors_add(l, type, field, bad, detail);
}

void field_errors_add_str(struct field_errors *l, enum field_error_type type, const char *field,
                          const char *bad, const char *detail)
{
    field_errors_add_raw(l, type, field, field_errors_quote(l->arena, bad, strlen(bad)), detail);
}

void field_errors_add_int(struct field_errors *l, enum field_error_type type, const char *field,
                          int64_t bad, const char *detail)
{
    field_errors_add_raw(l, type, field, arena_printf(l->arena, "%lld", (long long)bad), detail);
}

void field_errors_add_unsupported(struct field_errors *l, const char *field, const char *bad,
                                  const char *const *supported, size_t n)
{
    struct arena *a = l->arena;
    const char *list = "";
    for (size_t i = 0; i < n; i++)
        list = arena_printf(a, "%s%s%s", list, i ? ", " : "",
                            field_errors_quote(a, supported[i], strlen(supported[i])));
    field_errors_add_str(l, FIELD_NOT_SUPPORTED, field, bad,
                         arena_printf(a, "supported values: %s", list));
}

const char *field_error_reason(const struct field_error *e)
{
    static const char *const reasons[] = {
        [FIELD_REQUIRED] = "FieldValueRequired",          [FIELD_INVALID] = "FieldValueInvalid",
        [FIELD_NOT_SUPPORTED] = "FieldValueNotSupported", [FIELD_FORBIDDEN] = "FieldValueForbidden",
        [FIELD_DUPLICATE] = "FieldValueDuplicate",        [FIELD_NOT_FOUND] = "FieldValueNotFound",
        [FIELD_TOO_LONG] = "FieldValueTooLong",           [FIELD_TOO_MANY] = "FieldValueTooMany",
        [FIELD_TYPE_INVALID] = "FieldValueTypeInvalid",   [FIELD_INTERNAL] = "InternalError",
    };
    return reasons[e->type];
}

static bool said_before(const struct field_errors *l, size_t i)
{
    for (size_t j = 0; j < i; j++)
        if (strcmp(l->items[j].field, l->items[i].field) == 0 &&
            strcmp(l->items[j].message, l->items[i].message) == 0)
            return true;
    return false;
}

const char *field_errors_text(const struct field_errors *l, struct arena *a)
{
    struct buf b;
    size_t shown_n = 0;
    buf_init(&b, 1 << 20);
    for (size_t i = 0; i < l->n; i++) {
        if (said_before(l, i))
            continue;
        buf_printf(&b, "%s%s: %s", shown_n++ ? ", " : "", l->items[i].field, l->items[i].message);
    }
    const char *out =
        shown_n > 1 ? arena_printf(a, "[%s]", buf_text(&b)) : arena_strdup(a, buf_text(&b));
    buf_done(&b);
    return out;
}

struct value *field_errors_causes(const struct field_errors *l, struct arena *a)
{
    struct value *causes = value_new_array(a);
    for (size_t i = 0; i < l->n; i++) {
        struct value *c = value_new_object(a);
        (void)value_set_str(a, c, "reason", field_error_reason(&l->items[i]));
        (void)value_set_str(a, c, "message", l->items[i].message);
        (void)value_set_str(a, c, "field", l->items[i].field);
        (void)value_push(a, causes, c);
    }
    return causes;
}
