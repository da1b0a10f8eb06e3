#include "scan/scan.h"

#include <sys/stat.h>

#include "base/fs.h"
#include "codec/json.h"
#include "codec/yaml.h"
#include "t.h"

static struct err e;
static struct arena *a;
static char dir[64];

static void put(const char *path, const char *text)
{
    char *full = arena_printf(a, "%s/%s", dir, path), *folder = arena_strdup(a, full);
    *strrchr(folder, '/') = '\0';
    T_RC(fs_mkdirs(folder, 0755, &e), &e, folder);
    T_RC(fs_write_atomic(full, 0644, text, strlen(text), &e), &e, path);
}

static void make_world(void)
{
    put("osv/one.json", "{\"id\":\"CVE-1\",\"aliases\":[\"GHSA-1\"],\"summary\":\"bad\","
                        "\"severity\":[{\"type\":\"CVSS_V3\",\"score\":\"CVSS:3.1/AV:N/AC:L/PR:N/"
                        "UI:N/S:U/C:H/I:H/A:H\"}],"
                        "\"affected\":[{\"package\":{\"ecosystem\":\"npm\",\"name\":\"lodash\"},"
                        "\"ranges\":[{\"type\":\"SEMVER\",\"events\":[{\"introduced\":\"0\"},{"
                        "\"fixed\":\"4.17.21\"}]}]}]}");
    put("osv/alias.json", "{\"id\":\"GHSA-1\",\"aliases\":[\"CVE-1\"],\"affected\":[{\"package\":{"
                          "\"ecosystem\":\"npm\","
                          "\"name\":\"lodash\"},\"versions\":[\"4.17.20\"]}]}");
    put("osv/gone.json",
        "{\"id\":\"CVE-2\",\"withdrawn\":\"2020-01-01T00:00:00Z\",\"affected\":[{\"package\":"
        "{\"ecosystem\":\"npm\",\"name\":\"lodash\"},\"versions\":[\"4.17.20\"]}]}");
    put("osv/debian.json",
        "{\"id\":\"DSA-1\",\"affected\":[{\"package\":{\"ecosystem\":\"Debian:12\",\"name\":"
        "\"glibc\"},"
        "\"ecosystem_specific\":{\"urgency\":\"low\"},"
        "\"ranges\":[{\"type\":\"ECOSYSTEM\",\"events\":[{\"introduced\":\"0\"}]}]}]}");
    put("l1/etc/os-release", "ID=debian\nVERSION_ID=\"12\"\n");
    put("l1/var/lib/dpkg/status", "Package: libc6\nStatus: install ok installed\nSource: glibc "
                                  "(2.36-9)\nVersion: 2.36-9+b1\n\n"
                                  "Package: gone\nStatus: deinstall ok config-files\nVersion: 1\n");
    put("l1/srv/package-lock.json",
        "{\"lockfileVersion\":3,\"packages\":{\"\":{\"version\":\"1.0.0\"},"
        "\"node_modules/lodash\":{\"version\":\"4.17.20\"}}}");
    put("l1/old/package-lock.json",
        "{\"lockfileVersion\":1,\"dependencies\":{\"left-pad\":{\"version\":\"1.0.0\"}}}");
    put("l2/x", "");
    /* The second layer takes /old away, as overlayfs says it. */
    T_OK(mknod(arena_printf(a, "%s/l2/old", dir), S_IFCHR | 0600, 0) == 0, "whiteout");
}

static const char *inventory_text(const struct inventory *inv)
{
    char *s = arena_strdup(a, "");
    for (size_t i = 0; i < inv->n; i++)
        s = arena_printf(a, "%s%s %s %s;", s, inv->packages[i].ecosystem, inv->packages[i].name,
                         inv->packages[i].version);
    return s;
}

