/* test.c - files of rule tests: series, rules over time, and what must come of them. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <glob.h>
#include <libgen.h>
#include <math.h>
#include <pcre2.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/fs.h"
#include "codec/number.h"
#include "codec/yaml.h"
#include "promql/describe.h"
#include "rules/rules_int.h"

enum { FILE_MAX = 64 << 20, MAX_EVALS = 10000000 };

struct test_file {
    const struct rule_test_opts *opts;
    struct arena *arena;
    struct rule_texts *faults;
    int64_t evaluation_ms;
    bool fuzzy;
    const struct value *order; /* of groups */
    struct rule_file *rules;
    size_t n_rules;
};

/* One group of tests while it runs. */
struct test {
    struct test_file *f;
    const char *name;
    int64_t interval_ms, start_ms;
    const struct value *series, *alerts, *exprs;
    struct labels external;
    const char *external_url;
    struct tsdb *db;
    struct promql_tsdb source;
    struct promql_opts query;
    struct description *input;
    uint64_t *refs;
    size_t *loaded; /* how many values of each are in the store */
    size_t n_input;
    struct rule_runner **runners;
    size_t n_runners;
};

static void fail(const struct test *t, const char *fmt, ...) PRINTF(2, 3);
static void fail(const struct test *t, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    const char *what = arena_vprintf(t->f->arena, fmt, ap);
    va_end(ap);
    rule_texts__add(t->f->faults, "%s%s%s    %s", *t->name ? "    name: " : "", t->name,
                    *t->name ? ",\n" : "", what);
}

static bool check(const struct test *t, int r, const struct err *e)
{
    if (r < 0)
        fail(t, "%s", e->msg);
    return r == 0;
}

/* ---- the store ---- */

static bool read_series(struct test *t)
{
    size_t n = value_count(t->series);
    struct err e;
    t->input = ARENA_ARRAY(t->f->arena, struct description, n + 1);
    t->refs = ARENA_ARRAY(t->f->arena, uint64_t, n + 1);
    t->loaded = ARENA_ARRAY(t->f->arena, size_t, n + 1);
    VALUE_EACH_ITEM (item, t->series) {
        const char *name = "", *values = "";
        const struct rule_field fields[] = {
            {"series", RULE_TEXT, &name},
            {"values",   RULE_TEXT, &values},
            {0}
        };
        rule_fields__read(t->f->faults, item, "series", fields, false);
        const char *text = arena_join(t->f->arena, name, " ", values, NULL);
        size_t i = t->n_input++;
        if (!check(t, describe_series(t->f->arena, text, &t->input[i], &e), &e) ||
            !check(t, tsdb_series(t->db, &t->input[i].labels, &t->refs[i], &e), &e))
            return false;
    }
    return true;
}

/* Samples up to a time: rules must not see what is to come. */
static bool load_until(struct test *t, int64_t until_ms)
{
    struct err e;
    for (size_t i = 0; i < t->n_input; i++)
        for (; t->loaded[i] < t->input[i].n; t->loaded[i]++) {
            const struct described *v = &t->input[i].values[t->loaded[i]];
            int64_t at = t->start_ms + (int64_t)t->loaded[i] * t->interval_ms;
            if (at > until_ms)
                break;
            if (v->omitted)
                continue;
            int r = v->h ? tsdb_append_histogram(t->db, t->refs[i], at, v->h, &e)
                         : tsdb_append(t->db, t->refs[i], at, v->v, &e);
            if (r != ERR_CONFLICT && r != ERR_EXISTS && !check(t, r, &e))
                return false;
        }
    return true;
}

/* ---- alerts ---- */

static int by_labels_then_annotations(const void *a, const void *b)
{
    const struct alert *x = a, *y = b;
    int c = labels_compare(&x->labels, &y->labels);
    return c ? c : labels_compare(&x->annotations, &y->annotations);
}

static size_t firing(const struct test *t, const char *name, struct alert **out)
{
    struct alert *all = NULL;
    size_t n = 0;
    for (size_t g = 0; g < t->n_runners; g++) {
        const struct rule_group *group = rule_runner_group(t->runners[g]);
        for (size_t i = 0; i < group->n; i++) {
            size_t active;
            if (strcmp(group->rules[i].alert, name) != 0)
                continue;
            const struct alert *a = rule_runner_alerts(t->runners[g], i, &active);
            all = arena_grow(t->f->arena, all, n * sizeof *all, (n + active) * sizeof *all);
            for (size_t k = 0; k < active; k++)
                if (a[k].firing)
                    all[n++] = a[k];
        }
    }
    if (n)
        qsort(all, n, sizeof *all, by_labels_then_annotations);
    *out = all;
    return n;
}

