/* lint_templates.c - the linter's rules for templates and for what they print. */
#include <string.h>
#include <strings.h>

#include "api/names.h"
#include "codec/yaml.h"
#include "render/helm/lint_int.h"
#include "render/helm/manifests_int.h"
#include "template/template.h"

/* One template, what it printed, and where that came from. */
struct printed {
    const struct helm_file *file;
    struct helm_text text;
    const struct template_trace *trace;
};

/* ---- where it stands ---- */

static unsigned line_at(const char *text, size_t at)
{
    unsigned line = 1;
    for (size_t i = 0; i < at; i++)
        line += text[i] == '\n';
    return line;
}

/* "\n\tat templates/x.yaml:12: name: {{ .Values.name }}" for a line of what was printed. */
static const char *place(struct linting *l, const struct printed *p, size_t chunk, unsigned line)
{
    size_t at = chunk;
    for (unsigned i = 1; i < line && at < p->text.n; i++) {
        const char *end = memchr(p->text.s + at, '\n', p->text.n - at);
        if (!end)
            break;
        at = (size_t)(end + 1 - p->text.s);
    }
    while (at < p->text.n && (p->text.s[at] == ' ' || p->text.s[at] == '\t'))
        at++;
    size_t from = template_trace_source(p->trace, at);
    const char *text = p->file->bytes;
    if (from >= p->file->n)
        return "";
    size_t start = from, end = from;
    while (start > 0 && text[start - 1] != '\n')
        start--;
    while (end < p->file->n && text[end] != '\n')
        end++;
    while (start < end && (text[start] == ' ' || text[start] == '\t'))
        start++;
    return arena_printf(l->log->arena, "\n\tat %s:%u: %.*s", p->file->name, line_at(text, from),
                        (int)(end - start), text + start);
}

/* The line that an error of the YAML reader names; 0: none. */
static unsigned line_of_error(const char *text)
{
    const char *s = strstr(text, "line ");
    return s ? (unsigned)strtoul(s + 5, NULL, 10) : 0;
}

/* ---- what was printed ---- */

static bool has(struct helm_text t, const char *word)
{
    return memmem(t.s, t.n, word, strlen(word)) != NULL;
}

static void check_indent(struct linting *l, const struct printed *p)
{
    for (size_t at = 0; at < p->text.n;) {
        const char *line = p->text.s + at;
        size_t n = strcspn(line, "\n"), blank = strspn(line, " \t\r");
        if (blank < n) {
            if (*line == ' ' || *line == '\t')
                lint__say(l, HELM_LINT_WARNING, p->file->name,
                          "document starts with an illegal indent: %s, which may cause parsing "
                          "problems%s",
                          helm__quote(l->log->arena, line, n), place(l, p, at, 1));
            return;
        }
        at += n + 1;
    }
}

/* A field by a name in whatever case, as Go's JSON reads it. */
static const struct value *field(const struct value *object, const char *name)
{
    const struct value *v = value_get(object, name);
    if (v)
        return v;
    VALUE_EACH_MEMBER (m, object)
        if (strcasecmp(m->key, name) == 0)
            return &m->value;
    return NULL;
}

static void check_list(struct linting *l, const struct printed *p, const struct value *doc)
{
    VALUE_EACH_ITEM (item, field(doc, "items"))
        if (value_get(field(field(item, "metadata"), "annotations"), "helm.sh/resource-policy")) {
            lint__say(l, HELM_LINT_ERROR, p->file->name,
                      "Annotation 'helm.sh/resource-policy' within List objects are ignored");
            return;
        }
}

static void check_selector(struct linting *l, const struct printed *p, const char *kind,
                           const char *name)
{
    static const char *const kinds[] = {"Deployment", "ReplicaSet", "DaemonSet", "StatefulSet"};
    if (has(p->text, "matchLabels") || has(p->text, "matchExpressions"))
        return;
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        if (strcmp(kind, kinds[i]) == 0)
            lint__say(l, HELM_LINT_ERROR, p->file->name,
                      "a %s must contain matchLabels or matchExpressions, and \"%s\" does not",
                      kind, name);
}

static void check_document(struct linting *l, const struct printed *p, size_t chunk,
                           const struct value *doc)
{
    struct arena *a = l->log->arena;
    const struct value *name_value = field(field(doc, "metadata"), "name");
    const char *kind = value_str(field(doc, "kind"), ""), *name = value_str(name_value, "");
    const char *version = value_str(field(doc, "apiVersion"), "");
    const char *complaint = name_complaint(kind, name, a);
    unsigned line = name_value ? name_value->line : doc->line;
    if (complaint)
        lint__say(l, HELM_LINT_WARNING, p->file->name,
                  "object name does not conform to Kubernetes naming requirements: \"%s\": %s%s",
                  name, complaint, place(l, p, chunk, line));
    const char *old = lint__deprecated(version, kind, l->o->kube_version, a);
    if (old)
        lint__say(l, HELM_LINT_WARNING, p->file->name, "%s", old);
    check_selector(l, p, kind, name);
    if (strcmp(kind, "List") == 0)
        check_list(l, p, doc);
}

