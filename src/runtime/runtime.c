#include "runtime/runtime.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/thread.h"
#include "entrypoint/program.h"
#include "loop/loop.h"
#include "runtime/runtime_int.h"

char *runtime__path(struct runtime *r, struct arena *a, const char *id, const char *file)
{
    return arena_printf(a, "%s/containers/%s%s%s", r->dir, id, file ? "/" : "", file ? file : "");
}

struct container *container__new(const char *id)
{
    struct container *c = calloc(1, sizeof *c);
    if (!c || !(c->id = strdup(id)))
        log_die("out of memory for a container");
    c->pidfd = c->shim_pidfd = -1;
    return c;
}

void container__free(struct container *c)
{
    if (!c)
        return;
    if (c->pidfd >= 0)
        (void)close(c->pidfd);
    if (c->shim_pidfd >= 0)
        (void)close(c->shim_pidfd);
    for (size_t i = 0; i < c->n_notes; i++)
        free(c->notes[i]);
    free(c->notes);
    free(c->cgroup);
    free(c->id);
    free(c);
}

void container__note(struct container *c, const char *note)
{
    c->notes = realloc(c->notes, (c->n_notes + 1) * sizeof *c->notes);
    if (!c->notes || !(c->notes[c->n_notes++] = strdup(note)))
        log_die("out of memory for a container's notes");
}

/* ---- how a container ended ---- */

bool container__take_end(struct runtime *r, struct container *c)
{
    AUTO(arena) struct arena *a = arena_new(0);
    struct container_end end;
    if (record__get_end(arena_printf(a, "%s/exits/%s", r->dir, c->id), &end, NULL) < 0)
        return false;
    c->end = end;
    c->running = c->starting = false;
    if (!c->started_ms)
        c->started_ms = end.started_ms;
    return true;
}

static bool has_end(struct runtime *r, const struct container *c)
{
    AUTO(arena) struct arena *a = arena_new(0);
    return access(arena_printf(a, "%s/exits/%s", r->dir, c->id), F_OK) == 0;
}

void container__bury(struct runtime *r, struct container *c)
{
    AUTO(arena) struct arena *a = arena_new(0);
    if (c->pidfd >= 0) {
        (void)pidfd_send_signal(c->pidfd, SIGKILL, NULL, 0);
        struct pollfd p = {.fd = c->pidfd, .events = POLLIN};
        (void)poll(&p, 1, 2000);
    }
    container__clean(r->dir, c->id, c->cgroup);
    struct container_end end = {.code = 137,
                                .signal = SIGKILL,
                                .lost = true,
                                .started_ms = c->started_ms,
                                .finished_ms = clock_real_ms()};
    (void)record__put_end(arena_printf(a, "%s/exits/%s", r->dir, c->id), &end, NULL);
}

/* ---- the runtime's thread ---- */

static void report(struct runtime *r, const char *id)
{
    struct container_end end;
    {
        LOCK_SCOPE(&r->lock);
        struct container *c = map_get(&r->containers, id);
        if (!c || c->starting || !c->running || !container__take_end(r, c))
            return;
        end = c->end;
        (void)pthread_cond_broadcast(&r->ended);
    }
    if (r->on_end)
        r->on_end(r->arg, id, &end);
}

static void on_record(void *arg, int fd, uint32_t events)
{
    struct runtime *r = arg;
    (void)events;
    _Alignas(struct inotify_event) char room[8192];
    ssize_t n = read(fd, room, sizeof room);
    for (char *p = room; n > 0 && p < room + n;) {
        const struct inotify_event *ev = (const struct inotify_event *)(const void *)p;
        if (ev->len && ev->mask & IN_MOVED_TO)
            report(r, ev->name);
        p += sizeof *ev + ev->len;
    }
}

struct shim_watch {
    struct runtime *r;
    struct shim_watch *next; /* all of the runtime's */
    pid_t pid;
    char id[];
};

static void forget_watch(struct shim_watch *w)
{
    struct runtime *r = w->r;
    {
        LOCK_SCOPE(&r->lock);
        struct shim_watch **p = &r->watches;
        while (*p != w)
            p = &(*p)->next;
        *p = w->next;
    }
    free(w);
}

static void on_shim_exit(void *arg, pid_t pid, int status)
{
    struct shim_watch *w = arg;
    struct runtime *r = w->r;
    (void)status;
    {
        LOCK_SCOPE(&r->lock);
        struct container *c = map_get(&r->containers, w->id);
        if (c && c->shim_pid == pid && c->running && !has_end(r, c))
            container__bury(r, c);
    }
    report(r, w->id);
    forget_watch(w);
}

static void watch_shim(void *arg)
{
    struct shim_watch *w = arg;
    report(w->r, w->id); /* it may have ended before anyone looked */
    if (loop_add_process(w->r->loop, w->pid, on_shim_exit, w, NULL, NULL) < 0)
        on_shim_exit(w, w->pid, -1); /* it is gone already */
}

