#include "base/clock.h"
#include "base/own.h"
#include "template/sprig_int.h"
#include "template/time_int.h"

#include "base/banned.h"

static const int64_t second_ns = 1000000000;

/* ---- calendars ---- */

int64_t time__days(int64_t year, int64_t month, int64_t day)
{
    int64_t months = month - 1;
    year += months >= 0 ? months / 12 : -((11 - months) / 12);
    months = ((months % 12) + 12) % 12;
    int64_t y = months < 2 ? year - 1 : year; /* years begin in March */
    int64_t era = (y >= 0 ? y : y - 399) / 400, of_era = y - era * 400;
    int64_t of_year = (153 * ((months + 10) % 12) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

struct calendar time__calendar(const struct moment *m)
{
    int64_t at = m->seconds + m->offset, days = at / 86400, rest = at % 86400;
    if (rest < 0) {
        rest += 86400;
        days--;
    }
    int64_t z = days + 719468, era = (z >= 0 ? z : z - 146096) / 146097, of_era = z - era * 146097;
    int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * year + year / 4 - year / 100),
            march = (5 * of_year + 2) / 153;
    struct calendar c = {.year = year + era * 400 + (march >= 10),
                         .month = (int)(march < 10 ? march + 3 : march - 9),
                         .day = (int)(of_year - (153 * march + 2) / 5 + 1),
                         .weekday = (int)(((days + 4) % 7 + 7) % 7),
                         .hour = (int)(rest / 3600),
                         .minute = (int)(rest / 60 % 60),
                         .second = (int)(rest % 60)};
    c.yearday = (int)(days - time__days(c.year, 1, 1)) + 1;
    return c;
}

struct go_value time__value(struct arena *a, struct moment m)
{
    return (struct go_value){.type = &go_time_type, .opaque = arena_dup(a, &m, sizeof m)};
}

struct go_value go_time(struct arena *a, int64_t ms)
{
    int64_t rest = ms % 1000 < 0 ? ms % 1000 + 1000 : ms % 1000;
    struct moment m = {(ms - rest) / 1000, (int32_t)(rest * 1000000), 0, "UTC"};
    return time__value(a, m);
}

/* ---- time.Duration, time.Month, time.Weekday ---- */

GO_FN(duration_text)
{
    char text[CLOCK_TEXT_MAX];
    clock_format_duration(c->self->i, text);
    *out = go_str(arena_strdup(c->arena, text));
    return 0;
}

static struct go_value in_units(const struct go_value *d, int64_t unit)
{
    return go_float((double)(d->i / unit) + (double)(d->i % unit) / (double)unit);
}

GO_FN(duration_hours)
{
    *out = in_units(c->self, 3600 * second_ns);
    return 0;
}

GO_FN(duration_minutes)
{
    *out = in_units(c->self, 60 * second_ns);
    return 0;
}

GO_FN(duration_seconds)
{
    *out = in_units(c->self, second_ns);
    return 0;
}

GO_FN(duration_ms)
{
    *out = go_int64(c->self->i / 1000000);
    return 0;
}

GO_FN(duration_ns)
{
    *out = go_int64(c->self->i);
    return 0;
}

static const struct go_func duration_methods[] = {
    {"Hours",        "",   duration_hours  },
    {"Milliseconds", "",   duration_ms     },
    {"Minutes",      "",   duration_minutes},
    {"Nanoseconds",  "",   duration_ns     },
    {"Seconds",      "",   duration_seconds},
    {"String",       "",   duration_text   },
    {NULL,           NULL, NULL            },
};
const struct go_type go_duration_type = {.name = "time.Duration",
                                         .kind = GO_INT64,
                                         .methods = duration_methods,
                                         .stringer = duration_methods + 5,
                                         .defined = true};

GO_FN(month_text)
{
    *out = go_str(time__months[c->self->i - 1]);
    return 0;
}

GO_FN(weekday_text)
{
    *out = go_str(time__weekdays[c->self->i]);
    return 0;
}

static const struct go_func month_methods[] = {
    {"String", "",   month_text},
    {NULL,     NULL, NULL      },
};
static const struct go_func weekday_methods[] = {
    {"String", "",   weekday_text},
    {NULL,     NULL, NULL        },
};
static const struct go_type month_type = {.name = "time.Month",
                                          .kind = GO_INT,
                                          .methods = month_methods,
                                          .stringer = month_methods,
                                          .defined = true};
static const struct go_type weekday_type = {.name = "time.Weekday",
                                            .kind = GO_INT,
                                            .methods = weekday_methods,
                                            .stringer = weekday_methods,
                                            .defined = true};

/* ---- time.Time ---- */

static const struct moment *self(const struct go_call *c)
{
    return c->self->opaque;
}

static const struct moment *moment_of(const struct go_value *v)
{
    return v->opaque;
}

GO_FN(time_text)
{
    static const char layout[] = "2006-01-02 15:04:05.999999999 -0700 MST";
    struct buf b;
    buf_init(&b, 200);
    time__format(&b, self(c), layout, sizeof layout - 1);
    *out = call__text(c, buf_text(&b), b.len);
    buf_done(&b);
    return 0;
}

GO_FN(time_format)
{
    time__format(call__scratch(c), self(c), args[0].s, args[0].n);
    return call__finish(c, out);
}

GO_FN(time_unix)
{
    *out = go_int64(self(c)->seconds);
    return 0;
}

GO_FN(time_unix_ms)
{
    *out = go_int64(self(c)->seconds * 1000 + self(c)->ns / 1000000);
    return 0;
}

GO_FN(time_unix_ns)
{
    *out = go_int64(
        (int64_t)((uint64_t)self(c)->seconds * (uint64_t)second_ns + (uint64_t)self(c)->ns));
    return 0;
}

/* Year, Month, Day and the like, by the name of the method. */
GO_FN(time_part)
{
    struct calendar d = time__calendar(self(c));
    const char *name = c->func->name;
    int64_t v = strcmp(name, "Year") == 0     ? d.year
                : strcmp(name, "Day") == 0    ? d.day
                : strcmp(name, "Hour") == 0   ? d.hour
                : strcmp(name, "Minute") == 0 ? d.minute
                : strcmp(name, "Second") == 0 ? d.second
                : *name == 'N'                ? self(c)->ns
                                              : d.yearday;
    *out = go_int(v);
    return 0;
}

GO_FN(time_month)
{
    *out = (struct go_value){.type = &month_type, .i = time__calendar(self(c)).month};
    return 0;
}

GO_FN(time_weekday)
{
    *out = (struct go_value){.type = &weekday_type, .i = time__calendar(self(c)).weekday};
    return 0;
}

GO_FN(time_utc)
{
    struct moment m = *self(c);
    m.offset = 0;
    m.zone = "UTC";
    *out = time__value(c->arena, m);
    return 0;
}

static struct moment shifted(struct moment m, int64_t ns)
{
    int64_t sum = m.ns + ns % second_ns;
    m.seconds += ns / second_ns + (sum >= second_ns) - (sum < 0);
    m.ns = (int32_t)(sum >= second_ns ? sum - second_ns : sum < 0 ? sum + second_ns : sum);
    return m;
}

GO_FN(time_add)
{
    *out = time__value(c->arena, shifted(*self(c), args[0].i));
    return 0;
}

GO_FN(time_add_date)
{
    struct moment m = *self(c);
    struct calendar d = time__calendar(&m);
    int64_t days = time__days(d.year + args[0].i, d.month + args[1].i, d.day + args[2].i);
    m.seconds = days * 86400 + d.hour * 3600 + d.minute * 60 + d.second - m.offset;
    *out = time__value(c->arena, m);
    return 0;
}

static int compare(const struct moment *a, const struct moment *b)
{
    if (a->seconds != b->seconds)
        return a->seconds < b->seconds ? -1 : 1;
    return (a->ns > b->ns) - (a->ns < b->ns);
}

GO_FN(time_before)
{
    *out = go_bool(compare(self(c), moment_of(&args[0])) < 0);
    return 0;
}

GO_FN(time_after)
{
    *out = go_bool(compare(self(c), moment_of(&args[0])) > 0);
    return 0;
}

GO_FN(time_equal)
{
    *out = go_bool(compare(self(c), moment_of(&args[0])) == 0);
    return 0;
}

static int64_t between(const struct moment *a, const struct moment *b)
{
    return (a->seconds - b->seconds) * second_ns + (a->ns - b->ns);
}

GO_FN(time_sub)
{
    *out = (struct go_value){.type = &go_duration_type, .i = between(self(c), moment_of(&args[0]))};
    return 0;
}

GO_FN(time_is_zero)
{
    *out = go_bool(self(c)->seconds == time__days(1, 1, 1) * 86400 && self(c)->ns == 0);
    return 0;
}

static const struct go_func time_methods[] = {
    {"Add",        "d",   time_add     },
    {"AddDate",    "iii", time_add_date},
    {"After",      "t",   time_after   },
    {"Before",     "t",   time_before  },
    {"Day",        "",    time_part    },
    {"Equal",      "t",   time_equal   },
    {"Format",     "s",   time_format  },
    {"Hour",       "",    time_part    },
    {"IsZero",     "",    time_is_zero },
    {"Local",      "",    time_utc     },
    {"Minute",     "",    time_part    },
    {"Month",      "",    time_month   },
    {"Nanosecond", "",    time_part    },
    {"Second",     "",    time_part    },
    {"String",     "",    time_text    },
    {"Sub",        "t",   time_sub     },
    {"UTC",        "",    time_utc     },
    {"Unix",       "",    time_unix    },
    {"UnixMilli",  "",    time_unix_ms },
    {"UnixNano",   "",    time_unix_ns },
    {"Weekday",    "",    time_weekday },
    {"Year",       "",    time_part    },
    {"YearDay",    "",    time_part    },
    {NULL,         NULL,  NULL         },
};

static char *time_json(struct arena *a, const struct go_value *v)
{
    static const char layout[] = "2006-01-02T15:04:05.999999999Z07:00";
    struct buf b;
    buf_init(&b, 200);
    time__format(&b, moment_of(v), layout, sizeof layout - 1);
    char *text = arena_strdup(a, buf_text(&b));
    buf_done(&b);
    return text;
}

enum { STRING_METHOD = 14 };

const struct go_type go_time_type = {.name = "time.Time",
                                     .kind = GO_STRUCT,
                                     .methods = time_methods,
                                     .stringer = time_methods + STRING_METHOD,
                                     .json_text = time_json,
                                     .defined = true};

/* ---- Sprig ---- */

static struct moment now(const struct go_call *c)
{
    const struct template_host *host = c->run->options.host;
    struct moment epoch = {.zone = "UTC"};
    return shifted(epoch, host ? host->now_ns : 0);
}

GO_FN(go_now)
{
    *out = time__value(c->arena, now(c));
    return 0;
}

/* A time, or seconds since 1970; anything else is now. */
static struct moment any_time(const struct go_call *c, const struct go_value *v)
{
    if (v->type == &go_time_type)
        return *moment_of(v);
    if (v->type == &go_int_type || v->type == &go_int64_type || v->type == &go_int32_type)
        return (struct moment){.seconds = v->i, .zone = "UTC"};
    return now(c);
}

static int format_in_zone(struct go_call *c, struct go_value layout, const struct go_value *date,
                          const char *zone, struct go_value *out)
{
    struct moment m = any_time(c, date);
    time__in_zone(c->arena, &m, zone);
    time__format(call__scratch(c), &m, layout.s, layout.n);
    return call__finish(c, out);
}

GO_FN(date)
{
    return format_in_zone(c, args[0], &args[1], "Local", out);
}

GO_FN(date_in_zone)
{
    return format_in_zone(c, args[0], &args[1], go_cstr(c->arena, &args[2]), out);
}

GO_FN(html_date)
{
    return format_in_zone(c, go_str("2006-01-02"), &args[0], "Local", out);
}

GO_FN(html_date_in_zone)
{
    return format_in_zone(c, go_str("2006-01-02"), &args[0], go_cstr(c->arena, &args[1]), out);
}

static bool must(const struct go_call *c)
{
    return strncmp(c->func->name, "must", 4) == 0;
}

GO_FN(date_modify)
{
    int64_t ns = 0;
    const char *why = time__parse_duration(c->arena, &args[0], &ns);
    if (why && must(c))
        return go_fail(c, "%s", why);
    *out = time__value(c->arena, shifted(*moment_of(&args[1]), why ? 0 : ns));
    return 0;
}

GO_FN(to_date)
{
    struct moment m = {.seconds = time__days(1, 1, 1) * 86400, .zone = "UTC"};
    const char *why = time__parse(c->arena, &args[0], &args[1], &m);
    if (why && must(c))
        return go_fail(c, "%s", why);
    *out = time__value(c->arena, m);
    return 0;
}

GO_FN(unix_epoch)
{
    *out = go_str(arena_printf(c->arena, "%lld", (long long)moment_of(&args[0])->seconds));
    return 0;
}

GO_FN(ago)
{
    struct moment then = any_time(c, &args[0]), at = now(c);
    int64_t ns = between(&at, &then), half = ns < 0 ? -second_ns / 2 : second_ns / 2;
    char text[CLOCK_TEXT_MAX];
    clock_format_duration((ns + half) / second_ns * second_ns, text);
    *out = go_str(arena_strdup(c->arena, text));
    return 0;
}

GO_FN(duration)
{
    int64_t seconds = 0;
    char text[CLOCK_TEXT_MAX];
    if (args[0].type == &go_int64_type)
        seconds = args[0].i;
    else if (args[0].type == &go_string_type &&
             !value_int_from_text(go_cstr(c->arena, &args[0]), &seconds))
        seconds = 0;
    clock_format_duration((int64_t)((uint64_t)seconds * (uint64_t)second_ns), text);
    *out = go_str(arena_strdup(c->arena, text));
    return 0;
}

GO_FN(duration_round)
{
    static const struct {
        uint64_t seconds;
        const char *unit;
    } units[] = {
        {31536000, "y" },
        {2592000,  "mo"},
        {86400,    "d" },
        {3600,     "h" },
        {60,       "m" },
        {1,        "s" },
    };
    int64_t ns = 0;
    struct moment at = now(c);
    if (args[0].type == &go_string_type) {
        if (time__parse_duration(c->arena, &args[0], &ns))
            ns = 0;
    } else if (args[0].type == &go_int64_type) {
        ns = args[0].i;
    } else if (args[0].type == &go_time_type) {
        ns = between(&at, moment_of(&args[0]));
    }
    uint64_t u = ns < 0 ? 0 - (uint64_t)ns : (uint64_t)ns;
    *out = go_str("0s");
    for (size_t i = 0; i < ARRAY_LEN(units); i++) {
        uint64_t unit = units[i].seconds * (uint64_t)second_ns;
        if (u > unit) {
            *out = go_str(
                arena_printf(c->arena, "%llu%s", (unsigned long long)(u / unit), units[i].unit));
            break;
        }
    }
    return 0;
}

const struct go_func date_functions[] = {
    {"ago",              "a",   ago              },
    {"date",             "sa",  date             },
    {"dateInZone",       "sas", date_in_zone     },
    {"dateModify",       "st",  date_modify      },
    {"date_in_zone",     "sas", date_in_zone     },
    {"date_modify",      "st",  date_modify      },
    {"duration",         "a",   duration         },
    {"durationRound",    "a",   duration_round   },
    {"htmlDate",         "a",   html_date        },
    {"htmlDateInZone",   "as",  html_date_in_zone},
    {"mustDateModify",   "st",  date_modify      },
    {"mustToDate",       "ss",  to_date          },
    {"must_date_modify", "st",  date_modify      },
    {"now",              "",    go_now           },
    {"toDate",           "ss",  to_date          },
    {"unixEpoch",        "t",   unix_epoch       },
    {NULL,               NULL,  NULL             },
};
