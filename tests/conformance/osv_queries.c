/* osv_queries.c - questions that api.osv.dev was asked, and its recorded answers: of each answer
 * the records that are in the folder must be found (the databases have changed since: a lower
 * bound). */
#include <stdio.h>
#include <string.h>

#include "base/fs.h"
#include "base/own.h"
#include "codec/json.h"
#include "osv.h"
#include "scan/scan.h"

enum { TEXT_MAX = 64 << 20 };

static bool names(const struct finding *f, const char *id)
{
    bool yes = strcmp(f->id, id) == 0;
    for (const char *const *alias = f->aliases; !yes && *alias; alias++)
        yes = strcmp(*alias, id) == 0;
    return yes;
}

/* Whether the database has the record at all: it may be one that is kept back. */
static bool has_record(const struct advisories *db, const struct package *p, const char *id,
                       struct arena *a)
{
    struct value *records;
    if (advisories_find(db, p->ecosystem, p->name, a, &records, NULL) < 0)
        return false;
    VALUE_EACH_ITEM (record, records)
        if (strcmp(value_at_str(record, "id", ""), id) == 0)
            return true;
    return false;
}

static void question(const struct value *q, const struct advisories *db)
{
    AUTO(arena) struct arena *a = arena_new(0);
    const char *name = value_at_str(q, "name", "");
    struct package p = {value_at_str(q, "ecosystem", ""),
                        name,
                        value_at_str(q, "version", ""),
                        name,
                        "",
                        "",
                        false};
    struct inventory inv = {"", "", &p, 1, NULL};
    struct scan_policy policy = {0};
    struct scan_report r;
    struct err e = {0};
    bool ok = scan_run(&inv, db, &policy, 0, a, &r, &e) == 0, asked = false;
    VALUE_EACH_ITEM (id, value_get(q, "in_sample")) {
        bool found = false;
        if (!has_record(db, &p, value_str(id, ""), a))
            continue;
        asked = true;
        for (size_t i = 0; ok && i < r.n; i++)
            found = found || names(&r.findings[i], value_str(id, ""));
        if (!found)
            printf("queries: %s %s %s: %s is not found %s\n", p.ecosystem, name, p.version,
                   value_str(id, ""), e.msg);
        ok = ok && found;
    }
    if (asked)
        osv_count(ok);
}

void osv_queries(const char *folder)
{
    AUTO(arena) struct arena *a = arena_new(0);
    AUTO(advisories) struct advisories *db = NULL;
    struct advisories_stats stats;
    struct value *doc;
    char *text, dir[] = "/tmp/slipway-queries-XXXXXX";
    size_t n;
    struct err e = {0};
    const char *records = arena_join(a, folder, "/records", NULL);
    if (!mkdtemp(dir))
        return;
    const char *path = arena_join(a, dir, "/db", NULL);
    if (advisories_build(&records, 1, path, 0, &stats, &e) < 0 ||
        advisories_open(path, &db, &e) < 0 ||
        fs_read(arena_join(a, folder, "/queries.json", NULL), TEXT_MAX, a, &text, &n, &e) < 0 ||
        json_parse(a, text, n, 0, &doc, &e) < 0) {
        printf("queries: %s\n", e.msg);
        osv_count(false);
    } else {
        VALUE_EACH_ITEM (q, value_get(doc, "queries"))
            question(q, db);
    }
    if (fs_remove_tree(dir, &e) < 0)
        printf("queries: %s\n", e.msg);
}
