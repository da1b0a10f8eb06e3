/* Logs, exec and port-forward over HTTP, with a door that echoes instead of a node. */
#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "apiserver/local.h"
#include "apiserver/pod_door.h"
#include "codec/json.h"
#include "net/http_client.h"
#include "net/spdy.h"
#include "t.h"

static int fake_logs(struct pod_door *d, const struct object *pod, const struct pod_log_opts *o,
                     int (*write_out)(void *arg, const void *bytes, size_t n, struct err *e),
                     void *arg, struct err *e)
{
    char line[128];
    (void)d;
    int n =
        snprintf(line, sizeof line, "%s/%s tail=%d\n", pod->name, o->container, (int)o->tail_lines);
    return write_out(arg, line, (size_t)n, e);
}

/* Copies input to output until it ends, then a word to standard error; exits with 3. */
static int fake_exec(struct pod_door *d, const struct object *pod, const struct pod_exec_opts *o,
                     int *exit_code, struct err *e)
{
    char piece[256];
    ssize_t n;
    (void)d, (void)pod, (void)e;
    while ((n = read(o->in_fd, piece, sizeof piece)) > 0)
        if (write(o->out_fd, piece, (size_t)n) != n)
            break;
    if (write(o->err_fd, o->argv[0], strlen(o->argv[0])) < 0)
        return ERR_SYSTEM;
    *exit_code = 3;
    return 0;
}

static _Atomic int pods_end; /* of the connection to port 7 */

static int fake_connect(struct pod_door *d, const struct object *pod, unsigned port, int *out_fd,
                        struct err *e)
{
    int pair[2];
    (void)d, (void)pod;
    if (port == 7 && socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0) {
        *out_fd = pair[0];
        pods_end = pair[1];
        return 0;
    }
    return err_set(e, ERR_NOT_FOUND, "nothing listens on %u", port);
}

static const struct pod_door_ops fake_ops = {fake_logs, fake_exec, fake_connect};

struct world {
    struct arena *a;
    struct store *store;
    struct apiserver *api;
    struct http_server *http;
    struct pod_door door;
};

static struct value *doc(struct world *w, const char *text)
{
    struct value *v = NULL;
    struct err e = {0};
    T_RC(json_parse(w->a, text, strlen(text), 0, &v, &e), &e, text);
    return v;
}

static void world_init(struct world *w)
{
    struct err e = {0};
    *w = (struct world){.a = arena_new(64 << 20), .door = {&fake_ops}};
    T_RC(store_open(NULL, &w->store, &e), &e, "store");
    struct apiserver_opts o = {.store = w->store, .admin_token = "secret"};
    T_RC(apiserver_new(&o, &w->api, &e), &e, "server");
    apiserver_set_pod_door(w->api, &w->door);
    const struct http_listen l = {.address = "127.0.0.1:0"};
    T_RC(http_server_start(&l, apiserver_http, w->api, &w->http, &e), &e, "serve");
    struct kube *k = kube_local_new(w->api, "test", NULL);
    T_RC(kube_create(k, &RES_SERVICE_ACCOUNT, "default",
                     doc(w, "{\"apiVersion\":\"v1\",\"kind\":\"ServiceAccount\",\"metadata\":"
                            "{\"name\":\"default\"}}"),
                     NULL, &e),
         &e, "account");
    T_RC(
        kube_create(k, &RES_POD, "default",
                    doc(w, "{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"p\"},"
                           "\"spec\":{\"nodeName\":\"n\",\"containers\":[{\"name\":\"c\",\"image\":"
                           "\"i\"}]}}"),
                    NULL, &e),
        &e, "pod");
    kube_free(k);
}

static void world_done(struct world *w)
{
    apiserver_stop(w->api);
    http_server_free(w->http);
    apiserver_free(w->api);
    store_free(w->store);
    arena_free(w->a);
}

