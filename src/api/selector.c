#include "api/selector.h"

#include <string.h>

#include "api/errors.h"
#include "api/names_int.h"
#include "base/buf.h"

enum token {
    T_END,
    T_OPEN,
    T_CLOSE,
    T_COMMA,
    T_NOT,
    T_EQ,
    T_EQ2,
    T_NE,
    T_IN,
    T_NOTIN,
    T_GT,
    T_LT,
    T_ID,
};

struct lexer {
    const char *p;
    struct arena *a;
    enum token tok; /* the next one */
    const char *lit;
};

static const struct {
    const char *text;
    enum token tok;
} SYMBOLS[] = {
    {"==", T_EQ2  },
    {"!=", T_NE   },
    {"=",  T_EQ   },
    {"!",  T_NOT  },
    {"(",  T_OPEN },
    {")",  T_CLOSE},
    {",",  T_COMMA},
    {">",  T_GT   },
    {"<",  T_LT   },
};

static void advance(struct lexer *x)
{
    x->p += strspn(x->p, " \t\r\n");
    if (!*x->p) {
        x->tok = T_END;
        x->lit = "";
        return;
    }
    for (size_t i = 0; i < ARRAY_LEN(SYMBOLS); i++) {
        size_t n = strlen(SYMBOLS[i].text);
        if (strncmp(x->p, SYMBOLS[i].text, n) == 0) {
            x->tok = SYMBOLS[i].tok;
            x->lit = SYMBOLS[i].text;
            x->p += n;
            return;
        }
    }
    size_t n = strcspn(x->p, " \t\r\n=!(),<>");
    x->lit = arena_strndup(x->a, x->p, n);
    x->tok = strcmp(x->lit, "in") == 0 ? T_IN : strcmp(x->lit, "notin") == 0 ? T_NOTIN : T_ID;
    x->p += n;
}

/* Where a name or value is expected, "in" and "notin" are just text. */
static enum token peek_value(const struct lexer *x)
{
    return x->tok == T_IN || x->tok == T_NOTIN ? T_ID : x->tok;
}

static enum token take_value(struct lexer *x, const char **lit)
{
    enum token t = peek_value(x);
    *lit = x->lit;
    advance(x);
    return t;
}

struct strings {
    const char **items;
    size_t n;
};

/* A sorted set. */
static void insert(struct arena *a, struct strings *s, const char *text)
{
    size_t at = 0;
    while (at < s->n && strcmp(s->items[at], text) < 0)
        at++;
    if (at < s->n && strcmp(s->items[at], text) == 0)
        return;
    s->items = arena_grow(a, s->items, s->n * sizeof *s->items, (s->n + 1) * sizeof *s->items);
    memmove(s->items + at + 1, s->items + at, (s->n - at) * sizeof *s->items);
    s->items[at] = text;
    s->n++;
}

static int found(struct err *e, const char *lit, const char *expected)
{
    return err_set(e, ERR_INVALID, "found '%s', expected: %s", lit, expected);
}

static int parse_list(struct lexer *x, struct strings *out, struct err *e)
{
    const char *lit;
    for (;;) {
        switch ((int)take_value(x, &lit)) {
        case T_ID:
            insert(x->a, out, lit);
            if (peek_value(x) == T_CLOSE)
                return 0;
            if (peek_value(x) != T_COMMA)
                return found(e, x->lit, "',' or ')'");
            break;
        case T_COMMA:
            if (out->n == 0)
                insert(x->a, out, "");
            if (peek_value(x) == T_CLOSE) {
                insert(x->a, out, "");
                return 0;
            }
            if (peek_value(x) == T_COMMA) {
                advance(x);
                insert(x->a, out, "");
            }
            break;
        default:
            return found(e, lit, "',', or identifier");
        }
    }
}

static int parse_values(struct lexer *x, struct strings *out, struct err *e)
{
    const char *lit;
    if (take_value(x, &lit) != T_OPEN)
        return err_set(e, ERR_INVALID, "found '%s' expected: '('", lit);
    switch ((int)peek_value(x)) {
    case T_ID:
    case T_COMMA: {
        int r = parse_list(x, out, e);
        if (r < 0)
            return r;
        if (take_value(x, &lit) != T_CLOSE)
            return found(e, lit, "')'");
        return 0;
    }
    case T_CLOSE:
        advance(x);
        insert(x->a, out, "");
        return 0;
    default:
        return found(e, x->lit, "',', ')' or identifier");
    }
}

static int parse_exact(struct lexer *x, struct strings *out, struct err *e)
{
    const char *lit = "";
    enum token t = peek_value(x);
    if (t != T_END && t != T_COMMA && take_value(x, &lit) != T_ID)
        return found(e, lit, "identifier");
    insert(x->a, out, lit);
    return 0;
}

