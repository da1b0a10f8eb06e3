#include "ctl/analysis/expr.h"

#include "codec/json.h"
#include "table.h"

static const char *condition(char **cells, size_t n, struct arena *a)
{
    struct value *v;
    struct err e = {0};
    bool got = false;
    (void)n;
    T_RC(json_parse(a, cells[0], strlen(cells[0]), 0, &v, &e), &e, cells[0]);
    int rc = expr_true(a, cells[1], v, &got, &e);
    return rc < 0 ? arena_strdup(a, e.msg) : got ? "true" : "false";
}

static void evaluates(void)
{
    table_run(CASES "/analysis/conditions.table", condition);
}

T_MAIN(evaluates)
