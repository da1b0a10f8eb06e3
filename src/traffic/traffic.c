#include "traffic/traffic.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <poll.h>
#include <stddef.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"

enum {
    BLOCK = 128 * 1024,
    BLOCKS = 16,
    FRAME = 4096,       /* only what the kernel wants to know; frames are as long as packets */
    HAND_OVER_MS = 100, /* a block that is not full */
    SWEEP_MS = 1000,
    LOOPBACK = 1, /* the index of every namespace's lo */
};

struct traffic {
    int socket, stop;
    uint8_t *ring;
    uint32_t pods, mask;
    pthread_t thread;
    bool running;
    struct tally *tally;
    struct flows *flows; /* the thread's */
    pthread_mutex_t lock;
    struct traffic_counts counts; /* under lock */
};

/* ---- what counts ---- */

/* By which slipway itself asks how a pod is. A pod cannot hide its requests so. */
static bool is_own(const struct traffic *t, const struct exchange *x)
{
    static const char *const agents[] = {"kube-probe/", "slipway-scraper"};
    uint32_t host = t->pods + 1, peer = x->ends.peer;
    bool from_pod = (peer & t->mask) == t->pods && peer != host;
    for (size_t i = 0; i < ARRAY_LEN(agents) && !from_pod; i++)
        if (strncmp(x->agent, agents[i], strlen(agents[i])) == 0)
            return true;
    return false;
}

static void exchanged(void *arg, const struct exchange *x)
{
    const struct traffic *t = arg;
    if (!is_own(t, x))
        tally_add(t->tally, x);
}

/* ---- the ring ---- */

static void take_packet(struct traffic *t, const struct tpacket3_hdr *h)
{
    const struct sockaddr_ll *from =
        (const void *)((const uint8_t *)h + TPACKET3_HDRLEN - sizeof *from);
    int64_t at_ns = h->tp_sec * (int64_t)1000000000 + h->tp_nsec;
    struct segment s;
    if (segment_read((const uint8_t *)h + h->tp_net, h->tp_snaplen, h->tp_len,
                     from->sll_pkttype == PACKET_OUTGOING, &s))
        flows_take(t->flows, &s, at_ns);
}

static uint32_t take_block(struct traffic *t, struct tpacket_block_desc *b)
{
    uint32_t n = b->hdr.bh1.num_pkts;
    const uint8_t *at = (const uint8_t *)b + b->hdr.bh1.offset_to_first_pkt;
    for (uint32_t i = 0; i < n; i++) {
        const struct tpacket3_hdr *h = (const void *)at;
        take_packet(t, h);
        at += h->tp_next_offset;
    }
    __atomic_store_n(&b->hdr.bh1.block_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
    return n;
}

static void keep_counts(struct traffic *t, uint64_t packets)
{
    struct tpacket_stats_v3 s = {0}; /* since it was asked last */
    socklen_t n = sizeof s;
    (void)getsockopt(t->socket, SOL_PACKET, PACKET_STATISTICS, &s, &n);
    LOCK_SCOPE(&t->lock);
    t->counts.packets += packets;
    t->counts.dropped += s.tp_drops;
    t->counts.flows = flows_counts(t->flows);
}

static bool is_ready(struct tpacket_block_desc *b)
{
    return __atomic_load_n(&b->hdr.bh1.block_status, __ATOMIC_ACQUIRE) & TP_STATUS_USER;
}

static void *listen_on(void *arg)
{
    struct traffic *t = arg;
    struct pollfd fds[] = {
        {t->socket, POLLIN, 0},
        {t->stop,   POLLIN, 0}
    };
    uint64_t packets = 0;
    for (uint32_t at = 0; !fds[1].revents;) {
        struct tpacket_block_desc *b = (void *)(t->ring + (size_t)at * BLOCK);
        if (is_ready(b)) {
            packets += take_block(t, b);
            at = (at + 1) % BLOCKS;
            continue;
        }
        flows_expire(t->flows, clock_real_ns());
        keep_counts(t, packets);
        packets = 0;
        if (poll(fds, 2, t->counts.flows.open ? SWEEP_MS : -1) < 0 && errno != EINTR)
            break;
    }
    return NULL;
}

/* ---- the socket ---- */

/* Offsets count from the IP header, jumps from the next line. A segment with neither bytes nor SYN,
 * FIN or RST says nothing: of a busy connection that is every other one. */
static int set_filter(const struct traffic *t, struct err *e)
{
    enum { TAKE = 25, LEAVE = 26 };
    struct sock_filter all[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)(SKF_AD_OFF + SKF_AD_IFINDEX)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, LOOPBACK, LEAVE - 2, 0),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)(SKF_AD_OFF + SKF_AD_PROTOCOL)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETH_P_IP, 0, LEAVE - 4),
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 9),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_TCP, 0, LEAVE - 6),
        BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 6),
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 0x1fff, LEAVE - 8, 0), /* a later fragment */
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)(SKF_AD_OFF + SKF_AD_PKTTYPE)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PACKET_OUTGOING, 0, 2),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 16), /* to a pod */
        BPF_STMT(BPF_JMP | BPF_JA, 1),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 12), /* from a pod */
        BPF_STMT(BPF_ALU | BPF_AND | BPF_K, t->mask),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, t->pods, 0, LEAVE - 15),
        BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 0),
        BPF_STMT(BPF_LD | BPF_B | BPF_IND, 13),
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, SEGMENT_FIN | SEGMENT_SYN | SEGMENT_RST, TAKE - 18, 0),
        BPF_STMT(BPF_LD | BPF_B | BPF_IND, 12), /* both headers' length */
        BPF_STMT(BPF_ALU | BPF_RSH | BPF_K, 4),
        BPF_STMT(BPF_ALU | BPF_LSH | BPF_K, 2),
        BPF_STMT(BPF_ALU | BPF_ADD | BPF_X, 0),
        BPF_STMT(BPF_MISC | BPF_TAX, 0),
        BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 2),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_X, 0, LEAVE - 25, TAKE - 25),
        [TAKE] = BPF_STMT(BPF_RET | BPF_K, TRAFFIC_SNAP),
        [LEAVE] = BPF_STMT(BPF_RET | BPF_K, 0),
    };
    const struct sock_fprog program = {ARRAY_LEN(all), all};
    if (setsockopt(t->socket, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) < 0)
        return err_sys(e, errno, "set the filter of a packet socket");
    return 0;
}

