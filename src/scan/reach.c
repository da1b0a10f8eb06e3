#include "scan/reach.h"

#include "base/map.h"

enum { BY_PROGRAM = 1, BY_DEVELOPERS = 2 };

struct edge {
    struct node *to;
    const struct edge *next;
};

struct node {
    const struct edge *edges;
    struct node *waiting; /* the next to be walked on from */
    unsigned reached;
};

struct reach {
    struct arena *arena;
    struct map nodes;
};

static void forget(void *arg)
{
    map_done(arg);
}

struct reach *reach__new(struct arena *a)
{
    struct reach *g = ARENA_NEW(a, struct reach);
    g->arena = a;
    map_init(&g->nodes);
    arena_defer(a, forget, &g->nodes);
    return g;
}

static struct node *node_of(struct reach *g, const char *name)
{
    struct node *n = map_get(&g->nodes, name);
    if (!n) {
        n = ARENA_NEW(g->arena, struct node);
        (void)map_put(&g->nodes, name, n);
    }
    return n;
}

void reach__edge(struct reach *g, const char *from, const char *to)
{
    struct node *n = node_of(g, from);
    struct edge *e = ARENA_NEW(g->arena, struct edge);
    *e = (struct edge){node_of(g, to), n->edges};
    n->edges = e;
}

/* Each node is walked on from once: it waits only when it is reached. */
static void walk_from(struct node *first, unsigned by)
{
    first->reached |= by;
    first->waiting = NULL;
    for (struct node *todo = first; todo;) {
        struct node *n = todo;
        todo = n->waiting;
        for (const struct edge *e = n->edges; e; e = e->next) {
            if (e->to->reached & by)
                continue;
            e->to->reached |= by;
            e->to->waiting = todo;
            todo = e->to;
        }
    }
}

void reach__walk(struct reach *g)
{
    walk_from(node_of(g, REACH_PROGRAM), BY_PROGRAM);
    walk_from(node_of(g, REACH_DEVELOPERS), BY_DEVELOPERS);
}

bool reach__only_developers(const struct reach *g, const char *name)
{
    const struct node *n = map_get(&g->nodes, name);
    return n && n->reached == BY_DEVELOPERS;
}
