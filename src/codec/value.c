#include "codec/value.h"

#include <math.h>
#include <stdarg.h>

#include "base/buf.h"
#include "codec/number.h"

/* ---- reading ---- */

const struct value *value_getn(const struct value *object, const char *key, size_t n)
{
    if (!object || object->kind != VALUE_OBJECT)
        return NULL;
    const struct member *m = object->members, *end = m + object->n;
    for (; m < end; m++)
        if (m->key_len == n && memcmp(m->key, key, n) == 0)
            return &m->value;
    return NULL;
}

const struct value *value_get(const struct value *object, const char *key)
{
    return value_getn(object, key, strlen(key));
}

const struct value *value_item(const struct value *array, size_t i)
{
    return array && array->kind == VALUE_ARRAY && i < array->n ? &array->items[i] : NULL;
}

size_t value_count(const struct value *v)
{
    return v && v->kind >= VALUE_STRING ? v->n : 0;
}

bool value_is(const struct value *v, enum value_kind kind)
{
    return v && v->kind == kind;
}

const char *value_str(const struct value *v, const char *dflt)
{
    return value_is(v, VALUE_STRING) ? v->text : dflt;
}

int64_t value_int(const struct value *v, int64_t dflt)
{
    if (value_is(v, VALUE_INT))
        return v->i;
    if (value_is(v, VALUE_FLOAT) && v->d >= -0x1p63 && v->d < 0x1p63 && v->d == trunc(v->d))
        return (int64_t)v->d;
    return dflt;
}

double value_num(const struct value *v, double dflt)
{
    if (value_is(v, VALUE_INT))
        return (double)v->i;
    return value_is(v, VALUE_FLOAT) ? v->d : dflt;
}

bool value_bool(const struct value *v, bool dflt)
{
    return value_is(v, VALUE_BOOL) ? v->boolean : dflt;
}

bool value_int_from_text(const char *text, int64_t *out)
{
    const char *p = text + (*text == '-');
    uint64_t n = 0, limit = (uint64_t)INT64_MAX + (*text == '-');
    if (*p == '\0')
        return false;
    for (; *p; p++) {
        unsigned digit = (unsigned)(*p - '0');
        if (digit > 9 || n > (limit - digit) / 10)
            return false;
        n = n * 10 + digit;
    }
    *out = *text == '-' ? (int64_t)(0 - n) : (int64_t)n;
    return true;
}

const struct member *value_members(const struct value *object)
{
    static const struct member none[1];
    return value_is(object, VALUE_OBJECT) && object->n ? object->members : none;
}

size_t value_members_count(const struct value *object)
{
    return value_is(object, VALUE_OBJECT) ? object->n : 0;
}

const char *value_kind_name(enum value_kind kind)
{
    static const char *const names[] = {"null",   "bool",  "int",   "float",
                                        "string", "array", "object"};
    return (size_t)kind < ARRAY_LEN(names) ? names[kind] : "unknown";
}

/* ---- making ---- */

struct value *value_null(struct arena *a)
{
    return ARENA_NEW(a, struct value);
}

static struct value *value_new(struct arena *a, enum value_kind kind)
{
    struct value *v = ARENA_NEW(a, struct value);
    v->kind = kind;
    return v;
}

struct value *value_new_bool(struct arena *a, bool b)
{
    struct value *v = value_new(a, VALUE_BOOL);
    v->boolean = b;
    return v;
}

struct value *value_new_int(struct arena *a, int64_t i)
{
    struct value *v = value_new(a, VALUE_INT);
    v->i = i;
    v->text = arena_printf(a, "%lld", (long long)i);
    v->n = (uint32_t)strlen(v->text);
    return v;
}

struct value *value_new_float(struct arena *a, double d)
{
    struct value *v = value_new(a, VALUE_FLOAT);
    char text[NUMBER_TEXT_MAX];
    v->n = (uint32_t)number_format_json(d, text);
    v->text = arena_strndup(a, text, v->n);
    v->d = d;
    return v;
}

struct value *value_new_strn(struct arena *a, const char *s, size_t n)
{
    struct value *v = value_new(a, VALUE_STRING);
    v->text = arena_strndup(a, s, n);
    v->n = (uint32_t)n;
    return v;
}

struct value *value_new_str(struct arena *a, const char *s)
{
    return value_new_strn(a, s, strlen(s));
}

