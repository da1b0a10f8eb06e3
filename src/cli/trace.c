#include "cli/trace.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"

/* Objects are joined by the names and commits they carry, never by time. */
struct trace {
    struct kube *kube;
    struct arena *arena;
    const char *commit;
    struct kube_list runs, task_runs, applications, analyses, condemnations, pods, replica_sets;
    const char *digest; /* of the image, once known */
};

const char *trace_took(const char *from, const char *to, struct arena *a)
{
    int64_t start, end;
    char text[CLOCK_TEXT_MAX];
    if (clock_parse_rfc3339(from, &start, NULL) < 0 || clock_parse_rfc3339(to, &end, NULL) < 0)
        return "";
    clock_format_duration((end - start) / 1000000 * 1000000, text);
    return arena_strdup(a, text);
}

static bool begins_with(const char *text, const char *prefix)
{
    return text && strncmp(text, prefix, strlen(prefix)) == 0;
}

static const char *short_sha(struct arena *a, const char *sha)
{
    return arena_strndup(a, sha, strnlen(sha, 12));
}

/* The reason of condition Succeeded, and whether it holds. */
static const char *outcome(const struct value *root, const char **message)
{
    const struct value *c = object_condition(root, "Succeeded");
    const char *status = value_at_str(c, "status", "Unknown");
    *message = strcmp(status, "False") == 0 ? value_at_str(c, "message", "") : "";
    return strcmp(status, "True") == 0 ? "ok" : strcmp(status, "False") == 0 ? "FAILED" : "running";
}

static const char *result_of(const struct value *task_run, const char *name)
{
    VALUE_EACH_ITEM (r, value_at(task_run, "status.results"))
        if (strcmp(value_at_str(r, "name", ""), name) == 0)
            return value_at_str(r, "value", "");
    return NULL;
}

static const char *param_of(const struct value *run, const char *name)
{
    VALUE_EACH_ITEM (p, value_at(run, "spec.params"))
        if (strcmp(value_at_str(p, "name", ""), name) == 0)
            return value_at_str(p, "value", NULL);
    return NULL;
}

/* ---- applications ---- */

static void print_analysis(struct trace *t, const char *application, const char *revision)
{
    for (size_t i = 0; i < t->analyses.n; i++) {
        const struct object *o = t->analyses.items[i];
        const char *app = object_label(o, "slipway.dev/application");
        const char *rev = object_label(o, "slipway.dev/revision");
        if (!app || !rev || strcmp(app, application) != 0 || strcmp(rev, revision) != 0)
            continue;
        (void)printf("      analysis  %s: %s %s\n", o->name,
                     value_at_str(o->root, "status.phase", "Pending"),
                     trace_took(value_at_str(o->root, "status.startedAt", ""),
                                value_at_str(o->root, "status.completedAt", ""), t->arena));
        VALUE_EACH_ITEM (m, value_at(o->root, "status.metricResults")) {
            (void)printf("        metric  %s:", value_at_str(m, "name", ""));
            VALUE_EACH_ITEM (x, value_get(m, "measurements"))
                (void)printf(" %s", value_at_str(x, "value", value_at_str(x, "phase", "?")));
            (void)printf("\n");
        }
    }
}

static void print_verdict(struct trace *t, const struct object *app, const char *revision)
{
    for (size_t i = 0; i < t->condemnations.n; i++) {
        const struct value *root = t->condemnations.items[i]->root;
        if (strcmp(value_at_str(root, "spec.application", ""), app->name) != 0 ||
            strcmp(value_at_str(root, "spec.revision", ""), revision) != 0)
            continue;
        const char *revert = value_at_str(root, "status.revertCommit", "");
        (void)printf("      verdict   CONDEMNED: %s\n", value_at_str(root, "spec.reason", ""));
        if (*revert)
            (void)printf("      revert    %s\n", short_sha(t->arena, revert));
        return;
    }
    bool now = strcmp(value_at_str(app->root, "status.sync.revision", ""), revision) == 0;
    (void)printf("      verdict   %s%s\n",
                 now ? value_at_str(app->root, "status.health.status", "Unknown") : "superseded",
                 now ? ", serving" : "");
}

