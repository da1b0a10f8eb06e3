#include "cli/signing.h"

#include <stdio.h>
#include <string.h>
#include <termios.h>

#include "base/fs.h"
#include "charts/logins.h"
#include "oci/reference.h"
#include "sign/keyref.h"

enum { PASSPHRASE_MAX = 1024 };

/* ---- keys and trust ---- */

static bool ask(const char *question, char line[PASSPHRASE_MAX])
{
    struct termios was, quiet;
    bool terminal = tcgetattr(0, &was) == 0;
    if (terminal) {
        (void)fprintf(stderr, "%s: ", question);
        quiet = was;
        quiet.c_lflag &= ~(tcflag_t)ECHO;
        (void)tcsetattr(0, TCSAFLUSH, &quiet);
    }
    bool got = fgets(line, PASSPHRASE_MAX, stdin) != NULL;
    if (terminal) {
        (void)tcsetattr(0, TCSAFLUSH, &was);
        (void)fputc('\n', stderr);
    }
    return got;
}

int signing_passphrase(const char *question, struct arena *a, const char **out, struct err *e)
{
    char line[PASSPHRASE_MAX];
    const char *given = getenv("COSIGN_PASSWORD");
    if (given) {
        *out = given;
        return 0;
    }
    if (!ask(question, line))
        return err_set(e, ERR_INVALID, "the key needs a passphrase: set COSIGN_PASSWORD");
    line[strcspn(line, "\r\n")] = '\0';
    *out = arena_strdup(a, line);
    explicit_bzero(line, sizeof line);
    return 0;
}

/* A Secret of the cluster that the kubeconfig names. */
static int read_secret(void *arg, const char *ns, const char *name, struct arena *a,
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

static int ask_passphrase(void *arg, struct arena *a, const char **out, struct err *e)
{
    (void)arg;
    return signing_passphrase("Passphrase of the key", a, out, e);
}

static const struct keyref_ports keys = {
    .secret = read_secret, .passphrase = ask_passphrase, .files = true};

int signing_key(const struct signing_words *w, struct key **out, struct err *e)
{
    if (w->upload)
        return err_set(e, ERR_UNSUPPORTED,
                       "no transparency log is written to: leave --tlog-upload out");
    if (!w->key) {
        (void)err_set(e, ERR_INVALID, "there is no --key: signing needs one");
        return err_hint(e, "slipway generate-key-pair makes one");
    }
    return keyref_private(w->key, &keys, out, e);
}

static int check_words(const struct signing_words *w, struct err *e)
{
    if (w->key)
        return 0;
    if (!w->identity && !w->identity_pattern)
        return err_set(e, ERR_INVALID,
                       "say who should have signed: --key, or "
                       "--certificate-identity with --certificate-oidc-issuer");
    if (!w->issuer && !w->issuer_pattern)
        return err_set(e, ERR_INVALID,
                       "say who vouches for the identity: --certificate-oidc-issuer");
    return 0;
}

static int read_root(const struct signing_words *w, struct arena *a, struct trust_root **out,
                     struct err *e)
{
    char *text;
    size_t n;
    if (!w->root)
        return trust_root_public(a, out, e);
    int r = fs_read(w->root, TRUST_ROOT_MAX, a, &text, &n, e);
    if (r == 0)
        r = trust_root_read(text, n, a, out, e);
    return r < 0 ? err_wrap(e, r, "%s", w->root) : 0;
}

int signing_policy(const struct signing_words *w, struct arena *a, struct public_key **key,
                   struct bundle_policy *out, struct err *e)
{
    struct trust_root *root;
    bool no_log = w->ignore_log || w->private;
    int r = check_words(w, e);
    if (r == 0 && w->key)
        r = keyref_public(w->key, &keys, key, e);
    if (r == 0)
        r = read_root(w, a, &root, e);
    if (r < 0)
        return r;
    *out = (struct bundle_policy){
        .root = w->key && no_log ? NULL : root,
        .key = *key,
        .identity = {w->identity_pattern ? w->identity_pattern : w->identity,
                     w->identity_pattern != NULL                                                       },
        .issuer = {w->issuer_pattern ? w->issuer_pattern : w->issuer,       w->issuer_pattern != NULL},
        .without_log = no_log || w->key,
        .without_certificate_log = w->ignore_certificate_log,
    };
    return 0;
}

int signing_annotations(const struct option_list *list, struct arena *a, struct value **out,
                        struct err *e)
{
    *out = NULL;
    for (size_t i = 0; i < list->n; i++) {
        const char *equals = strchr(list->items[i], '=');
        if (!equals || equals == list->items[i])
            return err_set(e, ERR_INVALID, "--annotations %s is not NAME=VALUE", list->items[i]);
        if (!*out)
            *out = value_new_object(a);
        (void)value_setn(a, *out, list->items[i], (size_t)(equals - list->items[i]),
                         value_new_str(a, equals + 1));
    }
    return 0;
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
