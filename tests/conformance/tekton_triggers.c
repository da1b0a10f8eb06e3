/* tekton_triggers.c - the tables of Triggers' own tests, and its examples' webhooks. */
#include <regex.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "codec/base64.h"
#include "codec/json.h"
#include "codec/yaml.h"
#include "ctl/tekton/trigger.h"
#include "kube/fake.h"
#include "tekton.h"

static int table_secret(void *arg, const char *ns, const char *name, const char *key,
                        struct arena *a, const char **out, size_t *n, struct err *e)
{
    const struct value *secret = arg;
    (void)a;
    if (strcmp(value_at_str(secret, "name", ""), name) != 0 ||
        strcmp(value_at_str(secret, "namespace", ""), ns) != 0 ||
        !value_get(value_get(secret, "data"), key))
        return err_set(e, ERR_NOT_FOUND, "secrets \"%s\" not found", name);
    *out = value_str(value_get(value_get(secret, "data"), key), "");
    *n = strlen(*out);
    return 0;
}

static bool matches(const char *pattern, const char *text)
{
    regex_t re;
    if (strstr(text, pattern))
        return true;
    if (regcomp(&re, pattern, REG_EXTENDED | REG_NOSUB) != 0)
        return false;
    bool is = regexec(&re, text, 0, NULL, 0) == 0;
    regfree(&re);
    return is;
}

static const struct value *table(struct score *s, const char *name, struct arena *a)
{
    size_t n;
    struct value *v;
    struct err e;
    char *text = score_read(s, arena_printf(a, "triggers/vectors/%s.json", name), a, &n);
    if (!text)
        return NULL;
    if (json_parse(a, text, n, 0, &v, &e) == 0)
        return v;
    score_fail(s, name, "%s", e.msg);
    return NULL;
}

/* ---- CEL ---- */

struct cel_case {
    const struct value *context, *c;
    struct event ev;
    struct event_secrets secrets;
    struct arena *a;
};

static void cel_event(struct cel_case *k)
{
    const struct value *header = value_get(k->context, "header");
    if (!header)
        header = value_get(k->context, "headers");
    const struct value *secret = value_get(k->context, "secret");
    const char *ns = value_at_str(k->context, "namespace", "");
    k->ev = (struct event){.header = header ? value_copy(k->a, header) : value_new_object(k->a),
                           .text = "",
                           .body = value_get(k->context, "body"),
                           .extensions = value_new_object(k->a),
                           .id = "id"};
    k->ev.url = value_at_str(k->context, "requestURL", value_at_str(k->context, "eventURL", ""));
    if (value_get(k->context, "extensions"))
        k->ev.extensions = value_copy(k->a, value_get(k->context, "extensions"));
    union {
        const struct value *c;
        void *p;
    } arg = {secret};
    k->secrets = (struct event_secrets){table_secret, arg.p,
                                        *ns ? ns : value_at_str(secret, "namespace", "")};
}

/* An expression's value comes out as an overlay's. */
static int cel_value(struct cel_case *k, const char *expr, const struct value **out, struct err *e)
{
    struct value *params = value_new_object(k->a), *list = value_new_array(k->a);
    struct value *o = value_new_object(k->a);
    (void)value_set_str(k->a, o, "key", "out");
    (void)value_set_str(k->a, o, "expression", expr);
    (void)value_push(k->a, list, o);
    (void)value_set(k->a, params, "overlays", list);
    int r = event_intercept_cel(&k->ev, params, &k->secrets, k->a, e);
    *out = value_get(k->ev.extensions, "out");
    return r;
}

static void run_cel(struct score *s, const char *name, bool errors)
{
    AUTO(arena) struct arena *a = arena_new(64 << 20);
    const struct value *t = table(s, name, a);
    VALUE_EACH_ITEM (c, value_get(t, "cases")) {
        const char *expr = value_at_str(c, "expr", "");
        const char *label = arena_printf(a, "%s: %s", name, expr);
        struct cel_case k = {.context = value_get(t, "context"), .c = c, .a = a};
        struct err e = {0};
        const struct value *got = NULL, *want = value_get(c, "want");
        cel_event(&k);
        int r = cel_value(&k, expr, &got, &e);
        if (errors && r == 0)
            score_fail(s, label, "is no error");
        else if (errors && !matches(value_at_str(c, "error_matches", ""), e.msg))
            score_fail(s, label, "says \"%s\"", e.msg);
        else if (!errors && r < 0)
            score_fail(s, label, "%s", e.msg);
        else if (!errors && !value_equal(got, want))
            score_fail(s, label, "is %s, not %s", json_text(a, got, 0), json_text(a, want, 0));
        else
            score_pass(s);
    }
}

