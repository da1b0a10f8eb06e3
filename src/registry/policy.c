/* policy.c - the text, and what follows from it. */
#include "registry/policy.h"

#include <stdlib.h>
#include <string.h>

#include "api/quantity.h"
#include "base/clock.h"
#include "codec/glob.h"
#include "codec/yaml.h"
#include "oci/reference.h"
#include "registry/policy_int.h"

enum { TEXT_MAX_BYTES = 1 << 20, RULES_MAX = 256, PATTERNS_MAX = 256, HEX = 64 };
enum { REVALIDATE_MS = 5 * 60 * 1000 };

struct reader {
    struct arena *arena;
    const char *at; /* "quotas[2]" */
    struct err *e;
};

static int wrong(struct reader *r, const char *field, const char *why)
{
    return err_set(r->e, ERR_INVALID, "%s.%s %s", r->at, field, why);
}

/* Patterns that stand where `field` is; absent: NULL when it need not be there. */
static int read_patterns(struct reader *r, const struct value *v, const char *field,
                         const char *const **out)
{
    const struct value *list = value_get(v, field);
    size_t n = value_is(list, VALUE_ARRAY) ? value_count(list) : 0;
    if (n == 0 || n > PATTERNS_MAX)
        return wrong(r, field, "has to be a list of 1 to 256 patterns");
    const char **all = ARENA_ARRAY(r->arena, const char *, n + 1);
    for (size_t i = 0; i < n; i++) {
        all[i] = value_str(value_item(list, i), "");
        if (!*all[i] || !glob_valid(all[i]))
            return wrong(r, field, "holds something that is no pattern");
    }
    *out = all;
    return 0;
}

static int check_fields(struct reader *r, const struct value *v, const char *const *known)
{
    if (!value_is(v, VALUE_OBJECT))
        return err_set(r->e, ERR_INVALID, "%s has to be an object", r->at);
    VALUE_EACH_MEMBER (m, v) {
        const char *const *k = known;
        while (*k && strcmp(*k, m->key) != 0)
            k++;
        if (!*k)
            return err_set(r->e, ERR_INVALID, "%s has the unknown field %s", r->at, m->key);
    }
    return 0;
}

static int read_fixed(struct reader *r, const struct value *v, struct registry_fixed *out)
{
    static const char *const known[] = {"repositories", "tags", NULL};
    int rc = check_fields(r, v, known);
    if (rc == 0)
        rc = read_patterns(r, v, "repositories", &out->repositories);
    return rc == 0 ? read_patterns(r, v, "tags", &out->tags) : rc;
}

static int read_quota(struct reader *r, const struct value *v, struct registry_quota *out)
{
    static const char *const known[] = {"repositories", "maxBytes", NULL};
    const struct value *max = value_get(v, "maxBytes");
    struct quantity q;
    int rc = check_fields(r, v, known);
    if (rc == 0)
        rc = read_patterns(r, v, "repositories", &out->repositories);
    if (rc < 0)
        return rc;
    if (value_is(max, VALUE_INT))
        q = quantity_from_int(value_int(max, 0), QUANTITY_DECIMAL);
    else if (quantity_parse(value_str(max, ""), &q, NULL) < 0)
        return wrong(r, "maxBytes", "has to be a quantity, as 10Gi");
    if (quantity_value(&q) <= 0)
        return wrong(r, "maxBytes", "has to be more than 0");
    out->max_bytes = (uint64_t)quantity_value(&q);
    return 0;
}

static bool is_url(const char *s)
{
    size_t scheme = strncmp(s, "https://", 8) == 0 ? 8 : strncmp(s, "http://", 7) == 0 ? 7 : 0;
    const char *host = s + scheme;
    return scheme && *host && !strpbrk(host, "@?# \"'\\<>") && *host != '/';
}

static int read_urls(struct reader *r, const struct value *v, struct registry_upstream *out)
{
    const struct value *list = value_get(v, "urls");
    size_t n = value_is(list, VALUE_ARRAY) ? value_count(list) : 0;
    if (n == 0 || n > PATTERNS_MAX)
        return wrong(r, "urls", "has to be a list of 1 to 256 addresses");
    const char **all = ARENA_ARRAY(r->arena, const char *, n + 1);
    for (size_t i = 0; i < n; i++) {
        const char *url = value_str(value_item(list, i), "");
        size_t len = strlen(url);
        if (!is_url(url))
            return wrong(r, "urls", "has an address that is not https://HOST or http://HOST");
        while (len && url[len - 1] == '/')
            len--;
        all[i] = arena_strndup(r->arena, url, len);
    }
    out->urls = all;
    return 0;
}

static int read_upstream(struct reader *r, const struct value *v, struct registry_upstream *out)
{
    static const char *const known[] = {"prefix", "urls", "revalidate", "secret", "insecure", NULL};
    const struct value *every = value_get(v, "revalidate"), *insecure = value_get(v, "insecure");
    int64_t ns = (int64_t)REVALIDATE_MS * 1000000;
    int rc = check_fields(r, v, known);
    if (rc == 0)
        rc = read_urls(r, v, out);
    if (rc < 0)
        return rc;
    out->prefix = value_at_str(v, "prefix", "");
    out->secret = value_at_str(v, "secret", NULL);
    out->insecure = value_bool(insecure, false);
    if (!reference_path_ok(out->prefix))
        return wrong(r, "prefix", "has to be the beginning of repositories' names, as hub");
    if (every && (clock_parse_duration(value_str(every, ""), &ns, NULL) < 0 || ns < 0))
        return wrong(r, "revalidate", "has to be a duration, as 5m");
    if (insecure && !value_is(insecure, VALUE_BOOL))
        return wrong(r, "insecure", "has to be true or false");
    out->revalidate_ms = ns / 1000000;
    return 0;
}

