#include "base/own.h"
#include "template/literal_int.h"
#include "template/parse_int.h"

#include "base/banned.h"

enum {
    DEPTH_MAX = 1500, /* nesting of parentheses and controls together */
    NODES_FEWEST = 8, /* taken from the arena at once */
    NODES_MOST = 128,
    FIELDS_MAX = 64,
};

struct parser {
    struct template_set *set;
    struct arena *arena;
    const struct source *source;
    struct lexer lexer;
    struct token token[2]; /* look-ahead; token[0] was read last */
    int peeked;
    struct node *fresh, *fresh_end; /* nodes to be given out */
    struct ident *vars;
    size_t n_vars, cap_vars;
    struct ident fields[FIELDS_MAX]; /* of the term that is being read */
    size_t action;                   /* where the action that is being read begins; 0: none does */
    int ranges, depth;
    struct go_map *trees; /* of this text */
    const char *error;    /* the first one */
};

/* ---- tokens ---- */

static inline struct token next(struct parser *p)
{
    if (p->peeked > 0)
        p->peeked--;
    else
        p->token[0] = lexer__next(&p->lexer);
    return p->token[p->peeked];
}

static inline void backup(struct parser *p)
{
    p->peeked++;
}

/* token[0] is there already. */
static void backup2(struct parser *p, struct token t1)
{
    p->token[1] = t1;
    p->peeked = 2;
}

static inline const struct token *peek(struct parser *p)
{
    if (p->peeked == 0) {
        p->peeked = 1;
        p->token[0] = lexer__next(&p->lexer);
    }
    return &p->token[p->peeked - 1];
}

/* ---- errors: the first one counts, and NULL goes up ---- */

static unsigned line_at(const struct parser *p, size_t pos)
{
    unsigned line = 1;
    for (size_t i = 0; i < pos; i++)
        line += p->source->text[i] == '\n';
    return line;
}

static void *fail_at(struct parser *p, size_t pos, const char *text)
{
    if (!p->error)
        p->error =
            arena_printf(p->arena, "template: %s:%u: %s", p->source->name, line_at(p, pos), text);
    return NULL;
}

static PRINTF(2, 3) void *fail(struct parser *p, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    const char *text = arena_vprintf(p->arena, fmt, ap);
    va_end(ap);
    return fail_at(p, p->token[0].pos, text);
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
    if (p->action && line_at(p, p->action) != line_at(p, t.pos)) {
        size_t n = strlen(t.s);
        bool names_it = n >= 7 && strcmp(t.s + n - 7, " action") == 0;
        started = arena_printf(p->arena, "%s started at %s:%u", names_it ? "" : " in action",
                               p->source->name, line_at(p, p->action));
    }
    return fail(p, "%s%s", t.s, started);
}

static bool expect(struct parser *p, enum token_kind kind, const char *context, struct token *out)
{
    *out = next(p);
    if (out->kind == kind)
        return true;
    (void)unexpected(p, *out, context);
    return false;
}

/* ---- nodes ---- */

/* Texts that are short, as those of tpl, need few. */
static void more_nodes(struct parser *p)
{
    size_t left = (p->source->n - p->lexer.pos) / 16;
    size_t n = left < NODES_FEWEST ? NODES_FEWEST : left > NODES_MOST ? NODES_MOST : left;
    p->fresh = ARENA_ARRAY(p->arena, struct node, n);
    p->fresh_end = p->fresh + n;
}

static inline struct node *node_new(struct parser *p, enum node_kind kind, size_t pos)
{
    if (p->fresh == p->fresh_end)
        more_nodes(p);
    struct node *n = p->fresh++;
    n->kind = (uint8_t)kind;
    n->pos = (uint32_t)pos;
    return n;
}

/* A chain of nodes while it grows. */
struct row {
    struct node *first, *last;
};

