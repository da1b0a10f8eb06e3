#include "base/own.h"
#include "template/time_int.h"

#include "base/banned.h"

const char *const time__months[12] = {"January",   "February", "March",    "April",
                                      "May",       "June",     "July",     "August",
                                      "September", "October",  "November", "December"};
const char *const time__weekdays[7] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                       "Thursday", "Friday", "Saturday"};

/* The first that fits counts. `word`: no lower case letter may follow. */
static const struct {
    const char *text;
    enum chunk chunk;
    bool word;
} chunks[] = {
    {"January",   CHUNK_LONG_MONTH,    false},
    {"Jan",       CHUNK_MONTH,         true },
    {"Monday",    CHUNK_LONG_WEEKDAY,  false},
    {"Mon",       CHUNK_WEEKDAY,       true },
    {"MST",       CHUNK_ZONE_NAME,     false},
    {"01",        CHUNK_ZERO_MONTH,    false},
    {"02",        CHUNK_ZERO_DAY,      false},
    {"03",        CHUNK_ZERO_HOUR12,   false},
    {"04",        CHUNK_ZERO_MINUTE,   false},
    {"05",        CHUNK_ZERO_SECOND,   false},
    {"06",        CHUNK_YEAR,          false},
    {"002",       CHUNK_ZERO_YEARDAY,  false},
    {"15",        CHUNK_HOUR,          false},
    {"1",         CHUNK_NUM_MONTH,     false},
    {"2006",      CHUNK_LONG_YEAR,     false},
    {"2",         CHUNK_DAY,           false},
    {"_2",        CHUNK_UNDER_DAY,     false},
    {"__2",       CHUNK_UNDER_YEARDAY, false},
    {"3",         CHUNK_HOUR12,        false},
    {"4",         CHUNK_MINUTE,        false},
    {"5",         CHUNK_SECOND,        false},
    {"PM",        CHUNK_UPPER_PM,      false},
    {"pm",        CHUNK_LOWER_PM,      false},
    {"-070000",   CHUNK_ZONE,          false},
    {"-07:00:00", CHUNK_ZONE,          false},
    {"-0700",     CHUNK_ZONE,          false},
    {"-07:00",    CHUNK_ZONE,          false},
    {"-07",       CHUNK_ZONE,          false},
    {"Z070000",   CHUNK_ZONE,          false},
    {"Z07:00:00", CHUNK_ZONE,          false},
    {"Z0700",     CHUNK_ZONE,          false},
    {"Z07:00",    CHUNK_ZONE,          false},
    {"Z07",       CHUNK_ZONE,          false},
};

static bool starts(const char *s, size_t n, const char *text)
{
    size_t len = strlen(text);
    return n >= len && memcmp(s, text, len) == 0;
}

/* .000 or ,999: only where no other digit follows. */
static size_t fraction(const char *s, size_t n)
{
    size_t i = 1;
    if (n < 2 || (s[0] != '.' && s[0] != ',') || (s[1] != '0' && s[1] != '9'))
        return 0;
    while (i < n && s[i] == s[1])
        i++;
    return i < n && s[i] >= '0' && s[i] <= '9' ? 0 : i;
}

enum chunk time__chunk(const char *layout, size_t n, size_t at, size_t *from, size_t *len)
{
    for (; at < n; at++) {
        const char *s = layout + at;
        size_t left = n - at;
        *from = at;
        *len = fraction(s, left);
        if (*len)
            return s[1] == '0' ? CHUNK_FRACTION_0 : CHUNK_FRACTION_9;
        if (starts(s, left, "_2006")) { /* the underscore is one */
            *from = at + 1;
            *len = 4;
            return CHUNK_LONG_YEAR;
        }
        for (size_t i = 0; i < ARRAY_LEN(chunks); i++) {
            *len = strlen(chunks[i].text);
            if (starts(s, left, chunks[i].text) &&
                !(chunks[i].word && left > *len && s[*len] >= 'a' && s[*len] <= 'z'))
                return chunks[i].chunk;
        }
    }
    *from = n;
    *len = 0;
    return CHUNK_NONE;
}

/* ---- printing ---- */

static void put_int(struct buf *b, int64_t i, int width)
{
    buf_printf(b, i < 0 ? "-%0*lld" : "%0*lld", width, (long long)(i < 0 ? -i : i));
}

/* Z07:00 and its kin: Z for UTC; with or without colons and seconds. */
static void put_zone(struct buf *b, int32_t offset, const char *form, size_t n)
{
    if (form[0] == 'Z' && offset == 0) {
        buf_putc(b, 'Z');
        return;
    }
    bool colons = memchr(form, ':', n) != NULL;
    size_t digits = n - 1 - (colons ? (n - 1) / 3 : 0);
    int32_t absolute = offset < 0 ? -offset : offset;
    buf_printf(b, "%c%02d", offset / 60 < 0 ? '-' : '+', absolute / 3600);
    if (digits >= 4)
        buf_printf(b, colons ? ":%02d" : "%02d", absolute / 60 % 60);
    if (digits >= 6)
        buf_printf(b, colons ? ":%02d" : "%02d", absolute % 60);
}