static void run_interceptor(struct score *s)
{
    AUTO(arena) struct arena *a = arena_new(64 << 20);
    const struct value *t = table(s, "cel-interceptor", a);
    VALUE_EACH_ITEM (c, value_get(t, "cases")) {
        const char *label = arena_printf(a, "cel-interceptor: %s", value_at_str(c, "name", ""));
        struct cel_case k = {.context = value_get(t, "context"), .c = c, .a = a};
        struct err e = {0};
        cel_event(&k);
        k.ev.text = value_at_str(c, "body", "");
        k.ev.body = NULL;
        if (value_get(c, "extensions_in"))
            k.ev.extensions = value_copy(a, value_get(c, "extensions_in"));
        int r = event_parse(&k.ev, a, &e);
        struct value *before = k.ev.extensions;
        if (r == 0)
            r = event_intercept_cel(&k.ev, c, &k.secrets, a, &e);
        bool go_on = value_at_bool(c, "continue", true);
        const struct value *want = value_get(c, "extensions");
        bool extended = true;
        VALUE_EACH_MEMBER (m, want)
            extended = extended && value_equal(value_get(k.ev.extensions, m->key), &m->value);
        if ((r == 0) != go_on)
            score_fail(s, label, "%s", r < 0 ? e.msg : "goes on");
        else if (go_on && !extended)
            score_fail(s, label, "extensions are %s", json_text(a, k.ev.extensions, 0));
        else if (!go_on && !matches(value_at_str(c, "message_matches", ""), e.msg))
            score_fail(s, label, "says \"%s\"", e.msg);
        else
            score_pass(s);
        (void)before;
    }
}

/* ---- bindings ---- */

static const char *squeeze(const char *text, struct arena *a)
{
    char *out = arena_strdup(a, text), *w = out;
    for (const char *p = text; *p; p++)
        if (*p != ' ')
            *w++ = *p;
    *w = '\0';
    return out;
}

static void run_paths(struct score *s, const char *name, bool errors)
{
    AUTO(arena) struct arena *a = arena_new(64 << 20);
    const struct value *t = table(s, name, a);
    VALUE_EACH_ITEM (c, value_get(t, "cases")) {
        const char *expr = value_at_str(c, "expr", ""), *got = "";
        const char *label = arena_printf(a, "%s: %s", name, expr);
        struct err e = {0};
        struct value *doc = NULL;
        const char *in = value_at_str(c, "in", "");
        if (*in && json_parse(a, in, strlen(in), 0, &doc, &e) < 0)
            doc = NULL;
        const struct value *data = doc ? doc : value_at(t, "context.data");
        struct event ev = {.header = value_new_object(a),
                           .text = "",
                           .id = "",
                           .url = "",
                           .body = value_get(data, "body"),
                           .extensions = value_new_object(a)};
        int r = event_lookup(&ev, expr, a, &got, &e);
        const char *want = squeeze(value_at_str(c, "want", ""), a);
        /* a binding's text stands within JSON: its escapes are JSON's */
        if (errors ? r == 0 : r < 0)
            score_fail(s, label, "%s", errors ? "is no error" : e.msg);
        else if (!errors && strcmp(squeeze(got, a), want) != 0)
            score_fail(s, label, "is %s, not %s", got, want);
        else
            score_pass(s);
    }
}

static void run_find(struct score *s)
{
    AUTO(arena) struct arena *a = arena_new(64 << 20);
    const struct value *t = table(s, "find-expressions", a);
    VALUE_EACH_ITEM (c, value_get(t, "cases")) {
        struct value *canonical = value_new_array(a), *original = value_new_array(a);
        event_expressions(value_at_str(c, "in", ""), a, canonical, original);
        if (!value_equal(canonical, value_get(c, "want")) && value_count(value_get(c, "want")))
            score_fail(s, value_at_str(c, "in", ""), "finds %s", json_text(a, canonical, 0));
        else
            score_pass(s);
    }
}

/* ---- webhooks ---- */

static void ignore(void *arg, const char *trigger, const char *message)
{
    struct buf *b = arg;
    buf_printf(b, "%s: %s; ", trigger, message);
}

static int may_create(void *arg, const char *ns, const char *account, const struct resource *res,
                      const char *in_ns, struct err *e)
{
    (void)arg;
    (void)ns;
    (void)account;
    (void)res;
    (void)in_ns;
    (void)e;
    return 0;
}

