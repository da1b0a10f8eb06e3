#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/thread.h"
#include "sandbox.h"

/* ---- waiting for ends ---- */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed;
static struct container_end last_end;
static char last_id[64];
static int ends;

static void on_end(void *arg, const char *id, const struct container_end *end)
{
    (void)arg;
    LOCK_SCOPE(&lock);
    last_end = *end;
    (void)snprintf(last_id, sizeof last_id, "%s", id);
    ends++;
    (void)pthread_cond_broadcast(&changed);
}

static bool wait_end(int count)
{
    LOCK_SCOPE(&lock);
    while (ends < count)
        if (!cond_wait_ms(&changed, &lock, 5000))
            return false;
    return true;
}

static void open_runtime(struct sandbox *s)
{
    struct err e = {0};
    struct runtime_opts o = {.dir = s->state, .on_end = on_end, .cgroup_parent = "slipway-test"};
    T_RC(runtime_open(&o, &s->r, &e), &e, "open");
    T_RC(runtime_watch(s->r, &e), &e, "watch");
}

static struct container_spec spec(struct sandbox *s, const char *id, const char *const *argv)
{
    static const char *layers[1];
    static const char *const env[] = {"PATH=/bin", "GREETING=hello world", NULL};
    layers[0] = s->layer;
    return (struct container_spec){
        .id = id, .layers = layers, .n_layers = 1, .argv = argv, .env = env, .log_path = s->log};
}

static char *read_log(struct sandbox *s, struct arena *a)
{
    char *text = NULL;
    return fs_read(s->log, 8 << 20, a, &text, NULL, NULL) < 0 ? arena_strdup(a, "") : text;
}

/* The log without its stamps, which begin every line. */
static char *log_text(struct sandbox *s, struct arena *a)
{
    char *out = arena_strdup(a, read_log(s, a)), *to = out;
    for (char *p = out, *nl; (nl = strchr(p, '\n')); p = nl + 1) {
        char *from = strchr(p, ' ') + 1;
        memmove(to, from, (size_t)(nl + 1 - from));
        to += nl + 1 - from;
    }
    *to = '\0';
    return out;
}

#define ARGS(...) ((const char *const[]){__VA_ARGS__, NULL})

static void runs_one(void)
{
    struct sandbox s = {0};
    struct err e = {0};
    if (!sandbox_open(&s))
        return;
    ends = 0;
    open_runtime(&s);
    AUTO(arena) struct arena *a = arena_new(0);
    struct container_spec c =
        spec(&s, "one", ARGS("sh", "-c", "echo $GREETING; echo bad >&2; pwd; exit 3"));
    int64_t before = clock_mono_us();
    T_RC(runtime_start(s.r, &c, &e), &e, "start");
    (void)fprintf(stderr, "start took %lld us\n", (long long)(clock_mono_us() - before));
    T_OK(wait_end(1), "it ends");
    T_EQ_INT(last_end.code, 3, "exit code");
    T_EQ_STR(last_id, "one", "its id");
    T_OK(last_end.started_ms > 0 && last_end.finished_ms >= last_end.started_ms, "times");
    const char *log = log_text(&s, a);
    T_OK(strstr(log, "stdout F hello world\n"), log);
    T_OK(strstr(log, "stderr F bad\n"), log);
    T_OK(strstr(log, "stdout F /\n"), log);
    struct container_info info;
    T_RC(runtime_get(s.r, "one", a, &info, &e), &e, "get");
    T_OK(!info.running, "ended");
    T_EQ_INT(runtime_start(s.r, &c, &e), ERR_EXISTS, "the id is taken");
    sandbox_close(&s);
}

static void starts_fast(void)
{
    struct sandbox s = {0};
    struct err e = {0};
    if (!sandbox_open(&s))
        return;
    ends = 0;
    open_runtime(&s);
    enum { ROUNDS = 20 };
    int64_t best = INT64_MAX, sum = 0;
    for (int i = 0; i < ROUNDS; i++) {
        char id[16];
        (void)snprintf(id, sizeof id, "c%d", i);
        struct container_spec c = spec(&s, id, ARGS("true"));
        int64_t before = clock_mono_us();
        T_RC(runtime_start(s.r, &c, &e), &e, "start");
        int64_t took = clock_mono_us() - before;
        sum += took;
        best = took < best ? took : best;
        T_OK(wait_end(i + 1), "it ends");
    }
    (void)fprintf(stderr, "start: best %lld us, mean %lld us\n", (long long)best,
                  (long long)(sum / ROUNDS));
    sandbox_close(&s);
}

