#include "template/call_int.h"

#include "base/own.h"
#include "template/time_int.h"

#include "base/banned.h"

enum {
    ARGS_INLINE = 12,
    ARGS_MAX = 100000,
    DOCUMENT_MAX = 16 << 20, /* bytes; a value takes many times its text */
};

/* ---- types of parameters ---- */

static const struct go_type any_value_type = {.name = "reflect.Value", .kind = GO_STRUCT};

const struct go_type *letter__type(char letter)
{
    switch (letter) {
    case 's':
    case 'D':
        return &go_string_type;
    case 'i':
        return &go_int_type;
    case 'l':
        return &go_int64_type;
    case 'f':
        return &go_float64_type;
    case 'b':
        return &go_bool_type;
    case 'm':
    case 'M':
        return &go_map_type;
    case 'u':
        return &go_uint32_type;
    case 'L':
        return &go_list_type;
    case 'C':
        return &go_certificate_type;
    case 't':
        return &go_time_type;
    case 'd':
        return &go_duration_type;
    case 'V':
        return &go_semver_type;
    case 'v':
        return &any_value_type;
    default:
        return &go_interface_type;
    }
}

/* Whether nil may stand for it. */
static bool takes_nil(char letter)
{
    return letter && strchr("aAvmMLV", letter);
}

static bool is_any(char letter)
{
    return letter == 'a' || letter == 'A';
}

static bool assignable(const struct go_type *from, const struct go_type *to)
{
    if (from == to)
        return true;
    return from->kind == to->kind && (to->kind == GO_MAP || to->kind == GO_SLICE) &&
           from->elem == to->elem && !(from->defined && to->defined);
}

/* What validateType() does: fits the value to the letter, or says why not. */
static int fit(struct state *s, char letter, struct go_value *v)
{
    const struct go_type *want = letter__type(letter);
    if (!v->type) {
        if (is_any(letter))
            *v = go_nil();
        else if (letter != 'v' && takes_nil(letter))
            *v = go_zero(want);
        else if (letter && !takes_nil(letter))
            return state__fail(s, "invalid value; expected %s", want->name);
        return 0;
    }
    if (letter == 0 || letter == 'v' || is_any(letter))
        return 0;
    if (assignable(v->type, want)) {
        v->boxed = false;
        return 0;
    }
    if (v->type->kind == GO_PTR && v->type->elem == want && v->opaque) {
        *v = (struct go_value){.type = want, .opaque = v->opaque};
        return 0;
    }
    return state__fail(s, "wrong type for value; expected %s; got %s", want->name, v->type->name);
}

/* ---- arguments ---- */

static int wrong_constant(struct state *s, const char *wanted, const struct node *n)
{
    s->node = n;
    return state__fail(s, "expected %s; found %s", wanted, state__node_text(s, n));
}

/* A literal where the letter says what it shall be. */
static int literal(struct state *s, char letter, const struct node *n, struct go_value *out)
{
    switch (letter) {
    case 'a':
    case 'A':
    case 'v':
    case 0:
        return exec__constant(s, n, out);
    case 'b':
        *out = n->literal->constant;
        return n->kind == NODE_BOOL ? 0 : wrong_constant(s, "bool", n);
    case 's':
    case 'D':
        *out = n->literal->constant;
        return n->kind == NODE_STRING ? 0 : wrong_constant(s, "string", n);
    case 'f':
        if (n->kind != NODE_NUMBER || !n->literal->number->is_float)
            return wrong_constant(s, "float", n);
        *out = go_float(n->literal->number->f);
        return 0;
    case 'i':
    case 'l':
    case 'd':
        if (n->kind != NODE_NUMBER || !n->literal->number->is_int)
            return wrong_constant(s, "integer", n);
        *out = (struct go_value){.type = letter__type(letter), .i = n->literal->number->i};
        return 0;
    case 'u':
        if (n->kind != NODE_NUMBER || !n->literal->number->is_uint)
            return wrong_constant(s, "unsigned integer", n);
        *out = (struct go_value){.type = &go_uint32_type, .u = (uint32_t)n->literal->number->u};
        return 0;
    default:
        s->node = n;
        return state__fail(s, "can't handle %s for arg of type %s", state__node_text(s, n),
                           letter__type(letter)->name);
    }
}

int call__arg(struct state *s, const struct go_value *dot, char letter, const struct node *n,
              struct go_value *out)
{
    int rc = 0;
    s->node = n;
    switch ((int)n->kind) {
    case NODE_DOT:
        *out = *dot;
        break;
    case NODE_NIL:
        *out = (struct go_value){0};
        if (!takes_nil(letter))
            return state__fail(s, "cannot assign nil to %s", letter__type(letter)->name);
        break;
    case NODE_FIELD:
    case NODE_CHAIN:
    case NODE_VARIABLE:
        rc = exec__word(s, dot, n, NULL, NULL, out);
        break;
    case NODE_PIPE:
        rc = exec__pipeline(s, dot, n, out);
        break;
    case NODE_FUNCTION:
        rc = call__function(s, dot, n, n, NULL, NULL, out);
        break;
    default:
        return literal(s, letter, n, out);
    }
    return rc ? rc : fit(s, letter, out);
}

