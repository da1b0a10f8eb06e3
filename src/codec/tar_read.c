#include "base/arena.h"
#include "codec/tar.h"
#include "codec/tar_int.h"

/* XATTRS_MAX counts one entry's; META_MAX is an extended header's or a GNU long name's size. */
enum { META_MAX = 1 << 20, XATTRS_MAX = 64 };

/* What extended headers say of the entry that follows. */
struct overlay {
    const char *path, *link, *uname, *gname;
    bool has_size, has_mtime, has_uid, has_gid;
    uint64_t size, uid, gid;
    int64_t mtime;
    uint32_t mtime_ns;
    struct tar_xattr xattrs[XATTRS_MAX];
    size_t n_xattrs;
};

struct tar_reader {
    struct source *from;
    struct arena *arena;  /* of the entry */
    struct arena *shared; /* of global headers */
    struct overlay global;
    struct tar_entry entry;
    uint64_t left; /* bytes of the entry that were not read */
    unsigned pad;
    bool ended;
};

struct tar_reader *tar_reader_new(struct source *from)
{
    struct tar_reader *r = calloc(1, sizeof *r);
    if (!r)
        return NULL;
    r->from = from;
    r->arena = arena_new(8 * META_MAX);
    r->shared = arena_new(8 * META_MAX);
    return r;
}

void tar_reader_free(struct tar_reader *r)
{
    if (!r)
        return;
    arena_free(r->arena);
    arena_free(r->shared);
    free(r);
}

static int bad(struct err *e, const char *what)
{
    return err_set(e, ERR_INVALID, "tar: %s", what);
}

/* ---- fields ---- */

/* Octal text between blanks, or GNU's binary number when the first bit is set. */
static int number(const char *field, size_t size, uint64_t *out, struct err *e)
{
    const unsigned char *p = (const unsigned char *)field, *end = p + size;
    uint64_t n = 0;
    if (*p & 0x80) {
        if (*p & 0x40)
            return bad(e, "a negative number");
        n = *p++ & 0x3f;
        for (; p < end; p++) {
            if (n >> 55)
                return bad(e, "a number is too large");
            n = n << 8 | *p;
        }
        *out = n;
        return 0;
    }
    while (p < end && *p == ' ')
        p++;
    for (; p < end && *p >= '0' && *p <= '7'; p++)
        n = n << 3 | (uint64_t)(*p - '0');
    if (p < end && *p != ' ' && *p != '\0')
        return bad(e, "a number is not octal");
    *out = n;
    return 0;
}

static const char *text(struct arena *a, const char *field, size_t size)
{
    return arena_strndup(a, field, strnlen(field, size));
}

static int check_header(const struct tar_header *h, struct err *e)
{
    uint64_t want;
    int rc = number(h->checksum, sizeof h->checksum, &want, e);
    if (rc)
        return rc;
    return want == tar__checksum(h) ? 0 : bad(e, "the checksum of a header is wrong");
}

/* ---- extended headers ---- */

static bool is_key(const char *key, size_t n, const char *want)
{
    return strlen(want) == n && memcmp(key, want, n) == 0;
}

static int pax_unsigned(const char *s, uint64_t *out, struct err *e)
{
    uint64_t n = 0;
    if (*s == '\0')
        return bad(e, "an extended header has an empty number");
    for (; *s; s++) {
        if (*s < '0' || *s > '9' || n > (UINT64_MAX - 9) / 10)
            return bad(e, "an extended header has a malformed number");
        n = n * 10 + (uint64_t)(*s - '0');
    }
    *out = n;
    return 0;
}

