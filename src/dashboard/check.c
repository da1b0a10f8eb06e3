/* check.c - which of a dashboard's queries cannot work. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "codec/regex.h"
#include "dashboard/dashboard_int.h"
#include "promql/ast.h"

enum { FAULTS_MAX = 100 };

/* What a text must be. */
enum form {
    FORM_RANGE,    /* a query over time: an instant vector or a scalar */
    FORM_ANY,      /* a query at one moment */
    FORM_SELECTOR, /* of series */
    FORM_REGEX,
};

struct checker {
    struct arena *a;
    const struct dashboard *d;
    struct dashboard_faults *out;
    struct parse_opts opts;
    /* Of what is looked at. */
    const char *where, *expr;
    uint32_t line;
};

static void fault(struct checker *c, const char *text)
{
    struct dashboard_faults *f = c->out;
    f->total++;
    if (f->n < FAULTS_MAX)
        f->items[f->n++] = (struct dashboard_fault){c->line, c->where, c->expr, text};
}

/* ---- positions: the parser's are of the text with values, people want those of theirs ---- */

static size_t offset_of(const char *text, size_t line, size_t column)
{
    size_t i = 0;
    for (; line > 1 && text[i]; i++)
        line -= text[i] == '\n';
    for (; column > 1 && text[i]; i++)
        column--;
    return i;
}

static const char *own_words(struct checker *c, const struct dashboard__text *t,
                             const size_t *choice, const char *filled, const struct err *e,
                             const char *base)
{
    size_t line, column;
    int used = 0;
    if (sscanf(e->msg, "%9zu:%9zu: %n", &line, &column, &used) != 2 || used == 0)
        return arena_strdup(c->a, e->msg);
    size_t at = dashboard__origin(t, choice, offset_of(filled, line, column));
    at += (size_t)(base - c->expr);
    line = column = 1;
    for (size_t i = 0; i < at && c->expr[i]; i++, column++)
        if (c->expr[i] == '\n') {
            line++;
            column = 0;
        }
    return arena_printf(c->a, "%zu:%zu: %s", line, column, e->msg + used);
}

/* ---- one text ---- */

static int check_form(const struct checker *c, struct arena *a, const char *text, enum form form,
                      struct err *e)
{
    struct expr *x;
    if (form == FORM_REGEX) {
        AUTO(regex) struct regex *re = NULL;
        return regex_compile(text, strlen(text), 0, &re, e);
    }
    int r = promql_parse(a, text, &c->opts, &x, e);
    if (r < 0)
        return r;
    if (form == FORM_SELECTOR && x->kind != EXPR_SELECTOR)
        return err_set(e, ERR_INVALID, "\"%.100s\" is no series selector", text);
    if (form == FORM_RANGE && (x->type == TYPE_MATRIX || x->type == TYPE_STRING))
        return err_set(e, ERR_INVALID, "a %s cannot be asked over time",
                       x->type == TYPE_MATRIX ? "range vector" : "text");
    return 0;
}

/* What fails with all values is named with the first ones, which are the likeliest. */
static void check_filled(struct checker *c, const struct dashboard__text *t, const char *base,
                         enum form form)
{
    size_t n = dashboard__choices(), seconds = t->slots > 1 ? n : 1, firsts = t->slots ? n : 1;
    const char *said = NULL;
    for (size_t i = 0; i < firsts * seconds; i++) {
        AUTO(arena) struct arena *a = arena_new(0);
        const size_t choice[DASHBOARD_FREE] = {i / seconds, i % seconds};
        struct err e = {0};
        char *filled = dashboard__fill(a, t, choice);
        if (check_form(c, a, filled, form, &e) == 0)
            return;
        if (!said)
            said = own_words(c, t, choice, filled, &e, base);
    }
    fault(c, said);
}

/* `text` is c->expr or a copy of the part of it that is at `base`. */
static void check_text(struct checker *c, const char *text, const char *base, enum form form)
{
    struct dashboard__text t;
    struct err e = {0};
    if (dashboard__split(c->a, c->d, text, &t, &e) < 0) {
        fault(c, arena_strdup(c->a, e.msg));
        return;
    }
    for (size_t i = 0; i < t.n_undeclared; i++)
        fault(c, arena_printf(c->a, "variable %s is not declared", t.undeclared[i]));
    check_filled(c, &t, base, form);
}

/* ---- variables' queries ---- */

