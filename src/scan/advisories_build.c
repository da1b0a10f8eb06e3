/* advisories_build.c - a database from folders, archives and files. */
#include <archive.h>
#include <archive_entry.h>
#include <ctype.h>
#include <errno.h>
#include <ftw.h>
#include <string.h>
#include <sys/stat.h>
#include <zlib.h>

#include "base/buf.h"
#include "base/fs.h"
#include "base/own.h"
#include "codec/json.h"
#include "codec/yaml.h"
#include "scan/advisories_int.h"

enum { RECORD_MAX = 256 << 20 };

static const size_t database_max = (size_t)4 << 30;

/* ---- records ---- */

struct record_list {
    const char **texts;
    size_t n, cap;
};

/* PEP 503: runs of "-", "_" and "." are one "-". */
static void normal_pypi(char *s)
{
    char *to = s;
    for (const char *p = s; *p; p++) {
        bool mark = *p == '-' || *p == '_' || *p == '.';
        if (mark && to > s && to[-1] == '-')
            continue;
        *to++ = mark ? '-' : (char)tolower((unsigned char)*p);
    }
    *to = '\0';
}

static const char *normal_ecosystem(struct arena *a, const char *ecosystem)
{
    const char *linux_of = strstr(ecosystem, "enterprise_linux:");
    if (strncmp(ecosystem, "Red Hat:", 8) == 0 && linux_of) /* a CPE: of it the release */
        return arena_printf(a, "Red Hat:%.*s", (int)strcspn(linux_of + 17, ":."), linux_of + 17);
    size_t n = strlen(ecosystem);
    if (strncmp(ecosystem, "Ubuntu:", 7) == 0 && n > 4 && strcmp(ecosystem + n - 4, ":LTS") == 0)
        return arena_strndup(a, ecosystem, n - 4);
    return ecosystem;
}

char *advisories__key(struct arena *a, const char *ecosystem, const char *package)
{
    char *name = arena_strdup(a, package);
    if (strcmp(ecosystem, "PyPI") == 0)
        normal_pypi(name);
    else if (strcmp(ecosystem, "NuGet") == 0 || strcmp(ecosystem, "Packagist") == 0)
        for (char *p = name; *p; p++)
            *p = (char)tolower((unsigned char)*p);
    return arena_join(a, normal_ecosystem(a, ecosystem), "\n", name, NULL);
}

static void put_exploit(struct arena *a, struct value *v, const struct exploit *x)
{
    if (x && x->epss >= 0)
        (void)value_set(a, v, "epss", value_new_float(a, x->epss));
    if (x && x->kev)
        (void)value_set_str(a, v, "kev", x->kev);
}

/* What matching and reports need of a record, for one of its packages. */
static struct value *slim(const struct advisories_builder *b, struct arena *a,
                          const struct value *record, const struct value *affected)
{
    static const char *const kept[] = {"id",       "aliases",   "summary",
                                       "severity", "published", "upstream"};
    static const char *const of_affected[] = {"ranges", "versions", "severity",
                                              "ecosystem_specific", "database_specific"};
    static const char *const names[] = {"aliases", "upstream"};
    struct value *v = value_new_object(a);
    for (size_t i = 0; i < ARRAY_LEN(kept); i++)
        if (value_get(record, kept[i]))
            (void)value_set(a, v, kept[i], value_get(record, kept[i]));
    const struct value *level = value_at(record, "database_specific.severity");
    if (level)
        (void)value_set(a, v, "level", level);
    put_exploit(a, v, map_get(&b->scores, value_at_str(record, "id", "")));
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        VALUE_EACH_ITEM (id, value_get(record, names[i]))
            put_exploit(a, v, map_get(&b->scores, value_str(id, "")));
    struct value *to = value_make_object(a, v, "affected");
    for (size_t i = 0; i < ARRAY_LEN(of_affected); i++)
        if (value_get(affected, of_affected[i]))
            (void)value_set(a, to, of_affected[i], value_get(affected, of_affected[i]));
    return v;
}

static void push(struct advisories_builder *b, const char *key, const char *text)
{
    struct record_list *list = map_get(&b->packages, key);
    if (!list) {
        list = ARENA_NEW(b->arena, struct record_list);
        (void)map_put(&b->packages, key, list);
    }
    if (list->n == list->cap) {
        size_t cap = list->cap ? list->cap * 2 : 4, one = sizeof *list->texts;
        list->texts = arena_grow(b->arena, (void *)list->texts, list->cap * one, cap * one);
        list->cap = cap;
    }
    list->texts[list->n++] = arena_strdup(b->arena, text);
}

