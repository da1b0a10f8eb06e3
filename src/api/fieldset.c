#include "api/fieldset_int.h"

#include <string.h>

#include "api/errors.h"
#include "codec/json.h"

const struct field_node *fieldset__find(const struct fieldset *s, const char *step)
{
    size_t lo = 0, hi = s->n;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        int c = strcmp(step, s->nodes[mid].step);
        if (c == 0)
            return &s->nodes[mid];
        if (c < 0)
            hi = mid;
        else
            lo = mid + 1;
    }
    return NULL;
}

static struct field_node *get(struct fieldset *s, const char *step, struct arena *a)
{
    size_t at = s->n;
    while (at > 0) {
        int c = strcmp(s->nodes[at - 1].step, step);
        if (c == 0)
            return &s->nodes[at - 1];
        if (c < 0)
            break;
        at--;
    }
    if ((s->n & (s->n - 1)) == 0) { /* at every power of two there is no room left */
        size_t cap = s->n ? s->n * 2 : 1;
        struct field_node *grown = ARENA_ARRAY(a, struct field_node, cap);
        if (s->n)
            memcpy(grown, s->nodes, s->n * sizeof *grown);
        s->nodes = grown;
    }
    memmove(s->nodes + at + 1, s->nodes + at, (s->n - at) * sizeof *s->nodes);
    s->nodes[at] = (struct field_node){.step = step};
    s->n++;
    return &s->nodes[at];
}

static struct field_node *reach(struct fieldset *s, const struct field_path *p, struct arena *a)
{
    return get(p->up ? &reach(s, p->up, a)->below : s, p->step, a);
}

void fieldset__insert(struct fieldset *s, const struct field_path *p, struct arena *a)
{
    if (p)
        reach(s, p, a)->member = true;
}

bool fieldset__empty(const struct fieldset *s)
{
    for (size_t i = 0; i < s->n; i++)
        if (s->nodes[i].member || !fieldset__empty(&s->nodes[i].below))
            return false;
    return true;
}

bool fieldset__equal(const struct fieldset *x, const struct fieldset *y)
{
    if (x->n != y->n)
        return false;
    for (size_t i = 0; i < x->n; i++) {
        const struct field_node *p = &x->nodes[i], *q = &y->nodes[i];
        if (strcmp(p->step, q->step) != 0 || p->member != q->member ||
            !fieldset__equal(&p->below, &q->below))
            return false;
    }
    return true;
}

enum operation { UNION, INTERSECTION, DIFFERENCE, WITHOUT };

static struct fieldset combine(enum operation op, const struct fieldset *x,
                               const struct fieldset *y, struct arena *a)
{
    static const struct fieldset none;
    struct fieldset out = {.nodes = ARENA_ARRAY(a, struct field_node, x->n + y->n + 1)};
    size_t i = 0, j = 0;
    while (i < x->n || j < y->n) {
        int c = i >= x->n ? 1 : j >= y->n ? -1 : strcmp(x->nodes[i].step, y->nodes[j].step);
        const struct field_node *p = c <= 0 ? &x->nodes[i++] : NULL;
        const struct field_node *q = c >= 0 ? &y->nodes[j++] : NULL;
        bool in_x = p && p->member, in_y = q && q->member;
        struct field_node node = {.step = p ? p->step : q->step};
        node.member = op == UNION          ? in_x || in_y
                      : op == INTERSECTION ? in_x && in_y
                                           : in_x && !in_y;
        if (!(op == WITHOUT && in_y))
            node.below = combine(op, p ? &p->below : &none, q ? &q->below : &none, a);
        if (node.member || node.below.n)
            out.nodes[out.n++] = node;
    }
    if ((out.n & (out.n - 1)) == 0 || !out.n) /* get() may add: keep its rule about room */
        return out;
    size_t cap = 1;
    while (cap < out.n)
        cap *= 2;
    if (cap > x->n + y->n + 1) {
        struct field_node *roomy = ARENA_ARRAY(a, struct field_node, cap);
        memcpy(roomy, out.nodes, out.n * sizeof *roomy);
        out.nodes = roomy;
    }
    return out;
}

struct fieldset fieldset__union(const struct fieldset *x, const struct fieldset *y, struct arena *a)
{
    return combine(UNION, x, y, a);
}

struct fieldset fieldset__intersection(const struct fieldset *x, const struct fieldset *y,
                                       struct arena *a)
{
    return combine(INTERSECTION, x, y, a);
}

