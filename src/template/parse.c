#include "base/own.h"
#include "template/literal_int.h"
#include "template/parse_int.h"

#include "base/banned.h"

enum {
    DEPTH_MAX = 1500, /* nesting of parentheses and controls together */
    VARS_MAX = 10000,
};

struct parser {
    struct template_set *set;
    struct arena *arena;
    const struct source *source;
    struct lexer lexer;
    struct token token[3]; /* look-ahead; token[0] was read last */
    int peeked;
    struct ident *vars;
    size_t n_vars, cap_vars;
    unsigned action_line; /* of the action being read; 0: none */
    int ranges, depth;
    struct go_map *trees; /* of this text */
    const char *error;    /* the first one */
};

/* ---- tokens ---- */

static struct token next(struct parser *p)
{
    if (p->peeked > 0)
        p->peeked--;
    else
        p->token[0] = lexer__next(&p->lexer);
    return p->token[p->peeked];
}

static void backup(struct parser *p)
{
    p->peeked++;
}

/* token[0] is there already. */
static void backup2(struct parser *p, struct token t1)
{
    p->token[1] = t1;
    p->peeked = 2;
}

static void backup3(struct parser *p, struct token t2, struct token t1)
{
    p->token[1] = t1;
    p->token[2] = t2;
    p->peeked = 3;
}

static struct token peek(struct parser *p)
{
    if (p->peeked > 0)
        return p->token[p->peeked - 1];
    p->peeked = 1;
    p->token[0] = lexer__next(&p->lexer);
    return p->token[0];
}

static struct token next_word(struct parser *p)
{
    struct token t;
    do
        t = next(p);
    while (t.kind == TOKEN_SPACE);
    return t;
}

static struct token peek_word(struct parser *p)
{
    struct token t = next_word(p);
    backup(p);
    return t;
}

/* ---- errors: the first one counts, and NULL goes up ---- */

static PRINTF(2, 3) void *fail(struct parser *p, const char *fmt, ...)
{
    if (p->error)
        return NULL;
    va_list ap;
    va_start(ap, fmt);
    const char *text = arena_vprintf(p->arena, fmt, ap);
    va_end(ap);
    p->error =
        arena_printf(p->arena, "template: %s:%u: %s", p->source->name, p->token[0].line, text);
    return NULL;
}

/* As errors name a token. */
static const char *token_text(struct parser *p, const struct token *t)
{
    if (t->kind == TOKEN_EOF)
        return "EOF";
    if (t->kind == TOKEN_ERROR)
        return t->s;
    if (t->kind > TOKEN_KEYWORDS)
        return arena_printf(p->arena, "<%.*s>", (int)t->n, t->s);
    struct buf b;
    buf_init(&b, 1 << 16);
    size_t n = literal_cut(t->s, t->n, 10);
    text__quote(&b, t->s, t->n > 10 ? n : t->n);
    buf_puts(&b, t->n > 10 ? "..." : "");
    char *text = arena_strdup(p->arena, buf_text(&b));
    buf_done(&b);
    return text;
}

static void *unexpected(struct parser *p, struct token t, const char *context)
{
    if (t.kind != TOKEN_ERROR)
        return fail(p, "unexpected %s in %s", token_text(p, &t), context);
    const char *started = "";
    if (p->action_line && p->action_line != t.line) {
        size_t n = strlen(t.s);
        bool names_it = n >= 7 && strcmp(t.s + n - 7, " action") == 0;
        started = arena_printf(p->arena, "%s started at %s:%u", names_it ? "" : " in action",
                               p->source->name, p->action_line);
    }
    return fail(p, "%s%s", t.s, started);
}

static bool expect(struct parser *p, enum token_kind kind, const char *context, struct token *out)
{
    *out = next_word(p);
    if (out->kind == kind)
        return true;
    (void)unexpected(p, *out, context);
    return false;
}

/* ---- nodes ---- */

static struct node *node_new(struct parser *p, enum node_kind kind, size_t pos)
{
    struct node *n = ARENA_NEW(p->arena, struct node);
    n->kind = kind;
    n->pos = (uint32_t)pos;
    n->source = p->source;
    return n;
}

static void append(struct node *list, struct node *n)
{
    if (list->list.last)
        list->list.last->next = n;
    else
        list->list.first = n;
    list->list.last = n;
}

