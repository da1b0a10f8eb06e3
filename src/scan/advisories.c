#include "scan/advisories.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/map.h"
#include "codec/json.h"

enum { RECORD_MAX = 16 << 20 };

static const char magic[8] = "SWADV01\n";

/* Little endian: head, then `n` slots sorted by key, then the texts they point at. */
struct head {
    char magic[8];
    int64_t built_ms;
    uint64_t n, records;
};

struct slot {
    uint64_t key, records; /* offsets of texts ended by a zero byte */
    uint64_t records_n;
};

struct advisories {
    const char *bytes;
    size_t n;
    const struct head *head;
    const struct slot *slots;
};

/* ---- building ---- */

struct builder {
    struct arena *arena;
    struct map packages; /* "ecosystem\npackage" → array of records */
    struct advisories_stats stats;
    struct err *e;
    int rc;
};

static char *key_of(struct arena *a, const char *ecosystem, const char *package)
{
    return arena_printf(a, "%s\n%s", ecosystem, package);
}

/* What matching and reports need of a record, for one of its packages. */
static struct value *slim(struct builder *b, const struct value *record,
                          const struct value *affected)
{
    static const char *const kept[] = {"id",       "aliases",   "summary",
                                       "severity", "published", "upstream"};
    static const char *const of_affected[] = {"ranges", "versions", "severity",
                                              "ecosystem_specific", "database_specific"};
    struct value *v = value_new_object(b->arena);
    for (size_t i = 0; i < ARRAY_LEN(kept); i++)
        if (value_get(record, kept[i]))
            (void)value_set(b->arena, v, kept[i], value_get(record, kept[i]));
    const struct value *level = value_at(record, "database_specific.severity");
    if (level)
        (void)value_set(b->arena, v, "level", level);
    struct value *to = value_make_object(b->arena, v, "affected");
    for (size_t i = 0; i < ARRAY_LEN(of_affected); i++)
        if (value_get(affected, of_affected[i]))
            (void)value_set(b->arena, to, of_affected[i], value_get(affected, of_affected[i]));
    return v;
}

static void add_record(struct builder *b, const struct value *record)
{
    if (value_get(record, "withdrawn") || value_count(value_get(record, "affected")) == 0) {
        b->stats.skipped++;
        return;
    }
    b->stats.records++;
    VALUE_EACH_ITEM (affected, value_get(record, "affected")) {
        const char *ecosystem = value_at_str(affected, "package.ecosystem", NULL);
        const char *package = value_at_str(affected, "package.name", NULL);
        if (!ecosystem || !package)
            continue;
        char *key = key_of(b->arena, ecosystem, package);
        struct value *list = map_get(&b->packages, key);
        if (!list) {
            list = value_new_array(b->arena);
            (void)map_put(&b->packages, key, list);
        }
        (void)value_push(b->arena, list, slim(b, record, affected));
    }
}

static _Thread_local struct builder *walking; /* nftw has no argument */

static int add_file(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    struct builder *b = walking;
    char *text;
    size_t n, len = strlen(path);
    struct value *record;
    (void)st;
    (void)ftw;
    if (type != FTW_F || len < 5 || strcmp(path + len - 5, ".json") != 0)
        return 0;
    b->rc = fs_read(path, RECORD_MAX, b->arena, &text, &n, b->e);
    if (b->rc == 0)
        b->rc = json_parse(b->arena, text, n, 0, &record, b->e);
    if (b->rc == 0 && !value_str(value_get(record, "id"), NULL))
        b->rc = err_set(b->e, ERR_INVALID, "it has no id: not an OSV record");
    if (b->rc < 0) {
        b->rc = err_wrap(b->e, b->rc, "%s", path);
        return 1;
    }
    add_record(b, record);
    return 0;
}

static int by_key(const void *a, const void *b)
{
    return strcmp((*(const struct map_entry *const *)a)->key,
                  (*(const struct map_entry *const *)b)->key);
}

static void put_text(struct buf *out, const char *s, uint64_t base, uint64_t *at, uint64_t *n)
{
    *at = base + out->len;
    if (n)
        *n = strlen(s);
    buf_add(out, s, strlen(s) + 1);
}

static int write_file(struct builder *b, const char *path, int64_t now_ms, struct err *e)
{
    size_t n = map_size(&b->packages), at = 0, i = 0;
    const struct map_entry **all = ARENA_ARRAY(b->arena, const struct map_entry *, n + 1);
    for (const struct map_entry *m; (m = map_next(&b->packages, &at));)
        all[i++] = m;
    qsort((void *)all, n, sizeof *all, by_key);
    struct slot *slots = ARENA_ARRAY(b->arena, struct slot, n + 1);
    uint64_t base = sizeof(struct head) + n * sizeof *slots;
    AUTO_BUF struct buf texts, file;
    buf_init(&texts, (size_t)4 << 30);
    buf_init(&file, (size_t)4 << 30);
    for (i = 0; i < n; i++) {
        put_text(&texts, all[i]->key, base, &slots[i].key, NULL);
        put_text(&texts, json_text(b->arena, all[i]->value, JSON_NO_HTML), base, &slots[i].records,
                 &slots[i].records_n);
    }
    struct head h = {.built_ms = now_ms, .n = n, .records = b->stats.records};
    memcpy(h.magic, magic, sizeof magic);
    buf_add(&file, &h, sizeof h);
    buf_add(&file, slots, n * sizeof *slots);
    buf_add(&file, buf_text(&texts), texts.len);
    int r = buf_check(&file, e);
    return r < 0 ? r : fs_write_atomic(path, 0644, file.data, file.len, e);
}

