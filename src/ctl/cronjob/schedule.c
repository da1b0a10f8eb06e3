#include "ctl/cronjob/schedule.h"

#include <string.h>
#include <strings.h>

static const char *const MONTHS[] = {"jan", "feb", "mar", "apr", "may", "jun",
                                     "jul", "aug", "sep", "oct", "nov", "dec"};
static const char *const DAYS[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat"};

struct field {
    const char *name;
    int first, last;
    const char *const *names;
    int n_names;
};

static int name_at(const struct field *f, const char *p)
{
    for (int i = 0; i < f->n_names; i++)
        if (strncasecmp(p, f->names[i], 3) == 0)
            return f->first + i;
    return -1;
}

/* A number or a name; moves *p behind it. -1: neither. */
static int number(const struct field *f, const char **p)
{
    int n = 0;
    if (**p < '0' || **p > '9') {
        n = name_at(f, *p);
        *p += n < 0 ? 0 : 3;
        return n;
    }
    for (; **p >= '0' && **p <= '9' && n < 1000; (*p)++)
        n = n * 10 + (**p - '0');
    return n;
}

/* One of "*", "3", "1-5", "2-20/3". */
static int part(const struct field *f, const char **p, uint64_t *bits, struct err *e)
{
    int from = f->first, to = f->last, step = 1;
    bool star = **p == '*' || **p == '?';
    if (star) {
        (*p)++;
    } else {
        from = to = number(f, p);
        if (**p == '-') {
            (*p)++;
            to = number(f, p);
        } else if (**p == '/') {
            to = f->last;
        }
    }
    if (**p == '/') {
        (*p)++;
        step = number(f, p);
    }
    if (f->last == 6 && from <= 7 && to == 7) { /* Sunday is 7, too */
        *bits |= 1;
        to = from == 7 ? -1 : 6;
        if (to < 0)
            return 0;
    }
    if (from < f->first || to > f->last || from > to || step < 1)
        return err_set(e, ERR_INVALID, "schedule: %s is out of its range %d-%d", f->name, f->first,
                       f->last);
    for (int i = from; i <= to; i += step)
        *bits |= (uint64_t)1 << i;
    return 0;
}

static int field(const struct field *f, const char **p, uint64_t *bits, bool *any, struct err *e)
{
    *p += strspn(*p, " \t");
    if (!**p)
        return err_set(e, ERR_INVALID, "schedule: %s is missing", f->name);
    *any = (**p == '*' || **p == '?') && (*p)[1] != '/';
    for (;;) {
        int rc = part(f, p, bits, e);
        if (rc < 0)
            return rc;
        if (**p != ',')
            break;
        (*p)++;
    }
    if (**p && **p != ' ' && **p != '\t')
        return err_set(e, ERR_INVALID, "schedule: \"%s\" is not understood", *p);
    return 0;
}

static const char *macro(const char *text)
{
    static const char *const table[][2] = {
        {"@yearly",   "0 0 1 1 *"},
        {"@annually", "0 0 1 1 *"},
        {"@monthly",  "0 0 1 * *"},
        {"@weekly",   "0 0 * * 0"},
        {"@daily",    "0 0 * * *"},
        {"@midnight", "0 0 * * *"},
        {"@hourly",   "0 * * * *"},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        if (strcmp(text, table[i][0]) == 0)
            return table[i][1];
    return text;
}

int schedule_parse(const char *text, struct schedule *out, struct err *e)
{
    static const struct field fields[] = {
        {"minute",       0, 59, NULL,   0 },
        {"hour",         0, 23, NULL,   0 },
        {"day of month", 1, 31, NULL,   0 },
        {"month",        1, 12, MONTHS, 12},
        {"day of week",  0, 6,  DAYS,   7 },
    };
    struct schedule s = {0};
    bool any[5];
    uint64_t *const bits[] = {&s.minutes, &s.hours, &s.days, &s.months, &s.weekdays};
    const char *p = macro(text);
    for (int i = 0; i < 5; i++) {
        int rc = field(&fields[i], &p, bits[i], &any[i], e);
        if (rc < 0)
            return rc;
    }
    p += strspn(p, " \t");
    if (*p)
        return err_set(e, ERR_INVALID, "schedule: \"%s\" follows the fifth field", p);
    s.any_day = any[2];
    s.any_weekday = any[4];
    *out = s;
    return 0;
}

/* ---- calendar ---- */

struct civil {
    int64_t year;
    int month, day, weekday, hour, minute;
};

/* Days since 1970 to a date of the Gregorian calendar (eras of 400 years from a 1st of March). */
static struct civil civil_of(int64_t local_s)
{
    int64_t days = local_s / 86400, rest = local_s % 86400;
    if (rest < 0) {
        rest += 86400;
        days--;
    }
    int64_t z = days + 719468, era = (z >= 0 ? z : z - 146096) / 146097;
    int64_t doe = z - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;
    struct civil c = {
        .day = (int)(doy - (153 * mp + 2) / 5 + 1),
        .month = (int)(mp < 10 ? mp + 3 : mp - 9),
        .weekday = (int)(((days % 7) + 11) % 7),
        .hour = (int)(rest / 3600),
        .minute = (int)(rest % 3600 / 60),
    };
    c.year = yoe + era * 400 + (c.month <= 2);
    return c;
}

static bool in(uint64_t bits, int n)
{
    return bits >> n & 1;
}

static bool day_fits(const struct schedule *s, const struct civil *c)
{
    bool day = in(s->days, c->day), weekday = in(s->weekdays, c->weekday);
    if (s->any_day || s->any_weekday)
        return day && weekday;
    return day || weekday;
}

enum { YEARS_5_S = 5 * 366 * 86400 };

/* Walks by the hour until day and hour fit, so that changes of the clock need no care. */
int64_t schedule_next(const struct schedule *s, const struct zone *z, int64_t after_ms)
{
    int64_t utc = after_ms / 60000 * 60 + 60, end = utc + YEARS_5_S;
    while (utc < end) {
        struct civil c = civil_of(utc + zone_offset_s(z, utc));
        if (!in(s->months, c.month) || !day_fits(s, &c) || !in(s->hours, c.hour))
            utc += 3600 - c.minute * 60;
        else if (!in(s->minutes, c.minute))
            utc += 60;
        else
            return utc * 1000;
    }
    return 0;
}
