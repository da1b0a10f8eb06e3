/* jsonpath_parse.c - text to a compiled template. */
#include "base/own.h"
#include "codec/jsonpath_int.h"

enum { DEPTH_MAX = 32, TEXT_MAX = 64 * 1024 };

struct parser {
    struct arena *arena;
    const char *at, *end;
    unsigned depth;
    struct err *e;
};

static int parse_list(struct parser *p, struct list *out);

static int fail(const struct parser *p, const char *what)
{
    return err_set(p->e, ERR_INVALID, "%s near \"%.*s\"", what,
                   (int)(p->end - p->at < 40 ? p->end - p->at : 40), p->at);
}

static struct node *list_add(struct arena *a, struct list *l, enum node_kind kind)
{
    if ((l->n & (l->n - 1)) == 0) {
        size_t cap = l->n ? l->n * 2 : 1;
        l->nodes = arena_grow(a, l->nodes, l->n * sizeof *l->nodes, cap * sizeof *l->nodes);
    }
    struct node *node = &l->nodes[l->n++];
    *node = (struct node){.kind = kind};
    return node;
}

static void set_literal(struct node *node, const char *text, size_t n)
{
    node->text = text;
    node->text_len = n;
    node->literal = (struct value){.kind = VALUE_STRING, .n = (uint32_t)n, .text = text};
}

/* A list of its own for text that stands in brackets or a filter. */
static int parse_inner(struct parser *p, const char *text, size_t n, struct list *out)
{
    struct parser inner = {p->arena, text, text + n, p->depth + 1, p->e};
    if (inner.depth > DEPTH_MAX)
        return fail(p, "expressions nest too deeply");
    return parse_list(&inner, out);
}

/* ---- steps ---- */

static bool is_name_end(char c)
{
    return strchr(" .,[]$@{}=!<>()\t\r\n", c) != NULL;
}

static int parse_field(struct parser *p, struct list *out)
{
    char *name = arena_alloc(p->arena, (size_t)(p->end - p->at) + 1), *to = name;
    while (p->at < p->end && !is_name_end(*p->at)) {
        if (*p->at == '\\' && p->at + 1 < p->end)
            p->at++;
        *to++ = *p->at++;
    }
    if (to == name)
        return 0; /* "$." and ".[0]" name nothing */
    bool wild = to - name == 1 && *name == '*';
    struct node *node = list_add(p->arena, out, wild ? NODE_WILDCARD : NODE_FIELD);
    node->text = name;
    node->text_len = (size_t)(to - name);
    return 0;
}

static int parse_quoted(struct parser *p, struct list *out)
{
    char quote = *p->at++;
    char *text = arena_alloc(p->arena, (size_t)(p->end - p->at) + 1), *to = text;
    for (; p->at < p->end && *p->at != quote; p->at++) {
        if (*p->at != '\\' || p->at + 1 == p->end) {
            *to++ = *p->at;
            continue;
        }
        static const char from[] = "nrtabfv0", means[] = "\n\r\t\a\b\f\v\0";
        const char *hit = strchr(from, *++p->at);
        *to++ = hit && *hit ? means[hit - from] : *p->at;
    }
    if (p->at == p->end)
        return fail(p, "unterminated quoted string");
    p->at++;
    set_literal(list_add(p->arena, out, NODE_TEXT), text, (size_t)(to - text));
    return 0;
}

static int parse_number(struct parser *p, struct list *out)
{
    size_t n = 0;
    while (p->at + n < p->end && strchr("+-.0123456789eE", p->at[n]))
        n++;
    char *text = arena_strndup(p->arena, p->at, n), *stop = NULL;
    const char *digits = text + (*text == '+');
    struct value *v = &list_add(p->arena, out, NODE_NUMBER)->literal;
    *v = (struct value){.kind = VALUE_INT, .n = (uint32_t)strlen(digits), .text = digits};
    if (!value_int_from_text(digits, &v->i)) {
        v->kind = VALUE_FLOAT;
        v->d = strtod(digits, &stop);
        if (*stop)
            return fail(p, "cannot parse a number");
    }
    p->at += n;
    return 0;
}

