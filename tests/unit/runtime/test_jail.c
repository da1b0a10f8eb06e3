/* A program of others reads and prints, and reaches nothing else. */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/fs.h"
#include "runtime/jail.h"
#include "t.h"

enum { PATIENCE_MS = 60000 };

/* Whether this machine lets namespaces be made is not ours to say. */
static bool can_be_fenced(const struct err *e)
{
    return !strstr(e->msg, "namespaces");
}

static int run(const char *folder, const char *script, char *out, size_t room, struct err *e)
{
    const char *const args[] = {"-c", script, NULL}, *const env[] = {"A=b", "PATH=/bin:/usr/bin",
                                                                     NULL};
    int fds[2], code = -1;
    if (pipe2(fds, O_CLOEXEC) < 0)
        return -1;
    const struct jail_spec s = {.folder = folder,
                                .program = "sh",
                                .args = args,
                                .env = env,
                                .in_fd = -1,
                                .out_fd = fds[1],
                                .err_fd = -1};
    struct exec_process p;
    int rc = jail_start(&s, &p, e);
    (void)close(fds[1]);
    size_t n = 0;
    for (ssize_t got = 1; rc == 0 && got > 0 && n + 1 < room; n += (size_t)got)
        if ((got = read(fds[0], out + n, room - 1 - n)) < 0)
            got = 0;
    out[n] = '\0';
    (void)close(fds[0]);
    if (rc == 0)
        rc = exec_wait(&p, PATIENCE_MS, &code, e);
    return rc < 0 ? rc : code;
}

static void is_fenced(void)
{
    static const struct {
        const char *script, *out;
        int code;
    } cases[] = {
        {"echo $A; exit 7",                                  "b\n",                       7},
        {"cat here",                                         "hi\n",                      0},
        {"{ echo x >here; } 2>/dev/null || echo no",         "no\n",                      0},
        {"echo x > /tmp/y && cat /tmp/y",                    "x\n",                       0},
        {"ls /run",                                          "",                          0},
        {"test -e /proc/3/cmdline || echo $$",               "2\n",                       0},
        {"kill -9 1; echo $?",                               "0\n",                       0}, /* in vain */
        {"{ echo x >/dev/y; } 2>/dev/null || echo no",       "no\n",                      0},
        {"{ echo x >/run/y; } 2>/dev/null || echo no",       "no\n",                      0},
        {"grep -c : /proc/net/dev || :",                     "1\n",                       0}, /* lo */
        {"grep CapEff /proc/self/status | tr -d '\\t'",      "CapEff:0000000000000000\n", 0},
        {"test -b /dev/sda || test -c /dev/kmsg || echo no", "no\n",                      0},
        {"echo x >/dev/null && head -c 1 /dev/zero | wc -c", "1\n",                       0},
        {"unshare -U true 2>/dev/null || echo no",           "no\n",                      0},
    };
    char dir[] = "/tmp/slipway-jail-XXXXXX", path[64], out[256];
    T_OK(mkdtemp(dir) != NULL, "folder");
    (void)snprintf(path, sizeof path, "%s/here", dir);
    struct err e = {0};
    T_RC(fs_write_atomic(path, 0644, "hi\n", 3, &e), &e, "file");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int code = run(dir, cases[i].script, out, sizeof out, &e);
        if (code < 0 && !can_be_fenced(&e))
            break;
        T_EQ_INT(code, cases[i].code, code < 0 ? e.msg : cases[i].script);
        T_EQ_STR(out, cases[i].out, cases[i].script);
    }
    T_RC(fs_remove_tree(dir, &e), &e, "clean up");
}

static void says_why_it_cannot_run(void)
{
    const char *const none[] = {NULL};
    const struct jail_spec s = {"/usr", "./nothing-here", none, none, -1, -1, -1};
    struct exec_process p;
    struct err e = {0};
    T_EQ_INT(jail_start(&s, &p, &e) < 0, 1, "it is not there");
    T_OK(!can_be_fenced(&e) || strstr(e.msg, "fork/exec ./nothing-here: no such file"), e.msg);
}

static void ends_in_time(void)
{
    const char *const args[] = {"-c", "sleep 1000 & sleep 1000", NULL};
    const char *const env[] = {"PATH=/bin:/usr/bin", NULL};
    const struct jail_spec s = {"/usr", "sh", args, env, -1, -1, -1};
    struct exec_process p;
    struct err e = {0};
    int code;
    if (jail_start(&s, &p, &e) < 0)
        T_OK(!can_be_fenced(&e), e.msg);
    else
        T_EQ_INT(exec_wait(&p, 10, &code, &e), ERR_TIMEOUT, "killed");
}

static bool can_read(int fd)
{
    struct pollfd f = {.fd = fd, .events = POLLIN};
    return poll(&f, 1, PATIENCE_MS) > 0;
}

/* Whatever the program says about signals that its parent's death sends. */
static void ends_with_its_watcher(void)
{
    const char *const args[] = {"--pdeathsig", "clear", "sh", "-c", "echo; sleep 1000", NULL};
    const char *const env[] = {"PATH=/bin:/usr/bin", NULL};
    int fds[2], code;
    T_OK(pipe2(fds, O_CLOEXEC) == 0, "pipe");
    const struct jail_spec s = {"/usr", "setpriv", args, env, -1, fds[1], -1};
    struct exec_process p;
    struct err e = {0};
    int rc = jail_start(&s, &p, &e);
    char c;
    (void)close(fds[1]);
    if (rc < 0) {
        T_OK(!can_be_fenced(&e), e.msg);
    } else {
        T_OK(can_read(fds[0]) && read(fds[0], &c, 1) == 1, "it runs");
        (void)kill(p.pid, SIGKILL);
        T_OK(can_read(fds[0]) && read(fds[0], &c, 1) == 0, "it ended");
        T_EQ_INT(exec_wait(&p, PATIENCE_MS, &code, &e), 0, "watcher");
    }
    (void)close(fds[0]);
}

T_MAIN(is_fenced, says_why_it_cannot_run, ends_in_time, ends_with_its_watcher)
