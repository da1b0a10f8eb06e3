#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <string.h>

#include "apiserver/apiserver_int.h"
#include "base/log.h"
#include "base/thread.h"
#include "codec/base64.h"
#include "codec/json.h"
#include "crypto/key.h"

static const char ISSUER[] = "https://kubernetes.default.svc.cluster.local";
enum { SEEN_SLOTS = 256, TOKEN_MAX = 16 * 1024, HALF = 32 };

/* JSON Web Tokens signed with ES256. Whose signature was right once is remembered, so that a
 * token costs one elliptic curve operation and not one a request. */
struct tokens {
    struct key *key;
    struct public_key *public;
    char *kid;
    pthread_mutex_t mutex;
    char *seen[SEEN_SLOTS];
};

int tokens__init(struct apiserver *s, const char *key_pem, struct err *e)
{
    struct tokens *t = s->tokens = calloc(1, sizeof *t);
    if (!t)
        log_die("out of memory");
    (void)pthread_mutex_init(&t->mutex, NULL);
    AUTO(arena) struct arena *a = arena_new(1 << 20);
    char *pem = NULL, *kid = NULL;
    int rc = key_pem ? key_load(key_pem, strlen(key_pem), &t->key, e) : key_generate(&t->key, e);
    if (rc == 0)
        rc = key_public_pem(t->key, a, &pem, e);
    if (rc == 0)
        rc = public_key_load(pem, strlen(pem), &t->public, e);
    if (rc == 0)
        rc = public_key_id(t->public, a, &kid, e);
    if (rc == 0)
        t->kid = strdup(kid);
    return rc < 0 ? err_wrap(e, rc, "service account key") : 0;
}

void tokens__done(struct apiserver *s)
{
    struct tokens *t = s->tokens;
    if (!t)
        return;
    key_free(t->key);
    public_key_free(t->public);
    free(t->kid);
    for (size_t i = 0; i < SEEN_SLOTS; i++)
        free(t->seen[i]);
    (void)pthread_mutex_destroy(&t->mutex);
    free(t);
}

/* ---- signatures: DER outside, two 32 byte numbers in tokens ---- */

static void put_half(unsigned char *out, const gnutls_datum_t *d)
{
    const unsigned char *p = d->data;
    size_t n = d->size;
    while (n > HALF) {
        p++;
        n--;
    }
    memcpy(out + HALF - n, p, n);
}

static int sign(struct tokens *t, const char *text, struct arena *a, const char **out,
                struct err *e)
{
    char *der = NULL;
    size_t n = 0;
    int rc = key_sign(t->key, text, strlen(text), a, &der, &n, e);
    if (rc < 0)
        return rc;
    gnutls_datum_t d = {(unsigned char *)der, (unsigned)n}, r = {0}, s = {0};
    if (gnutls_decode_rs_value(&d, &r, &s) < 0)
        return err_set(e, ERR_SYSTEM, "the service account key is not an elliptic curve key");
    unsigned char raw[2 * HALF] = {0};
    put_half(raw, &r);
    put_half(raw + HALF, &s);
    gnutls_free(r.data);
    gnutls_free(s.data);
    *out = base64_encode(a, raw, sizeof raw, BASE64_URL_RAW);
    return 0;
}

static int check(struct tokens *t, const char *text, size_t n, const char *signature,
                 struct arena *a, struct err *e)
{
    char *raw = NULL;
    size_t raw_n = 0;
    int rc = base64_decode(a, signature, strlen(signature), BASE64_URL_RAW, &raw, &raw_n, e);
    if (rc < 0 || raw_n != 2 * HALF)
        return err_set(e, ERR_UNAUTHENTICATED, "the token's signature is malformed");
    gnutls_datum_t r = {(unsigned char *)raw, HALF}, s = {(unsigned char *)raw + HALF, HALF},
                   d = {0};
    if (gnutls_encode_rs_value(&d, &r, &s) < 0)
        return err_set(e, ERR_UNAUTHENTICATED, "the token's signature is malformed");
    rc = public_key_verify(t->public, text, n, d.data, d.size, e);
    gnutls_free(d.data);
    return rc < 0 ? err_set(e, ERR_UNAUTHENTICATED, "the token's signature is wrong") : 0;
}

/* ---- making ---- */

static struct value *name_and_uid(struct arena *a, const char *name, const char *uid)
{
    struct value *v = value_new_object(a);
    value_set_str(a, v, "name", name);
    value_set_str(a, v, "uid", uid ? uid : "");
    return v;
}

