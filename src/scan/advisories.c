#include "scan/advisories_int.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "codec/json.h"

/* Every offset leads to a text that ends within the file. */
static bool sound(const struct advisories *d)
{
    if (d->n < sizeof *d->head ||
        memcmp(d->head->magic, ADVISORIES_MAGIC, sizeof d->head->magic) != 0)
        return false;
    uint64_t size = d->head->size;
    if (size < sizeof *d->head || size > d->n || d->n - size > ADVISORIES_SIGNATURE_MAX ||
        d->head->n > (size - sizeof *d->head) / sizeof *d->slots)
        return false;
    if (d->head->n && d->bytes[size - 1] != '\0')
        return false;
    for (uint64_t i = 0; i < d->head->n; i++)
        if (d->slots[i].key >= size || d->slots[i].records >= size ||
            d->slots[i].records_n > size - d->slots[i].records)
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
    d->path = strdup(path);
    d->bytes = p;
    d->n = (size_t)st.st_size;
    d->head = p;
    d->slots =
        (const struct advisories_slot *)(const void *)(d->bytes + sizeof(struct advisories_head));
    if (!sound(d)) {
        (void)err_set(e, ERR_INVALID, "%s is no advisory database, or one of another version",
                      path);
        return err_hint(e, "build it with `slipway db build`");
    }
    *out = take_ptr(d);
    return 0;
}

void advisories_free(struct advisories *d)
{
    if (!d)
        return;
    if (d->bytes)
        (void)munmap((void *)(uintptr_t)d->bytes, d->n + 1);
    free((void *)(uintptr_t)d->path);
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

static const struct advisories_slot *find(const struct advisories *d, const char *key)
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
    const struct advisories_slot *s = find(d, key);
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
    int r = append(d, advisories__key(a, ecosystem, package), a, list, e);
    const char *colon = strchr(ecosystem, ':');
    if (r == 0 && colon)
        r = append(
            d,
            advisories__key(a, arena_strndup(a, ecosystem, (size_t)(colon - ecosystem)), package),
            a, list, e);
    if (r == 0)
        *out = list;
    return r;
}

/* Whether two slots hold the same bytes; none is like none. */
static bool same_records(const struct advisories *x, const struct advisories_slot *a,
                         const struct advisories *y, const struct advisories_slot *b)
{
    if (!a || !b)
        return !a && !b;
    return a->records_n == b->records_n &&
           memcmp(x->bytes + a->records, y->bytes + b->records, a->records_n) == 0;
}

bool advisories_differ(const struct advisories *before, const struct advisories *now,
                       const char *ecosystem, const char *package, struct arena *a)
{
    const char *colon = strchr(ecosystem, ':');
    for (int i = 0; i < 1 + (colon != NULL); i++) {
        const char *of = i ? arena_strndup(a, ecosystem, (size_t)(colon - ecosystem)) : ecosystem;
        const char *key = advisories__key(a, of, package);
        if (!same_records(now, find(now, key), before, before ? find(before, key) : NULL))
            return true;
    }
    return false;
}