static struct ident ident_of(const char *s, size_t n)
{
    return (struct ident){s, (uint32_t)n, go_hash(s, n)};
}

static bool same_ident(const struct ident *a, const struct ident *b)
{
    return a->hash == b->hash && a->n == b->n && memcmp(a->s, b->s, a->n) == 0;
}

static void declare(struct parser *p, struct ident name)
{
    if (p->n_vars == p->cap_vars) {
        size_t cap = p->cap_vars ? p->cap_vars * 2 : 16;
        p->vars = arena_grow(p->arena, p->vars, p->cap_vars * sizeof name, cap * sizeof name);
        p->cap_vars = cap;
    }
    p->vars[p->n_vars++] = name;
}

static struct node *path_new(struct parser *p, enum node_kind kind, size_t pos, struct ident first)
{
    struct node *n = node_new(p, kind, pos);
    n->path.idents = arena_dup(p->arena, &first, sizeof first);
    n->path.n = 1;
    return n;
}

static struct node *variable(struct parser *p, struct token t)
{
    struct ident name = ident_of(t.s, t.n);
    for (size_t i = 0; i < p->n_vars; i++)
        if (same_ident(&p->vars[i], &name))
            return path_new(p, NODE_VARIABLE, t.pos, name);
    return fail(p, "undefined variable \"%.*s\"", (int)t.n, t.s);
}

/* ---- pipelines ---- */

static struct node *pipeline(struct parser *p, const char *context, enum token_kind end);

static struct node *string(struct parser *p, struct token t)
{
    size_t n = 0;
    const char *s = text__unquote(p->arena, t.s, t.n, &n);
    if (!s)
        return fail(p, "invalid syntax");
    struct node *node = node_new(p, NODE_STRING, t.pos);
    node->text.s = t.s;
    node->text.n = t.n;
    node->constant = go_strn(s, n);
    return node;
}

static struct node *number(struct parser *p, struct token t)
{
    struct number *value = ARENA_NEW(p->arena, struct number);
    const char *why = literal_number(p->arena, t.s, t.n, t.kind, value);
    if (why)
        return fail(p, "%s", why);
    struct node *node = node_new(p, NODE_NUMBER, t.pos);
    node->text.s = t.s;
    node->text.n = t.n;
    node->number = value;
    node->constant = literal_constant(t.s, t.n, value);
    return node;
}

static struct node *function(struct parser *p, struct token t)
{
    const struct function *f = set__function(p->set, t.s, t.n);
    if (!f)
        return fail(p, "function \"%.*s\" not defined", (int)t.n, t.s);
    struct node *node = node_new(p, NODE_FUNCTION, t.pos);
    node->function = f;
    return node;
}

static struct node *parentheses(struct parser *p)
{
    if (p->depth >= DEPTH_MAX)
        return fail(p, "max expression depth exceeded");
    p->depth++;
    struct node *pipe = pipeline(p, "parenthesized pipeline", TOKEN_RIGHT_PAREN);
    p->depth--;
    return pipe;
}

/* False: the next token is no term, and still there. *out is NULL after an error. */
static bool term(struct parser *p, struct node **out)
{
    struct token t = next_word(p);
    switch ((int)t.kind) {
    case TOKEN_IDENTIFIER:
        *out = function(p, t);
        return true;
    case TOKEN_DOT:
    case TOKEN_NIL:
        *out = node_new(p, t.kind == TOKEN_DOT ? NODE_DOT : NODE_NIL, t.pos);
        return true;
    case TOKEN_VARIABLE:
        *out = variable(p, t);
        return true;
    case TOKEN_FIELD:
        *out = path_new(p, NODE_FIELD, t.pos, ident_of(t.s + 1, t.n - 1));
        return true;
    case TOKEN_BOOL:
        *out = node_new(p, NODE_BOOL, t.pos);
        (*out)->truth = t.s[0] == 't';
        (*out)->constant = go_bool((*out)->truth);
        return true;
    case TOKEN_CHAR_CONSTANT:
    case TOKEN_COMPLEX:
    case TOKEN_NUMBER:
        *out = number(p, t);
        return true;
    case TOKEN_LEFT_PAREN:
        *out = parentheses(p);
        return true;
    case TOKEN_STRING:
    case TOKEN_RAW_STRING:
        *out = string(p, t);
        return true;
    }
    backup(p);
    return false;
}

