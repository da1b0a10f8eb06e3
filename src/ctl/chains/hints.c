#include "ctl/chains/hints.h"

#include <string.h>

#include "oci/reference.h"

#define URL    "CHAINS-GIT_URL"
#define COMMIT "CHAINS-GIT_COMMIT"

enum { ITEMS_MAX = 1024 };

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static const char *trimmed(struct arena *a, const char *text, size_t n)
{
    for (; n && is_blank(*text); n--)
        text++;
    while (n && is_blank(text[n - 1]))
        n--;
    return arena_strndup(a, text, n);
}

static const char *name_of(const struct value *result)
{
    return value_at_str(result, "name", "");
}

static bool ends_with(const char *text, const char *suffix)
{
    size_t n = strlen(text), k = strlen(suffix);
    return n >= k && strcmp(text + n - k, suffix) == 0;
}

/* The text of a result, or NULL where it is none or blank. */
static const char *text_of(const struct value *result, struct arena *a)
{
    const char *text = value_at_str(result, "value", NULL);
    text = text ? trimmed(a, text, strlen(text)) : NULL;
    return text && *text ? text : NULL;
}

/* ---- digests ---- */

static bool is_hex(const char *text, size_t n)
{
    return strlen(text) == n && strspn(text, "0123456789abcdef") == n;
}

static bool digest_ok(const char *algorithm, const char *hex)
{
    static const struct {
        const char *name;
        size_t n;
    } known[] = {
        {"sha1",   40 },
        {"sha256", 64 },
        {"sha384", 96 },
        {"sha512", 128},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(known[i].name, algorithm) == 0)
            return is_hex(hex, known[i].n);
    return false;
}

struct value *hints_item(struct arena *a, const char *key, const char *uri, const char *digest)
{
    const char *colon = digest ? strchr(digest, ':') : NULL;
    if (!colon || !uri || !*uri)
        return NULL;
    const char *algorithm = trimmed(a, digest, (size_t)(colon - digest));
    const char *hex = trimmed(a, colon + 1, strlen(colon + 1));
    if (!digest_ok(algorithm, hex))
        return NULL;
    struct value *v = value_new_object(a);
    (void)value_set_str(a, v, key, uri);
    (void)value_set_str(a, value_make_object(a, v, "digest"), algorithm, hex);
    return v;
}

static bool is_same(const struct value *x, const struct value *y)
{
    static const char *const fields[] = {"uri", "digest", "content"};
    if (value_get(x, "uri") == NULL && /* a subject */
        strcmp(name_of(x), name_of(y)) != 0)
        return false;
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        const struct value *p = value_get(x, fields[i]), *q = value_get(y, fields[i]);
        if (!p != !q || (p && !value_equal(p, q)))
            return false;
    }
    return true;
}

void hints_add(struct arena *a, struct value *into, const struct value *item)
{
    if (!item || value_count(into) >= ITEMS_MAX)
        return;
    VALUE_EACH_ITEM (had, into)
        if (is_same(had, item))
            return;
    (void)value_push(a, into, item);
}

/* ---- pairs of results ---- */

struct pair {
    const char *uri, *digest;
};

/* The partner of results[i], which ends with `uri`: the same name that ends with `digest`. */
static bool pair_of(const struct value *results, const struct value *result, const char *uri,
                    const char *digest, struct arena *a, struct pair *out)
{
    const char *name = name_of(result);
    if (!ends_with(name, uri))
        return false;
    const char *partner =
        arena_printf(a, "%.*s%s", (int)(strlen(name) - strlen(uri)), name, digest);
    *out = (struct pair){.uri = text_of(result, a)};
    VALUE_EACH_ITEM (r, results)
        if (strcmp(name_of(r), partner) == 0)
            out->digest = text_of(r, a);
    return out->uri && out->digest;
}

/* ---- objects ---- */

static bool object_of(const struct value *result, const char *suffix, struct pair *out)
{
    const struct value *v = value_get(result, "value");
    *out = (struct pair){value_at_str(v, "uri", NULL), value_at_str(v, "digest", NULL)};
    return ends_with(name_of(result), suffix) && value_is(v, VALUE_OBJECT) && out->uri &&
           out->digest;
}

