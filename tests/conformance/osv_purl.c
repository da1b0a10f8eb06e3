#include <ftw.h>
#include <stdio.h>
#include <string.h>

#include "base/fs.h"
#include "base/own.h"
#include "codec/json.h"
#include "osv.h"
#include "scan/purl.h"

enum { TEXT_MAX = 16 << 20 };

static bool same(const char *a, const char *b)
{
    return strcmp(a ? a : "", b ? b : "") == 0;
}

static bool parts_are(const struct purl *p, const struct value *want)
{
    const struct value *qualifiers = value_get(want, "qualifiers");
    bool ok = same(p->type, value_at_str(want, "type", NULL)) &&
              same(p->namespace, value_at_str(want, "namespace", NULL)) &&
              same(p->name, value_at_str(want, "name", NULL)) &&
              same(p->version, value_at_str(want, "version", NULL)) &&
              same(p->subpath, value_at_str(want, "subpath", NULL)) &&
              p->n == value_members_count(qualifiers);
    VALUE_EACH_MEMBER (m, qualifiers)
        ok = ok && same(purl_qualifier(p, m->key), value_str(&m->value, NULL));
    return ok;
}

static int from_parts(const struct value *parts, struct arena *a, struct purl *out, struct err *e)
{
    const struct value *qualifiers = value_get(parts, "qualifiers");
    struct purl p = {.type = value_at_str(parts, "type", NULL),
                     .namespace = value_at_str(parts, "namespace", NULL),
                     .name = value_at_str(parts, "name", NULL),
                     .version = value_at_str(parts, "version", NULL),
                     .subpath = value_at_str(parts, "subpath", NULL)};
    p.qualifiers = ARENA_ARRAY(a, struct purl_qualifier, value_members_count(qualifiers) + 1);
    VALUE_EACH_MEMBER (m, qualifiers)
        p.qualifiers[p.n++] = (struct purl_qualifier){m->key, value_str(&m->value, "")};
    int r = purl_canonical(&p, a, e);
    *out = p;
    return r;
}

static bool holds(const struct value *t, struct arena *a, char **got)
{
    const struct value *in = value_get(t, "input"), *want = value_get(t, "expected_output");
    struct purl p = {0};
    struct err e = {0};
    int r = value_is(in, VALUE_OBJECT) ? from_parts(in, a, &p, &e)
                                       : purl_parse(value_str(in, ""), a, &p, &e);
    *got = r < 0 ? arena_strdup(a, e.msg) : purl_print(&p, a);
    if (value_at_bool(t, "expected_failure", false))
        return r < 0;
    if (r < 0)
        return false;
    return value_is(want, VALUE_OBJECT) ? parts_are(&p, want) : same(*got, value_str(want, NULL));
}

static int visit(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    AUTO(arena) struct arena *a = arena_new(0);
    char *text, *got;
    size_t n;
    struct value *doc;
    (void)st;
    (void)ftw;
    if (type != FTW_F || fs_read(path, TEXT_MAX, a, &text, &n, NULL) < 0 ||
        json_parse(a, text, n, 0, &doc, NULL) < 0)
        return 0;
    VALUE_EACH_ITEM (t, value_get(doc, "tests")) {
        bool ok = holds(t, a, &got);
        osv_count(ok);
        if (!ok)
            printf("purl: %s %s: gives %s\n", value_at_str(t, "test_type", ""),
                   json_text(a, value_get(t, "input"), JSON_NO_HTML), got);
    }
    return 0;
}

void osv_purl(const char *folder)
{
    AUTO(arena) struct arena *a = arena_new(0);
    if (nftw(arena_printf(a, "%s/purl", folder), visit, 16, FTW_PHYS) != 0)
        printf("purl: skipped\n");
}
