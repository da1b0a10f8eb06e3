/* helm_env.c - slipway helm version and helm env, for scripts that ask. */
#include <stdio.h>
#include <string.h>

#include "cli/helm.h"
#include "template/template.h"

#define HELM_VERSION "v3.22.0" /* whose behaviour this is */

static int print_template(const char *text, struct helm_log *log, struct err *e)
{
    struct template_set *set = template_set_new(log->arena, NULL);
    struct go_map *about = go_map_new(log->arena, 4);
    AUTO_BUF struct buf b;
    buf_init(&b, 1 << 20);
    go_map_put(about, "Version", go_str(HELM_VERSION));
    go_map_put(about, "GitCommit", go_str(""));
    go_map_put(about, "GitTreeState", go_str("clean"));
    go_map_put(about, "GoVersion", go_str(""));
    if (template_parse(set, "_", text, strlen(text), e) < 0)
        return helm_fail(log, e, ERR_INVALID, "%s", template_set_error(set));
    struct template_run *run = template_run_new(log->arena, set, NULL);
    if (template_execute(run, "_", go_map(about), &b, e) < 0)
        return helm_fail(log, e, ERR_INVALID, "%s", template_run_error(run));
    (void)fputs(buf_text(&b), stdout);
    return 0;
}

int helm_cli_version(int argc, char **argv, const struct verb *verb)
{
    struct helm_cli_globals globals = {0};
    const char *text = NULL;
    bool brief = false, client = false;
    const struct option table[] = {
        HELM_CLI_GLOBALS(globals),
        {"short",      0, OPTION_FLAG, &brief, NULL, "only the number"},
        {"template", 0, OPTION_TEXT, &text, "TEXT", "a template of .Version"},
        {"client",        'c', OPTION_FLAG, &client, NULL, "for Helm's sake"},
        {0           }
    };
    AUTO(arena) struct arena *a = arena_new(0);
    struct helm_log log = {.arena = a};
    struct arguments args;
    struct err e = {0};
    int code;
    const struct helm_cli_usage usage = {verb, table, 0, 0};
    if (!helm_cli_begin(&usage, argc, argv, &log, &args, &code))
        return code;
    if (text)
        return print_template(text, &log, &e) < 0 ? helm_cli_fail(&log, &e) : EXIT_OK;
    (void)puts(brief ? HELM_VERSION
                     : "version.BuildInfo{Version:\"" HELM_VERSION
                       "\", GitCommit:\"\", GitTreeState:\"clean\", GoVersion:\"\"}");
    return EXIT_OK;
}

int helm_cli_env(int argc, char **argv, const struct verb *verb)
{
    struct helm_cli_globals globals = {0};
    const struct option table[] = {HELM_CLI_GLOBALS(globals), {0}};
    AUTO(arena) struct arena *a = arena_new(0);
    struct helm_log log = {.arena = a};
    struct arguments args;
    int code;
    const struct helm_cli_usage usage = {verb, table, 0, 0};
    if (!helm_cli_begin(&usage, argc, argv, &log, &args, &code))
        return code;
    struct charts_files files = helm_cli_files(&globals, a);
    const char *ns = getenv("HELM_NAMESPACE");
    const struct {
        const char *name, *value;
    } all[] = {
        {"HELM_BIN",         "slipway helm"                           },
        {"HELM_CACHE_HOME",  helm_cli_home("HELM_CACHE_HOME",           "XDG_CACHE_HOME", ".cache", a)},
        {"HELM_CONFIG_HOME",          helm_cli_home("HELM_CONFIG_HOME",                                                 "XDG_CONFIG_HOME", ".config", a)},
        {"HELM_DATA_HOME", helm_cli_home("HELM_DATA_HOME", "XDG_DATA_HOME", ".local/share", a)},
        {"HELM_DEBUG",         globals.debug ? "true" : "false"                                               },
        {"HELM_NAMESPACE",   ns && *ns ? ns : "default"             },
        {"HELM_REGISTRY_CONFIG",    files.logins                                          },
        {"HELM_REPOSITORY_CACHE",       files.cache       },
        {"HELM_REPOSITORY_CONFIG",   files.repositories               },
    };
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        if (args.n == 0)
            (void)printf("%s=\"%s\"\n", all[i].name, all[i].value);
        else if (strcmp(args.items[0], all[i].name) == 0)
            (void)puts(all[i].value);
    }
    return EXIT_OK;
}
