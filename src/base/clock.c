#include "base/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static int64_t read_ns(clockid_t id)
{
    struct timespec t;
    (void)clock_gettime(id, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int64_t system_real(const struct clock *c)
{
    (void)c;
    return clock_real_ms();
}

static int64_t system_mono(const struct clock *c)
{
    (void)c;
    return clock_mono_ms();
}

const struct clock clock_system = {system_real, system_mono};

int64_t clock_real_ms(void)
{
    return read_ns(CLOCK_REALTIME) / 1000000;
}

int64_t clock_real_ns(void)
{
    return read_ns(CLOCK_REALTIME);
}

int64_t clock_mono_ms(void)
{
    return read_ns(CLOCK_MONOTONIC) / 1000000;
}

int64_t clock_mono_us(void)
{
    return read_ns(CLOCK_MONOTONIC) / 1000;
}

/* Seconds and the remainder below them, rounding towards the past. */
static int64_t split(int64_t t, int64_t unit, int64_t *rest)
{
    int64_t s = t / unit;
    *rest = t % unit;
    if (*rest < 0) {
        *rest += unit;
        s--;
    }
    return s;
}

static void format(int64_t t, int64_t unit, int digits, char *out)
{
    int64_t rest;
    time_t s = (time_t)split(t, unit, &rest);
    struct tm tm;
    (void)gmtime_r(&s, &tm);
    size_t n = strftime(out, CLOCK_TEXT_MAX, "%Y-%m-%dT%H:%M:%S", &tm);
    if (digits)
        (void)snprintf(out + n, CLOCK_TEXT_MAX - n, ".%0*" PRId64 "Z", digits, rest);
    else
        (void)snprintf(out + n, CLOCK_TEXT_MAX - n, "Z");
}

void clock_format_rfc3339(int64_t ms, char *out)
{
    format(ms, 1000, 0, out);
}

void clock_format_rfc3339_ms(int64_t ms, char *out)
{
    format(ms, 1000, 3, out);
}

void clock_format_rfc3339_micro(int64_t us, char *out)
{
    format(us, 1000000, 6, out);
}

void clock_format_rfc3339_nano(int64_t ns, char *out)
{
    format(ns, 1000000000, 9, out);
}

static bool digits(const char **p, int n, int *out)
{
    int v = 0;
    for (int i = 0; i < n; i++) {
        if ((*p)[i] < '0' || (*p)[i] > '9')
            return false;
        v = v * 10 + ((*p)[i] - '0');
    }
    *p += n;
    *out = v;
    return true;
}

static bool literal(const char **p, char c)
{
    if (**p != c)
        return false;
    ++*p;
    return true;
}

static bool fraction(const char **p, int64_t *ns)
{
    *ns = 0;
    if (**p != '.' && **p != ',')
        return true;
    ++*p;
    if (**p < '0' || **p > '9')
        return false;
    int64_t unit = 100000000;
    for (; **p >= '0' && **p <= '9'; ++*p, unit /= 10)
        *ns += (**p - '0') * unit;
    return true;
}

static bool zone(const char **p, int64_t *offset_s)
{
    *offset_s = 0;
    if (literal(p, 'Z'))
        return true;
    int sign = **p == '+' ? 1 : **p == '-' ? -1 : 0, h, m;
    if (!sign)
        return false;
    ++*p;
    if (!digits(p, 2, &h) || !literal(p, ':') || !digits(p, 2, &m) || h > 24 || m > 60)
        return false;
    *offset_s = sign * (h * 3600 + m * 60);
    return true;
}

static int days_in_month(int y, int m)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
    return m == 2 && leap ? 29 : days[m - 1];
}

int clock_parse_rfc3339(const char *text, int64_t *out_ns, struct err *e)
{
    const char *p = text;
    int y, mo, d, h, mi, s;
    int64_t ns, off;
    bool ok = digits(&p, 4, &y) && literal(&p, '-') && digits(&p, 2, &mo) && literal(&p, '-') &&
              digits(&p, 2, &d) && literal(&p, 'T') && digits(&p, 2, &h) && literal(&p, ':') &&
              digits(&p, 2, &mi) && literal(&p, ':') && digits(&p, 2, &s) && fraction(&p, &ns) &&
              zone(&p, &off) && *p == '\0';
    if (!ok || mo < 1 || mo > 12 || d < 1 || d > days_in_month(y, mo) || h > 23 || mi > 59 ||
        s > 59)
        return err_set(e, ERR_INVALID, "\"%.60s\" is not an RFC 3339 time", text);
    struct tm tm = {.tm_year = y - 1900,
                    .tm_mon = mo - 1,
                    .tm_mday = d,
                    .tm_hour = h,
                    .tm_min = mi,
                    .tm_sec = s};
    int64_t s_since = (int64_t)timegm(&tm) - off;
    /* What 64 bits cannot hold (before 1678, after 2262) is as early or as late as they can say. */
    if (__builtin_mul_overflow(s_since, 1000000000, out_ns) ||
        __builtin_add_overflow(*out_ns, ns, out_ns))
        *out_ns = s_since < 0 ? INT64_MIN : INT64_MAX;
    return 0;
}

static int64_t unit_ns(const char **p)
{
    static const struct {
        const char *name;
        int64_t ns;
    } units[] = {
        {"ns",  1            },
        {"us",  1000         },
        {"µs", 1000         },
        {"μs", 1000         },
        {"ms",  1000000      },
        {"s",   1000000000   },
        {"m",   60000000000  },
        {"h",   3600000000000},
    };
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        size_t n = strlen(units[i].name);
        if (strncmp(*p, units[i].name, n) == 0) {
            *p += n;
            return units[i].ns;
        }
    }
    return 0;
}

