/* apiload - asks the API many times over several TLS connections and says how long it took.
 *
 *   apiload --server https://127.0.0.1:6443 --ca FILE --token FILE [-c CONNECTIONS] [-s SECONDS]
 *           create|get|list|patch|apply|watch
 *
 * Works against any Kubernetes API server, so that the same program measures the peer. It has
 * its own small HTTP/1.1 client: one that costs as little as it can, since it shares the machine
 * with what it measures. */
#include <arpa/inet.h>
#include <errno.h>
#include <gnutls/gnutls.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/thread.h"

enum { MAX_CONNECTIONS = 256, MAX_SAMPLES = 1 << 22, IN_SIZE = 64 * 1024, RAW_SIZE = 128 * 1024 };

static struct options {
    const char *host, *ca, *token, *what;
    unsigned port, connections, seconds;
} opts = {.connections = 16, .seconds = 5};

struct link {
    int fd;
    gnutls_session_t tls;
    char raw[RAW_SIZE]; /* as it came from the socket */
    size_t raw_len, raw_pos;
    char in[IN_SIZE];
    size_t len, pos; /* of what was read and not yet used */
};

struct worker {
    pthread_t thread;
    unsigned index;
    uint64_t done, failed;
    uint32_t *us; /* how long each took */
    struct link link;
};

static gnutls_certificate_credentials_t credentials;
static gnutls_priority_t priority;
static volatile bool stop;

static void die(const char *what)
{
    (void)fprintf(stderr, "apiload: %s\n", what);
    exit(1);
}

/* GnuTLS asks for a record's head and then its body; the kernel is asked once for all there is. */
static ssize_t link_pull(gnutls_transport_ptr_t arg, void *into, size_t n)
{
    struct link *l = arg;
    if (l->raw_pos == l->raw_len) {
        ssize_t got = recv(l->fd, l->raw, sizeof l->raw, 0);
        if (got <= 0)
            return got;
        l->raw_pos = 0;
        l->raw_len = (size_t)got;
    }
    size_t take = l->raw_len - l->raw_pos < n ? l->raw_len - l->raw_pos : n;
    memcpy(into, l->raw + l->raw_pos, take);
    l->raw_pos += take;
    return (ssize_t)take;
}

static void link_open(struct link *l)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)opts.port)};
    int one = 1;
    l->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (inet_pton(AF_INET, opts.host, &to.sin_addr) != 1 || l->fd < 0 ||
        connect(l->fd, (struct sockaddr *)&to, sizeof to) < 0)
        die("cannot connect");
    (void)setsockopt(l->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    gnutls_init(&l->tls, GNUTLS_CLIENT);
    gnutls_priority_set(l->tls, priority);
    gnutls_credentials_set(l->tls, GNUTLS_CRD_CERTIFICATE, credentials);
    gnutls_session_set_verify_cert(l->tls, opts.host, 0);
    gnutls_transport_set_ptr2(l->tls, l, (gnutls_transport_ptr_t)(intptr_t)l->fd);
    gnutls_transport_set_pull_function(l->tls, link_pull);
    int rc;
    do {
        rc = gnutls_handshake(l->tls);
    } while (rc < 0 && !gnutls_error_is_fatal(rc));
    if (rc < 0)
        die(gnutls_strerror(rc));
}

static void link_send(struct link *l, const char *p, size_t n)
{
    while (n > 0) {
        ssize_t sent = gnutls_record_send(l->tls, p, n);
        if (sent < 0)
            die("cannot send");
        p += sent;
        n -= (size_t)sent;
    }
}

static bool link_fill(struct link *l)
{
    if (l->pos > 0) {
        memmove(l->in, l->in + l->pos, l->len - l->pos);
        l->len -= l->pos;
        l->pos = 0;
    }
    if (l->len == sizeof l->in - 1)
        die("an answer's head is too long");
    ssize_t n;
    do {
        n = gnutls_record_recv(l->tls, l->in + l->len, sizeof l->in - 1 - l->len);
    } while (n == GNUTLS_E_AGAIN || n == GNUTLS_E_INTERRUPTED);
    if (n <= 0)
        return false;
    l->len += (size_t)n;
    l->in[l->len] = '\0';
    return true;
}

