/* render.h - a template over small values, as Helm would render it in a chart named snip. */
#pragma once
#include "base/own.h"
#include "codec/json.h"
#include "t.h"
#include "template/helm_objects.h"
#include "template/template.h"

struct render_case {
    const char *text, *want; /* an error's text begins with "error: " */
};

static const char render_values[] =
    "{\"s\":\"hello\",\"n\":42,\"f\":1.5,\"big\":1234567,\"t\":true,\"nul\":null,"
    "\"list\":[\"a\",\"b\",\"c\"],\"map\":{\"b\":2,\"a\":{\"x\":\"y\"}},\"empty\":{}}";

static const char render_name[] = "snip/templates/snippet.txt";

static inline struct go_value render_dot(struct arena *a)
{
    struct value *v = NULL;
    struct err e = {0};
    T_RC(json_parse(a, render_values, sizeof render_values - 1, 0, &v, &e), &e, "values");
    struct go_map *dot = go_map_new(a, 2);
    go_map_put(dot, "Values", helm_values(go_from_value(a, v).map));
    return go_map(dot);
}

/* What `text` makes, or "error: " and what Helm says. */
static inline const char *render_text(struct arena *a, const char *text,
                                      const struct template_options *options)
{
    struct err e = {0};
    struct buf out;
    struct template_set *s = template_set_new(a, NULL);
    if (template_parse(s, render_name, text, strlen(text), &e))
        return arena_printf(a, "error: %s",
                            template_parse_error(a, render_name, template_set_error(s)));
    struct template_run *r = template_run_new(a, s, options);
    buf_init(&out, 1 << 20);
    int rc = template_execute(r, render_name, render_dot(a), &out, &e);
    const char *made = rc ? arena_printf(a, "error: %s",
                                         template_exec_error(a, render_name, template_run_error(r)))
                          : arena_strndup(a, buf_text(&out), out.len);
    buf_done(&out);
    return made;
}

static inline void render_all(const struct render_case *cases, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        AUTO(arena) struct arena *a = arena_new(0);
        T_EQ_STR(render_text(a, cases[i].text, NULL), cases[i].want, cases[i].text);
    }
}
