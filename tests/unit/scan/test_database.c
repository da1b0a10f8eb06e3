/* Where advisories come from, what is made one, and which images a new one concerns. */
#include <pthread.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "scan/catalogue.h"
#include "t.h"

static struct arena *a;
static struct err e;
static char dir[64];

static const char *put(const char *path, const char *text)
{
    char *full = arena_printf(a, "%s/%s", dir, path), *folder = arena_strdup(a, full);
    *strrchr(folder, '/') = '\0';
    T_RC(fs_mkdirs(folder, 0755, &e), &e, folder);
    T_RC(fs_write_atomic(full, 0644, text, strlen(text), &e), &e, path);
    return full;
}

static void begin(void)
{
    (void)snprintf(dir, sizeof dir, "/tmp/slipway-database-XXXXXX");
    T_OK(mkdtemp(dir), "mkdtemp");
    a = arena_new(0);
}

static void end(void)
{
    T_RC(fs_remove_tree(dir, &e), &e, "clean up");
    arena_free(a);
}

static struct advisories *build(const char *folder)
{
    struct advisories *db = NULL;
    struct advisories_stats stats;
    const char *from = arena_printf(a, "%s/%s", dir, folder),
               *path = arena_printf(a, "%s.db", from);
    T_RC(advisories_build(&from, 1, path, 1000, &stats, &e), &e, folder);
    T_RC(advisories_open(path, &db, &e), &e, folder);
    return db;
}

/* "id[+alias] severity fixed epss kev;" of one package. */
static const char *says(const struct advisories *db, const char *ecosystem, const char *name,
                        const char *version)
{
    struct package p = {ecosystem, name, version, name, "", "", false};
    struct inventory inv = {"", "", &p, 1, NULL};
    struct scan_policy policy = {0};
    struct scan_report r;
    T_RC(scan_run(&inv, db, &policy, 0, a, &r, &e), &e, name);
    char *out = arena_strdup(a, "");
    for (size_t i = 0; i < r.n; i++) {
        const struct finding *f = &r.findings[i];
        out = arena_printf(a, "%s%s", out, f->id);
        for (const char *const *alias = f->aliases; *alias; alias++)
            out = arena_printf(a, "%s+%s", out, *alias);
        out = arena_printf(a, "%s %s %s", out, severity_name(f->severity),
                           *f->fixed ? f->fixed : "-");
        if (f->epss >= 0)
            out = arena_printf(a, "%s %.2f", out, f->epss);
        out = arena_printf(a, "%s%s%s;", out, f->kev ? " " : "", f->kev ? f->kev : "");
    }
    return out;
}

static void sources(void)
{
    begin();
    (void)put("in/debian.json",
              "{\"curl\":{\"CVE-1\":{\"description\":\"x\",\"releases\":{\"bookworm\":{\"status\":"
              "\"resolved\",\"fixed_version\":\"7.88-10\",\"urgency\":\"medium\"},\"bullseye\":{"
              "\"status\":\"open\",\"urgency\":\"unimportant\"},\"sid\":{\"status\":\"resolved\","
              "\"fixed_version\":\"0\",\"urgency\":\"low\"}}}}}");
    (void)put("in/secdb.yaml", "distroversion: v3.18\npackages:\n  - pkg:\n      name: musl\n"
                               "      secfixes:\n        1.2.4-r1:\n          - CVE-2 XSA-9\n"
                               "        \"0\":\n          - CVE-3\n");
    (void)put("in/known_exploited_vulnerabilities.json",
              "{\"catalogVersion\":\"1\",\"vulnerabilities\":[{\"cveID\":\"CVE-1\",\"dateAdded\":"
              "\"2024-01-02\"}]}");
    (void)put("in/epss_scores.csv", "#model\ncve,epss,percentile\nCVE-2,0.25,0.9\n");
    (void)put("in/PYSEC-1.yaml",
              "id: PYSEC-1\naliases: [CVE-4]\naffected:\n- package: {ecosystem: PyPI, "
              "name: foo-bar}\n  ranges:\n  - type: ECOSYSTEM\n    events:\n"
              "    - introduced: \"0\"\n    - fixed: \"2.0\"\n");
    (void)put("in/GHSA-1.json",
              "{\"id\":\"GHSA-1\",\"aliases\":[\"CVE-4\"],\"severity\":[{\"type\":"
              "\"CVSS_V3\",\"score\":\"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H\"}],"
              "\"affected\":[{\"package\":{\"ecosystem\":\"PyPI\",\"name\":\"foo-bar\"},"
              "\"versions\":[\"1.0\"]}]}");
    AUTO(advisories) struct advisories *db = build("in");
    T_EQ_STR(says(db, "Debian:12", "curl", "7.88-9"), "CVE-1 MEDIUM 7.88-10 2024-01-02;",
             "bookworm");
    T_EQ_STR(says(db, "Debian:11", "curl", "7.88-9"), "CVE-1 LOW - 2024-01-02;", "open");
    T_EQ_STR(says(db, "Debian:unstable", "curl", "1"), "", "never affected");
    T_EQ_STR(says(db, "Alpine:v3.18", "musl", "1.2.4-r0"), "CVE-2+XSA-9 UNKNOWN 1.2.4-r1 0.25;",
             "alpine");
    T_EQ_STR(says(db, "Alpine:v3.18", "musl", "1.2.4-r1"), "", "mended");
    T_EQ_STR(says(db, "PyPI", "Foo._Bar", "1.0"), "GHSA-1+CVE-4+PYSEC-1 CRITICAL 2.0;",
             "spelt otherwise, two records merged");
    end();
}

