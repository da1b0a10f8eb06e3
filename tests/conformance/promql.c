/* conformance-promql FOLDER: the query language as Prometheus's own scripts have it.
 *
 * Reads the scripts (.test) in FOLDER/testdata: `load` puts series into a store in memory, `eval`
 * asks and names what must come out. What fails is printed as "file:line: query"; -v says what came
 * instead. An eval is skipped, and the reason counted, when it reads native histograms or start
 * timestamps or is refused for syntax that upstream itself has behind a feature flag. Warnings
 * and infos are not compared; `expect fail` asks for a refusal in any words. */
#include <ctype.h>
#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "promql/ast.h"
#include "promql/promql.h"

enum { TEXT_MAX = 8 << 20, MAX_FILES = 256, MAX_STARTS = 64, MAX_LOAD = 512 };

enum reason {
    REASON_NONE,
    REASON_NATIVE,
    REASON_START,
    REASON_EXTENDED,
    REASON_FILL,
    REASON_INFO,
    REASON_EXPERIMENTAL,
    REASON_TYPE_UNIT,
    REASON_NAMES,
    REASONS
};

static const char *const reasons[REASONS] = {
    [REASON_NATIVE] = "native histograms",
    [REASON_START] = "start timestamps",
    [REASON_EXTENDED] = "flag promql-extended-range-selectors",
    [REASON_FILL] = "flag promql-binop-fill-modifiers",
    [REASON_INFO] = "flag promql-experimental-functions: info()",
    [REASON_EXPERIMENTAL] = "flag promql-experimental-functions: the rest",
    [REASON_TYPE_UNIT] = "flag type-and-unit-labels",
    [REASON_NAMES] = "flag promql-delayed-name-removal",
};

/* Words of a query that upstream has behind a flag. */
static const struct {
    const char *word;
    enum reason reason;
} flagged[] = {
    {"anchored",              REASON_EXTENDED    },
    {"smoothed",              REASON_EXTENDED    },
    {"fill",                  REASON_FILL        },
    {"fill_left",             REASON_FILL        },
    {"fill_right",            REASON_FILL        },
    {"info",                  REASON_INFO        },
    {"limitk",                REASON_EXPERIMENTAL},
    {"limit_ratio",           REASON_EXPERIMENTAL},
    {"histogram_quantiles",   REASON_EXPERIMENTAL},
    {"ts_of_first_over_time", REASON_EXPERIMENTAL},
    {"ts_of_last_over_time",  REASON_EXPERIMENTAL},
    {"ts_of_max_over_time",   REASON_EXPERIMENTAL},
    {"ts_of_min_over_time",   REASON_EXPERIMENTAL},
    {"histogram_avg",         REASON_NATIVE      },
    {"histogram_count",       REASON_NATIVE      },
    {"histogram_sum",         REASON_NATIVE      },
    {"histogram_stddev",      REASON_NATIVE      },
    {"histogram_stdvar",      REASON_NATIVE      },
    {"max_of",                REASON_EXPERIMENTAL},
    {"min_of",                REASON_EXPERIMENTAL},
    {"start_timestamp",       REASON_START       },
    {"start",                 REASON_EXPERIMENTAL},
    {"end",                   REASON_EXPERIMENTAL},
    {"range",                 REASON_EXPERIMENTAL},
    {"step",                  REASON_EXPERIMENTAL},
};

/* Whole files about one flag; duration expressions need none since 3.14, nor do their step() and
 * range(), so that what is refused of them is a failure. */
static const struct {
    const char *file;
    enum reason reason;
    bool only_refused; /* else even what gives an answer: it is another without the flag */
} flagged_files[] = {
    {"duration_expression.test", REASON_NONE,      true },
    {"type_and_unit.test",       REASON_TYPE_UNIT, false},
    {"name_label_dropping.test", REASON_NAMES,     false},
};

static unsigned passed, failed, skipped[REASONS];
static bool verbose;