static size_t expected(struct test *t, const struct value *list, const char *name,
                       struct alert **out)
{
    struct arena *a = t->f->arena;
    size_t n = 0;
    *out = ARENA_ARRAY(a, struct alert, value_count(list) + 1);
    VALUE_EACH_ITEM (item, list) {
        struct labels l = {0}, annotations = {0};
        const struct rule_field fields[] = {
            {"exp_labels",      RULE_LABELS, &l},
            {"exp_annotations",               RULE_LABELS, &annotations},
            {0}
        };
        rule_fields__read(t->f->faults, item, "alert", fields, false);
        struct label *all = ARENA_ARRAY(a, struct label, l.n + 1);
        memcpy(all, l.items, l.n * sizeof *all);
        all[l.n] = (struct label){"alertname", name};
        (*out)[n++] =
            (struct alert){.labels = labels_make(a, all, l.n + 1),
                           .annotations = labels_make(a, annotations.items, annotations.n)};
    }
    if (n)
        qsort(*out, n, sizeof **out, by_labels_then_annotations);
    return n;
}

static const char *alerts_text(struct arena *a, const struct alert *all, size_t n)
{
    char *out = arena_strdup(a, n ? "[" : "[]");
    for (size_t i = 0; i < n; i++)
        out = arena_printf(a,
                           "%s\n            %zu:\n              Labels:%s\n"
                           "              Annotations:%s%s",
                           out, i, labels_text(&all[i].labels, a),
                           labels_text(&all[i].annotations, a), i + 1 < n ? "," : "\n        ]");
    return out;
}

static void check_alert(struct test *t, const struct value *v, const char *name, int64_t at_ms)
{
    struct alert *want, *got;
    size_t n = firing(t, name, &got), n_want = expected(t, v, name, &want), same = 0;
    while (same < n && same < n_want && by_labels_then_annotations(&got[same], &want[same]) == 0)
        same++;
    if (same == n && n == n_want)
        return;
    fail(t, "alertname: %s, time: %llds, \n        exp:%s, \n        got:%s", name,
         (long long)(at_ms / 1000), alerts_text(t->f->arena, want, n_want),
         alerts_text(t->f->arena, got, n));
}

/* Those whose time lies before the next evaluation. */
static void check_alerts(struct test *t, int64_t from_ms, int64_t to_ms)
{
    VALUE_EACH_ITEM (item, t->alerts) {
        const char *name = "";
        int64_t at = 0;
        const struct value *want = NULL;
        const struct rule_field fields[] = {
            {"eval_time", RULE_DURATION, &at},
            {"alertname",        RULE_TEXT, &name},
            {"exp_alerts", RULE_VALUE, &want},
            {0     }
        };
        rule_fields__read(t->f->faults, item, "alert test", fields, false);
        if (at >= from_ms && at < to_ms)
            check_alert(t, want, name, at);
    }
}

/* ---- expressions ---- */

struct got {
    struct labels labels;
    double v;
    const char *histogram; /* "": a float */
};

static int by_labels(const void *a, const void *b)
{
    return labels_compare(&((const struct got *)a)->labels, &((const struct got *)b)->labels);
}

static bool same_number(const struct test *t, double a, double b)
{
    if (isnan(a) && isnan(b))
        return false; /* as upstream compares */
    return a == b || (t->f->fuzzy && (nextafter(a, -INFINITY) == b || nextafter(a, INFINITY) == b));
}

static const char *samples_text(struct arena *a, const struct got *s, size_t n)
{
    char *out = arena_strdup(a, n ? "" : "nil");
    for (size_t i = 0; i < n; i++) {
        char number[NUMBER_TEXT_MAX];
        (void)number_format_g(s[i].v, number);
        out = arena_printf(a, "%s%s%s %s", out, i ? ", " : "", labels_text(&s[i].labels, a),
                           *s[i].histogram ? s[i].histogram : number);
    }
    return out;
}

