/* signing_net.c - Secrets and registries, for the whole program. */
#include <stdio.h>
#include <string.h>

#include "charts/logins.h"
#include "cli/signing.h"
#include "oci/reference.h"

/* ---- Secrets ---- */

int signing_read_secret(void *arg, const char *ns, const char *name, struct arena *a,
                        const struct value **out, struct err *e)
{
    AUTO(kube) struct kube *k = NULL;
    AUTO(object) struct object *o = NULL;
    (void)arg;
    int r = verb_connect(NULL, a, &k, e);
    if (r == 0)
        r = kube_get(k, &RES_SECRET, ns, name, &o, e);
    if (r == 0)
        *out = value_copy(a, value_get(o->root, "data"));
    return r;
}

int signing_create_secret(const char *ns, const struct value *secret, struct arena *a,
                          struct err *e)
{
    AUTO(kube) struct kube *k = NULL;
    int r = verb_connect(NULL, a, &k, e);
    return r < 0 ? r : kube_create(k, &RES_SECRET, ns, secret, NULL, e);
}

/* ---- images ---- */

static int find_login(const char *host, struct arena *a, struct image_auth *out, struct err *e)
{
    const char *docker = getenv("DOCKER_CONFIG"), *home = getenv("HOME");
    const struct charts_files files = {
        .logins = getenv("REGISTRY_AUTH_FILE"),
        .fallback_logins = docker ? arena_printf(a, "%s/config.json", docker)
                                  : arena_printf(a, "%s/.docker/config.json", home ? home : ""),
    };
    return charts_login_find(&files, host, a, out, e);
}

static bool is_hub(const struct reference *ref)
{
    return strcmp(ref->host, "docker.io") == 0;
}

int signing_remote_open(const struct reference *ref, const struct signing_words *w, bool push,
                        struct arena *a, struct image_auth *auth, struct remote *out, struct err *e)
{
    struct http_client_opts http = {.connect_timeout_ms = 10000, .insecure = w->insecure};
    int r = find_login(ref->host, a, auth, e);
    if (r < 0)
        return r;
    const char *host = is_hub(ref) ? "registry-1.docker.io" : ref->host;
    bool plain = w->plain_http || remote_is_loopback(host);
    const struct remote_opts o = {.url = arena_printf(a, "http%s://%s", plain ? "" : "s", host),
                                  .host = ref->host,
                                  .path = ref->path,
                                  .actions = push ? "pull,push" : "pull",
                                  .auth = auth,
                                  .http = &http};
    return remote_open(&o, out, e);
}

int signing_image_open(const char *reference, const struct signing_words *w, bool push,
                       struct arena *a, struct signing_image *out, struct err *e)
{
    struct reference ref;
    struct sign_manifest image;
    int r = reference_parse(reference, a, &ref, e);
    if (r == 0)
        r = signing_remote_open(&ref, w, push, a, &out->auth, &out->remote, e);
    if (r < 0)
        return r;
    out->open = true;
    out->place = sign_remote(&out->remote);
    out->name = arena_printf(a, "%s/%s", is_hub(&ref) ? "index.docker.io" : ref.host, ref.path);
    r = out->place.place.ops->manifest(&out->place.place, ref.digest ? ref.digest : ref.tag, a,
                                       &image, e);
    if (r == 0)
        (void)snprintf(out->digest, DIGEST_MAX, "%s", image.digest);
    return r < 0 ? err_wrap(e, r, "%s", reference) : 0;
}

void signing_image_close(struct signing_image *i)
{
    if (i->open)
        remote_close(&i->remote);
    i->open = false;
}
