/* fetch.c - where a chart is by its name, and its bytes from there. */
#include <string.h>

#include "base/own.h"
#include "charts/charts_int.h"

#define ACCEPT "application/gzip,application/octet-stream"

struct place {
    const char *url;
    const char *version; /* NULL: nobody knows yet */
    const char *origin;  /* whom the credentials are for */
    const char *digest;  /* of the archive, as the index has it; or NULL */
    struct charts_access access;
};

static bool is_oci(const char *s)
{
    return strncmp(s, "oci://", 6) == 0;
}

/* What an index has become: the place of one of its charts. */
static int place_of(const struct charts_entry *entry, const char *base, struct arena *a,
                    struct place *out, struct err *e)
{
    out->version = entry->version;
    out->digest = *entry->digest ? entry->digest : NULL;
    return url_resolve(base, entry->urls[0], a, &out->url, e);
}

/* --repo URL: the index is fetched for this one question. */
static int in_repository(const struct charts_files *f, const struct charts_query *q,
                         struct arena *a, struct place *out, struct err *e)
{
    static const struct charts_access nobody;
    const struct charts_access *who = q->access ? q->access : &nobody;
    const char *version = q->version ? q->version : "";
    struct charts_repository r = {
        .name = "",
        .url = q->repository,
        .user = who->user ? who->user : "",
        .password = who->password ? who->password : "",
        .cert_file = who->cert_file ? who->cert_file : "",
        .key_file = who->key_file ? who->key_file : "",
        .ca_file = who->ca_file ? who->ca_file : "",
        .insecure = who->insecure,
        .pass_everywhere = who->pass_everywhere,
    };
    struct charts_index ix;
    struct charts_entry entry;
    int rc = charts_index_fetch(f, &r, false, a, &ix, e);
    if (rc < 0)
        return err_wrap(e, rc,
                        "looks like \"%s\" is not a valid chart repository or cannot be reached",
                        url_public(q->repository, a));
    const char *what = *version ? arena_printf(a, "chart \"%s\" version \"%s\"", q->chart, version)
                                : arena_printf(a, "chart \"%s\"", q->chart);
    if (charts_index_get(&ix, q->chart, version, a, &entry, NULL) < 0)
        return err_set(e, ERR_NOT_FOUND, "%s not found in %s repository", what,
                       url_public(q->repository, a));
    if (entry.n_urls == 0)
        return err_set(e, ERR_NOT_FOUND, "%s has no downloadable URLs", what);
    out->origin = q->repository;
    rc = place_of(&entry, q->repository, a, out, e);
    return rc < 0 ? err_wrap(e, rc, "failed to make chart URL absolute") : 0;
}

/* The user's own credentials come last, and so win over the repository's. */
static void use_repository(struct place *p, const struct charts_repository *r,
                           const struct charts_access *given)
{
    struct charts_access theirs = charts__access_of(r);
    p->origin = r->url;
    if (theirs.ca_file || theirs.cert_file || theirs.key_file) {
        p->access.ca_file = theirs.ca_file;
        p->access.cert_file = theirs.cert_file;
        p->access.key_file = theirs.key_file;
    }
    p->access.insecure |= theirs.insecure;
    if (theirs.user && theirs.password && !(given && given->user)) {
        p->access.user = theirs.user;
        p->access.password = theirs.password;
        p->access.pass_everywhere = theirs.pass_everywhere;
    }
}

/* "name/chart": by the index that `helm repo update` has kept. */
static int in_cache(const struct charts_files *f, const struct charts_query *q,
                    const struct charts_repositories *all, struct arena *a, struct place *out,
                    struct err *e)
{
    const char *slash = strchr(q->chart, '/'), *version = q->version ? q->version : "";
    struct charts_index ix;
    struct charts_entry entry;
    if (!slash)
        return err_set(e, ERR_INVALID,
                       "non-absolute URLs should be in form of repo_name/path_to_chart, got: %s",
                       q->chart);
    const char *name = arena_strndup(a, q->chart, (size_t)(slash - q->chart));
    const struct charts_repository *r = charts_repositories_find(all, name);
    if (!r)
        return err_set(e, ERR_NOT_FOUND, "repo %s not found", name);
    if (!*r->url)
        return err_set(e, ERR_INVALID, "no URL found for repository %s", name);
    int rc = charts_index_read(charts_index_path(f, name, a), a, &ix, e);
    if (rc < 0)
        return err_wrap(e, rc, "no cached repo found. (try 'helm repo update')");
    rc = charts_index_get(&ix, slash + 1, version, a, &entry, e);
    if (rc < 0)
        return err_wrap(e, rc,
                        "chart \"%s\" matching %s not found in %s index. (try 'helm repo update')",
                        slash + 1, version, name);
    if (entry.n_urls == 0)
        return err_set(e, ERR_NOT_FOUND, "chart \"%s\" has no downloadable URLs", q->chart);
    use_repository(out, r, q->access);
    return place_of(&entry, r->url, a, out, e);
}

