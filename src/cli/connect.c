#include "cli/verb.h"
#include "kube/remote.h"

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
