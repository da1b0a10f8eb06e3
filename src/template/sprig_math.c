#include "template/sprig_int.h"

#include <math.h>

#include "codec/number.h"
#include "template/literal_int.h"

#include "base/banned.h"

/* ---- spf13/cast ---- */

/* Go's conversion on amd64: what does not fit is the smallest number. */
static int64_t int_of_float(double d)
{
    return d >= -9223372036854775808.0 && d < 9223372036854775808.0 ? (int64_t)d : INT64_MIN;
}

/* "1.00" counts as 1. */
static size_t without_zero_decimals(const char *s, size_t n)
{
    size_t i = n;
    while (i > 0 && s[i - 1] == '0')
        i--;
    return i < n && i > 0 && s[i - 1] == '.' ? i - 1 : n;
}

/* strconv.ParseInt(s, 0, 64) */
static bool parse_int(const char *s, size_t n, int64_t *out)
{
    struct number number;
    AUTO(arena) struct arena *a = arena_new(0);
    if (n == 0 || n > 100 || memchr(s, '.', n) || s[n - 1] == 'i' ||
        literal_number(a, s, n, TOKEN_NUMBER, &number) || !number.is_int)
        return false;
    bool hex = n > 2 && memchr(s, 'x', 3 < n ? 3 : n);
    if (!hex && (memchr(s, 'e', n) || memchr(s, 'E', n) || memchr(s, 'p', n)))
        return false;
    *out = number.i;
    return true;
}

int64_t cast__int(const struct go_value *v)
{
    int64_t i = 0;
    switch ((int)go_kind_of(v)) {
    case GO_BOOL:
        return v->b;
    case GO_FLOAT64:
        return int_of_float(v->f);
    case GO_STRING:
        return v->type == &go_string_type && parse_int(v->s, without_zero_decimals(v->s, v->n), &i)
                   ? i
                   : 0;
    case GO_INT:
    case GO_INT32:
    case GO_INT64:
    case GO_UINT8:
    case GO_UINT32:
    case GO_UINT64:
        return v->i;
    default:
        return 0;
    }
}

/* strconv.ParseFloat() */
static double parse_float(const char *s, size_t n)
{
    char text[400];
    double d = 0;
    if (n == 0 || n >= sizeof text || memchr(s, '\0', n) || memchr(s, '_', n))
        return 0;
    memcpy(text, s, n);
    text[n] = '\0';
    const char *word = text + (*text == '+' || *text == '-');
    if (strcasecmp(word, "inf") == 0 || strcasecmp(word, "infinity") == 0)
        return *text == '-' ? -HUGE_VAL : HUGE_VAL;
    if (strcasecmp(text, "nan") == 0)
        return (double)NAN;
    return literal_float(text, &d) ? d : 0;
}

double cast__float(const struct go_value *v)
{
    switch ((int)go_kind_of(v)) {
    case GO_BOOL:
        return v->b;
    case GO_FLOAT64:
        return v->f;
    case GO_STRING:
        return v->type == &go_string_type ? parse_float(v->s, v->n) : 0;
    case GO_INT:
    case GO_INT32:
    case GO_INT64:
        return (double)v->i;
    case GO_UINT8:
    case GO_UINT32:
    case GO_UINT64:
        return (double)v->u;
    default:
        return 0;
    }
}

/* ---- whole numbers ---- */

static int64_t wrap_add(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a + (uint64_t)b);
}

static int64_t wrap_mul(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a * (uint64_t)b);
}

GO_FN(add)
{
    int64_t sum = 0;
    for (size_t i = 0; i < n; i++)
        sum = wrap_add(sum, cast__int(&args[i]));
    *out = go_int64(sum);
    return 0;
}

GO_FN(add1)
{
    *out = go_int64(wrap_add(cast__int(&args[0]), 1));
    return 0;
}

GO_FN(sub)
{
    *out = go_int64((int64_t)((uint64_t)cast__int(&args[0]) - (uint64_t)cast__int(&args[1])));
    return 0;
}

static int divide(struct go_call *c, const struct go_value *args, bool rest, struct go_value *out)
{
    int64_t a = cast__int(&args[0]), b = cast__int(&args[1]);
    if (b == 0)
        return go_fail(c, "runtime error: integer divide by zero");
    if (b == -1)
        *out = go_int64(rest ? 0 : (int64_t)(0 - (uint64_t)a));
    else
        *out = go_int64(rest ? a % b : a / b);
    return 0;
}

GO_FN(div_whole)
{
    return divide(c, args, false, out);
}

GO_FN(mod)
{
    return divide(c, args, true, out);
}

