/* interceptor_cel.c - the CEL interceptor and the functions it adds to CEL. */
#include "base/buf.h"
#include "base/own.h"
#include "codec/base64.h"
#include "codec/cel.h"
#include "codec/json.h"
#include "codec/yaml.h"
#include "ctl/tekton/event.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

enum { MATCH_LIMIT = 100000 };

struct calling {
    const struct event_secrets *secrets;
};

static const char *type_name(const struct value *v)
{
    static const char *const names[] = {
        [VALUE_NULL] = "null_type", [VALUE_BOOL] = "bool",     [VALUE_INT] = "int",
        [VALUE_FLOAT] = "double",   [VALUE_STRING] = "string", [VALUE_ARRAY] = "list",
        [VALUE_OBJECT] = "map",
    };
    return v ? names[v->kind] : "null_type";
}

static int no_overload(const char *fn, const struct value *const *args, size_t n, struct err *e)
{
    char types[128] = "";
    size_t len = 0;
    for (size_t i = 0; i < n && len < sizeof types - 20; i++)
        len += (size_t)snprintf(types + len, sizeof types - len, "%s%s", i ? ", " : "",
                                type_name(args[i]));
    return err_set(e, ERR_INVALID, "no such overload: %s(%s)", fn, types);
}

/* The values of a header in any spelling; NULL with *bad when it is no header at all. */
static const struct value *header_values(const struct value *header, const char *name,
                                         struct arena *a, bool *bad)
{
    *bad = !value_is(header, VALUE_OBJECT);
    VALUE_EACH_MEMBER (m, header)
        *bad = *bad || !value_is(&m->value, VALUE_ARRAY);
    return *bad ? NULL : value_get(header, event_canonical(name, a));
}

static int fn_match(void *ctx, struct arena *a, const struct value *const *args, struct value **out,
                    struct err *e)
{
    (void)ctx;
    bool bad;
    const struct value *v = header_values(args[0], value_str(args[1], ""), a, &bad);
    if (bad)
        return err_set(e, ERR_INVALID, "failed to convert to http.Header");
    *out = value_new_bool(a, strcmp(value_str(value_item(v, 0), ""), value_str(args[2], "")) == 0);
    return 0;
}

static int fn_canonical(void *ctx, struct arena *a, const struct value *const *args,
                        struct value **out, struct err *e)
{
    (void)ctx;
    bool bad;
    const struct value *v = header_values(args[0], value_str(args[1], ""), a, &bad);
    if (bad)
        return err_set(e, ERR_INVALID, "failed to convert to http.Header");
    *out = value_new_str(a, value_str(value_item(v, 0), ""));
    return 0;
}

static int fn_truncate(void *ctx, struct arena *a, const struct value *const *args,
                       struct value **out, struct err *e)
{
    (void)ctx;
    int64_t n = value_int(args[1], -1);
    if (!value_is(args[0], VALUE_STRING) || n < 0)
        return no_overload("truncate", args, 2, e);
    size_t keep = args[0]->n;
    *out = value_new_strn(a, args[0]->text, (size_t)n < keep ? (size_t)n : keep);
    return 0;
}

static int compare_secret(const struct calling *c, struct arena *a, const struct value *const *args,
                          const char *ns, struct value **out, struct err *e)
{
    const char *text, *name = value_str(args[2], ""), *key = value_str(args[1], "");
    size_t n;
    struct err why = {0};
    if (!value_is(args[0], VALUE_STRING))
        return no_overload("compareSecret", args, 3, e);
    if (c->secrets->get(c->secrets->arg, ns, name, key, a, &text, &n, &why) < 0)
        return err_set(e, ERR_INVALID,
                       "failed to find secret '%s/%s' key '%s' in compareSecret: %s", ns, name, key,
                       why.msg);
    unsigned char diff = n != args[0]->n;
    for (size_t i = 0; i < n && i < args[0]->n; i++)
        diff |= (unsigned char)(text[i] ^ args[0]->text[i]);
    *out = value_new_bool(a, diff == 0);
    return 0;
}

static int fn_compare3(void *ctx, struct arena *a, const struct value *const *args,
                       struct value **out, struct err *e)
{
    const struct calling *c = ctx;
    return compare_secret(c, a, args, c->secrets->ns, out, e);
}

static int fn_compare4(void *ctx, struct arena *a, const struct value *const *args,
                       struct value **out, struct err *e)
{
    return compare_secret(ctx, a, args, value_str(args[3], ""), out, e);
}

static int fn_parse_json(void *ctx, struct arena *a, const struct value *const *args,
                         struct value **out, struct err *e)
{
    (void)ctx;
    if (!value_is(args[0], VALUE_STRING))
        return no_overload("parseJSON", args, 1, e);
    int r = json_parse(a, args[0]->text, args[0]->n, 0, out, e);
    return r < 0 ? err_wrap(e, r, "failed to decode '%s' in parseJSON", args[0]->text) : 0;
}

