/* cel_eval.c - walking the tree. */
#include "codec/cel_int.h"

#include <stdarg.h>

#include "base/own.h"

/* Bytes a run may make. */
enum { COST_DEFAULT = 1000000, GROWTH_MAX = 64 << 20, DEPTH_MAX = 200 };

/* Variables of macros, innermost first. */
struct scope {
    const char *name;
    struct cel_value value;
    const struct scope *up;
    const struct cel_node *lazy; /* what the value will be when it is asked for */
};

int cel__fail(struct cel_run *r, const char *fmt, ...)
{
    char what[400];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(what, sizeof what, fmt, ap);
    va_end(ap);
    return err_set(r->e, ERR_INVALID, "%s", what);
}

int cel__charge(struct cel_run *r, uint64_t steps)
{
    r->cost += steps;
    if (r->cost > r->cost_max)
        return err_set(r->e, ERR_TOO_LARGE, "the expression costs more than %llu steps",
                       (unsigned long long)r->cost_max);
    if (arena_used(r->arena) > r->memory_max)
        return err_set(r->e, ERR_TOO_LARGE, "the expression makes more than %d bytes", GROWTH_MAX);
    return 0;
}

int cel__no_overload(struct cel_run *r, const char *name, const struct cel_value *args, size_t n)
{
    char list[200] = "";
    size_t len = 0;
    for (size_t i = 0; i < n && len < sizeof list - 40; i++)
        len += (size_t)snprintf(list + len, sizeof list - len, "%s%.30s", i ? ", " : "",
                                cel__type_name(&args[i]));
    return cel__fail(r, "no such overload: %s(%s)", name, list);
}

/* An error that another operand may make good; a limit is none. */
static bool is_soft(int rc)
{
    return rc != 0 && rc != ERR_TOO_LARGE;
}

/* ---- names ---- */

static bool find_var(const struct cel_run *r, const char *name, struct cel_value *out)
{
    for (size_t i = 0; i < r->n_bindings; i++) {
        if (strcmp(r->bindings[i].name, name) == 0) {
            *out = r->bindings[i].value;
            return true;
        }
    }
    for (size_t i = 0; i < r->env->n_vars; i++) {
        if (strcmp(r->env->vars[i].name, name) == 0) {
            *out = cel__from_json(r, r->env->vars[i].value);
            return true;
        }
    }
    if (strcmp(name, "google.protobuf.NullValue.NULL_VALUE") == 0) {
        *out = cel__int(0);
        return true;
    }
    if (!cel__is_type_name(name))
        return false;
    *out = cel__string(name, strlen(name));
    out->kind = CEL_TYPE;
    return true;
}

/* In container a.b the name c is a.b.c, a.c or c. */
static bool find_name(struct cel_run *r, const char *name, bool absolute, struct cel_value *out)
{
    const char *container = r->env->container;
    if (container && !absolute) {
        for (size_t n = strlen(container); n > 0;) {
            const char *full = arena_printf(r->arena, "%.*s.%s", (int)n, container, name);
            if (find_var(r, full, out))
                return true;
            while (n > 0 && container[n - 1] != '.')
                n--;
            n -= n > 0;
        }
    }
    return find_var(r, name, out);
}

static const struct scope *find_local(const struct cel_run *r, const char *name)
{
    const struct scope *s = r->scope;
    while (s && strcmp(s->name, name) != 0)
        s = s->up;
    return s;
}

/* The slot of a block, each time anew: it sees the slots before it only. */
static int eval_lazy(struct cel_run *r, const struct scope *slot, struct cel_value *out)
{
    const struct scope *now = r->scope;
    r->scope = slot->up;
    int rc = cel__eval(r, slot->lazy, out);
    r->scope = now;
    return rc;
}

