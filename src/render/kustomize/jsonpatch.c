/* jsonpatch.c - JSON patches as the library applies them that Kustomize uses.
 *
 * Model  RFC 6902 with its liberties: an index may count from the end and have leading zeros, a
 *        value that is missing is null, "replace" also makes a member, "copy" of a member that is
 *        not there makes a null, and what stands before a pointer's first "/" is not looked at. */
#include "render/kustomize/kust_int.h"

#include "codec/number.h"
#include "codec/yaml.h"

struct patching {
    struct arena *a;
    struct value *doc;
    const struct value *op;
    struct err *e;
};

static const char *word(const struct patching *p, const char *member)
{
    return value_str(value_get(p->op, member), NULL);
}

static int no_place(const struct patching *p, const char *path)
{
    return err_set(p->e, ERR_INVALID, "operation %s: there is no place \"%s\"",
                   value_at_str(p->op, "op", "?"), path);
}

/* The text of a step, with ~1 and ~0 put back. */
static char *unescape(struct arena *a, const char *s, size_t n)
{
    char *out = arena_strndup(a, s, n), *to = out;
    for (const char *from = out; *from; from++) {
        bool escape = from[0] == '~' && (from[1] == '0' || from[1] == '1');
        *to++ = !escape ? *from : from[1] == '0' ? '~' : '/';
        from += escape;
    }
    *to = '\0';
    return out;
}

/* An index of a list with n elements, of which `more` may come behind the last. */
static bool index_of(const char *key, size_t n, bool more, size_t *out)
{
    int64_t i, limit = (int64_t)n + more;
    const char *digits = key + (*key == '+' || *key == '-');
    if (!*digits || strspn(digits, "0123456789") != strlen(digits) || strlen(digits) > 18)
        return false;
    i = strtoll(key, NULL, 10);
    i += i < 0 ? limit : 0;
    if (i < 0 || i >= limit)
        return false;
    *out = (size_t)i;
    return true;
}

static struct value *child(struct value *v, const char *key)
{
    size_t i;
    if (value_is(v, VALUE_OBJECT))
        return value_get_mut(v, key);
    return value_is(v, VALUE_ARRAY) && index_of(key, v->n, false, &i) ? &v->items[i] : NULL;
}

/* The object or list that holds the place, and the last step's key. */
static struct value *parent_of(const struct patching *p, const char *path, const char **key)
{
    struct value *v = p->doc;
    const char *at = strchr(path, '/');
    while (at) {
        const char *step = at + 1, *end = strchr(step, '/');
        *key = unescape(p->a, step, end ? (size_t)(end - step) : strlen(step));
        if (!end)
            return value_is(v, VALUE_OBJECT) || value_is(v, VALUE_ARRAY) ? v : NULL;
        v = child(v, *key);
        at = end;
    }
    return NULL;
}

static const struct value *value_or_null(const struct patching *p)
{
    const struct value *v = value_get(p->op, "value");
    return v ? value_copy(p->a, v) : value_null(p->a);
}

static int put(const struct patching *p, const char *path, const struct value *v)
{
    const char *key;
    size_t i;
    struct value *into = parent_of(p, path, &key);
    if (value_is(into, VALUE_OBJECT))
        (void)value_set(p->a, into, key, v);
    else if (into && strcmp(key, "-") == 0)
        (void)value_push(p->a, into, v);
    else if (into && index_of(key, into->n, true, &i))
        (void)value_insert(p->a, into, i, v);
    else
        return no_place(p, path);
    return 0;
}

static int take(const struct patching *p, const char *path)
{
    const char *key;
    size_t i;
    struct value *from = parent_of(p, path, &key);
    if (value_is(from, VALUE_OBJECT) && value_remove(from, key))
        return 0;
    if (!value_is(from, VALUE_ARRAY) || !index_of(key, from->n, false, &i))
        return no_place(p, path);
    value_remove_at(from, i);
    return 0;
}

