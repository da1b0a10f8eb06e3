/* helm_post.c - a program of the user's that reads what was rendered and prints what to use. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "base/buf.h"
#include "cli/helm.h"

extern char **environ;

static int fail(struct helm_log *log, struct err *e, const char *text)
{
    log->error = text;
    return err_set(e, ERR_INVALID, "%s", text);
}

struct pipes {
    int to, from, errors; /* our ends; -1: closed */
};

static void shut(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
    *fd = -1;
}

static bool drain(int *fd, struct buf *b)
{
    char chunk[65536];
    ssize_t n = read(*fd, chunk, sizeof chunk);
    if (n > 0)
        buf_add(b, chunk, (size_t)n);
    else
        shut(fd);
    return n > 0;
}

/* Feeds the program and takes what it says, whichever comes first. */
static void talk(struct pipes *p, struct helm_text in, struct buf *out, struct buf *errors)
{
    while (p->to >= 0 || p->from >= 0 || p->errors >= 0) {
        struct pollfd fds[] = {
            {p->to,     POLLOUT, 0},
            {p->from,   POLLIN,  0},
            {p->errors, POLLIN,  0}
        };
        if (poll(fds, 3, -1) < 0 && errno != EINTR)
            return;
        if (fds[0].revents) {
            ssize_t n = write(p->to, in.s, in.n);
            if (n > 0) {
                in.s += n;
                in.n -= (size_t)n;
            }
            if (in.n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
                shut(&p->to);
        }
        if (fds[1].revents)
            (void)drain(&p->from, out);
        if (fds[2].revents)
            (void)drain(&p->errors, errors);
    }
}

static int start(const struct helm_cli_post *q, const char *path, struct arena *a, struct pipes *p,
                 pid_t *pid)
{
    int fds[3][2];
    for (int i = 0; i < 3; i++)
        if (pipe2(fds[i], O_CLOEXEC) < 0)
            return errno;
    char **argv = ARENA_ARRAY(a, char *, q->args.n + 2);
    argv[0] = arena_strdup(a, path);
    for (size_t i = 0; i < q->args.n; i++)
        argv[i + 1] = arena_strdup(a, q->args.items[i]);
    posix_spawn_file_actions_t actions;
    (void)posix_spawn_file_actions_init(&actions);
    (void)posix_spawn_file_actions_adddup2(&actions, fds[0][0], 0);
    (void)posix_spawn_file_actions_adddup2(&actions, fds[1][1], 1);
    (void)posix_spawn_file_actions_adddup2(&actions, fds[2][1], 2);
    int r = posix_spawn(pid, path, &actions, NULL, argv, environ);
    (void)posix_spawn_file_actions_destroy(&actions);
    (void)close(fds[0][0]);
    (void)close(fds[1][1]);
    (void)close(fds[2][1]);
    *p = (struct pipes){fds[0][1], fds[1][0], fds[2][0]};
    (void)fcntl(p->to, F_SETFL, O_NONBLOCK);
    return r;
}

/* Where a program without a slash stands in $PATH, or NULL. */
static const char *find_program(const char *name, struct arena *a)
{
    if (strchr(name, '/')) {
        char *full = access(name, X_OK) == 0 ? realpath(name, NULL) : NULL;
        const char *path = full ? arena_strdup(a, full) : NULL;
        free(full);
        return path;
    }
    const char *list = getenv("PATH");
    for (const char *s = list ? list : ""; *s;) {
        size_t n = strcspn(s, ":");
        const char *path = arena_printf(a, "%.*s/%s", (int)n, s, name);
        if (access(path, X_OK) == 0)
            return path;
        s += n + (s[n] == ':');
    }
    return NULL;
}

int helm_cli_post_check(const struct helm_cli_post *q, struct helm_log *log, struct err *e)
{
    if (!q->program || find_program(q->program, log->arena))
        return 0;
    return fail(log, e,
                arena_printf(log->arena,
                             "invalid argument \"%s\" for \"--post-renderer\" flag: unable to find "
                             "binary at %s: exec: \"%s\": executable file not found in $PATH",
                             q->program, q->program, q->program));
}

int helm_cli_post_render(const struct helm_cli_post *q, struct helm_log *log, struct buf *manifest,
                         struct err *e)
{
    if (!q->program)
        return 0;
    struct arena *a = log->arena;
    AUTO_BUF struct buf out = {.max = HELM_OUTPUT_MAX}, errors = {.max = 1 << 20};
    const char *path = find_program(q->program, a);
    struct pipes p;
    pid_t pid;
    int status = 0;
    (void)signal(SIGPIPE, SIG_IGN);
    int r = start(q, path, a, &p, &pid);
    if (r == 0) {
        talk(&p, (struct helm_text){buf_text(manifest), manifest->len}, &out, &errors);
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
            continue;
    }
    shut(&p.to);
    shut(&p.from);
    shut(&p.errors);
    if (r != 0 || status != 0)
        return fail(
            log, e,
            arena_printf(a,
                         "error while running post render on files: error while running "
                         "command %s. error output:\n%s: %s",
                         path, buf_text(&errors),
                         r ? strerror(r) : arena_printf(a, "exit status %d", WEXITSTATUS(status))));
    buf_clear(manifest);
    buf_add(manifest, buf_text(&out), out.len);
    return 0;
}