/* The store, which notes when a query reads what it cannot tell. */
struct world {
    struct promql_source source;
    struct tsdb *db;
    struct arena *arena;
    struct labels starts[MAX_STARTS]; /* series with start timestamps */
    size_t n_starts;
    bool native, start;
};

struct script {
    const char *file;
    char **lines; /* trimmed; comments are empty */
    size_t n, at;
    struct world world;
};

struct eval {
    const char *query;
    bool range, fail, ordered, refused;
    int64_t start, end, step; /* an instant is at start */
    char *string;
    struct series *want;
    size_t n_want;
    bool scalar, native, matrix;
    size_t line;
};

/* ---- the language of the scripts ---- */

/* A native histogram's sample: that it is there is all that is known. */
static double native_marker(void)
{
    const uint64_t bits = 0x7ff8000000000badull;
    double v;
    memcpy(&v, &bits, sizeof v);
    return v;
}

static bool is_native(double v)
{
    const double marker = native_marker();
    return memcmp(&v, &marker, sizeof v) == 0;
}

static int64_t duration_ms(const char *s)
{
    static const char *const units[] = {"ms", "s", "m", "h", "d", "w", "y"};
    static const double ms[] = {1, 1000, 60000, 3600000, 86400000, 604800000, 31536000000};
    double total = 0, sign = *s == '-' ? -1 : 1;
    for (s += *s == '-'; *s;) {
        char *end;
        double v = strtod(s, &end), unit = 1000;
        size_t n = strspn(end, "mshdwy");
        for (size_t i = 0; i < ARRAY_LEN(units); i++)
            if (strlen(units[i]) == n && strncmp(end, units[i], n) == 0)
                unit = ms[i];
        if (end == s)
            break;
        total += v * unit;
        s = end + n;
    }
    return (int64_t)llround(sign * total);
}

/* How long the series at the start of the text is: to the end of its braces, or to a space. */
static size_t series_length(const char *s)
{
    size_t i = 0;
    char quote = 0;
    while (s[i] && s[i] != '{' && s[i] != '@' && !isspace((unsigned char)s[i]))
        i++;
    if (s[i] != '{')
        return i;
    for (; s[i]; i++) {
        if (quote && s[i] == '\\' && s[i + 1])
            i++;
        else if (quote && s[i] == quote)
            quote = 0;
        else if (!quote && (s[i] == '"' || s[i] == '\'' || s[i] == '`'))
            quote = s[i];
        else if (!quote && s[i] == '}')
            return i + 1;
    }
    return i;
}

static bool read_labels(const char *text, size_t n, struct arena *a, struct labels *out)
{
    struct expr *x;
    struct err e;
    char *selector = arena_strndup(a, text, n);
    *out = (struct labels){0};
    if (strcmp(selector, "{}") == 0)
        return true;
    if (promql_parse(a, selector, &x, &e) < 0 || x->kind != EXPR_SELECTOR)
        return false;
    struct label *l = ARENA_ARRAY(a, struct label, x->selector.n_matchers);
    for (size_t i = 0; i < x->selector.n_matchers; i++)
        l[i] = (struct label){x->selector.matchers[i].name, x->selector.matchers[i].value};
    *out = labels_make(a, l, x->selector.n_matchers);
    return true;
}

struct points {
    struct arena *arena;
    struct sample *items;
    size_t n, cap, step; /* step: place of the next value */
    int64_t start, gap;
    bool native;
};

static void point(struct points *p, double v)
{
    if (p->n == p->cap) {
        size_t cap = p->cap ? p->cap * 2 : 16;
        p->items =
            arena_grow(p->arena, p->items, p->cap * sizeof *p->items, cap * sizeof *p->items);
        p->cap = cap;
    }
    p->items[p->n++] = (struct sample){p->start + (int64_t)p->step++ * p->gap, v};
}

/* Never hexadecimal: "1+0x4" counts. */
static double read_number(char *s, char **end)
{
    char digits[64], *stop;
    size_t plus = strspn(s, "+"), n = strcspn(s + plus, "x \t");
    (void)snprintf(digits, sizeof digits, "%.*s", (int)n, s + plus);
    double v = strtod(digits, &stop);
    *end = stop == digits ? s : s + plus + (stop - digits);
    return v;
}

