/* A bundle and a trusted root are read or refused with a reason, the same each time; and nothing
 * that this key did not sign is accepted, whatever it says about itself. */
#include "fuzz.h"

#include "crypto/key.h"
#include "sign/bundle.h"

/* The public log's own: who could sign with it would not be found by fuzzing. */
static const char pem[] = "-----BEGIN PUBLIC KEY-----\n"
                          "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE2G2Y+2tabdTV5BcGiBIx0a9fAFwr\n"
                          "kBbmLSGtks4L3qX6yYY0zufBnhC8Ur/iy55GhWP/9A/bY2LhC30M9+RYtw==\n"
                          "-----END PUBLIC KEY-----\n";

static void judge(struct bundle *b, struct arena *a, struct public_key *key)
{
    struct trust_root *root;
    struct bundle_verdict v;
    struct err e = {0};
    const struct bundle_artifact nothing = {
        .bytes = {(const unsigned char *)"fuzz", 4}
    };
    MUST(trust_root_public(a, &root, &e) == 0);
    const struct bundle_policy by_name = {.root = root}, by_key = {.root = root, .key = key};
    MUST(bundle_verify(b, &nothing, &by_name, a, &v, &e) < 0 && e.msg[0]);
    MUST(bundle_verify(b, &nothing, &by_key, a, &v, &e) < 0 && e.msg[0]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(arena) struct arena *a = arena_new(1 << 26);
    AUTO(public_key) struct public_key *key = NULL;
    struct err e = {0};
    struct bundle *b, *again;
    struct trust_root *root;
    MUST(public_key_load(pem, sizeof pem - 1, &key, &e) == 0);
    int r = bundle_read((const char *)data, size, a, &b, &e);
    MUST(r == 0 || e.msg[0]);
    MUST(bundle_read((const char *)data, size, a, &again, &e) == r);
    if (r == 0)
        judge(b, a, key);
    r = trust_root_read((const char *)data, size, a, &root, &e);
    MUST(r == 0 || e.msg[0]);
    return 0;
}
