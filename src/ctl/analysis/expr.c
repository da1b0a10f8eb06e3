#include "ctl/analysis/expr.h"

#include <ctype.h>
#include <math.h>
#include <string.h>

enum { TEXT_MAX = 4096, DEPTH_MAX = 64, STEPS_MAX = 100000 };

/* Values are computed while parsing; `off` parses without computing (the branch not taken). */
struct expr {
    struct arena *a;
    const char *text, *s;
    const struct value *result, *item; /* item: # within a predicate */
    int depth, off;
    unsigned steps;
    struct err *e;
};

typedef const struct value *val; /* never NULL on success; NULL: failed, e is set */

static val fail(struct expr *x, const char *what)
{
    (void)err_set(x->e, ERR_INVALID, "condition \"%.200s\", character %d: %s", x->text,
                  (int)(x->s - x->text) + 1, what);
    return NULL;
}

static val null_of(struct expr *x)
{
    return value_null(x->a);
}

static val num_of(struct expr *x, double d)
{
    struct value *v = value_null(x->a);
    v->kind = VALUE_FLOAT;
    v->d = d;
    v->text = arena_printf(x->a, "%.17g", d);
    v->n = (uint32_t)strlen(v->text);
    return v;
}

static val bool_of(struct expr *x, bool b)
{
    return value_new_bool(x->a, b);
}

static bool is_num(val v)
{
    return v->kind == VALUE_INT || v->kind == VALUE_FLOAT;
}

static double num(val v)
{
    return v->kind == VALUE_INT ? (double)v->i : v->kind == VALUE_FLOAT ? v->d : NAN;
}

/* ---- tokens ---- */

static void skip(struct expr *x)
{
    while (isspace((unsigned char)*x->s))
        x->s++;
}

