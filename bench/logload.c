/* logload - hands log lines in over plain HTTP, and says how many and how large they were.
 *
 *   logload PORT PATH loki|bulk LINES BEGIN [HEADER ...]
 *
 * The same arguments make the same lines, whoever takes them: of twenty pods, 60 % JSON access
 * lines, 20 % of a Java service (one in eight with a stack trace), 20 % plain text. Their times
 * begin behind BEGIN, in seconds since 1970, and fill 50 minutes. One line in 500 000 has the word
 * chargeback, one in twenty the word retrying. It is a client that costs little: it shares the
 * machine. */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"

enum { PODS = 20, GROUP = 250, REQUEST_LINES = 1000, RARE = 500000, COMMON = 20, SPAN_S = 3000 };

struct source {
    uint64_t seed;
    uint64_t made, lines, text_bytes;
    int64_t begin_ns;
    bool bulk;
};

static void die(const char *what)
{
    (void)fprintf(stderr, "logload: %s\n", what);
    _exit(1);
}

static uint64_t dice(struct source *s)
{
    s->seed ^= s->seed << 13;
    s->seed ^= s->seed >> 7;
    s->seed ^= s->seed << 17;
    return s->seed * 0x2545F4914F6CDD1DULL >> 16;
}

#define PICK(s, list) (list)[dice(s) % (sizeof(list) / sizeof(list)[0])]

static const char *const paths[] = {"/api/v1/cart",     "/api/v1/checkout", "/api/v1/items",
                                    "/api/v1/sessions", "/healthz",         "/assets/app.js",
                                    "/api/v2/orders",   "/api/v2/search"};
static const char *const verbs[] = {"GET", "GET", "GET", "POST", "PUT", "DELETE"};
static const char *const agents[] = {
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0 "
    "Safari/537.36",
    "okhttp/4.12.0", "curl/8.5.0",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) Mobile/15E148"};
static const char *const classes[] = {"OrderService", "CartRepository", "PaymentGateway",
                                      "SessionFilter", "InventoryClient"};
static const int statuses[] = {200, 200, 200, 200, 200, 200, 201, 204, 304, 400, 404, 404, 503};

/* What a line says beside its numbers. */
static const char *mood(struct source *s)
{
    return s->made % RARE == RARE / 2 ? "chargeback" : s->made % COMMON == 7 ? "retrying" : "done";
}

static void access_line(struct source *s, struct buf *b)
{
    uint64_t r = dice(s);
    buf_printf(b,
               "{\"level\":\"info\",\"msg\":\"request %s\",\"method\":\"%s\",\"path\":\"%s/%u\","
               "\"status\":%d,\"duration_ms\":%u.%u,\"bytes\":%u,\"remote\":\"10.%u.%u.%u\","
               "\"agent\":\"%s\",\"trace_id\":\"%016llx%016llx\"}",
               mood(s), PICK(s, verbs), PICK(s, paths), (unsigned)(r % 5000), PICK(s, statuses),
               (unsigned)(r >> 8) % 900, (unsigned)(r >> 20) % 10, (unsigned)(r >> 12) % 65536,
               (unsigned)(r >> 4) % 4, (unsigned)(r >> 9) % 256, (unsigned)(r >> 17) % 256,
               PICK(s, agents), (unsigned long long)dice(s), (unsigned long long)dice(s));
}

static void java_line(struct source *s, struct buf *b)
{
    const char *class = PICK(s, classes);
    uint64_t r = dice(s);
    bool broken = r % 8 == 0;
    buf_printf(b, "%s [http-nio-8080-exec-%u] com.example.shop.%s - order %u of customer %u: %s",
               broken ? "ERROR" : "INFO ", (unsigned)(r >> 3) % 64, class,
               (unsigned)(r >> 9) % 1000000, (unsigned)(r >> 30) % 100000, mood(s));
    if (!broken)
        return;
    buf_printf(b, "\njava.lang.IllegalStateException: connection %u is closed",
               (unsigned)(r >> 5) % 1000);
    for (unsigned i = 0; i < 12; i++)
        buf_printf(b, "\n\tat com.example.shop.%s.handle%u(%s.java:%u)", class, i, class,
                   (unsigned)(40 + (r >> i) % 300));
}

static void plain_line(struct source *s, struct buf *b)
{
    uint64_t r = dice(s);
    buf_printf(b, "worker %u: job %llu took %u ms, queue depth %u, %s", (unsigned)(r % 16),
               (unsigned long long)(1000000 + s->made), (unsigned)(r >> 6) % 4000,
               (unsigned)(r >> 20) % 300, mood(s));
}

static void make_line(struct source *s, unsigned pod, struct buf *b)
{
    buf_clear(b);
    if (pod % 5 < 3)
        access_line(s, b);
    else if (pod % 5 == 3)
        java_line(s, b);
    else
        plain_line(s, b);
    s->text_bytes += b->len;
}

static void put_json_text(struct buf *b, const char *text, size_t n)
{
    for (const char *p = text, *end = text + n; p < end; p++) {
        if (*p == '"' || *p == '\\')
            buf_putc(b, '\\');
        if (*p == '\n' || *p == '\t')
            buf_puts(b, *p == '\n' ? "\\n" : "\\t");
        else
            buf_putc(b, *p);
    }
}