/* "1700000000.25"; more digits than nanoseconds are dropped. */
static int pax_time(const char *s, struct overlay *o, struct err *e)
{
    bool minus = *s == '-';
    uint64_t whole = 0, part = 0, scale = 1000000000;
    char *end = NULL;
    s += minus;
    if (*s < '0' || *s > '9')
        return bad(e, "an extended header has a malformed time");
    whole = strtoull(s, &end, 10);
    if (whole > INT64_MAX / 2)
        return bad(e, "an extended header has a malformed time");
    if (*end == '.')
        for (end++; *end >= '0' && *end <= '9'; end++) {
            scale /= 10;
            part += scale * (uint64_t)(*end - '0');
        }
    if (*end)
        return bad(e, "an extended header has a malformed time");
    o->has_mtime = true;
    o->mtime = minus ? -(int64_t)whole - (part > 0) : (int64_t)whole;
    o->mtime_ns = (uint32_t)(minus && part ? 1000000000 - part : part);
    return 0;
}

static int add_xattr(struct overlay *o, const char *name, const char *value, size_t n,
                     struct err *e)
{
    if (o->n_xattrs == XATTRS_MAX)
        return bad(e, "an entry has too many extended attributes");
    o->xattrs[o->n_xattrs++] = (struct tar_xattr){name, value, n};
    return 0;
}

static int pax_field(struct arena *a, struct overlay *o, const char *key, size_t key_len,
                     const char *value, size_t n, struct err *e)
{
    static const char xattr[] = "SCHILY.xattr.";
    char *copy = arena_strndup(a, value, n);
    if (key_len > sizeof xattr - 1 && memcmp(key, xattr, sizeof xattr - 1) == 0)
        return add_xattr(o, arena_strndup(a, key + sizeof xattr - 1, key_len + 1 - sizeof xattr),
                         copy, n, e);
    if (strlen(copy) != n)
        return bad(e, "an extended header has a NUL in its text");
    if (is_key(key, key_len, "path")) {
        o->path = copy;
    } else if (is_key(key, key_len, "linkpath")) {
        o->link = copy;
    } else if (is_key(key, key_len, "uname")) {
        o->uname = copy;
    } else if (is_key(key, key_len, "gname")) {
        o->gname = copy;
    } else if (is_key(key, key_len, "size")) {
        o->has_size = true;
        return pax_unsigned(copy, &o->size, e);
    } else if (is_key(key, key_len, "uid")) {
        o->has_uid = true;
        return pax_unsigned(copy, &o->uid, e);
    } else if (is_key(key, key_len, "gid")) {
        o->has_gid = true;
        return pax_unsigned(copy, &o->gid, e);
    } else if (is_key(key, key_len, "mtime")) {
        return pax_time(copy, o, e);
    } else if (key_len >= 11 && memcmp(key, "GNU.sparse.", 11) == 0) {
        return err_set(e, ERR_UNSUPPORTED, "tar: sparse files are not read");
    }
    return 0;
}

static int pax_records(struct arena *a, struct overlay *o, const char *data, size_t n,
                       struct err *e)
{
    while (n > 0) {
        size_t len = 0, i = 0;
        for (; i < n && i < 9 && data[i] >= '0' && data[i] <= '9'; i++)
            len = len * 10 + (size_t)(data[i] - '0');
        if (i == 0 || i >= n || data[i] != ' ' || len <= i + 1 || len > n || data[len - 1] != '\n')
            return bad(e, "an extended header is malformed");
        const char *key = data + ++i, *equals = memchr(key, '=', len - i);
        if (!equals || equals == key)
            return bad(e, "an extended header is malformed");
        const char *value = equals + 1;
        int rc = pax_field(a, o, key, (size_t)(equals - key), value,
                           (size_t)(data + len - 1 - value), e);
        if (rc)
            return rc;
        data += len;
        n -= len;
    }
    return 0;
}

/* ---- blocks ---- */

static int skip(struct tar_reader *r, uint64_t n, struct err *e)
{
    char piece[16 * TAR_BLOCK_SIZE];
    while (n > 0) {
        size_t want = n < sizeof piece ? (size_t)n : sizeof piece, got = 0;
        int rc = source_read_full(r->from, piece, want, &got, e);
        if (rc)
            return rc;
        if (got < want)
            return bad(e, "the archive ends early");
        n -= got;
    }
    return 0;
}