static void load_folder(struct score *s, struct kube *k, const struct value *index,
                        const char *folder, struct arena *a, const char **listener)
{
    VALUE_EACH_ITEM (x, value_get(index, "triggers")) {
        const char *file = value_at_str(x, "file", "");
        struct value **docs;
        size_t n, count;
        struct err e;
        if (strncmp(file, folder, strlen(folder)) != 0)
            continue;
        char *text = score_read(s, file, a, &n);
        if (!text || yaml_or_json_parse_all(a, text, n, 0, &docs, &count, &e) < 0)
            continue;
        for (size_t i = 0; i < count; i++) {
            const struct resource *res = resource_find(value_at_str(docs[i], "apiVersion", ""),
                                                       value_at_str(docs[i], "kind", ""));
            if (!res) /* v1alpha1 */
                res =
                    resource_find("triggers.tekton.dev/v1beta1", value_at_str(docs[i], "kind", ""));
            if (!res)
                continue;
            struct value *data = value_at_mut(docs[i], "data");
            VALUE_EACH_MEMBER (m, value_get(docs[i], "stringData"))
                (void)value_set_str(
                    a, data ? data : (data = value_make_object(a, docs[i], "data")), m->key,
                    base64_encode(a, value_str(&m->value, ""), value_count(&m->value), BASE64_STD));
            struct value *meta = value_make_object(a, docs[i], "metadata");
            if (res->namespaced)
                (void)value_set_str(a, meta, "namespace", "default");
            (void)!kube_create(k, res, res->namespaced ? "default" : NULL, docs[i], NULL, &e);
            if (res == &RES_EVENT_LISTENER)
                *listener = value_at_str(docs[i], "metadata.name", "");
        }
    }
}

static void run_request(struct score *s, const struct value *index, const struct value *x)
{
    AUTO(arena) struct arena *a = arena_new(64 << 20);
    const char *file = value_at_str(x, "file", ""), *listener = NULL;
    const char *folder = arena_strndup(a, file, (size_t)(strrchr(file, '/') - file + 1));
    struct fake_clock clock;
    fake_clock_init(&clock, 1767225600000);
    AUTO(kube) struct kube *k = kube_fake_new(&clock.clock);
    size_t n, created = 0;
    struct value *request;
    struct err e = {0};
    char *text = score_read(s, file, a, &n);
    if (!text || json_parse(a, text, n, 0, &request, &e) < 0)
        return;
    load_folder(s, k, index, folder, a, &listener);
    struct object *o;
    if (!listener || kube_get(k, &RES_EVENT_LISTENER, "default", listener, &o, &e) < 0) {
        score_skip(s, file, "its listener is elsewhere");
        return;
    }
    struct event ev = {.header = value_new_object(a),
                       .extensions = value_new_object(a),
                       .text = value_at_str(request, "body", ""),
                       .url = "",
                       .id = "id"};
    VALUE_EACH_MEMBER (h, value_get(request, "headers")) {
        struct value *list = value_new_array(a);
        (void)value_push(a, list, &h->value);
        (void)value_set(a, ev.header, event_canonical(h->key, a), list);
    }
    AUTO_BUF struct buf said;
    buf_init(&said, 4096);
    const struct firing f = {.kube = k,
                             .ns = "default",
                             .listener = listener,
                             .seed = "id",
                             .ports = &(struct tekton_ports){.may_create = may_create},
                             .complain = ignore,
                             .arg = &said};
    int r = event_parse(&ev, a, &e);
    if (r == 0)
        r = trigger_fire(&f, o->root, &ev, a, &created, &e);
    bool wants = value_get(x, "creates_name_prefix") != NULL;
    if (strstr(buf_text(&said), "not offered") || strstr(buf_text(&said), "not found"))
        score_skip(s, file, buf_text(&said));
    else if (r < 0 || (wants && !created))
        score_fail(s, file, "%s%s", r < 0 ? e.msg : "makes nothing: ", buf_text(&said));
    else
        score_pass(s);
    object_unref(o);
}

void tekton_triggers(struct score *s, const struct value *index)
{
    run_cel(s, "cel-eval", false);
    run_cel(s, "cel-eval-error", true);
    run_interceptor(s);
    run_paths(s, "binding-jsonpath", false);
    run_paths(s, "binding-jsonpath-error", true);
    run_find(s);
    VALUE_EACH_ITEM (x, value_get(index, "trigger_requests"))
        run_request(s, index, x);
}