static int refuse(struct field_errors *l, struct err *e)
{
    return l->n ? err_set(e, ERR_INVALID, "%s", field_errors_text(l, l->arena)) : 0;
}

static int check_key(const char *key, struct arena *a, struct err *e)
{
    struct field_errors l;
    field_errors_init(&l, a);
    struct name_errors n = name__qualified(key, a);
    for (size_t i = 0; i < n.n; i++)
        field_errors_add_str(&l, FIELD_INVALID, "<nil>", key, n.text[i]);
    return refuse(&l, e);
}

static bool is_int(const char *s)
{
    char *end;
    if (!*s)
        return false;
    (void)strtoll(s, &end, 10);
    return !*end && *s != ' ';
}

static int check_values(const struct selector_req *r, struct arena *a, struct err *e)
{
    struct field_errors l;
    field_errors_init(&l, a);
    for (size_t i = 0; i < r->n; i++) {
        const char *v = r->values[i];
        if ((r->op == SELECTOR_GT || r->op == SELECTOR_LT) && !is_int(v))
            field_errors_add_str(&l, FIELD_INVALID, arena_printf(a, "values[%zu]", i), v,
                                 "for 'Gt', 'Lt' operators, the value must be an integer");
        struct name_errors n = name__label_value(v, a);
        for (size_t j = 0; j < n.n; j++)
            field_errors_add_str(&l, FIELD_INVALID, arena_printf(a, "values[%zu][%s]", i, r->key),
                                 v, n.text[j]);
    }
    return refuse(&l, e);
}

static int parse_operator(struct lexer *x, enum selector_op *out, struct err *e)
{
    static const enum selector_op ops[] = {
        [T_EQ] = SELECTOR_EQ, [T_EQ2] = SELECTOR_EQ,       [T_NE] = SELECTOR_NE,
        [T_IN] = SELECTOR_IN, [T_NOTIN] = SELECTOR_NOT_IN, [T_GT] = SELECTOR_GT,
        [T_LT] = SELECTOR_LT,
    };
    if (x->tok < T_EQ || x->tok > T_LT)
        return found(e, x->lit, "in, notin, =, ==, !=, gt, lt");
    *out = ops[x->tok];
    advance(x);
    return 0;
}

static int parse_requirement(struct lexer *x, struct selector_req *out, struct err *e)
{
    const char *lit;
    enum token t = take_value(x, &lit);
    bool absent = t == T_NOT;
    if (absent)
        t = take_value(x, &lit);
    if (t != T_ID)
        return found(e, lit, "identifier");
    int r = check_key(lit, x->a, e);
    if (r < 0)
        return r;
    *out = (struct selector_req){.key = lit, .op = SELECTOR_NOT_EXISTS};
    if (absent)
        return 0;
    out->op = SELECTOR_EXISTS;
    if (peek_value(x) == T_END || peek_value(x) == T_COMMA)
        return 0;
    struct strings values = {0};
    if ((r = parse_operator(x, &out->op, e)) < 0)
        return r;
    bool list = out->op == SELECTOR_IN || out->op == SELECTOR_NOT_IN;
    r = list ? parse_values(x, &values, e) : parse_exact(x, &values, e);
    if (r < 0)
        return r;
    out->values = values.items;
    out->n = values.n;
    return check_values(out, x->a, e);
}

struct builder {
    struct arena *a;
    struct selector_req *reqs;
    size_t n;
};

static void keep(struct builder *b, struct selector_req r)
{
    b->reqs = arena_grow(b->a, b->reqs, b->n * sizeof r, (b->n + 1) * sizeof r);
    size_t at = b->n++;
    for (; at > 0 && strcmp(b->reqs[at - 1].key, r.key) > 0; at--)
        b->reqs[at] = b->reqs[at - 1];
    b->reqs[at] = r;
}

int selector_parse(const char *text, struct arena *a, struct selector *out, struct err *e)
{
    struct lexer x = {.p = text, .a = a};
    struct builder b = {.a = a};
    advance(&x);
    while (peek_value(&x) != T_END) {
        struct selector_req r;
        const char *lit;
        if (peek_value(&x) != T_ID && peek_value(&x) != T_NOT)
            return found(e, x.lit, "!, identifier, or 'end of string'");
        int rc = parse_requirement(&x, &r, e);
        if (rc < 0)
            return err_wrap(e, rc, "unable to parse requirement");
        keep(&b, r);
        enum token t = take_value(&x, &lit);
        if (t == T_END)
            break;
        if (t != T_COMMA)
            return found(e, lit, "',' or 'end of string'");
        if (peek_value(&x) != T_ID && peek_value(&x) != T_NOT)
            return found(e, x.lit, "identifier after ','");
    }
    *out = (struct selector){.reqs = b.reqs, .n = b.n};
    return 0;
}