static void logs(void)
{
    struct world w;
    struct err e = {0};
    struct http_answer r;
    world_init(&w);
    const struct http_client_opts o = {.bearer = "secret"};
    struct http_client *c = http_client_new(&o);
    const char *base = arena_printf(w.a, "http://127.0.0.1:%u/api/v1/namespaces/default/pods/p/log",
                                    http_server_port(w.http));
    struct http_call call = {.method = "GET", .url = arena_printf(w.a, "%s?tailLines=5", base)};
    T_RC(http_do(c, &call, w.a, &r, &e), &e, "log");
    T_EQ_STR(r.body, "p/c tail=5\n", "text");
    call.url = arena_printf(w.a, "%s?container=x", base);
    T_RC(http_do(c, &call, w.a, &r, &e), &e, "log");
    T_EQ_INT(r.status, 400, "no such container");
    http_client_free(c);
    world_done(&w);
}

/* ---- a WebSocket client of a few lines ---- */

/* Sends the request and reads the head of its answer, a 101. */
static int upgrade(struct world *w, const char *ask, char head[2048])
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)http_server_port(w->http)),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    T_EQ_INT(connect(fd, (struct sockaddr *)&to, sizeof to), 0, "connect");
    T_EQ_INT(write(fd, ask, strlen(ask)), strlen(ask), "ask");
    size_t n = 0;
    while (n < 2047 && read(fd, head + n, 1) == 1) {
        head[++n] = '\0';
        if (strstr(head, "\r\n\r\n"))
            break;
    }
    T_OK(strstr(head, "101 Switching"), head);
    return fd;
}

