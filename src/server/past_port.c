/* past_port.c - deleted pods, for the API: what the log store has of them. */
#include "apiserver/pod_door.h"
#include "logs/past.h"
#include "server/server_int.h"

static int get(void *arg, const char *ns, const char *name, struct arena *a,
               const struct value **out, struct err *e)
{
    struct server *s = arg;
    return past_pod(s->logs, ns, name, a, out, e);
}

static int logs(void *arg, const struct object *pod, const struct pod_log_opts *o,
                int (*write)(void *arg, const void *bytes, size_t n, struct err *e), void *to,
                struct err *e)
{
    struct server *s = arg;
    const struct past_log asked = {.ns = pod->ns,
                                   .pod = pod->name,
                                   .container = o->container,
                                   .timestamps = o->timestamps,
                                   .tail_lines = o->tail_lines,
                                   .since_ns = o->since_ns,
                                   .limit_bytes = o->limit_bytes};
    return past_log(s->logs, &asked, write, to, e);
}

void past_port_open(struct server *s)
{
    struct past_pods *p = ARENA_NEW(s->arena, struct past_pods);
    *p = (struct past_pods){.get = get, .logs = logs, .arg = s};
    apiserver_set_past_pods(s->api, p);
}