static int eval_ident(struct cel_run *r, const struct cel_node *node, struct cel_value *out)
{
    const struct scope *local = node->absolute ? NULL : find_local(r, node->name);
    if (local) {
        *out = local->value;
        return local->lazy ? eval_lazy(r, local, out) : 0;
    }
    if (find_name(r, node->name, node->absolute, out))
        return 0;
    return cel__fail(r, "undeclared reference to '%s' (in container '%s')", node->name,
                     r->env->container ? r->env->container : "");
}

/* ---- selecting ---- */

static struct cel_value optional_of(struct cel_run *r, bool has, const struct cel_value *v)
{
    struct cel_value o = {.kind = CEL_OPTIONAL, .n = has};
    if (has)
        o.items = arena_dup(r->arena, v, sizeof *v);
    return o;
}

/* v[key], where v may be an optional and the result is one if `optional`. */
static int select_from(struct cel_run *r, const struct cel_value *v, const struct cel_value *key,
                       bool optional, struct cel_value *out)
{
    struct cel_value inner = *v, got = {0};
    bool wrapped = v->kind == CEL_OPTIONAL, found = false;
    if (wrapped && v->n == 0) {
        *out = *v;
        return 0;
    }
    if (wrapped)
        inner = v->items[0];
    int rc = cel__index(r, &inner, key, &found, &got);
    if (rc)
        return rc;
    if (wrapped || optional) {
        *out = optional_of(r, found, &got);
        return 0;
    }
    *out = got;
    if (found)
        return 0;
    if (inner.kind == CEL_LIST)
        return cel__fail(r, "index out of bounds: %lld", (long long)key->i);
    if (key->kind == CEL_STRING)
        return cel__fail(r, "no such key: %.200s", key->text);
    return cel__fail(r, "no such key");
}

static int eval_select(struct cel_run *r, const struct cel_node *node, struct cel_value *out)
{
    struct cel_value operand, key = cel__string(node->name, strlen(node->name));
    bool local = node->path && !node->absolute && find_local(r, node->root);
    if (node->path && !local && find_name(r, node->path, node->absolute, out))
        return 0;
    int rc = cel__eval(r, node->args[0], &operand);
    if (rc)
        return rc;
    if (operand.kind != CEL_MAP && operand.kind != CEL_OPTIONAL)
        return cel__fail(r, "no such overload: type '%s' does not support field selection",
                         cel__type_name(&operand));
    return select_from(r, &operand, &key, node->optional, out);
}

static int eval_has(struct cel_run *r, const struct cel_node *node, struct cel_value *out)
{
    struct cel_value operand, got, key = cel__string(node->name, strlen(node->name));
    bool found = false;
    int rc = cel__eval(r, node->args[0], &operand);
    if (rc)
        return rc;
    if (operand.kind == CEL_OPTIONAL) {
        if (operand.n == 0) {
            *out = cel__bool(false);
            return 0;
        }
        operand = operand.items[0];
        if (operand.kind != CEL_MAP) {
            *out = cel__bool(false);
            return 0;
        }
    }
    if (operand.kind != CEL_MAP)
        return cel__fail(r, "no such overload: has() on %s", cel__type_name(&operand));
    rc = cel__index(r, &operand, &key, &found, &got);
    *out = cel__bool(found);
    return rc;
}

static int eval_index(struct cel_run *r, const struct cel_node *node, struct cel_value *out)
{
    struct cel_value v, key;
    int rc = cel__eval(r, node->args[0], &v);
    rc = rc ? rc : cel__eval(r, node->args[1], &key);
    return rc ? rc : select_from(r, &v, &key, node->optional, out);
}

/* ---- making ---- */

static int eval_list(struct cel_run *r, const struct cel_node *node, struct cel_value *out)
{
    struct cel_value *items = ARENA_ARRAY(r->arena, struct cel_value, node->n_args);
    size_t n = 0;
    for (size_t i = 0; i < node->n_args; i++) {
        struct cel_value v;
        int rc = cel__eval(r, node->args[i], &v);
        if (rc)
            return rc;
        if (!node->optionals[i])
            items[n++] = v;
        else if (v.kind != CEL_OPTIONAL)
            return cel__fail(r, "cannot initialize optional list element from non-optional value");
        else if (v.n)
            items[n++] = v.items[0];
    }
    *out = cel__list(items, n);
    return 0;
}

