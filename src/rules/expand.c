/* expand.c - templates in labels and annotations, with Prometheus's functions. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <ctype.h>
#include <math.h>
#include <pcre2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "codec/number.h"
#include "rules/expand_int.h"
#include "rules/functions.h"

enum { OUTPUT_MAX = 1 << 20, MEMORY_MAX = 256 << 20, MATCH_LIMIT = 100000 };

/* ---- functions ---- */

/* A number, or text that is one. */
static bool number_of(struct go_call *c, const struct go_value *v, double *out)
{
    enum go_kind kind = go_kind_of(v);
    if (kind == GO_FLOAT64 || kind == GO_INT || kind == GO_INT64) {
        *out = kind == GO_FLOAT64 ? v->f : (double)v->i;
        return true;
    }
    if (kind != GO_STRING)
        return false;
    char *end, *text = go_cstr(c->arena, v);
    *out = strtod(text, &end);
    return end != text && !*end;
}

static int give(struct go_call *c, struct go_value *out, const char *text)
{
    *out = go_str(arena_strdup(c->arena, text));
    return 0;
}

static const char *four_digits(struct go_call *c, double v, const char *prefix)
{
    return arena_printf(c->arena, "%.4g%s", v, prefix);
}

static int need_number(struct go_call *c, const struct go_value *v, double *out)
{
    return number_of(c, v, out) ? 0 : go_fail(c, "can't convert %s to float", go_type_name(v));
}

static int plain(struct go_call *c, double v, struct go_value *out)
{
    char text[NUMBER_TEXT_MAX];
    (void)number_format_g(v, text);
    return give(c, out, v == 0 || isnan(v) || isinf(v) ? text : four_digits(c, v, ""));
}

static int humanize(struct go_call *c, const struct go_value *args, size_t n, struct go_value *out)
{
    static const char *const large[] = {"k", "M", "G", "T", "P", "E", "Z", "Y"}, *const small[] = {
                                                                                     "m", "u", "n",
                                                                                     "p", "f", "a",
                                                                                     "z", "y"};
    const char *prefix = "";
    double v;
    (void)n;
    int r = need_number(c, &args[0], &v);
    if (r < 0 || v == 0 || isnan(v) || isinf(v))
        return r < 0 ? r : plain(c, v, out);
    if (fabs(v) >= 1)
        for (size_t i = 0; i < ARRAY_LEN(large) && fabs(v) >= 1000; i++, v /= 1000)
            prefix = large[i];
    else
        for (size_t i = 0; i < ARRAY_LEN(small) && fabs(v) < 1; i++, v *= 1000)
            prefix = small[i];
    return give(c, out, four_digits(c, v, prefix));
}

static int humanize1024(struct go_call *c, const struct go_value *args, size_t n,
                        struct go_value *out)
{
    static const char *const prefixes[] = {"ki", "Mi", "Gi", "Ti", "Pi", "Ei", "Zi", "Yi"};
    const char *prefix = "";
    double v;
    (void)n;
    int r = need_number(c, &args[0], &v);
    if (r < 0 || fabs(v) <= 1 || isnan(v) || isinf(v))
        return r < 0 ? r : plain(c, v, out);
    for (size_t i = 0; i < ARRAY_LEN(prefixes) && fabs(v) >= 1024; i++, v /= 1024)
        prefix = prefixes[i];
    return give(c, out, four_digits(c, v, prefix));
}

static int humanize_duration(struct go_call *c, const struct go_value *args, size_t n,
                             struct go_value *out)
{
    double v;
    (void)n;
    int r = need_number(c, &args[0], &v);
    if (r < 0 || v == 0 || isnan(v) || isinf(v))
        return r < 0 ? r : v == 0 ? give(c, out, "0s") : plain(c, v, out);
    if (fabs(v) < 1) {
        static const char *const prefixes[] = {"m", "u", "n", "p", "f", "a", "z", "y"};
        const char *prefix = "";
        for (size_t i = 0; i < ARRAY_LEN(prefixes) && fabs(v) < 1; i++, v *= 1000)
            prefix = prefixes[i];
        return give(c, out, arena_printf(c->arena, "%.4g%ss", v, prefix));
    }
    const char *sign = v < 0 ? "-" : "";
    double whole = floor(fabs(v));
    long long total = whole < 9e15 ? (long long)whole : 0, days = total / 86400,
              hours = total / 3600 % 24, minutes = total / 60 % 60, seconds = total % 60;
    if (days)
        return give(c, out,
                    arena_printf(c->arena, "%s%lldd %lldh %lldm %llds", sign, days, hours, minutes,
                                 seconds));
    if (hours)
        return give(c, out,
                    arena_printf(c->arena, "%s%lldh %lldm %llds", sign, hours, minutes, seconds));
    if (minutes)
        return give(c, out, arena_printf(c->arena, "%s%lldm %llds", sign, minutes, seconds));
    return give(c, out, arena_printf(c->arena, "%s%.4gs", sign, fabs(v)));
}

