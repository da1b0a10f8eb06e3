/* sops_int.h - one encrypted file, as the files of this folder share it. */
#pragma once
#include <nettle/sha2.h>

#include "codec/regex.h"
#include "codec/value.h"
#include "render/sops/sops.h"

enum { SOPS_KEY = 32 };

/* Which values are encrypted: at most one of the four rules is there. */
struct sops_rule {
    const char *suffix;
    struct regex *regex;
    bool negative; /* what fits is not encrypted */
};

struct sops_file {
    const char *path;
    struct arena *a;
    const struct value *meta;
    struct sops_rule rule;
    bool mac_only_encrypted;
    unsigned char key[SOPS_KEY];
    struct sha512_ctx mac;
};

/* meta's age and pgp entries → the data key. */
int sops__data_key(struct sops_file *f, const struct sops_keys *keys, struct err *e) MUST_CHECK;

/* "ENC[AES256_GCM,data:…]", with the place it stands at as additional data. */
int sops__open(struct sops_file *f, const char *sealed, size_t n, const char *place,
               struct value *out, struct err *e) MUST_CHECK;

int sops__rules(struct sops_file *f, struct err *e) MUST_CHECK;
bool sops__is_encrypted(const struct sops_file *f, const char *const *path, size_t n);
