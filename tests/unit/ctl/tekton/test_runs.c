/* Every tests/cases/tekton/runs/NAME.case: documents, "=== do" with actions, "=== want" with the
 * report. With GOLDEN=1 in the environment the reports are written instead of compared. */
#include "t.h"

#include <dirent.h>

#include "base/fs.h"
#include "rig.h"

static char *part(char *text, const char *mark)
{
    char *at = strstr(text, mark);
    if (!at)
        return NULL;
    *at = '\0';
    return at + strlen(mark);
}

/* However calls fail and keys are ordered, the end is the same. */
static void run_badly(char *docs, const char *want, const char *name)
{
    for (uint64_t seed = 1; seed <= 12; seed++) {
        AUTO(arena) struct arena *a = arena_new(1u << 24);
        struct rig r;
        rig_init(&r);
        kube_fake_load(r.kube, docs);
        r.chaos = seed * 0x9e3779b97f4a7c15u;
        rig_settle(&r);
        T_EQ_STR(rig_report(&r, a), want, arena_printf(a, "%s, seed %d", name, (int)seed));
        rig_done(&r);
    }
}

static void run_case(const char *path, const char *name)
{
    AUTO(arena) struct arena *a = arena_new(1u << 24);
    struct err e;
    char *text;
    size_t n;
    T_RC(fs_read(path, 1u << 20, a, &text, &n, &e), &e, name);
    char *want = part(text, "=== want\n"), *todo = part(text, "=== do\n");
    struct rig r;
    rig_init(&r);
    kube_fake_load(r.kube, text);
    rig_settle(&r);
    char *lines = arena_strdup(a, todo ? todo : ""), *save = NULL;
    for (char *l = strtok_r(lines, "\n", &save); l; l = strtok_r(NULL, "\n", &save))
        rig_do(&r, l);
    char *got = rig_report(&r, a);
    if (getenv("GOLDEN")) {
        char *all = arena_printf(a, "%s%s%s=== want\n%s", text, todo ? "=== do\n" : "",
                                 todo ? todo : "", got);
        T_RC(fs_write_atomic(path, 0644, all, strlen(all), &e), &e, name);
    } else {
        T_EQ_STR(got, want, name);
        if (!todo)
            run_badly(text, want, name);
    }
    rig_done(&r);
}

static void cases(void)
{
    DIR *d = opendir(CASES);
    T_OK(d != NULL, CASES);
    size_t seen = 0;
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
    (void)printf("%zu cases\n", seen);
}

T_MAIN(cases)