static unsigned padding(uint64_t size)
{
    return (unsigned)(-size & (TAR_BLOCK_SIZE - 1));
}

/* The bytes of an entry that describes the next one. */
static int meta(struct tar_reader *r, uint64_t size, char **out, struct err *e)
{
    size_t got = 0;
    if (size > META_MAX)
        return err_set(e, ERR_TOO_LARGE, "tar: an extended header of %llu bytes",
                       (unsigned long long)size);
    *out = arena_alloc(r->arena, (size_t)size + 1);
    int rc = source_read_full(r->from, *out, (size_t)size, &got, e);
    if (!rc && got < size)
        return bad(e, "the archive ends early");
    return rc ? rc : skip(r, padding(size), e);
}

static bool is_zero(const struct tar_header *h)
{
    static const struct tar_header zero;
    return memcmp(h, &zero, sizeof zero) == 0;
}

/* The next header that describes a file; *o collects what comes before it. 0: there is none. */
static int next_header(struct tar_reader *r, struct tar_header *h, struct overlay *o, struct err *e)
{
    for (;;) {
        size_t got = 0;
        uint64_t size = 0;
        char *data = NULL;
        int rc = source_read_full(r->from, h, sizeof *h, &got, e);
        if (rc)
            return rc;
        if (got == 0 || (got == sizeof *h && is_zero(h)))
            return 0;
        if (got < sizeof *h)
            return bad(e, "the archive ends early");
        rc = check_header(h, e);
        if (!rc)
            rc = number(h->size, sizeof h->size, &size, e);
        if (rc)
            return rc;
        if (!strchr("xgLK", h->type) || h->type == '\0')
            return 1;
        rc = meta(r, size, &data, e);
        if (!rc && h->type == 'x')
            rc = pax_records(r->arena, o, data, (size_t)size, e);
        else if (!rc && h->type == 'g')
            rc = pax_records(r->shared, &r->global, data, (size_t)size, e);
        else if (!rc && h->type == 'L')
            o->path = data;
        else if (!rc)
            o->link = data;
        if (rc)
            return rc;
    }
}

/* ---- entries ---- */

static int entry_type(char type, const char *path, enum tar_type *out, struct err *e)
{
    size_t n = strlen(path);
    switch (type) {
    case '0':
    case '\0':
    case '7':
        /* v7 had no type for folders but the slash. */
        *out = type == '\0' && n > 0 && path[n - 1] == '/' ? TAR_DIR : TAR_FILE;
        return 0;
    case '1':
    case '2':
    case '3':
    case '4':
    case '5':
    case '6':
        *out = (enum tar_type)(TAR_HARDLINK + (type - '1'));
        return 0;
    case 'S':
        return err_set(e, ERR_UNSUPPORTED, "tar: %s is a sparse file, which is not read", path);
    default:
        return err_set(e, ERR_UNSUPPORTED, "tar: %s is of unknown type 0x%02x", path,
                       (unsigned)(unsigned char)type);
    }
}

static const char *header_path(struct arena *a, const struct tar_header *h)
{
    const char *name = text(a, h->name, sizeof h->name);
    bool ustar = memcmp(h->magic, "ustar\000", 6) == 0;
    if (!ustar || h->prefix[0] == '\0')
        return name;
    return arena_printf(a, "%s/%s", text(a, h->prefix, sizeof h->prefix), name);
}

