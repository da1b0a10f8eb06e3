#include "base/own.h"
#include "template/call_int.h"
#include "template/exec_int.h"

#include "base/banned.h"

enum { TEMPLATE_DEPTH = 100000, FLOW_BREAK = 1, FLOW_CONTINUE = 2 };

/* ---- faults ---- */

static void push_fault(struct template_run *r, const char *text)
{
    struct fault *f = ARENA_NEW(r->arena, struct fault);
    *f = (struct fault){.text = text, .inner = r->fault};
    r->fault = f;
    r->error = NULL;
}

int run__wrap(struct template_run *r, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    push_fault(r, arena_vprintf(r->arena, fmt, ap));
    va_end(ap);
    return ERR_INVALID;
}

int run__fail(struct template_run *r, const char *fmt, ...)
{
    r->fault = NULL;
    va_list ap;
    va_start(ap, fmt);
    push_fault(r, arena_vprintf(r->arena, fmt, ap));
    va_end(ap);
    return ERR_INVALID;
}

int go_fail(struct go_call *c, const char *fmt, ...)
{
    c->run->fault = NULL;
    va_list ap;
    va_start(ap, fmt);
    push_fault(c->run, arena_vprintf(c->arena, fmt, ap));
    va_end(ap);
    return ERR_INVALID;
}

const char *run__error(struct template_run *r)
{
    if (r->error || !r->fault)
        return r->error;
    size_t n = 0;
    for (const struct fault *f = r->fault; f; f = f->inner)
        n += strlen(f->text);
    char *text = arena_alloc(r->arena, n + 1), *to = text;
    for (const struct fault *f = r->fault; f; f = f->inner)
        to = stpcpy(to, f->text);
    r->error = text;
    return text;
}

/* "template: NAME:LINE:COL: executing "TREE" at <NODE>: " in front of what is there. */
static int wrap_place(struct state *s)
{
    const struct source *source = s->tree->source;
    size_t line = 1, start = 0;
    for (size_t i = 0; i < s->node->pos; i++)
        if (source->text[i] == '\n') {
            line++;
            start = i + 1;
        }
    struct buf b;
    buf_init(&b, 1 << 20);
    buf_printf(&b, "template: %s:%zu:%zu: executing ", source->name, line, s->node->pos - start);
    text__quote(&b, s->tree->name.s, s->tree->name.n);
    buf_puts(&b, " at <");
    node__print(&b, s->node);
    buf_puts(&b, ">: ");
    push_fault(s->run, arena_strndup(s->run->arena, buf_text(&b), b.len));
    buf_done(&b);
    return ERR_INVALID;
}

int state__fail(struct state *s, const char *fmt, ...)
{
    s->run->fault = NULL;
    va_list ap;
    va_start(ap, fmt);
    push_fault(s->run, arena_vprintf(s->run->arena, fmt, ap));
    va_end(ap);
    return wrap_place(s);
}

int state__wrap(struct state *s, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    push_fault(s->run, arena_vprintf(s->run->arena, fmt, ap));
    va_end(ap);
    return wrap_place(s);
}

const char *state__node_text(struct state *s, const struct node *n)
{
    struct buf b;
    buf_init(&b, 1 << 20);
    node__print(&b, n);
    char *text = arena_strndup(s->run->arena, buf_text(&b), b.len);
    buf_done(&b);
    return text;
}

const char *state__value_text(struct state *s, const struct go_value *v)
{
    struct buf b;
    buf_init(&b, 1 << 20);
    fmt__print(s->run, &b, v);
    char *text = arena_strndup(s->run->arena, buf_text(&b), b.len);
    buf_done(&b);
    return text;
}

/* ---- limits ---- */

/* The limits are looked at wherever the executor goes down a level. */
static int check_limits(struct state *s)
{
    struct template_run *r = s->run;
    const struct template_limits *most = &r->options.limits;
    char here;
    ptrdiff_t stack = r->stack - &here;
    if ((size_t)(stack < 0 ? -stack : stack) > most->stack_bytes)
        return state__fail(s, "templates call one another too deeply (%zu bytes of stack)",
                           most->stack_bytes);
    if (++r->steps > most->steps)
        return state__fail(s, "more than %llu steps", (unsigned long long)most->steps);
    if (arena_used(r->arena) > most->memory)
        return state__fail(s, "more than %zu bytes of memory", most->memory);
    return 0;
}

/* ---- variables ---- */

