/* release_show.c - slipway helm list, history, status, get. */
#include <stdio.h>
#include <string.h>

#include "api/selector.h"
#include "base/buf.h"
#include "cli/release.h"
#include "cli/table.h"
#include "codec/regex.h"
#include "codec/yaml.h"
#include "template/template.h"

enum {
    LIST,
    LS,
    HISTORY,
    HIST,
    STATUS,
    GET_ALL,
    GET_VALUES,
    GET_MANIFEST,
    GET_HOOKS,
    GET_NOTES,
    GET_METADATA
};

struct look {
    struct release_cli cli;
    struct release_cli_where where;
    struct helm_cli_globals globals;
    const char *output, *filter, *selector, *time_format;
    long revision, max, offset;
    bool all, all_namespaces, short_form, no_headers, by_date, reverse, show_desc, show_resources;
    bool deployed, failed, pending, superseded, uninstalled, uninstalling;
    enum release_format format;
    struct arguments args;
};

static const char *text(const struct release *r, const char *path)
{
    return value_at_str(r->doc, path, "");
}

static bool begin(struct look *l, const struct verb *v, const struct option *table, int argc,
                  char **argv, size_t n_args, int *code)
{
    struct err e = {0};
    struct arena *a = l->cli.log.arena;
    const struct helm_cli_usage usage = {v, table, n_args, n_args};
    if (!helm_cli_begin(&usage, argc, argv, &l->cli.log, &l->args, code))
        return false;
    int rc = n_args == 0 && l->args.n
                 ? err_set(&e, ERR_INVALID, "\"%s\" accepts no arguments", v->name)
                 : release_cli_format(l->output, &l->format, &e);
    if (rc == 0)
        rc = release_cli_open(&l->cli, &l->where, a, &e);
    if (rc == 0)
        return true;
    *code = release_cli_fail(&l->cli, NULL, &e);
    return false;
}

static int end(struct look *l, int rc, const struct err *e)
{
    int code = rc < 0 ? release_cli_fail(&l->cli, NULL, e) : EXIT_OK;
    release_cli_close(&l->cli);
    return code;
}

/* ---- list ---- */

static const char *chart_name(const struct release *r, struct arena *a)
{
    const struct value *meta = value_at(r->doc, "chart.metadata");
    return meta ? arena_printf(a, "%s-%s", value_str(value_get(meta, "name"), ""),
                               value_str(value_get(meta, "version"), ""))
                : "MISSING";
}

static const char *app_version(const struct release *r)
{
    return value_at(r->doc, "chart.metadata") ? text(r, "chart.metadata.appVersion") : "MISSING";
}

static bool is_wanted(const struct look *l, enum release_status s)
{
    bool pending = s == RELEASE_PENDING_INSTALL || s == RELEASE_PENDING_UPGRADE ||
                   s == RELEASE_PENDING_ROLLBACK;
    bool none = !(l->deployed || l->failed || l->pending || l->superseded || l->uninstalled ||
                  l->uninstalling);
    return (l->all && s != RELEASE_UNKNOWN) || (s == RELEASE_DEPLOYED && (l->deployed || none)) ||
           (s == RELEASE_FAILED && (l->failed || none)) || (pending && l->pending) ||
           (s == RELEASE_SUPERSEDED && l->superseded) ||
           (s == RELEASE_UNINSTALLED && l->uninstalled) ||
           (s == RELEASE_UNINSTALLING && l->uninstalling);
}

static bool is_same(const struct release *x, const struct release *y)
{
    return strcmp(x->name, y->name) == 0 && strcmp(x->ns, y->ns) == 0;
}

/* Keeps the newest revision of each release. */
static void keep_latest(struct release_list *list)
{
    size_t n = 0;
    for (size_t i = 0; i < list->n; i++) {
        bool latest = true;
        for (size_t k = 0; k < list->n && latest; k++)
            latest = !is_same(list->items[i], list->items[k]) ||
                     list->items[k]->revision <= list->items[i]->revision;
        if (latest)
            list->items[n++] = list->items[i];
    }
    list->n = n;
}