static int map_ring(struct traffic *t, struct err *e)
{
    const int version = TPACKET_V3;
    const struct tpacket_req3 want = {.tp_block_size = BLOCK,
                                      .tp_block_nr = BLOCKS,
                                      .tp_frame_size = FRAME,
                                      .tp_frame_nr = BLOCK / FRAME * BLOCKS,
                                      .tp_retire_blk_tov = HAND_OVER_MS};
    if (setsockopt(t->socket, SOL_PACKET, PACKET_VERSION, &version, sizeof version) < 0 ||
        setsockopt(t->socket, SOL_PACKET, PACKET_RX_RING, &want, sizeof want) < 0)
        return err_sys(e, errno, "make the ring of a packet socket");
    void *ring =
        mmap(NULL, (size_t)BLOCK * BLOCKS, PROT_READ | PROT_WRITE, MAP_SHARED, t->socket, 0);
    if (ring == MAP_FAILED)
        return err_sys(e, errno, "map the ring of a packet socket");
    t->ring = ring;
    return 0;
}

/* It hears nothing before its filter and its ring are there. */
static int open_socket(struct traffic *t, struct err *e)
{
    const struct sockaddr_ll all = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL)};
    t->socket = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (t->socket < 0 && errno == EPERM)
        return err_set(e, ERR_DENIED, "open a packet socket: it needs CAP_NET_RAW");
    t->stop = eventfd(0, EFD_CLOEXEC);
    if (t->socket < 0 || t->stop < 0)
        return err_sys(e, errno, "open a packet socket");
    int r = set_filter(t, e);
    if (r == 0)
        r = map_ring(t, e);
    if (r == 0 && bind(t->socket, (const struct sockaddr *)&all, sizeof all) < 0)
        r = err_sys(e, errno, "bind a packet socket");
    return r;
}

int traffic_start(uint32_t pods, int prefix, struct tally *tally, struct traffic **out,
                  struct err *e)
{
    AUTO(traffic) struct traffic *t = calloc(1, sizeof *t);
    uint64_t seed = 0;
    if (!t)
        log_die("out of memory");
    t->socket = t->stop = -1;
    t->mask = UINT32_MAX << (32 - prefix);
    t->pods = pods & t->mask;
    t->tally = tally;
    (void)pthread_mutex_init(&t->lock, NULL);
    int r = open_socket(t, e);
    if (r == 0 && getrandom(&seed, sizeof seed, 0) != sizeof seed)
        r = err_sys(e, errno, "get random bytes");
    if (r < 0)
        return r;
    t->flows = flows_new(TRAFFIC_FLOWS, seed, exchanged, t);
    r = thread_start(&t->thread, "traffic", 0, listen_on, t, e);
    if (r < 0)
        return r;
    t->running = true;
    *out = take_ptr(t);
    return 0;
}

void traffic_free(struct traffic *t)
{
    if (!t)
        return;
    if (t->running) {
        (void)eventfd_write(t->stop, 1);
        (void)pthread_join(t->thread, NULL);
    }
    if (t->ring)
        (void)munmap(t->ring, (size_t)BLOCK * BLOCKS);
    if (t->socket >= 0)
        (void)close(t->socket);
    if (t->stop >= 0)
        (void)close(t->stop);
    flows_free(t->flows);
    (void)pthread_mutex_destroy(&t->lock);
    free(t);
}

struct traffic_counts traffic_counts(struct traffic *t)
{
    LOCK_SCOPE(&t->lock);
    return t->counts;
}
