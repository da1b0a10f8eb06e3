/* Logs and exec over HTTP, with a door that echoes instead of a node. */
#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "apiserver/local.h"
#include "apiserver/pod_door.h"
#include "codec/json.h"
#include "net/http_client.h"
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

static int fake_connect(struct pod_door *d, const struct object *pod, unsigned port, int *out_fd,
                        struct err *e)
{
    (void)d, (void)pod, (void)out_fd;
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

static int open_exec(struct world *w)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)http_server_port(w->http)),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    T_EQ_INT(connect(fd, (struct sockaddr *)&to, sizeof to), 0, "connect");
    static const char ask[] =
        "GET /api/v1/namespaces/default/pods/p/exec?command=say&stdin=true&stdout=true&stderr=true "
        "HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer secret\r\nConnection: Upgrade\r\n"
        "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        "Sec-WebSocket-Protocol: v5.channel.k8s.io\r\n\r\n";
    T_EQ_INT(write(fd, ask, sizeof ask - 1), sizeof ask - 1, "ask");
    char head[2048];
    size_t n = 0;
    while (n < sizeof head - 1 && read(fd, head + n, 1) == 1) {
        head[++n] = '\0';
        if (strstr(head, "\r\n\r\n"))
            break;
    }
    T_OK(strstr(head, "101 Switching"), head);
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

T_MAIN(logs, exec)
