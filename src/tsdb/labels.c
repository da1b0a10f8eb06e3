#include "tsdb/labels.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/map.h"

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct label *)a)->name, ((const struct label *)b)->name);
}

/* Stable insertion for the short lists that series have. */
static void sort(struct label *l, size_t n)
{
    if (n > 32) {
        qsort(l, n, sizeof *l, by_name);
        return;
    }
    for (size_t i = 1; i < n; i++) {
        struct label x = l[i];
        size_t k = i;
        for (; k > 0 && strcmp(l[k - 1].name, x.name) > 0; k--)
            l[k] = l[k - 1];
        l[k] = x;
    }
}

struct labels labels_make(struct arena *a, const struct label *items, size_t n)
{
    struct label *l = ARENA_ARRAY(a, struct label, n);
    size_t kept = 0;
    for (size_t i = 0; i < n; i++)
        l[i] = (struct label){arena_strdup(a, items[i].name), arena_strdup(a, items[i].value)};
    sort(l, n);
    for (size_t i = 0; i < n; i++) {
        bool again = i + 1 < n && strcmp(l[i].name, l[i + 1].name) == 0;
        if (!again && *l[i].value)
            l[kept++] = l[i];
    }
    return (struct labels){l, kept};
}

struct labels labels_copy(struct arena *a, const struct labels *l)
{
    return labels_make(a, l->items, l->n);
}

const char *labels_get(const struct labels *l, const char *name)
{
    for (size_t i = 0; i < l->n; i++)
        if (strcmp(l->items[i].name, name) == 0)
            return l->items[i].value;
    return "";
}

int labels_compare(const struct labels *a, const struct labels *b)
{
    for (size_t i = 0; i < a->n && i < b->n; i++) {
        int c = strcmp(a->items[i].name, b->items[i].name);
        if (c == 0)
            c = strcmp(a->items[i].value, b->items[i].value);
        if (c != 0)
            return c;
    }
    return a->n < b->n ? -1 : a->n > b->n;
}

uint64_t labels_hash(const struct labels *l)
{
    uint64_t h = l->n;
    for (size_t i = 0; i < l->n; i++) {
        h = h * 31 + map_hash(l->items[i].name, strlen(l->items[i].name));
        h = h * 31 + map_hash(l->items[i].value, strlen(l->items[i].value));
    }
    return h;
}

static void quote(struct buf *b, const char *s)
{
    buf_putc(b, '"');
    for (; *s; s++) {
        if (*s == '"' || *s == '\\')
            buf_putc(b, '\\');
        if (*s == '\n')
            buf_puts(b, "\\n");
        else
            buf_putc(b, *s);
    }
    buf_putc(b, '"');
}

char *labels_text(const struct labels *l, struct arena *a)
{
    AUTO_BUF struct buf b;
    buf_init(&b, 1 << 20);
    buf_puts(&b, labels_get(l, "__name__"));
    const char *between = "{";
    for (size_t i = 0; i < l->n; i++) {
        if (strcmp(l->items[i].name, "__name__") == 0)
            continue;
        buf_printf(&b, "%s%s=", between, l->items[i].name);
        quote(&b, l->items[i].value);
        between = ", ";
    }
    if (*between == ',')
        buf_putc(&b, '}');
    else if (b.len == 0)
        buf_puts(&b, "{}");
    return arena_strndup(a, buf_text(&b), b.len);
}
