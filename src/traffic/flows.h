/* flows.h - connections to pods, followed from segments to exchanges of a request and its answer.
 *
 * Model      A flow begins with a SYN towards a pod, or, when it was there before we looked, with a
 *            segment towards a pod that begins like a request. Each direction has a reader of its
 *            own (http1.h); answers are matched to requests in their order.
 * Guarantees Pure: time is handed in. At most `max` flows of a fixed size; the one that was silent
 *            longest gives way. Segments sent twice are taken once; behind a gap a direction is
 *            picked up at the next head. What is not HTTP/1 is recognised and left alone.
 * Threads    One.                                                                          */
#pragma once
#include "base/own.h"
#include "traffic/http1.h"
#include "traffic/segment.h"

/* What a request came to when no answer was seen. */
enum { EXCHANGE_NO_ANSWER = 0, EXCHANGE_CLIENT_LEFT = 499 };

struct exchange {
    struct endpoints ends;
    enum http1_method method;
    int status;        /* or one of the two above */
    int64_t took_ns;   /* first byte of the request to first byte of the answer, or to the end */
    const char *agent; /* how the User-Agent begins */
};
typedef void (*exchange_fn)(void *arg, const struct exchange *x);

struct flows_counts {
    size_t open;
    uint64_t http, http2, tls, other; /* flows by what they turned out to be */
    uint64_t evicted;                 /* flows that gave way to new ones */
    uint64_t gaps;                    /* directions that lost their place */
    uint64_t unmatched;               /* answers whose request was not seen */
};

struct flows;
/* `seed`: random, so that nobody outside can choose what collides. */
struct flows *flows_new(size_t max, uint64_t seed, exchange_fn fn, void *arg);
void flows_free(struct flows *f);
AUTO_DEFINE(flows)

/* at_ns: when the segment passed. */
void flows_take(struct flows *f, const struct segment *s, int64_t at_ns);
/* Ends flows that were silent too long. */
void flows_expire(struct flows *f, int64_t now_ns);
struct flows_counts flows_counts(const struct flows *f);
