#include "ctl/gitops/health/health.h"

#include "codec/yaml.h"
#include "table.h"

static const char *judge(char **cells, size_t n, struct arena *a)
{
    struct value *o;
    struct err e = {0};
    (void)n;
    T_RC(yaml_parse(a, cells[1], strlen(cells[1]), 0, &o, &e), &e, cells[1]);
    char *version = strchr(cells[0], ' ');
    (void)value_set_str(a, o, "apiVersion", version + 1);
    (void)value_set(a, o, "kind", value_new_strn(a, cells[0], (size_t)(version - cells[0])));
    struct health h = health_of(o, a);
    const char *name = h.status == HEALTH_NONE ? "none" : health_name(h.status);
    return *h.message ? arena_printf(a, "%s: %s", name, h.message) : name;
}

static void judges(void)
{
    table_run(CASES "/health/health.table", judge);
}

T_MAIN(judges)