/* "1", "1x3", "1+2x3", "_", "_x3", "stale", "{{…}}", "{{…}}x3", "{{…}}+{{…}}x3": the rest. */
static char *read_value(char *s, struct points *p)
{
    char *end = s;
    double v = 0, delta = 0;
    if (*s == '_') {
        unsigned long n = s[1] == 'x' ? strtoul(s + 2, &end, 10) : 1;
        p->step += n;
        return s[1] == 'x' ? end : s + 1;
    }
    if (strncmp(s, "stale", 5) == 0) {
        point(p, stale_marker());
        return s + 5;
    }
    if (strncmp(s, "{{", 2) == 0) {
        char *close = strstr(s, "}}");
        p->native = true;
        v = native_marker();
        end = close ? close + 2 : s + strlen(s);
        if ((*end == '+' || *end == '-') && end[1] == '{') {
            close = strstr(end, "}}");
            end = close ? close + 2 : end + strlen(end);
        }
    } else {
        v = read_number(s, &end);
        if (end != s && (*end == '+' || *end == '-'))
            delta = read_number(end, &end);
    }
    if (end == s)
        return s + strlen(s);
    unsigned long again = *end == 'x' ? strtoul(end + 1, &end, 10) : 0;
    point(p, v);
    for (unsigned long i = 0; i < again; i++)
        point(p, p->native ? v : (v += delta));
    return end;
}

static struct points read_points(char *s, int64_t start, int64_t gap, struct arena *a)
{
    struct points p = {.arena = a, .start = start, .gap = gap};
    for (;;) {
        while (isspace((unsigned char)*s))
            s++;
        if (!*s)
            return p;
        s = read_value(s, &p);
    }
}

/* ---- the store ---- */

static int world_select(struct promql_source *s, const struct matcher *m, size_t n, int64_t min_t,
                        int64_t max_t, size_t max_samples, struct arena *a, struct series_set *out,
                        struct err *e)
{
    struct world *w = container_of(s, struct world, source);
    int r = tsdb_select(w->db, m, n, min_t, max_t, max_samples, a, out, e);
    for (size_t i = 0; r == 0 && i < out->n; i++) {
        for (size_t k = 0; k < out->items[i].n; k++)
            w->native |= is_native(out->items[i].samples[k].v);
        for (size_t k = 0; k < w->n_starts; k++)
            w->start |= labels_compare(&w->starts[k], &out->items[i].labels) == 0;
    }
    return r;
}

static bool world_reset(struct world *w)
{
    struct tsdb_opts o = {.clock = &clock_system};
    struct err e;
    tsdb_free(w->db);
    *w = (struct world){.source = {world_select}, .arena = w->arena};
    return tsdb_open(&o, &w->db, &e) == 0;
}

static void world_add(struct world *w, const struct labels *l, const struct points *p,
                      const char *where)
{
    struct err e;
    uint64_t ref;
    int r = tsdb_series(w->db, l, &ref, &e);
    for (size_t i = 0; r == 0 && i < p->n; i++)
        r = tsdb_append(w->db, ref, p->items[i].t, p->items[i].v, &e);
    if (r < 0)
        (void)printf("%s: load: %s\n", where, e.msg);
}

/* What one load brings: a series that is named twice has its last values. */
struct load {
    struct labels labels[MAX_LOAD];
    struct points points[MAX_LOAD];
    size_t n;
};

static void load_add(struct load *to, struct labels l, struct points p)
{
    size_t i = 0;
    while (i < to->n && labels_compare(&to->labels[i], &l) != 0)
        i++;
    if (i == MAX_LOAD)
        return;
    to->labels[i] = l;
    to->points[i] = p;
    to->n += i == to->n;
}

