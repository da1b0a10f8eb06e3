/* cel_std.c - the standard functions and conversions. */
#include <errno.h>
#include <math.h>

#include "codec/base64.h"
#include "codec/cel_int.h"
#include "codec/number.h"
#include "codec/regex.h"
#include "codec/utf8.h"

size_t cel__length(const struct cel_value *s)
{
    size_t n = 0;
    for (uint32_t i = 0; i < s->n; i++)
        n += ((unsigned char)s->text[i] & 0xc0) != 0x80;
    return n;
}

static int size(struct cel_run *r, const struct cel_value *args, size_t n, struct cel_value *out)
{
    enum cel_kind kind = args[0].kind;
    if (kind != CEL_STRING && kind != CEL_BYTES && kind != CEL_LIST && kind != CEL_MAP)
        return cel__no_overload(r, "size", args, n);
    *out = cel__int(kind == CEL_STRING ? (int64_t)cel__length(&args[0]) : args[0].n);
    return kind == CEL_STRING ? cel__charge(r, args[0].n / 64) : 0;
}

static int type_of(struct cel_run *r, const struct cel_value *args, size_t n, struct cel_value *out)
{
    (void)r;
    (void)n;
    const char *name = cel__type_name(&args[0]);
    *out = cel__string(name, strlen(name));
    out->kind = CEL_TYPE;
    return 0;
}

static int dyn(struct cel_run *r, const struct cel_value *args, size_t n, struct cel_value *out)
{
    (void)r;
    (void)n;
    *out = args[0];
    return 0;
}

/* ---- conversions ---- */

static int range_error(struct cel_run *r, const char *type)
{
    return cel__fail(r, "%s range error", type);
}

static int to_int(struct cel_run *r, const struct cel_value *args, size_t n, struct cel_value *out)
{
    const struct cel_value *v = &args[0];
    int64_t i = v->i;
    if (v->kind == CEL_UINT && v->u > INT64_MAX)
        return range_error(r, "int");
    if (v->kind == CEL_DOUBLE) {
        if (!(v->d > -0x1p63 && v->d < 0x1p63))
            return range_error(r, "int");
        i = (int64_t)v->d;
    } else if (v->kind == CEL_STRING) {
        const char *text = v->text + (*v->text == '+' && v->text[1] != '-');
        if (strlen(v->text) != v->n || !value_int_from_text(text, &i))
            return cel__fail(r, "cannot convert \"%.60s\" to int", v->text);
    } else if (v->kind == CEL_DURATION ||
               (v->kind != CEL_INT && v->kind != CEL_UINT && v->kind != CEL_TIMESTAMP)) {
        return cel__no_overload(r, "int", args, n);
    }
    *out = cel__int(i);
    return 0;
}

static int to_uint(struct cel_run *r, const struct cel_value *args, size_t n, struct cel_value *out)
{
    const struct cel_value *v = &args[0];
    uint64_t u = v->u;
    char *stop = NULL;
    if (v->kind == CEL_INT && v->i < 0)
        return range_error(r, "uint");
    if (v->kind == CEL_DOUBLE) {
        if (!(v->d >= 0 && v->d < 0x1p64))
            return range_error(r, "uint");
        u = (uint64_t)v->d;
    } else if (v->kind == CEL_STRING) {
        errno = 0;
        u = strtoull(v->text, &stop, 10);
        if (*v->text < '0' || *v->text > '9' || stop != v->text + v->n || errno == ERANGE)
            return cel__fail(r, "cannot convert \"%.60s\" to uint", v->text);
    } else if (v->kind != CEL_INT && v->kind != CEL_UINT) {
        return cel__no_overload(r, "uint", args, n);
    }
    *out = (struct cel_value){.kind = CEL_UINT, .u = u};
    return 0;
}

static int to_double(struct cel_run *r, const struct cel_value *args, size_t n,
                     struct cel_value *out)
{
    const struct cel_value *v = &args[0];
    char *stop = NULL;
    if (v->kind == CEL_STRING) {
        *out = cel__double(strtod(v->text, &stop));
        if (v->n == 0 || stop != v->text + v->n || strchr(" \t\n\r\f\v", *v->text))
            return cel__fail(r, "cannot convert \"%.60s\" to double", v->text);
        return 0;
    }
    if (v->kind != CEL_INT && v->kind != CEL_UINT && v->kind != CEL_DOUBLE)
        return cel__no_overload(r, "double", args, n);
    *out = cel__double(v->kind == CEL_INT    ? (double)v->i
                       : v->kind == CEL_UINT ? (double)v->u
                                             : v->d);
    return 0;
}

static bool is_utf8(const char *s, size_t n)
{
    for (size_t i = 0, len; i < n; i += len) {
        len = utf8_valid(s + i, n - i);
        if (len == 0)
            return false;
    }
    return true;
}

