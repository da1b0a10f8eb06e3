#include "monitor/openmetrics.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "monitor/openmetrics_int.h"

static const struct {
    const char *type, *suffixes[5];
} types[] = {
    {"counter",        {"_total", "_created"}                   },
    {"gauge",          {""}                                     },
    {"summary",        {"", "_count", "_sum", "_created"}       },
    {"histogram",      {"_count", "_sum", "_bucket", "_created"}},
    {"gaugehistogram", {"_gcount", "_gsum", "_bucket"}          },
    {"info",           {"_info"}                                },
    {"stateset",       {""}                                     },
    {"unknown",        {""}                                     },
};

static const char *const *suffixes_of(const char *type)
{
    for (size_t i = 0; i < ARRAY_LEN(types); i++)
        if (strcmp(types[i].type, type) == 0)
            return types[i].suffixes;
    return NULL;
}

struct family {
    const char *name, *type, *unit; /* name NULL: none yet; type and unit NULL: not said */
    bool helped;
    struct om_sample *samples;
    size_t n, cap;
    struct labels group;
    struct om_time group_time;
    bool grouped;
    struct map groups; /* seen */
};

struct page {
    struct arena *arena;
    struct family family;
    struct map names; /* of all families and their samples */
    size_t line;
    struct err *e;
    exposition_sample fn;
    void *arg;
};

static int fail(const struct page *p, const char *what)
{
    return err_set(p->e, ERR_INVALID, "line %zu of the page: %s", p->line, what);
}

static const char *type_of(const struct family *f)
{
    return f->type ? f->type : "unknown";
}

static void family_begin(struct page *p, const char *name)
{
    map_done(&p->family.groups);
    p->family = (struct family){.name = name};
    map_init(&p->family.groups);
}

static bool ends_in_unit(const char *name, const char *unit)
{
    size_t n = strlen(name), k = strlen(unit);
    return n > k && name[n - k - 1] == '_' && strcmp(name + n - k, unit) == 0;
}

static int family_name(struct page *p, const char *suffix)
{
    const char *name = arena_join(p->arena, p->family.name, suffix, NULL);
    if (map_has(&p->names, name))
        return fail(p, "two families have the same names");
    (void)map_put(&p->names, name, p);
    return 0;
}

/* What a family is can be said when it is over. */
static int family_end(struct page *p)
{
    struct family *f = &p->family;
    if (!f->name)
        return 0;
    const char *type = type_of(f), *const *suffixes = suffixes_of(type);
    int r = family_name(p, "");
    for (size_t i = 0; r == 0 && i < ARRAY_LEN(types[0].suffixes) && suffixes[i]; i++)
        r = *suffixes[i] ? family_name(p, suffixes[i]) : 0;
    if (r < 0)
        return r;
    if (!om_name_ok(f->name, strlen(f->name)))
        return fail(p, "a metric name is malformed");
    if (f->unit && *f->unit && !ends_in_unit(f->name, f->unit))
        return fail(p, "the unit is not the end of the name");
    if (f->unit && *f->unit && (strcmp(type, "info") == 0 || strcmp(type, "stateset") == 0))
        return fail(p, "a unit is not for this type");
    const char *why =
        strstr(type, "histogram") ? om_histogram_fault(f->samples, f->n, f->name, p->arena) : NULL;
    return why ? fail(p, why) : 0;
}

/* ---- metadata ---- */

/* "# WORD NAME REST" */
static int metadata(struct page *p, const char *line, size_t n)
{
    const char *end = line + n, *word = line + 2;
    const char *name = n > 2 ? memchr(word, ' ', (size_t)(end - word)) : NULL;
    const char *rest = name ? memchr(name + 1, ' ', (size_t)(end - name - 1)) : NULL;
    if (n < 2 || line[1] != ' ' || !rest)
        return fail(p, "the metadata is malformed");
    const char *what = arena_strndup(p->arena, word, (size_t)(name - word));
    const char *of = arena_strndup(p->arena, name + 1, (size_t)(rest - name - 1));
    const char *text = arena_strndup(p->arena, rest + 1, (size_t)(end - rest - 1));
    struct family *f = &p->family;
    if (f->name && strcmp(f->name, of) == 0 && f->n)
        return fail(p, "metadata stands behind samples");
    if (!f->name || strcmp(f->name, of) != 0) {
        int r = family_end(p);
        if (r < 0)
            return r;
        family_begin(p, of);
    }
    bool twice = true;
    if (strcmp(what, "HELP") == 0) {
        twice = f->helped;
        f->helped = true;
    } else if (strcmp(what, "TYPE") == 0) {
        if (!suffixes_of(text))
            return fail(p, "there is no such type");
        twice = f->type != NULL;
        f->type = text;
    } else if (strcmp(what, "UNIT") == 0) {
        twice = f->unit != NULL;
        f->unit = text;
    } else {
        return fail(p, "the metadata is neither TYPE, HELP nor UNIT");
    }
    return twice ? fail(p, "the same metadata stands twice") : 0;
}

/* ---- samples ---- */

static bool belongs(const struct family *f, const char *name)
{
    const char *const *suffixes = suffixes_of(type_of(f));
    size_t n = f->name ? strlen(f->name) : 0;
    if (!f->name || strncmp(name, f->name, n) != 0)
        return false;
    for (size_t i = 0; i < ARRAY_LEN(types[0].suffixes) && suffixes[i]; i++)
        if (strcmp(name + n, suffixes[i]) == 0)
            return true;
    return false;
}

/* A number within a label; infinity has one spelling. */
static bool label_number(const struct labels *l, const char *name, double *out)
{
    const char *text = labels_get(l, name);
    char *end;
    *out = strtod(text, &end);
    return *text && !*end && !isnan(*out) &&
           (!isinf(*out) || *out < 0 || strcmp(text, "+Inf") == 0);
}