/* Pods are found by what they run; of those that are gone their ReplicaSet still knows. */
static bool runs_image(const struct trace *t, const struct object *replica_set)
{
    VALUE_EACH_ITEM (c, value_at(replica_set->root, "spec.template.spec.containers"))
        if (strstr(value_at_str(c, "image", ""), t->digest))
            return true;
    return false;
}

static void print_gone(struct trace *t, const char *ns)
{
    for (size_t i = 0; t->digest && i < t->replica_sets.n; i++) {
        const struct object *set = t->replica_sets.items[i];
        if (strcmp(set->ns, ns) == 0 && value_at_int(set->root, "status.replicas", 0) == 0 &&
            runs_image(t, set))
            (void)printf("      pods      %s/%s-*: gone\n", set->ns, set->name);
    }
}

static void print_pods(struct trace *t, const char *ns)
{
    for (size_t i = 0; t->digest && i < t->pods.n; i++) {
        const struct object *pod = t->pods.items[i];
        if (strcmp(pod->ns, ns) != 0)
            continue;
        VALUE_EACH_ITEM (c, value_at(pod->root, "status.containerStatuses"))
            if (strstr(value_at_str(c, "imageID", ""), t->digest))
                (void)printf("      pod       %s/%s: %s, %lld restarts\n", pod->ns, pod->name,
                             value_at_bool(c, "ready", false) ? "ready" : "not ready",
                             (long long)value_at_int(c, "restartCount", 0));
    }
    print_gone(t, ns);
}

/* What an infrastructure commit led to: every Application whose history has it. */
static size_t print_applications(struct trace *t, const char *infra_commit, const char *path)
{
    size_t n = 0;
    for (size_t i = 0; i < t->applications.n; i++) {
        const struct object *app = t->applications.items[i];
        const struct value *entry = NULL;
        if (path && !strstr(path, value_at_str(app->root, "spec.source.path", "?")) &&
            !strstr(value_at_str(app->root, "spec.source.path", "?"), path))
            continue;
        VALUE_EACH_ITEM (h, value_at(app->root, "status.history"))
            if (begins_with(value_at_str(h, "revision", ""), infra_commit))
                entry = h;
        if (!entry)
            continue;
        n++;
        const char *revision = value_at_str(entry, "revision", "");
        (void)printf("    sync        %s/%s at %s\n", app->ns, app->name,
                     value_at_str(entry, "deployedAt", ""));
        print_pods(t, value_at_str(app->root, "spec.destination.namespace", ""));
        print_analysis(t, app->name, revision);
        print_verdict(t, app, revision);
    }
    return n;
}

/* ---- runs ---- */

static void print_task(struct trace *t, const struct object *task)
{
    /* results of the catalogue's tasks, as they are called here */
    static const char *const told[][2] = {
        {"FINDINGS",   "findings"  },
        {"SIGNATURE",  "signature" },
        {"PROVENANCE", "provenance"},
    };
    const char *message, *state = outcome(task->root, &message);
    const char *name = object_label(task, "tekton.dev/pipelineTask");
    const char *commit = result_of(task->root, "commit");
    const char *digest = result_of(task->root, "IMAGE_DIGEST");
    const char *infra = param_of(task->root, "REPOSITORY");
    (void)printf("    %-22s %-8s %-8s%s%s\n", name ? name : task->name, state,
                 trace_took(value_at_str(task->root, "status.startTime", ""),
                            value_at_str(task->root, "status.completionTime", ""), t->arena),
                 *message ? " " : "", message);
    VALUE_EACH_ITEM (s, value_at(task->root, "status.steps"))
        if (value_at_int(s, "terminated.exitCode", 0) != 0)
            (void)printf("      step %s: exit code %lld; slipway logs -n %s %s\n",
                         value_at_str(s, "name", ""),
                         (long long)value_at_int(s, "terminated.exitCode", 0), task->ns,
                         value_at_str(task->root, "status.podName", task->name));
    if (digest) {
        t->digest = arena_strdup(t->arena, digest);
        (void)printf("      image     %s\n", digest);
    }
    for (size_t i = 0; i < ARRAY_LEN(told); i++) {
        const char *text = result_of(task->root, told[i][0]);
        if (text && *text)
            (void)printf("      %-10s %s\n", told[i][1], text);
    }
    if (infra && commit) {
        (void)printf("  infra commit  %s in %s (%s)\n", short_sha(t->arena, commit), infra,
                     param_of(task->root, "PATH"));
        (void)print_applications(t, commit, param_of(task->root, "PATH"));
    }
}

