/* conformance-promql FOLDER: the query language as Prometheus's own scripts have it.
 *
 * Reads the scripts (.test) in FOLDER/testdata: `load` puts series into a store in memory, `eval`
 * asks and names what must come out, `expect` what must be said besides or why it must be refused.
 * All features are on but where upstream's own run has them off. What fails is printed as
 * "file:line: query"; -v says what came instead. */
#include "promql.h"

#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "promql/ast.h"

enum { TEXT_MAX = 8 << 20, MAX_FILES = 256, MAX_WANT = 1024 };

static const struct promql_opts opts = {
    .features = PROMQL_FUNCTIONS | PROMQL_EXTENDED | PROMQL_FILL | PROMQL_DELAYED_NAMES |
                PROMQL_START_TIMES,
};

struct script {
    const char *file;
    char **lines; /* trimmed; comments are empty */
    size_t n, at;
    struct world world;
};

static unsigned passed, failed;
static bool verbose;

static bool word_is(const char **p, const char *word)
{
    size_t n = strlen(word);
    if (strncmp(*p, word, n) != 0 || (!isspace((unsigned char)(*p)[n]) && (*p)[n]))
        return false;
    *p += n;
    *p += strspn(*p, " \t");
    return true;
}

static int64_t take_duration(const char **p, struct arena *a)
{
    size_t n = strcspn(*p, " \t");
    int64_t ms = script_duration(arena_strndup(a, *p, n));
    *p += n + strspn(*p + n, " \t");
    return ms;
}

static void take_span(const char **p, struct eval *v, struct arena *a)
{
    if (word_is(p, "from"))
        v->start = take_duration(p, a);
    if (word_is(p, "to"))
        v->end = take_duration(p, a);
    if (word_is(p, "step"))
        v->step = take_duration(p, a);
}

static void expect(struct eval *v, int kind, const char *p)
{
    if (v->n_expects == ARRAY_LEN(v->expects))
        return;
    struct expectation *x = &v->expects[v->n_expects++];
    *x = (struct expectation){.kind = kind, .any = !*p};
    x->pattern = strncmp(p, "regex:", 6) == 0;
    if (x->pattern || strncmp(p, "msg:", 4) == 0)
        p += x->pattern ? 6 : 4;
    x->text = *p ? p + strspn(p, " \t") : NULL;
}

static void expectation(struct eval *v, const char *p, struct arena *a)
{
    static const char *const kinds[] = {
        [EXPECT_FAIL] = "fail", [EXPECT_WARN] = "warn",       [EXPECT_NO_WARN] = "no_warn",
        [EXPECT_INFO] = "info", [EXPECT_NO_INFO] = "no_info",
    };
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        if (word_is(&p, kinds[i])) {
            expect(v, (int)i, p);
            return;
        }
    if (word_is(&p, "ordered")) {
        v->ordered = true;
    } else if (word_is(&p, "string")) {
        struct expr *x;
        struct err e;
        v->string = promql_parse(a, p, NULL, &x, &e) == 0 && x->kind == EXPR_STRING
                        ? arena_strdup(a, x->string)
                        : arena_strdup(a, p);
    } else if (word_is(&p, "range") && word_is(&p, "vector")) {
        v->matrix = true;
        take_span(&p, v, a);
    }
}

/* A line of what must come out: a lone number, or a series and its values. */
static bool wanted(struct eval *v, char *text, struct arena *a)
{
    struct err e;
    struct description number = {0};
    struct description *d = &v->want[v->n_want];
    if (v->n_want == MAX_WANT)
        return false;
    if (!strchr(text, ' ') && describe_values(a, text, &number, &e) == 0 && number.n == 1 &&
        !number.values[0].omitted) {
        v->scalar = true;
        *d = number;
    } else if (describe_series(a, text, d, &e) < 0) {
        (void)printf("bad line: %s: %s\n", text, e.msg);
        return false;
    }
    v->n_want++;
    return true;
}

