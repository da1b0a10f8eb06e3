#include "api/object.h"
#include "base/buf.h"
#include "codec/yaml.h"
#include "node/plan.h"
#include "t.h"

/* A case: the pod, what its containers are doing, what should happen next. */
struct plan_case {
    const char *name;
    const char *pod;   /* flow YAML of the spec */
    const char *state; /* a word a container, see read_state() */
    const char *flags; /* "sandbox over deleting" … */
    const char *want;
};

#define ONE     "{containers: [{name: a}]}"
#define NEVER   "{restartPolicy: Never, containers: [{name: a}]}"
#define FAILURE "{restartPolicy: OnFailure, containers: [{name: a}]}"
#define INIT                                                                                       \
    "{restartPolicy: Never, initContainers: [{name: i}, {name: j}], containers: [{name: a}, "      \
    "{name: b}]}"
#define SIDE                                                                                       \
    "{restartPolicy: Never, initContainers: [{name: s, restartPolicy: Always}, {name: t, "         \
    "restartPolicy: Always}], containers: [{name: a}]}"
#define DEADLINE "{activeDeadlineSeconds: 5, containers: [{name: a}]}"

enum { NOW = 100000 };

/* none, run, run! (started), sick, busy, exit0, exit1, wait (exit1, in back-off) */
static struct container_view read_state(const char *w, size_t n)
{
    struct container_view c = {.life = LIFE_NONE};
    if (strncmp(w, "run", 3) == 0)
        c = (struct container_view){.life = LIFE_RUNNING, .started = n > 3};
    else if (strncmp(w, "sick", 4) == 0)
        c = (struct container_view){.life = LIFE_RUNNING, .started = true, .unhealthy = true};
    else if (strncmp(w, "other", 5) == 0)
        c = (struct container_view){.life = LIFE_RUNNING, .started = true, .changed = true};
    else if (strncmp(w, "busy", 4) == 0)
        c.busy = true;
    else if (strncmp(w, "exit", 4) == 0)
        c = (struct container_view){.life = LIFE_ENDED, .exit_code = w[4] - '0'};
    else if (strncmp(w, "wait", 4) == 0)
        c = (struct container_view){.life = LIFE_ENDED, .exit_code = 1, .retry_ms = NOW + 700};
    return c;
}

static const char *text_of(const struct pod_plan *p, const struct pod_def *d, struct arena *a)
{
    static const char *const kinds[] = {"up", "down", "start", "stop", "finish"};
    AUTO_BUF struct buf b;
    buf_init(&b, 4096);
    for (size_t i = 0; i < p->n; i++) {
        buf_printf(&b, "%s%s", b.len ? " " : "", kinds[p->act[i].kind]);
        if (p->act[i].kind == POD_START || p->act[i].kind == POD_STOP)
            buf_printf(&b, "-%s", d->c[p->act[i].container].name);
    }
    if (p->wake_ms)
        buf_printf(&b, "%swake+%lld", b.len ? " " : "", (long long)p->wake_ms - NOW);
    if (p->deadline_passed)
        buf_puts(&b, " late");
    return arena_strdup(a, buf_text(&b));
}

static void run_case(const struct plan_case *k)
{
    struct arena *a = arena_new(1 << 20);
    struct value *spec, *root = value_new_object(a);
    struct err e;
    T_RC(yaml_parse(a, k->pod, strlen(k->pod), 0, &spec, &e), &e, k->name);
    (void)value_set(a, root, "spec", spec);
    struct value *meta = value_make_object(a, root, "metadata");
    (void)value_set_str(a, meta, "name", "p");
    if (strstr(k->flags, "deleting"))
        (void)value_set_str(a, meta, "deletionTimestamp", "2026-01-01T00:00:00Z");
    AUTO(object) struct object *o = object_new(a, root);
    AUTO(arena) struct arena *b = arena_new(0);
    struct pod_def *d = pod_def_read(o, b);
    struct container_view c[8] = {0};
    size_t n = 0;
    for (const char *p = k->state; *p && n < 8;) {
        size_t len = strcspn(p, " ");
        c[n++] = read_state(p, len);
        p += len + (p[len] == ' ');
    }
    T_EQ_INT(n, d->n, k->name);
    struct pod_view v = {.def = d, .c = c, .now_ms = NOW, .started_ms = NOW - 1000};
    v.sandbox = strstr(k->flags, "sandbox") != NULL;
    v.over = strstr(k->flags, "over") != NULL;
    v.untold = strstr(k->flags, "news") != NULL;
    v.mains_were = strstr(k->flags, "mains") != NULL;
    if (strstr(k->flags, "old"))
        v.started_ms = NOW - 6000;
    struct pod_plan plan;
    pod_plan(&v, b, &plan);
    T_EQ_STR(text_of(&plan, d, b), k->want, k->name);
}