static bool read_sample(struct test *t, const struct value *item, struct got *out)
{
    struct arena *a = t->f->arena;
    const char *labels = "", *value = "0", *histogram = "", *rest;
    struct description d = {0};
    struct err e;
    const struct rule_field fields[] = {
        {"labels", RULE_TEXT, &labels},
        {"value", RULE_TEXT, &value},
        {"histogram",  RULE_TEXT, &histogram},
        {0 }
    };
    rule_fields__read(t->f->faults, item, "sample", fields, false);
    *out = (struct got){.v = strtod(value, NULL), .histogram = ""};
    if (strcmp(value, ".nan") == 0 || strcmp(value, ".NaN") == 0)
        out->v = NAN;
    if (strcmp(value, ".inf") == 0 || strcmp(value, "-.inf") == 0)
        out->v = *value == '-' ? -INFINITY : INFINITY;
    if (*labels && !check(t, describe_labels(a, labels, &out->labels, &rest, &e), &e))
        return false;
    if (!*histogram)
        return true;
    if (!check(t, describe_values(a, histogram, &d, &e), &e))
        return false;
    if (d.n != 1 || !d.values[0].h) {
        fail(t, "labels \"%s\": expected histogram, got %s", labels, histogram);
        return false;
    }
    out->v = 0;
    out->histogram = describe_histogram(a, d.values[0].h);
    return true;
}

static struct got *results(struct test *t, const struct promql_result *r)
{
    struct got *out = ARENA_ARRAY(t->f->arena, struct got, r->series.n + 1);
    for (size_t i = 0; i < r->series.n; i++) {
        const struct series *s = &r->series.items[i];
        const struct histogram *h = s->histograms ? s->histograms[0] : NULL;
        out[i] =
            (struct got){s->labels, s->samples[0].v, h ? describe_histogram(t->f->arena, h) : ""};
    }
    if (r->series.n)
        qsort(out, r->series.n, sizeof *out, by_labels);
    return out;
}

static void check_expr(struct test *t, const struct value *item)
{
    struct arena *a = t->f->arena;
    const char *expr = "";
    int64_t at = 0;
    const struct value *want = NULL;
    struct promql_result r = {0};
    struct err e;
    const struct rule_field fields[] = {
        {"expr",      RULE_TEXT, &expr},
        {"eval_time",      RULE_DURATION, &at},
        {"exp_samples", RULE_VALUE, &want},
        {0       }
    };
    rule_fields__read(t->f->faults, item, "expression test", fields, false);
    int rc = promql_instant(&t->source.source, &t->query, expr, t->start_ms + at, a, &r, &e);
    if (rc == 0 && r.type != PROMQL_VECTOR && r.type != PROMQL_SCALAR)
        rc = err_set(&e, ERR_INVALID, "rule result is not a vector or scalar");
    if (rc < 0) {
        fail(t, "expr: \"%s\", time: %lldms, err: %s", expr, (long long)at, e.msg);
        return;
    }
    size_t n = 0, n_want = value_count(want);
    struct got *samples = ARENA_ARRAY(a, struct got, n_want + 1), *got = results(t, &r);
    VALUE_EACH_ITEM (sample, want)
        if (!read_sample(t, sample, &samples[n++]))
            return;
    if (n)
        qsort(samples, n, sizeof *samples, by_labels);
    bool same = n == r.series.n;
    for (size_t i = 0; same && i < n; i++)
        same = by_labels(&samples[i], &got[i]) == 0 && same_number(t, samples[i].v, got[i].v) &&
               strcmp(samples[i].histogram, got[i].histogram) == 0;
    if (!same)
        fail(t, "expr: \"%s\", time: %lldms,\n        exp: %s\n        got: %s", expr,
             (long long)at, samples_text(a, samples, n), samples_text(a, got, r.series.n));
}

/* ---- one group of tests ---- */

static size_t rank(const struct test_file *f, const char *group)
{
    size_t i = 0;
    VALUE_EACH_ITEM (name, f->order) {
        if (strcmp(value_str(name, ""), group) == 0)
            return i;
        i++;
    }
    return 0;
}

