#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/thread.h"
#include "loop/loop.h"
#include "t.h"

struct seen {
    struct loop *l;
    int fd_events, timers, posts, exit_status;
    char order[32];
    loop_id other;
};

static void note(struct seen *s, char c)
{
    size_t n = strlen(s->order);
    if (n + 1 < sizeof s->order)
        s->order[n] = c;
}

static void on_fd(void *arg, int fd, uint32_t events)
{
    struct seen *s = arg;
    char c;
    T_OK(events & EPOLLIN, "readable");
    T_EQ_INT(read(fd, &c, 1), 1, "one byte");
    s->fd_events++;
    loop_stop(s->l);
}

static void descriptors(void)
{
    struct err e = {0};
    AUTO(loop) struct loop *l = NULL;
    T_RC(loop_new(&l, &e), &e, "new");
    int p[2];
    T_EQ_INT(pipe(p), 0, "pipe");
    struct seen s = {.l = l};
    loop_id id;
    T_RC(loop_add_fd(l, p[0], EPOLLIN, on_fd, &s, &id, &e), &e, "add");
    T_EQ_INT(write(p[1], "x", 1), 1, "write");
    T_RC(loop_run(l, &e), &e, "run");
    T_EQ_INT(s.fd_events, 1, "called once");
    loop_remove(l, id);
    loop_remove(l, id); /* a stale handle does nothing */
    (void)close(p[0]);
    (void)close(p[1]);
}

static void tick_a(void *arg)
{
    note(arg, 'a');
}
static void tick_b(void *arg)
{
    note(arg, 'b');
}
static void tick_stop(void *arg)
{
    struct seen *s = arg;
    note(s, 's');
    loop_stop(s->l);
}
static void tick_removes(void *arg)
{
    struct seen *s = arg;
    note(s, 'r');
    loop_remove(s->l, s->other);
}

static void timers(void)
{
    struct err e = {0};
    AUTO(loop) struct loop *l = NULL;
    T_RC(loop_new(&l, &e), &e, "new");
    struct seen s = {.l = l};
    (void)loop_add_timer(l, 40, tick_stop, &s);
    s.other = loop_add_timer(l, 30, tick_b, &s);
    (void)loop_add_timer(l, 20, tick_removes, &s);
    (void)loop_add_timer(l, 1, tick_a, &s);
    T_RC(loop_run(l, &e), &e, "run");
    T_EQ_STR(s.order, "ars", "by time, the removed one not at all");
}

static void on_exit_of(void *arg, pid_t pid, int status)
{
    struct seen *s = arg;
    (void)pid;
    s->exit_status = status;
    loop_stop(s->l);
}

static void processes(void)
{
    struct err e = {0};
    AUTO(loop) struct loop *l = NULL;
    T_RC(loop_new(&l, &e), &e, "new");
    struct seen s = {.l = l};
    char sh[] = "sh", c[] = "-c", script[] = "exit 7";
    char *argv[] = {sh, c, script, NULL}, *envp[] = {NULL};
    pid_t pid;
    T_EQ_INT(posix_spawn(&pid, "/bin/sh", NULL, NULL, argv, envp), 0, "spawn");
    T_RC(loop_add_process(l, pid, on_exit_of, &s, NULL, &e), &e, "add");
    T_RC(loop_run(l, &e), &e, "run");
    T_EQ_INT(WEXITSTATUS(s.exit_status), 7, "exit code");
    T_EQ_INT(waitpid(pid, NULL, WNOHANG), -1, "reaped already");
}

static void *poster(void *arg)
{
    struct seen *s = arg;
    for (int i = 0; i < 5; i++)
        loop_post(s->l, i % 2 ? tick_b : tick_a, s);
    loop_post(s->l, tick_stop, s);
    return NULL;
}

static void messages(void)
{
    struct err e = {0};
    AUTO(loop) struct loop *l = NULL;
    T_RC(loop_new(&l, &e), &e, "new");
    struct seen s = {.l = l};
    pthread_t t;
    T_RC(thread_start(&t, "poster", 0, poster, &s, &e), &e, "thread");
    T_RC(loop_run(l, &e), &e, "run");
    (void)pthread_join(t, NULL);
    T_EQ_STR(s.order, "ababas", "in the order posted");
}

T_MAIN(descriptors, timers, processes, messages)
