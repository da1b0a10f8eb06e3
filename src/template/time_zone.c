#include "template/zone.h"

#include <unistd.h>

#include "base/fs.h"
#include "template/time_int.h"

#include "base/banned.h"

/* A zone's file (RFC 9636): moments at which the offset changes, and the offsets with their names.
 * What lies past the last change follows the last rule, which is read from the file's end. */

enum { HEADER = 44, FILE_MAX = 1 << 20 };

static int64_t big_endian(const unsigned char *p, size_t n)
{
    uint64_t v = n == 4 && p[0] & 0x80 ? UINT64_MAX : 0;
    for (size_t i = 0; i < n; i++)
        v = v << 8 | p[i];
    return (int64_t)v;
}

struct zone {
    const unsigned char *times, *kinds, *types, *names;
    size_t n_times, n_types, n_names;
    const char *rule;
    size_t n_rule;
};

/* The second part, which has 64 bits. */
static bool read_zone(const unsigned char *p, size_t n, struct zone *out)
{
    for (int part = 0; part < 2; part++) {
        if (n < HEADER || memcmp(p, "TZif", 4) != 0 || p[4] < '2')
            return false;
        size_t counts[6], wide = part ? 8 : 4;
        for (size_t i = 0; i < 6; i++) {
            counts[i] = (size_t)big_endian(p + 20 + 4 * i, 4);
            if (counts[i] > FILE_MAX)
                return false;
        }
        size_t size = HEADER + counts[3] * (wide + 1) + counts[4] * 6 + counts[5] +
                      counts[2] * (wide + 4) + counts[1] + counts[0];
        if (n < size || counts[4] == 0)
            return false;
        if (part) {
            out->times = p + HEADER;
            out->kinds = out->times + counts[3] * 8;
            out->types = out->kinds + counts[3];
            out->names = out->types + counts[4] * 6;
            out->n_times = counts[3];
            out->n_types = counts[4];
            out->n_names = counts[5];
        }
        p += size;
        n -= size;
    }
    if (n >= 2 && p[0] == '\n' && memchr(p + 1, '\n', n - 1)) {
        out->rule = (const char *)p + 1;
        out->n_rule = strcspn(out->rule, "\n");
    }
    return true;
}

/* ---- the rule: CET-1CEST,M3.5.0,M10.5.0/3 ---- */

static const char *rule_name(struct arena *a, const char *s, const char **out)
{
    bool angle = *s == '<';
    s += angle;
    size_t n = strcspn(s, angle ? ">" : "0123456789+-,\n");
    *out = arena_strndup(a, s, n);
    return s + n + angle;
}

/* [+-]hh[:mm[:ss]] in seconds. */
static const char *rule_time(const char *s, int64_t *out)
{
    bool negative = *s == '-';
    int64_t unit = 3600, sum = 0;
    s += *s == '-' || *s == '+';
    for (; unit; unit /= 60) {
        char *end;
        sum += strtol(s, &end, 10) * unit;
        s = end;
        if (*s != ':')
            break;
        s++;
    }
    *out = negative ? -sum : sum;
    return s;
}

/* The second of the year at which a date of the rule falls: Mm.w.d, Jn or n, with /time. */
static const char *rule_date(const char *s, int64_t year, int64_t *out)
{
    int64_t start = time__days(year, 1, 1), day = 0, time = 7200;
    char *end = NULL;
    if (*s == ',')
        s++;
    if (*s == 'M') {
        long month = strtol(s + 1, &end, 10), week = strtol(end + 1, &end, 10);
        long weekday = strtol(end + 1, &end, 10);
        int64_t first = time__days(year, month, 1), next = time__days(year, month + 1, 1);
        int64_t ahead = (weekday - (first + 4) % 7 + 14) % 7;
        day = first + ahead + 7 * (week - 1);
        while (day >= next)
            day -= 7;
        day -= start;
    } else {
        bool julian = *s == 'J';
        day = strtol(s + julian, &end, 10) - julian;
        day += julian && day >= 59 && time__days(year + 1, 1, 1) - start == 366;
    }
    s = end;
    if (*s == '/')
        s = rule_time(s + 1, &time);
    *out = day * 86400 + time;
    return s;
}

