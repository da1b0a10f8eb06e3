/* The first process of a pipeline step's container: waits for the step before, runs the step's
 * command, leaves its results and exit code where they are looked for, lets the next step begin.
 * Statically linked, because it is mounted into images that hold nothing it could use. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/fs.h"
#include "entrypoint/copy.h"
#include "entrypoint/creds.h"
#include "entrypoint/steps.h"

extern char **environ;

enum {
    RESULT_MAX = 1 << 20,
    TYPE_RESULT = 1,
    TYPE_INTERNAL = 3,
    TYPE_STEP_RESULT = 4,
    TYPE_STEP_ARTIFACTS = 5,
    TYPE_TASK_ARTIFACTS = 6,
};
enum { EXIT_USE = 2, EXIT_SKIPPED = 1, EXIT_TIMEOUT = 1, EXIT_NOT_RUN = 127 };

struct options {
    const char *wait_file, *post_file, *termination_path, *results, *step_results, *metadata_dir;
    const char *results_dir, *command, *metadata_link, *when, *stdout_path, *stderr_path;
    struct creds *creds;
    char *const *args;  /* after "--" */
    int64_t timeout_ms; /* 0: none */
    bool wait_content, go_on, breakpoint;
};

/* ---- options, as Go's flag package reads them: -name value, -name=value, --name ---- */

static bool is_flag(const char *name)
{
    return strcmp(name, "wait_file_content") == 0 || strcmp(name, "breakpoint_on_failure") == 0;
}

static const char *set_option(struct options *o, const char *name, const char *value)
{
    const struct {
        const char *name;
        const char **to;
    } texts[] = {
        {"wait_file",          &o->wait_file       },
        {"post_file",          &o->post_file       },
        {"termination_path",   &o->termination_path},
        {"results",            &o->results         },
        {"step_results",       &o->step_results    },
        {"step_metadata_dir",  &o->metadata_dir    },
        {"results_dir",        &o->results_dir     },
        {"entrypoint",         &o->command         },
        {"step_metadata_link", &o->metadata_link   },
        {"when_expressions",   &o->when            },
        {"stdout_path",        &o->stdout_path     },
        {"stderr_path",        &o->stderr_path     },
    };
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        if (strcmp(name, texts[i].name) == 0) {
            *texts[i].to = value;
            return NULL;
        }
    int64_t ns;
    if (creds_take(o->creds, name, value))
        return NULL;
    if (strcmp(name, "wait_file_content") == 0)
        o->wait_content = strcmp(value, "false") != 0;
    else if (strcmp(name, "breakpoint_on_failure") == 0)
        o->breakpoint = strcmp(value, "false") != 0;
    else if (strcmp(name, "on_error") == 0 &&
             (strcmp(value, "continue") == 0 || strcmp(value, "stopAndFail") == 0))
        o->go_on = value[0] == 'c';
    else if (strcmp(name, "timeout") == 0 && clock_parse_duration(value, &ns, NULL) == 0)
        o->timeout_ms = ns / 1000000;
    else
        return "unknown option, or a value it does not take";
    return NULL;
}

static bool read_options(struct options *o, int argc, char **argv)
{
    static char name[64];
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--") == 0) {
            o->args = argv + i + 1;
            return o->command && *o->command;
        }
        const char *p = argv[i] + strspn(argv[i], "-"), *eq = strchr(p, '=');
        (void)snprintf(name, sizeof name, "%.*s", (int)(eq ? eq - p : (long)strlen(p)), p);
        const char *value = eq ? eq + 1 : is_flag(name) ? "true" : i + 1 < argc ? argv[++i] : "";
        const char *wrong = argv[i][0] ? set_option(o, name, value) : "an empty argument";
        if (wrong) {
            (void)fprintf(stderr, "entrypoint: -%s %s: %s\n", name, value, wrong);
            return false;
        }
    }
    o->args = argv + argc;
    return o->command && *o->command;
}

/* ---- waiting ---- */

static bool is_there(const char *file, bool with_content)
{
    struct stat st;
    return stat(file, &st) == 0 && (!with_content || st.st_size > 0);
}

static bool is_failed(const char *file)
{
    char path[PATH_MAX];
    (void)snprintf(path, sizeof path, "%s.err", file);
    return access(path, F_OK) == 0;
}

static void folder_of(const char *file, char *out, size_t room)
{
    (void)snprintf(out, room, "%s", file);
    char *slash = strrchr(out, '/');
    if (!slash)
        (void)snprintf(out, room, ".");
    else if (slash != out)
        *slash = '\0';
}

