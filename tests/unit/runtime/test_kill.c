/* The daemon is killed with SIGKILL at moments chosen at random while it starts containers; what
 * ran must run on, what ended must have its code, nothing may be left over. */
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>

#include "base/map.h"
#include "sandbox.h"

extern char **environ;

enum { ROUNDS = 6, CONTAINERS = 40 };

/* The daemon: starts containers that print a line and end with their number, until killed. */
static int daemon_main(const char *dir)
{
    struct err e = {0};
    AUTO(arena) struct arena *a = arena_new(0);
    struct runtime *r;
    struct runtime_opts o = {.dir = arena_printf(a, "%s/run", dir),
                             .cgroup_parent = "slipway-test"};
    if (runtime_open(&o, &r, &e) < 0 || runtime_watch(r, &e) < 0)
        return 1;
    for (int i = 0; i < CONTAINERS; i++) {
        const char *layers[] = {arena_printf(a, "%s/layer", dir)};
        const char *argv[] = {"/bin/sh", "-c",
                              arena_printf(a, "/bin/sleep 0.2; echo done; exit %d", i + 1), NULL};
        const char *id = arena_printf(a, "k%d", i);
        struct container_spec c = {.id = id,
                                   .layers = layers,
                                   .n_layers = 1,
                                   .argv = argv,
                                   .log_path = arena_printf(a, "%s/log/%s.log", dir, id)};
        if (runtime_start(r, &c, &e) < 0 && e.code != ERR_EXISTS) {
            (void)fprintf(stderr, "start %s: %s\n", id, e.msg);
            return 1;
        }
    }
    for (;;)
        (void)pause();
}

static void run_daemon_and_kill(const char *dir, unsigned after_ms)
{
    char self[] = "/proc/self/exe", verb[] = "daemon", path[64];
    (void)snprintf(path, sizeof path, "%s", dir);
    char *argv[] = {self, verb, path, NULL};
    pid_t pid;
    T_EQ_INT(posix_spawn(&pid, self, NULL, NULL, argv, environ), 0, "spawn");
    (void)usleep(after_ms * 1000);
    (void)kill(pid, SIGKILL);
    int status;
    (void)waitpid(pid, &status, 0);
    T_OK(WIFSIGNALED(status), "the daemon ran until it was killed");
}

static bool all_ended(struct runtime *r)
{
    AUTO(arena) struct arena *a = arena_new(0);
    struct container_info *list;
    size_t n;
    runtime_list(r, a, &list, &n);
    for (size_t i = 0; i < n; i++)
        if (list[i].running)
            return false;
    return true;
}

static void check(struct sandbox *s)
{
    AUTO(arena) struct arena *a = arena_new(0);
    struct container_info *list;
    size_t n, lost = 0;
    runtime_list(s->r, a, &list, &n);
    for (size_t i = 0; i < n; i++) {
        int want = (int)strtol(list[i].id + 1, NULL, 10) + 1;
        char *text;
        lost += list[i].end.lost;
        T_OK(!list[i].running, list[i].id);
        T_EQ_INT(list[i].end.code, want, list[i].id);
        T_OK(fs_read(arena_printf(a, "%s/log/%s.log", s->dir, list[i].id), 4096, a, &text, NULL,
                     NULL) == 0 &&
                 strstr(text, "stdout F done\n"),
             list[i].id);
    }
    T_OK(n > 0, "some were started");
    T_EQ_INT(lost, 0, "none was lost");
}

static void killed_at_any_moment(void)
{
    static const unsigned moments[ROUNDS] = {15, 60, 33, 111, 47, 200};
    struct sandbox s = {0};
    struct err e = {0};
    T_OK(sandbox_open(&s), "sandbox");
    for (int i = 0; i < ROUNDS; i++)
        run_daemon_and_kill(s.dir, moments[i]);
    int64_t before = clock_mono_ms();
    struct runtime_opts o = {.dir = s.state, .cgroup_parent = "slipway-test"};
    T_RC(runtime_open(&o, &s.r, &e), &e, "open");
    T_OK(clock_mono_ms() - before < 500, "adopts within half a second");
    T_RC(runtime_watch(s.r, &e), &e, "watch");
    for (int i = 0; i < 200 && !all_ended(s.r); i++)
        (void)usleep(20000);
    check(&s);
    sandbox_close(&s);
}

int main(int argc, char **argv)
{
    if (argc > 2 && strcmp(argv[1], "daemon") == 0)
        return daemon_main(argv[2]);
    if (geteuid() != 0) {
        (void)printf("0 passed, 0 failed (needs root)\n");
        return 77;
    }
    static void (*const fns[])(void) = {killed_at_any_moment};
    return t_run(fns, 1);
}