static int replace(const struct patching *p, const char *path)
{
    const char *key;
    const struct value *v = value_or_null(p);
    if (!*path) {
        if (!value_is(v, VALUE_OBJECT))
            return err_set(p->e, ERR_INVALID, "the whole can only be replaced by an object");
        *p->doc = *v;
        return 0;
    }
    struct value *in = parent_of(p, path, &key), *at = in ? child(in, key) : NULL;
    if (at)
        *at = *v;
    else if (value_is(in, VALUE_OBJECT))
        (void)value_set(p->a, in, key, v);
    else
        return no_place(p, path);
    return 0;
}

/* Numbers are as equal as their texts. */
static bool same(const struct value *a, const struct value *b)
{
    bool number = a->kind == VALUE_INT || a->kind == VALUE_FLOAT;
    if (number && (b->kind == VALUE_INT || b->kind == VALUE_FLOAT))
        return strcmp(a->text, b->text) == 0;
    if (a->kind != b->kind || (a->kind >= VALUE_ARRAY && a->n != b->n))
        return false;
    for (uint32_t i = 0; a->kind == VALUE_ARRAY && i < a->n; i++)
        if (!same(&a->items[i], &b->items[i]))
            return false;
    for (uint32_t i = 0; a->kind == VALUE_OBJECT && i < a->n; i++) {
        const struct member *m = &a->members[i];
        const struct value *other = value_getn(b, m->key, m->key_len);
        if (!other || !same(&m->value, other))
            return false;
    }
    return a->kind >= VALUE_ARRAY || value_equal(a, b);
}

static int test(const struct patching *p, const char *path)
{
    const char *key;
    const struct value *want = value_get(p->op, "value"), *is = p->doc;
    if (*path) {
        struct value *in = parent_of(p, path, &key);
        is = in ? child(in, key) : NULL;
        if (!in || (!is && in->kind == VALUE_ARRAY))
            return no_place(p, path);
    }
    bool absent = !is || is->kind == VALUE_NULL;
    bool pass = absent ? !want || want->kind == VALUE_NULL : want && same(is, want);
    return pass ? 0 : err_set(p->e, ERR_INVALID, "test of \"%s\" failed", path);
}

static int copy(const struct patching *p, const char *path, bool move)
{
    const char *from = word(p, "from"), *key;
    if (!from)
        return err_set(p->e, ERR_INVALID, "the operation has no \"from\"");
    struct value *in = parent_of(p, from, &key), *at = in ? child(in, key) : NULL;
    if (!in || (!at && (move || in->kind == VALUE_ARRAY)))
        return no_place(p, from);
    const struct value *v = at ? value_copy(p->a, at) : value_null(p->a);
    int rc = move ? take(p, from) : 0;
    return rc < 0 ? rc : put(p, path, v);
}

static int apply(const struct patching *p)
{
    const char *op = word(p, "op"), *path = word(p, "path");
    if (!op || !path)
        return err_set(p->e, ERR_INVALID, "line %u: an operation needs \"op\" and \"path\"",
                       p->op->line);
    if (strcmp(op, "add") == 0)
        return put(p, path, value_or_null(p));
    if (strcmp(op, "remove") == 0)
        return take(p, path);
    if (strcmp(op, "replace") == 0)
        return replace(p, path);
    if (strcmp(op, "test") == 0)
        return test(p, path);
    if (strcmp(op, "copy") == 0 || strcmp(op, "move") == 0)
        return copy(p, path, *op == 'm');
    return err_set(p->e, ERR_INVALID, "line %u: operation \"%s\" is not known", p->op->line, op);
}

int kust_json_patch(struct arena *a, const struct value *doc, const struct value *patch,
                    struct value **out, struct err *e)
{
    struct patching p = {.a = a, .doc = value_copy(a, doc), .e = e};
    int rc = yaml_settle(a, p.doc, e);
    VALUE_EACH_ITEM (op, patch) {
        p.op = op;
        if (rc == 0)
            rc = apply(&p);
    }
    if (rc < 0)
        return rc;
    yaml_restyle(p.doc);
    *out = p.doc;
    return 0;
}
