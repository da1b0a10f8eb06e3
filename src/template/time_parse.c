#include "base/own.h"
#include "template/time_int.h"

#include "base/banned.h"

/* A text being read by a layout. */
struct reader {
    const char *s, *end;
    int64_t year;
    int month, day, yearday, hour, minute, second; /* -1: not seen (month, day, yearday) */
    int32_t ns;
    bool am, pm, utc, has_offset;
    int32_t offset;
    const char *zone;
    const char *out_of_range; /* what is */
};

static bool is_digit(const struct reader *r, size_t at)
{
    return at < (size_t)(r->end - r->s) && r->s[at] >= '0' && r->s[at] <= '9';
}

static size_t left(const struct reader *r)
{
    return (size_t)(r->end - r->s);
}

/* One or two digits; `fixed`: two. */
static bool number(struct reader *r, bool fixed, int *out)
{
    if (!is_digit(r, 0) || (fixed && !is_digit(r, 1)))
        return false;
    *out = *r->s++ - '0';
    if (is_digit(r, 0))
        *out = *out * 10 + (*r->s++ - '0');
    return true;
}

static bool digits(struct reader *r, size_t n, int64_t *out)
{
    int64_t v = 0;
    for (size_t i = 0; i < n; i++) {
        if (!is_digit(r, i))
            return false;
        v = v * 10 + (r->s[i] - '0');
    }
    r->s += n;
    *out = v;
    return true;
}

/* A name of the list in either case, or its first three letters. */
static bool name(struct reader *r, const char *const *names, size_t n, bool whole, int *out)
{
    for (size_t i = 0; i < n; i++) {
        size_t len = whole ? strlen(names[i]) : 3;
        if (left(r) >= len && strncasecmp(r->s, names[i], len) == 0) {
            r->s += len;
            *out = (int)i;
            return true;
        }
    }
    return false;
}

/* .123456: a point and n - 1 digits. */
static bool nanoseconds(struct reader *r, size_t n)
{
    if (left(r) < n || (*r->s != '.' && *r->s != ','))
        return false;
    int32_t ns = 0, unit = 100000000;
    for (size_t i = 1; i < n; i++, unit /= 10) {
        if (!is_digit(r, i))
            return false;
        ns += (r->s[i] - '0') * unit;
    }
    r->s += n;
    r->ns = ns;
    return true;
}

static bool in_range(struct reader *r, int v, int low, int high, const char *what)
{
    if (v < low || v > high)
        r->out_of_range = what;
    return true;
}

/* Seconds may have a fraction even where the layout has none. */
static bool seconds(struct reader *r, bool fixed, const char *rest, size_t n)
{
    if (!number(r, fixed, &r->second))
        return false;
    (void)in_range(r, r->second, 0, 59, "second");
    if (r->out_of_range || left(r) < 2 || (*r->s != '.' && *r->s != ',') || !is_digit(r, 1))
        return true;
    size_t from, len, count = 2;
    enum chunk next = time__chunk(rest, n, 0, &from, &len);
    if (next == CHUNK_FRACTION_0 || next == CHUNK_FRACTION_9)
        return true;
    while (is_digit(r, count))
        count++;
    return nanoseconds(r, count);
}

static bool half_day(struct reader *r, const char *am, const char *pm)
{
    if (left(r) < 2)
        return false;
    r->am = memcmp(r->s, am, 2) == 0;
    r->pm = memcmp(r->s, pm, 2) == 0;
    r->s += 2;
    return r->am || r->pm;
}

static bool zone(struct reader *r, const char *form, size_t n)
{
    if (form[0] == 'Z' && left(r) && *r->s == 'Z') {
        r->s++;
        r->utc = true;
        return true;
    }
    if (left(r) < n || (*r->s != '+' && *r->s != '-'))
        return false;
    int parts[3] = {0, 0, 0};
    bool negative = *r->s++ == '-';
    size_t i = 1;
    for (int part = 0; i < n; part++) {
        if (form[i] == ':' && *r->s++ != ':')
            return false;
        i += form[i] == ':';
        if (!number(r, true, &parts[part]))
            return false;
        i += 2;
    }
    (void)in_range(r, parts[0], 0, 24, "time zone offset hour");
    (void)in_range(r, parts[1], 0, 60, "time zone offset minute");
    (void)in_range(r, parts[2], 0, 60, "time zone offset second");
    r->offset = (parts[0] * 60 + parts[1]) * 60 + parts[2];
    r->offset = negative ? -r->offset : r->offset;
    r->has_offset = true;
    return true;
}

