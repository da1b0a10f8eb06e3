/* lint_chart.c - the linter's rules for Chart.yaml. */
#include <ctype.h>
#include <string.h>

#include "codec/semver.h"
#include "render/helm/lint_int.h"

#define CHART "Chart.yaml"

static const char *go_type_of(const struct value *v)
{
    switch (v->kind) {
    case VALUE_NULL:
        return "<nil>";
    case VALUE_BOOL:
        return "bool";
    case VALUE_INT:
    case VALUE_FLOAT:
        return "float64";
    case VALUE_ARRAY:
        return "[]interface {}";
    case VALUE_OBJECT:
        return "map[string]interface {}";
    case VALUE_STRING:
        break;
    }
    return "string";
}

static void check_type(struct linting *l, const struct value *doc, const char *field)
{
    const struct value *v = value_get(doc, field);
    if (v && v->kind != VALUE_STRING)
        lint__say(l, HELM_LINT_ERROR, CHART, "%s should be of type string but it's of type %s",
                  field, go_type_of(v));
}

static void check_name(struct linting *l, const struct value *m)
{
    const char *name = value_at_str(m, "name", "");
    if (!*name)
        lint__say(l, HELM_LINT_ERROR, CHART, "name is required");
    else if (strchr(name, '/'))
        lint__say(l, HELM_LINT_ERROR, CHART, "chart name \"%s\" is invalid", name);
}

static void check_api_version(struct linting *l, const char *version)
{
    if (!*version)
        lint__say(l, HELM_LINT_ERROR, CHART,
                  "apiVersion is required. The value must be either \"v1\" or \"v2\"");
    else if (strcmp(version, "v1") != 0 && strcmp(version, "v2") != 0)
        lint__say(l, HELM_LINT_ERROR, CHART,
                  "apiVersion '%s' is not valid. The value must be either \"v1\" or \"v2\"",
                  version);
}

static void check_version(struct linting *l, const struct value *m)
{
    const char *text = value_at_str(m, "version", "");
    struct arena *a = l->log->arena;
    struct semver v, least;
    if (!*text)
        lint__say(l, HELM_LINT_ERROR, CHART, "version is required");
    else if (semver_parse(a, text, &v, NULL) < 0)
        lint__say(l, HELM_LINT_ERROR, CHART, "version '%s' is not a valid SemVer", text);
    else if (semver_parse(a, "0.0.0-0", &least, NULL) == 0 && semver_cmp(&v, &least) <= 0)
        lint__say(l, HELM_LINT_ERROR, CHART, "version %s is less than or equal to 0.0.0-0", text);
}

static bool is_email(const char *s)
{
    const char *at = strrchr(s, '@'), *dot = at ? strrchr(at, '.') : NULL;
    return at && at > s && dot && dot > at + 1 && dot[1] && !strpbrk(s, " \t\n");
}

/* A URL as a browser would be given it, with or without its scheme. */
static bool is_url(const char *s)
{
    const char *scheme = strstr(s, "://");
    const char *host = scheme ? scheme + 3 : s;
    size_t n = strcspn(host, "/?#");
    return n > 0 && !strpbrk(s, " \t\n") &&
           (memchr(host, '.', n) || strncmp(host, "localhost", 9) == 0);
}

/* A URL that a request could be made of. */
static bool is_request_url(const char *s)
{
    const char *colon = strchr(s, ':');
    if (!colon || colon == s || !isalpha((unsigned char)*s) || strpbrk(s, " \t\n"))
        return false;
    return colon[1] == '/' || strncmp(s, "mailto", 6) != 0;
}

static void check_maintainers(struct linting *l, const struct value *m)
{
    VALUE_EACH_ITEM (who, value_get(m, "maintainers")) {
        const char *name = value_at_str(who, "name", ""), *email = value_at_str(who, "email", "");
        const char *url = value_at_str(who, "url", "");
        if (who->kind == VALUE_NULL)
            lint__say(l, HELM_LINT_ERROR, CHART, "a maintainer entry is empty");
        else if (!*name)
            lint__say(l, HELM_LINT_ERROR, CHART, "each maintainer requires a name");
        else if (*email && !is_email(email))
            lint__say(l, HELM_LINT_ERROR, CHART, "invalid email '%s' for maintainer '%s'", email,
                      name);
        else if (*url && !is_url(url))
            lint__say(l, HELM_LINT_ERROR, CHART, "invalid url '%s' for maintainer '%s'", url, name);
        else
            continue;
        return;
    }
}

static void check_urls(struct linting *l, const struct value *m)
{
    const char *icon = value_at_str(m, "icon", "");
    VALUE_EACH_ITEM (s, value_get(m, "sources"))
        if (!is_request_url(value_str(s, ""))) {
            lint__say(l, HELM_LINT_ERROR, CHART, "invalid source URL '%s'", value_str(s, ""));
            break;
        }
    if (!*icon)
        lint__say(l, HELM_LINT_INFO, CHART, "icon is recommended");
    else if (!is_request_url(icon))
        lint__say(l, HELM_LINT_ERROR, CHART, "invalid icon URL '%s'", icon);
}

static void check_old(struct linting *l, const struct value *m, const char *version)
{
    if (strcmp(version, "v2") == 0)
        return;
    if (*value_at_str(m, "type", ""))
        lint__say(l, HELM_LINT_ERROR, CHART,
                  "chart type is not valid in apiVersion '%s'. It is valid in apiVersion 'v2'",
                  version);
    if (value_count(value_get(m, "dependencies")) > 0)
        lint__say(l, HELM_LINT_ERROR, CHART,
                  "dependencies are not valid in the Chart file with apiVersion '%s'. They are "
                  "valid in apiVersion 'v2'",
                  version);
}

void lint__chart_file(struct linting *l)
{
    struct helm_text text;
    struct value *doc, *m;
    struct err e = {0};
    if (!lint__read(l, CHART, &text)) {
        lint__say(l, HELM_LINT_ERROR, CHART, "should be a file, not a directory");
        return;
    }
    if (helm__yaml(text.s, text.n, l->log, &doc, &e) < 0 ||
        helm__chart_fields(doc, l->log, &m, &e) < 0) {
        lint__say(l, HELM_LINT_ERROR, CHART, "unable to parse YAML\n\t%s", l->log->error);
        return;
    }
    const char *version = value_at_str(m, "apiVersion", "");
    check_name(l, m);
    check_api_version(l, version);
    check_type(l, doc, "version");
    check_version(l, m);
    check_type(l, doc, "appVersion");
    check_maintainers(l, m);
    check_urls(l, m);
    check_old(l, m, version);
}
