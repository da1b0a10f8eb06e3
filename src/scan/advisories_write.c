/* advisories_write.c - the file, its signature, and what makes one of another. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/own.h"
#include "blob/digest.h"
#include "scan/advisories_int.h"

#define DELTA_MAGIC "SWADVD1\n"

static const uint64_t database_max = (uint64_t)4 << 30;

enum { KEY_MAX = 1 << 20, MODE = 0644 };

/* ---- the file ---- */

static void put(FILE *f, const void *bytes, size_t n)
{
    (void)fwrite(bytes, 1, n, f); /* ferror() is asked at the end */
}

static void put_slots(FILE *f, const struct advisories_item *items, size_t n, uint64_t at)
{
    for (size_t i = 0; i < n; i++) {
        struct advisories_slot s = {.key = at, .records_n = items[i].n};
        at += strlen(items[i].key) + 1;
        s.records = items[i].records ? at : 0;
        at += items[i].records ? items[i].n + 1 : 0;
        put(f, &s, sizeof s);
    }
}

static void put_texts(FILE *f, const struct advisories_item *items, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        put(f, items[i].key, strlen(items[i].key) + 1);
        if (items[i].records) {
            put(f, items[i].records, items[i].n);
            put(f, "", 1);
        }
    }
}

static uint64_t size_of(const struct advisories_item *items, size_t n, size_t head)
{
    uint64_t size = head + n * sizeof(struct advisories_slot);
    for (size_t i = 0; i < n; i++)
        size += strlen(items[i].key) + 1 + (items[i].records ? items[i].n + 1 : 0);
    return size;
}

/* A file beside `path` that takes its place once all of it is on the disk. */
static int begin_file(const char *path, struct arena *a, char **temporary, FILE **out,
                      struct err *e)
{
    *temporary = arena_printf(a, "%s.XXXXXX", path);
    int fd = mkostemp(*temporary, O_CLOEXEC);
    *out = fd >= 0 ? fdopen(fd, "w") : NULL;
    return *out ? 0 : err_sys(e, errno, "write %s", *temporary);
}

static int end_file(FILE *f, const char *temporary, const char *path, struct err *e)
{
    bool bad = fflush(f) != 0 || ferror(f) || fchmod(fileno(f), MODE) < 0 || fsync(fileno(f)) < 0;
    int r = bad ? err_sys(e, errno ? errno : EIO, "write %s", path) : 0;
    (void)fclose(f);
    if (r == 0 && rename(temporary, path) < 0)
        r = err_sys(e, errno, "rename %s to %s", temporary, path);
    if (r < 0)
        (void)unlink(temporary);
    return r;
}

int advisories__write(const char *path, const struct advisories_item *items, size_t n,
                      const struct advisories_about *about, struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(0);
    struct advisories_head h = {.built_ms = about->built_ms,
                                .n = n,
                                .records = about->records,
                                .size = size_of(items, n, sizeof h)};
    char *temporary;
    FILE *f;
    memcpy(h.magic, ADVISORIES_MAGIC, sizeof h.magic);
    if (h.size > database_max)
        return err_set(e, ERR_TOO_LARGE, "%s would have more than %llu bytes", path,
                       (unsigned long long)database_max);
    int r = begin_file(path, a, &temporary, &f, e);
    if (r < 0)
        return r;
    put(f, &h, sizeof h);
    put_slots(f, items, n, sizeof h + n * sizeof(struct advisories_slot));
    put_texts(f, items, n);
    return end_file(f, temporary, path, e);
}

/* ---- signatures ---- */

static int append(const char *path, const void *bytes, size_t n, struct err *e)
{
    AUTO_FD int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
    if (fd < 0 || write(fd, bytes, n) != (ssize_t)n || fsync(fd) < 0)
        return err_sys(e, errno ? errno : EIO, "write %s", path);
    return 0;
}

int advisories_sign(const char *path, struct key *k, struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(0);
    AUTO(advisories) struct advisories *d = NULL;
    char *signature;
    size_t n;
    int r = advisories_open(path, &d, e);
    if (r == 0 && d->n != d->head->size)
        r = err_set(e, ERR_EXISTS, "%s is signed already", path);
    if (r == 0)
        r = key_sign(k, d->bytes, d->n, a, &signature, &n, e);
    if (r == 0 && n > ADVISORIES_SIGNATURE_MAX)
        r = err_set(e, ERR_TOO_LARGE, "a signature of %zu bytes", n);
    return r < 0 ? r : append(path, signature, n, e);
}