/* The first c outside quotes and inner brackets, NULL without one. */
static const char *find_outside(const char *s, const char *end, char c)
{
    char quote = '\0';
    int depth = 0;
    for (; s < end; s++) {
        if (*s == '\\')
            s++;
        else if (quote)
            quote = *s == quote ? '\0' : quote;
        else if (*s == '"' || *s == '\'')
            quote = *s;
        else if (*s == c && depth == 0)
            return s;
        else if (*s == '[' || *s == '(')
            depth++;
        else if (*s == ']' || *s == ')')
            depth--;
    }
    return NULL;
}

/* The ] that ends what began at s. */
static const char *closing(const char *s, const char *end)
{
    return find_outside(s, end, ']');
}

static bool parse_bound(const char **s, const char *end, struct bound *out)
{
    char *stop = NULL;
    const char *p = *s;
    if (p < end && (*p == '-' || (*p >= '0' && *p <= '9'))) {
        out->value = strtoll(p, &stop, 10);
        out->known = true;
        if (stop == p || stop > end)
            return false;
        p = stop;
    }
    *s = p;
    return true;
}

static int parse_slice(struct parser *p, const char *s, const char *end, struct list *out)
{
    struct node *node = list_add(p->arena, out, NODE_SLICE);
    struct bound *bounds[] = {&node->start, &node->end, &node->step};
    size_t i = 0;
    for (;; s++, i++) {
        if (i == ARRAY_LEN(bounds) || !parse_bound(&s, end, bounds[i]))
            return fail(p, "invalid array index");
        if (s == end)
            break;
        if (*s != ':')
            return fail(p, "invalid array index");
    }
    node->single = i == 0;
    return node->single && !node->start.known ? fail(p, "invalid array index") : 0;
}

/* The comma that divides the parts of a union, or the end. */
static const char *next_part(const char *s, const char *end)
{
    const char *comma = find_outside(s, end, ',');
    return comma ? comma : end;
}

static int parse_bracket_part(struct parser *p, const char *s, const char *end, struct list *out)
{
    while (s < end && *s == ' ')
        s++;
    while (end > s && end[-1] == ' ')
        end--;
    if (end - s == 1 && *s == '*') {
        (void)list_add(p->arena, out, NODE_WILDCARD);
        return 0;
    }
    if (end - s >= 2 && (*s == '\'' || *s == '"') && end[-1] == *s) {
        struct node *node = list_add(p->arena, out, NODE_FIELD);
        node->text_len = (size_t)(end - s - 2);
        node->text = arena_strndup(p->arena, s + 1, node->text_len);
        return 0;
    }
    if (s < end && strchr(".@$", *s))
        return parse_inner(p, s, (size_t)(end - s), out);
    return parse_slice(p, s, end, out);
}

static int parse_bracket(struct parser *p, struct list *out)
{
    const char *s = p->at + 1, *end = closing(s, p->end);
    if (!end)
        return fail(p, "unterminated array");
    if (next_part(s, end) == end) {
        int rc = parse_bracket_part(p, s, end, out);
        p->at = end + 1;
        return rc;
    }
    size_t n = 1;
    for (const char *c = next_part(s, end); c < end; c = next_part(c + 1, end))
        n++;
    struct list *lists = ARENA_ARRAY(p->arena, struct list, n);
    for (size_t i = 0; i < n; i++) {
        const char *stop = next_part(s, end);
        int rc = parse_bracket_part(p, s, stop, &lists[i]);
        if (rc)
            return rc;
        s = stop + 1;
    }
    struct node *node = list_add(p->arena, out, NODE_UNION);
    node->lists = lists;
    node->n_lists = n;
    p->at = end + 1;
    return 0;
}

/* ---- filters ---- */

