#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fs.h"
#include "runtime/runtime_int.h"

static pid_t read_pid(const char *path)
{
    AUTO(arena) struct arena *a = arena_new(256);
    char *text;
    return fs_read(path, 32, a, &text, NULL, NULL) < 0 ? 0 : (pid_t)strtol(text, NULL, 10);
}

static int start(char **argv, const char *stem, int *tty_fd, struct err *e)
{
    bool tty = strcmp(argv[4], "tty") == 0;
    char pid_file[64], log[64], socket[64];
    int r = 0;
    (void)snprintf(pid_file, sizeof pid_file, "%s.pid", stem);
    (void)snprintf(log, sizeof log, "%s.log", stem);
    (void)snprintf(socket, sizeof socket, "%s.sock", stem);
    const char *args[16];
    size_t i = 0;
    args[i++] = argv[1];
    args[i++] = "--root";
    args[i++] = argv[2];
    args[i++] = "--cgroup-manager=cgroupfs";
    args[i++] = "--log";
    args[i++] = log;
    args[i++] = "exec";
    args[i++] = "--detach";
    args[i++] = "--pid-file";
    args[i++] = pid_file;
    struct crun_call call = {.crun = argv[1], .args = args, .out_fd = 1, .err_fd = 2};
    call.console_fd = -1;
    if (tty) {
        args[i++] = "--console-socket";
        args[i++] = socket;
        r = call.console_fd = shim__listen(socket, e);
    }
    args[i++] = "--process";
    args[i++] = argv[5];
    args[i++] = argv[3];
    args[i] = NULL;
    if (r >= 0)
        r = shim__run_crun(&call, log, e);
    *tty_fd = call.tty_fd;
    if (call.console_fd >= 0)
        (void)close(call.console_fd);
    (void)unlink(socket);
    (void)unlink(log);
    (void)unlink(argv[5]);
    return r;
}

/* Waits for the process in the container; a SIGTERM to us ends it. */
static int wait_for(pid_t pid)
{
    for (;;) {
        int status;
        pid_t got = waitpid(-1, &status, 0);
        if (got == pid)
            return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        if (got < 0 && errno != EINTR)
            return 137;
    }
}

static volatile sig_atomic_t inner;

static void end_inner(int sig)
{
    (void)sig;
    if (inner > 0)
        (void)kill((pid_t)inner, SIGKILL);
}

/* shim exec CRUN ROOT ID tty|plain FILE, in the container's folder: starts the process that FILE
 * describes in the container, removes FILE, says "ok" with its terminal, exits with its code. */
int shim__exec(int argc, char **argv)
{
    struct err e = {0};
    if (argc < 6)
        return 2;
    (void)prctl(PR_SET_CHILD_SUBREAPER, 1);
    char stem[32];
    (void)snprintf(stem, sizeof stem, "exec-%d", (int)getpid());
    int tty_fd = -1;
    int r = rootfs__private_mounts(&e);
    if (r == 0)
        r = start(argv, stem, &tty_fd, &e);
    char pid_file[64];
    (void)snprintf(pid_file, sizeof pid_file, "%s.pid", stem);
    pid_t pid = r == 0 ? read_pid(pid_file) : 0;
    (void)unlink(pid_file);
    if (r < 0) {
        (void)shim__say_error(&e);
        return 126;
    }
    inner = pid;
    struct sigaction act = {.sa_handler = end_inner};
    (void)sigaction(SIGTERM, &act, NULL);
    (void)shim__say("ok", tty_fd);
    /* The streams belong to the process now: their other ends must see it close them. */
    for (int i = 0; i < 3; i++)
        (void)close(i);
    if (tty_fd >= 0)
        (void)close(tty_fd);
    return wait_for(pid);
}
