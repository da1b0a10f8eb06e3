#include "loop/loop.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/eventfd.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"

enum slot_kind { SLOT_FREE, SLOT_FD, SLOT_TIMER, SLOT_PROCESS };

struct slot {
    enum slot_kind kind;
    uint32_t generation;
    int fd; /* FD: the caller's; PROCESS: our pidfd */
    pid_t pid;
    int64_t due_ms; /* TIMER */
    union {
        loop_fd_fn on_fd;
        loop_fn on_timer;
        loop_exit_fn on_exit;
    };
    void *arg;
};

struct message {
    struct message *next;
    loop_fn fn;
    void *arg;
};

struct loop {
    int epoll_fd, wake_fd;
    struct slot *slots;
    uint32_t n_slots;
    atomic_bool stopping;
    pthread_mutex_t lock; /* of the messages alone */
    struct message *first, **last;
};

enum { WAKE = UINT32_MAX, BATCH = 64 };

static loop_id id_of(const struct loop *l, uint32_t i)
{
    return (loop_id){(uint64_t)l->slots[i].generation << 32 | (i + 1)};
}

static struct slot *slot_of(struct loop *l, loop_id id)
{
    uint32_t i = (uint32_t)id.v;
    if (i == 0 || i > l->n_slots)
        return NULL;
    struct slot *s = &l->slots[i - 1];
    return s->kind != SLOT_FREE && s->generation == id.v >> 32 ? s : NULL;
}

static uint32_t slot_take(struct loop *l)
{
    for (uint32_t i = 0; i < l->n_slots; i++)
        if (l->slots[i].kind == SLOT_FREE)
            return i;
    uint32_t n = l->n_slots ? l->n_slots * 2 : 16;
    l->slots = realloc(l->slots, n * sizeof *l->slots);
    if (!l->slots)
        log_die("out of memory for %u loop slots", n);
    memset(l->slots + l->n_slots, 0, (n - l->n_slots) * sizeof *l->slots);
    uint32_t i = l->n_slots;
    l->n_slots = n;
    return i;
}

static void slot_release(struct slot *s)
{
    uint32_t generation = s->generation + 1;
    *s = (struct slot){.generation = generation};
}

int loop_new(struct loop **out, struct err *e)
{
    AUTO(loop) struct loop *l = calloc(1, sizeof *l);
    if (!l)
        log_die("out of memory for a loop");
    (void)pthread_mutex_init(&l->lock, NULL);
    l->last = &l->first;
    l->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    l->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    struct epoll_event ev = {.events = EPOLLIN, .data.u64 = WAKE};
    if (l->epoll_fd < 0 || l->wake_fd < 0 ||
        epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, l->wake_fd, &ev) < 0)
        return err_sys(e, errno, "make an event loop");
    *out = take_ptr(l);
    return 0;
}

void loop_free(struct loop *l)
{
    if (!l)
        return;
    for (uint32_t i = 0; i < l->n_slots; i++)
        if (l->slots[i].kind == SLOT_PROCESS)
            (void)close(l->slots[i].fd);
    for (struct message *m = l->first, *next; m; m = next) {
        next = m->next;
        free(m);
    }
    (void)close(l->epoll_fd);
    (void)close(l->wake_fd);
    (void)pthread_mutex_destroy(&l->lock);
    free(l->slots);
    free(l);
}

static int slot_arm(struct loop *l, uint32_t i, uint32_t events, loop_id *out, struct err *e)
{
    struct epoll_event ev = {.events = events, .data.u64 = id_of(l, i).v};
    if (epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, l->slots[i].fd, &ev) < 0) {
        slot_release(&l->slots[i]);
        return err_sys(e, errno, "watch a descriptor");
    }
    if (out)
        *out = id_of(l, i);
    return 0;
}

int loop_add_fd(struct loop *l, int fd, uint32_t events, loop_fd_fn fn, void *arg, loop_id *out,
                struct err *e)
{
    uint32_t i = slot_take(l);
    struct slot *s = &l->slots[i];
    s->kind = SLOT_FD;
    s->fd = fd;
    s->on_fd = fn;
    s->arg = arg;
    return slot_arm(l, i, events, out, e);
}

loop_id loop_add_timer(struct loop *l, int64_t after_ms, loop_fn fn, void *arg)
{
    uint32_t i = slot_take(l);
    struct slot *s = &l->slots[i];
    s->kind = SLOT_TIMER;
    s->due_ms = clock_mono_ms() + (after_ms > 0 ? after_ms : 0);
    s->on_timer = fn;
    s->arg = arg;
    return id_of(l, i);
}