static const char *find_op(const char *s, const char *end, enum filter_op *op, size_t *len)
{
    static const struct {
        const char *text;
        enum filter_op op;
    } ops[] = {
        {"==", FILTER_EQ},
        {"!=", FILTER_NE},
        {"<=", FILTER_LE},
        {">=", FILTER_GE},
        {"<",  FILTER_LT},
        {">",  FILTER_GT}
    };
    char quote = '\0';
    for (; s < end; s++) {
        if (quote || *s == '"' || *s == '\'') {
            quote = !quote ? *s : *s == quote ? '\0' : quote;
            continue;
        }
        for (size_t i = 0; i < ARRAY_LEN(ops); i++) {
            *len = strlen(ops[i].text);
            if (strncmp(s, ops[i].text, *len) == 0) {
                *op = ops[i].op;
                return s;
            }
        }
    }
    *op = FILTER_EXISTS;
    *len = 0;
    return end;
}

static int parse_filter(struct parser *p, struct list *out)
{
    const char *bracket = closing(p->at + 1, p->end), *s = p->at + 3, *end = bracket;
    while (end && end > s && end[-1] == ' ')
        end--;
    if (!end || end <= s || end[-1] != ')')
        return fail(p, "unterminated filter");
    end--;
    enum filter_op op;
    size_t len;
    const char *mark = find_op(s, end, &op, &len);
    struct list *sides = ARENA_ARRAY(p->arena, struct list, 2);
    int rc = parse_inner(p, s, (size_t)(mark - s), &sides[0]);
    if (!rc && op != FILTER_EXISTS)
        rc = parse_inner(p, mark + len, (size_t)(end - mark) - len, &sides[1]);
    if (rc)
        return rc;
    if (sides[0].n == 0 || (op != FILTER_EXISTS && sides[1].n == 0))
        return fail(p, "a side of the filter is missing");
    struct node *node = list_add(p->arena, out, NODE_FILTER);
    node->op = op;
    node->lists = sides;
    node->n_lists = 2;
    p->at = bracket + 1;
    return 0;
}

/* ---- expressions ---- */

static int parse_word(struct parser *p, struct list *out)
{
    size_t n = 0;
    while (p->at + n < p->end && !is_name_end(p->at[n]))
        n++;
    bool yes = n == 4 && memcmp(p->at, "true", 4) == 0;
    if (!yes && !(n == 5 && memcmp(p->at, "false", 5) == 0))
        return fail(p, "unrecognized identifier");
    list_add(p->arena, out, NODE_BOOL)->literal =
        (struct value){.kind = VALUE_BOOL, .boolean = yes};
    p->at += n;
    return 0;
}

static bool starts(const struct parser *p, const char *s)
{
    size_t n = strlen(s);
    return (size_t)(p->end - p->at) >= n && memcmp(p->at, s, n) == 0;
}

static int parse_step(struct parser *p, struct list *out)
{
    if (starts(p, "[?("))
        return parse_filter(p, out);
    if (starts(p, "..")) {
        p->at += 2;
        (void)list_add(p->arena, out, NODE_RECURSIVE);
        if (p->at < p->end && (*p->at == '.' || *p->at == '}'))
            return fail(p, "unexpected recursive descent");
        return p->at < p->end && *p->at != '[' ? parse_field(p, out) : 0;
    }
    char c = *p->at;
    if (c == '[')
        return parse_bracket(p, out);
    if (c == '"' || c == '\'')
        return parse_quoted(p, out);
    if (c == '.') {
        p->at++;
        return parse_field(p, out);
    }
    if (c == ' ' || c == '@' || c == '$') {
        p->at++;
        return 0;
    }
    if (strchr("+-0123456789", c))
        return parse_number(p, out);
    if ((c | 0x20) >= 'a' && (c | 0x20) <= 'z')
        return parse_word(p, out);
    return fail(p, "unrecognized character in action");
}

static int parse_list(struct parser *p, struct list *out)
{
    int rc = 0;
    while (!rc && p->at < p->end)
        rc = parse_step(p, out);
    return rc;
}

/* The } of an action; quotes hide one. */
static const char *action_end(const char *s, const char *end)
{
    char quote = '\0';
    for (; s < end; s++) {
        if (*s == '\\')
            s++;
        else if (quote)
            quote = *s == quote ? '\0' : quote;
        else if (*s == '"' || *s == '\'')
            quote = *s;
        else if (*s == '}')
            return s;
    }
    return NULL;
}

