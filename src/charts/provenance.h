/* provenance.h - who has signed a chart: Helm's .prov files, by OpenPGP.
 *
 * Model      A .prov is Chart.yaml and the archive's digest, clear-signed. GnuPG's own programs
 *            check and make signatures (gpgv, gpg); keys are never read here.
 * Guarantees What is judged is the text that gpgv says was signed, nothing around it. Without
 *            the program, or with a key that is not in the ring, the answer is no.
 * Threads    Any; each call works in a folder of its own.                                 */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"

struct provenance_claim {
    const char *archive;
    size_t archive_n;
    const char *file; /* what the archive is called: "web-1.0.0.tgz" */
    const char *prov;
    size_t prov_n;
};

struct provenance_proof {
    const char *signer;      /* "A User <a@example.com>" */
    const char *fingerprint; /* upper case */
    const char *hash;        /* "sha256:…" */
};

/* ERR_DENIED: nobody in the ring has signed this. */
int provenance_check(const struct provenance_claim *c, const char *keyring, struct arena *a,
                     struct provenance_proof *out, struct err *e) MUST_CHECK;
/* An archive of this machine, with the .prov beside it. */
int provenance_check_file(const char *path, const char *keyring, struct arena *a,
                          struct provenance_proof *out, struct err *e) MUST_CHECK;

struct provenance_signing {
    const char *archive;
    size_t archive_n;
    const char *file;
    const char *chart_yaml;
    const char *key;             /* part of the user's name */
    const char *keyring;         /* with the secret key; "" or NULL: the user's own GnuPG folder */
    const char *passphrase_file; /* or NULL */
};
int provenance_sign(const struct provenance_signing *s, struct arena *a, const char **out,
                    size_t *n, struct err *e) MUST_CHECK;
