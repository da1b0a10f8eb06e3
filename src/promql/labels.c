/* labels.c - what functions and operators do to the labels of a series. */
#include <string.h>

#include "base/buf.h"
#include "codec/utf8.h"
#include "promql/eval.h"
#include "promql/xxh64.h"

enum { HASHED_MAX = 16 << 20 };

static bool listed(const struct names *names, const char *name)
{
    for (size_t i = 0; i < names->n; i++)
        if (strcmp(names->items[i], name) == 0)
            return true;
    return false;
}

struct labels labels__group(struct arena *a, const struct labels *l, const struct names *names,
                            bool only)
{
    struct label *out = ARENA_ARRAY(a, struct label, l->n);
    size_t n = 0;
    for (size_t i = 0; i < l->n; i++) {
        bool is_name = strcmp(l->items[i].name, "__name__") == 0;
        bool in = listed(names, l->items[i].name);
        if (only ? in : !in && !is_name)
            out[n++] = l->items[i];
    }
    return (struct labels){out, n};
}

struct labels labels__nameless(struct arena *a, const struct labels *l)
{
    static const char *const items[] = {"__type__", "__unit__"};
    static const struct names names = {items, ARRAY_LEN(items)};
    return labels__group(a, l, &names, false);
}

struct labels labels__set(struct arena *a, const struct labels *l, const char *name,
                          const char *value)
{
    struct label *all = ARENA_ARRAY(a, struct label, l->n + 1);
    size_t n = 0;
    for (size_t i = 0; i < l->n; i++)
        if (strcmp(l->items[i].name, name) != 0)
            all[n++] = l->items[i];
    all[n++] = (struct label){name, value};
    return labels_make(a, all, n);
}

bool labels__name_ok(const char *name)
{
    if (!*name)
        return false;
    for (size_t n = strlen(name), took; n; n -= took, name += took)
        if (!(took = utf8_valid(name, n)))
            return false;
    return true;
}

static void put_sized(struct buf *b, const char *s)
{
    size_t n = strlen(s);
    if (n < 255) {
        buf_putc(b, (char)n);
    } else {
        const char size[] = {(char)255, (char)n, (char)(n >> 8), (char)(n >> 16)};
        buf_add(b, size, sizeof size);
    }
    buf_add(b, s, n);
}

/* Names and values, each behind its length. */
uint64_t labels__sampling_hash(const struct labels *l)
{
    AUTO_BUF struct buf b;
    buf_init(&b, HASHED_MAX);
    for (size_t i = 0; i < l->n; i++) {
        put_sized(&b, l->items[i].name);
        put_sized(&b, l->items[i].value);
    }
    return xxh64(buf_text(&b), b.len);
}