static int humanize_percentage(struct go_call *c, const struct go_value *args, size_t n,
                               struct go_value *out)
{
    double v;
    (void)n;
    int r = need_number(c, &args[0], &v);
    return r < 0 ? r : give(c, out, arena_printf(c->arena, "%.4g%%", v * 100));
}

static int humanize_timestamp(struct go_call *c, const struct go_value *args, size_t n,
                              struct go_value *out)
{
    char text[CLOCK_TEXT_MAX];
    double v;
    (void)n;
    int r = need_number(c, &args[0], &v);
    if (r < 0 || isnan(v) || fabs(v) > 9e11)
        return r < 0 ? r : plain(c, v, out);
    clock_format_rfc3339_ms((int64_t)llround(v * 1000), text);
    char *t = strchr(text, 'T'), *z = strchr(text, 'Z');
    if (t && z) {
        *t = ' ';
        *z = '\0';
    }
    return give(c, out, arena_printf(c->arena, "%s +0000 UTC", text));
}

static int change_case(struct go_call *c, const struct go_value *s, int (*to)(int),
                       struct go_value *out)
{
    char *text = arena_strdup(c->arena, go_cstr(c->arena, s));
    for (char *p = text; *p; p++)
        *p = (char)to((unsigned char)*p);
    return give(c, out, text);
}

static int to_upper(struct go_call *c, const struct go_value *args, size_t n, struct go_value *out)
{
    (void)n;
    return change_case(c, &args[0], toupper, out);
}

static int to_lower(struct go_call *c, const struct go_value *args, size_t n, struct go_value *out)
{
    (void)n;
    return change_case(c, &args[0], tolower, out);
}

static int compile(struct go_call *c, const struct go_value *pattern, pcre2_code **out)
{
    int code;
    size_t at;
    const char *text = go_cstr(c->arena, pattern);
    *out = pcre2_compile((PCRE2_SPTR)text, PCRE2_ZERO_TERMINATED, 0, &code, &at, NULL);
    return *out ? 0 : go_fail(c, "error parsing regexp: %s", text);
}

static int match(struct go_call *c, const struct go_value *args, size_t n, struct go_value *out)
{
    pcre2_code *code;
    (void)n;
    int r = compile(c, &args[0], &code);
    if (r < 0)
        return r;
    pcre2_match_data *data = pcre2_match_data_create(1, NULL);
    pcre2_match_context *context = pcre2_match_context_create(NULL);
    (void)pcre2_set_match_limit(context, MATCH_LIMIT);
    *out = go_bool(pcre2_match(code, (PCRE2_SPTR)args[1].s, args[1].n, 0, 0, data, context) >= 0);
    pcre2_match_context_free(context);
    pcre2_match_data_free(data);
    pcre2_code_free(code);
    return 0;
}

static int replace_all(struct go_call *c, const struct go_value *args, size_t n,
                       struct go_value *out)
{
    pcre2_code *code;
    (void)n;
    int r = compile(c, &args[0], &code);
    if (r < 0)
        return r;
    const char *with = go_cstr(c->arena, &args[1]);
    size_t room = args[2].n * 2 + strlen(with) * (args[2].n + 1) + 16;
    room = room < OUTPUT_MAX ? room : OUTPUT_MAX;
    char *to = arena_alloc(c->arena, room);
    r = pcre2_substitute(
        code, (PCRE2_SPTR)args[2].s, args[2].n, 0,
        PCRE2_SUBSTITUTE_GLOBAL | PCRE2_SUBSTITUTE_UNSET_EMPTY | PCRE2_SUBSTITUTE_UNKNOWN_UNSET,
        NULL, NULL, (PCRE2_SPTR)with, PCRE2_ZERO_TERMINATED, (PCRE2_UCHAR *)to, &room);
    pcre2_code_free(code);
    if (r < 0)
        return go_fail(c, "reReplaceAll: the replacement cannot be made");
    *out = go_strn(to, room);
    return 0;
}

static int strip_port(struct go_call *c, const struct go_value *args, size_t n,
                      struct go_value *out)
{
    char *text = arena_strdup(c->arena, go_cstr(c->arena, &args[0]));
    char *colon = strrchr(text, ':'), *bracket = strchr(text, ']');
    (void)n;
    if (colon && (bracket ? colon > bracket : strchr(text, ':') == colon))
        *colon = '\0';
    if (*text == '[' && bracket) {
        *bracket = '\0';
        text++;
    }
    return give(c, out, text);
}

