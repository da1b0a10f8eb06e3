/* dns.c - the sockets of the name server: pods on one side, the host's resolvers on the other. */
#include "podnet/dns.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/thread.h"

enum { PENDING = 1024, FORWARD_MS = 5000, UPSTREAMS = 3 };

/* A query that was passed on: our id is its place in the table plus a random part. */
struct pending {
    struct sockaddr_in client;
    uint16_t client_id, our_id;
    int64_t until_ms; /* 0: free */
};

struct dns_server {
    int pods, upstream, stop;
    pthread_t thread;
    bool running;
    pthread_mutex_t lock;
    struct dns_zone *zone; /* under lock */
    struct sockaddr_in upstreams[UPSTREAMS];
    size_t n_upstreams, turn;
    struct pending pending[PENDING];
    size_t next;
};

static uint16_t id_of(const uint8_t *m)
{
    return (uint16_t)(m[0] << 8 | m[1]);
}

static void set_id(uint8_t *m, uint16_t id)
{
    m[0] = (uint8_t)(id >> 8);
    m[1] = (uint8_t)id;
}

static void forward(struct dns_server *s, uint8_t *m, size_t n, const struct sockaddr_in *from)
{
    uint16_t random;
    if (!s->n_upstreams || getrandom(&random, sizeof random, 0) != sizeof random)
        return;
    size_t at = s->next++ % PENDING; /* the oldest gives way */
    struct pending *p = &s->pending[at];
    *p = (struct pending){*from, id_of(m), (uint16_t)((random & ~(PENDING - 1)) | at),
                          clock_mono_ms() + FORWARD_MS};
    set_id(m, p->our_id);
    const struct sockaddr_in *to = &s->upstreams[s->turn++ % s->n_upstreams];
    (void)sendto(s->upstream, m, n, MSG_DONTWAIT, (const struct sockaddr *)to, sizeof *to);
}

static bool is_upstream(const struct dns_server *s, const struct sockaddr_in *from)
{
    for (size_t i = 0; i < s->n_upstreams; i++)
        if (s->upstreams[i].sin_addr.s_addr == from->sin_addr.s_addr &&
            s->upstreams[i].sin_port == from->sin_port)
            return true;
    return false;
}

static void from_upstream(struct dns_server *s)
{
    uint8_t m[DNS_MESSAGE_MAX];
    struct sockaddr_in from;
    socklen_t len = sizeof from;
    ssize_t n = recvfrom(s->upstream, m, sizeof m, MSG_DONTWAIT, (struct sockaddr *)&from, &len);
    if (n < 12 || !is_upstream(s, &from))
        return;
    struct pending *p = &s->pending[id_of(m) % PENDING];
    if (!p->until_ms || p->our_id != id_of(m) || p->until_ms < clock_mono_ms())
        return;
    p->until_ms = 0;
    set_id(m, p->client_id);
    (void)sendto(s->pods, m, (size_t)n, MSG_DONTWAIT, (struct sockaddr *)&p->client,
                 sizeof p->client);
}

static void from_pods(struct dns_server *s)
{
    uint8_t m[DNS_MESSAGE_MAX], out[DNS_MESSAGE_MAX];
    struct sockaddr_in from;
    socklen_t len = sizeof from;
    ssize_t n = recvfrom(s->pods, m, sizeof m, MSG_DONTWAIT, (struct sockaddr *)&from, &len);
    if (n < 12)
        return;
    (void)pthread_mutex_lock(&s->lock);
    int r = s->zone ? dns_answer(s->zone, m, (size_t)n, out) : 0;
    (void)pthread_mutex_unlock(&s->lock);
    if (r > 0)
        (void)sendto(s->pods, out, (size_t)r, MSG_DONTWAIT, (struct sockaddr *)&from, len);
    else if (r == 0)
        forward(s, m, (size_t)n, &from);
}

static void *serve(void *arg)
{
    struct dns_server *s = arg;
    struct pollfd fds[] = {
        {s->pods,     POLLIN, 0},
        {s->upstream, POLLIN, 0},
        {s->stop,     POLLIN, 0}
    };
    while (poll(fds, 3, -1) >= 0 || errno == EINTR) {
        if (fds[2].revents)
            break;
        if (fds[0].revents)
            from_pods(s);
        if (fds[1].revents)
            from_upstream(s);
    }
    return NULL;
}

static void read_upstreams(struct dns_server *s, const char *path)
{
    AUTO(arena) struct arena *a = arena_new(0);
    char *text, *save = NULL;
    if (fs_read(path, 64 * 1024, a, &text, NULL, NULL) < 0)
        return; /* names of our own are still answered */
    for (char *line = strtok_r(text, "\n", &save); line && s->n_upstreams < UPSTREAMS;
         line = strtok_r(NULL, "\n", &save)) {
        char ip[64];
        struct sockaddr_in *to = &s->upstreams[s->n_upstreams];
        *to = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(53)};
        if (sscanf(line, " nameserver %63s", ip) == 1 && inet_pton(AF_INET, ip, &to->sin_addr) == 1)
            s->n_upstreams++;
    }
}

static int open_sockets(struct dns_server *s, uint32_t address, struct err *e)
{
    struct sockaddr_in at = {
        .sin_family = AF_INET, .sin_port = htons(53), .sin_addr.s_addr = htonl(address)};
    s->pods = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    s->upstream = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    s->stop = eventfd(0, EFD_CLOEXEC);
    if (s->pods < 0 || s->upstream < 0 || s->stop < 0)
        return err_sys(e, errno, "open name server sockets");
    if (bind(s->pods, (struct sockaddr *)&at, sizeof at) < 0)
        return err_sys(e, errno, "listen on %s port 53/udp for names", inet_ntoa(at.sin_addr));
    return 0;
}

int dns_server_start(uint32_t address, const char *resolv_conf, struct dns_server **out,
                     struct err *e)
{
    AUTO(dns_server) struct dns_server *s = calloc(1, sizeof *s);
    if (!s)
        log_die("out of memory");
    s->pods = s->upstream = s->stop = -1;
    (void)pthread_mutex_init(&s->lock, NULL);
    read_upstreams(s, resolv_conf);
    int r = open_sockets(s, address, e);
    if (r == 0)
        r = thread_start(&s->thread, "dns", 0, serve, s, e);
    if (r < 0)
        return r;
    s->running = true;
    *out = take_ptr(s);
    return 0;
}

void dns_server_set_zone(struct dns_server *s, struct dns_zone *z)
{
    (void)pthread_mutex_lock(&s->lock);
    struct dns_zone *old = s->zone;
    s->zone = z;
    (void)pthread_mutex_unlock(&s->lock);
    dns_zone_free(old);
}

void dns_server_free(struct dns_server *s)
{
    if (!s)
        return;
    if (s->running) {
        (void)eventfd_write(s->stop, 1);
        (void)pthread_join(s->thread, NULL);
    }
    for (int *fd = (int[]){s->pods, s->upstream, s->stop, -2}; *fd != -2; fd++)
        if (*fd >= 0)
            (void)close(*fd);
    dns_zone_free(s->zone);
    (void)pthread_mutex_destroy(&s->lock);
    free(s);
}
