/* A template makes the same of the same values each time; through include it makes what it makes by
 * itself; whatever it is, it ends within its limits. */
#include "fuzz.h"

#include "base/own.h"
#include "codec/json.h"
#include "template/helm_objects.h"
#include "template/template.h"

static const char values[] =
    "{\"s\":\"hello\",\"n\":42,\"f\":1.5,\"nul\":null,\"list\":[\"a\",2,null],"
    "\"map\":{\"b\":2,\"a\":{\"x\":\"y\"}}}";

/* Making RSA keys takes seconds, and hashing passwords a tenth of one. */
static bool is_slow(const char *text)
{
    return strstr(text, "gen") || strstr(text, "derive") || strstr(text, "crypt") ||
           strstr(text, "htpasswd");
}

/* What `text` makes, in the arena; NULL: an error. */
static const char *render(struct arena *a, const char *text, size_t n, size_t *out_n)
{
    struct template_limits limits = {
        .output = 1 << 16, .memory = 64 << 20, .steps = 20000, .stack_bytes = 1 << 20};
    struct template_host host = {.seed = "fuzz", .seed_n = 4};
    struct template_options options = {.host = &host, .limits = limits};
    struct value *v = NULL;
    struct err e;
    struct buf out;
    struct template_set *s = template_set_new(a, NULL);
    MUST(json_parse(a, values, sizeof values - 1, 0, &v, &e) == 0);
    if (template_parse(s, "t", text, n, &e)) {
        struct template_place place;
        MUST(template_error_place(a, template_set_error(s), &place));
        return NULL;
    }
    struct go_map *dot = go_map_new(a, 1);
    go_map_put(dot, "Values", helm_values(go_from_value(a, v).map));
    buf_init(&out, SIZE_MAX / 2);
    struct template_run *r = template_run_new(a, s, &options);
    int rc = template_execute(r, "t", go_map(dot), &out, &e);
    MUST(rc == 0 || *template_run_error(r));
    const char *made = rc ? NULL : arena_strndup(a, buf_text(&out), out.len);
    *out_n = out.len;
    buf_done(&out);
    return made;
}

static void same(const char *a, size_t n_a, const char *b, size_t n_b)
{
    MUST(!a == !b);
    MUST(!a || (n_a == n_b && memcmp(a, b, n_a) == 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(arena) struct arena *a = arena_new(0);
    const char *text = arena_strndup(a, (const char *)data, size);
    size_t n = 0, n_again = 0;
    if (size > 4096 || is_slow(text))
        return 0;
    const char *made = render(a, text, size, &n), *again = render(a, text, size, &n_again);
    same(made, n, again, n_again);
    /* `include` counts what is included in what, and a text may define or cut what is around it. */
    if (!made || strstr(text, "define") || strstr(text, "block") || strstr(text, "include") ||
        strstr(text, "template") || strstr(text, "tpl") || strstr(text, "{{-") ||
        strstr(text, "-}}") || strstr(text, "no value"))
        return 0;
    if (strlen(text) != size || n >= 1 << 15)
        return 0;
    static const char head[] = "{{ define \"w\" }}", tail[] = "{{ end }}{{ include \"w\" . }}";
    struct buf wrapped;
    buf_init(&wrapped, 1 << 16);
    buf_puts(&wrapped, head);
    buf_add(&wrapped, text, size);
    buf_puts(&wrapped, tail);
    again = render(a, buf_text(&wrapped), wrapped.len, &n_again);
    same(made, n, again, n_again);
    buf_done(&wrapped);
    return 0;
}