static int64_t deployed_at(const struct release *r)
{
    int64_t ns;
    int rc = clock_parse_rfc3339(text(r, "info.last_deployed"), &ns, NULL);
    return rc < 0 ? 0 : ns / 1000000000;
}

static bool comes_before(const struct look *l, const struct release *x, const struct release *y)
{
    int64_t a = deployed_at(x), b = deployed_at(y);
    int c = l->by_date ? (a < b ? -1 : a > b) : strcmp(x->name, y->name);
    if (c == 0)
        c = strcmp(x->ns, y->ns);
    return l->reverse ? c > 0 : c < 0;
}

static void sort(const struct look *l, struct release_list *list)
{
    for (size_t i = 1; i < list->n; i++) {
        struct release *r = list->items[i];
        size_t at = i;
        for (; at > 0 && comes_before(l, r, list->items[at - 1]); at--)
            list->items[at] = list->items[at - 1];
        list->items[at] = r;
    }
}

static int select_releases(struct look *l, struct release_list *list, struct err *e)
{
    struct arena *a = l->cli.log.arena;
    AUTO(regex) struct regex *re = NULL;
    struct selector sel = {0};
    bool only_superseded = l->superseded && !l->all && !l->deployed && !l->failed && !l->pending &&
                           !l->uninstalled && !l->uninstalling;
    int rc = l->filter ? regex_compile(l->filter, strlen(l->filter), 0, &re, e) : 0;
    if (rc == 0 && l->selector)
        rc = selector_parse(l->selector, a, &sel, e);
    if (rc < 0)
        return rc;
    if (!only_superseded)
        keep_latest(list);
    size_t n = 0;
    for (size_t i = 0; i < list->n; i++) {
        struct release *r = list->items[i];
        bool hit = !re;
        if (re)
            rc = regex_match(re, r->name, strlen(r->name), 0, NULL, 0, &hit, e);
        if (rc < 0)
            return rc;
        if (hit && is_wanted(l, release_status(r)) &&
            (!l->selector || selector_matches(&sel, r->labels)))
            list->items[n++] = r;
    }
    list->n = n;
    sort(l, list);
    return 0;
}

static void cut(const struct look *l, struct release_list *list)
{
    size_t from = l->offset > 0 ? (size_t)l->offset : 0;
    from = from < list->n ? from : list->n;
    list->items += from;
    list->n -= from;
    if (l->max > 0 && (size_t)l->max < list->n)
        list->n = (size_t)l->max;
}

/* A time in the layout of Go that the user has given. */
static const char *formatted(const char *layout, const char *time, struct arena *a)
{
    static const char source[] =
        "{{ (toDate \"2006-01-02T15:04:05.999999999Z07:00\" .time).Format .layout }}";
    AUTO_BUF struct buf b = {.max = 4096};
    struct template_set *set = template_set_new(a, NULL);
    struct template_options options = {.keep_no_value = true};
    struct go_map *dot = go_map_new(a, 2);
    go_map_put(dot, "time", go_str(time));
    go_map_put(dot, "layout", go_str(layout));
    if (template_parse(set, "time", source, sizeof source - 1, NULL) < 0 ||
        template_execute(template_run_new(a, set, &options), "time", go_map(dot), &b, NULL) < 0)
        return time;
    return arena_strdup(a, buf_text(&b));
}

static const char *updated(const struct look *l, const struct release *r)
{
    struct arena *a = l->cli.log.arena;
    const char *when = text(r, "info.last_deployed");
    return !*when           ? "-"
           : l->time_format ? formatted(l->time_format, when, a)
                            : release_time_string(when, a);
}

