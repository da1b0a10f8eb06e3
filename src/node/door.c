#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/thread.h"
#include "node/logread.h"

/* ---- which container ---- */

struct found {
    const char *name;
    char id[320], netns[256];
    enum life life;
    const char *waiting;
    bool known;
};

static void find_slot(void *arg, const struct pod_def *d, const struct slot *slots,
                      const struct sandbox *s)
{
    struct found *f = arg;
    (void)snprintf(f->netns, sizeof f->netns, "%s", s->netns);
    for (size_t i = 0; i < d->n && f->name; i++) {
        if (strcmp(slots[i].name, f->name) != 0)
            continue;
        f->known = true;
        f->life = slots[i].life;
        f->waiting = slots[i].waiting;
        (void)snprintf(f->id, sizeof f->id, "%s", slots[i].id ? slots[i].id : "");
    }
}

static struct found find(struct node *n, const char *uid, const char *container)
{
    struct found f = {.name = container};
    LOCK_SCOPE(&n->lock);
    struct worker *w = node__worker(n, uid);
    if (w)
        worker__peek(w, find_slot, &f);
    return f;
}

static int running(struct node *n, const struct object *pod, const char *container,
                   struct found *out, struct err *e)
{
    *out = find(n, pod->uid, container);
    if (out->life != LIFE_RUNNING)
        return err_set(e, ERR_NOT_FOUND, "container not found (\"%s\")", container);
    return 0;
}

/* ---- logs ---- */

struct log_call {
    struct node *n;
    const char *uid, *container;
    int attempt;
    int (*write)(void *arg, const void *bytes, size_t n, struct err *e);
    void *arg;
};

static int log_write(void *arg, const void *bytes, size_t n, struct err *e)
{
    struct log_call *c = arg;
    return c->write(c->arg, bytes, n, e);
}

static bool log_runs(void *arg)
{
    struct log_call *c = arg;
    AUTO(arena) struct arena *a = arena_new(0);
    struct container_info info;
    if (c->n->stopping)
        return false;
    const char *id = container__id(a, c->uid, c->container, c->attempt);
    return runtime_get(c->n->runtime, id, a, &info, NULL) == 0 && info.running;
}

static int door_logs(struct pod_door *door, const struct object *pod, const struct pod_log_opts *o,
                     int (*write)(void *arg, const void *bytes, size_t n, struct err *e), void *arg,
                     struct err *e)
{
    struct node *n = container_of(door, struct node, door);
    AUTO(arena) struct arena *a = arena_new(0);
    struct found f = find(n, pod->uid, o->container);
    char *folder = arena_printf(a, "%s/pods/%s/%s", n->dir, pod->uid, o->container);
    int attempt = log_newest(folder);
    /* one that waits to be started again counts as the previous one already */
    if (o->previous && !(f.life == LIFE_ENDED && f.waiting))
        attempt--;
    if (attempt < 0 && o->previous)
        return err_set(e, ERR_INVALID,
                       "previous terminated container \"%s\" in pod \"%s\" not found", o->container,
                       pod->name);
    if (attempt < 0)
        return err_set(e, ERR_INVALID, "container \"%s\" in pod \"%s\" is waiting to start: %s",
                       o->container, pod->name, f.waiting ? f.waiting : "ContainerCreating");
    struct log_call call = {n, pod->uid, o->container, attempt, write, arg};
    struct log_reader to = {log_write, log_runs, &call};
    return log_read(place__log(n, a, pod->uid, o->container, attempt), o, &to, e);
}

/* ---- exec and attach ---- */

struct pump {
    int from, to; /* -1: done */
    int back_from, back_to;
    int resize_fd, gone_fd;
    void (*resize)(void *arg, unsigned cols, unsigned rows);
    void *arg;
};

static bool copy(int from, int to)
{
    char bytes[16384];
    ssize_t n = read(from, bytes, sizeof bytes);
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return true;
    for (ssize_t done = 0; done < n;) {
        ssize_t w = to < 0 ? n : write(to, bytes + done, (size_t)(n - done));
        if (w < 0 && errno == EINTR)
            continue;
        if (w <= 0)
            return false;
        done += w;
    }
    return n > 0;
}

static bool take_size(struct pump *p)
{
    struct pod_size s;
    if (read(p->resize_fd, &s, sizeof s) != (ssize_t)sizeof s)
        return false;
    p->resize(p->arg, s.cols, s.rows);
    return true;
}

/* A terminal both ways until its last user, or the client, has left. */
static void pump_terminal(struct pump *p)
{
    for (;;) {
        struct pollfd f[4] = {
            {p->from,      POLLIN, 0},
            {p->back_from, POLLIN, 0},
            {p->resize_fd, POLLIN, 0},
            {p->gone_fd,   POLLIN, 0}
        };
        if (poll(f, 4, -1) < 0)
            continue;
        if (f[3].revents)
            return;
        if (f[2].revents && !take_size(p))
            p->resize_fd = -1;
        if (f[1].revents && !copy(p->back_from, p->back_to))
            return;
        if (f[0].revents && !copy(p->from, p->to)) {
            const char end_of_input = 4; /* ^D: what a terminal knows of closed input */
            (void)!write(p->to, &end_of_input, 1);
            p->from = -1;
        }
    }
}

static void resize_exec(void *arg, unsigned cols, unsigned rows)
{
    exec_resize(arg, cols, rows);
}