static void put_bulk(struct buf *b, unsigned pod, int64_t ns, const struct buf *line)
{
    time_t seconds = (time_t)(ns / 1000000000);
    struct tm t;
    char stamp[32];
    (void)gmtime_r(&seconds, &t);
    (void)strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%S", &t);
    buf_printf(b,
               "{\"create\":{\"_index\":\"logs-bench\"}}\n{\"@timestamp\":\"%s.%03dZ\","
               "\"pod\":\"app-%u\",\"message\":\"",
               stamp, (int)(ns / 1000000 % 1000), pod);
    put_json_text(b, line->data, line->len);
    buf_puts(b, "\"}\n");
}

static void put_loki(struct buf *b, bool first, int64_t ns, const struct buf *line)
{
    buf_printf(b, "%s[\"%lld\",\"", first ? "" : ",", (long long)ns);
    put_json_text(b, line->data, line->len);
    buf_puts(b, "\"]");
}

static void make_request(struct source *s, struct buf *line, struct buf *b)
{
    int64_t step = (int64_t)SPAN_S * 1000000000 / (int64_t)s->lines;
    uint64_t end = s->made + REQUEST_LINES < s->lines ? s->made + REQUEST_LINES : s->lines;
    buf_clear(b);
    if (!s->bulk)
        buf_puts(b, "{\"streams\":[");
    for (bool more = false; s->made < end; more = true) {
        unsigned pod = (unsigned)(s->made / GROUP % PODS);
        if (!s->bulk)
            buf_printf(b, "%s{\"stream\":{\"app\":\"bench\",\"pod\":\"app-%u\"},\"values\":[",
                       more ? "," : "", pod);
        for (unsigned i = 0; i < GROUP && s->made < end; i++, s->made++) {
            int64_t ns = s->begin_ns + (int64_t)s->made * step;
            make_line(s, pod, line);
            if (s->bulk)
                put_bulk(b, pod, ns, line);
            else
                put_loki(b, i == 0, ns, line);
        }
        if (!s->bulk)
            buf_puts(b, "]}");
    }
    if (!s->bulk)
        buf_puts(b, "]}");
}

/* ---- HTTP ---- */

static int dial(const char *port)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)strtoul(port, NULL, 10)),
                             .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to) < 0)
        die("cannot connect");
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return fd;
}

static void send_all(int fd, const char *p, size_t n)
{
    while (n > 0) {
        ssize_t sent = send(fd, p, n, MSG_NOSIGNAL);
        if (sent <= 0)
            die("cannot send");
        p += sent;
        n -= (size_t)sent;
    }
}

static size_t fill(int fd, char *in, size_t have, size_t room)
{
    ssize_t got = recv(fd, in + have, room - have - 1, 0);
    if (got <= 0)
        die("the server closed the connection");
    in[have + (size_t)got] = '\0';
    return have + (size_t)got;
}

/* Reads an answer; its body must not speak of errors. */
static void await_answer(int fd)
{
    static char in[1 << 20];
    size_t have = 0;
    char *end;
    while (have = fill(fd, in, have, sizeof in), !(end = strstr(in, "\r\n\r\n")))
        if (have + 1 == sizeof in)
            die("an answer's head is too long");
    const char *length = strcasestr(in, "content-length:");
    bool chunked = strcasestr(in, "transfer-encoding: chunked") != NULL;
    size_t body = length && length < end ? strtoull(length + 15, NULL, 10) : 0;
    size_t want = (size_t)(end + 4 - in) + body;
    if (in[9] != '2' || want >= sizeof in)
        die(in);
    while (have < want || (chunked && !strstr(end, "\r\n0\r\n\r\n")))
        have = fill(fd, in, have, sizeof in);
    if (strstr(end, "\"errors\":true"))
        die(end);
}

int main(int argc, char **argv)
{
    AUTO_BUF struct buf line, body, head;
    if (argc < 6)
        die("usage: logload PORT PATH loki|bulk LINES BEGIN [HEADER ...]");
    struct source s = {.seed = 88172645463325252ULL,
                       .lines = strtoull(argv[4], NULL, 10),
                       .bulk = strcmp(argv[3], "bulk") == 0,
                       .begin_ns = strtoll(argv[5], NULL, 10) * 1000000000 + 1};
    int fd = dial(argv[1]);
    buf_init(&line, 1 << 16);
    buf_init(&body, 64 << 20);
    buf_init(&head, 1 << 16);
    int64_t began = clock_mono_us();
    while (s.made < s.lines) {
        make_request(&s, &line, &body);
        buf_clear(&head);
        buf_printf(&head,
                   "POST %s HTTP/1.1\r\nHost: 127.0.0.1:%s\r\nContent-Type: application/%s\r\n"
                   "Content-Length: %zu\r\n",
                   argv[2], argv[1], s.bulk ? "x-ndjson" : "json", body.len);
        for (int i = 6; i < argc; i++)
            buf_printf(&head, "%s\r\n", argv[i]);
        buf_puts(&head, "\r\n");
        send_all(fd, head.data, head.len);
        send_all(fd, body.data, body.len);
        await_answer(fd);
    }
    (void)printf("%llu %llu %.3f\n", (unsigned long long)s.made, (unsigned long long)s.text_bytes,
                 (double)(clock_mono_us() - began) / 1e6);
    return 0;
}
