#include "node/probe.h"
#include "t.h"

enum { T0 = 50000 };

static struct probe_def def(int failures, int successes, int delay_ms)
{
    return (struct probe_def){.handler = {.kind = HANDLER_HTTP},
                              .initial_delay_ms = delay_ms,
                              .period_ms = 1000,
                              .failures = failures,
                              .successes = successes};
}

static bool look(struct probe_state *p, const struct probe_def *d, int64_t now,
                 enum handler_result r)
{
    probe__look(p, d, now);
    p->in_flight = false;
    p->result = r;
    return probe__count(p, d, now);
}

static void is_eager_at_first(void)
{
    struct probe_def d = def(3, 1, 0);
    struct probe_state p = {0};
    probe__begin(&p, &d, T0);
    T_EQ_INT(probe__due(&p, &d), T0, "at once");
    T_OK(!look(&p, &d, T0, HANDLER_FAILED), "the first failure is no news");
    T_EQ_INT(probe__due(&p, &d), T0 + 25, "and is soon looked into again");
    T_OK(!look(&p, &d, T0 + 25, HANDLER_FAILED), "an early failure does not count");
    T_EQ_INT(probe__due(&p, &d), T0 + 50, "less and less");
    T_EQ_INT(p.failures, 1, "one failure so far");
    T_OK(!look(&p, &d, T0 + 50, HANDLER_OK), "success");
    T_OK(p.known && p.ok, "is enough");
    T_EQ_INT(probe__due(&p, &d), T0 + 1050, "from now on every period");
}

static void gives_up_late(void)
{
    struct probe_def d = def(3, 1, 500);
    struct probe_state p = {0};
    probe__begin(&p, &d, T0);
    T_EQ_INT(probe__due(&p, &d), T0 + 500, "not before its delay");
    for (int64_t now = T0 + 500; now < T0 + 2400; now = probe__due(&p, &d)) {
        T_OK(!p.known, "undecided");
        (void)look(&p, &d, now, HANDLER_FAILED);
    }
    (void)look(&p, &d, T0 + 2500, HANDLER_FAILED);
    T_OK(p.known && !p.ok, "the third failure of a period decides");
}

static void changes_its_mind(void)
{
    struct probe_def d = def(2, 2, 0);
    struct probe_state p = {0};
    probe__begin(&p, &d, T0);
    (void)look(&p, &d, T0, HANDLER_OK);
    T_OK(!p.ok, "one success is not two");
    (void)look(&p, &d, probe__due(&p, &d), HANDLER_OK);
    T_OK(p.ok, "two are");
    (void)look(&p, &d, probe__due(&p, &d), HANDLER_FAILED);
    T_OK(p.ok, "one failure is not two");
    (void)look(&p, &d, probe__due(&p, &d), HANDLER_FAILED);
    T_OK(p.known && !p.ok, "two are");
}

static void does_not_catch_up(void)
{
    struct probe_def d = def(3, 1, 0);
    struct probe_state p = {0};
    probe__begin(&p, &d, T0);
    (void)look(&p, &d, T0 + 100000, HANDLER_OK);
    T_EQ_INT(probe__due(&p, &d), T0 + 101000, "one period after the look");
}

T_MAIN(is_eager_at_first, gives_up_late, changes_its_mind, does_not_catch_up)