static int fn_parse_yaml(void *ctx, struct arena *a, const struct value *const *args,
                         struct value **out, struct err *e)
{
    (void)ctx;
    if (!value_is(args[0], VALUE_STRING))
        return no_overload("parseYAML", args, 1, e);
    int r = yaml_parse(a, args[0]->text, args[0]->n, 0, out, e);
    return r < 0 ? err_wrap(e, r, "failed to decode '%s' in parseYAML", args[0]->text) : 0;
}

/* ---- URLs ---- */

static const char *cut(struct arena *a, const char **rest, const char *stops, bool keep)
{
    size_t n = strcspn(*rest, stops);
    const char *part = arena_strndup(a, *rest, n);
    *rest += n + ((*rest)[n] && !keep);
    return part;
}

static void put_query(struct value *url, const char *query, struct arena *a)
{
    struct value *strings = value_new_object(a), *map = value_new_object(a);
    for (const char *rest = query; *rest;) {
        const char *pair = cut(a, &rest, "&", false);
        const char *name = cut(a, &pair, "=", false);
        struct value *list = value_get_mut(strings, name);
        if (!list)
            list = value_set(a, strings, name, value_new_array(a));
        (void)value_push_str(a, list, pair);
        const char *had = value_str(value_get(map, name), NULL);
        (void)value_set_str(a, map, name, had ? arena_printf(a, "%s,%s", had, pair) : pair);
    }
    (void)value_set(a, url, "queryStrings", strings);
    (void)value_set(a, url, "query", map);
}

static int fn_parse_url(void *ctx, struct arena *a, const struct value *const *args,
                        struct value **out, struct err *e)
{
    (void)ctx;
    if (!value_is(args[0], VALUE_STRING))
        return no_overload("parseURL", args, 1, e);
    const char *rest = args[0]->text, *colon = strstr(rest, "://");
    struct value *url = value_new_object(a);
    const char *scheme = colon ? arena_strndup(a, rest, (size_t)(colon - rest)) : "";
    (void)value_set_str(a, url, "scheme", scheme);
    rest = colon ? colon + 3 : rest;
    const char *authority = cut(a, &rest, "/?#", true), *at = strrchr(authority, '@');
    const char *host = at ? at + 1 : authority;
    const char *path = cut(a, &rest, "?#", true);
    const char *query = *rest == '?' ? (rest++, cut(a, &rest, "#", true)) : "";
    (void)value_set_str(a, url, "host", host);
    (void)value_set_str(a, url, "path", path);
    (void)value_set_str(a, url, "rawQuery", query);
    (void)value_set_str(a, url, "fragment", *rest == '#' ? rest + 1 : "");
    if (at) {
        const char *user = arena_strndup(a, authority, (size_t)(at - authority));
        struct value *auth = value_make_object(a, url, "auth");
        (void)value_set_str(a, auth, "username", cut(a, &user, ":", false));
        (void)value_set_str(a, auth, "password", user);
    }
    put_query(url, query, a);
    *out = url;
    return 0;
}

static int fn_marshal(void *ctx, struct arena *a, const struct value *const *args,
                      struct value **out, struct err *e)
{
    (void)ctx;
    if (!value_is(args[0], VALUE_OBJECT) && !value_is(args[0], VALUE_ARRAY))
        return no_overload("marshalJSON", args, 1, e);
    *out = value_new_str(a, json_text(a, args[0], JSON_SORTED));
    return 0;
}

static int list_end(const char *fn, const struct value *const *args, bool last, struct value **out,
                    struct arena *a, struct err *e)
{
    size_t n = value_count(args[0]);
    if (!value_is(args[0], VALUE_ARRAY))
        return no_overload(fn, args, 1, e);
    *out = n ? value_copy(a, value_item(args[0], last ? n - 1 : 0)) : value_null(a);
    return 0;
}

static int fn_last(void *ctx, struct arena *a, const struct value *const *args, struct value **out,
                   struct err *e)
{
    (void)ctx;
    return list_end("last", args, true, out, a, e);
}

static int fn_first(void *ctx, struct arena *a, const struct value *const *args, struct value **out,
                    struct err *e)
{
    (void)ctx;
    return list_end("first", args, false, out, a, e);
}

static void free_code(void *p)
{
    pcre2_code_free(p);
}

static void free_match(void *p)
{
    pcre2_match_data_free(p);
}

