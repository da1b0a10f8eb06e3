#include "t.h"

#include "base/buf.h"
#include "base/clock.h"
#include "codec/yaml.h"
#include "ctl/pruner/plan.h"

/* Runs as "name:pipeline:T|F|-:minutes ago". */
static struct value *run_of(const char *text, int64_t now_ms, struct arena *a)
{
    char name[32], pipeline[32], state;
    int ago;
    if (sscanf(text, "%31[^:]:%31[^:]:%c:%d", name, pipeline, &state, &ago) != 4)
        return NULL;
    char when[CLOCK_TEXT_MAX];
    clock_format_rfc3339(now_ms - ago * 60000, when);
    struct value *v;
    const char *yaml = arena_printf(
        a,
        "kind: PipelineRun\nmetadata: {name: %s, labels: {tekton.dev/pipeline: %s, team: "
        "%s-team}}\n"
        "status: {completionTime: \"%s\", conditions: [{type: Succeeded, status: \"%s\"}]}\n",
        name, pipeline, pipeline, when,
        state == 'T'   ? "True"
        : state == 'F' ? "False"
                       : "Unknown");
    struct err e;
    T_RC(yaml_parse(a, yaml, strlen(yaml), 0, &v, &e), &e, text);
    return v;
}

static void limits(void)
{
    static const char runs[] = "a1:a:T:50 a2:a:T:40 a3:a:T:30 a4:a:F:20 a5:a:F:10 b1:b:T:5 "
                               "b2:b:T:4 now:a:-:60";
    static const struct {
        const char *name, *global, *ns, *want;
        int requeue_min;
    } cases[] = {
        {"no configuration",      NULL,                                                          NULL,                                           "",            0 },
        {"empty",                 "{}",                                                          NULL,                                           "",            0 },
        {"history",               "{historyLimit: 1}",                                           NULL,                                           "a2 a1 a4 b1", 0 },
        {"by outcome",            "{successfulHistoryLimit: 2, failedHistoryLimit: 0}",          NULL,                                           "a1 a5 a4",    0 },
        {"ttl",                   "{ttlSecondsAfterFinished: 1800}",                             NULL,                                           "a3 a2 a1",    10},
        {"namespace over global", "{historyLimit: 0, namespaces: {dev: {historyLimit: 2}}}",     NULL,
         "a1",                                                                                                                                                  0 },
        {"global enforced",
         "{enforcedConfigLevel: global, historyLimit: 2, namespaces: {dev: {historyLimit: 0}}}", "{historyLimit: 0}",                            "a1",          0 },
        {"namespace's own",       "{historyLimit: 0}",                                           "{historyLimit: 100}",                          "",            0 },
        {"by name",               "{historyLimit: 9}",                                           "{pipelineRuns: [{name: b, historyLimit: 0}]}", "b2 b1",
         0                                                                                                                                                        },
        {"by selector",           "{historyLimit: 9}",
         "{pipelineRuns: [{selector: [{matchLabels: {team: b-team}}], historyLimit: 1}]}",                                                       "b1",          0 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        AUTO(arena) struct arena *a = arena_new(1 << 20);
        struct err e;
        struct value *global = NULL, *ns = NULL;
        const struct value *list[16];
        struct prune_view v = {.ns = "dev", .runs = list, .now_ms = 1767225600000};
        if (cases[i].global)
            T_RC(yaml_parse(a, cases[i].global, strlen(cases[i].global), 0, &global, &e), &e,
                 cases[i].name);
        if (cases[i].ns)
            T_RC(yaml_parse(a, cases[i].ns, strlen(cases[i].ns), 0, &ns, &e), &e, cases[i].name);
        char *text = arena_strdup(a, runs), *save = NULL;
        for (char *w = strtok_r(text, " ", &save); w; w = strtok_r(NULL, " ", &save))
            list[v.n_runs++] = run_of(w, v.now_ms, a);
        v.global = global;
        v.ns_config = ns;
        struct prune_plan plan;
        prune_plan(&v, a, &plan);
        AUTO_BUF struct buf got;
        buf_init(&got, 1024);
        for (size_t k = 0; k < plan.n; k++)
            buf_printf(&got, "%s%s", k ? " " : "",
                       value_at_str(plan.remove[k].run, "metadata.name", ""));
        T_EQ_STR(buf_text(&got), cases[i].want, cases[i].name);
        T_EQ_INT(plan.requeue_ms / 60000, cases[i].requeue_min, cases[i].name);
    }
}

T_MAIN(limits)
