#include "template/parse_int.h"

#include "base/banned.h"

static void print_path(struct buf *b, const struct node *n)
{
    for (uint32_t i = 0; i < n->n; i++) {
        if (i || n->kind != NODE_VARIABLE)
            buf_putc(b, '.');
        buf_add(b, n->path.idents[i].s, n->path.idents[i].n);
    }
}

static void print_word(struct buf *b, const struct node *n)
{
    bool pipe = n->kind == NODE_PIPE;
    buf_puts(b, pipe ? "(" : "");
    node__print(b, n);
    buf_puts(b, pipe ? ")" : "");
}

static void print_pipe(struct buf *b, const struct node *n)
{
    for (const struct node *v = n->pipe.decls; v; v = v->next) {
        print_path(b, v);
        buf_puts(b, v->next ? ", " : n->assigns ? " = " : " := ");
    }
    for (const struct node *c = n->pipe.first; c; c = c->next) {
        node__print(b, c);
        buf_puts(b, c->next ? " | " : "");
    }
}

static void print_branch(struct buf *b, const struct node *n)
{
    buf_puts(b, n->kind == NODE_IF ? "{{if " : n->kind == NODE_RANGE ? "{{range " : "{{with ");
    node__print(b, n->branch.pipe);
    buf_puts(b, "}}");
    node__print(b, n->branch.list);
    if (n->branch.list->list.otherwise) {
        buf_puts(b, "{{else}}");
        node__print(b, n->branch.list->list.otherwise);
    }
    buf_puts(b, "{{end}}");
}

static void print_call(struct buf *b, const struct node *n)
{
    buf_puts(b, "{{template ");
    text__quote(b, n->call.name->s, n->call.name->n);
    if (n->call.pipe) {
        buf_putc(b, ' ');
        node__print(b, n->call.pipe);
    }
    buf_puts(b, "}}");
}

void node__print(struct buf *b, const struct node *n)
{
    switch ((enum node_kind)n->kind) {
    case NODE_TEXT:
        buf_add(b, n->text.s, n->text.n);
        break;
    case NODE_BOOL:
    case NODE_NUMBER:
    case NODE_STRING:
        buf_add(b, n->literal->s, n->literal->n);
        break;
    case NODE_ACTION:
        buf_puts(b, "{{");
        node__print(b, n->branch.pipe);
        buf_puts(b, "}}");
        break;
    case NODE_IF:
    case NODE_RANGE:
    case NODE_WITH:
        print_branch(b, n);
        break;
    case NODE_TEMPLATE:
        print_call(b, n);
        break;
    case NODE_LIST:
        for (const struct node *c = n->list.first; c; c = c->next)
            node__print(b, c);
        break;
    case NODE_PIPE:
        print_pipe(b, n);
        break;
    case NODE_COMMAND:
        for (const struct node *c = n->list.first; c; c = c->next) {
            print_word(b, c);
            buf_puts(b, c->next ? " " : "");
        }
        break;
    case NODE_FUNCTION:
        buf_add(b, n->function->name.s, n->function->name.n);
        break;
    case NODE_CHAIN:
        print_word(b, n->path.of);
        print_path(b, n);
        break;
    case NODE_FIELD:
    case NODE_VARIABLE:
        print_path(b, n);
        break;
    case NODE_DOT:
        buf_putc(b, '.');
        break;
    case NODE_NIL:
        buf_puts(b, "nil");
        break;
    case NODE_BREAK:
        buf_puts(b, "{{break}}");
        break;
    case NODE_CONTINUE:
        buf_puts(b, "{{continue}}");
        break;
    case NODE_END:
        buf_puts(b, "{{end}}");
        break;
    case NODE_ELSE:
        buf_puts(b, "{{else}}");
        break;
    }
}