/* Drops the next `left` bytes. */
static void link_skip(struct link *l, size_t left)
{
    for (;;) {
        size_t have = l->len - l->pos < left ? l->len - l->pos : left;
        l->pos += have;
        left -= have;
        if (left == 0)
            return;
        if (!link_fill(l))
            die("the server closed the connection");
    }
}

/* Waits for `end` and passes over it; what stood before it begins at the result. */
static char *link_until(struct link *l, const char *end)
{
    char *at;
    l->in[l->len] = '\0';
    while (!(at = strstr(l->in + l->pos, end)))
        if (!link_fill(l))
            die("the server closed the connection");
    char *begin = l->in + l->pos;
    l->pos = (size_t)(at + strlen(end) - l->in);
    *at = '\0';
    return begin;
}

/* Reads one answer and drops its body; its status. */
static int link_answer(struct link *l)
{
    char *head = link_until(l, "\r\n\r\n");
    int status = (int)strtol(head + 9, NULL, 10);
    char *length = strcasestr(head, "Content-Length:");
    if (length) {
        link_skip(l, strtoull(length + 15, NULL, 10));
        return status;
    }
    if (!strcasestr(head, "Transfer-Encoding: chunked"))
        die("an answer without a length");
    size_t chunk;
    do {
        chunk = strtoull(link_until(l, "\r\n"), NULL, 16);
        link_skip(l, chunk + 2);
    } while (chunk > 0);
    return status;
}

static void ask(struct link *l, struct buf *out, const char *method, const char *path,
                const char *type, const char *body)
{
    buf_clear(out);
    buf_printf(out,
               "%s %s HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\n"
               "User-Agent: apiload\r\nAccept: application/json\r\n",
               method, path, opts.token);
    if (body)
        buf_printf(out, "Content-Type: %s\r\nContent-Length: %zu\r\n", type, strlen(body));
    buf_printf(out, "\r\n%s", body ? body : "");
    link_send(l, out->data, out->len);
}

static void fill_1k(char *text, unsigned seed)
{
    for (size_t i = 0; i < 1024; i++)
        text[i] = (char)('a' + (i * 7 + seed) % 26);
    text[1024] = '\0';
}

#define MAPS "/api/v1/namespaces/bench/configmaps"

/* The next request of a worker. */
static void ask_next(struct worker *w, struct buf *out, uint64_t i, const char *kilobyte)
{
    char path[256], body[2048];
    struct link *l = &w->link;
    if (strcmp(opts.what, "create") == 0) {
        (void)snprintf(body, sizeof body,
                       "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":"
                       "\"c-%lld-%u-%llu\"},\"data\":{\"text\":\"%s\"}}",
                       (long long)clock_real_ms(), w->index, (unsigned long long)i, kilobyte);
        ask(l, out, "POST", MAPS, "application/json", body);
    } else if (strcmp(opts.what, "get") == 0) {
        ask(l, out, "GET", MAPS "/one", NULL, NULL);
    } else if (strcmp(opts.what, "list") == 0) {
        ask(l, out, "GET", "/api/v1/namespaces/many/configmaps", NULL, NULL);
    } else if (strcmp(opts.what, "patch") == 0) {
        (void)snprintf(path, sizeof path, MAPS "/p-%u", w->index);
        (void)snprintf(body, sizeof body, "{\"data\":{\"n\":\"%llu\"}}", (unsigned long long)i);
        ask(l, out, "PATCH", path, "application/merge-patch+json", body);
    } else {
        (void)snprintf(path, sizeof path, MAPS "/a-%u?fieldManager=bench&force=true", w->index);
        (void)snprintf(
            body, sizeof body,
            "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"a-%u\"},"
            "\"data\":{\"n\":\"%llu\",\"text\":\"%s\"}}",
            w->index, (unsigned long long)i, kilobyte);
        ask(l, out, "PATCH", path, "application/apply-patch+yaml", body);
    }
}