static int parse_duration(struct go_call *c, const struct go_value *args, size_t n,
                          struct go_value *out)
{
    int64_t ms;
    struct err e;
    (void)n;
    if (rules_duration(go_cstr(c->arena, &args[0]), &ms, &e) < 0)
        return go_fail(c, "%s", e.msg);
    *out = go_float((double)ms / 1000);
    return 0;
}

static int same_text(struct go_call *c, const struct go_value *args, size_t n, struct go_value *out)
{
    (void)c;
    (void)n;
    *out = args[0];
    return 0;
}

const struct go_func rule_functions[] = {
    {"humanize",           "a", humanize},
    {"humanize1024",            "a", humanize1024},
    {"humanizeDuration",       "a", humanize_duration},
    {"humanizePercentage",        "a", humanize_percentage},
    {"humanizeTimestamp",   "a", humanize_timestamp},
    {"toUpper",   "s", to_upper},
    {"toLower", "s", to_lower},
    {"match", "ss", match},
    {"reReplaceAll",  "sss", replace_all},
    {"stripPort",  "s", strip_port},
    {"parseDuration",            "s", parse_duration},
    {"safeHtml",            "s", same_text},
    {"query",            "s", expand__query},
    {"first",            "a", expand__first},
    {"value",              "a", expand__value},
    {"label",               "sa", expand__label},
    {"strvalue",       "a", expand__strvalue},
    {"sortByLabel",         "sa", expand__sort},
    {"args",          "a...", expand__args},
    {"tableLink",          "s", expand__table_link},
    {"graphLink",      "s", expand__graph_link},
    {"urlQueryEscape",      "s", expand__escape},
    {"externalURL",           "", expand__external_url},
    {"pathPrefix",           "", expand__path_prefix},
    {0             }
};

/* ---- expanding ---- */

static const char preamble[] = "{{$labels := .Labels}}{{$externalLabels := .ExternalLabels}}"
                               "{{$externalURL := .ExternalURL}}{{$value := .Value}}";

static struct template_set *parse(struct arena *a, const char *name, const char *text,
                                  const char **out_error)
{
    struct template_set *s = template_set_new(a, rule_functions);
    const char *whole = arena_join(a, preamble, text, NULL);
    struct err e;
    if (template_parse(s, name, whole, strlen(whole), &e) == 0)
        return s;
    *out_error = template_set_error(s);
    return NULL;
}

const char *rule_template_fault(struct arena *a, const char *name, const char *text)
{
    const char *why = NULL;
    if (strstr(text, "{{"))
        (void)parse(a, arena_join(a, "__alert_", name, NULL), text, &why);
    return why;
}

struct go_value expand__labels(struct arena *a, const struct labels *l)
{
    struct go_map *m = go_map_new(a, l->n);
    for (size_t i = 0; i < l->n; i++)
        go_map_put(m, l->items[i].name, go_str(l->items[i].value));
    return go_typed_map(&go_string_map_type, m);
}

const char *rule_expand(struct arena *a, const char *name, const char *text,
                        const struct rule_expansion *x)
{
    const char *why = NULL;
    struct err e;
    if (!strstr(text, "{{"))
        return text;
    name = arena_join(a, "__alert_", name, NULL);
    struct template_set *s = parse(a, name, text, &why);
    if (!s)
        return arena_printf(a, "<error expanding template: error parsing template %s: %s>", name,
                            why);
    struct go_map *dot = go_map_new(a, 4);
    go_map_put(dot, "Labels", expand__labels(a, x->labels));
    go_map_put(dot, "ExternalLabels", expand__labels(a, &x->host->external));
    go_map_put(dot, "ExternalURL", go_str(x->host->external_url));
    go_map_put(dot, "Value", go_float(x->value));
    struct rule_expansion own = *x;
    const struct template_host host = {.self = &own, .now_ns = x->at_ms * 1000000};
    const struct template_options o = {
        .host = &host, .limits = {.output = OUTPUT_MAX, .memory = MEMORY_MAX, .steps = 1000000}
    };
    struct template_run *run = template_run_new(a, s, &o);
    AUTO_BUF struct buf out;
    buf_init(&out, OUTPUT_MAX);
    if (template_execute(run, name, go_map(dot), &out, &e) < 0)
        return arena_printf(a, "<error expanding template: error executing template %s: %s>", name,
                            template_run_error(run));
    return arena_strndup(a, buf_text(&out), out.len);
}