static struct value *claims_of(const struct token_claims *c, struct arena *a)
{
    struct value *v = value_new_object(a), *aud = value_make_array(a, v, "aud");
    for (size_t i = 0; i < c->n_audiences; i++)
        value_push_str(a, aud, c->audiences[i]);
    if (c->n_audiences == 0)
        value_push_str(a, aud, ISSUER);
    value_set_int(a, v, "exp", c->issued_s + c->ttl_s);
    value_set_int(a, v, "iat", c->issued_s);
    value_set_str(a, v, "iss", ISSUER);
    value_set_str(a, v, "jti", c->jti);
    struct value *k = value_new_object(a);
    value_set_str(a, k, "namespace", c->ns);
    if (c->bound_kind)
        value_set(a, k, c->bound_kind, name_and_uid(a, c->bound_name, c->bound_uid));
    value_set(a, k, "serviceaccount", name_and_uid(a, c->sa, c->sa_uid));
    value_set(a, v, "kubernetes.io", k);
    value_set_int(a, v, "nbf", c->issued_s);
    value_set_str(a, v, "sub", arena_printf(a, "system:serviceaccount:%s:%s", c->ns, c->sa));
    return v;
}

int tokens__sign(struct apiserver *s, const struct token_claims *c, struct arena *a,
                 const char **out, struct err *e)
{
    struct tokens *t = s->tokens;
    const char *head = arena_printf(a, "{\"alg\":\"ES256\",\"kid\":\"%s\"}", t->kid);
    const char *body = json_text(a, claims_of(c, a), JSON_NO_HTML);
    const char *text =
        arena_printf(a, "%s.%s", base64_encode(a, head, strlen(head), BASE64_URL_RAW),
                     base64_encode(a, body, strlen(body), BASE64_URL_RAW));
    const char *signature = NULL;
    int rc = sign(t, text, a, &signature, e);
    if (rc == 0)
        *out = arena_printf(a, "%s.%s", text, signature);
    return rc;
}

/* ---- checking ---- */

static bool was_seen(struct tokens *t, const char *token)
{
    size_t at = map_hash(token, strlen(token)) % SEEN_SLOTS;
    LOCK_SCOPE(&t->mutex);
    return t->seen[at] && strcmp(t->seen[at], token) == 0;
}

static void remember(struct tokens *t, const char *token)
{
    size_t at = map_hash(token, strlen(token)) % SEEN_SLOTS;
    LOCK_SCOPE(&t->mutex);
    free(t->seen[at]);
    t->seen[at] = strdup(token);
}

static int parse(struct tokens *t, const char *token, struct arena *a, struct value **out,
                 struct err *e)
{
    const char *dot = strchr(token, '.'), *last = strrchr(token, '.');
    if (!dot || last == dot || strlen(token) > TOKEN_MAX)
        return err_set(e, ERR_UNAUTHENTICATED, "not a token of this server");
    char *bytes = NULL;
    size_t n = 0;
    if (base64_decode(a, dot + 1, (size_t)(last - dot - 1), BASE64_URL_RAW, &bytes, &n, e) < 0 ||
        json_parse(a, bytes, n, 0, out, e) < 0)
        return err_set(e, ERR_UNAUTHENTICATED, "the token is malformed");
    if (was_seen(t, token))
        return 0;
    int rc = check(t, token, (size_t)(last - token), last + 1, a, e);
    if (rc == 0)
        remember(t, token);
    return rc;
}

static bool has_audience(const struct value *claims, const char *audience)
{
    VALUE_EACH_ITEM (v, value_get(claims, "aud")) {
        if (strcmp(value_str(v, ""), audience) == 0)
            return true;
    }
    return false;
}

/* Tokens die with what they are bound to. */
static int check_alive(struct apiserver *s, const struct value *k, struct err *e)
{
    const char *ns = value_str(value_get(k, "namespace"), "");
    AUTO(object)
    struct object *sa =
        peek(s, &RES_SERVICE_ACCOUNT, ns, value_at_str(k, "serviceaccount.name", ""));
    if (!sa || strcmp(sa->uid, value_at_str(k, "serviceaccount.uid", "")) != 0)
        return err_set(e, ERR_UNAUTHENTICATED, "the token's service account is gone");
    static const struct {
        const char *member;
        const struct resource *resource;
    } bound[] = {
        {"pod",    &RES_POD   },
        {"secret", &RES_SECRET},
    };
    for (size_t i = 0; i < ARRAY_LEN(bound); i++) {
        const struct value *b = value_get(k, bound[i].member);
        if (!b)
            continue;
        AUTO(object) struct object *o = peek(s, bound[i].resource, ns, value_at_str(b, "name", ""));
        if (!o || strcmp(o->uid, value_at_str(b, "uid", "")) != 0)
            return err_set(e, ERR_UNAUTHENTICATED, "the token's %s is gone", bound[i].member);
    }
    return 0;
}

