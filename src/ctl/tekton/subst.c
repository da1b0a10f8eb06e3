/* subst.c - scanning, naming and replacing $(…). */
#include "ctl/tekton/subst.h"

#include <ctype.h>

#include "base/buf.h"

enum { REF_MAX = 1024 };

static void vars_done(void *arg)
{
    map_done(arg);
}

struct scope *scope_new(struct arena *a)
{
    struct scope *s = ARENA_NEW(a, struct scope);
    s->arena = a;
    map_init(&s->vars);
    arena_defer(a, vars_done, &s->vars);
    return s;
}

void scope_put(struct scope *s, const struct value *v, const char *name_fmt, ...)
{
    va_list ap;
    va_start(ap, name_fmt);
    const char *name = arena_vprintf(s->arena, name_fmt, ap);
    va_end(ap);
    (void)map_put(&s->vars, name, ARENA_NEW(s->arena, struct value));
    *(struct value *)map_get(&s->vars, name) = *v;
}

void scope_put_str(struct scope *s, const char *text, const char *name_fmt, ...)
{
    va_list ap;
    va_start(ap, name_fmt);
    const char *name = arena_vprintf(s->arena, name_fmt, ap);
    va_end(ap);
    (void)map_put(&s->vars, name, value_new_str(s->arena, text));
}

/* Reads ["name"] or ['name'] at p; its end, or NULL. */
static const char *quoted_part(const char *p, const char **out, size_t *n)
{
    if (p[0] != '[' || (p[1] != '"' && p[1] != '\''))
        return NULL;
    const char *end = strchr(p + 2, p[1]);
    if (!end || end[1] != ']')
        return NULL;
    *out = p + 2;
    *n = (size_t)(end - *out);
    return end + 2;
}

/* Reads [12] or [*] at p; its end, or NULL. */
static const char *index_part(const char *p, struct subst_ref *ref)
{
    if (*p != '[')
        return NULL;
    if (p[1] == '*' && p[2] == ']') {
        ref->star = true;
        return p + 3;
    }
    char *end;
    if (!isdigit((unsigned char)p[1]))
        return NULL;
    ref->index = strtoll(p + 1, &end, 10);
    return *end == ']' ? end + 1 : NULL;
}

static bool plain_char(char c)
{
    return isalnum((unsigned char)c) || c == '-' || c == '_' || c == '.' || c == '/';
}

/* Parses the reference that begins at text ("$(" …); the byte after it, or NULL. */
static const char *ref_parse(const char *text, struct arena *a, struct subst_ref *ref)
{
    char name[REF_MAX];
    size_t n = 0;
    *ref = (struct subst_ref){.index = -1};
    const char *p = text + 2;
    while (*p && *p != ')') {
        const char *part = p;
        size_t len = 1;
        const char *next = quoted_part(p, &part, &len);
        if (next && n > 0 && n + 1 < sizeof name)
            name[n++] = '.';
        else if (!next && *p == '[')
            break;
        else if (next || !plain_char(*p))
            return NULL;
        if (n + len >= sizeof name)
            return NULL;
        memcpy(name + n, part, len);
        n += len;
        p = next ? next : p + 1;
    }
    if (*p == '[' && !(p = index_part(p, ref)))
        return NULL;
    if (*p != ')' || n == 0)
        return NULL;
    ref->name = arena_strndup(a, name, n);
    ref->spelled = arena_strndup(a, text + 2, (size_t)(p - text - 2));
    return p + 1;
}

/* A variable may itself stand for something that only a running step knows: for
 * "$(steps.a.results.r[*])" the reference's own tail takes the place of [*]. */
static const struct value *forwarded(const struct scope *s, const struct value *v, const char *tail)
{
    static const char end[] = "[*])";
    if (!value_is(v, VALUE_STRING) || v->n <= 8 || memcmp(v->text, "$(steps.", 8) != 0 ||
        strcmp(v->text + v->n - 4, end) != 0)
        return NULL;
    return value_new_strf(s->arena, "%.*s%s)", (int)(v->n - 4), v->text, tail);
}

/* A key of an object: the longest name before it that is one. */
static const struct value *key_resolve(const struct scope *s, const struct subst_ref *ref)
{
    for (size_t n = strlen(ref->name); n > 0; n--) {
        if (ref->name[n - 1] != '.')
            continue;
        const struct value *o = map_get(&s->vars, arena_strndup(s->arena, ref->name, n - 1));
        const struct value *v = value_is(o, VALUE_OBJECT) ? value_get(o, ref->name + n)
                                                          : forwarded(s, o, ref->name + n - 1);
        if (v)
            return v;
    }
    return NULL;
}

