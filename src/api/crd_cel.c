#include <string.h>

#include "api/crd_int.h"
#include "api/quantity.h"
#include "api/tree_int.h"
#include "base/buf.h"
#include "codec/cel.h"

/* ---- names that CEL could not read ---- */

static bool is_reserved(const char *s)
{
    static const char *const words[] = {
        "true",     "false",   "null",   "in",       "as",   "break",  "const",
        "continue", "else",    "for",    "function", "if",   "import", "let",
        "loop",     "package", "return", "var",      "void", "while",  "namespace"};
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (is(words[i], s))
            return true;
    return false;
}

static const char *escape(struct arena *a, const char *s)
{
    char *out = arena_alloc(a, strlen(s) * 16 + 5), *p = out;
    if (is_reserved(s))
        return arena_printf(a, "__%s__", s);
    for (; *s; s++) {
        const char *word = strncmp(s, "__", 2) == 0 ? "__underscores__"
                           : *s == '.'              ? "__dot__"
                           : *s == '-'              ? "__dash__"
                           : *s == '/'              ? "__slash__"
                                                    : NULL;
        size_t n = word ? strlen(word) : 1;
        memcpy(p, word ? word : s, n);
        p += n;
        s += word && s[0] == '_';
    }
    return out;
}

/* The value as rules see it: declared names escaped. */
static struct value *as_seen(struct arena *a, const struct value *node, const struct value *v)
{
    struct value *out;
    if (v->kind == VALUE_ARRAY) {
        out = value_new_array(a);
        VALUE_EACH_ITEM (x, v)
            (void)value_push(a, out, as_seen(a, value_get(node, "items"), x));
        return out;
    }
    if (v->kind != VALUE_OBJECT)
        return value_copy(a, v);
    out = value_new_object(a);
    VALUE_EACH_MEMBER (m, v) {
        bool declared = value_get(value_get(node, "properties"), m->key);
        (void)value_set(a, out, declared ? escape(a, m->key) : m->key,
                        as_seen(a, crd__member(node, m->key), &m->value));
    }
    return out;
}

/* ---- Kubernetes' own functions; a quantity or URL is its text ---- */

static const char *text_of(const struct value *const *args, size_t i)
{
    return value_str(args[i], "");
}

static int give_bool(struct arena *a, bool b, struct value **out)
{
    *out = value_new_bool(a, b);
    return 0;
}

static int is_quantity(void *ctx, struct arena *a, const struct value *const *args,
                       struct value **out, struct err *e)
{
    struct quantity q;
    (void)ctx;
    (void)e;
    return give_bool(a, quantity_parse(text_of(args, 0), &q, NULL) == 0, out);
}

static int make_quantity(void *ctx, struct arena *a, const struct value *const *args,
                         struct value **out, struct err *e)
{
    struct quantity q;
    (void)ctx;
    int r = quantity_parse(text_of(args, 0), &q, e);
    if (r == 0)
        *out = value_copy(a, args[0]);
    return r;
}

/* ctx: what the comparison must give. */
static int compare_quantities(void *ctx, struct arena *a, const struct value *const *args,
                              struct value **out, struct err *e)
{
    struct quantity x, y;
    int r = quantity_parse(text_of(args, 0), &x, e);
    if (r == 0)
        r = quantity_parse(text_of(args, 1), &y, e);
    if (r < 0)
        return r;
    return give_bool(a, quantity_cmp(&x, &y) == *(const int *)ctx, out);
}

static size_t scheme_length(const char *s)
{
    size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-.");
    return s[n] == ':' ? n : 0;
}

static bool looks_like_url(const char *s)
{
    return (scheme_length(s) || *s == '/') && !strpbrk(s, " \t\n\"<>");
}

static int is_url(void *ctx, struct arena *a, const struct value *const *args, struct value **out,
                  struct err *e)
{
    (void)ctx;
    (void)e;
    return give_bool(a, looks_like_url(text_of(args, 0)), out);
}

static int make_url(void *ctx, struct arena *a, const struct value *const *args, struct value **out,
                    struct err *e)
{
    (void)ctx;
    if (!looks_like_url(text_of(args, 0)))
        return err_set(e, ERR_INVALID, "URL parse error during conversion from string: %s",
                       text_of(args, 0));
    *out = value_copy(a, args[0]);
    return 0;
}

enum url_part { URL_SCHEME, URL_HOST, URL_HOSTNAME, URL_PORT, URL_PATH };

