/* What can be said of a rule before it runs: its syntax, names that nothing declares, fields that
 * the schema lacks, comparisons and results of a wrong type. By its tokens, not its tree: what is
 * not plainly wrong is left for the run. */
#include <ctype.h>
#include <string.h>

#include "api/crd_int.h"
#include "api/tree_int.h"
#include "codec/cel.h"

enum { TOKENS_MAX = 4096 };

enum token_kind { TOKEN_NAME, TOKEN_INT, TOKEN_DOUBLE, TOKEN_STRING, TOKEN_OTHER };

struct token {
    enum token_kind kind;
    const char *at;
    size_t n;
};

struct rule {
    const struct value *node;
    const char *text;
    struct token *tokens;
    size_t n;
    struct arena *a;
};

static bool token_is(const struct rule *r, size_t i, const char *text)
{
    return i < r->n && strlen(text) == r->tokens[i].n &&
           strncmp(r->tokens[i].at, text, r->tokens[i].n) == 0;
}

static size_t string_length(const char *p)
{
    size_t n = 1;
    while (p[n] && p[n] != p[0])
        n += p[n] == '\\' && p[n + 1] ? 2 : 1;
    return p[n] ? n + 1 : n;
}

static struct token next_token(const char *p)
{
    static const char *const pairs[] = {"==", "!=", "<=", ">=", "&&", "||"};
    size_t n = 0;
    if (isalpha((unsigned char)*p) || *p == '_') {
        while (isalnum((unsigned char)p[n]) || p[n] == '_')
            n++;
        return (struct token){TOKEN_NAME, p, n};
    }
    if (isdigit((unsigned char)*p)) {
        bool fraction = false, hex = p[1] == 'x' || p[1] == 'X';
        for (; isalnum((unsigned char)p[n]) || (p[n] == '.' && isdigit((unsigned char)p[n + 1]));
             n++)
            fraction |= p[n] == '.' || (!hex && (p[n] == 'e' || p[n] == 'E'));
        return (struct token){fraction ? TOKEN_DOUBLE : TOKEN_INT, p, n};
    }
    if (*p == '\'' || *p == '"' || *p == '`')
        return (struct token){*p == '`' ? TOKEN_OTHER : TOKEN_STRING, p, string_length(p)};
    for (size_t i = 0; i < ARRAY_LEN(pairs); i++)
        if (strncmp(p, pairs[i], 2) == 0)
            return (struct token){TOKEN_OTHER, p, 2};
    return (struct token){TOKEN_OTHER, p, 1};
}

static void tokenize(struct rule *r)
{
    const char *p = r->text;
    r->tokens = ARENA_ARRAY(r->a, struct token, TOKENS_MAX);
    while (*p && r->n < TOKENS_MAX) {
        if (isspace((unsigned char)*p)) {
            p++;
            continue;
        }
        if (p[0] == '/' && p[1] == '/') {
            p += strcspn(p, "\n");
            continue;
        }
        r->tokens[r->n] = next_token(p);
        p += r->tokens[r->n++].n;
    }
}

/* As cel-go shows it: the line, and where in it. */
static const char *shown(const struct rule *r, size_t at, const char *what)
{
    size_t line = 1, start = 0, end;
    for (size_t i = 0; i < at && r->text[i]; i++)
        if (r->text[i] == '\n') {
            line++;
            start = i + 1;
        }
    end = start + strcspn(r->text + start, "\n");
    char *dots = arena_alloc(r->a, at - start + 1);
    memset(dots, '.', at - start);
    return arena_printf(r->a, "ERROR: <input>:%zu:%zu: %s\n | %.*s\n | %s^", line, at - start + 1,
                        what, (int)(end - start), r->text + start, dots);
}

/* ---- names ---- */

static bool is_macro(const struct rule *r, size_t i)
{
    static const char *const macros[] = {
        "all",    "exists",     "exists_one",    "existsOne",    "map",
        "filter", "sortBy",     "transformList", "transformMap", "transformMapEntry",
        "optMap", "optFlatMap", "bind"};
    for (size_t m = 0; m < ARRAY_LEN(macros); m++)
        if (token_is(r, i, macros[m]))
            return true;
    return false;
}

static bool same_name(const struct rule *r, size_t i, size_t j)
{
    return r->tokens[i].n == r->tokens[j].n &&
           strncmp(r->tokens[i].at, r->tokens[j].at, r->tokens[i].n) == 0;
}

/* Is the name bound by some macro: x in `.all(x, …)` or `.transformList(i, x, …)`? */
static bool is_bound(const struct rule *r, size_t name)
{
    for (size_t i = 0; i + 2 < r->n; i++) {
        if (!is_macro(r, i) || !token_is(r, i + 1, "("))
            continue;
        if (same_name(r, i + 2, name) || (i + 4 < r->n && same_name(r, i + 4, name)))
            return true;
    }
    return false;
}

