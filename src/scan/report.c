#include "scan/report.h"

#include <ctype.h>
#include <string.h>

#include "base/clock.h"
#include "base/map.h"
#include "base/own.h"
#include "codec/json.h"

static const char *const names[] = {"table", "json", "sarif", "cyclonedx", "spdx"};

int report_format_parse(const char *text, enum report_format *out, struct err *e)
{
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (strcmp(names[i], text) == 0) {
            *out = (enum report_format)i;
            return 0;
        }
    return err_set(e, ERR_INVALID, "\"%.40s\" is no format: table, json, sarif, cyclonedx or spdx",
                   text);
}

/* ---- SARIF 2.1.0: one rule an advisory, one result a finding ---- */

static const char *level_of(const struct finding *f)
{
    return f->severity >= SEVERITY_HIGH     ? "error"
           : f->severity == SEVERITY_MEDIUM ? "warning"
                                            : "note";
}

/* What a reader of SARIF ranks by; where a database only says a word, the middle of its span. */
static double rank_of(const struct finding *f)
{
    static const double of_word[] = {0, 2, 5.5, 8, 9.5};
    return f->score > 0 ? f->score : of_word[f->severity];
}

/* A path or name as a URI reference has it: nothing of it is taken for a scheme or a query. */
static const char *in_uri(struct arena *a, const char *text)
{
    AUTO_BUF struct buf b;
    buf_init(&b, SIZE_MAX / 2);
    for (const char *p = text; *p; p++) {
        if (isalnum((unsigned char)*p) || strchr("/-._~", *p))
            buf_putc(&b, *p);
        else
            buf_printf(&b, "%%%02X", (unsigned char)*p);
    }
    return arena_strndup(a, buf_text(&b), b.len);
}

static void put_rule(struct arena *a, struct value *rules, const struct finding *f, const char *tag)
{
    struct value *rule = value_push(a, rules, value_new_object(a));
    (void)value_set_str(a, rule, "id", f->id);
    (void)value_set_str(a, value_make_object(a, rule, "shortDescription"), "text",
                        *f->summary ? f->summary : f->id);
    if (strcmp(tag, "vulnerability") == 0)
        (void)value_set(a, rule, "helpUri",
                        value_new_strf(a, "https://osv.dev/vulnerability/%s", in_uri(a, f->id)));
    struct value *properties = value_make_object(a, rule, "properties");
    (void)value_set(a, properties, "security-severity", value_new_strf(a, "%.1f", rank_of(f)));
    struct value *tags = value_make_array(a, properties, "tags");
    (void)value_push_str(a, tags, tag);
    (void)value_push_str(a, tags, severity_name(f->severity));
}

static void put_result(struct arena *a, struct value *results, const struct finding *f, size_t rule)
{
    const struct package *p = f->package;
    struct value *r = value_push(a, results, value_new_object(a));
    (void)value_set_str(a, r, "ruleId", f->id);
    (void)value_set_int(a, r, "ruleIndex", (int64_t)rule);
    (void)value_set_str(a, r, "level", level_of(f));
    (void)value_set(a, value_make_object(a, r, "message"), "text",
                    value_new_strf(a, "%s %s: %s%s%s", p->binary, p->version,
                                   *f->summary ? f->summary : f->id,
                                   *f->fixed ? "; fixed in " : "; no version mends it", f->fixed));
    struct value *place = value_push(a, value_make_array(a, r, "locations"), value_new_object(a));
    struct value *where = value_make_object(a, place, "physicalLocation");
    const char *path = p->path + (*p->path == '/');
    (void)value_set_str(a, value_make_object(a, where, "artifactLocation"), "uri",
                        *path ? in_uri(a, path) : "sbom");
    (void)value_set_int(a, value_make_object(a, where, "region"), "startLine", 1);
    (void)value_set(a, value_make_object(a, r, "partialFingerprints"), "slipway/package",
                    value_new_strf(a, "%s/%s/%s", f->id, p->ecosystem, p->binary));
    if (!f->ignored)
        return;
    struct value *s = value_push(a, value_make_array(a, r, "suppressions"), value_new_object(a));
    (void)value_set_str(a, s, "kind", "external");
    (void)value_set_str(a, s, "justification", f->why);
}

static void put_issue(struct arena *a, struct value *rules, struct value *results, struct map *seen,
                      const struct issue *s)
{
    struct package place = {"file", s->rule, "", s->title, s->path, "", false};
    struct finding f = {.id = s->rule,
                        .summary = s->title,
                        .package = &place,
                        .fixed = "",
                        .severity = s->severity,
                        .ignored = s->ignored,
                        .why = s->why};
    size_t rule = (size_t)(uintptr_t)map_get(seen, s->rule);
    if (!rule) {
        put_rule(a, rules, &f, s->kind == ISSUE_SECRET ? "secret" : "misconfiguration");
        rule = value_count(rules);
        (void)map_put(seen, s->rule, (void *)(uintptr_t)rule);
    }
    put_result(a, results, &f, rule - 1);
    struct value *r = &results->items[results->n - 1];
    (void)value_set(a, value_make_object(a, r, "message"), "text",
                    value_new_strf(a, "%s; %s", s->title, s->advice));
    if (s->line)
        (void)value_set_int(a, value_at_mut(r, "locations[0].physicalLocation.region"), "startLine",
                            s->line);
}

