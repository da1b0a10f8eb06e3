#include "codec/yaml.h"
#include "world.h"

static struct value *yaml(struct arena *a, const char *text)
{
    struct value *v = NULL;
    struct err e = {0};
    T_RC(yaml_parse(a, text, strlen(text), 0, &v, &e), &e, text);
    return v;
}

static void keeps(void)
{
    static const struct {
        const char *annotations;
        bool want;
    } cases[] = {
        {"{}",                                    false},
        {"{helm.sh/resource-policy: keep}",       true },
        {"{helm.sh/resource-policy: \" Keep \"}", true },
        {"{helm.sh/resource-policy: keeper}",     false},
        {"{helm.sh/resource-policy: delete}",     false},
    };
    AUTO(arena) struct arena *a = arena_new(0);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const char *text = arena_printf(a, "metadata: {annotations: %s}", cases[i].annotations);
        T_EQ_INT(release__keeps(yaml(a, text)), cases[i].want, cases[i].annotations);
    }
}

static void deletion_order(void)
{
    const struct resource widget = {.kind = "Widget"}, gadget = {.kind = "Gadget"};
    const struct resource *const kinds[] = {&RES_NAMESPACE, &widget,         &RES_SECRET,
                                            &gadget,        &RES_DEPLOYMENT, &RES_SERVICE};
    static const char *const want[] = {"Service",   "Deployment", "Secret",
                                       "Namespace", "Gadget",     "Widget"};
    AUTO(arena) struct arena *a = arena_new(0);
    struct release_objects list = {0};
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        release__push(a, &list, (struct release_object){.res = kinds[i], .name = "x", .ns = ""});
    release__sort_for_deletion(&list);
    for (size_t i = 0; i < list.n; i++)
        T_EQ_STR(list.items[i].res->kind, want[i], want[i]);
}

static void hook_order(void)
{
    AUTO(arena) struct arena *a = arena_new(0);
    struct release r = {.doc = yaml(a, "hooks:\n"
                                       "- {name: c, events: [pre-install]}\n"
                                       "- {name: b, events: [pre-install, post-install]}\n"
                                       "- {name: z, events: [pre-install], weight: -1}\n"
                                       "- {name: a, events: [post-install]}\n"
                                       "- {name: d, events: [pre-install], weight: 3}\n")};
    static const char *const want[] = {"z", "b", "c", "d"};
    const struct value **hooks;
    size_t n = release_hooks(&r, "pre-install", a, &hooks);
    T_EQ_INT(n, 4, "those of the event");
    for (size_t i = 0; i < n && i < 4; i++)
        T_EQ_STR(value_at_str(hooks[i], "name", ""), want[i], want[i]);
}

static void filters(void)
{
    static const char *const only[] = {"a", "b"}, *const but[] = {"b"};
    const struct release_filter none = {0}, some = {only, but, 2, 1}, most = {NULL, but, 0, 1};
    T_OK(release_filter_has(&none, "x"), "none");
    T_OK(release_filter_has(&some, "a"), "named");
    T_OK(!release_filter_has(&some, "b"), "named and left out");
    T_OK(!release_filter_has(&some, "x"), "not named");
    T_OK(release_filter_has(&most, "x") && !release_filter_has(&most, "b"), "left out");
}

static void labels(void)
{
    AUTO(arena) struct arena *a = arena_new(0);
    struct value *out =
        release__labels(a, yaml(a, "{x: \"1\", y: \"2\"}"), yaml(a, "{y: \"null\", z: \"3\"}"));
    T_OK(value_equal(out, yaml(a, "{x: \"1\", z: \"3\"}")), "joined");
}

/* Revisions with these states; which would go to make room. */
static void surplus(void)
{
    static const struct {
        const char *states;
        int max;
        const char *want;
    } cases[] = {
        {"deployed",                              2, ""   },
        {"superseded superseded deployed",        2, "1"  },
        {"deployed failed failed",                1, "2 3"},
        {"superseded deployed failed superseded", 2, "1 3"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(arena) struct arena *a = arena_new(0);
        struct release *items[8];
        struct release_list list = {items, 0};
        for (const char *s = cases[i].states; *s; s += strspn(s, " ")) {
            size_t n = strcspn(s, " ");
            struct value *doc = yaml(a, arena_printf(a, "info: {status: %.*s}", (int)n, s));
            (void)value_set_int(a, doc, "version", (int64_t)list.n + 1);
            items[list.n++] = release__of(a, doc);
            s += n;
        }
        struct release_list gone = release__surplus(&list, cases[i].max, a);
        const char *got = "";
        for (size_t k = 0; k < gone.n; k++)
            got = arena_printf(a, "%s%s%d", got, k ? " " : "", gone.items[k]->revision);
        T_EQ_STR(got, cases[i].want, cases[i].states);
    }
}

static void times(void)
{
    static const struct {
        const char *text, *ansic, *string;
    } cases[] = {
        {"2026-11-03T09:05:07.120456Z", "Tue Nov  3 09:05:07 2026",
         "2026-11-03 09:05:07.120456 +0000 UTC"                        },
        {"2026-11-23T23:59:59+02:30",   "Mon Nov 23 23:59:59 2026",
         "2026-11-23 23:59:59 +0230 +0230"                             },
        {"",                            "Mon Jan  1 00:00:00 0001", "-"},
    };
    AUTO(arena) struct arena *a = arena_new(0);
    (void)setenv("TZ", "UTC", 1);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        T_EQ_STR(release_time_ansic(cases[i].text, a), cases[i].ansic, cases[i].text);
        T_EQ_STR(release_time_string(cases[i].text, a), cases[i].string, cases[i].text);
    }
    T_EQ_STR(release_time_text(1700000000120, a), "2023-11-14T22:13:20.12Z", "now");
    T_EQ_STR(release_time_text(1700000000000, a), "2023-11-14T22:13:20Z", "a whole second");
}

static void packing(void)
{
    AUTO(arena) struct arena *a = arena_new(0);
    struct value *doc = yaml(a, "{name: one, info: {status: deployed}, n: 1}"), *back = NULL;
    struct err e = {0};
    T_RC(release__decode(a, release__encode(a, doc), &back, &e), &e, "there and back");
    T_OK(value_equal(doc, back), "the same");
    T_OK(release__decode(a, "bm9uc2Vuc2U=", &back, &e) < 0, "nonsense");
}

T_MAIN(keeps, deletion_order, hook_order, filters, labels, surplus, times, packing)