/* Process 1 ignores what it has no handler for: while it waits, being asked to end must end it. */
static void end_now(int sig)
{
    _exit(128 + sig);
}

static void end_on_signals(void)
{
    struct sigaction act = {.sa_handler = end_now};
    (void)sigaction(SIGTERM, &act, NULL);
    (void)sigaction(SIGINT, &act, NULL);
    (void)sigaction(SIGHUP, &act, NULL);
}

/* Sleeps until the file, or the file with ".err", is there. False: the step before failed. */
static bool wait_for(const char *file, bool with_content)
{
    char folder[PATH_MAX], room[4096];
    struct err e;
    folder_of(file, folder, sizeof folder);
    (void)!fs_mkdirs(folder, 0777, &e);
    int fd = inotify_init1(IN_CLOEXEC);
    if (fd < 0 || inotify_add_watch(fd, folder, IN_CREATE | IN_MOVED_TO | IN_CLOSE_WRITE) < 0) {
        perror("entrypoint: watch");
        return false;
    }
    while (!is_there(file, with_content) && !is_failed(file))
        (void)!read(fd, room, sizeof room);
    (void)close(fd);
    return !is_failed(file);
}

static void put_file(const char *folder, const char *name, const char *text)
{
    char path[PATH_MAX];
    struct err e;
    (void)snprintf(path, sizeof path, "%s%s%s", folder, *name ? "/" : "", name);
    char parent[PATH_MAX];
    folder_of(path, parent, sizeof parent);
    (void)!fs_mkdirs(parent, 0777, &e);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0 || write(fd, text, strlen(text)) < 0)
        (void)fprintf(stderr, "entrypoint: write %s: %s\n", path, strerror(errno));
    if (fd >= 0)
        (void)close(fd);
}

static void let_next(const struct options *o, bool failed)
{
    if (!o->post_file)
        return;
    char path[PATH_MAX];
    (void)snprintf(path, sizeof path, "%s%s", o->post_file, failed ? ".err" : "");
    put_file(path, "", "");
}

/* ---- results ---- */

static void put_json(struct buf *b, const char *text, size_t n)
{
    buf_putc(b, '"');
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c == '"' || c == '\\')
            buf_printf(b, "\\%c", c);
        else if (c < 0x20)
            buf_printf(b, "\\u%04x", c);
        else
            buf_putc(b, (char)c);
    }
    buf_putc(b, '"');
}

static void put_entry(struct buf *b, const char *key, const char *value, size_t n, int type)
{
    buf_puts(b, b->len > 1 ? ",{\"key\":" : "{\"key\":");
    put_json(b, key, strlen(key));
    buf_puts(b, ",\"value\":");
    put_json(b, value, n);
    buf_printf(b, ",\"type\":%d}", type);
}

static void put_results(struct buf *b, const char *names, const char *folder, int type)
{
    AUTO(arena) struct arena *a = arena_new(0);
    char path[PATH_MAX];
    for (const char *p = names; p && *p;) {
        size_t n = strcspn(p, ",");
        char *name = arena_strndup(a, p, n), *text;
        size_t len;
        (void)snprintf(path, sizeof path, "%s/%s", folder, name);
        if (n && fs_read(path, RESULT_MAX, a, &text, &len, NULL) == 0)
            put_entry(b, name, text, len, type);
        p += n + (p[n] == ',');
    }
}

static void put_artifacts(struct buf *b, const char *file, int type)
{
    AUTO(arena) struct arena *a = arena_new(0);
    char *text;
    size_t n;
    if (fs_read(file, RESULT_MAX, a, &text, &n, NULL) == 0 && n > 0)
        put_entry(b, "artifacts", text, n, type);
}

static void report(const struct options *o, int64_t started_ms, const char *reason, int code)
{
    AUTO_BUF struct buf b;
    char text[CLOCK_TEXT_MAX], folder[PATH_MAX];
    if (!o->termination_path)
        return;
    buf_init(&b, 8 * RESULT_MAX);
    buf_putc(&b, '[');
    put_results(&b, o->results, o->results_dir ? o->results_dir : "/tekton/results", TYPE_RESULT);
    if (o->metadata_dir) {
        (void)snprintf(folder, sizeof folder, "%s/results", o->metadata_dir);
        put_results(&b, o->step_results, folder, TYPE_STEP_RESULT);
        (void)snprintf(folder, sizeof folder, "%s/artifacts/provenance.json", o->metadata_dir);
        put_artifacts(&b, folder, TYPE_STEP_ARTIFACTS);
    }
    clock_format_rfc3339_ms(started_ms, text);
    put_entry(&b, "StartedAt", text, strlen(text), TYPE_INTERNAL);
    put_artifacts(&b, "/tekton/artifacts/provenance.json", TYPE_TASK_ARTIFACTS);
    if (reason)
        put_entry(&b, "Reason", reason, strlen(reason), TYPE_INTERNAL);
    if (code != 0 && o->go_on) {
        (void)snprintf(text, sizeof text, "%d", code);
        put_entry(&b, "ExitCode", text, strlen(text), TYPE_INTERNAL);
    }
    buf_putc(&b, ']');
    put_file(o->termination_path, "", buf_text(&b));
}

