#include "logs/line_rules.h"

#include "logs/logql.h"

struct line_rules {
    struct logdb *db;
    struct logdb_matcher own;
};

struct line_rules *line_rules_new(struct arena *a, struct logdb *db, const char *ns)
{
    struct line_rules *x = ARENA_NEW(a, struct line_rules);
    *x = (struct line_rules){
        db, {"namespace", LOGDB_EQ, arena_strdup(a, ns)}
    };
    return x;
}

int line_rules_check(const char *expr, struct arena *a, struct err *e)
{
    if (logql_is_log(expr))
        return err_set(e, ERR_INVALID,
                       "a rule needs numbers: a function such as count_over_time()");
    return logql_metric_check(expr, a, e);
}

int line_rules_eval(void *arg, const char *expr, int64_t at_ms, struct arena *a,
                    struct promql_result *out, struct err *e)
{
    const struct line_rules *x = arg;
    const struct logql_scope scope = {
        .db = x->db,
        .narrow = &x->own,
        .limits = {.budget = {.max_lines = 20000000,
                              .max_bytes = (uint64_t)8 << 30,
                              .max_ms = 10000,
                              .began_ms = clock_mono_ms()},
                   .max_samples = 5000000,
                   .max_series = 1000}
    };
    int r = logql_metric(&scope, expr, at_ms, at_ms, 1, a, out, e);
    for (size_t i = 0; r == 0 && i < out->series.n; i++) {
        struct labels *l = &out->series.items[i].labels;
        struct label *all = ARENA_ARRAY(a, struct label, l->n + 1);
        size_t n = 0;
        for (size_t k = 0; k < l->n; k++)
            if (strcmp(l->items[k].name, x->own.label) != 0)
                all[n++] = l->items[k];
        all[n++] = (struct label){x->own.label, x->own.value};
        *l = labels_make(a, all, n);
    }
    return r;
}