static const char *node_text(struct parser *p, const struct node *n)
{
    struct buf b;
    buf_init(&b, 1 << 20);
    node__print(&b, n);
    char *text = arena_strdup(p->arena, buf_text(&b));
    buf_done(&b);
    return text;
}

/* The fields after a term: on a field or variable they go on its own path, else they make a chain.
 */
static struct node *chain(struct parser *p, struct node *of)
{
    size_t pos = peek(p).pos;
    bool own = of->kind == NODE_FIELD || of->kind == NODE_VARIABLE;
    struct ident idents[64];
    size_t n = own ? of->path.n : 0;
    if (own)
        memcpy(idents, of->path.idents, n * sizeof *idents);
    while (peek(p).kind == TOKEN_FIELD) {
        struct token t = next(p);
        if (n == ARRAY_LEN(idents))
            return fail(p, "more than %zu fields in a row", ARRAY_LEN(idents));
        idents[n++] = ident_of(t.s + 1, t.n - 1);
    }
    if (of->kind == NODE_BOOL || of->kind == NODE_STRING || of->kind == NODE_NUMBER ||
        of->kind == NODE_NIL || of->kind == NODE_DOT) {
        struct buf b;
        buf_init(&b, 1 << 20);
        const char *text = node_text(p, of);
        text__quote(&b, text, strlen(text));
        (void)fail(p, "unexpected . after term %s", buf_text(&b));
        buf_done(&b);
        return NULL;
    }
    struct node *node = node_new(p, own ? of->kind : NODE_CHAIN, pos);
    node->path.of = own ? NULL : of;
    node->path.idents = arena_dup(p->arena, idents, n * sizeof *idents);
    node->path.n = (uint32_t)n;
    return node;
}

static bool operand(struct parser *p, struct node **out)
{
    if (!term(p, out))
        return false;
    if (*out && peek(p).kind == TOKEN_FIELD)
        *out = chain(p, *out);
    return true;
}

/* Words up to a pipe, which is consumed, or what closes the pipeline, which is not. */
static struct node *command(struct parser *p)
{
    struct node *cmd = node_new(p, NODE_COMMAND, peek_word(p).pos);
    for (;;) {
        struct node *word = NULL;
        (void)peek_word(p);
        if (operand(p, &word)) {
            if (!word)
                return NULL;
            append(cmd, word);
        }
        struct token t = next(p);
        if (t.kind == TOKEN_SPACE)
            continue;
        if (t.kind == TOKEN_RIGHT_DELIM || t.kind == TOKEN_RIGHT_PAREN)
            backup(p);
        else if (t.kind != TOKEN_PIPE)
            return unexpected(p, t, "operand");
        break;
    }
    return cmd->list.first ? cmd : fail(p, "empty command");
}

static void add_declaration(struct parser *p, struct node *pipe, struct token v)
{
    struct ident name = ident_of(v.s, v.n);
    struct node *node = path_new(p, NODE_VARIABLE, v.pos, name);
    struct node **end = &pipe->pipe.decls;
    while (*end)
        end = &(*end)->next;
    *end = node;
    pipe->pipe.n_decls++;
    declare(p, name);
}

/* "$x :=", "$x =", and in a range "$i, $x :=". False: an error. */
static bool declarations(struct parser *p, struct node *pipe, const char *context)
{
    while (peek_word(p).kind == TOKEN_VARIABLE) {
        struct token v = next(p), after = peek(p), word = peek_word(p);
        if (word.kind == TOKEN_ASSIGN || word.kind == TOKEN_DECLARE) {
            pipe->pipe.assigns = word.kind == TOKEN_ASSIGN;
            (void)next_word(p);
            add_declaration(p, pipe, v);
            return true;
        }
        if (word.kind != TOKEN_CHAR || word.s[0] != ',') {
            if (after.kind == TOKEN_SPACE)
                backup3(p, v, after);
            else
                backup2(p, v);
            return true;
        }
        (void)next_word(p);
        add_declaration(p, pipe, v);
        if (strcmp(context, "range") != 0 || pipe->pipe.n_decls >= 2) {
            (void)fail(p, "too many declarations in %s", context);
            return false;
        }
        enum token_kind kind = peek_word(p).kind;
        if (kind != TOKEN_VARIABLE && kind != TOKEN_RIGHT_DELIM && kind != TOKEN_RIGHT_PAREN) {
            (void)fail(p, "range can only initialize variables");
            return false;
        }
    }
    return true;
}