static void decides(void)
{
    static const struct plan_case cases[] = {
        {"a new pod gets its sandbox first",         ONE,      "none",                   "",                       "up"             },
        {"then its container",                       ONE,      "none",                   "sandbox",                "start-a"        },
        {"one thing at a time",                      ONE,      "busy",                   "sandbox",                ""               },
        {"a pod that runs needs nothing",            ONE,      "run!",                   "sandbox mains",          ""               },
        {"an ended one is started again",            ONE,      "exit0",                  "sandbox mains",          "start-a"        },
        {"in its time",                              ONE,      "wait",                   "sandbox mains",          "wake+700"       },
        {"an ill one is stopped",                    ONE,      "sick",                   "sandbox mains",          "stop-a"         },
        {"one whose image was changed too",          ONE,      "other",                  "sandbox mains",          "stop-a"         },
        {"Never: success is the end",                NEVER,    "exit0",                  "sandbox mains",          "down"           },
        {"Never: so is failure",                     NEVER,    "exit1",                  "sandbox mains",          "down"           },
        {"OnFailure: success is the end",            FAILURE,  "exit0",                  "sandbox mains",          "down"           },
        {"OnFailure: failure is not",                FAILURE,  "exit1",                  "sandbox mains",          "start-a"        },
        {"what is over stays over",                  NEVER,    "exit0",                  "over",                   ""               },
        {"the record stays until the API has it",    NEVER,    "exit0",                  "sandbox mains news",     ""               },
        {"after a deadline, too",                    DEADLINE, "exit1",                  "sandbox over news",      ""               },
        {"other containers end meanwhile",           SIDE,     "run! run! exit0",        "sandbox mains news",     "stop-t"         },
        {"deleted: nobody asks how it ended",        ONE,      "exit0",                  "sandbox deleting news",  "down"           },
        {"init containers first",                    INIT,     "none none none none",    "sandbox",                "start-i"        },
        {"one after the other",                      INIT,     "run! none none none",    "sandbox",                ""               },
        {"the next",                                 INIT,     "exit0 none none none",   "sandbox",                "start-j"        },
        {"then all main ones",                       INIT,     "exit0 exit0 none none",  "sandbox",                "start-a start-b"},
        {"a failed one ends the pod",                INIT,     "exit1 none none none",   "sandbox",                "down"           },
        {"init is not asked about again",            INIT,     "none none run! exit0",   "sandbox mains",          ""               },
        {"one main container left",                  INIT,     "exit0 exit0 exit0 run!", "sandbox mains",          ""               },
        {"sidecars start in order",                  SIDE,     "none none none",         "sandbox",                "start-s"        },
        {"when the one before has started",          SIDE,     "run none none",          "sandbox",                ""               },
        {"the second",                               SIDE,     "run! none none",         "sandbox",                "start-t"        },
        {"then the main one beside them",            SIDE,     "run! run! none",         "sandbox",                "start-a"        },
        {"a sidecar that ends is started again",     SIDE,     "exit0 run! run!",        "sandbox mains",
         "start-s"                                                                                                                  },
        {"sidecars end last, in reverse",            SIDE,     "run! run! exit0",        "sandbox mains",          "stop-t"         },
        {"one by one",                               SIDE,     "run! exit0 exit0",       "sandbox mains",          "stop-s"         },
        {"then the sandbox",                         SIDE,     "exit0 exit0 exit0",      "sandbox mains",          "down"           },
        {"deleted: stop",                            ONE,      "run!",                   "sandbox mains deleting", "stop-a"         },
        {"deleted: tidy up",                         ONE,      "exit0",                  "sandbox mains deleting", "down"           },
        {"deleted: let it go",                       ONE,      "exit0",                  "mains deleting",         "finish"         },
        {"deleted before it began",                  ONE,      "none",                   "deleting",               "finish"         },
        {"deleted: main containers before sidecars", SIDE,     "run! run! run!",
         "sandbox mains deleting",                                                                                 "stop-a"         },
        {"a deadline is waited for",                 DEADLINE, "run!",                   "sandbox mains",          "wake+4000"      },
        {"and kept",                                 DEADLINE, "run!",                   "sandbox mains old",      "stop-a late"    },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        run_case(&cases[i]);
}

static void backs_off(void)
{
    struct backoff b = {0};
    T_EQ_INT(backoff_until(&b, 1000, 1000), 1000, "the first restart is at once");
    static const int want[] = {10, 20, 40, 80, 160, 300, 300};
    for (size_t i = 0; i < ARRAY_LEN(want); i++) {
        backoff_next(&b, 1000);
        T_EQ_INT(backoff_until(&b, 1000, 1000), 1000 + want[i] * 1000, "doubling");
    }
    T_EQ_INT(backoff_until(&b, 700000, 700000), 700000, "forgotten after ten quiet minutes");
    backoff_next(&b, 700000);
    T_EQ_INT(b.delay_ms, 10000, "and begun anew");
}

T_MAIN(decides, backs_off)
