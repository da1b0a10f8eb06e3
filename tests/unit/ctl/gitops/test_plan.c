/* The pure decisions: automatic syncs, steps of a sync, rollbacks. */
#include "base/own.h"
#include "ctl/gitops/auto_plan.h"
#include "ctl/gitops/rollback.h"
#include "ctl/gitops/sync_plan.h"
#include "t.h"

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

static void plans_steps(void)
{
    static const struct {
        const char *name, *tasks, *want;
        bool prune_last;
        int64_t since;
    } cases[] = {
        {"nothing",                       "",                                                            "done",         false, -1  },
        {"one step ends when applied",    "sync 0 Deployment/b new -; sync 0 ConfigMap/a new -;",
         "done a b",                                                                                                     false, -1  },
        {"waves",                         "sync 1 Deployment/b new -; sync 0 ConfigMap/a new -;",        "run a",        false, -1  },
        {"waits for health",              "sync 1 Job/b new -; sync 0 Deployment/a running -;",          "wait",         false,
         -1                                                                                                                         },
        {"waits between waves",           "sync 1 Job/b new -; sync 0 Deployment/a ok -;",               "wait",         false, 10  },
        {"next wave",                     "sync 1 Job/b new -; sync 0 Deployment/a ok -;",               "done b",       false, 5000},
        {"hooks first",                   "pre 0 Job/h new h; sync 0 Pod/a new -;",                      "run h",        false, -1  },
        {"hook runs",                     "pre 0 Job/h running h; sync 0 Pod/a new -;",                  "wait",         false, -1  },
        {"hook done",                     "pre 0 Job/h ok htS; sync 0 Pod/a new -; post 0 Job/p new h;", "run a -h",
         false,                                                                                                                 -1  },
        {"hook failed",                   "pre 0 Job/h failed htF; sync 0 Pod/a new -;",                 "failed -h",    false, -1  },
        {"SyncFail runs",                 "sync 0 Pod/a failed -; fail 0 Job/f new h;",                  "run f",        false, -1  },
        {"SyncFail done",                 "sync 0 Pod/a failed -; fail 0 Job/f ok h;",                   "failed",       false, -1  },
        {"SyncFail is not for good days", "sync 0 Pod/a new -; fail 0 Job/f new h;",                     "done a",
         false,                                                                                                                 -1  },
        {"a hook beside keeps it open",   "sync 0 Pod/a new -; sync 0 Job/h new h;",                     "run a h",      false,
         -1                                                                                                                         },
        {"prunes turn round",             "sync 1 Pod/a new p; sync 2 Pod/b new p;",                     "run b",        false, -1  },
        {"prune last",                    "sync 5 Pod/a new -; sync 0 Pod/b new p;",                     "run a",        true,  -1  },
        {"prunes then",                   "sync 5 Pod/a ok -; sync 0 Pod/b new p;",                      "done b",       true,  9000},
        {"kinds in order",
         "sync 0 Ingress/i new -; sync 0 Namespace/n new -; sync 0 Widget/w new -;"
         " sync 0 Service/s new -;",                                                                     "done n s i w", false, -1  },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(arena) struct arena *a = arena_new(1 << 16);
        struct sync_task tasks[8];
        struct sync_view v = {.tasks = tasks,
                              .n = read_tasks(cases[i].tasks, tasks, a),
                              .prune_last = cases[i].prune_last,
                              .since_wave_ms = cases[i].since,
                              .wave_delay_ms = 2000};
        struct sync_decision d;
        sync_plan(&v, a, &d);
        T_EQ_STR(said(&d, a), cases[i].want, cases[i].name);
    }
}

/* The whole table: words that hold, the decision. */
static bool has(const char *words, const char *word)
{
    size_t n = strlen(word);
    for (const char *s = words; (s = strstr(s, word)); s += n)
        if ((s == words || s[-1] == ' ') && (s[n] == ' ' || !s[n]))
            return true;
    return false;
}

static void rolls_back(void)
{
    static const struct {
        const char *words, *want;
    } cases[] = {
        {"",                                                                            "none"      },
        {"wanted",                                                                      "none"      },
        {"wanted trial head",                                                           "wait"      },
        {"wanted trial head synced healthy",                                            "good"      },
        {"wanted trial head synced healthy analysis",                                   "analyse"   },
        {"wanted trial head synced analysis",                                           "wait"      },
        {"wanted trial head synced analysis at-once",                                   "analyse"   },
        {"wanted trial head analysis at-once running",                                  "wait"      },
        {"wanted trial head synced healthy analysis run-active",                        "wait"      },
        {"wanted trial head synced healthy analysis run-passed",                        "good"      },
        {"wanted trial head synced analysis run-passed",                                "wait"      },
        {"wanted trial head synced healthy analysis run-failed",                        "condemn"   },
        {"wanted trial head synced healthy analysis run-inconclusive",                  "wait"      },
        {"wanted trial synced healthy analysis run-failed",                             "condemn"   },
        {"wanted trial synced healthy analysis",                                        "superseded"},
        {"wanted trial head deadline",                                                  "condemn"   },
        {"wanted trial head crash running",                                             "condemn"   },
        {"wanted trial head condemned",                                                 "stuck"     },
        {"wanted trial head condemned has-good git writable",                           "revert"    },
        {"wanted trial head condemned has-good git writable reverted",                  "wait"      },
        {"wanted trial head condemned has-good git config writable",                    "revert"    },
        {"wanted trial head condemned has-good config writable reverted",               "config"    },
        {"wanted trial head condemned has-good config",                                 "config"    },
        {"wanted trial head condemned has-good git",                                    "pin"       },
        {"wanted trial condemned has-good git writable",                                "superseded"},
        {"wanted trial head condemned has-good git writable run-failed deadline crash", "revert"    },
        {"trial head condemned has-good git writable",                                  "revert"    },
        {"trial head deadline crash",                                                   "wait"      },
        {"trial head synced healthy",                                                   "good"      },
        {"trial head synced healthy asked",                                             "condemn"   },
        {"wanted trial head synced healthy analysis run-passed asked",                  "condemn"   },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const char *w = cases[i].words, *why;
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
        T_EQ_STR(rollback_name(rollback_decide(&v, &why)), cases[i].want, w);
    }
}

T_MAIN(syncs_by_itself, plans_steps, rolls_back)