void advisories__add(struct advisories_builder *b, const struct value *record)
{
    AUTO(arena) struct arena *a = arena_new(0);
    if (value_get(record, "withdrawn") || value_count(value_get(record, "affected")) == 0) {
        b->stats.skipped++;
        return;
    }
    b->stats.records++;
    VALUE_EACH_ITEM (affected, value_get(record, "affected")) {
        const char *ecosystem = value_at_str(affected, "package.ecosystem", NULL);
        const char *package = value_at_str(affected, "package.name", NULL);
        if (ecosystem && package)
            push(b, advisories__key(a, ecosystem, package),
                 json_text(a, slim(b, a, record, affected), JSON_NO_HTML));
    }
}

/* ---- files ---- */

struct reading {
    struct advisories_builder *b;
    bool scores; /* the first of two rounds: what is known about attacks */
    struct err *e;
    int rc;
};

static bool ends(const char *s, const char *tail)
{
    size_t n = strlen(s), m = strlen(tail);
    return n >= m && strcasecmp(s + n - m, tail) == 0;
}

/* In the first round only files with these names are opened. */
static bool says_scores(const char *path)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    return strstr(name, "epss") || strstr(name, "known_exploited") || ends(name, ".zip");
}

static int read_text(struct reading *r, const char *name, char *text, size_t n, struct err *e)
{
    AUTO(arena) struct arena *scratch = arena_new(0);
    struct value *doc;
    int rc;
    if (ends(name, ".csv") || ends(name, ".csv.gz")) {
        if (r->scores)
            advisories__epss(r->b, text);
        return 0;
    }
    if (ends(name, ".json"))
        rc = json_parse(scratch, text, n, JSON_SHALLOW, &doc, e);
    else if (ends(name, ".yaml") || ends(name, ".yml"))
        rc = yaml_parse(scratch, text, n, 0, &doc, e);
    else
        return 0;
    if (rc == 0 && !value_is(doc, VALUE_ARRAY))
        return advisories__document(r->b, doc, r->scores, scratch, e);
    if (rc == 0)
        VALUE_EACH_ITEM (item, doc)
            rc = rc < 0 ? rc : advisories__document(r->b, item, r->scores, scratch, e);
    return rc;
}

static int read_entries(struct reading *r, struct archive *z, struct err *e)
{
    struct archive_entry *entry;
    int rc;
    while ((rc = archive_read_next_header(z, &entry)) == ARCHIVE_OK || rc == ARCHIVE_WARN) {
        AUTO_BUF struct buf b;
        const char *name = archive_entry_pathname(entry);
        la_ssize_t got = 1;
        buf_init(&b, RECORD_MAX);
        while (got > 0) {
            char *p = buf_reserve(&b, 64 * 1024);
            got = p ? archive_read_data(z, p, 64 * 1024) : -1;
            b.len += got > 0 ? (size_t)got : 0;
        }
        if (got < 0 || !name)
            return err_set(e, ERR_INVALID, "an entry cannot be unpacked");
        buf_putc(&b, '\0');
        int inner = read_text(r, name, b.data, b.len - 1, e);
        if (inner < 0)
            return err_wrap(e, inner, "%s", name);
    }
    return rc == ARCHIVE_EOF ? 0 : err_set(e, ERR_INVALID, "the archive is damaged");
}

static int read_archive(struct reading *r, const char *path, struct err *e)
{
    struct archive *z = archive_read_new();
    if (!z)
        return err_set(e, ERR_SYSTEM, "no memory to read an archive");
    (void)archive_read_support_format_zip(z);
    (void)archive_read_support_format_tar(z);
    (void)archive_read_support_filter_gzip(z);
    int rc = archive_read_open_filename(z, path, 64 * 1024) == ARCHIVE_OK
                 ? read_entries(r, z, e)
                 : err_set(e, ERR_INVALID, "it is no archive");
    (void)archive_read_free(z);
    return rc;
}

static int read_gzip(struct reading *r, const char *path, struct err *e)
{
    AUTO_BUF struct buf b;
    gzFile f = gzopen(path, "re");
    int got = 1;
    buf_init(&b, RECORD_MAX);
    if (!f)
        return err_sys(e, errno, "open");
    while (got > 0) {
        char *p = buf_reserve(&b, 64 * 1024);
        got = p ? gzread(f, p, 64 * 1024) : -1;
        b.len += got > 0 ? (size_t)got : 0;
    }
    (void)gzclose_r(f);
    if (got < 0)
        return err_set(e, ERR_INVALID, "it cannot be unpacked");
    buf_putc(&b, '\0');
    return read_text(r, path, b.data, b.len - 1, e);
}

