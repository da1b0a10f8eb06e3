#include "base/own.h"
#include "template/exec_int.h"
#include "template/functions_int.h"

#include "base/banned.h"

static const struct template_limits defaults = {.output = 256u << 20,
                                                .memory = 1u << 30,
                                                .steps = 400000000,
                                                .parts = 10000000,
                                                .stack_bytes = 6u << 20};

static void free_buffers(void *arg)
{
    struct template_run *r = arg;
    buf_done(&r->out);
    buf_done(&r->scratch);
}

struct template_run *template_run_new(struct arena *a, const struct template_set *s,
                                      const struct template_options *options)
{
    struct template_run *r = ARENA_NEW(a, struct template_run);
    r->arena = a;
    r->set = s;
    if (options)
        r->options = *options;
    struct template_limits *most = &r->options.limits;
    most->output = most->output ? most->output : defaults.output;
    most->memory = most->memory ? most->memory : defaults.memory;
    most->steps = most->steps ? most->steps : defaults.steps;
    most->parts = most->parts ? most->parts : defaults.parts;
    most->stack_bytes = most->stack_bytes ? most->stack_bytes : defaults.stack_bytes;
    buf_init(&r->out, most->output);
    buf_init(&r->scratch, most->output);
    arena_defer(a, free_buffers, r);
    r->included = go_map_new(a, 0);
    r->tpl_cache = go_map_new(a, 0);
    r->regexes = go_map_new(a, 0);
    return r;
}

void text__cut_no_value(char *s, size_t *n)
{
    static const char no_value[] = "<no value>";
    const size_t len = sizeof no_value - 1;
    char *to = s, *end = s + *n;
    for (char *from = s, *hit; from < end; from = hit) {
        hit = memchr(from, '<', (size_t)(end - from));
        hit = hit ? hit : end;
        bool cut = (size_t)(end - hit) >= len && memcmp(hit, no_value, len) == 0;
        hit += !cut && hit < end;
        if (to != from)
            memmove(to, from, (size_t)(hit - from));
        to += hit - from;
        hit += cut ? len : 0;
    }
    *n = (size_t)(to - s);
}

static int run(struct template_run *r, const char *name, const struct go_value *dot)
{
    struct ident id = {name, (uint32_t)strlen(name), go_hash(name, strlen(name))};
    const struct tree *t = set__tree(r->set, &id);
    if (t)
        return exec__tree(r, t, dot);
    run__fail(r, "template: no template \"%s\" associated with template \"gotpl\"", name);
    return ERR_NOT_FOUND;
}

int template_execute(struct template_run *r, const char *name, struct go_value dot, struct buf *out,
                     struct err *e)
{
    char here;
    r->stack = &here;
    r->fault = NULL;
    r->error = NULL;
    r->depth = 0;
    r->n_vars = 0;
    buf_clear(&r->out);
    const struct template_set *set = r->set;
    dot = exec__dot(dot);
    int rc = run(r, name, &dot);
    r->set = set;
    if (rc) {
        r->included = go_map_new(r->arena, 0);
        return err_set(e, rc, "%s", run__error(r));
    }
    if (!r->options.keep_no_value && r->out.len)
        text__cut_no_value(r->out.data, &r->out.len);
    buf_add(out, buf_text(&r->out), r->out.len);
    return buf_check(out, e);
}

const char *template_run_error(const struct template_run *r)
{
    return r->error;
}

/* ---- what functions use ---- */

const struct template_host *template_run_host(const struct template_run *r)
{
    return r->options.host;
}

struct buf *call__scratch(struct go_call *c)
{
    buf_clear(&c->run->scratch);
    c->run->scratch.overflow = false;
    return &c->run->scratch;
}

int call__finish(struct go_call *c, struct go_value *out)
{
    const struct buf *b = &c->run->scratch;
    if (b->overflow)
        return go_fail(c, "a text of more than %zu bytes", b->max);
    *out = call__text(c, buf_text(b), b->len);
    return 0;
}

int call__alloc(struct go_call *c, size_t size, void **out)
{
    size_t most = c->run->options.limits.memory, used = arena_used(c->arena);
    if (size > most || used > most - size)
        return go_fail(c, "more than %zu bytes of memory", most);
    *out = arena_alloc(c->arena, size);
    return 0;
}

int call__spend(struct go_call *c, uint64_t steps)
{
    uint64_t most = c->run->options.limits.steps, *spent = &c->run->steps;
    *spent = steps > most || *spent > most - steps ? most + 1 : *spent + steps;
    return *spent > most ? go_fail(c, "more than %llu steps", (unsigned long long)most) : 0;
}

struct go_value call__text(struct go_call *c, const char *s, size_t n)
{
    return go_strn(arena_strndup(c->arena, s, n), n);
}

struct go_value call__strval(struct go_call *c, const struct go_value *v)
{
    struct go_value out;
    if (v->type == &go_string_type)
        return *v;
    if (v->type == &go_bytes_type)
        return go_strn(v->s, v->n);
    if (fmt__stringer(c->run, v, &out))
        return out;
    struct buf b;
    buf_init(&b, c->run->options.limits.output);
    fmt__print(c->run, &b, v);
    out = call__text(c, buf_text(&b), b.len);
    c->run->out.overflow |= b.overflow; /* the action that wanted it ends with that */
    buf_done(&b);
    return out;
}
