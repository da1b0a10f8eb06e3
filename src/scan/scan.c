#include "scan/scan.h"

#include <string.h>

#include "base/clock.h"
#include "base/map.h"
#include "codec/glob.h"
#include "scan/purl.h"
#include "scan/version.h"

/* ---- one record against one package ---- */

struct verdict {
    bool affected, unknown;
    const char *fixed;
};

static int compare(const struct package *p, const char *a, const char *b, bool *unknown)
{
    int c = 0;
    if (version_compare(p->ecosystem, a, b, &c, NULL) < 0)
        *unknown = true;
    return c;
}

/* What an event says of a version at or behind it. */
static const char *event_version(const struct value *ev, bool *opens, bool *after)
{
    const char *introduced = value_at_str(ev, "introduced", NULL);
    const char *last = value_at_str(ev, "last_affected", NULL);
    *opens = introduced != NULL;
    *after = last != NULL; /* closes only behind itself */
    return introduced ? introduced : last ? last : value_at_str(ev, "fixed", NULL);
}

/* "0" is before every version, also where the ecosystem has older ones. */
static int event_compare(const struct package *p, const char *a, const char *b, bool *unknown)
{
    bool zero_a = strcmp(a, "0") == 0, zero_b = strcmp(b, "0") == 0;
    return zero_a || zero_b ? zero_b - zero_a : compare(p, a, b, unknown);
}

/* The newest event that the version has reached decides; events stand in any order. */
static void judge_range(const struct package *p, const struct value *range, struct verdict *v)
{
    const char *reached = NULL, *fixed = NULL;
    bool inside = false, unknown = false;
    if (strcmp(value_at_str(range, "type", ""), "GIT") == 0)
        return;
    VALUE_EACH_ITEM (ev, value_get(range, "events")) {
        bool opens, after;
        const char *at = event_version(ev, &opens, &after);
        if (!at)
            continue;
        bool past = (opens && strcmp(at, "0") == 0) ||
                    compare(p, p->version, at, &unknown) >= (after ? 1 : 0);
        if (!past && !opens && !after && (!fixed || event_compare(p, at, fixed, &unknown) < 0))
            fixed = at;
        if (past && (!reached || event_compare(p, at, reached, &unknown) >= 0)) {
            reached = at;
            inside = opens;
        }
    }
    v->unknown = v->unknown || unknown;
    if (inside && !unknown) {
        v->affected = true;
        if (fixed)
            v->fixed = fixed;
    }
}

bool scan_range_affects(const struct package *p, const struct value *range)
{
    struct verdict v = {.fixed = ""};
    judge_range(p, range, &v);
    return v.affected;
}

static struct verdict judge(const struct package *p, const struct value *record)
{
    struct verdict v = {.fixed = ""};
    VALUE_EACH_ITEM (range, value_at(record, "affected.ranges"))
        judge_range(p, range, &v);
    VALUE_EACH_ITEM (listed, value_at(record, "affected.versions"))
        if (strcmp(value_str(listed, ""), p->version) == 0)
            v.affected = true;
    return v;
}

/* ---- the report ---- */

struct scanning {
    const struct advisories *db;
    const struct scan_policy *policy;
    int64_t now_ms;
    struct arena *arena;
    struct scan_report *out;
    struct map first; /* package at a version → number of its first finding + 1 */
    size_t *next;     /* the findings of one package are a chain */
    size_t cap;
};

static const char *const *texts(struct arena *a, const struct value *list)
{
    const char **out = ARENA_ARRAY(a, const char *, value_count(list) + 1);
    size_t n = 0;
    VALUE_EACH_ITEM (v, list)
        out[n++] = value_str(v, "");
    return out;
}

static bool names(const struct finding *f, const char *id)
{
    bool yes = strcmp(f->id, id) == 0;
    for (const char *const *alias = f->aliases; !yes && *alias; alias++)
        yes = strcmp(*alias, id) == 0;
    return yes;
}