static void refuses(void)
{
    struct sandbox s = {0};
    struct err e = {0};
    if (!sandbox_open(&s))
        return;
    open_runtime(&s);
    struct container_spec c = spec(&s, "none", ARGS("/no/such"));
    T_EQ_INT(runtime_start(s.r, &c, &e), ERR_INVALID, "no such program");
    T_OK(strstr(e.msg, "/no/such") != NULL, e.msg);
    c = spec(&s, "../x", ARGS("true"));
    T_EQ_INT(runtime_start(s.r, &c, &e), ERR_INVALID, "an id that is a path");
    T_EQ_INT(runtime_kill(s.r, "none", 9, &e), ERR_NOT_FOUND, "nothing is left of it");
    T_RC(runtime_remove(s.r, "none", &e), &e, "removing nothing");
    sandbox_close(&s);
}

static void survives_the_daemon(void)
{
    struct sandbox s = {0};
    struct err e = {0};
    if (!sandbox_open(&s))
        return;
    AUTO(arena) struct arena *a = arena_new(0);
    ends = 0;
    open_runtime(&s);
    struct container_spec c = spec(&s, "short", ARGS("sh", "-c", "sleep 0.3; echo late; exit 5"));
    T_RC(runtime_start(s.r, &c, &e), &e, "start");
    c = spec(&s, "long", ARGS("sleep", "100"));
    c.notes = ARGS("pod=x", "name=long");
    T_RC(runtime_start(s.r, &c, &e), &e, "start");
    runtime_close(s.r);
    (void)usleep(600000);
    int64_t before = clock_mono_ms();
    open_runtime(&s);
    T_OK(clock_mono_ms() - before < 500, "adopted within half a second");
    struct container_info info;
    T_RC(runtime_get(s.r, "short", a, &info, &e), &e, "get");
    T_EQ_INT(info.end.code, 5, "the exit code nobody waited for");
    T_OK(strstr(log_text(&s, a), "stdout F late\n"), "the line nobody read");
    T_RC(runtime_get(s.r, "long", a, &info, &e), &e, "get");
    T_OK(info.running && info.pid > 0, "runs on");
    T_EQ_STR(info.notes[1], "name=long", "its notes");
    T_RC(runtime_kill(s.r, "long", SIGKILL, &e), &e, "kill");
    T_OK(wait_end(1), "its end is seen");
    T_EQ_INT(last_end.code, 137, "killed");
    T_EQ_INT(last_end.signal, 9, "by signal 9");
    sandbox_close(&s);
}

/* Whether the process still has a program: one that nobody collected yet has none. */
static bool is_alive(pid_t pid)
{
    char path[64], line[512];
    (void)snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? 0 : read(fd, line, sizeof line - 1);
    if (n <= 0)
        return false;
    line[n] = '\0';
    const char *state = strrchr(line, ')');
    return state && !strchr("ZX", state[2]);
}

static pid_t shim_of(struct sandbox *s, const char *id, struct arena *a)
{
    char *text;
    const char *path = arena_printf(a, "%s/containers/%s/lock", s->state, id);
    return fs_read(path, 32, a, &text, NULL, NULL) < 0 ? 0 : (pid_t)strtol(text, NULL, 10);
}

static void lost_shim(void)
{
    struct sandbox s = {0};
    struct err e = {0};
    if (!sandbox_open(&s))
        return;
    AUTO(arena) struct arena *a = arena_new(0);
    ends = 0;
    open_runtime(&s);
    struct container_spec c = spec(&s, "a", ARGS("sleep", "100"));
    T_RC(runtime_start(s.r, &c, &e), &e, "start");
    struct container_info info;
    T_RC(runtime_get(s.r, "a", a, &info, &e), &e, "get");
    (void)kill(shim_of(&s, "a", a), SIGKILL);
    T_OK(wait_end(1), "its end is seen");
    T_OK(last_end.lost, "as lost");
    T_EQ_INT(last_end.code, 137, "with 137");
    T_OK(!is_alive(info.pid), "and the program is gone");
    c = spec(&s, "b", ARGS("sleep", "100"));
    T_RC(runtime_start(s.r, &c, &e), &e, "start");
    T_RC(runtime_get(s.r, "b", a, &info, &e), &e, "get");
    runtime_close(s.r);
    pid_t shim = shim_of(&s, "b", a);
    (void)kill(shim, SIGKILL);
    (void)waitpid(shim, NULL, 0);
    open_runtime(&s);
    T_RC(runtime_get(s.r, "b", a, &info, &e), &e, "get");
    T_OK(!info.running && info.end.lost, "also when the shim died while nobody looked");
    sandbox_close(&s);
}

