#include "sign/keyref.h"

#include <string.h>

#include "base/fs.h"
#include "codec/base64.h"
#include "crypto/token.h"
#include "sign/keyfile.h"

enum { ARENA_MAX = 4 * KEYFILE_MAX };

/* A key as text, with the passphrase where it lies beside it. */
struct found {
    const char *pem, *passphrase;
    size_t n;
};

bool keyref_is_secret(const char *reference)
{
    return strncmp(reference, "k8s://", 6) == 0;
}

int keyref_secret(const char *reference, struct arena *a, const char **ns, const char **name,
                  struct err *e)
{
    const char *text = reference + 6, *slash = strchr(text, '/');
    if (!slash || slash == text || !slash[1] || strchr(slash + 1, '/'))
        return err_set(e, ERR_INVALID, "%s is not k8s://NAMESPACE/SECRET", reference);
    *ns = arena_strndup(a, text, (size_t)(slash - text));
    *name = arena_strdup(a, slash + 1);
    return 0;
}

const char *keyref_datum(const struct value *data, const char *name, struct arena *a, size_t *n)
{
    const struct value *v = value_get(data, name);
    char *text;
    if (!v || base64_decode(a, value_str(v, ""), value_count(v), BASE64_STD, &text, n, NULL) < 0)
        return NULL;
    return text;
}

static int find_in_secret(const char *reference, const struct keyref_ports *p, const char *datum,
                          struct arena *a, struct found *out, struct err *e)
{
    const char *ns, *name;
    const struct value *data;
    size_t n;
    if (!p->secret)
        return err_set(e, ERR_UNSUPPORTED, "no API is at hand to read a Secret from");
    int r = keyref_secret(reference, a, &ns, &name, e);
    if (r == 0)
        r = p->secret(p->arg, ns, name, a, &data, e);
    if (r < 0)
        return r;
    out->pem = keyref_datum(data, datum, a, &out->n);
    out->passphrase = keyref_datum(data, "cosign.password", a, &n);
    return out->pem ? 0 : err_set(e, ERR_NOT_FOUND, "the Secret has no %s", datum);
}

static int refuse_scheme(const char *reference, const char *scheme, const struct keyref_ports *p,
                         struct err *e)
{
    static const char *const services[] = {"awskms", "gcpkms", "azurekms", "hashivault"};
    size_t n = (size_t)(scheme - reference);
    const char *why = "is no kind of key reference";
    for (size_t i = 0; i < sizeof services / sizeof *services; i++)
        if (strlen(services[i]) == n && strncmp(services[i], reference, n) == 0)
            why = "is a service on the network, and none is asked";
    (void)err_set(e, ERR_UNSUPPORTED, "%.*s%s %s", (int)n, reference, n ? "://" : "a file",
                  n ? why : "is not read here");
    return err_hint(e, p->files ? "give a file, env://VARIABLE, k8s://NAMESPACE/SECRET or pkcs11:…"
                                : "give k8s://NAMESPACE/SECRET or pkcs11:…");
}

static int find(const char *reference, const struct keyref_ports *p, const char *datum,
                struct arena *a, struct found *out, struct err *e)
{
    const char *scheme = strstr(reference, "://");
    char *text;
    if (keyref_is_secret(reference))
        return find_in_secret(reference, p, datum, a, out, e);
    if (p->files && strncmp(reference, "env://", 6) == 0) {
        out->pem = getenv(reference + 6);
        if (!out->pem)
            return err_set(e, ERR_NOT_FOUND, "there is no variable %s", reference + 6);
        out->n = strlen(out->pem);
        return 0;
    }
    if (scheme || !p->files)
        return refuse_scheme(reference, scheme ? scheme : reference, p, e);
    int r = fs_read(reference, KEYFILE_MAX, a, &text, &out->n, e);
    if (r == 0)
        out->pem = text;
    return r;
}

static int open_private(const char *reference, const struct keyref_ports *p, struct arena *a,
                        struct key **out, struct err *e)
{
    struct found f = {0};
    if (token_is_reference(reference))
        return token_key(reference, p->files, out, e);
    int r = find(reference, p, "cosign.key", a, &f, e);
    if (r < 0)
        return r;
    if (!f.passphrase && keyfile_is_sealed(f.pem)) {
        if (!p->passphrase)
            return err_set(e, ERR_INVALID, "the key is sealed, and no passphrase lies beside it");
        r = p->passphrase(p->arg, a, &f.passphrase, e);
    }
    return r < 0 ? r : keyfile_open(f.pem, f.n, f.passphrase ? f.passphrase : "", out, e);
}

/* How much of a reference may be told: no PIN. */
static int telling(const char *reference)
{
    const char *pin = strstr(reference, "pin-value=");
    if (!token_is_reference(reference))
        return (int)strlen(reference);
    return (int)(pin ? (size_t)(pin - reference) : strcspn(reference, "?"));
}

int keyref_private(const char *reference, const struct keyref_ports *p, struct key **out,
                   struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(ARENA_MAX);
    int r = open_private(reference, p, a, out, e);
    return r < 0 ? err_wrap(e, r, "key %.*s", telling(reference), reference) : 0;
}

int keyref_public(const char *reference, const struct keyref_ports *p, struct public_key **out,
                  struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(ARENA_MAX);
    struct found f = {0};
    int r;
    if (token_is_reference(reference)) {
        r = token_public_key(reference, p->files, out, e);
    } else {
        r = find(reference, p, "cosign.pub", a, &f, e);
        if (r == 0)
            r = public_key_load(f.pem, f.n, out, e);
    }
    return r < 0 ? err_wrap(e, r, "key %.*s", telling(reference), reference) : 0;
}
