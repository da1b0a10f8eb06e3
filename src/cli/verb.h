/* verb.h - what a command of slipway is, and what all of them share. */
#pragma once
#include "cli/options.h"
#include "kube/kube.h"

#define VERB_VERSION "0.1.0" /* of the program */

enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

struct verb {
    const char *name;    /* "repo create" is two words */
    const char *usage;   /* "NAME [--public]"; NULL: not for people, left out of help */
    const char *summary; /* one line */
    int (*run)(int argc, char **argv); /* what follows the verb; gives the exit code */
};

/* Each ends with a NULL name. */
extern const struct verb verbs_server[], verbs_loop[], verbs_build[], verbs_image[], verbs_helm[],
    verbs_helm_net[], verbs_kustomize[], verbs_release[], verbs_release_show[], verbs_render[],
    verbs_scan[], verbs_db[], verbs_affected[], verbs_step[];
extern const struct verb verbs_allow[], verbs_dashboard[], verbs_registry[],
    verbs_registry_policy[], verbs_sign_blob[], verbs_sign_image[];

/* Prints "slipway: sentence" and the hint to standard error; gives EXIT_FAILED. */
int verb_fail(const struct err *e);

/* Parses, and for --help or a wrong option prints what is due and answers the exit code in
 * *out_code with false. `usage` and `about` make the help text. */
bool verb_begin(const struct verb *v, const struct option *table, int argc, char **argv,
                struct arena *a, struct arguments *out, int *out_code);

/* Wrong number of arguments: says the usage; gives EXIT_USAGE. */
int verb_usage(const struct verb *v);

/* How many of argv's words the verb's name takes; 0: it is another verb. */
int verb_words(const struct verb *v, int argc, char **argv);

struct kube_config;
/* Which API: `kubeconfig`, else $KUBECONFIG, else the data folder's own; `context` NULL: the
 * current one. */
int verb_config(const char *kubeconfig, const char *context, struct arena *a,
                struct kube_config *out, struct err *e) MUST_CHECK;

/* The API: `kubeconfig`, else $KUBECONFIG, else the data folder's own. */
int verb_connect(const char *kubeconfig, struct arena *a, struct kube **out,
                 struct err *e) MUST_CHECK;

#define VERB_DEFAULT_DIR "/var/lib/slipway"
const char *verb_data_dir(const char *given); /* else $SLIPWAY_DATA_DIR, else the default */