static void print_short(const struct look *l, const struct release_list *list)
{
    struct arena *a = l->cli.log.arena;
    struct value *names = value_new_array(a);
    for (size_t i = 0; i < list->n; i++) {
        (void)value_push_str(a, names, list->items[i]->name);
        if (l->format == RELEASE_TABLE)
            (void)puts(list->items[i]->name);
    }
    if (l->format != RELEASE_TABLE)
        release_cli_document(names, l->format, a);
}

static void print_list(const struct look *l, const struct release_list *list)
{
    static const char *const titles[] = {"NAME",   "NAMESPACE", "REVISION",   "UPDATED",
                                         "STATUS", "CHART",     "APP VERSION"};
    static const char *const keys[] = {"name",   "namespace", "revision",   "updated",
                                       "status", "chart",     "app_version"};
    enum { COLUMNS = 7 };
    struct arena *a = l->cli.log.arena;
    struct value *out = value_new_array(a);
    const char **cells = ARENA_ARRAY(a, const char *, (list->n + 1) * COLUMNS);
    memcpy((void *)cells, (const void *)titles, sizeof titles);
    for (size_t i = 0; i < list->n; i++) {
        const struct release *r = list->items[i];
        const char *row[] = {r->name,
                             r->ns,
                             arena_printf(a, "%d", r->revision),
                             updated(l, r),
                             text(r, "info.status"),
                             chart_name(r, a),
                             app_version(r)};
        memcpy((void *)(cells + (i + 1) * COLUMNS), (const void *)row, sizeof row);
        struct value *v = value_new_object(a);
        for (size_t k = 0; k < COLUMNS; k++)
            (void)value_set_str(a, v, keys[k], row[k]);
        (void)value_push(a, out, v);
    }
    if (l->format == RELEASE_TABLE)
        helm_cli_table(l->no_headers ? cells + COLUMNS : cells, list->n + !l->no_headers, COLUMNS,
                       0, a);
    else
        release_cli_document(out, l->format, a);
}

static int list_releases(struct look *l, struct err *e)
{
    struct release_list list;
    int rc = release_all(&l->cli.session, l->all_namespaces ? NULL : l->cli.session.ns, &list, e);
    if (rc == 0)
        rc = select_releases(l, &list, e);
    if (rc < 0)
        return rc;
    cut(l, &list);
    if (l->short_form)
        print_short(l, &list);
    else
        print_list(l, &list);
    return 0;
}

static int run_list(int argc, char **argv)
{
    struct look l = {.max = 256};
    const struct option table[] = {
        {"all-namespaces", 'A', OPTION_FLAG, &l.all_namespaces, NULL, "of all namespaces"},
        {"all",     'a', OPTION_FLAG, &l.all, NULL, "in any state"},
        {"deployed",            0, OPTION_FLAG, &l.deployed, NULL, "deployed ones"},
        {"failed",                0, OPTION_FLAG, &l.failed, NULL, "failed ones"},
        {"pending",         0, OPTION_FLAG, &l.pending, NULL, "pending ones"},
        {"superseded",          0, OPTION_FLAG, &l.superseded, NULL, "superseded ones"},
        {"uninstalled",  0, OPTION_FLAG, &l.uninstalled, NULL, "uninstalled ones"},
        {"uninstalling",       0, OPTION_FLAG, &l.uninstalling, NULL, "those that go just now"},
        {"filter",     'f', OPTION_TEXT, &l.filter, "REGEX", "by name"},
        {"selector",            'l', OPTION_TEXT, &l.selector, "SELECTOR", "by the record's labels"},
        {"date",                'd', OPTION_FLAG, &l.by_date, NULL, "by date"},
        {"reverse",'r', OPTION_FLAG, &l.reverse, NULL, "the other way round"},
        {"max",       'm', OPTION_NUMBER, &l.max, "N", "at most so many (256)"},
        {"offset",   0, OPTION_NUMBER, &l.offset, "N", "without the first N"},
        {"short",        'q', OPTION_FLAG, &l.short_form, NULL, "names only"},
        {"no-headers",     0, OPTION_FLAG, &l.no_headers, NULL, "without titles"},
        {"time-format",            0, OPTION_TEXT, &l.time_format, "LAYOUT", "Go's: 2006-01-02 15:04"},
        RELEASE_CLI_OUTPUT(l.output),
        HELM_CLI_GLOBALS(l.globals),
        RELEASE_CLI_WHERE(l.where),
        {0               },
    };
    AUTO(arena) struct arena *a = arena_new(0);
    struct err e = {0};
    int code;
    l.cli.log.arena = a;
    if (!begin(&l, &verbs_release_show[LIST], table, argc, argv, 0, &code))
        return code;
    return end(&l, list_releases(&l, &e), &e);
}

