#include "base/map.h"
#include "codec/tree_int.h"

enum { HASH_FROM = 24 };

void tree__init(struct tree *t, struct arena *a, bool strict, struct err *e)
{
    *t = (struct tree){.arena = a, .strict = strict, .e = e};
    buf_init(&t->slots, SIZE_MAX / 2);
    buf_init(&t->opens, SIZE_MAX / 2);
}

void tree__done(struct tree *t)
{
    buf_done(&t->slots);
    buf_done(&t->opens);
}

struct member *tree__push(struct tree *t)
{
    struct buf *b = &t->slots;
    bool room = b->cap - b->len > sizeof(struct member);
    struct member *m =
        (struct member *)(void *)(room ? b->data + b->len : buf_reserve(b, sizeof *m));
    *m = (struct member){.key = ""};
    t->slots.len += sizeof *m;
    return m;
}

void tree__open(struct tree *t, bool object)
{
    struct tree_open *o = (struct tree_open *)(void *)buf_reserve(&t->opens, sizeof *o);
    *o = (struct tree_open){tree__count(t), object};
    t->opens.len += sizeof *o;
}

static bool same_key(const struct member *a, const struct member *b)
{
    return a->key_len == b->key_len && memcmp(a->key, b->key, a->key_len) == 0;
}

/* Where the key of `m` stands in the first n members, or where it goes; many keys by hash. */
static size_t place_of(const struct member *members, size_t n, const struct member *m,
                       uint32_t *table, size_t mask)
{
    if (!table) {
        for (size_t i = 0; i < n; i++)
            if (same_key(&members[i], m))
                return i;
        return n;
    }
    size_t h = (size_t)map_hash(m->key, m->key_len) & mask;
    for (; table[h]; h = (h + 1) & mask)
        if (same_key(&members[table[h] - 1], m))
            return table[h] - 1;
    table[h] = (uint32_t)n + 1;
    return n;
}

static int unique_keys(const struct tree *t, struct member *members, size_t *n)
{
    AUTO_MEM uint32_t *table = NULL;
    size_t mask = 0, kept = 0;
    if (*n >= HASH_FROM) {
        for (mask = 64; mask < *n * 2; mask *= 2)
            ;
        table = calloc(mask--, sizeof *table);
        if (!table)
            return err_set(t->e, ERR_TOO_LARGE, "no memory for %zu keys", *n);
    }
    for (size_t i = 0; i < *n; i++) {
        const struct member *m = &members[i];
        size_t place = place_of(members, kept, m, table, mask);
        if (place < kept && t->merged_gives && (m->line == 0 || members[place].line == 0)) {
            if (m->line || members[place].line == 0)
                members[place] = *m;
            continue;
        }
        if (place < kept && t->strict)
            return err_set(t->e, ERR_INVALID, "line %u: key \"%s\" already set in map", m->line,
                           m->key);
        if (place < kept)
            members[place].value = m->value;
        else if (kept++ < i)
            members[place] = *m;
    }
    *n = kept;
    return 0;
}

int tree__close(struct tree *t)
{
    struct tree_open o = *tree__inner(t);
    size_t n = tree__count(t) - o.first;
    struct member *from = tree__slot(t, o.first);
    struct value *v = &tree__slot(t, o.first - 1)->value;
    if (n >= UINT32_MAX / 2)
        return err_set(t->e, ERR_TOO_LARGE, "%zu elements are too many", n);
    if (o.object) {
        int rc = unique_keys(t, from, &n);
        if (rc)
            return rc;
        v->members = n ? arena_dup(t->arena, from, n * sizeof *from) : NULL;
    } else {
        v->items = n ? arena_alloc(t->arena, n * sizeof *v->items) : NULL;
        for (size_t i = 0; i < n; i++)
            v->items[i] = from[i].value;
    }
    v->kind = o.object ? VALUE_OBJECT : VALUE_ARRAY;
    v->n = (uint32_t)n;
    v->cap = n;
    t->slots.len = o.first * sizeof *from;
    t->opens.len -= sizeof o;
    return 0;
}
