/* provenance.h - an in-toto Statement v1 with SLSA provenance v1 of a pipeline's image. Pure. */
#pragma once
#include "codec/value.h"

#define SLSA_PROVENANCE_V1 "https://slsa.dev/provenance/v1"

struct provenance {
    const char *name, *digest; /* the image: "registry/shop/app", "sha256:…" */
    const char *build_type;    /* NULL: Tekton Chains' slsa/v2 one */
    const char *builder;       /* who built it; a URI */
    const char *run;           /* invocation: "namespace/run" */
    const char *pipeline;      /* its pipeline, or "" */
    const char *repository_url, *commit, *ref;
    const struct value *parameters; /* of the run, or NULL; must hold no secret */
    const struct value *materials;  /* array of {uri, digest}: base images, task images; or NULL */
    const char *started, *finished; /* RFC 3339, or "" */
};

struct value *provenance_statement(const struct provenance *p, struct arena *a);