/* ---- history ---- */

static int print_history(struct look *l, struct err *e)
{
    static const char *const titles[] = {"REVISION", "UPDATED",     "STATUS",
                                         "CHART",    "APP VERSION", "DESCRIPTION"};
    enum { COLUMNS = 6 };
    struct arena *a = l->cli.log.arena;
    struct release_list list;
    int rc = release_history(&l->cli.session, l->args.items[0], &list, e);
    if (rc < 0)
        return rc;
    size_t skip = l->max >= 0 && (size_t)l->max < list.n ? list.n - (size_t)l->max : 0;
    struct value *out = value_new_array(a);
    const char **cells = ARENA_ARRAY(a, const char *, (list.n + 1) * COLUMNS);
    memcpy((void *)cells, (const void *)titles, sizeof titles);
    for (size_t i = skip; i < list.n; i++) {
        const struct release *r = list.items[i];
        const char *row[] = {arena_printf(a, "%d", r->revision),
                             release_time_ansic(text(r, "info.last_deployed"), a),
                             text(r, "info.status"),
                             chart_name(r, a),
                             app_version(r),
                             text(r, "info.description")};
        memcpy((void *)(cells + (i - skip + 1) * COLUMNS), (const void *)row, sizeof row);
        struct value *v = value_new_object(a);
        (void)value_set_int(a, v, "revision", r->revision);
        (void)value_set_str(a, v, "updated", text(r, "info.last_deployed"));
        (void)value_set_str(a, v, "status", row[2]);
        (void)value_set_str(a, v, "chart", row[3]);
        (void)value_set_str(a, v, "app_version", row[4]);
        (void)value_set_str(a, v, "description", row[5]);
        (void)value_push(a, out, v);
    }
    if (l->format == RELEASE_TABLE)
        helm_cli_table(cells, list.n - skip + 1, COLUMNS, 0, a);
    else
        release_cli_document(out, l->format, a);
    return 0;
}

static int run_history(int argc, char **argv)
{
    struct look l = {.max = 256};
    const struct option table[] = {
        {"max",          0, OPTION_NUMBER, &l.max, "N", "the last N (256)"},
        RELEASE_CLI_OUTPUT(l.output),
        HELM_CLI_GLOBALS(l.globals),
        RELEASE_CLI_WHERE(l.where),
        {0},
    };
    AUTO(arena) struct arena *a = arena_new(0);
    struct err e = {0};
    int code;
    l.cli.log.arena = a;
    if (!begin(&l, &verbs_release_show[HISTORY], table, argc, argv, 1, &code))
        return code;
    return end(&l, print_history(&l, &e), &e);
}

/* ---- status ---- */

