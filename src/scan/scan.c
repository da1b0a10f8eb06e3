#include "scan/scan.h"

#include <string.h>

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

/* The same package of another layer or file counts once, and so do aliases. */
static bool known(const struct scanning *s, const struct finding *f)
{
    for (size_t i = 0; i < s->out->n; i++) {
        const struct package *p = s->out->findings[i].package;
        if (strcmp(p->name, f->package->name) == 0 &&
            strcmp(p->version, f->package->version) == 0 &&
            strcmp(p->ecosystem, f->package->ecosystem) == 0 &&
            share_a_name(&s->out->findings[i], f))
            return true;
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
    if (known(s, &f))
        return;
    apply_policy(s, &f);
    if (out->n == s->cap) {
        size_t cap = s->cap ? s->cap * 2 : 16;
        out->findings = arena_grow(s->arena, out->findings, s->cap * sizeof f, cap * sizeof f);
        s->cap = cap;
    }
    out->findings[out->n++] = f;
    out->failing += f.fails;
    out->ignored += f.ignored;
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

static bool is_left_out(const struct scan_policy *policy, const struct package *p)
{
    if (p->dev && !policy->dev)
        return true;
    for (size_t i = 0; i < policy->n_skip; i++)
        if (glob_match(policy->skip[i], p->path + (*p->path == '/' && *policy->skip[i] != '/'),
                       GLOB_PREFIX))
            return true;
    return false;
}

int scan_run(const struct inventory *inv, const struct advisories *db,
             const struct scan_policy *policy, int64_t now_ms, struct arena *a,
             struct scan_report *out, struct err *e)
{
    struct scan_report r = {.inventory = *inv, .database_ms = advisories_built_ms(db)};
    struct scanning s = {db, policy, now_ms, a, &r, 0};
    int64_t age_ms = now_ms - advisories_built_ms(db);
    if (policy->max_age_ms && age_ms > policy->max_age_ms) {
        (void)err_set(e, ERR_DENIED,
                      "the advisory database is %lld days old, the policy allows %lld",
                      (long long)(age_ms / 86400000), (long long)(policy->max_age_ms / 86400000));
        return err_hint(e, "update it with `slipway db build`");
    }
    for (size_t i = 0; i < inv->n; i++) {
        if (is_left_out(policy, &inv->packages[i]))
            continue;
        int rc = scan_package(&s, &inv->packages[i], e);
        if (rc < 0)
            return rc;
    }
    if (r.n)
        qsort(r.findings, r.n, sizeof *r.findings, worst_first);
    r.passed = r.failing == 0;
    r.summary = arena_printf(a, "%zu packages, %zu findings, %zu above the policy, %zu ignored%s",
                             inv->n, r.n, r.failing, r.ignored,
                             r.unknown_order ? "; some versions could not be compared" : "");
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

struct value *scan_report_value(const struct scan_report *r, struct arena *a)
{
    struct value *v = value_new_object(a);
    (void)value_set_bool(a, v, "passed", r->passed);
    (void)value_set_str(a, v, "summary", r->summary);
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
    return v;
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
    buf_printf(out, "%s\n", r->summary);
}
