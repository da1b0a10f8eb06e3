#include "charts/index.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/fs.h"
#include "charts/charts_int.h"
#include "codec/json.h"
#include "codec/semver.h"
#include "codec/yaml.h"

enum { VERSIONS_MAX = 100000 };

int charts_index_parse(const char *text, size_t n, const char *source, struct arena *a,
                       struct charts_index *out, struct err *e)
{
    struct value *doc;
    if (n == 0)
        return err_set(e, ERR_INVALID, "empty index.yaml file");
    if (n > CHARTS_INDEX_MAX)
        return err_set(e, ERR_TOO_LARGE, "an index of more than %d bytes", CHARTS_INDEX_MAX);
    if (json_parse(a, text, n, JSON_SHALLOW, &doc, NULL) < 0) {
        int rc = yaml_parse(a, text, n, YAML_STRICT_KEYS | YAML_FIRST | YAML_GO_ERRORS, &doc, e);
        if (rc < 0)
            return err_wrap(e, rc, "error converting YAML to JSON");
    }
    if (doc->kind != VALUE_OBJECT && doc->kind != VALUE_NULL)
        return err_set(e, ERR_INVALID,
                       "error unmarshaling JSON: while decoding JSON: json: cannot unmarshal %s "
                       "into Go value of type repo.IndexFile",
                       value_kind_name(doc->kind));
    if (!*value_str(value_get(doc, "apiVersion"), ""))
        return err_set(e, ERR_INVALID, "no API version specified");
    *out = (struct charts_index){doc, source};
    return 0;
}

int charts_index_read(const char *path, struct arena *a, struct charts_index *out, struct err *e)
{
    char *text;
    size_t n;
    int rc = charts__read(path, CHARTS_INDEX_MAX, a, &text, &n, e);
    if (rc < 0)
        return rc;
    rc = charts_index_parse(text, n, path, a, out, e);
    return rc < 0 ? err_wrap(e, rc, "error loading %s", path) : 0;
}

/* ---- searching ---- */

struct candidate {
    const struct value *doc;
    struct semver version;
    size_t at;
};

