#include "crypto/key.h"

#include "t.h"

static struct err e;

static void signs_and_checks(void)
{
    AUTO(arena) struct arena *a = arena_new(0);
    AUTO(key) struct key *k = NULL;
    AUTO(public_key) struct public_key *p = NULL;
    char *pem, *sig;
    size_t n;
    T_RC(key_generate(&k, &e), &e, "generate");
    T_RC(key_public_pem(k, a, &pem, &e), &e, "public half");
    T_RC(public_key_load(pem, strlen(pem), &p, &e), &e, "load it");
    T_RC(key_sign(k, "hello", 5, a, &sig, &n, &e), &e, "sign");
    T_RC(public_key_verify(p, "hello", 5, sig, n, &e), &e, "verify");
    T_EQ_INT(public_key_verify(p, "hellO", 5, sig, n, &e), ERR_DENIED, "another message");
    sig[n - 1] ^= 1;
    T_EQ_INT(public_key_verify(p, "hello", 5, sig, n, &e), ERR_DENIED, "another signature");
    T_EQ_INT(public_key_verify(p, "hello", 5, "", 0, &e), ERR_DENIED, "no signature");
}

static void survives_pem(void)
{
    AUTO(arena) struct arena *a = arena_new(0);
    AUTO(key) struct key *k = NULL, *again = NULL;
    AUTO(public_key) struct public_key *p1 = NULL, *p2 = NULL;
    char *pem, *one, *two, *id1, *id2;
    T_RC(key_generate(&k, &e), &e, "generate");
    T_RC(key_private_pem(k, a, &pem, &e), &e, "write");
    T_OK(strstr(pem, "BEGIN PRIVATE KEY"), "PKCS#8");
    T_RC(key_load(pem, strlen(pem), &again, &e), &e, "read");
    T_RC(key_public_pem(k, a, &one, &e), &e, "public");
    T_RC(key_public_pem(again, a, &two, &e), &e, "public of the copy");
    T_EQ_STR(one, two, "the same key");
    T_RC(public_key_load(one, strlen(one), &p1, &e), &e, "load");
    T_RC(public_key_load(two, strlen(two), &p2, &e), &e, "load");
    T_RC(public_key_id(p1, a, &id1, &e), &e, "id");
    T_RC(public_key_id(p2, a, &id2, &e), &e, "id");
    T_EQ_STR(id1, id2, "the same name");
}

static void refuses_what_is_no_key(void)
{
    struct key *k = NULL;
    struct public_key *p = NULL;
    static const char *const bad[] = {
        "", "junk", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        T_EQ_INT(key_load(bad[i], strlen(bad[i]), &k, &e), ERR_INVALID, bad[i]);
        T_EQ_INT(public_key_load(bad[i], strlen(bad[i]), &p, &e), ERR_INVALID, bad[i]);
    }
}

T_MAIN(signs_and_checks, survives_pem, refuses_what_is_no_key)
