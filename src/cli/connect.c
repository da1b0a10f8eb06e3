#include "cli/verb.h"
#include "kube/remote.h"

int verb_config(const char *kubeconfig, const char *context, struct arena *a,
                struct kube_config *out, struct err *e)
{
    const char *env = getenv("KUBECONFIG");
    const char *path = kubeconfig    ? kubeconfig
                       : env && *env ? env
                                     : arena_printf(a, "%s/admin.kubeconfig", verb_data_dir(NULL));
    int r = kube_config_load(path, context, a, out, e);
    if (r == ERR_NOT_FOUND)
        (void)err_hint(e, "start the server with `slipway up`, or name its file with --kubeconfig");
    return r;
}

int verb_connect(const char *kubeconfig, struct arena *a, struct kube **out, struct err *e)
{
    struct kube_config c;
    int r = verb_config(kubeconfig, NULL, a, &c, e);
    if (r == 0)
        *out = kube_remote_new(&c, "slipway");
    return r;
}