static bool lists(const struct charts_index *ix, const char *url, struct arena *a)
{
    VALUE_EACH_MEMBER (m, value_get(ix->doc, "entries"))
        VALUE_EACH_ITEM (v, &m->value)
            VALUE_EACH_ITEM (u, value_get(v, "urls"))
                if (url_equal(url, value_str(u, "")))
                    return true;
    (void)a;
    return false;
}

/* A URL may be one that a known repository lists; its credentials are for it, too. */
static int at_url(const struct charts_files *f, const struct charts_query *q,
                  const struct charts_repositories *all, struct arena *a, struct place *out,
                  struct err *e)
{
    out->url = q->chart;
    for (size_t i = 0; i < all->n; i++) {
        AUTO(arena) struct arena *mem = arena_new(0);
        struct charts_index ix;
        int rc = charts_index_read(charts_index_path(f, all->items[i].name, a), mem, &ix, e);
        if (rc < 0)
            return err_wrap(e, rc, "no cached repo found. (try 'helm repo update')");
        if (lists(&ix, q->chart, a)) {
            use_repository(out, &all->items[i], q->access);
            return 0;
        }
    }
    return 0;
}

static int locate(const struct charts_files *f, const struct charts_query *q, struct arena *a,
                  struct place *out, struct err *e)
{
    struct charts_repositories all;
    struct url u;
    *out = (struct place){0};
    if (q->access)
        out->access = *q->access;
    if (q->repository)
        return in_repository(f, q, a, out, e);
    if (url_parse(q->chart, a, &u, NULL) < 0)
        return err_set(e, ERR_INVALID, "invalid chart URL format: %s", q->chart);
    int rc = charts_repositories_read(f->repositories, a, &all, e);
    if (rc < 0)
        return rc;
    if (*u.scheme && *u.host && *u.path)
        return at_url(f, q, &all, a, out, e);
    return in_cache(f, q, &all, a, out, e);
}

static int get(const struct place *p, const char *url, size_t max, struct arena *a,
               const char **out, size_t *n, struct err *e)
{
    const struct charts__get g = {
        .url = url, .origin = p->origin, .accept = ACCEPT, .access = &p->access, .max = max};
    return charts__get(&g, a, out, n, e);
}

static int fetch_http(const struct place *p, const struct charts_query *q, struct arena *a,
                      struct charts_answer *out, struct err *e)
{
    struct err why = {0};
    out->url = p->url;
    out->file = url_file(p->url, a);
    int rc = get(p, p->url, CHARTS_ARCHIVE_MAX, a, &out->bytes, &out->n, e);
    if (rc < 0 || !q->with_provenance)
        return rc;
    const char *prov = arena_printf(a, "%s.prov", p->url);
    rc = get(p, prov, CHARTS_PROV_MAX, a, &out->provenance, &out->provenance_n, &why);
    return rc < 0 ? err_set(e, why.code, "failed to fetch provenance \"%s\"", url_public(prov, a))
                  : 0;
}

int charts_fetch(const struct charts_files *f, const struct charts_query *q, struct arena *a,
                 struct charts_answer *out, struct err *e)
{
    struct charts_answer answer = {0};
    struct charts_query at = *q;
    struct place p = {.access = {0}};
    int rc = 0;
    if (q->repository || !is_oci(q->chart)) {
        if ((rc = locate(f, q, a, &p, e)) < 0)
            return rc;
        at = (struct charts_query){.chart = p.url,
                                   .version = p.version,
                                   .access = &p.access,
                                   .with_provenance = q->with_provenance};
    }
    /* An index may lead to a registry, which is not whom its repository's password is for. */
    if (p.origin && is_oci(at.chart) && !p.access.pass_everywhere)
        p.access.user = p.access.password = NULL;
    rc =
        is_oci(at.chart) ? charts__pull(f, &at, a, &answer, e) : fetch_http(&p, &at, a, &answer, e);
    if (rc == 0)
        *out = answer;
    return rc;
}

int charts_resolve(const struct charts_files *f, const struct charts_query *q, struct arena *a,
                   const char **url, const char **version, struct err *e)
{
    struct place p;
    if (!q->repository && is_oci(q->chart))
        return charts__registry_version(f, q, a, url, version, e);
    int rc = locate(f, q, a, &p, e);
    if (rc == 0) {
        *url = p.url;
        *version = p.version;
    }
    return rc;
}

/* ---- the port ---- */

static int port_fetch(struct chart_port *port, const struct chart_request *r, struct arena *a,
                      const void **archive, size_t *n, struct err *e)
{
    const struct charts_port *p = container_of(port, struct charts_port, base);
    bool oci = is_oci(r->repository);
    const struct charts_query q = {
        .chart = oci ? url_join(r->repository, r->name, a) : r->name,
        .version = r->version,
        .repository = oci ? NULL : r->repository,
    };
    struct charts_answer answer;
    int rc = charts_fetch(p->files, &q, a, &answer, e);
    if (rc < 0)
        return rc;
    *archive = answer.bytes;
    *n = answer.n;
    return 0;
}

struct charts_port charts_port(const struct charts_files *files)
{
    return (struct charts_port){{port_fetch}, files};
}