static int read_file(struct reading *r, const char *path, struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(0);
    char *text;
    size_t n;
    if (r->scores && !says_scores(path))
        return 0;
    if (ends(path, ".zip") || ends(path, ".tar.gz") || ends(path, ".tar") || ends(path, ".tgz"))
        return read_archive(r, path, e);
    if (ends(path, ".csv.gz"))
        return read_gzip(r, path, e);
    if (!ends(path, ".json") && !ends(path, ".yaml") && !ends(path, ".yml") && !ends(path, ".csv"))
        return 0;
    int rc = fs_read(path, RECORD_MAX, a, &text, &n, e);
    return rc < 0 ? rc : read_text(r, path, text, n, e);
}

static _Thread_local struct reading *walking; /* nftw has no argument */

static int visit(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    struct reading *r = walking;
    (void)st;
    (void)ftw;
    if (type == FTW_F)
        r->rc = read_file(r, path, r->e);
    if (r->rc < 0)
        r->rc = err_wrap(r->e, r->rc, "%s", path);
    return r->rc < 0;
}

static int read_all(struct advisories_builder *b, const char *const *paths, size_t n, bool scores,
                    struct err *e)
{
    struct reading r = {.b = b, .scores = scores, .e = e};
    walking = &r;
    for (size_t i = 0; r.rc == 0 && i < n; i++)
        if (nftw(paths[i], visit, 16, FTW_PHYS) < 0)
            r.rc = err_sys(e, errno, "read advisories in %s", paths[i]);
    walking = NULL;
    return r.rc;
}

/* ---- the file ---- */

static int by_key(const void *a, const void *b)
{
    return strcmp((*(const struct map_entry *const *)a)->key,
                  (*(const struct map_entry *const *)b)->key);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* A JSON array, in an order that does not depend on the order of files. */
static int join_records(struct record_list *list, struct arena *a, struct advisories_item *out,
                        struct err *e)
{
    AUTO_BUF struct buf b;
    buf_init(&b, database_max);
    qsort((void *)list->texts, list->n, sizeof *list->texts, by_text);
    buf_putc(&b, '[');
    for (size_t i = 0; i < list->n; i++) {
        if (i && strcmp(list->texts[i], list->texts[i - 1]) == 0)
            continue;
        if (i)
            buf_putc(&b, ',');
        buf_puts(&b, list->texts[i]);
    }
    buf_putc(&b, ']');
    out->records = arena_strndup(a, buf_text(&b), b.len);
    out->n = b.len;
    return buf_check(&b, e);
}

static int write_file(struct advisories_builder *b, const char *path, int64_t now_ms, struct err *e)
{
    size_t n = map_size(&b->packages), at = 0, i = 0;
    const struct map_entry **all = ARENA_ARRAY(b->arena, const struct map_entry *, n + 1);
    struct advisories_item *items = ARENA_ARRAY(b->arena, struct advisories_item, n + 1);
    const struct advisories_about about = {now_ms, b->stats.records};
    int r = 0;
    for (const struct map_entry *m; (m = map_next(&b->packages, &at));)
        all[i++] = m;
    qsort((void *)all, n, sizeof *all, by_key);
    for (i = 0; r == 0 && i < n; i++) {
        items[i].key = all[i]->key;
        r = join_records(all[i]->value, b->arena, &items[i], e);
    }
    return r < 0 ? r : advisories__write(path, items, n, &about, e);
}

int advisories_build(const char *const *paths, size_t n, const char *out_path, int64_t now_ms,
                     struct advisories_stats *out, struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(0);
    struct advisories_builder b = {.arena = a};
    map_init(&b.packages);
    map_init(&b.scores);
    int r = read_all(&b, paths, n, true, e);
    if (r == 0)
        r = read_all(&b, paths, n, false, e);
    if (r == 0)
        r = write_file(&b, out_path, now_ms, e);
    b.stats.packages = map_size(&b.packages);
    b.stats.scored = map_size(&b.scores);
    map_done(&b.packages);
    map_done(&b.scores);
    if (r == 0)
        *out = b.stats;
    return r;
}