/* In the order that the file asks for; the others keep theirs. */
static void make_runners(struct test *t, const struct rules_host *host)
{
    size_t n = 0;
    for (size_t i = 0; i < t->f->n_rules; i++)
        n += t->f->rules[i].n;
    t->runners = ARENA_ARRAY(t->f->arena, struct rule_runner *, n + 1);
    for (size_t i = 0; i < t->f->n_rules; i++)
        for (size_t g = 0; g < t->f->rules[i].n; g++) {
            const struct rule_group *group = &t->f->rules[i].groups[g];
            size_t at = t->n_runners++;
            for (; at && rank(t->f, rule_runner_group(t->runners[at - 1])->name) >
                             rank(t->f, group->name);
                 at--)
                t->runners[at] = t->runners[at - 1];
            t->runners[at] = rule_runner_new(host, group);
        }
}

static int64_t last_time(struct test *t)
{
    const struct value *lists[] = {t->alerts, t->exprs};
    int64_t last = 0;
    struct err e;
    for (size_t i = 0; i < ARRAY_LEN(lists); i++)
        VALUE_EACH_ITEM (item, lists[i]) {
            const struct value *v = value_get(item, "eval_time");
            int64_t at = 0;
            const char *text = v && v->kind <= VALUE_STRING && v->kind >= VALUE_INT ? v->text : "0";
            if (rules_duration(text, &at, &e) == 0 && at > last)
                last = at;
        }
    return last;
}

static bool named_alerts(const struct test *t)
{
    VALUE_EACH_ITEM (item, t->alerts)
        if (!*value_str(value_get(item, "alertname"), "")) {
            fail(t, "an item under alert_rule_test misses required attribute alertname");
            return false;
        }
    return true;
}

static void run_over_time(struct test *t)
{
    int64_t last = last_time(t), step = t->f->evaluation_ms;
    struct err e;
    if (last / step > MAX_EVALS) {
        fail(t, "the test would take more than %d evaluations", MAX_EVALS);
        return;
    }
    for (int64_t at = 0; at <= last; at += step) {
        size_t had = t->f->faults->n;
        if (!load_until(t, t->start_ms + at))
            return;
        for (size_t i = 0; i < t->n_runners; i++)
            if (rule_runner_eval(t->runners[i], t->start_ms + at, &e) < 0)
                fail(t, "time: %llds, %s", (long long)(at / 1000), e.msg);
        if (t->f->faults->n > had)
            return;
        check_alerts(t, at, at + step);
    }
    VALUE_EACH_ITEM (item, t->exprs)
        check_expr(t, item);
}

static bool read_start(struct test *t, const char *text)
{
    int64_t ns;
    char *end;
    struct err e;
    double seconds = strtod(text, &end);
    if (!*text)
        return true;
    if (!*end) {
        t->start_ms = (int64_t)llround(seconds * 1000);
        return true;
    }
    if (!check(t, clock_parse_rfc3339(text, &ns, &e), &e))
        return false;
    t->start_ms = ns / 1000000;
    return true;
}

static void run_test(struct test_file *f, const struct value *v)
{
    const char *start = "";
    struct test t = {.f = f, .name = "", .external_url = ""};
    const struct rule_field fields[] = {
        {"name",             RULE_TEXT, &t.name},
        {"interval",           RULE_DURATION, &t.interval_ms},
        {"input_series",         RULE_VALUE, &t.series},
        {"alert_rule_test",    RULE_VALUE, &t.alerts},
        {"promql_expr_test",     RULE_VALUE, &t.exprs},
        {"external_labels",         RULE_LABELS, &t.external},
        {"external_url",  RULE_TEXT, &t.external_url},
        {"start_timestamp",         RULE_TEXT, &start},
        {0}
    };
    size_t had = f->faults->n;
    rule_fields__read(f->faults, v, "test", fields, false);
    struct tsdb_opts o = {.clock = &clock_system};
    struct err e;
    if (f->faults->n > had || !read_start(&t, start) || !named_alerts(&t) ||
        !check(&t, tsdb_open(&o, &t.db, &e), &e))
        return;
    if (!t.interval_ms)
        t.interval_ms = f->evaluation_ms;
    t.query = (struct promql_opts){.features = f->opts->rules.features,
                                   .subquery_step_ms = f->evaluation_ms};
    promql_tsdb_init(&t.source, t.db);
    const struct rules_host host = {.source = &t.source.source,
                                    .query = &t.query,
                                    .db = t.db,
                                    .external = t.external,
                                    .external_url = t.external_url};
    if (read_series(&t)) {
        make_runners(&t, &host);
        run_over_time(&t);
    }
    for (size_t i = 0; i < t.n_runners; i++)
        rule_runner_free(t.runners[i]);
    tsdb_free(t.db);
}

