/* Where a stream is cut, and whether its bodies' bytes are seen, makes no difference: requests
 * stand before the first 0xff, answers behind it. Of both, thrown at a connection as segments, come
 * no more exchanges than there are bytes. */
#include "fuzz.h"

#include "traffic/flows.h"

enum { EVENTS_MAX = 256, POD = 0x0a580002 };

struct story {
    struct {
        enum http1_event event;
        size_t at;
        struct http1_head head;
    } events[EVENTS_MAX];
    size_t n;
};

static void tell(struct story *s, const struct http1 *h, enum http1_event event, size_t at)
{
    if (event == HTTP1_NOTHING || s->n == EVENTS_MAX)
        return;
    s->events[s->n].event = event;
    s->events[s->n].at = at;
    s->events[s->n].head = event == HTTP1_HEADED ? h->head : (struct http1_head){0};
    s->n++;
}

static void read_story(bool answers, const uint8_t *data, size_t size, size_t piece, bool skips,
                       struct story *out)
{
    struct http1 h;
    out->n = 0;
    http1_init(&h, answers);
    for (size_t at = 0; at < size;) {
        enum http1_event event = HTTP1_NOTHING;
        size_t some = size - at < piece ? size - at : piece;
        struct http1 ahead = h;
        if (skips && http1_skip(&ahead, some) == HTTP1_NOTHING && !http1_is_lost(&ahead)) {
            h = ahead;
            at += some;
        } else {
            size_t took = http1_read(&h, data + at, some, &event);
            MUST(took == some || event != HTTP1_NOTHING);
            at += took;
        }
        tell(out, &h, event, at);
    }
}

static void same(const struct story *a, const struct story *b)
{
    MUST(a->n == b->n);
    for (size_t i = 0; i < a->n; i++) {
        MUST(a->events[i].event == b->events[i].event && a->events[i].at == b->events[i].at);
        MUST(memcmp(&a->events[i].head, &b->events[i].head, sizeof a->events[i].head) == 0);
    }
}

static void any_pieces(bool answers, const uint8_t *data, size_t size)
{
    static struct story whole, cut;
    read_story(answers, data, size, size, false, &whole);
    for (size_t piece = 1; piece < 40; piece = piece * 2 + 1) {
        read_story(answers, data, size, piece, false, &cut);
        same(&cut, &whole);
        read_story(answers, data, size, piece, true, &cut);
        same(&cut, &whole);
    }
}

static void count(void *arg, const struct exchange *x)
{
    MUST(x->took_ns >= 0 && strlen(x->agent) < sizeof((struct http1_head){0}).agent);
    ++*(size_t *)arg;
}

/* Each eight bytes say how a segment is; its bytes follow. */
static void any_segments(const uint8_t *data, size_t size)
{
    size_t exchanges = 0;
    AUTO(flows) struct flows *f = flows_new(3, 1, count, &exchanges);
    for (size_t at = 0; size - at >= 8; at += 8) {
        const uint8_t *d = data + at;
        size_t rest = size - at - 8, n = d[5] < rest ? d[5] : rest;
        const struct segment s = {
            .ends = {POD, d[0] % 5, 80, 1},
            .to_pod = d[1] & 1,
            .flags = d[2],
            .seq = d[3],
            .length = (uint32_t)n + d[4] % 16,
            .bytes = d + 8,
            .captured = (uint32_t)n
        };
        flows_take(f, &s, (int64_t)at * d[7] * 100000000);
        if (d[6] == 0)
            flows_expire(f, (int64_t)at * 25600000000);
        at += n;
        MUST(flows_counts(f).open <= 3);
    }
    MUST(exchanges <= size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t n = fuzz_split(data, size);
    any_pieces(false, data, n);
    if (n < size)
        any_pieces(true, data + n + 1, size - n - 1);
    any_segments(data, size);
    return 0;
}