static bool belongs(const struct object *task, const struct object *run)
{
    const char *of = object_label(task, "tekton.dev/pipelineRun");
    return of && strcmp(of, run->name) == 0 && strcmp(task->ns, run->ns) == 0;
}

static int64_t started(const struct object *task)
{
    int64_t ns = INT64_MAX;
    return clock_parse_rfc3339(value_at_str(task->root, "status.startTime", ""), &ns, NULL) < 0
               ? INT64_MAX
               : ns;
}

/* In the order they began; the API lists them by name. */
static void print_tasks(struct trace *t, const struct object *run)
{
    const struct object **mine = ARENA_ARRAY(t->arena, const struct object *, t->task_runs.n + 1);
    size_t n = 0;
    for (size_t i = 0; i < t->task_runs.n; i++) {
        const struct object *task = t->task_runs.items[i];
        if (!belongs(task, run))
            continue;
        size_t at = n++;
        for (; at > 0 && started(mine[at - 1]) > started(task); at--)
            mine[at] = mine[at - 1];
        mine[at] = task;
    }
    for (size_t i = 0; i < n; i++)
        print_task(t, mine[i]);
}

static void print_run(struct trace *t, const struct object *run)
{
    const char *message, *state = outcome(run->root, &message);
    const char *ref = object_annotation(run, "slipway.dev/ref");
    const char *repository = object_label(run, "slipway.dev/repository");
    (void)printf("commit          %s %s %s\n", object_label(run, "slipway.dev/commit"),
                 repository ? repository : "", ref ? ref : "");
    (void)printf("  run           %s/%s: %s %s%s%s\n", run->ns, run->name, state,
                 trace_took(value_at_str(run->root, "status.startTime", ""),
                            value_at_str(run->root, "status.completionTime", ""), t->arena),
                 *message ? "\n                " : "", message);
    print_tasks(t, run);
}

static int load(struct trace *t, struct err *e)
{
    const struct {
        const struct resource *resource;
        struct kube_list *into;
    } lists[] = {
        {&RES_PIPELINE_RUN, &t->runs         },
        {&RES_TASK_RUN,     &t->task_runs    },
        {&RES_APPLICATION,  &t->applications },
        {&RES_ANALYSIS_RUN, &t->analyses     },
        {&RES_CONDEMNATION, &t->condemnations},
        {&RES_POD,          &t->pods         },
        {&RES_REPLICA_SET,  &t->replica_sets },
    };
    for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
        int r = kube_list(t->kube, lists[i].resource, NULL, NULL, lists[i].into, e);
        if (r < 0)
            return r;
    }
    return 0;
}

static void unload(struct trace *t)
{
    kube_list_done(&t->runs);
    kube_list_done(&t->task_runs);
    kube_list_done(&t->applications);
    kube_list_done(&t->analyses);
    kube_list_done(&t->condemnations);
    kube_list_done(&t->pods);
    kube_list_done(&t->replica_sets);
}

int trace_print(struct kube *k, const char *commit, struct arena *a, struct err *e)
{
    struct trace t = {.kube = k, .arena = a, .commit = commit};
    size_t found = 0;
    if (strlen(commit) < 4)
        return err_set(e, ERR_INVALID, "\"%s\" is too short: at least four characters of a commit",
                       commit);
    int r = load(&t, e);
    for (size_t i = 0; r == 0 && i < t.runs.n; i++)
        if (begins_with(object_label(t.runs.items[i], "slipway.dev/commit"), commit)) {
            print_run(&t, t.runs.items[i]);
            found++;
        }
    if (r == 0 && !found)
        found = print_applications(&t, commit, NULL);
    unload(&t);
    if (r == 0 && !found)
        r = err_set(e, ERR_NOT_FOUND, "no run and no sync knows commit %s", commit);
    return r;
}
