/* Rules over lines: a file's faults, and what a group writes. */
#include "base/fs.h"
#include "logs/line_rules.h"
#include "rules/rules.h"
#include "t.h"

static struct logdb *lines;
static struct tsdb *db;
static int64_t now_ms;

static void put(const char *ns, const char *text, struct arena *a)
{
    struct value *labels = value_new_object(a);
    struct err e = {0};
    uint32_t id;
    (void)value_set_str(a, labels, "namespace", ns);
    (void)value_set_str(a, labels, "app", "web");
    T_RC(logdb_stream(lines, labels, &id, &e), &e, text);
    T_RC(logdb_append(lines, id, (now_ms - 10000) * 1000000, text, strlen(text), &e), &e, text);
}

static const struct rules_language *language(struct arena *a)
{
    struct rules_language *l = ARENA_NEW(a, struct rules_language);
    *l = (struct rules_language){line_rules_check, line_rules_eval,
                                 line_rules_new(a, lines, "shop"), LINE_RULES_OFFSET_MS};
    return l;
}

static void refuses(void)
{
    static const struct {
        const char *expr, *want;
    } cases[] = {
        {"sum(rate({app=\"web\"} |= \"error\" [1m]))", ""                            },
        {"sum(rate({app=\"web\"}[1m])) > 5",           ""                            },
        {"{app=\"web\"}",                              "a rule needs numbers"        },
        {"rate(http_requests_total[5m])",              "a selector such as"          },
        {"vector(1)",                                  "a function over lines"       },
        {"sum_over_time({app=\"web\"}[1m])",           "sum_over_time needs | unwrap"},
        {"sum(rate({app=\"web\"}[1m])",                "could not parse"             },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(arena) struct arena *a = arena_new(0);
        struct rules_opts o = {.language = language(a)};
        struct rule_file f;
        const char *text = arena_printf(
            a, "groups: [{name: g, rules: [{record: \"a:b\", expr: '%s'}]}]", cases[i].expr);
        rules_parse(a, text, strlen(text), &o, &f);
        const char *fault = f.n_faults ? f.faults[0] : "";
        T_OK(*cases[i].want ? strstr(fault, cases[i].want) != NULL : !*fault,
             arena_join(a, cases[i].expr, ": ", fault, NULL));
    }
}

/* What the store has of the metric at the moment, as "namespace app value; …". */
static const char *written(const char *query, struct arena *a)
{
    struct promql_tsdb source;
    struct promql_result r;
    struct err e = {0};
    char *out = arena_strdup(a, "");
    promql_tsdb_init(&source, db);
    T_RC(promql_instant(&source.source, &(struct promql_opts){0}, query, now_ms, a, &r, &e), &e,
         query);
    for (size_t i = 0; i < r.series.n; i++)
        out = arena_printf(
            a, "%s%s %s %g;", out, labels_get(&r.series.items[i].labels, "namespace"),
            labels_get(&r.series.items[i].labels, "app"), r.series.items[i].samples[0].v);
    return out;
}

static void writes(void)
{
    static const char text[] =
        "groups:\n"
        "- name: errors\n"
        "  rules:\n"
        "  - record: app:errors:count1m\n"
        "    expr: sum by (app) (count_over_time({app=\"web\"} |= \"error\" [1m]))\n"
        "  - record: app:took:max1m\n"
        "    expr: max(max_over_time({app=\"web\"} | logfmt | unwrap took [1m]))\n"
        "  - alert: Errors\n"
        "    expr: count_over_time({app=\"web\"} |= \"error\" [1m]) > 1\n";
    AUTO(arena) struct arena *a = arena_new(0);
    struct rules_opts o = {.language = language(a)};
    struct rule_file f;
    struct promql_tsdb source;
    struct promql_opts query = {0};
    struct err e = {0};
    size_t n;
    put("shop", "level=error took=5", a);
    put("shop", "level=error took=7", a);
    put("shop", "level=info took=1", a);
    put("other", "level=error took=99", a);
    rules_parse(a, text, sizeof text - 1, &o, &f);
    T_EQ_INT(f.n_faults, 0, "faults");
    f.groups[0].offset_ms = f.language->offset_ms;
    promql_tsdb_init(&source, db);
    const struct rules_host host = {
        .source = &source.source, .query = &query, .language = f.language, .db = db};
    AUTO(rule_runner) struct rule_runner *r = rule_runner_new(&host, &f.groups[0]);
    T_RC(rule_runner_eval(r, now_ms, &e), &e, "eval");
    T_RC(tsdb_commit(db, &e), &e, "commit");
    T_EQ_STR(written("app:errors:count1m", a), "shop web 2;", "of its own namespace");
    T_EQ_STR(written("app:took:max1m", a), "shop  7;", "of no other's values");
    const struct alert *alerts = rule_runner_alerts(r, 2, &n);
    T_EQ_INT(n, 1, "an alert");
    T_EQ_STR(labels_get(&alerts[0].labels, "namespace"), "shop", "its namespace");
}

static void all(void)
{
    char dir[] = "/tmp/slipway-lines-XXXXXX";
    struct err e = {0};
    T_OK(mkdtemp(dir), "mkdtemp");
    const struct logdb_opts o = {.dir = dir, .clock = &clock_system};
    const struct tsdb_opts metrics = {.clock = &clock_system};
    now_ms = clock_real_ms();
    T_RC(logdb_open(&o, &lines, &e), &e, "lines");
    T_RC(tsdb_open(&metrics, &db, &e), &e, "metrics");
    refuses();
    writes();
    tsdb_free(db);
    logdb_free(lines);
    T_RC(fs_remove_tree(dir, &e), &e, "clean up");
}

T_MAIN(all)
