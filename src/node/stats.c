#include <string.h>

#include "base/thread.h"
#include "node/node_int.h"

/* Copies first, so that no lock is held while cgroups are read and the caller is called. */
struct row {
    struct node_container_stats s;
    bool host_network;
};

struct rows {
    struct arena *a;
    struct row *list;
    size_t n;
};

static void add_pod(void *arg, const struct pod_def *d, const struct slot *slots,
                    const struct sandbox *s)
{
    struct rows *r = arg;
    for (size_t i = 0; i < d->n; i++) {
        const struct slot *sl = &slots[i];
        if (!sl->id)
            continue;
        r->list = arena_grow(r->a, r->list, r->n * sizeof *r->list, (r->n + 1) * sizeof *r->list);
        r->list[r->n++] = (struct row){
            .s = {.ns = arena_strdup(r->a, d->ns),
                  .pod = arena_strdup(r->a, d->name),
                  .uid = arena_strdup(r->a, d->uid),
                  .container = arena_strdup(r->a, sl->name),
                  .image = arena_strdup(r->a, sl->image ? sl->image : ""),
                  .id = arena_strdup(r->a, sl->id),
                  .started_ms = sl->started_ms,
                  .running = sl->life == LIFE_RUNNING,
                  .oom_killed = (sl->end.reason && strcmp(sl->end.reason, "OOMKilled") == 0) ||
                                (sl->last.reason && strcmp(sl->last.reason, "OOMKilled") == 0)},
            .host_network = strcmp(s->netns, "host") == 0,
        };
    }
}

static void fill(struct node *n, struct row *r, bool with_fs)
{
    struct container_stats c;
    struct net_traffic t;
    struct node_container_stats *s = &r->s;
    if (!s->running || runtime_stats(n->runtime, s->id, with_fs, &c, NULL) < 0)
        return;
    s->cpu_ns = c.cpu_ns;
    s->cpu_user_ns = c.cpu_user_ns;
    s->cpu_system_ns = c.cpu_system_ns;
    s->throttled_ns = c.throttled_ns;
    s->throttled_periods = c.throttled_periods;
    s->periods = c.periods;
    s->memory_bytes = c.memory_bytes;
    s->memory_working_set_bytes = c.memory_working_set_bytes;
    s->memory_rss_bytes = c.memory_rss_bytes;
    s->memory_limit_bytes = c.memory_limit_bytes;
    s->page_faults = c.page_faults;
    s->major_page_faults = c.major_page_faults;
    s->pids = c.pids;
    s->io_read_bytes = c.io_read_bytes;
    s->io_write_bytes = c.io_write_bytes;
    s->fs_bytes = c.fs_bytes;
    if (r->host_network || n->net->ops->traffic(n->net, s->uid, &t, NULL) < 0)
        return;
    s->rx_bytes = t.rx_bytes;
    s->tx_bytes = t.tx_bytes;
    s->rx_packets = t.rx_packets;
    s->tx_packets = t.tx_packets;
    s->rx_errors = t.rx_errors;
    s->tx_errors = t.tx_errors;
}

void node_stats(struct node *n, bool with_fs,
                void (*visit)(void *arg, const struct node_container_stats *s), void *arg)
{
    AUTO(arena) struct arena *a = arena_new(0);
    struct rows r = {.a = a};
    {
        LOCK_SCOPE(&n->lock);
        const struct map_entry *m;
        for (size_t i = 0; (m = map_next(&n->workers, &i));)
            worker__peek(m->value, add_pod, &r);
    }
    for (size_t i = 0; i < r.n; i++) {
        fill(n, &r.list[i], with_fs);
        visit(arg, &r.list[i].s);
    }
}
