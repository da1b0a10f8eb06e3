#include <limits.h>

#include "base/buf.h"
#include "codec/tar.h"
#include "codec/tar_int.h"

enum { OCTAL_ID_MAX = 07777777, PAX_MAX = 1 << 20 };
static const uint64_t octal_size_max = 077777777777;

struct tar_writer {
    struct sink *to;
    struct tar_writer_options options;
    uint64_t left;  /* bytes of the entry that are still to come */
    unsigned pad;   /* zeros after them */
    struct buf pax; /* records of the entry */
};

struct tar_writer *tar_writer_new(struct sink *to, const struct tar_writer_options *options)
{
    struct tar_writer *w = calloc(1, sizeof *w);
    if (!w)
        return NULL;
    w->to = to;
    if (options)
        w->options = *options;
    buf_init(&w->pax, PAX_MAX);
    return w;
}

void tar_writer_free(struct tar_writer *w)
{
    if (!w)
        return;
    buf_done(&w->pax);
    free(w);
}

/* ---- fields ---- */

static void octal(char *field, size_t size, uint64_t n)
{
    field[size - 1] = '\0';
    for (size_t i = size - 1; i > 0; i--, n >>= 3)
        field[i - 1] = (char)('0' + (n & 7));
}

static void put_text(char *field, size_t size, const char *s)
{
    size_t n = strnlen(s, size);
    memcpy(field, s, n);
}

static bool is_ascii(const char *s)
{
    for (; *s; s++)
        if (*s & 0x80)
            return false;
    return true;
}

/* "27 path=some/long/path\n": the number counts itself. */
static void pax_record(struct buf *b, const char *key, const void *value, size_t n)
{
    size_t body = strlen(key) + n + 3, digits = 1, limit = 10;
    for (; body + digits >= limit; limit *= 10)
        digits++;
    buf_printf(b, "%zu %s=", body + digits, key);
    buf_add(b, value, n);
    buf_putc(b, '\n');
}

static void pax_text(struct buf *b, const char *key, const char *value)
{
    pax_record(b, key, value, strlen(value));
}

static void pax_number(struct buf *b, const char *key, uint64_t n)
{
    char text[32];
    (void)snprintf(text, sizeof text, "%llu", (unsigned long long)n);
    pax_text(b, key, text);
}

/* Splits a long path at a slash into prefix (155) and name (100); false when it cannot be. */
static bool put_path(struct tar_header *h, const char *path)
{
    size_t n = strlen(path);
    if (!is_ascii(path))
        return false;
    if (n <= sizeof h->name) {
        memcpy(h->name, path, n);
        return true;
    }
    for (size_t i = n - 1; i-- > 1;) {
        if (path[i] != '/' || i > sizeof h->prefix || n - i - 1 > sizeof h->name)
            continue;
        memcpy(h->prefix, path, i);
        memcpy(h->name, path + i + 1, n - i - 1);
        return true;
    }
    return false;
}

static void put_id(struct buf *pax, const char *key, char *field, uint32_t id)
{
    if (id > OCTAL_ID_MAX)
        pax_number(pax, key, id);
    octal(field, 8, id > OCTAL_ID_MAX ? 0 : id);
}

static void put_name(struct buf *pax, const char *key, char field[32], const char *name)
{
    if (!name)
        return;
    if (strlen(name) >= 32 || !is_ascii(name))
        pax_text(pax, key, name);
    else
        put_text(field, 32, name);
}

static void put_mtime(struct tar_writer *w, struct tar_header *h, const struct tar_entry *entry)
{
    int64_t at = entry->mtime;
    uint32_t ns = entry->mtime_ns;
    char text[48];
    if (w->options.clamp_mtime && at >= w->options.mtime_max) {
        at = w->options.mtime_max;
        ns = 0;
    }
    octal(h->mtime, sizeof h->mtime, at < 0 || (uint64_t)at > octal_size_max ? 0 : (uint64_t)at);
    if (at >= 0 && (uint64_t)at <= octal_size_max && ns == 0)
        return;
    bool below = at < 0 && ns > 0; /* -1.25 is -2 s and 0.75 s */
    int n = snprintf(text, sizeof text, "%s%lld", below && at == -1 ? "-" : "",
                     (long long)(below ? at + 1 : at));
    if (ns > 0) {
        n += snprintf(text + n, sizeof text - (size_t)n, ".%09u", below ? 1000000000 - ns : ns);
        while (text[n - 1] == '0')
            text[--n] = '\0';
    }
    pax_text(&w->pax, "mtime", text);
}

/* ---- blocks ---- */

static int put_header(struct tar_writer *w, struct tar_header *h, struct err *e)
{
    memcpy(h->magic, "ustar\00000", 8);
    octal(h->checksum, 7, tar__checksum(h));
    h->checksum[7] = ' ';
    return sink_write(w->to, h, sizeof *h, e);
}

static int put_zeros(struct tar_writer *w, size_t n, struct err *e)
{
    static const char zeros[2 * TAR_BLOCK_SIZE];
    return sink_write(w->to, zeros, n, e);
}

