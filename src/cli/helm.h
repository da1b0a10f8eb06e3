/* helm.h - what the helm verbs share: charts and values from this machine, and Helm's way to fail.
 */
#pragma once
#include "cli/verb.h"
#include "render/helm/helm.h"

enum { HELM_OUTPUT_MAX = 512 << 20 };

/* Prints what was said on the side, then "Error: sentence"; gives EXIT_FAILED. */
int helm_cli_fail(const struct helm_log *log, const struct err *e);
void helm_cli_warnings(struct helm_log *log);

/* "a,b" given once is as good as a and b given one by one. */
void helm_cli_split(struct arena *a, struct option_list *list);

/* Values of the command line, in the order Helm reads them. */
struct helm_cli_values {
    struct option_list files, json, set, set_string, set_file, set_literal;
};
int helm_cli_values(struct helm_cli_values *v, struct helm_log *log, struct go_map **out,
                    struct err *e) MUST_CHECK;
#define HELM_CLI_VALUES(v)                                                                         \
    {"values", 'f', OPTION_LIST, &(v).files, "FILE", "values from a YAML file, - or a URL"},       \
        {"set", 0, OPTION_LIST, &(v).set, "K=V", "values: a.b=1,list[0]=x,c={p,q}"},               \
        {"set-string", 0, OPTION_LIST, &(v).set_string, "K=V", "the same, always texts"},          \
        {"set-file", 0, OPTION_LIST, &(v).set_file, "K=FILE", "the content of a file"},            \
        {"set-json", 0, OPTION_LIST, &(v).json, "K=JSON", "a JSON value"},                         \
    {                                                                                              \
        "set-literal", 0, OPTION_LIST, &(v).set_literal, "K=TEXT",                                 \
            "the rest of the text, as it is"                                                       \
    }

/* The chart that a user named: a folder or an archive. */
int helm_cli_chart(const char *name, struct helm_log *log, struct helm_chart **out,
                   struct err *e) MUST_CHECK;

/* A post-renderer: `program` NULL: none. */
struct helm_cli_post {
    const char *program;
    struct option_list args;
};
#define HELM_CLI_POST(p)                                                                           \
    {"post-renderer", 0,         OPTION_TEXT,                                                      \
     &(p).program,    "PROGRAM", "reads the manifests, prints what to use instead"},               \
    {                                                                                              \
        "post-renderer-args", 0, OPTION_LIST, &(p).args, "ARG", "an argument of it"                \
    }
int helm_cli_post_check(const struct helm_cli_post *p, struct helm_log *log,
                        struct err *e) MUST_CHECK;
/* Puts what it prints in the place of the manifest. */
int helm_cli_post_render(const struct helm_cli_post *p, struct helm_log *log, struct buf *manifest,
                         struct err *e) MUST_CHECK;

int helm_cli_template(int argc, char **argv, const struct verb *verb);