struct value *value_new_strf(struct arena *a, const char *fmt, ...)
{
    struct value *v = value_new(a, VALUE_STRING);
    va_list ap;
    va_start(ap, fmt);
    v->text = arena_vprintf(a, fmt, ap);
    va_end(ap);
    v->n = (uint32_t)strlen(v->text);
    return v;
}

struct value *value_new_array(struct arena *a)
{
    return value_new(a, VALUE_ARRAY);
}

struct value *value_new_object(struct arena *a)
{
    return value_new(a, VALUE_OBJECT);
}

/* ---- whole trees: without recursion, for a document may nest deeper than a stack ---- */

static void work_push(struct buf *work, const void *item, size_t size)
{
    buf_add(work, item, size);
}

static bool work_pop(struct buf *work, void *item, size_t size)
{
    if (work->len < size)
        return false;
    memcpy(item, work->data + work->len - size, size);
    buf_cut(work, work->len - size);
    return true;
}

/* Gives `v`, a plain copy of a value, insides of its own; those of its elements are left for
 * later. */
static void copy_inside(struct arena *a, struct value *v, struct buf *work)
{
    switch (v->kind) {
    case VALUE_STRING:
    case VALUE_INT:
    case VALUE_FLOAT:
        v->text = arena_strndup(a, v->text ? v->text : "", v->n);
        break;
    case VALUE_ARRAY:
        v->items = v->n ? arena_dup(a, v->items, v->n * sizeof *v->items) : NULL;
        v->cap = v->n;
        work_push(work, &v, sizeof v);
        break;
    case VALUE_OBJECT:
        v->members = v->n ? arena_dup(a, v->members, v->n * sizeof *v->members) : NULL;
        v->cap = v->n;
        work_push(work, &v, sizeof v);
        break;
    case VALUE_NULL:
    case VALUE_BOOL:
        if (v->style & VALUE_SPELLED)
            v->word = arena_strdup(a, v->word);
        break;
    }
}

struct value *value_copy(struct arena *a, const struct value *v)
{
    if (!v)
        return NULL;
    AUTO_BUF struct buf work;
    buf_init(&work, SIZE_MAX / 2);
    struct value *copy = arena_dup(a, v, sizeof *v), *at = NULL;
    copy_inside(a, copy, &work);
    while (work_pop(&work, &at, sizeof at)) {
        for (uint32_t i = 0; i < at->n; i++) {
            if (at->kind == VALUE_ARRAY) {
                copy_inside(a, &at->items[i], &work);
            } else {
                struct member *m = &at->members[i];
                m->key = arena_strndup(a, m->key, m->key_len);
                copy_inside(a, &m->value, &work);
            }
        }
    }
    return copy;
}

struct pair {
    const struct value *a, *b;
};

static bool numbers_equal(const struct value *a, const struct value *b)
{
    if (a->kind == VALUE_INT && b->kind == VALUE_INT)
        return a->i == b->i;
    return value_num(a, 0) == value_num(b, 0);
}

static bool is_number(const struct value *v)
{
    return v->kind == VALUE_INT || v->kind == VALUE_FLOAT;
}

/* Compares the two but for their elements, which it leaves as work. */
static bool shallow_equal(struct pair p, struct buf *work)
{
    if (is_number(p.a) && is_number(p.b))
        return numbers_equal(p.a, p.b);
    if (p.a->kind != p.b->kind)
        return false;
    switch (p.a->kind) {
    case VALUE_BOOL:
        return p.a->boolean == p.b->boolean;
    case VALUE_STRING:
        return p.a->n == p.b->n && memcmp(p.a->text, p.b->text, p.a->n) == 0;
    case VALUE_ARRAY:
    case VALUE_OBJECT:
        if (p.a->n != p.b->n)
            return false;
        if (p.a->n && p.a->items != p.b->items)
            work_push(work, &p, sizeof p);
        return true;
    case VALUE_NULL:
    case VALUE_INT:
    case VALUE_FLOAT:
        break;
    }
    return true;
}

/* The member of `b` with m's key; the one at the same place is the best guess. */
static const struct value *counterpart(const struct value *b, uint32_t i, const struct member *m)
{
    const struct member *same = &b->members[i];
    if (same->key_len == m->key_len && memcmp(same->key, m->key, m->key_len) == 0)
        return &same->value;
    return value_getn(b, m->key, m->key_len);
}