static int header_numbers(const struct tar_header *h, struct tar_entry *t, struct err *e)
{
    uint64_t mode = 0, uid = 0, gid = 0, mtime = 0, major = 0, minor = 0;
    int rc = number(h->mode, sizeof h->mode, &mode, e);
    rc = rc ? rc : number(h->uid, sizeof h->uid, &uid, e);
    rc = rc ? rc : number(h->gid, sizeof h->gid, &gid, e);
    rc = rc ? rc : number(h->mtime, sizeof h->mtime, &mtime, e);
    rc = rc ? rc : number(h->size, sizeof h->size, &t->size, e);
    if (!rc && memcmp(h->magic, "ustar", 5) == 0) {
        rc = number(h->dev_major, sizeof h->dev_major, &major, e);
        rc = rc ? rc : number(h->dev_minor, sizeof h->dev_minor, &minor, e);
    }
    if (rc)
        return rc;
    if (uid > UINT32_MAX || gid > UINT32_MAX || mtime > INT64_MAX / 2)
        return bad(e, "a number is too large");
    t->mode = (uint32_t)(mode & 07777);
    t->uid = (uint32_t)uid;
    t->gid = (uint32_t)gid;
    t->mtime = (int64_t)mtime;
    t->dev_major = (uint32_t)major;
    t->dev_minor = (uint32_t)minor;
    return 0;
}

static int apply_overlay(struct tar_entry *t, const struct overlay *o, struct err *e)
{
    if ((o->has_uid && o->uid > UINT32_MAX) || (o->has_gid && o->gid > UINT32_MAX))
        return bad(e, "a number is too large");
    t->path = o->path ? o->path : t->path;
    t->link = o->link ? o->link : t->link;
    t->uname = o->uname ? o->uname : t->uname;
    t->gname = o->gname ? o->gname : t->gname;
    t->size = o->has_size ? o->size : t->size;
    t->uid = o->has_uid ? (uint32_t)o->uid : t->uid;
    t->gid = o->has_gid ? (uint32_t)o->gid : t->gid;
    if (o->has_mtime) {
        t->mtime = o->mtime;
        t->mtime_ns = o->mtime_ns;
    }
    return 0;
}

static int fill_entry(struct tar_reader *r, const struct tar_header *h, const struct overlay *o,
                      struct err *e)
{
    struct tar_entry t = {.path = header_path(r->arena, h)};
    t.link = text(r->arena, h->link, sizeof h->link);
    if (memcmp(h->magic, "ustar", 5) == 0) {
        t.uname = text(r->arena, h->uname, sizeof h->uname);
        t.gname = text(r->arena, h->gname, sizeof h->gname);
    }
    int rc = header_numbers(h, &t, e);
    rc = rc ? rc : apply_overlay(&t, &r->global, e);
    rc = rc ? rc : apply_overlay(&t, o, e);
    rc = rc ? rc : entry_type(h->type, t.path, &t.type, e);
    if (rc)
        return rc;
    if (t.path[0] == '\0')
        return bad(e, "an entry has no name");
    if (t.size > UINT64_MAX / 2)
        return bad(e, "a number is too large");
    if (t.type != TAR_FILE)
        t.size = 0; /* GNU tar and others write a size for links, but no bytes */
    t.xattrs = arena_dup(r->arena, o->xattrs, o->n_xattrs * sizeof *o->xattrs);
    t.n_xattrs = o->n_xattrs;
    r->left = t.size;
    r->pad = padding(t.size);
    r->entry = t;
    return 0;
}

int tar_reader_next(struct tar_reader *r, const struct tar_entry **out, struct err *e)
{
    struct tar_header h;
    struct overlay o = {0};
    if (r->ended)
        return 0;
    int rc = skip(r, r->left + r->pad, e);
    if (rc)
        return rc;
    r->left = r->pad = 0;
    arena_free(r->arena);
    r->arena = arena_new(8 * META_MAX);
    rc = next_header(r, &h, &o, e);
    if (rc <= 0) {
        r->ended = rc == 0;
        return rc;
    }
    rc = fill_entry(r, &h, &o, e);
    if (rc)
        return rc;
    *out = &r->entry;
    return 1;
}

int tar_reader_data(struct tar_reader *r, void *out, size_t n, size_t *got, struct err *e)
{
    *got = 0;
    if (r->left == 0)
        return 0;
    if (n > r->left)
        n = (size_t)r->left;
    int rc = source_read(r->from, out, n, got, e);
    if (rc)
        return rc;
    if (*got == 0)
        return bad(e, "the archive ends early");
    r->left -= *got;
    return 0;
}
