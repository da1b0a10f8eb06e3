#include "dashboard/dashboard.h"

#include "codec/json.h"
#include "table.h"

/* The dashboard of each case: variables of all types, and what is asked. */
static const char frame[] =
    "{\"title\":\"t\",\"schemaVersion\":39,\"templating\":{\"list\":["
    "{\"name\":\"ds\",\"type\":\"datasource\",\"query\":\"prometheus\"},"
    "{\"name\":\"job\",\"type\":\"query\",\"query\":{\"query\":\"label_values(up, job)\"}},"
    "{\"name\":\"pod\",\"type\":\"query\",\"query\":\"label_values(up{job=\\\"$job\\\"}, pod)\","
    "\"current\":{\"value\":[\"$__all\"]},\"allValue\":\".*\"},"
    "{\"name\":\"metric\",\"type\":\"custom\",\"query\":\"up, down\"},"
    "{\"name\":\"ns\",\"type\":\"constant\",\"query\":\"slipway\"},"
    "{\"name\":\"step\",\"type\":\"interval\",\"query\":\"1m,10m\","
    "\"current\":{\"value\":\"$__auto_interval_step\"}},"
    "{\"name\":\"filter\",\"type\":\"textbox\",\"query\":\"\"},"
    "{\"name\":\"adhoc\",\"type\":\"adhoc\"}%s]},"
    "\"panels\":[{\"id\":1,\"title\":\"p\",\"targets\":[%s]}]}";

static const char *check(char **cells, size_t n, struct arena *a)
{
    struct dashboard d;
    struct dashboard_faults f;
    struct err e = {0};
    struct value *v = value_new_object(a);
    (void)n;
    bool variable = strcmp(cells[0], "variable") == 0;
    (void)value_set_str(a, v, variable ? "query" : "expr", cells[1]);
    (void)value_set_str(a, v, variable ? "name" : "refId", variable ? "v" : "A");
    (void)value_set_str(a, v, "type", "query");
    (void)value_set_bool(a, v, "instant", strcmp(cells[0], "instant") == 0);
    char *json = json_text(a, v, 0);
    char *text = arena_printf(a, frame, variable ? arena_join(a, ",", json, NULL) : "",
                              variable ? "" : json);
    if (dashboard_read(a, text, strlen(text), &d, &e) < 0)
        return arena_strdup(a, e.msg);
    dashboard_check(a, &d, 0, &f);
    const char *out = f.n ? "" : "works";
    for (size_t i = 0; i < f.n; i++)
        out = arena_join(a, out, i ? "; " : "", f.items[i].where, ": ", f.items[i].text, NULL);
    return out;
}

static void names_what_cannot_work(void)
{
    table_run("tests/cases/dashboard/check.table", check);
}

T_MAIN(names_what_cannot_work)
