#include "monitor/dashboards.h"

#include "codec/json.h"
#include "t.h"

static struct err e;

/* With one variable and one query. */
static const char *dashboard(struct arena *a, const char *uid, const char *expr)
{
    return arena_printf(
        a,
        "{\"uid\":\"%s\",\"title\":\"Shop\",\"templating\":{\"list\":[{\"name\":\"job\",\"type\":"
        "\"query\",\"query\":\"label_values(up, job)\",\"current\":{\"value\":\"shop\"}}]},"
        "\"panels\":[{\"id\":1,\"title\":\"Requests\",\"targets\":[{\"refId\":\"A\",\"expr\":\"%"
        "s\"}]}]"
        "}",
        uid, expr);
}

static const char *put(struct dashboards *d, struct arena *a, const char *key, const char *version,
                       const char *text)
{
    const struct dashboard_place at = {"default", "boards", key, version};
    return dashboards_put(d, &at, text, a);
}

static const struct value *parsed(struct buf *b, struct arena *a)
{
    struct value *v;
    T_RC(json_parse(a, buf_text(b), b->len, 0, &v, &e), &e, buf_text(b));
    return v;
}

static const struct value *listed(struct dashboards *d, struct arena *a)
{
    AUTO_BUF struct buf b;
    buf_init(&b, 1 << 20);
    dashboards_list(d, &b);
    return parsed(&b, a);
}

static const struct value *first(const struct value *v, const char *list)
{
    return value_item(value_get(v, list), 0);
}

static void keeps_and_shows(void)
{
    AUTO(arena) struct arena *a = arena_new(0);
    AUTO(dashboards) struct dashboards *d = dashboards_new(0);
    AUTO_BUF struct buf b;
    buf_init(&b, 1 << 20);
    T_OK(!put(d, a, "b.json", "1", dashboard(a, "shop", "up{job=\\\"$job\\\"}")), "no fault");
    T_OK(!put(d, a, "a.json", "1", dashboard(a, "", "up")), "no uid");
    const struct value *list = listed(d, a);
    T_EQ_INT(value_count(list), 2, "dashboards");
    T_EQ_STR(value_at_str(value_item(list, 0), "source.key", ""), "a.json", "in order");
    T_EQ_INT(strlen(value_at_str(value_item(list, 0), "uid", "")), 16, "a uid of its own");
    T_OK(dashboards_show(d, "shop", &b), "by uid");
    const struct value *v = parsed(&b, a);
    T_EQ_STR(value_at_str(v, "title", ""), "Shop", "title");
    T_EQ_STR(value_at_str(first(v, "variables"), "value", ""), "shop", "the variable's value");
    const struct value *query = first(first(v, "panels"), "queries");
    T_EQ_STR(value_at_str(query, "expr", ""), "up{job=\"$job\"}", "query");
    T_EQ_STR(value_str(first(query, "variables"), ""), "job", "what it uses");
    T_OK(!dashboards_show(d, "none", &b), "no such uid");
}

static void names_faults_once(void)
{
    AUTO(arena) struct arena *a = arena_new(0);
    AUTO(dashboards) struct dashboards *d = dashboards_new(0);
    const char *bad = dashboard(a, "shop", "sum(up"), *fault = put(d, a, "a.json", "1", bad);
    T_OK(fault && strstr(fault, "panel \"Requests\", query A: 1:"), fault ? fault : "no fault");
    T_OK(!put(d, a, "a.json", "1", bad), "the same is not said again");
    T_EQ_INT(value_at_int(value_item(listed(d, a), 0), "faultCount", 0), 1, "served all the same");
    fault = put(d, a, "a.json", "2", "{");
    T_OK(fault && strncmp(fault, "not read: ", 10) == 0, fault ? fault : "no fault");
    T_OK(*value_at_str(value_item(listed(d, a), 0), "error", ""), "listed with why");
}

static void forgets_what_is_gone(void)
{
    AUTO(arena) struct arena *a = arena_new(0);
    AUTO(dashboards) struct dashboards *d = dashboards_new(0);
    struct value *data = value_new_object(a);
    (void)value_set_str(a, data, "a.json", "");
    T_OK(!put(d, a, "a.json", "1", dashboard(a, "a", "up")), "one");
    T_OK(!put(d, a, "b.json", "1", dashboard(a, "b", "up")), "two");
    dashboards_keep(d, "default", "other", NULL);
    dashboards_keep(d, "default", "boards", data);
    T_EQ_INT(value_count(listed(d, a)), 1, "one left");
    dashboards_keep(d, "default", "boards", NULL);
    T_EQ_INT(value_count(listed(d, a)), 0, "none left");
}

T_MAIN(keeps_and_shows, names_faults_once, forgets_what_is_gone)
