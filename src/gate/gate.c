#include "gate/gate.h"

#include <string.h>

#include "base/clock.h"
#include "codec/glob.h"
#include "codec/regex.h"

#define OWN_BUILDER "https://slipway.dev/builders/local/v1"

static const int64_t day_ms = 86400LL * 1000;

enum { DEFAULT_AGE_DAYS = 7 };

/* ---- reading ---- */

static int check_members(const struct value *v, const char *what, const char *const *names,
                         struct err *e)
{
    VALUE_EACH_MEMBER (m, v) {
        size_t i = 0;
        while (names[i] && strcmp(names[i], m->key) != 0)
            i++;
        if (!names[i])
            return err_set(e, ERR_INVALID, "%s.%s is not understood here", what, m->key);
    }
    return 0;
}

static int read_expect(const struct value *v, const char *plain, const char *pattern,
                       struct bundle_expect *out, struct err *e)
{
    AUTO(regex) struct regex *re = NULL;
    const char *exact = value_at_str(v, plain, NULL), *like = value_at_str(v, pattern, NULL);
    if (!exact == !like)
        return err_set(e, ERR_INVALID, "keyless.identities needs one of %s and %s", plain, pattern);
    *out = (struct bundle_expect){exact ? exact : like, like != NULL};
    return exact ? 0 : regex_compile(like, strlen(like), 0, &re, e);
}

static int read_keyless(const struct value *v, struct arena *a, struct gate_authority *out,
                        struct err *e)
{
    static const char *const names[] = {"identities", NULL};
    static const char *const fields[] = {"issuer", "issuerRegExp", "subject", "subjectRegExp",
                                         NULL};
    const struct value *list = value_get(v, "identities");
    size_t n = value_count(list);
    int r = check_members(v, "keyless", names, e);
    if (r == 0 && (n == 0 || n > GATE_IDENTITIES_MAX))
        r = err_set(e, ERR_INVALID, "keyless.identities has %zu entries; 1 to %d are meant", n,
                    GATE_IDENTITIES_MAX);
    if (r < 0)
        return r;
    struct bundle_expect *who = ARENA_ARRAY(a, struct bundle_expect, n);
    struct bundle_expect *by = ARENA_ARRAY(a, struct bundle_expect, n);
    VALUE_EACH_ITEM (one, list) {
        r = check_members(one, "keyless.identities", fields, e);
        if (r == 0)
            r = read_expect(one, "subject", "subjectRegExp", &who[out->n_identities], e);
        if (r == 0)
            r = read_expect(one, "issuer", "issuerRegExp", &by[out->n_identities], e);
        if (r < 0)
            return r;
        out->n_identities++;
    }
    out->identities = who;
    out->issuers = by;
    return 0;
}

static int read_authority(const struct value *v, struct arena *a, struct gate_authority *out,
                          struct err *e)
{
    static const char *const names[] = {"name", "key", "keyless", NULL};
    static const char *const keys[] = {"data", "secretRef", "server", NULL};
    const struct value *key = value_get(v, "key"), *keyless = value_get(v, "keyless");
    out->name = value_at_str(v, "name", "an authority");
    int r = check_members(v, "authorities", names, e);
    if (r == 0)
        r = check_members(key, "key", keys, e);
    if (r == 0 && !key == !keyless)
        r = err_set(e, ERR_INVALID, "authority %s needs one of key and keyless", out->name);
    if (r < 0 || keyless)
        return r < 0 ? r : read_keyless(keyless, a, out, e);
    out->key = value_at_str(key, "data", NULL);
    out->secret = value_at_str(key, "secretRef.name", NULL);
    out->own = value_at_bool(key, "server", false);
    if (!!out->key + !!out->secret + out->own != 1)
        return err_set(e, ERR_INVALID, "key of authority %s needs one of data, secretRef, server",
                       out->name);
    return 0;
}

