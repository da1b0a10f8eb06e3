/* cluster.c - a real cluster instead of an API and a node of our own.
 *
 * Its API is the port; the kinds it does not know are installed as CRDs. Kinds that somebody else
 * installed have controllers of their own there: two of them would fight over every object. */
#include <string.h>
#include <time.h>

#include "api/crd.h"
#include "base/log.h"
#include "codec/yaml.h"
#include "kube/remote.h"
#include "server/server_int.h"

enum { WAIT_MS = 30000, PAUSE_MS = 50 };

static const char managed_by[] = "app.kubernetes.io/managed-by";

static void pause_ms(long ms)
{
    const struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    (void)clock_nanosleep(CLOCK_MONOTONIC, 0, &t, NULL);
}

/* Kinds that slipway only reads: whoever else brings them into the cluster is welcome to. */
static bool is_shared(const char *crd)
{
    static const char group[] = ".monitoring.coreos.com";
    size_t n = strlen(crd);
    return n > sizeof group - 1 && strcmp(crd + n - (sizeof group - 1), group) == 0;
}

static int put_crd(struct server *s, const struct crd_text *crd, struct arena *a, struct err *e)
{
    AUTO(object) struct object *there = NULL;
    struct value *doc;
    int r = kube_get(s->kube, &RES_CRD, NULL, crd->name, &there, e);
    const char *manager = r == 0 ? object_label(there, managed_by) : NULL;
    if (r == 0 && (!manager || strcmp(manager, "slipway") != 0)) {
        if (is_shared(crd->name))
            return 0;
        (void)err_set(e, ERR_EXISTS, "kind %s is in the cluster already, installed by another",
                      crd->name);
        return err_hint(e,
                        "remove what brings it (Tekton, Argo CD, Argo Rollouts), or label the "
                        "CRD %s=slipway when nothing handles it any more",
                        managed_by);
    }
    if (r < 0 && r != ERR_NOT_FOUND)
        return r;
    r = yaml_parse(a, crd->text, strlen(crd->text), 0, &doc, e);
    if (r < 0)
        return r;
    (void)value_set_str(a, value_make_object(a, doc, "metadata.labels"), managed_by, "slipway");
    return kube_apply(s->kube, &RES_CRD, NULL, crd->name, NULL, "slipway", true, doc, NULL, e);
}

static bool established(const struct object *crd)
{
    VALUE_EACH_ITEM (c, value_at(crd->root, "status.conditions"))
        if (strcmp(value_at_str(c, "type", ""), "Established") == 0)
            return strcmp(value_at_str(c, "status", ""), "True") == 0;
    return false;
}

static int await_crd(struct server *s, const char *name, struct err *e)
{
    for (long waited = 0; waited < WAIT_MS; waited += PAUSE_MS) {
        AUTO(object) struct object *crd = NULL;
        int r = kube_get(s->kube, &RES_CRD, NULL, name, &crd, e);
        if (r < 0 || established(crd))
            return r;
        pause_ms(PAUSE_MS);
    }
    return err_set(e, ERR_TIMEOUT, "CRD %s is not established after %d s", name, WAIT_MS / 1000);
}

static int install_crds(struct server *s, struct err *e)
{
    const struct crd_text *t;
    int r = 0;
    for (size_t i = 0; r == 0 && (t = crd_builtin(i)); i++) {
        AUTO(arena) struct arena *a = arena_new(64 << 20);
        r = put_crd(s, t, a, e);
    }
    for (size_t i = 0; r == 0 && (t = crd_builtin(i)); i++)
        r = await_crd(s, t->name, e);
    return r;
}

int cluster_open(struct server *s, struct err *e)
{
    struct kube_config c;
    int r = kube_config_load(s->opts.kubeconfig, NULL, s->arena, &c, e);
    if (r < 0)
        return err_wrap(e, r, "--kubeconfig %s", s->opts.kubeconfig);
    s->kube = kube_remote_new(&c, "slipway");
    s->opts.api_address = c.server;
    r = install_crds(s, e);
    if (r == ERR_AGAIN)
        (void)err_hint(e, "is the cluster up, and is that its address in %s?", s->opts.kubeconfig);
    if (r < 0)
        return err_wrap(e, r, "cluster %s", c.server);
    const char *registry = server__for_pods(s, s->opts.registry_address);
    if (registry)
        image_store_add_local_host(s->images, registry);
    else
        log_warn("server", "without --advertise, pods of the cluster reach neither git nor the "
                           "registry nor the work API here");
    return 0;
}
