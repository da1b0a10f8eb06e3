#include "base/own.h"
#include "template/functions_int.h"

#include "base/banned.h"

/* ---- functions by name ---- */

struct function function__of(const struct go_func *f)
{
    const char *s = f->signature, *end = s + strcspn(s, ".>");
    return (struct function){
        .name = {f->name, (uint32_t)strlen(f->name), go_hash(f->name, strlen(f->name))},
        .func = f,
        .params = s,
        .n_params = (uint8_t)(end - s),
        .variadic = *end == '.',
        .boxes = strstr(s, ">a") != NULL,
    };
}

static void add_functions(struct template_set *s, const struct go_func *table)
{
    for (const struct go_func *f = table; f && f->name; f++) {
        struct function *made = ARENA_NEW(s->arena, struct function);
        *made = function__of(f);
        if (table == builtin_functions)
            made->special = strcmp(f->name, "and") == 0    ? SPECIAL_AND
                            : strcmp(f->name, "or") == 0   ? SPECIAL_OR
                            : strcmp(f->name, "call") == 0 ? SPECIAL_CALL
                                                           : SPECIAL_NONE;
        go_map_put(s->functions, f->name, (struct go_value){.opaque = made});
    }
}

struct template_set *template_set_new(struct arena *a, const struct go_func *more)
{
    /* A later table's function takes the place of an earlier one's. */
    static const struct go_func *const tables[] = {builtin_functions, FUNCTION_TABLES,
                                                   helm_functions};
    struct template_set *s = ARENA_NEW(a, struct template_set);
    s->arena = a;
    s->functions = go_map_new(a, 512);
    s->trees = go_map_new(a, 64);
    for (size_t i = 0; i < ARRAY_LEN(tables); i++)
        add_functions(s, tables[i]);
    add_functions(s, more);
    return s;
}

struct template_set *set__child(struct arena *a, const struct template_set *parent)
{
    struct template_set *s = ARENA_NEW(a, struct template_set);
    s->arena = a;
    s->functions = parent->functions;
    s->trees = go_map_new(a, 0);
    s->parent = parent;
    return s;
}

const struct function *set__function(const struct template_set *s, const char *name, size_t n)
{
    const struct go_value *v = go_map_get(s->functions, name, n);
    return v ? v->opaque : NULL;
}

const struct tree *set__tree(const struct template_set *s, const struct ident *name)
{
    for (; s; s = s->parent) {
        const struct go_value *v = go_map_get_hashed(s->trees, name->s, name->n, name->hash);
        if (v)
            return v->opaque;
    }
    return NULL;
}

int template_parse(struct template_set *s, const char *name, const char *text, size_t n,
                   struct err *e)
{
    return parse__text(s, name, text, n, NULL, e);
}

const char *template_set_error(const struct template_set *s)
{
    return s->error;
}

bool template_set_has(const struct template_set *s, const char *name)
{
    struct ident id = {name, (uint32_t)strlen(name), go_hash(name, strlen(name))};
    return set__tree(s, &id) != NULL;
}