static int url_part(void *ctx, struct arena *a, const struct value *const *args, struct value **out,
                    struct err *e)
{
    enum url_part part = *(const enum url_part *)ctx;
    const char *s = text_of(args, 0), *host = "", *path = s;
    size_t scheme = scheme_length(s), host_n = 0;
    (void)e;
    if (scheme)
        path = s + scheme + 1;
    if (strncmp(path, "//", 2) == 0) {
        host = path + 2;
        host_n = strcspn(host, "/?#");
        path = host + host_n;
    }
    const char *colon = memchr(host, ':', host_n);
    size_t name_n = colon ? (size_t)(colon - host) : host_n;
    if (part == URL_SCHEME)
        *out = value_new_strn(a, s, scheme);
    else if (part == URL_HOST)
        *out = value_new_strn(a, host, host_n);
    else if (part == URL_HOSTNAME)
        *out = value_new_strn(a, host, name_n);
    else if (part == URL_PORT)
        *out =
            value_new_strn(a, host + name_n + (colon != NULL), host_n - name_n - (colon != NULL));
    else
        *out = value_new_strn(a, path, strcspn(path, "?#"));
    return 0;
}

static int less = -1, equal = 0, greater = 1;
static enum url_part scheme_part = URL_SCHEME, host_part = URL_HOST, name_part = URL_HOSTNAME,
                     port_part = URL_PORT, path_part = URL_PATH;

static const struct cel_function FUNCTIONS[] = {
    {"isQuantity",     1, is_quantity,        NULL        },
    {"quantity",       1, make_quantity,      NULL        },
    {"isLessThan",     2, compare_quantities, &less       },
    {"isGreaterThan",  2, compare_quantities, &greater    },
    {"compareTo",      2, compare_quantities, &equal      },
    {"isURL",          1, is_url,             NULL        },
    {"url",            1, make_url,           NULL        },
    {"getScheme",      1, url_part,           &scheme_part},
    {"getHost",        1, url_part,           &host_part  },
    {"getHostname",    1, url_part,           &name_part  },
    {"getPort",        1, url_part,           &port_part  },
    {"getEscapedPath", 1, url_part,           &path_part  },
};

/* ---- rules ---- */

struct subject {
    const struct value *node, *self, *old; /* as rules see them; old: NULL when there is none */
    const char *path;
    struct field_errors *l;
};

static struct cel_env env_of(const struct subject *s, struct cel_var vars[2])
{
    vars[0] = (struct cel_var){"self", s->self};
    vars[1] = (struct cel_var){"oldSelf", s->old};
    return (struct cel_env){.vars = vars,
                            .n_vars = s->old ? 2 : 1,
                            .functions = FUNCTIONS,
                            .n_functions = ARRAY_LEN(FUNCTIONS)};
}

static bool mentions_old(const char *rule)
{
    for (const char *p = strstr(rule, "oldSelf"); p; p = strstr(p + 1, "oldSelf")) {
        bool before = p > rule && (p[-1] == '.' || p[-1] == '_' || (p[-1] >= '0' && p[-1] <= '9') ||
                                   ((p[-1] | 32) >= 'a' && (p[-1] | 32) <= 'z'));
        if (!before)
            return true;
    }
    return false;
}