static void push_var(struct template_run *r, const struct ident *name, const struct go_value *v)
{
    if (r->n_vars == r->cap_vars) {
        size_t cap = r->cap_vars ? r->cap_vars * 2 : 64;
        r->vars =
            arena_grow(r->arena, r->vars, r->cap_vars * sizeof *r->vars, cap * sizeof *r->vars);
        r->cap_vars = cap;
    }
    r->vars[r->n_vars++] = (struct variable){*name, *v};
}

static struct variable *find_var(struct state *s, const struct ident *name)
{
    struct template_run *r = s->run;
    for (size_t i = r->n_vars; i > s->base; i--) {
        const struct ident *other = &r->vars[i - 1].name;
        if (other->hash == name->hash && other->n == name->n &&
            memcmp(other->s, name->s, name->n) == 0)
            return &r->vars[i - 1];
    }
    return NULL;
}

static int undefined(struct state *s, const struct ident *name)
{
    return state__fail(s, "undefined variable: %.*s", (int)name->n, name->s);
}

static int set_var(struct state *s, const struct ident *name, const struct go_value *v)
{
    struct variable *var = find_var(s, name);
    if (!var)
        return undefined(s, name);
    var->value = *v;
    return 0;
}

/* ---- pipelines ---- */

/* What an interface holds: nothing at all for nil. */
static void unbox(struct go_value *v)
{
    if (go_kind_of(v) == GO_INTERFACE)
        *v = (struct go_value){0};
    v->boxed = false;
}

static int not_a_function(struct state *s, const struct node *args, const struct go_value *final)
{
    if ((args && args->next) || final)
        return state__fail(s, "can't give argument to non-function %s", state__node_text(s, args));
    return 0;
}

static int eval_chain(struct state *s, const struct go_value *dot, const struct node *n,
                      const struct node *args, const struct go_value *final, struct go_value *out)
{
    s->node = n;
    if (n->path.of->kind == NODE_NIL)
        return state__fail(s, "indirection through explicit nil in %s", state__node_text(s, n));
    struct go_value of;
    int rc = call__arg(s, dot, 0, n->path.of, &of);
    struct path path = {n, n->path.idents, n->n};
    return rc ? rc : call__path(s, dot, &of, &path, args, final, out);
}

static int eval_variable(struct state *s, const struct go_value *dot, const struct node *n,
                         const struct node *args, const struct go_value *final,
                         struct go_value *out)
{
    s->node = n;
    const struct variable *var = find_var(s, &n->path.idents[0]);
    if (!var)
        return undefined(s, &n->path.idents[0]);
    if (n->n == 1) {
        *out = var->value;
        return not_a_function(s, args, final);
    }
    struct go_value receiver = var->value;
    struct path path = {n, n->path.idents + 1, n->n - 1u};
    return call__path(s, dot, &receiver, &path, args, final, out);
}

/* A word that may stand first, with the words after it (`args` begins with it). */
int exec__word(struct state *s, const struct go_value *dot, const struct node *n,
               const struct node *args, const struct go_value *final, struct go_value *out)
{
    if (n->kind == NODE_FIELD) {
        s->node = n;
        struct path path = {n, n->path.idents, n->n};
        return call__path(s, dot, dot, &path, args, final, out);
    }
    if (n->kind == NODE_CHAIN)
        return eval_chain(s, dot, n, args, final, out);
    return eval_variable(s, dot, n, args, final, out);
}

int exec__constant(struct state *s, const struct node *n, struct go_value *out)
{
    *out = n->literal->constant;
    if (out->type)
        return 0;
    s->node = n;
    return state__fail(s, "%s overflows int", state__node_text(s, n));
}

static int eval_command(struct state *s, const struct go_value *dot, const struct node *cmd,
                        const struct go_value *final, struct go_value *out)
{
    const struct node *first = cmd->list.first;
    int rc = 0;
    switch ((int)first->kind) {
    case NODE_FIELD:
    case NODE_CHAIN:
    case NODE_VARIABLE:
        return exec__word(s, dot, first, first, final, out);
    case NODE_FUNCTION:
        return call__function(s, dot, first, cmd, first->next, final, out);
    case NODE_PIPE:
        rc = not_a_function(s, first, final);
        return rc ? rc : exec__pipeline(s, dot, first, out);
    }
    s->node = first;
    rc = not_a_function(s, first, final);
    if (rc)
        return rc;
    if (first->kind == NODE_NIL)
        return state__fail(s, "nil is not a command");
    if (first->kind != NODE_DOT)
        return exec__constant(s, first, out);
    *out = *dot;
    return 0;
}

