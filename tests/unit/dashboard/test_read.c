#include "dashboard/dashboard.h"

#include "t.h"

static const char *summary(struct arena *a, const char *text)
{
    struct dashboard d;
    struct err e = {0};
    if (dashboard_read(a, text, strlen(text), &d, &e) < 0)
        return arena_strdup(a, e.msg);
    char *out = arena_printf(a, "%s/%s:", d.uid, d.title);
    for (size_t i = 0; i < d.n_panels; i++) {
        const struct dashboard_panel *p = &d.panels[i];
        out = arena_join(a, out, " ", p->row, *p->row ? ">" : "", p->title, NULL);
        if (*p->unit)
            out = arena_join(a, out, "(", p->unit, ")", NULL);
        for (size_t k = 0; k < p->n; k++)
            out = arena_join(a, out, "=", p->queries[k].expr, NULL);
    }
    return arena_printf(a, "%s, %zu annotations, %zu passed", out, d.n_annotations, d.passed);
}

#define UP "\"targets\":[{\"refId\":\"A\",\"expr\":\"up\"}]"

static void reads(void)
{
    static const struct {
        const char *text, *want;
    } cases[] = {
        {"{\"uid\":\"u\",\"title\":\"t\",\"panels\":[{\"title\":\"p\"," UP "}]}",
         "u/t: p=up, 0 annotations, 0 passed"                                                                                                                         },
        {"{\"dashboard\":{\"title\":\"t\",\"panels\":[{\"title\":\"p\"," UP "}]}}",
         "/t: p=up, 0 annotations, 0 passed"                                                                                                                          },
        {"{\"title\":\"t\",\"rows\":[{\"title\":\"r\",\"panels\":[{\"title\":\"p\","
         "\"yaxes\":[{\"format\":\"bytes\"}]," UP "}]}]}",
         "/t: r>p(bytes)=up, 0 annotations, 0 passed"                                                                                                                 },
        {"{\"panels\":[{\"type\":\"row\",\"title\":\"r\",\"panels\":[{\"title\":\"p\"," UP "}]},"
         "{\"title\":\"q\",\"fieldConfig\":{\"defaults\":{\"unit\":\"s\"}}}]}",             "/: r>p=up r>q(s), 0 annotations, 0 passed"                      },
        {"{\"panels\":[{\"title\":\"p\",\"datasource\":{\"type\":\"loki\",\"uid\":\"x\"}," UP "}]}",
         "/: p, 0 annotations, 1 passed"                                                                                                                              },
        {"{\"panels\":[{\"title\":\"p\",\"datasource\":\"-- Mixed --\",\"targets\":["
         "{\"expr\":\"a\",\"datasource\":{\"type\":\"loki\"}},{\"expr\":\"b\"}]}]}",        "/: p=b, 0 annotations, 0 passed"                                },
        {"{\"templating\":{\"list\":[{\"name\":\"l\",\"type\":\"datasource\",\"query\":\"loki\"}]},"
         "\"panels\":[{\"title\":\"p\",\"datasource\":{\"uid\":\"${l}\"}," UP "}]}",
         "/: p, 0 annotations, 1 passed"                                                                                                                              },
        {"{\"title\":\"t\",\"panels\":null,\"annotations\":{\"list\":[{\"name\":\"n\","
         "\"datasource\":{\"uid\":\"-- Grafana --\"},\"expr\":\"x\"},{\"target\":{\"expr\":\"y\"}}]"
         "}}",                                                                              "/t:, 1 annotations, 0 passed"                                   },
        {"{\n\"title\": t}",                                                                         "line 2, column 11: "                                            },
        {"[]",                                                                                       "line 1, column 1: no dashboard: it has neither title nor panels"},
        {"{\"title\":\"t\",\"panels\":\"x\"}",                                                       "line 1, column 23: panels is no list but string"                },
        {"{\"panels\":[1]}",                                                                         "line 1, column 12: a panel is no object but int"                },
        {"{\"title\":\"t\",\"elements\":{}}",                                                        "a dashboard of Grafana's newer form, with elements:"
                                              " export it in the classic one"                                            },
        {"{\"panels\":[],\"templating\":{\"list\":[{\"name\":\"v\",\"type\":\"z\"}]}}",
         "line 1: variable v has type \"z\", which is none"                                                                                                           },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(arena) struct arena *a = arena_new(0);
        const char *got = summary(a, cases[i].text);
        /* The words about what is no JSON are another's. */
        if (strncmp(cases[i].want, "line 2", 6) == 0)
            got = arena_strndup(a, got, strlen(cases[i].want));
        T_EQ_STR(got, cases[i].want, cases[i].text);
    }
}

static void keeps_its_limits(void)
{
    AUTO(arena) struct arena *a = arena_new(0);
    char *many = arena_alloc(a, 3 * (DASHBOARD_PANELS_MAX + 1) + 32), *at = many;
    at = stpcpy(at, "{\"panels\":[");
    for (int i = 0; i < DASHBOARD_PANELS_MAX; i++)
        at = stpcpy(at, "{},");
    (void)stpcpy(at, "{}]}");
    T_EQ_STR(summary(a, many), "line 1: more than 1000 panels", "panels");
    T_EQ_STR(summary(a, "{\"panels\":[{\"type\":\"row\",\"panels\":[{\"type\":\"row\",\"panels\":["
                        "{\"type\":\"row\",\"panels\":[{\"type\":\"row\",\"panels\":[{}]}]}]}]}]}"),
             "line 1: rows within rows, more than 3 deep", "nesting");
    struct dashboard d;
    struct err e = {0};
    T_EQ_INT(dashboard_read(a, "", DASHBOARD_FILE_MAX + 1, &d, &e), ERR_TOO_LARGE, "size");
}

T_MAIN(reads, keeps_its_limits)
