/* policy.c - what fails a scan, read from a user's file. */
#include <string.h>

#include "base/clock.h"
#include "scan/scan.h"

static int unknown_field(const struct member *m, const char *where, struct err *e)
{
    return err_set(e, ERR_INVALID, "line %u: %s has no field \"%s\"", m->line, where, m->key);
}

/* A day, or a moment. */
static int read_until(const struct value *v, int64_t *out_ms, struct err *e)
{
    const char *text = value_str(v, "");
    char full[64];
    int64_t ns;
    if (strlen(text) == 10) {
        (void)snprintf(full, sizeof full, "%sT00:00:00Z", text);
        text = full;
    }
    if (clock_parse_rfc3339(text, &ns, e) < 0)
        return err_set(e, ERR_INVALID, "line %u: until: \"%.40s\" is no date such as 2026-01-31",
                       v->line, value_str(v, ""));
    *out_ms = ns / 1000000;
    return 0;
}

static const char *const *read_globs(const struct value *list, struct arena *a)
{
    const char **out = ARENA_ARRAY(a, const char *, value_count(list) + 1);
    size_t n = 0;
    VALUE_EACH_ITEM (v, list)
        out[n++] = value_str(v, "");
    return out;
}

static int read_ignore(const struct value *v, struct arena *a, struct scan_ignore *out,
                       struct err *e)
{
    out->reason = "";
    VALUE_EACH_MEMBER (m, v) {
        int r = 0;
        if (strcmp(m->key, "id") == 0)
            out->id = value_str(&m->value, NULL);
        else if (strcmp(m->key, "package") == 0)
            out->package = value_str(&m->value, NULL);
        else if (strcmp(m->key, "paths") == 0)
            out->paths = read_globs(&m->value, a);
        else if (strcmp(m->key, "reason") == 0)
            out->reason = value_str(&m->value, "");
        else if (strcmp(m->key, "until") == 0)
            r = read_until(&m->value, &out->until_ms, e);
        else
            r = unknown_field(m, "an entry of ignore", e);
        if (r < 0)
            return r;
    }
    if ((!out->id && !out->package && !out->paths) || !*out->reason)
        return err_set(e, ERR_INVALID,
                       "line %u: an entry of ignore needs a reason and an id, a package or paths",
                       v->line);
    return 0;
}

static int read_ignores(const struct value *list, struct arena *a, struct scan_policy *p,
                        struct err *e)
{
    struct scan_ignore *out = ARENA_ARRAY(a, struct scan_ignore, value_count(list) + 1);
    VALUE_EACH_ITEM (v, list) {
        int r = read_ignore(v, a, &out[p->n_ignores++], e);
        if (r < 0)
            return r;
    }
    p->ignores = out;
    return 0;
}

static int read_field(const struct member *m, struct arena *a, struct scan_policy *p, struct err *e)
{
    int64_t ns;
    int r = 0;
    if (strcmp(m->key, "severity") == 0) {
        r = severity_parse(value_str(&m->value, ""), &p->fail_at, e);
    } else if (strcmp(m->key, "fixedOnly") == 0) {
        p->fixed_only = value_bool(&m->value, false);
    } else if (strcmp(m->key, "skipPaths") == 0) {
        p->skip = read_globs(&m->value, a);
        p->n_skip = value_count(&m->value);
    } else if (strcmp(m->key, "devDependencies") == 0) {
        p->dev = value_bool(&m->value, false);
    } else if (strcmp(m->key, "maxDatabaseAge") == 0) {
        r = clock_parse_duration(value_str(&m->value, ""), &ns, e);
        p->max_age_ms = r == 0 ? ns / 1000000 : 0;
    } else if (strcmp(m->key, "ignore") == 0) {
        r = read_ignores(&m->value, a, p, e);
    } else {
        return unknown_field(m, "a scan policy", e);
    }
    return r < 0 ? err_wrap(e, r, "line %u: %s", m->line, m->key) : 0;
}

int scan_policy_parse(const struct value *doc, struct arena *a, struct scan_policy *out,
                      struct err *e)
{
    struct scan_policy p = {.fail_at = SEVERITY_HIGH};
    if (!value_is(doc, VALUE_OBJECT))
        return err_set(e, ERR_INVALID, "a scan policy is a mapping such as {severity: high}");
    VALUE_EACH_MEMBER (m, doc) {
        int r = read_field(m, a, &p, e);
        if (r < 0)
            return r;
    }
    *out = p;
    return 0;
}