int advisories_verify(const struct advisories *d, struct public_key *k, const char *name,
                      struct err *e)
{
    size_t size = d->head->size;
    int r = 0;
    if (d->n == size)
        r = err_set(e, ERR_DENIED, "%s is not signed; it should be, by %s", d->path, name);
    else if (public_key_verify(k, d->bytes, size, d->bytes + size, d->n - size, NULL) < 0)
        r = err_set(e, ERR_DENIED, "%s is not as %s signed it", d->path, name);
    if (r < 0)
        (void)err_hint(e, "`slipway db build --key` signs; `slipway db update` fetches a signed "
                          "one");
    return r;
}

void advisories_digest(const struct advisories *d, char out[DIGEST_MAX])
{
    blob_digest_of(d->bytes, d->head->size, out);
}

int advisories_open_trusted(const char *dir, const char *db, const char *key,
                            struct advisories **out, struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(0);
    AUTO(advisories) struct advisories *d = NULL;
    AUTO(public_key) struct public_key *k = NULL;
    const char *name = key ? key : arena_printf(a, "%s/advisories.pub", dir);
    char *pem;
    size_t n;
    int has = fs_read(name, KEY_MAX, a, &pem, &n, e);
    if (has < 0 && (key || has != ERR_NOT_FOUND))
        return has;
    int r = has == 0 ? public_key_load(pem, n, &k, e) : 0;
    if (r < 0)
        return err_wrap(e, r, "%s", name);
    r = advisories_open(db ? db : arena_printf(a, "%s/advisories.db", dir), &d, e);
    if (r == 0 && k)
        r = advisories_verify(d, k, name, e);
    if (r == 0)
        *out = take_ptr(d);
    return r;
}

/* ---- deltas ---- */

/* Head, slots of what is new, other or (without records) gone, texts, the signature of `to`. */
struct delta_head {
    char magic[8];
    int64_t built_ms;
    uint64_t n, records, signature_n;
    char from[DIGEST_MAX], to[DIGEST_MAX];
};

static struct advisories_item item_of(const struct advisories *d, uint64_t i)
{
    const struct advisories_slot *s = &d->slots[i];
    return (struct advisories_item){d->bytes + s->key, d->bytes + s->records, s->records_n};
}

static bool same_item(const struct advisories_item *a, const struct advisories_item *b)
{
    return a->n == b->n && memcmp(a->records, b->records, a->n) == 0;
}

/* One step of walking two sorted lists: < 0: `a` alone, > 0: `b` alone. */
static int compare_at(const struct advisories_item *a, size_t i, size_t n_a,
                      const struct advisories_item *b, size_t k, size_t n_b)
{
    if (i == n_a || k == n_b)
        return i == n_a ? 1 : -1;
    return strcmp(a[i].key, b[k].key);
}

static struct advisories_item *items_of(const struct advisories *d, struct arena *a)
{
    struct advisories_item *items = ARENA_ARRAY(a, struct advisories_item, d->head->n + 1);
    for (uint64_t i = 0; i < d->head->n; i++)
        items[i] = item_of(d, i);
    return items;
}

static struct advisories_item *changes(const struct advisories *from, const struct advisories *to,
                                       struct arena *a, size_t *out_n)
{
    const struct advisories_item *x = items_of(from, a), *y = items_of(to, a);
    size_t n = 0, n_x = from->head->n, n_y = to->head->n;
    struct advisories_item *out = ARENA_ARRAY(a, struct advisories_item, n_x + n_y + 1);
    for (size_t i = 0, k = 0; i < n_x || k < n_y;) {
        int c = compare_at(x, i, n_x, y, k, n_y);
        if (c < 0)
            out[n++] = (struct advisories_item){.key = x[i].key};
        else if (c > 0 || !same_item(&x[i], &y[k]))
            out[n++] = y[k];
        i += c <= 0;
        k += c >= 0;
    }
    *out_n = n;
    return out;
}

int advisories_delta(const struct advisories *from, const struct advisories *to, const char *path,
                     struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(0);
    size_t n;
    const struct advisories_item *items = changes(from, to, a, &n);
    struct delta_head h = {.built_ms = to->head->built_ms,
                           .n = n,
                           .records = to->head->records,
                           .signature_n = to->n - to->head->size};
    char *temporary;
    FILE *f;
    memcpy(h.magic, DELTA_MAGIC, sizeof h.magic);
    advisories_digest(from, h.from);
    advisories_digest(to, h.to);
    int r = begin_file(path, a, &temporary, &f, e);
    if (r < 0)
        return r;
    put(f, &h, sizeof h);
    put_slots(f, items, n, sizeof h + n * sizeof(struct advisories_slot));
    put_texts(f, items, n);
    put(f, to->bytes + to->head->size, h.signature_n);
    return end_file(f, temporary, path, e);
}

