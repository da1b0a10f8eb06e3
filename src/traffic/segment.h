/* segment.h - one TCP segment at a pod's end of its link, read out of a captured IPv4 packet. Pure.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The two ends of a connection as the pod sees them; addresses in host byte order. */
struct endpoints {
    uint32_t pod, peer;
    uint16_t pod_port, peer_port;
};

enum { SEGMENT_FIN = 1, SEGMENT_SYN = 2, SEGMENT_RST = 4, SEGMENT_ACK = 16 };

struct segment {
    struct endpoints ends;
    bool to_pod;
    uint8_t flags;
    uint32_t seq, length; /* bytes of payload on the wire, of which the first are captured */
    const uint8_t *bytes;
    uint32_t captured;
};

/* `wire`: the packet's length from its IP header on. False: no TCP, or cut too short. */
bool segment_read(const uint8_t *packet, size_t captured, size_t wire, bool to_pod,
                  struct segment *out);