/* load_with_nhcb: a classic histogram's buckets also stand as one native histogram. */
static void add_converted(struct load *to, const struct labels *l, struct points p)
{
    const char *name = labels_get(l, "__name__");
    size_t n = strlen(name), suffix = strlen("_bucket");
    if (n <= suffix || strcmp(name + n - suffix, "_bucket") != 0)
        return;
    struct label *all = ARENA_ARRAY(p.arena, struct label, l->n);
    for (size_t i = 0; i < l->n; i++) {
        all[i] = l->items[i];
        if (strcmp(all[i].name, "le") == 0)
            all[i].value = "";
        if (strcmp(all[i].name, "__name__") == 0)
            all[i].value = arena_strndup(p.arena, name, n - suffix);
    }
    p.items = arena_dup(p.arena, p.items, p.n * sizeof *p.items);
    for (size_t i = 0; i < p.n; i++)
        p.items[i].v = native_marker();
    load_add(to, labels_make(p.arena, all, l->n), p);
}

static void load(struct script *s)
{
    const char *line = s->lines[s->at++];
    bool convert = strncmp(line, "load_with_nhcb", 14) == 0;
    const char *where = arena_printf(s->world.arena, "%s:%zu", s->file, s->at);
    struct load *all = ARENA_NEW(s->world.arena, struct load);
    line += strcspn(line, " \t");
    int64_t gap = duration_ms(line + strspn(line, " \t"));
    for (; s->at < s->n && *s->lines[s->at]; s->at++) {
        char *text = s->lines[s->at];
        size_t n = series_length(text);
        struct labels l;
        if (!read_labels(text, n, s->world.arena, &l)) {
            (void)printf("%s: load: not a series\n", where);
        } else if (strncmp(text + n, "@st", 3) == 0) {
            if (s->world.n_starts < MAX_STARTS)
                s->world.starts[s->world.n_starts++] = l;
        } else {
            struct points p = read_points(text + n, 0, gap, s->world.arena);
            load_add(all, l, p);
            if (convert)
                add_converted(all, &l, p);
        }
    }
    for (size_t i = 0; i < all->n; i++)
        world_add(&s->world, &all->labels[i], &all->points[i], where);
}

/* ---- one eval ---- */

static bool word_is(const char **p, const char *word)
{
    size_t n = strlen(word);
    if (strncmp(*p, word, n) != 0 || (!isspace((unsigned char)(*p)[n]) && (*p)[n]))
        return false;
    *p += n;
    *p += strspn(*p, " \t");
    return true;
}

static int64_t take_duration(const char **p, struct arena *a)
{
    size_t n = strcspn(*p, " \t");
    int64_t ms = duration_ms(arena_strndup(a, *p, n));
    *p += n + strspn(*p + n, " \t");
    return ms;
}

static void take_span(const char **p, struct eval *v, struct arena *a)
{
    if (word_is(p, "from"))
        v->start = take_duration(p, a);
    if (word_is(p, "to"))
        v->end = take_duration(p, a);
    if (word_is(p, "step"))
        v->step = take_duration(p, a);
}

static void expectation(struct eval *v, const char *p, struct arena *a)
{
    if (word_is(&p, "fail")) {
        v->fail = true;
    } else if (word_is(&p, "ordered")) {
        v->ordered = true;
    } else if (word_is(&p, "string")) {
        struct expr *x;
        struct err e;
        v->string = promql_parse(a, p, &x, &e) == 0 && x->kind == EXPR_STRING
                        ? arena_strdup(a, x->string)
                        : arena_strdup(a, p);
    } else if (word_is(&p, "range") && word_is(&p, "vector")) {
        v->matrix = true;
        take_span(&p, v, a);
    }
}

/* A line of what must come out: a lone number, or a series and its values. */
static void wanted(struct eval *v, char *text, struct arena *a)
{
    char *end;
    double number = read_number(text, &end);
    struct series s = {0};
    struct points p;
    if (end != text && !*end) {
        v->scalar = true;
        p = (struct points){.arena = a, .start = v->start};
        point(&p, number);
    } else {
        size_t n = series_length(text);
        if (!read_labels(text, n, a, &s.labels))
            v->native = strstr(text, "{{") != NULL;
        p = read_points(text + n, v->start, v->step, a);
    }
    v->native |= p.native;
    s.samples = p.items;
    s.n = p.n;
    if (!s.n)
        return;
    v->want = arena_grow(a, v->want, v->n_want * sizeof s, (v->n_want + 1) * sizeof s);
    v->want[v->n_want++] = s;
}