static unsigned padding(uint64_t size)
{
    return (unsigned)(-size & (TAR_BLOCK_SIZE - 1));
}

static int put_pax(struct tar_writer *w, struct err *e)
{
    struct tar_header h = {.type = 'x'};
    int rc = buf_check(&w->pax, e);
    if (rc)
        return err_wrap(e, rc, "extended header");
    put_text(h.name, sizeof h.name, "PaxHeaders.0/entry");
    octal(h.mode, sizeof h.mode, 0644);
    octal(h.uid, sizeof h.uid, 0);
    octal(h.gid, sizeof h.gid, 0);
    octal(h.size, sizeof h.size, w->pax.len);
    octal(h.mtime, sizeof h.mtime, 0);
    rc = put_header(w, &h, e);
    if (!rc)
        rc = sink_write(w->to, w->pax.data, w->pax.len, e);
    return rc ? rc : put_zeros(w, padding(w->pax.len), e);
}

static void put_xattrs(struct buf *pax, const struct tar_entry *entry)
{
    for (size_t i = 0; i < entry->n_xattrs; i++) {
        char key[300];
        (void)snprintf(key, sizeof key, "SCHILY.xattr.%s", entry->xattrs[i].name);
        pax_record(pax, key, entry->xattrs[i].value, entry->xattrs[i].value_len);
    }
}

static int put_names(struct tar_writer *w, struct tar_header *h, const struct tar_entry *entry,
                     struct err *e)
{
    char path[PATH_MAX + 1];
    size_t n = strlen(entry->path);
    if (n == 0 || n >= sizeof path - 1)
        return err_set(e, ERR_INVALID, "tar: a path of %zu bytes", n);
    memcpy(path, entry->path, n + 1);
    if (entry->type == TAR_DIR && path[n - 1] != '/')
        memcpy(path + n, "/", 2);
    if (!put_path(h, path)) {
        pax_text(&w->pax, "path", path);
        put_text(h->name, sizeof h->name, path);
    }
    if (entry->type != TAR_SYMLINK && entry->type != TAR_HARDLINK)
        return 0;
    if (!entry->link)
        return err_set(e, ERR_INVALID, "tar: link %s has no target", entry->path);
    if (strlen(entry->link) > sizeof h->link || !is_ascii(entry->link))
        pax_text(&w->pax, "linkpath", entry->link);
    put_text(h->link, sizeof h->link, entry->link);
    return 0;
}

static int close_entry(struct tar_writer *w, struct err *e)
{
    if (w->left)
        return err_set(e, ERR_INVALID, "tar: %llu bytes of the entry are missing",
                       (unsigned long long)w->left);
    unsigned pad = w->pad;
    w->pad = 0;
    return put_zeros(w, pad, e);
}

int tar_writer_entry(struct tar_writer *w, const struct tar_entry *entry, struct err *e)
{
    static const char types[] = {
        [TAR_FILE] = '0',  [TAR_HARDLINK] = '1', [TAR_SYMLINK] = '2', [TAR_CHAR] = '3',
        [TAR_BLOCK] = '4', [TAR_DIR] = '5',      [TAR_FIFO] = '6'};
    struct tar_header h = {.type = types[entry->type]};
    uint64_t size = entry->type == TAR_FILE ? entry->size : 0;
    buf_clear(&w->pax);
    int rc = close_entry(w, e);
    if (!rc)
        rc = put_names(w, &h, entry, e);
    if (rc)
        return rc;
    octal(h.mode, sizeof h.mode, entry->mode & 07777);
    put_id(&w->pax, "uid", h.uid, entry->uid);
    put_id(&w->pax, "gid", h.gid, entry->gid);
    put_name(&w->pax, "uname", h.uname, entry->uname);
    put_name(&w->pax, "gname", h.gname, entry->gname);
    if (size > octal_size_max)
        pax_number(&w->pax, "size", size);
    octal(h.size, sizeof h.size, size > octal_size_max ? 0 : size);
    put_mtime(w, &h, entry);
    octal(h.dev_major, sizeof h.dev_major, entry->dev_major & OCTAL_ID_MAX);
    octal(h.dev_minor, sizeof h.dev_minor, entry->dev_minor & OCTAL_ID_MAX);
    put_xattrs(&w->pax, entry);
    if (w->pax.len || w->pax.overflow)
        rc = put_pax(w, e);
    if (!rc)
        rc = put_header(w, &h, e);
    w->left = size;
    w->pad = padding(size);
    return rc;
}

int tar_writer_data(struct tar_writer *w, const void *bytes, size_t n, struct err *e)
{
    if (n > w->left)
        return err_set(e, ERR_INVALID, "tar: more bytes than the entry's size");
    w->left -= n;
    return sink_write(w->to, bytes, n, e);
}

int tar_writer_end(struct tar_writer *w, struct err *e)
{
    int rc = close_entry(w, e);
    return rc ? rc : put_zeros(w, 2 * TAR_BLOCK_SIZE, e);
}
