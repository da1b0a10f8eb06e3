/* parse.c - rule files: their fields, and what is wrong with them. */
#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "codec/utf8.h"
#include "codec/yaml.h"
#include "promql/ast.h"
#include "rules/rules_int.h"

void rule_texts__add(struct rule_texts *t, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    const char *text = arena_vprintf(t->arena, fmt, ap);
    va_end(ap);
    t->items =
        arena_grow(t->arena, t->items, t->n * sizeof *t->items, (t->n + 1) * sizeof *t->items);
    t->items[t->n++] = text;
}

/* 292 years: what fits nanoseconds. */
static const int64_t MAX_MS = 9223372036854;

/* ---- fields ---- */

int rules_duration(const char *text, int64_t *out_ms, struct err *e)
{
    static const struct {
        const char *unit;
        int64_t ms;
    } units[] = {
        {"ms", 1          },
        {"s",  1000       },
        {"m",  60000      },
        {"h",  3600000    },
        {"d",  86400000   },
        {"w",  604800000  },
        {"y",  31536000000},
    };
    const char *p = text;
    int64_t total = 0;
    size_t least = ARRAY_LEN(units);
    if (strcmp(text, "0") == 0) {
        *out_ms = 0;
        return 0;
    }
    while (isdigit((unsigned char)*p)) {
        char *end;
        unsigned long long v = strtoull(p, &end, 10);
        size_t i = 0, n = strspn(end, "abcdefghijklmnopqrstuvwxyz");
        while (i < ARRAY_LEN(units) &&
               (strlen(units[i].unit) != n || strncmp(end, units[i].unit, n) != 0))
            i++;
        if (i >= least || v > (unsigned long long)(MAX_MS / units[i].ms))
            break;
        least = i;
        total += (int64_t)v * units[i].ms;
        p = end + n;
    }
    if (*p || p == text)
        return err_set(e, ERR_INVALID, "not a valid duration string: \"%.60s\"", text);
    *out_ms = total;
    return 0;
}

/* As the file has it; NULL: no scalar. */
static const char *text_of(const struct value *v)
{
    switch (v->kind) {
    case VALUE_STRING:
    case VALUE_INT:
    case VALUE_FLOAT:
        return v->text;
    case VALUE_BOOL:
        return v->boolean ? "true" : "false";
    case VALUE_NULL:
    case VALUE_ARRAY:
    case VALUE_OBJECT:
        break;
    }
    return NULL;
}

static void read_labels(struct rule_texts *faults, const struct value *v, struct labels *out)
{
    struct label *l = ARENA_ARRAY(faults->arena, struct label, value_members_count(v));
    size_t n = 0;
    VALUE_EACH_MEMBER (m, v) {
        const char *text = text_of(&m->value);
        if (!text && m->value.kind != VALUE_NULL)
            rule_texts__add(faults, "line %u: label \"%s\" is no text", m->value.line, m->key);
        l[n++] = (struct label){m->key, text ? text : ""};
    }
    *out = (struct labels){l, n};
}

static void read_field(struct rule_texts *faults, const struct value *v, const char *what,
                       const struct rule_field *f)
{
    const char *text = text_of(v);
    struct err e;
    bool fits = true;
    if (v->kind == VALUE_NULL)
        return;
    switch (f->kind) {
    case RULE_TEXT:
        fits = text != NULL;
        *(const char **)f->to = text ? text : "";
        break;
    case RULE_DURATION:
        fits = text != NULL;
        if (text && rules_duration(text, f->to, &e) < 0)
            rule_texts__add(faults, "line %u: %s", v->line, e.msg);
        break;
    case RULE_INTEGER:
        fits = v->kind == VALUE_INT;
        *(int64_t *)f->to = value_int(v, 0);
        break;
    case RULE_BOOL:
        fits = v->kind == VALUE_BOOL;
        *(bool *)f->to = value_bool(v, false);
        break;
    case RULE_LABELS:
        fits = v->kind == VALUE_OBJECT;
        if (fits)
            read_labels(faults, v, f->to);
        break;
    case RULE_VALUE:
        *(const struct value **)f->to = v;
        break;
    }
    if (!fits)
        rule_texts__add(faults, "line %u: field %s of %s has the wrong type", v->line, f->name,
                        what);
}

