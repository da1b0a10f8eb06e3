/* binding.c - from an event to parameters, from parameters to resources. */
#include <ctype.h>

#include "base/buf.h"
#include "base/own.h"
#include "codec/json.h"
#include "codec/jsonpath.h"
#include "ctl/tekton/event.h"
#include "ctl/tekton/params.h"

enum { RESOURCE_MAX = 4 << 20 };

const char *event_canonical(const char *name, struct arena *a)
{
    char *out = arena_strdup(a, name);
    bool start = true;
    for (char *p = out; *p; p++) {
        *p = (char)(start ? toupper((unsigned char)*p) : tolower((unsigned char)*p));
        start = *p == '-';
    }
    return out;
}

const char *event_header(const struct event *ev, const char *name, struct arena *a)
{
    return value_str(value_item(value_get(ev->header, event_canonical(name, a)), 0), "");
}

const struct value *event_doubles(const struct value *v, struct arena *a)
{
    if (value_is(v, VALUE_INT))
        return value_new_float(a, (double)v->i);
    if (value_is(v, VALUE_ARRAY)) {
        struct value *out = value_new_array(a);
        VALUE_EACH_ITEM (item, v)
            (void)value_push(a, out, event_doubles(item, a));
        return out;
    }
    if (!value_is(v, VALUE_OBJECT))
        return v;
    struct value *out = value_new_object(a);
    VALUE_EACH_MEMBER (m, v)
        (void)value_set(a, out, m->key, event_doubles(&m->value, a));
    return out;
}

int event_parse(struct event *ev, struct arena *a, struct err *e)
{
    struct value *body;
    if (!*ev->text)
        return 0;
    int r = json_parse(a, ev->text, strlen(ev->text), 0, &body, e);
    if (r < 0)
        return err_wrap(e, r, "failed to unmarshal request body");
    ev->body = event_doubles(body, a);
    return 0;
}

/* The end of the expression that starts behind "$(": its first unbalanced ")", or NULL. */
static const char *expression_end(const char *from, const char *limit)
{
    int open = 0;
    for (const char *p = from; p < limit; p++) {
        if (*p == '(')
            open++;
        else if (*p == ')' && --open < 0)
            return p;
    }
    return NULL;
}

void event_expressions(const char *text, struct arena *a, struct value *canonical,
                       struct value *original)
{
    for (const char *at = strstr(text, "$("); at;) {
        const char *from = at + 2, *next = strstr(from, "$(");
        const char *end = expression_end(from, next ? next : from + strlen(from));
        if (end) {
            const char *raw = arena_strndup(a, from, (size_t)(end - from));
            (void)value_push(a, original, value_new_strf(a, "$(%s)", raw));
            if (strncmp(raw, "header.", 7) == 0)
                raw = arena_printf(a, "header.%s", event_canonical(raw + 7, a));
            (void)value_push(a, canonical, value_new_strf(a, "$(%s)", raw));
        }
        at = next;
    }
}

/* What expressions are asked of. */
static struct value *event_document(const struct event *ev, struct arena *a)
{
    struct value *doc = value_new_object(a), *header = value_new_object(a);
    VALUE_EACH_MEMBER (m, ev->header) {
        const char *joined = "";
        VALUE_EACH_ITEM (v, &m->value)
            joined = arena_printf(a, "%s%s%s", joined, *joined ? "," : "", value_str(v, ""));
        (void)value_set_str(a, header, m->key, joined);
    }
    (void)value_set(a, doc, "header", header);
    (void)value_set(a, doc, "body", ev->body ? ev->body : value_null(a));
    (void)value_set(a, doc, "extensions", ev->extensions);
    (void)value_set_str(a, value_make_object(a, doc, "context"), "eventID", ev->id);
    return doc;
}

static const char *json_inside(const struct value *v, struct arena *a)
{
    const char *text = json_text(a, v, JSON_SORTED);
    if (!value_is(v, VALUE_STRING))
        return text;
    return arena_strndup(a, text + 1, strlen(text) - 2);
}