/* One of the lists; `size` of what one entry becomes. */
static int read_list(struct reader *r, const struct value *doc, const char *field, size_t size,
                     int (*one)(struct reader *, const struct value *, void *), void **out,
                     size_t *n)
{
    const struct value *list = value_get(doc, field);
    *n = 0;
    if (!list || value_is(list, VALUE_NULL))
        return 0;
    if (!value_is(list, VALUE_ARRAY) || value_count(list) > RULES_MAX)
        return err_set(r->e, ERR_INVALID, "%s has to be a list of at most %d", field, RULES_MAX);
    char *all = arena_alloc(r->arena, size * (value_count(list) + 1));
    VALUE_EACH_ITEM (v, list) {
        r->at = arena_printf(r->arena, "%s[%zu]", field, *n);
        int rc = one(r, v, all + size * (*n)++);
        if (rc < 0)
            return rc;
    }
    *out = all;
    return 0;
}

static int one_fixed(struct reader *r, const struct value *v, void *out)
{
    return read_fixed(r, v, out);
}

static int one_quota(struct reader *r, const struct value *v, void *out)
{
    return read_quota(r, v, out);
}

static int one_upstream(struct reader *r, const struct value *v, void *out)
{
    return read_upstream(r, v, out);
}

static int read_all(struct reader *r, const struct value *doc, struct registry_rules *out)
{
    static const char *const known[] = {"immutableTags", "quotas", "upstreams", NULL};
    void *fixed = NULL, *quotas = NULL, *upstreams = NULL;
    r->at = "it";
    int rc = check_fields(r, doc, known);
    if (rc == 0)
        rc = read_list(r, doc, "immutableTags", sizeof *out->fixed, one_fixed, &fixed,
                       &out->n_fixed);
    if (rc == 0)
        rc = read_list(r, doc, "quotas", sizeof *out->quotas, one_quota, &quotas, &out->n_quotas);
    if (rc == 0)
        rc = read_list(r, doc, "upstreams", sizeof *out->upstreams, one_upstream, &upstreams,
                       &out->n_upstreams);
    out->fixed = fixed;
    out->quotas = quotas;
    out->upstreams = upstreams;
    return rc;
}

int registry_policy_read(const char *text, struct registry_policy **out, struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(64 << 20);
    struct registry_rules rules = {0};
    struct reader r = {.arena = a, .e = e};
    struct value *doc = NULL;
    size_t n = strlen(text);
    if (n > TEXT_MAX_BYTES)
        return err_set(e, ERR_INVALID, "it is longer than %d bytes", TEXT_MAX_BYTES);
    const char *own = arena_strdup(a, text);
    int rc = yaml_parse(a, own, n, YAML_STRICT_KEYS, &doc, e);
    if (rc == 0 && doc && !value_is(doc, VALUE_NULL))
        rc = read_all(&r, doc, &rules);
    if (rc < 0)
        return rc;
    *out = policy__new(take_ptr(a), &rules);
    return 0;
}

static bool any_matches(const char *const *patterns, const char *text, unsigned flags)
{
    for (; *patterns; patterns++)
        if (glob_match(*patterns, text, flags))
            return true;
    return false;
}

bool policy__covers(const struct registry_quota *q, const char *repository)
{
    return any_matches(q->repositories, repository, 0);
}

/* cosign adds to what such a tag names, so that it moves. */
static bool is_about(const char *tag)
{
    return strncmp(tag, "sha256-", 7) == 0 && strspn(tag + 7, "0123456789abcdef") == HEX &&
           tag[7 + HEX] == '.';
}

bool registry_policy_fixes(const struct registry_policy *p, const char *repository, const char *tag)
{
    const struct registry_rules *r = p ? registry_policy_rules(p) : NULL;
    for (size_t i = 0; r && i < r->n_fixed; i++)
        if (any_matches(r->fixed[i].repositories, repository, 0) &&
            any_matches(r->fixed[i].tags, tag, GLOB_FLAT) && !is_about(tag))
            return true;
    return false;
}

const struct registry_upstream *registry_policy_upstream(const struct registry_policy *p,
                                                         const char *repository, const char **path)
{
    const struct registry_rules *r = p ? registry_policy_rules(p) : NULL;
    const struct registry_upstream *found = NULL;
    size_t longest = 0;
    for (size_t i = 0; r && i < r->n_upstreams; i++) {
        size_t n = strlen(r->upstreams[i].prefix);
        if (n <= longest || strncmp(repository, r->upstreams[i].prefix, n) != 0 ||
            repository[n] != '/')
            continue;
        longest = n;
        found = &r->upstreams[i];
        *path = repository + n + 1;
    }
    return found;
}
