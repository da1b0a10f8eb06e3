/* registry_push.c - a chart into a registry, as `helm push` puts it there. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "blob/blob.h"
#include "charts/logins.h"
#include "charts/registry_int.h"
#include "codec/json.h"
#include "oci/media.h"

struct upload {
    struct charts__link link;
    struct arena *a;
};

static struct value *descriptor(struct arena *a, const char *type, const void *bytes, size_t n)
{
    char digest[DIGEST_MAX];
    struct value *v = value_new_object(a);
    blob_digest_of(bytes, n, digest);
    (void)value_set_str(a, v, "mediaType", type);
    (void)value_set_str(a, v, "digest", digest);
    (void)value_set_int(a, v, "size", (int64_t)n);
    return v;
}

static int put(struct upload *u, const struct value *descriptor, const void *bytes, size_t n,
               struct err *e)
{
    return remote_put_blob(&u->link.remote, value_at_str(descriptor, "digest", ""), bytes, n, e);
}

/* ---- annotations ---- */

static void note(struct arena *a, struct value *notes, const char *key, const char *text)
{
    const char *s = text;
    while (isspace((unsigned char)*s))
        s++;
    if (*s)
        (void)value_set_str(a, notes, key, text);
}

static const char *authors(struct arena *a, const struct value *maintainers)
{
    const char *out = "";
    size_t n = 0;
    VALUE_EACH_ITEM (m, maintainers) {
        const char *email = value_at_str(m, "email", "");
        out = arena_printf(a, "%s%s%s%s%s%s", out, n++ ? ", " : "", value_at_str(m, "name", ""),
                           *email ? " (" : "", email, *email ? ")" : "");
    }
    return out;
}

static struct value *annotations(const struct charts_push *p, struct arena *a)
{
    struct value *notes = value_new_object(a);
    const struct value *m = p->meta;
#define OCI "org.opencontainers.image."
    note(a, notes, OCI "description", value_at_str(m, "description", ""));
    note(a, notes, OCI "url", value_at_str(m, "home", ""));
    note(a, notes, OCI "created", p->created);
    note(a, notes, OCI "source", value_str(value_item(value_get(m, "sources"), 0), ""));
    note(a, notes, OCI "authors", authors(a, value_get(m, "maintainers")));
    VALUE_EACH_MEMBER (x, value_get(m, "annotations"))
        (void)value_set_str(a, notes, x->key, value_str(&x->value, ""));
    note(a, notes, OCI "title", value_at_str(m, "name", ""));
    note(a, notes, OCI "version", value_at_str(m, "version", ""));
#undef OCI
    return notes;
}

static int by_key(const void *a, const void *b)
{
    const struct member *x = a, *y = b;
    return strcmp(x->key, y->key);
}

/* ---- the manifest ---- */

static int by_digest(const void *a, const void *b)
{
    return strcmp(value_at_str(a, "digest", ""), value_at_str(b, "digest", ""));
}

static const char *manifest_of(struct arena *a, const struct value *config,
                               const struct value *layers, struct value *notes)
{
    struct value *doc = value_new_object(a);
    if (notes->n > 0)
        qsort(notes->members, notes->n, sizeof *notes->members, by_key);
    (void)value_set_int(a, doc, "schemaVersion", 2);
    (void)value_set(a, doc, "config", config);
    (void)value_set(a, doc, "layers", layers);
    (void)value_set(a, doc, "annotations", notes);
    return json_text(a, doc, 0);
}

static int upload(struct upload *u, const struct charts_push *p, const char *tag,
                  const char **digest, struct err *e)
{
    struct arena *a = u->a;
    const char *config = json_text(a, p->meta, 0);
    struct value *of_config = descriptor(a, CHART_CONFIG, config, strlen(config));
    struct value *of_chart = descriptor(a, CHART_LAYER, p->bytes, p->n);
    struct value *layers = value_new_array(a);
    int rc = put(u, of_config, config, strlen(config), e);
    if (rc == 0)
        rc = put(u, of_chart, p->bytes, p->n, e);
    (void)value_push(a, layers, of_chart);
    if (rc == 0 && p->provenance) {
        struct value *of_prov = descriptor(a, CHART_PROV, p->provenance, p->provenance_n);
        rc = put(u, of_prov, p->provenance, p->provenance_n, e);
        (void)value_push(a, layers, of_prov);
        qsort(layers->items, layers->n, sizeof *layers->items, by_digest);
    }
    if (rc < 0)
        return rc;
    const char *manifest = manifest_of(a, of_config, layers, annotations(p, a));
    struct http_answer answer;
    char sum[DIGEST_MAX];
    const struct remote_call call = {.method = "PUT",
                                     .path = arena_printf(a, "/manifests/%s", tag),
                                     .type = MEDIA_OCI_MANIFEST,
                                     .body = manifest,
                                     .body_len = strlen(manifest)};
    if ((rc = remote_do(&u->link.remote, &call, &answer, e)) < 0)
        return rc;
    if (answer.status / 100 != 2)
        return remote_refused(&u->link.remote, &answer, tag, e);
    blob_digest_of(manifest, strlen(manifest), sum);
    *digest = arena_strdup(a, sum);
    return 0;
}

int charts_push(const struct charts_files *f, const struct charts_push *p, struct arena *a,
                const char **reference, const char **digest, struct err *e)
{
    const char *name = value_at_str(p->meta, "name", "");
    const char *to =
        arena_printf(a, "%s:%s", url_join(p->to, name, a), value_at_str(p->meta, "version", ""));
    struct chart_place place;
    struct upload u = {.a = a};
    int rc = charts__place(to, a, &place, e);
    if (rc == 0)
        rc = charts__link_open(f, &place, p->access, "pull,push", &u.link, a, e);
    if (rc < 0)
        return rc;
    rc = upload(&u, p, place.tag, digest, e);
    charts__link_close(&u.link);
    if (rc < 0)
        return err_wrap(e, rc, "failed to perform \"Push\" on destination");
    *reference = arena_printf(a, "%s/%s:%s", place.host, place.path, place.tag);
    return 0;
}

int charts_registry_check(const char *host, const struct charts_access *access, struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(0);
    static const struct charts_files none;
    struct chart_place place = {host, "", "", ""};
    struct charts__link l;
    struct http_answer answer;
    struct err why = {0};
    int rc = charts__link_open(&none, &place, access, "pull", &l, a, e);
    if (rc < 0)
        return rc;
    const struct remote_call call = {.method = "GET", .path = "", .once = true};
    rc = remote_do(&l.remote, &call, &answer, &why);
    if (rc == 0 && answer.status != 200)
        rc = err_set(&why, ERR_UNAUTHENTICATED, "GET \"%s\": response status code %d",
                     l.remote.base, answer.status);
    charts__link_close(&l);
    return rc < 0 ? err_set(e, why.code, "authenticating to \"%s\": %s", host, why.msg) : 0;
}