static int map_add(struct cel_run *r, struct cel_value *map, struct cel_entry *entries,
                   const struct cel_entry *entry)
{
    struct cel_value old;
    enum cel_kind kind = entry->key.kind;
    if (kind != CEL_BOOL && kind != CEL_INT && kind != CEL_UINT && kind != CEL_STRING)
        return cel__fail(r, "unsupported key type: %s", cel__type_name(&entry->key));
    if (cel__lookup(r, map, &entry->key, &old))
        return cel__fail(r, "Failed with repeated key");
    entries[map->n++] = *entry;
    return cel__charge(r, 1 + map->n / 16);
}

static int eval_pairs(struct cel_run *r, const struct cel_node *node, struct cel_value *map)
{
    struct cel_entry *entries = ARENA_ARRAY(r->arena, struct cel_entry, node->n_args / 2);
    *map = (struct cel_value){.kind = CEL_MAP, .entries = entries};
    for (size_t i = 0; i < node->n_args; i += 2) {
        struct cel_entry entry;
        int rc = cel__eval(r, node->args[i], &entry.key);
        rc = rc ? rc : cel__eval(r, node->args[i + 1], &entry.value);
        if (!rc && node->optionals[i]) {
            if (entry.value.kind != CEL_OPTIONAL)
                return cel__fail(r, "cannot initialize optional entry from non-optional value");
            if (entry.value.n == 0)
                continue;
            entry.value = entry.value.items[0];
        }
        rc = rc ? rc : map_add(r, map, entries, &entry);
        if (rc)
            return rc;
    }
    return 0;
}

static int eval_message(struct cel_run *r, const struct cel_node *node, struct cel_value *out)
{
    struct cel_value fields;
    int rc = eval_pairs(r, node, &fields);
    return rc ? rc : cel__message(r, node->name, fields.entries, fields.n, out);
}

/* ---- logic ---- */

static int eval_bool(struct cel_run *r, const struct cel_node *node, bool *out)
{
    struct cel_value v;
    int rc = cel__eval(r, node, &v);
    if (rc)
        return rc;
    if (v.kind != CEL_BOOL)
        return cel__fail(r, "no such overload: %s is not a bool", cel__type_name(&v));
    *out = v.b;
    return 0;
}

/* One operand may decide whatever becomes of the others, errors too. */
static int eval_logic(struct cel_run *r, const struct cel_node *node, struct cel_value *out)
{
    bool decides = node->op == OP_OR;
    struct err first = {0};
    int failed = 0;
    for (size_t i = 0; i < node->n_args; i++) {
        bool b = !decides;
        int rc = eval_bool(r, node->args[i], &b);
        if (rc == ERR_TOO_LARGE)
            return rc;
        if (is_soft(rc) && !failed) {
            failed = rc;
            first = *r->e;
        }
        if (!rc && b == decides) {
            *out = cel__bool(decides);
            return 0;
        }
    }
    if (failed)
        *r->e = first;
    *out = cel__bool(!decides);
    return failed;
}

static int eval_cond(struct cel_run *r, const struct cel_node *node, struct cel_value *out)
{
    bool b = false;
    int rc = eval_bool(r, node->args[0], &b);
    return rc ? rc : cel__eval(r, node->args[b ? 1 : 2], out);
}

static int eval_negate(struct cel_run *r, const struct cel_node *node, struct cel_value *out)
{
    struct cel_value v, zero = cel__int(0);
    int rc = cel__eval(r, node->args[0], &v);
    if (rc)
        return rc;
    if (v.kind == CEL_DOUBLE) {
        *out = cel__double(-v.d);
        return 0;
    }
    return v.kind == CEL_INT ? cel__binary(r, BIN_SUB, &zero, &v, out)
                             : cel__no_overload(r, "-_", &v, 1);
}

