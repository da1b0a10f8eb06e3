/* Every tests/cases/tekton/pods/NAME.case: a TaskRun, "=== want", the Pod it becomes. With GOLDEN=1
 * in the environment the Pods are written instead of compared. */
#include "t.h"

#include <dirent.h>

#include "base/fs.h"
#include "codec/yaml.h"
#include "ctl/tekton/pod.h"

static const char *pod_text(const char *text, struct arena *a, const char *name)
{
    struct value *run, *pod, *configs = value_new_object(a), *config = value_new_object(a);
    struct err e;
    const struct value *applied;
    T_RC(yaml_parse(a, text, strlen(text), 0, &run, &e), &e, name);
    const struct value *spec = taskspec_modernize(value_at(run, "spec.taskSpec"), a);
    const struct value *volumes = pod_workspace_volumes(run, a);
    T_RC(taskspec_validate(run, spec, "run", a, &e), &e, name);
    T_RC(taskspec_apply(run, spec, "run", volumes, a, &applied, &e), &e, name);
    (void)value_push_str(a, value_make_array(a, config, "entrypoint"), "/own-entrypoint");
    (void)value_push_str(a, value_make_array(a, config, "cmd"), "own-argument");
    (void)value_set(a, configs, "with-entrypoint", config);
    const struct pod_input in = {
        .run = run,
        .spec = applied,
        .task = "",
        .volumes = volumes,
        .image_config = configs,
        .credentials = value_at(run, "test.credentials"),
        .entrypoint_dir = value_at_bool(run, "test.noHost", false) ? NULL : "/var/lib/slipway/bin",
        .tools_image = "slipway.local/tools",
        .registry = value_at_str(run, "test.registry", NULL),
        .work_url = value_at_str(run, "test.workURL", NULL)};
    T_RC(pod_make(&in, a, &pod, &e), &e, name);
    return yaml_text(a, pod, YAML_KEEP_ORDER);
}

static void run_case(const char *path, const char *name)
{
    AUTO(arena) struct arena *a = arena_new(1u << 24);
    struct err e;
    char *text, *want;
    size_t n;
    T_RC(fs_read(path, 1u << 20, a, &text, &n, &e), &e, name);
    if ((want = strstr(text, "=== want\n"))) {
        *want = '\0';
        want += strlen("=== want\n");
    }
    const char *got = pod_text(text, a, name);
    if (getenv("GOLDEN")) {
        char *all = arena_printf(a, "%s=== want\n%s", text, got);
        T_RC(fs_write_atomic(path, 0644, all, strlen(all), &e), &e, name);
    } else {
        T_EQ_STR(got, want, name);
    }
}

static void cases(void)
{
    DIR *d = opendir(CASES);
    size_t seen = 0;
    T_OK(d != NULL, CASES);
    for (struct dirent *f; d && (f = readdir(d));) {
        AUTO(arena) struct arena *a = arena_new(1u << 16);
        size_t n = strlen(f->d_name);
        if (n < 6 || strcmp(f->d_name + n - 5, ".case") != 0)
            continue;
        seen++;
        run_case(arena_printf(a, "%s/%s", CASES, f->d_name), f->d_name);
    }
    if (d)
        (void)closedir(d);
    T_OK(seen > 0, "cases found");
}

static void names(void)
{
    static const char *const cases[][3] = {
        {"run",                                                         "-pod", "run-pod"},
        {"a-name-of-exactly-fifty-nine-bytes-that-just-fits-in-there-", "-pod",
         "a-name-of-exactly-fifty-nine-bytes-that-just-fits-in-there--pod"               },
    };
    AUTO(arena) struct arena *a = arena_new(1 << 16);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        T_EQ_STR(child_name(cases[i][0], cases[i][1], a), cases[i][2], cases[i][0]);
    const char *longer =
        child_name("a-name-that-is-so-long-that-it-cannot-be-the-name-of-a-pod-at-all", "-pod", a);
    T_EQ_INT(strlen(longer), 63, longer);
    T_EQ_STR(longer + 59, "-pod", longer);
    T_EQ_INT(strlen(child_name(longer, arena_printf(a, "-%059d", 1), a)), 63, "a long suffix");
    T_EQ_STR(label_value("tags only", a), "tags-only", "a blank");
    T_EQ_STR(label_value("-x-", a), "-x-", "kept as it is");
    T_EQ_INT(strlen(label_value(arena_printf(a, "%080d", 7), a)), 63, "cut");
}

T_MAIN(cases, names)
