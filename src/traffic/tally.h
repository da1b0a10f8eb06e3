/* tally.h - what was exchanged with each port of each pod: requests by method and code, and a
 * histogram of how long answers took.
 *
 * Model      An exchange counts for an address and port at once; whose they are is told by
 *            tally_set_pods(), also later. A visit gives a row for every service behind which the
 *            port stands, or one without a service.
 * Guarantees Bounded: TALLY_PORTS ports, TALLY_CODES pairs of method and code each; what is more
 *            counts as method "other" with the code's class ("5xx"), or is counted as refused. A
 *            pod that gets an address which another one had begins at nothing. A pair of method
 *            and code, and a histogram, are first shown as 0, so that rate() sees the first ones.
 * Threads    Any; calls are serialised.                                                     */
#pragma once
#include "base/arena.h"
#include "traffic/flows.h"

enum { TALLY_PORTS = 4096, TALLY_CODES = 64, TALLY_BOUNDS = 14 };

struct tally_service {
    const char *name;
    uint16_t port; /* of the pod */
};
struct tally_pod {
    uint32_t ip; /* in host byte order */
    const char *ns, *name, *uid;
    const char *workload, *hash; /* what it is a copy of, and of which template; "": none */
    const struct tally_service *services;
    size_t n_services;
};

struct tally;
struct tally *tally_new(void);
void tally_free(struct tally *t);
AUTO_DEFINE(tally)

void tally_add(struct tally *t, const struct exchange *x);
/* All pods there are; copied. */
void tally_set_pods(struct tally *t, const struct tally_pod *pods, size_t n);
uint64_t tally_refused(struct tally *t);

/* Bounds of the buckets in seconds, as text; the last is "+Inf". */
extern const char *const tally_bounds[TALLY_BOUNDS];

struct tally_count {
    const char *method, *code;
    uint64_t n;
};
struct tally_row {
    const char *ns, *pod, *workload, *hash, *service; /* the last three may be "" */
    uint16_t port;
    const struct tally_count *counts;
    size_t n_counts;
    uint64_t buckets[TALLY_BOUNDS]; /* cumulative; the last is the number of answers */
    double seconds;
};
/* No lock is held while `fn` runs; what it gets ends with the visit. */
void tally_visit(struct tally *t, void (*fn)(void *arg, const struct tally_row *r), void *arg);
