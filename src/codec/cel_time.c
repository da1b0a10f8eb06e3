/* cel_time.c - timestamps (years 1 to 9999) and durations (nanoseconds). */
#include <errno.h>
#include <math.h>

#include "base/clock.h"
#include "base/fs.h"
#include "codec/cel_int.h"

static const int64_t second_ns = 1000000000, first_second = -62135596800,
                     last_second = 253402300799;

bool cel__timestamp_in_range(int64_t seconds)
{
    return seconds >= first_second && seconds <= last_second;
}

/* ---- the calendar ---- */

struct date {
    int64_t year;
    int month, day; /* from 1 */
    int weekday;    /* 0: Sunday */
    int yearday;    /* from 0 */
    int64_t second; /* of the day */
};

static int64_t days_of(int64_t year, int month, int day)
{
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400, yoe = year - era * 400;
    int64_t doy = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

static struct date date_of(int64_t seconds)
{
    int64_t days = seconds / 86400, second = seconds % 86400;
    if (second < 0) {
        second += 86400;
        days--;
    }
    int64_t z = days + 719468, era = (z >= 0 ? z : z - 146096) / 146097, doe = z - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;
    struct date d = {.second = second};
    d.day = (int)(doy - (153 * mp + 2) / 5 + 1);
    d.month = (int)(mp < 10 ? mp + 3 : mp - 9);
    d.year = yoe + era * 400 + (d.month <= 2);
    d.weekday = (int)(((days + 4) % 7 + 7) % 7);
    d.yearday = (int)(days - days_of(d.year, 1, 1));
    return d;
}

/* ---- text ---- */

static bool digits(const char **s, int n, int *out)
{
    *out = 0;
    for (; n > 0; n--, (*s)++) {
        if (**s < '0' || **s > '9')
            return false;
        *out = *out * 10 + (**s - '0');
    }
    return true;
}

static bool literal(const char **s, char c)
{
    return *(*s)++ == c;
}

static bool parse_zone(const char *s, int64_t *out)
{
    int hour, minute;
    char sign = *s++;
    *out = 0;
    if (sign == 'Z' || sign == 'z')
        return *s == '\0';
    if ((sign != '+' && sign != '-') || !digits(&s, 2, &hour) || !literal(&s, ':') ||
        !digits(&s, 2, &minute) || *s || hour > 23 || minute > 59)
        return false;
    *out = (hour * 3600 + minute * 60) * (sign == '-' ? -1 : 1);
    return true;
}

bool cel__parse_timestamp(const char *s, struct cel_value *out)
{
    static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int year, month, day, hour, minute, second;
    int64_t zone, ns = 0, scale = second_ns;
    if (!digits(&s, 4, &year) || !literal(&s, '-') || !digits(&s, 2, &month) || !literal(&s, '-') ||
        !digits(&s, 2, &day))
        return false;
    if ((*s != 'T' && *s != 't') || (s++, !digits(&s, 2, &hour)) || !literal(&s, ':') ||
        !digits(&s, 2, &minute) || !literal(&s, ':') || !digits(&s, 2, &second))
        return false;
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    if (month < 1 || month > 12 || day < 1 || day > lengths[month - 1] + (month == 2 && leap) ||
        hour > 23 || minute > 59 || second > 59)
        return false;
    if (*s == '.') {
        if (s[1] < '0' || s[1] > '9')
            return false;
        for (s++; *s >= '0' && *s <= '9'; s++) {
            scale /= 10;
            ns += scale * (*s - '0');
        }
    }
    if (!parse_zone(s, &zone))
        return false;
    int64_t at = days_of(year, month, day) * 86400 + hour * 3600 + minute * 60 + second - zone;
    *out = (struct cel_value){.kind = CEL_TIMESTAMP, .i = at, .ns = (uint32_t)ns};
    return cel__timestamp_in_range(at);
}

bool cel__parse_duration(const char *s, struct cel_value *out)
{
    int64_t ns;
    if (clock_parse_duration(s, &ns, NULL))
        return false;
    *out = (struct cel_value){.kind = CEL_DURATION, .i = ns};
    return true;
}

char *cel__timestamp_text(struct arena *a, const struct cel_value *v)
{
    struct date d = date_of(v->i);
    char part[16] = "";
    if (v->ns) {
        int n = snprintf(part, sizeof part, ".%09u", v->ns);
        while (part[n - 1] == '0')
            part[--n] = '\0';
    }
    return arena_printf(a, "%04lld-%02d-%02dT%02lld:%02lld:%02lld%sZ", (long long)d.year, d.month,
                        d.day, (long long)(d.second / 3600), (long long)(d.second / 60 % 60),
                        (long long)(d.second % 60), part);
}

char *cel__duration_text(struct arena *a, const struct cel_value *v)
{
    uint64_t ns = v->i < 0 ? 0 - (uint64_t)v->i : (uint64_t)v->i;
    char *text =
        arena_printf(a, "%s%llu.%09llu", v->i < 0 ? "-" : "", (unsigned long long)(ns / 1000000000),
                     (unsigned long long)(ns % 1000000000));
    size_t n = strlen(text);
    while (text[n - 1] == '0')
        n--;
    n -= text[n - 1] == '.';
    text[n] = '\0';
    return arena_printf(a, "%ss", text);
}

/* ---- arithmetic ---- */

static int out_of_range(struct cel_run *r, const char *what)
{
    return cel__fail(r, "%s overflow", what);
}

/* ts + ns; the sign says whether it is added or taken away. */
static int shift(struct cel_run *r, const struct cel_value *ts, int64_t ns, int sign,
                 struct cel_value *out)
{
    int64_t seconds = ns / second_ns * sign, rest = (int64_t)ts->ns + ns % second_ns * sign;
    seconds += ts->i + (rest >= second_ns) - (rest < 0);
    rest += rest < 0 ? second_ns : rest >= second_ns ? -second_ns : 0;
    if (!cel__timestamp_in_range(seconds))
        return out_of_range(r, "timestamp");
    *out = (struct cel_value){.kind = CEL_TIMESTAMP, .i = seconds, .ns = (uint32_t)rest};
    return 0;
}

static int between(struct cel_run *r, const struct cel_value *a, const struct cel_value *b,
                   struct cel_value *out)
{
    int64_t ns = 0;
    if (__builtin_mul_overflow(a->i - b->i, second_ns, &ns) ||
        __builtin_add_overflow(ns, (int64_t)a->ns - (int64_t)b->ns, &ns))
        return out_of_range(r, "duration");
    *out = (struct cel_value){.kind = CEL_DURATION, .i = ns};
    return 0;
}

int cel__time_binary(struct cel_run *r, enum cel_binary op, const struct cel_value *a,
                     const struct cel_value *b, struct cel_value *out)
{
    bool ts_a = a->kind == CEL_TIMESTAMP, ts_b = b->kind == CEL_TIMESTAMP;
    int64_t ns = 0;
    if (op == BIN_ADD && ts_a && !ts_b)
        return shift(r, a, b->i, 1, out);
    if (op == BIN_ADD && !ts_a && ts_b)
        return shift(r, b, a->i, 1, out);
    if (op == BIN_SUB && ts_a)
        return ts_b ? between(r, a, b, out) : shift(r, a, b->i, -1, out);
    if ((op != BIN_ADD && op != BIN_SUB) || ts_a || ts_b)
        return cel__no_overload(r, op == BIN_ADD ? "_+_" : "_-_", (struct cel_value[]){*a, *b}, 2);
    if (op == BIN_ADD ? __builtin_add_overflow(a->i, b->i, &ns)
                      : __builtin_sub_overflow(a->i, b->i, &ns))
        return out_of_range(r, "duration");
    *out = (struct cel_value){.kind = CEL_DURATION, .i = ns};
    return 0;
}

/* ---- zones ---- */

static int64_t big_endian(const unsigned char *p, size_t n)
{
    uint64_t v = p[0] & 0x80 ? UINT64_MAX : 0;
    for (size_t i = 0; i < n; i++)
        v = v << 8 | p[i];
    return (int64_t)v;
}

/* The offset at a moment in a TZif file (RFC 8536): its 64-bit part. */
static bool tzif_offset(const unsigned char *p, size_t n, int64_t at, int64_t *out)
{
    enum { HEADER = 44 };
    size_t counts[6];
    for (int part = 0; part < 2; part++) {
        size_t wide = part ? 8 : 4;
        if (n < HEADER || memcmp(p, "TZif", 4) != 0)
            return false;
        for (size_t i = 0; i < 6; i++)
            counts[i] = (size_t)big_endian(p + 20 + 4 * i, 4) & 0xffffff;
        size_t size = HEADER + counts[3] * (wide + 1) + counts[4] * 6 + counts[5] +
                      counts[2] * (wide + 4) + counts[1] + counts[0];
        if (n < size || counts[4] == 0)
            return false;
        if (part)
            break;
        p += size;
        n -= size;
    }
    const unsigned char *times = p + HEADER, *kinds = times + counts[3] * 8;
    const unsigned char *types = kinds + counts[3];
    size_t type = 0;
    for (size_t i = 0; i < counts[3] && big_endian(times + 8 * i, 8) <= at; i++)
        type = kinds[i];
    if (type >= counts[4])
        return false;
    *out = big_endian(types + 6 * type, 4);
    return true;
}

/* "UTC", "+05:30", "02:00", or a name of the zone database. */
static int zone_offset(struct cel_run *r, const struct cel_value *zone, int64_t at, int64_t *out)
{
    const char *s = zone->text, *p = s + (*s == '+' || *s == '-');
    char path[200], *file = NULL;
    int hour, minute;
    size_t n = 0;
    *out = 0;
    if (*s == '\0' || strcmp(s, "UTC") == 0)
        return 0;
    if (digits(&p, 2, &hour) && literal(&p, ':') && digits(&p, 2, &minute) && *p == '\0') {
        *out = (hour * 3600 + minute * 60) * (*s == '-' ? -1 : 1);
        return 0;
    }
    bool safe = zone->n < 100 && *s != '/' && !strstr(s, "..") && strlen(s) == zone->n;
    (void)snprintf(path, sizeof path, "/usr/share/zoneinfo/%.99s", s);
    if (!safe || fs_read(path, 1 << 20, r->arena, &file, &n, NULL) ||
        !tzif_offset((const unsigned char *)file, n, at, out))
        return cel__fail(r, "unknown time zone %.99s", s);
    return 0;
}

/* ---- functions ---- */

static int local_date(struct cel_run *r, const char *name, const struct cel_value *args, size_t n,
                      struct date *out)
{
    int64_t offset = 0;
    if (args[0].kind != CEL_TIMESTAMP || (n == 2 && args[1].kind != CEL_STRING))
        return cel__no_overload(r, name, args, n);
    int rc = n == 2 ? zone_offset(r, &args[1], args[0].i, &offset) : 0;
    *out = date_of(args[0].i + offset);
    return rc;
}

#define DATE_FUNCTION(fn, name, expr)                                                              \
    static int fn(struct cel_run *r, const struct cel_value *args, size_t n,                       \
                  struct cel_value *out)                                                           \
    {                                                                                              \
        struct date d;                                                                             \
        int rc = local_date(r, name, args, n, &d);                                                 \
        if (!rc)                                                                                   \
            *out = cel__int(expr);                                                                 \
        return rc;                                                                                 \
    }

/* What a duration has, too, in whole units. */
#define TIME_FUNCTION(fn, name, expr, unit)                                                        \
    static int fn(struct cel_run *r, const struct cel_value *args, size_t n,                       \
                  struct cel_value *out)                                                           \
    {                                                                                              \
        struct date d;                                                                             \
        if (args[0].kind == CEL_DURATION && n == 1) {                                              \
            *out = cel__int(args[0].i / (unit));                                                   \
            return 0;                                                                              \
        }                                                                                          \
        int rc = local_date(r, name, args, n, &d);                                                 \
        if (!rc)                                                                                   \
            *out = cel__int(expr);                                                                 \
        return rc;                                                                                 \
    }

DATE_FUNCTION(get_full_year, "getFullYear", d.year)
DATE_FUNCTION(get_month, "getMonth", d.month - 1)
DATE_FUNCTION(get_day_of_month, "getDayOfMonth", d.day - 1)
DATE_FUNCTION(get_date, "getDate", d.day)
DATE_FUNCTION(get_day_of_week, "getDayOfWeek", d.weekday)
DATE_FUNCTION(get_day_of_year, "getDayOfYear", d.yearday)
TIME_FUNCTION(get_hours, "getHours", d.second / 3600, 3600 * second_ns)
TIME_FUNCTION(get_minutes, "getMinutes", d.second / 60 % 60, 60 * second_ns)
TIME_FUNCTION(get_seconds, "getSeconds", d.second % 60, second_ns)
TIME_FUNCTION(get_milliseconds, "getMilliseconds", args[0].ns / 1000000, 1000000)

static int to_timestamp(struct cel_run *r, const struct cel_value *args, size_t n,
                        struct cel_value *out)
{
    if (args[0].kind == CEL_TIMESTAMP) {
        *out = args[0];
    } else if (args[0].kind == CEL_INT) {
        if (!cel__timestamp_in_range(args[0].i))
            return out_of_range(r, "timestamp");
        *out = (struct cel_value){.kind = CEL_TIMESTAMP, .i = args[0].i};
    } else if (args[0].kind != CEL_STRING) {
        return cel__no_overload(r, "timestamp", args, n);
    } else if (!cel__parse_timestamp(args[0].text, out)) {
        return cel__fail(r, "cannot parse timestamp \"%.100s\"", args[0].text);
    }
    return 0;
}

static int to_duration(struct cel_run *r, const struct cel_value *args, size_t n,
                       struct cel_value *out)
{
    if (args[0].kind == CEL_DURATION) {
        *out = args[0];
    } else if (args[0].kind == CEL_INT) {
        *out = (struct cel_value){.kind = CEL_DURATION, .i = args[0].i};
    } else if (args[0].kind != CEL_STRING) {
        return cel__no_overload(r, "duration", args, n);
    } else if (!cel__parse_duration(args[0].text, out)) {
        return cel__fail(r, "cannot parse duration \"%.100s\"", args[0].text);
    }
    return 0;
}

const struct cel_builtin cel__time_functions[] = {
    {"timestamp",       1, 1, to_timestamp    },
    {"duration",        1, 1, to_duration     },
    {"getFullYear",     1, 2, get_full_year   },
    {"getMonth",        1, 2, get_month       },
    {"getDayOfMonth",   1, 2, get_day_of_month},
    {"getDate",         1, 2, get_date        },
    {"getDayOfWeek",    1, 2, get_day_of_week },
    {"getDayOfYear",    1, 2, get_day_of_year },
    {"getHours",        1, 2, get_hours       },
    {"getMinutes",      1, 2, get_minutes     },
    {"getSeconds",      1, 2, get_seconds     },
    {"getMilliseconds", 1, 2, get_milliseconds},
};
const size_t cel__n_time_functions = ARRAY_LEN(cel__time_functions);