static size_t count(const struct node *args)
{
    size_t n = 0;
    for (; args; args = args->next)
        n++;
    return n;
}

static int check_count(struct state *s, const struct function *f, size_t words, bool has_final)
{
    size_t n = words + has_final;
    if (f->variadic && n < (size_t)f->n_params - 1)
        return state__fail(s, "wrong number of args for %s: want at least %d got %zu", f->name.s,
                           f->n_params - 1, words);
    if (!f->variadic && n != f->n_params)
        return state__fail(s, "wrong number of args for %s: want %d got %zu", f->name.s,
                           f->n_params, n);
    return n > ARGS_MAX ? state__fail(s, "more than %d arguments", ARGS_MAX) : 0;
}

static char letter_of(const struct function *f, size_t i)
{
    return f->params[f->variadic && i >= f->n_params ? f->n_params - 1u : i];
}

/* ---- calls ---- */

/* and, or: the rest is not evaluated once the answer is known. */
static int short_circuit(struct state *s, const struct go_value *dot, const struct function *f,
                         const struct node *args, const struct go_value *final,
                         struct go_value *out)
{
    *out = (struct go_value){0};
    for (const struct node *a = args; a; a = a->next) {
        int rc = call__arg(s, dot, 'v', a, out);
        if (rc || go_truth(out) == (f->special == SPECIAL_OR))
            return rc;
    }
    if (final)
        *out = *final;
    return 0;
}

/* What a function reads costs steps; values that hold one another could be read for ever. */
static int charge(struct go_call *c, const struct function *f, const struct go_value *args,
                  size_t n)
{
    uint64_t cost = 0;
    const size_t most = c->run->options.limits.parts;
    for (size_t i = 0; i < n; i++) {
        enum go_kind kind = go_kind_of(&args[i]);
        char letter = letter_of(f, i);
        if (kind == GO_STRING)
            cost += letter == 'D' ? args[i].n : args[i].n / 4;
        if (letter == 'D' && args[i].n > DOCUMENT_MAX)
            return go_fail(c, "a document of more than %d bytes", DOCUMENT_MAX);
        if ((kind != GO_MAP && kind != GO_SLICE) || (letter != 'A' && letter != 'M'))
            continue;
        size_t weight = go_weight(&args[i], most);
        if (weight > most)
            return go_fail(c, "a value of more than %zu parts", most);
        cost += weight;
    }
    return cost ? call__spend(c, cost) : 0;
}

struct invocation {
    const struct function *f;
    const struct go_value *self;
    const struct node *at, *args;
    const struct go_value *final;
};

static int invoke(struct state *s, const struct go_value *dot, const struct invocation *i,
                  struct go_value *out)
{
    const struct function *f = i->f;
    size_t words = count(i->args), n = words + (i->final != NULL);
    int rc = check_count(s, f, words, i->final != NULL);
    if (rc)
        return rc;
    if (f->special == SPECIAL_AND || f->special == SPECIAL_OR)
        return short_circuit(s, dot, f, i->args, i->final, out);
    struct go_value few[ARGS_INLINE], *args = few;
    if (n > ARGS_INLINE)
        args = ARENA_ARRAY(s->run->arena, struct go_value, n);
    size_t k = 0;
    for (const struct node *a = i->args; a; a = a->next, k++) {
        rc = call__arg(s, dot, letter_of(f, k), a, &args[k]);
        if (rc)
            return rc;
    }
    if (i->final) {
        args[k] = *i->final;
        rc = fit(s, letter_of(f, k), &args[k]);
        if (rc)
            return rc;
    }
    struct go_call c = {s->run, s->run->arena, f->func, i->self};
    if (f->special == SPECIAL_CALL)
        rc = run__fail(s->run,
                       n && args[0].type && args[0].type->kind != GO_INTERFACE
                           ? "non-function %s of type %s"
                           : "call of nil",
                       i->args ? state__node_text(s, i->args) : "<nil>",
                       n && args[0].type ? args[0].type->name : "");
    else if ((rc = charge(&c, f, args, n)) == 0)
        rc = f->func->call(&c, args, n, out);
    if (rc) {
        s->node = i->at;
        return state__wrap(s, "error calling %s: ", f->name.s);
    }
    if (f->boxes)
        *out = go_boxed(*out);
    return 0;
}