int clock_parse_duration(const char *text, int64_t *out_ns, struct err *e)
{
    const char *p = text;
    int sign = 1;
    if (*p == '-' || *p == '+')
        sign = *p++ == '-' ? -1 : 1;
    if (strcmp(p, "0") == 0) {
        *out_ns = 0;
        return 0;
    }
    double total = 0;
    bool any = false;
    while (*p) {
        if ((*p < '0' || *p > '9') && *p != '.')
            break;
        char *end;
        double v = strtod(p, &end);
        if (end == p)
            break;
        p = end;
        int64_t unit = unit_ns(&p);
        if (!unit)
            break;
        total += v * (double)unit;
        any = true;
    }
    if (*p || !any || total > 9.2e18)
        return err_set(e, ERR_INVALID, "\"%.60s\" is not a duration such as 1h30m or 500ms", text);
    *out_ns = sign * (int64_t)(total + 0.5);
    return 0;
}

static void trim_zeros(char *s)
{
    size_t n = strlen(s);
    while (n && s[n - 1] == '0')
        s[--n] = '\0';
    if (n && s[n - 1] == '.')
        s[n - 1] = '\0';
}

void clock_format_duration(int64_t ns, char *out)
{
    const char *sign = ns < 0 ? "-" : "";
    uint64_t u = ns < 0 ? -(uint64_t)ns : (uint64_t)ns;
    char num[24];
    if (u == 0) {
        (void)snprintf(out, CLOCK_TEXT_MAX, "0s");
        return;
    }
    if (u < 1000000000) {
        uint64_t unit = u < 1000 ? 1 : u < 1000000 ? 1000 : 1000000;
        const char *name = u < 1000 ? "ns" : u < 1000000 ? "µs" : "ms";
        (void)snprintf(num, sizeof num, "%" PRIu64 ".%06" PRIu64, u / unit,
                       u % unit * (1000000 / unit));
        trim_zeros(num);
        (void)snprintf(out, CLOCK_TEXT_MAX, "%s%s%s", sign, num, name);
        return;
    }
    uint64_t s = u / 1000000000;
    (void)snprintf(num, sizeof num, "%u.%09u", (unsigned)(s % 60), (unsigned)(u % 1000000000));
    trim_zeros(num);
    if (s >= 3600)
        (void)snprintf(out, CLOCK_TEXT_MAX, "%s%" PRIu64 "h%" PRIu64 "m%ss", sign, s / 3600,
                       s % 3600 / 60, num);
    else if (s >= 60)
        (void)snprintf(out, CLOCK_TEXT_MAX, "%s%" PRIu64 "m%ss", sign, s / 60, num);
    else
        (void)snprintf(out, CLOCK_TEXT_MAX, "%s%ss", sign, num);
}