static void executes(void)
{
    struct sandbox s = {0};
    struct err e = {0};
    if (!sandbox_open(&s))
        return;
    ends = 0;
    open_runtime(&s);
    struct container_spec c = spec(&s, "box", ARGS("sleep", "100"));
    T_RC(runtime_start(s.r, &c, &e), &e, "start");
    int out[2], in[2];
    T_OK(pipe(out) == 0 && pipe(in) == 0, "pipes");
    struct exec_spec x = {.argv = ARGS("sh", "-c", "read a; echo got $a $GREETING; exit 4"),
                          .in_fd = in[0],
                          .out_fd = out[1],
                          .err_fd = -1};
    struct exec_process p;
    int64_t before = clock_mono_us();
    T_RC(runtime_exec(s.r, "box", &x, &p, &e), &e, "exec");
    (void)fprintf(stderr, "exec took %lld us\n", (long long)(clock_mono_us() - before));
    (void)close(out[1]);
    (void)!write(in[1], "this\n", 5);
    int code = -1;
    T_RC(exec_wait(&p, 5000, &code, &e), &e, "wait");
    T_EQ_INT(code, 4, "its code");
    char text[64] = "";
    T_OK(read(out[0], text, sizeof text - 1) > 0, "output");
    T_EQ_STR(text, "got this hello world\n", "what it wrote");
    static const uint32_t groups[] = {50};
    struct container_spec user = spec(&s, "user", ARGS("sleep", "100"));
    user.uid = 1000;
    user.gid = 1001;
    user.groups = groups;
    user.n_groups = 1;
    user.no_new_privs = true;
    user.cwd = "/tmp";
    T_RC(runtime_start(s.r, &user, &e), &e, "start as a user");
    T_OK(pipe(out) == 0, "pipe");
    x = (struct exec_spec){
        .argv = ARGS("sh", "-c", "id -u; id -G; pwd; grep -E NoNewPrivs /proc/self/status"),
        .in_fd = -1,
        .out_fd = out[1],
        .err_fd = -1};
    T_RC(runtime_exec(s.r, "user", &x, &p, &e), &e, "exec");
    (void)close(out[1]);
    T_RC(exec_wait(&p, 5000, &code, &e), &e, "wait");
    memset(text, 0, sizeof text);
    T_OK(read(out[0], text, sizeof text - 1) > 0, "output");
    T_EQ_STR(text, "1000\n1001 50\n/tmp\nNoNewPrivs:\t1\n", "as the container's own process");
    x = (struct exec_spec){.argv = ARGS("/no/such"), .in_fd = -1, .out_fd = -1, .err_fd = -1};
    T_EQ_INT(runtime_exec(s.r, "box", &x, &p, &e), ERR_INVALID, "no such program");
    T_OK(strstr(e.msg, "/no/such") != NULL, e.msg);
    x.argv = ARGS("sleep", "50");
    T_RC(runtime_exec(s.r, "box", &x, &p, &e), &e, "exec");
    T_EQ_INT(exec_wait(&p, 100, &code, &e), ERR_TIMEOUT, "too slow");
    x = (struct exec_spec){
        .argv = ARGS("sh", "-c", "tty; stat -c %t /dev/pts/0 >/dev/null && echo terminal"),
        .tty = true};
    T_RC(runtime_exec(s.r, "box", &x, &p, &e), &e, "exec with a terminal");
    T_OK(p.tty_fd >= 0, "has one");
    exec_resize(&p, 80, 24);
    size_t n = 0;
    char screen[256] = "";
    for (ssize_t got;
         n < sizeof screen - 1 && (got = read(p.tty_fd, screen + n, sizeof screen - 1 - n)) > 0;)
        n += (size_t)got;
    T_OK(strstr(screen, "/dev/pts/0") != NULL, screen);
    T_RC(exec_wait(&p, 5000, &code, &e), &e, "wait");
    sandbox_close(&s);
}