static int eval_chain(struct cel_run *r, const struct cel_node *node, struct cel_value *out)
{
    struct cel_value left, right;
    int rc = cel__eval(r, node->args[0], &left);
    for (size_t i = 1; i < node->n_args && !rc; i++) {
        struct cel_value result = {0};
        rc = cel__eval(r, node->args[i], &right);
        rc = rc ? rc : cel__charge(r, 1);
        rc = rc ? rc : cel__binary(r, node->ops[i - 1], &left, &right, &result);
        left = result;
    }
    if (!rc)
        *out = left;
    return rc;
}

/* ---- calls ---- */

static int call_custom(struct cel_run *r, const struct cel_function *f,
                       const struct cel_value *args, size_t n, struct cel_value *out)
{
    const struct value **values = ARENA_ARRAY(r->arena, const struct value *, n + 1);
    struct value *result = NULL;
    for (size_t i = 0; i < n; i++)
        values[i] = cel__to_json(r->arena, &args[i]);
    int rc = f->call(f->ctx, r->arena, values, &result, r->e);
    if (!rc)
        *out = cel__from_json(r, result);
    return rc;
}

/* The function of env that takes n arguments; *named: one of the name takes another number. */
static const struct cel_function *custom(const struct cel_run *r, const char *name, size_t n,
                                         bool *named)
{
    for (size_t i = 0; i < r->env->n_functions; i++) {
        const struct cel_function *f = &r->env->functions[i];
        if (strcmp(f->name, name) != 0)
            continue;
        *named = true;
        if (f->n_args == n)
            return f;
    }
    return NULL;
}

static int eval_call(struct cel_run *r, const struct cel_node *node, struct cel_value *out)
{
    size_t n = node->n_args;
    bool named = node->builtin != NULL;
    const struct cel_function *f = custom(r, node->name, n, &named);
    if (!named)
        return cel__fail(r, "undeclared reference to '%s' (in container '%s')", node->name,
                         r->env->container ? r->env->container : "");
    struct cel_value *args = ARENA_ARRAY(r->arena, struct cel_value, n + 1);
    for (size_t i = 0; i < n; i++) {
        int rc = cel__eval(r, node->args[i], &args[i]);
        if (rc)
            return rc;
    }
    const struct cel_builtin *b = node->builtin;
    if (f)
        return call_custom(r, f, args, n, out);
    if (!b || (int)n < b->min || (b->max >= 0 && (int)n > b->max))
        return cel__no_overload(r, node->name, args, n);
    return b->call(r, args, n, out);
}

/* ---- macros ---- */

struct loop {
    const struct cel_node *node;
    struct cel_value range, *items;
    struct cel_entry *entries;
    struct cel_value map; /* what entries hold so far */
    size_t n, hits;
    int failed; /* all, exists: an element's error, unless another decides */
    struct err first;
    bool decided;
};

/* all and exists: errors count only when nothing decides. */
static int loop_logic(struct cel_run *r, struct loop *l)
{
    bool decides = l->node->macro == MACRO_EXISTS, b = !decides;
    int rc = eval_bool(r, l->node->args[1], &b);
    if (rc == ERR_TOO_LARGE)
        return rc;
    if (rc && !l->failed) {
        l->failed = rc;
        l->first = *r->e;
    }
    l->decided = !rc && b == decides;
    return 0;
}

/* With a filter the bodies are two: the first says whether the element counts. */
static int passes(struct cel_run *r, const struct loop *l, bool *out)
{
    *out = true;
    return l->node->n_args == 3 ? eval_bool(r, l->node->args[1], out) : 0;
}

static const struct cel_node *body(const struct loop *l)
{
    return l->node->args[l->node->n_args - 1];
}

