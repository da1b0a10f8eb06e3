/* patch.c - JSON Patch works on a deep copy, in place; merge patches share what they leave. */
#include "codec/patch.h"

#include "base/buf.h"

enum { OPS_MAX = 10000, GROWTH_MAX = 64 << 20, TOKEN_SHOWN = 80 };

/* ---- pointers: "/a/b~1c/0" ---- */

struct pointer {
    struct value *parent; /* NULL: the whole document is meant */
    const char *key;      /* the last token, unescaped */
    size_t n;
};

/* The next token off *at (which stands on its slash), unescaped. */
static const char *token(struct arena *a, const char **at, size_t *n)
{
    const char *p = *at + 1;
    size_t len = strcspn(p, "/");
    char *out = arena_strndup(a, p, len), *to = out;
    for (size_t i = 0; i < len; i++) {
        bool escape = p[i] == '~' && (p[i + 1] == '0' || p[i + 1] == '1');
        *to++ = escape ? (p[++i] == '1' ? '/' : '~') : p[i];
    }
    *to = '\0';
    *n = (size_t)(to - out);
    *at = p + len;
    return out;
}

/* An index up to `max`: digits, no zero before others. */
static bool index_of(const char *key, size_t max, size_t *out)
{
    if (*key == '\0' || strspn(key, "0123456789") != strlen(key) || (*key == '0' && key[1]))
        return false;
    size_t i = 0;
    for (; *key && i <= max; key++)
        i = i * 10 + (size_t)(*key - '0');
    *out = i;
    return i <= max;
}

static struct value *child(struct value *v, const char *key, size_t n)
{
    size_t i;
    if (v->kind == VALUE_OBJECT)
        return value_get_mutn(v, key, n);
    if (v->kind == VALUE_ARRAY && v->n > 0 && index_of(key, v->n - 1, &i))
        return &v->items[i];
    return NULL;
}

static int no_path(const char *path, struct err *e)
{
    return err_set(e, ERR_INVALID, "path \"%.*s\" does not exist", TOKEN_SHOWN, path);
}

/* Finds the parent of what `path` names; the last token need not exist. */
static int resolve(struct arena *a, struct value *root, const char *path, struct pointer *out,
                   struct err *e)
{
    *out = (struct pointer){.parent = NULL};
    if (*path == '\0')
        return 0;
    if (*path != '/')
        return err_set(e, ERR_INVALID, "path \"%.*s\" does not begin with a slash", TOKEN_SHOWN,
                       path);
    struct value *v = root;
    const char *at = path;
    for (;;) {
        size_t n;
        const char *key = token(a, &at, &n);
        if (*at == '\0') {
            *out = (struct pointer){v, key, n};
            return 0;
        }
        v = child(v, key, n);
        if (!v)
            return no_path(path, e);
    }
}

static struct value *target(struct value *root, const struct pointer *p)
{
    return p->parent ? child(p->parent, p->key, p->n) : root;
}

/* ---- operations ---- */

static int add(struct arena *a, struct value *root, const char *path, const struct value *v,
               struct err *e)
{
    struct pointer p;
    size_t i;
    int rc = resolve(a, root, path, &p, e);
    if (rc)
        return rc;
    if (!p.parent) {
        *root = *v;
    } else if (p.parent->kind == VALUE_OBJECT) {
        (void)value_setn(a, p.parent, p.key, p.n, v);
    } else if (p.parent->kind == VALUE_ARRAY) {
        i = p.parent->n;
        if (strcmp(p.key, "-") != 0 && !index_of(p.key, p.parent->n, &i))
            return err_set(e, ERR_INVALID, "path \"%.*s\": index is out of bounds", TOKEN_SHOWN,
                           path);
        (void)value_insert(a, p.parent, i, v);
    } else {
        return no_path(path, e);
    }
    return 0;
}

static int take(struct arena *a, struct value *root, const char *path, struct value *out,
                struct err *e)
{
    struct pointer p;
    int rc = resolve(a, root, path, &p, e);
    if (rc)
        return rc;
    struct value *v = target(root, &p);
    if (!v)
        return no_path(path, e);
    *out = *v;
    if (!p.parent)
        *root = (struct value){.kind = VALUE_NULL};
    else if (p.parent->kind == VALUE_ARRAY)
        value_remove_at(p.parent, (size_t)(v - p.parent->items));
    else
        (void)value_removen(p.parent, p.key, p.n);
    return 0;
}