static void by_rule(struct arena *a, const struct zone *z, struct moment *m)
{
    const char *names[2] = {"", ""};
    int64_t offsets[2] = {0, 0}, begin = 0, end = 0;
    const char *s = arena_strndup(a, z->rule, z->n_rule);
    s = rule_time(rule_name(a, s, &names[0]), &offsets[0]);
    offsets[0] = -offsets[0];
    offsets[1] = offsets[0] + 3600;
    bool summer = false;
    if (*s && *s != ',') {
        s = rule_name(a, s, &names[1]);
        if (*s && *s != ',') {
            s = rule_time(s, &offsets[1]);
            offsets[1] = -offsets[1];
        }
    }
    if (*s == ',') {
        struct moment local = *m;
        local.offset = (int32_t)offsets[0];
        int64_t year = time__calendar(&local).year;
        int64_t at = m->seconds - time__days(year, 1, 1) * 86400;
        s = rule_date(s, year, &begin);
        (void)rule_date(s, year, &end);
        begin -= offsets[0];
        end -= offsets[1];
        summer = begin < end ? at >= begin && at < end : !(at >= end && at < begin);
    }
    m->offset = (int32_t)offsets[summer];
    m->zone = names[summer];
}

void time__in_zone(struct arena *a, struct moment *m, const char *name)
{
    char *file = NULL;
    size_t n = 0, type = 0, i = 0;
    struct zone z = {0};
    m->zone = "UTC";
    m->offset = 0;
    if (!*name || strcmp(name, "UTC") == 0 || strcmp(name, "Local") == 0 || strstr(name, "..") ||
        *name == '/' || *name == '\\' || strlen(name) > 100)
        return;
    const char *path = arena_printf(a, "/usr/share/zoneinfo/%s", name);
    if (fs_read(path, FILE_MAX, a, &file, &n, NULL) ||
        !read_zone((const unsigned char *)file, n, &z))
        return;
    while (i < z.n_times && big_endian(z.times + 8 * i, 8) <= m->seconds)
        type = z.kinds[i++];
    if (i == z.n_times && z.n_rule) {
        by_rule(a, &z, m);
        return;
    }
    if (type >= z.n_types)
        return;
    const unsigned char *t = z.types + 6 * type;
    m->offset = (int32_t)big_endian(t, 4);
    m->zone = t[5] < z.n_names
                  ? arena_strndup(a, (const char *)z.names + t[5],
                                  strnlen((const char *)z.names + t[5], z.n_names - t[5]))
                  : "";
}

static bool is_zone(const char *name)
{
    AUTO(arena) struct arena *a = arena_new(0);
    if (!*name || strcmp(name, "UTC") == 0)
        return true;
    return !strstr(name, "..") && *name != '/' && *name != '\\' && strlen(name) <= 100 &&
           access(arena_join(a, "/usr/share/zoneinfo/", name, NULL), R_OK) == 0;
}

bool zone_time_at(int64_t ms, const char *zone, struct zone_time *out)
{
    AUTO(arena) struct arena *a = arena_new(0);
    struct moment m = {.seconds = ms / 1000 - (ms % 1000 < 0)};
    if (!is_zone(zone))
        return false;
    time__in_zone(a, &m, zone);
    struct calendar c = time__calendar(&m);
    *out = (struct zone_time){.year = c.year,
                              .month = c.month,
                              .day = c.day,
                              .weekday = c.weekday,
                              .minutes = c.hour * 60 + c.minute};
    out->month_days = (int)(time__days(c.year, c.month + 1, 1) - time__days(c.year, c.month, 1));
    return true;
}
