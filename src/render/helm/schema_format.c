/* schema_format.c - what "format" asks of a text, for the formats that charts use. */
#include <arpa/inet.h>
#include <ctype.h>
#include <string.h>

#include "codec/regex.h"
#include "render/helm/schema_int.h"

static const char *ipv4_problem(struct arena *a, const char *s)
{
    int groups = 1;
    for (const char *c = s; *c; c++)
        groups += *c == '.';
    if (groups != 4)
        return "expected four decimals";
    for (const char *g = s; groups > 0; groups--) {
        size_t n = strcspn(g, "."), digits = strspn(g, "0123456789");
        if (n > 1 && *g == '0')
            return "leading zeros";
        if (n == 0 || digits != n)
            return arena_printf(a, "strconv.Atoi: parsing %s: invalid syntax",
                                helm__quote(a, g, n));
        if (n > 3 || strtol(g, NULL, 10) > 255)
            return "decimal must be between 0 and 255";
        g += n + 1;
    }
    return NULL;
}

static const char *ipv6_problem(struct arena *a, const char *s)
{
    struct in6_addr addr;
    if (!strchr(s, ':'))
        return "missing colon";
    if (strchr(s, '%'))
        return "zone id is not a part of ipv6 address";
    return inet_pton(AF_INET6, s, &addr) == 1
               ? NULL
               : arena_printf(a, "ParseAddr(%s): unable to parse IP", helm__quote(a, s, strlen(s)));
}

static const char *hostname_problem(struct arena *a, const char *s)
{
    size_t n = strlen(s);
    n -= n && s[n - 1] == '.';
    if (n > 253)
        return "more than 253 characters long";
    for (const char *label = s, *end = s + n; label <= end;) {
        size_t len = strcspn(label, ".");
        len = label + len > end ? (size_t)(end - label) : len;
        if (len < 1 || len > 63)
            return "label must be 1 to 63 characters long";
        if (*label == '-')
            return "label starts with hyphen";
        if (label[len - 1] == '-')
            return "label ends with hyphen";
        for (size_t i = 0; i < len; i++)
            if (!isalnum((unsigned char)label[i]) && label[i] != '-')
                return arena_printf(a, "invalid character '%c'", label[i]);
        label += len + 1;
    }
    return NULL;
}

static const char *email_problem(struct arena *a, const char *s)
{
    const char *at = strrchr(s, '@');
    if (strlen(s) > 254)
        return "more than 255 characters long";
    if (!at)
        return "missing @";
    size_t n = (size_t)(at - s);
    if (n > 64)
        return "local part more than 64 characters long";
    if (*s == '.')
        return "starts with dot";
    if (n && at[-1] == '.')
        return "ends with dot";
    for (size_t i = 0; i < n && *s != '"'; i++) {
        if (s[i] == '.' && s[i + 1] == '.')
            return "consecutive dots";
        if (!isalnum((unsigned char)s[i]) && !strchr(".!#$%&'*+-/=?^_`{|}~", s[i]))
            return arena_printf(a, "invalid character '%c'", s[i]);
    }
    const char *problem = hostname_problem(a, at + 1);
    return problem ? arena_printf(a, "invalid domain: %s", problem) : NULL;
}

static const char *date_problem(struct arena *a, const char *s)
{
    static const int days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int y, m, d, used = 0;
    bool shaped = strlen(s) >= 10 && s[4] == '-' && s[7] == '-' &&
                  sscanf(s, "%4d-%2d-%2d%n", &y, &m, &d, &used) == 3 && used == 10;
    bool leap = shaped && (y % 4 == 0 && (y % 100 != 0 || y % 400 == 0));
    if (shaped && m >= 1 && m <= 12 && d >= 1 && d <= days[m - 1] - (m == 2 && !leap))
        return NULL;
    return arena_printf(a, "parsing time %s as \"2006-01-02\": cannot parse",
                        helm__quote(a, s, strlen(s)));
}

static const char *time_problem(struct arena *a, const char *s)
{
    int h, m, sec, used = 0;
    (void)a;
    if (strlen(s) < 9)
        return "less than 9 characters long";
    if (s[2] != ':' || s[5] != ':')
        return "missing colon in correct place";
    if (sscanf(s, "%2d:%2d:%2d%n", &h, &m, &sec, &used) != 3 || used != 8)
        return "invalid hour/min/sec";
    if (h > 23 || m > 59 || sec > 60)
        return "hour/min/sec out of range";
    s += 8;
    if (*s == '.')
        s += 1 + strspn(s + 1, "0123456789");
    if (strcmp(s, "z") == 0 || strcmp(s, "Z") == 0)
        return NULL;
    if (strlen(s) != 6)
        return "offset must be 6 characters long";
    return *s == '+' || *s == '-' ? NULL : "offset must begin with plus/minus";
}

static const char *date_time_problem(struct arena *a, const char *s)
{
    if (strlen(s) < 20)
        return "less than 20 characters long";
    if (s[10] != 'T' && s[10] != 't')
        return "11th character must be t or T";
    const char *problem = date_problem(a, arena_strndup(a, s, 10));
    if (problem)
        return arena_printf(a, "invalid date element: %s", problem);
    problem = time_problem(a, s + 11);
    return problem ? arena_printf(a, "invalid time element: %s", problem) : NULL;
}

static const char *uri_problem(struct arena *a, const char *s)
{
    size_t n = 0;
    for (const char *c = s; *c; c++)
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            return arena_printf(a, "parse %s: net/url: invalid control character in URL",
                                helm__quote(a, s, strlen(s)));
    if (isalpha((unsigned char)*s))
        while (isalnum((unsigned char)s[n]) || (s[n] && strchr("+-.", s[n])))
            n++;
    return n > 0 && s[n] == ':' ? NULL : "relative url";
}

static const char *uuid_problem(struct arena *a, const char *s)
{
    static const char shape[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
    size_t groups = 1;
    for (const char *c = s; *c; c++)
        groups += *c == '-';
    if (groups != 5)
        return "must have 5 elements";
    for (size_t i = 0; shape[i]; i++) {
        if ((s[i] == '-') != (shape[i] == '-') || !s[i])
            return "element 1 must be 8 characters long";
        if (s[i] != '-' && !isxdigit((unsigned char)s[i]))
            return arena_printf(a, "non-hex character '%c'", s[i]);
    }
    return NULL;
}

static const char *regex_problem(struct arena *a, const char *s)
{
    AUTO(regex) struct regex *r = NULL;
    struct err e = {0};
    return regex_compile(s, strlen(s), 0, &r, &e) < 0
               ? arena_printf(a, "error parsing regexp: %s", e.msg)
               : NULL;
}

const char *helm__format_problem(struct arena *a, const char *format, const char *s, size_t n)
{
    static const struct {
        const char *name;
        const char *(*problem)(struct arena *a, const char *s);
    } formats[] = {
        {"ipv4",      ipv4_problem     },
        {"ipv6",      ipv6_problem     },
        {"hostname",  hostname_problem },
        {"email",     email_problem    },
        {"date",      date_problem     },
        {"time",      time_problem     },
        {"date-time", date_time_problem},
        {"uri",       uri_problem      },
        {"uuid",      uuid_problem     },
        {"regex",     regex_problem    },
    };
    const char *text = arena_strndup(a, s, n);
    for (size_t i = 0; i < ARRAY_LEN(formats); i++)
        if (strcmp(formats[i].name, format) == 0)
            return formats[i].problem(a, text);
    return NULL;
}
