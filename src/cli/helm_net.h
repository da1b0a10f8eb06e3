/* helm_net.h - what the helm verbs of the whole program share. */
#pragma once
#include "cli/helm.h"

/* Opens the body of a verb: arena `a`, `log`, `args`, `e` and rc = 0. */
#define HELM_CLI_BEGIN(verb, table, least, most)                                                   \
    AUTO(arena) struct arena *a = arena_new(0);                                                    \
    struct helm_log log = {.arena = a};                                                            \
    struct arguments args;                                                                         \
    struct err e = {0};                                                                            \
    int rc = 0;                                                                                    \
    const struct helm_cli_usage usage_ = {verb, table, least, most};                               \
    if (!helm_cli_begin(&usage_, argc, argv, &log, &args, &rc))                                    \
    return rc

/* From standard input, or asked for at the terminal, where it is not shown. */
int helm_cli_password(bool from_stdin, struct arena *a, const char **out, struct err *e) MUST_CHECK;

/* A line on standard output, for those who tell of their progress. */
void helm_cli_say(void *arg, const char *line);
void helm_cli_aside(void *arg, const char *line); /* on standard error */
/* Who has signed. */
struct provenance_proof;
void helm_cli_proof(const struct provenance_proof *p);
/* Times in archives: $SOURCE_DATE_EPOCH, else 1970. */
int64_t helm_cli_epoch(void);

int helm_cli_repo_add(int argc, char **argv, const struct verb *verb);
int helm_cli_repo_list(int argc, char **argv, const struct verb *verb);
int helm_cli_repo_update(int argc, char **argv, const struct verb *verb);
int helm_cli_repo_remove(int argc, char **argv, const struct verb *verb);
int helm_cli_repo_index(int argc, char **argv, const struct verb *verb);
int helm_cli_dependency_build(int argc, char **argv, const struct verb *verb);
int helm_cli_dependency_update(int argc, char **argv, const struct verb *verb);
int helm_cli_dependency_list(int argc, char **argv, const struct verb *verb);
int helm_cli_package(int argc, char **argv, const struct verb *verb);
int helm_cli_pull(int argc, char **argv, const struct verb *verb);
int helm_cli_push(int argc, char **argv, const struct verb *verb);
int helm_cli_verify(int argc, char **argv, const struct verb *verb);
int helm_cli_login(int argc, char **argv, const struct verb *verb);
int helm_cli_logout(int argc, char **argv, const struct verb *verb);