static void put_zone_name(struct buf *b, const struct moment *m)
{
    if (*m->zone) {
        buf_puts(b, m->zone);
        return;
    }
    int32_t minutes = (m->offset < 0 ? -m->offset : m->offset) / 60;
    buf_printf(b, "%c%02d", m->offset / 60 < 0 ? '-' : '+', minutes / 60);
    if (minutes % 60)
        buf_printf(b, "%02d", minutes % 60);
}

static void put_fraction(struct buf *b, int32_t ns, const char *form, size_t n, bool trims)
{
    char digits[16];
    (void)snprintf(digits, sizeof digits, "%09d", ns);
    size_t count = n - 1 < 9 ? n - 1 : 9;
    while (trims && count && digits[count - 1] == '0')
        count--;
    if (count)
        buf_putc(b, form[0]);
    buf_add(b, digits, count);
    for (size_t i = 9; i < n - 1 && !trims; i++)
        buf_putc(b, '0');
}

static void put_date(struct buf *b, const struct calendar *d, enum chunk chunk)
{
    switch ((int)chunk) {
    case CHUNK_LONG_MONTH:
        buf_puts(b, time__months[d->month - 1]);
        break;
    case CHUNK_MONTH:
        buf_add(b, time__months[d->month - 1], 3);
        break;
    case CHUNK_NUM_MONTH:
    case CHUNK_ZERO_MONTH:
        put_int(b, d->month, chunk == CHUNK_ZERO_MONTH ? 2 : 0);
        break;
    case CHUNK_LONG_WEEKDAY:
        buf_puts(b, time__weekdays[d->weekday]);
        break;
    case CHUNK_WEEKDAY:
        buf_add(b, time__weekdays[d->weekday], 3);
        break;
    case CHUNK_UNDER_DAY:
        buf_printf(b, "%2d", d->day);
        break;
    case CHUNK_DAY:
    case CHUNK_ZERO_DAY:
        put_int(b, d->day, chunk == CHUNK_ZERO_DAY ? 2 : 0);
        break;
    case CHUNK_UNDER_YEARDAY:
        buf_printf(b, "%3d", d->yearday);
        break;
    case CHUNK_ZERO_YEARDAY:
        put_int(b, d->yearday, 3);
        break;
    case CHUNK_LONG_YEAR:
        put_int(b, d->year, 4);
        break;
    case CHUNK_YEAR:
        put_int(b, (d->year < 0 ? -d->year : d->year) % 100, 2);
        break;
    }
}

static void put_clock(struct buf *b, const struct calendar *d, enum chunk chunk)
{
    int hour12 = d->hour % 12 ? d->hour % 12 : 12;
    switch ((int)chunk) {
    case CHUNK_HOUR:
        put_int(b, d->hour, 2);
        break;
    case CHUNK_HOUR12:
    case CHUNK_ZERO_HOUR12:
        put_int(b, hour12, chunk == CHUNK_ZERO_HOUR12 ? 2 : 0);
        break;
    case CHUNK_MINUTE:
    case CHUNK_ZERO_MINUTE:
        put_int(b, d->minute, chunk == CHUNK_ZERO_MINUTE ? 2 : 0);
        break;
    case CHUNK_SECOND:
    case CHUNK_ZERO_SECOND:
        put_int(b, d->second, chunk == CHUNK_ZERO_SECOND ? 2 : 0);
        break;
    case CHUNK_UPPER_PM:
        buf_puts(b, d->hour >= 12 ? "PM" : "AM");
        break;
    case CHUNK_LOWER_PM:
        buf_puts(b, d->hour >= 12 ? "pm" : "am");
        break;
    }
}

void time__format(struct buf *b, const struct moment *m, const char *layout, size_t n)
{
    struct calendar d = time__calendar(m);
    for (size_t at = 0; at < n;) {
        size_t from, len;
        enum chunk chunk = time__chunk(layout, n, at, &from, &len);
        buf_add(b, layout + at, from - at);
        if (chunk == CHUNK_ZONE)
            put_zone(b, m->offset, layout + from, len);
        else if (chunk == CHUNK_ZONE_NAME)
            put_zone_name(b, m);
        else if (chunk == CHUNK_FRACTION_0 || chunk == CHUNK_FRACTION_9)
            put_fraction(b, m->ns, layout + from, len, chunk == CHUNK_FRACTION_9);
        else if (chunk >= CHUNK_HOUR && chunk != CHUNK_LONG_YEAR && chunk != CHUNK_YEAR)
            put_clock(b, &d, chunk);
        else
            put_date(b, &d, chunk);
        at = from + len;
    }
}
