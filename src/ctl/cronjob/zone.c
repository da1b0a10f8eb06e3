/* zone.c - the offsets of a zone of the system's database (TZif, RFC 8536). */
#include <ctype.h>
#include <string.h>

#include "base/fs.h"
#include "ctl/cronjob/schedule.h"

#define ZONE_DIR "/usr/share/zoneinfo/"

enum { ZONE_MAX = 1 << 20, HEADER = 44, TYPES_MAX = 256 };

struct zone {
    int64_t *at;       /* transitions, in order */
    unsigned char *to; /* the type each goes to */
    size_t n;
    int32_t offset[TYPES_MAX];
    size_t n_types;
};

static int64_t big_endian(const unsigned char *p, int n)
{
    uint64_t v = p[0] & 0x80 ? UINT64_MAX : 0;
    for (int i = 0; i < n; i++)
        v = v << 8 | p[i];
    return (int64_t)v;
}

/* The six counts of a header, in the order of the file. */
struct counts {
    uint32_t isut, isstd, leap, time, type, chars;
};

static bool header(const unsigned char *p, size_t n, struct counts *c)
{
    if (n < HEADER || memcmp(p, "TZif", 4) != 0)
        return false;
    uint32_t v[6];
    for (int i = 0; i < 6; i++)
        v[i] = (uint32_t)big_endian(p + 20 + 4 * i, 4);
    *c = (struct counts){v[0], v[1], v[2], v[3], v[4], v[5]};
    return c->time < 100000 && c->type > 0 && c->type <= TYPES_MAX && c->leap < 1000 &&
           c->chars < 10000 && c->isut <= TYPES_MAX && c->isstd <= TYPES_MAX;
}

static size_t body_size(const struct counts *c, size_t time_size)
{
    return c->time * time_size + c->time + c->type * 6 + c->chars + c->leap * (time_size + 4) +
           c->isstd + c->isut;
}

static bool parse(const unsigned char *p, size_t n, struct arena *a, struct zone *z)
{
    struct counts c;
    if (!header(p, n, &c) || p[4] < '2')
        return false;
    size_t skip = HEADER + body_size(&c, 4); /* the 32-bit part for old readers */
    if (skip >= n || !header(p + skip, n - skip, &c))
        return false;
    p += skip + HEADER;
    n -= skip + HEADER;
    if (body_size(&c, 8) > n)
        return false;
    z->n = c.time;
    z->n_types = c.type;
    z->at = ARENA_ARRAY(a, int64_t, c.time + 1);
    z->to = arena_dup(a, p + (size_t)c.time * 8, c.time + 1);
    for (uint32_t i = 0; i < c.time; i++)
        z->at[i] = big_endian(p + (size_t)i * 8, 8);
    p += (size_t)c.time * 9;
    for (uint32_t i = 0; i < c.type; i++)
        z->offset[i] = (int32_t)big_endian(p + (size_t)i * 6, 4);
    for (uint32_t i = 0; i < c.time; i++)
        if (z->to[i] >= c.type)
            return false;
    return true;
}

static bool name_is_plain(const char *name)
{
    for (const char *p = name; *p; p++)
        if (!isalnum((unsigned char)*p) && !strchr("_+-/", *p))
            return false;
    return *name != '/' && strlen(name) < 100;
}

int zone_open(const char *name, struct arena *a, const struct zone **out, struct err *e)
{
    struct zone *z = ARENA_NEW(a, struct zone);
    z->n_types = 1;
    if (name && *name && strcmp(name, "UTC") != 0) {
        char *bytes;
        size_t n;
        if (!name_is_plain(name) ||
            fs_read(arena_printf(a, ZONE_DIR "%s", name), ZONE_MAX, a, &bytes, &n, NULL) < 0 ||
            !parse((const unsigned char *)bytes, n, a, z))
            return err_set(e, ERR_INVALID, "unknown time zone %s", name);
    }
    *out = z;
    return 0;
}

int64_t zone_offset_s(const struct zone *z, int64_t utc_s)
{
    if (!z || z->n == 0 || utc_s < z->at[0])
        return z ? z->offset[0] : 0;
    size_t lo = 0, hi = z->n;
    while (hi - lo > 1) {
        size_t mid = lo + (hi - lo) / 2;
        if (z->at[mid] <= utc_s)
            lo = mid;
        else
            hi = mid;
    }
    return z->offset[z->to[lo]];
}