/* The columns of a Table that are always shown, and its rows. */
static void add_rows(struct buf *out, const struct value *table, bool titles, struct arena *a)
{
    const struct value *columns = value_get(table, "columnDefinitions");
    AUTO_BUF struct buf line = {.max = 1 << 20};
    (void)a;
    if (titles) {
        VALUE_EACH_ITEM (c, columns)
            if (value_int(value_get(c, "priority"), 0) == 0)
                buf_printf(&line, "%s\t", value_str(value_get(c, "name"), ""));
        for (size_t i = 0; i < line.len; i++)
            if (line.data[i] >= 'a' && line.data[i] <= 'z')
                line.data[i] = (char)(line.data[i] - 32);
        buf_printf(out, "%s\n", buf_text(&line));
    }
    VALUE_EACH_ITEM (row, value_get(table, "rows")) {
        for (size_t i = 0; i < value_count(columns); i++) {
            const struct value *cell = value_item(value_get(row, "cells"), i);
            if (value_int(value_get(value_item(columns, i), "priority"), 0) != 0)
                continue;
            if (value_is(cell, VALUE_BOOL))
                buf_printf(out, "%s\t", cell->boolean ? "true" : "false");
            else
                buf_printf(out, "%s\t",
                           cell && (cell->kind == VALUE_STRING || cell->kind == VALUE_INT ||
                                    cell->kind == VALUE_FLOAT)
                               ? cell->text
                               : "<none>");
        }
        buf_puts(out, "\n");
    }
}

/* Cells end with tabs and rows with line ends; columns come out three blanks apart. */
static const char *aligned(const char *cells, struct arena *a)
{
    size_t widths[64] = {0}, c = 0;
    AUTO_BUF struct buf b = {.max = 64 << 20};
    for (const char *s = cells; *s; s += strcspn(s, "\t\n") + 1) {
        size_t n = strcspn(s, "\t\n");
        if (s[n] == '\n') {
            c = 0;
            continue;
        }
        if (c < ARRAY_LEN(widths) && n > widths[c])
            widths[c] = n;
        c++;
    }
    c = 0;
    for (const char *s = cells; *s; s += strcspn(s, "\t\n") + 1) {
        size_t n = strcspn(s, "\t\n"), width = c < ARRAY_LEN(widths) ? widths[c] : 0;
        if (s[n] == '\n') {
            buf_putc(&b, '\n');
            c = 0;
            continue;
        }
        bool last = s[n + 1] == '\n';
        buf_printf(&b, "%.*s%*s", (int)n, s, last ? 0 : (int)(width > n ? width - n + 3 : 3), "");
        c++;
    }
    return arena_strdup(a, buf_text(&b));
}

static bool is_first(const struct release_objects *list, size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (list->items[k].res == list->items[i].res)
            return false;
    return true;
}

/* Which pods belong to a controller, as Helm looks for them; "": to none. */
static const char *pod_labels(const struct release_object *o, struct arena *a)
{
    static const struct resource *const kinds[] = {&RES_REPLICA_SET, &RES_DEPLOYMENT,
                                                   &RES_STATEFUL_SET, &RES_DAEMON_SET, &RES_JOB};
    const struct value *map = NULL;
    const char *out = "";
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        if (o->res == kinds[i])
            map = value_at(o->root, "spec.selector.matchLabels");
    VALUE_EACH_MEMBER (m, map)
        out = arena_printf(a, "%s%s%s=%s", out, *out ? "," : "", m->key, value_str(&m->value, ""));
    return out;
}

static void add_group(struct look *l, const struct release_objects *list, size_t from,
                      struct buf *out)
{
    struct arena *a = l->cli.log.arena;
    const struct resource *r = list->items[from].res;
    AUTO_BUF struct buf cells = {.max = 16 << 20};
    struct err e;
    for (size_t i = from; i < list->n; i++) {
        const struct release_object *o = &list->items[i];
        struct value *table;
        if (o->res == r &&
            kube_remote_table(l->cli.kube, r, o->ns, o->name, NULL, a, &table, &e) == 0)
            add_rows(&cells, table, cells.len == 0, a);
    }
    buf_printf(out, "==> %s/%s\n%s\n", r->version, r->kind, aligned(buf_text(&cells), a));
}

