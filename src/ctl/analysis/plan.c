#include "ctl/analysis/plan.h"

#include <string.h>

#include "base/clock.h"
#include "ctl/analysis/expr.h"

enum { ERROR_RETRY_MS = 10 * 1000, ERRORS_DEFAULT = 4 };

static const char *const names[] = {"Successful",   "Running", "Pending",
                                    "Inconclusive", "Error",   "Failed"};

const char *analysis_phase_name(enum analysis_phase p)
{
    return names[p];
}

enum analysis_phase analysis_phase_named(const char *text)
{
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (strcmp(names[i], text) == 0)
            return (enum analysis_phase)i;
    return ANALYSIS_PENDING;
}

/* Numbers may be written as text, because arguments are put into text. */
static int64_t number(const struct value *metric, const char *key, int64_t dflt)
{
    const struct value *v = value_get(metric, key);
    if (value_is(v, VALUE_STRING) && *v->text) {
        char *end;
        long long n = strtoll(v->text, &end, 10);
        return *end ? dflt : n;
    }
    return value_int(v, dflt);
}

/* < 0: absent. */
static int64_t duration_ms(const struct value *metric, const char *key)
{
    int64_t ns;
    const char *text = value_str(value_get(metric, key), "");
    return *text && clock_parse_duration(text, &ns, NULL) == 0 ? ns / 1000000 : -1;
}

int analysis_check(const struct value *metric, struct err *e)
{
    static const char *const durations[] = {"interval", "initialDelay"};
    static const char *const numbers[] = {"count", "failureLimit", "inconclusiveLimit",
                                          "consecutiveErrorLimit", "consecutiveSuccessLimit"};
    const char *name = value_at_str(metric, "name", "");
    for (size_t i = 0; i < ARRAY_LEN(durations); i++) {
        const char *text = value_str(value_get(metric, durations[i]), "");
        if (*text && duration_ms(metric, durations[i]) < 0)
            return err_set(e, ERR_INVALID, "metric %s: %s \"%s\" is no duration", name,
                           durations[i], text);
    }
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
        if (number(metric, numbers[i], INT64_MIN) == INT64_MIN && value_get(metric, numbers[i]) &&
            *value_str(value_get(metric, numbers[i]), "x"))
            return err_set(e, ERR_INVALID, "metric %s: %s is no number", name, numbers[i]);
    int64_t count = number(metric, "count", 0), limit = number(metric, "failureLimit", 0);
    if (count > 1 && duration_ms(metric, "interval") < 0)
        return err_set(e, ERR_INVALID, "metric %s: count %lld needs an interval", name,
                       (long long)count);
    if (count > 0 && limit > count)
        return err_set(e, ERR_INVALID, "metric %s: failureLimit %lld is above count %lld", name,
                       (long long)limit, (long long)count);
    return 0;
}

int64_t analysis_looks(const struct value *metric)
{
    int64_t count = number(metric, "count", 0);
    return count > 0 ? count : duration_ms(metric, "interval") >= 0 ? 0 : 1;
}

static const struct value *last_of(const struct value *result)
{
    const struct value *list = value_get(result, "measurements");
    return value_count(list) ? value_item(list, value_count(list) - 1) : NULL;
}

static int64_t time_ms(const struct value *v, const char *key)
{
    int64_t ns;
    const char *text = value_at_str(v, key, "");
    return *text && clock_parse_rfc3339(text, &ns, NULL) == 0 ? ns / 1000000 : 0;
}

static bool over(const struct value *v)
{
    return analysis_over(analysis_phase_named(value_at_str(v, "phase", "Pending")));
}

int64_t analysis_due_ms(const struct value *metric, const struct value *result,
                        int64_t run_started_ms)
{
    const struct value *last = last_of(result);
    int64_t interval = duration_ms(metric, "interval"), delay = duration_ms(metric, "initialDelay");
    int64_t count = analysis_looks(metric);
    if (result && over(result))
        return INT64_MAX;
    if (!last)
        return run_started_ms + (delay > 0 ? delay : 0);
    if (!over(last))
        return 0;
    if (strcmp(value_at_str(last, "phase", ""), "Error") == 0)
        return time_ms(last, "finishedAt") +
               (interval >= 0 && interval < ERROR_RETRY_MS ? interval : ERROR_RETRY_MS);
    if (count > 0 && value_at_int(result, "count", 0) >= count)
        return INT64_MAX;
    return time_ms(last, "finishedAt") + (interval > 0 ? interval : 0);
}