static int to_string(struct cel_run *r, const struct cel_value *args, size_t n,
                     struct cel_value *out)
{
    const struct cel_value *v = &args[0];
    char number[NUMBER_TEXT_MAX];
    const char *text = NULL;
    switch (v->kind) {
    case CEL_STRING:
        *out = *v;
        return 0;
    case CEL_BYTES:
        if (!is_utf8(v->text, v->n))
            return cel__fail(r, "invalid UTF-8 in bytes, cannot convert to string");
        *out = cel__string(v->text, v->n);
        return 0;
    case CEL_BOOL:
        text = v->b ? "true" : "false";
        break;
    case CEL_INT:
        text = arena_printf(r->arena, "%lld", (long long)v->i);
        break;
    case CEL_UINT:
        text = arena_printf(r->arena, "%llu", (unsigned long long)v->u);
        break;
    case CEL_DOUBLE:
        (void)number_format_g(v->d, number);
        text = arena_strdup(r->arena, number);
        break;
    case CEL_TIMESTAMP:
        text = cel__timestamp_text(r->arena, v);
        break;
    case CEL_DURATION:
        text = cel__duration_text(r->arena, v);
        break;
    case CEL_TYPE:
    case CEL_NULL:
    case CEL_LIST:
    case CEL_MAP:
    case CEL_OPTIONAL:
        return cel__no_overload(r, "string", args, n);
    }
    *out = cel__string(text, strlen(text));
    return 0;
}

static int to_bytes(struct cel_run *r, const struct cel_value *args, size_t n,
                    struct cel_value *out)
{
    if (args[0].kind != CEL_STRING && args[0].kind != CEL_BYTES)
        return cel__no_overload(r, "bytes", args, n);
    *out = args[0];
    out->kind = CEL_BYTES;
    return 0;
}

static int to_bool(struct cel_run *r, const struct cel_value *args, size_t n, struct cel_value *out)
{
    static const char *const yes[] = {"1", "t", "T", "true", "TRUE", "True"};
    static const char *const no[] = {"0", "f", "F", "false", "FALSE", "False"};
    *out = args[0];
    if (args[0].kind == CEL_BOOL)
        return 0;
    if (args[0].kind != CEL_STRING)
        return cel__no_overload(r, "bool", args, n);
    for (size_t i = 0; i < ARRAY_LEN(yes); i++) {
        *out = cel__bool(strcmp(args[0].text, yes[i]) == 0);
        if (out->b || strcmp(args[0].text, no[i]) == 0)
            return 0;
    }
    return cel__fail(r, "cannot convert \"%.60s\" to bool", args[0].text);
}

/* ---- strings ---- */

static bool both_strings(const struct cel_value *args)
{
    return args[0].kind == CEL_STRING && args[1].kind == CEL_STRING;
}

static int contains(struct cel_run *r, const struct cel_value *args, size_t n,
                    struct cel_value *out)
{
    if (!both_strings(args))
        return cel__no_overload(r, "contains", args, n);
    *out = cel__bool(memmem(args[0].text, args[0].n, args[1].text, args[1].n) != NULL);
    return cel__charge(r, args[0].n / 64);
}

static int starts_with(struct cel_run *r, const struct cel_value *args, size_t n,
                       struct cel_value *out)
{
    if (!both_strings(args))
        return cel__no_overload(r, "startsWith", args, n);
    *out = cel__bool(args[0].n >= args[1].n && memcmp(args[0].text, args[1].text, args[1].n) == 0);
    return 0;
}

static int ends_with(struct cel_run *r, const struct cel_value *args, size_t n,
                     struct cel_value *out)
{
    if (!both_strings(args))
        return cel__no_overload(r, "endsWith", args, n);
    *out = cel__bool(args[0].n >= args[1].n &&
                     memcmp(args[0].text + args[0].n - args[1].n, args[1].text, args[1].n) == 0);
    return 0;
}

static int matches(struct cel_run *r, const struct cel_value *args, size_t n, struct cel_value *out)
{
    AUTO(regex) struct regex *re = NULL;
    bool hit = false;
    if (!both_strings(args))
        return cel__no_overload(r, "matches", args, n);
    int rc = regex_compile(args[1].text, args[1].n, 0, &re, r->e);
    rc = rc ? rc : cel__charge(r, 10 + (uint64_t)args[0].n * (1 + args[1].n / 8) / 64);
    rc = rc ? rc : regex_match(re, args[0].text, args[0].n, 0, NULL, 0, &hit, r->e);
    *out = cel__bool(hit);
    return rc;
}

/* ---- optional values ---- */

