/* sops.h - files that are encrypted in Git with SOPS, in memory as they were before.
 *
 * Model      A tree that decrypts what is read from another: YAML, JSON and dotenv files with
 *            SOPS's metadata, and whole files that SOPS keeps as JSON ("binary"). The data key is
 *            unwrapped with age identities, or by gpg with its key ring. Keys are asked for when
 *            the first encrypted file is read.
 * Guarantees Nothing decrypted is written anywhere. A value that was changed, moved or left out
 *            is refused: SOPS's MAC over the whole file is checked.
 * Not here   Key groups (Shamir), keys of clouds and of Vault, INI files, rules that look at
 *            comments: refused by name.                                                      */
#pragma once
#include <stdbool.h>

#include "render/sops/age.h"
#include "vcs/tree.h"

struct sops_keys {
    const struct age_identity *ages;
    size_t n_ages;
    const char *ring;   /* folder of gpg's key ring; NULL: PGP is not used */
    const char *origin; /* where keys are looked for, for errors: "Secret argocd/sops-keys" */
};

/* Every line of `text` that is an age identity; comments and empty lines are passed over. */
int sops_identities(const char *text, size_t n, struct arena *a, struct age_identity **list,
                    size_t *n_list, struct err *e) MUST_CHECK;

/* gpg's key ring of whoever runs this: $GNUPGHOME, else ~/.gnupg; NULL: there is none. */
const char *sops_ring(struct arena *a);

/* Does `text` carry SOPS's metadata? */
bool sops_is(const char *path, const char *text, size_t n);

/* Errors name the path, and never a value. */
int sops_decrypt(const char *path, const char *text, size_t n, const struct sops_keys *keys,
                 struct arena *a, const char **out, size_t *out_n, struct err *e) MUST_CHECK;

/* Where keys come from; called at most once a tree. The keys live in `a`. */
struct sops_source {
    int (*keys)(void *arg, struct arena *a, struct sops_keys *out, struct err *e);
    void *arg;
};

/* Borrows `real` and the source's argument. */
struct tree *sops_tree(struct tree *real, const struct sops_source *source);