static int replace(struct arena *a, struct value *root, const char *path, const struct value *v,
                   struct err *e)
{
    struct pointer p;
    int rc = resolve(a, root, path, &p, e);
    if (rc)
        return rc;
    struct value *old = target(root, &p);
    if (!old)
        return no_path(path, e);
    *old = *v;
    return 0;
}

static int test(struct arena *a, struct value *root, const char *path, const struct value *want,
                struct err *e)
{
    struct pointer p;
    int rc = resolve(a, root, path, &p, e);
    if (rc)
        return rc;
    const struct value *v = target(root, &p);
    if (!v || !value_equal(v, want))
        return err_set(e, ERR_INVALID, "testing value %.*s failed: test failed", TOKEN_SHOWN, path);
    return 0;
}

static int move(struct arena *a, struct value *root, const char *from, const char *path,
                struct err *e)
{
    size_t n = strlen(from);
    struct value v;
    if (strncmp(path, from, n) == 0 && path[n] == '/')
        return err_set(e, ERR_INVALID, "\"%.*s\" cannot move into itself", TOKEN_SHOWN, from);
    int rc = take(a, root, from, &v, e);
    return rc ? rc : add(a, root, path, &v, e);
}

static int copy(struct arena *a, struct value *root, const char *from, const char *path,
                struct err *e)
{
    struct pointer p;
    int rc = resolve(a, root, from, &p, e);
    if (rc)
        return rc;
    const struct value *v = target(root, &p);
    return v ? add(a, root, path, value_copy(a, v), e) : no_path(from, e);
}

static int need(const struct value *v, const char *op, const char *what, struct err *e)
{
    return v ? 0 : err_set(e, ERR_INVALID, "operation \"%.20s\" has no \"%s\"", op, what);
}

static int apply(struct arena *a, struct value *root, const struct value *step, struct err *e)
{
    const char *op = value_str(value_get(step, "op"), "");
    const char *path = value_str(value_get(step, "path"), NULL);
    const char *from = value_str(value_get(step, "from"), NULL);
    const struct value *v = value_get(step, "value");
    struct value removed;
    if (!path)
        return err_set(e, ERR_INVALID, "operation \"%.20s\" has no \"path\"", op);
    if (strcmp(op, "remove") == 0)
        return take(a, root, path, &removed, e);
    if (strcmp(op, "move") == 0 || strcmp(op, "copy") == 0) {
        if (!from)
            return err_set(e, ERR_INVALID, "operation \"%s\" has no \"from\"", op);
        return *op == 'm' ? move(a, root, from, path, e) : copy(a, root, from, path, e);
    }
    if (strcmp(op, "test") == 0)
        return need(v, op, "value", e) ? ERR_INVALID : test(a, root, path, v, e);
    bool adds = strcmp(op, "add") == 0;
    if (!adds && strcmp(op, "replace") != 0)
        return err_set(e, ERR_INVALID, "unexpected kind of operation: \"%.20s\"", op);
    if (need(v, op, "value", e))
        return ERR_INVALID;
    v = value_copy(a, v); /* later operations may write into it */
    return adds ? add(a, root, path, v, e) : replace(a, root, path, v, e);
}

int patch_json(struct arena *a, const struct value *doc, const struct value *patch,
               struct value **out, struct err *e)
{
    if (!value_is(patch, VALUE_ARRAY))
        return err_set(e, ERR_INVALID, "a JSON patch is a list of operations");
    if (patch->n > OPS_MAX)
        return err_set(e, ERR_TOO_LARGE, "a JSON patch of %u operations is longer than %d",
                       patch->n, OPS_MAX);
    struct value *root = doc ? value_copy(a, doc) : value_null(a);
    size_t before = arena_used(a);
    for (uint32_t i = 0; i < patch->n; i++) {
        int rc = apply(a, root, &patch->items[i], e);
        if (rc)
            return rc;
        if (arena_used(a) - before > GROWTH_MAX)
            return err_set(e, ERR_TOO_LARGE, "a JSON patch makes more than %d bytes", GROWTH_MAX);
    }
    *out = root;
    return 0;
}

