/* osv_trivy.c - projects and bills of material against the findings that Trivy's own tests expect.
 *
 * fixtures/db is its database as YAML; each advisory becomes an OSV record of the same range. A
 * case is one expected report: its findings as "id package version", no more and no fewer. Reports
 * of images, which are not in the folder, are skipped. */
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "base/own.h"
#include "codec/json.h"
#include "codec/yaml.h"
#include "osv.h"
#include "scan/sbom.h"
#include "scan/scan.h"

enum { TEXT_MAX = 16 << 20 };

static const char *home; /* …/trivy-integration */
static char records[64]; /* a folder of records made from fixtures/db */
static unsigned n_records;

/* ---- the database ---- */

static const char *ecosystem_of(const char *bucket, struct arena *a)
{
    static const struct {
        const char *bucket, *ecosystem;
    } names[] = {
        {"npm::",       "npm"         },
        {"pip::",       "PyPI"        },
        {"go::",        "Go"          },
        {"cargo::",     "crates.io"   },
        {"maven::",     "Maven"       },
        {"rubygems::",  "RubyGems"    },
        {"composer::",  "Packagist"   },
        {"nuget::",     "NuGet"       },
        {"conan::",     "ConanCenter" },
        {"pub::",       "Pub"         },
        {"erlang::",    "Hex"         },
        {"swift::",     "SwiftURL"    },
        {"cocoapods::", "CocoaPods"   },
        {"debian ",     "Debian:"     },
        {"alpine ",     "Alpine:v"    },
        {"ubuntu ",     "Ubuntu:"     },
        {"alma ",       "AlmaLinux:"  },
        {"rocky ",      "Rocky Linux:"},
    };
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        size_t n = strlen(names[i].bucket);
        if (strncmp(bucket, names[i].bucket, n) == 0)
            return strchr(names[i].ecosystem, ':')
                       ? arena_join(a, names[i].ecosystem, bucket + n, NULL)
                       : names[i].ecosystem;
    }
    return NULL;
}

static void event(struct arena *a, struct value *events, const char *kind, const char *version)
{
    (void)value_set_str(a, value_push(a, events, value_new_object(a)), kind, version);
}

/* ">= 1, < 2" and "[1,2)" as events; of what is mended the ends change places. */
static void range(struct arena *a, struct value *ranges, const char *text, bool mended)
{
    struct value *r = value_push(a, ranges, value_new_object(a));
    char *rest = arena_strdup(a, text), last = text[strlen(text) - 1];
    (void)value_set_str(a, r, "type", "ECOSYSTEM");
    struct value *events = value_make_array(a, r, "events");
    bool low = false, first = true, interval = *text == '[' || *text == '(';
    for (char *part; (part = strsep(&rest, ",")); first = false) {
        char *v = part + strspn(part, " <>=[(");
        v[strcspn(v, " )]")] = '\0';
        if (interval && !*v)
            continue;
        if (interval ? first : *part != '<' && part[strspn(part, " ")] != '<') {
            event(a, events, mended ? "fixed" : "introduced", v);
            low = true;
            if (!interval && part[strspn(part, " ")] == '=')
                event(a, events, "last_affected", v);
        } else {
            bool with = interval ? last == ']' : strstr(part, "<=") != NULL;
            event(a, events, mended ? "introduced" : with ? "last_affected" : "fixed", v);
        }
    }
    if (!low || mended)
        event(a, events, "introduced", "0");
}

static void record(struct arena *a, const char *ecosystem, const char *package,
                   const struct value *pair)
{
    const struct value *v = value_get(pair, "value");
    struct value *doc = value_new_object(a), *affected;
    (void)value_set_str(a, doc, "id", value_at_str(pair, "key", "?"));
    affected = value_push(a, value_make_array(a, doc, "affected"), value_new_object(a));
    (void)value_set_str(a, value_make_object(a, affected, "package"), "ecosystem", ecosystem);
    (void)value_set_str(a, value_make_object(a, affected, "package"), "name", package);
    struct value *ranges = value_make_array(a, affected, "ranges");
    const struct value *vulnerable = value_get(v, "VulnerableVersions");
    const char *fixed = value_at_str(v, "FixedVersion", NULL);
    VALUE_EACH_ITEM (text, vulnerable)
        range(a, ranges, value_str(text, ""), false);
    if (!vulnerable)
        VALUE_EACH_ITEM (text, value_get(v, "PatchedVersions"))
            range(a, ranges, value_str(text, ""), true);
    if (!value_count(ranges))
        range(a, ranges, fixed ? arena_join(a, "< ", fixed, NULL) : ">= 0", false);
    const char *path = arena_printf(a, "%s/%u.json", records, n_records++),
               *json = json_text(a, doc, 0);
    struct err e;
    if (fs_write_atomic(path, 0644, json, strlen(json), &e) < 0)
        printf("trivy: %s\n", e.msg);
}

static int database_file(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    AUTO(arena) struct arena *a = arena_new(0);
    char *text;
    size_t n;
    struct value *doc;
    (void)st;
    (void)ftw;
    if (type != FTW_F || fs_read(path, TEXT_MAX, a, &text, &n, NULL) < 0 ||
        yaml_parse(a, text, n, 0, &doc, NULL) < 0)
        return 0;
    VALUE_EACH_ITEM (bucket, doc) {
        const char *ecosystem = ecosystem_of(value_at_str(bucket, "bucket", ""), a);
        VALUE_EACH_ITEM (package, value_get(bucket, "pairs"))
            VALUE_EACH_ITEM (pair, value_get(package, "pairs"))
                if (ecosystem)
                    record(a, ecosystem, value_at_str(package, "bucket", ""), pair);
    }
    return 0;
}