static size_t signed_hours(const char *s, size_t n)
{
    size_t i = 1;
    int hours = 0;
    if (n < 2 || (s[0] != '+' && s[0] != '-'))
        return 0;
    for (; i < n && s[i] >= '0' && s[i] <= '9' && hours < 100; i++)
        hours = hours * 10 + (s[i] - '0');
    return i == 1 || hours > 23 ? 0 : i;
}

/* What looks like the name of a zone: three letters, or four or five that end in T. */
static size_t zone_name_length(const char *s, size_t n)
{
    if (n < 3)
        return 0;
    if (n >= 4 && (memcmp(s, "ChST", 4) == 0 || memcmp(s, "MeST", 4) == 0))
        return 4;
    if (memcmp(s, "GMT", 3) == 0)
        return 3 + signed_hours(s + 3, n - 3);
    if (s[0] == '+' || s[0] == '-')
        return signed_hours(s, n);
    size_t upper = 0;
    while (upper < 6 && upper < n && s[upper] >= 'A' && s[upper] <= 'Z')
        upper++;
    if (upper == 3 || (upper == 5 && s[4] == 'T') ||
        (upper == 4 && (s[3] == 'T' || memcmp(s, "WITA", 4) == 0)))
        return upper;
    return 0;
}

static bool zone_name(struct arena *a, struct reader *r)
{
    if (left(r) >= 3 && memcmp(r->s, "UTC", 3) == 0) {
        r->s += 3;
        r->utc = true;
        return true;
    }
    size_t n = zone_name_length(r->s, left(r));
    r->zone = arena_strndup(a, r->s, n);
    r->s += n;
    return n > 0;
}

static bool fraction_9(struct reader *r)
{
    size_t n = 1;
    if (left(r) < 2 || (*r->s != '.' && *r->s != ',') || !is_digit(r, 1))
        return true;
    while (is_digit(r, n))
        n++;
    return nanoseconds(r, n);
}

static bool year(struct reader *r, bool is_long)
{
    if (is_long)
        return is_digit(r, 0) && digits(r, 4, &r->year);
    if (!digits(r, 2, &r->year))
        return false;
    r->year += r->year >= 69 ? 1900 : 2000;
    return true;
}

static bool year_day(struct reader *r, bool fixed)
{
    int64_t v = 0;
    for (int i = 0; i < 2 && !fixed && left(r) && *r->s == ' '; i++)
        r->s++;
    size_t n = 0;
    while (n < 3 && is_digit(r, n))
        n++;
    bool good = n > 0 && (!fixed || n == 3) && digits(r, n, &v);
    r->yearday = (int)v;
    return good;
}

static bool read_date(struct reader *r, enum chunk chunk)
{
    int ignored;
    switch ((int)chunk) {
    case CHUNK_LONG_YEAR:
    case CHUNK_YEAR:
        return year(r, chunk == CHUNK_LONG_YEAR);
    case CHUNK_LONG_MONTH:
    case CHUNK_MONTH: {
        bool good = name(r, time__months, 12, chunk == CHUNK_LONG_MONTH, &r->month);
        r->month += good;
        return good;
    }
    case CHUNK_NUM_MONTH:
    case CHUNK_ZERO_MONTH:
        return number(r, chunk == CHUNK_ZERO_MONTH, &r->month) &&
               in_range(r, r->month, 1, 12, "month");
    case CHUNK_LONG_WEEKDAY:
    case CHUNK_WEEKDAY:
        return name(r, time__weekdays, 7, chunk == CHUNK_LONG_WEEKDAY, &ignored);
    case CHUNK_UNDER_DAY:
    case CHUNK_DAY:
    case CHUNK_ZERO_DAY:
        if (chunk == CHUNK_UNDER_DAY && left(r) && *r->s == ' ')
            r->s++;
        return number(r, chunk == CHUNK_ZERO_DAY, &r->day);
    default:
        return year_day(r, chunk == CHUNK_ZERO_YEARDAY);
    }
}