/* ---- the command ---- */

/* What the command writes to `fd` goes through a copy, when there is one. */
static void send_to(posix_spawn_file_actions_t *acts, const struct copy *c, int fd)
{
    if (c->give >= 0)
        (void)posix_spawn_file_actions_adddup2(acts, c->give, fd);
}

static int start(const struct options *o, const sigset_t *before, const struct copy *copies,
                 pid_t *pid)
{
    size_t n = 0;
    while (o->args[n])
        n++;
    AUTO(arena) struct arena *a = arena_new(0);
    const char **argv = ARENA_ARRAY(a, const char *, n + 2);
    argv[0] = o->command;
    memcpy(argv + 1, o->args, n * sizeof *argv);
    posix_spawnattr_t attr;
    posix_spawn_file_actions_t acts;
    (void)posix_spawn_file_actions_init(&acts);
    send_to(&acts, &copies[0], STDOUT_FILENO);
    send_to(&acts, &copies[1], STDERR_FILENO);
    (void)posix_spawnattr_init(&attr);
    (void)posix_spawnattr_setpgroup(&attr, 0);
    (void)posix_spawnattr_setsigmask(&attr, before);
    (void)posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK);
    int rc = posix_spawnp(pid, o->command, &acts, &attr, (char *const *)(uintptr_t)argv, environ);
    (void)posix_spawnattr_destroy(&attr);
    (void)posix_spawn_file_actions_destroy(&acts);
    return rc;
}

/* Reaps whatever ended; true when that was the command. */
static bool reap(pid_t pid, int *code)
{
    int status;
    bool done = false;
    for (pid_t got; (got = waitpid(-1, &status, WNOHANG)) > 0;)
        if (got == pid) {
            *code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
            done = true;
        }
    return done;
}

/* Passes signals on and waits; true when the time was up. */
static bool supervise(const struct options *o, pid_t pid, const sigset_t *all, int *code)
{
    int64_t due = o->timeout_ms ? clock_mono_ms() + o->timeout_ms : INT64_MAX;
    bool late = false;
    while (!reap(pid, code)) {
        int64_t left = due == INT64_MAX ? 3600000 : due - clock_mono_ms();
        if (left <= 0) {
            late = true;
            (void)kill(-pid, SIGKILL);
            due = INT64_MAX;
            continue;
        }
        struct timespec ts = {left / 1000, left % 1000 * 1000000};
        int sig = sigtimedwait(all, NULL, &ts);
        if (sig > 0 && sig != SIGCHLD)
            (void)kill(-pid, sig);
    }
    return late;
}

/* A failed step is held open for a look inside, until someone writes the exit code to use. */
static int hold_open(const struct options *o)
{
    AUTO(arena) struct arena *a = arena_new(0);
    char path[PATH_MAX], *text;
    (void)snprintf(path, sizeof path, "%s.breakpointexit", o->post_file);
    (void)fprintf(stderr, "entrypoint: step failed; write an exit code to %s to go on\n", path);
    (void)wait_for(path, true);
    return fs_read(path, 16, a, &text, NULL, NULL) < 0 ? 1 : (int)strtol(text, NULL, 10);
}

static void begin_copies(const struct options *o, struct copy *copies)
{
    const char *const paths[] = {o->stdout_path, o->stderr_path};
    const int fds[] = {STDOUT_FILENO, STDERR_FILENO};
    for (size_t i = 0; i < 2; i++) {
        copies[i].give = -1;
        int rc = paths[i] ? copy_begin(&copies[i], fds[i], paths[i]) : 0;
        if (rc) {
            (void)fprintf(stderr, "entrypoint: copy output to %s: %s\n", paths[i], strerror(rc));
            copies[i].give = -1;
        }
    }
}

static void end_copies(struct copy *copies)
{
    for (size_t i = 0; i < 2; i++)
        if (copies[i].give >= 0)
            copy_end(&copies[i]);
}

