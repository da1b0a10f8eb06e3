#include "charts/registry_int.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "blob/blob.h"
#include "charts/logins.h"
#include "codec/json.h"
#include "codec/semver.h"
#include "oci/manifest.h"
#include "oci/media.h"
#include "oci/reference.h"

enum { PAGES_MAX = 100, TAGS_MAX = 100000, CONFIG_MAX = 4 << 20 };

/* ---- places ---- */

static bool host_ok(const char *host)
{
    return *host && strspn(host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                 "0123456789.-_:[]") == strlen(host);
}

/* A version as a tag: '+' cannot stand in one. */
static const char *tag_of(struct arena *a, const char *version)
{
    char *tag = arena_strdup(a, version);
    for (char *c = tag; *c; c++)
        if (*c == '+')
            *c = '_';
    return tag;
}

int charts__place(const char *text, struct arena *a, struct chart_place *out, struct err *e)
{
    struct chart_place p = {"", "", "", ""};
    if (strncmp(text, "oci://", 6) == 0)
        text += 6;
    size_t n = strcspn(text, "?#");
    const char *at = memrchr(text, '@', n);
    if (at) {
        p.digest = arena_strndup(a, at + 1, (size_t)(text + n - at - 1));
        n = (size_t)(at - text);
    }
    char *rest = arena_strndup(a, text, n), *slash = strchr(rest, '/');
    if (!slash)
        return err_set(e, ERR_INVALID, "invalid reference: missing registry or repository");
    *slash = '\0';
    p.host = rest;
    char *colon = strrchr(slash + 1, ':');
    if (colon) {
        *colon = '\0';
        p.tag = tag_of(a, colon + 1);
    }
    p.path = slash + 1;
    if (!host_ok(p.host))
        return err_set(e, ERR_INVALID, "invalid reference: invalid registry \"%s\"", p.host);
    if (!reference_path_ok(p.path))
        return err_set(e, ERR_INVALID, "invalid reference: invalid repository \"%s\"", p.path);
    if (*p.tag && !reference_tag_ok(p.tag))
        return err_set(e, ERR_INVALID, "invalid reference: invalid tag \"%s\"", p.tag);
    if (*p.digest && blob_digest_check(p.digest, NULL) < 0)
        return err_set(e, ERR_INVALID, "invalid reference: invalid digest \"%s\"", p.digest);
    *out = p;
    return 0;
}

const char *charts__registry_url(const char *host, const struct charts_access *access,
                                 struct arena *a)
{
    bool tls = access && (access->ca_file || access->insecure || access->cert_file);
    bool plain = (access && access->plain_http) || (!tls && remote_is_loopback(host));
    if (strcmp(host, "docker.io") == 0)
        host = "registry-1.docker.io";
    return arena_printf(a, "%s://%s", plain ? "http" : "https", host);
}

int charts__link_open(const struct charts_files *f, const struct chart_place *place,
                      const struct charts_access *access, const char *actions,
                      struct charts__link *out, struct arena *a, struct err *e)
{
    struct http_client_opts http;
    *out = (struct charts__link){0};
    int rc = charts__http_opts(access, a, &http, e);
    if (rc < 0)
        return rc;
    http.timeout_ms = 0;
    if (access && access->user && access->password)
        out->auth = (struct image_auth){access->user, access->password, NULL};
    else if ((rc = charts_login_find(f, place->host, a, &out->auth, e)) < 0)
        return rc;
    const struct remote_opts o = {.url = charts__registry_url(place->host, access, a),
                                  .host = place->host,
                                  .path = place->path,
                                  .actions = actions,
                                  .auth = &out->auth,
                                  .http = &http};
    rc = remote_open(&o, &out->remote, e);
    out->open = rc == 0;
    return rc;
}

void charts__link_close(struct charts__link *l)
{
    if (l->open)
        remote_close(&l->remote);
    l->open = false;
}

/* ---- versions ---- */

struct versions {
    struct semver *items;
    size_t n, cap;
};

static void add_version(struct versions *list, const char *tag, struct arena *a)
{
    char *text = arena_strdup(a, tag);
    struct semver v;
    for (char *c = text; *c; c++)
        if (*c == '_')
            *c = '+';
    if (semver_parse_strict(a, text, &v, NULL) < 0)
        return;
    if (list->n == list->cap) {
        size_t more = list->cap ? 2 * list->cap : 64;
        list->items = arena_grow(a, list->items, list->cap * sizeof v, more * sizeof v);
        list->cap = more;
    }
    list->items[list->n++] = v;
}

