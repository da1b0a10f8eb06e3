/* manifests_int.h - documents in rendered text. */
#pragma once
#include "render/helm/helm_int.h"

struct helm_rendered {
    const char *path; /* "chart/templates/service.yaml" */
    struct helm_text text;
};

/* Without Unicode's white space at both ends. */
struct helm_text helm__trim(struct helm_text t);

/* Walks the documents of a text: separators are lines that begin with "---". */
struct helm_split {
    const char *at, *end;
    bool begun;
};
struct helm_split helm__split(struct helm_text t);
bool helm__next_document(struct helm_split *s, struct helm_text *out);

/* The documents of files, which come by name, as manifests and hooks in their order. */
int helm__manifests(struct helm_log *log, const struct helm_rendered *files, size_t n,
                    struct helm_result *out, struct err *e) MUST_CHECK;
