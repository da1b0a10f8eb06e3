#include "net/wire.h"

#include <string.h>

#include "net/tls.h"
#include "t.h"

static struct err e;

static void echo(struct wire *w, void *arg)
{
    (void)arg;
    char bytes[256];
    struct err why;
    for (long n; (n = wire_read(w, bytes, sizeof bytes, &why)) > 0;)
        if (wire_write(w, bytes, (size_t)n, &why) < 0)
            return;
}

/* What comes back from a server; the error's sentence when nothing does. */
static const char *ask(const struct wire_to *to)
{
    static char text[64];
    AUTO(wire) struct wire *w = NULL;
    long n;
    if (wire_connect(to, &w, &e) < 0 || wire_write(w, "hello", 5, &e) < 0 ||
        (n = wire_read(w, text, sizeof text - 1, &e)) < 0)
        return e.msg;
    text[n] = '\0';
    return text;
}

static void speaks_plainly(void)
{
    AUTO(wire_server) struct wire_server *s = NULL;
    struct wire_listen l = {.address = "127.0.0.1:0"};
    T_RC(wire_server_start(&l, echo, NULL, &s, &e), &e, "start");
    struct wire_to to = {.host = "127.0.0.1", .port = wire_server_port(s), .timeout_s = 60};
    T_EQ_STR(ask(&to), "hello", "there and back");
    AUTO(wire) struct wire *open = NULL;
    T_RC(wire_connect(&to, &open, &e), &e, "one that is open when the server ends");
}

static void speaks_tls(void)
{
    AUTO(arena) struct arena *a = arena_new(0);
    struct tls_pair ca, server, client;
    const char *const names[] = {"logs.test", NULL};
    T_RC(tls_make_authority("test", a, &ca, &e), &e, "authority");
    T_RC(tls_issue(&ca, &(struct tls_request){"logs.test", NULL, names, 0}, a, &server, &e), &e,
         "server");
    T_RC(tls_issue(&ca, &(struct tls_request){"shipper", NULL, NULL, 0}, a, &client, &e), &e,
         "client");
    for (int mutual = 0; mutual < 2; mutual++) {
        AUTO(wire_server) struct wire_server *s = NULL;
        struct wire_listen l = {.address = "127.0.0.1:0",
                                .cert_pem = server.cert_pem,
                                .key_pem = server.key_pem,
                                .client_ca_pem = mutual ? ca.cert_pem : NULL};
        T_RC(wire_server_start(&l, echo, NULL, &s, &e), &e, "start");
        struct wire_to to = {.host = "127.0.0.1",
                             .port = wire_server_port(s),
                             .tls = true,
                             .name = "logs.test",
                             .ca_pem = ca.cert_pem,
                             .timeout_s = 60};
        if (mutual) {
            T_OK(strcmp(ask(&to), "hello") != 0, "no certificate shown");
            to.cert_pem = client.cert_pem;
            to.key_pem = client.key_pem;
        }
        T_EQ_STR(ask(&to), "hello", "there and back");
        to.name = "other.test";
        T_OK(strstr(ask(&to), "TLS handshake"), "another name");
        to.insecure = true;
        T_EQ_STR(ask(&to), "hello", "whoever it is");
    }
}

static void has_a_port_alone(void)
{
    char address[32];
    unsigned port;
    AUTO_FD int fd = -1, second = -1;
    T_RC(wire_bind_udp("127.0.0.1:0", &fd, &port, &e), &e, "bind");
    (void)snprintf(address, sizeof address, "127.0.0.1:%u", port);
    T_EQ_INT(wire_bind_udp(address, &second, &port, &e), ERR_EXISTS, "in use");
}

T_MAIN(speaks_plainly, speaks_tls, has_a_port_alone)