static bool read_chunk(struct arena *a, struct reader *r, enum chunk chunk, const char *form,
                       size_t n, size_t rest)
{
    switch ((int)chunk) {
    case CHUNK_HOUR:
        return number(r, false, &r->hour) && in_range(r, r->hour, 0, 23, "hour");
    case CHUNK_HOUR12:
    case CHUNK_ZERO_HOUR12:
        return number(r, chunk == CHUNK_ZERO_HOUR12, &r->hour) &&
               in_range(r, r->hour, 0, 12, "hour");
    case CHUNK_MINUTE:
    case CHUNK_ZERO_MINUTE:
        return number(r, chunk == CHUNK_ZERO_MINUTE, &r->minute) &&
               in_range(r, r->minute, 0, 59, "minute");
    case CHUNK_SECOND:
    case CHUNK_ZERO_SECOND:
        return seconds(r, chunk == CHUNK_ZERO_SECOND, form + n, rest);
    case CHUNK_UPPER_PM:
        return half_day(r, "AM", "PM");
    case CHUNK_LOWER_PM:
        return half_day(r, "am", "pm");
    case CHUNK_ZONE:
        return zone(r, form, n);
    case CHUNK_ZONE_NAME:
        return zone_name(a, r);
    case CHUNK_FRACTION_0:
        return nanoseconds(r, n);
    case CHUNK_FRACTION_9:
        return fraction_9(r);
    default:
        return read_date(r, chunk);
    }
}

/* ---- errors ---- */

/* In the time package's own way: what is no plain ASCII is written byte by byte. */
static const char *quoted(struct arena *a, const char *s, size_t n)
{
    struct buf b;
    buf_init(&b, n * 4 + 16);
    buf_putc(&b, '"');
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)s[i];
        if (c < ' ' || c >= 0x80)
            buf_printf(&b, "\\x%02x", c);
        else
            buf_printf(&b, c == '"' || c == '\\' ? "\\%c" : "%c", c);
    }
    buf_putc(&b, '"');
    char *text = arena_strdup(a, buf_text(&b));
    buf_done(&b);
    return text;
}

/* parsing time "…": message, or: as "…": cannot parse "…" as "…" */
static const char *fail(struct arena *a, const struct go_value *layout, const struct go_value *text,
                        const char *message)
{
    (void)layout;
    return arena_printf(a, "parsing time %s: %s", quoted(a, text->s, text->n), message);
}

static const char *cannot(struct arena *a, const struct go_value *layout,
                          const struct go_value *text, const char *at, const char *form, size_t n)
{
    return arena_printf(a, "parsing time %s as %s: cannot parse %s as %s",
                        quoted(a, text->s, text->n), quoted(a, layout->s, layout->n),
                        quoted(a, at, (size_t)(text->s + text->n - at)), quoted(a, form, n));
}

/* ---- the whole ---- */