static void add_pods(struct look *l, const struct release_objects *list, struct buf *out)
{
    struct arena *a = l->cli.log.arena;
    AUTO_BUF struct buf cells = {.max = 16 << 20};
    struct err e;
    for (size_t i = 0; i < list->n; i++) {
        const char *labels = pod_labels(&list->items[i], a);
        struct value *table;
        if (*labels &&
            kube_remote_table(l->cli.kube, &RES_POD, list->items[i].ns, NULL, labels, a, &table,
                              &e) == 0 &&
            value_count(value_get(table, "rows")))
            add_rows(&cells, table, cells.len == 0, a);
    }
    if (cells.len)
        buf_printf(out, "==> v1/Pod(related)\n%s\n", aligned(buf_text(&cells), a));
}

static int resources_text(struct look *l, const struct release *r, const char **out, struct err *e)
{
    struct release_objects list;
    AUTO_BUF struct buf b = {.max = 64 << 20};
    int rc = release_objects(&l->cli.session, release_manifest(r), &list, e);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < list.n; i++)
        if (is_first(&list, i))
            add_group(l, &list, i, &b);
    add_pods(l, &list, &b);
    *out = list.n ? arena_strdup(l->cli.log.arena, buf_text(&b)) : NULL;
    return 0;
}

/* For JSON and YAML: the objects as they are, by version and kind. */
static int resources_value(struct look *l, struct release *r, struct err *e)
{
    struct arena *a = l->cli.log.arena;
    struct release_objects list;
    struct value *all = value_new_object(a);
    int rc = release_objects(&l->cli.session, release_manifest(r), &list, e);
    for (size_t i = 0; rc == 0 && i < list.n; i++) {
        const struct release_object *o = &list.items[i];
        struct object *live;
        if (kube_get(l->cli.kube, o->res, o->ns, o->name, &live, e) < 0)
            continue;
        const char *key = arena_printf(a, "%s/%s", o->res->version, o->res->kind);
        struct value *group = value_get_mut(all, key);
        if (!group)
            group = value_set(a, all, key, value_new_array(a));
        (void)value_push(a, group, value_copy(a, live->root));
        object_unref(live);
    }
    if (rc == 0 && all->n)
        (void)value_set(a, value_get_mut(r->doc, "info"), "resources", all);
    return rc;
}

static int print_status(struct look *l, struct err *e)
{
    struct release_cli_look look = {.description = l->show_desc};
    struct release *r;
    int rc = release_get(&l->cli.session, l->args.items[0], (int)l->revision, &r, e);
    if (rc == 0 && l->show_resources)
        rc = l->format == RELEASE_TABLE ? resources_text(l, r, &look.resources, e)
                                        : resources_value(l, r, e);
    if (rc < 0)
        return rc;
    (void)value_remove(r->doc, "chart");
    if (l->format == RELEASE_TABLE)
        release_cli_status(r, &look, &l->cli.log);
    else
        release_cli_document(r->doc, l->format, l->cli.log.arena);
    return 0;
}

static int run_status(int argc, char **argv)
{
    struct look l = {0};
    const struct option table[] = {
        {"revision",     0, OPTION_NUMBER, &l.revision, "N", "of this revision (the last)"},
        {"show-desc", 0, OPTION_FLAG, &l.show_desc, NULL, "with its description"},
        {"show-resources",           0, OPTION_FLAG, &l.show_resources, NULL, "with its objects"},
        RELEASE_CLI_OUTPUT(l.output),
        HELM_CLI_GLOBALS(l.globals),
        RELEASE_CLI_WHERE(l.where),
        {0             },
    };
    AUTO(arena) struct arena *a = arena_new(0);
    struct err e = {0};
    int code;
    l.cli.log.arena = a;
    if (!begin(&l, &verbs_release_show[STATUS], table, argc, argv, 1, &code))
        return code;
    return end(&l, print_status(&l, &e), &e);
}

/* ---- get ---- */

