/* helm_net.c - the helm verbs that only the whole program has. */
#include "cli/helm_net.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

enum { PASSWORD_MAX = 64 << 10 };

void helm_cli_say(void *arg, const char *line)
{
    (void)arg;
    (void)puts(line);
    (void)fflush(stdout);
}

void helm_cli_aside(void *arg, const char *line)
{
    (void)arg;
    (void)fprintf(stderr, "%s\n", line);
}

int64_t helm_cli_epoch(void)
{
    const char *text = getenv("SOURCE_DATE_EPOCH");
    return text ? strtoll(text, NULL, 10) : 0;
}

static char *read_line(FILE *from, struct arena *a)
{
    char *line = arena_alloc(a, PASSWORD_MAX);
    if (!fgets(line, PASSWORD_MAX, from))
        return NULL;
    line[strcspn(line, "\r\n")] = '\0';
    return line;
}

int helm_cli_password(bool from_stdin, struct arena *a, const char **out, struct err *e)
{
    struct termios was, quiet;
    bool terminal = !from_stdin && tcgetattr(0, &was) == 0;
    if (!from_stdin && !terminal)
        return err_set(e, ERR_INVALID,
                       "a password is asked for at a terminal: use --password-stdin");
    if (terminal) {
        (void)printf("Password: ");
        (void)fflush(stdout);
        quiet = was;
        quiet.c_lflag &= ~(tcflag_t)ECHO;
        (void)tcsetattr(0, TCSAFLUSH, &quiet);
    }
    const char *line = read_line(stdin, a);
    if (terminal) {
        (void)tcsetattr(0, TCSAFLUSH, &was);
        (void)puts("");
    }
    if (!line || !*line)
        return err_set(e, ERR_INVALID, "password required");
    *out = line;
    return 0;
}

/* ---- the verbs ---- */

enum {
    REPO_ADD,
    REPO_LIST,
    REPO_UPDATE,
    REPO_REMOVE,
    REPO_INDEX,
    DEPENDENCY_BUILD,
    DEPENDENCY_UPDATE,
    DEPENDENCY_LIST,
    PACKAGE,
    PULL,
    PUSH,
    VERIFY,
    LOGIN,
    LOGOUT,
};

#define RUN(name, index)                                                                           \
    static int run_##name(int argc, char **argv)                                                   \
    {                                                                                              \
        return helm_cli_##name(argc, argv, &verbs_helm_net[index]);                                \
    }
RUN(repo_add, REPO_ADD)
RUN(repo_list, REPO_LIST)
RUN(repo_update, REPO_UPDATE)
RUN(repo_remove, REPO_REMOVE)
RUN(repo_index, REPO_INDEX)
RUN(dependency_build, DEPENDENCY_BUILD)
RUN(dependency_update, DEPENDENCY_UPDATE)
RUN(dependency_list, DEPENDENCY_LIST)
RUN(package, PACKAGE)
RUN(pull, PULL)
RUN(push, PUSH)
RUN(verify, VERIFY)
RUN(login, LOGIN)
RUN(logout, LOGOUT)

const struct verb verbs_helm_net[] = {
    [REPO_ADD] = {"helm repo add",                                      "NAME URL [options]", "give a repository of charts a name",
                  run_repo_add},
    [REPO_LIST] = {"helm repo list",                "[-o table|json|yaml]", "list the repositories with names",
                  run_repo_list},
    [REPO_UPDATE] = {"helm repo update",                                                    "[NAME…]", "fetch the repositories' indexes",
                  run_repo_update},
    [REPO_REMOVE] = {"helm repo remove",               "NAME…", "forget repositories", run_repo_remove},
    [REPO_INDEX] = {"helm repo index",                                        "DIR [--url URL]",
                  "make a folder of packaged charts a repository", run_repo_index},
    [DEPENDENCY_BUILD] = {"helm dependency build",                                   "[CHART]",
                  "bring charts/ to what Chart.lock says", run_dependency_build},
    [DEPENDENCY_UPDATE] = {"helm dependency update",                   "[CHART]",
                  "bring charts/ to what Chart.yaml says, and lock it", run_dependency_update},
    [DEPENDENCY_LIST] = {"helm dependency list",                                                    "[CHART]", "list what a chart depends on",
                  run_dependency_list},
    [PACKAGE] = {"helm package",                             "DIR… [options]", "pack charts", run_package},
    [PULL] = {"helm pull",                                     "CHART… [options]", "fetch charts into this folder", run_pull},
    [PUSH] = {"helm push",                                    "FILE oci://HOST/FOLDER", "put a packed chart into a registry",
                  run_push},
    [VERIFY] = {"helm verify",      "FILE [--keyring FILE]", "say who has signed a packed chart",
                  run_verify},
    [LOGIN] = {"helm registry login",                                                    "HOST -u NAME [--password-stdin]", "log in to a registry",
                  run_login},
    [LOGOUT] = {"helm registry logout",         "HOST", "forget a login", run_logout},
    {"helm repo ls",                                NULL, NULL, run_repo_list},
    {"helm repo up",                             NULL, NULL, run_repo_update},
    {"helm repo rm", NULL, NULL, run_repo_remove},
    {"helm dependency up",                                                    NULL, NULL, run_dependency_update},
    {"helm dependency ls",NULL, NULL, run_dependency_list},
    {"helm dep build",                                  NULL, NULL, run_dependency_build},
    {"helm dep update",                                       NULL, NULL, run_dependency_update},
    {"helm dep up",                                       NULL, NULL, run_dependency_update},
    {"helm dep list",                                                    NULL, NULL, run_dependency_list},
    {"helm dep ls",NULL, NULL, run_dependency_list},
    {"helm fetch",                                            NULL, NULL, run_pull},
    {0                                         }
};
