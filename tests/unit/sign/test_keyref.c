#include "sign/keyref.h"

#include "codec/base64.h"
#include "t.h"

static struct err e;

static int secret(void *arg, const char *ns, const char *name, struct arena *a,
                  const struct value **out, struct err *err)
{
    (void)a;
    if (strcmp(ns, "ci") != 0 || strcmp(name, "key") != 0)
        return err_set(err, ERR_NOT_FOUND, "no Secret %s/%s", ns, name);
    *out = arg;
    return 0;
}

static void refuses(void)
{
    static const struct {
        const char *reference;
        bool files;
        int want;
        const char *says;
    } cases[] = {
        {"awskms:///alias/x",                           true,  ERR_UNSUPPORTED, "awskms:// is a service"    },
        {"gcpkms://projects/x",                         true,  ERR_UNSUPPORTED, "gcpkms:// is a service"    },
        {"azurekms://v/k",                              false, ERR_UNSUPPORTED, "azurekms:// is a service"  },
        {"hashivault://k",                              false, ERR_UNSUPPORTED, "hashivault:// is a service"},
        {"ftp://x",                                     true,  ERR_UNSUPPORTED, "no kind of key reference"  },
        {"/etc/passwd",                                 false, ERR_UNSUPPORTED, "a file is not read here"   },
        {"env://HOME",                                  false, ERR_UNSUPPORTED, "no kind of key reference"  },
        {"k8s://ci",                                    true,  ERR_INVALID,     "k8s://NAMESPACE/SECRET"    },
        {"k8s://ci/key/x",                              true,  ERR_INVALID,     "k8s://NAMESPACE/SECRET"    },
        {"k8s://ci/other",                              true,  ERR_NOT_FOUND,   "no Secret ci/other"        },
        {"k8s://ci/key",                                true,  ERR_NOT_FOUND,   "has no cosign.key"         },
        {"pkcs11:a=b?module-path=/tmp/x.so",            false, ERR_DENIED,      "module-path"               },
        {"pkcs11:a=b?module-path=/x.so&pin-value=9876", true,  ERR_INVALID,     "/x.so"                     },
    };
    AUTO(arena) struct arena *a = arena_new(1 << 16);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct key *k = NULL;
        const struct keyref_ports p = {
            .arg = value_new_object(a), .secret = secret, .files = cases[i].files};
        T_EQ_INT(keyref_private(cases[i].reference, &p, &k, &e), cases[i].want, cases[i].reference);
        T_OK(strstr(e.msg, cases[i].says) != NULL, e.msg);
        T_OK(strstr(e.msg, "9876") == NULL, "tells no PIN");
    }
}

static void finds_in_a_secret(void)
{
    AUTO(arena) struct arena *a = arena_new(1 << 16);
    AUTO(key) struct key *k = NULL, *again = NULL;
    AUTO(public_key) struct public_key *pub = NULL;
    char *pem, *public_pem, *sig;
    size_t n;
    struct value *data = value_new_object(a);
    const struct keyref_ports p = {.arg = data, .secret = secret};
    T_RC(key_generate(&k, &e), &e, "key");
    T_RC(key_private_pem(k, a, &pem, &e), &e, "private");
    T_RC(key_public_pem(k, a, &public_pem, &e), &e, "public");
    (void)value_set_str(a, data, "cosign.key", base64_encode(a, pem, strlen(pem), BASE64_STD));
    (void)value_set_str(a, data, "cosign.pub",
                        base64_encode(a, public_pem, strlen(public_pem), BASE64_STD));
    T_RC(keyref_private("k8s://ci/key", &p, &again, &e), &e, "private half");
    T_RC(keyref_public("k8s://ci/key", &p, &pub, &e), &e, "public half");
    T_RC(key_sign(again, "x", 1, a, &sig, &n, &e), &e, "sign");
    T_RC(public_key_verify(pub, "x", 1, sig, n, &e), &e, "verify");
}

T_MAIN(refuses, finds_in_a_secret)