static bool is_declared(const struct rule *r, size_t i)
{
    static const char *const known[] = {
        "self",      "oldSelf", "true",    "false", "null",  "in",  "int",       "uint",
        "double",    "bool",    "string",  "bytes", "list",  "map", "type",      "null_type",
        "optional",  "math",    "strings", "sets",  "lists", "cel", "base64",    "duration",
        "timestamp", "google",  "format",  "ip",    "cidr",  "net", "kubernetes"};
    for (size_t k = 0; k < ARRAY_LEN(known); k++)
        if (token_is(r, i, known[k]))
            return true;
    return is_bound(r, i);
}

/* Is it a field: a.name, a.?name? */
static bool is_selected(const struct rule *r, size_t i)
{
    return (i && token_is(r, i - 1, ".")) ||
           (i > 1 && token_is(r, i - 1, "?") && token_is(r, i - 2, "."));
}

static const char *undeclared(const struct rule *r)
{
    for (size_t i = 0; i < r->n; i++) {
        bool prefix = i + 1 < r->n && r->tokens[i + 1].kind == TOKEN_STRING &&
                      r->tokens[i].n <= 2; /* r'…', b'…' */
        if (r->tokens[i].kind != TOKEN_NAME || is_selected(r, i) || token_is(r, i + 1, "(") ||
            token_is(r, i + 1, "{") || prefix || is_declared(r, i))
            continue;
        return shown(r, (size_t)(r->tokens[i].at - r->text),
                     arena_printf(r->a, "undeclared reference to '%.*s' (in container '')",
                                  (int)r->tokens[i].n, r->tokens[i].at));
    }
    return NULL;
}

/* ---- self.a.b ---- */

/* A property by the name that rules use for it. */
static const struct value *property(const struct value *node, const char *name, size_t n)
{
    const struct value *more = value_get(node, "additionalProperties");
    VALUE_EACH_MEMBER (m, value_get(node, "properties"))
        if (strlen(m->key) == n && strncmp(m->key, name, n) == 0)
            return &m->value;
    return value_is(more, VALUE_OBJECT) ? more : NULL;
}

static bool is_closed(const struct value *node)
{
    return value_count(value_get(node, "properties")) &&
           !crd__flag(node, "x-kubernetes-preserve-unknown-fields") &&
           !crd__flag(node, "x-kubernetes-embedded-resource");
}

/* Is this the dot of a field, not of a call or `.?`? */
static bool selects(const struct rule *r, size_t at)
{
    return token_is(r, at, ".") && at + 1 < r->n && r->tokens[at + 1].kind == TOKEN_NAME &&
           !token_is(r, at + 2, "(");
}

/* Follows the chain at token i. *end is behind it; NULL: the schema does not tell, or (*missing is
 * the token) has no such field. */
static const struct value *follow(const struct rule *r, size_t i, size_t *end, size_t *missing)
{
    const struct value *node = r->node;
    size_t at = i + 1;
    *missing = 0;
    for (; selects(r, at); at += 2) {
        const struct token *name = &r->tokens[at + 1];
        bool escaped = name->n > 4 && strncmp(name->at, "__", 2) == 0;
        const struct value *next = property(node, name->at, name->n);
        bool meta =
            node == r->node && (token_is(r, at + 1, "metadata") || token_is(r, at + 1, "kind") ||
                                token_is(r, at + 1, "apiVersion"));
        if (!next && node && is_closed(node) && !meta && !escaped && !strstr(r->text, "__"))
            *missing = at + 1;
        node = next;
        if (!node)
            break;
    }
    while (selects(r, at))
        at += 2;
    *end = at;
    bool plain = !token_is(r, at, ".") && !token_is(r, at, "[");
    return plain ? node : NULL;
}

static bool is_self(const struct rule *r, size_t i)
{
    return (token_is(r, i, "self") || token_is(r, i, "oldSelf")) && !(i && token_is(r, i - 1, "."));
}

static const char *undefined(const struct rule *r)
{
    for (size_t i = 0; i < r->n; i++) {
        size_t end, missing;
        if (!is_self(r, i))
            continue;
        (void)follow(r, i, &end, &missing);
        if (missing)
            return shown(r, (size_t)(r->tokens[missing - 1].at - r->text),
                         arena_printf(r->a, "undefined field '%.*s'", (int)r->tokens[missing].n,
                                      r->tokens[missing].at));
    }
    return NULL;
}

/* ---- types ---- */