void rule_fields__read(struct rule_texts *faults, const struct value *object, const char *what,
                       const struct rule_field *fields, bool ignore_unknown)
{
    if (object->kind != VALUE_OBJECT) {
        if (object->kind != VALUE_NULL)
            rule_texts__add(faults, "line %u: a %s must be a mapping", object->line, what);
        return;
    }
    VALUE_EACH_MEMBER (m, object) {
        const struct rule_field *f = fields;
        while (f->name && strcmp(f->name, m->key) != 0)
            f++;
        if (f->name)
            read_field(faults, &m->value, what, f);
        else if (!ignore_unknown)
            rule_texts__add(faults, "line %u: field %s not found in %s", m->value.line, m->key,
                            what);
    }
}

/* ---- rules ---- */

static bool name_ok(const char *s)
{
    size_t n = strlen(s), took;
    for (; n; n -= took, s += took)
        if (!(took = utf8_valid(s, n)))
            return false;
    return true;
}

struct check {
    struct rule_texts *faults;
    const struct rules_opts *o;
    const struct rule_group *group;
    size_t rule; /* from 1 */
    const struct rule *r;
};

static void fault(const struct check *c, const char *fmt, ...) PRINTF(2, 3);
static void fault(const struct check *c, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    const char *what = arena_vprintf(c->faults->arena, fmt, ap);
    va_end(ap);
    rule_texts__add(c->faults, "line %zu: group \"%s\", rule %zu, \"%s\": %s", c->r->line,
                    c->group->name, c->rule, *c->r->alert ? c->r->alert : c->r->record, what);
}

static void check_record(const struct check *c)
{
    const struct rule *r = c->r;
    if (r->annotations.n)
        fault(c, "invalid field 'annotations' in recording rule");
    if (r->for_ms)
        fault(c, "invalid field 'for' in recording rule");
    if (r->keep_firing_ms)
        fault(c, "invalid field 'keep_firing_for' in recording rule");
    if (!name_ok(r->record))
        fault(c, "invalid recording rule name: %s", r->record);
    if (strpbrk(r->record, "{}"))
        fault(c, "braces present in the recording rule name; should it be in expr?: %s", r->record);
}

static void check_templates(const struct check *c, const struct labels *l, const char *what)
{
    for (size_t i = 0; i < l->n; i++) {
        const char *why = rule_template_fault(c->faults->arena, c->r->alert, l->items[i].value);
        if (why)
            fault(c, "%s \"%s\": %s", what, l->items[i].name, why);
    }
}

static int check_expr(const struct check *c, struct err *e)
{
    struct parse_opts o = {.features = c->o->features, .end_ms = 1000, .step_ms = 1000};
    const struct rules_language *l = c->o->language;
    struct expr *x;
    return l ? l->check(c->r->expr, c->faults->arena, e)
             : promql_parse(c->faults->arena, c->r->expr, &o, &x, e);
}

static void check_rule(const struct check *c)
{
    const struct rule *r = c->r;
    struct err e;
    if (*r->record && *r->alert)
        fault(c, "only one of 'record' and 'alert' must be set");
    if (!*r->record && !*r->alert)
        fault(c, "one of 'record' or 'alert' must be set");
    if (!*r->expr)
        fault(c, "field 'expr' must be set in rule");
    else if (check_expr(c, &e) < 0)
        fault(c, "could not parse expression: %s", e.msg);
    if (*r->record)
        check_record(c);
    for (size_t i = 0; i < r->labels.n; i++)
        if (!*r->labels.items[i].name || !name_ok(r->labels.items[i].name) ||
            strcmp(r->labels.items[i].name, "__name__") == 0)
            fault(c, "invalid label name: %s", r->labels.items[i].name);
    for (size_t i = 0; i < r->annotations.n; i++)
        if (!*r->annotations.items[i].name || !name_ok(r->annotations.items[i].name))
            fault(c, "invalid annotation name: %s", r->annotations.items[i].name);
    if (*r->alert) {
        check_templates(c, &r->labels, "label");
        check_templates(c, &r->annotations, "annotation");
    }
}