static void finds(const struct inventory *inv, const struct advisories *db)
{
    static const struct {
        const char *policy, *want; /* findings, "!" before those that fail */
    } cases[] = {
        {"severity: high",                                          "!CVE-1 4.17.21;DSA-1 ;" },
        {"severity: low",                                           "!CVE-1 4.17.21;!DSA-1 ;"},
        {"{severity: low, fixedOnly: true}",                        "!CVE-1 4.17.21;DSA-1 ;" },
        {"ignore: [{id: GHSA-1, reason: not reached}]",             "CVE-1 4.17.21;DSA-1 ;"  },
        {"ignore: [{id: CVE-1, reason: later, until: 2020-01-01}]", "!CVE-1 4.17.21;DSA-1 ;" },
        {"ignore: [{id: CVE-1, package: other, reason: x}]",        "!CVE-1 4.17.21;DSA-1 ;" },
        {"maxDatabaseAge: 1h",                                      "denied"                 },
        {"severty: high",                                           "invalid"                },
        {"ignore: [{id: CVE-1}]",                                   "invalid"                },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct value *doc;
        struct scan_policy p;
        struct scan_report r;
        T_RC(yaml_parse(a, cases[i].policy, strlen(cases[i].policy), 0, &doc, &e), &e,
             cases[i].policy);
        int rc = scan_policy_parse(doc, a, &p, &e);
        if (rc == 0)
            rc = scan_run(inv, db, &p, (int64_t)1700000000000 + 7200000, a, &r, &e);
        char *got = arena_strdup(a, rc < 0 ? err_code_name(rc) : "");
        for (size_t k = 0; rc == 0 && k < r.n; k++)
            got = arena_printf(a, "%s%s%s %s;", got, r.findings[k].fails ? "!" : "",
                               r.findings[k].id, r.findings[k].fixed);
        T_EQ_STR(got, cases[i].want, cases[i].policy);
    }
}

static void scans(void)
{
    (void)snprintf(dir, sizeof dir, "/tmp/slipway-scan-XXXXXX");
    T_OK(mkdtemp(dir), "mkdtemp");
    a = arena_new(64 << 20);
    make_world();
    const char *osv = arena_printf(a, "%s/osv", dir), *db_path = arena_printf(a, "%s/db", dir);
    const char *layers[] = {arena_printf(a, "%s/l1", dir), arena_printf(a, "%s/l2", dir)};
    struct advisories_stats stats;
    AUTO(advisories) struct advisories *db = NULL;
    struct inventory inv;
    T_RC(advisories_build(&osv, 1, db_path, 1700000000000, &stats, &e), &e, "build");
    T_EQ_INT(stats.records, 3, "records");
    T_EQ_INT(stats.skipped, 1, "withdrawn");
    T_RC(advisories_open(db_path, &db, &e), &e, "open");
    T_RC(inventory_take(layers, 2, a, &inv, &e), &e, "inventory");
    T_EQ_STR(inventory_text(&inv), "Debian:12 glibc 2.36-9;npm lodash 4.17.20;", "inventory");
    if (db)
        finds(&inv, db);
    put("osv/broken.json", "{\"summary\":\"no id\"}");
    T_EQ_INT(advisories_build(&osv, 1, db_path, 1, &stats, &e), ERR_INVALID, "no OSV record");
    T_OK(strstr(e.msg, "broken.json"), "the file is named");
    put("junk", "not a database");
    struct advisories *junk = NULL;
    T_EQ_INT(advisories_open(arena_printf(a, "%s/junk", dir), &junk, &e), ERR_INVALID, "junk");
    T_EQ_INT(advisories_open("/nonexistent", &junk, &e), ERR_NOT_FOUND, "nothing");
    T_RC(fs_remove_tree(dir, &e), &e, "clean up");
    arena_free(a);
}

static void scores(void)
{
    static const struct {
        const char *vector;
        double want;
    } cases[] = {
        {"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H",                        9.8},
        {"CVSS:3.1/AV:N/AC:L/PR:H/UI:N/S:U/C:H/I:H/A:H",                        7.2},
        {"CVSS:3.1/AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N",                        6.1},
        {"CVSS:3.0/AV:L/AC:H/PR:L/UI:N/S:U/C:N/I:N/A:N",                        0  },
        {"AV:N/AC:L/Au:N/C:P/I:P/A:P",                                          7.5},
        {"(AV:L/AC:H/Au:M/C:C/I:C/A:C)",                                        5.9},
        {"AV:N/AC:L/Au:N/C:N/I:N/A:N",                                          0  },
        {"CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N",     9.3},
        {"CVSS:4.0/AV:L/AC:H/AT:P/PR:H/UI:A/VC:L/VI:N/VA:N/SC:N/SI:N/SA:N",     1.0},
        {"CVSS:4.0/AV:N/AC:L/AT:N/PR:L/UI:N/VC:N/VI:N/VA:N/SC:L/SI:L/SA:N",     5.3},
        {"CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:H/SI:H/SA:H/E:U", 9.1},
        {"CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:N/VI:N/VA:N/SC:N/SI:N/SA:N",     0  },
        {"CVSS:4.0/AV:N",                                                       -1 },
        {"AV:N",                                                                -1 },
        {"CVSS:3.1/AV:N",                                                       -1 },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        T_EQ_INT(severity_cvss(cases[i].vector) * 10 + 0.5, cases[i].want * 10 + 0.5,
                 cases[i].vector);
}

T_MAIN(scans, scores)