static struct eval read_eval(struct script *s, struct arena *a)
{
    struct eval v = {.line = s->at + 1};
    const char *p = s->lines[s->at++];
    v.fail = word_is(&p, "eval_fail");
    v.ordered = word_is(&p, "eval_ordered");
    (void)(word_is(&p, "eval") || word_is(&p, "eval_warn") || word_is(&p, "eval_info"));
    int64_t at = 0;
    if (word_is(&p, "range")) {
        v.range = true;
        take_span(&p, &v, a);
    } else if (word_is(&p, "instant") && word_is(&p, "at")) {
        v.start = at = take_duration(&p, a);
    }
    v.query = p;
    for (; s->at < s->n && *s->lines[s->at]; s->at++) {
        const char *line = s->lines[s->at];
        if (word_is(&line, "expect"))
            expectation(&v, line, a);
        else if (!v.fail)
            wanted(&v, s->lines[s->at], a);
    }
    if (v.matrix) /* `expect range vector` said which times its values have */
        v.end = at;
    return v;
}

static bool almost(double a, double b)
{
    const double epsilon = 1e-6, smallest = 2.2250738585072014e-308;
    if (isnan(a) || isnan(b))
        return isnan(a) && isnan(b);
    if (a == b)
        return true;
    double sum = fabs(a) + fabs(b), diff = fabs(a - b);
    if (a == 0 || b == 0 || sum < smallest)
        return diff < epsilon * smallest;
    return diff / fmin(sum, 1.7976931348623157e308) < epsilon;
}

static bool same_samples(const struct series *want, const struct series *got, bool times)
{
    if (want->n != got->n)
        return false;
    for (size_t i = 0; i < want->n; i++)
        if ((times && want->samples[i].t != got->samples[i].t) ||
            !almost(want->samples[i].v, got->samples[i].v))
            return false;
    return true;
}

static bool right(const struct eval *v, const struct promql_result *r)
{
    if (v->string)
        return r->type == PROMQL_STRING && r->string && strcmp(r->string, v->string) == 0;
    if (r->series.n != v->n_want)
        return false;
    bool times = v->range || v->matrix;
    for (size_t i = 0; i < v->n_want; i++) {
        bool found = false;
        for (size_t k = 0; k < r->series.n && !found; k++)
            found = (!v->ordered || k == i) &&
                    labels_compare(&v->want[i].labels, &r->series.items[k].labels) == 0 &&
                    same_samples(&v->want[i], &r->series.items[k], times);
        if (!found)
            return false;
    }
    return true;
}

static enum reason reason_of(const struct script *s, const struct eval *v)
{
    if (s->world.native || v->native)
        return REASON_NATIVE;
    if (s->world.start)
        return REASON_START;
    for (size_t i = 0; i < ARRAY_LEN(flagged_files); i++)
        if (strcmp(s->file, flagged_files[i].file) == 0 &&
            (v->refused || !flagged_files[i].only_refused))
            return flagged_files[i].reason;
    for (size_t i = 0; v->refused && i < ARRAY_LEN(flagged); i++) {
        size_t n = strlen(flagged[i].word);
        for (const char *p = v->query; (p = strstr(p, flagged[i].word)); p += n)
            if ((p == v->query || (!isalnum((unsigned char)p[-1]) && p[-1] != '_')) &&
                !isalnum((unsigned char)p[n]) && p[n] != '_')
                return flagged[i].reason;
    }
    return REASON_NONE;
}

