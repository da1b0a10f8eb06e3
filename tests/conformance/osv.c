/* conformance-osv FOLDER: the orders of versions against what each ecosystem's own tools say, and
 * OSV records against themselves: a version a record lists must be within one of its ranges.
 *
 * FOLDER/versions holds the vectors, FOLDER/records the records. Each case that fails is
 * printed. Skipped: what is no question of order (ranges, validity, prefixes).           */
#include <ftw.h>
#include <stdio.h>
#include <string.h>

#include "base/fs.h"
#include "base/own.h"
#include "codec/json.h"
#include "codec/yaml.h"
#include "osv.h"
#include "scan/scan.h"
#include "scan/version.h"

enum { TEXT_MAX = 16 << 20, ARENA_MAX = 256 << 20 };

static struct tally {
    unsigned passed, failed, skipped;
} tally;

static void count(bool ok)
{
    tally.passed += ok;
    tally.failed += !ok;
}

void osv_count(bool ok)
{
    count(ok);
}

/* `op`: any of < = > together, "!" in front for "must not". */
static void check(const char *ecosystem, const char *a, const char *op, const char *b)
{
    int there = 9, back = 9;
    bool known = version_compare(ecosystem, a, b, &there, NULL) == 0 &&
                 version_compare(ecosystem, b, a, &back, NULL) == 0;
    bool holds = strchr(op, there < 0 ? '<' : there > 0 ? '>' : '=') != NULL;
    bool ok = known && holds == (*op != '!') && there == -back;
    count(ok);
    if (!ok)
        printf("%s: %s %s %s (there %d, back %d)\n", ecosystem, a, op, b, there, back);
}

static char *text_of(const char *folder, const char *file, struct arena *a)
{
    char *text;
    size_t n;
    struct err e;
    if (fs_read(arena_printf(a, "%s/versions/%s", folder, file), TEXT_MAX, a, &text, &n, &e) == 0)
        return text;
    printf("%s\n", e.msg);
    tally.failed++;
    return arena_strdup(a, "");
}

/* ---- files of lines ---- */

typedef void line_fn(const char *ecosystem, char *line);

static void each_line(char *text, const char *ecosystem, line_fn *fn)
{
    char *rest = text;
    for (char *line; (line = strsep(&rest, "\n"));)
        if (*line && *line != '#' && strncmp(line, "//", 2) != 0)
            fn(ecosystem, line);
}

static void infix_line(const char *ecosystem, char *line)
{
    char *a = strsep(&line, " \t"), *op = strsep(&line, " \t"), *b = line;
    if (!op || !b || strchr(op, '~')) {
        tally.skipped++; /* apk: a version alone is valid; ~ compares prefixes */
        return;
    }
    check(ecosystem, a, op, b);
}

/* A B -1|0|1 */
static void postfix_line(const char *ecosystem, char *line)
{
    char *a = strsep(&line, " \t"), *b = strsep(&line, " \t");
    check(ecosystem, a, !line || *line == '0' ? "=" : *line == '-' ? "<" : ">", b);
}

static const char *sorted_before;

static void sorted_line(const char *ecosystem, char *line)
{
    if (sorted_before)
        check(ecosystem, sorted_before, "<", line);
    sorted_before = line;
}

/* ---- JSON tables ---- */

static void node_pairs(const struct value *pairs, const char *op)
{
    VALUE_EACH_ITEM (pair, pairs)
        check("npm", value_str(value_item(pair, 0), ""), op, value_str(value_item(pair, 1), ""));
}

static void node_semver(const char *folder, struct arena *a)
{
    char *text = text_of(folder, "node-semver.json", a);
    struct value *doc = NULL;
    if (json_parse(a, text, strlen(text), 0, &doc, NULL) < 0)
        return;
    const struct value *fixtures = value_get(doc, "fixtures");
    VALUE_EACH_MEMBER (m, fixtures)
        if (strcmp(m->key, "comparisons") == 0)
            node_pairs(&m->value, ">");
        else if (strcmp(m->key, "equality") == 0)
            node_pairs(&m->value, "=");
        else
            tally.skipped += (unsigned)value_count(&m->value);
}

static void pep440_tables(const char *folder, struct arena *a)
{
    char *text = text_of(folder, "pep440-tables.json", a);
    struct value *doc = NULL;
    if (json_parse(a, text, strlen(text), 0, &doc, NULL) < 0)
        return;
    VALUE_EACH_ITEM (table, value_get(doc, "tables")) {
        bool normal = strstr(value_at_str(table, "upstream", ""), "test_normalized_versions");
        VALUE_EACH_ITEM (row, value_get(table, "rows")) {
            if (normal)
                check("PyPI", value_str(value_item(row, 0), ""), "=",
                      value_str(value_item(row, 1), ""));
            else
                tally.skipped++;
        }
    }
}

