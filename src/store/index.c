#include "store/index.h"

#include <string.h>

#include "base/log.h"

static struct index_node *node_new(struct entry *n, int levels)
{
    struct index_node *node =
        calloc(1, sizeof *node + (size_t)levels * sizeof(struct index_node *));
    if (!node)
        log_die("out of memory");
    node->entry = n;
    return node;
}

void index_init(struct index *x)
{
    *x = (struct index){
        .head = node_new(NULL, INDEX_LEVELS), .seed = 0x9e3779b97f4a7c15u, .levels = 1};
}

void index_done(struct index *x)
{
    for (struct index_node *n = x->head, *next; n; n = next) {
        next = n->next[0];
        entry_unref(n->entry);
        free(n);
    }
    *x = (struct index){0};
}

/* The last node before `key` on every level. */
static struct index_node *find(const struct index *x, const char *key, bool past,
                               struct index_node **before)
{
    struct index_node *n = x->head;
    for (int level = x->levels - 1; level >= 0; level--) {
        for (struct index_node *next; (next = n->next[level]); n = next) {
            int c = strcmp(next->entry->key, key);
            if (c > 0 || (c == 0 && !past))
                break;
        }
        if (before)
            before[level] = n;
    }
    return n->next[0];
}

const struct index_node *index_seek(const struct index *x, const char *key, bool past)
{
    return find(x, key, past, NULL);
}

struct entry *index_get(const struct index *x, const char *key)
{
    const struct index_node *n = find(x, key, false, NULL);
    return n && strcmp(n->entry->key, key) == 0 ? n->entry : NULL;
}

/* One level more with a chance of one in four. */
static int draw_levels(struct index *x)
{
    x->seed ^= x->seed << 13;
    x->seed ^= x->seed >> 7;
    x->seed ^= x->seed << 17;
    int levels = 1;
    for (uint64_t r = x->seed; levels < INDEX_LEVELS && (r & 3) == 0; r >>= 2)
        levels++;
    return levels;
}

void index_put(struct index *x, struct entry *n)
{
    struct index_node *before[INDEX_LEVELS];
    struct index_node *at = find(x, n->key, false, before);
    if (at && strcmp(at->entry->key, n->key) == 0) {
        entry_unref(at->entry);
        at->entry = n;
        return;
    }
    int levels = draw_levels(x);
    while (x->levels < levels)
        before[x->levels++] = x->head;
    struct index_node *node = node_new(n, levels);
    for (int i = 0; i < levels; i++) {
        node->next[i] = before[i]->next[i];
        before[i]->next[i] = node;
    }
    x->count++;
}

void index_remove(struct index *x, const char *key)
{
    struct index_node *before[INDEX_LEVELS];
    struct index_node *at = find(x, key, false, before);
    if (!at || strcmp(at->entry->key, key) != 0)
        return;
    for (int i = 0; i < x->levels && before[i]->next[i] == at; i++)
        before[i]->next[i] = at->next[i];
    entry_unref(at->entry);
    free(at);
    x->count--;
}
