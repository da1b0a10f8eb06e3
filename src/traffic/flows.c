#include "traffic/flows.h"

#include <string.h>

#include "base/log.h"

enum { PENDING = 8, NONE = -1 };
static const int64_t idle_ns = 900 * (int64_t)1000000000, /* of an open connection */
    leaving_ns = 5 * (int64_t)1000000000;                 /* the client closed, the pod did not */

/* A request that waits for its answer. */
struct pending {
    int64_t began_ns;
    enum http1_method method;
    char agent[sizeof(((struct http1_head *)0)->agent)];
};

struct direction {
    struct http1 reader;
    uint32_t next; /* sequence number */
    bool known;    /* `next` is */
};

enum list { OPEN, LEAVING, LISTS };

struct flow {
    struct endpoints ends;
    int64_t seen_ns, answer_ns; /* last segment; first byte of the answer being read */
    struct direction requests, answers;
    struct pending pending[PENDING];
    uint8_t n_pending, first; /* a ring */
    uint8_t list;
    bool alien, counted, resumed; /* resumed: the answers were lost and found again */
    int32_t newer, older, chain;
};

struct ends_list {
    int32_t newest, oldest;
};

struct flows {
    struct flow *all;
    int32_t *buckets;
    size_t max, used, n_buckets;
    int32_t free; /* chained */
    struct ends_list lists[LISTS];
    uint64_t seed;
    exchange_fn fn;
    void *arg;
    struct flows_counts counts;
};

struct flows *flows_new(size_t max, uint64_t seed, exchange_fn fn, void *arg)
{
    struct flows *f = calloc(1, sizeof *f);
    size_t buckets = 1;
    while (buckets < max * 2)
        buckets *= 2;
    if (f) {
        *f = (struct flows){.max = max, .n_buckets = buckets, .free = NONE, .seed = seed};
        f->all = calloc(max, sizeof *f->all); /* touched as flows come */
        f->buckets = malloc(buckets * sizeof *f->buckets);
    }
    if (!f || !f->all || !f->buckets)
        log_die("out of memory");
    for (size_t i = 0; i < buckets; i++)
        f->buckets[i] = NONE;
    for (size_t i = 0; i < LISTS; i++)
        f->lists[i] = (struct ends_list){NONE, NONE};
    f->fn = fn;
    f->arg = arg;
    return f;
}

void flows_free(struct flows *f)
{
    if (!f)
        return;
    free(f->all);
    free(f->buckets);
    free(f);
}

struct flows_counts flows_counts(const struct flows *f)
{
    return f->counts;
}

/* ---- the table ---- */

static uint64_t mixed(uint64_t x)
{
    x ^= x >> 32;
    x *= 0xd6e8feb86659fd93;
    x ^= x >> 32;
    x *= 0xd6e8feb86659fd93;
    return x ^ x >> 32;
}

static int32_t *bucket_of(const struct flows *f, const struct endpoints *e)
{
    uint64_t addresses = (uint64_t)e->pod << 32 | e->peer;
    uint64_t ports = (uint64_t)e->pod_port << 16 | e->peer_port;
    return &f->buckets[mixed(mixed(addresses ^ f->seed) ^ ports ^ f->seed >> 7) &
                       (f->n_buckets - 1)];
}

static bool same_ends(const struct endpoints *a, const struct endpoints *b)
{
    return a->pod == b->pod && a->peer == b->peer && a->pod_port == b->pod_port &&
           a->peer_port == b->peer_port;
}

static struct flow *find(const struct flows *f, const struct endpoints *e)
{
    for (int32_t i = *bucket_of(f, e); i != NONE; i = f->all[i].chain)
        if (same_ends(&f->all[i].ends, e))
            return &f->all[i];
    return NULL;
}

static void unlist(struct flows *f, struct flow *w)
{
    struct ends_list *l = &f->lists[w->list];
    *(w->newer == NONE ? &l->newest : &f->all[w->newer].older) = w->older;
    *(w->older == NONE ? &l->oldest : &f->all[w->older].newer) = w->newer;
}

static void enlist(struct flows *f, struct flow *w, enum list to)
{
    struct ends_list *l = &f->lists[to];
    int32_t at = (int32_t)(w - f->all);
    w->list = (uint8_t)to;
    w->newer = NONE;
    w->older = l->newest;
    *(l->newest == NONE ? &l->oldest : &f->all[l->newest].newer) = at;
    l->newest = at;
}

