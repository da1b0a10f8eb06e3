#include "cli/promtool.h"

#include "promql/promql.h"

bool promtool_features(const struct option_list *names, unsigned *out, struct err *e)
{
    for (size_t i = 0; i < names->n; i++)
        if (promql_features(names->items[i], out, e) < 0)
            return false;
    return true;
}
