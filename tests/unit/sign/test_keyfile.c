#include "sign/keyfile.h"

#include "crypto/secretbox.h"
#include "t.h"

static struct err e;

static void opens_what_it_sealed(void)
{
    AUTO(arena) struct arena *a = arena_new(0);
    AUTO(key) struct key *k = NULL, *back = NULL, *plain = NULL, *none = NULL;
    char *sealed, *ours, *theirs;
    T_RC(key_generate(&k, &e), &e, "key");
    T_RC(keyfile_seal(k, "open sesame", a, &sealed, &e), &e, "seal");
    T_OK(keyfile_is_sealed(sealed), "it says so");
    T_RC(keyfile_open(sealed, strlen(sealed), "open sesame", &back, &e), &e, "open");
    T_RC(key_public_pem(k, a, &ours, &e), &e, "public half");
    T_RC(key_public_pem(back, a, &theirs, &e), &e, "of what was opened");
    T_EQ_STR(theirs, ours, "the same key");
    T_EQ_INT(keyfile_open(sealed, strlen(sealed), "open sesam", &none, &e), ERR_DENIED,
             "another passphrase");
    T_RC(key_private_pem(k, a, &ours, &e), &e, "not sealed");
    T_OK(!keyfile_is_sealed(ours), "it says so, too");
    T_RC(keyfile_open(ours, strlen(ours), "", &plain, &e), &e, "and is read");
}

/* Boxes of every size up to some blocks open again, and one bit more or less closes them. */
static void boxes_hold(void)
{
    static const unsigned char key[SECRETBOX_KEY] = "a key of thirty-two bytes, yes.";
    static const unsigned char nonce[SECRETBOX_NONCE] = "used once, or never";
    static const unsigned char text[80] = "some words that nobody else should read";
    for (size_t n = 0; n < sizeof text; n++) {
        AUTO(arena) struct arena *a = arena_new(0);
        struct octets out;
        struct octets box = secretbox_seal(key, nonce, (struct octets){text, n}, a);
        T_RC(secretbox_open(key, nonce, box, a, &out, &e), &e, "open");
        T_OK(octets_equal(out, (struct octets){text, n}), "what was put in");
        unsigned char *bytes = arena_dup(a, box.p, box.n);
        bytes[n % box.n] ^= 1;
        T_EQ_INT(secretbox_open(key, nonce, (struct octets){bytes, box.n}, a, &out, &e), ERR_DENIED,
                 "altered");
    }
}

T_MAIN(opens_what_it_sealed, boxes_hold)