int loop_add_process(struct loop *l, pid_t pid, loop_exit_fn fn, void *arg, loop_id *out,
                     struct err *e)
{
    int fd = pidfd_open(pid, 0);
    if (fd < 0)
        return err_sys(e, errno, "open process %d", (int)pid);
    uint32_t i = slot_take(l);
    struct slot *s = &l->slots[i];
    s->kind = SLOT_PROCESS;
    s->fd = fd;
    s->pid = pid;
    s->on_exit = fn;
    s->arg = arg;
    int r = slot_arm(l, i, EPOLLIN, out, e);
    if (r < 0)
        (void)close(fd);
    return r;
}

void loop_remove(struct loop *l, loop_id id)
{
    struct slot *s = slot_of(l, id);
    if (!s)
        return;
    if (s->kind != SLOT_TIMER)
        (void)epoll_ctl(l->epoll_fd, EPOLL_CTL_DEL, s->fd, NULL);
    if (s->kind == SLOT_PROCESS)
        (void)close(s->fd);
    slot_release(s);
}

static void wake(struct loop *l)
{
    uint64_t one = 1;
    (void)!write(l->wake_fd, &one, sizeof one);
}

void loop_post(struct loop *l, loop_fn fn, void *arg)
{
    struct message *m = calloc(1, sizeof *m);
    if (!m)
        log_die("out of memory for a loop message");
    m->fn = fn;
    m->arg = arg;
    {
        LOCK_SCOPE(&l->lock);
        *l->last = m;
        l->last = &m->next;
    }
    wake(l);
}

void loop_stop(struct loop *l)
{
    atomic_store(&l->stopping, true);
    wake(l);
}

static void run_messages(struct loop *l)
{
    uint64_t count;
    (void)!read(l->wake_fd, &count, sizeof count);
    struct message *m;
    {
        LOCK_SCOPE(&l->lock);
        m = l->first;
        l->first = NULL;
        l->last = &l->first;
    }
    while (m) {
        struct message *next = m->next;
        m->fn(m->arg);
        free(m);
        m = next;
    }
}

static void run_process(struct loop *l, struct slot s, loop_id id)
{
    siginfo_t info = {0};
    int status = -1;
    if (waitid(P_PIDFD, (id_t)s.fd, &info, WEXITED | WNOHANG) == 0 && info.si_pid)
        status = info.si_code == CLD_EXITED ? W_EXITCODE(info.si_status, 0)
                                            : W_EXITCODE(0, info.si_status);
    loop_remove(l, id);
    s.on_exit(s.arg, s.pid, status);
}

static void run_event(struct loop *l, const struct epoll_event *ev)
{
    if (ev->data.u64 == WAKE) {
        run_messages(l);
        return;
    }
    loop_id id = {ev->data.u64};
    struct slot *s = slot_of(l, id);
    if (!s) /* an earlier handler of this batch removed it */
        return;
    if (s->kind == SLOT_PROCESS)
        run_process(l, *s, id);
    else
        s->on_fd(s->arg, s->fd, ev->events);
}

/* Milliseconds to the next timer, -1 when there is none. Timers are few: a scan is enough. */
static int next_timer_ms(const struct loop *l)
{
    int64_t due = INT64_MAX;
    for (uint32_t i = 0; i < l->n_slots; i++)
        if (l->slots[i].kind == SLOT_TIMER && l->slots[i].due_ms < due)
            due = l->slots[i].due_ms;
    if (due == INT64_MAX)
        return -1;
    int64_t left = due - clock_mono_ms();
    return left < 0 ? 0 : left > 3600000 ? 3600000 : (int)left;
}

static void run_timers(struct loop *l)
{
    int64_t now = clock_mono_ms();
    uint32_t n = l->n_slots; /* timers added by handlers wait for the next round */
    for (uint32_t i = 0; i < n; i++) {
        struct slot s = l->slots[i];
        if (s.kind != SLOT_TIMER || s.due_ms > now)
            continue;
        slot_release(&l->slots[i]);
        s.on_timer(s.arg);
    }
}

int loop_run(struct loop *l, struct err *e)
{
    while (!atomic_load(&l->stopping)) {
        struct epoll_event ev[BATCH];
        int n = epoll_wait(l->epoll_fd, ev, BATCH, next_timer_ms(l));
        if (n < 0 && errno != EINTR)
            return err_sys(e, errno, "wait for events");
        for (int i = 0; i < n; i++)
            run_event(l, &ev[i]);
        run_timers(l);
    }
    return 0;
}
