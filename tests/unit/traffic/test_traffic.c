/* A pod on a real link, in a network namespace of the test's own: requests that pass are counted.
 */
#include "traffic/traffic.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/fs.h"
#include "podnet/podnet.h"
#include "t.h"

enum { PATIENCE_MS = 60000, REQUESTS = 20 };
static struct err e;

static int socket_in(const char *netns, int home)
{
    int there = open(netns, O_RDONLY | O_CLOEXEC);
    (void)setns(there, CLONE_NEWNET);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    (void)setns(home, CLONE_NEWNET);
    (void)close(there);
    return fd;
}

/* One request, answered by the test itself at the other end. */
static bool exchange(int client, int server)
{
    static const char request[] = "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
                      answer[] = "HTTP/1.1 503 x\r\nContent-Length: 0\r\n\r\n";
    char got[256];
    return write(client, request, sizeof request - 1) == sizeof request - 1 &&
           read(server, got, sizeof got) == sizeof request - 1 &&
           write(server, answer, sizeof answer - 1) == sizeof answer - 1 &&
           read(client, got, sizeof got) == sizeof answer - 1;
}

static void talk(const struct podnet_pod *pod, int home)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(8080)};
    int listener = socket_in(pod->netns, home);
    (void)inet_pton(AF_INET, pod->ip, &at.sin_addr);
    T_OK(bind(listener, (void *)&at, sizeof at) == 0 && listen(listener, 4) == 0, "listen");
    int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    T_OK(connect(client, (void *)&at, sizeof at) == 0, "connect");
    int server = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    for (int i = 0; i < REQUESTS; i++)
        T_OK(exchange(client, server), "exchange");
    (void)close(client);
    (void)close(server);
    (void)close(listener);
}

struct seen {
    uint64_t n, answers;
    bool right;
};

static void look(void *arg, const struct tally_row *r)
{
    struct seen *s = arg;
    s->right = r->n_counts == 1 && r->port == 8080 && strcmp(r->service, "web") == 0 &&
               strcmp(r->counts[0].code, "503") == 0 && strcmp(r->counts[0].method, "GET") == 0;
    s->n = r->counts[0].n;
    s->answers = r->buckets[TALLY_BOUNDS - 1];
}

static void counted(struct podnet *n, int home)
{
    AUTO(arena) struct arena *a = arena_new(0);
    AUTO(tally) struct tally *t = tally_new();
    AUTO(traffic) struct traffic *listener = NULL;
    const struct tally_service web = {"web", 8080};
    struct podnet_pod pod;
    struct seen s = {0};
    struct in_addr ip;
    uint32_t base;
    int prefix = podnet_pod_range(n, &base);
    int r = traffic_start(base, prefix, t, &listener, &e);
    T_RC(r, &e, "start");
    T_RC(podnet_add(n, "web", NULL, 0, a, &pod, &e), &e, "pod");
    if (r < 0 || inet_pton(AF_INET, pod.ip, &ip) != 1)
        return;
    const struct tally_pod whose = {ntohl(ip.s_addr), "shop", "web", "uid", "", "", &web, 1};
    tally_set_pods(t, &whose, 1);
    talk(&pod, home);
    for (int64_t end = clock_mono_ms() + PATIENCE_MS; s.n < REQUESTS && clock_mono_ms() < end;) {
        tally_visit(t, look, &s);
        (void)usleep(1000);
    }
    T_EQ_INT(s.n, REQUESTS, "requests");
    T_EQ_INT(s.answers, REQUESTS, "answers that took time");
    T_OK(s.right, "labels");
    T_EQ_INT(traffic_counts(listener).dropped, 0, "dropped");
    T_RC(podnet_del(n, "web", &e), &e, "delete");
}

static bool setup(void)
{
    if (geteuid() != 0 || unshare(CLONE_NEWNET | CLONE_NEWNS) < 0 ||
        mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
        return false;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct ifreq lo = {.ifr_name = "lo", .ifr_flags = IFF_UP};
    bool up = ioctl(fd, SIOCSIFFLAGS, &lo) == 0;
    (void)close(fd);
    fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    up &= fd >= 0;
    (void)close(fd);
    return up;
}

static void seen_on_a_link(void)
{
    char dir[] = "/tmp/slipway-traffic-XXXXXX";
    AUTO(podnet) struct podnet *n = NULL;
    if (!setup()) {
        (void)puts("skipped: needs root, network namespaces and packet sockets");
        return;
    }
    T_OK(mkdtemp(dir) != NULL, "folder");
    AUTO_FD int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    const struct podnet_opts o = {.state_dir = dir, .no_dns = true};
    int r = podnet_open(&o, &n, &e);
    T_RC(r, &e, "network");
    if (r == 0)
        counted(n, home);
    T_RC(podnet_remove_all(&o, &e), &e, "remove");
    T_RC(fs_remove_tree(dir, &e), &e, "clean up");
}

T_MAIN(seen_on_a_link)