static struct eval read_eval(struct script *s, struct arena *a)
{
    struct eval v = {.line = s->at + 1, .step = 1};
    const char *p = s->lines[s->at++] + strlen("eval");
    v.want = ARENA_ARRAY(a, struct description, MAX_WANT);
    if (*p == '_') {
        p++;
        if (word_is(&p, "ordered"))
            v.ordered = true;
        else if (word_is(&p, "fail"))
            expect(&v, EXPECT_FAIL, "");
        else if (word_is(&p, "warn"))
            expect(&v, EXPECT_WARN, "");
        else if (word_is(&p, "info"))
            expect(&v, EXPECT_INFO, "");
    }
    p += strspn(p, " \t");
    v.range = word_is(&p, "range");
    if (v.range)
        take_span(&p, &v, a);
    else if (word_is(&p, "instant") && word_is(&p, "at"))
        v.start = v.end = take_duration(&p, a);
    v.query = p;
    for (; s->at < s->n && *s->lines[s->at]; s->at++) {
        const char *line = s->lines[s->at];
        if (word_is(&line, "expect"))
            expectation(&v, line, a);
        else if (strncmp(line, "expected_fail", 13) != 0)
            (void)wanted(&v, s->lines[s->at], a);
    }
    return v;
}

static void run_eval(struct script *s)
{
    AUTO(arena) struct arena *a = arena_new(0);
    struct promql_result r = {0};
    struct err e = {0};
    struct promql_opts o = opts;
    struct eval v = read_eval(s, a);
    int rc =
        v.range
            ? promql_range(&s->world.source, &o, v.query, v.start, v.end, v.step, a, &r, &e)
            : promql_instant(&s->world.source, &o, v.query, v.matrix ? v.end : v.start, a, &r, &e);
    const char *why = judge(&v, rc, &e, &r, a);
    if (!why) {
        passed++;
        return;
    }
    failed++;
    (void)printf("%s:%zu: %s\n", s->file, v.line, v.query);
    if (verbose)
        (void)printf("    %s\n", why);
}

static void run_load(struct script *s)
{
    size_t from = s->at;
    while (s->at < s->n && *s->lines[s->at])
        s->at++;
    const char *why = world_load(&s->world, s->lines + from, s->at - from);
    if (why)
        (void)printf("%s:%zu: load: %s\n", s->file, from + 1, why);
}

/* ---- files ---- */

static void split(struct script *s, char *text, struct arena *a)
{
    size_t n = 1;
    for (const char *p = text; *p; p++)
        n += *p == '\n';
    s->lines = ARENA_ARRAY(a, char *, n);
    for (char *line; (line = strsep(&text, "\n"));) {
        line += strspn(line, " \t\r");
        size_t length = strlen(line);
        while (length && isspace((unsigned char)line[length - 1]))
            line[--length] = '\0';
        if (*line == '#')
            *line = '\0';
        s->lines[s->n++] = line;
    }
}

static void run_file(const char *dir, const char *name)
{
    AUTO(arena) struct arena *a = arena_new((size_t)256 << 20);
    struct script s = {.file = name, .world = {.arena = a}};
    struct err e;
    char *text;
    size_t n;
    if (fs_read(arena_printf(a, "%s/%s", dir, name), TEXT_MAX, a, &text, &n, &e) < 0 ||
        !world_reset(&s.world)) {
        (void)printf("%s: cannot be read\n", name);
        failed++;
        return;
    }
    split(&s, text, a);
    while (s.at < s.n) {
        const char *line = s.lines[s.at];
        if (strncmp(line, "load", 4) == 0) {
            run_load(&s);
        } else if (strncmp(line, "eval", 4) == 0) {
            run_eval(&s);
        } else {
            if (strcmp(line, "clear") == 0)
                (void)world_reset(&s.world);
            s.at++;
        }
    }
    tsdb_free(s.world.db);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

int main(int argc, char **argv)
{
    AUTO(arena) struct arena *a = arena_new(0);
    verbose = argc > 2 && strcmp(argv[2], "-v") == 0;
    const char *dir = arena_printf(a, "%s/testdata", argc > 1 ? argv[1] : ".");
    char *names[MAX_FILES];
    size_t n = 0;
    DIR *d = opendir(dir);
    for (struct dirent *f; d && n < MAX_FILES && (f = readdir(d));)
        if (strlen(f->d_name) > 5 && strcmp(f->d_name + strlen(f->d_name) - 5, ".test") == 0)
            names[n++] = arena_strdup(a, f->d_name);
    if (!d || closedir(d) < 0 || !n) {
        (void)fprintf(stderr, "conformance-promql: no scripts in %s\n", dir);
        return 1;
    }
    qsort(names, n, sizeof *names, by_name);
    for (size_t i = 0; i < n; i++) {
        unsigned before_passed = passed, before_failed = failed;
        run_file(dir, names[i]);
        if (verbose)
            (void)printf("== %s: %u of %u\n", names[i], passed - before_passed,
                         passed + failed - before_passed - before_failed);
    }
    (void)printf("promql: %u passed, %u failed, 0 skipped\n", passed, failed);
    return failed != 0;
}
