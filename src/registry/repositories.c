#include <string.h>

#include "base/buf.h"
#include "registry/registry_int.h"

/* Reads n and last; false, and answered, when n is no number. */
static bool read_page(struct registry_call *c, size_t *n, const char **last)
{
    const char *text = http_query(c->q, "n");
    char *end;
    *last = http_query(c->q, "last");
    *n = SIZE_MAX;
    if (!text)
        return true;
    long long count = strtoll(text, &end, 10);
    if (*end || end == text || count < 0) {
        answer__error(c, 400, "PAGINATION_NUMBER_INVALID", "n is not a number");
        return false;
    }
    *n = (size_t)count;
    return true;
}

static void encode(struct buf *b, const char *s)
{
    for (; *s; s++) {
        if (strchr("&#%+\"<> ?", *s))
            buf_printf(b, "%%%02X", (unsigned char)*s);
        else
            buf_putc(b, *s);
    }
}

/* One page of sorted names, and the Link to the next. */
static struct value *page(struct registry_call *c, const char *const *names, size_t n_names,
                          size_t max, const char *last)
{
    struct value *list = value_new_array(c->arena);
    size_t i = 0, from;
    while (last && i < n_names && strcmp(names[i], last) <= 0)
        i++;
    for (from = i; i < n_names && i - from < max; i++)
        (void)value_push_str(c->arena, list, names[i]);
    if (i < n_names && i > from) {
        AUTO_BUF struct buf link;
        buf_init(&link, 4096);
        buf_printf(&link, "<%s?n=%zu&last=", c->q->path, max);
        encode(&link, names[i - 1]);
        buf_puts(&link, ">; rel=\"next\"");
        answer__set(c, "Link", "%s", buf_text(&link));
    }
    return list;
}

static bool exists(struct registry_call *c)
{
    struct ref *list;
    struct refs *refs = c->registry->refs;
    struct arena *a = c->arena;
    return refs_list(refs, arena_printf(a, "m/%s@", c->repository), a, &list) > 0 ||
           refs_list(refs, arena_printf(a, "b/%s@", c->repository), a, &list) > 0;
}

void repositories__tags(struct registry_call *c)
{
    struct ref *tags;
    size_t max;
    const char *last;
    struct arena *a = c->arena;
    const char *prefix = name_tag(c, "");
    if (!read_page(c, &max, &last))
        return;
    size_t n = refs_list(c->registry->refs, prefix, a, &tags);
    if (n == 0 && !exists(c)) {
        answer__error(c, 404, "NAME_UNKNOWN", "no such repository");
        return;
    }
    const char **names = ARENA_ARRAY(a, const char *, n + 1);
    for (size_t i = 0; i < n; i++)
        names[i] = tags[i].name + strlen(prefix);
    struct value *doc = value_new_object(a);
    (void)value_set_str(a, doc, "name", c->repository);
    (void)value_set(a, doc, "tags", page(c, names, n, max, last));
    answer__json(c, 200, "application/json", doc);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

void repositories__catalog(struct registry_call *c)
{
    struct ref *manifests;
    size_t max, n_names = 0;
    const char *last;
    struct arena *a = c->arena;
    if (!read_page(c, &max, &last))
        return;
    size_t n = refs_list(c->registry->refs, "m/", a, &manifests);
    const char **names = ARENA_ARRAY(a, const char *, n + 1);
    for (size_t i = 0; i < n; i++) {
        const char *name = manifests[i].name + 2, *at = strchr(name, '@');
        name = arena_strndup(a, name, at ? (size_t)(at - name) : strlen(name));
        if (n_names > 0 && strcmp(names[n_names - 1], name) == 0)
            continue;
        if (access__allowed(c, REGISTRY_PULL, name))
            names[n_names++] = name;
    }
    if (n_names > 1) /* '@' sorts behind '/' */
        qsort(names, n_names, sizeof *names, by_name);
    struct value *doc = value_new_object(a);
    (void)value_set(a, doc, "repositories", page(c, names, n_names, max, last));
    answer__json(c, 200, "application/json", doc);
}

void repositories__referrers(struct registry_call *c)
{
    struct err e = {0};
    const char *type = http_query(c->q, "artifactType");
    if (blob_digest_check(c->reference, &e) < 0) {
        answer__error(c, 400, "DIGEST_INVALID", e.msg);
        return;
    }
    if (type)
        http_set_header(c->q, "OCI-Filters-Applied", "artifactType");
    answer__json(c, 200, "application/vnd.oci.image.index.v1+json",
                 image_store_referrers(c->registry->opts.images, c->repository, c->reference, type,
                                       c->arena));
}
