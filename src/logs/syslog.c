#include "logs/syslog.h"

#include <string.h>
#include <time.h>

#include "base/clock.h"

enum { PRI_DEFAULT = 13, WORD_MAX = 255 };

static const char *const severities[] = {"emerg",   "alert",  "crit", "err",
                                         "warning", "notice", "info", "debug"};
static const char *const facilities[] = {
    "kern",   "user",   "mail",     "daemon", "auth",   "syslog", "lpr",    "news",
    "uucp",   "cron",   "authpriv", "ftp",    "ntp",    "audit",  "alert",  "clock",
    "local0", "local1", "local2",   "local3", "local4", "local5", "local6", "local7"};

/* What is left of a message. */
struct cursor {
    const char *at, *end;
    struct arena *arena;
};

static bool read_pri(struct cursor *c, unsigned *out)
{
    const char *p = c->at;
    unsigned v = 0, digits = 0;
    if (p == c->end || *p++ != '<')
        return false;
    for (; p < c->end && *p >= '0' && *p <= '9' && digits < 3; p++, digits++)
        v = v * 10 + (unsigned)(*p - '0');
    if (!digits || p == c->end || *p != '>' || v > 191)
        return false;
    c->at = p + 1;
    *out = v;
    return true;
}

/* A word and the blank behind it; NULL: there is none. */
static const char *word(struct cursor *c)
{
    const char *space = memchr(c->at, ' ', (size_t)(c->end - c->at));
    size_t n = (size_t)((space ? space : c->end) - c->at);
    if (n == 0 || n > WORD_MAX)
        return NULL;
    const char *text = arena_strndup(c->arena, c->at, n);
    c->at += n + (space != NULL);
    return text;
}

static void set(struct arena *a, struct value *record, const char *key, const char *text)
{
    if (text && strcmp(text, "-") != 0)
        (void)value_set_str(a, record, key, text);
}

/* ---- structured data: [id name="value" …][…] ---- */

/* Behind the opening quote; the text without its backslashes. */
static struct value *read_quoted(struct cursor *c)
{
    const char *from = c->at, *end = from;
    while (end < c->end && *end != '"')
        end += *end == '\\' && end + 1 < c->end ? 2 : 1;
    if (end >= c->end)
        return NULL;
    char *text = arena_alloc(c->arena, (size_t)(end - from) + 1);
    size_t n = 0;
    for (; from < end; from++) {
        if (*from == '\\' && memchr("\"\\]", from[1], 3))
            from++;
        text[n++] = *from;
    }
    c->at = end + 1;
    return value_new_strn(c->arena, text, n);
}

/* Up to one of `ends`, which is not empty. */
static const char *read_name(struct cursor *c, const char *ends)
{
    const char *from = c->at;
    while (c->at < c->end && *c->at && !strchr(ends, *c->at))
        c->at++;
    size_t n = (size_t)(c->at - from);
    return n && n <= WORD_MAX && c->at < c->end ? arena_strndup(c->arena, from, n) : NULL;
}

static bool read_element(struct cursor *c, struct value *all)
{
    enum { PARAMS_MAX = 256 };
    const char *id = read_name(c, " ]"), *name;
    struct value *params = value_new_object(c->arena);
    while (id && c->at < c->end && *c->at == ' ') {
        struct value *v;
        c->at++;
        name = read_name(c, "=] ");
        if (!name || c->end - c->at < 2 || c->at[0] != '=' || c->at[1] != '"')
            return false;
        c->at += 2;
        if (!(v = read_quoted(c)) || params->n == PARAMS_MAX)
            return false;
        (void)value_set(c->arena, params, name, v);
    }
    if (!id || c->at == c->end || *c->at != ']' || all->n == PARAMS_MAX)
        return false;
    c->at++;
    (void)value_set(c->arena, all, id, params);
    return true;
}

/* NULL: there is none; what cannot be read stays part of the message. */
static struct value *read_data(struct cursor *c)
{
    struct cursor before = *c;
    struct value *all = value_new_object(c->arena);
    if (c->at < c->end && *c->at == '-') {
        c->at++;
    } else {
        while (c->at < c->end && *c->at == '[') {
            c->at++;
            if (!read_element(c, all)) {
                *c = before;
                return NULL;
            }
        }
    }
    if (c->at < c->end && *c->at == ' ')
        c->at++;
    return all->n ? all : NULL;
}

/* ---- the two kinds of heads ---- */

/* Behind "<PRI>1 ". */
static bool read_5424(struct cursor *c, struct syslog_message *m)
{
    struct cursor before = *c;
    const char *words[5];
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (!(words[i] = word(c))) {
            *c = before;
            return false;
        }
    int64_t ns;
    bool timed = strcmp(words[0], "-") != 0;
    if (timed && (clock_parse_rfc3339(words[0], &ns, NULL) < 0 || ns < 0)) {
        *c = before;
        return false;
    }
    m->time_ns = timed ? ns : m->time_ns;
    static const char *const keys[] = {NULL, "host", "ident", "pid", "msgid"};
    for (size_t i = 1; i < ARRAY_LEN(keys); i++)
        set(c->arena, m->record, keys[i], words[i]);
    struct value *data = read_data(c);
    if (data)
        (void)value_set(c->arena, m->record, "extradata", data);
    if (c->end - c->at >= 3 && memcmp(c->at, "\xef\xbb\xbf", 3) == 0)
        c->at += 3;
    return true;
}

