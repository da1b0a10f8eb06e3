/* traffic.h - requests to pods, seen at their links from outside: how many, with what answer, how
 * long each took. No part of the application or of its connections knows of it.
 *
 * Model      One packet socket hears all links of this network namespace; a filter in the kernel
 *            passes on IPv4 TCP segments at a pod's own end (towards its address and from it) that
 *            say something, each cut to TRAFFIC_SNAP bytes, into a ring. One thread reads them
 *            into flows, and these count exchanges in a tally.
 * Guarantees Nothing is delayed or changed: a packet is copied or, when the ring is full, left out
 *            and counted. Memory is bounded: the ring, TRAFFIC_FLOWS flows, the tally.
 * Threads    One of its own; the functions here from any.
 * Lifetime   The tally outlives it.
 * Not here   HTTP/2 and what is encrypted: such connections are counted by their protocol only.
 *            Pods on the host's network.                                                    */
#pragma once
#include <stdint.h>

#include "base/err.h"
#include "base/own.h"
#include "traffic/tally.h"

enum { TRAFFIC_SNAP = 2048, TRAFFIC_FLOWS = 8192 };

struct traffic;
/* pods: the range of their addresses, "10.88.0.0/16" in host byte order and bits;
 * its first address is the host's.
 * ERR_DENIED without CAP_NET_RAW. */
int traffic_start(uint32_t pods, int prefix, struct tally *t, struct traffic **out,
                  struct err *e) MUST_CHECK;
void traffic_free(struct traffic *t);
AUTO_DEFINE(traffic)

struct traffic_counts {
    uint64_t packets, dropped; /* read; left out by the kernel because the ring was full */
    struct flows_counts flows;
};
struct traffic_counts traffic_counts(struct traffic *t);
