/* Keys follow from their seed, and are ones that others take. */
#include "crypto/issue.h"
#include "t.h"

static const struct {
    const char *name;
    enum issue_kind kind;
} kinds[] = {
    {"RSA of 2048 bits", ISSUE_RSA_2048  },
    {"ECDSA",            ISSUE_ECDSA_P256},
    {"Ed25519",          ISSUE_ED25519   },
};

static const char *key_of(enum issue_kind kind, unsigned char first, struct arena *a)
{
    const unsigned char seed[ISSUE_SEED] = {first};
    struct err e = {0};
    char *pem = NULL;
    T_RC(issue_key(kind, seed, a, &pem, &e), &e, "key");
    return pem;
}

static void keys_follow_from_seeds(void)
{
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        AUTO(arena) struct arena *a = arena_new(0);
        const char *one = key_of(kinds[i].kind, 1, a);
        T_EQ_STR(key_of(kinds[i].kind, 1, a), one, kinds[i].name);
        T_OK(strcmp(key_of(kinds[i].kind, 2, a), one) != 0, kinds[i].name);
    }
}

static void keys_sign_certificates(void)
{
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        AUTO(arena) struct arena *a = arena_new(0);
        struct issue_request r = {
            .common_name = "ca", .is_ca = true, .not_after = 1000, .serial = {1}};
        struct err e = {0};
        char *pem = NULL;
        T_RC(issue_certificate(&r, key_of(kinds[i].kind, 3, a), NULL, a, &pem, &e), &e,
             kinds[i].name);
        T_RC(issue_check_certificate(pem, &e), &e, kinds[i].name);
    }
}

T_MAIN(keys_follow_from_seeds, keys_sign_certificates)