static int print_values(struct look *l, const struct release *r, struct err *e)
{
    struct arena *a = l->cli.log.arena;
    const struct value *config = value_get(r->doc, "config");
    struct value *all = value_new_object(a);
    struct go_map *map;
    if (l->all) {
        int rc = helm_document_values(value_get(r->doc, "chart"), config, &l->cli.log, &map, e);
        if (rc < 0)
            return rc;
        struct go_value v = go_map(map);
        rc = go_to_value(a, &v, all, e);
        if (rc < 0)
            return rc;
    }
    if (l->format == RELEASE_TABLE)
        (void)puts(l->all ? "COMPUTED VALUES:" : "USER-SUPPLIED VALUES:");
    release_cli_document(l->all ? all : config ? config : value_null(a), l->format, a);
    return 0;
}

static const char *dependency_names(const struct value *deps, struct arena *a)
{
    size_t n = value_count(deps);
    const char **names = ARENA_ARRAY(a, const char *, n + 1), *out = "";
    for (size_t i = 0; i < n; i++) {
        const char *name = value_at_str(value_item(deps, i), "name", "");
        size_t at = i;
        for (; at > 0 && strcmp(name, names[at - 1]) < 0; at--)
            names[at] = names[at - 1];
        names[at] = name;
    }
    for (size_t i = 0; i < n; i++)
        out = arena_printf(a, "%s%s%s", out, i ? "," : "", names[i]);
    return out;
}

static const char *pairs(const struct value *map, struct arena *a)
{
    const char *out = "";
    struct value *sorted = value_new_object(a);
    for (size_t n = 0; n < value_members_count(map); n++) { /* the least that is not there yet */
        const struct member *least = NULL;
        VALUE_EACH_MEMBER (m, map)
            if (!value_get(sorted, m->key) && (!least || strcmp(m->key, least->key) < 0))
                least = m;
        (void)value_set(a, sorted, least->key, &least->value);
        out = arena_printf(a, "%s%s%s=%s", out, n ? "," : "", least->key,
                           value_str(&least->value, ""));
    }
    return out;
}

static void print_metadata(const struct look *l, const struct release *r)
{
    struct arena *a = l->cli.log.arena;
    const struct value *meta = value_at(r->doc, "chart.metadata");
    const struct value *deps = value_get(meta, "dependencies");
    const struct value *annotations = value_get(meta, "annotations");
    struct value *v = value_new_object(a);
    const char *when = text(r, "info.last_deployed"), *dot = strchr(when, '.');
    const char *at = dot ? arena_printf(a, "%.*s%s", (int)(dot - when), when,
                                        dot + 1 + strspn(dot + 1, "0123456789"))
                         : when;
    (void)value_set_str(a, v, "name", r->name);
    (void)value_set_str(a, v, "chart", text(r, "chart.metadata.name"));
    (void)value_set_str(a, v, "version", text(r, "chart.metadata.version"));
    (void)value_set_str(a, v, "appVersion", text(r, "chart.metadata.appVersion"));
    if (value_count(annotations))
        (void)value_set(a, v, "annotations", annotations);
    if (value_count(deps))
        (void)value_set(a, v, "dependencies", deps);
    (void)value_set_str(a, v, "namespace", r->ns);
    (void)value_set_int(a, v, "revision", r->revision);
    (void)value_set_str(a, v, "status", text(r, "info.status"));
    (void)value_set_str(a, v, "deployedAt", at);
    if (l->format != RELEASE_TABLE) {
        release_cli_document(v, l->format, a);
        return;
    }
    (void)printf("NAME: %s\nCHART: %s\nVERSION: %s\nAPP_VERSION: %s\n", r->name,
                 value_at_str(v, "chart", ""), value_at_str(v, "version", ""),
                 value_at_str(v, "appVersion", ""));
    (void)printf("ANNOTATIONS: %s\nDEPENDENCIES: %s\nNAMESPACE: %s\nREVISION: %d\n",
                 pairs(annotations, a), dependency_names(deps, a), r->ns, r->revision);
    (void)printf("STATUS: %s\nDEPLOYED_AT: %s\n", text(r, "info.status"), at);
}

