/* What it costs to listen to requests: a pod on a real link answers requests over one connection,
 * without a listener and with one, in turns, in a network namespace of its own.
 * usage: trafficload [REQUESTS A ROUND] [BODY BYTES]     needs root */
#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/fs.h"
#include "podnet/podnet.h"
#include "traffic/traffic.h"

enum { ROUNDS = 5, WARM = 1000, PORT = 8080, BODY_MAX = 1 << 20 };

struct run {
    int client, server;
    size_t requests, answer_len;
    char *answer;
};

static void die(const char *what, const struct err *e)
{
    (void)fprintf(stderr, "trafficload: %s: %s\n", what, e ? e->msg : "failed");
    exit(1);
}

static void fill(int fd, const char *bytes, size_t n)
{
    for (ssize_t r; n > 0; bytes += r, n -= (size_t)r)
        if ((r = write(fd, bytes, n)) <= 0)
            die("write", NULL);
}

static void drain(int fd, size_t n)
{
    static char got[65536];
    for (ssize_t r; n > 0; n -= (size_t)r)
        if ((r = read(fd, got, n < sizeof got ? n : sizeof got)) <= 0)
            die("read", NULL);
}

/* Pieces small enough for the sockets' buffers, as one thread is both ends. */
static void exchange(const struct run *r, size_t n)
{
    static const char request[] = "GET /basket?id=1 HTTP/1.1\r\nHost: shop\r\nUser-Agent: bench\r\n"
                                  "Accept: */*\r\nCookie: session=0123456789abcdef\r\n\r\n";
    enum { PIECE = 32768 };
    while (n-- > 0) {
        fill(r->client, request, sizeof request - 1);
        drain(r->server, sizeof request - 1);
        for (size_t at = 0, some; at < r->answer_len; at += some) {
            some = r->answer_len - at < PIECE ? r->answer_len - at : PIECE;
            fill(r->server, r->answer + at, some);
            drain(r->client, some);
        }
    }
}

/* Microseconds of the processor that a thread of this process took; 0: there is none so named. */
static double thread_us(const char *name)
{
    AUTO(arena) struct arena *a = arena_new(0);
    DIR *d = opendir("/proc/self/task");
    double us = 0;
    for (const struct dirent *f; d && (f = readdir(d));) {
        char *text;
        const char *comm = arena_printf(a, "/proc/self/task/%s/comm", f->d_name);
        const char *stat = arena_printf(a, "/proc/self/task/%s/schedstat", f->d_name);
        if (fs_read(comm, 64, a, &text, NULL, NULL) == 0 &&
            strncmp(text, name, strlen(name)) == 0 && fs_read(stat, 256, a, &text, NULL, NULL) == 0)
            us = strtod(text, NULL) / 1000;
    }
    if (d)
        (void)closedir(d);
    return us;
}

static double own_us(void)
{
    struct rusage u;
    (void)getrusage(RUSAGE_THREAD, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1e6 +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

static void look(void *arg, const struct tally_row *row)
{
    *(uint64_t *)arg += row->buckets[TALLY_BOUNDS - 1];
}

static uint64_t counted(struct tally *t, uint64_t wanted)
{
    uint64_t n = 0;
    for (int i = 0; i < 2000 && n < wanted; i++) {
        n = 0;
        tally_visit(t, look, &n);
        (void)usleep(1000);
    }
    return n;
}

static void with_listener(const struct run *r, struct podnet *net, const char *ip)
{
    AUTO(tally) struct tally *t = tally_new();
    AUTO(traffic) struct traffic *listener = NULL;
    struct in_addr address;
    struct err e;
    uint32_t base;
    int prefix = podnet_pod_range(net, &base);
    (void)inet_pton(AF_INET, ip, &address);
    const struct tally_pod pod = {ntohl(address.s_addr), "shop", "web", "uid", "", "", NULL, 0};
    tally_set_pods(t, &pod, 1);
    if (traffic_start(base, prefix, t, &listener, &e) < 0)
        die("listen", &e);
    exchange(r, WARM);
    (void)counted(t, WARM);
    double before = own_us(), thread = thread_us("traffic");
    exchange(r, r->requests);
    double mine = own_us() - before;
    uint64_t n = counted(t, WARM + r->requests);
    (void)printf("listened: %.2f us a request in both ends' sockets and links, %.2f us in the "
                 "listener; %llu of %zu counted, %llu packets dropped\n",
                 mine / (double)r->requests, (thread_us("traffic") - thread) / (double)r->requests,
                 (unsigned long long)(n - WARM), r->requests,
                 (unsigned long long)traffic_counts(listener).dropped);
}

static void rounds(struct run *r, struct podnet *net, const struct podnet_pod *pod, int home)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(PORT)};
    AUTO_FD int there = open(pod->netns, O_RDONLY | O_CLOEXEC);
    (void)inet_pton(AF_INET, pod->ip, &at.sin_addr);
    (void)setns(there, CLONE_NEWNET);
    AUTO_FD int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    (void)setns(home, CLONE_NEWNET);
    if (bind(listener, (void *)&at, sizeof at) < 0 || listen(listener, 4) < 0)
        die("listen in the pod", NULL);
    r->client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(r->client, (void *)&at, sizeof at) < 0)
        die("connect", NULL);
    r->server = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    for (int i = 0; i < ROUNDS; i++) {
        exchange(r, WARM);
        double before = own_us();
        exchange(r, r->requests);
        (void)printf("alone:    %.2f us a request\n", (own_us() - before) / (double)r->requests);
        with_listener(r, net, pod->ip);
    }
    (void)close(r->client);
    (void)close(r->server);
}

int main(int argc, char **argv)
{
    char dir[] = "/tmp/slipway-trafficload-XXXXXX";
    size_t body = argc > 2 ? strtoul(argv[2], NULL, 10) : 500;
    AUTO(arena) struct arena *a = arena_new(0);
    AUTO(podnet) struct podnet *net = NULL;
    struct run r = {.requests = argc > 1 ? strtoul(argv[1], NULL, 10) : 10000};
    struct podnet_pod pod;
    struct err e = {0};
    if (body > BODY_MAX || unshare(CLONE_NEWNET | CLONE_NEWNS) < 0 ||
        mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 || !mkdtemp(dir))
        die("a network of its own", NULL);
    const char *head =
        arena_printf(a, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\nServer: bench\r\n\r\n", body);
    r.answer_len = strlen(head) + body;
    r.answer = arena_alloc(a, r.answer_len);
    memset(r.answer, 'x', r.answer_len);
    memcpy(r.answer, head, strlen(head));
    AUTO_FD int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    const struct podnet_opts o = {.state_dir = dir, .no_dns = true};
    if (podnet_open(&o, &net, &e) < 0 || podnet_add(net, "web", NULL, 0, a, &pod, &e) < 0)
        die("pod network", &e);
    rounds(&r, net, &pod, home);
    if (podnet_remove_all(&o, &e) < 0 || fs_remove_tree(dir, &e) < 0)
        die("clean up", &e);
    return 0;
}
