#include "ctl/pods/template_hash.h"

#include <string.h>

#include "base/buf.h"
#include "base/own.h"
#include "codec/json.h"
#include "ctl/pods/template_types.h"

enum { TEXT_MAX = 1 << 24, DEPTH_MAX = 32 };

struct dump {
    struct buf b;
    struct arena *a;
    int depth;
};

static void put_body(struct dump *d, const char *type, const struct value *v);

static const struct go_type *struct_named(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(GO_TYPES); i++)
        if (strcmp(GO_TYPES[i].name, name) == 0)
            return &GO_TYPES[i];
    return NULL;
}

static void put_typed(struct dump *d, const char *type, const struct value *v)
{
    buf_printf(&d->b, "(%s)", type);
    put_body(d, type, v);
}

/* ---- the types with insides of their own ---- */

/* As ParseQuantity leaves it: digits and scale apart, the text kept. */
static void put_quantity(struct dump *d, const struct value *v)
{
    static const char binary[] = "KMGTPE", decimal[] = "numkMGTPE";
    const char *text = v && v->text ? v->text : "0", *p = text + (*text == '-');
    int64_t n = 0, scale = 0;
    for (; (*p >= '0' && *p <= '9') || *p == '.'; p++) {
        if (*p == '.') {
            for (const char *q = p + 1; *q >= '0' && *q <= '9'; q++)
                scale--;
            continue;
        }
        n = n * 10 + (*p - '0');
    }
    const char *format = "DecimalSI", *at;
    if (*p && p[1] == 'i' && (at = strchr(binary, *p))) {
        n <<= 10 * (at - binary + 1);
        format = "BinarySI";
    } else if (*p == 'e' || (*p == 'E' && p[1])) {
        scale += strtoll(p + 1, NULL, 10);
        format = "DecimalExponent";
    } else if (*p && (at = strchr(decimal, *p))) {
        int64_t i = at - decimal;
        scale += i < 3 ? 3 * (i - 3) : 3 * (i - 2);
    }
    buf_printf(&d->b,
               "{i:(resource.int64Amount){value:(int64)%s%lld scale:(resource.Scale)%lld} "
               "d:(resource.infDecAmount){Dec:(*inf.Dec)<nil>} s:(string)%s "
               "Format:(resource.Format)%s}",
               *text == '-' ? "-" : "", (long long)n, (long long)scale, v ? text : "",
               v ? format : "");
}

static void put_int_or_string(struct dump *d, const struct value *v)
{
    bool text = value_is(v, VALUE_STRING);
    buf_printf(&d->b, "{Type:(intstr.Type)%d IntVal:(int32)%lld StrVal:(string)%s}", text,
               (long long)(text ? 0 : value_int(v, 0)), text ? value_str(v, "") : "");
}

/* ---- containers ---- */

static void put_struct(struct dump *d, const struct go_type *t, const struct value *v)
{
    char *fields = arena_strdup(d->a, t->fields);
    buf_putc(&d->b, '{');
    for (char *f = fields, *next; f; f = next) {
        next = strchr(f, '|');
        if (next)
            *next++ = '\0';
        char *json = strchr(f, ' ');
        *json++ = '\0';
        char *type = strchr(json, ' ');
        *type++ = '\0';
        buf_printf(&d->b, "%s%s:", f == fields ? "" : " ", f);
        bool embedded = strcmp(json, "-") == 0 && struct_named(type);
        put_typed(d, type, embedded ? v : value_get(v, json));
    }
    buf_putc(&d->b, '}');
}

static void put_list(struct dump *d, const char *element, const struct value *v)
{
    const char *sep = "";
    buf_putc(&d->b, '[');
    VALUE_EACH_ITEM (x, v) {
        buf_puts(&d->b, sep);
        put_body(d, element, x);
        sep = " ";
    }
    buf_putc(&d->b, ']');
}

static int by_key(const void *px, const void *py)
{
    return strcmp((*(const struct member *const *)px)->key,
                  (*(const struct member *const *)py)->key);
}

