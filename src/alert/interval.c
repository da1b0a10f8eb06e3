#include "alert/interval.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "template/zone.h"

static const char *const weekdays[] = {"sunday",   "monday", "tuesday", "wednesday",
                                       "thursday", "friday", "saturday"};
static const char *const months[] = {"january",   "february", "march",    "april",
                                     "may",       "june",     "july",     "august",
                                     "september", "october",  "november", "december"};

/* What one list of ranges may hold. */
struct unit {
    const char *name;
    const char *const *words; /* names of the numbers, the first being `first`; NULL: none */
    size_t n_words;
    int64_t first, min, max;
};

static const struct unit weekday_unit = {"weekdays", weekdays, 7, 0, 0, 6};
static const struct unit day_unit = {"days_of_month", NULL, 0, 0, -31, 31};
static const struct unit month_unit = {"months", months, 12, 1, 1, 12};
static const struct unit year_unit = {"years", NULL, 0, 0, 0, 9999};

static bool read_number(const struct unit *u, const char *s, size_t n, int64_t *out)
{
    char text[16], *end;
    for (size_t i = 0; i < u->n_words; i++)
        if (strlen(u->words[i]) == n && strncasecmp(u->words[i], s, n) == 0) {
            *out = u->first + (int64_t)i;
            return true;
        }
    if (n == 0 || n >= sizeof text || (u->words && u->first == 0))
        return false;
    memcpy(text, s, n);
    text[n] = '\0';
    *out = strtoll(text, &end, 10);
    return !*end && *out >= u->min && *out <= u->max && !(u->min < 0 && *out == 0);
}

/* "a" or "a:b" */
static int read_range(const struct unit *u, const char *text, struct alert_range *out,
                      struct err *e)
{
    const char *colon = strchr(text, ':');
    size_t n = colon ? (size_t)(colon - text) : strlen(text);
    const char *to = colon ? colon + 1 : text;
    if (!read_number(u, text, n, &out->from) ||
        !read_number(u, to, colon ? strlen(to) : n, &out->to))
        return err_set(e, ERR_INVALID, "%s: \"%.60s\" is no range", u->name, text);
    if ((out->from < 0) == (out->to < 0) && out->from > out->to)
        return err_set(e, ERR_INVALID, "%s: \"%.60s\" ends before it begins", u->name, text);
    return 0;
}

static int read_ranges(struct arena *a, const struct unit *u, const struct value *v,
                       struct alert_range **out, size_t *n, struct err *e)
{
    int r = 0;
    *out = ARENA_ARRAY(a, struct alert_range, value_count(v) + 1);
    *n = 0;
    VALUE_EACH_ITEM (x, v)
        if (r == 0)
            r = read_range(u, x->kind == VALUE_STRING || x->kind == VALUE_INT ? x->text : "",
                           &(*out)[(*n)++], e);
    return r;
}

/* "09:30" in minutes; 24:00 is a time. */
static bool read_clock(const char *s, int64_t *out)
{
    if (strlen(s) != 5 || s[2] != ':' || !isdigit((unsigned char)s[0]) ||
        !isdigit((unsigned char)s[1]) || !isdigit((unsigned char)s[3]) ||
        !isdigit((unsigned char)s[4]))
        return false;
    *out = strtol(s, NULL, 10) * 60 + strtol(s + 3, NULL, 10);
    return s[3] < '6' && *out <= 24 * 60;
}

static int read_times(struct arena *a, const struct value *v, struct alert_times *t, struct err *e)
{
    t->times = ARENA_ARRAY(a, struct alert_range, value_count(v) + 1);
    VALUE_EACH_ITEM (x, v) {
        struct alert_range *r = &t->times[t->n_times++];
        const char *from = value_at_str(x, "start_time", ""), *to = value_at_str(x, "end_time", "");
        if (!read_clock(from, &r->from) || !read_clock(to, &r->to) || r->from >= r->to)
            return err_set(e, ERR_INVALID, "times: \"%.20s\" to \"%.20s\" is no span of a day",
                           from, to);
    }
    return 0;
}

static int read_entry(struct arena *a, const struct value *v, struct alert_times *t, struct err *e)
{
    static const char *const known[] = {"times",  "weekdays", "days_of_month",
                                        "months", "years",    "location"};
    struct zone_time local;
    VALUE_EACH_MEMBER (m, v) {
        size_t i = 0;
        while (i < ARRAY_LEN(known) && strcmp(known[i], m->key) != 0)
            i++;
        if (i == ARRAY_LEN(known))
            return err_set(e, ERR_INVALID, "line %u: field %s of a time interval is not known",
                           m->line, m->key);
    }
    t->zone = value_at_str(v, "location", "UTC");
    if (!zone_time_at(0, t->zone, &local))
        return err_set(e, ERR_INVALID, "location: there is no time zone %.60s", t->zone);
    int r = read_times(a, value_get(v, "times"), t, e);
    if (r == 0)
        r = read_ranges(a, &weekday_unit, value_get(v, "weekdays"), &t->weekdays, &t->n_weekdays,
                        e);
    if (r == 0)
        r = read_ranges(a, &day_unit, value_get(v, "days_of_month"), &t->days, &t->n_days, e);
    if (r == 0)
        r = read_ranges(a, &month_unit, value_get(v, "months"), &t->months, &t->n_months, e);
    return r < 0 ? r : read_ranges(a, &year_unit, value_get(v, "years"), &t->years, &t->n_years, e);
}

int alert_interval_read(struct arena *a, const struct value *v, struct alert_interval *out,
                        struct err *e)
{
    const struct value *entries = value_get(v, "time_intervals");
    int r = 0;
    *out = (struct alert_interval){.name = value_at_str(v, "name", "")};
    out->times = ARENA_ARRAY(a, struct alert_times, value_count(entries) + 1);
    if (!*out->name)
        return err_set(e, ERR_INVALID, "a time interval has no name");
    VALUE_EACH_ITEM (x, entries)
        if (r == 0)
            r = read_entry(a, x, &out->times[out->n++], e);
    return r < 0 ? err_wrap(e, r, "time interval %s", out->name) : 0;
}

static bool within(const struct alert_range *r, size_t n, int64_t v)
{
    for (size_t i = 0; i < n; i++)
        if (v >= r[i].from && v <= r[i].to)
            return true;
    return n == 0;
}

/* Days count from the month's end where they are negative. */
static bool within_days(const struct alert_times *t, const struct zone_time *at)
{
    for (size_t i = 0; i < t->n_days; i++) {
        int64_t from = t->days[i].from, to = t->days[i].to;
        from = from < 0 ? at->month_days + from + 1 : from;
        to = to < 0 ? at->month_days + to + 1 : to;
        if (at->day >= from && at->day <= to)
            return true;
    }
    return t->n_days == 0;
}

static bool holds(const struct alert_times *t, int64_t at_ms)
{
    struct zone_time at;
    bool in_time = t->n_times == 0;
    if (!zone_time_at(at_ms, t->zone, &at))
        return false;
    for (size_t i = 0; i < t->n_times && !in_time; i++)
        in_time = at.minutes >= t->times[i].from && at.minutes < t->times[i].to;
    return in_time && within(t->weekdays, t->n_weekdays, at.weekday) && within_days(t, &at) &&
           within(t->months, t->n_months, at.month) && within(t->years, t->n_years, at.year);
}

bool alert_interval_holds(const struct alert_interval *i, int64_t at_ms)
{
    for (size_t k = 0; k < i->n; k++)
        if (holds(&i->times[k], at_ms))
            return true;
    return false;
}