/* The step's own folder, and the name under which later steps find it. */
static void make_folders(const struct options *o)
{
    static const char *const parts[] = {"results", "artifacts"};
    char path[PATH_MAX];
    struct err e;
    if (!o->metadata_dir)
        return;
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        (void)snprintf(path, sizeof path, "%s/%s", o->metadata_dir, parts[i]);
        (void)!fs_mkdirs(path, 0777, &e);
        (void)chmod(path, 0777);
    }
    if (o->metadata_link && symlink(o->metadata_dir, o->metadata_link) < 0 && errno != EEXIST)
        perror("entrypoint: name the step's folder");
}

/* Puts what earlier steps left into this one's command; false: `when` says no. */
static bool prepare(struct options *o, struct arena *a)
{
    char folder[PATH_MAX] = "/tmp";
    bool allowed = true;
    struct err e = {0};
    make_folders(o);
    creds_write(o->creds);
    if (o->when && steps_allow(o->when, a, &allowed, &e) < 0)
        (void)fprintf(stderr, "entrypoint: when: %s\n", e.msg);
    if (o->post_file)
        folder_of(o->post_file, folder, sizeof folder);
    o->command = steps_script(steps_text(o->command, a), folder, a);
    o->args = steps_arguments(o->args, a);
    steps_environment(a);
    return allowed && !e.code;
}

static int run(const struct options *o)
{
    sigset_t all, before;
    (void)sigfillset(&all);
    (void)sigprocmask(SIG_BLOCK, &all, &before);
    int64_t started_ms = clock_real_ms();
    pid_t pid;
    struct copy copies[2];
    begin_copies(o, copies);
    int code = 0, rc = start(o, &before, copies, &pid);
    for (size_t i = 0; i < 2; i++)
        if (copies[i].give >= 0)
            copy_given(&copies[i]);
    const char *reason = NULL;
    if (rc) {
        (void)fprintf(stderr, "entrypoint: run %s: %s\n", o->command, strerror(rc));
        code = EXIT_NOT_RUN;
    } else if (supervise(o, pid, &all, &code)) {
        (void)fprintf(stderr, "entrypoint: step timed out after %lld ms\n",
                      (long long)o->timeout_ms);
        reason = "TimeoutExceeded";
        code = EXIT_TIMEOUT;
    }
    end_copies(copies);
    if (code && o->breakpoint && o->post_file && !reason) {
        (void)sigprocmask(SIG_SETMASK, &before, NULL);
        code = hold_open(o);
    }
    if (o->metadata_dir) {
        char text[16];
        (void)snprintf(text, sizeof text, "%d", code);
        put_file(o->metadata_dir, "exitCode", text);
    }
    bool failed = code && (!o->go_on || reason);
    report(o, started_ms, reason, code);
    let_next(o, failed);
    return failed ? code : 0;
}

/* `init SELF TARGET STEP…`: for nodes that do not hold this program, a container puts it where
 * the steps find it. */
static int put_self(int argc, char **argv)
{
    AUTO(arena) struct arena *a = arena_new(0);
    struct err e = {0};
    char *bytes;
    size_t n;
    if (argc < 4)
        return EXIT_USE;
    int r = fs_read(argv[2], 64 << 20, a, &bytes, &n, &e);
    if (r == 0)
        r = fs_write_atomic(argv[3], 0755, bytes, n, &e);
    if (r < 0)
        (void)fprintf(stderr, "entrypoint: %s\n", e.msg);
    return r < 0;
}

int main(int argc, char **argv)
{
    AUTO(arena) struct arena *a = arena_new(64 << 20);
    struct options o = {.creds = creds_new(a)};
    if (argc > 1 && strcmp(argv[1], "init") == 0)
        return put_self(argc, argv);
    if (!read_options(&o, argc, argv)) {
        (void)fputs("entrypoint: use: -entrypoint COMMAND [options] -- ARGUMENTS\n", stderr);
        return EXIT_USE;
    }
    end_on_signals();
    if (o.wait_file && !wait_for(o.wait_file, o.wait_content)) {
        (void)fputs("entrypoint: the step before failed: skipped\n", stderr);
        report(&o, clock_real_ms(), "Skipped", 0);
        let_next(&o, true);
        return EXIT_SKIPPED;
    }
    if (!prepare(&o, a)) {
        (void)fputs("entrypoint: when: the step is skipped\n", stderr);
        report(&o, clock_real_ms(), "Skipped", 0);
        let_next(&o, false);
        return 0;
    }
    return run(&o);
}
