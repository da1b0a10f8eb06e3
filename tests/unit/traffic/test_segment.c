#include "t.h"
#include "traffic/segment.h"

enum { HEADERS = 40 };

/* 10.88.0.3:4000 to 10.88.0.2:80, ACK, sequence number 5, two bytes. */
static const uint8_t good[HEADERS + 2] = {
    0x45, 0, 0,  42, 0, 1, 0x40, 0, 64, 6, 0, 0,    10,   88, 0, 3, 10, 88, 0, 2,   0x0f,
    0xa0, 0, 80, 0,  0, 0, 5,    0, 0,  0, 0, 0x50, 0x10, 0,  1, 0, 0,  0,  0, 'h', 'i'};

static void whole(void)
{
    struct segment s;
    T_OK(segment_read(good, sizeof good, sizeof good, true, &s), "read");
    T_EQ_INT(s.ends.pod, 0x0a580002, "to a pod");
    T_EQ_INT(s.ends.peer, 0x0a580003, "from its peer");
    T_EQ_INT(s.ends.pod_port, 80, "port");
    T_EQ_INT(s.ends.peer_port, 4000, "the other port");
    T_EQ_INT(s.seq, 5, "sequence number");
    T_EQ_INT(s.length, 2, "bytes");
    T_EQ_INT(s.captured, 2, "captured");
    T_EQ_INT(s.bytes[1], 'i', "bytes");
    T_EQ_INT(s.flags, SEGMENT_ACK, "flags");
    T_OK(segment_read(good, sizeof good, sizeof good, false, &s), "read");
    T_EQ_INT(s.ends.pod_port, 4000, "from a pod");
    T_OK(segment_read(good, HEADERS + 1, sizeof good, true, &s), "read");
    T_EQ_INT(s.length, 2, "bytes on the wire");
    T_EQ_INT(s.captured, 1, "captured of them");
}

static void odd(void)
{
    static const struct {
        const char *name;
        size_t at;
        uint8_t byte;
        bool reads;
        uint32_t length;
    } cases[] = {
        {"IPv6",                           0,  0x65, false, 0},
        {"UDP",                            9,  17,   false, 0},
        {"an IP header that is too short", 0,  0x44, false, 0},
        {"one that is longer than all",    0,  0x4f, false, 0},
        {"a TCP header that is too short", 32, 0x40, false, 0},
        {"one that is longer than all",    32, 0xf0, false, 0},
        {"a length below the headers",     3,  39,   false, 0},
        {"no bytes, but padding",          3,  40,   true,  0},
        {"a length of the device's",       3,  0,    true,  2},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t packet[sizeof good];
        struct segment s = {0};
        memcpy(packet, good, sizeof good);
        packet[cases[i].at] = cases[i].byte;
        T_EQ_INT(segment_read(packet, sizeof good, sizeof good, true, &s), cases[i].reads,
                 cases[i].name);
        T_EQ_INT(s.length, cases[i].length, cases[i].name);
    }
    for (size_t n = 0; n < HEADERS; n++) {
        struct segment s;
        T_OK(!segment_read(good, n, sizeof good, true, &s), "cut in a header");
    }
}

T_MAIN(whole, odd)
