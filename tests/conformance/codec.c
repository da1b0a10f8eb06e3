/* conformance-codec FOLDER [-v] - runs the cases of others below FOLDER against codec. */
#include "codec.h"

#include <dirent.h>
#include <stdarg.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "codec/patch.h"
#include "codec/yaml.h"

void tally_pass(struct tally *t)
{
    t->passed++;
}

void tally_skip(struct tally *t, const char *name, const char *why)
{
    t->skipped++;
    if (t->verbose)
        printf("%s: %s: skipped: %s\n", t->suite, name, why);
}

void tally_fail(struct tally *t, const char *name, const char *fmt, ...)
{
    va_list ap;
    t->failed++;
    printf("%s: %s: ", t->suite, name);
    va_start(ap, fmt);
    (void)vprintf(fmt, ap);
    va_end(ap);
    (void)putchar('\n');
}

/* ---- files ---- */

static void visit_file(struct tally *t, const char *path, const char *name, file_visitor *visit)
{
    AUTO(arena) struct arena *a = arena_new(FILE_MAX);
    struct err e = {0};
    char *text = NULL;
    size_t n = 0;
    if (fs_read(path, FILE_MAX, a, &text, &n, &e))
        tally_fail(t, name, "%s", e.msg);
    else
        visit(t, a, name, text, n);
}

bool walk(struct tally *t, const char *folder, file_visitor *visit)
{
    struct dirent **entries = NULL;
    struct stat st;
    if (stat(folder, &st) == 0 && S_ISREG(st.st_mode)) {
        visit_file(t, folder, strrchr(folder, '/') + 1, visit);
        return true;
    }
    int n = scandir(folder, &entries, NULL, alphasort);
    for (int i = 0; i < n; i++) {
        char path[4096];
        (void)snprintf(path, sizeof path, "%s/%s", folder, entries[i]->d_name);
        if (entries[i]->d_name[0] != '.')
            (void)walk(t, path, visit);
        free(entries[i]);
    }
    free(entries);
    return n > 0;
}

/* ---- JSON: y_ must parse, n_ must not, i_ may ---- */

void suite_json(struct tally *t, struct arena *a, const char *name, const char *text, size_t n)
{
    struct value *v = NULL;
    struct err e = {0};
    int rc = json_parse(a, text, n, 0, &v, &e);
    if (*name == 'y' && rc)
        tally_fail(t, name, "refused: %s", e.msg);
    else if (*name == 'n' && !rc)
        tally_fail(t, name, "accepted");
    else
        tally_pass(t);
}

/* ---- YAML test suite ---- */

/* The suite writes what cannot be seen with marks of its own. */
static char *unmark(struct arena *a, const char *s)
{
    static const struct {
        const char *mark, *means;
    } marks[] = {
        {"␣",   " "     },
        {"—",   ""      },
        {"»",    "\t"    },
        {"↵",   ""      },
        {"∎\n", ""      },
        {"∎",   ""      },
        {"←",   "\r"    },
        {"⇔",   "\ufeff"}
    };
    AUTO_BUF struct buf b;
    buf_init(&b, FILE_MAX);
    while (*s) {
        size_t i = 0;
        while (i < ARRAY_LEN(marks) && strncmp(s, marks[i].mark, strlen(marks[i].mark)) != 0)
            i++;
        if (i < ARRAY_LEN(marks)) {
            buf_puts(&b, marks[i].means);
            s += strlen(marks[i].mark);
        } else {
            buf_putc(&b, *s++);
        }
    }
    return arena_strndup(a, buf_text(&b), b.len);
}

/* The documents of the suite's JSON that are not null. */
static size_t wanted(struct arena *a, const char *json, struct value **out, size_t max)
{
    size_t n = 0, at = 0, len = strlen(json), used = 0;
    while (at < len && n < max) {
        if (json_parse_prefix(a, json + at, len - at, 0, &out[n], &used, NULL))
            break;
        at += used;
        n += out[n]->kind != VALUE_NULL;
    }
    return n;
}

static bool same_docs(struct value **got, size_t n_got, struct value **want, size_t n_want)
{
    if (n_got != n_want)
        return false;
    for (size_t i = 0; i < n_got; i++)
        if (!value_equal(got[i], want[i]))
            return false;
    return true;
}

static void yaml_case(struct tally *t, struct arena *a, const char *name, const struct value *c,
                      const char *json)
{
    enum { DOCS_MAX = 32 };
    char *text = unmark(a, value_at_str(c, "yaml", ""));
    struct value **docs = NULL, *want[DOCS_MAX];
    size_t n = 0;
    struct err e = {0};
    int rc = yaml_parse_all(a, text, strlen(text), 0, &docs, &n, &e);
    if (value_at_bool(c, "fail", false)) {
        if (rc)
            tally_pass(t);
        else
            tally_fail(t, name, "accepted, but it is not YAML 1.2");
        return;
    }
    if (!json) {
        tally_skip(t, name, "the suite has no JSON for it");
        return;
    }
    size_t n_want = wanted(a, json, want, DOCS_MAX);
    if (rc)
        tally_fail(t, name, "refused: %s", e.msg);
    else if (!same_docs(docs, n, want, n_want))
        tally_fail(t, name, "is %s", n ? json_text(a, docs[0], JSON_NO_HTML) : "nothing");
    else
        tally_pass(t);
}

