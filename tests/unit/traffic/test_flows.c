/* Connections in a text file, a segment a step: the exchanges that were seen in them. */
#include "base/arena.h"
#include "table.h"
#include "traffic/flows.h"

enum { OUT_MAX = 4096, POD = 0x0a580002, PEER = 0x0a580003 };
static const int64_t ms = 1000000;

static void say(void *arg, const struct exchange *x)
{
    buf_printf(arg, "%s %d in %lld, ", http1_method_name(x->method), x->status,
               (long long)(x->took_ns / ms));
}

struct play {
    struct flows *flows;
    uint32_t next[2]; /* sequence numbers from and to the pod */
    uint16_t peer_port;
    int64_t now_ns;
};

static size_t unescape(char *text)
{
    char *to = text;
    for (const char *s = text; *s; s++)
        *to++ = *s != '\\' ? *s : *++s == 'r' ? '\r' : '\n';
    *to = '\0';
    return (size_t)(to - text);
}

static void send_segment(struct play *p, bool to_pod, uint8_t flags, const char *text, size_t kept)
{
    size_t n = strlen(text);
    const struct segment s = {
        .ends = {POD, PEER, 80, p->peer_port},
        .to_pod = to_pod,
        .flags = flags,
        .seq = p->next[to_pod],
        .bytes = (const uint8_t *)text,
        .length = (uint32_t)n,
        .captured = (uint32_t)(kept < n ? kept : n)
    };
    p->next[to_pod] += (uint32_t)n + !!(flags & (SEGMENT_SYN | SEGMENT_FIN));
    flows_take(p->flows, &s, p->now_ns);
}

static uint8_t flag(char c)
{
    return c == 'F' ? SEGMENT_FIN : c == 'R' ? SEGMENT_RST : SEGMENT_SYN;
}

/* "S": both SYNs; "> x", "< x": a segment to or from the pod; ">F", ">R": FIN, RST; "-> x": one
 * that was missed; "=> x": one that comes once more; "N> x": one of which N bytes are seen; "+N":
 * ms; "P": other ports of the peer from here. */
static void step(struct play *p, char *s)
{
    char *dir = strpbrk(s, "<>");
    if (*s == 'S') {
        send_segment(p, true, SEGMENT_SYN, "", 0);
        send_segment(p, false, SEGMENT_SYN | SEGMENT_ACK, "", 0);
    } else if (*s == '+') {
        p->now_ns += strtoll(s + 1, NULL, 10) * ms;
        flows_expire(p->flows, p->now_ns);
    } else if (*s == 'P') {
        p->peer_port++;
    } else if (dir) {
        bool to_pod = *dir == '>', cut = *s >= '0' && *s <= '9';
        char *text = dir[1] == ' ' ? dir + 2 : dir + 1;
        size_t kept = cut ? strtoul(s, NULL, 10) : OUT_MAX, n = unescape(text);
        uint32_t before = p->next[to_pod];
        if (*s == '-')
            p->next[to_pod] += (uint32_t)n;
        else if (*s == '=')
            p->next[to_pod] -= (uint32_t)n;
        if (*s != '-' && dir[1] == ' ')
            send_segment(p, to_pod, SEGMENT_ACK, text, kept);
        else if (*s != '-')
            send_segment(p, to_pod, flag(dir[1]) | SEGMENT_ACK, "", 0);
        if (*s == '=')
            p->next[to_pod] = before;
    }
}

static const char *connection(char **cells, size_t n, struct arena *a)
{
    AUTO_BUF struct buf out;
    char *save = NULL;
    buf_init(&out, OUT_MAX);
    AUTO(flows) struct flows *f = flows_new(4, 1, say, &out);
    struct play p = {
        .flows = f, .next = {UINT32_MAX - 20, UINT32_MAX - 30},
             .peer_port = 4000
    };
    for (char *s = strtok_r(cells[n - 1], ";", &save); s; s = strtok_r(NULL, ";", &save))
        step(&p, s + strspn(s, " "));
    struct flows_counts c = flows_counts(f);
    const struct {
        const char *name;
        uint64_t n;
    } counts[] = {
        {"http2",     c.http2    },
        {"tls",       c.tls      },
        {"other",     c.other    },
        {"open",      c.open     },
        {"gaps",      c.gaps     },
        {"evicted",   c.evicted  },
        {"unmatched", c.unmatched},
    };
    for (size_t i = 0; i < ARRAY_LEN(counts); i++)
        if (counts[i].n)
            buf_printf(&out, "%s %llu, ", counts[i].name, (unsigned long long)counts[i].n);
    buf_putc(&out, '\0');
    return arena_strndup(a, out.data, out.len > 2 ? out.len - 3 : 0);
}

static void connections(void)
{
    table_run(CASES "/traffic/flows.txt", connection);
}

static void many(void)
{
    AUTO_BUF struct buf out;
    buf_init(&out, OUT_MAX);
    AUTO(flows) struct flows *f = flows_new(100, 7, say, &out);
    struct play p = {.flows = f};
    for (int i = 0; i < 1000; i++) {
        p.peer_port++;
        p.next[0] = p.next[1] = (uint32_t)i;
        send_segment(&p, true, SEGMENT_SYN, "", 0);
    }
    T_EQ_INT(flows_counts(f).open, 100, "no more than there is room for");
    T_EQ_INT(flows_counts(f).evicted, 900, "the others gave way");
    p.now_ns = 3600 * 1000 * ms;
    flows_expire(f, p.now_ns);
    T_EQ_INT(flows_counts(f).open, 0, "silent for an hour");
}

T_MAIN(connections, many)
