/* validate_say_int.h - short spellings for what is wrong and where.
 *
 * Here and not in a file of their own, so that such short names stay within the checks.   */
#pragma once
#include <string.h>

#include "api/errors.h"
#include "api/names_int.h"
#include "api/tree_int.h"
#include "api/typed_int.h"

static inline const char *path(const struct field_errors *l, const char *fmt, ...) PRINTF(2, 3);
static inline const char *path(const struct field_errors *l, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    const char *out = arena_vprintf(l->arena, fmt, ap);
    va_end(ap);
    return out;
}

static inline void bad(struct field_errors *l, const char *at, const struct value *v,
                       const char *why)
{
    field_errors_add(l, FIELD_INVALID, at, v, why);
}

static inline void bad_str(struct field_errors *l, const char *at, const char *s, const char *why)
{
    field_errors_add_str(l, FIELD_INVALID, at, s, why);
}

static inline void bad_shown(struct field_errors *l, const char *at, const char *shown,
                             const char *why)
{
    field_errors_add_raw(l, FIELD_INVALID, at, shown, why);
}

static inline void required(struct field_errors *l, const char *at, const char *why)
{
    field_errors_add(l, FIELD_REQUIRED, at, NULL, why);
}

static inline void forbidden(struct field_errors *l, const char *at, const char *why)
{
    field_errors_add(l, FIELD_FORBIDDEN, at, NULL, why);
}

static inline void duplicate(struct field_errors *l, const char *at, const char *s)
{
    field_errors_add_str(l, FIELD_DUPLICATE, at, s, NULL);
}

static inline void name_errors(struct field_errors *l, const char *at, const char *s,
                               struct name_errors n)
{
    for (size_t i = 0; i < n.n; i++)
        bad_str(l, at, s, n.text[i]);
}

static inline void one_of(struct field_errors *l, const char *at, const char *s,
                          const char *const *supported, bool must)
{
    size_t n = 0;
    for (; supported[n]; n++)
        if (is(supported[n], s))
            return;
    if (*s)
        field_errors_add_unsupported(l, at, s, supported, n);
    else if (must)
        required(l, at, NULL);
}

static inline void not_negative(struct field_errors *l, const char *base, const struct value *v,
                                const char *key)
{
    const struct value *n = value_get(v, key);
    if (n && value_int(n, 0) < 0)
        bad(l, path(l, "%s%s%s", base, *base ? "." : "", key), n,
            "must be greater than or equal to 0");
}

static inline void port_number(struct field_errors *l, const char *at, const struct value *v)
{
    int64_t p = value_int(v, 0);
    if (p < 1 || p > 65535)
        field_errors_add_int(l, FIELD_INVALID, at, p, "must be between 1 and 65535, inclusive");
}

static inline bool same(const struct value *x, const struct value *y)
{
    static const struct value null = {.kind = VALUE_NULL};
    return value_equal(x ? x : &null, y ? y : &null);
}

static inline void immutable(struct field_errors *l, const char *at, const struct value *now,
                             const struct value *old)
{
    static const struct value null = {.kind = VALUE_NULL};
    if (!same(now, old))
        bad(l, at, now ? now : &null, "field is immutable");
}

static inline void immutable_shown(struct field_errors *l, const char *at, const struct value *now,
                                   const struct value *old)
{
    if (!same(now, old))
        bad_shown(l, at, now ? typed__go(now, l->arena) : "\"null\"", "field is immutable");
}
