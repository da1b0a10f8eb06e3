#include "build/forward.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/thread.h"

enum { PAIRS_MAX = 16, PIECE = 1 << 14, SEND_MS = 10000 };

struct forward {
    int listener, stop;
    struct sockaddr_un to;
    int ends[PAIRS_MAX][2]; /* whoever came, and the agent; -1: free */
    pthread_t thread;
};

static int address_of(const char *path, struct sockaddr_un *out, struct err *e)
{
    *out = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof out->sun_path)
        return err_set(e, ERR_INVALID, "socket %s: the path is too long", path);
    memcpy(out->sun_path, path, strlen(path));
    return 0;
}

static void drop(struct forward *f, size_t i)
{
    for (int side = 0; side < 2; side++) {
        if (f->ends[i][side] >= 0)
            (void)close(f->ends[i][side]);
        f->ends[i][side] = -1;
    }
}

static void welcome(struct forward *f)
{
    AUTO_FD int fd = accept4(f->listener, NULL, NULL, SOCK_CLOEXEC);
    size_t i = 0;
    while (i < PAIRS_MAX && f->ends[i][0] >= 0)
        i++;
    if (fd < 0 || i == PAIRS_MAX)
        return;
    AUTO_FD int agent = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (agent < 0 || connect(agent, (const struct sockaddr *)&f->to, sizeof f->to) < 0)
        return;
    f->ends[i][0] = take_fd(&fd);
    f->ends[i][1] = take_fd(&agent);
}

/* Whoever does not read for so long is cut off: it would hold up the others. */
static bool send_all(int to, const char *bytes, size_t n)
{
    for (size_t at = 0; at < n;) {
        ssize_t put = send(to, bytes + at, n - at, MSG_NOSIGNAL | MSG_DONTWAIT);
        struct pollfd p = {.fd = to, .events = POLLOUT};
        if (put > 0)
            at += (size_t)put;
        else if (put < 0 && errno != EAGAIN && errno != EINTR)
            return false;
        else if (poll(&p, 1, SEND_MS) == 0)
            return false;
    }
    return true;
}

static bool pass_on(int from, int to)
{
    char piece[PIECE];
    ssize_t n = read(from, piece, sizeof piece);
    return n > 0 && send_all(to, piece, (size_t)n);
}

static void *serve(void *arg)
{
    struct forward *f = arg;
    for (;;) {
        struct pollfd list[2 + 2 * PAIRS_MAX] = {
            {f->stop,     POLLIN, 0},
            {f->listener, POLLIN, 0}
        };
        for (size_t i = 0; i < PAIRS_MAX; i++)
            for (size_t side = 0; side < 2; side++)
                list[2 + 2 * i + side] = (struct pollfd){f->ends[i][side], POLLIN, 0};
        if (poll(list, ARRAY_LEN(list), -1) < 0)
            continue;
        if (list[0].revents)
            return NULL;
        for (size_t i = 0; i < PAIRS_MAX; i++)
            for (size_t side = 0; side < 2; side++)
                if (list[2 + 2 * i + side].revents && f->ends[i][0] >= 0 &&
                    !pass_on(f->ends[i][side], f->ends[i][!side]))
                    drop(f, i);
        if (list[1].revents)
            welcome(f);
    }
}

static int start(struct forward *f, const char *at, const char *to, struct err *e)
{
    struct sockaddr_un own;
    int rc = address_of(at, &own, e);
    if (rc < 0 || (rc = address_of(to, &f->to, e)) < 0)
        return rc;
    f->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    f->stop = eventfd(0, EFD_CLOEXEC);
    if (f->listener < 0 || f->stop < 0 ||
        bind(f->listener, (const struct sockaddr *)&own, sizeof own) < 0 ||
        listen(f->listener, PAIRS_MAX) < 0)
        return err_sys(e, errno, "listen at %s", at);
    return thread_start(&f->thread, "build-ssh", 0, serve, f, e);
}

static void close_all(struct forward *f)
{
    for (size_t i = 0; i < PAIRS_MAX; i++)
        drop(f, i);
    if (f->listener >= 0)
        (void)close(f->listener);
    if (f->stop >= 0)
        (void)close(f->stop);
    free(f);
}

int forward_open(const char *at, const char *to, struct forward **out, struct err *e)
{
    struct forward *f = calloc(1, sizeof *f);
    f->listener = f->stop = -1;
    memset(f->ends, -1, sizeof f->ends);
    int rc = start(f, at, to, e);
    if (rc < 0) {
        close_all(f);
        return rc;
    }
    *out = f;
    return 0;
}

void forward_free(struct forward *f)
{
    if (!f)
        return;
    const uint64_t one = 1;
    ssize_t told = write(f->stop, &one, sizeof one);
    (void)told;
    (void)pthread_join(f->thread, NULL);
    close_all(f);
}