/* The argument of "name(…)", trimmed, and where it begins; NULL: it is no such call. */
static char *argument(struct arena *a, const char *text, const char *name, const char **base)
{
    size_t n = strlen(name), len = strlen(text);
    text += strspn(text, " \t\n");
    len = strlen(text);
    while (len && isspace((unsigned char)text[len - 1]))
        len--;
    if (strncmp(text, name, n) != 0 || text[n] != '(' || len < n + 2 || text[len - 1] != ')')
        return NULL;
    *base = text + n + 1;
    return arena_strndup(a, *base, len - n - 2);
}

/* "selector, label" or "label": the selector's end; NULL when the label is none. */
static const char *before_label(const char *text)
{
    const char *comma = strrchr(text, ','), *label = comma ? comma + 1 : text;
    label += strspn(label, " \t\n");
    size_t n = strcspn(label, " \t\n");
    if (n == 0 || label[n + strspn(label + n, " \t\n")])
        return NULL;
    for (size_t i = 0; i < n; i++)
        if (!isalnum((unsigned char)label[i]) && !strchr("_${}[]:.\"", label[i]))
            return NULL;
    return comma ? comma : text;
}

static void check_label_values(struct checker *c, char *text, const char *base)
{
    const char *end = before_label(text);
    if (!end) {
        fault(c, "label_values() ends with the name of a label: label_values(up, job)");
        return;
    }
    struct dashboard__text label;
    struct err e = {0};
    if (dashboard__split(c->a, c->d, end, &label, &e) == 0)
        for (size_t i = 0; i < label.n_undeclared; i++)
            fault(c, arena_printf(c->a, "variable %s is not declared", label.undeclared[i]));
    if (end == text)
        return;
    text[end - text] = '\0';
    check_text(c, text, base, FORM_SELECTOR);
}

static void check_variable(struct checker *c, const struct dashboard_variable *v)
{
    const char *base;
    char *arg;
    c->where = arena_printf(c->a, "variable %s", v->name);
    c->expr = v->query;
    c->line = v->line;
    if ((arg = argument(c->a, v->query, "label_values", &base)))
        check_label_values(c, arg, base);
    else if ((arg = argument(c->a, v->query, "query_result", &base)))
        check_text(c, arg, base, FORM_ANY);
    else if ((arg = argument(c->a, v->query, "metrics", &base)))
        check_text(c, arg, base, FORM_REGEX);
    else if (!(arg = argument(c->a, v->query, "label_names", &base)))
        check_text(c, v->query, v->query, FORM_SELECTOR);
    else if (*arg)
        check_text(c, arg, base, FORM_SELECTOR);
}

/* ---- all of it ---- */

static void check_panel(struct checker *c, const struct dashboard_panel *p)
{
    const char *name = arena_printf(c->a, "panel \"%s\"", p->title);
    if (!*p->title)
        name = arena_printf(c->a, "panel %lld", (long long)p->id);
    for (size_t i = 0; i < p->n; i++) {
        const struct dashboard_query *q = &p->queries[i];
        c->where = *q->ref ? arena_join(c->a, name, ", query ", q->ref, NULL) : name;
        c->expr = q->expr;
        c->line = q->line;
        check_text(c, q->expr, q->expr, q->instant ? FORM_ANY : FORM_RANGE);
    }
    c->where = name;
    c->expr = "";
    c->line = p->line;
    if (*p->repeat && !dashboard__variable(c->d, p->repeat, strlen(p->repeat)))
        fault(c,
              arena_printf(c->a, "it repeats for variable %s, which is not declared", p->repeat));
}

void dashboard_check(struct arena *a, const struct dashboard *d, unsigned features,
                     struct dashboard_faults *out)
{
    /* An hour by minutes, as the variables have it. */
    struct checker c = {
        .a = a, .d = d, .out = out, .opts = {features, 0, 3600000, 60000}
    };
    *out = (struct dashboard_faults){.items = ARENA_ARRAY(a, struct dashboard_fault, FAULTS_MAX)};
    for (size_t i = 0; i < d->n_variables; i++)
        if (d->variables[i].ours && *d->variables[i].query)
            check_variable(&c, &d->variables[i]);
    for (size_t i = 0; i < d->n_annotations; i++) {
        c.where = arena_printf(a, "annotation \"%s\"", d->annotations[i].name);
        c.expr = d->annotations[i].expr;
        c.line = d->annotations[i].line;
        check_text(&c, c.expr, c.expr, FORM_RANGE);
    }
    for (size_t i = 0; i < d->n_panels; i++)
        check_panel(&c, &d->panels[i]);
}
