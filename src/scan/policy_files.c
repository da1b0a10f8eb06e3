/* policy_files.c - what users of other tools have set aside: .trivyignore, OpenVEX, CycloneDX VEX.
 */
#include <string.h>

#include "base/clock.h"
#include "base/map.h"
#include "base/own.h"
#include "codec/json.h"
#include "codec/yaml.h"
#include "scan/purl.h"
#include "scan/scan.h"

enum { IGNORES_MAX = 100000 };

struct adding {
    struct arena *arena;
    struct scan_ignore *list;
    size_t n, cap;
};

static struct scan_ignore *add(struct adding *g)
{
    if (g->n == g->cap) {
        size_t cap = g->cap ? g->cap * 2 : 32, one = sizeof *g->list;
        g->list = arena_grow(g->arena, g->list, g->cap * one, cap * one);
        g->cap = cap;
    }
    return &g->list[g->n++];
}

/* "2026-01-31" or a moment; 0 when it is neither. */
static int64_t moment(struct arena *a, const char *text)
{
    int64_t ns;
    if (strlen(text) == 10)
        text = arena_join(a, text, "T00:00:00Z", NULL);
    return clock_parse_rfc3339(text, &ns, NULL) < 0 ? 0 : ns / 1000000;
}

/* A package URL that cannot be read names nothing: the statement is refused, not widened. */
static int read_purl(struct arena *a, const char *text, const struct purl **out, struct err *e)
{
    struct purl *p = ARENA_NEW(a, struct purl);
    int r = purl_parse(text, a, p, e);
    if (r == 0)
        *out = p;
    return r;
}

/* ---- .trivyignore ---- */

/* "CVE-2024-1 exp:2026-01-31 # why" */
static int ignore_line(struct adding *g, char *line, size_t number, struct err *e)
{
    char *comment = strchr(line, '#'), *rest = line;
    if (comment)
        *comment++ = '\0';
    const char *id = NULL, *until = NULL;
    for (char *word; (word = strsep(&rest, " \t\r"));) {
        if (!*word)
            continue;
        if (strncmp(word, "exp:", 4) == 0)
            until = word + 4;
        else if (!id)
            id = word;
    }
    if (!id)
        return 0;
    struct scan_ignore *out = add(g);
    *out = (struct scan_ignore){.id = id, .reason = "listed in .trivyignore"};
    if (comment && comment[strspn(comment, " \t")])
        out->reason = comment + strspn(comment, " \t");
    if (until && !(out->until_ms = moment(g->arena, until)))
        return err_set(e, ERR_INVALID, "line %zu: \"%.40s\" is no date such as 2026-01-31", number,
                       until);
    return 0;
}

static int read_lines(struct adding *g, char *text, struct err *e)
{
    size_t number = 0;
    for (char *line; (line = strsep(&text, "\n"));) {
        int r = g->n < IGNORES_MAX ? ignore_line(g, line, ++number, e)
                                   : err_set(e, ERR_TOO_LARGE, "more than %d lines", IGNORES_MAX);
        if (r < 0)
            return r;
    }
    return 0;
}

static const char *const *texts(struct arena *a, const struct value *list)
{
    const char **out = ARENA_ARRAY(a, const char *, value_count(list) + 1);
    size_t n = 0;
    VALUE_EACH_ITEM (v, list)
        out[n++] = value_str(v, "");
    return n ? out : NULL;
}

/* One entry for each package URL it names. */
static int yaml_entry(struct adding *g, const struct value *v, struct err *e)
{
    const struct value *purls = value_get(v, "purls");
    const char *until = value_at_str(v, "expired_at", NULL);
    size_t n = value_count(purls) ? value_count(purls) : 1;
    if (!value_at_str(v, "id", NULL))
        return err_set(e, ERR_INVALID, "line %u: an entry needs an id", v->line);
    for (size_t i = 0; i < n; i++) {
        struct scan_ignore ignore = {.id = value_at_str(v, "id", NULL),
                                     .paths = texts(g->arena, value_get(v, "paths")),
                                     .reason =
                                         value_at_str(v, "statement", "listed in .trivyignore")};
        const char *purl = value_str(value_item(purls, i), NULL);
        int r = purl ? read_purl(g->arena, purl, &ignore.purl, e) : 0;
        if (r < 0)
            return err_wrap(e, r, "line %u", v->line);
        if (until && !(ignore.until_ms = moment(g->arena, until)))
            return err_set(e, ERR_INVALID, "line %u: expired_at: \"%.40s\" is no date", v->line,
                           until);
        *add(g) = ignore;
    }
    return 0;
}

static int read_yaml(struct adding *g, const struct value *doc, struct err *e)
{
    VALUE_EACH_ITEM (v, value_get(doc, "vulnerabilities")) {
        int r = yaml_entry(g, v, e);
        if (r < 0)
            return r;
    }
    return 0;
}

/* ---- OpenVEX ---- */

static const char *product_purl(const struct value *product)
{
    const char *purl = value_at_str(product, "identifiers.purl", NULL);
    const char *id = value_str(product, value_at_str(product, "@id", ""));
    return purl ? purl : strncmp(id, "pkg:", 4) == 0 ? id : NULL;
}

static int vex_about(struct adding *g, const struct scan_ignore *base, const struct value *product,
                     struct err *e)
{
    const char *text = product_purl(product);
    struct scan_ignore one = *base;
    if (!text)
        return 0; /* named by something that no package of ours has */
    int r = read_purl(g->arena, text, &one.purl, e);
    if (r == 0)
        *add(g) = one;
    return r;
}

