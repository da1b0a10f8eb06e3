/* jsonpath.c - running a compiled template. */
#include "codec/json.h"
#include "codec/jsonpath_int.h"

enum { RESULTS_MAX = 1000000 };

struct set {
    const struct value **v;
    size_t n, cap;
};

struct run {
    struct arena *arena;
    unsigned flags;
    size_t made; /* results of all steps */
    struct err *e;
};

static int run_list(struct run *r, const struct list *l, struct set in, struct set *out);

static int add(struct run *r, struct set *s, const struct value *v)
{
    if (++r->made > RESULTS_MAX)
        return err_set(r->e, ERR_TOO_LARGE, "a JSONPath finds more than %d values", RESULTS_MAX);
    if (s->n == s->cap) {
        size_t cap = s->cap ? s->cap * 2 : 4;
        s->v = arena_grow(r->arena, s->v, s->n * sizeof *s->v, cap * sizeof *s->v);
        s->cap = cap;
    }
    s->v[s->n++] = v;
    return 0;
}

/* ---- steps ---- */

static int run_field(struct run *r, const struct node *node, struct set in, struct set *out)
{
    int rc = 0;
    for (size_t i = 0; i < in.n && !rc; i++) {
        const struct value *v = value_getn(in.v[i], node->text, node->text_len);
        if (v)
            rc = add(r, out, v);
    }
    if (!rc && out->n == 0 && !(r->flags & JSONPATH_ALLOW_MISSING))
        return err_set(r->e, ERR_NOT_FOUND, "%s is not found", node->text);
    return rc;
}

static int not_a_list(const struct run *r, const struct value *v, const char *what)
{
    return err_set(r->e, ERR_INVALID, "%s is not array or slice%s", value_kind_name(v->kind), what);
}

static int out_of_bounds(const struct run *r, int64_t i, uint32_t n)
{
    return err_set(r->e, ERR_INVALID, "array index out of bounds: index %lld, length %u",
                   (long long)i, n);
}

static int slice_one(struct run *r, const struct node *node, const struct value *v, struct set *out)
{
    int64_t n = v->n, start = node->start.known ? node->start.value : 0;
    int64_t end = node->end.known ? node->end.value : n;
    int64_t step = node->step.known ? node->step.value : 1;
    if (start < 0)
        start += n;
    if (node->single)
        end = start + 1;
    else if (end < 0)
        end += n;
    if (start != end) {
        if (start < 0 || start >= n)
            return out_of_bounds(r, start, v->n);
        if (end < 0 || end > n)
            return out_of_bounds(r, end - 1, v->n);
    }
    if (start > end)
        return err_set(r->e, ERR_INVALID, "starting index %lld is greater than ending index %lld",
                       (long long)start, (long long)end);
    if (step <= 0)
        return err_set(r->e, ERR_INVALID, "step must be > 0");
    int rc = 0;
    for (int64_t i = start; i < end && !rc; i += step) {
        rc = add(r, out, &v->items[i]);
        if (step > end)
            break;
    }
    return rc;
}

static int run_slice(struct run *r, const struct node *node, struct set in, struct set *out)
{
    int rc = 0;
    for (size_t i = 0; i < in.n && !rc; i++) {
        if (in.v[i]->kind == VALUE_NULL)
            continue;
        rc = in.v[i]->kind == VALUE_ARRAY ? slice_one(r, node, in.v[i], out)
                                          : not_a_list(r, in.v[i], "");
    }
    return rc;
}

static int run_wildcard(struct run *r, struct set in, struct set *out)
{
    int rc = 0;
    for (size_t i = 0; i < in.n; i++) {
        VALUE_EACH_ITEM (item, in.v[i]) {
            rc = rc ? rc : add(r, out, item);
        }
        VALUE_EACH_MEMBER (m, in.v[i]) {
            rc = rc ? rc : add(r, out, &m->value);
        }
    }
    return rc;
}

static bool is_full_container(const struct value *v)
{
    return (v->kind == VALUE_ARRAY || v->kind == VALUE_OBJECT) && v->n > 0;
}

/* Every container with something in it, parents first. */
static int run_recursive(struct run *r, struct set in, struct set *out)
{
    struct set stack = {0};
    int rc = 0;
    for (size_t i = in.n; i > 0 && !rc; i--)
        rc = add(r, &stack, in.v[i - 1]);
    while (stack.n && !rc) {
        const struct value *v = stack.v[--stack.n];
        if (!is_full_container(v))
            continue;
        rc = add(r, out, v);
        for (uint32_t i = v->n; i > 0 && !rc; i--)
            rc = add(r, &stack,
                     v->kind == VALUE_ARRAY ? &v->items[i - 1] : &v->members[i - 1].value);
    }
    return rc;
}

static int run_union(struct run *r, const struct node *node, struct set in, struct set *out)
{
    int rc = 0;
    for (size_t i = 0; i < node->n_lists && !rc; i++) {
        struct set one = {0};
        rc = run_list(r, &node->lists[i], in, &one);
        for (size_t k = 0; k < one.n && !rc; k++)
            rc = add(r, out, one.v[k]);
    }
    return rc;
}

/* ---- filters ---- */

static bool is_number(const struct value *v)
{
    return v->kind == VALUE_INT || v->kind == VALUE_FLOAT;
}

static int order(struct run *r, const struct value *a, const struct value *b, int *out)
{
    if (is_number(a) && is_number(b)) {
        double x = value_num(a, 0), y = value_num(b, 0);
        bool ints = a->kind == VALUE_INT && b->kind == VALUE_INT;
        *out = ints ? (a->i > b->i) - (a->i < b->i) : (x > y) - (x < y);
        return 0;
    }
    if (a->kind == VALUE_STRING && b->kind == VALUE_STRING) {
        int c = memcmp(a->text, b->text, a->n < b->n ? a->n : b->n);
        *out = c ? c : (a->n > b->n) - (a->n < b->n);
        return 0;
    }
    return err_set(r->e, ERR_INVALID, "incompatible types for comparison");
}

