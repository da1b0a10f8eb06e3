/* The entrypoint as a program, in a folder of its own. */
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "t.h"

extern char **environ;
static const char *program;

static pid_t start(const char *const *args)
{
    const char *argv[40] = {program};
    for (size_t i = 0; args[i] && i < 38; i++)
        argv[i + 1] = args[i];
    pid_t pid = 0;
    T_EQ_INT(posix_spawn(&pid, program, NULL, NULL, (char *const *)(uintptr_t)argv, environ), 0,
             "spawn");
    return pid;
}

static int wait_for(pid_t pid)
{
    int status;
    (void)waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

#define RUN(...)   wait_for(start((const char *const[]){__VA_ARGS__, NULL}))
#define START(...) start((const char *const[]){__VA_ARGS__, NULL})

static char dir[64];

static void begin(void)
{
    (void)snprintf(dir, sizeof dir, "/tmp/slipway-entrypoint-XXXXXX");
    T_OK(mkdtemp(dir) && chdir(dir) == 0, "folder");
}

static void end(void)
{
    (void)!chdir("/");
    (void)!fs_remove_tree(dir, NULL);
}

static void put(const char *file, const char *text)
{
    struct err e = {0};
    T_RC(fs_write_atomic(file, 0644, text, strlen(text), &e), &e, file);
}

static char *get(const char *file, struct arena *a)
{
    char *text;
    return fs_read(file, 1 << 16, a, &text, NULL, NULL) < 0 ? arena_strdup(a, "(none)") : text;
}

static bool is_there(const char *file)
{
    return access(file, F_OK) == 0;
}

static bool ends_within(pid_t pid, int ms)
{
    for (int i = 0; i < ms / 5; i++) {
        siginfo_t info = {0};
        if (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid)
            return true;
        (void)poll(NULL, 0, 5);
    }
    return false;
}

static void runs_and_reports(void)
{
    begin();
    AUTO(arena) struct arena *a = arena_new(0);
    T_EQ_INT(mkdir("results", 0755), 0, "results");
    T_EQ_INT(RUN("-post_file", "post", "-termination_path", "term", "-results", "a,b,none",
                 "-results_dir", "results", "-step_metadata_dir", "meta", "-entrypoint", "sh", "--",
                 "-c", "printf 'x\"y' > results/a; printf 2 > results/b"),
             0, "exit code");
    const char *term = get("term", a);
    T_OK(strstr(term, "[{\"key\":\"a\",\"value\":\"x\\\"y\",\"type\":1},"
                      "{\"key\":\"b\",\"value\":\"2\",\"type\":1},") == term,
         term);
    T_OK(strstr(term, "\"StartedAt\"") && !strstr(term, "none"), term);
    T_OK(is_there("post"), "lets the next one begin");
    T_EQ_STR(get("meta/exitCode", a), "0", "exit code");
    end();
}

static void fails(void)
{
    begin();
    AUTO(arena) struct arena *a = arena_new(0);
    T_EQ_INT(RUN("-post_file", "p1", "-entrypoint", "sh", "--", "-c", "exit 9"), 9, "its code");
    T_OK(is_there("p1.err") && !is_there("p1"), "the next one is to be skipped");
    T_EQ_INT(RUN("-wait_file", "p1", "-post_file", "p2", "-termination_path", "term", "-entrypoint",
                 "touch", "--", "ran"),
             1, "skipped");
    T_OK(is_there("p2.err") && !is_there("ran"), "and so on");
    T_OK(strstr(get("term", a), "Skipped") != NULL, "says why");
    T_EQ_INT(RUN("-post_file", "p3", "-on_error", "continue", "-termination_path", "t3",
                 "-step_metadata_dir", "m3", "-entrypoint", "sh", "--", "-c", "exit 9"),
             0, "an error that is borne");
    T_OK(is_there("p3"), "the next one runs");
    T_EQ_STR(get("m3/exitCode", a), "9", "but it is known");
    T_OK(strstr(get("t3", a), "\"ExitCode\",\"value\":\"9\"") != NULL, get("t3", a));
    T_EQ_INT(RUN("-post_file", "p4", "-entrypoint", "/no/such", "--"), 127, "no such program");
    T_OK(is_there("p4.err"), "is a failure");
    T_EQ_INT(RUN("-entrypoint"), 2, "wrong use");
    T_EQ_INT(RUN("-nonsense", "x", "-entrypoint", "true"), 2, "unknown option");
    end();
}

static void waits(void)
{
    begin();
    pid_t pid = START("-wait_file", "run/0/out", "-entrypoint", "true");
    T_OK(!ends_within(pid, 100), "for a file");
    put("run/0/out", "");
    T_OK(ends_within(pid, 1000), "until it is there");
    T_EQ_INT(wait_for(pid), 0, "then runs");
    put("ready", "");
    pid = START("-wait_file", "ready", "-wait_file_content", "-entrypoint", "true");
    T_OK(!ends_within(pid, 100), "for what is in it");
    put("ready", "READY");
    T_OK(ends_within(pid, 1000), "until it is written");
    T_EQ_INT(wait_for(pid), 0, "then runs");
    pid = START("-wait_file", "never", "-entrypoint", "true");
    T_OK(!ends_within(pid, 50), "waits");
    (void)kill(pid, SIGTERM);
    T_OK(ends_within(pid, 1000), "a signal ends the wait");
    (void)wait_for(pid);
    end();
}

static void minds_time_and_signals(void)
{
    begin();
    AUTO(arena) struct arena *a = arena_new(0);
    int64_t before = clock_mono_ms();
    T_EQ_INT(RUN("-timeout", "200ms", "-post_file", "p", "-termination_path", "term", "-entrypoint",
                 "sh", "--", "-c", "sleep 20; true"),
             1, "too slow");
    T_OK(clock_mono_ms() - before < 5000, "ended with all it had started");
    T_OK(strstr(get("term", a), "TimeoutExceeded") != NULL, "says why");
    T_OK(is_there("p.err"), "a failure");
    pid_t pid = START("-post_file", "q", "-entrypoint", "sh", "--", "-c",
                      "trap 'exit 6' TERM; touch up; while :; do sleep 0.02; done");
    for (int i = 0; i < 200 && !is_there("up"); i++)
        (void)poll(NULL, 0, 5);
    (void)kill(pid, SIGTERM);
    T_EQ_INT(wait_for(pid), 6, "a signal is passed on");
    end();
}

static void holds_open(void)
{
    begin();
    pid_t pid = START("-breakpoint_on_failure", "-post_file", "p", "-entrypoint", "false", "--");
    T_OK(!ends_within(pid, 100), "a failed step is held open");
    put("p.breakpointexit", "0\n");
    T_OK(ends_within(pid, 1000), "until it is let go");
    T_EQ_INT(wait_for(pid), 0, "with the code given");
    T_OK(is_there("p"), "and the next one runs");
    end();
}

int main(int argc, char **argv)
{
    static void (*const fns[])(void) = {runs_and_reports, fails, waits, minds_time_and_signals,
                                        holds_open};
    if (argc < 2)
        return 2;
    program = argv[1];
    return t_run(fns, sizeof fns / sizeof fns[0]);
}
