/* The pure decisions: automatic syncs, steps of a sync, rollbacks. */
#include "base/own.h"
#include "ctl/gitops/auto_plan.h"
#include "ctl/gitops/rollback.h"
#include "ctl/gitops/sync_plan.h"
#include "table.h"

static void syncs_by_itself(void)
{
    static const struct {
        const char *name;
        struct auto_view v;
        enum auto_what want;
        bool says;
    } cases[] = {
        {"in sync",               {.automated = true},                                         AUTO_NONE, false},
        {"new revision",          {.automated = true, .out_of_sync = true},                    AUTO_SYNC, false},
        {"by hand only",          {.out_of_sync = true},                                       AUTO_NONE, false},
        {"under way",             {.automated = true, .out_of_sync = true, .running = true},   AUTO_NONE, false},
        {"condemned",             {.automated = true, .out_of_sync = true, .condemned = true}, AUTO_NONE, true },
        {"only prunes",
         {.automated = true, .out_of_sync = true, .only_prunes = true},
         AUTO_NONE,                                                                                       false},
        {"prunes",
         {.automated = true, .out_of_sync = true, .only_prunes = true, .prune = true},
         AUTO_SYNC,                                                                                       false},
        {"empty source",
         {.automated = true, .out_of_sync = true, .prune = true, .wants_nothing = true},
         AUTO_NONE,                                                                                       true },
        {"empty, allowed",
         {.automated = true,
          .out_of_sync = true,
          .prune = true,
          .wants_nothing = true,
          .allow_empty = true},
         AUTO_SYNC,                                                                                       false},
        {"failed before",
         {.automated = true,
          .out_of_sync = true,
          .attempted = true,
          .attempt_failed = true,
          .self_heal = true},
         AUTO_NONE,                                                                                       true },
        {"drift",                 {.automated = true, .out_of_sync = true, .attempted = true}, AUTO_NONE, false},
        {"drift healed",
         {.automated = true, .out_of_sync = true, .attempted = true, .self_heal = true},
         AUTO_HEAL,                                                                                       false},
        {"fought over",
         {.automated = true,
          .out_of_sync = true,
          .attempted = true,
          .self_heal = true,
          .heal_attempts = 5,
          .since_last_ms = 100},
         AUTO_LATER,                                                                                      false},
        {"fought over, long ago",
         {.automated = true,
          .out_of_sync = true,
          .attempted = true,
          .self_heal = true,
          .heal_attempts = 9,
          .since_last_ms = 700000},
         AUTO_HEAL,                                                                                       false},
    };
    AUTO(arena) struct arena *a = arena_new(1 << 16);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct auto_view v = cases[i].v;
        struct auto_decision d;
        v.revision = "abc";
        auto_plan(&v, a, &d);
        T_EQ_INT(d.what, cases[i].want, cases[i].name);
        T_EQ_INT(d.why != NULL, cases[i].says, cases[i].name);
    }
}

/* A task as a line: phase wave kind/name state flags (h hook, p prune, t there, S F policies). */
static size_t read_tasks(const char *text, struct sync_task *tasks, struct arena *a)
{
    size_t n = 0;
    while (*text) {
        char phase[8], kind[32], name[32], state[16], flags[8] = "";
        int wave, used = 0;
        if (sscanf(text, "%7s %d %31[^/]/%31s %15s %7[a-zA-Z-];%n", phase, &wave, kind, name, state,
                   flags, &used) < 6 ||
            !used)
            break;
        tasks[n++] = (struct sync_task){
            .group = "",
            .ns = "",
            .kind = arena_strdup(a, kind),
            .name = arena_strdup(a, name),
            .wave = wave,
            .phase = strcmp(phase, "pre") == 0    ? SYNC_PRE
                     : strcmp(phase, "post") == 0 ? SYNC_POST
                     : strcmp(phase, "fail") == 0 ? SYNC_FAIL
                                                  : SYNC_SYNC,
            .state = strcmp(state, "running") == 0  ? TASK_RUNNING
                     : strcmp(state, "ok") == 0     ? TASK_SUCCEEDED
                     : strcmp(state, "failed") == 0 ? TASK_FAILED
                                                    : TASK_PENDING,
            .hook = strchr(flags, 'h'),
            .prune = strchr(flags, 'p'),
            .there = strchr(flags, 't'),
            .policy = (strchr(flags, 'S') ? HOOK_SUCCEEDED : 0u) |
                      (strchr(flags, 'F') ? HOOK_FAILED : 0u),
        };
        text += used;
        text += strspn(text, " ");
    }
    return n;
}

static const char *said(const struct sync_decision *d, struct arena *a)
{
    static const char *const whats[] = {"run", "wait", "done", "failed"};
    const char *s = whats[d->what];
    for (size_t i = 0; i < d->n_run; i++)
        s = arena_printf(a, "%s %s", s, d->run[i]->name);
    for (size_t i = 0; i < d->n_remove; i++)
        s = arena_printf(a, "%s -%s", s, d->remove[i]->name);
    return s;
}

static const char *steps(char **cells, size_t n, struct arena *a)
{
    struct sync_task tasks[8];
    const char *since = n > 2 ? strchr(cells[2], ' ') + 1 : "-";
    struct sync_view v = {.tasks = tasks,
                          .n = read_tasks(cells[1], tasks, a),
                          .prune_last = strncmp(cells[2], "last", 4) == 0,
                          .since_wave_ms = *since == '-' ? -1 : strtol(since, NULL, 10),
                          .wave_delay_ms = 2000};
    struct sync_decision d;
    sync_plan(&v, a, &d);
    return said(&d, a);
}

static void plans_steps(void)
{
    table_run(CASES "/gitops/steps.table", steps);
}

static bool has(const char *words, const char *word)
{
    size_t n = strlen(word);
    for (const char *s = words; (s = strstr(s, word)); s += n)
        if ((s == words || s[-1] == ' ') && (s[n] == ' ' || !s[n]))
            return true;
    return false;
}

static const char *rollback(char **cells, size_t n, struct arena *a)
{
    const char *w = cells[0], *why;
    (void)n, (void)a;
    struct rollback_view v = {
        .wanted = has(w, "wanted"),
        .asked = has(w, "asked") ? "because" : NULL,
        .analysis = has(w, "analysis"),
        .at_once = has(w, "at-once"),
        .operation_running = has(w, "running"),
        .synced = has(w, "synced"),
        .health = has(w, "healthy") ? HEALTH_HEALTHY : HEALTH_PROGRESSING,
        .deadline = has(w, "deadline"),
        .crash_loop = has(w, "crash"),
        .on_trial = has(w, "trial"),
        .condemned = has(w, "condemned"),
        .run = has(w, "run-active")         ? RUN_ACTIVE
               : has(w, "run-passed")       ? RUN_PASSED
               : has(w, "run-failed")       ? RUN_FAILED
               : has(w, "run-inconclusive") ? RUN_INCONCLUSIVE
                                            : RUN_NONE,
        .has_good = has(w, "has-good"),
        .head_is_trial = has(w, "head"),
        .git_differs = has(w, "git"),
        .config_differs = has(w, "config"),
        .writable = has(w, "writable"),
        .reverted = has(w, "reverted"),
    };
    return rollback_name(rollback_decide(&v, &why));
}

static void rolls_back(void)
{
    table_run(CASES "/gitops/rollback.table", rollback);
}

T_MAIN(syncs_by_itself, plans_steps, rolls_back)
