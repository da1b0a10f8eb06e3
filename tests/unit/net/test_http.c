#include <arpa/inet.h>
#include <pthread.h>
#include <semaphore.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "net/http_client.h"
#include "net/http_server.h"
#include "net/tls.h"
#include "t.h"

enum { BIG = 3 * 1024 * 1024 + 17, PIECE = 8000, PIECES = 32768 };

static bool send_all(int fd, size_t n)
{
    static const char piece[64 * 1024];
    for (ssize_t sent; n > 0; n -= (size_t)sent)
        if ((sent = send(fd, piece, n < sizeof piece ? n : sizeof piece, MSG_NOSIGNAL)) <= 0)
            return false;
    return true;
}

static size_t take_all(int fd, size_t max)
{
    static _Thread_local char piece[64 * 1024];
    size_t n = 0;
    for (ssize_t got; n < max && (got = recv(fd, piece, sizeof piece, 0)) > 0;)
        n += (size_t)got;
    return n;
}

/* Says much before it listens, then waits for an end that the client never makes. */
static void upgraded(struct http_request *q)
{
    static const char *const headers[] = {"Upgrade", "test", NULL};
    struct err e = {0};
    int fd = -1;
    T_RC(http_upgrade(q, headers, &fd, &e), &e, "upgrade");
    T_OK(send_all(fd, BIG), "said all");
    T_EQ_INT(take_all(fd, BIG), BIG, "heard all");
    T_OK(send_all(fd, 1), "done");
    T_EQ_INT(take_all(fd, 1), 0, "the server's end");
}

/* Never waits for a client that does not read, until the kernel takes no more; then tells it to. */
static void try_until_full(struct http_request *q, sem_t *full)
{
    struct err e = {0};
    char piece[PIECE];
    int last = PIECES;
    T_RC(http_stream_begin(q, 200, "text/plain", &e), &e, "begin");
    for (int i = 0; i < last; i++) {
        memset(piece, 'a' + i % 26, sizeof piece);
        int rc = http_stream_try(q, piece, sizeof piece, &e);
        T_OK(rc >= 0, e.msg);
        if (rc == 1 && last == PIECES) {
            last = i + 100;
            (void)sem_post(full);
        }
        T_RC(http_stream_rest(q, &e), &e, "rest");
    }
    T_OK(last < PIECES, "the kernel takes no more");
}

/* /echo gives the body back, /big many bytes, /stream three chunks, /try as many as fit and more,
 * /who the certificate's name */
static void handler(struct http_request *q, void *arg)
{
    struct err e = {0};
    char *body = NULL;
    size_t n = 0;
    if (strcmp(q->path, "/echo me") == 0) {
        http_accept_gzip(q);
        if (http_read_all(q, 16 << 20, &body, &n, &e) < 0)
            http_send_text(q, 400, e.msg);
        else
            http_send(q, 200, http_query(q, "type"), body, n);
    } else if (strcmp(q->path, "/big") == 0) {
        body = arena_alloc(q->arena, BIG);
        memset(body, 'x', BIG);
        http_send(q, 200, "application/octet-stream", body, BIG);
    } else if (strcmp(q->path, "/stream") == 0) {
        if (http_stream_begin(q, 200, "text/plain", &e) == 0) {
            T_EQ_INT(http_stream_write(q, "one,", 4, &e), 0, e.msg);
            T_EQ_INT(http_stream_hold(q, "t", 1, &e), 0, e.msg);
            T_EQ_INT(http_stream_hold(q, "wo,", 3, &e), 0, e.msg);
            T_EQ_INT(http_stream_go(q, &e), 0, e.msg);
            T_EQ_INT(http_stream_go(q, &e), 0, "nothing is left");
            T_EQ_INT(http_stream_write(q, "three", 5, &e), 0, e.msg);
        }
    } else if (strcmp(q->path, "/try") == 0) {
        try_until_full(q, arg);
    } else if (strcmp(q->path, "/who") == 0) {
        const char *cn = q->client_cn ? q->client_cn : "nobody";
        const char *o = q->client_o ? q->client_o : "";
        http_send_text(q, 200, arena_printf(q->arena, "%s/%s", cn, o));
    } else if (strcmp(q->path, "/ignore") == 0) {
        http_send_text(q, 200, "no need");
    } else if (strcmp(q->path, "/upgrade") == 0) {
        upgraded(q);
    } else {
        http_send_text(q, 404, "nothing here");
    }
}

struct late {
    sem_t *full;
    size_t n, wrong;
};

