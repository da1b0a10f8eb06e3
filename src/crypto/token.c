#include "crypto/token.h"

#include <gnutls/pkcs11.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "crypto/key_int.h"

enum { MODULES_MAX = 8, URI_MAX = 4096 };

static int fail(int rc, struct err *e, const char *what)
{
    return err_set(e, ERR_INVALID, "%s: %s", what, gnutls_strerror(rc));
}

bool token_is_reference(const char *text)
{
    return strncmp(text, "pkcs11:", 7) == 0;
}

/* The value of an attribute of the URI, which is percent-encoded; false: it has none. */
static bool attribute(const char *uri, const char *name, char *out, size_t size)
{
    size_t n = strlen(name), k = 0;
    const char *p = strpbrk(uri, ":");
    while (p && (strncmp(p + 1, name, n) != 0 || p[1 + n] != '='))
        p = strpbrk(p + 1, ";?&");
    if (!p)
        return false;
    for (p += n + 2; *p && !strchr(";?&", *p) && k + 1 < size; k++) {
        const char hex[3] = {p[0] == '%' ? p[1] : '\0', p[0] == '%' && p[1] ? p[2] : '\0', '\0'};
        bool escaped = strlen(hex) == 2 && strspn(hex, "0123456789abcdefABCDEF") == 2;
        out[k] = escaped ? (char)strtoul(hex, NULL, 16) : *p;
        p += escaped ? 3 : 1;
    }
    out[k] = '\0';
    return true;
}

/* ---- modules: the process has one set of them ---- */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char loaded[MODULES_MAX][PATH_MAX];
static size_t n_loaded;

static int load_module(const char *path, struct err *e)
{
    for (size_t i = 0; i < n_loaded; i++)
        if (strcmp(loaded[i], path) == 0)
            return 0;
    if (n_loaded == MODULES_MAX)
        return err_set(e, ERR_TOO_LARGE, "more than %d PKCS#11 modules", MODULES_MAX);
    int rc = n_loaded ? 0 : gnutls_pkcs11_init(GNUTLS_PKCS11_FLAG_MANUAL, NULL);
    if (rc >= 0)
        rc = gnutls_pkcs11_add_provider(path, NULL);
    if (rc < 0)
        return err_set(e, ERR_INVALID, "load PKCS#11 module %s: %s", path, gnutls_strerror(rc));
    (void)snprintf(loaded[n_loaded++], PATH_MAX, "%s", path);
    return 0;
}

static int open_module(const char *uri, bool trusted, struct err *e)
{
    char path[PATH_MAX], file[PATH_MAX];
    const char *usual = getenv("PKCS11_MODULE_PATH");
    bool named = attribute(uri, "module-path", path, sizeof path);
    if (!trusted && strpbrk(uri, " \t\r\n\f\v")) /* p11-kit reads names across blanks */
        return err_set(e, ERR_INVALID, "the URI has a blank in it: write %%20");
    if (!trusted && (named || attribute(uri, "pin-source", file, sizeof file)))
        return err_set(e, ERR_DENIED,
                       "module-path and pin-source are not taken from here: "
                       "set PKCS11_MODULE_PATH and COSIGN_PKCS11_PIN of the server");
    if (!named && !usual)
        return 0; /* p11-kit's configuration */
    (void)pthread_mutex_lock(&lock);
    int r = load_module(named ? path : usual, e);
    (void)pthread_mutex_unlock(&lock);
    return r;
}

/* Once: a wrong PIN is not tried until the token locks itself. */
static int pin(void *arg, int attempt, const char *url, const char *label, unsigned flags,
               char *out, size_t size)
{
    const char *given = getenv("COSIGN_PKCS11_PIN");
    (void)url, (void)label, (void)flags;
    if (attempt > 0)
        return -1;
    if (attribute(arg, "pin-value", out, size))
        return 0;
    if (!given || strlen(given) >= size)
        return -1;
    (void)snprintf(out, size, "%s", given);
    return 0;
}

static int check(const char *uri, struct err *e)
{
    return strlen(uri) < URI_MAX
               ? 0
               : err_set(e, ERR_TOO_LARGE, "the URI is longer than %d bytes", URI_MAX);
}

int token_key(const char *uri, bool trusted, struct key **out, struct err *e)
{
    AUTO(key) struct key *k = key__new();
    int r = check(uri, e);
    if (r == 0)
        r = open_module(uri, trusted, e);
    if (r < 0)
        return r;
    k->uri = strdup(uri);
    if (!k->uri)
        log_die("out of memory");
    gnutls_privkey_set_pin_function(k->handle, pin, k->uri);
    int rc = gnutls_privkey_import_url(k->handle, uri, 0);
    if (rc < 0)
        return fail(rc, e, "find the private key in the token");
    *out = take_ptr(k);
    return 0;
}

int token_public_key(const char *uri, bool trusted, struct public_key **out, struct err *e)
{
    AUTO(public_key) struct public_key *k = public_key__new();
    int r = check(uri, e);
    if (r == 0)
        r = open_module(uri, trusted, e);
    if (r < 0)
        return r;
    gnutls_pubkey_set_pin_function(k->handle, pin, (void *)(uintptr_t)uri);
    int rc = gnutls_pubkey_import_url(k->handle, uri, 0);
    if (rc < 0)
        return fail(rc, e, "find the public key in the token");
    *out = take_ptr(k);
    return 0;
}