/* What Helm would leave out of the list. */
static bool is_chart(const struct value *doc, struct arena *a, struct semver *out)
{
    const char *name = value_at_str(doc, "name", ""), *type = value_at_str(doc, "type", "");
    if (!*name || strchr(name, '/') || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return false;
    if (*type && strcmp(type, "application") != 0 && strcmp(type, "library") != 0)
        return false;
    return semver_parse(a, value_at_str(doc, "version", ""), out, NULL) == 0;
}

static int newest_first(const void *a, const void *b)
{
    const struct candidate *x = a, *y = b;
    int cmp = semver_cmp(&y->version, &x->version);
    return cmp ? cmp : x->at < y->at ? -1 : x->at > y->at;
}

static size_t sorted(const struct value *list, struct arena *a, struct candidate **out)
{
    struct candidate *all = ARENA_ARRAY(a, struct candidate, value_count(list) + 1);
    size_t n = 0;
    VALUE_EACH_ITEM (v, list) {
        if (!is_chart(v, a, &all[n].version))
            continue;
        all[n].doc = v;
        all[n].at = n;
        n++;
    }
    qsort(all, n, sizeof *all, newest_first);
    *out = all;
    return n;
}

static struct charts_entry entry_of(const struct value *doc, struct arena *a)
{
    const struct value *urls = value_get(doc, "urls");
    const char **list = ARENA_ARRAY(a, const char *, value_count(urls) + 1);
    struct charts_entry entry = {
        .version = value_at_str(doc, "version", ""),
        .urls = list,
        .digest = value_at_str(doc, "digest", ""),
        .app_version = value_at_str(doc, "appVersion", ""),
        .description = value_at_str(doc, "description", ""),
        .doc = doc,
    };
    VALUE_EACH_ITEM (u, urls)
        list[entry.n_urls++] = value_str(u, "");
    return entry;
}

int charts_index_versions(const struct charts_index *ix, const char *name, struct arena *a,
                          struct charts_entry **out, size_t *n, struct err *e)
{
    const struct value *list = value_get(value_get(ix->doc, "entries"), name);
    struct candidate *all;
    if (!list)
        return err_set(e, ERR_NOT_FOUND, "no chart name found");
    if (value_count(list) > VERSIONS_MAX)
        return err_set(e, ERR_TOO_LARGE, "chart %s has more than %d versions", name, VERSIONS_MAX);
    *n = sorted(list, a, &all);
    *out = ARENA_ARRAY(a, struct charts_entry, *n + 1);
    for (size_t i = 0; i < *n; i++)
        (*out)[i] = entry_of(all[i].doc, a);
    return 0;
}

int charts_index_get(const struct charts_index *ix, const char *name, const char *version,
                     struct arena *a, struct charts_entry *out, struct err *e)
{
    struct semver_range *range;
    struct charts_entry *all;
    size_t n;
    int rc = charts_index_versions(ix, name, a, &all, &n, e);
    if (rc < 0)
        return rc;
    if (n == 0)
        return err_set(e, ERR_NOT_FOUND, "no chart version found");
    if ((rc = semver_range_parse(a, *version ? version : "*", &range, e)) < 0)
        return rc;
    for (size_t i = 0; i < n && *version; i++)
        if (strcmp(all[i].version, version) == 0) {
            *out = all[i];
            return 0;
        }
    for (size_t i = 0; i < n; i++) {
        struct semver v;
        if (semver_parse(a, all[i].version, &v, NULL) == 0 && semver_range_has(range, &v)) {
            *out = all[i];
            return 0;
        }
    }
    return err_set(e, ERR_NOT_FOUND, "no chart version found for %s-%s", name, version);
}

/* ---- making ---- */

const char *charts_time(int64_t now_ms, struct arena *a)
{
    char text[CLOCK_TEXT_MAX];
    clock_format_rfc3339_ms(now_ms, text);
    return arena_strdup(a, text);
}

struct charts_index charts_index_new(struct arena *a, int64_t now_ms)
{
    struct value *doc = value_new_object(a);
    (void)value_set_str(a, doc, "apiVersion", "v1");
    (void)value_set(a, doc, "entries", value_new_object(a));
    (void)value_set_str(a, doc, "generated", charts_time(now_ms, a));
    return (struct charts_index){doc, ""};
}

static bool has(const struct charts_index *ix, const char *name, const char *version,
                struct arena *a)
{
    struct charts_entry found;
    return charts_index_get(ix, name, version, a, &found, NULL) == 0;
}

static struct value *versions_of(struct charts_index *ix, const char *name, struct arena *a)
{
    struct value *entries = value_make_object(a, ix->doc, "entries");
    struct value *list = value_get_mut(entries, name);
    return list ? list : value_set(a, entries, name, value_new_array(a));
}

void charts_index_add(struct charts_index *ix, const struct value *meta, const char *url,
                      const char *digest, int64_t now_ms, struct arena *a)
{
    struct value *entry = value_copy(a, meta);
    (void)value_set_str(a, entry, "created", charts_time(now_ms, a));
    (void)value_set_str(a, entry, "digest", digest);
    struct value *urls = value_set(a, entry, "urls", value_new_array(a));
    (void)value_push_str(a, urls, url);
    (void)value_push(a, versions_of(ix, value_at_str(meta, "name", ""), a), entry);
}

void charts_index_merge(struct charts_index *ix, const struct charts_index *other, struct arena *a)
{
    VALUE_EACH_MEMBER (m, value_get(other->doc, "entries"))
        VALUE_EACH_ITEM (v, &m->value)
            if (!has(ix, value_at_str(v, "name", ""), value_at_str(v, "version", ""), a))
                (void)value_push(a, versions_of(ix, value_at_str(v, "name", ""), a), v);
}

const char *charts_index_text(struct charts_index *ix, bool json, struct arena *a)
{
    struct value *entries = value_make_object(a, ix->doc, "entries");
    VALUE_EACH_MEMBER (m, entries) {
        struct candidate *all;
        size_t n = sorted(&m->value, a, &all);
        struct value *list = value_new_array(a);
        for (size_t i = 0; i < n; i++)
            (void)value_push(a, list, all[i].doc);
        *value_get_mut(entries, m->key) = *list;
    }
    return json ? json_text(a, ix->doc, JSON_PRETTY | JSON_SORTED)
                : yaml_text(a, ix->doc, YAML_FOLD);
}