/* Reads nothing more before the server could not send. */
static int read_late(void *arg, const void *bytes, size_t n)
{
    struct late *l = arg;
    if (l->n == 0)
        (void)sem_wait(l->full);
    for (size_t i = 0; i < n; i++, l->n++)
        l->wrong += ((const char *)bytes)[i] != (char)('a' + l->n / PIECE % 26);
    return 0;
}

static void tries(struct http_client *c, const char *base, sem_t *full, struct arena *a)
{
    struct http_answer r;
    struct err e = {0};
    struct late l = {.full = full};
    struct http_call call = {.method = "GET", .on_data = read_late, .arg = &l};
    call.url = arena_printf(a, "%s/try", base);
    T_RC(http_do(c, &call, a, &r, &e), &e, "try");
    T_OK(l.n > 100 * PIECE && l.n % PIECE == 0, "whole pieces");
    T_EQ_INT(l.wrong, 0, "in their order");
}

static void calls(struct http_client *c, const char *base, struct arena *a)
{
    struct http_answer r;
    struct err e = {0};
    struct http_call call = {.method = "POST", .body = "hello", .body_len = 5};
    call.url = arena_printf(a, "%s/echo%%20me?x=1&type=text%%2Fcsv", base);
    T_EQ_INT(http_do(c, &call, a, &r, &e), 0, e.msg);
    T_EQ_INT(r.status, 200, "status");
    T_EQ_STR(r.body, "hello", "echo");
    T_EQ_STR(http_answer_header(&r, "content-type"), "text/csv", "type");

    char *big = arena_alloc(a, BIG);
    memset(big, 'y', BIG);
    call.body = big;
    call.body_len = BIG;
    T_EQ_INT(http_do(c, &call, a, &r, &e), 0, e.msg);
    T_EQ_INT((int)r.body_len, BIG, "large upload");
    /* Answers whose last record does not fit behind the others that wait to be sent with it. */
    for (call.body_len = 256000; call.body_len < 300000; call.body_len += 1000) {
        T_EQ_INT(http_do(c, &call, a, &r, &e), 0, e.msg);
        T_OK(r.body_len == call.body_len && memcmp(r.body, big, r.body_len) == 0, "every length");
    }
    call.url = arena_printf(a, "%s/ignore", base);
    call.body_len = 100000;
    for (int i = 0; i < 3; i++) {
        T_EQ_INT(http_do(c, &call, a, &r, &e), 0, e.msg);
        T_EQ_STR(r.body, "no need", "a body left unread");
    }
    call = (struct http_call){.method = "GET", .url = arena_printf(a, "%s/big", base)};
    T_EQ_INT(http_do(c, &call, a, &r, &e), 0, e.msg);
    T_EQ_INT((int)r.body_len, BIG, "large download");
    call.url = arena_printf(a, "%s/stream", base);
    T_EQ_INT(http_do(c, &call, a, &r, &e), 0, e.msg);
    T_EQ_STR(r.body, "one,two,three", "chunks");
    call.method = "HEAD";
    T_EQ_INT(http_do(c, &call, a, &r, &e), 0, e.msg);
    T_EQ_INT((int)r.body_len, 0, "head");
    call = (struct http_call){.method = "GET", .url = arena_printf(a, "%s/none", base)};
    T_EQ_INT(http_do(c, &call, a, &r, &e), 0, e.msg);
    T_EQ_INT(r.status, 404, "status");
}

static void plain(void)
{
    AUTO(arena) struct arena *a = arena_new(1 << 20);
    struct err e = {0};
    struct http_listen l = {.address = "127.0.0.1:0"};
    sem_t full;
    (void)sem_init(&full, 0, 0);
    AUTO(http_server) struct http_server *s = NULL;
    T_EQ_INT(http_server_start(&l, handler, &full, &s, &e), 0, e.msg);
    AUTO(http_client) struct http_client *c = http_client_new(NULL);
    const char *base = arena_printf(a, "http://127.0.0.1:%u", http_server_port(s));
    calls(c, base, a);
    tries(c, base, &full, a);
    struct http_server *second = NULL;
    l.address = arena_printf(a, "127.0.0.1:%u", http_server_port(s));
    T_EQ_INT(http_server_start(&l, handler, NULL, &second, &e), ERR_EXISTS, "port in use");
}

