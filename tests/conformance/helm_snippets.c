/* conformance-helm-snippets FILE: template snippets recorded from Helm's engine.
 *
 * Each line of FILE is a JSON object: name, group, template, values (YAML), files, extra_templates,
 * expected or error. A case passes when the text, or the error's text, is the same. With -v what
 * failed is printed; with -o what is made of each line, as a JSON object. */
#include <stdio.h>
#include <string.h>

#include "base/fs.h"
#include "codec/json.h"
#include "codec/yaml.h"
#include "template/helm_objects.h"
#include "template/template.h"

enum { TEXT_MAX = 64 << 20 };

static const char main_name[] = "snip/templates/snippet.txt";
static const char chart_yaml[] =
    "{\"name\":\"snip\",\"version\":\"0.1.0\",\"appVersion\":\"1.2.3\",\"type\":\"application\","
    "\"apiVersion\":\"v2\",\"keywords\":[\"a\",\"b\"],\"annotations\":{\"k\":\"v\"},"
    "\"description\":\"A snippet chart\"}";

static struct go_value files_of(struct arena *a, const struct value *files)
{
    size_t n = 0;
    struct helm_file *list = ARENA_ARRAY(a, struct helm_file, value_members_count(files) + 1);
    VALUE_EACH_MEMBER (m, files)
        list[n++] = (struct helm_file){m->key, m->value.text, m->value.n};
    return helm_files(a, list, n);
}

static struct go_value release(struct arena *a)
{
    struct go_map *m = go_map_new(a, 8);
    go_map_put(m, "Name", go_str("demo"));
    go_map_put(m, "Namespace", go_str("demo"));
    go_map_put(m, "IsUpgrade", go_bool(false));
    go_map_put(m, "IsInstall", go_bool(true));
    go_map_put(m, "Revision", go_int(1));
    go_map_put(m, "Service", go_str("Helm"));
    return go_map(m);
}

/* What Helm's engine hands to a chart's templates. */
static int top_object(struct arena *a, const struct value *line, struct go_value *out,
                      struct err *e)
{
    struct value *chart = NULL, *values = NULL;
    const char *text = value_at_str(line, "values", "");
    int rc = json_parse(a, chart_yaml, strlen(chart_yaml), 0, &chart, e);
    if (rc == 0)
        rc = yaml_parse(a, text, strlen(text), 0, &values, e);
    if (rc)
        return rc;
    struct helm_capabilities c = {.kube_version = "v1.32.4",
                                  .api_versions = helm_default_api_versions,
                                  .n_api_versions = HELM_DEFAULT_API_VERSIONS,
                                  .helm_version = "v3.22",
                                  .go_version = "go1.26.8"};
    struct go_map *m = go_map_new(a, 8), *tpl = go_map_new(a, 2);
    struct go_value given = go_from_value(a, values);
    go_map_put(m, "Chart", helm_chart(a, chart, true));
    go_map_put(m, "Files", files_of(a, value_get(line, "files")));
    go_map_put(m, "Release", release(a));
    go_map_put(m, "Capabilities", helm_capabilities(a, &c));
    go_map_put(m, "Values", helm_values(given.type == &go_map_type ? given.map : go_map_new(a, 0)));
    go_map_put(m, "Subcharts", go_map(go_map_new(a, 0)));
    go_map_put(tpl, "Name", go_str(main_name));
    go_map_put(tpl, "BasePath", go_str("snip/templates"));
    go_map_put(m, "Template", helm_values(tpl));
    *out = helm_values(m);
    return 0;
}

static int parse_all(struct template_set *s, struct arena *a, const struct value *line,
                     const char **said)
{
    struct err e = {0};
    const char *name = main_name;
    const struct value *text = value_get(line, "template");
    int rc = template_parse(s, name, text->text, text->n, &e);
    VALUE_EACH_MEMBER (m, value_get(line, "extra_templates")) {
        if (rc)
            break;
        name = arena_printf(a, "snip/templates/%s", m->key);
        rc = template_parse(s, name, m->value.text, m->value.n, &e);
    }
    if (rc)
        *said = template_parse_error(a, name, template_set_error(s));
    return rc;
}

/* The text or the error's text of one line. */
static int run(struct arena *a, const struct value *line, const char **said, size_t *n)
{
    struct err e = {0};
    struct template_host host = {.now_ns = 1700000000000000000, .seed = "seed", .seed_n = 4};
    struct template_options options = {.host = &host};
    struct template_set *s = template_set_new(a, NULL);
    struct go_value top;
    int rc = parse_all(s, a, line, said);
    if (rc == 0) {
        rc = top_object(a, line, &top, &e);
        *said = e.msg[0] ? arena_strdup(a, e.msg) : "";
    }
    if (rc) {
        *n = strlen(*said);
        return rc;
    }
    struct template_run *r = template_run_new(a, s, &options);
    struct buf out;
    buf_init(&out, TEXT_MAX);
    rc = template_execute(r, main_name, top, &out, &e);
    *n = out.len;
    *said = rc ? template_exec_error(a, main_name, template_run_error(r))
               : arena_strndup(a, buf_text(&out), out.len);
    if (rc)
        *n = strlen(*said);
    buf_done(&out);
    return rc;
}

static void print_line(struct arena *a, const struct value *line, int rc, const char *said,
                       size_t n)
{
    struct value *made = value_new_object(a);
    (void)value_set_str(a, made, "name", value_at_str(line, "name", ""));
    (void)value_set(a, made, rc ? "error" : "expected", value_new_strn(a, said, n));
    (void)printf("%s\n", json_text(a, made, 0));
}

static bool check(struct arena *a, const struct value *line, const char *mode)
{
    const char *said = "";
    size_t n = 0;
    int rc = run(a, line, &said, &n);
    const struct value *want = value_get(line, rc ? "error" : "expected");
    bool good = want && want->n == n && memcmp(want->text, said, n) == 0;
    if (mode && mode[1] == 'o')
        print_line(a, line, rc, said, n);
    else if (mode && !good)
        (void)printf("failed %s: %s\n  got  %s\n  want %s\n", value_at_str(line, "name", ""),
                     value_at_str(line, "template", ""),
                     json_text(a, value_new_strn(a, said, n), 0),
                     want ? json_text(a, want, 0)
                          : value_at_str(line, "error", value_at_str(line, "expected", "")));
    return good;
}

int main(int argc, char **argv)
{
    unsigned passed = 0, failed = 0;
    const char *mode = argc > 2 ? argv[1] : NULL;
    AUTO(arena) struct arena *file = arena_new((size_t)TEXT_MAX);
    struct err e = {0};
    char *text;
    size_t n;
    if (argc < 2 || fs_read(argv[argc - 1], TEXT_MAX, file, &text, &n, &e)) {
        (void)fprintf(stderr, "%s\n", argc < 2 ? "usage: conformance-helm-snippets FILE" : e.msg);
        return 1;
    }
    for (char *line = text, *end; *line; line = end + (*end != '\0')) {
        end = line + strcspn(line, "\n");
        AUTO(arena) struct arena *a = arena_new((size_t)512 << 20);
        struct value *doc;
        bool good =
            json_parse(a, line, (size_t)(end - line), 0, &doc, &e) == 0 && check(a, doc, mode);
        passed += good;
        failed += !good;
    }
    (void)printf("helm/snippets: %u passed, %u failed\n", passed, failed);
    return failed > 0;
}