/* ---- merge patches ---- */

/* An object of its own for `v`, with room for `more` members, so that places stay. */
static void own_members(struct arena *a, struct value *v, uint32_t more)
{
    struct member *members = ARENA_ARRAY(a, struct member, (size_t)v->n + more);
    if (v->n)
        memcpy(members, v->members, v->n * sizeof *members);
    v->members = members;
    v->cap = (uint64_t)v->n + more;
}

struct merge {
    struct value *into; /* an object */
    const struct value *patch;
};

static void merge_step(struct arena *a, struct merge m, struct buf *work)
{
    own_members(a, m.into, m.patch->n);
    VALUE_EACH_MEMBER (p, m.patch) {
        if (p->value.kind == VALUE_NULL)
            (void)value_removen(m.into, p->key, p->key_len);
    }
    VALUE_EACH_MEMBER (p, m.patch) {
        if (p->value.kind == VALUE_NULL)
            continue;
        if (p->value.kind != VALUE_OBJECT) {
            (void)value_setn(a, m.into, p->key, p->key_len, &p->value);
            continue;
        }
        struct value *old = value_get_mutn(m.into, p->key, p->key_len);
        if (!old || old->kind != VALUE_OBJECT)
            old = value_setn(a, m.into, p->key, p->key_len, &(struct value){.kind = VALUE_OBJECT});
        struct merge inner = {old, &p->value};
        buf_add(work, &inner, sizeof inner);
    }
}

struct value *patch_merge(struct arena *a, const struct value *doc, const struct value *patch)
{
    if (!value_is(patch, VALUE_OBJECT))
        return patch ? arena_dup(a, patch, sizeof *patch) : value_null(a);
    struct value *root =
        value_is(doc, VALUE_OBJECT) ? arena_dup(a, doc, sizeof *doc) : value_new_object(a);
    AUTO_BUF struct buf work;
    buf_init(&work, SIZE_MAX / 2);
    struct merge m = {root, patch};
    merge_step(a, m, &work);
    while (work.len) {
        memcpy(&m, work.data + work.len - sizeof m, sizeof m);
        buf_cut(&work, work.len - sizeof m);
        merge_step(a, m, &work);
    }
    return root;
}

struct diff {
    struct value *into;
    const struct value *from, *to;
};

static void diff_step(struct arena *a, struct diff d, struct buf *work)
{
    own_members(a, d.into, d.from->n + d.to->n);
    VALUE_EACH_MEMBER (m, d.from) {
        if (!value_getn(d.to, m->key, m->key_len))
            (void)value_setn(a, d.into, m->key, m->key_len, &(struct value){.kind = VALUE_NULL});
    }
    VALUE_EACH_MEMBER (m, d.to) {
        const struct value *old = value_getn(d.from, m->key, m->key_len);
        if (value_equal(old, &m->value))
            continue;
        if (!value_is(old, VALUE_OBJECT) || m->value.kind != VALUE_OBJECT) {
            (void)value_setn(a, d.into, m->key, m->key_len, &m->value);
            continue;
        }
        struct value *into =
            value_setn(a, d.into, m->key, m->key_len, &(struct value){.kind = VALUE_OBJECT});
        struct diff inner = {into, old, &m->value};
        buf_add(work, &inner, sizeof inner);
    }
}

struct value *patch_merge_diff(struct arena *a, const struct value *from, const struct value *to)
{
    if (!value_is(from, VALUE_OBJECT) || !value_is(to, VALUE_OBJECT))
        return to ? arena_dup(a, to, sizeof *to) : value_null(a);
    struct value *root = value_new_object(a);
    AUTO_BUF struct buf work;
    buf_init(&work, SIZE_MAX / 2);
    struct diff d = {root, from, to};
    diff_step(a, d, &work);
    while (work.len) {
        memcpy(&d, work.data + work.len - sizeof d, sizeof d);
        buf_cut(&work, work.len - sizeof d);
        diff_step(a, d, &work);
    }
    return root;
}