static struct value *sarif(const struct scan_report *r, const struct sbom_about *about,
                           struct arena *a)
{
    struct value *doc = value_new_object(a);
    struct map seen;
    (void)value_set_str(a, doc, "$schema",
                        "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/"
                        "sarif-schema-2.1.0.json");
    (void)value_set_str(a, doc, "version", "2.1.0");
    struct value *run = value_push(a, value_make_array(a, doc, "runs"), value_new_object(a));
    struct value *driver = value_make_object(a, run, "tool.driver");
    (void)value_set_str(a, driver, "name", "slipway");
    (void)value_set_str(a, driver, "version", about->version);
    struct value *rules = value_new_array(a), *results = value_new_array(a);
    map_init(&seen);
    for (size_t i = 0; i < r->n; i++) {
        const struct finding *f = &r->findings[i];
        size_t rule = (size_t)(uintptr_t)map_get(&seen, f->id);
        if (!rule) {
            put_rule(a, rules, f, "vulnerability");
            rule = value_count(rules);
            (void)map_put(&seen, f->id, (void *)(uintptr_t)rule);
        }
        put_result(a, results, f, rule - 1);
    }
    for (size_t i = 0; i < r->issues.n; i++)
        put_issue(a, rules, results, &seen, &r->issues.items[i]);
    map_done(&seen);
    (void)value_set(a, driver, "rules", rules);
    (void)value_set(a, run, "results", results);
    return doc;
}

/* ---- CycloneDX: the bill of material, and the findings as its vulnerabilities ---- */

static void put_rating(struct arena *a, struct value *v, const struct finding *f)
{
    static const char *const words[] = {"unknown", "low", "medium", "high", "critical"};
    struct value *r = value_push(a, value_make_array(a, v, "ratings"), value_new_object(a));
    if (f->score > 0)
        (void)value_set(a, r, "score", value_new_float(a, f->score));
    (void)value_set_str(a, r, "severity", words[f->severity]);
    if (!f->vector)
        return;
    (void)value_set_str(a, r, "method",
                        strncmp(f->vector, "CVSS:4", 6) == 0     ? "CVSSv4"
                        : strncmp(f->vector, "CVSS:3.1", 8) == 0 ? "CVSSv31"
                        : strncmp(f->vector, "CVSS:3", 6) == 0   ? "CVSSv3"
                                                                 : "CVSSv2");
    (void)value_set_str(a, r, "vector", f->vector);
}

static void put_vulnerability(struct arena *a, struct value *list, const struct finding *f,
                              const char *ref)
{
    struct value *v = value_push(a, list, value_new_object(a));
    (void)value_set_str(a, v, "id", f->id);
    put_rating(a, v, f);
    if (*f->summary)
        (void)value_set_str(a, v, "description", f->summary);
    if (*f->fixed)
        (void)value_set(a, v, "recommendation",
                        value_new_strf(a, "Upgrade %s to %s", f->package->binary, f->fixed));
    for (const char *const *alias = f->aliases; *alias; alias++) {
        struct value *other =
            value_push(a, value_make_array(a, v, "references"), value_new_object(a));
        (void)value_set_str(a, other, "id", *alias);
        (void)value_set_str(a, value_make_object(a, other, "source"), "name", "OSV");
    }
    if (f->ignored) {
        struct value *analysis = value_make_object(a, v, "analysis");
        (void)value_set_str(a, analysis, "state", "not_affected");
        (void)value_set_str(a, analysis, "detail", f->why);
    }
    (void)value_set_str(a, value_push(a, value_make_array(a, v, "affects"), value_new_object(a)),
                        "ref", ref);
}

static struct value *cyclonedx(const struct scan_report *r, const struct sbom_about *about,
                               struct arena *a)
{
    const char **refs = ARENA_ARRAY(a, const char *, r->inventory.n + 1);
    struct value *doc = sbom_cyclonedx(&r->inventory, about, refs, a);
    struct value *list = value_new_array(a);
    for (size_t i = 0; i < r->n; i++)
        put_vulnerability(a, list, &r->findings[i],
                          refs[r->findings[i].package - r->inventory.packages]);
    if (r->n)
        (void)value_set(a, doc, "vulnerabilities", list);
    return doc;
}

void report_print(const struct scan_report *r, enum report_format format,
                  const struct sbom_about *about, struct arena *a, struct buf *out)
{
    const struct value *doc = NULL;
    switch (format) {
    case REPORT_TABLE:
        scan_report_print(r, out);
        return;
    case REPORT_JSON:
        doc = scan_report_value(r, a);
        break;
    case REPORT_SARIF:
        doc = sarif(r, about, a);
        break;
    case REPORT_CYCLONEDX:
        doc = cyclonedx(r, about, a);
        break;
    case REPORT_SPDX:
        doc = sbom_spdx(&r->inventory, about, a);
        break;
    }
    json_print(out, doc, JSON_PRETTY | JSON_NO_HTML);
    buf_putc(out, '\n');
}