static bool is_word(const char *s, const char *end, const char *word)
{
    size_t n = strlen(word);
    return (size_t)(end - s) >= n && memcmp(s, word, n) == 0 && (s + n == end || is_name_end(s[n]));
}

static int parse_actions(struct parser *p, struct list *out, bool in_range);

static int parse_range(struct parser *p, const char *s, const char *end, struct list *out)
{
    struct list *over = ARENA_NEW(p->arena, struct list);
    struct list body = {0};
    if (++p->depth > DEPTH_MAX)
        return fail(p, "expressions nest too deeply");
    int rc = parse_inner(p, s, (size_t)(end - s), over);
    if (!rc)
        rc = parse_actions(p, &body, true);
    p->depth--;
    if (rc)
        return rc;
    struct node *node = list_add(p->arena, out, NODE_RANGE);
    node->lists = over;
    node->n_lists = 1;
    node->body = body;
    return 0;
}

static void add_text(struct parser *p, struct list *out, const char *end)
{
    size_t n = (size_t)(end - p->at);
    if (n)
        set_literal(list_add(p->arena, out, NODE_TEXT), arena_strndup(p->arena, p->at, n), n);
    p->at = end;
}

/* Text and {actions}, up to the end or, in a range, up to {end}. */
static int parse_actions(struct parser *p, struct list *out, bool in_range)
{
    while (p->at < p->end) {
        const char *open = memchr(p->at, '{', (size_t)(p->end - p->at));
        add_text(p, out, open ? open : p->end);
        if (!open)
            break;
        const char *s = open + 1, *end = action_end(s, p->end);
        if (!end)
            return fail(p, "unclosed action");
        p->at = end + 1;
        while (s < end && *s == ' ')
            s++;
        if (is_word(s, end, "end")) {
            p->at = in_range ? p->at : open;
            return in_range ? 0 : fail(p, "not in range, nothing to end");
        }
        int rc;
        if (is_word(s, end, "range")) {
            rc = parse_range(p, s + 5, end, out);
        } else {
            struct list *one = ARENA_NEW(p->arena, struct list);
            rc = parse_inner(p, s, (size_t)(end - s), one);
            struct node *node = list_add(p->arena, out, NODE_UNION);
            node->lists = one;
            node->n_lists = 1;
        }
        if (rc)
            return rc;
    }
    return in_range ? fail(p, "unclosed range") : 0;
}

int jsonpath_compile(struct arena *a, const char *text, struct jsonpath **out, struct err *e)
{
    size_t n = strlen(text);
    if (n > TEXT_MAX)
        return err_set(e, ERR_TOO_LARGE, "a JSONPath of %zu bytes is too long", n);
    struct jsonpath *path = ARENA_NEW(a, struct jsonpath);
    struct parser p = {.arena = a, .at = text, .end = text + n, .e = e};
    int rc = parse_actions(&p, &path->actions, false);
    if (rc)
        return err_wrap(e, rc, "JSONPath %.100s", text);
    *out = path;
    return 0;
}

int jsonpath_compile_relaxed(struct arena *a, const char *text, struct jsonpath **out,
                             struct err *e)
{
    size_t n = strlen(text);
    bool braces = n >= 2 && *text == '{' && text[n - 1] == '}';
    const char *s = braces ? text + 1 : text;
    n -= braces ? 2 : 0;
    if (n > 0 && *s == '.') {
        s++;
        n--;
    }
    if (n == 0 || memchr(s, '{', n) || memchr(s, '}', n))
        return err_set(e, ERR_INVALID,
                       "unexpected path string, expected a 'name1.name2' or '.name1.name2' or "
                       "'{name1.name2}' or '{.name1.name2}', not \"%.100s\"",
                       text);
    return jsonpath_compile(
        a, arena_printf(a, *s == '[' || *s == '$' ? "{%.*s}" : "{.%.*s}", (int)n, s), out, e);
}
