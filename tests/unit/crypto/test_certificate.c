/* The names in a certificate. */
#include "crypto/certificate.h"

#include <string.h>

#include "crypto/issue.h"
#include "t.h"

/* What the first name is when byte `at` of it is `c` instead. */
static const char *name_with(size_t at, char c, struct arena *a)
{
    static const unsigned char seed[ISSUE_SEED] = {7};
    static const char name[] = "good.example.com.bad";
    static const char *const names[] = {name};
    const struct issue_request r = {.common_name = "x",
                                    .dns = names,
                                    .n_dns = 1,
                                    .is_ca = true,
                                    .not_after = 1000,
                                    .serial = {1}};
    AUTO(certificate) struct certificate *cert = NULL;
    struct octets der = {0};
    struct err e = {0};
    char *key, *pem;
    size_t n;
    T_RC(issue_key(ISSUE_ECDSA_P256, seed, a, &key, &e), &e, "key");
    T_RC(issue_certificate(&r, key, NULL, a, &pem, &e), &e, "certificate");
    T_RC(pem_read(pem, strlen(pem), a, &der, 1, &n, &e), &e, "its bytes");
    char *found = memmem(der.p, der.n, name, strlen(name));
    T_OK(found != NULL, "the name is in it");
    if (found)
        found[at] = c;
    T_RC(certificate_read(der, &cert, &e), &e, "read");
    const char *got = certificate_name(cert, 0, a);
    return got ? got : "none";
}

static void names_are_whole(void)
{
    AUTO(arena) struct arena *a = arena_new(0);
    T_EQ_STR(name_with(0, 'g', a), "good.example.com.bad", "as it is");
    T_EQ_STR(name_with(16, '\0', a), "", "no name ends before its end");
    T_EQ_STR(name_with(0, '\0', a), "", "nor is empty");
}

T_MAIN(names_are_whole)