bool value_equal(const struct value *a, const struct value *b)
{
    if (!a || !b)
        return a == b;
    AUTO_BUF struct buf work;
    buf_init(&work, SIZE_MAX / 2);
    struct pair p = {a, b};
    if (!shallow_equal(p, &work))
        return false;
    while (work_pop(&work, &p, sizeof p)) {
        for (uint32_t i = 0; i < p.a->n; i++) {
            struct pair inner;
            if (p.a->kind == VALUE_ARRAY) {
                inner = (struct pair){&p.a->items[i], &p.b->items[i]};
            } else {
                const struct member *m = &p.a->members[i];
                inner = (struct pair){&m->value, counterpart(p.b, i, m)};
            }
            if (!inner.b || !shallow_equal(inner, &work))
                return false;
        }
    }
    return true;
}

/* ---- changing ---- */

static void array_reserve(struct arena *a, struct value *array)
{
    if (array->n < array->cap)
        return;
    uint64_t cap = array->cap < 4 ? 4 : array->cap * 2;
    array->items =
        arena_grow(a, array->items, array->n * sizeof *array->items, cap * sizeof *array->items);
    array->cap = cap;
}

static struct member *object_append(struct arena *a, struct value *object, const char *key,
                                    size_t n)
{
    if (object->n >= object->cap) {
        uint64_t cap = object->cap < 4 ? 4 : object->cap * 2;
        object->members = arena_grow(a, object->members, object->n * sizeof *object->members,
                                     cap * sizeof *object->members);
        object->cap = cap;
    }
    struct member *m = &object->members[object->n++];
    *m = (struct member){.key = arena_strndup(a, key, n), .key_len = (uint32_t)n};
    return m;
}

struct value *value_setn(struct arena *a, struct value *object, const char *key, size_t n,
                         const struct value *v)
{
    for (uint32_t i = 0; i < object->n; i++) {
        struct member *m = &object->members[i];
        if (m->key_len == n && memcmp(m->key, key, n) == 0) {
            m->value = *v;
            return &m->value;
        }
    }
    struct value put = *v; /* v may stand in the members that move now */
    struct member *m = object_append(a, object, key, n);
    m->value = put;
    return &m->value;
}

struct value *value_set(struct arena *a, struct value *object, const char *key,
                        const struct value *v)
{
    return value_setn(a, object, key, strlen(key), v);
}

struct value *value_set_str(struct arena *a, struct value *object, const char *key, const char *s)
{
    return value_set(a, object, key, value_new_str(a, s));
}

struct value *value_set_int(struct arena *a, struct value *object, const char *key, int64_t i)
{
    return value_set(a, object, key, value_new_int(a, i));
}

struct value *value_set_bool(struct arena *a, struct value *object, const char *key, bool b)
{
    return value_set(a, object, key, &(struct value){.kind = VALUE_BOOL, .boolean = b});
}

struct value *value_get_mutn(struct value *object, const char *key, size_t n)
{
    if (!object || object->kind != VALUE_OBJECT)
        return NULL;
    for (uint32_t i = 0; i < object->n; i++)
        if (object->members[i].key_len == n && memcmp(object->members[i].key, key, n) == 0)
            return &object->members[i].value;
    return NULL;
}

struct value *value_get_mut(struct value *object, const char *key)
{
    return value_get_mutn(object, key, strlen(key));
}

struct value *value_insert(struct arena *a, struct value *array, size_t at, const struct value *v)
{
    struct value put = *v;
    array_reserve(a, array);
    if (at > array->n)
        at = array->n;
    memmove(&array->items[at + 1], &array->items[at], (array->n - at) * sizeof *array->items);
    array->items[at] = put;
    array->n++;
    return &array->items[at];
}

struct value *value_push(struct arena *a, struct value *array, const struct value *v)
{
    return value_insert(a, array, array->n, v);
}

struct value *value_push_str(struct arena *a, struct value *array, const char *s)
{
    return value_push(a, array, value_new_str(a, s));
}

bool value_removen(struct value *object, const char *key, size_t n)
{
    struct value *v = value_get_mutn(object, key, n);
    if (!v)
        return false;
    struct member *m = container_of(v, struct member, value);
    size_t after = (size_t)(object->members + object->n - (m + 1));
    memmove(m, m + 1, after * sizeof *m);
    object->n--;
    return true;
}

bool value_remove(struct value *object, const char *key)
{
    return value_removen(object, key, strlen(key));
}

void value_remove_at(struct value *array, size_t i)
{
    if (!value_is(array, VALUE_ARRAY) || i >= array->n)
        return;
    memmove(&array->items[i], &array->items[i + 1], (array->n - i - 1) * sizeof *array->items);
    array->n--;
}