struct delta {
    const struct delta_head *head;
    const char *bytes;
    size_t n;
};

static void delta_close(struct delta *d)
{
    if (d->bytes)
        (void)munmap((void *)(uintptr_t)d->bytes, d->n + 1);
}

/* Laid out as put_slots() does, text after text and none twice: what is made of it, and the work of
 * looking, is no more than its bytes. */
static bool delta_sound(const struct delta *d)
{
    const struct delta_head *h = d->head;
    const struct advisories_slot *s = (const struct advisories_slot *)(const void *)(h + 1);
    if (d->n < sizeof *h || memcmp(h->magic, DELTA_MAGIC, sizeof h->magic) != 0 ||
        h->n > (d->n - sizeof *h) / sizeof *s || h->signature_n > ADVISORIES_SIGNATURE_MAX ||
        h->signature_n > d->n - sizeof *h - h->n * sizeof *s)
        return false;
    uint64_t at = sizeof *h + h->n * sizeof *s, end = d->n - h->signature_n;
    for (uint64_t i = 0; i < h->n; i++) {
        const char *zero = s[i].key == at ? memchr(d->bytes + at, 0, end - at) : NULL;
        if (!zero)
            return false;
        at = (uint64_t)(zero - d->bytes) + 1;
        if (!s[i].records)
            continue;
        if (s[i].records != at || s[i].records_n >= end - at || d->bytes[at + s[i].records_n])
            return false;
        at += s[i].records_n + 1;
    }
    return at == end && memchr(h->from, 0, sizeof h->from) && memchr(h->to, 0, sizeof h->to);
}

static int delta_open(const char *path, struct delta *out, struct err *e)
{
    struct stat st;
    AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) < 0)
        return err_sys(e, errno, "open %s", path);
    void *p = mmap(NULL, (size_t)st.st_size + 1, PROT_READ, MAP_PRIVATE, fd, 0);
    if (p == MAP_FAILED)
        return err_sys(e, errno, "map %s", path);
    *out = (struct delta){p, p, (size_t)st.st_size};
    return delta_sound(out)
               ? 0
               : err_set(e, ERR_INVALID, "%s is no delta of advisories, or damaged", path);
}

static struct advisories_item *merged(const struct advisories *from, const struct delta *d,
                                      struct arena *a, size_t *out_n)
{
    const struct advisories_slot *s = (const struct advisories_slot *)(const void *)(d->head + 1);
    const struct advisories_item *x = items_of(from, a);
    size_t n = 0, n_x = from->head->n, n_y = d->head->n;
    struct advisories_item *y = ARENA_ARRAY(a, struct advisories_item, n_y + 1);
    struct advisories_item *out = ARENA_ARRAY(a, struct advisories_item, n_x + n_y + 1);
    for (size_t k = 0; k < n_y; k++)
        y[k] = (struct advisories_item){
            d->bytes + s[k].key, s[k].records ? d->bytes + s[k].records : NULL, s[k].records_n};
    for (size_t i = 0, k = 0; i < n_x || k < n_y;) {
        int c = compare_at(x, i, n_x, y, k, n_y);
        if (c < 0)
            out[n++] = x[i];
        else if (y[k].records)
            out[n++] = y[k];
        i += c <= 0;
        k += c >= 0;
    }
    *out_n = n;
    return out;
}

static int apply(const struct advisories *from, const struct delta *d, const char *path,
                 struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(0);
    AUTO(advisories) struct advisories *made = NULL;
    const struct advisories_about about = {d->head->built_ms, d->head->records};
    char digest[DIGEST_MAX];
    size_t n;
    advisories_digest(from, digest);
    if (strcmp(digest, d->head->from) != 0)
        return err_set(e, ERR_INVALID, "the delta is for another database: %s", d->head->from);
    const struct advisories_item *items = merged(from, d, a, &n);
    int r = advisories__write(path, items, n, &about, e);
    if (r == 0)
        r = advisories_open(path, &made, e);
    if (r < 0)
        return r;
    advisories_digest(made, digest);
    if (strcmp(digest, d->head->to) != 0)
        return err_set(e, ERR_INVALID, "the delta does not make what it says");
    size_t signature = d->head->signature_n;
    return signature ? append(path, d->bytes + d->n - signature, signature, e) : 0;
}

int advisories_apply(const struct advisories *from, const char *delta, const char *path,
                     struct err *e)
{
    struct delta d = {0};
    int r = delta_open(delta, &d, e);
    if (r == 0)
        r = apply(from, &d, path, e);
    delta_close(&d);
    return r < 0 ? err_wrap(e, r, "%s", delta) : 0;
}
