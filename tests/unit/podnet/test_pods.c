/* Real namespaces, links and rules, inside a network namespace of the test's own. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "base/fs.h"
#include "podnet/podnet_int.h"
#include "t.h"

static struct err e;

static int enter(const char *netns)
{
    int fd = open(netns, O_RDONLY | O_CLOEXEC);
    int r = setns(fd, CLONE_NEWNET);
    (void)close(fd);
    return r;
}

/* A listener inside the pod; sockets stay where they were made. */
static int listen_in(const char *netns, int home, uint16_t port)
{
    if (enter(netns) < 0)
        return -1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};
    bool ok = bind(fd, (struct sockaddr *)&a, sizeof a) == 0 && listen(fd, 8) == 0;
    return setns(home, CLONE_NEWNET) == 0 && ok ? fd : -1;
}

/* Connects from `netns` (NULL: the host), lets the listener accept, says which byte came. */
static bool reaches(const char *netns, int home, const char *ip, uint16_t port, int listener)
{
    if (netns && enter(netns) < 0)
        return false;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct timeval limit = {.tv_sec = 3};
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};
    (void)inet_pton(AF_INET, ip, &a.sin_addr);
    bool ok = connect(fd, (struct sockaddr *)&a, sizeof a) == 0;
    (void)setns(home, CLONE_NEWNET);
    if (ok && listener >= 0) {
        int peer = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        char c = 0;
        ok = write(peer, "x", 1) == 1 && read(fd, &c, 1) == 1 && c == 'x';
        (void)close(peer);
    }
    (void)close(fd);
    return ok;
}

static void serve(struct podnet *n, int home)
{
    AUTO(arena) struct arena *a = arena_new(0);
    struct podnet_pod p1 = {0}, p2 = {0}, again = {0};
    struct podnet_port host_port = {false, NULL, 18080, 8080};
    T_RC(podnet_add(n, "pod-1", &host_port, 1, a, &p1, &e), &e, "first pod");
    T_RC(podnet_add(n, "pod-2", NULL, 0, a, &p2, &e), &e, "second pod");
    if (t_failed)
        return;
    T_RC(podnet_add(n, "pod-1", &host_port, 1, a, &again, &e), &e, "first pod again");
    T_EQ_STR(again.ip, p1.ip, "same address");
    AUTO_FD int listener = listen_in(p1.netns, home, 8080);
    T_OK(listener >= 0, "listen");
    struct podnet_backend b = {p1.ip, 8080, NULL};
    struct podnet_service_port ports[] = {
        {"http", false, 80, 30080, &b,   1},
        {"none", false, 81, 0,     NULL, 0}
    };
    struct podnet_service s = {"ns", "web", "10.96.0.9", NULL, false, ports, 2};
    T_RC(podnet_set_services(n, &s, 1, &e), &e, "services");
    const struct {
        const char *name, *from, *ip;
        uint16_t port;
        bool want;
    } cases[] = {
        {"host to pod",                NULL,     p1.ip,        8080,  true },
        {"pod to pod",                 p2.netns, p1.ip,        8080,  true },
        {"host to service",            NULL,     "10.96.0.9",  80,    true },
        {"pod to service",             p2.netns, "10.96.0.9",  80,    true },
        {"pod to service to itself",   p1.netns, "10.96.0.9",  80,    true },
        {"node port by loopback",      NULL,     "127.0.0.1",  30080, true },
        {"node port by gateway",       p2.netns, "10.88.0.1",  30080, true },
        {"host port",                  NULL,     "10.88.0.1",  18080, true },
        {"a port without backends",    p2.netns, "10.96.0.9",  81,    false},
        {"an address without service", p2.netns, "10.96.0.10", 80,    false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        T_OK(reaches(cases[i].from, home, cases[i].ip, cases[i].port,
                     cases[i].want ? listener : -1) == cases[i].want,
             cases[i].name);
    uint64_t rx = 0, tx = 0;
    T_RC(podnet_traffic(n, "pod-1", &rx, &tx, &e), &e, "traffic");
    T_OK(rx > 0 && tx > 0, "bytes were counted");
    T_RC(podnet_del(n, "pod-1", &e), &e, "delete");
    T_RC(podnet_del(n, "pod-1", &e), &e, "delete twice");
    T_EQ_INT(podnet_add(n, "../x", NULL, 0, a, &p1, &e), ERR_INVALID, "a path is no id");
}

static bool loopback_up(void)
{
    struct ifreq r = {.ifr_name = "lo", .ifr_flags = IFF_UP};
    AUTO_FD int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    return ioctl(fd, SIOCSIFFLAGS, &r) == 0;
}

static void connects_pods(void)
{
    if (unshare(CLONE_NEWNET | CLONE_NEWNS) < 0) {
        (void)fputs("skipped: needs root\n", stderr);
        return;
    }
    (void)mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
    /* /proc/sys/net and /sys follow the namespace of whoever opens them. */
    AUTO_FD int home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
    T_OK(loopback_up(), "the host's own loopback");
    char dir[] = "/tmp/slipway-net-XXXXXX";
    T_OK(mkdtemp(dir), "mkdtemp");
    struct podnet_opts o = {.state_dir = dir};
    struct podnet *n = NULL;
    T_RC(podnet_open(&o, &n, &e), &e, "open");
    if (n) {
        T_EQ_STR(podnet_gateway(n), "10.88.0.1", "gateway");
        struct podnet *second = NULL;
        T_EQ_INT(podnet_open(&o, &second, &e), ERR_EXISTS, "a second one leaves the first alone");
        serve(n, home);
        podnet_free(n);
        T_RC(podnet_open(&o, &n, &e), &e, "open over what is there");
        podnet_free(n);
    }
    T_RC(podnet_remove_all(&o, &e), &e, "remove all");
    T_RC(fs_remove_tree(dir, &e), &e, "clean up");
}

T_MAIN(connects_pods)