static int open_exec(struct world *w)
{
    char head[2048];
    int fd = upgrade(w,
                     "GET /api/v1/namespaces/default/pods/p/exec?command=say&stdin=true&stdout=true"
                     "&stderr=true HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer secret\r\n"
                     "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                     "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                     "Sec-WebSocket-Protocol: v5.channel.k8s.io\r\n\r\n",
                     head);
    T_OK(strstr(head, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "accept key of RFC 6455");
    return fd;
}

static void send_masked(int fd, const unsigned char *bytes, size_t n)
{
    unsigned char frame[256] = {0x82, (unsigned char)(0x80 | n), 1, 2, 3, 4};
    for (size_t i = 0; i < n; i++)
        frame[6 + i] = bytes[i] ^ frame[2 + i % 4];
    T_EQ_INT(write(fd, frame, 6 + n), 6 + n, "send");
}

static bool read_whole(int fd, unsigned char *out, size_t n)
{
    for (size_t got = 0; got < n;) {
        ssize_t r = read(fd, out + got, n - got);
        if (r <= 0)
            return false;
        got += (size_t)r;
    }
    return true;
}

/* The next message's channel, its text in `out`; -1 at a close frame or the end. */
static int receive(int fd, char *out, size_t size)
{
    unsigned char head[2], more[2], channel;
    if (!read_whole(fd, head, 2) || (head[0] & 15) == 8)
        return -1;
    size_t n = head[1];
    if (n == 126) {
        if (!read_whole(fd, more, 2))
            return -1;
        n = (size_t)more[0] << 8 | more[1];
    }
    if (n == 0 || n > size || !read_whole(fd, &channel, 1) ||
        !read_whole(fd, (unsigned char *)out, n - 1))
        return -1;
    out[n - 1] = '\0';
    return channel;
}

static void exec(void)
{
    struct world w;
    char text[1024], said[64] = "", error[64] = "", end[1024] = "";
    world_init(&w);
    int fd = open_exec(&w), channel;
    send_masked(fd, (const unsigned char *)"\0hello", 6);
    send_masked(fd, (const unsigned char *)"\377\0", 2); /* v5: standard input ends */
    while ((channel = receive(fd, text, sizeof text)) >= 0) {
        char *into = channel == 1 ? said : channel == 2 ? error : end;
        (void)snprintf(into, channel == 3 ? sizeof end : sizeof said, "%s", text);
    }
    T_EQ_STR(said, "hello", "output");
    T_EQ_STR(error, "say", "standard error");
    struct value *status = doc(&w, end);
    T_EQ_STR(value_at_str(status, "reason", ""), "NonZeroExitCode", "status");
    T_EQ_STR(value_at_str(status, "details.causes[0].message", ""), "3", "exit code");
    (void)close(fd);
    world_done(&w);
}

/* ---- port-forward ---- */

static int note(void *arg, const struct spdy_frame *f, struct err *e)
{
    static const char *const kinds[] = {"stream", "reply", "reset", "ping", "goaway", "data"};
    (void)e;
    buf_printf(arg, "%s %u %.*s%s\n", kinds[f->kind], f->id, (int)f->n,
               f->bytes ? (const char *)f->bytes : "", f->fin ? "." : "");
    return 0;
}

struct forwarding {
    int fd;
    struct spdy *spdy;
    struct buf out, seen;
};

/* Sends what was put, then reads until the last that came is `end`. */
static void converse(struct forwarding *f, const char *end)
{
    char piece[1024];
    ssize_t n = 1;
    T_EQ_INT(write(f->fd, f->out.data, f->out.len), f->out.len, "send");
    buf_clear(&f->out);
    while (!strstr(buf_text(&f->seen), end) && (n = read(f->fd, piece, sizeof piece)) > 0)
        T_EQ_INT(spdy_feed(f->spdy, piece, (size_t)n, note, &f->seen, NULL), 0, "frames");
    T_OK(n > 0, end);
}

static void open_streams(struct forwarding *f, uint32_t first, const char *port,
                         const char *request)
{
    struct spdy_header h[] = {
        {"streamtype", "error"},
        {"port",       port   },
        {"requestid",  request},
        {NULL,         NULL   }
    };
    spdy_put_headers(f->spdy, SPDY_STREAM, first, true, h, &f->out);
    h[0].value = "data";
    spdy_put_headers(f->spdy, SPDY_STREAM, first + 2, false, h, &f->out);
}

static void port_forward(void)
{
    struct world w;
    char head[2048], got[16] = "";
    world_init(&w);
    struct forwarding f = {.spdy = spdy_new()};
    buf_init(&f.out, 1 << 16);
    buf_init(&f.seen, 1 << 16);
    f.fd = upgrade(&w,
                   "POST /api/v1/namespaces/default/pods/p/portforward HTTP/1.1\r\nHost: x\r\n"
                   "Authorization: Bearer secret\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n"
                   "X-Stream-Protocol-Version: portforward.k8s.io\r\nContent-Length: 0\r\n\r\n",
                   head);
    T_OK(strstr(head, "portforward.k8s.io"), "protocol");
    open_streams(&f, 1, "7", "0");
    spdy_put_data(3, false, "hello", 5, &f.out);
    converse(&f, "reply 3 \n");
    for (int i = 0; i < 5000 && !pods_end; i++)
        (void)usleep(1000); /* the port is dialled after the replies */
    T_EQ_INT(read(pods_end, got, 5), 5, "pod reads");
    T_EQ_STR(got, "hello", "pod reads");
    T_EQ_INT(write(pods_end, "world", 5), 5, "pod writes");
    converse(&f, "data 3 world\n");
    spdy_put_data(3, true, "", 0, &f.out);
    spdy_put_ping(1, &f.out);
    open_streams(&f, 5, "8", "1");
    open_streams(&f, 9, "none", "2");
    converse(&f, "reset 11 \n");
    T_EQ_INT(read(pods_end, got, 5), 0, "no more for the pod");
    (void)close(pods_end);
    converse(&f, "data 3 .\n");
    T_EQ_STR(buf_text(&f.seen),
             "reply 1 \nreply 3 \ndata 3 world\nping 1 \nreply 5 \nreply 7 \n"
             "data 5 error forwarding port 8 to pod default/p: nothing listens on 8.\n"
             "data 7 .\nreset 9 \nreset 11 \ndata 1 .\ndata 3 .\n",
             "what the client saw");
    (void)close(f.fd);
    spdy_free(f.spdy);
    buf_done(&f.out);
    buf_done(&f.seen);
    world_done(&w);
}

T_MAIN(logs, exec, port_forward)
