/* expand_int.h - functions of alerts' templates that ask the store or make links. */
#pragma once
#include "rules/rules_int.h"
#include "template/template.h"

struct go_value expand__labels(struct arena *a, const struct labels *l);

go_fn expand__query, expand__first, expand__value, expand__label, expand__strvalue, expand__sort,
    expand__args, expand__table_link, expand__graph_link, expand__escape, expand__external_url,
    expand__path_prefix;