static inline void append(struct row *r, struct node *n)
{
    if (r->last)
        r->last->next = n;
    else
        r->first = n;
    r->last = n;
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

static bool is_declared(const struct parser *p, const struct ident *name)
{
    for (size_t i = p->n_vars; i-- > 0;)
        if (same_ident(&p->vars[i], name))
            return true;
    return false;
}

/* Adds the fields that stand right behind to the n that are there; 0: too many. */
static size_t more_fields(struct parser *p, size_t n)
{
    for (const struct token *t; (t = peek(p))->kind == TOKEN_FIELD && !t->spaced; n++) {
        if (n == FIELDS_MAX) {
            (void)fail(p, "more than %d fields in a row", FIELDS_MAX);
            return 0;
        }
        p->fields[n] = ident_of(t->s + 1, t->n - 1);
        (void)next(p);
    }
    return n;
}

static struct node *path_new(struct parser *p, enum node_kind kind, size_t pos,
                             const struct ident *idents, size_t n)
{
    struct node *node = node_new(p, kind, pos);
    node->path.idents = arena_dup(p->arena, idents, n * sizeof *idents);
    node->n = (uint16_t)n;
    return node;
}

/* A field or a variable, with the fields of it. */
static struct node *path(struct parser *p, enum node_kind kind, struct token t)
{
    bool variable = kind == NODE_VARIABLE;
    p->fields[0] = ident_of(t.s + !variable, t.n - !variable);
    if (variable && !is_declared(p, p->fields))
        return fail(p, "undefined variable \"%.*s\"", (int)t.n, t.s);
    const struct token *after = peek(p);
    size_t pos = after->kind == TOKEN_FIELD && !after->spaced ? after->pos : t.pos;
    size_t n = more_fields(p, 1);
    return n ? path_new(p, kind, pos, p->fields, n) : NULL;
}

/* ---- pipelines ---- */

static struct node *pipeline(struct parser *p, const char *context, enum token_kind end);

static struct node *literal(struct parser *p, enum node_kind kind, struct token t,
                            struct go_value constant)
{
    struct literal *l = ARENA_NEW(p->arena, struct literal);
    *l = (struct literal){.s = t.s, .n = t.n, .constant = constant};
    struct node *node = node_new(p, kind, t.pos);
    node->literal = l;
    return node;
}

static struct node *string(struct parser *p, struct token t)
{
    size_t n = 0;
    const char *s = text__unquote(p->arena, t.s, t.n, &n);
    return s ? literal(p, NODE_STRING, t, go_strn(s, n)) : fail(p, "invalid syntax");
}

static struct node *number(struct parser *p, struct token t)
{
    struct number *value = ARENA_NEW(p->arena, struct number);
    const char *why = literal_number(p->arena, t.s, t.n, t.kind, value);
    if (why)
        return fail(p, "%s", why);
    struct literal *l = ARENA_NEW(p->arena, struct literal);
    *l = (struct literal){t.s, t.n, value, literal_constant(t.s, t.n, value)};
    struct node *node = node_new(p, NODE_NUMBER, t.pos);
    node->literal = l;
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
    struct token t = next(p);
    switch ((int)t.kind) {
    case TOKEN_IDENTIFIER:
        *out = function(p, t);
        return true;
    case TOKEN_DOT:
    case TOKEN_NIL:
        *out = node_new(p, t.kind == TOKEN_DOT ? NODE_DOT : NODE_NIL, t.pos);
        return true;
    case TOKEN_VARIABLE:
        *out = path(p, NODE_VARIABLE, t);
        return true;
    case TOKEN_FIELD:
        *out = path(p, NODE_FIELD, t);
        return true;
    case TOKEN_BOOL:
        *out = literal(p, NODE_BOOL, t, go_bool(t.s[0] == 't'));
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

static bool is_constant(const struct node *n)
{
    return n->kind == NODE_BOOL || n->kind == NODE_STRING || n->kind == NODE_NUMBER ||
           n->kind == NODE_NIL || n->kind == NODE_DOT;
}

/* The fields of a term that is neither field nor variable. */
static struct node *chain(struct parser *p, struct node *of)
{
    size_t pos = peek(p)->pos, n = more_fields(p, 0);
    if (n && is_constant(of)) {
        AUTO_BUF struct buf b;
        buf_init(&b, 1 << 20);
        const char *text = node_text(p, of);
        text__quote(&b, text, strlen(text));
        const struct token *last = &p->token[0];
        return fail_at(p, last->spaced ? last->space : last->pos,
                       arena_join(p->arena, "unexpected . after term ", buf_text(&b), NULL));
    }
    struct node *node = n ? path_new(p, NODE_CHAIN, pos, p->fields, n) : NULL;
    if (node)
        node->path.of = of;
    return node;
}

static bool operand(struct parser *p, struct node **out)
{
    if (!term(p, out))
        return false;
    const struct token *t = *out ? peek(p) : NULL;
    if (t && t->kind == TOKEN_FIELD && !t->spaced)
        *out = chain(p, *out);
    return true;
}

/* Words up to a pipe, which is consumed, or what closes the pipeline, which is not. */
static struct node *command(struct parser *p)
{
    struct node *cmd = node_new(p, NODE_COMMAND, peek(p)->pos);
    struct row words = {0};
    for (;;) {
        struct node *word = NULL;
        bool some = operand(p, &word);
        if (some && !word)
            return NULL;
        if (some)
            append(&words, word);
        struct token t = next(p);
        if (t.kind == TOKEN_PIPE)
            break;
        if (t.kind != TOKEN_RIGHT_DELIM && t.kind != TOKEN_RIGHT_PAREN && !(some && t.spaced))
            return unexpected(p, t, "operand");
        backup(p);
        if (t.kind == TOKEN_RIGHT_DELIM || t.kind == TOKEN_RIGHT_PAREN)
            break;
    }
    cmd->list.first = words.first;
    return words.first ? cmd : fail(p, "empty command");
}

static void add_declaration(struct parser *p, struct node *pipe, struct token v)
{
    struct ident name = ident_of(v.s, v.n);
    struct node *node = path_new(p, NODE_VARIABLE, v.pos, &name, 1);
    struct node **end = &pipe->pipe.decls;
    while (*end)
        end = &(*end)->next;
    *end = node;
    pipe->n++;
    declare(p, name);
}

/* "$x :=", "$x =", and in a range "$i, $x :=". False: an error. */
static bool declarations(struct parser *p, struct node *pipe, const char *context)
{
    while (peek(p)->kind == TOKEN_VARIABLE) {
        struct token v = next(p), word = *peek(p);
        if (word.kind == TOKEN_ASSIGN || word.kind == TOKEN_DECLARE) {
            pipe->assigns = word.kind == TOKEN_ASSIGN;
            (void)next(p);
            add_declaration(p, pipe, v);
            return true;
        }
        if (word.kind != TOKEN_CHAR || word.s[0] != ',') {
            backup2(p, v);
            return true;
        }
        (void)next(p);
        add_declaration(p, pipe, v);
        if (strcmp(context, "range") != 0 || pipe->n >= 2) {
            (void)fail(p, "too many declarations in %s", context);
            return false;
        }
        enum token_kind kind = peek(p)->kind;
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
        if (is_constant(c->list.first))
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
    struct node *pipe = node_new(p, NODE_PIPE, peek(p)->pos);
    struct row commands = {0};
    if (!declarations(p, pipe, context))
        return NULL;
    for (;;) {
        struct token t = next(p);
        if (t.kind == end) {
            pipe->pipe.first = commands.first;
            return check_pipeline(p, pipe, context);
        }
        if (!starts_command(t.kind))
            return unexpected(p, t, context);
        backup(p);
        struct node *cmd = command(p);
        if (!cmd)
            return NULL;
        append(&commands, cmd);
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
    enum token_kind follows = peek(p)->kind;
    if ((kind == NODE_IF && follows == TOKEN_IF) || (kind == NODE_WITH && follows == TOKEN_WITH)) {
        (void)next(p);
        struct node *list = node_new(p, NODE_LIST, clause->pos);
        struct node *inner = control(p, kind, context);
        if (!inner)
            return NULL;
        list->list.first = inner;
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
        struct node *rest = otherwise(p, kind, context, end);
        if (!rest)
            return NULL;
        node->branch.list->list.otherwise = rest;
    }
    p->n_vars = mark;
    p->depth--;
    return node;
}

static struct node *jump(struct parser *p, struct token word)
{
    bool breaks = word.kind == TOKEN_BREAK;
    const char *text = breaks ? "{{break}}" : "{{continue}}";
    struct token t = next(p);
    if (t.kind != TOKEN_RIGHT_DELIM)
        return unexpected(p, t, text);
    if (p->ranges == 0)
        return fail(p, "%s outside {{range}}", text);
    return node_new(p, breaks ? NODE_BREAK : NODE_CONTINUE, word.pos);
}

static const struct ident *template_name(struct parser *p, struct token t, const char *context)
{
    if (t.kind != TOKEN_STRING && t.kind != TOKEN_RAW_STRING)
        return unexpected(p, t, context);
    size_t n = 0;
    const char *s = text__unquote(p->arena, t.s, t.n, &n);
    if (!s)
        return fail(p, "invalid syntax");
    struct ident name = ident_of(s, n);
    return arena_dup(p->arena, &name, sizeof name);
}

static struct node *template_call(struct parser *p)
{
    struct token t = next(p);
    struct node *node = node_new(p, NODE_TEMPLATE, t.pos);
    node->call.name = template_name(p, t, "template clause");
    if (!node->call.name)
        return NULL;
    if (next(p).kind == TOKEN_RIGHT_DELIM)
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
    *t = (struct tree){.name = name, .root = root, .source = p->source, .blank = blank};
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
    struct token t = next(p);
    struct node *node = node_new(p, NODE_TEMPLATE, t.pos);
    node->call.name = template_name(p, t, "block clause");
    if (!node->call.name)
        return NULL;
    node->call.pipe = pipeline(p, "block clause", TOKEN_RIGHT_DELIM);
    if (!node->call.pipe || p->depth >= DEPTH_MAX)
        return node->call.pipe ? fail(p, "blocks are nested more than %d deep", DEPTH_MAX) : NULL;
    p->depth++;
    bool good = definition_body(p, *node->call.name, "block clause");
    p->depth--;
    return good ? node : NULL;
}

static struct node *else_clause(struct parser *p)
{
    struct token t = *peek(p);
    if (t.kind != TOKEN_IF && t.kind != TOKEN_WITH && !expect(p, TOKEN_RIGHT_DELIM, "else", &t))
        return NULL;
    return node_new(p, NODE_ELSE, t.pos);
}

static struct node *action(struct parser *p)
{
    struct token t = next(p);
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
    struct token t = next(p);
    if (t.kind == TOKEN_TEXT) {
        struct node *node = node_new(p, NODE_TEXT, t.pos);
        node->text.s = t.s;
        node->text.n = t.n;
        return node;
    }
    if (t.kind != TOKEN_LEFT_DELIM)
        return unexpected(p, t, "input");
    p->action = t.pos + t.n; /* behind its {{ */
    struct node *node = action(p);
    p->action = 0;
    return node;
}

/* Up to {{end}} or {{else}}, which goes to *end. */
static struct node *item_list(struct parser *p, struct node **end)
{
    struct node *list = node_new(p, NODE_LIST, peek(p)->pos);
    struct row nodes = {0};
    while (peek(p)->kind != TOKEN_EOF) {
        struct node *n = text_or_action(p);
        if (!n)
            return NULL;
        if (n->kind == NODE_END || n->kind == NODE_ELSE) {
            *end = n;
            list->list.first = nodes.first;
            return list;
        }
        append(&nodes, n);
    }
    return fail(p, "unexpected EOF");
}

static bool define(struct parser *p)
{
    static const char context[] = "define clause";
    struct token t = next(p);
    const struct ident *name = template_name(p, t, context);
    return name && expect(p, TOKEN_RIGHT_DELIM, context, &t) && definition_body(p, *name, context);
}

/* The whole text. */
static struct node *top_level(struct parser *p)
{
    struct node *root = node_new(p, NODE_LIST, peek(p)->pos);
    struct row nodes = {0};
    while (peek(p)->kind != TOKEN_EOF) {
        if (peek(p)->kind == TOKEN_LEFT_DELIM) {
            struct token delim = next(p);
            if (next(p).kind == TOKEN_DEFINE) {
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
        append(&nodes, n);
    }
    root->list.first = nodes.first;
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