static int loop_filter(struct cel_run *r, struct loop *l, const struct cel_value *element)
{
    bool b = false;
    int rc = eval_bool(r, l->node->args[1], &b);
    if (!rc && b && l->node->macro == MACRO_FILTER)
        l->items[l->n++] = *element;
    l->hits += b;
    return rc;
}

static int loop_list(struct cel_run *r, struct loop *l)
{
    bool b;
    int rc = passes(r, l, &b);
    if (!rc && b)
        rc = cel__eval(r, body(l), &l->items[l->n]);
    l->n += !rc && b;
    return rc;
}

static int loop_map(struct cel_run *r, struct loop *l, const struct cel_value *key)
{
    bool b;
    struct cel_entry entry = {.key = *key};
    int rc = passes(r, l, &b);
    if (rc || !b)
        return rc;
    rc = cel__eval(r, body(l), &entry.value);
    if (!rc && l->node->macro == MACRO_TRANSFORM_ENTRY) {
        if (entry.value.kind != CEL_MAP || entry.value.n != 1)
            return cel__fail(r, "transformMapEntry() needs a map of one entry");
        entry = cel__entry(r, &entry.value, 0);
    }
    return rc ? rc : map_add(r, &l->map, l->entries, &entry);
}

static int loop_body(struct cel_run *r, struct loop *l, const struct cel_value *key,
                     const struct cel_value *element)
{
    switch (l->node->macro) {
    case MACRO_ALL:
    case MACRO_EXISTS:
        return loop_logic(r, l);
    case MACRO_ONE:
    case MACRO_FILTER:
        return loop_filter(r, l, element);
    case MACRO_MAP:
    case MACRO_LIST:
    case MACRO_SORT_BY:
        return loop_list(r, l);
    case MACRO_TRANSFORM_MAP:
    case MACRO_TRANSFORM_ENTRY:
        return loop_map(r, l, key);
    case MACRO_OPT_MAP:
    case MACRO_OPT_FLAT_MAP:
        break;
    }
    return 0;
}

/* One variable is the element, of a map the key; two are index and element or key and value. */
static int loop_step(struct cel_run *r, struct loop *l, size_t i)
{
    struct cel_value key = cel__int((int64_t)i), element;
    if (l->range.kind == CEL_LIST) {
        element = cel__item(r, &l->range, i);
    } else {
        struct cel_entry entry = cel__entry(r, &l->range, i);
        key = entry.key;
        element = l->node->var2 ? entry.value : entry.key;
    }
    const struct scope *up = r->scope;
    struct scope first = {l->node->var1, l->node->var2 ? key : element, up, NULL};
    struct scope second = {l->node->var2, element, &first, NULL};
    r->scope = l->node->var2 ? &second : &first;
    int rc = cel__charge(r, 1);
    rc = rc ? rc : loop_body(r, l, &key, &element);
    r->scope = up;
    return rc;
}

struct sort {
    struct cel_value key, element;
    size_t place;
    bool *bad;
};

static int sort_cmp(const void *x, const void *y)
{
    const struct sort *a = x, *b = y;
    int c = 0;
    bool nan = false;
    if (!cel__order(&a->key, &b->key, &c, &nan) || nan)
        *a->bad = true;
    return c ? c : (a->place > b->place) - (a->place < b->place);
}

static int finish_sort(struct cel_run *r, const struct loop *l, struct cel_value *out)
{
    struct sort *sorts = ARENA_ARRAY(r->arena, struct sort, l->n);
    struct cel_value *items = ARENA_ARRAY(r->arena, struct cel_value, l->n);
    bool bad = false;
    for (size_t i = 0; i < l->n; i++)
        sorts[i] = (struct sort){l->items[i], cel__item(r, &l->range, i), i, &bad};
    if (l->n)
        qsort(sorts, l->n, sizeof *sorts, sort_cmp);
    if (bad)
        return cel__fail(r, "sortBy() needs keys of one type that has an order");
    for (size_t i = 0; i < l->n; i++)
        items[i] = sorts[i].element;
    *out = cel__list(items, l->n);
    return 0;
}