static bool share_a_name(const struct finding *a, const struct finding *b)
{
    bool yes = names(a, b->id);
    for (const char *const *alias = b->aliases; !yes && *alias; alias++)
        yes = names(a, *alias);
    return yes;
}

static bool has_text(const char *const *list, const char *text)
{
    for (; *list; list++)
        if (strcmp(*list, text) == 0)
            return true;
    return false;
}

/* Two records about the same flaw are one finding, which knows what both say. */
static void merge(struct finding *f, const struct finding *other, struct arena *a)
{
    size_t n = 0, more = 1;
    while (f->aliases[n])
        n++;
    while (other->aliases[more - 1])
        more++;
    const char **all = ARENA_ARRAY(a, const char *, n + more + 1);
    memcpy((void *)all, (const void *)f->aliases, n * sizeof *all);
    for (size_t i = 0; i < more; i++) {
        const char *id = i ? other->aliases[i - 1] : other->id;
        if (strcmp(id, f->id) != 0 && !has_text(all, id))
            all[n++] = id;
    }
    f->aliases = all;
    if (f->score == 0 && (other->score > 0 || f->severity == SEVERITY_UNKNOWN)) {
        f->severity = other->severity;
        f->score = other->score;
        f->vector = other->vector;
    }
    f->summary = *f->summary ? f->summary : other->summary;
    f->fixed = *f->fixed ? f->fixed : other->fixed;
    f->epss = f->epss >= 0 ? f->epss : other->epss;
    f->kev = f->kev ? f->kev : other->kev;
}

/* The same package of another layer or file counts once, and so do aliases. False: it is new. */
static bool merge_known(struct scanning *s, const struct finding *f, size_t first)
{
    for (size_t at = first; at; at = s->next[at - 1]) {
        struct finding *known = &s->out->findings[at - 1];
        if (share_a_name(known, f)) {
            if (strcmp(known->id, f->id) != 0)
                merge(known, f, s->arena);
            return true;
        }
    }
    return false;
}

static bool any_path(const char *const *globs, const char *path)
{
    for (; *globs; globs++)
        if (glob_match(*globs, path + (*path == '/' && **globs != '/'), GLOB_PREFIX))
            return true;
    return false;
}

/* Type, namespace and name, and the version where the statement has one. */
static bool is_named_by(const struct purl *want, const struct scanning *s, const struct package *k)
{
    struct purl p;
    const char *text = purl_of_package(k, &s->out->inventory, s->arena);
    if (!text || purl_parse(text, s->arena, &p, NULL) < 0)
        return false;
    return strcmp(p.type, want->type) == 0 && strcmp(p.name, want->name) == 0 &&
           strcmp(p.namespace ? p.namespace : "", want->namespace ? want->namespace : "") == 0 &&
           (!want->version || (p.version && strcmp(want->version, p.version) == 0));
}

static bool covers(const struct scan_ignore *g, const struct scanning *s, const struct finding *f)
{
    return (!g->id || names(f, g->id)) &&
           (!g->package || strcmp(g->package, f->package->name) == 0 ||
            strcmp(g->package, f->package->binary) == 0) &&
           (!g->until_ms || g->until_ms > s->now_ms) &&
           (!g->paths || any_path(g->paths, f->package->path)) &&
           (!g->purl || is_named_by(g->purl, s, f->package));
}

static void apply_policy(const struct scanning *s, struct finding *f)
{
    const struct scan_policy *p = s->policy;
    for (size_t i = 0; i < p->n_ignores; i++) {
        const struct scan_ignore *g = &p->ignores[i];
        if (!covers(g, s, f) || (g->lifts && strncmp(f->why, "VEX: ", 5) != 0))
            continue;
        f->ignored = !g->lifts;
        f->why = g->lifts ? "" : g->reason;
    }
    f->fails = !f->ignored && p->fail_at != SEVERITY_UNKNOWN && f->severity >= p->fail_at &&
               (!p->fixed_only || *f->fixed);
}