void runtime__track(struct runtime *r, struct container *c)
{
    size_t n = strlen(c->id) + 1;
    struct shim_watch *w = calloc(1, sizeof *w + n);
    if (!w)
        log_die("out of memory for a shim's watch");
    w->r = r;
    w->pid = c->shim_pid;
    memcpy(w->id, c->id, n);
    w->next = r->watches;
    r->watches = w;
    loop_post(r->loop, watch_shim, w);
}

static void *run_loop(void *arg)
{
    struct runtime *r = arg;
    struct err e;
    if (loop_run(r->loop, &e) < 0)
        log_die("runtime: %s", e.msg);
    return NULL;
}

/* ---- opening ---- */

static int make_folders(struct runtime *r, struct err *e)
{
    static const char *const names[] = {"containers", "exits", "crun", "points"};
    AUTO(arena) struct arena *a = arena_new(0);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        int rc = fs_mkdirs(arena_printf(a, "%s/%s", r->dir, names[i]), 0700, e);
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* The shim travels inside this program; where the folder allows no programs, we are it. */
static char *choose_shim(struct runtime *r)
{
    extern const char shim_image[], shim_image_end[];
    const struct program p = {shim_image, (size_t)(shim_image_end - shim_image)};
    AUTO(arena) struct arena *a = arena_new(0);
    const char *path = arena_printf(a, "%s/shim", r->dir);
    char own[PATH_MAX];
    if (program_install(&p, path, NULL) == 0 && access(path, X_OK) == 0)
        return strdup(path);
    ssize_t n = readlink("/proc/self/exe", own, sizeof own - 1);
    return n > 0 ? strndup(own, (size_t)n) : strdup("/proc/self/exe");
}

/* Looked up once, not at every start. */
static char *find_program(const char *name)
{
    AUTO(arena) struct arena *a = arena_new(0);
    const char *path = getenv("PATH");
    for (const char *p = path && !strchr(name, '/') ? path : ""; *p;) {
        size_t n = strcspn(p, ":");
        const char *full = arena_printf(a, "%.*s/%s", (int)n, p, name);
        if (n && access(full, X_OK) == 0)
            return strdup(full);
        p += n + (p[n] == ':');
    }
    return strdup(name);
}

const char *runtime_shim(const struct runtime *r)
{
    return r->shim;
}

/* Said at the start, not when the first container fails. */
static int check_host(const struct runtime *r, struct err *e)
{
    if (geteuid() != 0) {
        (void)err_set(e, ERR_DENIED, "containers need root");
        return err_hint(e, "run as root, or with --no-node");
    }
    if (!strchr(r->crun, '/')) {
        (void)err_set(e, ERR_NOT_FOUND, "%s is not installed", r->crun);
        return err_hint(e, "install it (apt-get install crun), or run with --no-node");
    }
    return 0;
}

static int begin(struct runtime *r, struct err *e)
{
    int rc = check_host(r, e);
    if (rc == 0)
        rc = make_folders(r, e);
    if (rc == 0)
        rc = loop_new(&r->loop, e);
    if (rc < 0)
        return rc;
    AUTO(arena) struct arena *a = arena_new(0);
    r->exits_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (r->exits_fd < 0 ||
        inotify_add_watch(r->exits_fd, arena_printf(a, "%s/exits", r->dir), IN_MOVED_TO) < 0)
        return err_sys(e, errno, "watch %s/exits", r->dir);
    rc = loop_add_fd(r->loop, r->exits_fd, EPOLLIN, on_record, r, NULL, e);
    return rc < 0 ? rc : runtime__find_containers(r, e);
}

int runtime_open(const struct runtime_opts *o, struct runtime **out, struct err *e)
{
    AUTO(runtime) struct runtime *r = calloc(1, sizeof *r);
    if (!r)
        log_die("out of memory for a runtime");
    char real[PATH_MAX];
    r->exits_fd = -1;
    map_init(&r->containers);
    (void)pthread_mutex_init(&r->lock, NULL);
    cond_init(&r->ended);
    int rc = fs_mkdirs(o->dir, 0711, e);
    if (rc < 0)
        return rc;
    r->dir = strdup(realpath(o->dir, real) ? real : o->dir);
    r->shim = o->shim ? strdup(o->shim) : choose_shim(r);
    r->crun = find_program(o->crun ? o->crun : "crun");
    r->cgroup_parent = strdup(o->cgroup_parent ? o->cgroup_parent : "slipway");
    r->on_end = o->on_end;
    r->arg = o->arg;
    rc = begin(r, e);
    if (rc < 0)
        return err_wrap(e, rc, "container runtime");
    *out = take_ptr(r);
    return 0;
}

int runtime_watch(struct runtime *r, struct err *e)
{
    int rc = thread_start(&r->thread, "runtime", 0, run_loop, r, e);
    r->watching = rc == 0;
    return rc;
}

void runtime_close(struct runtime *r)
{
    if (!r)
        return;
    if (r->watching) {
        loop_stop(r->loop);
        (void)pthread_join(r->thread, NULL);
    }
    loop_free(r->loop);
    for (struct shim_watch *w = r->watches, *next; w; w = next) {
        next = w->next;
        free(w);
    }
    if (r->exits_fd >= 0)
        (void)close(r->exits_fd);
    const struct map_entry *m;
    for (size_t i = 0; (m = map_next(&r->containers, &i));)
        container__free(m->value);
    map_done(&r->containers);
    (void)pthread_mutex_destroy(&r->lock);
    (void)pthread_cond_destroy(&r->ended);
    free(r->dir);
    free(r->shim);
    free(r->crun);
    free(r->cgroup_parent);
    free(r);
}

/* ---- questions and orders ---- */

static int absent(const char *id, struct err *e)
{
    return err_set(e, ERR_NOT_FOUND, "there is no container %s", id);
}

/* A container adopted while it was starting: its pid was not known yet. */
static void learn_pid(struct runtime *r, struct container *c)
{
    if (c->pid || c->starting)
        return;
    AUTO(arena) struct arena *a = arena_new(0);
    if (record__get_started(runtime__path(r, a, c->id, "started"), &c->pid, &c->started_ms, NULL) ==
        0)
        c->pidfd = pidfd_open(c->pid, 0);
}

int runtime_kill(struct runtime *r, const char *id, int signal, struct err *e)
{
    LOCK_SCOPE(&r->lock);
    struct container *c = map_get(&r->containers, id);
    if (!c || !c->running)
        return absent(id, e);
    learn_pid(r, c);
    if (c->pidfd < 0)
        return absent(id, e);
    if (pidfd_send_signal(c->pidfd, signal, NULL, 0) < 0 && errno != ESRCH)
        return err_sys(e, errno, "signal container %s", id);
    return 0;
}

/* Its end has been recorded; the shim may still be tidying up. */
static void await_shim(struct container *c)
{
    if (c->shim_pidfd < 0)
        return;
    struct pollfd p = {.fd = c->shim_pidfd, .events = POLLIN};
    (void)poll(&p, 1, 5000);
}

int runtime_remove(struct runtime *r, const char *id, struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(0);
    if (runtime_kill(r, id, SIGKILL, NULL) == 0) {
        LOCK_SCOPE(&r->lock);
        struct container *c = map_get(&r->containers, id);
        for (int64_t until = clock_mono_ms() + 10000; c && c->running;
             c = map_get(&r->containers, id))
            if (!cond_wait_ms(&r->ended, &r->lock, 1000) && clock_mono_ms() > until)
                return err_set(e, ERR_TIMEOUT, "container %s does not end", id);
    }
    struct container *c;
    {
        LOCK_SCOPE(&r->lock);
        c = map_remove(&r->containers, id);
    }
    if (!c)
        return 0;
    await_shim(c);
    cgroup__remove(c->cgroup);
    (void)unlink(arena_printf(a, "%s/exits/%s", r->dir, id));
    container__free(c);
    return fs_remove_tree(runtime__path(r, a, id, NULL), e);
}

static void describe(const struct container *c, struct arena *a, struct container_info *out)
{
    *out = (struct container_info){.id = arena_strdup(a, c->id),
                                   .running = c->running,
                                   .pid = c->running ? c->pid : 0,
                                   .started_ms = c->started_ms};
    if (!c->running)
        out->end = c->end;
    const char **notes = ARENA_ARRAY(a, const char *, c->n_notes + 1);
    for (size_t i = 0; i < c->n_notes; i++)
        notes[i] = arena_strdup(a, c->notes[i]);
    out->notes = notes;
}

const char *runtime_writable_layer(struct runtime *r, const char *id, struct arena *a)
{
    return runtime__path(r, a, id, "upper");
}

void runtime_drop_group(struct runtime *r, const char *group)
{
    AUTO(arena) struct arena *a = arena_new(0);
    cgroup__remove(arena_printf(a, "/%s/%s", r->cgroup_parent, group));
}

int runtime_get(struct runtime *r, const char *id, struct arena *a, struct container_info *out,
                struct err *e)
{
    LOCK_SCOPE(&r->lock);
    struct container *c = map_get(&r->containers, id);
    if (!c || c->starting)
        return absent(id, e);
    learn_pid(r, c);
    describe(c, a, out);
    return 0;
}

void runtime_list(struct runtime *r, struct arena *a, struct container_info **out, size_t *n)
{
    LOCK_SCOPE(&r->lock);
    struct container_info *list = ARENA_ARRAY(a, struct container_info, map_size(&r->containers));
    const struct map_entry *m;
    size_t k = 0;
    for (size_t i = 0; (m = map_next(&r->containers, &i));)
        if (!((const struct container *)m->value)->starting)
            describe(m->value, a, &list[k++]);
    *out = list;
    *n = k;
}

int runtime_ns_path(struct runtime *r, const char *id, const char *which, struct arena *a,
                    const char **out, struct err *e)
{
    LOCK_SCOPE(&r->lock);
    struct container *c = map_get(&r->containers, id);
    if (c)
        learn_pid(r, c);
    if (!c || !c->running || !c->pid)
        return absent(id, e);
    *out = arena_printf(a, "/proc/%d/ns/%s", (int)c->pid, which);
    return 0;
}