static int loop_finish(struct cel_run *r, struct loop *l, struct cel_value *out)
{
    switch (l->node->macro) {
    case MACRO_ALL:
    case MACRO_EXISTS:
        if (!l->decided && l->failed) {
            *r->e = l->first;
            return l->failed;
        }
        *out = cel__bool(l->decided == (l->node->macro == MACRO_EXISTS));
        return 0;
    case MACRO_ONE:
        *out = cel__bool(l->hits == 1);
        return 0;
    case MACRO_TRANSFORM_MAP:
    case MACRO_TRANSFORM_ENTRY:
        *out = l->map;
        return 0;
    case MACRO_SORT_BY:
        return finish_sort(r, l, out);
    case MACRO_MAP:
    case MACRO_FILTER:
    case MACRO_LIST:
    case MACRO_OPT_MAP:
    case MACRO_OPT_FLAT_MAP:
        break;
    }
    *out = cel__list(l->items, l->n);
    return 0;
}

static int eval_in_scope(struct cel_run *r, const char *name, const struct cel_value *v,
                         const struct cel_node *node, struct cel_value *out)
{
    struct scope s = {name, *v, r->scope, NULL};
    r->scope = &s;
    int rc = cel__eval(r, node, out);
    r->scope = s.up;
    return rc;
}

static int eval_opt_map(struct cel_run *r, const struct cel_node *node, const struct cel_value *o,
                        struct cel_value *out)
{
    struct cel_value v;
    if (o->kind != CEL_OPTIONAL)
        return cel__no_overload(r, node->name, o, 1);
    *out = *o;
    if (o->n == 0)
        return 0;
    int rc = eval_in_scope(r, node->var1, &o->items[0], node->args[1], &v);
    if (rc)
        return rc;
    *out = v;
    if (node->macro == MACRO_OPT_MAP)
        *out = optional_of(r, true, &v);
    else if (v.kind != CEL_OPTIONAL)
        return cel__no_overload(r, node->name, &v, 1);
    return 0;
}

static int eval_macro(struct cel_run *r, const struct cel_node *node, struct cel_value *out)
{
    struct loop l = {.node = node};
    int rc = cel__eval(r, node->args[0], &l.range);
    if (rc)
        return rc;
    if (node->macro == MACRO_OPT_MAP || node->macro == MACRO_OPT_FLAT_MAP)
        return eval_opt_map(r, node, &l.range, out);
    bool map = l.range.kind == CEL_MAP;
    if ((!map && l.range.kind != CEL_LIST) || (map && node->macro == MACRO_SORT_BY))
        return cel__no_overload(r, node->name, &l.range, 1);
    l.items = ARENA_ARRAY(r->arena, struct cel_value, l.range.n);
    bool maps = node->macro == MACRO_TRANSFORM_MAP || node->macro == MACRO_TRANSFORM_ENTRY;
    l.entries = maps ? ARENA_ARRAY(r->arena, struct cel_entry, l.range.n) : NULL;
    l.map = (struct cel_value){.kind = CEL_MAP, .entries = l.entries};
    for (size_t i = 0; i < l.range.n && !rc && !l.decided; i++)
        rc = loop_step(r, &l, i);
    return rc ? rc : loop_finish(r, &l, out);
}

static int eval_bind(struct cel_run *r, const struct cel_node *node, struct cel_value *out)
{
    struct cel_value v;
    int rc = cel__eval(r, node->args[0], &v);
    return rc ? rc : eval_in_scope(r, node->var1, &v, node->args[1], out);
}

