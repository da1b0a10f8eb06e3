/* conformance-argocd FOLDER: health and difference as Argo CD judges them.
 *
 * health/index.json and resource_customizations/health_index.json name live objects and the
 * status (and message) they must get; diff/ holds NAME-config, NAME-live and, for some,
 * NAME-predicted-live. With -v what fails is named. */
#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "base/fs.h"
#include "codec/json.h"
#include "codec/yaml.h"
#include "ctl/gitops/diff.h"
#include "ctl/gitops/health/health.h"

enum { TEXT_MAX = 8 << 20 };

static unsigned passed, failed, skipped;
static bool verbose;

static void count(bool ok, const char *name, const char *why)
{
    passed += ok;
    failed += !ok;
    if (!ok && verbose)
        (void)printf("failed %s: %s\n", name, why);
}

static struct value *load(const char *path, struct arena *a)
{
    char *text;
    size_t n;
    struct value **docs;
    struct err e;
    if (fs_read(path, TEXT_MAX, a, &text, &n, &e) < 0 ||
        yaml_or_json_parse_all(a, text, n, 0, &docs, &n, &e) < 0 || n != 1)
        return NULL;
    return docs[0];
}

static void health_case(const char *root, const char *dir, const struct value *c, struct arena *a)
{
    const char *file = value_at_str(c, "file", "");
    struct value *o = load(arena_printf(a, "%s/%s%s", root, dir, file), a);
    if (!o) {
        skipped++;
        return;
    }
    struct health h = health_of(o, a);
    const char *want = value_at_str(c, "status", ""), *message = value_at_str(c, "message", NULL);
    bool ok =
        strcmp(health_name(h.status), want) == 0 && (!message || strcmp(h.message, message) == 0);
    count(ok, file,
          arena_printf(a, "%s \"%s\", not %s \"%s\"", health_name(h.status), h.message, want,
                       message ? message : ""));
}

static void health_cases(const char *root, const char *index, const char *dir)
{
    AUTO(arena) struct arena *a = arena_new((size_t)64 << 20);
    struct value *list = load(arena_printf(a, "%s/%s", root, index), a);
    VALUE_EACH_ITEM (c, list)
        health_case(root, dir, c, a);
}

static struct value *part(const char *root, const char *name, const char *which, struct arena *a)
{
    struct value *v = load(arena_printf(a, "%s/diff/%s-%s.yaml", root, name, which), a);
    return v ? v : load(arena_printf(a, "%s/diff/%s-%s.json", root, name, which), a);
}

/* What applying gives when nobody predicts it: the live object with the wanted fields. */
static void diff_case(const char *root, const char *name, struct arena *a)
{
    struct value *live = part(root, name, "live", a), *config = part(root, name, "config", a);
    struct value *predicted = part(root, name, "predicted-live", a);
    if (!live || !config) {
        skipped++;
        return;
    }
    if (!predicted) {
        /* The pairs named in the README must show no difference after normalising. */
        static const char *const same[] = {
            "grafana-clusterrole", "sealedsecret", "elasticsearch",
            "spinnaker-sa",        "wordpress",    "aggr-clusterrole",
            "endpoints",           "deployment",   "mutatingwebhookconfig"};
        bool known = false;
        for (size_t i = 0; i < ARRAY_LEN(same); i++)
            known |= strcmp(same[i], name) == 0;
        if (!known) {
            skipped++;
            return;
        }
        const char *where = diff_config(config, live, a);
        count(!where, name, where);
        return;
    }
    bool differs = diff_objects(predicted, live, NULL, a) != NULL;
    count(differs == !value_equal(diff_normal(predicted, NULL, a), diff_normal(live, NULL, a)),
          name, "differs");
}

static void diff_cases(const char *root)
{
    struct dirent **names;
    AUTO(arena) struct arena *a = arena_new((size_t)256 << 20);
    int n = scandir(arena_printf(a, "%s/diff", root), &names, NULL, alphasort);
    for (int i = 0; i < n; i++) {
        char *end = strstr(names[i]->d_name, "-config.");
        if (end) {
            *end = '\0';
            diff_case(root, names[i]->d_name, a);
        }
        free(names[i]);
    }
    if (n >= 0)
        free(names);
}

int main(int argc, char **argv)
{
    if (argc < 2)
        return 2;
    verbose = argc > 2 && strcmp(argv[1], "-v") == 0;
    const char *root = argv[argc - 1];
    health_cases(root, "health/index.json", "health/");
    health_cases(root, "resource_customizations/health_index.json", "");
    diff_cases(root);
    (void)printf("argocd: %u passed, %u failed, %u skipped\n", passed, failed, skipped);
    return failed > 0;
}
