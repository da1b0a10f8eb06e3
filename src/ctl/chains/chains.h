/* chains.h - what Tekton Chains does: TaskRuns and PipelineRuns that have ended are signed.
 *
 * Model      With a ConfigMap tekton-chains/chains-config, each run that ended gets its provenance
 *            and its images get signatures, with the key of Secret tekton-chains/signing-secrets
 *            (x509.pem, or cosign.key with cosign.password). Without the ConfigMap nothing is.
 * Guarantees The annotation chains.tekton.dev/signed is written after everything that was stored
 *            was read back and verified. What cannot be done is a Warning event of the run, which
 *            is looked at again when the ConfigMap or the Secret changes.
 * Threads    The runner's.
 * Lifetime   A struct chains outlives its runner.
 * Not here   The server's own key: results of steps are their word, and what they make the server
 *            say must not open a protected namespace (gate/).                             */
#pragma once
#include "kube/controller.h"
#include "sign/place.h"

struct key;

struct chains_where {
    const char *repository;   /* "host/path" */
    const struct object *run; /* whose registry logins count */
    bool chosen;              /* by the ConfigMap; else it is the word of a step */
    bool insecure;
};

/* What the server supplies. */
struct chains_ports {
    void *arg;
    /* Where signatures lie; it lives as long as the arena. */
    int (*place)(void *arg, const struct chains_where *w, struct arena *a, struct sign_place **out,
                 struct err *e);
    /* The key behind signers.kms.kmsref. */
    int (*key)(void *arg, const char *reference, struct key **out, struct err *e);
};

struct chains;
struct chains *chains_new(const struct chains_ports *ports);
void chains_free(struct chains *c);
AUTO_DEFINE(chains)

void chains_add(struct runner *r, struct chains *c);