static bool is_leap(int64_t year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static int days_in(int64_t y, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return days[month - 1] + (month == 2 && is_leap(y));
}

/* The day of the year takes the place of month and day, and may not contradict them. */
static const char *use_yearday(struct reader *r)
{
    int day = r->yearday, month = 1;
    if (day < 1 || day > 365 + is_leap(r->year))
        return "day-of-year out of range";
    while (day > days_in(r->year, month))
        day -= days_in(r->year, month++);
    if (r->month >= 0 && r->month != month)
        return "day-of-year does not match month";
    if (r->day >= 0 && r->day != day)
        return "day-of-year does not match day";
    r->month = month;
    r->day = day;
    return NULL;
}

static const char *finish(struct reader *r, struct moment *out)
{
    if (r->pm && r->hour < 12)
        r->hour += 12;
    else if (r->am && r->hour == 12)
        r->hour = 0;
    const char *why = r->yearday >= 0 ? use_yearday(r) : NULL;
    if (why)
        return why;
    r->month = r->month < 0 ? 1 : r->month;
    r->day = r->day < 0 ? 1 : r->day;
    if (r->day < 1 || r->day > days_in(r->year, r->month))
        return "day out of range";
    int64_t at =
        time__days(r->year, r->month, r->day) * 86400 + r->hour * 3600 + r->minute * 60 + r->second;
    *out = (struct moment){.seconds = at, .ns = r->ns, .zone = "UTC"};
    if (r->utc)
        return NULL;
    if (r->has_offset) {
        out->seconds -= r->offset;
        out->offset = r->offset;
        out->zone = r->offset ? (r->zone ? r->zone : "") : "UTC";
    } else if (r->zone) {
        out->zone = r->zone;
        if (strncmp(r->zone, "GMT", 3) == 0)
            out->offset = (int32_t)strtol(r->zone + 3, NULL, 10) * 3600;
    }
    return NULL;
}

const char *time__parse(struct arena *a, const struct go_value *layout, const struct go_value *text,
                        struct moment *out)
{
    struct reader r = {
        .s = text->s, .end = text->s + text->n, .month = -1, .day = -1, .yearday = -1};
    for (size_t at = 0;;) {
        size_t from, len;
        enum chunk chunk = time__chunk(layout->s, layout->n, at, &from, &len);
        const char *form = layout->s + from;
        for (size_t i = at; i < from; i++) { /* a blank stands for any number of them */
            if (layout->s[i] == ' ') {
                if (left(&r) && *r.s != ' ')
                    return cannot(a, layout, text, r.s, layout->s + at, from - at);
                while (i + 1 < from && layout->s[i + 1] == ' ')
                    i++;
                while (left(&r) && *r.s == ' ')
                    r.s++;
            } else if (!left(&r) || *r.s++ != layout->s[i]) {
                return cannot(a, layout, text, left(&r) ? r.s - 1 : r.s, layout->s + at, from - at);
            }
        }
        if (chunk == CHUNK_NONE)
            break;
        const char *hold = r.s;
        bool good = read_chunk(a, &r, chunk, form, len, layout->n - from - len);
        if (r.out_of_range)
            return fail(a, layout, text, arena_printf(a, "%s out of range", r.out_of_range));
        if (!good)
            return cannot(a, layout, text, hold, form, len);
        at = from + len;
    }
    if (left(&r))
        return fail(a, layout, text, arena_printf(a, "extra text: %s", quoted(a, r.s, left(&r))));
    const char *why = finish(&r, out);
    return why ? fail(a, layout, text, why) : NULL;
}

/* ---- durations ---- */

static bool unit_of(const char *s, size_t n, int64_t *out)
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
    for (size_t i = 0; i < ARRAY_LEN(units); i++)
        if (strlen(units[i].name) == n && memcmp(s, units[i].name, n) == 0) {
            *out = units[i].ns;
            return true;
        }
    return false;
}

const char *time__parse_duration(struct arena *a, const struct go_value *text, int64_t *out)
{
    const char *s = text->s, *end = s + text->n, *whole = quoted(a, s, text->n);
    bool negative = text->n && *s == '-';
    s += text->n && (*s == '-' || *s == '+');
    uint64_t sum = 0;
    *out = 0;
    if (end - s == 1 && *s == '0')
        return NULL;
    if (s == end)
        return arena_printf(a, "time: invalid duration %s", whole);
    while (s < end) {
        uint64_t v = 0;
        double fraction = 0, scale = 1;
        const char *start = s;
        bool some = false, over = false;
        for (; s < end && *s >= '0' && *s <= '9'; s++, some = true) {
            over = over || v > ((uint64_t)1 << 63) / 10;
            v = over ? v : v * 10 + (uint64_t)(*s - '0');
        }
        if (s < end && *s == '.')
            for (s++; s < end && *s >= '0' && *s <= '9'; s++, some = true) {
                scale /= 10;
                fraction = fraction * 10 + (*s - '0');
            }
        if (!some || over || start == s)
            return arena_printf(a, "time: invalid duration %s", whole);
        const char *unit = s;
        while (s < end && *s != '.' && (*s < '0' || *s > '9'))
            s++;
        int64_t ns = 0;
        if (s == unit)
            return arena_printf(a, "time: missing unit in duration %s", whole);
        if (!unit_of(unit, (size_t)(s - unit), &ns))
            return arena_printf(a, "time: unknown unit %s in duration %s",
                                quoted(a, unit, (size_t)(s - unit)), whole);
        if (v > ((uint64_t)1 << 63) / (uint64_t)ns)
            return arena_printf(a, "time: invalid duration %s", whole);
        sum += v * (uint64_t)ns + (uint64_t)(fraction * ((double)ns * scale));
        if (sum > ((uint64_t)1 << 63))
            return arena_printf(a, "time: invalid duration %s", whole);
    }
    if (!negative && sum > INT64_MAX)
        return arena_printf(a, "time: invalid duration %s", whole);
    *out = (int64_t)(negative ? 0 - sum : sum);
    return NULL;
}
