/* helm.h - what the helm verbs share: charts and values from this machine, and Helm's way to fail.
 */
#pragma once
#include "charts/charts.h"
#include "cli/verb.h"
#include "render/helm/chart.h"

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

/* The chart that a user named: a folder or an archive of this machine. */
int helm_cli_chart(const char *name, struct helm_log *log, struct helm_chart **out,
                   struct err *e) MUST_CHECK;
int helm_cli_folder(const char *name, struct helm_log *log, struct helm_chart **out,
                    struct err *e) MUST_CHECK;

/* ---- charts of elsewhere: helm_source.c ---- */

/* Options of every verb of Helm's. */
struct helm_cli_globals {
    const char *repositories, *cache, *logins, *unused;
    struct option_list groups;
    bool debug, insecure_api;
};
#define HELM_CLI_GLOBALS(g)                                                                        \
    {"repository-config", 0, OPTION_TEXT, &(g).repositories, "FILE", "Helm's repositories.yaml"},  \
        {"repository-cache", 0, OPTION_TEXT, &(g).cache, "DIR", "where indexes are kept"},         \
        {"registry-config", 0, OPTION_TEXT, &(g).logins, "FILE", "logins to registries"},          \
    {                                                                                              \
        "debug", 0, OPTION_FLAG, &(g).debug, NULL, "say more"                                      \
    }

/* Options of every verb that takes a CHART. */
struct helm_cli_source {
    struct helm_cli_globals globals;
    struct charts_access access;
    const char *version, *repository, *keyring;
    bool devel, verify;
};
#define HELM_CLI_ACCESS(x)                                                                         \
    {"username", 0, OPTION_TEXT, &(x).user, "NAME", "at the repository"},                          \
        {"password", 0, OPTION_TEXT, &(x).password, "WORD", "there"},                              \
        {"ca-file", 0, OPTION_TEXT, &(x).ca_file, "FILE", "authorities that servers are of"},      \
        {"cert-file", 0, OPTION_TEXT, &(x).cert_file, "FILE", "this client's certificate"},        \
        {"key-file", 0, OPTION_TEXT, &(x).key_file, "FILE", "its key"},                            \
        {"insecure-skip-tls-verify",      0, OPTION_FLAG, &(x).insecure, NULL,                     \
         "do not check who the server is"},                                                        \
    {                                                                                              \
        "plain-http", 0, OPTION_FLAG, &(x).plain_http, NULL, "registries without TLS"              \
    }
#define HELM_CLI_SOURCE(s)                                                                         \
    HELM_CLI_GLOBALS((s).globals), HELM_CLI_ACCESS((s).access),                                    \
        {"pass-credentials",          0,    OPTION_FLAG,                                           \
         &(s).access.pass_everywhere, NULL, "to other hosts, too"},                                \
        {"version", 0, OPTION_TEXT, &(s).version, "RANGE", "1.2.3, ^1.2; the newest"},             \
        {"repo", 0, OPTION_TEXT, &(s).repository, "URL", "the repository of the chart"},           \
        {"keyring", 0, OPTION_TEXT, &(s).keyring, "FILE", "public keys (pubring.gpg)"},            \
        {"verify", 0, OPTION_FLAG, &(s).verify, NULL, "only charts with a good signature"},        \
    {                                                                                              \
        "devel", 0, OPTION_FLAG, &(s).devel, NULL, "versions before releases, too"                 \
    }

/* Helm's files, from options, $HELM_… and $XDG_…. */
struct charts_files helm_cli_files(const struct helm_cli_globals *g, struct arena *a);
/* $GNUPGHOME/pubring.gpg, where nothing is said. */
const char *helm_cli_keyring(const char *given, struct arena *a);
/* "$HOME/.cache/helm" for ("HELM_CACHE_HOME", "XDG_CACHE_HOME", ".cache"). */
const char *helm_cli_home(const char *own, const char *xdg, const char *dot, struct arena *a);

/* A chart that is found, but not read yet: `bytes` of an archive, or a path. */
struct helm_cli_place {
    const char *path, *bytes;
    size_t n;
};
/* From this machine first, then from where the options say. */
int helm_cli_locate(const char *name, const struct helm_cli_source *s, struct helm_log *log,
                    struct helm_cli_place *out, struct err *e) MUST_CHECK;
int helm_cli_open(const struct helm_cli_place *p, struct helm_log *log, struct helm_chart **out,
                  struct err *e) MUST_CHECK;

/* What Helm says of a pull from a registry; nothing of other charts. */
void helm_cli_reference(const struct charts_answer *answer);
/* Which chart the options ask for. */
struct charts_query helm_cli_query(const struct helm_cli_source *s, const char *name);

/* What every verb begins with: copies argv so that no password stays in the process list, parses;
 * false: *code is the answer already. Fewer than `least` arguments (more than `most`, when it is
 * not 0) are refused as Helm does. */
struct helm_cli_usage {
    const struct verb *verb;
    const struct option *table;
    size_t least, most;
};
bool helm_cli_begin(const struct helm_cli_usage *u, int argc, char **argv, struct helm_log *log,
                    struct arguments *out, int *code);

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
int helm_cli_create(int argc, char **argv, const struct verb *verb);
int helm_cli_env(int argc, char **argv, const struct verb *verb);
int helm_cli_version(int argc, char **argv, const struct verb *verb);
int helm_cli_lint(int argc, char **argv, const struct verb *verb);
int helm_cli_show(int argc, char **argv, const struct verb *verb);
/* Columns filled up with blanks, a tab between; cells of more than `max` characters are cut (0: none
 * is). A cell may have several lines. */
void helm_cli_table(const char *const *cells, size_t rows, size_t columns, size_t max,
                    struct arena *a);