static void add_finding(struct scanning *s, const struct package *p, const struct value *record,
                        const char *fixed)
{
    struct scan_report *out = s->out;
    struct severity_score severity = severity_of(record);
    struct finding f = {.id = value_at_str(record, "id", ""),
                        .summary = value_at_str(record, "summary", ""),
                        .aliases = texts(s->arena, value_get(record, "aliases")),
                        .package = p,
                        .fixed = fixed,
                        .severity = severity.level,
                        .score = severity.score,
                        .vector = severity.vector,
                        .epss = value_num(value_get(record, "epss"), -1),
                        .kev = value_at_str(record, "kev", NULL),
                        .why = ""};
    const char *key = arena_join(s->arena, p->ecosystem, "\n", p->name, "\n", p->version, NULL);
    size_t first = (size_t)(uintptr_t)map_get(&s->first, key);
    if (merge_known(s, &f, first))
        return;
    if (out->n == s->cap) {
        size_t cap = s->cap ? s->cap * 2 : 16;
        out->findings = arena_grow(s->arena, out->findings, s->cap * sizeof f, cap * sizeof f);
        s->next = arena_grow(s->arena, s->next, s->cap * sizeof *s->next, cap * sizeof *s->next);
        s->cap = cap;
    }
    s->next[out->n] = first;
    out->findings[out->n++] = f;
    (void)map_put(&s->first, key, (void *)(uintptr_t)out->n);
}

static int scan_package(struct scanning *s, const struct package *p, struct err *e)
{
    struct value *records;
    bool unknown = false;
    int r = advisories_find(s->db, p->ecosystem, p->name, s->arena, &records, e);
    if (r < 0)
        return r;
    VALUE_EACH_ITEM (record, records) {
        struct verdict v = judge(p, record);
        unknown = unknown || v.unknown;
        if (v.affected)
            add_finding(s, p, record, v.fixed);
    }
    s->out->unknown_order += unknown;
    return 0;
}

static int worst_first(const void *a, const void *b)
{
    const struct finding *x = a, *y = b;
    if (x->fails != y->fails)
        return y->fails - x->fails;
    if (x->severity != y->severity)
        return (int)y->severity - (int)x->severity;
    int c = strcmp(x->package->name, y->package->name);
    return c ? c : strcmp(x->id, y->id);
}

static bool is_skipped(const struct scan_policy *policy, const char *path)
{
    for (size_t i = 0; i < policy->n_skip; i++)
        if (glob_match(policy->skip[i], path + (*path == '/' && *policy->skip[i] != '/'),
                       GLOB_PREFIX))
            return true;
    return false;
}

static void conclude(struct scan_report *r, struct arena *a)
{
    r->passed = r->failing == 0;
    r->summary = arena_printf(a, "%zu packages, %zu findings, %zu above the policy, %zu ignored%s",
                              r->inventory.n, r->n + r->issues.n, r->failing, r->ignored,
                              r->unknown_order ? "; some versions could not be compared" : "");
}

static void judge_issue(struct issue *i, const struct scan_policy *p, int64_t now_ms)
{
    for (size_t k = 0; k < p->n_ignores; k++) {
        const struct scan_ignore *g = &p->ignores[k];
        if (g->purl || g->package || (g->id && strcmp(g->id, i->rule) != 0) ||
            (g->until_ms && g->until_ms <= now_ms) || (g->paths && !any_path(g->paths, i->path)))
            continue;
        i->ignored = true;
        i->why = g->reason;
    }
    i->fails = !i->ignored && p->fail_at != SEVERITY_UNKNOWN && i->severity >= p->fail_at;
}

static int worst_issue_first(const void *a, const void *b)
{
    const struct issue *x = a, *y = b;
    if (x->severity != y->severity)
        return (int)y->severity - (int)x->severity;
    int c = strcmp(x->path, y->path);
    return c ? c : (x->line > y->line) - (x->line < y->line);
}