static void *work(void *arg)
{
    struct worker *w = arg;
    char kilobyte[1025];
    AUTO_BUF struct buf out;
    buf_init(&out, 1 << 20);
    fill_1k(kilobyte, w->index);
    while (!stop && w->done < MAX_SAMPLES / opts.connections) {
        int64_t from = clock_mono_us();
        ask_next(w, &out, w->done, kilobyte);
        int status = link_answer(&w->link);
        w->us[w->done++] = (uint32_t)(clock_mono_us() - from);
        w->failed += status < 200 || status > 299;
    }
    return NULL;
}

static int by_size(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

static void report(const char *what, uint32_t *us, size_t n, double seconds, uint64_t failed)
{
    qsort(us, n, sizeof *us, by_size);
    (void)printf("%s n=%zu rate=%.0f/s p50=%.3fms p99=%.3fms max=%.3fms failed=%llu\n", what, n,
                 (double)n / seconds, n ? us[n / 2] / 1e3 : 0, n ? us[n * 99 / 100] / 1e3 : 0,
                 n ? us[n - 1] / 1e3 : 0, (unsigned long long)failed);
}

/* What the measured requests need to be there. */
static void prepare(struct link *l)
{
    char path[256], body[2048], kilobyte[1025];
    AUTO_BUF struct buf out;
    buf_init(&out, 1 << 20);
    bool many = strcmp(opts.what, "list") == 0;
    const char *ns = many ? "many" : "bench";
    (void)snprintf(body, sizeof body,
                   "{\"apiVersion\":\"v1\",\"kind\":\"Namespace\",\"metadata\":{\"name\":\"%s\"}}",
                   ns);
    ask(l, &out, "POST", "/api/v1/namespaces", "application/json", body);
    bool fresh = link_answer(l) == 201;
    (void)snprintf(path, sizeof path, "/api/v1/namespaces/%s/configmaps", ns);
    for (unsigned i = 0; i < (many ? fresh ? 5000u : 0u : opts.connections); i++) {
        fill_1k(kilobyte, i);
        (void)snprintf(
            body, sizeof body,
            "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"%s%u\"},"
            "\"data\":{\"text\":\"%s\",\"more\":\"%.250s\"}}",
            many ? "m-" : "p-", i, kilobyte, kilobyte);
        ask(l, &out, "POST", path, "application/json", body);
        (void)link_answer(l);
    }
    ask(l, &out, "POST", MAPS, "application/json",
        "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"one\"},"
        "\"data\":{\"a\":\"1\"}}");
    (void)link_answer(l);
}

static void measure(void)
{
    struct worker *all = calloc(opts.connections, sizeof *all);
    struct err e = {0};
    for (unsigned i = 0; i < opts.connections; i++) {
        all[i].index = i;
        all[i].us = calloc(MAX_SAMPLES / opts.connections, sizeof *all[i].us);
        link_open(&all[i].link);
    }
    prepare(&all[0].link);
    int64_t from = clock_mono_us();
    for (unsigned i = 0; i < opts.connections; i++)
        if (thread_start(&all[i].thread, "load", 512, work, &all[i], &e) < 0)
            die(e.msg);
    (void)usleep(opts.seconds * 1000000u);
    stop = true;
    uint64_t failed = 0;
    size_t n = 0;
    uint32_t *us = calloc(MAX_SAMPLES, sizeof *us);
    for (unsigned i = 0; i < opts.connections; i++)
        (void)pthread_join(all[i].thread, NULL);
    double seconds = (double)(clock_mono_us() - from) / 1e6;
    for (unsigned i = 0; i < opts.connections; i++) {
        memcpy(us + n, all[i].us, all[i].done * sizeof *us);
        n += all[i].done;
        failed += all[i].failed;
    }
    report(opts.what, us, n, seconds, failed);
}

/* ---- watch: from asking for a change to the last of the watchers ---- */

enum { ROUNDS = 200 };

/* Reads until `text` has come, and drops it all; false when it is not there yet. */
static bool link_saw(struct link *l, const char *text)
{
    if (!link_fill(l))
        die("the watch ended");
    if (!strstr(l->in + l->pos, text))
        return false;
    l->pos = l->len;
    return true;
}

/* One thread for all watchers: what the server does for each of them is to be measured, not what it
 * costs to wake a hundred threads here. */
static int open_watchers(struct worker *all)
{
    AUTO_BUF struct buf out;
    buf_init(&out, 1 << 20);
    int poll = epoll_create1(EPOLL_CLOEXEC);
    for (unsigned i = 0; i < opts.connections; i++) {
        struct link *l = &all[i].link;
        struct epoll_event ev = {.events = EPOLLIN, .data.ptr = l};
        link_open(l);
        ask(l, &out, "GET", MAPS "?watch=true&fieldSelector=metadata.name%3Done", NULL, NULL);
        while (!link_saw(l, "\"type\":\"ADDED\""))
            ;
        if (epoll_ctl(poll, EPOLL_CTL_ADD, l->fd, &ev) < 0)
            die("cannot wait for watchers");
    }
    return poll;
}

static void await_watchers(int poll)
{
    for (unsigned left = opts.connections; left > 0;) {
        struct epoll_event ready[MAX_CONNECTIONS];
        int n = epoll_wait(poll, ready, MAX_CONNECTIONS, -1);
        for (int i = 0; i < n; i++)
            left -= link_saw(ready[i].data.ptr, "\"type\":\"MODIFIED\"");
    }
}

static void measure_watch(void)
{
    struct worker *all = calloc(opts.connections + 1, sizeof *all);
    struct link *writer = &all[opts.connections].link;
    link_open(writer);
    prepare(writer);
    int poll = open_watchers(all);
    static uint32_t us[ROUNDS];
    AUTO_BUF struct buf out;
    buf_init(&out, 1 << 20);
    int64_t start = clock_mono_us();
    for (int i = 0; i < ROUNDS; i++) {
        char body[64];
        (void)snprintf(body, sizeof body, "{\"data\":{\"a\":\"%d-%lld\"}}", i,
                       (long long)clock_real_ms());
        int64_t sent = clock_mono_us();
        ask(writer, &out, "PATCH", MAPS "/one", "application/merge-patch+json", body);
        await_watchers(poll);
        us[i] = (uint32_t)(clock_mono_us() - sent);
        (void)link_answer(writer);
    }
    report("watch", us, ROUNDS, (double)(clock_mono_us() - start) / 1e6, 0);
}

static void read_options(int argc, char **argv, struct arena *a)
{
    for (int i = 1; i < argc; i++) {
        const char *v = i + 1 < argc ? argv[i + 1] : "";
        struct err e = {0};
        size_t n;
        char *text;
        if (strcmp(argv[i], "--server") == 0) {
            char *host = arena_strdup(a, strstr(v, "://") ? strstr(v, "://") + 3 : v);
            char *colon = strrchr(host, ':');
            if (!colon)
                die("--server needs a port");
            *colon = '\0';
            opts.host = host;
            opts.port = (unsigned)strtoul(colon + 1, NULL, 10);
            i++;
        } else if (strcmp(argv[i], "--ca") == 0) {
            opts.ca = v;
            i++;
        } else if (strcmp(argv[i], "--token") == 0) {
            if (fs_read(v, 65536, a, &text, &n, &e) < 0)
                die(e.msg);
            text[strcspn(text, "\n")] = '\0';
            opts.token = text;
            i++;
        } else if (strcmp(argv[i], "-c") == 0) {
            opts.connections = (unsigned)strtoul(v, NULL, 10);
            i++;
        } else if (strcmp(argv[i], "-s") == 0) {
            opts.seconds = (unsigned)strtoul(v, NULL, 10);
            i++;
        } else {
            opts.what = argv[i];
        }
    }
    if (!opts.host || !opts.ca || !opts.token || !opts.what || opts.connections == 0 ||
        opts.connections > MAX_CONNECTIONS)
        die("usage: apiload --server URL --ca FILE --token FILE [-c N] [-s SECONDS] "
            "create|get|list|patch|apply|watch");
}

int main(int argc, char **argv)
{
    AUTO(arena) struct arena *a = arena_new(1 << 20);
    read_options(argc, argv, a);
    gnutls_certificate_allocate_credentials(&credentials);
    if (gnutls_certificate_set_x509_trust_file(credentials, opts.ca, GNUTLS_X509_FMT_PEM) < 1)
        die("no authority in the --ca file");
    gnutls_priority_init(&priority, "NORMAL", NULL);
    if (strcmp(opts.what, "watch") == 0)
        measure_watch();
    else
        measure();
    return 0;
}
