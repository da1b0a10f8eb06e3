/* render.c - templates over a notice: the default ones, the user's, and those of settings. */
#include <stdlib.h>
#include <string.h>

#include "alert/message_int.h"
#include "rules/functions.h"

enum { OUTPUT_MAX = 1 << 20, MEMORY_MAX = 256 << 20, STEPS_MAX = 2000000, FUNCTIONS_MAX = 32 };

/* Names that Alertmanager's own templates have, so that users' templates can go on using them. */
const char alert_default_templates[] =
    "{{define \"__alertmanager\"}}slipway{{end}}"
    "{{define \"__alertmanagerURL\"}}{{.ExternalURL}}{{end}}"
    "{{define \"__subject\"}}{{subjectOf .}}{{end}}"
    "{{define \"__description\"}}{{end}}"
    "{{define \"__text_alert_list\"}}{{range .}}"
    "{{range .Labels.SortedPairs}}{{.Name}}: {{.Value}}\n{{end}}"
    "{{range .Annotations.SortedPairs}}{{.Name}}: {{.Value}}\n{{end}}"
    "{{with .GeneratorURL}}{{.}}\n{{end}}\n{{end}}{{end}}"
    "{{define \"__text_alert_list_markdown\"}}{{range .}}"
    "{{range .Labels.SortedPairs}}- **{{.Name}}**: {{.Value}}\n{{end}}"
    "{{range .Annotations.SortedPairs}}- **{{.Name}}**: {{.Value}}\n{{end}}\n{{end}}{{end}}"
    "{{define \"slack.default.title\"}}{{template \"__subject\" .}}{{end}}"
    "{{define \"slack.default.username\"}}{{template \"__alertmanager\" .}}{{end}}"
    "{{define \"slack.default.fallback\"}}{{template \"slack.default.title\" .}}{{end}}"
    "{{define \"slack.default.titlelink\"}}{{template \"__alertmanagerURL\" .}}{{end}}"
    "{{define \"slack.default.text\"}}{{range .Alerts}}{{with .Annotations.summary}}{{.}}\n{{end}}"
    "{{end}}{{end}}"
    "{{define \"slack.default.pretext\"}}{{end}}{{define \"slack.default.callbackid\"}}{{end}}"
    "{{define \"slack.default.iconemoji\"}}{{end}}{{define \"slack.default.iconurl\"}}{{end}}"
    "{{define \"slack.default.footer\"}}{{end}}"
    "{{define \"email.default.subject\"}}{{template \"__subject\" .}}{{end}}"
    "{{define \"__html_alerts\"}}{{range .}}<table>"
    "{{range .Labels.SortedPairs}}<tr><td><b>{{html .Name}}</b></td><td>{{html .Value}}</td></tr>"
    "{{end}}{{range .Annotations.SortedPairs}}<tr><td>{{html .Name}}</td>"
    "<td>{{html .Value}}</td></tr>{{end}}</table><hr>{{end}}{{end}}"
    "{{define \"email.default.html\"}}<!DOCTYPE html><html><body>"
    "<h2>{{html (subjectOf .)}}</h2>"
    "{{with .Alerts.Firing}}<h3>Firing</h3>{{template \"__html_alerts\" .}}{{end}}"
    "{{with .Alerts.Resolved}}<h3>Resolved</h3>{{template \"__html_alerts\" .}}{{end}}"
    "<p><a href=\"{{html .ExternalURL}}\">{{html .ExternalURL}}</a></p></body></html>{{end}}";

/* ---- functions ---- */

static int subject_of(struct go_call *c, const struct go_value *args, size_t n,
                      struct go_value *out)
{
    const struct template_host *h = template_run_host(c->run);
    (void)args;
    (void)n;
    *out = go_str(h && h->self ? alert_subject(h->self, c->arena) : "");
    return 0;
}

static int trim_space(struct go_call *c, const struct go_value *args, size_t n,
                      struct go_value *out)
{
    const char *s = args[0].s;
    size_t len = args[0].n;
    (void)c;
    (void)n;
    for (; len && strchr(" \t\r\n", *s); s++)
        len--;
    while (len && strchr(" \t\r\n", s[len - 1]))
        len--;
    *out = go_strn(s, len);
    return 0;
}