static int read_scan(const struct value *v, struct gate_policy *out, struct err *e)
{
    static const char *const names[] = {"maxAge", "required", NULL};
    int64_t ns;
    const char *age = value_at_str(v, "maxAge", NULL);
    int r = check_members(v, "scan", names, e);
    out->scan = value_at_bool(v, "required", true);
    if (r == 0 && age)
        r = clock_parse_duration(age, &ns, e);
    if (r == 0 && age)
        out->scan_age_ms = ns / 1000000;
    return r;
}

static int read_provenance(const struct value *v, struct gate_policy *out, struct err *e)
{
    static const char *const names[] = {"builders", "sources", "required", NULL};
    out->provenance = value_at_bool(v, "required", true);
    out->builders = value_get(v, "builders");
    out->sources = value_get(v, "sources");
    return check_members(v, "provenance", names, e);
}

void gate_policy_default(struct gate_policy *out)
{
    *out = (struct gate_policy){
        .name = "the default",
        .authorities = {{.name = "this server", .own = true}},
        .n_authorities = 1,
        .scan = true,
        .provenance = true,
        .scan_age_ms = DEFAULT_AGE_DAYS * day_ms,
    };
}

int gate_policy_read(const struct value *object, struct arena *a, struct gate_policy *out,
                     struct err *e)
{
    static const char *const names[] = {"images",     "authorities", "scan",
                                        "provenance", "mode",        NULL};
    const struct value *spec = value_get(object, "spec"), *list = value_get(spec, "authorities");
    const char *mode = value_at_str(spec, "mode", "enforce");
    struct gate_policy p;
    gate_policy_default(&p);
    p.name = value_at_str(object, "metadata.name", "");
    p.warn = strcmp(mode, "warn") == 0;
    int r = check_members(spec, "spec", names, e);
    if (r == 0 && !p.warn && strcmp(mode, "enforce") != 0)
        r = err_set(e, ERR_INVALID, "spec.mode is enforce or warn, not %s", mode);
    if (r == 0 && value_count(list) > GATE_AUTHORITIES_MAX)
        r = err_set(e, ERR_INVALID, "more than %d authorities", GATE_AUTHORITIES_MAX);
    if (r == 0 && value_count(list))
        p.n_authorities = 0;
    VALUE_EACH_ITEM (v, r == 0 ? list : NULL) {
        p.authorities[p.n_authorities] = (struct gate_authority){0};
        r = read_authority(v, a, &p.authorities[p.n_authorities++], e);
        if (r < 0)
            break;
    }
    if (r == 0)
        r = read_scan(value_get(spec, "scan"), &p, e);
    if (r == 0)
        r = read_provenance(value_get(spec, "provenance"), &p, e);
    if (r < 0)
        return err_wrap(e, r, "ImagePolicy %s", p.name);
    *out = p;
    return 0;
}

bool gate_policy_covers(const struct value *object, const char *image)
{
    const struct value *images = value_at(object, "spec.images");
    VALUE_EACH_ITEM (v, images)
        if (glob_match(value_at_str(v, "glob", ""), image, 0))
            return true;
    return value_count(images) == 0;
}

/* ---- deciding ---- */

static bool is_listed(const struct value *globs, const char *text)
{
    VALUE_EACH_ITEM (g, globs)
        if (glob_match(value_str(g, ""), text, GLOB_FLAT))
            return true;
    return false;
}

/* Where a statement says that the source came from: "git+URL@ref" without what is around the URL.
 */
static const char *source_of(const struct value *statement, struct arena *a)
{
    const struct value *definition = value_at(statement, "predicate.buildDefinition");
    VALUE_EACH_ITEM (d, value_get(definition, "resolvedDependencies")) {
        const char *uri = value_at_str(d, "uri", "");
        if (strncmp(uri, "git+", 4) == 0)
            return arena_strndup(a, uri + 4, strcspn(uri + 4, "@#"));
    }
    return value_at_str(definition, "externalParameters.source.repository", "");
}