static void remove_flow(struct flows *f, struct flow *w)
{
    int32_t at = (int32_t)(w - f->all), *link = bucket_of(f, &w->ends);
    while (*link != at)
        link = &f->all[*link].chain;
    *link = w->chain;
    unlist(f, w);
    w->chain = f->free;
    f->free = at;
    f->counts.open--;
}

/* A clock may be set back meanwhile. */
static int64_t since(int64_t began_ns, int64_t at_ns)
{
    return at_ns > began_ns ? at_ns - began_ns : 0;
}

/* What waits for an answer will not get one. */
static void end_pending(struct flows *f, struct flow *w, int status, int64_t at_ns)
{
    for (; w->n_pending > 0 && !w->alien && !http1_is_lost(&w->answers.reader); w->n_pending--) {
        const struct pending *p = &w->pending[w->first];
        const struct exchange x = {w->ends, p->method, status, since(p->began_ns, at_ns), p->agent};
        f->fn(f->arg, &x);
        w->first = (uint8_t)((w->first + 1) % PENDING);
    }
}

static void give_way(struct flows *f, struct flow *w)
{
    if (w->list == LEAVING)
        end_pending(f, w, EXCHANGE_CLIENT_LEFT, w->seen_ns);
    remove_flow(f, w);
}

static struct flow *new_flow(struct flows *f, const struct endpoints *e)
{
    if (f->free == NONE && f->used == f->max) {
        int32_t out = f->lists[LEAVING].oldest;
        give_way(f, &f->all[out == NONE ? f->lists[OPEN].oldest : out]);
        f->counts.evicted++;
    }
    int32_t at = f->free;
    if (at == NONE)
        at = (int32_t)f->used++;
    else
        f->free = f->all[at].chain;
    struct flow *w = &f->all[at];
    int32_t *bucket = bucket_of(f, e);
    *w = (struct flow){.ends = *e, .chain = *bucket};
    *bucket = at;
    http1_init(&w->requests.reader, false);
    http1_init(&w->answers.reader, true);
    enlist(f, w, OPEN);
    f->counts.open++;
    return w;
}

void flows_expire(struct flows *f, int64_t now_ns)
{
    const int64_t limits[LISTS] = {[OPEN] = idle_ns, [LEAVING] = leaving_ns};
    for (size_t i = 0; i < LISTS; i++)
        for (int32_t at;
             (at = f->lists[i].oldest) != NONE && now_ns - f->all[at].seen_ns > limits[i];)
            give_way(f, &f->all[at]);
}

/* ---- messages ---- */

static void leave_alone(struct flows *f, struct flow *w, enum http1_protocol p)
{
    w->alien = true;
    if (w->counted)
        return;
    w->counted = true;
    if (p == HTTP1_IS_TLS)
        f->counts.tls++;
    else if (p == HTTP1_IS_HTTP2)
        f->counts.http2++;
    else
        f->counts.other++;
}

static void request_event(struct flows *f, struct flow *w, enum http1_event event, int64_t at_ns)
{
    const struct http1 *r = &w->requests.reader;
    if (event == HTTP1_BEGAN) {
        if (http1_is_lost(&w->answers.reader))
            w->n_pending = 0; /* their answers are what was lost */
        if (w->n_pending == PENDING) {
            leave_alone(f, w, HTTP1_IS_OTHER);
            return;
        }
        w->pending[(w->first + w->n_pending++) % PENDING] = (struct pending){.began_ns = at_ns};
    } else if (w->n_pending > 0) {
        struct pending *p = &w->pending[(w->first + w->n_pending - 1) % PENDING];
        p->method = r->head.method;
        memcpy(p->agent, r->head.agent, sizeof p->agent);
        f->counts.http += !w->counted;
        w->counted = true;
    }
}

static void answer_began(struct flow *w, int64_t at_ns)
{
    while (w->resumed && w->n_pending > 1) { /* a gap held the answers to the earlier ones */
        w->first = (uint8_t)((w->first + 1) % PENDING);
        w->n_pending--;
    }
    w->resumed = false;
    w->answer_ns = at_ns;
    w->answers.reader.asked = w->n_pending > 0 ? w->pending[w->first].method : HTTP1_OTHER_METHOD;
}