static int optional_none(struct cel_run *r, const struct cel_value *args, size_t n,
                         struct cel_value *out)
{
    (void)r;
    (void)args;
    (void)n;
    *out = (struct cel_value){.kind = CEL_OPTIONAL};
    return 0;
}

static int optional_of(struct cel_run *r, const struct cel_value *args, size_t n,
                       struct cel_value *out)
{
    (void)n;
    *out = (struct cel_value){.kind = CEL_OPTIONAL, .n = 1};
    out->items = arena_dup(r->arena, args, sizeof *args);
    return 0;
}

static bool is_zero(const struct cel_value *v)
{
    switch (v->kind) {
    case CEL_NULL:
        return true;
    case CEL_BOOL:
        return !v->b;
    case CEL_INT:
    case CEL_UINT:
    case CEL_DURATION:
        return v->u == 0;
    case CEL_DOUBLE:
        return v->d == 0;
    case CEL_TIMESTAMP:
        return v->i == 0 && v->ns == 0;
    case CEL_STRING:
    case CEL_BYTES:
    case CEL_LIST:
    case CEL_MAP:
    case CEL_OPTIONAL:
        return v->n == 0;
    case CEL_TYPE:
        break;
    }
    return false;
}

static int optional_of_non_zero(struct cel_run *r, const struct cel_value *args, size_t n,
                                struct cel_value *out)
{
    return is_zero(&args[0]) ? optional_none(r, args, n, out) : optional_of(r, args, n, out);
}

static int has_value(struct cel_run *r, const struct cel_value *args, size_t n,
                     struct cel_value *out)
{
    if (args[0].kind != CEL_OPTIONAL)
        return cel__no_overload(r, "hasValue", args, n);
    *out = cel__bool(args[0].n);
    return 0;
}

static int value_of(struct cel_run *r, const struct cel_value *args, size_t n,
                    struct cel_value *out)
{
    if (args[0].kind != CEL_OPTIONAL)
        return cel__no_overload(r, "value", args, n);
    if (args[0].n == 0)
        return cel__fail(r, "optional.none() dereference");
    *out = args[0].items[0];
    return 0;
}

static int or_value(struct cel_run *r, const struct cel_value *args, size_t n,
                    struct cel_value *out)
{
    if (args[0].kind != CEL_OPTIONAL)
        return cel__no_overload(r, "orValue", args, n);
    *out = args[0].n ? args[0].items[0] : args[1];
    return 0;
}

static int or_other(struct cel_run *r, const struct cel_value *args, size_t n,
                    struct cel_value *out)
{
    if (args[0].kind != CEL_OPTIONAL || args[1].kind != CEL_OPTIONAL)
        return cel__no_overload(r, "or", args, n);
    *out = args[0].n ? args[0] : args[1];
    return 0;
}

/* ---- messages of google.protobuf that stand for plain values ---- */

static const struct cel_value *field(const struct cel_entry *fields, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(fields[i].key.text, name) == 0)
            return &fields[i].value;
    return NULL;
}

static int64_t int_field(const struct cel_entry *fields, size_t n, const char *name)
{
    const struct cel_value *v = field(fields, n, name);
    return v && v->kind == CEL_INT ? v->i : 0;
}

static int time_message(struct cel_run *r, bool stamp, const struct cel_entry *fields, size_t n,
                        struct cel_value *out)
{
    int64_t seconds = int_field(fields, n, "seconds"), nanos = int_field(fields, n, "nanos"), ns;
    if (nanos <= -1000000000 || nanos >= 1000000000 || (stamp && nanos < 0))
        return cel__fail(r, "nanos are out of range");
    *out = (struct cel_value){.kind = CEL_TIMESTAMP, .i = seconds, .ns = (uint32_t)nanos};
    if (stamp)
        return cel__timestamp_in_range(seconds) ? 0 : cel__fail(r, "timestamp overflow");
    if (__builtin_mul_overflow(seconds, 1000000000, &ns) || __builtin_add_overflow(ns, nanos, &ns))
        return cel__fail(r, "duration overflow");
    *out = (struct cel_value){.kind = CEL_DURATION, .i = ns};
    return 0;
}

struct wrapper {
    const char *name;
    struct cel_value zero;
    double min, max;
};

static int wrapper_message(struct cel_run *r, const struct wrapper *w,
                           const struct cel_entry *fields, size_t n, struct cel_value *out)
{
    const struct cel_value *v = field(fields, n, "value");
    *out = w->zero;
    if (!v)
        return 0;
    *out = *v;
    if (v->kind == w->zero.kind) {
        double d = v->kind == CEL_INT ? (double)v->i : (double)v->u;
        bool ranged = w->max > 0 && (v->kind == CEL_INT || v->kind == CEL_UINT);
        return ranged && (d < w->min || d > w->max) ? range_error(r, w->name) : 0;
    }
    return cel__no_overload(r, w->name, v, 1);
}