/* Where the next document begins: after a line "---". */
static size_t chunk_end(struct helm_text t, size_t from, size_t *next)
{
    const char *mark = memmem(t.s + from, t.n - from, "\n---", 4);
    if (!mark) {
        *next = t.n;
        return t.n;
    }
    const char *end = memchr(mark + 1, '\n', (size_t)(t.s + t.n - mark - 1));
    *next = end ? (size_t)(end + 1 - t.s) : t.n;
    return (size_t)(mark + 1 - t.s);
}

/* False: it is no YAML, and nothing more is looked at. */
static bool check_documents(struct linting *l, const struct printed *p)
{
    for (size_t at = 0, next; at < p->text.n; at = next) {
        size_t end = chunk_end(p->text, at, &next);
        struct value *doc;
        struct err e = {0};
        if (helm__yaml(p->text.s + at, end - at, l->log, &doc, &e) < 0) {
            unsigned line = line_of_error(l->log->error);
            lint__say(l, HELM_LINT_ERROR, p->file->name, "unable to parse YAML: %s%s",
                      l->log->error, line ? place(l, p, at, line) : "");
            return false;
        }
        if (doc->kind == VALUE_OBJECT)
            check_document(l, p, at, doc);
    }
    return true;
}

/* ---- templates ---- */

/* `"?helm\.sh/hook"?:\s+crd-install` */
static bool is_crd_hook(struct helm_text t)
{
    for (const char *s = t.s; (s = memmem(s, (size_t)(t.s + t.n - s), "helm.sh/hook", 12));) {
        s += 12;
        const char *c = s + (*s == '"');
        if (*c != ':')
            continue;
        size_t blanks = strspn(c + 1, " \t\r\n");
        if (blanks > 0 && strncmp(c + 1 + blanks, "crd-install", 11) == 0)
            return true;
    }
    return false;
}

static void check_source(struct linting *l, const struct helm_file *f)
{
    static const char *const known[] = {".yaml", ".yml", ".tpl", ".txt"};
    const char *base = strrchr(f->name, '/'), *dot = strrchr(base ? base : f->name, '.');
    struct helm_text text = {f->bytes, f->n};
    bool good = false;
    for (size_t i = 0; i < ARRAY_LEN(known) && dot; i++)
        good |= strcmp(dot, known[i]) == 0;
    if (!good)
        lint__say(l, HELM_LINT_ERROR, f->name,
                  "file extension '%s' not valid. Valid extensions are .yaml, .yml, .tpl, or .txt",
                  dot ? dot : "");
    if (is_crd_hook(text))
        lint__say(l, HELM_LINT_WARNING, f->name,
                  "manifest is a crd-install hook. This hook is no longer supported in v3 and all "
                  "CRDs should also exist the crds/ directory at the top level of the chart");
    if (has(text, ".Release.Time"))
        lint__say(l, HELM_LINT_ERROR, f->name,
                  ".Release.Time has been removed in v3, please replace with the `now` function in "
                  "your templates");
}

static bool is_yaml(const char *name)
{
    size_t n = strlen(name);
    return n > 5 && strcmp(name + n - 5, ".yaml") == 0;
}

static bool is_blank(struct helm_text t)
{
    return strspn(t.s, " \t\r\n\v\f") >= t.n;
}

void lint__templates(struct linting *l)
{
    struct arena *a = l->log->arena;
    struct helm_log own = {.arena = a};
    const struct helm_render_opts opts = {.release = "test-release",
                                          .namespace = l->o->namespace,
                                          .kube_version = l->o->kube_version,
                                          .skip_schema = l->o->skip_schema,
                                          .lint = true,
                                          .host = l->o->host};
    struct helm_chart *c;
    struct helm_rendered *files;
    struct template_trace **traces;
    size_t n;
    struct err e = {0};
    int rc = helm_chart_load(l->tree, l->path, &own, &c, &e);
    if (rc == 0)
        rc = helm__render_files(c, l->values, &opts, &own, &files, &traces, &n, &e);
    if (rc < 0) {
        lint__say(l, HELM_LINT_ERROR, "templates/", "%s", own.error ? own.error : e.msg);
        return;
    }
    for (size_t i = 0; i < c->templates.n; i++) {
        const struct helm_file *f = &c->templates.items[i];
        const char *path = arena_printf(a, "%s/%s", c->name, f->name);
        check_source(l, f);
        for (size_t k = 0; k < n && is_yaml(f->name); k++) {
            if (strcmp(files[k].path, path) != 0 || is_blank(files[k].text))
                continue;
            const struct printed p = {f, files[k].text, traces[k]};
            check_indent(l, &p);
            if (!check_documents(l, &p))
                return;
        }
    }
}