int exec__pipeline(struct state *s, const struct go_value *dot, const struct node *pipe,
                   struct go_value *out)
{
    *out = (struct go_value){0};
    if (!pipe)
        return 0;
    s->node = pipe;
    int rc = check_limits(s);
    const struct go_value *final = NULL;
    struct go_value value[2] = {{0}};
    int which = 0;
    for (const struct node *c = pipe->pipe.first; c && !rc; c = c->next) {
        rc = eval_command(s, dot, c, final, &value[which]);
        unbox(&value[which]);
        final = &value[which];
        which = !which;
    }
    if (rc)
        return rc;
    *out = *final;
    for (const struct node *v = pipe->pipe.decls; v && !rc; v = v->next) {
        if (pipe->assigns)
            rc = set_var(s, &v->path.idents[0], out);
        else
            push_var(s->run, &v->path.idents[0], out);
    }
    return rc;
}

/* ---- walking ---- */

static int walk_list(struct state *s, const struct go_value *dot, const struct node *list);

static int walk_branch(struct state *s, const struct go_value *dot, const struct node *n)
{
    size_t mark = s->run->n_vars;
    struct go_value v;
    int rc = exec__pipeline(s, dot, n->branch.pipe, &v);
    if (rc == 0 && go_truth(&v))
        rc = walk_list(s, n->kind == NODE_WITH ? &v : dot, n->branch.list);
    else if (rc == 0 && n->branch.list->list.otherwise)
        rc = walk_list(s, dot, n->branch.list->list.otherwise);
    s->run->n_vars = mark;
    return rc;
}

/* One turn of a range. FLOW_BREAK or an error ends it. */
static int walk_turn(struct state *s, const struct node *n, size_t mark,
                     const struct go_value *index, const struct go_value *item)
{
    const struct node *pipe = n->branch.pipe, *first = pipe->pipe.decls;
    struct template_run *r = s->run;
    bool two = pipe->n > 1;
    int rc = 0;
    if (first && pipe->assigns) {
        rc = set_var(s, &first->path.idents[0], two ? index : item);
        if (rc == 0 && two)
            rc = set_var(s, &first->next->path.idents[0], item);
    } else if (first) {
        r->vars[mark - 1].value = *item;
        if (two)
            r->vars[mark - 2].value = *index;
    }
    if (rc == 0)
        rc = walk_list(s, item, n->branch.list);
    r->n_vars = mark;
    return rc == FLOW_CONTINUE ? 0 : rc;
}

static int range_count(struct state *s, const struct node *n, size_t mark,
                       const struct go_value *count)
{
    if (n->branch.pipe->n > 1)
        return state__fail(s, "can't use %s to iterate over more than one variable",
                           state__value_text(s, count));
    int rc = 0;
    struct go_value nothing = {0}, item = *count;
    uint64_t end =
        count->type->kind >= GO_UINT8 ? count->u : (uint64_t)(count->i < 0 ? 0 : count->i);
    for (uint64_t i = 0; i < end && !rc; i++) {
        item.u = i;
        rc = check_limits(s);
        if (rc == 0)
            rc = walk_turn(s, n, mark, &nothing, &item);
    }
    return rc;
}

static int range_list(struct state *s, const struct node *n, size_t mark,
                      const struct go_value *list)
{
    int rc = 0;
    for (uint32_t i = 0; i < list->n && !rc; i++) {
        struct go_value index = go_int(i), item = go_item(list, i);
        rc = walk_turn(s, n, mark, &index, &item);
    }
    return rc;
}

static int range_map(struct state *s, const struct node *n, size_t mark, const struct go_value *map)
{
    size_t count = 0;
    const struct go_entry *entries = go_map_sorted(map->map, &count);
    bool boxes = map->type->elem->kind == GO_INTERFACE;
    int rc = 0;
    for (size_t i = 0; i < count && !rc; i++) {
        struct go_value key = go_strn(entries[i].key, entries[i].n);
        struct go_value item = boxes ? go_boxed(entries[i].value) : entries[i].value;
        rc = walk_turn(s, n, mark, &key, &item);
    }
    return rc;
}

