/* date.c - times as requests write them: ISO 8601 in part, numbers, patterns, date math. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "elastic/elastic_int.h"

enum { SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE, DAY = 24 * HOUR };

static int64_t days_of(int64_t y, int m, int d)
{
    y -= m <= 2;
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t yoe = y - era * 400, doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
    return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

static void civil_of(int64_t days, int64_t *y, int *m, int *d)
{
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097, doe = days - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;
    *d = (int)(doy - (153 * mp + 2) / 5 + 1);
    *m = (int)(mp < 10 ? mp + 3 : mp - 9);
    *y = yoe + era * 400 + (*m <= 2);
}

int64_t date_whole(double ms)
{
    return !(ms > -DATE_MS_MAX)  ? (int64_t)-DATE_MS_MAX
           : !(ms < DATE_MS_MAX) ? (int64_t)DATE_MS_MAX
                                 : (int64_t)ms;
}

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

/* A time in parts; what was not said is at its least. */
struct parts {
    int64_t year;
    int month, day, hour, minute, second, ms;
    int64_t zone_ms;
    bool has_zone;
    enum date_unit smallest; /* that was said */
};

static int64_t parts_ms(const struct parts *p, int64_t zone_ms)
{
    return days_of(p->year, p->month, p->day) * DAY + p->hour * (int64_t)HOUR +
           p->minute * (int64_t)MINUTE + p->second * (int64_t)SECOND + p->ms -
           (p->has_zone ? p->zone_ms : zone_ms);
}

static bool parts_valid(const struct parts *p)
{
    return p->month >= 1 && p->month <= 12 && p->day >= 1 && p->day <= 31 && p->hour <= 24 &&
           p->minute <= 59 && p->second <= 60;
}

static bool digits(const char **at, const char *end, int min, int max, int *out)
{
    int n = 0, v = 0;
    while (n < max && *at < end && isdigit((unsigned char)**at)) {
        v = v * 10 + *(*at)++ - '0';
        n++;
    }
    *out = v;
    return n >= min;
}

/* Milliseconds of a fraction of any length. */
static bool fraction(const char **at, const char *end, int *out)
{
    int v = 0, scale = 100;
    const char *start = *at;
    for (; *at < end && isdigit((unsigned char)**at); (*at)++, scale /= 10)
        v += (**at - '0') * scale;
    *out = v;
    return *at > start;
}

static bool zone(const char **at, const char *end, struct parts *p)
{
    int h, m = 0;
    if (*at < end && **at == 'Z') {
        p->has_zone = true;
        (*at)++;
        return true;
    }
    if (*at == end || (**at != '+' && **at != '-'))
        return true; /* none */
    int sign = *(*at)++ == '-' ? -1 : 1;
    if (!digits(at, end, 2, 2, &h))
        return false;
    if (*at < end && **at == ':')
        (*at)++;
    if (*at < end && !digits(at, end, 2, 2, &m))
        return false;
    p->zone_ms = sign * (h * (int64_t)HOUR + m * (int64_t)MINUTE);
    p->has_zone = true;
    return true;
}

static bool read_clock(const char **at, const char *end, struct parts *p)
{
    if (*at == end || (**at != 'T' && **at != ' '))
        return true;
    (*at)++;
    if (*at == end)
        return true;
    if (!digits(at, end, 2, 2, &p->hour))
        return false;
    p->smallest = DATE_HOUR;
    if (*at == end || **at != ':')
        return true;
    (*at)++;
    if (!digits(at, end, 2, 2, &p->minute))
        return false;
    p->smallest = DATE_MINUTE;
    if (*at == end || **at != ':')
        return true;
    (*at)++;
    if (!digits(at, end, 2, 2, &p->second))
        return false;
    p->smallest = DATE_SECOND;
    if (*at == end || (**at != '.' && **at != ','))
        return true;
    (*at)++;
    p->smallest = DATE_MS;
    return fraction(at, end, &p->ms);
}