struct fieldset fieldset__difference(const struct fieldset *x, const struct fieldset *y,
                                     struct arena *a)
{
    return combine(DIFFERENCE, x, y, a);
}

struct fieldset fieldset__without(const struct fieldset *x, const struct fieldset *y,
                                  struct arena *a)
{
    return combine(WITHOUT, x, y, a);
}

struct fieldset fieldset__named(const struct fieldset *x, const struct schema *s, struct arena *a)
{
    struct fieldset out = {.n = x->n};
    size_t cap = 1;
    while (cap < x->n)
        cap *= 2;
    out.nodes = ARENA_ARRAY(a, struct field_node, cap);
    for (size_t i = 0; i < x->n; i++) {
        const struct field_node *from = &x->nodes[i];
        bool field = strncmp(from->step, "f:", 2) == 0;
        const struct schema *sub = field ? schema_member(s, from->step + 2) : s ? s->items : NULL;
        out.nodes[i] = *from;
        out.nodes[i].member |= field && from->below.n && schema_field(s, from->step + 2);
        out.nodes[i].below = fieldset__named(&from->below, sub, a);
    }
    return out;
}

struct value *fieldset__to_value(const struct fieldset *s, struct arena *a)
{
    struct value *out = value_new_object(a);
    for (size_t i = 0; i < s->n; i++) {
        const struct field_node *n = &s->nodes[i];
        struct value *below = value_new_object(a);
        if (n->below.n) {
            struct value *rest = fieldset__to_value(&n->below, a);
            if (n->member)
                (void)value_set(a, below, ".", value_new_object(a));
            VALUE_EACH_MEMBER (m, rest)
                (void)value_set(a, below, m->key, &m->value);
        }
        (void)value_set(a, out, n->step, below);
    }
    return out;
}

static int read_nodes(const struct value *v, const struct field_path *up, struct arena *a,
                      struct fieldset *out, unsigned depth, struct err *e)
{
    if (!value_is(v, VALUE_OBJECT) || depth > 1000)
        return err_set(e, ERR_INVALID, "fieldsV1 is not an object");
    VALUE_EACH_MEMBER (m, v) {
        struct field_path p = {up, m->key};
        if (strcmp(m->key, ".") == 0) {
            fieldset__insert(out, up, a);
            continue;
        }
        if (m->key_len < 2 || m->key[1] != ':' || !strchr("fkvi", m->key[0]))
            return err_set(e, ERR_INVALID, "fieldsV1 has an unknown path element \"%s\"", m->key);
        if (value_count(&m->value) == 0)
            fieldset__insert(out, &p, a);
        int r = read_nodes(&m->value, &p, a, out, depth + 1, e);
        if (r < 0)
            return r;
    }
    return 0;
}

int fieldset__from_value(const struct value *v, struct arena *a, struct fieldset *out,
                         struct err *e)
{
    struct fieldset s = {0};
    int r = read_nodes(v, NULL, a, &s, 0, e);
    if (r == 0)
        *out = s;
    return r;
}

/* `k:{"name":"x"}` → [name="x"] */
static const char *step_text(const char *step, struct arena *a)
{
    struct value *v;
    if (step[0] == 'f')
        return arena_printf(a, ".%s", step + 2);
    if (step[0] != 'k' || json_parse(a, step + 2, strlen(step + 2), 0, &v, NULL) < 0)
        return arena_printf(a, "[%s%s]", step[0] == 'v' ? "=" : "", step + 2);
    const char *out = "[";
    VALUE_EACH_MEMBER (m, v)
        out = arena_printf(a, "%s%s%s=%s", out, out[1] ? "," : "", m->key,
                           json_text(a, &m->value, JSON_NO_HTML));
    return arena_printf(a, "%s]", out);
}

const char *field_path__text(const struct field_path *p, struct arena *a)
{
    if (!p)
        return "";
    return arena_printf(a, "%s%s", field_path__text(p->up, a), step_text(p->step, a));
}

static void each(const struct fieldset *s, const struct field_path *up, struct arena *a,
                 void (*fn)(void *arg, const char *path), void *arg)
{
    for (size_t i = 0; i < s->n; i++) {
        struct field_path p = {up, s->nodes[i].step};
        if (s->nodes[i].member)
            fn(arg, field_path__text(&p, a));
        each(&s->nodes[i].below, &p, a, fn, arg);
    }
}

void fieldset__each(const struct fieldset *s, struct arena *a,
                    void (*fn)(void *arg, const char *path), void *arg)
{
    each(s, NULL, a, fn, arg);
}