/* A product with subcomponents is what they are part of; they are what is judged. */
static int vex_statement(struct adding *g, const struct value *s, struct err *e)
{
    const struct value *v = value_get(s, "vulnerability");
    const char *status = value_at_str(s, "status", "");
    const char *why = value_at_str(s, "justification", value_at_str(s, "impact_statement", ""));
    const char *id = value_at_str(v, "name", value_at_str(v, "@id", value_str(v, NULL)));
    struct scan_ignore base = {.id = id};
    if (!id)
        return err_set(e, ERR_INVALID, "a statement names no vulnerability");
    base.lifts = strcmp(status, "not_affected") != 0 && strcmp(status, "fixed") != 0;
    base.reason = arena_join(g->arena, "VEX: ", status, *why ? ", " : "", why, NULL);
    VALUE_EACH_ITEM (product, value_get(s, "products")) {
        const struct value *parts = value_get(product, "subcomponents");
        int r = 0;
        VALUE_EACH_ITEM (part, parts)
            r = r < 0 ? r : vex_about(g, &base, part, e);
        if (!value_count(parts))
            r = vex_about(g, &base, product, e);
        if (r < 0)
            return r;
    }
    return 0;
}

static int read_openvex(struct adding *g, const struct value *doc, struct err *e)
{
    VALUE_EACH_ITEM (s, value_get(doc, "statements")) {
        int r = vex_statement(g, s, e);
        if (r < 0)
            return r;
    }
    return 0;
}

/* ---- CycloneDX ---- */

/* A bom-ref of this document, one of another ("urn:cdx:…#ref"), or a package URL itself. */
static const char *purl_of_ref(const struct map *components, const char *ref)
{
    const char *hash = strncmp(ref, "urn:cdx:", 8) == 0 ? strchr(ref, '#') : NULL;
    if (hash)
        ref = hash + 1;
    const char *purl = map_get(components, ref);
    return purl ? purl : strncmp(ref, "pkg:", 4) == 0 ? ref : NULL;
}

static int cyclonedx_statement(struct adding *g, const struct map *components,
                               const struct value *v, struct err *e)
{
    static const char settled[] = ",resolved,resolved_with_pedigree,false_positive,not_affected,";
    const char *state = value_at_str(v, "analysis.state", NULL), *id = value_at_str(v, "id", NULL);
    if (!state || !id)
        return 0;
    const char *why =
        value_at_str(v, "analysis.justification", value_at_str(v, "analysis.detail", ""));
    struct scan_ignore base = {.id = id};
    base.lifts = !strstr(settled, arena_join(g->arena, ",", state, ",", NULL));
    base.reason = arena_join(g->arena, "VEX: ", state, *why ? ", " : "", why, NULL);
    VALUE_EACH_ITEM (affects, value_get(v, "affects")) {
        const char *purl = purl_of_ref(components, value_at_str(affects, "ref", ""));
        struct scan_ignore one = base;
        if (!purl)
            continue;
        int r = read_purl(g->arena, purl, &one.purl, e);
        if (r < 0)
            return r;
        *add(g) = one;
    }
    return 0;
}

static int read_cyclonedx(struct adding *g, const struct value *doc, struct err *e)
{
    struct map components;
    int r = 0;
    map_init(&components);
    VALUE_EACH_ITEM (c, value_get(doc, "components"))
        (void)map_put(&components, value_at_str(c, "bom-ref", ""),
                      (void *)(uintptr_t)value_at_str(c, "purl", NULL));
    VALUE_EACH_ITEM (v, value_get(doc, "vulnerabilities"))
        r = r < 0 ? r : cyclonedx_statement(g, &components, v, e);
    map_done(&components);
    return r;
}

/* ---- which ---- */

static int read_any(struct adding *g, const char *text, size_t n, struct err *e)
{
    struct value *doc;
    int r;
    if (text[strspn(text, " \t\r\n")] == '{') {
        r = json_parse(g->arena, text, n, JSON_SHALLOW, &doc, e);
        if (r < 0)
            return r;
        if (strstr(value_at_str(doc, "@context", ""), "openvex"))
            return read_openvex(g, doc, e);
        if (strcmp(value_at_str(doc, "bomFormat", ""), "CycloneDX") == 0)
            return read_cyclonedx(g, doc, e);
        return err_set(e, ERR_UNSUPPORTED, "this is neither OpenVEX nor a CycloneDX document");
    }
    if (!strstr(text, "vulnerabilities:") && !strstr(text, "misconfigurations:") &&
        !strstr(text, "secrets:"))
        return read_lines(g, arena_strndup(g->arena, text, n), e);
    r = yaml_parse(g->arena, text, n, 0, &doc, e);
    return r < 0 ? r : read_yaml(g, doc, e);
}

int scan_policy_add(struct scan_policy *p, const char *text, size_t n, struct arena *a,
                    struct err *e)
{
    struct adding g = {.arena = a};
    for (size_t i = 0; i < p->n_ignores; i++)
        *add(&g) = p->ignores[i];
    int r = read_any(&g, arena_strndup(a, text, n), n, e);
    if (r < 0)
        return r;
    p->ignores = g.list;
    p->n_ignores = g.n;
    return 0;
}
