/* trackers.c - advisories that are no OSV records: Debian's security tracker, Alpine's secdb,
 * CISA's catalogue of exploited vulnerabilities, EPSS. */
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "scan/advisories_int.h"
#include "scan/found.h"

/* A record that says: before `fixed` (or always, NULL) affected. */
static void add_simple(struct advisories_builder *b, struct arena *a, const char *id,
                       const char *ecosystem, const char *package, const char *fixed,
                       struct value *record)
{
    (void)value_set_str(a, record, "id", id);
    struct value *affected =
        value_push(a, value_make_array(a, record, "affected"), value_new_object(a));
    struct value *p = value_make_object(a, affected, "package");
    (void)value_set_str(a, p, "ecosystem", ecosystem);
    (void)value_set_str(a, p, "name", package);
    struct value *range =
        value_push(a, value_make_array(a, affected, "ranges"), value_new_object(a));
    (void)value_set_str(a, range, "type", "ECOSYSTEM");
    struct value *events = value_make_array(a, range, "events");
    (void)value_set_str(a, value_push(a, events, value_new_object(a)), "introduced", "0");
    if (fixed)
        (void)value_set_str(a, value_push(a, events, value_new_object(a)), "fixed", fixed);
    advisories__add(b, record);
}

/* ---- Debian: package → CVE → {description, releases: {bookworm: {status, fixed_version}}} ---- */

static const char *debian_release(const char *codename)
{
    static const struct {
        const char *codename, *ecosystem;
    } releases[] = {
        {"jessie",   "Debian:8"       },
        {"stretch",  "Debian:9"       },
        {"buster",   "Debian:10"      },
        {"bullseye", "Debian:11"      },
        {"bookworm", "Debian:12"      },
        {"trixie",   "Debian:13"      },
        {"forky",    "Debian:14"      },
        {"sid",      "Debian:unstable"},
    };
    for (size_t i = 0; i < ARRAY_LEN(releases); i++)
        if (strcmp(releases[i].codename, codename) == 0)
            return releases[i].ecosystem;
    return NULL;
}

/* "0" says that the release never was affected. */
static void debian_issue(struct advisories_builder *b, struct arena *a, const char *package,
                         const struct member *cve)
{
    const char *summary = value_at_str(&cve->value, "description", "");
    VALUE_EACH_MEMBER (r, value_get(&cve->value, "releases")) {
        const char *ecosystem = debian_release(r->key);
        const char *status = value_at_str(&r->value, "status", "");
        const char *fixed = value_at_str(&r->value, "fixed_version", NULL);
        const char *urgency = value_at_str(&r->value, "urgency", "");
        bool open = strcmp(status, "open") == 0;
        if (!ecosystem || (!open && !fixed) || (fixed && strcmp(fixed, "0") == 0))
            continue;
        struct value *record = value_new_object(a);
        (void)value_set(a, record, "summary",
                        value_new_strn(a, summary, strlen(summary) < 200 ? strlen(summary) : 200));
        (void)value_set_str(a, value_make_object(a, record, "database_specific"), "severity",
                            strcmp(urgency, "unimportant") == 0 ? "low" : urgency);
        add_simple(b, a, cve->key, ecosystem, package, open ? NULL : fixed, record);
    }
}

static bool is_debian(const struct value *doc)
{
    const struct member *package = value_members(doc);
    if (!value_members_count(doc) || !value_members_count(&package->value))
        return false;
    return value_is(value_get(&value_members(&package->value)->value, "releases"), VALUE_OBJECT);
}

static void debian(struct advisories_builder *b, struct arena *a, const struct value *doc)
{
    VALUE_EACH_MEMBER (package, doc)
        VALUE_EACH_MEMBER (cve, &package->value)
            debian_issue(b, a, package->key, cve);
}

/* ---- Alpine: packages[].pkg.secfixes: version → ["CVE-1 XSA-2", …] ---- */

static void alpine_fix(struct advisories_builder *b, struct arena *a, const char *ecosystem,
                       const char *package, const struct member *fix)
{
    VALUE_EACH_ITEM (v, &fix->value) {
        char *rest = arena_strdup(a, value_str(v, "")), *id = strsep(&rest, " ");
        struct value *record = value_new_object(a);
        if (!*id)
            continue;
        for (char *alias; rest && (alias = strsep(&rest, " "));)
            if (*alias)
                (void)value_push_str(a, value_make_array(a, record, "aliases"), alias);
        add_simple(b, a, id, ecosystem, package, fix->key, record);
    }
}

static void alpine(struct advisories_builder *b, struct arena *a, const struct value *doc)
{
    const char *ecosystem =
        arena_join(a, "Alpine:", value_at_str(doc, "distroversion", "edge"), NULL);
    VALUE_EACH_ITEM (p, value_get(doc, "packages"))
        VALUE_EACH_MEMBER (fix, value_at(p, "pkg.secfixes"))
            if (strcmp(fix->key, "0") != 0) /* never affected */
                alpine_fix(b, a, ecosystem, value_at_str(p, "pkg.name", ""), fix);
}

/* ---- attacks ---- */

static struct exploit *exploit_of(struct advisories_builder *b, const char *id)
{
    struct exploit *x = map_get(&b->scores, id);
    if (!x) {
        x = ARENA_NEW(b->arena, struct exploit);
        x->epss = -1;
        (void)map_put(&b->scores, id, x);
    }
    return x;
}

static void kev(struct advisories_builder *b, const struct value *doc)
{
    VALUE_EACH_ITEM (v, value_get(doc, "vulnerabilities")) {
        const char *id = value_at_str(v, "cveID", NULL);
        if (id)
            exploit_of(b, id)->kev = arena_strdup(b->arena, value_at_str(v, "dateAdded", ""));
    }
}

void advisories__epss(struct advisories_builder *b, char *text)
{
    for (char *line; (line = found_line(&text));) {
        char *comma = strchr(line, ',');
        if (strncmp(line, "CVE-", 4) != 0 || !comma)
            continue;
        *comma = '\0';
        double score = strtod(comma + 1, NULL);
        if (score >= 0 && score <= 1)
            exploit_of(b, line)->epss = score;
    }
}

int advisories__document(struct advisories_builder *b, const struct value *doc, bool scores,
                         struct arena *scratch, struct err *e)
{
    bool is_kev = value_get(doc, "catalogVersion") && value_get(doc, "vulnerabilities");
    if (is_kev || scores) {
        if (is_kev && scores)
            kev(b, doc);
        return 0;
    }
    if (value_str(value_get(doc, "id"), NULL))
        advisories__add(b, doc);
    else if (value_get(doc, "distroversion") && value_is(value_get(doc, "packages"), VALUE_ARRAY))
        alpine(b, scratch, doc);
    else if (is_debian(doc))
        debian(b, scratch, doc);
    else
        return err_set(e, ERR_INVALID, "it has no id: neither an OSV record nor a tracker's file");
    return 0;
}
