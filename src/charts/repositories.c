#include "charts/repositories.h"

#include <string.h>

#include "base/fs.h"
#include "charts/charts_int.h"
#include "codec/yaml.h"

enum { FILE_MAX = 4 << 20 };

static struct charts_repository from_value(const struct value *v)
{
    return (struct charts_repository){
        .name = value_at_str(v, "name", ""),
        .url = value_at_str(v, "url", ""),
        .user = value_at_str(v, "username", ""),
        .password = value_at_str(v, "password", ""),
        .cert_file = value_at_str(v, "certFile", ""),
        .key_file = value_at_str(v, "keyFile", ""),
        .ca_file = value_at_str(v, "caFile", ""),
        .insecure = value_at_bool(v, "insecure_skip_tls_verify", false),
        .pass_everywhere = value_at_bool(v, "pass_credentials_all", false),
    };
}

int charts_repositories_read(const char *path, struct arena *a, struct charts_repositories *out,
                             struct err *e)
{
    char *text;
    size_t n;
    struct value *doc;
    struct err why = {0};
    *out = (struct charts_repositories){.missing = true};
    int rc = path ? charts__read(path, FILE_MAX, a, &text, &n, &why) : ERR_NOT_FOUND;
    if (rc == ERR_NOT_FOUND)
        return 0;
    if (rc < 0)
        return err_set(e, why.code, "couldn't load repositories file (%s): %s", path, why.msg);
    rc = yaml_parse(a, text, n, YAML_FIRST | YAML_GO_ERRORS, &doc, e);
    if (rc < 0)
        return err_wrap(e, rc, "error converting YAML to JSON");
    const struct value *list = value_get(doc, "repositories");
    out->missing = false;
    out->items = ARENA_ARRAY(a, struct charts_repository, value_count(list) + 1);
    VALUE_EACH_ITEM (v, list)
        out->items[out->n++] = from_value(v);
    return 0;
}

static struct value *to_value(const struct charts_repository *r, struct arena *a)
{
    struct value *v = value_new_object(a);
    (void)value_set_str(a, v, "caFile", r->ca_file);
    (void)value_set_str(a, v, "certFile", r->cert_file);
    (void)value_set_bool(a, v, "insecure_skip_tls_verify", r->insecure);
    (void)value_set_str(a, v, "keyFile", r->key_file);
    (void)value_set_str(a, v, "name", r->name);
    (void)value_set_bool(a, v, "pass_credentials_all", r->pass_everywhere);
    (void)value_set_str(a, v, "password", r->password);
    (void)value_set_str(a, v, "url", r->url);
    (void)value_set_str(a, v, "username", r->user);
    return v;
}

int charts_repositories_write(const char *path, const struct charts_repositories *r, int64_t now_ms,
                              struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(0);
    struct value *doc = value_new_object(a), *list = value_new_array(a);
    for (size_t i = 0; i < r->n; i++)
        (void)value_push(a, list, to_value(&r->items[i], a));
    (void)value_set_str(a, doc, "apiVersion", "");
    (void)value_set_str(a, doc, "generated", charts_time(now_ms, a));
    (void)value_set(a, doc, "repositories", list);
    const char *text = yaml_text(a, doc, YAML_FOLD), *slash = strrchr(path, '/');
    int rc = slash ? fs_mkdirs(arena_strndup(a, path, (size_t)(slash - path)), 0755, e) : 0;
    return rc < 0 ? rc : fs_write_atomic(path, 0600, text, strlen(text), e);
}

struct charts_repository *charts_repositories_find(const struct charts_repositories *r,
                                                   const char *name)
{
    for (size_t i = 0; i < r->n; i++)
        if (strcmp(r->items[i].name, name) == 0)
            return &r->items[i];
    return NULL;
}

void charts_repositories_put(struct charts_repositories *r, const struct charts_repository *one,
                             struct arena *a)
{
    struct charts_repository *old = charts_repositories_find(r, one->name);
    if (!old) {
        size_t size = sizeof *r->items;
        r->items = arena_grow(a, r->items, r->n * size, (r->n + 1) * size);
        old = &r->items[r->n++];
    }
    *old = *one;
}

bool charts_repositories_remove(struct charts_repositories *r, const char *name)
{
    size_t kept = 0;
    for (size_t i = 0; i < r->n; i++)
        if (strcmp(r->items[i].name, name) != 0)
            r->items[kept++] = r->items[i];
    bool found = kept < r->n;
    r->n = kept;
    return found;
}

/* ---- the cache ---- */

const char *charts_index_path(const struct charts_files *f, const char *name, struct arena *a)
{
    return arena_printf(a, "%s/%s-index.yaml", f->cache ? f->cache : "", name);
}

struct charts_access charts__access_of(const struct charts_repository *r)
{
    return (struct charts_access){
        .user = *r->user ? r->user : NULL,
        .password = *r->password ? r->password : NULL,
        .pass_everywhere = r->pass_everywhere,
        .ca_file = *r->ca_file ? r->ca_file : NULL,
        .cert_file = *r->cert_file ? r->cert_file : NULL,
        .key_file = *r->key_file ? r->key_file : NULL,
        .insecure = r->insecure,
    };
}

/* Names of all charts, a line each, for completion in shells, as Helm keeps them. */
static int keep_names(const struct charts_files *f, const char *name, const struct charts_index *ix,
                      struct arena *a, struct err *e)
{
    AUTO_BUF struct buf names;
    buf_init(&names, CHARTS_INDEX_MAX);
    VALUE_EACH_MEMBER (m, value_get(ix->doc, "entries"))
        buf_printf(&names, "%s\n", m->key);
    return fs_write_atomic(arena_printf(a, "%s/%s-charts.txt", f->cache, name), 0644,
                           buf_text(&names), names.len, e);
}

int charts_index_fetch(const struct charts_files *f, const struct charts_repository *r, bool keep,
                       struct arena *a, struct charts_index *out, struct err *e)
{
    struct charts_access access = charts__access_of(r);
    struct charts__get get = {.origin = r->url, .access = &access, .max = CHARTS_INDEX_MAX};
    const char *text;
    size_t n;
    int rc = url_resolve(r->url, "index.yaml", a, &get.url, e);
    if (rc == 0)
        rc = charts__get(&get, a, &text, &n, e);
    if (rc == 0)
        rc = charts_index_parse(text, n, r->url, a, out, e);
    if (rc < 0 || !keep || !f->cache)
        return rc;
    if ((rc = fs_mkdirs(f->cache, 0755, e)) == 0)
        rc = keep_names(f, r->name, out, a, e);
    return rc < 0 ? rc : fs_write_atomic(charts_index_path(f, r->name, a), 0644, text, n, e);
}