/* ---- one report ---- */

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static const char *joined(struct arena *a, const char **list, size_t n)
{
    char *out = arena_strdup(a, "");
    qsort((void *)list, n, sizeof *list, by_text);
    for (size_t i = 0; i < n; i++)
        if (i == 0 || strcmp(list[i], list[i - 1]) != 0)
            out = arena_join(a, out, i ? "; " : "", list[i], NULL);
    return out;
}

static const char *expected(const struct value *golden, struct arena *a)
{
    const char **list = ARENA_ARRAY(a, const char *, 10000);
    size_t n = 0;
    VALUE_EACH_ITEM (result, value_get(golden, "Results"))
        VALUE_EACH_ITEM (v, value_get(result, "Vulnerabilities"))
            if (n < 10000)
                list[n++] = arena_join(a, value_at_str(v, "VulnerabilityID", ""), " ",
                                       value_at_str(v, "PkgName", ""), " ",
                                       value_at_str(v, "InstalledVersion", ""), NULL);
    return joined(a, list, n);
}

static const char *found(const struct scan_report *r, struct arena *a)
{
    const char **list = ARENA_ARRAY(a, const char *, r->n + 1);
    size_t n = 0;
    for (size_t i = 0; i < r->n; i++) {
        const struct finding *f = &r->findings[i];
        if (!f->ignored)
            list[n++] =
                arena_join(a, f->id, " ", f->package->binary, " ", f->package->version, NULL);
    }
    return joined(a, list, n);
}

static int take(const char *path, struct arena *a, struct inventory *out, struct err *e)
{
    struct stat st;
    char *text;
    size_t n;
    if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
        return inventory_take(&path, 1, a, out, e);
    int r = fs_read(path, TEXT_MAX, a, &text, &n, e);
    return r < 0 ? r : sbom_read(text, n, a, out, e);
}

static const char *what_is_scanned(const struct value *golden, struct arena *a)
{
    const char *name = value_at_str(golden, "ArtifactName", ""), *slash = strrchr(name, '/');
    struct stat st;
    const char *path = arena_join(a, home, "/", name, NULL);
    if (strncmp(name, "testdata/", 9) == 0)
        path = arena_join(a, home, "/", name + 9, NULL);
    else if (strncmp(name, "https://", 8) == 0)
        path = arena_join(a, home, "/fixtures/repo", slash, NULL);
    return *name && stat(path, &st) == 0 ? path : NULL;
}

static void report(const char *golden_path, const struct value *golden, const struct advisories *db,
                   struct arena *a)
{
    struct scan_policy policy = {0};
    struct scan_report r = {0};
    struct inventory inv = {0};
    struct err e = {0};
    char *vex;
    size_t n;
    const char *what = what_is_scanned(golden, a);
    int rc = what ? take(what, a, &inv, &e) : ERR_NOT_FOUND;
    if (!what)
        return;
    if (rc == 0 && strstr(golden_path, "-vex"))
        rc = fs_read(arena_join(a, home, "/fixtures/vex/file/openvex.json", NULL), TEXT_MAX, a,
                     &vex, &n, &e) < 0
                 ? ERR_NOT_FOUND
                 : scan_policy_add(&policy, vex, n, a, &e);
    if (rc == 0)
        rc = scan_run(&inv, db, &policy, 0, a, &r, &e);
    const char *want = expected(golden, a), *got = rc < 0 ? e.msg : found(&r, a);
    osv_count(strcmp(want, got) == 0);
    if (strcmp(want, got) != 0)
        printf("trivy: %s: expected %s; found %s\n", strrchr(golden_path, '/') + 1, want, got);
}

static const struct advisories *database;

static int golden_file(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    AUTO(arena) struct arena *a = arena_new(0);
    char *text;
    size_t n = strlen(path);
    struct value *doc;
    (void)st;
    (void)ftw;
    if (type == FTW_F && n > 12 && strcmp(path + n - 12, ".json.golden") == 0 &&
        fs_read(path, TEXT_MAX, a, &text, &n, NULL) == 0 &&
        json_parse(a, text, n, 0, &doc, NULL) == 0)
        report(path, doc, database, a);
    return 0;
}

void osv_trivy(const char *folder)
{
    AUTO(arena) struct arena *a = arena_new(0);
    AUTO(advisories) struct advisories *db = NULL;
    struct advisories_stats stats;
    struct err e;
    home = arena_join(a, folder, "/trivy-integration", NULL);
    (void)snprintf(records, sizeof records, "/tmp/slipway-trivy-XXXXXX");
    if (!mkdtemp(records))
        return;
    const char *from = records, *path = arena_join(a, records, "/db", NULL);
    if (nftw(arena_join(a, home, "/fixtures/db", NULL), database_file, 16, FTW_PHYS) != 0 ||
        advisories_build(&from, 1, path, 0, &stats, &e) < 0 || advisories_open(path, &db, &e) < 0) {
        printf("trivy: skipped\n");
    } else {
        database = db;
        if (nftw(home, golden_file, 16, FTW_PHYS) != 0)
            osv_count(false);
    }
    if (fs_remove_tree(records, &e) < 0)
        printf("trivy: %s\n", e.msg);
}
