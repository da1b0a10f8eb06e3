/* conformance-openmetrics FOLDER: pages of OpenMetrics that a parser must read or refuse.
 *
 * Every folder below FOLDER/openmetrics/parsers has a page and test.json, which says whether it
 * should parse. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "codec/json.h"
#include "monitor/openmetrics.h"

enum { PAGE_MAX = 16 << 20, MAX_CASES = 4096 };

static unsigned passed, failed;

static void ignore(void *arg, const struct labels *l, double v, int64_t t_ms)
{
    (void)arg;
    (void)l;
    (void)v;
    (void)t_ms;
}

static void run(const char *dir, const char *name, bool verbose)
{
    AUTO(arena) struct arena *a = arena_new(0);
    char *text, *page;
    size_t n, n_page;
    struct value *v;
    struct err e = {0};
    int r = fs_read(arena_printf(a, "%s/%s/test.json", dir, name), PAGE_MAX, a, &text, &n, &e);
    if (r == 0)
        r = json_parse(a, text, n, 0, &v, &e);
    if (r == 0)
        r = fs_read(arena_printf(a, "%s/%s/%s", dir, name, value_at_str(v, "file", "metrics")),
                    PAGE_MAX, a, &page, &n_page, &e);
    if (r < 0) {
        (void)printf("%s: %s\n", name, e.msg);
        failed++;
        return;
    }
    bool want = value_at_bool(v, "shouldParse", false);
    bool got = openmetrics_parse(page, n_page, ignore, NULL, &e) == 0;
    if (got == want) {
        passed++;
        return;
    }
    failed++;
    (void)printf("%s: %s\n", name, got ? "let through" : verbose ? e.msg : "refused");
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

int main(int argc, char **argv)
{
    AUTO(arena) struct arena *a = arena_new(0);
    bool verbose = argc > 2 && strcmp(argv[2], "-v") == 0;
    const char *dir = arena_printf(a, "%s/openmetrics/parsers", argc > 1 ? argv[1] : ".");
    char *names[MAX_CASES];
    size_t n = 0;
    DIR *d = opendir(dir);
    for (struct dirent *f; d && n < MAX_CASES && (f = readdir(d));)
        if (*f->d_name != '.')
            names[n++] = arena_strdup(a, f->d_name);
    if (!d || closedir(d) < 0 || !n) {
        (void)fprintf(stderr, "conformance-openmetrics: no cases in %s\n", dir);
        return 1;
    }
    qsort(names, n, sizeof *names, by_name);
    for (size_t i = 0; i < n; i++)
        run(dir, names[i], verbose);
    (void)printf("openmetrics: %u passed, %u failed, 0 skipped\n", passed, failed);
    return failed != 0;
}