static const char *provenance_refusal(const struct gate_policy *p, const struct gate_facts *f,
                                      struct arena *a)
{
    const char *why = "it has no provenance that can be believed";
    VALUE_EACH_ITEM (s, f->provenance) {
        const char *builder = value_at_str(s, "predicate.runDetails.builder.id", "");
        const char *source = source_of(s, a);
        bool known =
            p->builders ? is_listed(p->builders, builder) : strcmp(builder, OWN_BUILDER) == 0;
        if (!known)
            why = arena_printf(a, "it was built by %s, which is no allowed builder",
                               *builder ? builder : "nobody known");
        else if (p->sources && !is_listed(p->sources, source))
            why = arena_printf(a, "it was built from %s, which is no allowed source",
                               *source ? source : "nothing known");
        else
            return NULL;
    }
    return why;
}

static const char *scan_refusal(const struct gate_policy *p, const struct gate_facts *f,
                                int64_t now_ms, struct arena *a)
{
    char age[CLOCK_TEXT_MAX], most[CLOCK_TEXT_MAX];
    if (f->scanned_ms == INT64_MIN)
        return "no scan within policy is on record";
    if (now_ms - f->scanned_ms <= p->scan_age_ms)
        return NULL;
    clock_format_duration((now_ms - f->scanned_ms) / 1000 * 1000000000, age);
    clock_format_duration(p->scan_age_ms * 1000000, most);
    return arena_printf(a, "its last scan is %s old, more than %s", age, most);
}

const char *gate_refusal(const struct gate_policy *p, const struct gate_facts *f, int64_t now_ms,
                         struct arena *a)
{
    const char *why = NULL;
    if (!f->digest)
        why = "it is not in this registry, so nothing can be said of it";
    else if (!f->is_signed)
        why = f->unsigned_why;
    if (!why && p->scan)
        why = scan_refusal(p, f, now_ms, a);
    if (!why && p->provenance)
        why = provenance_refusal(p, f, a);
    return why ? arena_printf(a, "policy %s: %s", p->name, why) : NULL;
}

static bool is_in_force(const struct value *spec, int64_t now_ms)
{
    int64_t ns;
    return *value_at_str(spec, "owner", "") && *value_at_str(spec, "reason", "") &&
           clock_parse_rfc3339(value_at_str(spec, "expires", ""), &ns, NULL) == 0 &&
           now_ms < ns / 1000000;
}

/* "host/path" of "host/path:tag@digest" */
static size_t name_length(const char *image)
{
    const char *at = strchr(image, '@'), *slash = strrchr(image, '/');
    size_t n = at ? (size_t)(at - image) : strlen(image);
    const char *colon = memchr(slash && slash < image + n ? slash : image, ':',
                               slash && slash < image + n ? n - (size_t)(slash - image) : n);
    return colon ? (size_t)(colon - image) : n;
}

const struct value *gate_allowance(const struct value *const *allowances, size_t n,
                                   const char *image, const char *digest, int64_t now_ms)
{
    for (size_t i = 0; i < n; i++) {
        const struct value *spec = value_get(allowances[i], "spec");
        const char *meant = value_at_str(spec, "image", ""), *at = strchr(meant, '@');
        size_t length = name_length(image);
        bool named = strcmp(meant, image) == 0 ||
                     (at && (size_t)(at - meant) == length && strncmp(meant, image, length) == 0 &&
                      digest && strcmp(at + 1, digest) == 0);
        if (named && is_in_force(spec, now_ms))
            return allowances[i];
    }
    return NULL;
}

const char *gate_remedy(const char *ns, const char *image, const char *digest, struct arena *a)
{
    const char *what =
        digest ? arena_printf(a, "%.*s@%s", (int)name_length(image), image, digest) : image;
    return arena_printf(a, "slipway allow %s -n %s --for 24h --reason \"...\"", what, ns);
}

bool gate_protects(const struct value *ns)
{
    const struct value *labels = value_at(ns, "metadata.labels");
    return strcmp(value_str(value_get(labels, "slipway.dev/protected"), ""), "true") == 0 ||
           strcmp(value_str(value_get(labels, "policy.sigstore.dev/include"), ""), "true") == 0;
}