/* Nobody is left to see what the process does: it ends with its client. */
static int wait_or_kill(struct exec_process *p, int gone_fd, int *code, struct err *e)
{
    struct pollfd f[2] = {
        {p->pidfd, POLLIN, 0},
        {gone_fd,  POLLIN, 0}
    };
    while (poll(f, 2, -1) < 0 && errno == EINTR) {
    }
    return exec_wait(p, f[0].revents ? -1 : 0, code, e);
}

static int exec_new(struct node *n, const char *id, const struct pod_exec_opts *o, int *code,
                    struct err *e)
{
    struct exec_spec x = {.argv = o->argv,
                          .tty = o->tty,
                          .in_fd = o->in_fd,
                          .out_fd = o->out_fd,
                          .err_fd = o->err_fd};
    struct exec_process p;
    int rc = runtime_exec(n->runtime, id, &x, &p, e);
    if (rc < 0)
        return rc;
    if (o->tty) {
        struct pump pump = {.from = o->in_fd,
                            .to = p.tty_fd,
                            .back_from = p.tty_fd,
                            .back_to = o->out_fd,
                            .resize_fd = o->resize_fd,
                            .gone_fd = o->gone_fd,
                            .resize = resize_exec,
                            .arg = &p};
        pump_terminal(&pump);
    }
    return wait_or_kill(&p, o->gone_fd, code, e);
}

/* ---- attach ---- */

struct attach_call {
    struct node *n;
    const char *id;
};

static void resize_container(void *arg, unsigned cols, unsigned rows)
{
    struct attach_call *c = arg;
    struct err e;
    (void)!runtime_resize(c->n->runtime, c->id, cols, rows, &e);
}

static bool take_frame(int fd, const struct pod_exec_opts *o)
{
    struct attach_frame h;
    if (recv(fd, &h, sizeof h, MSG_WAITALL) != (ssize_t)sizeof h)
        return false;
    char bytes[16384];
    int to = h.stream == 1 ? o->out_fd : o->err_fd;
    for (uint32_t left = h.len; left;) {
        ssize_t n = recv(fd, bytes, left < sizeof bytes ? left : sizeof bytes, 0);
        if (n <= 0 || (to >= 0 && write(to, bytes, (size_t)n) != n))
            return false;
        left -= (uint32_t)n;
    }
    return true;
}

static int attach(struct node *n, const char *id, const struct pod_exec_opts *o, int *code,
                  struct err *e)
{
    AUTO_FD int fd = -1;
    int rc = runtime_attach(n->runtime, id, &fd, e);
    if (rc < 0)
        return rc;
    struct attach_call call = {n, id};
    struct pump p = {.from = o->in_fd,
                     .to = fd,
                     .resize_fd = o->resize_fd,
                     .resize = resize_container,
                     .arg = &call};
    for (;;) {
        struct pollfd f[4] = {
            {p.from,      POLLIN, 0},
            {fd,          POLLIN, 0},
            {p.resize_fd, POLLIN, 0},
            {o->gone_fd,  POLLIN, 0}
        };
        if (poll(f, 4, -1) < 0)
            continue;
        if (f[3].revents)
            break;
        if (f[2].revents && !take_size(&p))
            p.resize_fd = -1;
        if (f[1].revents && !take_frame(fd, o))
            break;
        if (f[0].revents && !copy(p.from, fd)) {
            (void)shutdown(fd, SHUT_WR);
            p.from = -1;
        }
    }
    AUTO(arena) struct arena *a = arena_new(0);
    struct container_info info;
    *code = runtime_get(n->runtime, id, a, &info, NULL) == 0 && !info.running ? info.end.code : 0;
    return 0;
}

static int door_exec(struct pod_door *door, const struct object *pod, const struct pod_exec_opts *o,
                     int *exit_code, struct err *e)
{
    struct node *n = container_of(door, struct node, door);
    struct found f;
    int rc = running(n, pod, o->container, &f, e);
    if (rc < 0)
        return rc;
    return o->argv ? exec_new(n, f.id, o, exit_code, e) : attach(n, f.id, o, exit_code, e);
}

/* ---- port-forward ---- */

struct dial {
    const char *netns;
    unsigned port;
    int fd, rc;
    struct err *e;
};

static void *dial_inside(void *arg)
{
    struct dial *d = arg;
    if (strcmp(d->netns, "host") != 0 && (d->rc = netns__enter(d->netns, d->e)) < 0)
        return NULL;
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)d->port),
                             .sin_addr = {htonl(INADDR_LOOPBACK)}};
    AUTO_FD int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to) < 0)
        d->rc = err_sys(d->e, errno, "connect to port %u of the pod", d->port);
    else
        d->fd = take_fd(&fd);
    return NULL;
}

static int door_connect(struct pod_door *door, const struct object *pod, unsigned port, int *out_fd,
                        struct err *e)
{
    struct node *n = container_of(door, struct node, door);
    struct found f = find(n, pod->uid, NULL);
    if (!*f.netns)
        return err_set(e, ERR_NOT_FOUND, "pod %s/%s does not run", pod->ns, pod->name);
    struct dial d = {.netns = f.netns, .port = port, .fd = -1, .e = e};
    pthread_t t;
    int rc = thread_start(&t, "port-forward", 0, dial_inside, &d, e);
    if (rc < 0)
        return rc;
    (void)pthread_join(t, NULL);
    if (d.rc == 0)
        *out_fd = d.fd;
    return d.rc;
}

const struct pod_door_ops door__ops = {door_logs, door_exec, door_connect};