static bool read_iso(const char *at, const char *end, struct parts *p)
{
    int year;
    *p = (struct parts){.month = 1, .day = 1, .smallest = DATE_YEAR};
    if (!digits(&at, end, 4, 4, &year))
        return false;
    p->year = year;
    if (at < end && *at == '-') {
        at++;
        if (!digits(&at, end, 2, 2, &p->month))
            return false;
        p->smallest = DATE_MONTH;
        if (at < end && *at == '-') {
            at++;
            if (!digits(&at, end, 2, 2, &p->day))
                return false;
            p->smallest = DATE_DAY;
        }
    }
    return read_clock(&at, end, p) && zone(&at, end, p) && at == end && parts_valid(p);
}

/* One run of a pattern's letter. */
static bool read_letter(char letter, int count, const char **at, const char *end, struct parts *p)
{
    int year, least = count > 1 ? count : 1, most = count > 1 ? count : 2;
    switch (letter) {
    case 'y':
    case 'u':
        p->smallest = DATE_YEAR;
        if (!digits(at, end, count == 2 ? 2 : 4, count == 2 ? 2 : 4, &year))
            return false;
        p->year = count == 2 ? 2000 + year : year;
        return true;
    case 'M':
        p->smallest = DATE_MONTH;
        return digits(at, end, least, most, &p->month);
    case 'd':
        p->smallest = DATE_DAY;
        return digits(at, end, least, most, &p->day);
    case 'H':
        p->smallest = DATE_HOUR;
        return digits(at, end, least, most, &p->hour);
    case 'm':
        p->smallest = DATE_MINUTE;
        return digits(at, end, least, most, &p->minute);
    case 's':
        p->smallest = DATE_SECOND;
        return digits(at, end, least, most, &p->second);
    case 'S':
        p->smallest = DATE_MS;
        return fraction(at, end, &p->ms);
    case 'X':
    case 'x':
    case 'Z':
        return zone(at, end, p);
    default:
        return false;
    }
}

static bool read_pattern(const char *f, size_t n, const char *at, const char *end, struct parts *p)
{
    *p = (struct parts){.year = 1970, .month = 1, .day = 1, .smallest = DATE_YEAR};
    bool quoted = false;
    for (size_t i = 0; i < n;) {
        size_t run = 1;
        if (f[i] == '\'') {
            quoted = !quoted;
        } else if (!quoted && isalpha((unsigned char)f[i])) {
            while (i + run < n && f[i + run] == f[i])
                run++;
            if (!read_letter(f[i], (int)run, &at, end, p))
                return false;
        } else if (at == end || *at++ != f[i]) {
            return false;
        }
        i += run;
    }
    return at == end && parts_valid(p);
}

static bool read_number(const char *at, const char *end, int64_t scale, int64_t *out)
{
    bool minus = at < end && *at == '-';
    int64_t v = 0;
    at += minus;
    if (at == end || end - at > 15)
        return false;
    for (; at < end; at++) {
        if (!isdigit((unsigned char)*at))
            return false;
        v = v * 10 + *at - '0';
    }
    *out = (minus ? -v : v) * scale;
    return true;
}

static bool is_named(const char *f, size_t n, const char *name)
{
    if (n > 7 && strncmp(f, "strict_", 7) == 0) {
        f += 7;
        n -= 7;
    }
    return strlen(name) == n && strncmp(f, name, n) == 0;
}