static int compare(struct run *r, enum filter_op op, const struct value *a, const struct value *b,
                   bool *out)
{
    int c = 0;
    if (op == FILTER_EQ || op == FILTER_NE) {
        bool same_kind = a->kind == b->kind || (is_number(a) && is_number(b));
        if (!same_kind && a->kind != VALUE_NULL && b->kind != VALUE_NULL)
            return err_set(r->e, ERR_INVALID, "incompatible types for comparison");
        *out = value_equal(a, b) == (op == FILTER_EQ);
        return 0;
    }
    int rc = order(r, a, b, &c);
    *out = op == FILTER_LT ? c < 0 : op == FILTER_LE ? c <= 0 : op == FILTER_GT ? c > 0 : c >= 0;
    return rc;
}

static int filter_one(struct run *r, const struct node *node, const struct value *item, bool *pass)
{
    struct set left = {0}, right = {0}, self = {&item, 1, 1};
    *pass = false;
    if (node->op == FILTER_EXISTS) {
        struct run quiet = *r;
        quiet.e = NULL;
        *pass = run_list(&quiet, &node->lists[0], self, &left) == 0 && left.n > 0;
        r->made = quiet.made;
        return 0;
    }
    int rc = run_list(r, &node->lists[0], self, &left);
    if (!rc)
        rc = run_list(r, &node->lists[1], self, &right);
    if (rc || left.n == 0 || right.n == 0)
        return rc;
    if (left.n > 1 || right.n > 1)
        return err_set(r->e, ERR_INVALID, "can only compare one element at a time");
    return compare(r, node->op, left.v[0], right.v[0], pass);
}

static int run_filter(struct run *r, const struct node *node, struct set in, struct set *out)
{
    for (size_t i = 0; i < in.n; i++) {
        const struct value *v = in.v[i];
        if (v->kind != VALUE_ARRAY)
            return not_a_list(r, v, " and cannot be filtered");
        VALUE_EACH_ITEM (item, v) {
            bool pass = false;
            int rc = filter_one(r, node, item, &pass);
            if (!rc && pass)
                rc = add(r, out, item);
            if (rc)
                return rc;
        }
    }
    return 0;
}

/* ---- lists ---- */

static int run_node(struct run *r, const struct node *node, struct set in, struct set *out)
{
    switch (node->kind) {
    case NODE_TEXT:
    case NODE_NUMBER:
    case NODE_BOOL:
        return add(r, out, &node->literal);
    case NODE_FIELD:
        return run_field(r, node, in, out);
    case NODE_SLICE:
        return run_slice(r, node, in, out);
    case NODE_WILDCARD:
        return run_wildcard(r, in, out);
    case NODE_RECURSIVE:
        return run_recursive(r, in, out);
    case NODE_UNION:
        return run_union(r, node, in, out);
    case NODE_FILTER:
        return run_filter(r, node, in, out);
    case NODE_RANGE:
        break;
    }
    return err_set(r->e, ERR_INVALID, "a range cannot stand within an expression");
}

static int run_list(struct run *r, const struct list *l, struct set in, struct set *out)
{
    for (size_t i = 0; i < l->n; i++) {
        struct set next = {0};
        int rc = run_node(r, &l->nodes[i], in, &next);
        if (rc)
            return rc;
        in = next;
    }
    *out = in;
    return 0;
}

int jsonpath_find(struct arena *a, const struct jsonpath *p, const struct value *doc,
                  unsigned flags, const struct value ***out, size_t *n, struct err *e)
{
    struct run r = {.arena = a, .flags = flags, .e = e};
    struct set in = {&doc, 1, 1}, found = {0};
    for (size_t i = 0; i < p->actions.n; i++) {
        const struct node *node = &p->actions.nodes[i];
        if (node->kind == NODE_TEXT)
            continue;
        int rc = run_list(&r, &node->lists[0], in, &found);
        if (rc)
            return rc;
        break;
    }
    *out = found.n ? arena_dup(a, found.v, found.n * sizeof *found.v) : NULL;
    *n = found.n;
    return 0;
}

/* ---- text ---- */

static void print_value(struct buf *b, const struct value *v)
{
    if (v->kind == VALUE_STRING)
        buf_add(b, v->text, v->n);
    else
        json_print(b, v, JSON_SORTED | JSON_NO_HTML);
}

static int print_actions(struct run *r, const struct list *actions, const struct value *doc,
                         struct buf *out)
{
    struct set in = {&doc, 1, 1};
    for (size_t i = 0; i < actions->n; i++) {
        const struct node *node = &actions->nodes[i];
        if (node->kind == NODE_TEXT) {
            buf_add(out, node->text, node->text_len);
            continue;
        }
        struct set found = {0};
        int rc = run_list(r, &node->lists[0], in, &found);
        for (size_t k = 0; k < found.n && !rc; k++) {
            if (node->kind == NODE_RANGE) {
                rc = print_actions(r, &node->body, found.v[k], out);
                continue;
            }
            if (k > 0)
                buf_putc(out, ' ');
            print_value(out, found.v[k]);
        }
        if (rc)
            return rc;
    }
    return 0;
}

int jsonpath_print(const struct jsonpath *p, const struct value *doc, unsigned flags,
                   struct buf *out, struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(0);
    struct run r = {.arena = a, .flags = flags, .e = e};
    int rc = print_actions(&r, &p->actions, doc, out);
    return rc ? rc : buf_check(out, e);
}