void scan_add_issues(struct scan_report *r, const struct issue_list *issues,
                     const struct scan_policy *policy, int64_t now_ms, struct arena *a)
{
    struct issue_list all = {.items = ARENA_ARRAY(a, struct issue, issues->n + 1)};
    for (size_t k = 0; k < issues->n; k++) {
        struct issue i = issues->items[k];
        if (is_skipped(policy, i.path))
            continue;
        judge_issue(&i, policy, now_ms);
        r->failing += i.fails;
        r->ignored += i.ignored;
        all.items[all.n++] = i;
    }
    if (all.n)
        qsort(all.items, all.n, sizeof *all.items, worst_issue_first);
    r->issues = all;
    conclude(r, a);
}

int scan_run(const struct inventory *inv, const struct advisories *db,
             const struct scan_policy *policy, int64_t now_ms, struct arena *a,
             struct scan_report *out, struct err *e)
{
    struct scan_report r = {
        .inventory = *inv, .database_ms = advisories_built_ms(db), .now_ms = now_ms};
    struct scanning s = {.db = db, .policy = policy, .now_ms = now_ms, .arena = a, .out = &r};
    int64_t age_ms = now_ms - advisories_built_ms(db);
    if (policy->max_age_ms && age_ms > policy->max_age_ms) {
        (void)err_set(e, ERR_DENIED,
                      "the advisory database is %lld days old, the policy allows %lld",
                      (long long)(age_ms / 86400000), (long long)(policy->max_age_ms / 86400000));
        return err_hint(e, "update it with `slipway db build`");
    }
    int rc = 0;
    map_init(&s.first);
    for (size_t i = 0; rc == 0 && i < inv->n; i++)
        if ((policy->dev || !inv->packages[i].dev) && !is_skipped(policy, inv->packages[i].path))
            rc = scan_package(&s, &inv->packages[i], e);
    map_done(&s.first);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < r.n; i++) {
        apply_policy(&s, &r.findings[i]);
        r.failing += r.findings[i].fails;
        r.ignored += r.findings[i].ignored;
    }
    if (r.n)
        qsort(r.findings, r.n, sizeof *r.findings, worst_first);
    conclude(&r, a);
    *out = r;
    return 0;
}

static void put_scores(struct arena *a, struct value *o, const struct finding *f)
{
    if (*f->aliases) {
        struct value *list = value_make_array(a, o, "aliases");
        for (const char *const *alias = f->aliases; *alias; alias++)
            (void)value_push_str(a, list, *alias);
    }
    if (f->score > 0)
        (void)value_set(a, o, "score", value_new_float(a, f->score));
    if (f->vector)
        (void)value_set_str(a, o, "vector", f->vector);
    if (f->epss >= 0)
        (void)value_set(a, o, "epss", value_new_float(a, f->epss));
    if (f->kev)
        (void)value_set_str(a, o, "exploitedSince", f->kev);
}

static void put_issues(struct arena *a, struct value *v, const struct issue_list *issues)
{
    struct value *list = value_make_array(a, v, "issues");
    for (size_t i = 0; i < issues->n; i++) {
        const struct issue *s = &issues->items[i];
        struct value *o = value_push(a, list, value_new_object(a));
        (void)value_set_str(a, o, "kind", s->kind == ISSUE_SECRET ? "secret" : "misconfiguration");
        (void)value_set_str(a, o, "rule", s->rule);
        (void)value_set_str(a, o, "title", s->title);
        (void)value_set_str(a, o, "advice", s->advice);
        (void)value_set_str(a, o, "severity", severity_name(s->severity));
        (void)value_set_str(a, o, "path", s->path);
        (void)value_set_int(a, o, "line", s->line);
        (void)value_set_bool(a, o, "hidden", s->hidden);
        (void)value_set_bool(a, o, "fails", s->fails);
        if (s->ignored)
            (void)value_set_str(a, o, "ignored", s->why);
    }
}