static void tls(void)
{
    AUTO(arena) struct arena *a = arena_new(1 << 20);
    struct err e = {0};
    struct tls_pair ca, server, client;
    T_EQ_INT(tls_make_authority("test-ca", a, &ca, &e), 0, e.msg);
    const char *names[] = {"localhost", "127.0.0.1", NULL}, *groups[] = {"dev", "ops", NULL};
    struct tls_request r = {.common_name = "server", .names = names};
    T_EQ_INT(tls_issue(&ca, &r, a, &server, &e), 0, e.msg);
    struct tls_request rc = {.common_name = "alice", .organizations = groups};
    T_EQ_INT(tls_issue(&ca, &rc, a, &client, &e), 0, e.msg);
    struct http_listen l = {.address = "127.0.0.1:0",
                            .cert_pem = server.cert_pem,
                            .key_pem = server.key_pem,
                            .client_ca_pem = ca.cert_pem};
    sem_t full;
    (void)sem_init(&full, 0, 0);
    AUTO(http_server) struct http_server *s = NULL;
    T_EQ_INT(http_server_start(&l, handler, &full, &s, &e), 0, e.msg);
    const char *base = arena_printf(a, "https://127.0.0.1:%u", http_server_port(s));
    struct http_client_opts o = {.ca_pem = ca.cert_pem};
    AUTO(http_client) struct http_client *c = http_client_new(&o);
    calls(c, base, a);
    tries(c, base, &full, a);
    struct http_answer ans;
    struct http_call call = {.method = "GET", .url = arena_printf(a, "%s/who", base)};
    T_EQ_INT(http_do(c, &call, a, &ans, &e), 0, e.msg);
    T_EQ_STR(ans.body, "nobody/", "no certificate");
    o.cert_pem = client.cert_pem;
    o.key_pem = client.key_pem;
    AUTO(http_client) struct http_client *known = http_client_new(&o);
    T_EQ_INT(http_do(known, &call, a, &ans, &e), 0, e.msg);
    T_EQ_STR(ans.body, "alice/dev,ops", "certificate");
    AUTO(http_client) struct http_client *strict = http_client_new(NULL);
    T_EQ_INT(http_do(strict, &call, a, &ans, &e), ERR_AGAIN, "unknown authority");
}

static int connect_to(unsigned port, const char *text)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port),
                             .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    T_EQ_INT(connect(fd, (struct sockaddr *)&to, sizeof to), 0, "connect");
    T_EQ_INT(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text), "send");
    return fd;
}

static void *say_all(void *fd)
{
    T_OK(send_all(*(int *)fd, BIG), "the client says all");
    return NULL;
}

/* What a handler does not take yet holds nothing back of what it says; a server that stops ends all
 * it serves. */
static void stop(void)
{
    struct http_listen l = {.address = "127.0.0.1:0"};
    struct http_server *s = NULL;
    struct err e = {0};
    T_RC(http_server_start(&l, handler, NULL, &s, &e), &e, "start");
    AUTO_FD int idle = connect_to(http_server_port(s), "GET /ign");
    AUTO_FD int fd =
        connect_to(http_server_port(s), "GET /upgrade HTTP/1.1\r\nHost: a\r\n"
                                        "Connection: Upgrade\r\nUpgrade: test\r\n\r\n");
    static const char head[] = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n"
                               "Upgrade: test\r\n\r\n";
    pthread_t sender;
    T_EQ_INT(pthread_create(&sender, NULL, say_all, &fd), 0, "thread");
    T_EQ_INT(take_all(fd, BIG + sizeof head), BIG + sizeof head, "the client hears all");
    (void)pthread_join(sender, NULL);
    int64_t before = clock_system.mono_ms(&clock_system);
    http_server_free(s);
    T_OK(clock_system.mono_ms(&clock_system) - before < 1000, "stopped at once");
    T_EQ_INT(take_all(fd, 1), 0, "the end");
    T_EQ_INT(take_all(idle, 1), 0, "the end of an idle one");
}

static void keeps_queries_to_itself(void)
{
    AUTO(arena) struct arena *a = arena_new(0);
    const struct http_client_opts opts = {.timeout_ms = 2000};
    AUTO(http_client) struct http_client *c = http_client_new(&opts);
    struct http_call call = {.method = "GET", .url = "http://127.0.0.1:1/here?key=hidden"};
    struct http_answer ans;
    struct err e = {0};
    T_EQ_INT(http_do(c, &call, a, &ans, &e), ERR_AGAIN, "nobody listens");
    T_OK(strstr(e.msg, "GET http://127.0.0.1:1/here: "), e.msg);
    T_OK(!strstr(e.msg, "hidden"), e.msg);
}

T_MAIN(plain, tls, stop, keeps_queries_to_itself)
