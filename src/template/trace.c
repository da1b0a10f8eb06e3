/* trace.c - which part of a template made which part of its output. */
#include <string.h>

#include "template/call_int.h"
#include "template/exec_int.h"

#include "base/banned.h"

void template_run_trace(struct template_run *r, struct template_trace *t)
{
    r->trace = t;
}

/* Only the template's own pieces: what it includes is, to it, one action. */
void trace__note(struct template_run *r, const struct source *in, const struct node *n)
{
    struct template_trace *t = r->trace;
    struct template_piece p = {.at = r->out.len, .source = n->pos};
    if (strcmp(in->name, t->name) != 0)
        return;
    const char *from = in->text;
    if (n->kind == NODE_TEXT && n->text.s >= from && n->text.s <= from + in->n) {
        p.source = (size_t)(n->text.s - from);
        p.n = n->text.n;
    }
    if (t->n == t->cap) {
        size_t more = t->cap ? 2 * t->cap : 256;
        t->items = arena_grow(r->arena, t->items, t->cap * sizeof p, more * sizeof p);
        t->cap = more;
    }
    t->items[t->n++] = p;
}

size_t template_trace_source(const struct template_trace *t, size_t at)
{
    /* From the end: what an include made was taken back and printed again by its action. */
    for (size_t i = t->n; i-- > 0;) {
        const struct template_piece *p = &t->items[i];
        if (p->at > at)
            continue;
        size_t into = at - p->at;
        return p->source + (into < p->n ? into : p->n ? p->n - 1 : 0);
    }
    return 0;
}
