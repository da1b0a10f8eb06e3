/* tree_int.h - short spellings for setting what is absent.                               */
#pragma once
#include <string.h>

#include "codec/value.h"

static inline bool has(const struct value *v, const char *key)
{
    const struct value *m = value_get(v, key);
    return m && m->kind != VALUE_NULL;
}

static inline const char *str(const struct value *v, const char *key)
{
    return value_str(value_get(v, key), "");
}

static inline bool is(const char *a, const char *b)
{
    return strcmp(a, b) == 0;
}

static inline void def_str(struct arena *a, struct value *v, const char *key, const char *s)
{
    if (!has(v, key) || (value_is(value_get(v, key), VALUE_STRING) && !*str(v, key)))
        (void)value_set_str(a, v, key, s);
}

/* For text where "" is a wish of its own. */
static inline void def_ptr(struct arena *a, struct value *v, const char *key, const char *s)
{
    if (!has(v, key))
        (void)value_set_str(a, v, key, s);
}

static inline void def_int(struct arena *a, struct value *v, const char *key, int64_t i)
{
    if (!has(v, key))
        (void)value_set_int(a, v, key, i);
}

static inline void def_bool(struct arena *a, struct value *v, const char *key, bool b)
{
    if (!has(v, key))
        (void)value_set_bool(a, v, key, b);
}

/* The object at key, made when absent. */
static inline struct value *sub_object(struct arena *a, struct value *v, const char *key)
{
    struct value *m = value_get_mut(v, key);
    return m && m->kind == VALUE_OBJECT ? m : value_set(a, v, key, value_new_object(a));
}

/* The object at key for writing, NULL when absent. */
static inline struct value *get_object(struct value *v, const char *key)
{
    struct value *m = v ? value_get_mut(v, key) : NULL;
    return m && m->kind == VALUE_OBJECT ? m : NULL;
}

#define EACH_MUT(var, array)                                                                       \
    for (struct value *var##_l_ = (array), *var = value_count(var##_l_) ? var##_l_->items : NULL;  \
         var && var < var##_l_->items + var##_l_->n; var++)
