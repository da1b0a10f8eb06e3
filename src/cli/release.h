/* release.h - what the verbs for Helm's releases share: a session, and how Helm prints. */
#pragma once
#include "cli/helm.h"
#include "kube/remote.h"
#include "release/release.h"

/* ---- where ---- */

struct release_cli_where {
    const char *kubeconfig, *context, *ns;
};
#define RELEASE_CLI_WHERE(w)                                                                       \
    {"namespace", 'n', OPTION_TEXT, &(w).ns, "NAME", "the release's namespace (the context's)"},   \
        {"kubeconfig",    0,      OPTION_TEXT,                                                     \
         &(w).kubeconfig, "FILE", "the cluster; else $KUBECONFIG, else this machine's slipway"},   \
    {                                                                                              \
        "kube-context", 0, OPTION_TEXT, &(w).context, "NAME", "of the kubeconfig"                  \
    }

struct release_cli {
    struct release_session session;
    struct release_port port;
    struct helm_log log;
    struct kube *kube;
    const struct helm_cli_post *post; /* or NULL */
    const char *cancelling;           /* the release's name, until the user has cancelled */
};
int release_cli_open(struct release_cli *c, const struct release_cli_where *w, struct arena *a,
                     struct err *e) MUST_CHECK;
void release_cli_close(struct release_cli *c);

/* "Error: PREFIX: sentence", and what is known beside it. */
int release_cli_fail(struct release_cli *c, const char *prefix, const struct err *e);

int release_cli_timeout(const char *text, struct release_session *s, struct err *e) MUST_CHECK;

/* ---- printing ---- */

enum release_format { RELEASE_TABLE, RELEASE_JSON, RELEASE_YAML };
int release_cli_format(const char *text, enum release_format *out, struct err *e) MUST_CHECK;
#define RELEASE_CLI_OUTPUT(o)                                                                      \
    {                                                                                              \
        "output", 'o', OPTION_TEXT, &(o), "FORMAT", "table, json or yaml"                          \
    }

void release_cli_document(const struct value *v, enum release_format f, struct arena *a);

struct release_cli_look {
    bool debug, description, metadata, hide_notes;
    const char *resources; /* a text to show among the rest, or NULL */
};
/* As `helm status` shows it. */
void release_cli_status(const struct release *r, const struct release_cli_look *look,
                        struct helm_log *log);
