/* config.h - ConfigMap chains-config, as Tekton Chains reads it. Pure.
 *
 * Guarantees A key does what Chains documents, or is refused by its name with the reason. What is
 *            absent has Chains' default, but for the format: SLSA v1.0, slsa/v2alpha3.      */
#pragma once
#include <stdbool.h>

#include "codec/value.h"

enum chains_format {
    CHAINS_V2ALPHA3, /* SLSA v1.0: every hint of an output is a subject */
    CHAINS_V2ALPHA4, /* SLSA v1.0: images, and outputs that say isBuildArtifact; results of steps */
    CHAINS_V1,       /* SLSA v0.2: "in-toto", "slsa/v1" */
};
enum chains_signer { CHAINS_X509, CHAINS_KMS, CHAINS_NONE };

/* How one sort of thing is signed, and where that is kept. */
struct chains_artifact {
    enum chains_format format;
    enum chains_signer signer;
    bool tekton, oci; /* stores */
    bool deep;        /* of a pipeline: the hints of its tasks count */
};

struct chains_config {
    struct chains_artifact task, pipeline, image;
    const char *builder, *build_type;
    const char *repository; /* of signatures and attestations; NULL: the image's own */
    bool insecure;          /* any certificate of a registry will do */
    bool bundle;            /* Sigstore bundles as referrers */
    const char *kms;        /* reference of the key; or NULL */
    const char *managed_by; /* comma-separated: whose runs are signed besides Tekton's; or NULL */
};

bool chains_artifact_on(const struct chains_artifact *c);

/* `data` of the ConfigMap; the texts of *out are borrowed from it. */
int chains_config_read(const struct value *data, struct chains_config *out,
                       struct err *e) MUST_CHECK;

/* True where a comma-separated list names the word. */
bool chains_list_has(const char *list, const char *word);
