/* kustomize_functions.c - runs KRM functions, fenced: programs in a jail, images in containers. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "cli/light.h"
#include "cli/verb.h"
#include "oci/images.h"
#include "render/kustomize/functions.h"
#include "runtime/jail.h"

enum { TIME_MS = 300 * 1000, OUTPUT_MAX = 64 << 20, MEMORY_MAX = 2, PIDS_MAX = 1024 };
enum { NOBODY = 65534 };

static const char search_path[] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

struct functions {
    struct kustomize_functions base;
    struct light_function_flags flags;
    struct arena *a;
    const char *dir; /* of the runtime; NULL: no container was started yet */
    int signals;     /* those that stop us, while a container runs; -1 */
    struct runtime *runtime;
    struct image_store *images;
};

/* ---- environment ---- */

struct env {
    struct arena *a;
    const char **items; /* ends with NULL */
    size_t n;
};

/* The last word about a name counts. */
static void put(struct env *env, const char *item)
{
    size_t len = strcspn(item, "=") + 1;
    for (size_t i = 0; i < env->n; i++)
        if (strncmp(env->items[i], item, len) == 0) {
            env->items[i] = item;
            return;
        }
    env->items[env->n++] = item;
}

/* A name alone takes its value from our own environment. */
static void put_word(struct env *env, const char *word)
{
    const char *value = strchr(word, '=') ? NULL : getenv(word);
    if (value)
        put(env, arena_printf(env->a, "%s=%s", word, value));
    else if (strchr(word, '='))
        put(env, word);
}

static size_t count(const char *const *list)
{
    size_t n = 0;
    while (list && list[n])
        n++;
    return n;
}

static struct env environment(const struct functions *p, const struct kustomize_function *f,
                              const char *const *first, struct arena *a)
{
    size_t most = count(first) + count(f->env) + p->flags.env->n + 1;
    struct env env = {.a = a, .items = ARENA_ARRAY(a, const char *, most)};
    for (size_t i = 0; first[i]; i++)
        put(&env, first[i]);
    for (size_t i = 0; f->env[i]; i++)
        if (f->folder || strchr(f->env[i], '=')) /* what was fetched names nothing of ours */
            put_word(&env, f->env[i]);
    for (size_t i = 0; i < p->flags.env->n; i++)
        put_word(&env, p->flags.env->items[i]);
    return env;
}

/* ---- streams ---- */

struct streams {
    int in, out[2], err[2];
    unsigned char last; /* of what was passed on */
};

static void shut(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
    *fd = -1;
}

static int open_streams(const char *in, size_t n, struct streams *s, struct err *e)
{
    *s = (struct streams){
        -1, {-1, -1},
         {-1, -1},
         0
    };
    if (pipe2(s->out, O_CLOEXEC) < 0 || pipe2(s->err, O_CLOEXEC) < 0 ||
        (s->in = memfd_create("function", MFD_CLOEXEC)) < 0)
        return err_sys(e, errno, "make streams");
    for (size_t done = 0; done < n;) {
        ssize_t got = write(s->in, in + done, n - done);
        if (got < 0)
            return err_sys(e, errno, "write what it reads");
        done += (size_t)got;
    }
    return lseek(s->in, 0, SEEK_SET) < 0 ? err_sys(e, errno, "rewind") : 0;
}

static void close_streams(struct streams *s)
{
    shut(&s->in);
    shut(&s->out[0]);
    shut(&s->out[1]);
    shut(&s->err[0]);
    shut(&s->err[1]);
}

static size_t take(int *fd, char *room, size_t most)
{
    ssize_t n = read(*fd, room, most);
    if (n < 0 && errno == EINTR)
        return 0;
    if (n <= 0)
        shut(fd);
    return n < 0 ? 0 : (size_t)n;
}

/* What it says, as text: it is not given our terminal, whose keys it could read, and does not
 * command it. */
static void pass_on(struct streams *s)
{
    char chunk[4096];
    size_t n = take(&s->err[0], chunk, sizeof chunk);
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)chunk[i];
        bool is_control = c < ' ' ? c != '\n' && c != '\t'
                                  : c == 0x7f || (s->last == 0xc2 && c >= 0x80 && c < 0xa0);
        if (is_control)
            chunk[i] = '?';
        s->last = c;
    }
    (void)fwrite(chunk, 1, n, stderr);
}