int call__function(struct state *s, const struct go_value *dot, const struct node *n,
                   const struct node *at, const struct node *args, const struct go_value *final,
                   struct go_value *out)
{
    s->node = n;
    struct invocation i = {.f = n->function, .at = at, .args = args, .final = final};
    return invoke(s, dot, &i, out);
}

static int call_method(struct state *s, const struct go_value *dot, const struct go_func *m,
                       const struct invocation *how, struct go_value *out)
{
    struct function f = function__of(m);
    struct invocation i = *how;
    i.f = &f;
    return invoke(s, dot, &i, out);
}

/* ---- fields ---- */

static const struct go_func *find_method(const struct go_type *t, const struct ident *name)
{
    for (const struct go_func *m = t->methods; m && m->name; m++)
        if (strlen(m->name) == name->n && memcmp(m->name, name->s, name->n) == 0)
            return m;
    return NULL;
}

/* A field, also of an embedded struct; NULL: there is none. */
static const struct go_value *find_field(const struct go_type *t, const struct go_value *fields,
                                         const struct ident *name)
{
    for (uint32_t i = 0; i < t->n_fields; i++)
        if (strlen(t->fields[i].name) == name->n &&
            memcmp(t->fields[i].name, name->s, name->n) == 0)
            return &fields[i];
    for (uint32_t i = 0; i < t->n_fields; i++) {
        const struct go_value *found =
            t->fields[i].embedded ? find_field(t->fields[i].type, fields[i].fields, name) : NULL;
        if (found)
            return found;
    }
    return NULL;
}

static int map_field(struct state *s, const struct go_value *map, const struct ident *name,
                     bool has_args, struct go_value *out)
{
    if (has_args)
        return state__fail(s, "%.*s is not a method but has arguments", (int)name->n, name->s);
    const struct go_value *found = go_map_get_hashed(map->map, name->s, name->n, name->hash);
    if (!found && s->run->options.strict)
        return state__fail(s, "map has no entry for key \"%.*s\"", (int)name->n, name->s);
    *out = found ? *found : go_zero(map->type->elem);
    if (map->type->elem->kind == GO_INTERFACE)
        *out = go_boxed(*out);
    return 0;
}

/* The words behind the last field of a path, and what came through the pipe. */
struct rest {
    const struct node *args;
    const struct go_value *final;
};

static int field(struct state *s, const struct go_value *dot, const struct ident *name,
                 const struct node *node, const struct rest *rest, const struct go_value *receiver,
                 struct go_value *out)
{
    if (!receiver->type) {
        *out = (struct go_value){0};
        return s->run->options.strict
                   ? state__fail(s, "nil data; no entry for key \"%.*s\"", (int)name->n, name->s)
                   : 0;
    }
    const char *type = receiver->boxed ? "interface {}" : receiver->type->name;
    enum go_kind kind = receiver->type->kind;
    if (kind == GO_INTERFACE)
        return state__fail(s, "nil pointer evaluating %s.%.*s", type, (int)name->n, name->s);
    const struct go_func *method = find_method(receiver->type, name);
    if (method) {
        struct go_value self = *receiver;
        struct invocation i = {.self = &self,
                               .at = node,
                               .args = rest->args ? rest->args->next : NULL,
                               .final = rest->final};
        return call_method(s, dot, method, &i, out);
    }
    bool has_args = (rest->args && rest->args->next) || rest->final;
    if (kind == GO_MAP)
        return map_field(s, receiver, name, has_args, out);
    const struct go_type *t = kind == GO_PTR ? receiver->type->elem : receiver->type;
    if (kind == GO_PTR && !receiver->opaque)
        return state__fail(s, "nil pointer evaluating %s.%.*s", type, (int)name->n, name->s);
    if (kind == GO_STRUCT || kind == GO_PTR) {
        const struct go_value *found = t->n_fields ? find_field(t, receiver->fields, name) : NULL;
        if (found && has_args)
            return state__fail(s, "%.*s has arguments but cannot be invoked as function",
                               (int)name->n, name->s);
        if (found) {
            *out = *found;
            return 0;
        }
    }
    return state__fail(s, "can't evaluate field %.*s in type %s", (int)name->n, name->s, type);
}

int call__path(struct state *s, const struct go_value *dot, const struct go_value *receiver,
               const struct path *path, const struct node *args, const struct go_value *final,
               struct go_value *out)
{
    static const struct rest nothing = {0};
    struct rest rest = {args, final};
    struct go_value v = *receiver;
    for (uint32_t i = 0; i < path->n; i++) {
        bool last = i + 1 == path->n;
        struct go_value next;
        int rc = field(s, dot, &path->idents[i], path->node, last ? &rest : &nothing, &v, &next);
        if (rc)
            return rc;
        v = next;
    }
    *out = v;
    return 0;
}
