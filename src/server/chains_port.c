/* chains_port.c - where signatures of runs lie, and the keys that chains-config may name. */
#include <string.h>

#include "node/image_port.h"
#include "oci/reference.h"
#include "server/server_int.h"
#include "sign/keyref.h"

enum { LOGINS_MAX = 64 };

/* ---- places ---- */

/* Logins among the Secrets that the run's service account names. */
static const char *const *logins(struct server *s, const struct object *run, struct arena *a)
{
    static const char *const lists[] = {"secrets", "imagePullSecrets"};
    AUTO(object) struct object *account = NULL;
    const char **out = ARENA_ARRAY(a, const char *, LOGINS_MAX + 1);
    const char *own = value_at_str(run->root, "spec.serviceAccountName", "default");
    const char *name = value_at_str(run->root, "spec.taskRunTemplate.serviceAccountName", own);
    size_t n = 0, len;
    if (kube_get(s->kube, &RES_SERVICE_ACCOUNT, run->ns, name, &account, NULL) < 0)
        return out;
    for (size_t i = 0; i < 2; i++)
        VALUE_EACH_ITEM (ref, value_get(account->root, lists[i])) {
            AUTO(object) struct object *secret = NULL;
            if (n == LOGINS_MAX || kube_get(s->kube, &RES_SECRET, run->ns,
                                            value_at_str(ref, "name", ""), &secret, NULL) < 0)
                continue;
            const struct value *data = value_get(secret->root, "data");
            out[n] = keyref_datum(data, ".dockerconfigjson", a, &len);
            if (!out[n])
                out[n] = keyref_datum(data, ".dockercfg", a, &len);
            n += out[n] != NULL;
        }
    return out;
}

struct elsewhere {
    struct remote remote;
    struct sign_remote place;
    struct image_auth auth;
};

static void close_elsewhere(void *arg)
{
    struct elsewhere *x = arg;
    remote_close(&x->remote);
}

static int open_elsewhere(struct server *s, const struct chains_where *w,
                          const struct reference *ref, struct arena *a, struct sign_place **out,
                          struct err *e)
{
    struct elsewhere *x = ARENA_NEW(a, struct elsewhere);
    const struct http_client_opts http = {.connect_timeout_ms = 10000, .insecure = w->insecure};
    bool hub = strcmp(ref->host, "docker.io") == 0;
    const char *host = hub ? "registry-1.docker.io" : ref->host;
    const struct remote_opts o = {
        .url = arena_printf(a, "http%s://%s", remote_is_loopback(host) ? "" : "s", host),
        .host = ref->host,
        .path = ref->path,
        .actions = "pull,push",
        .auth = &x->auth,
        .http = &http};
    (void)image_login_find(logins(s, w->run, a), ref->host, a, &x->auth);
    int r = remote_open(&o, &x->remote, e);
    if (r < 0)
        return r;
    arena_defer(a, close_elsewhere, x);
    x->place = sign_remote(&x->remote);
    *out = &x->place.place;
    return 0;
}

static int place(void *arg, const struct chains_where *w, struct arena *a, struct sign_place **out,
                 struct err *e)
{
    struct server *s = arg;
    struct reference ref;
    int r = reference_parse(w->repository, a, &ref, e);
    if (r < 0)
        return r;
    if (strcmp(ref.host, "index.docker.io") == 0)
        ref.host = "docker.io";
    bool here = image_store_is_local(s->images, ref.host);
    if (!here && !w->chosen &&
        remote_is_loopback(ref.host)) /* no step makes us talk to ourselves */
        return err_set(e, ERR_DENIED,
                       "%s is this machine, and not its registry: only "
                       "storage.oci.repository may name it",
                       ref.host);
    if (!here)
        return open_elsewhere(s, w, &ref, a, out, e);
    struct sign_local *own = ARENA_NEW(a, struct sign_local);
    *own = sign_local(s->images, ref.path);
    *out = &own->place;
    return 0;
}

/* ---- keys ---- */

static int read_secret(void *arg, const char *ns, const char *name, struct arena *a,
                       const struct value **out, struct err *e)
{
    AUTO(object) struct object *o = NULL;
    struct server *s = arg;
    int r = kube_get(s->kube, &RES_SECRET, ns, name, &o, e);
    if (r == 0)
        *out = value_copy(a, value_get(o->root, "data"));
    return r;
}

static int key(void *arg, const char *reference, struct key **out, struct err *e)
{
    const struct keyref_ports ports = {.arg = arg, .secret = read_secret};
    return keyref_private(reference, &ports, out, e);
}

struct chains *chains_port_open(struct server *s)
{
    const struct chains_ports ports = {.arg = s, .place = place, .key = key};
    return chains_new(&ports);
}