static int eval_block(struct cel_run *r, const struct cel_node *node, struct cel_value *out)
{
    size_t n = node->n_args - 1;
    const struct scope *up = r->scope;
    struct scope *slots = ARENA_ARRAY(r->arena, struct scope, n + 1);
    for (size_t i = 0; i < n; i++) {
        slots[i].name = arena_printf(r->arena, "@index:%zu", i);
        slots[i].lazy = node->args[i];
        slots[i].up = r->scope;
        r->scope = &slots[i];
    }
    int rc = cel__eval(r, node->args[n], out);
    r->scope = up;
    return rc;
}

/* ---- all of it ---- */

static int eval_node(struct cel_run *r, const struct cel_node *node, struct cel_value *out)
{
    bool b = false;
    int rc;
    switch (node->op) {
    case OP_LITERAL:
        *out = node->literal;
        return 0;
    case OP_IDENT:
        return eval_ident(r, node, out);
    case OP_SELECT:
        return eval_select(r, node, out);
    case OP_HAS:
        return eval_has(r, node, out);
    case OP_INDEX:
        return eval_index(r, node, out);
    case OP_CALL:
        return eval_call(r, node, out);
    case OP_LIST:
        return eval_list(r, node, out);
    case OP_MAP:
        return eval_pairs(r, node, out);
    case OP_MESSAGE:
        return eval_message(r, node, out);
    case OP_COND:
        return eval_cond(r, node, out);
    case OP_AND:
    case OP_OR:
        return eval_logic(r, node, out);
    case OP_NOT:
        rc = eval_bool(r, node->args[0], &b);
        *out = cel__bool(!b);
        return rc;
    case OP_NEGATE:
        return eval_negate(r, node, out);
    case OP_CHAIN:
        return eval_chain(r, node, out);
    case OP_MACRO:
        return eval_macro(r, node, out);
    case OP_BIND:
        return eval_bind(r, node, out);
    case OP_BLOCK:
        return eval_block(r, node, out);
    }
    return cel__fail(r, "unknown operation");
}

/* The tree's height is limited, but slots of a block lead from one to the other. */
int cel__eval(struct cel_run *r, const struct cel_node *node, struct cel_value *out)
{
    int rc = cel__charge(r, 1);
    if (!rc && r->depth >= DEPTH_MAX)
        rc = err_set(r->e, ERR_TOO_LARGE, "the expression nests too deeply");
    if (rc)
        return rc;
    r->depth++;
    rc = eval_node(r, node, out);
    r->depth--;
    return rc;
}

int cel__run(struct arena *a, const struct cel_program *p, const struct cel_env *env,
             const struct cel_binding *bindings, size_t n_bindings, struct cel_value *out,
             struct err *e)
{
    static const struct cel_env empty;
    struct err scratch = {0};
    struct cel_run r = {.arena = a,
                        .env = env ? env : &empty,
                        .bindings = bindings,
                        .n_bindings = n_bindings,
                        .e = e ? e : &scratch};
    r.cost_max = r.env->cost_max ? r.env->cost_max : COST_DEFAULT;
    r.memory_max = arena_used(a) + GROWTH_MAX;
    return cel__eval(&r, p->root, out);
}

int cel_eval(struct arena *a, const struct cel_program *p, const struct cel_env *env,
             struct value **out, struct err *e)
{
    struct cel_value v;
    int rc = cel__run(a, p, env, NULL, 0, &v, e);
    if (rc)
        return rc;
    *out = cel__to_json(a, &v);
    return 0;
}

int cel_eval_bool(struct arena *a, const struct cel_program *p, const struct cel_env *env,
                  bool *out, struct err *e)
{
    struct cel_value v;
    int rc = cel__run(a, p, env, NULL, 0, &v, e);
    if (rc)
        return rc;
    if (v.kind != CEL_BOOL)
        return err_set(e, ERR_INVALID, "expression %.200s gives %s, not bool", p->text,
                       cel__type_name(&v));
    *out = v.b;
    return 0;
}