static const char *type_of(const struct value *node)
{
    const char *type = str(node, "type"), *format = str(node, "format");
    if (!node || crd__flag(node, "x-kubernetes-int-or-string") ||
        crd__flag(node, "x-kubernetes-preserve-unknown-fields"))
        return NULL;
    if (is(type, "string"))
        return *format ? NULL : "string";
    return is(type, "integer")   ? "int"
           : is(type, "number")  ? "double"
           : is(type, "boolean") ? "bool"
                                 : NULL;
}

static const char *literal_type(const struct rule *r, size_t i)
{
    if (i >= r->n)
        return NULL;
    if (token_is(r, i, "true") || token_is(r, i, "false"))
        return "bool";
    switch (r->tokens[i].kind) {
    case TOKEN_INT:
        return strchr("uU", r->tokens[i].at[r->tokens[i].n - 1]) ? "uint" : "int";
    case TOKEN_DOUBLE:
        return "double";
    case TOKEN_STRING:
        return "string";
    case TOKEN_NAME:
    case TOKEN_OTHER:
        break;
    }
    return NULL;
}

static bool is_one_of(const struct rule *r, size_t i, const char *const *list)
{
    for (; *list; list++)
        if (token_is(r, i, *list))
            return true;
    return false;
}

static const char *const COMPARISONS[] = {"==", "!=", "<", "<=", ">", ">=", NULL};
static const char *const ARITHMETIC[] = {"+", "-", "*", "/", "%", NULL};

static const char *mismatch(const struct rule *r)
{
    for (size_t i = 0; i < r->n; i++) {
        size_t end, missing;
        if (!is_self(r, i) || (i && is_one_of(r, i - 1, ARITHMETIC)))
            continue;
        const char *left = type_of(follow(r, i, &end, &missing));
        const char *right = literal_type(r, end + 1);
        bool simple = end + 2 >= r->n || token_is(r, end + 2, "&&") || token_is(r, end + 2, "||") ||
                      token_is(r, end + 2, ")");
        bool numbers = left && right && !is(left, "string") && !is(left, "bool") &&
                       !is(right, "string") && !is(right, "bool") && !token_is(r, end, "==") &&
                       !token_is(r, end, "!=");
        if (!left || !right || is(left, right) || numbers || !simple ||
            !is_one_of(r, end, COMPARISONS))
            continue;
        return shown(r, (size_t)(r->tokens[end].at - r->text),
                     arena_printf(r->a,
                                  "found no matching overload for '_%.*s_' applied to '(%s, %s)'",
                                  (int)r->tokens[end].n, r->tokens[end].at, left, right));
    }
    return NULL;
}

/* The type of the whole, where it is plain: a chain, a literal, or arithmetic of them. */
static const char *result_type(const struct rule *r)
{
    const char *type = NULL;
    for (size_t i = 0; i < r->n;) {
        size_t end = i + 1, missing;
        const char *one =
            is_self(r, i) ? type_of(follow(r, i, &end, &missing)) : literal_type(r, i);
        if (!one || (type && !is(type, one)))
            return NULL;
        type = one;
        if (end < r->n && !is_one_of(r, end, ARITHMETIC))
            return NULL;
        i = end + 1;
    }
    return type;
}

/* ---- all of it ---- */

static const char *syntax_error(const struct rule *r, const struct err *e)
{
    static const char expecting[] =
        "Syntax error: mismatched input '<EOF>' expecting {'[', '{', '(', '.', '-', '!', 'true', "
        "'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}";
    unsigned long line = 0, column = 0;
    int used = 0;
    size_t n = strlen(r->text), at = 0;
    if (sscanf(e->msg, "%lu:%lu: %n", &line, &column, &used) < 2 || !used)
        return e->msg;
    for (unsigned long l = 1; l < line && r->text[at]; at++)
        l += r->text[at] == '\n';
    at += column ? column - 1 : 0;
    if (at >= n)
        return shown(r, n, expecting);
    return shown(r, at, arena_printf(r->a, "Syntax error: %s", e->msg + used));
}

const char *crd__rule_error(const struct value *node, const char *text, bool is_message,
                            struct arena *a)
{
    struct rule r = {.node = node, .text = text, .a = a};
    struct cel_program *p;
    struct err e;
    const char *why;
    if (cel_compile(a, text, strlen(text), &p, &e) < 0)
        return arena_printf(a, "compilation failed: %s", syntax_error(&r, &e));
    tokenize(&r);
    why = undeclared(&r);
    why = why ? why : undefined(&r);
    why = why ? why : mismatch(&r);
    if (why)
        return arena_printf(a, "compilation failed: %s", why);
    const char *type = result_type(&r);
    if (type && !is(type, is_message ? "string" : "bool"))
        return is_message ? "messageExpression must evaluate to a string"
                          : "cel expression must evaluate to a bool";
    return NULL;
}