static enum analysis_phase bad_end(const struct value *metric, const struct value *result,
                                   struct arena *a, const char **why)
{
    static const struct {
        const char *counter, *limit, *text;
        int64_t dflt;
        enum analysis_phase phase;
    } ends[] = {
        {"failed",           "failureLimit",          "Failed due to failed",             0, ANALYSIS_FAILED},
        {"inconclusive",     "inconclusiveLimit",     "Inconclusive due to inconclusive", 0,
         ANALYSIS_INCONCLUSIVE                                                                              },
        {"consecutiveError", "consecutiveErrorLimit", "Error due to consecutiveErrors",
         ERRORS_DEFAULT,                                                                     ANALYSIS_ERROR },
    };
    for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
        long long have = value_at_int(result, ends[i].counter, 0);
        long long limit = number(metric, ends[i].limit, ends[i].dflt);
        if (limit < 0 || have <= limit)
            continue;
        *why = arena_printf(a, "Metric \"%s\" assessed %s (%lld) > %s (%lld)",
                            value_at_str(metric, "name", ""), ends[i].text, have, ends[i].limit,
                            limit);
        const char *said = value_at_str(last_of(result), "message", "");
        if (*said)
            *why = arena_printf(a, "%s: \"Error Message: %s\"", *why, said);
        return ends[i].phase;
    }
    return ANALYSIS_RUNNING;
}

enum analysis_phase analysis_assess(const struct value *metric, const struct value *result,
                                    bool terminating, struct arena *a, const char **why)
{
    const struct value *last = last_of(result);
    int64_t count = analysis_looks(metric), row = number(metric, "consecutiveSuccessLimit", 0);
    *why = "";
    if (result && over(result)) {
        *why = value_at_str(result, "message", "");
        return analysis_phase_named(value_at_str(result, "phase", ""));
    }
    if (!last)
        return terminating ? ANALYSIS_SUCCESSFUL : ANALYSIS_PENDING;
    if (!over(last))
        return terminating ? ANALYSIS_SUCCESSFUL : ANALYSIS_RUNNING;
    enum analysis_phase bad = bad_end(metric, result, a, why);
    if (bad != ANALYSIS_RUNNING)
        return bad;
    if (row > 0 && value_at_int(result, "consecutiveSuccess", 0) >= row)
        return ANALYSIS_SUCCESSFUL;
    if (terminating)
        return ANALYSIS_SUCCESSFUL;
    if (count > 0 && value_at_int(result, "count", 0) >= count)
        return row > 0 ? ANALYSIS_INCONCLUSIVE : ANALYSIS_SUCCESSFUL;
    return ANALYSIS_RUNNING;
}

static void add(struct arena *a, struct value *result, const char *key)
{
    (void)value_set_int(a, result, key, value_at_int(result, key, 0) + 1);
}

void analysis_count(struct arena *a, struct value *result, const struct value *measurement)
{
    enum analysis_phase p = analysis_phase_named(value_at_str(measurement, "phase", ""));
    if (p == ANALYSIS_ERROR) {
        add(a, result, "error");
        add(a, result, "consecutiveError");
        (void)value_remove(result, "consecutiveSuccess");
        return;
    }
    add(a, result, "count");
    add(a, result,
        p == ANALYSIS_SUCCESSFUL ? "successful"
        : p == ANALYSIS_FAILED   ? "failed"
                                 : "inconclusive");
    (void)value_remove(result, "consecutiveError");
    if (p == ANALYSIS_SUCCESSFUL)
        add(a, result, "consecutiveSuccess");
    else
        (void)value_remove(result, "consecutiveSuccess");
}

enum analysis_phase analysis_judge(const struct value *metric, const struct value *measured,
                                   struct arena *a, struct err *e)
{
    const char *good = value_at_str(metric, "successCondition", "");
    const char *bad = value_at_str(metric, "failureCondition", "");
    bool is_good = false, is_bad = false;
    if (*good && expr_true(a, good, measured, &is_good, e) < 0)
        return ANALYSIS_ERROR;
    if (*bad && expr_true(a, bad, measured, &is_bad, e) < 0)
        return ANALYSIS_ERROR;
    if (!*good && !*bad)
        return ANALYSIS_SUCCESSFUL;
    if (is_bad || (!*bad && !is_good))
        return ANALYSIS_FAILED;
    return is_good || !*good ? ANALYSIS_SUCCESSFUL : ANALYSIS_INCONCLUSIVE;
}