static bool word_char(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

static bool take(struct expr *x, const char *op)
{
    skip(x);
    size_t n = strlen(op);
    if (strncmp(x->s, op, n) != 0)
        return false;
    if (word_char(op[0]) && word_char(x->s[n]))
        return false;
    x->s += n;
    return true;
}

static bool peek(struct expr *x, const char *op)
{
    const char *at = x->s;
    bool is = take(x, op);
    x->s = at;
    return is;
}

static val ternary(struct expr *x);

/* ---- functions ---- */

static val call_predicate(struct expr *x, const char *name, val list)
{
    struct value *out = value_new_array(x->a);
    const char *body;
    size_t hits = 0, n = value_is(list, VALUE_ARRAY) ? value_count(list) : 0;
    if (!x->off && !value_is(list, VALUE_ARRAY))
        return fail(x, "a list is expected");
    if (!take(x, ","))
        return fail(x, "a predicate is expected");
    bool braces = take(x, "{");
    body = x->s;
    const struct value *outer = x->item;
    for (size_t i = 0; i < n || i == 0; i++) {
        static const struct value nothing = {.kind = VALUE_NULL};
        x->s = body;
        x->off += i >= n;
        x->item = i < n ? &list->items[i] : &nothing;
        val v = ternary(x);
        x->off -= i >= n;
        if (!v)
            return NULL;
        if (i >= n || x->off)
            break;
        bool yes = value_bool(v, false);
        hits += yes;
        if (strcmp(name, "map") == 0)
            (void)value_push(x->a, out, v);
        else if (strcmp(name, "filter") == 0 && yes)
            (void)value_push(x->a, out, x->item);
    }
    x->item = outer;
    if ((braces && !take(x, "}")) || !take(x, ")"))
        return fail(x, "the predicate does not end here");
    if (strcmp(name, "all") == 0)
        return bool_of(x, hits == n);
    if (strcmp(name, "any") == 0)
        return bool_of(x, hits > 0);
    if (strcmp(name, "none") == 0)
        return bool_of(x, hits == 0);
    if (strcmp(name, "one") == 0)
        return bool_of(x, hits == 1);
    return strcmp(name, "count") == 0 ? num_of(x, (double)hits) : out;
}

static double fold(val list, const char *name)
{
    double acc = strcmp(name, "sum") == 0 ? 0 : NAN;
    VALUE_EACH_ITEM (i, list) {
        double d = num(i);
        if (strcmp(name, "sum") == 0)
            acc += d;
        else if (isnan(acc) || (strcmp(name, "min") == 0 ? d < acc : d > acc))
            acc = d;
    }
    return acc;
}

static val to_number(struct expr *x, val v, bool whole)
{
    char *end;
    double d = num(v);
    if (v->kind == VALUE_STRING) {
        d = strtod(v->text, &end);
        if (end == v->text || *end)
            return fail(x, "this text is no number");
    } else if (!is_num(v)) {
        return fail(x, "this is no number");
    }
    return num_of(x, whole ? trunc(d) : d);
}

static bool absent(val v)
{
    return v->kind == VALUE_NULL || (v->kind == VALUE_ARRAY && v->n == 0);
}

static val apply(struct expr *x, const char *name, const val *args, size_t n)
{
    val v = n ? args[0] : NULL;
    if (strcmp(name, "default") == 0 && n == 2)
        return absent(v) || (v->kind == VALUE_FLOAT && isnan(v->d)) ? args[1] : v;
    if (strcmp(name, "len") == 0 && n == 1)
        return num_of(x, (double)value_count(v));
    if (strcmp(name, "isNaN") == 0 && n == 1)
        return bool_of(x, is_num(v) && isnan(num(v)));
    if (strcmp(name, "isInf") == 0 && n == 1)
        return bool_of(x, is_num(v) && isinf(num(v)));
    if (strcmp(name, "isNil") == 0 && n == 1)
        return bool_of(x, v->kind == VALUE_NULL);
    if ((strcmp(name, "asInt") == 0 || strcmp(name, "int") == 0) && n == 1)
        return to_number(x, v, true);
    if ((strcmp(name, "asFloat") == 0 || strcmp(name, "float") == 0) && n == 1)
        return to_number(x, v, false);
    if (strcmp(name, "abs") == 0 && n == 1)
        return num_of(x, fabs(num(v)));
    bool folds = strcmp(name, "min") == 0 || strcmp(name, "max") == 0 || strcmp(name, "sum") == 0;
    if (folds && n == 1 && value_is(v, VALUE_ARRAY))
        return num_of(x, fold(v, name));
    if (folds && n >= 1) {
        struct value *list = value_new_array(x->a);
        for (size_t i = 0; i < n; i++)
            (void)value_push(x->a, list, args[i]);
        return num_of(x, fold(list, name));
    }
    return fail(x, arena_printf(x->a, "there is no function %s with %zu arguments", name, n));
}

static bool takes_predicate(const char *name)
{
    static const char *const names[] = {"all", "any", "none", "one", "filter", "map", "count"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

static val call(struct expr *x, const char *name)
{
    val args[8] = {0};
    size_t n = 0;
    if (take(x, ")"))
        return x->off ? null_of(x) : apply(x, name, args, 0);
    do {
        if (n == ARRAY_LEN(args))
            return fail(x, "too many arguments");
        args[n] = ternary(x);
        if (!args[n++])
            return NULL;
        if (n == 1 && takes_predicate(name))
            return call_predicate(x, name, args[0]);
    } while (take(x, ","));
    if (!take(x, ")"))
        return fail(x, "\")\" is missing");
    return x->off ? null_of(x) : apply(x, name, args, n);
}

/* ---- operands ---- */

static val string(struct expr *x)
{
    char quote = *x->s++;
    char *out = arena_alloc(x->a, strlen(x->s) + 1), *w = out;
    for (; *x->s && *x->s != quote; x->s++) {
        if (*x->s == '\\' && x->s[1])
            x->s++;
        *w++ = *x->s;
    }
    if (*x->s++ != quote)
        return x->s--, fail(x, "the text has no end");
    return value_new_strn(x->a, out, (size_t)(w - out));
}

static val list(struct expr *x)
{
    struct value *out = value_new_array(x->a);
    while (!take(x, "]")) {
        val v = ternary(x);
        if (!v)
            return NULL;
        (void)value_push(x->a, out, v);
        if (!take(x, ",") && !peek(x, "]"))
            return fail(x, "\"]\" is missing");
    }
    return out;
}

static val word(struct expr *x)
{
    const char *from = x->s;
    while (word_char(*x->s))
        x->s++;
    const char *name = arena_strndup(x->a, from, (size_t)(x->s - from));
    if (strcmp(name, "true") == 0 || strcmp(name, "false") == 0)
        return bool_of(x, *name == 't');
    if (strcmp(name, "nil") == 0)
        return null_of(x);
    if (take(x, "("))
        return call(x, name);
    if (strcmp(name, "result") == 0)
        return x->result ? x->result : null_of(x);
    x->s = from;
    return fail(x, arena_printf(x->a, "%s is not known", name));
}

static val primary(struct expr *x)
{
    skip(x);
    if (x->steps-- == 0)
        return fail(x, "it takes too much work");
    if (take(x, "(")) {
        val v = ternary(x);
        return v && !take(x, ")") ? fail(x, "\")\" is missing") : v;
    }
    if (*x->s == '"' || *x->s == '\'')
        return string(x);
    if (take(x, "["))
        return list(x);
    if (*x->s == '#')
        return x->s++, x->item ? x->item : fail(x, "# is for predicates");
    if (isdigit((unsigned char)*x->s) || (*x->s == '.' && isdigit((unsigned char)x->s[1]))) {
        char *end;
        double d = strtod(x->s, &end);
        x->s = end;
        return num_of(x, d);
    }
    if (isalpha((unsigned char)*x->s) || *x->s == '_')
        return word(x);
    return fail(x, *x->s ? "this is not understood" : "something is missing at the end");
}

static val index_of(struct expr *x, val v, val i)
{
    if (x->off)
        return null_of(x);
    if (value_is(v, VALUE_OBJECT) && value_is(i, VALUE_STRING)) {
        val member = value_get(v, i->text);
        return member ? member : null_of(x);
    }
    if (!value_is(v, VALUE_ARRAY) || !is_num(i))
        return fail(x, "only lists and objects have elements");
    double at = num(i) < 0 ? num(i) + v->n : num(i);
    if (!(at >= 0 && at < v->n))
        return fail(x, arena_printf(x->a, "index %g is out of range: there are %u", num(i), v->n));
    return &v->items[(size_t)at];
}

static val postfix(struct expr *x)
{
    val v = primary(x);
    while (v) {
        bool maybe = take(x, "?.");
        if (maybe || (take(x, "."))) {
            const char *from = x->s;
            while (word_char(*x->s))
                x->s++;
            if (from == x->s)
                return fail(x, "a name is expected");
            val member = value_get(v, arena_strndup(x->a, from, (size_t)(x->s - from)));
            if (!x->off && !maybe && !value_is(v, VALUE_OBJECT))
                return fail(x, "only objects have members");
            v = member ? member : null_of(x);
        } else if (take(x, "[")) {
            val i = ternary(x);
            if (!i)
                return NULL;
            if (!take(x, "]"))
                return fail(x, "\"]\" is missing");
            v = index_of(x, v, i);
        } else {
            return v;
        }
    }
    return v;
}

static val unary(struct expr *x)
{
    if (++x->depth > DEPTH_MAX)
        return fail(x, "it is nested too deep");
    val v;
    if ((peek(x, "!") && !peek(x, "!=") && take(x, "!")) || take(x, "not")) {
        v = unary(x);
        if (v && !x->off && v->kind != VALUE_BOOL)
            v = fail(x, "! is for truths");
        v = v ? bool_of(x, !value_bool(v, false)) : NULL;
    } else if (take(x, "-")) {
        v = unary(x);
        if (v && !x->off && !is_num(v))
            v = fail(x, "- is for numbers");
        v = v ? num_of(x, -num(v)) : NULL;
    } else {
        v = postfix(x);
    }
    x->depth--;
    return v;
}

/* ---- operators ---- */

static bool holds(val list, val item)
{
    if (value_is(list, VALUE_OBJECT) && value_is(item, VALUE_STRING))
        return value_get(list, item->text) != NULL;
    VALUE_EACH_ITEM (i, list)
        if (value_equal(i, item))
            return true;
    return false;
}

static bool ends(const char *s, const char *with)
{
    size_t n = strlen(s), m = strlen(with);
    return n >= m && strcmp(s + n - m, with) == 0;
}

static val text_op(struct expr *x, const char *op, val l, val r)
{
    if (!value_is(l, VALUE_STRING) || !value_is(r, VALUE_STRING))
        return fail(x, arena_printf(x->a, "%s is for texts", op));
    if (strcmp(op, "contains") == 0)
        return bool_of(x, strstr(l->text, r->text));
    if (strcmp(op, "startsWith") == 0)
        return bool_of(x, strncmp(l->text, r->text, strlen(r->text)) == 0);
    return bool_of(x, ends(l->text, r->text));
}

static val order(struct expr *x, const char *op, val l, val r)
{
    double d;
    if (value_is(l, VALUE_STRING) && value_is(r, VALUE_STRING))
        d = strcmp(l->text, r->text);
    else if (is_num(l) && is_num(r))
        d = num(l) < num(r) ? -1 : num(l) > num(r) ? 1 : num(l) == num(r) ? 0 : NAN;
    else
        return fail(x, arena_printf(x->a, "%s cannot compare %s and %s", op,
                                    value_kind_name(l->kind), value_kind_name(r->kind)));
    bool equal = op[1] == '=';
    return bool_of(x, *op == '<' ? d < 0 || (equal && d == 0) : d > 0 || (equal && d == 0));
}

static bool same(val l, val r)
{
    return is_num(l) && is_num(r) ? num(l) == num(r) : value_equal(l, r);
}

static val arithmetic(struct expr *x, char op, val l, val r)
{
    if (op == '+' && value_is(l, VALUE_STRING) && value_is(r, VALUE_STRING))
        return value_new_strf(x->a, "%s%s", l->text, r->text);
    if (!is_num(l) || !is_num(r))
        return fail(x, arena_printf(x->a, "%c is for numbers", op));
    double a = num(l), b = num(r);
    switch (op) {
    case '+':
        return num_of(x, a + b);
    case '-':
        return num_of(x, a - b);
    case '*':
        return num_of(x, a * b);
    case '/':
        return num_of(x, a / b);
    case '%':
        return num_of(x, fmod(a, b));
    default:
        return num_of(x, pow(a, b));
    }
}

static val compute(struct expr *x, const char *op, val l, val r)
{
    if (x->off)
        return null_of(x);
    if (strcmp(op, "==") == 0 || strcmp(op, "!=") == 0)
        return bool_of(x, same(l, r) == (*op == '='));
    if (strcmp(op, "in") == 0 || strcmp(op, "not in") == 0)
        return bool_of(x, holds(r, l) == (*op == 'i'));
    if (*op == '<' || *op == '>')
        return order(x, op, l, r);
    if (isalpha((unsigned char)*op))
        return text_op(x, op, l, r);
    return arithmetic(x, strcmp(op, "**") == 0 ? '^' : *op, l, r);
}

/* From loosest to tightest; && and || are apart, because they may skip their right side. */
static const char *const levels[][9] = {
    {"==",       "!=",               "<=",                           ">=",                                           "<", ">", "in", "not in", NULL},
    {"contains",       "startsWith",                     "endsWith",                                           NULL                                                                                    },
    {"+", "-", NULL},
    {"**",        NULL                      },
    {"*","/","%",                                                 NULL},
};

static const char *operator_at(struct expr *x, size_t level)
{
    for (const char *const *op = levels[level]; *op; op++) {
        if (strcmp(*op, "*") == 0 && peek(x, "**"))
            continue;
        if (take(x, *op))
            return *op;
    }
    return NULL;
}

/* "??" binds tightest of all. */
static val coalesce(struct expr *x)
{
    val l = unary(x);
    while (l && take(x, "??")) {
        bool have = l->kind != VALUE_NULL;
        x->off += have;
        val r = unary(x);
        x->off -= have;
        l = !r ? NULL : have ? l : r;
    }
    return l;
}

static val binary(struct expr *x, size_t level)
{
    if (level == ARRAY_LEN(levels))
        return coalesce(x);
    val l = binary(x, level + 1);
    for (const char *op; l && (op = operator_at(x, level));) {
        val r = binary(x, level + 1);
        if (!r)
            return NULL;
        l = compute(x, op, l, r);
    }
    return l;
}

static val truth(struct expr *x, val v)
{
    return x->off || v->kind == VALUE_BOOL ? v : fail(x, "a truth is expected");
}

static val conjunction(struct expr *x)
{
    val l = binary(x, 0);
    while (l && (take(x, "&&") || take(x, "and"))) {
        if (!truth(x, l))
            return NULL;
        bool no = !value_bool(l, false) && !x->off;
        x->off += no;
        val r = binary(x, 0);
        x->off -= no;
        l = !r || (!no && !truth(x, r)) ? NULL : no ? bool_of(x, false) : r;
    }
    return l;
}

static val disjunction(struct expr *x)
{
    val l = conjunction(x);
    while (l && (take(x, "||") || take(x, "or"))) {
        if (!truth(x, l))
            return NULL;
        bool yes = value_bool(l, false) && !x->off;
        x->off += yes;
        val r = conjunction(x);
        x->off -= yes;
        l = !r || (!yes && !truth(x, r)) ? NULL : yes ? bool_of(x, true) : r;
    }
    return l;
}

static val ternary(struct expr *x)
{
    if (++x->depth > DEPTH_MAX)
        return fail(x, "it is nested too deep");
    val v = disjunction(x);
    if (v && take(x, "?")) {
        bool yes = value_bool(v, false);
        if (!truth(x, v))
            return NULL;
        x->off += !yes;
        val then = ternary(x);
        x->off -= !yes;
        if (then && !take(x, ":"))
            return fail(x, "\":\" is missing");
        x->off += yes;
        val other = then ? ternary(x) : NULL;
        x->off -= yes;
        v = other ? (yes ? then : other) : NULL;
    }
    x->depth--;
    return v;
}

int expr_eval(struct arena *a, const char *text, const struct value *result,
              const struct value **out, struct err *e)
{
    struct err mine;
    struct expr x = {
        .a = a, .text = text, .s = text, .result = result, .steps = STEPS_MAX, .e = e ? e : &mine};
    if (strlen(text) > TEXT_MAX)
        return err_set(e, ERR_TOO_LARGE, "a condition has more than %d characters", TEXT_MAX);
    val v = ternary(&x);
    skip(&x);
    if (v && *x.s)
        v = fail(&x, "this is not understood");
    if (!v)
        return ERR_INVALID;
    *out = v;
    return 0;
}

int expr_true(struct arena *a, const char *text, const struct value *result, bool *out,
              struct err *e)
{
    const struct value *v;
    int rc = expr_eval(a, text, result, &v, e);
    if (rc < 0)
        return rc;
    if (!value_is(v, VALUE_BOOL))
        return err_set(e, ERR_INVALID, "condition \"%.200s\" is %s, not true or false", text,
                       value_kind_name(v->kind));
    *out = v->boolean;
    return 0;
}
