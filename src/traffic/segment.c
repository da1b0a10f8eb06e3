#include "traffic/segment.h"

#include "base/bytes.h"

enum { IP_MIN = 20, TCP_MIN = 20, PROTOCOL_TCP = 6 };

static uint16_t be16(const uint8_t *p)
{
    return (uint16_t)(p[0] << 8 | p[1]);
}

bool segment_read(const uint8_t *packet, size_t captured, size_t wire, bool to_pod,
                  struct segment *out)
{
    if (captured < IP_MIN || packet[0] >> 4 != 4 || packet[9] != PROTOCOL_TCP)
        return false;
    size_t ip = (size_t)(packet[0] & 15) * 4, total = be16(packet + 2);
    if (total == 0) /* what one packet's length cannot say: the device cuts it up later */
        total = wire;
    if (ip < IP_MIN || captured < ip + TCP_MIN)
        return false;
    const uint8_t *tcp = packet + ip;
    size_t head = ip + (size_t)(tcp[12] >> 4) * 4;
    if (head < ip + TCP_MIN || captured < head || total < head)
        return false;
    size_t kept = (captured < total ? captured : total) - head;
    uint32_t from = bytes_be32(packet + 12), to = bytes_be32(packet + 16);
    uint16_t from_port = be16(tcp), to_port = be16(tcp + 2);
    *out = (struct segment){
        .ends = to_pod ? (struct endpoints){to,   from, to_port,   from_port}
                       : (struct endpoints){from, to,   from_port, to_port  },
        .to_pod = to_pod,
        .flags = tcp[13],
        .seq = bytes_be32(tcp + 4),
        .length = (uint32_t)(total - head),
        .bytes = packet + head,
        .captured = (uint32_t)kept,
    };
    return true;
}