static void vectors(const char *folder, struct arena *a)
{
    static const struct {
        const char *file, *ecosystem;
        line_fn *fn;
    } files[] = {
        {"osv/alpine-versions-generated.txt",    "Alpine",    infix_line  },
        {"osv/alpine-versions.txt",              "Alpine",    infix_line  },
        {"osv/cran-versions-generated.txt",      "CRAN",      infix_line  },
        {"osv/cran-versions.txt",                "CRAN",      infix_line  },
        {"osv/debian-versions-generated.txt",    "Debian",    infix_line  },
        {"osv/debian-versions.txt",              "Debian",    infix_line  },
        {"osv/hackage-versions.txt",             "Hackage",   infix_line  },
        {"osv/maven-versions-generated.txt",     "Maven",     infix_line  },
        {"osv/maven-versions.txt",               "Maven",     infix_line  },
        {"osv/nuget-versions.txt",               "NuGet",     infix_line  },
        {"osv/packagist-versions-generated.txt", "Packagist", infix_line  },
        {"osv/packagist-versions.txt",           "Packagist", infix_line  },
        {"osv/pub-versions.txt",                 "Pub",       infix_line  },
        {"osv/pypi-versions-generated.txt",      "PyPI",      infix_line  },
        {"osv/pypi-versions.txt",                "PyPI",      infix_line  },
        {"osv/redhat-versions.txt",              "Red Hat",   infix_line  },
        {"osv/rubygems-versions-generated.txt",  "RubyGems",  infix_line  },
        {"osv/rubygems-versions.txt",            "RubyGems",  infix_line  },
        {"osv/semver-versions.txt",              "npm",       infix_line  },
        {"apk.data",                             "Alpine",    infix_line  },
        {"dpkg.data",                            "Debian",    postfix_line},
        {"rpmvercmp.tsv",                        "Red Hat",   postfix_line},
        {"maven.tsv",                            "Maven",     infix_line  },
        {"pep440-sorted.txt",                    "PyPI",      sorted_line },
    };
    for (size_t i = 0; i < ARRAY_LEN(files); i++)
        each_line(text_of(folder, files[i].file, a), files[i].ecosystem, files[i].fn);
    node_semver(folder, a);
    pep440_tables(folder, a);
}

/* ---- records ---- */

static bool within(const struct value *affected, const char *version, bool *ranged)
{
    const char *ecosystem = value_at_str(affected, "package.ecosystem", "");
    const char *name = value_at_str(affected, "package.name", "");
    VALUE_EACH_ITEM (range, value_get(affected, "ranges")) {
        if (strcmp(value_at_str(range, "type", ""), "ECOSYSTEM") != 0)
            continue;
        *ranged = true;
        struct package p = {.ecosystem = ecosystem, .name = name, .version = version};
        if (scan_range_affects(&p, range))
            return true;
    }
    return false;
}

static int yaml_or_json(struct arena *a, const char *text, size_t n, struct value **out)
{
    return *text == '{' ? json_parse(a, text, n, 0, out, NULL)
                        : yaml_parse(a, text, n, 0, out, NULL);
}

static void record(const char *path)
{
    AUTO(arena) struct arena *a = arena_new(ARENA_MAX);
    char *text;
    size_t n;
    struct value *doc;
    if (fs_read(path, TEXT_MAX, a, &text, &n, NULL) < 0 || yaml_or_json(a, text, n, &doc) < 0)
        return;
    VALUE_EACH_ITEM (affected, value_get(doc, "affected"))
        VALUE_EACH_ITEM (version, value_get(affected, "versions")) {
            bool ranged = false, ok = within(affected, value_str(version, ""), &ranged);
            if (!ranged)
                continue;
            count(ok);
            if (!ok)
                printf("%s: %s is listed, but in no range\n", value_at_str(doc, "id", path),
                       value_str(version, ""));
        }
}

static int visit(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)ftw;
    size_t n = strlen(path);
    if (type == FTW_F && n > 5 && path[n - 5] == '.') /* .json, .yaml */
        record(path);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        (void)fprintf(stderr, "usage: conformance-osv FOLDER\n");
        return 2;
    }
    AUTO(arena) struct arena *a = arena_new(ARENA_MAX);
    vectors(argv[1], a);
    if (nftw(arena_printf(a, "%s/records", argv[1]), visit, 16, FTW_PHYS) != 0)
        tally.failed++;
    osv_purl(argv[1]);
    osv_trivy(argv[1]);
    osv_queries(argv[1]);
    printf("osv: %u passed, %u failed, %u skipped\n", tally.passed, tally.failed, tally.skipped);
    return tally.failed != 0;
}