static int string_slice(struct go_call *c, const struct go_value *args, size_t n,
                        struct go_value *out)
{
    struct go_value *items = ARENA_ARRAY(c->arena, struct go_value, n + 1);
    for (size_t i = 0; i < n; i++)
        items[i] = args[i];
    *out = go_typed_list(&go_strings_type, items, n);
    return 0;
}

static int same(struct go_call *c, const struct go_value *args, size_t n, struct go_value *out)
{
    (void)c;
    (void)n;
    *out = args[0];
    return 0;
}

static const struct go_func own_functions[] = {
    {"subjectOf",   "a", subject_of},
    {"trimSpace",   "s", trim_space},
    {"stringSlice",   "s...", string_slice},
    {"safeUrl",   "s", same},
    {0},
};

/* Of those that alerting rules have. */
static const char *const shared_functions[] = {
    "toUpper",
    "toLower",
    "match",
    "reReplaceAll",
    "humanizeDuration",
    "humanize",
    "humanizePercentage",
    "safeHtml",
};

static const struct go_func *functions(struct arena *a)
{
    struct go_func *out = ARENA_ARRAY(a, struct go_func, FUNCTIONS_MAX);
    size_t n = 0;
    for (const struct go_func *f = own_functions; f->name; f++)
        out[n++] = *f;
    for (const struct go_func *f = rule_functions; f->name; f++)
        for (size_t i = 0; i < ARRAY_LEN(shared_functions) && n < FUNCTIONS_MAX - 1; i++)
            if (strcmp(f->name, shared_functions[i]) == 0)
                out[n++] = *f;
    return out;
}

/* ---- rendering ---- */

static int parse_all(struct template_set *s, const struct alert_words *w, struct err *e)
{
    int r = template_parse(s, "default.tmpl", alert_default_templates,
                           strlen(alert_default_templates), e);
    for (size_t i = 0; r == 0 && i < w->n_templates; i++) {
        r = template_parse(s, w->templates[i].name, w->templates[i].text,
                           strlen(w->templates[i].text), e);
        if (r < 0)
            return err_wrap(e, r, "%s", w->templates[i].name);
    }
    return r;
}

int alert_templates_check(const struct alert_words *w, struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(0);
    return parse_all(template_set_new(a, functions(a)), w, e);
}

int renderer_init(struct renderer *r, const struct alert_notice *n, const struct alert_words *w,
                  struct arena *a, struct err *e)
{
    (void)e;
    *r = (struct renderer){a, n, w, alert_data(n, w->external_url, a)};
    return 0;
}

int renderer_text(struct renderer *r, const char *text, const char **out, struct err *e)
{
    if (!strstr(text, "{{")) {
        *out = text;
        return 0;
    }
    struct template_set *s = template_set_new(r->arena, functions(r->arena));
    int rc = parse_all(s, r->words, e);
    if (rc == 0)
        rc = template_parse(s, "setting", text, strlen(text), e);
    if (rc < 0)
        return rc;
    const struct template_host host = {.self = (void *)(uintptr_t)r->notice,
                                       .now_ns = r->notice->at_ms * 1000000};
    const struct template_options o = {
        .host = &host, .limits = {.output = OUTPUT_MAX, .memory = MEMORY_MAX, .steps = STEPS_MAX}
    };
    struct template_run *run = template_run_new(r->arena, s, &o);
    AUTO_BUF struct buf b;
    buf_init(&b, OUTPUT_MAX);
    if (template_execute(run, "setting", r->dot, &b, e) < 0)
        return err_set(e, ERR_INVALID, "%s", template_run_error(run));
    *out = arena_strndup(r->arena, buf_text(&b), b.len);
    return 0;
}

int renderer_setting(struct renderer *r, const char *name, const char *dflt, const char **out,
                     struct err *e)
{
    const struct value *v = value_get(r->notice->channel->settings, name);
    const char *text = v && v->kind != VALUE_NULL && v->kind != VALUE_BOOL ? v->text : dflt;
    int rc = renderer_text(r, text, out, e);
    return rc < 0 ? err_wrap(e, rc, "%s", name) : 0;
}