/* Takes what it prints until it closes its output or ends, within the limits of size and time. */
static int hear(struct streams *s, int signals, struct exec_process *p, struct buf *out,
                int64_t until, struct err *e)
{
    char chunk[65536];
    for (bool ended = false;;) {
        struct pollfd f[] = {
            {s->out[0],             POLLIN, 0},
            {s->err[0],             POLLIN, 0},
            {ended ? -1 : p->pidfd, POLLIN, 0},
            {signals,               POLLIN, 0}
        };
        int64_t left = until - clock_mono_ms();
        int ready = left > 0 ? poll(f, ARRAY_LEN(f), ended ? 0 : (int)left) : 0;
        if (ready < 0 && errno == EINTR)
            continue;
        if (ready <= 0)
            return 0; /* all is heard, or whoever waits for its end knows that it is late */
        ended |= f[2].revents != 0;
        if (f[3].revents)
            return err_set(e, ERR_CANCELLED, "interrupted");
        if (f[1].revents)
            pass_on(s);
        if (f[0].revents)
            buf_add(out, chunk, take(&s->out[0], chunk, sizeof chunk));
        if (buf_check(out, NULL) < 0) {
            exec_kill(p);
            return err_set(e, ERR_TOO_LARGE, "it printed more than %d MiB", OUTPUT_MAX >> 20);
        }
    }
}

static int attend(struct streams *s, int signals, struct exec_process *p, struct buf *out,
                  struct err *e)
{
    int64_t until = clock_mono_ms() + TIME_MS;
    int code = 0;
    shut(&s->in);
    shut(&s->out[1]);
    shut(&s->err[1]);
    int rc = hear(s, signals, p, out, until, e);
    int64_t left = until - clock_mono_ms();
    int end = exec_wait(p, rc == 0 && left > 0 ? left : 0, &code, rc < 0 ? NULL : e);
    if (rc < 0 || end < 0)
        return rc < 0 ? rc : end;
    return code ? err_set(e, ERR_INVALID, "exit status %d", code) : 0;
}

/* ---- programs ---- */

static int run_program(struct functions *p, const struct kustomize_function *f, struct streams *s,
                       struct buf *out, struct arena *a, struct err *e)
{
    const char *const first[] = {arena_printf(a, "PATH=%s", search_path), "HOME=/tmp",
                                 "LANG=C.UTF-8", NULL};
    const struct env env = environment(p, f, first, a);
    struct exec_process process;
    if (!p->flags.exec)
        return err_set(e, ERR_UNSUPPORTED, "program %s is not run without --enable-exec",
                       f->program);
    if (!f->folder)
        return err_set(e, ERR_UNSUPPORTED,
                       "program %s is not run: it was fetched from another repository", f->program);
    if (!*f->folder)
        return err_set(e, ERR_INVALID, "root working directory '/' not allowed");
    const struct jail_spec spec = {.folder = arena_printf(a, "/%s", f->folder),
                                   .program = f->program,
                                   .args = f->args,
                                   .env = env.items,
                                   .in_fd = s->in,
                                   .out_fd = s->out[1],
                                   .err_fd = s->err[1]};
    int rc = jail_start(&spec, &process, e);
    return rc < 0 ? rc : attend(s, -1, &process, out, e);
}

/* ---- containers ---- */

static void print_line(void *arg, const char *line)
{
    (void)arg;
    (void)fprintf(stderr, "%s\n", line);
}

/* A container outlives its command: signals wait until it is gone, in every thread. */
static void block_stops(sigset_t *stops, sigset_t *before)
{
    static const int all[] = {SIGHUP, SIGINT, SIGTERM};
    (void)sigemptyset(stops);
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        struct sigaction now;
        if (sigaction(all[i], NULL, &now) == 0 && now.sa_handler != SIG_IGN)
            (void)sigaddset(stops, all[i]);
    }
    (void)pthread_sigmask(SIG_BLOCK, stops, before);
}

static int open_containers(struct functions *p, struct err *e)
{
    sigset_t stops, before;
    if (p->runtime)
        return 0;
    const struct image_store_opts images = {
        .folder = arena_printf(p->a, "%s/images", verb_data_dir(NULL))};
    int rc = p->images ? 0 : image_store_open(&images, &p->images, e);
    if (rc < 0)
        return rc;
    p->dir = arena_printf(p->a, "%s/functions-%d", verb_data_dir(NULL), (int)getpid());
    const struct runtime_opts opts = {.dir = p->dir, .cgroup_parent = "slipway-functions"};
    rc = runtime_open(&opts, &p->runtime, e);
    if (rc < 0)
        return rc;
    block_stops(&stops, &before);
    rc = runtime_watch(p->runtime, e);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return rc;
}