static const char *record(const char *id, const char *package, const char *fixed)
{
    return arena_printf(
        a,
        "{\"id\":\"%s\",\"affected\":[{\"package\":{\"ecosystem\":\"npm\",\"name\":"
        "\"%s\"},\"ranges\":[{\"type\":\"SEMVER\",\"events\":[{\"introduced\":\"0\"},"
        "{\"fixed\":\"%s\"}]}]}]}",
        id, package, fixed);
}

static const char *affected_text(const struct catalogue *c, const struct advisories *before,
                                 const struct advisories *now)
{
    struct affected *list;
    size_t n;
    char *out = arena_strdup(a, "");
    T_RC(catalogue_affected(c, before, now, 0, a, &list, &n, &e), &e, "affected");
    for (size_t i = 0; i < n; i++)
        out = arena_printf(a, "%s%s %s %s;", out, list[i].name, list[i].finding->id,
                           list[i].finding->package->name);
    return out;
}

static void put_image(struct catalogue *c, const char *digest, const char *name,
                      const char *package, const char *version)
{
    struct package p[] = {
        {"npm", package, version, package, "/x", "", false},
        {"npm", "same",  "1.0",   "same",  "/x", "", false},
    };
    struct inventory inv = {"", "", p, 2, NULL};
    const struct catalogue_image image = {digest, name, "git"};
    T_RC(catalogue_put(c, &image, &inv, &e), &e, name);
}

static void reverse_index(void)
{
    begin();
    (void)put("one/a.json", record("A", "left", "2.0.0"));
    (void)put("two/a.json", record("A", "left", "2.0.0"));
    (void)put("two/b.json", record("B", "left", "3.0.0"));
    (void)put("two/c.json", record("C", "right", "2.0.0"));
    AUTO(advisories) struct advisories *one = build("one"), *two = build("two");
    const char *path = arena_printf(a, "%s/catalogue", dir);
    struct catalogue *c = NULL, *other = NULL;
    T_RC(catalogue_open(path, true, &c, &e), &e, "open");
    T_EQ_INT(catalogue_open(path, true, &other, &e), ERR_AGAIN, "one writer");
    struct stat st;
    T_OK(stat(path, &st) == 0 && (st.st_mode & 0777) == 0600, "nobody else may read it");
    put_image(c, "sha256:1", "shop:1", "left", "1.0.0");
    put_image(c, "sha256:2", "shop:2", "right", "1.0.0");
    put_image(c, "sha256:3", "shop:3", "left", "2.5.0");
    put_image(c, "sha256:3", "shop:3", "left", "9.0.0"); /* looked at again */
    catalogue_free(c);
    /* A torn end is not there. */
    FILE *f = fopen(path, "a");
    T_OK(f && fputs("\4\0\0\0torn", f) >= 0 && fclose(f) == 0, "tear");
    T_RC(catalogue_open(path, false, &c, &e), &e, "read");
    T_EQ_INT(catalogue_images(c), 3, "images");
    T_EQ_STR(affected_text(c, NULL, one), "shop:1 A left;", "all that is known");
    T_EQ_STR(affected_text(c, one, two), "shop:1 B left;shop:2 C right;", "only what is new");
    T_EQ_STR(affected_text(c, two, two), "", "nothing");
    catalogue_free(c);
    T_RC(catalogue_open(arena_printf(a, "%s/none", dir), false, &c, &e), &e, "not there");
    T_EQ_INT(catalogue_images(c), 0, "empty");
    catalogue_free(c);
    end();
}