static void read_rule(struct check *c, const struct value *v, struct rule *r)
{
    *r = (struct rule){.record = "", .alert = "", .expr = "", .line = v->line};
    const struct rule_field fields[] = {
        {"record",    RULE_TEXT, &r->record},
        {"alert", RULE_TEXT, &r->alert},
        {"expr",     RULE_TEXT, &r->expr},
        {"for",  RULE_DURATION, &r->for_ms},
        {"keep_firing_for",      RULE_DURATION, &r->keep_firing_ms},
        {"labels",   RULE_LABELS, &r->labels},
        {"annotations",       RULE_LABELS, &r->annotations},
        {0}
    };
    rule_fields__read(c->faults, v, "rule", fields, c->o->ignore_unknown);
    c->r = r;
    check_rule(c);
}

static void read_group(struct rule_texts *faults, const struct rules_opts *o, const struct value *v,
                       struct rule_group *g)
{
    const struct value *rules = NULL;
    *g = (struct rule_group){.name = "", .line = v->line};
    const struct rule_field fields[] = {
        {"name",           RULE_TEXT, &g->name},
        {"interval",        RULE_DURATION, &g->interval_ms},
        {"query_offset",       RULE_DURATION, &g->offset_ms},
        {"limit", RULE_INTEGER, &g->limit},
        {"labels",   RULE_LABELS, &g->labels},
        {"rules",   RULE_VALUE, &rules},
        {0         }
    };
    rule_fields__read(faults, v, "rule group", fields, o->ignore_unknown);
    if (!*g->name)
        rule_texts__add(faults, "line %zu: Groupname must not be empty", g->line);
    for (size_t i = 0; i < g->labels.n; i++)
        if (!*g->labels.items[i].name || strcmp(g->labels.items[i].name, "__name__") == 0)
            rule_texts__add(faults, "line %zu: invalid label name: %s", g->line,
                            g->labels.items[i].name);
    if (rules && rules->kind != VALUE_ARRAY)
        rule_texts__add(faults, "line %u: rules must be a list", rules->line);
    struct check c = {.faults = faults, .o = o, .group = g};
    g->rules = ARENA_ARRAY(faults->arena, struct rule, value_count(rules) + 1);
    VALUE_EACH_ITEM (rule, rules) {
        c.rule = g->n + 1;
        read_rule(&c, rule, &g->rules[g->n++]);
    }
}

void rules_parse(struct arena *a, const char *text, size_t n, const struct rules_opts *o,
                 struct rule_file *out)
{
    struct value *root = NULL;
    struct err e;
    if (yaml_parse(a, text, n, YAML_NODES | YAML_STRICT_KEYS | YAML_FIRST, &root, &e) == 0) {
        rules_read(a, root, o, out);
        return;
    }
    struct rule_texts faults = {.arena = a};
    rule_texts__add(&faults, "%s", e.msg);
    *out = (struct rule_file){.faults = faults.items, .n_faults = faults.n};
}

void rules_read(struct arena *a, const struct value *root, const struct rules_opts *o,
                struct rule_file *out)
{
    struct rule_texts faults = {.arena = a};
    const struct value *groups = NULL;
    const struct rule_field fields[] = {
        {"groups", RULE_VALUE, &groups},
        {0}
    };
    *out = (struct rule_file){.language = o->language};
    rule_fields__read(&faults, root, "rule file", fields, o->ignore_unknown);
    if (groups && groups->kind != VALUE_ARRAY)
        rule_texts__add(&faults, "line %u: groups must be a list", groups->line);
    out->groups = ARENA_ARRAY(a, struct rule_group, value_count(groups) + 1);
    VALUE_EACH_ITEM (group, groups) {
        struct rule_group *g = &out->groups[out->n];
        read_group(&faults, o, group, g);
        for (size_t i = 0; i < out->n; i++)
            if (strcmp(out->groups[i].name, g->name) == 0)
                rule_texts__add(&faults, "line %zu: groupname: \"%s\" is repeated in the same file",
                                g->line, g->name);
        out->n++;
    }
    out->faults = faults.items;
    out->n_faults = faults.n;
    if (faults.n)
        out->n = 0;
}