static int newest_first(const void *a, const void *b)
{
    return semver_cmp(b, a);
}

/* Where the next page is: Link: </v2/…?last=x>; rel="next" */
static const char *next_page(const struct http_answer *answer, const char *base, struct arena *a)
{
    const char *link = http_answer_header(answer, "link");
    if (!link || *link != '<' || !strstr(link, "next"))
        return NULL;
    const char *url = arena_strndup(a, link + 1, strcspn(link + 1, ">"));
    if (*url != '/')
        return url;
    size_t origin = (size_t)(strstr(base, "://") + 3 - base);
    origin += strcspn(base + origin, "/");
    return arena_printf(a, "%.*s%s", (int)origin, base, url);
}

/* What a registry answers, as Helm's library says it: 'GET "URL": response status code 404: name
 * unknown: no such repository'. */
static int refused(struct charts__link *l, const char *path, const struct http_answer *answer,
                   struct err *e)
{
    struct arena *a = l->remote.arena;
    struct value *doc = NULL;
    struct err code = {0};
    (void)remote_refused(&l->remote, answer, "", &code);
    if (json_parse(a, answer->body, answer->body_len, JSON_SHALLOW, &doc, NULL) < 0)
        doc = NULL;
    char *word = arena_strdup(a, value_str(value_at(doc, "errors[0].code"), ""));
    const char *said = value_str(value_at(doc, "errors[0].message"), "");
    for (char *c = word; *c; c++)
        *c = *c == '_' ? ' ' : (char)tolower((unsigned char)*c);
    return err_set(e, code.code, "GET \"%s%s\": response status code %d%s%s%s%.200s",
                   l->remote.base, path, answer->status, *word ? ": " : "", word, *said ? ": " : "",
                   said);
}

static int collect(struct charts__link *l, struct versions *list, struct arena *a, struct err *e)
{
    const char *page = "/tags/list?n=1000";
    for (size_t i = 0; page; i++) {
        struct http_answer answer;
        struct value *doc;
        const struct remote_call call = {.method = "GET", .path = page};
        int rc = remote_do(&l->remote, &call, &answer, e);
        if (rc < 0)
            return rc;
        if (answer.status != 200)
            return refused(l, "/tags/list", &answer, e);
        rc = json_parse(a, answer.body, answer.body_len, JSON_SHALLOW, &doc, e);
        if (rc < 0)
            return err_wrap(e, rc, "tags of %s/%s", l->remote.host, l->remote.path);
        VALUE_EACH_ITEM (tag, value_get(doc, "tags"))
            add_version(list, value_str(tag, ""), a);
        if (i == PAGES_MAX || list->n > TAGS_MAX)
            return err_set(e, ERR_TOO_LARGE, "%s/%s has more than %d tags", l->remote.host,
                           l->remote.path, TAGS_MAX);
        page = next_page(&answer, l->remote.base, a);
    }
    return 0;
}

int charts_registry_tags(const struct charts_files *f, const char *repository,
                         const struct charts_access *access, struct arena *a, const char ***out,
                         size_t *n, struct err *e)
{
    struct chart_place place;
    struct charts__link l;
    struct versions list = {0};
    int rc = charts__place(repository, a, &place, e);
    if (rc == 0 && (rc = charts__link_open(f, &place, access, "pull", &l, a, e)) == 0) {
        rc = collect(&l, &list, a, e);
        charts__link_close(&l);
    }
    if (rc < 0)
        return rc;
    if (list.n > 0)
        qsort(list.items, list.n, sizeof *list.items, newest_first);
    *out = ARENA_ARRAY(a, const char *, list.n + 1);
    for (size_t i = 0; i < list.n; i++)
        (*out)[i] = semver_text(a, &list.items[i]);
    *n = list.n;
    return 0;
}

