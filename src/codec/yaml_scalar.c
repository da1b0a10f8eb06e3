/* yaml_scalar.c - what unquoted text means: the table of go-yaml v2's resolver. */
#include <math.h>

#include "base/own.h"
#include "codec/yaml_int.h"

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static const char *skip_digits(const char *s)
{
    while (is_digit(*s))
        s++;
    return s;
}

/* ---- words ---- */

static bool is_word(const char *s, const struct yaml_scalar **out)
{
    static const struct {
        const char *text;
        struct yaml_scalar means;
    } words[] = {
        {"",      {.kind = YAML_NULL}            },
        {"~",     {.kind = YAML_NULL}            },
        {"null",  {.kind = YAML_NULL}            },
        {"Null",  {.kind = YAML_NULL}            },
        {"NULL",  {.kind = YAML_NULL}            },
        {"y",     {YAML_BOOL, {.boolean = true}} },
        {"Y",     {YAML_BOOL, {.boolean = true}} },
        {"yes",   {YAML_BOOL, {.boolean = true}} },
        {"Yes",   {YAML_BOOL, {.boolean = true}} },
        {"YES",   {YAML_BOOL, {.boolean = true}} },
        {"true",  {YAML_BOOL, {.boolean = true}} },
        {"True",  {YAML_BOOL, {.boolean = true}} },
        {"TRUE",  {YAML_BOOL, {.boolean = true}} },
        {"on",    {YAML_BOOL, {.boolean = true}} },
        {"On",    {YAML_BOOL, {.boolean = true}} },
        {"ON",    {YAML_BOOL, {.boolean = true}} },
        {"n",     {YAML_BOOL, {.boolean = false}}},
        {"N",     {YAML_BOOL, {.boolean = false}}},
        {"no",    {YAML_BOOL, {.boolean = false}}},
        {"No",    {YAML_BOOL, {.boolean = false}}},
        {"NO",    {YAML_BOOL, {.boolean = false}}},
        {"false", {YAML_BOOL, {.boolean = false}}},
        {"False", {YAML_BOOL, {.boolean = false}}},
        {"FALSE", {YAML_BOOL, {.boolean = false}}},
        {"off",   {YAML_BOOL, {.boolean = false}}},
        {"Off",   {YAML_BOOL, {.boolean = false}}},
        {"OFF",   {YAML_BOOL, {.boolean = false}}},
        {".nan",  {YAML_FLOAT, {.d = NAN}}       },
        {".NaN",  {YAML_FLOAT, {.d = NAN}}       },
        {".NAN",  {YAML_FLOAT, {.d = NAN}}       },
        {".inf",  {YAML_FLOAT, {.d = INFINITY}}  },
        {".Inf",  {YAML_FLOAT, {.d = INFINITY}}  },
        {".INF",  {YAML_FLOAT, {.d = INFINITY}}  },
        {"+.inf", {YAML_FLOAT, {.d = INFINITY}}  },
        {"+.Inf", {YAML_FLOAT, {.d = INFINITY}}  },
        {"+.INF", {YAML_FLOAT, {.d = INFINITY}}  },
        {"-.inf", {YAML_FLOAT, {.d = -INFINITY}} },
        {"-.Inf", {YAML_FLOAT, {.d = -INFINITY}} },
        {"-.INF", {YAML_FLOAT, {.d = -INFINITY}} },
    };
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (strcmp(words[i].text, s) == 0) {
            *out = &words[i].means;
            return true;
        }
    }
    return false;
}

/* ---- times: only ever text, but text that others would read as a time ---- */

/* One or two digits up to `max`. */
static bool small_number(const char **s, int min, int max, int *out)
{
    if (!is_digit(**s))
        return false;
    *out = *(*s)++ - '0';
    if (is_digit(**s))
        *out = *out * 10 + *(*s)++ - '0';
    return *out >= min && *out <= max;
}

static bool is_zone(const char *s)
{
    int hour, minute;
    if (strcmp(s, "Z") == 0)
        return true;
    if ((*s != '+' && *s != '-') || strlen(s) != 6 || s[3] != ':')
        return false;
    s++;
    if (!is_digit(s[1]) || !small_number(&s, 0, 24, &hour))
        return false;
    s++;
    return is_digit(s[1]) && small_number(&s, 0, 60, &minute);
}