static bool is_marked(const struct value *result)
{
    return strcmp(value_at_str(value_get(result, "value"), "isBuildArtifact", ""), "true") == 0;
}

/* ---- images ---- */

/* The repository with its host, as cosign and go-containerregistry name it. */
static void add_image(const char *reference, struct arena *a, struct value *into)
{
    struct reference ref;
    if (reference_parse(reference, a, &ref, NULL) < 0 || !ref.digest ||
        strncmp(ref.digest, "sha256:", 7) != 0)
        return;
    const char *host = strcmp(ref.host, "docker.io") == 0 ? "index.docker.io" : ref.host;
    hints_add(a, into, hints_item(a, "name", arena_printf(a, "%s/%s", host, ref.path), ref.digest));
}

static void add_list(const char *list, struct arena *a, struct value *into)
{
    while (*list) {
        size_t n = strcspn(list, ",\n");
        const char *one = trimmed(a, list, n);
        if (*one)
            add_image(one, a, into);
        list += list[n] ? n + 1 : n;
    }
}

void hints_images(const struct value *results, struct arena *a, struct value *into)
{
    struct pair p;
    VALUE_EACH_ITEM (r, results)
        if (pair_of(results, r, "IMAGE_URL", "IMAGE_DIGEST", a, &p))
            add_image(arena_printf(a, "%s@%s", p.uri, p.digest), a, into);
    VALUE_EACH_ITEM (r, results)
        if (strcmp(name_of(r), "IMAGES") == 0)
            add_list(value_at_str(r, "value", ""), a, into);
    VALUE_EACH_ITEM (r, results)
        if (object_of(r, "ARTIFACT_OUTPUTS", &p) && is_marked(r))
            add_image(arena_printf(a, "%s@%s", p.uri, p.digest), a, into);
}

void hints_subjects(const struct value *results, bool marked, struct arena *a, struct value *into)
{
    struct pair p;
    hints_images(results, a, into);
    VALUE_EACH_ITEM (r, results) {
        if (!marked && pair_of(results, r, "ARTIFACT_URI", "ARTIFACT_DIGEST", a, &p))
            hints_add(a, into, hints_item(a, "name", p.uri, p.digest));
        if (object_of(r, "ARTIFACT_OUTPUTS", &p) && (!marked || is_marked(r)))
            hints_add(a, into, hints_item(a, "name", p.uri, p.digest));
    }
}

bool hints_is_output(const struct value *result)
{
    const char *name = name_of(result);
    if (ends_with(name, "ARTIFACT_OUTPUTS"))
        return !value_is(value_get(result, "value"), VALUE_OBJECT) || is_marked(result);
    return ends_with(name, "IMAGE_URL") || ends_with(name, "IMAGE_DIGEST") ||
           strcmp(name, "IMAGES") == 0;
}

/* ---- what was taken ---- */

void hints_inputs(const struct value *results, struct arena *a, struct value *into)
{
    struct pair p;
    VALUE_EACH_ITEM (r, results)
        if (object_of(r, "ARTIFACT_INPUTS", &p))
            hints_add(a, into, hints_item(a, "uri", p.uri, p.digest));
}

void hints_git_look(struct hints_git *g, const struct value *list, const char *field)
{
    VALUE_EACH_ITEM (v, list) {
        const char *text = value_at_str(v, field, NULL);
        if (text && strcmp(name_of(v), URL) == 0)
            g->url = text;
        if (text && strcmp(name_of(v), COMMIT) == 0)
            g->commit = text;
    }
}

/* As SPDX names it: "git+https://host/path.git". A commit is of SHA-1, or of SHA-256. */
void hints_git_add(const struct hints_git *g, struct arena *a, struct value *into)
{
    if (!g->url || !g->commit)
        return;
    const char *url = trimmed(a, g->url, strlen(g->url));
    const char *commit = trimmed(a, g->commit, strlen(g->commit));
    if (!*url || !*commit)
        return;
    const char *uri = arena_printf(a, "%s%s%s", strncmp(url, "git+", 4) == 0 ? "" : "git+", url,
                                   ends_with(url, ".git") ? "" : ".git");
    const char *algorithm = is_hex(commit, 64) ? "sha256" : "sha1";
    hints_add(a, into, hints_item(a, "uri", uri, arena_printf(a, "%s:%s", algorithm, commit)));
}
