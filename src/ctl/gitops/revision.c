/* Revisions of an Application: a commit, a chart's version, or one of each source with commas
 * between. */
#include <ctype.h>

#include "codec/semver.h"
#include "ctl/gitops/app_int.h"

const char *revision_part(struct arena *a, const char *revision, size_t i)
{
    for (; i > 0 && *revision; i--)
        revision += strcspn(revision, ",") + (revision[strcspn(revision, ",")] == ',');
    return arena_strndup(a, revision, strcspn(revision, ","));
}

const char *revision_join(struct arena *a, const char *const *parts, size_t n)
{
    const char *all = n > 0 ? parts[0] : "";
    for (size_t i = 1; i < n; i++)
        all = arena_printf(a, "%s,%s", all, parts[i]);
    return all;
}

static bool is_commit(const char *text, size_t n)
{
    bool hex = n == REPO_SHA_MAX - 1;
    for (size_t i = 0; hex && i < n; i++)
        hex = isxdigit((unsigned char)text[i]);
    return hex;
}

const char *revision_short(struct arena *a, const char *revision)
{
    const char *out = "";
    for (const char *s = revision; *s;) {
        size_t n = strcspn(s, ",");
        out = arena_printf(a, "%s%s%.*s", out, *out ? ", " : "", is_commit(s, n) ? 12 : (int)n, s);
        s += n + (s[n] == ',');
    }
    return out;
}

const char *revision_label(struct arena *a, const char *revision, size_t max)
{
    char *out = arena_strndup(a, revision, max);
    size_t n = strlen(out);
    for (char *c = out; *c; c++) {
        bool plain = isalnum((unsigned char)*c) || *c == '.';
        *c = plain ? (char)tolower((unsigned char)*c) : '-';
    }
    while (n > 0 && !isalnum((unsigned char)out[n - 1]))
        out[--n] = '\0';
    return out;
}

void revision_put(struct arena *a, struct value *into, const char *revision,
                  const struct value *source)
{
    bool many = value_is(source, VALUE_ARRAY);
    (void)value_remove(into, many ? "revision" : "revisions");
    if (!many) {
        (void)value_set_str(a, into, "revision", revision);
        return;
    }
    struct value *list = value_set(a, into, "revisions", value_new_array(a));
    for (size_t i = 0; i < value_count(source); i++)
        (void)value_push_str(a, list, revision_part(a, revision, i));
}

void revision_put_source(struct arena *a, struct value *into, const struct value *source)
{
    bool many = value_is(source, VALUE_ARRAY);
    (void)value_remove(into, many ? "source" : "sources");
    (void)value_set(a, into, many ? "sources" : "source", source);
}

const char *revision_get(struct arena *a, const struct value *from)
{
    const struct value *list = value_get(from, "revisions");
    size_t n = value_count(list), i = 0;
    const char **parts = ARENA_ARRAY(a, const char *, n + 1);
    VALUE_EACH_ITEM (r, list)
        parts[i++] = value_str(r, "");
    return n > 0 ? revision_join(a, parts, n) : value_at_str(from, "revision", "");
}

static int resolve_part(struct app *p, const struct app_source *s, const char *asked,
                        const char **out, struct err *e)
{
    char sha[REPO_SHA_MAX];
    if (s->chart) {
        struct charts_wish wish = s->wish;
        wish.version = asked;
        return charts_store_version(p->g->opts.charts, &wish, p->a, out, e);
    }
    int rc = repo_resolve(s->repo, asked, sha, e);
    if (rc == 0)
        *out = arena_strdup(p->a, sha);
    return rc;
}

int revision_resolve(struct app *p, const struct app_sources *s, const char *asked,
                     const char **out, struct err *e)
{
    const char **parts = ARENA_ARRAY(p->a, const char *, s->n);
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < s->n; i++) {
        const char *part = revision_part(p->a, asked, i);
        if (!*part)
            return err_set(e, ERR_INVALID, "revision %s names %zu of %zu sources", asked, i, s->n);
        rc = resolve_part(p, &s->items[i], part, &parts[i], e);
    }
    if (rc == 0)
        *out = revision_join(p->a, parts, s->n);
    return rc;
}
