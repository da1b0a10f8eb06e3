/* helm_source.c - where charts come from, for the helm verbs. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/helm.h"
#include "cli/light.h"

/* ---- Helm's files ---- */

static const char *env(const char *name)
{
    const char *v = getenv(name);
    return v && *v ? v : NULL;
}

const char *helm_cli_home(const char *own, const char *xdg, const char *dot, struct arena *a)
{
    const char *home = env("HOME");
    if (env(own))
        return env(own);
    if (env(xdg))
        return arena_printf(a, "%s/helm", env(xdg));
    return arena_printf(a, "%s/%s/helm", home ? home : "", dot);
}

static const char *first(const char *given, const char *variable, const char *otherwise)
{
    return given ? given : env(variable) ? env(variable) : otherwise;
}

struct charts_files helm_cli_files(const struct helm_cli_globals *g, struct arena *a)
{
    const char *config = helm_cli_home("HELM_CONFIG_HOME", "XDG_CONFIG_HOME", ".config", a);
    const char *cache = helm_cli_home("HELM_CACHE_HOME", "XDG_CACHE_HOME", ".cache", a);
    const char *docker = env("DOCKER_CONFIG"), *home = env("HOME");
    return (struct charts_files){
        .repositories = first(g->repositories, "HELM_REPOSITORY_CONFIG",
                              arena_printf(a, "%s/repositories.yaml", config)),
        .cache = first(g->cache, "HELM_REPOSITORY_CACHE", arena_printf(a, "%s/repository", cache)),
        .logins = first(g->logins, "HELM_REGISTRY_CONFIG",
                        arena_printf(a, "%s/registry/config.json", config)),
        .fallback_logins = docker ? arena_printf(a, "%s/config.json", docker)
                                  : arena_printf(a, "%s/.docker/config.json", home ? home : ""),
    };
}

const char *helm_cli_keyring(const char *given, struct arena *a)
{
    const char *gnupg = env("GNUPGHOME"), *home = env("HOME");
    if (given)
        return given;
    return gnupg ? arena_printf(a, "%s/pubring.gpg", gnupg)
                 : arena_printf(a, "%s/.gnupg/pubring.gpg", home ? home : "");
}

/* ---- arguments ---- */

/* The value of a password option is overwritten where others can see it. */
static char **private_arguments(int argc, char **argv, struct arena *a)
{
    char **copy = ARENA_ARRAY(a, char *, (size_t)argc + 1);
    for (int i = 0; i < argc; i++) {
        copy[i] = arena_strdup(a, argv[i]);
        char *value = NULL;
        if (i > 0 && (strcmp(copy[i - 1], "--password") == 0 || strcmp(copy[i - 1], "-p") == 0))
            value = argv[i];
        else if (strncmp(argv[i], "--password=", 11) == 0)
            value = argv[i] + 11;
        for (char *c = value; c && *c; c++)
            *c = '*';
    }
    return copy;
}

static int too_few(const struct helm_cli_usage *u, bool exactly)
{
    size_t n = u->least;
    (void)fprintf(stderr, "Error: \"%s\" requires %s%zu argument%s\n\nUsage:  %s %s\n",
                  u->verb->name, exactly ? "" : "at least ", n, n == 1 ? "" : "s", u->verb->name,
                  u->verb->usage ? u->verb->usage : "");
    return EXIT_FAILED;
}

bool helm_cli_begin(const struct helm_cli_usage *u, int argc, char **argv, struct helm_log *log,
                    struct arguments *out, int *code)
{
    struct err e = {0};
    if (options_parse(u->table, argc, private_arguments(argc, argv, log->arena), log->arena, out,
                      &e) < 0) {
        *code = helm_cli_fail(log, &e);
        return false;
    }
    if (out->help) {
        (void)printf("usage: slipway %s %s\n\n%s\n\n", u->verb->name,
                     u->verb->usage ? u->verb->usage : "", u->verb->summary);
        options_print(u->table);
        *code = EXIT_OK;
        return false;
    }
    if (out->n < u->least || (u->most && out->n > u->most)) {
        *code = too_few(u, u->most == u->least);
        return false;
    }
    return true;
}

/* ---- charts ---- */

/* What Helm says of a pull from a registry. */
void helm_cli_reference(const struct charts_answer *answer)
{
    if (!answer->reference)
        return;
    (void)fprintf(stderr, "Pulled: %s\nDigest: %s\n", answer->reference, answer->manifest_digest);
    if (strchr(answer->reference, '_'))
        (void)fprintf(stderr, "%s contains an underscore.\n", answer->reference);
}

struct charts_query helm_cli_query(const struct helm_cli_source *s, const char *name)
{
    return (struct charts_query){
        .chart = name,
        .version = s->version ? s->version
                   : s->devel ? ">0.0.0-0"
                              : "",
        .repository = s->repository,
        .access = &s->access,
        .with_provenance = s->verify,
    };
}

static int fetch(const char *name, const struct helm_cli_source *s, struct helm_log *log,
                 struct helm_cli_place *out, struct err *e)
{
    struct charts_files files = helm_cli_files(&s->globals, log->arena);
    const struct charts_query q = helm_cli_query(s, name);
    struct charts_answer answer;
    const char *keyring = s->verify ? helm_cli_keyring(s->keyring, log->arena) : NULL;
    int rc = light_chart(&files, &q, keyring, log->arena, &answer, e);
    if (rc < 0)
        return helm_fail(log, e, (enum err_code)rc, "%s", e->msg);
    helm_cli_reference(&answer);
    *out = (struct helm_cli_place){NULL, answer.bytes, answer.n};
    return 0;
}

int helm_cli_locate(const char *name, const struct helm_cli_source *s, struct helm_log *log,
                    struct helm_cli_place *out, struct err *e)
{
    struct stat st;
    if (stat(name, &st) == 0) {
        *out = (struct helm_cli_place){.path = name};
        if (s->repository)
            (void)fprintf(stderr,
                          "install.go:759: WARN local chart found in current working directory. "
                          "repository url ignored chart=%s repository=%s\n",
                          name, s->repository);
        if (!s->verify)
            return 0;
        int rc = light_verify(name, helm_cli_keyring(s->keyring, log->arena), e);
        return rc < 0 ? helm_fail(log, e, (enum err_code)rc, "%s", e->msg) : 0;
    }
    if (*name == '/' || *name == '.')
        return helm_fail(log, e, ERR_NOT_FOUND, "path \"%s\" not found", name);
    return fetch(name, s, log, out, e);
}

int helm_cli_open(const struct helm_cli_place *p, struct helm_log *log, struct helm_chart **out,
                  struct err *e)
{
    return p->path ? helm_cli_chart(p->path, log, out, e)
                   : helm_chart_unpack(p->bytes, p->n, log, out, e);
}