GO_FN(mul)
{
    int64_t product = cast__int(&args[0]);
    for (size_t i = 1; i < n; i++)
        product = wrap_mul(product, cast__int(&args[i]));
    *out = go_int64(product);
    return 0;
}

GO_FN(max)
{
    int64_t best = cast__int(&args[0]);
    for (size_t i = 1; i < n; i++)
        best = cast__int(&args[i]) > best ? cast__int(&args[i]) : best;
    *out = go_int64(best);
    return 0;
}

GO_FN(min)
{
    int64_t best = cast__int(&args[0]);
    for (size_t i = 1; i < n; i++)
        best = cast__int(&args[i]) < best ? cast__int(&args[i]) : best;
    *out = go_int64(best);
    return 0;
}

GO_FN(to_int)
{
    *out = go_int(cast__int(&args[0]));
    return 0;
}

GO_FN(to_int64)
{
    *out = go_int64(cast__int(&args[0]));
    return 0;
}

/* strconv in the given base, with Atoi's answer for what is too large. */
static int64_t parse_base(const struct go_value *s, int base, bool saturates)
{
    size_t i = 0;
    bool negative = s->n && s->s[0] == '-';
    i += s->n && (s->s[0] == '-' || s->s[0] == '+');
    uint64_t u = 0, most = (uint64_t)INT64_MAX + negative;
    bool over = false;
    if (i == s->n)
        return 0;
    for (; i < s->n; i++) {
        int d = s->s[i] - '0';
        if (d < 0 || d >= base)
            return 0;
        over = over || u > (most - (uint64_t)d) / (uint64_t)base;
        u = over ? most : u * (uint64_t)base + (uint64_t)d;
    }
    if (over && !saturates)
        return 0;
    return (int64_t)(negative ? 0 - u : u);
}

GO_FN(atoi_text)
{
    *out = go_int(parse_base(&args[0], 10, true));
    return 0;
}

GO_FN(to_decimal)
{
    struct buf *b = call__scratch(c);
    fmt__print(c->run, b, &args[0]);
    struct go_value text = go_strn(buf_text(b), b->len);
    *out = go_int64(parse_base(&text, 8, false));
    return 0;
}

/* ---- fractions ---- */

GO_FN(to_float)
{
    *out = go_float(cast__float(&args[0]));
    return 0;
}

GO_FN(go_floor)
{
    *out = go_float(floor(cast__float(&args[0])));
    return 0;
}

GO_FN(go_ceil)
{
    *out = go_float(ceil(cast__float(&args[0])));
    return 0;
}

GO_FN(go_round)
{
    double on = n > 2 ? args[2].f : 0.5, power = pow(10, (double)args[1].i), whole;
    double digit = power * cast__float(&args[0]), rest = modf(digit, &whole);
    *out = go_float((rest >= on ? ceil(digit) : floor(digit)) / power);
    return 0;
}

/* math.Max and Min: NaN wins, and zeros have signs. */
static double pick(double a, double b, bool greater)
{
    if (isnan(a) || isnan(b))
        return (double)NAN;
    if (a == b)
        return signbit(a) == greater ? b : a;
    return (a > b) == greater ? a : b;
}

GO_FN(max_float)
{
    double best = cast__float(&args[0]);
    for (size_t i = 1; i < n; i++)
        best = pick(best, cast__float(&args[i]), true);
    *out = go_float(best);
    return 0;
}

GO_FN(min_float)
{
    double best = cast__float(&args[0]);
    for (size_t i = 1; i < n; i++)
        best = pick(best, cast__float(&args[i]), false);
    *out = go_float(best);
    return 0;
}

const struct go_func math_functions[] = {
    {"add",       "a...",   add       },
    {"add1",      "a",      add1      },
    {"atoi",      "s",      atoi_text },
    {"biggest",   "aa...",  max       },
    {"ceil",      "a",      go_ceil   },
    {"div",       "aa",     div_whole },
    {"float64",   "a",      to_float  },
    {"floor",     "a",      go_floor  },
    {"int",       "a",      to_int    },
    {"int64",     "a",      to_int64  },
    {"max",       "aa...",  max       },
    {"maxf",      "aa...",  max_float },
    {"min",       "aa...",  min       },
    {"minf",      "aa...",  min_float },
    {"mod",       "aa",     mod       },
    {"mul",       "aa...",  mul       },
    {"round",     "aif...", go_round  },
    {"sub",       "aa",     sub       },
    {"toDecimal", "a",      to_decimal},
    {NULL,        NULL,     NULL      },
};