static bool keeps_two(void *arg, const char *digest)
{
    (void)arg;
    return strcmp(digest, "sha256:1") != 0;
}

static void prunes(void)
{
    begin();
    (void)put("in/a.json", record("A", "left", "2.0.0"));
    (void)put("in/b.json", record("B", "right", "2.0.0"));
    AUTO(advisories) struct advisories *db = build("in");
    const char *path = arena_printf(a, "%s/catalogue", dir);
    AUTO(catalogue) struct catalogue *c = NULL, *reader = NULL;
    struct stat before, now;
    size_t gone;
    T_RC(catalogue_open(path, true, &c, &e), &e, "open");
    put_image(c, "sha256:1", "shop:1", "left", "1.0.0");
    put_image(c, "sha256:2", "shop:2", "right", "1.0.0");
    put_image(c, "sha256:2", "shop:2", "right", "1.5.0"); /* looked at again */
    catalogue_free(take_ptr(c));
    T_RC(catalogue_open(path, false, &reader, &e), &e, "one who reads");
    T_OK(stat(path, &before) == 0, "stat");
    T_RC(catalogue_prune(path, keeps_two, NULL, &gone, &e), &e, "prune");
    T_EQ_INT(gone, 1, "gone");
    T_OK(stat(path, &now) == 0 && now.st_size < before.st_size, "smaller");
    T_RC(catalogue_open(path, false, &c, &e), &e, "read");
    T_EQ_STR(affected_text(c, NULL, db), "shop:2 B right;", "what is left");
    T_EQ_STR(affected_text(reader, NULL, db), "shop:1 A left;shop:2 B right;", "as they had it");
    catalogue_free(take_ptr(c));
    T_RC(catalogue_open(path, true, &c, &e), &e, "open");
    put_image(c, "sha256:3", "shop:3", "left", "1.0.0");
    T_EQ_STR(affected_text(c, NULL, db), "shop:2 B right;shop:3 A left;", "and goes on");
    end();
}

enum { WRITERS = 4, EACH = 10 };

struct writer {
    pthread_t thread;
    const char *path;
    int id, failed;
};

static void *write_images(void *arg)
{
    struct writer *w = arg;
    struct package p = {"npm", "same", "1.0", "same", "/x", "", false};
    const struct inventory inv = {"", "", &p, 1, NULL};
    for (int i = 0; i < EACH; i++) {
        char digest[32];
        struct err mine;
        (void)snprintf(digest, sizeof digest, "sha256:%d%d", w->id, i);
        const struct catalogue_image image = {digest, "shop", ""};
        w->failed += catalogue_add(w->path, &image, &inv, &mine) < 0;
    }
    return NULL;
}

/* Images that are scanned at the same time are all there. */
static void writers_wait(void)
{
    struct writer w[WRITERS];
    begin();
    const char *path = arena_printf(a, "%s/catalogue", dir);
    for (int i = 0; i < WRITERS; i++) {
        w[i] = (struct writer){.path = path, .id = i};
        T_EQ_INT(pthread_create(&w[i].thread, NULL, write_images, &w[i]), 0, "a writer");
    }
    for (int i = 0; i < WRITERS; i++) {
        (void)pthread_join(w[i].thread, NULL);
        T_EQ_INT(w[i].failed, 0, "written");
    }
    struct catalogue *c = NULL;
    T_RC(catalogue_open(path, false, &c, &e), &e, "read");
    T_EQ_INT(catalogue_images(c), WRITERS * EACH, "images");
    catalogue_free(c);
    end();
}

T_MAIN(sources, reverse_index, prunes, writers_wait)