int event_lookup(const struct event *ev, const char *expression, struct arena *a, const char **out,
                 struct err *e)
{
    size_t n = strlen(expression);
    if (n < 4 || strncmp(expression, "$(", 2) != 0 || expression[n - 1] != ')')
        return err_set(e, ERR_INVALID, "expression not wrapped in $()");
    struct jsonpath *path;
    const struct value **found;
    size_t count;
    const char *inner = arena_strndup(a, expression + 2, n - 3);
    int r = jsonpath_compile_relaxed(a, inner, &path, e);
    if (r == 0)
        r = jsonpath_find(a, path, event_document(ev, a), 0, &found, &count, e);
    if (r < 0)
        return r;
    if (count == 1) {
        *out = json_inside(found[0], a);
        return 0;
    }
    struct value *list = value_new_array(a);
    for (size_t i = 0; i < count; i++)
        (void)value_push(a, list, found[i]);
    *out = json_text(a, list, JSON_SORTED);
    return 0;
}

static const char *replace_all(const char *text, const char *what, const char *with,
                               struct arena *a)
{
    AUTO_BUF struct buf b;
    buf_init(&b, RESOURCE_MAX);
    const char *at;
    for (; (at = strstr(text, what)); text = at + strlen(what)) {
        buf_add(&b, text, (size_t)(at - text));
        buf_puts(&b, with);
    }
    buf_puts(&b, text);
    return arena_strndup(a, buf_text(&b), b.len);
}

static int bind_one(const struct event *ev, const struct value *binding, const struct value *out,
                    struct arena *a, const char **text, struct err *e)
{
    const char *name = value_at_str(binding, "name", "");
    struct value *canonical = value_new_array(a), *original = value_new_array(a);
    const char *said = value_at_str(binding, "value", "");
    *text = said;
    event_expressions(said, a, canonical, original);
    for (size_t i = 0; i < value_count(canonical); i++) {
        const char *v;
        int r = event_lookup(ev, value_item(canonical, i)->text, a, &v, e);
        const struct value *dflt = value_get(out, name);
        if (r < 0 && !dflt)
            return err_wrap(e, r, "failed to replace JSONPath value for param %s: %s", name, said);
        *text = replace_all(*text, value_item(original, i)->text, r < 0 ? dflt->text : v, a);
    }
    return 0;
}

int event_params(const struct event *ev, const struct value *bindings, const struct value *declared,
                 struct arena *a, struct value **out, struct err *e)
{
    struct value *all = value_new_object(a), *seen = value_new_object(a);
    VALUE_EACH_ITEM (d, declared)
        if (value_get(d, "default"))
            (void)value_set_str(a, all, value_at_str(d, "name", ""),
                                value_at_str(d, "default", ""));
    VALUE_EACH_ITEM (b, bindings) {
        const char *name = value_at_str(b, "name", ""), *text;
        if (value_get(seen, name))
            return err_set(e, ERR_INVALID, "duplicate param name: %s", name);
        (void)value_set_bool(a, seen, name, true);
        int r = bind_one(ev, b, all, a, &text, e);
        if (r < 0)
            return r;
        (void)value_set_str(a, all, name, text);
    }
    *out = all;
    return 0;
}

int event_resource(const struct value *template, const struct value *params, const char *uid,
                   struct arena *a, struct value **out, struct err *e)
{
    const char *text = json_text(a, template, JSON_NO_HTML);
    VALUE_EACH_MEMBER (p, params) {
        const char *safe = replace_all(value_str(&p->value, ""), "$(", "$$(", a);
        text = replace_all(text, arena_printf(a, "$(tt.params.%s)", p->key), safe, a);
    }
    text = replace_all(text, "$(uid)", uid, a);
    int r = json_parse(a, text, strlen(text), 0, out, e);
    return r < 0 ? err_wrap(e, r, "the template's resource, its parameters filled in") : 0;
}