int advisories_build(const char *const *folders, size_t n, const char *out_path, int64_t now_ms,
                     struct advisories_stats *out, struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(0);
    struct builder b = {.arena = a, .e = e};
    map_init(&b.packages);
    walking = &b;
    for (size_t i = 0; b.rc == 0 && i < n; i++)
        if (nftw(folders[i], add_file, 16, FTW_PHYS) < 0)
            b.rc = err_sys(e, errno, "read advisories in %s", folders[i]);
    walking = NULL;
    if (b.rc == 0)
        b.rc = write_file(&b, out_path, now_ms, e);
    b.stats.packages = map_size(&b.packages);
    map_done(&b.packages);
    if (b.rc == 0)
        *out = b.stats;
    return b.rc;
}

/* ---- reading ---- */

/* Every offset leads to a text that ends within the file. */
static bool sound(const struct advisories *d)
{
    if (d->n < sizeof(struct head) || memcmp(d->head->magic, magic, sizeof magic) != 0 ||
        d->head->n > (d->n - sizeof(struct head)) / sizeof(struct slot) ||
        d->bytes[d->n - 1] != '\0')
        return d->n == sizeof(struct head) && memcmp(d->bytes, magic, sizeof magic) == 0;
    for (uint64_t i = 0; i < d->head->n; i++)
        if (d->slots[i].key >= d->n || d->slots[i].records >= d->n ||
            d->slots[i].records_n > d->n - d->slots[i].records)
            return false;
    return true;
}

int advisories_open(const char *path, struct advisories **out, struct err *e)
{
    struct stat st;
    AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) < 0) {
        int r = err_sys(e, errno, "open advisories %s", path);
        (void)err_hint(e, "build it with `slipway db build DIR…` from OSV records");
        return r;
    }
    AUTO(advisories) struct advisories *d = calloc(1, sizeof *d);
    if (!d)
        log_die("out of memory");
    void *p = mmap(NULL, (size_t)st.st_size + 1, PROT_READ, MAP_SHARED, fd, 0);
    if (p == MAP_FAILED)
        return err_sys(e, errno, "map advisories %s", path);
    d->bytes = p;
    d->n = (size_t)st.st_size;
    d->head = p;
    d->slots = (const struct slot *)(const void *)(d->bytes + sizeof(struct head));
    if (!sound(d))
        return err_set(e, ERR_INVALID, "%s is no advisory database", path);
    *out = take_ptr(d);
    return 0;
}

void advisories_free(struct advisories *d)
{
    if (!d)
        return;
    if (d->bytes)
        (void)munmap((void *)(uintptr_t)d->bytes, d->n + 1);
    free(d);
}

int64_t advisories_built_ms(const struct advisories *d)
{
    return d->head->built_ms;
}

size_t advisories_packages(const struct advisories *d)
{
    return d->head->n;
}

static const struct slot *find(const struct advisories *d, const char *key)
{
    uint64_t lo = 0, hi = d->head->n;
    while (lo < hi) {
        uint64_t mid = lo + (hi - lo) / 2;
        int c = strcmp(d->bytes + d->slots[mid].key, key);
        if (c == 0)
            return &d->slots[mid];
        if (c < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return NULL;
}

static int append(const struct advisories *d, const char *key, struct arena *a, struct value *to,
                  struct err *e)
{
    const struct slot *s = find(d, key);
    struct value *list;
    if (!s)
        return 0;
    int r = json_parse(a, d->bytes + s->records, s->records_n, 0, &list, e);
    if (r < 0)
        return err_wrap(e, r, "advisories");
    VALUE_EACH_ITEM (v, list)
        (void)value_push(a, to, v);
    return 0;
}

int advisories_find(const struct advisories *d, const char *ecosystem, const char *package,
                    struct arena *a, struct value **out, struct err *e)
{
    struct value *list = value_new_array(a);
    int r = append(d, key_of(a, ecosystem, package), a, list, e);
    const char *colon = strchr(ecosystem, ':');
    if (r == 0 && colon)
        r = append(d, key_of(a, arena_strndup(a, ecosystem, (size_t)(colon - ecosystem)), package),
                   a, list, e);
    if (r == 0)
        *out = list;
    return r;
}
