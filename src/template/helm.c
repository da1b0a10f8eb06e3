#include "base/own.h"
#include "template/functions_int.h"

#include "base/banned.h"

enum { RECURSION_MAX = 1000 }; /* Helm's own limit on one name within itself */

/* A text that tpl has parsed, over the set it was parsed for. */
struct tpl {
    const struct template_set *over, *set;
    const struct tree *tree;
};

/* Moves what was printed since `start` into a string. */
static struct go_value take_output(struct go_call *c, size_t start)
{
    struct buf *out = &c->run->out;
    struct go_value text = call__text(c, buf_text(out) + start, out->len - start);
    buf_cut(out, start);
    return text;
}

static int include(struct go_call *c, const struct go_value *args, size_t n, struct go_value *out)
{
    (void)n;
    struct template_run *r = c->run;
    struct ident name = {args[0].s, args[0].n, go_hash(args[0].s, args[0].n)};
    struct go_value *count = go_map_get_hashed(r->included, name.s, name.n, name.hash);
    if (count && count->i > RECURSION_MAX)
        return go_fail(c,
                       "rendering template has a nested reference name: %.*s: "
                       "unable to execute template",
                       (int)name.n, name.s);
    if (!count) {
        go_map_set(r->included, name.s, name.n, go_int(0));
        count = go_map_get_hashed(r->included, name.s, name.n, name.hash);
    }
    count->i++;
    const struct tree *t = set__tree(r->set, &name);
    if (!t) {
        struct buf *b = call__scratch(c);
        text__quote(b, name.s, name.n);
        return go_fail(c, "template: no template %s associated with template \"gotpl\"",
                       buf_text(b));
    }
    size_t start = r->out.len;
    struct go_value dot = exec__dot(args[1]);
    int rc = exec__tree(r, t, &dot);
    go_map_get_hashed(r->included, name.s, name.n, name.hash)->i--;
    if (rc == 0)
        *out = take_output(c, start);
    return rc;
}

/* ---- tpl ---- */

static int parse_tpl(struct go_call *c, const struct go_value *text, struct tpl **out)
{
    struct template_run *r = c->run;
    const struct go_value *known = go_map_get(r->tpl_cache, text->s, text->n);
    if (known && ((struct tpl *)known->opaque)->over == r->set) {
        *out = known->opaque;
        return 0;
    }
    struct template_set *set = set__child(c->arena, r->set);
    struct tpl *t = ARENA_NEW(c->arena, struct tpl);
    *t = (struct tpl){.over = r->set, .set = set};
    struct tree *tree = NULL;
    if (parse__text(set, "gotpl", text->s, text->n, &tree, NULL)) {
        struct buf *b = call__scratch(c);
        text__quote(b, text->s, text->n);
        return go_fail(c, "cannot parse template %s: %s", buf_text(b), set->error);
    }
    t->tree = tree;
    go_map_set(r->tpl_cache, text->s, text->n, (struct go_value){.opaque = t});
    *out = t;
    return 0;
}

static int tpl(struct go_call *c, const struct go_value *args, size_t n, struct go_value *out)
{
    (void)n;
    struct template_run *r = c->run;
    if (!memmem(args[0].s, args[0].n, "{{", 2)) { /* what most texts are */
        *out = args[0];
        if (memmem(args[0].s, args[0].n, "<no value>", 10)) {
            struct go_value copy = call__text(c, args[0].s, args[0].n);
            size_t len = copy.n;
            char *text = arena_strndup(c->arena, args[0].s, len);
            text__cut_no_value(text, &len);
            *out = go_strn(text, len);
        }
        return 0;
    }
    struct tpl *t = NULL;
    int rc = parse_tpl(c, &args[0], &t);
    if (rc)
        return rc;
    const struct template_set *outer = r->set;
    size_t start = r->out.len;
    r->set = t->set;
    struct go_value dot = exec__dot(args[1]);
    rc = exec__tree(r, t->tree, &dot);
    r->set = outer;
    if (rc) {
        struct buf *b = call__scratch(c);
        text__quote(b, args[0].s, args[0].n);
        return run__wrap(r, "error during tpl function execution for %s: ", buf_text(b));
    }
    size_t len = r->out.len - start;
    if (len)
        text__cut_no_value(r->out.data + start, &len);
    buf_cut(&r->out, start + len);
    *out = take_output(c, start);
    return 0;
}

/* ---- errors that a chart's author wrote ---- */

static void say(struct go_call *c, const char *what, const struct go_value *text)
{
    const struct template_host *host = c->run->options.host;
    if (host && host->log)
        host->log(host->self, arena_printf(c->arena, "%s: %.*s", what, (int)text->n, text->s));
}

static int fail_with(struct go_call *c, const struct go_value *text)
{
    return go_fail(c, "HELM_ERR_START%.*sHELM_ERR_END", (int)text->n, text->s);
}

static int required(struct go_call *c, const struct go_value *args, size_t n, struct go_value *out)
{
    (void)n;
    const struct go_value *v = &args[1];
    bool missing =
        go_kind_of(v) == GO_INTERFACE || !v->type || (v->type == &go_string_type && v->n == 0);
    *out = *v;
    if (!missing)
        return 0;
    if (!c->run->options.lint)
        return fail_with(c, &args[0]);
    say(c, "Missing required value", &args[0]);
    *out = go_str("");
    return 0;
}

static int fail(struct go_call *c, const struct go_value *args, size_t n, struct go_value *out)
{
    (void)n;
    if (!c->run->options.lint)
        return fail_with(c, &args[0]);
    say(c, "Fail", &args[0]);
    *out = go_str("");
    return 0;
}

/* ---- the cluster ---- */

static int lookup(struct go_call *c, const struct go_value *args, size_t n, struct go_value *out)
{
    (void)n;
    const struct template_host *host = c->run->options.host;
    *out = go_map(go_map_new(c->arena, 0));
    if (!host || !host->lookup || c->run->options.lint)
        return 0;
    struct err e = {0};
    struct go_value found = *out;
    if (host->lookup(host->self, go_cstr(c->arena, &args[0]), go_cstr(c->arena, &args[1]),
                     go_cstr(c->arena, &args[2]), go_cstr(c->arena, &args[3]), c->arena, &found,
                     &e))
        return go_fail(c, "%s", e.msg);
    *out = found;
    return 0;
}

/* Helm asks no name server unless told to. */
static int host_by_name(struct go_call *c, const struct go_value *args, size_t n,
                        struct go_value *out)
{
    (void)c;
    (void)args;
    (void)n;
    *out = go_str("");
    return 0;
}

const struct go_func helm_functions[] = {
    {"include",       "sa",   include     },
    {"tpl",           "sa",   tpl         },
    {"required",      "sa>a", required    },
    {"fail",          "s",    fail        },
    {"lookup",        "ssss", lookup      },
    {"getHostByName", "s",    host_by_name},
    {NULL,            NULL,   NULL        },
};
