/* scan_affected.c - which images, repositories and running pods a database of advisories speaks of.
 */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "cli/verb.h"
#include "codec/json.h"
#include "scan/catalogue.h"

struct affected_options {
    const char *data_dir, *db, *since, *kubeconfig, *format;
    bool pods;
};

/* The pods that run an image: "namespace/name, …". */
static const char *pods_of(const struct kube_list *pods, const char *digest, struct arena *a)
{
    static const char *const statuses[] = {"initContainerStatuses", "containerStatuses"};
    const char *out = "";
    for (size_t i = 0; i < pods->n; i++) {
        const struct value *root = pods->items[i]->root, *status = value_get(root, "status");
        bool runs = false;
        for (size_t k = 0; k < ARRAY_LEN(statuses); k++)
            VALUE_EACH_ITEM (c, value_get(status, statuses[k]))
                runs = runs || strstr(value_at_str(c, "imageID", ""), digest);
        if (runs)
            out = arena_join(a, out, *out ? ", " : "", value_at_str(root, "metadata.namespace", ""),
                             "/", value_at_str(root, "metadata.name", ""), NULL);
    }
    return out;
}

static void print_table(const struct affected *list, size_t n, const struct kube_list *pods,
                        struct arena *a)
{
    if (n)
        (void)printf("%-10s %-20s %-24s %-16s %-16s %-40s %-20s %s\n", "SEVERITY", "ADVISORY",
                     "PACKAGE", "VERSION", "FIXED IN", "IMAGE", "REPOSITORY", "PODS");
    for (size_t i = 0; i < n; i++) {
        const struct finding *f = list[i].finding;
        (void)printf("%-10s %-20s %-24s %-16s %-16s %-40s %-20s %s\n", severity_name(f->severity),
                     f->id, f->package->binary, f->package->version, *f->fixed ? f->fixed : "-",
                     list[i].name, *list[i].owner ? list[i].owner : "-",
                     pods_of(pods, list[i].digest, a));
    }
}

static void print_json(const struct affected *list, size_t n, const struct kube_list *pods,
                       struct arena *a)
{
    struct value *out = value_new_array(a);
    for (size_t i = 0; i < n; i++) {
        const struct finding *f = list[i].finding;
        struct value *o = value_push(a, out, value_new_object(a));
        (void)value_set_str(a, o, "image", list[i].name);
        (void)value_set_str(a, o, "digest", list[i].digest);
        (void)value_set_str(a, o, "repository", list[i].owner);
        (void)value_set_str(a, o, "advisory", f->id);
        (void)value_set_str(a, o, "severity", severity_name(f->severity));
        (void)value_set_str(a, o, "package", f->package->binary);
        (void)value_set_str(a, o, "version", f->package->version);
        (void)value_set_str(a, o, "fixed", f->fixed);
        (void)value_set_str(a, o, "pods", pods_of(pods, list[i].digest, a));
    }
    (void)printf("%s\n", json_text(a, out, JSON_PRETTY | JSON_NO_HTML));
}

/* What is found lives as long as the catalogue. */
static int find(const struct affected_options *o, struct catalogue **c, struct arena *a,
                struct affected **list, size_t *n, struct err *e)
{
    AUTO(advisories) struct advisories *before = NULL, *db = NULL;
    const char *dir = verb_data_dir(o->data_dir);
    int r = catalogue_open(arena_printf(a, "%s/catalogue", dir), false, c, e);
    if (r == 0 && o->since)
        r = advisories_open(o->since, &before, e);
    if (r == 0)
        r = advisories_open_trusted(dir, o->db, NULL, &db, e);
    if (r == 0)
        r = catalogue_affected(*c, before, db, clock_real_ms(), a, list, n, e);
    return r;
}

static int run_affected(int argc, char **argv)
{
    struct affected_options o = {.format = "table"};
    const struct option table[] = {
        {"data-dir",                          'd', OPTION_TEXT, &o.data_dir, "DIR",
         "where everything is kept (" VERB_DEFAULT_DIR ")"},
        {"db",                        0, OPTION_TEXT, &o.db, "FILE", "the database (DIR/advisories.db)"},
        {"since",                              0, OPTION_TEXT, &o.since, "FILE", "only what this one did not say"},
        {"format",                                   'f', OPTION_TEXT, &o.format, "FORMAT", "table or json"},
        {"pods",           0, OPTION_FLAG, &o.pods, NULL, "ask the API who runs them"},
        {"kubeconfig",                              0, OPTION_TEXT, &o.kubeconfig, "FILE", "of which API"},
        {0}
    };
    AUTO(arena) struct arena *a = arena_new(0);
    AUTO(catalogue) struct catalogue *c = NULL;
    struct kube *kube = NULL;
    struct kube_list pods = {0};
    struct affected *list = NULL;
    struct arguments args;
    struct err e = {0};
    size_t n = 0;
    int code;
    if (!verb_begin(&verbs_affected[0], table, argc, argv, a, &args, &code))
        return code;
    bool json = strcmp(o.format, "json") == 0;
    if (args.n || (!json && strcmp(o.format, "table") != 0))
        return verb_usage(&verbs_affected[0]);
    int r = find(&o, &c, a, &list, &n, &e);
    if (r == 0 && o.pods)
        r = verb_connect(o.kubeconfig, a, &kube, &e);
    if (r == 0 && o.pods)
        r = kube_list(kube, &RES_POD, NULL, NULL, &pods, &e);
    if (r == 0)
        (json ? print_json : print_table)(list, n, &pods, a);
    kube_list_done(&pods);
    kube_free(kube);
    return r < 0 ? verb_fail(&e) : EXIT_OK;
}

const struct verb verbs_affected[] = {
    {"db affected",                                                     "[--since OLD.db] [--pods] [options]",
     "images that the advisories speak of, from what scans have found", run_affected},
    {0}
};
