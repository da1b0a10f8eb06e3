/* otlp_name.c - names of OpenTelemetry as Prometheus has them. */
#include <ctype.h>
#include <string.h>

#include "base/buf.h"
#include "monitor/otlp_int.h"

enum { NAME_MAX_BYTES = 1 << 16, TOKENS_MAX = 64 };

struct word {
    const char *unit, *word;
};

static const struct word units[] = {
    {"d",    "days"        },
    {"h",    "hours"       },
    {"min",  "minutes"     },
    {"s",    "seconds"     },
    {"ms",   "milliseconds"},
    {"us",   "microseconds"},
    {"ns",   "nanoseconds" },
    {"By",   "bytes"       },
    {"KiBy", "kibibytes"   },
    {"MiBy", "mebibytes"   },
    {"GiBy", "gibibytes"   },
    {"TiBy", "tibibytes"   },
    {"KBy",  "kilobytes"   },
    {"MBy",  "megabytes"   },
    {"GBy",  "gigabytes"   },
    {"TBy",  "terabytes"   },
    {"m",    "meters"      },
    {"V",    "volts"       },
    {"A",    "amperes"     },
    {"J",    "joules"      },
    {"W",    "watts"       },
    {"g",    "grams"       },
    {"Cel",  "celsius"     },
    {"Hz",   "hertz"       },
    {"1",    ""            },
    {"%",    "percent"     },
    {NULL,   NULL          },
};
static const struct word per_units[] = {
    {"s",  "second"},
    {"m",  "minute"},
    {"h",  "hour"  },
    {"d",  "day"   },
    {"w",  "week"  },
    {"mo", "month" },
    {"y",  "year"  },
    {NULL, NULL    },
};

static const char *look_up(const struct word *list, const char *unit)
{
    for (; list->unit; list++)
        if (strcmp(list->unit, unit) == 0)
            return list->word;
    return unit;
}

static bool in_name(char c)
{
    return isalnum((unsigned char)c) || c == ':';
}

/* Runs of other characters as one '_', none at the front. */
static const char *clean(struct arena *a, const char *text)
{
    char *out = arena_alloc(a, strlen(text) + 1), *to = out;
    for (const char *p = text; *p; p++) {
        if (in_name(*p))
            *to++ = *p;
        else if (to > out && to[-1] != '_')
            *to++ = '_';
    }
    return out;
}

static const char *trimmed(struct arena *a, const char *s, size_t n)
{
    while (n && isspace((unsigned char)*s))
        s++, n--;
    while (n && isspace((unsigned char)s[n - 1]))
        n--;
    return arena_strndup(a, s, n);
}

/* "m/s" as its two words; annotations in braces say nothing. */
static void split_unit(struct arena *a, const char *unit, const char **whole, const char **per)
{
    size_t n = strcspn(unit, "/");
    const char *first = trimmed(a, unit, n);
    const char *second = unit[n] ? trimmed(a, unit + n + 1, strlen(unit + n + 1)) : "";
    *whole = strpbrk(first, "{}") ? "" : look_up(units, first);
    *per = strpbrk(second, "{}") || !*second ? "" : look_up(per_units, second);
}

const char *otlp_unit(struct arena *a, const char *unit)
{
    const char *whole, *per;
    split_unit(a, unit, &whole, &per);
    whole = clean(a, whole);
    return *per ? arena_join(a, whole, *whole ? "_per_" : "per_", clean(a, per), NULL) : whole;
}

/* ---- names of letters, digits, '_' and ':' ---- */

struct tokens {
    const char *items[TOKENS_MAX];
    size_t n;
};

static bool has(const struct tokens *t, const char *word)
{
    for (size_t i = 0; i < t->n; i++)
        if (strcmp(t->items[i], word) == 0)
            return true;
    return false;
}

static void add(struct tokens *t, const char *word)
{
    if (t->n < TOKENS_MAX)
        t->items[t->n++] = word;
}

static void move_last(struct tokens *t, const char *word)
{
    size_t n = 0;
    for (size_t i = 0; i < t->n; i++)
        if (strcmp(t->items[i], word) != 0)
            t->items[n++] = t->items[i];
    t->n = n;
    add(t, word);
}