static int choose(const char *const *tags, size_t n, const char *wanted, struct arena *a,
                  const char **out, struct err *e)
{
    struct semver_range *range;
    struct semver v;
    for (size_t i = 0; i < n && *wanted; i++)
        if (strcmp(tags[i], wanted) == 0) {
            *out = tags[i];
            return 0;
        }
    int rc = semver_range_parse(a, *wanted ? wanted : "*", &range, e);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < n; i++)
        if (semver_parse(a, tags[i], &v, NULL) == 0 && semver_range_has(range, &v)) {
            *out = tags[i];
            return 0;
        }
    return err_set(e, ERR_NOT_FOUND,
                   "Could not locate a version matching provided version string %s", wanted);
}

/* Makes the place's tag the version that is wanted. */
static int settle(const struct charts_files *f, const struct charts_query *q,
                  struct chart_place *place, struct arena *a, struct err *e)
{
    const char *version = q->version ? q->version : "", **tags, *tag = NULL;
    struct semver v;
    size_t n;
    if (*version && *place->tag && strcmp(place->tag, version) != 0)
        return err_set(e, ERR_INVALID, "chart reference and version mismatch: %s is not %s",
                       version, place->tag);
    if (!*version)
        version = place->tag;
    if (*place->digest && !*version)
        return 0;
    if (semver_parse(a, version, &v, NULL) == 0) {
        place->tag = tag_of(a, version);
        return 0;
    }
    const char *repository = arena_printf(a, "%s/%s", place->host, place->path);
    int rc = charts_registry_tags(f, repository, q->access, a, &tags, &n, e);
    if (rc < 0)
        return rc;
    if (n == 0)
        return err_set(e, ERR_NOT_FOUND, "Unable to locate any tags in provided repository: %s",
                       q->chart);
    if ((rc = choose(tags, n, version, a, &tag, e)) == 0)
        place->tag = tag_of(a, tag);
    return rc;
}

int charts__registry_version(const struct charts_files *f, const struct charts_query *q,
                             struct arena *a, const char **url, const char **version, struct err *e)
{
    struct chart_place place;
    int rc = charts__place(q->chart, a, &place, e);
    if (rc == 0)
        rc = settle(f, q, &place, a, e);
    if (rc < 0)
        return rc;
    char *text = arena_strdup(a, place.tag);
    for (char *c = text; *c; c++)
        if (*c == '_')
            *c = '+';
    *version = text;
    *url = arena_printf(a, "oci://%s/%s%s%s", place.host, place.path, *text ? ":" : "", text);
    return 0;
}

/* ---- pulling ---- */

static int on_data(void *arg, const void *bytes, size_t n)
{
    struct buf *b = arg;
    buf_add(b, bytes, n);
    return b->overflow ? -1 : 0;
}

static int pull_blob(struct charts__link *l, const struct value *descriptor, size_t max,
                     struct arena *a, const char **out, size_t *n, struct err *e)
{
    const char *digest = value_at_str(descriptor, "digest", "");
    AUTO_BUF struct buf b;
    struct http_answer answer;
    char got[DIGEST_MAX];
    buf_init(&b, max);
    int rc = blob_digest_check(digest, e);
    if (rc < 0)
        return rc;
    const struct remote_call call = {.method = "GET",
                                     .path = arena_printf(a, "/blobs/%s", digest),
                                     .on_data = on_data,
                                     .arg = &b,
                                     .once = true};
    rc = remote_do(&l->remote, &call, &answer, e);
    if (b.overflow)
        return err_set(e, ERR_TOO_LARGE, "%s is larger than %zu bytes", digest, max);
    if (rc < 0)
        return rc;
    if (answer.status != 200)
        return refused(l, call.path, &answer, e);
    blob_digest_of(buf_text(&b), b.len, got);
    if (strcmp(got, digest) != 0)
        return err_set(e, ERR_INVALID, "%s: mismatch digest: got %s", digest, got);
    *out = arena_strndup(a, buf_text(&b), b.len);
    *n = b.len;
    return 0;
}