static int fn_translate(void *ctx, struct arena *a, const struct value *const *args,
                        struct value **out, struct err *e)
{
    (void)ctx;
    for (size_t i = 0; i < 3; i++)
        if (!value_is(args[i], VALUE_STRING))
            return no_overload("translate", args, 3, e);
    int code;
    PCRE2_SIZE where;
    pcre2_code *re =
        pcre2_compile((PCRE2_SPTR)args[1]->text, args[1]->n, PCRE2_UTF, &code, &where, NULL);
    if (!re)
        return err_set(e, ERR_INVALID, "failed to parse regular expression for translation: %s",
                       args[1]->text);
    arena_defer(a, free_code, re);
    pcre2_match_data *found = pcre2_match_data_create_from_pattern(re, NULL);
    arena_defer(a, free_match, found);
    AUTO_BUF struct buf b;
    buf_init(&b, 1u << 20);
    const char *text = args[0]->text;
    size_t n = args[0]->n, from = 0;
    while (from <= n &&
           pcre2_match(re, (PCRE2_SPTR)text, n, from, PCRE2_NO_UTF_CHECK, found, NULL) > 0) {
        const PCRE2_SIZE *at = pcre2_get_ovector_pointer(found);
        buf_add(&b, text + from, at[0] - from);
        buf_add(&b, args[2]->text, args[2]->n);
        if (at[1] == at[0] && at[1] < n)
            buf_putc(&b, text[at[1]]);
        from = at[1] > at[0] ? at[1] : at[1] + 1;
    }
    if (from < n)
        buf_add(&b, text + from, n - from);
    *out = value_new_strn(a, buf_text(&b), b.len);
    return 0;
}

static int fn_decode(void *ctx, struct arena *a, const struct value *const *args,
                     struct value **out, struct err *e)
{
    (void)ctx;
    char *bytes;
    size_t n;
    if (!value_is(args[0], VALUE_STRING))
        return no_overload("decodeb64", args, 1, e);
    int r = base64_decode(a, args[0]->text, args[0]->n, BASE64_STD, &bytes, &n, e);
    if (r == 0)
        *out = value_new_strn(a, bytes, n);
    return r;
}

/* ---- the interceptor ---- */

static int evaluate(const struct event *ev, const char *text, const struct event_secrets *secrets,
                    struct arena *a, struct value **out, struct err *e)
{
    struct calling calling = {secrets};
    const struct cel_var vars[] = {
        {"body",      ev->body ? ev->body : value_new_object(a)},
        {            "header", ev->header                                         },
        { "extensions",         event_doubles(ev->extensions,                                                  a)},
        { "requestURL",   value_new_str(a,                                            ev->url)},
    };
    const struct cel_function functions[] = {
        {"match",         3, fn_match,      NULL    },
        {"canonical",     2, fn_canonical,  NULL    },
        {"truncate",      2, fn_truncate,   NULL    },
        {"compareSecret", 3, fn_compare3,   &calling},
        {"compareSecret", 4, fn_compare4,   &calling},
        {"parseJSON",     1, fn_parse_json, NULL    },
        {"parseYAML",     1, fn_parse_yaml, NULL    },
        {"parseURL",      1, fn_parse_url,  NULL    },
        {"marshalJSON",   1, fn_marshal,    NULL    },
        {"last",          1, fn_last,       NULL    },
        {"first",         1, fn_first,      NULL    },
        {"translate",     3, fn_translate,  NULL    },
        {"decodeb64",     1, fn_decode,     NULL    },
    };
    const struct cel_env env = {.vars = vars,
                                .n_vars = ARRAY_LEN(vars),
                                .functions = functions,
                                .n_functions = ARRAY_LEN(functions)};
    struct cel_program *program;
    int r = cel_compile(a, text, strlen(text), &program, e);
    if (r < 0)
        return err_wrap(e, r, "expression \"%s\" check failed", text);
    r = cel_eval(a, program, &env, out, e);
    if (r < 0 && e && strstr(e->msg, "undeclared reference"))
        return err_wrap(e, r, "expression \"%s\" check failed: ERROR: <input>", text);
    return r < 0 ? err_wrap(e, r, "expression \"%s\" failed to evaluate", text) : 0;
}

int event_intercept_cel(struct event *ev, const struct value *params,
                        const struct event_secrets *secrets, struct arena *a, struct err *e)
{
    struct value *v;
    const char *filter = value_at_str(params, "filter", "");
    int r = *filter ? evaluate(ev, filter, secrets, a, &v, e) : 0;
    if (r < 0)
        return err_wrap(e, r, "error evaluating cel expression");
    if (*filter && !(value_is(v, VALUE_BOOL) && v->boolean))
        return err_set(e, ERR_DENIED, "expression %s did not return true", filter);
    struct value *added = value_copy(a, ev->extensions);
    VALUE_EACH_ITEM (o, value_get(params, "overlays")) {
        r = evaluate(ev, value_at_str(o, "expression", ""), secrets, a, &v, e);
        if (r < 0)
            return err_wrap(e, r, "error evaluating cel expression");
        const char *key = value_at_str(o, "key", ""), *dot = strrchr(key, '.');
        struct value *into = added;
        if (dot)
            into = value_make_object(a, added, arena_strndup(a, key, (size_t)(dot - key)));
        (void)value_set(a, into, dot ? dot + 1 : key, v);
    }
    ev->extensions = added;
    return 0;
}