static bool is_iso(const char *f, size_t n)
{
    static const char *const names[] = {"date_optional_time",
                                        "date_optional_time_nanos",
                                        "date_time",
                                        "date_time_no_millis",
                                        "date",
                                        "iso8601"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (is_named(f, n, names[i]))
            return true;
    return false;
}

/* One time without date math; *smallest: down to what it was said. */
static bool read_time(const char *at, const char *end, const char *format, int64_t zone_ms,
                      int64_t *out, enum date_unit *smallest)
{
    struct parts p;
    const char *f = format ? format : "date_optional_time||epoch_millis";
    while (*f) {
        const char *bar = strstr(f, "||");
        size_t n = bar ? (size_t)(bar - f) : strlen(f);
        bool millis = is_named(f, n, "epoch_millis"), seconds = is_named(f, n, "epoch_second");
        *smallest = DATE_MS;
        if ((millis || seconds) && read_number(at, end, seconds ? 1000 : 1, out))
            return true;
        bool read = millis || seconds ? false
                    : is_iso(f, n)    ? read_iso(at, end, &p)
                                      : read_pattern(f, n, at, end, &p);
        if (read) {
            *out = parts_ms(&p, zone_ms);
            *smallest = p.smallest;
            return true;
        }
        f = bar ? bar + 2 : f + n;
    }
    return false;
}

bool date_read(const char *text, size_t n, const char *format, int64_t *out_ms)
{
    enum date_unit smallest;
    return read_time(text, text + n, format, 0, out_ms, &smallest);
}

static bool unit_of(char c, enum date_unit *out)
{
    static const char letters[] = "?smhdwMqy";
    const char *at = c ? strchr(letters + 1, c == 'H' ? 'h' : c) : NULL;
    if (at)
        *out = (enum date_unit)(at - letters);
    return at != NULL;
}

int64_t date_floor(int64_t ms, enum date_unit unit, int64_t zone_ms)
{
    static const int64_t sizes[] = {1, SECOND, MINUTE, HOUR, DAY};
    int64_t local = ms + zone_ms, y;
    int m, d;
    if (unit <= DATE_DAY)
        return floor_div(local, sizes[unit]) * sizes[unit] - zone_ms;
    int64_t days = floor_div(local, DAY);
    if (unit == DATE_WEEK) /* 1970-01-01 was a Thursday, weeks begin on Mondays */
        return (floor_div(days + 3, 7) * 7 - 3) * DAY - zone_ms;
    civil_of(days, &y, &m, &d);
    if (unit == DATE_QUARTER)
        m = (m - 1) / 3 * 3 + 1;
    return days_of(y, unit == DATE_YEAR ? 1 : m, 1) * DAY - zone_ms;
}

int64_t date_add(int64_t ms, enum date_unit unit, int64_t n)
{
    static const int64_t sizes[] = {1, SECOND, MINUTE, HOUR, DAY, 7 * (int64_t)DAY};
    int64_t y;
    int m, d;
    if (unit <= DATE_WEEK)
        return ms + n * sizes[unit];
    int64_t days = floor_div(ms, DAY), rest = ms - days * DAY;
    civil_of(days, &y, &m, &d);
    int64_t months = y * 12 + m - 1 + n * (unit == DATE_YEAR ? 12 : unit == DATE_QUARTER ? 3 : 1);
    y = floor_div(months, 12);
    m = (int)(months - y * 12) + 1;
    int64_t last = days_of(m == 12 ? y + 1 : y, m == 12 ? 1 : m + 1, 1) - days_of(y, m, 1);
    return (days_of(y, m, 1) + (d < last ? d : last) - 1) * DAY + rest;
}

static int64_t end_of(int64_t ms, enum date_unit unit, int64_t zone_ms)
{
    return date_add(ms + zone_ms, unit, 1) - zone_ms - 1;
}

/* What stands behind now or ||: +1d, -2h, /M. */
static bool do_math(const char *at, const struct date_rule *r, int64_t *ms)
{
    enum date_unit unit;
    while (*at) {
        char op = *at++;
        int64_t n = 1;
        if (op != '/' && op != '+' && op != '-')
            return false;
        if (op != '/' && isdigit((unsigned char)*at))
            for (n = 0; isdigit((unsigned char)*at) && n < 1000000; at++)
                n = n * 10 + *at - '0';
        if (!unit_of(*at, &unit))
            return false;
        at++;
        if (op == '/') {
            *ms = date_floor(*ms, unit, r->zone_ms);
            if (r->round_up)
                *ms = end_of(*ms, unit, r->zone_ms);
        } else {
            *ms = date_add(*ms, unit, op == '-' ? -n : n);
        }
        if (*ms != date_whole((double)*ms))
            return false; /* beyond all times */
    }
    return true;
}

bool date_parse(const char *text, const struct date_rule *r, int64_t *out_ms)
{
    enum date_unit smallest;
    if (strncmp(text, "now", 3) == 0) {
        *out_ms = r->now_ms;
        return do_math(text + 3, r, out_ms);
    }
    const char *bars = strstr(text, "||");
    const char *end = bars ? bars : text + strlen(text);
    if (!read_time(text, end, r->format, r->zone_ms, out_ms, &smallest))
        return false;
    if (bars)
        return do_math(bars + 2, r, out_ms);
    if (r->round_up && smallest != DATE_MS)
        *out_ms = end_of(*out_ms, smallest, r->zone_ms);
    return true;
}

static void put_pattern(struct buf *b, const char *f, size_t n, int64_t ms, int64_t zone_ms)
{
    int64_t local = ms + zone_ms, days = floor_div(local, DAY), y;
    int m, d, rest = (int)(local - days * DAY);
    bool quoted = false;
    civil_of(days, &y, &m, &d);
    for (size_t i = 0; i < n;) {
        size_t run = 1;
        while (i + run < n && f[i + run] == f[i])
            run++;
        if (f[i] == '\'') {
            quoted = !quoted;
            run = 1;
        } else if (quoted || !strchr("yuMdHmsSXxZ", f[i])) {
            buf_putc(b, f[i]);
            run = 1;
        } else if (strchr("XxZ", f[i])) {
            int64_t minutes = zone_ms / MINUTE, abs = minutes < 0 ? -minutes : minutes;
            if (minutes == 0 && f[i] == 'X')
                buf_putc(b, 'Z');
            else
                buf_printf(b, "%c%02d:%02d", minutes < 0 ? '-' : '+', (int)(abs / 60),
                           (int)(abs % 60));
        } else {
            int v = f[i] == 'M'   ? m
                    : f[i] == 'd' ? d
                    : f[i] == 'H' ? rest / HOUR
                    : f[i] == 'm' ? rest / MINUTE % 60
                    : f[i] == 's' ? rest / SECOND % 60
                    : f[i] == 'S' ? rest % SECOND
                    : run == 2    ? (int)(y % 100)
                                  : (int)y;
            buf_printf(b, "%0*d", (int)run, v);
        }
        i += run;
    }
}

char *date_text(struct arena *a, int64_t ms, const char *format, int64_t zone_ms)
{
    static const char iso[] = "yyyy-MM-dd'T'HH:mm:ss.SSSX";
    const char *f = format ? format : iso, *bar = strstr(f, "||");
    size_t n = bar ? (size_t)(bar - f) : strlen(f);
    if (is_named(f, n, "epoch_millis"))
        return arena_printf(a, "%lld", (long long)ms);
    if (is_named(f, n, "epoch_second"))
        return arena_printf(a, "%lld", (long long)floor_div(ms, 1000));
    AUTO_BUF struct buf b;
    buf_init(&b, 256);
    if (is_named(f, n, "date"))
        put_pattern(&b, "yyyy-MM-dd", 10, ms, zone_ms);
    else if (is_iso(f, n))
        put_pattern(&b, iso, sizeof iso - 1, ms, zone_ms);
    else
        put_pattern(&b, f, n, ms, zone_ms);
    return arena_strdup(a, buf_text(&b));
}

bool date_zone(const char *text, int64_t *out_ms)
{
    struct parts p = {0};
    const char *at = text, *end = text + strlen(text);
    if (strcmp(text, "UTC") == 0 || strcmp(text, "GMT") == 0) {
        *out_ms = 0;
        return true;
    }
    bool ok = zone(&at, end, &p) && p.has_zone && at == end;
    if (ok)
        *out_ms = p.zone_ms;
    return ok;
}

bool date_interval(const char *text, int64_t *out_ms)
{
    static const struct {
        const char *unit;
        int64_t ms;
    } units[] = {
        {"ms", 1     },
        {"s",  SECOND},
        {"m",  MINUTE},
        {"h",  HOUR  },
        {"d",  DAY   },
    };
    char *end;
    double n = strtod(text, &end);
    for (size_t i = 0; i < ARRAY_LEN(units); i++)
        if (end > text && n > 0 && n < 1e9 && strcmp(end, units[i].unit) == 0) {
            *out_ms = (int64_t)(n * (double)units[i].ms);
            return *out_ms > 0;
        }
    return false;
}