static struct node *check_pipeline(struct parser *p, struct node *pipe, const char *context)
{
    if (!pipe->pipe.first)
        return fail(p, "missing value for %s", context);
    int stage = 2;
    for (struct node *c = pipe->pipe.first->next; c; c = c->next, stage++) {
        enum node_kind kind = c->list.first->kind;
        if (kind == NODE_BOOL || kind == NODE_DOT || kind == NODE_NIL || kind == NODE_NUMBER ||
            kind == NODE_STRING)
            return fail(p, "non executable command in pipeline stage %d", stage);
    }
    return pipe;
}

static bool starts_command(enum token_kind kind)
{
    return kind == TOKEN_BOOL || kind == TOKEN_CHAR_CONSTANT || kind == TOKEN_COMPLEX ||
           kind == TOKEN_DOT || kind == TOKEN_FIELD || kind == TOKEN_IDENTIFIER ||
           kind == TOKEN_NUMBER || kind == TOKEN_NIL || kind == TOKEN_RAW_STRING ||
           kind == TOKEN_STRING || kind == TOKEN_VARIABLE || kind == TOKEN_LEFT_PAREN;
}

static struct node *pipeline(struct parser *p, const char *context, enum token_kind end)
{
    struct node *pipe = node_new(p, NODE_PIPE, peek_word(p).pos);
    if (!declarations(p, pipe, context))
        return NULL;
    for (;;) {
        struct token t = next_word(p);
        if (t.kind == end)
            return check_pipeline(p, pipe, context);
        if (!starts_command(t.kind))
            return unexpected(p, t, context);
        backup(p);
        struct node *cmd = command(p);
        if (!cmd)
            return NULL;
        if (pipe->pipe.last)
            pipe->pipe.last->next = cmd;
        else
            pipe->pipe.first = cmd;
        pipe->pipe.last = cmd;
    }
}

/* ---- actions ---- */

static struct node *item_list(struct parser *p, struct node **end);

static const char *clause_text(const struct node *n)
{
    return n->kind == NODE_END ? "{{end}}" : "{{else}}";
}

static struct node *control(struct parser *p, enum node_kind kind, const char *context);

/* What follows an {{else}}: "else if" and "else with" are controls inside it, and end with it. */
static struct node *otherwise(struct parser *p, enum node_kind kind, const char *context,
                              const struct node *clause)
{
    enum token_kind follows = peek(p).kind;
    if ((kind == NODE_IF && follows == TOKEN_IF) || (kind == NODE_WITH && follows == TOKEN_WITH)) {
        (void)next(p);
        struct node *list = node_new(p, NODE_LIST, clause->pos);
        struct node *inner = control(p, kind, context);
        if (!inner)
            return NULL;
        append(list, inner);
        return list;
    }
    struct node *end = NULL, *list = item_list(p, &end);
    if (list && end->kind != NODE_END)
        return fail(p, "expected end; found %s", clause_text(end));
    return list;
}

static struct node *control(struct parser *p, enum node_kind kind, const char *context)
{
    if (p->depth >= DEPTH_MAX)
        return fail(p, "controls are nested more than %d deep", DEPTH_MAX);
    p->depth++;
    size_t mark = p->n_vars;
    struct node *pipe = pipeline(p, context, TOKEN_RIGHT_DELIM);
    if (!pipe)
        return NULL;
    struct node *node = node_new(p, kind, pipe->pos), *end = NULL;
    node->branch.pipe = pipe;
    p->ranges += kind == NODE_RANGE;
    node->branch.list = item_list(p, &end);
    p->ranges -= kind == NODE_RANGE;
    if (!node->branch.list)
        return NULL;
    if (end->kind == NODE_ELSE) {
        node->branch.otherwise = otherwise(p, kind, context, end);
        if (!node->branch.otherwise)
            return NULL;
    }
    p->n_vars = mark;
    p->depth--;
    return node;
}