static bool is_one_of(const char *s, const char *const *words, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(words[i], s) == 0)
            return true;
    return false;
}

static const char *labels_fault(const struct family *f, const struct om_sample *s,
                                const char *suffix)
{
    const char *type = type_of(f);
    double v;
    if (strcmp(type, "stateset") == 0 && !*labels_get(&s->labels, f->name))
        return "a state has no label of the family's name";
    if (strcmp(suffix, "_bucket") == 0 && !label_number(&s->labels, "le", &v))
        return "the label le is missing or no number";
    if (strcmp(type, "summary") == 0 && !*suffix &&
        (!label_number(&s->labels, "quantile", &v) || v < 0 || v > 1))
        return "the label quantile is missing or not within 0 and 1";
    return NULL;
}

static const char *value_fault(const struct family *f, const struct om_sample *s,
                               const char *suffix)
{
    static const char *const whole[] = {"_bucket", "_count", "_gcount"}, *const counts[] = {
                                                                             "_total", "_sum",
                                                                             "_count", "_bucket",
                                                                             "_gcount"};
    const char *type = type_of(f);
    if (is_one_of(suffix, whole, ARRAY_LEN(whole)) && s->v != floor(s->v))
        return "a count is not whole";
    if (strcmp(type, "stateset") == 0 && s->v != 0 && s->v != 1)
        return "a state is neither 0 nor 1";
    if (strcmp(type, "info") == 0 && s->v != 1)
        return "an info is not 1";
    if (strcmp(type, "summary") == 0 && !*suffix && s->v < 0)
        return "a quantile is negative";
    bool counts_up = is_one_of(suffix, counts, ARRAY_LEN(counts));
    if ((counts_up || strcmp(suffix, "_gsum") == 0) && isnan(s->v))
        return "a count is NaN";
    if (counts_up && s->v < 0)
        return "a count is negative";
    bool may = (strstr(type, "histogram") && strcmp(suffix, "_bucket") == 0) ||
               (strcmp(type, "counter") == 0 && strcmp(suffix, "_total") == 0);
    return s->exemplar && !may ? "an exemplar is only for buckets and totals" : NULL;
}

/* Samples that belong together stand together, and their times go forward. */
static const char *group_fault(struct page *p, const struct om_sample *s)
{
    struct family *f = &p->family;
    struct labels g = om_group(p->arena, s, f->name, type_of(f));
    char *key = labels_text(&g, p->arena);
    bool same = f->grouped && labels_compare(&g, &f->group) == 0;
    if (f->grouped && !same && map_has(&f->groups, key))
        return "samples of one group do not stand together";
    if (same && s->t.set != f->group_time.set)
        return "only some samples of a group have a time";
    if (same && s->t.set && om_time_compare(&f->group_time, &s->t) > 0 &&
        strcmp(type_of(f), "info") != 0)
        return "times go backwards within a group";
    f->grouped = true;
    f->group = g;
    f->group_time = s->t;
    (void)map_put(&f->groups, key, f);
    return NULL;
}

static void give_out(const struct page *p, const struct om_sample *s)
{
    struct label *all = ARENA_ARRAY(p->arena, struct label, s->labels.n + 1);
    if (s->labels.n)
        memcpy(all, s->labels.items, s->labels.n * sizeof *all);
    all[s->labels.n] = (struct label){"__name__", s->name};
    struct labels l = labels_make(p->arena, all, s->labels.n + 1);
    double ms = s->t.seconds * 1000 + (double)(s->t.nanos / 1000000);
    p->fn(p->arg, &l, s->v, s->t.set && fabs(ms) < 9e18 ? (int64_t)ms : 0);
}

static int sample(struct page *p, const char *line, size_t n)
{
    struct family *f = &p->family;
    struct om_sample s;
    const char *why = om_sample_read(p->arena, line, n, &s);
    if (why)
        return fail(p, why);
    if (!belongs(f, s.name)) {
        int r = family_end(p);
        if (r < 0)
            return r;
        family_begin(p, s.name);
    }
    const char *suffix = s.name + strlen(f->name);
    why = labels_fault(f, &s, suffix);
    if (!why)
        why = group_fault(p, &s);
    if (!why)
        why = value_fault(f, &s, suffix);
    if (why)
        return fail(p, why);
    if (f->n == f->cap) {
        size_t cap = f->cap ? f->cap * 2 : 16;
        f->samples = arena_grow(p->arena, f->samples, f->cap * sizeof s, cap * sizeof s);
        f->cap = cap;
    }
    f->samples[f->n++] = s;
    give_out(p, &s);
    return 0;
}

/* ---- pages ---- */

static int lines(struct page *p, const char *text, size_t n)
{
    const char *end = text + n;
    for (const char *line = text; line < end; p->line++) {
        const char *nl = memchr(line, '\n', (size_t)(end - line));
        size_t length = (size_t)((nl ? nl : end) - line);
        if (length == 5 && memcmp(line, "# EOF", 5) == 0) {
            if (nl && nl + 1 < end)
                return fail(p, "something stands behind # EOF");
            return family_end(p);
        }
        int r = length && *line == '#' ? metadata(p, line, length) : sample(p, line, length);
        if (r < 0)
            return r;
        line = nl ? nl + 1 : end;
    }
    return fail(p, "# EOF is missing");
}

int openmetrics_parse(const char *text, size_t n, exposition_sample fn, void *arg, struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(0);
    struct page p = {.arena = a, .line = 1, .e = e, .fn = fn, .arg = arg};
    map_init(&p.names);
    map_init(&p.family.groups);
    int r = lines(&p, text, n);
    map_done(&p.family.groups);
    map_done(&p.names);
    return r;
}
