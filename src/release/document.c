/* document.c - Helm's document of a revision: reading it, writing it, packing it. */
#include <stdarg.h>
#include <string.h>
#include <time.h>

#include "codec/base64.h"
#include "codec/compress.h"
#include "codec/json.h"
#include "release/release_int.h"

enum { DOCUMENT_MAX = 256 << 20, GZIP_BEST = 9 };

/* ---- errors ---- */

static int record(struct release_session *s, struct err *e, int code, const char *text)
{
    s->log->error = text;
    return err_set(e, (enum err_code)code, "%s", text);
}

int release__fail(struct release_session *s, struct err *e, enum err_code code, const char *fmt,
                  ...)
{
    va_list ap;
    va_start(ap, fmt);
    const char *text = arena_vprintf(s->log->arena, fmt, ap);
    va_end(ap);
    return record(s, e, code, text);
}

int release__wrap(struct release_session *s, struct err *e, int code, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    const char *context = arena_vprintf(s->log->arena, fmt, ap);
    va_end(ap);
    return record(s, e, code, arena_printf(s->log->arena, "%s: %s", context, s->log->error));
}

int release__told(struct release_session *s, struct err *e, int code, const char *context)
{
    return code == ERR_CANCELLED ? code : release__wrap(s, e, code, "%s", context);
}

int release__note(struct release_session *s, struct err *e, int code)
{
    if (e)
        s->log->error = arena_strdup(s->log->arena, e->msg);
    return code;
}

/* ---- status ---- */

static const char *const status_names[] = {
    [RELEASE_UNKNOWN] = "unknown",
    [RELEASE_DEPLOYED] = "deployed",
    [RELEASE_UNINSTALLED] = "uninstalled",
    [RELEASE_SUPERSEDED] = "superseded",
    [RELEASE_FAILED] = "failed",
    [RELEASE_UNINSTALLING] = "uninstalling",
    [RELEASE_PENDING_INSTALL] = "pending-install",
    [RELEASE_PENDING_UPGRADE] = "pending-upgrade",
    [RELEASE_PENDING_ROLLBACK] = "pending-rollback",
};

const char *release_status_name(enum release_status s)
{
    return status_names[s];
}

enum release_status release_status(const struct release *r)
{
    const char *name = release__text(r, "info.status");
    for (size_t i = 0; i < ARRAY_LEN(status_names); i++)
        if (strcmp(name, status_names[i]) == 0)
            return (enum release_status)i;
    return RELEASE_UNKNOWN;
}

bool release_is_pending(const struct release *r)
{
    enum release_status s = release_status(r);
    return s == RELEASE_PENDING_INSTALL || s == RELEASE_PENDING_UPGRADE ||
           s == RELEASE_PENDING_ROLLBACK;
}

const char *release__text(const struct release *r, const char *path)
{
    return value_at_str(r->doc, path, "");
}

const char *release_manifest(const struct release *r)
{
    return release__text(r, "manifest");
}

void release__set_status(struct release_session *s, struct release *r, enum release_status status,
                         const char *description)
{
    struct arena *a = s->log->arena;
    struct value *info = value_make_object(a, r->doc, "info");
    (void)value_set_str(a, info, "status", status_names[status]);
    if (description)
        (void)value_set_str(a, info, "description", description);
}

struct release *release__of(struct arena *a, struct value *doc)
{
    struct release *r = ARENA_NEW(a, struct release);
    r->doc = doc;
    r->labels = value_new_object(a);
    r->name = value_str(value_get(doc, "name"), "");
    r->ns = value_str(value_get(doc, "namespace"), "");
    r->revision = (int)value_int(value_get(doc, "version"), 0);
    return r;
}

/* ---- packing ---- */

const char *release__encode(struct arena *a, const struct value *doc)
{
    AUTO_BUF struct buf json, packed;
    buf_init(&json, DOCUMENT_MAX);
    buf_init(&packed, DOCUMENT_MAX);
    struct sink_buf to = sink_to_buf(&packed);
    AUTO(compressor) struct compressor *c = NULL;
    json_print(&json, doc, 0);
    if (buf_check(&json, NULL) < 0 ||
        compressor_new(COMPRESS_GZIP, GZIP_BEST, &to.sink, &c, NULL) < 0 ||
        sink_write(compressor_sink(c), buf_text(&json), json.len, NULL) < 0 ||
        compressor_end(c, NULL) < 0)
        return NULL;
    const char *inner = base64_encode(a, packed.data, packed.len, BASE64_STD);
    return base64_encode(a, inner, strlen(inner), BASE64_STD);
}