/* What a reference means here, or NULL. */
static const struct value *ref_resolve(const struct scope *s, const struct subst_ref *ref)
{
    const struct value *v = map_get(&s->vars, ref->name);
    if (!v)
        return key_resolve(s, ref);
    if (ref->index < 0)
        return v;
    if (value_is(v, VALUE_ARRAY))
        return value_item(v, (size_t)ref->index);
    return forwarded(s, v, arena_printf(s->arena, "[%lld]", (long long)ref->index));
}

const char *subst_text(const struct scope *s, const char *text)
{
    const char *at = strstr(text, "$(");
    if (!at)
        return text;
    AUTO_BUF struct buf out;
    buf_init(&out, 64u << 20);
    const char *from = text;
    bool changed = false;
    while ((at = strstr(from, "$("))) {
        struct subst_ref ref;
        const char *end = ref_parse(at, s->arena, &ref);
        const struct value *v = end ? ref_resolve(s, &ref) : NULL;
        if (end && ref.star)
            v = forwarded(s, v, "[*]");
        if (!value_is(v, VALUE_STRING))
            end = at + 2;
        buf_add(&out, from, (size_t)(at - from));
        if (value_is(v, VALUE_STRING)) {
            buf_add(&out, v->text, v->n);
            changed = true;
        } else {
            buf_add(&out, at, 2);
        }
        from = end;
    }
    buf_puts(&out, from);
    return changed ? arena_strndup(s->arena, buf_text(&out), out.len) : text;
}

/* The array or object that a text which is nothing but one reference stands for, or NULL. */
static const struct value *whole(const struct scope *s, const char *text)
{
    struct subst_ref ref;
    if (text[0] != '$' || text[1] != '(')
        return NULL;
    const char *end = ref_parse(text, s->arena, &ref);
    if (!end || *end)
        return NULL;
    const struct value *v = ref_resolve(s, &ref);
    return value_is(v, VALUE_ARRAY) || value_is(v, VALUE_OBJECT) ? v : NULL;
}

static const struct value *subst_array(const struct scope *s, const struct value *tree,
                                       unsigned flags)
{
    struct value *out = value_new_array(s->arena);
    VALUE_EACH_ITEM (item, tree) {
        const struct value *all = value_is(item, VALUE_STRING) ? whole(s, item->text) : NULL;
        if (!value_is(all, VALUE_ARRAY)) {
            (void)value_push(s->arena, out, subst_tree(s, item, flags));
            continue;
        }
        VALUE_EACH_ITEM (each, all)
            (void)value_push(s->arena, out, each);
    }
    return out;
}

const struct value *subst_tree(const struct scope *s, const struct value *tree, unsigned flags)
{
    if (value_is(tree, VALUE_STRING)) {
        const struct value *all = flags & SUBST_WHOLE ? whole(s, tree->text) : NULL;
        if (all)
            return all;
        const char *text = subst_text(s, tree->text);
        return text == tree->text ? tree : value_new_str(s->arena, text);
    }
    if (value_is(tree, VALUE_ARRAY))
        return subst_array(s, tree, flags);
    if (!value_is(tree, VALUE_OBJECT))
        return tree;
    struct value *out = value_new_object(s->arena);
    VALUE_EACH_MEMBER (m, tree)
        (void)value_set(s->arena, out, m->key, subst_tree(s, &m->value, flags));
    return out;
}

void subst_each_ref(const struct value *tree, struct arena *a,
                    void (*fn)(void *arg, const struct subst_ref *ref), void *arg)
{
    if (value_is(tree, VALUE_ARRAY)) {
        VALUE_EACH_ITEM (item, tree)
            subst_each_ref(item, a, fn, arg);
    } else if (value_is(tree, VALUE_OBJECT)) {
        VALUE_EACH_MEMBER (m, tree)
            subst_each_ref(&m->value, a, fn, arg);
    } else if (value_is(tree, VALUE_STRING)) {
        for (const char *at = tree->text; (at = strstr(at, "$("));) {
            struct subst_ref ref;
            const char *end = ref_parse(at, a, &ref);
            if (end)
                fn(arg, &ref);
            at = end ? end : at + 2;
        }
    }
}
