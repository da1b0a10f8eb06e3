#include <arpa/inet.h>

#include "crypto/issue.h"
#include "template/sprig_int.h"
#include "template/time_int.h"

#include "base/banned.h"

static const struct go_field certificate_fields[] = {
    {"Cert", &go_string_type, NULL, false, false},
    {"Key",  &go_string_type, NULL, false, false},
};
const struct go_type go_certificate_type = {.name = "sprig.certificate",
                                            .kind = GO_STRUCT,
                                            .fields = certificate_fields,
                                            .n_fields = 2,
                                            .defined = true};

static int make_key(struct go_call *c, enum issue_kind kind, char **out)
{
    unsigned char seed[ISSUE_SEED];
    struct err e = {0};
    int rc = call__spend(c, SLOW_STEPS);
    if (rc)
        return rc;
    random__draw(c, seed, sizeof seed);
    if (issue_key(kind, seed, c->arena, out, &e))
        return go_fail(c, "error generating key: %s", e.msg);
    return 0;
}

GO_FN(gen_private_key)
{
    static const struct {
        const char *name;
        enum issue_kind kind;
    } kinds[] = {
        {"",        ISSUE_RSA_4096  },
        {"rsa",     ISSUE_RSA_4096  },
        {"dsa",     ISSUE_DSA_2048  },
        {"ecdsa",   ISSUE_ECDSA_P256},
        {"ed25519", ISSUE_ED25519   },
    };
    const char *name = go_cstr(c->arena, &args[0]);
    char *pem = NULL;
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        if (strcmp(kinds[i].name, name) == 0) {
            int rc = make_key(c, kinds[i].kind, &pem);
            *out = go_str(pem);
            return rc;
        }
    *out = go_str(arena_printf(c->arena, "Unknown type %s", name));
    return 0;
}

/* ---- certificates ---- */

/* The texts of a list; `what` names an item that is none. */
static int texts(struct go_call *c, const struct go_value *list, const char *what,
                 const char *const **out)
{
    const char **all = ARENA_ARRAY(c->arena, const char *, list->n + 1u);
    for (uint32_t i = 0; i < list->n; i++) {
        if (list->items[i].type != &go_string_type) {
            struct buf *b = call__scratch(c);
            fmt__print(c->run, b, &list->items[i]);
            return go_fail(c, "error %s: %s is not a string", what, buf_text(b));
        }
        all[i] = go_cstr(c->arena, &list->items[i]);
    }
    *out = all;
    return 0;
}

static bool is_address(const char *text)
{
    unsigned char ip[16];
    return inet_pton(AF_INET, text, ip) == 1 || inet_pton(AF_INET6, text, ip) == 1;
}

static int request(struct go_call *c, const struct go_value *cn, const struct go_value *ips,
                   const struct go_value *dns, int64_t days, struct issue_request *out)
{
    const struct template_host *host = c->run->options.host;
    int64_t now = host ? host->now_ns / 1000000000 : 0;
    *out = (struct issue_request){
        .common_name = go_cstr(c->arena, cn), .not_before = now, .not_after = now + days * 86400};
    int rc = ips ? texts(c, ips, "parsing ip", &out->ips) : 0;
    out->n_ips = ips ? ips->n : 0;
    for (size_t i = 0; rc == 0 && i < out->n_ips; i++)
        if (!is_address(out->ips[i]))
            rc = go_fail(c, "error parsing ip: %s", out->ips[i]);
    if (rc == 0 && dns)
        rc = texts(c, dns, "processing alternate dns name", &out->dns);
    out->n_dns = dns ? dns->n : 0;
    random__draw(c, out->serial, sizeof out->serial);
    return rc;
}

/* A key of its own, or the one given, in Go's form. */
static int own_key(struct go_call *c, const struct go_value *pem, char **out)
{
    struct err e = {0};
    if (!pem)
        return make_key(c, ISSUE_RSA_2048, out);
    if (issue_check_key(go_cstr(c->arena, pem), c->arena, out, &e))
        return go_fail(c, "parsing private key: %s",
                       strstr(pem->s, "-----BEGIN") ? e.msg : "no PEM data in input");
    return 0;
}