static bool is_word(char c)
{
    return c == '_' || (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z');
}

/* The function that makes of a member's text what its format says, or NULL. */
static const char *maker_of(const struct value *node, const char *name, size_t n)
{
    VALUE_EACH_MEMBER (m, value_get(node, "properties")) {
        const char *seen = m->key, *format = str(&m->value, "format");
        if (strlen(seen) != n || strncmp(seen, name, n) != 0)
            continue;
        return is(format, "date-time") ? "timestamp" : is(format, "duration") ? "duration" : NULL;
    }
    return NULL;
}

/* `self.when > …` → `timestamp(self.when) > …`: times are text in documents and typed in rules.
 * has(self.when) stays. */
static const char *with_times(struct arena *a, const struct value *node, const char *rule)
{
    struct buf b;
    buf_init(&b, 1 << 20);
    for (const char *p = rule; *p;) {
        size_t word = strncmp(p, "self.", 5) == 0 ? 5 : strncmp(p, "oldSelf.", 8) == 0 ? 8 : 0;
        bool starts = p == rule || (!is_word(p[-1]) && p[-1] != '.');
        size_t n = 0;
        while (word && is_word(p[word + n]))
            n++;
        const char *maker = word && starts && p[word + n] != '.' && p[word + n] != '['
                                ? maker_of(node, p + word, n)
                                : NULL;
        bool asked = p - rule >= 4 && strncmp(p - 4, "has(", 4) == 0;
        size_t take = word && starts ? word + n : 1;
        if (maker && !asked)
            buf_printf(&b, "%s(%.*s)", maker, (int)take, p);
        else
            buf_add(&b, p, take);
        p += take;
    }
    const char *out = arena_strdup(a, buf_text(&b));
    buf_done(&b);
    return out;
}

/* With optionalOldSelf the rule sees an optional. */
static const char *rule_text(const struct subject *s, const struct value *r)
{
    const char *rule = with_times(s->l->arena, s->node, str(r, "rule"));
    if (!crd__flag(r, "optionalOldSelf"))
        return rule;
    return s->old ? arena_printf(s->l->arena, "cel.bind(oldSelf, optional.of(oldSelf), %s)", rule)
                  : arena_printf(s->l->arena, "cel.bind(oldSelf, optional.none(), %s)", rule);
}

static const char *type_of(const struct value *node, const struct value *v)
{
    if (*str(node, "type"))
        return str(node, "type");
    return v->kind == VALUE_STRING ? "string" : v->kind == VALUE_OBJECT ? "object" : "integer";
}

static void refuse(const struct subject *s, const struct value *r, const char *why)
{
    static const struct {
        const char *reason;
        enum field_error_type type;
    } reasons[] = {
        {"FieldValueRequired",  FIELD_REQUIRED },
        {"FieldValueForbidden", FIELD_FORBIDDEN},
        {"FieldValueDuplicate", FIELD_DUPLICATE},
    };
    enum field_error_type type = FIELD_INVALID;
    const char *field = str(r, "fieldPath");
    for (size_t i = 0; i < ARRAY_LEN(reasons); i++)
        if (is(reasons[i].reason, str(r, "reason")))
            type = reasons[i].type;
    if (*field == '.' && !*s->path)
        field++;
    field_errors_add_str(s->l, type, arena_printf(s->l->arena, "%s%s", s->path, field),
                         type_of(s->node, s->self), type == FIELD_DUPLICATE ? NULL : why);
}

static int evaluate(const struct subject *s, const char *text, struct value **out, struct err *e)
{
    struct cel_program *p;
    struct cel_var vars[2];
    struct cel_env env = env_of(s, vars);
    int r = cel_compile(s->l->arena, text, strlen(text), &p, e);
    return r < 0 ? r : cel_eval(s->l->arena, p, &env, out, e);
}

static const char *message_of(const struct subject *s, const struct value *r)
{
    struct value *v;
    const char *expression = str(r, "messageExpression"), *message = str(r, "message");
    if (*expression && evaluate(s, expression, &v, NULL) == 0 && v->kind == VALUE_STRING && v->n)
        return v->text;
    if (*message)
        return message;
    return arena_printf(s->l->arena, "failed rule: %s", str(r, "rule"));
}

static void check_rule(const struct subject *s, const struct value *r)
{
    struct err e;
    struct value *v;
    const char *rule = str(r, "rule"), *message = str(r, "message");
    if (!s->old && mentions_old(rule) && !crd__flag(r, "optionalOldSelf"))
        return;
    if (evaluate(s, rule_text(s, r), &v, &e) == 0) {
        if (!value_bool(v, false))
            refuse(s, r, message_of(s, r));
        return;
    }
    const char *why = is(e.msg, "divide by zero") ? "division by zero" : e.msg; /* as cel-go */
    refuse(s, r,
           arena_printf(s->l->arena, "%s evaluating rule: %s", why, *message ? message : rule));
}

/* ---- what was there before ---- */

static const struct value *old_item(const struct value *node, const struct value *old,
                                    const struct value *item)
{
    const struct value *keys = value_get(node, "x-kubernetes-list-map-keys");
    if (!is(str(node, "x-kubernetes-list-type"), "map"))
        return NULL;
    VALUE_EACH_ITEM (o, old) {
        bool same = true;
        VALUE_EACH_ITEM (k, keys) {
            const struct value *x = value_get(o, value_str(k, ""));
            const struct value *y = value_get(item, value_str(k, ""));
            same = same && x && y && value_equal(x, y);
        }
        if (same)
            return o;
    }
    return NULL;
}

void crd__validate_rules(const struct value *node, const struct value *v, const struct value *old,
                         const char *path, struct field_errors *l)
{
    struct arena *a = l->arena;
    if (!value_is(node, VALUE_OBJECT) || !v || v->kind == VALUE_NULL)
        return;
    if (value_count(value_get(node, "x-kubernetes-validations"))) {
        struct subject s = {node, as_seen(a, node, v), old ? as_seen(a, node, old) : NULL, path, l};
        VALUE_EACH_ITEM (r, value_get(node, "x-kubernetes-validations"))
            check_rule(&s, r);
    }
    VALUE_EACH_MEMBER (m, v) {
        const char *at = arena_printf(a, "%s%s%s", path, *path ? "." : "", m->key);
        if (*path || !is(m->key, "metadata"))
            crd__validate_rules(crd__member(node, m->key), &m->value, value_get(old, m->key), at,
                                l);
    }
    if (v->kind != VALUE_ARRAY)
        return;
    for (size_t i = 0; i < v->n; i++)
        crd__validate_rules(value_get(node, "items"), &v->items[i],
                            old_item(node, old, &v->items[i]), arena_printf(a, "%s[%zu]", path, i),
                            l);
}