static void attaches(void)
{
    struct sandbox s = {0};
    struct err e = {0};
    if (!sandbox_open(&s))
        return;
    ends = 0;
    open_runtime(&s);
    struct container_spec c = spec(&s, "cat", ARGS("cat"));
    c.stdin_open = c.stdin_once = true;
    T_RC(runtime_start(s.r, &c, &e), &e, "start");
    int fd;
    T_RC(runtime_attach(s.r, "cat", &fd, &e), &e, "attach");
    (void)!write(fd, "ping\n", 5);
    struct attach_frame f = {0};
    char text[16] = "";
    T_EQ_INT(recv(fd, &f, sizeof f, MSG_WAITALL), sizeof f, "a frame");
    T_EQ_INT(f.stream, 1, "of stdout");
    T_EQ_INT(recv(fd, text, f.len, MSG_WAITALL), 5, "its bytes");
    T_EQ_STR(text, "ping\n", "the echo");
    (void)shutdown(fd, SHUT_WR);
    T_OK(wait_end(1), "the end of stdin ends cat");
    T_EQ_INT(last_end.code, 0, "well");
    (void)close(fd);
    sandbox_close(&s);
}

static void limits(void)
{
    struct sandbox s = {0};
    struct err e = {0};
    if (!sandbox_open(&s))
        return;
    ends = 0;
    open_runtime(&s);
    struct container_spec c = spec(&s, "hungry", ARGS("sh", "-c", "x=a; while :; do x=$x$x; done"));
    c.limits = (struct container_limits){.memory_bytes = 16 << 20,
                                         .memory_swap_bytes = 16 << 20,
                                         .cpu_shares = 100,
                                         .cpu_quota_us = 50000,
                                         .pids = 10};
    T_RC(runtime_start(s.r, &c, &e), &e, "start");
    T_OK(wait_end(1), "it ends");
    T_OK(last_end.oom, "by the OOM killer");
    T_EQ_INT(last_end.code, 137, "with 137");
    c = spec(&s, "calm", ARGS("sleep", "100"));
    c.limits = (struct container_limits){.memory_bytes = 16 << 20, .pids = 10};
    T_RC(runtime_start(s.r, &c, &e), &e, "start");
    struct container_stats st;
    T_RC(runtime_stats(s.r, "calm", true, &st, &e), &e, "stats");
    T_EQ_INT(st.memory_limit_bytes, 16 << 20, "limit");
    T_EQ_INT(st.pids, 1, "one process");
    T_OK(st.cpu_ns > 0 && st.memory_bytes > 0, "it used something");
    sandbox_close(&s);
}

static void fences(void)
{
    struct sandbox s = {0};
    struct err e = {0};
    if (!sandbox_open(&s))
        return;
    AUTO(arena) struct arena *a = arena_new(0);
    ends = 0;
    open_runtime(&s);
    struct container_spec c =
        spec(&s, "f",
             ARGS("sh", "-c",
                  "id; mount -t tmpfs x /tmp && echo mounted; cat /proc/kcore | wc -c; ps | wc -l; "
                  "hostname; echo 1 > /proc/sys/kernel/panic || echo kept"));
    c.uid = 1000;
    c.gid = 1001;
    c.groups = (const uint32_t[]){50};
    c.n_groups = 1;
    c.hostname = "boxed";
    c.no_new_privs = true;
    T_RC(runtime_start(s.r, &c, &e), &e, "start");
    T_OK(wait_end(1), "it ends");
    const char *log = log_text(&s, a);
    T_OK(strstr(log, "uid=1000(app) gid=1001(app) groups=50(staff)"), log);
    T_OK(!strstr(log, "mounted"), log);
    T_OK(strstr(log, "stdout F boxed"), log);
    T_OK(strstr(log, "kept"), log);
    sandbox_close(&s);
}