static struct node *jump(struct parser *p, struct token word)
{
    bool breaks = word.kind == TOKEN_BREAK;
    const char *text = breaks ? "{{break}}" : "{{continue}}";
    struct token t = next_word(p);
    if (t.kind != TOKEN_RIGHT_DELIM)
        return unexpected(p, t, text);
    if (p->ranges == 0)
        return fail(p, "%s outside {{range}}", text);
    return node_new(p, breaks ? NODE_BREAK : NODE_CONTINUE, word.pos);
}

static bool template_name(struct parser *p, struct token t, const char *context, struct ident *out)
{
    if (t.kind != TOKEN_STRING && t.kind != TOKEN_RAW_STRING) {
        (void)unexpected(p, t, context);
        return false;
    }
    size_t n = 0;
    const char *s = text__unquote(p->arena, t.s, t.n, &n);
    if (!s) {
        (void)fail(p, "invalid syntax");
        return false;
    }
    *out = ident_of(s, n);
    return true;
}

static struct node *template_call(struct parser *p)
{
    struct token t = next_word(p);
    struct node *node = node_new(p, NODE_TEMPLATE, t.pos);
    if (!template_name(p, t, "template clause", &node->call.name))
        return NULL;
    if (next_word(p).kind == TOKEN_RIGHT_DELIM)
        return node;
    backup(p);
    node->call.pipe = pipeline(p, "template clause", TOKEN_RIGHT_DELIM);
    return node->call.pipe ? node : NULL;
}

static bool is_blank(const struct node *list)
{
    for (const struct node *n = list->list.first; n; n = n->next) {
        if (n->kind != NODE_TEXT)
            return false;
        for (size_t i = 0, len; i < n->text.n; i += len)
            if (!unicode_is_space(unicode_decode(n->text.s + i, n->text.n - i, &len)))
                return false;
    }
    return true;
}

/* A blank definition never replaces one, and one that is not blank only a blank one. */
static bool add_tree(struct parser *p, struct ident name, struct node *root)
{
    const struct go_value *old = go_map_get_hashed(p->trees, name.s, name.n, name.hash);
    bool blank = is_blank(root);
    if (old && !((const struct tree *)old->opaque)->blank) {
        if (blank)
            return true;
        (void)fail(p, "template: multiple definition of template \"%.*s\"", (int)name.n, name.s);
        return false;
    }
    struct tree *t = ARENA_NEW(p->arena, struct tree);
    *t = (struct tree){.name = name, .root = root, .blank = blank};
    go_map_set(p->trees, name.s, name.n, (struct go_value){.opaque = t});
    return true;
}

/* The body of a define or a block, which sees none of the variables around it. */
static bool definition_body(struct parser *p, struct ident name, const char *context)
{
    size_t n_vars = p->n_vars;
    struct ident *vars = p->vars;
    size_t cap = p->cap_vars;
    int ranges = p->ranges;
    p->vars = NULL;
    p->n_vars = p->cap_vars = 0;
    p->ranges = 0;
    declare(p, ident_of("$", 1));
    struct node *end = NULL, *root = item_list(p, &end);
    if (root && end->kind != NODE_END)
        root = fail(p, "unexpected %s in %s", clause_text(end), context);
    p->vars = vars;
    p->n_vars = n_vars;
    p->cap_vars = cap;
    p->ranges = ranges;
    return root && add_tree(p, name, root);
}

static struct node *block(struct parser *p)
{
    struct token t = next_word(p);
    struct node *node = node_new(p, NODE_TEMPLATE, t.pos);
    if (!template_name(p, t, "block clause", &node->call.name))
        return NULL;
    node->call.pipe = pipeline(p, "block clause", TOKEN_RIGHT_DELIM);
    if (!node->call.pipe || p->depth >= DEPTH_MAX)
        return node->call.pipe ? fail(p, "blocks are nested more than %d deep", DEPTH_MAX) : NULL;
    p->depth++;
    bool good = definition_body(p, node->call.name, "block clause");
    p->depth--;
    return good ? node : NULL;
}

static struct node *else_clause(struct parser *p)
{
    struct token t = peek_word(p);
    if (t.kind != TOKEN_IF && t.kind != TOKEN_WITH && !expect(p, TOKEN_RIGHT_DELIM, "else", &t))
        return NULL;
    return node_new(p, NODE_ELSE, t.pos);
}

