/* pipeline.c - a line goes through the stages of a log query. */
#include <ctype.h>
#include <inttypes.h>
#include <string.h>

#include "codec/json.h"
#include "logs/logql_int.h"
#include "promql/unit.h"
#include "template/template.h"

enum { DEEPEST = 20, MAX_GROUPS = 64, NAME_BYTES = 1024 };

const char *logql__row_get(const struct row *r, const char *name)
{
    for (size_t i = 0; i < r->n_labels; i++)
        if (strcmp(r->labels[i].name, name) == 0)
            return r->labels[i].value;
    return "";
}

void logql__row_set(struct row *r, const char *name, const char *value)
{
    for (size_t i = 0; i < r->n_labels; i++)
        if (strcmp(r->labels[i].name, name) == 0) {
            r->labels[i].value = value;
            return;
        }
    if (r->n_labels < ROW_LABELS)
        r->labels[r->n_labels++] = (struct label){name, value};
}

void logql__row_begin(struct row *r, const struct logdb_entry *x, struct arena *a)
{
    r->arena = a;
    r->text = x->text;
    r->n = x->n;
    r->time_ns = x->time_ns;
    r->has_value = false;
    r->n_labels = 0;
    VALUE_EACH_MEMBER (m, x->labels)
        if (r->n_labels < ROW_LABELS)
            r->labels[r->n_labels++] = (struct label){m->key, value_str(&m->value, "")};
    r->n_stream = r->n_labels;
}

/* What a parser found. A label of the stream is not overwritten: the new one is called
 * x_extracted. */
static void extract(struct row *r, const char *name, size_t n, const char *value, size_t n_value)
{
    char *label = arena_strndup(r->arena, name, n);
    for (char *p = label; *p; p++)
        if (!isalnum((unsigned char)*p) && *p != '_')
            *p = '_';
    if (isdigit((unsigned char)*label))
        label = arena_join(r->arena, "_", label, NULL);
    for (size_t i = 0; i < r->n_stream; i++)
        if (strcmp(r->labels[i].name, label) == 0)
            label = arena_join(r->arena, label, "_extracted", NULL);
    if (*label)
        logql__row_set(r, label, arena_strndup(r->arena, value, n_value));
}

static void set_error(struct row *r, const char *what)
{
    logql__row_set(r, "__error__", what);
}

/* ---- json ---- */

static void extract_value(struct row *r, const char *name, const struct value *v)
{
    const char *text = v->kind == VALUE_STRING ? v->text : json_text(r->arena, v, JSON_NO_HTML);
    extract(r, name, strlen(name), text, v->kind == VALUE_STRING ? v->n : strlen(text));
}

static void extract_members(struct row *r, const struct value *v, const char *prefix,
                            unsigned depth)
{
    size_t n = strlen(prefix);
    VALUE_EACH_MEMBER (m, v) {
        if (n + strlen(m->key) >= NAME_BYTES)
            continue; /* no label's name, and each of its children would repeat it */
        const char *name =
            *prefix ? arena_join(r->arena, prefix, "_", m->key, NULL) : (const char *)m->key;
        if (value_is(&m->value, VALUE_OBJECT) && depth < DEEPEST)
            extract_members(r, &m->value, name, depth + 1);
        else if (m->value.kind != VALUE_ARRAY && m->value.kind != VALUE_NULL)
            extract_value(r, name, &m->value);
    }
}

static void run_json(const struct stage *s, struct row *r)
{
    struct value *v;
    if (json_parse(r->arena, r->text, r->n, JSON_SHALLOW, &v, NULL) < 0 ||
        v->kind != VALUE_OBJECT) {
        set_error(r, "JSONParserErr");
        return;
    }
    if (!s->n_renamings)
        extract_members(r, v, "", 0);
    for (size_t i = 0; i < s->n_renamings; i++) {
        const struct value *at = value_at(v, s->renamings[i].from);
        if (at)
            extract_value(r, s->renamings[i].to, at);
    }
}

/* ---- logfmt ---- */

static bool chosen(const struct stage *s, const char *name, size_t n, const char **as)
{
    for (size_t i = 0; i < s->n_renamings; i++)
        if (strlen(s->renamings[i].from) == n && memcmp(s->renamings[i].from, name, n) == 0) {
            *as = s->renamings[i].to;
            return true;
        }
    return s->n_renamings == 0;
}