static int pull_manifest(struct charts__link *l, const struct chart_place *place, struct arena *a,
                         struct charts_answer *out, struct value **doc, struct err *e)
{
    struct http_answer answer;
    char digest[DIGEST_MAX];
    const char *what = *place->digest ? place->digest : place->tag;
    const struct remote_call call = {.method = "GET",
                                     .path = arena_printf(a, "/manifests/%s", what),
                                     .accept = MEDIA_OCI_MANIFEST ", " MEDIA_OCI_INDEX
                                                                  ", " MEDIA_DOCKER_MANIFEST};
    int rc = remote_do(&l->remote, &call, &answer, e);
    if (rc < 0)
        return rc;
    if (answer.status == 404)
        return err_set(e, ERR_NOT_FOUND, "%s: not found", out->reference);
    if (answer.status != 200)
        return refused(l, call.path, &answer, e);
    if (answer.body_len > MANIFEST_MAX_BYTES)
        return err_set(e, ERR_TOO_LARGE, "%s: a manifest of more than %d bytes", out->reference,
                       MANIFEST_MAX_BYTES);
    blob_digest_of(answer.body, answer.body_len, digest);
    if (*place->digest && strncmp(place->digest, "sha256:", 7) == 0 &&
        strcmp(place->digest, digest) != 0)
        return err_set(e, ERR_INVALID, "chart reference digest mismatch: %s is not %s", digest,
                       place->digest);
    out->manifest_digest = arena_strdup(a, digest);
    return json_parse(a, answer.body, answer.body_len, JSON_SHALLOW, doc, e);
}

static const struct value *layer_of(const struct value *manifest, const char *type)
{
    VALUE_EACH_ITEM (layer, value_get(manifest, "layers"))
        if (strcmp(value_at_str(layer, "mediaType", ""), type) == 0)
            return layer;
    return NULL;
}

static int check_manifest(const struct value *doc, const struct value *layer, struct err *e)
{
    bool config = strcmp(value_at_str(doc, "config.mediaType", ""), CHART_CONFIG) == 0;
    if (config && layer)
        return 0;
    if (!config && !layer)
        return err_set(e, ERR_INVALID,
                       "manifest does not contain minimum number of descriptors (2), descriptors "
                       "found: 1");
    if (!config)
        return err_set(e, ERR_INVALID, "could not load config with mediatype %s", CHART_CONFIG);
    return err_set(e, ERR_INVALID,
                   "manifest does not contain minimum number of descriptors (2), descriptors "
                   "found: %d",
                   layer ? 2 : 1 + (value_count(value_get(doc, "layers")) == 0));
}

static int pull_parts(struct charts__link *l, const struct charts_query *q, const struct value *doc,
                      struct arena *a, struct charts_answer *out, struct err *e)
{
    const struct value *layer = layer_of(doc, CHART_LAYER);
    if (!layer)
        layer = layer_of(doc, CHART_LEGACY);
    int rc = check_manifest(doc, layer, e);
    if (rc == 0)
        rc = pull_blob(l, layer, CHARTS_ARCHIVE_MAX, a, &out->bytes, &out->n, e);
    if (rc < 0 || !q->with_provenance)
        return rc;
    const struct value *prov = layer_of(doc, CHART_PROV);
    if (!prov)
        return err_set(e, ERR_NOT_FOUND, "failed to fetch provenance \"%s.prov\"", out->url);
    return pull_blob(l, prov, CHARTS_PROV_MAX, a, &out->provenance, &out->provenance_n, e);
}

int charts__pull(const struct charts_files *f, const struct charts_query *q, struct arena *a,
                 struct charts_answer *out, struct err *e)
{
    struct chart_place place;
    struct charts__link l;
    struct value *doc;
    int rc = charts__place(q->chart, a, &place, e);
    if (rc == 0)
        rc = settle(f, q, &place, a, e);
    if (rc < 0)
        return rc;
    const char *at =
        *place.tag ? arena_printf(a, ":%s", place.tag) : arena_printf(a, "@%s", place.digest);
    out->reference = arena_printf(a, "%s/%s%s", place.host, place.path, at);
    out->url = arena_printf(a, "oci://%s", out->reference);
    if ((rc = charts__link_open(f, &place, q->access, "pull", &l, a, e)) < 0)
        return rc;
    rc = pull_manifest(&l, &place, a, out, &doc, e);
    if (rc < 0)
        (void)err_wrap(e, rc, "failed to perform \"FetchReference\" on source");
    if (rc == 0)
        rc = pull_parts(&l, q, doc, a, out, e);
    charts__link_close(&l);
    const char *slash = strrchr(place.path, '/');
    char *version = arena_strdup(a, *place.tag ? place.tag : place.digest);
    for (char *c = version; *c; c++)
        if (*c == '_')
            *c = '+';
    out->file = arena_printf(a, "%s-%s.tgz", slash ? slash + 1 : place.path, version);
    return rc;
}