static const char **one(struct arena *a, const char *text)
{
    const char **p = ARENA_NEW(a, const char *);
    *p = text;
    return p;
}

struct selector selector_from_map(const struct value *labels, struct arena *a)
{
    struct builder b = {.a = a};
    VALUE_EACH_MEMBER (m, labels)
        keep(&b, (struct selector_req){m->key, SELECTOR_EQ, one(a, value_str(&m->value, "")), 1});
    return (struct selector){.reqs = b.reqs, .n = b.n};
}

static int add_expression(struct builder *b, const struct value *x, struct err *e)
{
    static const struct {
        const char *text;
        enum selector_op op;
    } ops[] = {
        {"In",           SELECTOR_IN        },
        {"NotIn",        SELECTOR_NOT_IN    },
        {"Exists",       SELECTOR_EXISTS    },
        {"DoesNotExist", SELECTOR_NOT_EXISTS},
    };
    const char *text = value_str(value_get(x, "operator"), "");
    struct strings values = {0};
    VALUE_EACH_ITEM (v, value_get(x, "values"))
        insert(b->a, &values, value_str(v, ""));
    for (size_t i = 0; i < ARRAY_LEN(ops); i++) {
        if (strcmp(text, ops[i].text) != 0)
            continue;
        keep(b, (struct selector_req){value_str(value_get(x, "key"), ""), ops[i].op, values.items,
                                      values.n});
        return 0;
    }
    return err_set(e, ERR_INVALID, "\"%s\" is not a valid label selector operator", text);
}

int selector_from_value(const struct value *v, struct arena *a, struct selector *out, struct err *e)
{
    if (!value_is(v, VALUE_OBJECT)) {
        *out = (struct selector){.nothing = true};
        return 0;
    }
    struct selector map = selector_from_map(value_get(v, "matchLabels"), a);
    struct builder b = {.a = a};
    for (size_t i = 0; i < map.n; i++)
        keep(&b, map.reqs[i]);
    VALUE_EACH_ITEM (x, value_get(v, "matchExpressions")) {
        int r = add_expression(&b, x, e);
        if (r < 0)
            return r;
    }
    *out = (struct selector){.reqs = b.reqs, .n = b.n};
    return 0;
}

static bool among(const struct selector_req *r, const char *text)
{
    for (size_t i = 0; i < r->n; i++)
        if (strcmp(r->values[i], text) == 0)
            return true;
    return false;
}

static bool req_matches(const struct selector_req *r, const char *is)
{
    switch (r->op) {
    case SELECTOR_IN:
    case SELECTOR_EQ:
        return is && among(r, is);
    case SELECTOR_NOT_IN:
    case SELECTOR_NE:
        return !is || !among(r, is);
    case SELECTOR_EXISTS:
        return is;
    case SELECTOR_NOT_EXISTS:
        return !is;
    case SELECTOR_GT:
    case SELECTOR_LT:
        break;
    }
    if (!is || !is_int(is) || !r->n)
        return false;
    long long have = strtoll(is, NULL, 10), want = strtoll(r->values[0], NULL, 10);
    return r->op == SELECTOR_GT ? have > want : have < want;
}

bool selector_matches(const struct selector *s, const struct value *labels)
{
    if (s->nothing)
        return false;
    for (size_t i = 0; i < s->n; i++)
        if (!req_matches(&s->reqs[i], value_str(value_get(labels, s->reqs[i].key), NULL)))
            return false;
    return true;
}

static void print_req(struct buf *b, const struct selector_req *r)
{
    static const char *const ops[] = {
        [SELECTOR_IN] = " in ", [SELECTOR_NOT_IN] = " notin ", [SELECTOR_EQ] = "=",
        [SELECTOR_NE] = "!=",   [SELECTOR_EXISTS] = "",        [SELECTOR_NOT_EXISTS] = "",
        [SELECTOR_GT] = ">",    [SELECTOR_LT] = "<",
    };
    bool list = r->op == SELECTOR_IN || r->op == SELECTOR_NOT_IN;
    buf_printf(b, "%s%s%s%s", r->op == SELECTOR_NOT_EXISTS ? "!" : "", r->key, ops[r->op],
               list ? "(" : "");
    for (size_t i = 0; i < r->n; i++)
        buf_printf(b, "%s%s", i ? "," : "", r->values[i]);
    if (list)
        buf_putc(b, ')');
}

const char *selector_text(const struct selector *s, struct arena *a)
{
    struct buf b;
    buf_init(&b, 1 << 20);
    for (size_t i = 0; i < s->n; i++) {
        if (i)
            buf_putc(&b, ',');
        print_req(&b, &s->reqs[i]);
    }
    const char *out = arena_strdup(a, buf_text(&b));
    buf_done(&b);
    return out;
}