static void put_unread(struct arena *a, struct value *v, const char *const *lines)
{
    for (; lines && *lines; lines++)
        (void)value_push_str(a, value_make_array(a, v, "unread"), *lines);
}

struct value *scan_report_value(const struct scan_report *r, struct arena *a)
{
    struct value *v = value_new_object(a);
    (void)value_set_bool(a, v, "passed", r->passed);
    (void)value_set_str(a, v, "summary", r->summary);
    if (r->database_ms) {
        char built[CLOCK_TEXT_MAX];
        clock_format_rfc3339(r->database_ms, built);
        (void)value_set_str(a, value_make_object(a, v, "database"), "built", built);
    }
    put_unread(a, v, r->inventory.unread);
    struct value *list = value_make_array(a, v, "findings");
    for (size_t i = 0; i < r->n; i++) {
        const struct finding *f = &r->findings[i];
        struct value *o = value_push(a, list, value_new_object(a));
        (void)value_set_str(a, o, "id", f->id);
        (void)value_set_str(a, o, "package", f->package->name);
        (void)value_set_str(a, o, "version", f->package->version);
        (void)value_set_str(a, o, "fixed", f->fixed);
        (void)value_set_str(a, o, "severity", severity_name(f->severity));
        put_scores(a, o, f);
        (void)value_set_str(a, o, "ecosystem", f->package->ecosystem);
        (void)value_set_str(a, o, "path", f->package->path);
        (void)value_set_str(a, o, "summary", f->summary);
        (void)value_set_bool(a, o, "fails", f->fails);
        if (f->ignored)
            (void)value_set_str(a, o, "ignored", f->why);
    }
    put_issues(a, v, &r->issues);
    return v;
}

static void print_issues(const struct issue_list *issues, struct buf *out)
{
    if (issues->n)
        buf_printf(out, "%-10s %-22s %-40s %s\n", "SEVERITY", "RULE", "FILE", "WHAT");
    for (size_t i = 0; i < issues->n; i++) {
        const struct issue *s = &issues->items[i];
        char place[300];
        (void)snprintf(place, sizeof place, "%.280s:%u", s->path, s->line);
        buf_printf(out, "%-10s %-22s %-40s %s%s; %s", severity_name(s->severity), s->rule, place,
                   s->title, s->hidden ? " (hidden by a later layer)" : "", s->advice);
        if (s->ignored)
            buf_printf(out, " (ignored: %s)", s->why);
        buf_puts(out, s->fails ? " <- above the policy\n" : "\n");
    }
}

void scan_report_print(const struct scan_report *r, struct buf *out)
{
    if (r->n)
        buf_printf(out, "%-10s %-22s %-24s %-16s %-16s %s\n", "SEVERITY", "ADVISORY", "PACKAGE",
                   "VERSION", "FIXED IN", "SUMMARY");
    for (size_t i = 0; i < r->n; i++) {
        const struct finding *f = &r->findings[i];
        buf_printf(out, "%-10s %-22s %-24s %-16s %-16s %s%s%s\n", severity_name(f->severity), f->id,
                   f->package->name, f->package->version, *f->fixed ? f->fixed : "-", f->summary,
                   f->ignored ? " (ignored: "
                   : f->fails ? " <- above the policy"
                              : "",
                   f->ignored ? f->why : "");
        if (f->ignored) {
            buf_cut(out, out->len - 1);
            buf_puts(out, ")\n");
        }
    }
    print_issues(&r->issues, out);
    if (r->database_ms) {
        char built[CLOCK_TEXT_MAX];
        clock_format_rfc3339(r->database_ms, built);
        buf_printf(out, "advisories of %.10s, %lld days old; ", built,
                   (long long)((r->now_ms - r->database_ms) / 86400000));
    }
    buf_printf(out, "%s\n", r->summary);
}
