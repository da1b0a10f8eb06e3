/* openmetrics_line.c - one sample: name{labels} value [time] [# {labels} value [time]] */
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "codec/utf8.h"
#include "monitor/openmetrics_int.h"

enum { EXEMPLAR_MAX = 128, NUMBER_MAX = 100 };

struct line {
    struct arena *arena;
    const char *at, *end;
};

static bool name_char(char c, bool first, bool colon)
{
    return isalpha((unsigned char)c) || c == '_' || (colon && c == ':') ||
           (!first && isdigit((unsigned char)c));
}

bool om_name_ok(const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!name_char(s[i], i == 0, true))
            return false;
    return n > 0;
}

static bool take(struct line *l, char c)
{
    if (l->at == l->end || *l->at != c)
        return false;
    l->at++;
    return true;
}

static const char *name(struct line *l, bool colon)
{
    const char *start = l->at;
    while (l->at < l->end && name_char(*l->at, l->at == start, colon))
        l->at++;
    return l->at > start ? arena_strndup(l->arena, start, (size_t)(l->at - start)) : NULL;
}

/* Between quotes; a backslash before any other letter than n, " and itself is only that. */
static const char *quoted(struct line *l)
{
    char *out = arena_alloc(l->arena, (size_t)(l->end - l->at) + 1);
    size_t n = 0;
    if (!take(l, '"'))
        return NULL;
    for (; l->at < l->end && *l->at != '"'; l->at++) {
        char next = l->at + 1 < l->end ? l->at[1] : '\0';
        if (*l->at != '\\' || !strchr("n\"\\", next) || !next) {
            out[n++] = *l->at;
            continue;
        }
        out[n++] = next == 'n' ? '\n' : next;
        l->at++;
    }
    return take(l, '"') ? out : NULL;
}

static const char *labels(struct line *l, struct labels *out)
{
    struct label all[OM_LABELS_MAX];
    size_t n = 0;
    *out = (struct labels){0};
    if (take(l, '}'))
        return NULL;
    do {
        if (n == OM_LABELS_MAX)
            return "there are too many labels";
        all[n].name = name(l, false);
        if (!all[n].name || !take(l, '='))
            return "a label name is malformed";
        if (!(all[n].value = quoted(l)))
            return "a label value is malformed";
        for (size_t i = 0; i < n; i++)
            if (strcmp(all[i].name, all[n].name) == 0)
                return "a label stands twice";
        n++;
    } while (take(l, ','));
    if (!take(l, '}'))
        return "a comma or } is missing";
    *out = labels_make(l->arena, all, n);
    return NULL;
}

/* A word of a line, up to the next space. */
static bool word(struct line *l, char *out)
{
    size_t n = 0;
    while (l->at < l->end && *l->at != ' ' && n < NUMBER_MAX - 1)
        out[n++] = *l->at++;
    out[n] = '\0';
    return n > 0 && (l->at == l->end || *l->at == ' ');
}

static bool number(const char *s, double *out)
{
    static const char *const words[] = {"inf", "infinity", "nan"};
    char *end;
    const char *plain = s + strspn(s, "+-");
    bool special = false;
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        special |= strcasecmp(plain, words[i]) == 0;
    *out = strtod(s, &end);
    return plain - s < 2 && !*end && end != s &&
           (special || strspn(plain, "0123456789.eE+-") == strlen(plain));
}

static bool time_of(const char *s, struct om_time *out)
{
    double v;
    const char *digits = s + (*s == '-' || *s == '+'), *dot = strchr(digits, '.');
    if (!number(s, &v) || !isfinite(v))
        return false;
    *out = (struct om_time){true, trunc(v), 0};
    if (strpbrk(s, "eE") || !dot) {
        out->nanos = (int64_t)llround((v - trunc(v)) * 1e9);
        return true;
    }
    int64_t scale = 100000000;
    for (const char *p = dot + 1; *p && scale; p++, scale /= 10)
        out->nanos += (*p - '0') * scale;
    return true;
}

/* " VALUE", and a time behind it where there is one. */
static const char *value_and_time(struct line *l, double *v, struct om_time *t)
{
    char text[NUMBER_MAX];
    if (!take(l, ' ') || !word(l, text) || !number(text, v))
        return "the value is no number";
    if (l->at == l->end || (l->end - l->at > 1 && l->at[1] == '#'))
        return NULL;
    if (!take(l, ' ') || !word(l, text) || !time_of(text, t))
        return "the time is no number";
    return NULL;
}

static size_t characters(const char *s)
{
    size_t n = 0;
    for (; *s; s++)
        n += ((unsigned char)*s & 0xc0) != 0x80;
    return n;
}

static const char *exemplar(struct line *l)
{
    struct labels all;
    struct om_time t;
    double v;
    size_t n = 0;
    if (!take(l, ' ') || !take(l, '#') || !take(l, ' ') || !take(l, '{'))
        return "an exemplar is malformed";
    const char *why = labels(l, &all);
    if (!why)
        why = value_and_time(l, &v, &t);
    for (size_t i = 0; !why && i < all.n; i++)
        n += characters(all.items[i].name) + characters(all.items[i].value);
    if (!why && n > EXEMPLAR_MAX)
        return "an exemplar's labels are longer than 128 characters";
    return !why && l->at < l->end ? "something stands behind the exemplar" : why;
}

const char *om_sample_read(struct arena *a, const char *line, size_t n, struct om_sample *out)
{
    struct line l = {a, line, line + n};
    *out = (struct om_sample){.name = name(&l, true)};
    if (!out->name)
        return "a metric name is malformed";
    const char *why = take(&l, '{') ? labels(&l, &out->labels) : NULL;
    if (!why)
        why = value_and_time(&l, &out->v, &out->t);
    if (why || l.at == l.end)
        return why;
    out->exemplar = true;
    return exemplar(&l);
}