static void put_map(struct dump *d, const char *element, const struct value *v)
{
    size_t n = 0;
    const struct member **l = ARENA_ARRAY(d->a, const struct member *, value_count(v) + 1);
    VALUE_EACH_MEMBER (m, v)
        l[n++] = m;
    qsort(l, n, sizeof(struct member *), by_key);
    buf_puts(&d->b, "map[");
    for (size_t i = 0; i < n; i++) {
        buf_printf(&d->b, "%s%s:", i ? " " : "", l[i]->key);
        put_body(d, element, &l[i]->value);
    }
    buf_putc(&d->b, ']');
}

/* ---- scalars ---- */

static bool is_number(const char *type)
{
    return strncmp(type, "int", 3) == 0 && strncmp(type, "intstr", 6) != 0;
}

static void put_scalar(struct dump *d, const char *type, const struct value *v)
{
    if (strcmp(type, "bool") == 0)
        buf_puts(&d->b, value_bool(v, false) ? "true" : "false");
    else if (is_number(type))
        buf_printf(&d->b, "%lld", (long long)value_int(v, 0));
    else if (value_is(v, VALUE_OBJECT) || value_is(v, VALUE_ARRAY))
        buf_puts(&d->b, json_text(d->a, v, JSON_SORTED)); /* a struct nobody uses any more */
    else
        buf_puts(&d->b, value_str(v, ""));
}

/* Without the type before it. */
static void put_body(struct dump *d, const char *type, const struct value *v)
{
    if (value_is(v, VALUE_NULL))
        v = NULL;
    bool map = strncmp(type, "map[", 4) == 0 || strcmp(type, "v1.ResourceList") == 0;
    bool list = strncmp(type, "[]", 2) == 0;
    if (++d->depth > DEPTH_MAX) {
        d->depth--;
        return;
    }
    if ((*type == '*' && !v) || ((map || list) && value_count(v) == 0))
        buf_puts(&d->b, "<nil>");
    else if (*type == '*')
        put_body(d, type + 1, v);
    else if (list)
        put_list(d, type + 2, v);
    else if (map)
        put_map(d, *type == 'm' ? "string" : "resource.Quantity", v);
    else if (struct_named(type))
        put_struct(d, struct_named(type), v);
    else if (strcmp(type, "resource.Quantity") == 0)
        put_quantity(d, v);
    else if (strcmp(type, "intstr.IntOrString") == 0)
        put_int_or_string(d, v);
    else if (strcmp(type, "v1.Time") == 0)
        buf_puts(&d->b,
                 "{Time:(time.Time){wall:(uint64)0 ext:(int64)0 loc:(*time.Location)<nil>}}");
    else
        put_scalar(d, type, v);
    d->depth--;
}

const char *template_text(const struct value *template, struct arena *a)
{
    struct dump d = {.a = a};
    buf_init(&d.b, TEXT_MAX);
    put_typed(&d, "v1.PodTemplateSpec", template);
    const char *text = arena_strndup(a, buf_text(&d.b), d.b.len);
    buf_done(&d.b);
    return text;
}

static uint32_t fnv32a(uint32_t h, const void *bytes, size_t n)
{
    const unsigned char *p = bytes;
    for (size_t i = 0; i < n; i++)
        h = (h ^ p[i]) * 16777619u;
    return h;
}

const char *template_hash(const struct value *template, int64_t collisions, struct arena *a)
{
    static const char letters[] = "bcdfghjklmnpqrstvwxz2456789";
    const char *text = template_text(template, a);
    uint32_t h = fnv32a(2166136261u, text, strlen(text));
    if (collisions >= 0) {
        unsigned char n[8] = {(unsigned char)collisions, (unsigned char)(collisions >> 8),
                              (unsigned char)(collisions >> 16), (unsigned char)(collisions >> 24)};
        h = fnv32a(h, n, sizeof n);
    }
    char *out = arena_printf(a, "%u", h);
    for (char *p = out; *p; p++)
        *p = letters[(unsigned char)*p % (sizeof letters - 1)];
    return out;
}
