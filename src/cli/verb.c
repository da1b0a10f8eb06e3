#include "cli/verb.h"

#include <stdio.h>
#include <string.h>

#include "kube/remote.h"

int verb_fail(const struct err *e)
{
    (void)fprintf(stderr, "slipway: %s\n", e->msg);
    if (*e->hint)
        (void)fprintf(stderr, "  %s\n", e->hint);
    return EXIT_FAILED;
}

int verb_usage(const struct verb *v)
{
    (void)fprintf(stderr, "usage: slipway %s %s\n", v->name, v->usage);
    return EXIT_USAGE;
}

bool verb_begin(const struct verb *v, const struct option *table, int argc, char **argv,
                struct arena *a, struct arguments *out, int *out_code)
{
    struct err e = {0};
    if (options_parse(table, argc, argv, a, out, &e) < 0) {
        (void)verb_fail(&e);
        *out_code = EXIT_USAGE;
        return false;
    }
    if (out->help) {
        (void)printf("usage: slipway %s %s\n\n%s\n", v->name, v->usage, v->summary);
        if (table->name)
            (void)puts("");
        options_print(table);
        *out_code = EXIT_OK;
        return false;
    }
    return true;
}

const char *verb_data_dir(const char *given)
{
    const char *env = getenv("SLIPWAY_DATA_DIR");
    return given ? given : env && *env ? env : VERB_DEFAULT_DIR;
}

int verb_connect(const char *kubeconfig, struct arena *a, struct kube **out, struct err *e)
{
    const char *env = getenv("KUBECONFIG");
    const char *path = kubeconfig    ? kubeconfig
                       : env && *env ? env
                                     : arena_printf(a, "%s/admin.kubeconfig", verb_data_dir(NULL));
    struct kube_config c;
    int r = kube_config_load(path, NULL, a, &c, e);
    if (r == 0)
        *out = kube_remote_new(&c, "slipway");
    if (r == ERR_NOT_FOUND)
        (void)err_hint(e, "start the server with `slipway up`, or name its file with --kubeconfig");
    return r;
}