static void show(const struct promql_result *r, const struct err *e, bool refused, struct arena *a)
{
    if (refused)
        (void)printf("    refused: %s\n", e->msg);
    for (size_t i = 0; !refused && i < r->series.n; i++) {
        (void)printf("    %s", labels_text(&r->series.items[i].labels, a));
        for (size_t k = 0; k < r->series.items[i].n; k++)
            (void)printf(" %.12g@%lld", r->series.items[i].samples[k].v,
                         (long long)r->series.items[i].samples[k].t);
        (void)printf("\n");
    }
}

static void eval(struct script *s)
{
    AUTO(arena) struct arena *a = arena_new((size_t)256 << 20);
    struct eval v = read_eval(s, a);
    struct promql_result r = {0};
    struct err e = {0};
    s->world.native = s->world.start = false;
    int rc = v.range
                 ? promql_range(&s->world.source, NULL, v.query, v.start, v.end, v.step, a, &r, &e)
                 : promql_instant(&s->world.source, NULL, v.query, v.matrix ? v.end : v.start, a,
                                  &r, &e);
    v.refused = rc < 0;
    enum reason reason = reason_of(s, &v);
    if (reason) {
        skipped[reason]++;
    } else if (v.refused ? v.fail : !v.fail && right(&v, &r)) {
        passed++;
    } else {
        failed++;
        (void)printf("%s:%zu: %s\n", s->file, v.line, v.query);
        if (verbose)
            show(&r, &e, v.refused, a);
    }
}

/* ---- files ---- */

static void split(struct script *s, char *text, struct arena *a)
{
    size_t n = 1;
    for (const char *p = text; *p; p++)
        n += *p == '\n';
    s->lines = ARENA_ARRAY(a, char *, n);
    for (char *line; (line = strsep(&text, "\n"));) {
        line += strspn(line, " \t\r");
        size_t length = strlen(line);
        while (length && isspace((unsigned char)line[length - 1]))
            line[--length] = '\0';
        if (*line == '#')
            *line = '\0';
        s->lines[s->n++] = line;
    }
}

static void run_file(const char *dir, const char *name)
{
    AUTO(arena) struct arena *a = arena_new((size_t)256 << 20);
    struct script s = {.file = name, .world = {.arena = a}};
    struct err e;
    char *text;
    size_t n;
    if (fs_read(arena_printf(a, "%s/%s", dir, name), TEXT_MAX, a, &text, &n, &e) < 0 ||
        !world_reset(&s.world)) {
        (void)printf("%s: cannot be read\n", name);
        failed++;
        return;
    }
    split(&s, text, a);
    while (s.at < s.n) {
        const char *line = s.lines[s.at];
        if (strncmp(line, "load", 4) == 0) {
            load(&s);
        } else if (strncmp(line, "eval", 4) == 0) {
            eval(&s);
        } else {
            if (strcmp(line, "clear") == 0)
                (void)world_reset(&s.world);
            s.at++;
        }
    }
    tsdb_free(s.world.db);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

int main(int argc, char **argv)
{
    AUTO(arena) struct arena *a = arena_new(0);
    verbose = argc > 2 && strcmp(argv[2], "-v") == 0;
    const char *dir = arena_printf(a, "%s/testdata", argc > 1 ? argv[1] : ".");
    char *names[MAX_FILES];
    size_t n = 0;
    DIR *d = opendir(dir);
    for (struct dirent *f; d && n < MAX_FILES && (f = readdir(d));)
        if (strlen(f->d_name) > 5 && strcmp(f->d_name + strlen(f->d_name) - 5, ".test") == 0)
            names[n++] = arena_strdup(a, f->d_name);
    if (!d || closedir(d) < 0 || !n) {
        (void)fprintf(stderr, "conformance-promql: no scripts in %s\n", dir);
        return 1;
    }
    qsort(names, n, sizeof *names, by_name);
    for (size_t i = 0; i < n; i++)
        run_file(dir, names[i]);
    unsigned skips = 0;
    for (size_t i = 0; i < REASONS; i++) {
        skips += skipped[i];
        if (skipped[i])
            (void)printf("skipped %u: %s\n", skipped[i], reasons[i]);
    }
    (void)printf("promql: %u passed, %u failed, %u skipped\n", passed, failed, skips);
    return failed != 0;
}