static void push_one(struct arena *a, struct value *extra, const char *key, const char *value)
{
    struct value *list = value_new_array(a);
    value_push_str(a, list, value);
    value_set(a, extra, key, list);
}

int tokens__verify(struct apiserver *s, const char *token, const char *audience, struct arena *a,
                   struct identity *out, struct value **out_extra, struct err *e)
{
    struct value *claims = NULL;
    int rc = parse(s->tokens, token, a, &claims, e);
    if (rc < 0)
        return rc;
    int64_t now = s->clock->real_ms(s->clock) / 1000;
    if (value_at_int(claims, "exp", 0) <= now || value_at_int(claims, "nbf", 0) > now + 60)
        return err_set(e, ERR_UNAUTHENTICATED, "the token has expired");
    if (strcmp(value_at_str(claims, "iss", ""), ISSUER) != 0 ||
        !has_audience(claims, audience ? audience : ISSUER))
        return err_set(e, ERR_UNAUTHENTICATED, "the token is for another audience");
    const struct value *k = value_get(claims, "kubernetes.io");
    rc = check_alive(s, k, e);
    if (rc < 0)
        return rc;
    const char **groups = ARENA_ARRAY(a, const char *, 4);
    groups[0] = "system:serviceaccounts";
    groups[1] = arena_printf(a, "system:serviceaccounts:%s", value_at_str(k, "namespace", ""));
    groups[2] = "system:authenticated";
    *out = (struct identity){.user = value_at_str(claims, "sub", ""),
                             .uid = value_at_str(k, "serviceaccount.uid", ""),
                             .groups = groups,
                             .n_groups = 3};
    if (!out_extra)
        return 0;
    struct value *extra = *out_extra = value_new_object(a);
    push_one(a, extra, "authentication.kubernetes.io/credential-id",
             arena_printf(a, "JTI=%s", value_at_str(claims, "jti", "")));
    const struct value *pod = value_get(k, "pod");
    if (pod) {
        push_one(a, extra, "authentication.kubernetes.io/pod-name", value_at_str(pod, "name", ""));
        push_one(a, extra, "authentication.kubernetes.io/pod-uid", value_at_str(pod, "uid", ""));
    }
    return 0;
}

const char *tokens__audience_error(struct apiserver *s, const char *token, const char *audience,
                                   struct arena *a)
{
    struct value *claims = NULL;
    struct err e = {0};
    audience = audience ? audience : ISSUER;
    if (parse(s->tokens, token, a, &claims, &e) < 0 || has_audience(claims, audience))
        return NULL;
    return arena_printf(a, "token audiences %s is invalid for the target audiences [\"%s\"]",
                        json_text(a, value_get(claims, "aud"), JSON_NO_HTML), audience);
}

int apiserver_service_token(struct apiserver *s, const char *ns, const char *sa,
                            const char *pod_name, const char *pod_uid, int64_t ttl_s,
                            struct arena *a, const char **out, struct err *e)
{
    AUTO(object) struct object *account = peek(s, &RES_SERVICE_ACCOUNT, ns, sa);
    if (!account)
        return err_set(e, ERR_NOT_FOUND, "serviceaccounts \"%s\" not found", sa);
    unsigned char id[16];
    if (gnutls_rnd(GNUTLS_RND_NONCE, id, sizeof id) < 0)
        return err_set(e, ERR_SYSTEM, "no random numbers");
    const struct token_claims c = {.ns = ns,
                                   .sa = sa,
                                   .sa_uid = account->uid,
                                   .bound_kind = pod_name ? "pod" : NULL,
                                   .bound_name = pod_name,
                                   .bound_uid = pod_uid,
                                   .ttl_s = ttl_s,
                                   .issued_s = s->clock->real_ms(s->clock) / 1000,
                                   .jti = hex_encode(a, id, sizeof id)};
    return tokens__sign(s, &c, a, out, e);
}