static struct node *action(struct parser *p)
{
    struct token t = next_word(p);
    switch ((int)t.kind) {
    case TOKEN_BLOCK:
        return block(p);
    case TOKEN_BREAK:
    case TOKEN_CONTINUE:
        return jump(p, t);
    case TOKEN_ELSE:
        return else_clause(p);
    case TOKEN_END:
        return expect(p, TOKEN_RIGHT_DELIM, "end", &t) ? node_new(p, NODE_END, t.pos) : NULL;
    case TOKEN_IF:
        return control(p, NODE_IF, "if");
    case TOKEN_RANGE:
        return control(p, NODE_RANGE, "range");
    case TOKEN_TEMPLATE:
        return template_call(p);
    case TOKEN_WITH:
        return control(p, NODE_WITH, "with");
    }
    backup(p);
    struct node *node = node_new(p, NODE_ACTION, t.pos);
    node->branch.pipe = pipeline(p, "command", TOKEN_RIGHT_DELIM);
    return node->branch.pipe ? node : NULL;
}

static struct node *text_or_action(struct parser *p)
{
    struct token t = next_word(p);
    if (t.kind == TOKEN_TEXT) {
        struct node *node = node_new(p, NODE_TEXT, t.pos);
        node->text.s = t.s;
        node->text.n = t.n;
        return node;
    }
    if (t.kind != TOKEN_LEFT_DELIM)
        return unexpected(p, t, "input");
    p->action_line = t.line;
    struct node *node = action(p);
    p->action_line = 0;
    return node;
}

/* Up to {{end}} or {{else}}, which goes to *end. */
static struct node *item_list(struct parser *p, struct node **end)
{
    struct node *list = node_new(p, NODE_LIST, peek_word(p).pos);
    while (peek_word(p).kind != TOKEN_EOF) {
        struct node *n = text_or_action(p);
        if (!n)
            return NULL;
        if (n->kind == NODE_END || n->kind == NODE_ELSE) {
            *end = n;
            return list;
        }
        append(list, n);
    }
    return fail(p, "unexpected EOF");
}

static bool define(struct parser *p)
{
    static const char context[] = "define clause";
    struct token t = next_word(p);
    struct ident name;
    return template_name(p, t, context, &name) && expect(p, TOKEN_RIGHT_DELIM, context, &t) &&
           definition_body(p, name, context);
}

/* The whole text. */
static struct node *top_level(struct parser *p)
{
    struct node *root = node_new(p, NODE_LIST, peek(p).pos);
    while (peek(p).kind != TOKEN_EOF) {
        if (peek(p).kind == TOKEN_LEFT_DELIM) {
            struct token delim = next(p);
            if (next_word(p).kind == TOKEN_DEFINE) {
                if (!define(p))
                    return NULL;
                continue;
            }
            backup2(p, delim);
        }
        struct node *n = text_or_action(p);
        if (!n)
            return NULL;
        if (n->kind == NODE_END || n->kind == NODE_ELSE)
            return fail(p, "unexpected %s", clause_text(n));
        append(root, n);
    }
    return root;
}

int parse__text(struct template_set *s, const char *name, const char *text, size_t n,
                struct tree **out, struct err *e)
{
    struct source *source = ARENA_NEW(s->arena, struct source);
    *source = (struct source){.name = arena_strdup(s->arena, name), .text = text, .n = n};
    struct parser p = {.set = s, .arena = s->arena, .source = source};
    p.trees = go_map_new(s->arena, 0);
    lexer__init(&p.lexer, s->arena, source);
    struct ident own = ident_of(source->name, strlen(source->name));
    declare(&p, ident_of("$", 1));
    struct node *root = n >= UINT32_MAX ? fail(&p, "a template of %zu bytes", n) : top_level(&p);
    if (!root || !add_tree(&p, own, root)) {
        s->error = p.error;
        return err_set(e, ERR_INVALID, "%s", p.error);
    }
    size_t count = 0;
    const struct go_entry *trees = go_map_sorted(p.trees, &count);
    for (size_t i = 0; i < count; i++) {
        struct ident key = {trees[i].key, trees[i].n, trees[i].hash};
        const struct tree *t = trees[i].value.opaque;
        if (!t->blank || !set__tree(s, &key))
            go_map_set(s->trees, key.s, key.n, trees[i].value);
    }
    if (out)
        *out = go_map_get_hashed(p.trees, own.s, own.n, own.hash)->opaque;
    return 0;
}