static int unpack(struct arena *a, const char *bytes, size_t n, struct buf *out, struct err *e)
{
    struct source_mem from = source_from_mem(bytes, n);
    struct sink_buf to = sink_to_buf(out);
    AUTO(decompressor) struct decompressor *d = NULL;
    (void)a;
    if (n < 3 || memcmp(bytes, "\x1f\x8b\x08", 3) != 0) {
        buf_add(out, bytes, n);
        return buf_check(out, e);
    }
    int rc = decompressor_new(COMPRESS_GZIP, &from.source, DOCUMENT_MAX, &d, e);
    return rc < 0 ? rc : stream_copy(decompressor_source(d), &to.sink, NULL, e);
}

int release__decode(struct arena *a, const char *data, struct value **out, struct err *e)
{
    AUTO_BUF struct buf json;
    char *inner, *packed;
    size_t n;
    buf_init(&json, DOCUMENT_MAX);
    int rc = base64_decode(a, data, strlen(data), BASE64_STD, &inner, &n, e);
    if (rc == 0)
        rc = base64_decode(a, inner, n, BASE64_STD, &packed, &n, e);
    if (rc == 0)
        rc = unpack(a, packed, n, &json, e);
    return rc < 0 ? rc : json_parse(a, buf_text(&json), json.len, 0, out, e);
}

/* ---- times ---- */

static const char *zone(long offset_s, const char *between, struct arena *a)
{
    long minutes = (offset_s < 0 ? -offset_s : offset_s) / 60;
    return arena_printf(a, "%c%02d%s%02d", offset_s < 0 ? '-' : '+', (int)(minutes / 60), between,
                        (int)(minutes % 60));
}

const char *release_time_text(int64_t real_ms, struct arena *a)
{
    time_t s = (time_t)(real_ms / 1000);
    struct tm tm;
    char day[32];
    (void)localtime_r(&s, &tm);
    (void)strftime(day, sizeof day, "%Y-%m-%dT%H:%M:%S", &tm);
    char *text = arena_printf(a, "%s.%03d", day, (int)(real_ms % 1000));
    size_t n = strlen(text);
    while (text[n - 1] == '0')
        text[--n] = '\0';
    if (text[n - 1] == '.')
        text[--n] = '\0';
    return arena_join(a, text, tm.tm_gmtoff ? zone(tm.tm_gmtoff, ":", a) : "Z", NULL);
}

/* The wall clock's reading that a text shows, and how far that is from UTC. */
static bool shown(const char *text, struct tm *out, long *offset_s)
{
    int64_t ns;
    int y, mo, d, h, mi, s;
    if (!*text || clock_parse_rfc3339(text, &ns, NULL) < 0 ||
        sscanf(text, "%d-%d-%dT%d:%d:%d", &y, &mo, &d, &h, &mi, &s) != 6)
        return false;
    *out = (struct tm){.tm_year = y - 1900,
                       .tm_mon = mo - 1,
                       .tm_mday = d,
                       .tm_hour = h,
                       .tm_min = mi,
                       .tm_sec = s};
    time_t wall = timegm(out); /* fills the day of the week, too */
    *offset_s = (long)(wall - (time_t)(ns / 1000000000));
    return true;
}

const char *release_time_ansic(const char *rfc3339, struct arena *a)
{
    struct tm tm;
    long offset;
    char out[64];
    if (!shown(rfc3339, &tm, &offset))
        return "Mon Jan  1 00:00:00 0001";
    (void)strftime(out, sizeof out, "%a %b %e %H:%M:%S %Y", &tm);
    return arena_strdup(a, out);
}

const char *release_time_string(const char *rfc3339, struct arena *a)
{
    struct tm tm, here;
    long offset;
    char out[64];
    if (!shown(rfc3339, &tm, &offset))
        return "-";
    (void)strftime(out, sizeof out, "%Y-%m-%d %H:%M:%S", &tm);
    const char *dot = strchr(rfc3339, '.');
    size_t digits = dot ? 1 + strspn(dot + 1, "0123456789") : 0;
    const char *fraction = arena_strndup(a, dot ? dot : "", digits);
    const char *number = zone(offset, "", a), *name = offset ? number : "UTC";
    time_t then = timegm(&tm) - offset;
    (void)localtime_r(&then, &here);
    if (here.tm_gmtoff == offset && here.tm_zone && strcmp(here.tm_zone, "GMT") != 0)
        name = here.tm_zone;
    return arena_printf(a, "%s%s %s %s", out, fraction, number, name);
}

const char *release__now(struct release_session *s)
{
    return release_time_text(s->clock->real_ms(s->clock), s->log->arena);
}