/* "type=bind,src=FOLDER,dst=FOLDER,rw=true", of the command's own user. */
static struct kustomize_function_mount read_mount(const char *text, struct arena *a)
{
    struct kustomize_function_mount m = {"", "", "", false};
    char *rest = arena_strdup(a, text);
    for (char *part; (part = strsep(&rest, ","));) {
        char *value = strchr(part, '=');
        if (!value)
            continue;
        *value++ = '\0';
        if (strcmp(part, "type") == 0)
            m.type = value;
        else if (strcmp(part, "src") == 0 || strcmp(part, "source") == 0)
            m.source = value;
        else if (strcmp(part, "dst") == 0 || strcmp(part, "target") == 0)
            m.target = value;
        else if (strcmp(part, "rw") == 0)
            m.writable = strcmp(value, "true") == 0;
    }
    return m;
}

/* What a kustomization asks for stays in its folder, wherever links lead. */
static int bind_mount(const struct kustomize_function *f, const struct kustomize_function_mount *m,
                      bool fenced, struct arena *a, struct container_mount *out, struct err *e)
{
    if (strcmp(m->type, "tmpfs") == 0 && *m->target == '/') {
        *out = (struct container_mount){.source = "tmpfs", .target = m->target, .type = "tmpfs"};
        return 0;
    }
    if (strcmp(m->type, "bind") != 0 || *m->target != '/' || !*m->source)
        return err_set(e, ERR_INVALID,
                       "mount type=%s,src=%s,dst=%s: a bind or tmpfs onto an absolute path is "
                       "expected",
                       m->type, m->source, m->target);
    if (!f->folder && *m->source != '/')
        return err_set(e, ERR_UNSUPPORTED, "mount of %s: it was fetched from another repository",
                       m->source);
    const char *folder = arena_printf(a, "/%s", f->folder ? f->folder : "");
    char *whole =
        realpath(*m->source == '/' ? m->source : arena_printf(a, "%s/%s", folder, m->source), NULL);
    if (!whole)
        return err_sys(e, errno, "mount of %s", m->source);
    const char *path = arena_strdup(a, whole);
    free(whole);
    size_t n = strlen(folder);
    if (fenced && (strncmp(path, folder, n) != 0 || (path[n] != '/' && path[n] != '\0')))
        return err_set(e, ERR_DENIED, "mount of %s leads out of the kustomization's folder",
                       m->source);
    *out = (struct container_mount){.source = path, .target = m->target, .readonly = !m->writable};
    return 0;
}

/* Beside the program that holds the container open. */
static int list_mounts(const struct functions *p, const struct kustomize_function *f,
                       struct arena *a, struct container_mount **out, size_t *n, struct err *e)
{
    size_t most = f->n_mounts + p->flags.mounts->n + 1, k = 0;
    struct container_mount *all = ARENA_ARRAY(a, struct container_mount, most);
    int rc = 0;
    all[k++] = (struct container_mount){
        .source = runtime_shim(p->runtime), .target = "/.pause", .readonly = true};
    for (size_t i = 0; rc == 0 && i < f->n_mounts; i++)
        rc = bind_mount(f, &f->mounts[i], true, a, &all[k++], e);
    for (size_t i = 0; rc == 0 && i < p->flags.mounts->n; i++) {
        struct kustomize_function_mount m = read_mount(p->flags.mounts->items[i], a);
        rc = bind_mount(f, &m, false, a, &all[k++], e);
    }
    *out = all;
    *n = k;
    return rc;
}

static const char *const *texts(const struct value *list, const struct value *more, struct arena *a)
{
    size_t n = 0;
    const char **out = ARENA_ARRAY(a, const char *, value_count(list) + value_count(more) + 3);
    VALUE_EACH_ITEM (item, list)
        out[n++] = value_str(item, "");
    VALUE_EACH_ITEM (item, more)
        out[n++] = value_str(item, "");
    return out;
}

/* Those of the image, then what functions expect to find. */
static const char *const *image_env(const struct value *config, struct arena *a)
{
    const struct value *list = value_get(config, "Env");
    size_t n = 0;
    const char **out = ARENA_ARRAY(a, const char *, value_count(list) + 4);
    out[n++] = arena_printf(a, "PATH=%s", search_path);
    VALUE_EACH_ITEM (item, list)
        out[n++] = value_str(item, "");
    out[n++] = "LOG_TO_STDERR=true";
    out[n++] = "STRUCTURED_RESULTS=true";
    return out;
}

