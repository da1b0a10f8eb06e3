#include "kube/queue.h"

#include <string.h>

#include "base/log.h"
#include "base/map.h"

/* due: INT64_MAX when the key does not wait. seq breaks ties in order of arrival. */
struct item {
    char *key;
    int64_t due;
    uint64_t seq;
    unsigned failures;
    bool running;
    bool again; /* asked for while running */
    int64_t again_due;
    size_t heap_at; /* place in the heap + 1; 0: not waiting */
};

struct queue {
    struct map items;
    struct item **heap; /* the items that wait, earliest first */
    size_t n, cap;
    uint64_t seq;
    size_t running;
};

struct queue *queue_new(void)
{
    struct queue *q = calloc(1, sizeof *q);
    if (!q)
        log_die("out of memory");
    map_init(&q->items);
    return q;
}

void queue_free(struct queue *q)
{
    if (!q)
        return;
    size_t cursor = 0;
    for (const struct map_entry *e; (e = map_next(&q->items, &cursor));) {
        struct item *it = e->value;
        free(it->key);
        free(it);
    }
    map_done(&q->items);
    free(q->heap);
    free(q);
}

static bool before(const struct item *a, const struct item *b)
{
    return a->due != b->due ? a->due < b->due : a->seq < b->seq;
}

static void heap_put(struct queue *q, size_t at, struct item *it)
{
    q->heap[at] = it;
    it->heap_at = at + 1;
}

static void heap_up(struct queue *q, size_t at)
{
    struct item *it = q->heap[at];
    for (; at > 0 && before(it, q->heap[(at - 1) / 2]); at = (at - 1) / 2)
        heap_put(q, at, q->heap[(at - 1) / 2]);
    heap_put(q, at, it);
}

static void heap_down(struct queue *q, size_t at)
{
    struct item *it = q->heap[at];
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= q->n)
            break;
        if (child + 1 < q->n && before(q->heap[child + 1], q->heap[child]))
            child++;
        if (!before(q->heap[child], it))
            break;
        heap_put(q, at, q->heap[child]);
        at = child;
    }
    heap_put(q, at, it);
}

static void heap_remove(struct queue *q, struct item *it)
{
    size_t at = it->heap_at - 1;
    it->heap_at = 0;
    it->due = INT64_MAX;
    struct item *last = q->heap[--q->n];
    if (last == it)
        return;
    heap_put(q, at, last);
    heap_up(q, at);
    heap_down(q, last->heap_at - 1);
}

static void heap_insert(struct queue *q, struct item *it)
{
    if (q->n == q->cap) {
        q->cap = q->cap ? q->cap * 2 : 64;
        q->heap = realloc(q->heap, q->cap * sizeof *q->heap);
        if (!q->heap)
            log_die("out of memory");
    }
    heap_put(q, q->n++, it);
    heap_up(q, q->n - 1);
}

static struct item *item_of(struct queue *q, const char *key)
{
    struct item *it = map_get(&q->items, key);
    if (it)
        return it;
    it = calloc(1, sizeof *it);
    if (!it || !(it->key = strdup(key)))
        log_die("out of memory");
    it->due = INT64_MAX;
    (void)map_put(&q->items, key, it);
    return it;
}

void queue_add_at(struct queue *q, const char *key, int64_t due_ms)
{
    struct item *it = item_of(q, key);
    if (it->running) {
        if (!it->again || due_ms < it->again_due)
            it->again_due = due_ms;
        it->again = true;
        return;
    }
    if (it->heap_at) {
        if (due_ms < it->due) {
            it->due = due_ms;
            it->seq = q->seq++;
            heap_up(q, it->heap_at - 1);
        }
        return;
    }
    it->due = due_ms;
    it->seq = q->seq++;
    heap_insert(q, it);
}

void queue_add(struct queue *q, const char *key, int64_t now_ms)
{
    queue_add_at(q, key, now_ms);
}

/* The nth due item in heap order; any choice among due items is a legal schedule. */
static struct item *nth_due(struct queue *q, int64_t now_ms, size_t nth)
{
    for (size_t i = 0; i < q->n; i++)
        if (q->heap[i]->due <= now_ms && nth-- == 0)
            return q->heap[i];
    return NULL;
}

const char *queue_take(struct queue *q, int64_t now_ms, size_t nth)
{
    if (q->n == 0 || q->heap[0]->due > now_ms)
        return NULL;
    struct item *it = nth ? nth_due(q, now_ms, nth) : q->heap[0];
    if (!it)
        return NULL;
    heap_remove(q, it);
    it->running = true;
    q->running++;
    return it->key;
}

static int64_t backoff_ms(unsigned failures)
{
    int64_t ms = QUEUE_BACKOFF_FIRST_MS;
    for (unsigned i = 1; i < failures && ms < QUEUE_BACKOFF_MAX_MS; i++)
        ms *= 2;
    return ms < QUEUE_BACKOFF_MAX_MS ? ms : QUEUE_BACKOFF_MAX_MS;
}

void queue_done(struct queue *q, const char *key, bool failed, int64_t now_ms)
{
    struct item *it = map_get(&q->items, key);
    if (!it || !it->running)
        log_die("queue: %s is not running", key);
    it->running = false;
    q->running--;
    it->failures = failed ? it->failures + 1 : 0;

    bool again = it->again;
    it->again = false;
    if (again)
        queue_add_at(q, it->key, it->again_due);
    if (failed)
        queue_add_at(q, it->key, now_ms + backoff_ms(it->failures));
    if (!again && !failed) {
        (void)map_remove(&q->items, it->key);
        free(it->key);
        free(it);
    }
}

unsigned queue_failures(struct queue *q, const char *key)
{
    const struct item *it = map_get(&q->items, key);
    return it ? it->failures : 0;
}

size_t queue_ready(struct queue *q, int64_t now_ms)
{
    size_t n = 0;
    for (size_t i = 0; i < q->n; i++)
        n += q->heap[i]->due <= now_ms;
    return n;
}

size_t queue_running(const struct queue *q)
{
    return q->running;
}

int64_t queue_next_due(struct queue *q)
{
    return q->n ? q->heap[0]->due : INT64_MAX;
}

size_t queue_len(const struct queue *q)
{
    return q->n + q->running;
}
