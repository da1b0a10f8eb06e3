#include "oci/spawn_int.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "base/own.h"

enum { LINE_TEXT_MAX = 1 << 16 };

static int start(const char *const *argv, const char *const *env, _Bool with_errors, int out,
                 pid_t *pid, struct err *e)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t how;
    sigset_t none;
    (void)sigemptyset(&none);
    (void)posix_spawn_file_actions_init(&files);
    (void)posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
    (void)posix_spawn_file_actions_adddup2(&files, out, 1);
    if (with_errors)
        (void)posix_spawn_file_actions_adddup2(&files, out, 2);
    (void)posix_spawnattr_init(&how);
    (void)posix_spawnattr_setsigmask(&how, &none);
    (void)posix_spawnattr_setflags(&how, POSIX_SPAWN_SETSIGMASK);
    /* posix_spawnp() takes char *const *, and writes to none of them. */
    union {
        const char *const *in;
        char *const *out;
    } args = {.in = argv}, environment = {.in = env};
    int sys = posix_spawnp(pid, argv[0], &files, &how, args.out, env ? environment.out : environ);
    (void)posix_spawn_file_actions_destroy(&files);
    (void)posix_spawnattr_destroy(&how);
    return sys ? err_sys(e, sys, "run %s", argv[0]) : 0;
}

static int wait_for(pid_t pid, int *exit_code, struct err *e)
{
    int status;
    while (waitpid(pid, &status, 0) < 0) {
        if (errno != EINTR)
            return err_sys(e, errno, "wait for process %d", (int)pid);
    }
    *exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return 0;
}

static void read_lines(int fd, void (*on_line)(void *arg, const char *line), void *arg)
{
    FILE *f = fdopen(fd, "r");
    AUTO_MEM char *line = malloc(LINE_TEXT_MAX);
    while (f && line && fgets(line, LINE_TEXT_MAX, f)) {
        line[strcspn(line, "\r\n")] = '\0';
        if (on_line)
            on_line(arg, line);
    }
    if (f)
        (void)fclose(f);
    else
        (void)close(fd);
}

int spawn_lines(const char *const *argv, const char *const *env, _Bool with_errors,
                void (*on_line)(void *arg, const char *line), void *arg, int *exit_code,
                struct err *e)
{
    int pipe_fds[2];
    pid_t pid;
    if (pipe2(pipe_fds, O_CLOEXEC) < 0)
        return err_sys(e, errno, "make a pipe");
    int rc = start(argv, env, with_errors, pipe_fds[1], &pid, e);
    (void)close(pipe_fds[1]);
    if (rc < 0) {
        (void)close(pipe_fds[0]);
        return rc;
    }
    read_lines(pipe_fds[0], on_line, arg);
    return wait_for(pid, exit_code, e);
}