static int exec_in(struct functions *p, const char *id, const struct value *config,
                   struct streams *s, struct buf *out, struct arena *a, struct err *e)
{
    const struct exec_spec spec = {
        .argv = texts(value_get(config, "Entrypoint"), value_get(config, "Cmd"), a),
        .in_fd = s->in,
        .out_fd = s->out[1],
        .err_fd = s->err[1]};
    struct exec_process process;
    int rc = runtime_exec(p->runtime, id, &spec, &process, e);
    return rc < 0 ? rc : attend(s, p->signals, &process, out, e);
}

static int run_container(struct functions *p, const struct container_spec *spec,
                         const struct value *config, struct streams *s, struct buf *out,
                         struct arena *a, struct err *e)
{
    sigset_t stops, before;
    block_stops(&stops, &before);
    p->signals = signalfd(-1, &stops, SFD_CLOEXEC | SFD_NONBLOCK);
    int rc = runtime_start(p->runtime, spec, e);
    if (rc == 0)
        rc = exec_in(p, spec->id, config, s, out, a, e);
    int gone = runtime_remove(p->runtime, spec->id, NULL);
    (void)gone;
    for (struct signalfd_siginfo by; read(p->signals, &by, sizeof by) > 0;)
        if (rc == 0)
            rc = err_set(e, ERR_CANCELLED, "interrupted");
    shut(&p->signals);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return rc;
}

static int run_image(struct functions *p, const struct kustomize_function *f, struct streams *s,
                     struct buf *out, struct arena *a, struct err *e)
{
    static const char id[] = "function";
    static const char *const pause[] = {"/.pause", "shim", "pause", NULL}, *const no_caps[] = {
                                                                               NULL};
    const struct image_ensure_opts ensure = {.policy = IMAGE_IF_NOT_PRESENT,
                                             .progress = print_line};
    struct image image;
    struct container_mount *mounts = NULL;
    size_t n_mounts = 0;
    if (f->network && !p->flags.network)
        return err_set(e, ERR_DENIED, "network required but not enabled with --network");
    int rc = open_containers(p, e);
    if (rc == 0)
        rc = image_store_ensure(p->images, f->image, &ensure, a, &image, e);
    if (rc == 0)
        rc = list_mounts(p, f, a, &mounts, &n_mounts, e);
    if (rc < 0)
        return rc;
    const struct value *config = value_get(image.config, "config");
    const char *cwd = value_at_str(config, "WorkingDir", "");
    if (value_count(value_get(config, "Entrypoint")) + value_count(value_get(config, "Cmd")) == 0)
        return err_set(e, ERR_INVALID, "image %s names no program", f->image);
    const struct env env = environment(p, f, image_env(config, a), a);
    const struct container_spec spec = {
        .id = id,
        .layers = image.layer_dirs,
        .n_layers = image.n_layers,
        .mounts = mounts,
        .n_mounts = n_mounts,
        .argv = pause,
        .env = env.items,
        .cwd = *cwd ? cwd : NULL,
        .uid = p->flags.as_current_user ? geteuid() : NOBODY,
        .gid = p->flags.as_current_user ? getegid() : NOBODY,
        .capabilities = no_caps,
        .no_new_privs = true,
        .net_ns = f->network ? "host" : NULL,
        .limits = {.memory_bytes = (int64_t)MEMORY_MAX << 30, .pids = PIDS_MAX},
    };
    return run_container(p, &spec, config, s, out, a, e);
}

/* ---- the port ---- */

static int run(struct kustomize_functions *base, const struct kustomize_function *f, const char *in,
               size_t n, struct arena *a, const char **out, size_t *out_n, struct err *e)
{
    struct functions *p = container_of(base, struct functions, base);
    AUTO_BUF struct buf b = {.max = OUTPUT_MAX};
    struct streams s;
    int rc = open_streams(in, n, &s, e);
    if (rc == 0)
        rc = f->image ? run_image(p, f, &s, &b, a, e) : run_program(p, f, &s, &b, a, e);
    close_streams(&s);
    if (rc < 0)
        return rc;
    *out = arena_strndup(a, buf_text(&b), b.len);
    *out_n = b.len;
    return 0;
}

struct kustomize_functions *light_functions(const struct light_function_flags *flags,
                                            struct arena *a)
{
    struct functions *p = ARENA_NEW(a, struct functions);
    *p = (struct functions){.base = {run}, .flags = *flags, .a = a, .signals = -1};
    return &p->base;
}

void light_functions_done(struct kustomize_functions *base)
{
    if (!base)
        return;
    struct functions *p = container_of(base, struct functions, base);
    runtime_close(p->runtime);
    image_store_free(p->images);
    if (p->dir && fs_remove_tree(p->dir, NULL) < 0)
        (void)fprintf(stderr, "slipway: %s is left behind\n", p->dir);
}