static void lines(void)
{
    struct sandbox s = {0};
    struct err e = {0};
    if (!sandbox_open(&s))
        return;
    AUTO(arena) struct arena *a = arena_new(0);
    ends = 0;
    open_runtime(&s);
    struct container_spec c =
        spec(&s, "l",
             ARGS("sh", "-c",
                  "printf 'no newline'; yes x | tr -d '\\n' | head -c 20000 >&2; seq 1 20000"));
    T_RC(runtime_start(s.r, &c, &e), &e, "start");
    T_OK(wait_end(1), "it ends");
    const char *log = log_text(&s, a);
    T_EQ_INT(last_end.code, 0, "its code");
    T_OK(strstr(log, "stdout F no newline1\n"), "an unfinished line goes on");
    T_OK(strstr(log, "stderr P "), "a long line is split");
    T_OK(strstr(log, "stdout F 20000\n"), "the last line is there");
    size_t n = 0;
    for (const char *p = log; (p = strstr(p, "stdout F ")); p++)
        n++;
    T_EQ_INT(n, 20000, "every line");
    sandbox_close(&s);
}

static void terminal(void)
{
    struct sandbox s = {0};
    struct err e = {0};
    if (!sandbox_open(&s))
        return;
    AUTO(arena) struct arena *a = arena_new(0);
    ends = 0;
    open_runtime(&s);
    struct container_spec c = spec(&s, "t", ARGS("sh", "-c", "tty; exit 6"));
    c.tty = true;
    T_RC(runtime_start(s.r, &c, &e), &e, "start");
    T_OK(wait_end(1), "it ends");
    T_EQ_INT(last_end.code, 6, "its code");
    const char *log = log_text(&s, a);
    T_OK(strstr(log, "stdout F /dev/"), log);
    sandbox_close(&s);
}

/* What the mounts of a container are put on is in no container's own layer, whatever its image has:
 * nothing, the folder, or a link to one. */
static void points(void)
{
    struct sandbox s = {0};
    struct err e = {0};
    if (!sandbox_open(&s))
        return;
    AUTO(arena) struct arena *a = arena_new(0);
    ends = 0;
    open_runtime(&s);
    (void)!symlink("/tmp", arena_printf(a, "%s/linked", s.layer));
    const char *folder = arena_printf(a, "%s/given", s.dir), *file = "/etc/hostname";
    T_RC(fs_mkdirs(folder, 0755, &e), &e, "a folder to mount");
    const struct container_mount mounts[] = {
        {.source = folder, .target = "/data/in"        },
        {.source = folder, .target = "/data/in/../odd" },
        {.source = file,   .target = "/etc/conf"       },
        {.source = file,   .target = "/linked/conf"    },
        {.source = file,   .target = "/data/in/conf"   },
        {.type = "tmpfs",  .target = "/dev/own"        },
        {.type = "tmpfs",  .target = "/scratch/a space"}
    };
    for (int i = 1; i <= 2; i++) {
        const char *id = arena_printf(a, "p%d", i);
        struct container_spec c =
            spec(&s, id,
                 ARGS("sh", "-c",
                      "test -s /etc/conf -a -s /tmp/conf -a -s /data/in/conf -a -s /etc/passwd && "
                      "touch '/scratch/a space/x' /data/new && cat /etc/conf"));
        c.mounts = mounts;
        c.n_mounts = ARRAY_LEN(mounts);
        T_RC(runtime_start(s.r, &c, &e), &e, "start");
        T_OK(wait_end(i), "it ends");
        T_EQ_INT(last_end.code, 0, "it found all");
        const char *upper = arena_printf(a, "%s/containers/%s/upper", s.state, id);
        T_OK(access(arena_printf(a, "%s/data/new", upper), F_OK) == 0, "what it made is its own");
        T_OK(access(arena_printf(a, "%s/data/in", upper), F_OK) < 0, "a folder");
        T_OK(access(arena_printf(a, "%s/etc/conf", upper), F_OK) < 0, "a file");
        T_OK(access(arena_printf(a, "%s/scratch", upper), F_OK) < 0, "a tmpfs");
    }
    sandbox_close(&s);
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "shim") == 0)
        return shim_main(argc - 1, argv + 1);
    if (geteuid() != 0) {
        (void)printf("0 passed, 0 failed (needs root)\n");
        return 77;
    }
    cond_init(&changed);
    static void (*const all[])(void) = {runs_one,  starts_fast, refuses,  survives_the_daemon,
                                        lost_shim, executes,    attaches, limits,
                                        fences,    lines,       terminal, points};
    if (argc > 1 && strspn(argv[1], "0123456789"))
        return t_run(all + strtol(argv[1], NULL, 10), 1);
    return t_run(all, sizeof all / sizeof all[0]);
}