static bool is_time(const char *s)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (skip_digits(s) != s + 4 || s[4] != '-')
        return false;
    int month, day, hour, minute, second;
    long year = strtol(s, NULL, 10);
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    s += 5;
    if (!small_number(&s, 1, 12, &month) || *s++ != '-' ||
        !small_number(&s, 1, days[month - 1] + (month == 2 && leap), &day))
        return false;
    if (*s == '\0')
        return true;
    char t = *s++;
    if (t != 'T' && t != 't' && t != ' ')
        return false;
    for (; t == ' ' && *s == ' '; s++)
        ;
    if (!small_number(&s, 0, 23, &hour) || *s++ != ':' || !small_number(&s, 0, 59, &minute) ||
        *s++ != ':' || !small_number(&s, 0, 59, &second))
        return false;
    if ((*s == '.' || *s == ',') && is_digit(s[1]))
        s = skip_digits(s + 1);
    return t == ' ' ? *s == '\0' : is_zone(s);
}

/* ---- numbers ---- */

/* Go's ParseInt and ParseUint with base 0. */
static bool read_integer(const char *s, struct yaml_scalar *out)
{
    bool sign = *s == '+' || *s == '-', negative = *s == '-';
    unsigned base = 10;
    s += sign;
    if (*s == '\0')
        return false;
    if (*s == '0' && s[1]) {
        char form = (char)(s[1] | 0x20);
        base = s[2] == '\0' ? 8 : form == 'x' ? 16 : form == 'o' ? 8 : form == 'b' ? 2 : 8;
        s += s[2] && strchr("xob", form) ? 2 : 1;
    }
    uint64_t n = 0;
    for (; *s; s++) {
        unsigned digit = is_digit(*s) ? (unsigned)(*s - '0')
                         : (*s | 0x20) >= 'a' && (*s | 0x20) <= 'z'
                             ? (unsigned)((*s | 0x20) - 'a') + 10
                             : 99;
        if (digit >= base || n > (UINT64_MAX - digit) / base)
            return false;
        n = n * base + digit;
    }
    if (n <= (uint64_t)INT64_MAX + negative)
        *out = (struct yaml_scalar){YAML_INT, {.i = (int64_t)(negative ? 0 - n : n)}};
    else if (!sign)
        *out = (struct yaml_scalar){YAML_UINT, {.u = n}};
    else
        return false;
    return true;
}

static bool read_float(const char *s, struct yaml_scalar *out)
{
    const char *p = s + (*s == '+' || *s == '-'), *whole = p;
    p = skip_digits(p);
    bool digits = p > whole;
    if (*p == '.') {
        const char *part = ++p;
        p = skip_digits(p);
        digits = digits || p > part;
    }
    if (!digits)
        return false;
    if (*p == 'e' || *p == 'E') {
        p += p[1] == '+' || p[1] == '-' ? 2 : 1;
        if (!is_digit(*p))
            return false;
        p = skip_digits(p);
    }
    double d = strtod(s, NULL);
    if (*p || !isfinite(d))
        return false;
    *out = (struct yaml_scalar){YAML_FLOAT, {.d = d}};
    return true;
}

struct yaml_scalar yaml__resolve(const char *s, size_t n)
{
    enum { LONGEST = 400, WORD_MAX = 5 };
    struct yaml_scalar r = {.kind = YAML_STR};
    const struct yaml_scalar *word = NULL;
    char plain[LONGEST + 1];
    if (n > 0 && !strchr("+-0123456789yYnNtTfFoO~.", *s))
        return r;
    if (n > WORD_MAX && !strchr("+-0123456789.", *s))
        return r;
    if (n > LONGEST || strlen(s) != n)
        return r;
    if (n <= WORD_MAX && is_word(s, &word))
        return *word;
    if (*s == '.') {
        (void)read_float(s, &r);
        return r;
    }
    if (!is_digit(*s) && *s != '+' && *s != '-')
        return r;
    if (is_time(s)) {
        r.kind = YAML_TIME;
        return r;
    }
    char *to = plain;
    for (const char *p = s; *p; p++)
        if (*p != '_')
            *to++ = *p;
    *to = '\0';
    if (!read_integer(plain, &r))
        (void)read_float(plain, &r);
    return r;
}

/* 190:20:30, which YAML 1.1 took for a number to the base of 60. */
static bool is_base60(const char *s)
{
    s += *s == '+' || *s == '-';
    if (!is_digit(*s))
        return false;
    while (is_digit(*s) || *s == '_')
        s++;
    if (*s != ':')
        return false;
    while (*s == ':') {
        s++;
        if (!is_digit(*s))
            return false;
        s += *s <= '5' && is_digit(s[1]) ? 2 : 1;
    }
    if (*s == '.')
        for (s++; is_digit(*s) || *s == '_'; s++)
            ;
    return *s == '\0';
}

bool yaml__reads_as_text(const char *s, size_t n)
{
    return yaml__resolve(s, n).kind == YAML_STR && !(strlen(s) == n && is_base60(s));
}