static void run_logfmt(const struct stage *s, struct row *r)
{
    char *value = arena_room(r->arena, r->n + 1);
    for (const char *p = r->text, *end = p + r->n; p < end;) {
        while (p < end && isspace((unsigned char)*p))
            p++;
        const char *name = p, *as = NULL;
        while (p < end && *p != '=' && !isspace((unsigned char)*p))
            p++;
        size_t n = (size_t)(p - name), len = 0;
        if (p == end || *p != '=')
            continue; /* a word that is no pair */
        p++;
        bool quoted = p < end && *p == '"';
        p += quoted;
        while (p < end && (quoted ? *p != '"' : !isspace((unsigned char)*p))) {
            if (quoted && *p == '\\' && p + 1 < end)
                p++;
            value[len++] = *p++;
        }
        p += quoted && p < end;
        if (n && chosen(s, name, n, &as))
            extract(r, as ? as : name, as ? strlen(as) : n, value, len);
    }
}

/* ---- regexp, pattern ---- */

static void run_regexp(const struct stage *s, struct row *r)
{
    struct regex_span spans[MAX_GROUPS];
    bool hit = false;
    if (regex_match(s->regex, r->text, r->n, 0, spans, MAX_GROUPS, &hit, NULL) < 0 || !hit)
        return;
    for (size_t i = 1; i <= regex_groups(s->regex) && i < MAX_GROUPS; i++) {
        const char *name = regex_group_name(s->regex, i);
        if (name && spans[i].start != SIZE_MAX)
            extract(r, name, strlen(name), r->text + spans[i].start, spans[i].end - spans[i].start);
    }
}

static void run_pattern(const struct stage *s, struct row *r)
{
    const char *at = r->text, *end = at + r->n;
    for (size_t i = 0; i < s->n_parts; i++) {
        const char *literal = s->parts[i].literal, *name = s->parts[i].name;
        size_t n = strlen(literal);
        if ((size_t)(end - at) < n || memcmp(at, literal, n) != 0)
            return;
        at += n;
        if (!name)
            return;
        const char *next = i + 1 < s->n_parts ? s->parts[i + 1].literal : "";
        const char *stop = *next ? memmem(at, (size_t)(end - at), next, strlen(next)) : end;
        if (!stop)
            return;
        if (strcmp(name, "_") != 0)
            extract(r, name, strlen(name), at, (size_t)(stop - at));
        at = stop;
    }
}

/* ---- conditions ---- */

bool logql__duration(const char *text, double *out_s)
{
    double total = 0;
    bool minus = *text == '-';
    text += minus;
    if (!*text)
        return false;
    while (*text) {
        char *end;
        size_t n = 0;
        double v = strtod(text, &end), size = unit_seconds(end, &n);
        if (end == text || size == 0 ||
            (end[n] && !isdigit((unsigned char)end[n]) && end[n] != '.'))
            return false;
        total += v * size;
        text = end + n;
    }
    *out_s = minus ? -total : total;
    return true;
}

bool logql__bytes(const char *text, double *out)
{
    static const char prefixes[] = " kmgtp";
    char *end;
    double v = strtod(text, &end), base = 1000;
    if (end == text)
        return false;
    while (*end == ' ')
        end++;
    const char *at = *end ? strchr(prefixes, tolower((unsigned char)*end)) : NULL;
    size_t power = at && *at != ' ' ? (size_t)(at - prefixes) : 0;
    end += power > 0;
    if (*end == 'i') {
        base = 1024;
        end++;
    }
    if (*end == 'B' || *end == 'b')
        end++;
    for (size_t i = 0; i < power; i++)
        v *= base;
    *out = v;
    return !*end;
}

static bool number_of(const struct condition *c, const char *text, double *out)
{
    char *end;
    if (c->as == AS_DURATION)
        return logql__duration(text, out);
    if (c->as == AS_BYTES)
        return logql__bytes(text, out);
    *out = strtod(text, &end);
    return end != text && !*end;
}

static bool holds(const struct condition *c, struct row *r)
{
    if (c->op == '&')
        return holds(c->left, r) && holds(c->right, r);
    if (c->op == '|')
        return holds(c->left, r) || holds(c->right, r);
    const char *have = logql__row_get(r, c->label);
    bool hit = false;
    double v;
    if (c->regex) {
        (void)!regex_match(c->regex, have, strlen(have), 0, NULL, 0, &hit, NULL);
        return hit == (c->compare == CMP_MATCH);
    }
    if (c->as == AS_TEXT)
        return (strcmp(have, c->text) == 0) == (c->compare == CMP_EQ);
    if (!*have)
        return false;
    if (!number_of(c, have, &v)) {
        set_error(r, "LabelFilterErr");
        return true; /* as Loki: it is seen, with its error */
    }
    switch (c->compare) {
    case CMP_EQ:
        return v == c->number;
    case CMP_NE:
        return v != c->number;
    case CMP_GT:
        return v > c->number;
    case CMP_GE:
        return v >= c->number;
    case CMP_LT:
        return v < c->number;
    case CMP_LE:
        return v <= c->number;
    case CMP_MATCH:
    case CMP_NOT_MATCH:
        break;
    }
    return false;
}

/* ---- formats ---- */