static const char *joined(struct arena *a, const struct tokens *t)
{
    AUTO_BUF struct buf b;
    buf_init(&b, NAME_MAX_BYTES);
    if (t->n && isdigit((unsigned char)*t->items[0]))
        buf_putc(&b, '_');
    for (size_t i = 0; i < t->n; i++)
        buf_printf(&b, "%s%s", i ? "_" : "", t->items[i]);
    return arena_strdup(a, buf_text(&b));
}

static const char *escaped(struct arena *a, const char *name, const char *unit, enum otlp_kind kind)
{
    struct tokens t = {.n = 0};
    const char *whole, *per;
    for (const char *p = name; *p;) {
        size_t n = 0;
        while (p[n] && in_name(p[n]))
            n++;
        /* A name of very many words keeps the rest in its last one. */
        if (n && t.n == TOKENS_MAX - 4)
            return clean(a, name);
        if (n)
            add(&t, arena_strndup(a, p, n));
        p += n + (p[n] != '\0');
    }
    split_unit(a, unit, &whole, &per);
    whole = clean(a, whole);
    per = clean(a, per);
    if (*whole && !has(&t, whole))
        add(&t, whole);
    if (*per && !has(&t, per)) {
        add(&t, "per");
        add(&t, per);
    }
    if (kind == OTLP_COUNTER)
        move_last(&t, "total");
    if (kind == OTLP_GAUGE && strcmp(unit, "1") == 0)
        move_last(&t, "ratio");
    return joined(a, &t);
}

static const char *escaped_bare(struct arena *a, const char *name)
{
    char *out = arena_alloc(a, strlen(name) + 2), *to = out;
    if (isdigit((unsigned char)*name))
        *to++ = '_';
    bool gap = false;
    for (const char *p = name; *p; p++) {
        bool keeps = in_name(*p) || *p == '_';
        if (keeps && gap && to > out)
            *to++ = '_';
        if (keeps)
            *to++ = *p;
        gap = !keeps;
    }
    return out;
}

/* ---- names as they are ---- */

static const char *without(struct arena *a, const char *name, const char *suffix)
{
    size_t n = strlen(name), m = strlen(suffix);
    if (m && n > m + 1 && strcmp(name + n - m, suffix) == 0 && name[n - m - 1] == '_')
        return arena_strndup(a, name, n - m - 1);
    return name;
}

static const char *as_it_is(struct arena *a, const char *name, const char *unit,
                            enum otlp_kind kind)
{
    const char *whole, *per;
    const char *last = kind == OTLP_COUNTER                           ? "total"
                       : kind == OTLP_GAUGE && strcmp(unit, "1") == 0 ? "ratio"
                                                                      : "";
    split_unit(a, unit, &whole, &per);
    per = *per ? arena_join(a, "per_", per, NULL) : "";
    name = without(a, without(a, without(a, name, last), per), whole);
    const char *const parts[] = {whole, per, last};
    for (size_t i = 0; i < ARRAY_LEN(parts); i++)
        if (*parts[i])
            name = arena_join(a, name, "_", parts[i], NULL);
    return name;
}

const char *otlp_metric_name(struct arena *a, const struct otlp_opts *o, const char *name,
                             const char *unit, enum otlp_kind kind)
{
    switch (o->names) {
    case OTLP_ESCAPED:
        return escaped(a, name, unit, kind);
    case OTLP_ESCAPED_BARE:
        return escaped_bare(a, name);
    case OTLP_UTF8:
        return as_it_is(a, name, unit, kind);
    case OTLP_UTF8_BARE:
        break;
    }
    return name;
}

const char *otlp_label_name(struct arena *a, const struct otlp_opts *o, const char *name)
{
    if (name[strspn(name, "_")] == '\0')
        return NULL;
    if (o->names == OTLP_UTF8 || o->names == OTLP_UTF8_BARE)
        return name;
    char *out = arena_alloc(a, strlen(name) + 1), *to = out;
    for (const char *p = name; *p; p++) /* a character of several bytes is one '_' */
        if (((unsigned char)*p & 0xc0) != 0x80)
            *to++ = isalnum((unsigned char)*p) ? *p : '_';
    if (isdigit((unsigned char)*out))
        return arena_join(a, "key_", out, NULL);
    if (*out == '_' && out[1] != '_')
        return arena_join(a, "key", out, NULL);
    return out[strspn(out, "_")] ? out : NULL;
}