/* "Mmm dd hh:mm:ss " in UTC, of the year that is nearest before `now`. */
static bool read_short_time(struct cursor *c, int64_t now_ns, int64_t *out_ns)
{
    char text[16];
    struct tm t = {0}, today;
    time_t now = (time_t)(now_ns / 1000000000);
    if (c->end - c->at < 16 || c->at[15] != ' ')
        return false;
    memcpy(text, c->at, 15);
    text[15] = '\0';
    const char *end = strptime(text, "%b %d %H:%M:%S", &t);
    if (!end || *end || !gmtime_r(&now, &today))
        return false;
    t.tm_year = today.tm_year;
    time_t then = timegm(&t);
    if (then > now + 86400) {
        t.tm_year--;
        then = timegm(&t);
    }
    if (then < 0)
        return false;
    *out_ns = (int64_t)then * 1000000000;
    c->at += 16;
    return true;
}

static bool read_long_time(struct cursor *c, int64_t *out_ns)
{
    struct cursor before = *c;
    const char *text = word(c);
    int64_t ns;
    if (text && clock_parse_rfc3339(text, &ns, NULL) == 0 && ns >= 0) {
        *out_ns = ns;
        return true;
    }
    *c = before;
    return false;
}

/* "TAG[PID]: " or "TAG: "; without either, all of it is the message. */
static void read_tag(struct cursor *c, struct value *record)
{
    size_t n = 0, room = (size_t)(c->end - c->at);
    while (n < room && n < WORD_MAX && c->at[n] && !strchr(" :[", c->at[n]))
        n++;
    const char *p = c->at + n, *pid = NULL;
    size_t pid_n = 0;
    if (p < c->end && *p == '[') {
        pid = p + 1;
        const char *close = memchr(pid, ']', (size_t)(c->end - pid));
        if (!close || close - pid > WORD_MAX)
            return;
        pid_n = (size_t)(close - pid);
        p = close + 1;
    }
    if (n == 0 || p == c->end || *p != ':')
        return;
    set(c->arena, record, "ident", arena_strndup(c->arena, c->at, n));
    if (pid)
        set(c->arena, record, "pid", arena_strndup(c->arena, pid, pid_n));
    c->at = p + 1;
    if (c->at < c->end && *c->at == ' ')
        c->at++;
}

static void read_3164(struct cursor *c, int64_t now_ns, struct syslog_message *m)
{
    if (read_short_time(c, now_ns, &m->time_ns) || read_long_time(c, &m->time_ns))
        set(c->arena, m->record, "host", word(c));
    read_tag(c, m->record);
}

void syslog_parse(const char *bytes, size_t n, int64_t now_ns, struct arena *a,
                  struct syslog_message *out)
{
    struct cursor c = {bytes, bytes + n, a};
    while (c.end > c.at && (c.end[-1] == '\n' || c.end[-1] == '\r' || c.end[-1] == '\0'))
        c.end--;
    *out = (struct syslog_message){PRI_DEFAULT, now_ns, value_new_object(a)};
    bool has_pri = read_pri(&c, &out->pri);
    (void)value_set_int(a, out->record, "pri", out->pri);
    (void)value_set_str(a, out->record, "facility", facilities[out->pri / 8]);
    (void)value_set_str(a, out->record, "severity", severities[out->pri % 8]);
    struct cursor body = c;
    bool is_5424 = has_pri && c.end - c.at > 2 && c.at[0] == '1' && c.at[1] == ' ';
    body.at += is_5424 ? 2 : 0;
    if (is_5424 && read_5424(&body, out))
        c = body;
    else if (has_pri)
        read_3164(&c, now_ns, out);
    (void)value_set(a, out->record, "message", value_new_strn(a, c.at, (size_t)(c.end - c.at)));
}

/* ---- frames ---- */

/* "LENGTH " in front of a message; 0: it is not there, -1: not yet. */
static long read_length(const char *bytes, size_t n, size_t *head)
{
    long v = 0;
    size_t i = 0;
    for (; i < n && i < 6 && bytes[i] >= '0' && bytes[i] <= '9'; i++)
        v = v * 10 + (bytes[i] - '0');
    if (i == n && i < 6)
        return -1;
    *head = i + 1;
    return i > 0 && i < n && bytes[i] == ' ' ? v : 0;
}

int syslog_frame(const char *bytes, size_t n, size_t *from, size_t *len, size_t *used,
                 struct err *e)
{
    size_t head = 0;
    long counted = n ? read_length(bytes, n, &head) : -1;
    if (counted < 0)
        return 0;
    if (counted > SYSLOG_MAX)
        return err_set(e, ERR_TOO_LARGE, "a syslog message of %ld bytes; at most %d are taken",
                       counted, SYSLOG_MAX);
    if (counted > 0) {
        if (n - head < (size_t)counted)
            return 0;
        *from = head;
        *len = (size_t)counted;
        *used = head + *len;
        return 1;
    }
    const char *end = memchr(bytes, '\n', n < SYSLOG_MAX + 1 ? n : SYSLOG_MAX + 1);
    if (!end && n > SYSLOG_MAX)
        return err_set(e, ERR_TOO_LARGE, "a syslog line of more than %d bytes", SYSLOG_MAX);
    if (!end)
        return 0;
    *from = 0;
    *len = (size_t)(end - bytes);
    *used = *len + 1;
    return 1;
}