void suite_yaml(struct tally *t, struct arena *a, const char *name, const char *text, size_t n)
{
    struct value *cases = NULL;
    struct err e = {0};
    if (yaml_parse(a, text, n, 0, &cases, &e)) {
        tally_fail(t, name, "the case itself: %s", e.msg);
        return;
    }
    const char *json = NULL;
    size_t i = 0;
    VALUE_EACH_ITEM (c, cases) {
        char id[80];
        (void)snprintf(id, sizeof id, "%s[%zu]", name, i++);
        json = value_at_str(c, "json", value_get(c, "tree") ? NULL : json);
        if (value_at_bool(c, "skip", false))
            tally_skip(t, id, "marked so by the suite");
        else
            yaml_case(t, a, id, c, json);
    }
}

/* ---- the table made with sigs.k8s.io/yaml ---- */

/* One line: "text"   {"v":…} <nil>   or, with a whole document,   … | strict … */
static void scalar_line(struct tally *t, struct arena *a, const char *line)
{
    size_t used = 0;
    struct value *in = NULL, *want = NULL, *got = NULL;
    struct err e = {0};
    if (json_parse_prefix(a, line, strlen(line), 0, &in, &used, NULL))
        return;
    const char *strict = strstr(line + used, " | strict ");
    const char *text = strict ? in->text : arena_printf(a, "v: %s", in->text);
    const char *name = arena_strndup(a, line, used);
    for (int pass = 0; pass <= (strict != NULL); pass++) {
        const char *result = pass ? strict + 10 : line + used;
        bool good = json_parse_prefix(a, result, strlen(result), 0, &want, &used, NULL) == 0;
        int rc = yaml_parse(a, text, strlen(text), pass ? YAML_STRICT_KEYS : 0, &got, &e);
        if (good != (rc == 0))
            tally_fail(t, name, "%s", rc ? e.msg : "accepted");
        else if (good && !value_equal(got, want))
            tally_fail(t, name, "is %s", json_text(a, got, 0));
        else
            tally_pass(t);
    }
}

void suite_yaml_scalars(struct tally *t, struct arena *a, const char *name, const char *text,
                        size_t n)
{
    (void)name;
    for (const char *line = text; line < text + n;) {
        size_t len = strcspn(line, "\n");
        if (*line == '"')
            scalar_line(t, a, arena_strndup(a, line, len));
        line += len + 1;
    }
}

/* ---- JSON Patch ---- */

static void patch_case(struct tally *t, struct arena *a, const char *name, const struct value *c)
{
    const struct value *want = value_get(c, "expected");
    struct value *got = NULL;
    struct err e = {0};
    int rc = patch_json(a, value_get(c, "doc"), value_get(c, "patch"), &got, &e);
    if (value_get(c, "error") && rc == 0)
        tally_fail(t, name, "applied: %s", value_at_str(c, "error", ""));
    else if (!value_get(c, "error") && rc)
        tally_fail(t, name, "%s", e.msg);
    else if (want && !value_equal(got, want))
        tally_fail(t, name, "gives %s", json_text(a, got, 0));
    else
        tally_pass(t);
}

void suite_patch(struct tally *t, struct arena *a, const char *name, const char *text, size_t n)
{
    struct value *file = NULL;
    struct err e = {0};
    if (json_parse(a, text, n, 0, &file, &e)) {
        tally_fail(t, name, "%s", e.msg);
        return;
    }
    size_t i = 0;
    VALUE_EACH_ITEM (c, value_get(file, "cases")) {
        char id[200];
        (void)snprintf(id, sizeof id, "%s[%zu] %s", name, i++, value_at_str(c, "comment", ""));
        /* What upstream has disabled runs like the rest, less a second "op", which JSON drops. */
        if (strstr(value_at_str(c, "comment", ""), "duplicate ops"))
            tally_skip(t, id, "the case file itself has lost the second op");
        else
            patch_case(t, a, id, c);
    }
}

int main(int argc, char **argv)
{
    static const struct {
        const char *suite, *folder;
        file_visitor *visit;
    } suites[] = {
        {"json",         "extra/json-parsing",        suite_json        },
        {"yaml",         "extra/yaml-test-suite",     suite_yaml        },
        {"yaml-scalars", "extra/yaml-scalars-go.txt", suite_yaml_scalars},
        {"json-patch",   "k8s/json-patch",            suite_patch       },
        {"cel",          "extra/cel-spec",            suite_cel         },
    };
    struct tally sum = {.suite = "codec"};
    if (argc < 2) {
        (void)fprintf(stderr, "usage: conformance-codec FOLDER [-v]\n");
        return 2;
    }
    for (size_t i = 0; i < ARRAY_LEN(suites); i++) {
        char folder[4096];
        struct tally t = {.suite = suites[i].suite, .verbose = argc > 2};
        (void)snprintf(folder, sizeof folder, "%s/%s", argv[1], suites[i].folder);
        if (!walk(&t, folder, suites[i].visit))
            tally_skip(&t, folder, "it is not there");
        printf("%s: %zu passed, %zu failed, %zu skipped\n", t.suite, t.passed, t.failed, t.skipped);
        sum.passed += t.passed;
        sum.failed += t.failed;
        sum.skipped += t.skipped;
    }
    printf("codec: %zu passed, %zu failed, %zu skipped\n", sum.passed, sum.failed, sum.skipped);
    return sum.failed != 0;
}