static const char *format(const struct template_set *t, struct row *r, size_t *out_n)
{
    struct value *dot = value_new_object(r->arena);
    AUTO_BUF struct buf b;
    const struct template_options o = {
        .limits = {.output = 1 << 20, .memory = 16 << 20, .steps = 100000}
    };
    buf_init(&b, 1 << 20);
    for (size_t i = 0; i < r->n_labels; i++)
        (void)value_set_str(r->arena, dot, r->labels[i].name, r->labels[i].value);
    (void)value_set(r->arena, dot, "__line__", value_new_strn(r->arena, r->text, r->n));
    (void)value_set(r->arena, dot, "__timestamp__",
                    value_new_strf(r->arena, "%" PRId64, r->time_ns));
    struct template_run *run = template_run_new(r->arena, t, &o);
    if (template_execute(run, "t", go_from_value(r->arena, dot), &b, NULL) < 0) {
        set_error(r, "TemplateFormatErr");
        return NULL;
    }
    *out_n = b.len;
    return arena_strndup(r->arena, buf_text(&b), b.len);
}

static void remove_label(struct row *r, size_t i)
{
    memmove(&r->labels[i], &r->labels[i + 1], (r->n_labels - i - 1) * sizeof *r->labels);
    r->n_labels--;
    r->n_stream -= i < r->n_stream;
}

static void run_label_format(const struct stage *s, struct row *r)
{
    for (size_t i = 0; i < s->n_renamings; i++) {
        const struct renaming *x = &s->renamings[i];
        size_t n = 0;
        const char *value = x->text ? format(x->text, r, &n) : logql__row_get(r, x->from);
        if (value)
            logql__row_set(r, x->to, value);
        for (size_t k = 0; !x->text && k < r->n_labels; k++)
            if (strcmp(r->labels[k].name, x->from) == 0 && strcmp(x->from, x->to) != 0)
                remove_label(r, k--);
    }
}

static void run_drop(const struct stage *s, struct row *r)
{
    for (size_t i = 0; i < r->n_labels; i++) {
        bool named = false;
        for (size_t k = 0; k < s->n_names && !named; k++)
            named = strcmp(s->names[k], r->labels[i].name) == 0;
        if (named == (s->kind == STAGE_DROP))
            remove_label(r, i--);
    }
}

static bool run_unwrap(const struct stage *s, struct row *r)
{
    const char *text = logql__row_get(r, s->names[0]);
    char *end;
    if (!*text)
        return false;
    if (s->unit == UNWRAP_DURATION)
        r->has_value = logql__duration(text, &r->value);
    else if (s->unit == UNWRAP_BYTES)
        r->has_value = logql__bytes(text, &r->value);
    else {
        r->value = strtod(text, &end);
        r->has_value = end != text && !*end;
    }
    if (!r->has_value)
        set_error(r, "SampleExtractionErr");
    for (size_t i = 0; i < r->n_labels; i++) /* it would make a series of every value */
        if (strcmp(r->labels[i].name, s->names[0]) == 0)
            remove_label(r, i--);
    return true;
}

static bool run_line(const struct stage *s, const struct row *r)
{
    bool any = false;
    for (size_t i = 0; i < s->n_texts && !any; i++) {
        if (s->regexes[i])
            (void)!regex_match(s->regexes[i], r->text, r->n, 0, NULL, 0, &any, NULL);
        else
            any = memmem(r->text, r->n, s->texts[i], strlen(s->texts[i])) != NULL;
    }
    return any == (s->op == LOGDB_EQ || s->op == LOGDB_MATCH);
}

static bool run_one(const struct stage *s, struct row *r)
{
    const char *text;
    size_t n = 0;
    switch (s->kind) {
    case STAGE_LINE:
        return run_line(s, r);
    case STAGE_JSON:
        run_json(s, r);
        return true;
    case STAGE_LOGFMT:
        run_logfmt(s, r);
        return true;
    case STAGE_REGEXP:
        run_regexp(s, r);
        return true;
    case STAGE_PATTERN:
        run_pattern(s, r);
        return true;
    case STAGE_LABEL:
        return holds(s->condition, r);
    case STAGE_LINE_FORMAT:
        text = format(s->text, r, &n);
        if (text) {
            r->text = text;
            r->n = n;
        }
        return true;
    case STAGE_LABEL_FORMAT:
        run_label_format(s, r);
        return true;
    case STAGE_DROP:
    case STAGE_KEEP:
        run_drop(s, r);
        return true;
    case STAGE_UNWRAP:
        return run_unwrap(s, r);
    }
    return true;
}

bool logql__stages_run(const struct stage *stages, size_t n, struct row *r)
{
    for (size_t i = 0; i < n; i++)
        if (!run_one(&stages[i], r))
            return false;
    return true;
}