static int issue(struct go_call *c, const struct issue_request *r, const char *key,
                 const struct issue_signer *by, struct go_value *out)
{
    struct err e = {0};
    char *pem = NULL;
    if (issue_certificate(r, key, by, c->arena, &pem, &e))
        return go_fail(c, "error creating certificate: %s", e.msg);
    struct go_value *fields = ARENA_ARRAY(c->arena, struct go_value, 2);
    fields[0] = go_str(pem);
    fields[1] = go_str(key);
    *out = go_struct(&go_certificate_type, fields);
    return 0;
}

GO_FN(gen_ca)
{
    struct issue_request r;
    char *key = NULL;
    int rc = own_key(c, n > 2 ? &args[2] : NULL, &key);
    if (rc == 0)
        rc = request(c, &args[0], NULL, NULL, args[1].i, &r);
    r.is_ca = true;
    return rc ? rc : issue(c, &r, key, NULL, out);
}

GO_FN(gen_self_signed)
{
    struct issue_request r;
    char *key = NULL;
    int rc = own_key(c, n > 4 ? &args[4] : NULL, &key);
    if (rc == 0)
        rc = request(c, &args[0], &args[1], &args[2], args[3].i, &r);
    return rc ? rc : issue(c, &r, key, NULL, out);
}

GO_FN(gen_signed)
{
    struct issue_request r;
    struct err e = {0};
    char *key = NULL, *ignored = NULL;
    const struct go_value *ca = args[4].fields;
    struct issue_signer by = {go_cstr(c->arena, &ca[0]), go_cstr(c->arena, &ca[1])};
    int rc = own_key(c, n > 5 ? &args[5] : NULL, &key);
    if (rc)
        return rc;
    if (!strstr(by.certificate, "-----BEGIN"))
        return go_fail(c, "unable to decode certificate");
    if (issue_check_certificate(by.certificate, &e))
        return go_fail(c, "error parsing certificate: decodedSignerCert.Bytes: %s", e.msg);
    if (issue_check_key(by.key, c->arena, &ignored, &e))
        return go_fail(c, "error parsing private key: %s",
                       strstr(by.key, "-----BEGIN") ? e.msg : "no PEM data in input");
    rc = request(c, &args[0], &args[1], &args[2], args[3].i, &r);
    return rc ? rc : issue(c, &r, key, &by, out);
}

GO_FN(build_custom_cert)
{
    struct err e = {0};
    size_t bad;
    char *ignored = NULL;
    struct go_value *fields = ARENA_ARRAY(c->arena, struct go_value, 2);
    for (int i = 0; i < 2; i++) {
        struct buf *b = call__scratch(c);
        if (!base__decode64(b, args[i].s, args[i].n, &bad))
            return go_fail(c, "unable to decode base64 %s", i ? "private key" : "certificate");
        fields[i] = call__text(c, buf_text(b), b->len);
    }
    if (!strstr(fields[0].s, "-----BEGIN"))
        return go_fail(c, "unable to decode certificate");
    if (issue_check_certificate(fields[0].s, &e))
        return go_fail(c, "error parsing certificate: decodedCert.Bytes: %s", e.msg);
    if (issue_check_key(fields[1].s, c->arena, &ignored, &e))
        return go_fail(c, "error parsing private key: %s",
                       strstr(fields[1].s, "-----BEGIN") ? e.msg : "no PEM data in input");
    *out = go_struct(&go_certificate_type, fields);
    return 0;
}

const struct go_func cert_functions[] = {
    {"buildCustomCert",          "ss",     build_custom_cert},
    {"genCA",                    "si",     gen_ca           },
    {"genCAWithKey",             "sis",    gen_ca           },
    {"genPrivateKey",            "s",      gen_private_key  },
    {"genSelfSignedCert",        "sLLi",   gen_self_signed  },
    {"genSelfSignedCertWithKey", "sLLis",  gen_self_signed  },
    {"genSignedCert",            "sLLiC",  gen_signed       },
    {"genSignedCertWithKey",     "sLLiCs", gen_signed       },
    {NULL,                       NULL,     NULL             },
};