static int value_message(struct cel_run *r, const struct cel_entry *fields, size_t n,
                         struct cel_value *out)
{
    *out = (struct cel_value){.kind = CEL_NULL};
    if (n > 0 && strcmp(fields[0].key.text, "null_value") != 0)
        *out = fields[0].value;
    if (out->kind == CEL_INT && n > 0 && strcmp(fields[0].key.text, "number_value") == 0)
        *out = cel__double((double)out->i);
    return n > 1 ? cel__fail(r, "google.protobuf.Value has one kind") : 0;
}

int cel__message(struct cel_run *r, const char *name, const struct cel_entry *fields, size_t n,
                 struct cel_value *out)
{
    static const char prefix[] = "google.protobuf.";
    static const struct wrapper wrappers[] = {
        {"BoolValue",   {.kind = CEL_BOOL},               0,           0         },
        {"BytesValue",  {.kind = CEL_BYTES, .text = ""},  0,           0         },
        {"DoubleValue", {.kind = CEL_DOUBLE},             0,           0         },
        {"FloatValue",  {.kind = CEL_DOUBLE},             0,           0         },
        {"Int32Value",  {.kind = CEL_INT},                -2147483648, 2147483647},
        {"Int64Value",  {.kind = CEL_INT},                0,           0         },
        {"StringValue", {.kind = CEL_STRING, .text = ""}, 0,           0         },
        {"UInt32Value", {.kind = CEL_UINT},               0,           4294967295},
        {"UInt64Value", {.kind = CEL_UINT},               0,           0         },
    };
    const char *container = r->env->container ? r->env->container : "";
    bool inside = strncmp(name, prefix, sizeof prefix - 1) == 0;
    const char *type = inside ? name + sizeof prefix - 1 : name;
    if (!inside && strcmp(container, "google.protobuf") != 0)
        return err_set(r->e, ERR_UNSUPPORTED, "message type %.80s is not known", name);
    for (size_t i = 0; i < ARRAY_LEN(wrappers); i++) {
        if (strcmp(wrappers[i].name, type) != 0)
            continue;
        int rc = wrapper_message(r, &wrappers[i], fields, n, out);
        if (!rc && strcmp(type, "FloatValue") == 0)
            out->d = (double)(float)out->d;
        return rc;
    }
    if (strcmp(type, "Timestamp") == 0 || strcmp(type, "Duration") == 0)
        return time_message(r, *type == 'T', fields, n, out);
    if (strcmp(type, "Value") == 0)
        return value_message(r, fields, n, out);
    if (strcmp(type, "Struct") == 0 || strcmp(type, "ListValue") == 0) {
        const struct cel_value *v = field(fields, n, *type == 'S' ? "fields" : "values");
        *out = v ? *v : (struct cel_value){.kind = *type == 'S' ? CEL_MAP : CEL_LIST};
        return 0;
    }
    return err_set(r->e, ERR_UNSUPPORTED, "message type %.80s is not known", name);
}

const struct cel_builtin cel__std_functions[] = {
    {"size",                    1, 1, size                },
    {"type",                    1, 1, type_of             },
    {"dyn",                     1, 1, dyn                 },
    {"int",                     1, 1, to_int              },
    {"uint",                    1, 1, to_uint             },
    {"double",                  1, 1, to_double           },
    {"string",                  1, 1, to_string           },
    {"bytes",                   1, 1, to_bytes            },
    {"bool",                    1, 1, to_bool             },
    {"contains",                2, 2, contains            },
    {"startsWith",              2, 2, starts_with         },
    {"endsWith",                2, 2, ends_with           },
    {"matches",                 2, 2, matches             },
    {"optional.none",           0, 0, optional_none       },
    {"optional.of",             1, 1, optional_of         },
    {"optional.ofNonZeroValue", 1, 1, optional_of_non_zero},
    {"hasValue",                1, 1, has_value           },
    {"value",                   1, 1, value_of            },
    {"orValue",                 2, 2, or_value            },
    {"or",                      2, 2, or_other            },
};
const size_t cel__n_std_functions = ARRAY_LEN(cel__std_functions);

static const struct cel_builtin *find_in(const struct cel_builtin *table, size_t n,
                                         const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(table[i].name, name) == 0)
            return &table[i];
    return NULL;
}

const struct cel_builtin *cel__find_function(const char *name)
{
    const struct cel_builtin *b = find_in(cel__std_functions, cel__n_std_functions, name);
    b = b ? b : find_in(cel__string_functions, cel__n_string_functions, name);
    b = b ? b : find_in(cel__time_functions, cel__n_time_functions, name);
    return b ? b : find_in(cel__ext_functions, cel__n_ext_functions, name);
}