static int walk_range(struct state *s, const struct go_value *dot, const struct node *n)
{
    size_t outer = s->run->n_vars;
    s->node = n;
    struct go_value v;
    int rc = exec__pipeline(s, dot, n->branch.pipe, &v);
    size_t mark = s->run->n_vars;
    enum go_kind kind = go_kind_of(&v);
    bool number = kind >= GO_INT && kind <= GO_UINT64;
    if (rc == 0 && (number || kind == GO_SLICE || kind == GO_MAP || kind == GO_INVALID ||
                    kind == GO_INTERFACE)) {
        bool some = number ? go_truth(&v) && (kind >= GO_UINT8 || v.i > 0) : go_truth(&v);
        if (number && (some || n->branch.pipe->n > 1))
            rc = range_count(s, n, mark, &v);
        else if (some)
            rc = kind == GO_MAP ? range_map(s, n, mark, &v) : range_list(s, n, mark, &v);
        else if (n->branch.list->list.otherwise)
            rc = walk_list(s, dot, n->branch.list->list.otherwise);
    } else if (rc == 0) {
        rc = state__fail(s, "range can't iterate over %s", state__value_text(s, &v));
    }
    s->run->n_vars = outer;
    return rc == FLOW_BREAK ? 0 : rc;
}

static int walk_template(struct state *s, const struct go_value *dot, const struct node *n)
{
    struct template_run *r = s->run;
    s->node = n;
    const struct tree *t = set__tree(r->set, n->call.name);
    if (!t) {
        struct buf b;
        buf_init(&b, 1 << 20);
        text__quote(&b, n->call.name->s, n->call.name->n);
        int rc = state__fail(s, "template %s not defined", buf_text(&b));
        buf_done(&b);
        return rc;
    }
    if (r->depth == TEMPLATE_DEPTH)
        return state__fail(s, "exceeded maximum template depth (%d)", TEMPLATE_DEPTH);
    struct go_value v;
    int rc = exec__pipeline(s, dot, n->call.pipe, &v);
    if (rc)
        return rc;
    r->depth++;
    rc = exec__tree(r, t, &v);
    r->depth--;
    return rc;
}

static void print_value(struct template_run *r, const struct go_value *v)
{
    struct go_value text;
    struct go_call c = {r, r->arena, v->type->ptr_stringer, v};
    if (c.func && c.func->call(&c, NULL, 0, &text) == 0)
        buf_add(&r->out, text.s, text.n);
    else
        fmt__print(r, &r->out, v);
}

static int walk_action(struct state *s, const struct go_value *dot, const struct node *n)
{
    struct go_value v;
    int rc = exec__pipeline(s, dot, n->branch.pipe, &v);
    if (rc || n->branch.pipe->n)
        return rc;
    if (v.type == &go_string_type)
        buf_add(&s->run->out, v.s, v.n);
    else if (!v.type)
        buf_puts(&s->run->out, "<no value>");
    else if (go_weight(&v, s->run->options.limits.parts) > s->run->options.limits.parts)
        return state__fail(s, "a value of more than %zu parts", s->run->options.limits.parts);
    else
        print_value(s->run, &v);
    if (s->run->out.overflow)
        return state__fail(s, "more than %zu bytes of output", s->run->out.max);
    return 0;
}

static int walk_list(struct state *s, const struct go_value *dot, const struct node *list)
{
    int rc = 0;
    for (const struct node *n = list->list.first; n && !rc; n = n->next) {
        s->node = n;
        if (s->run->trace)
            trace__note(s->run, s->tree->source, n);
        switch ((int)n->kind) {
        case NODE_TEXT:
            buf_add(&s->run->out, n->text.s, n->text.n);
            break;
        case NODE_ACTION:
            rc = walk_action(s, dot, n);
            break;
        case NODE_IF:
        case NODE_WITH:
            rc = walk_branch(s, dot, n);
            break;
        case NODE_RANGE:
            rc = walk_range(s, dot, n);
            break;
        case NODE_TEMPLATE:
            rc = walk_template(s, dot, n);
            break;
        case NODE_BREAK:
            rc = FLOW_BREAK;
            break;
        case NODE_CONTINUE:
            rc = FLOW_CONTINUE;
            break;
        }
    }
    return rc;
}

int exec__tree(struct template_run *r, const struct tree *t, const struct go_value *dot)
{
    static const struct ident dollar = {"$", 1, 0};
    struct ident name = dollar;
    name.hash = go_hash("$", 1);
    struct state s = {.run = r, .tree = t, .node = t->root, .base = r->n_vars};
    push_var(r, &name, dot);
    int rc = walk_list(&s, dot, t->root);
    r->n_vars = s.base;
    if (rc == 0 && r->out.overflow)
        rc = state__fail(&s, "more than %zu bytes of output", r->out.max);
    return rc;
}