static void answered(struct flows *f, struct flow *w)
{
    int status = w->answers.reader.head.status;
    w->alien |= http1_is_over(&w->answers.reader); /* upgraded, or a tunnel */
    if (status < 200 && status != 101)
        return; /* the answer proper is yet to come */
    if (w->n_pending == 0) {
        f->counts.unmatched++;
    } else {
        const struct pending *p = &w->pending[w->first];
        const struct exchange x = {w->ends, p->method, status, since(p->began_ns, w->answer_ns),
                                   p->agent};
        f->fn(f->arg, &x);
        w->first = (uint8_t)((w->first + 1) % PENDING);
        w->n_pending--;
    }
}

static void happened(struct flows *f, struct flow *w, struct direction *d, enum http1_event event,
                     int64_t at_ns)
{
    if (event == HTTP1_ALIEN)
        leave_alone(f, w, d->reader.protocol);
    else if (event != HTTP1_NOTHING && d == &w->requests)
        request_event(f, w, event, at_ns);
    else if (event == HTTP1_BEGAN)
        answer_began(w, at_ns);
    else if (event == HTTP1_HEADED)
        answered(f, w);
}

static void skip(struct flows *f, struct flow *w, struct direction *d, uint64_t n, int64_t at_ns)
{
    bool lost = http1_is_lost(&d->reader);
    happened(f, w, d, http1_skip(&d->reader, n), at_ns);
    f->counts.gaps += !lost && http1_is_lost(&d->reader);
}

/* ---- segments ---- */

static void take_bytes(struct flows *f, struct flow *w, const struct segment *s, int64_t at_ns)
{
    struct direction *d = s->to_pod ? &w->requests : &w->answers;
    uint32_t seq = s->seq + !!(s->flags & SEGMENT_SYN);
    if (!d->known) { /* it was there before we looked */
        d->known = true;
        d->next = seq;
        (void)http1_skip(&d->reader, 1);
    }
    bool again = (int32_t)(seq - d->next) < 0;
    uint32_t old = again ? d->next - seq : 0;
    if (old >= s->length)
        return;
    if (!again)
        skip(f, w, d, seq - d->next, at_ns);
    d->next = seq + s->length;
    size_t at = old < s->captured ? old : s->captured;
    if (http1_is_lost(&d->reader) &&
        http1_looks_like_head(!s->to_pod, s->bytes + at, s->captured - at)) {
        http1_restart(&d->reader);
        w->resumed |= !s->to_pod;
    }
    while (at < s->captured && !w->alien) {
        enum http1_event event;
        at += http1_read(&d->reader, s->bytes + at, s->captured - at, &event);
        happened(f, w, d, event, at_ns);
    }
    if (!w->alien)
        skip(f, w, d, s->length - (at > old ? at : old), at_ns);
}

static struct flow *flow_of(struct flows *f, const struct segment *s)
{
    struct flow *w = find(f, &s->ends);
    bool opens = s->to_pod && (s->flags & SEGMENT_SYN) && !(s->flags & SEGMENT_ACK);
    if (w && opens && w->requests.next != s->seq + 1) { /* the same ports once more */
        remove_flow(f, w);
        w = NULL;
    }
    if (w || !s->to_pod)
        return w;
    if (!opens && !http1_looks_like_head(false, s->bytes, s->captured))
        return NULL;
    w = new_flow(f, &s->ends);
    w->requests.known = true;
    w->requests.next = opens ? s->seq + 1 : s->seq;
    return w;
}

void flows_take(struct flows *f, const struct segment *s, int64_t at_ns)
{
    struct flow *w = flow_of(f, s);
    if (!w)
        return;
    bool left = w->list == LEAVING, fin = s->flags & SEGMENT_FIN, rst = s->flags & SEGMENT_RST;
    w->seen_ns = at_ns;
    if (!s->to_pod && (s->flags & SEGMENT_SYN) && !w->answers.known) {
        w->answers.known = true;
        w->answers.next = s->seq + 1;
    }
    if (s->length > 0 && !w->alien && !rst)
        take_bytes(f, w, s, at_ns);
    unlist(f, w);
    enlist(f, w, left || (s->to_pod && fin) ? LEAVING : OPEN);
    if (rst || (fin && !s->to_pod)) {
        end_pending(f, w, s->to_pod || left ? EXCHANGE_CLIENT_LEFT : EXCHANGE_NO_ANSWER, at_ns);
        remove_flow(f, w);
    }
}
