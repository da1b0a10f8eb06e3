/* release_print.c - how Helm shows releases. */
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "cli/release.h"
#include "codec/json.h"
#include "codec/utf8.h"
#include "codec/yaml.h"

int release_cli_format(const char *text, enum release_format *out, struct err *e)
{
    static const char *const names[] = {"table", "json", "yaml"};
    for (size_t i = 0; i < 3; i++)
        if (!text || strcmp(text, names[i]) == 0) {
            *out = (enum release_format)i;
            return 0;
        }
    return err_set(e, ERR_INVALID,
                   "invalid argument \"%s\" for \"-o, --output\" flag: invalid format type", text);
}

void release_cli_document(const struct value *v, enum release_format f, struct arena *a)
{
    if (f == RELEASE_JSON)
        (void)puts(json_text(a, v, 0));
    else
        (void)fputs(yaml_text(a, v, YAML_FOLD), stdout);
}

/* ---- one release ---- */

static const char *text(const struct release *r, const char *path)
{
    return value_at_str(r->doc, path, "");
}

static void print_tests(const struct release *r, struct arena *a)
{
    const struct value **hooks;
    size_t n = release_hooks(r, "test", a, &hooks);
    if (n == 0)
        (void)puts("TEST SUITE: None");
    VALUE_EACH_ITEM (h, value_get(r->doc, "hooks")) {
        bool test = false;
        for (size_t i = 0; i < n; i++)
            test |= hooks[i] == h;
        const char *started = value_at_str(h, "last_run.started_at", "");
        if (!test || !*started)
            continue;
        (void)printf("TEST SUITE:     %s\nLast Started:   %s\n", value_at_str(h, "name", ""),
                     release_time_ansic(started, a));
        (void)printf("Last Completed: %s\nPhase:          %s\n",
                     release_time_ansic(value_at_str(h, "last_run.completed_at", ""), a),
                     value_at_str(h, "last_run.phase", ""));
    }
}

static void print_values(const struct release *r, struct helm_log *log)
{
    struct arena *a = log->arena;
    const struct value *config = value_get(r->doc, "config");
    struct go_map *all;
    struct err e;
    (void)printf("USER-SUPPLIED VALUES:\n%s\n",
                 yaml_text(a, config ? config : value_null(a), YAML_FOLD));
    if (helm_document_values(value_get(r->doc, "chart"), config, log, &all, &e) < 0)
        return;
    struct go_value v = go_map(all);
    struct value *out = value_new_object(a);
    if (go_to_value(a, &v, out, &e) == 0)
        (void)printf("COMPUTED VALUES:\n%s\n", yaml_text(a, out, YAML_FOLD));
}

static void print_source(const struct release *r)
{
    (void)puts("HOOKS:");
    VALUE_EACH_ITEM (h, value_get(r->doc, "hooks"))
        (void)printf("---\n# Source: %s\n%s\n", value_at_str(h, "path", ""),
                     value_at_str(h, "manifest", ""));
    (void)printf("MANIFEST:\n%s\n", release_manifest(r));
}

static void print_notes(const char *notes)
{
    static const char blank[] = " \t\r\n\v\f";
    notes += strspn(notes, blank);
    size_t n = strlen(notes);
    while (n && strchr(blank, notes[n - 1]))
        n--;
    (void)printf("NOTES:\n%.*s\n", (int)n, notes);
}

void release_cli_status(const struct release *r, const struct release_cli_look *look,
                        struct helm_log *log)
{
    struct arena *a = log->arena;
    const char *when = text(r, "info.last_deployed"), *notes = text(r, "info.notes");
    (void)printf("NAME: %s\n", r->name);
    if (*when)
        (void)printf("LAST DEPLOYED: %s\n", release_time_ansic(when, a));
    (void)printf("NAMESPACE: %s\nSTATUS: %s\nREVISION: %d\n", r->ns, text(r, "info.status"),
                 r->revision);
    if (look->metadata)
        (void)printf("CHART: %s\nVERSION: %s\nAPP_VERSION: %s\n", text(r, "chart.metadata.name"),
                     text(r, "chart.metadata.version"), text(r, "chart.metadata.appVersion"));
    if (look->description)
        (void)printf("DESCRIPTION: %s\n", text(r, "info.description"));
    if (look->resources)
        (void)printf("RESOURCES:\n%s\n", look->resources);
    print_tests(r, a);
    if (look->debug)
        print_values(r, log);
    if (look->debug || strcasecmp(text(r, "info.description"), "Dry run complete") == 0)
        print_source(r);
    if (!look->hide_notes && *notes)
        print_notes(notes);
}