/* ---- files ---- */

static void read_rules(struct test_file *f, const char *path)
{
    char *text;
    size_t n;
    struct err e;
    struct rule_file *to;
    if (fs_read(path, FILE_MAX, f->arena, &text, &n, &e) < 0) {
        rule_texts__add(f->faults, "%s", e.msg);
        return;
    }
    f->rules =
        arena_grow(f->arena, f->rules, f->n_rules * sizeof *to, (f->n_rules + 1) * sizeof *to);
    to = &f->rules[f->n_rules++];
    rules_parse(f->arena, text, n, &f->opts->rules, to);
    for (size_t i = 0; i < to->n_faults; i++)
        rule_texts__add(f->faults, "%s: %s", path, to->faults[i]);
}

/* From the test's own folder; patterns may name several. */
static void read_rule_files(struct test_file *f, const char *folder, const struct value *names)
{
    VALUE_EACH_ITEM (name, names) {
        const char *text = value_str(name, "");
        glob_t g = {0};
        if (*text != '/')
            text = arena_join(f->arena, folder, "/", text, NULL);
        if (glob(text, 0, NULL, &g) == 0)
            for (size_t i = 0; i < g.gl_pathc; i++)
                read_rules(f, g.gl_pathv[i]);
        globfree(&g);
    }
}

static void check_order(struct test_file *f)
{
    VALUE_EACH_ITEM (a, f->order)
        VALUE_EACH_ITEM (b, f->order)
            if (a < b && strcmp(value_str(a, ""), value_str(b, "")) == 0)
                rule_texts__add(f->faults, "group name repeated in evaluation order: %s",
                                value_str(a, ""));
}

/* NULL: all. */
static bool wanted(const char *pattern, const char *name)
{
    int code;
    size_t at;
    if (!pattern)
        return true;
    pcre2_code *c = pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED, 0, &code, &at, NULL);
    if (!c)
        return false;
    pcre2_match_data *data = pcre2_match_data_create(1, NULL);
    bool yes = pcre2_match(c, (PCRE2_SPTR)name, strlen(name), 0, 0, data, NULL) >= 0;
    pcre2_match_data_free(data);
    pcre2_code_free(c);
    return yes;
}

static void run_file(struct test_file *f, const char *path, const struct value *root)
{
    const struct value *tests = NULL, *names = NULL;
    const struct rule_field fields[] = {
        {"rule_files",          RULE_VALUE, &names},
        {"evaluation_interval",               RULE_DURATION, &f->evaluation_ms},
        {"group_eval_order", RULE_VALUE, &f->order},
        {"tests",    RULE_VALUE, &tests},
        {"fuzzy_compare",    RULE_BOOL, &f->fuzzy},
        {0           }
    };
    rule_fields__read(f->faults, root, "test file", fields, false);
    check_order(f);
    if (!f->evaluation_ms)
        f->evaluation_ms = 60000;
    read_rule_files(f, dirname(arena_strdup(f->arena, path)), names);
    if (f->faults->n)
        return;
    VALUE_EACH_ITEM (test, tests)
        if (wanted(f->opts->run, value_str(value_get(test, "name"), "")))
            run_test(f, test);
}

bool rule_test_file(struct arena *a, const char *path, const struct rule_test_opts *o,
                    const char ***out_failures, size_t *out_n)
{
    struct rule_texts faults = {.arena = a};
    struct test_file f = {.opts = o, .arena = a, .faults = &faults};
    struct value *root;
    char *text;
    size_t n;
    struct err e;
    int r = fs_read(path, FILE_MAX, a, &text, &n, &e);
    if (r == 0)
        r = yaml_parse(a, text, n, YAML_STRICT_KEYS | YAML_FIRST, &root, &e);
    if (r < 0)
        rule_texts__add(&faults, "%s", e.msg);
    else
        run_file(&f, path, root);
    *out_failures = faults.items;
    *out_n = faults.n;
    return faults.n == 0;
}