static void print_hooks(const struct release *r)
{
    VALUE_EACH_ITEM (h, value_get(r->doc, "hooks"))
        (void)printf("---\n# Source: %s\n%s\n", value_at_str(h, "path", ""),
                     value_at_str(h, "manifest", ""));
}

static int print_part(struct look *l, int what, struct err *e)
{
    const struct release_cli_look look = {.debug = true, .metadata = true};
    struct release *r;
    int rc = release_get(&l->cli.session, l->args.items[0], (int)l->revision, &r, e);
    if (rc < 0)
        return rc;
    switch (what) {
    case GET_ALL:
        release_cli_status(r, &look, &l->cli.log);
        return 0;
    case GET_VALUES:
        return print_values(l, r, e);
    case GET_MANIFEST:
        (void)puts(release_manifest(r));
        return 0;
    case GET_HOOKS:
        print_hooks(r);
        return 0;
    case GET_NOTES:
        if (*text(r, "info.notes"))
            (void)printf("NOTES:\n%s\n", text(r, "info.notes"));
        return 0;
    default:
        print_metadata(l, r);
        return 0;
    }
}

static int run_get(int argc, char **argv, int what)
{
    struct look l = {0};
    const struct option table[] = {
        {"revision",     0, OPTION_NUMBER, &l.revision, "N", "of this revision (the last)"},
        HELM_CLI_GLOBALS(l.globals),
        RELEASE_CLI_WHERE(l.where),
        {what == GET_VALUES || what == GET_METADATA ? "output" : NULL, 'o', OPTION_TEXT, &l.output,
         "FORMAT", "table, json or yaml"},
        {what == GET_VALUES ? "all" : NULL,           'a', OPTION_FLAG, &l.all, NULL,
         "with those of the chart"},
        {0             },
    };
    AUTO(arena) struct arena *a = arena_new(0);
    struct err e = {0};
    int code;
    l.cli.log.arena = a;
    if (!begin(&l, &verbs_release_show[what], table, argc, argv, 1, &code))
        return code;
    return end(&l, print_part(&l, what, &e), &e);
}

static int run_get_all(int argc, char **argv)
{
    return run_get(argc, argv, GET_ALL);
}

static int run_get_values(int argc, char **argv)
{
    return run_get(argc, argv, GET_VALUES);
}

static int run_get_manifest(int argc, char **argv)
{
    return run_get(argc, argv, GET_MANIFEST);
}

static int run_get_hooks(int argc, char **argv)
{
    return run_get(argc, argv, GET_HOOKS);
}

static int run_get_notes(int argc, char **argv)
{
    return run_get(argc, argv, GET_NOTES);
}

static int run_get_metadata(int argc, char **argv)
{
    return run_get(argc, argv, GET_METADATA);
}

const struct verb verbs_release_show[] = {
    [LIST] = {"helm list",                 "[options]", "which releases there are", run_list},
    [LS] = {"helm ls", NULL, NULL, run_list},
    [HISTORY] = {"helm history",                           "RELEASE [options]", "its revisions", run_history},
    [HIST] = {"helm hist",                       NULL, NULL, run_history},
    [STATUS] = {"helm status",                   "RELEASE [options]", "how it is, and its notes", run_status},
    [GET_ALL] = {"helm get all",              "RELEASE [options]", "all that is known of it", run_get_all},
    [GET_VALUES] = {"helm get values",            "RELEASE [options]", "its values", run_get_values},
    [GET_MANIFEST] = {"helm get manifest",                           "RELEASE [options]", "its objects", run_get_manifest},
    [GET_HOOKS] = {"helm get hooks", "RELEASE [options]", "its hooks", run_get_hooks},
    [GET_NOTES] = {"helm get notes",                "RELEASE [options]", "its notes", run_get_notes},
    [GET_METADATA] = {"helm get metadata",               "RELEASE [options]", "its chart, state and time",
              run_get_metadata},
    {0}
};
