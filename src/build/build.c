#include "build/build.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/thread.h"
#include "build/build_int.h"
#include "codec/glob.h"
#include "codec/json.h"
#include "oci/manifest.h"

enum { IGNORE_MAX_BYTES = 1 << 20, IGNORE_LINES_MAX = 10000 };

void build__event(struct build *b, enum build_event_kind kind, const char *text, size_t n,
                  int64_t took_ms)
{
    if (!b->opts->on_event)
        return;
    LOCK_SCOPE(&b->solve->lock);
    const struct build_event event = {
        .kind = kind,
        .step = b->step,
        .steps = b->solve->steps,
        .stage = b->at_stage ? b->at_stage->name : "",
        .name = b->at ? b->at->text : "",
        .line = b->at ? b->at->line : 0,
        .text = text ? text : "",
        .text_len = n,
        .took_ms = took_ms,
        .parallel = b->solve->parallel,
    };
    b->opts->on_event(b->opts->arg, &event);
}

int build__refuse(struct build *b, struct err *e, const char *fmt, ...)
{
    char text[600];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    return err_set(e, ERR_INVALID, "%s:%u: %s", b->file.name, b->at ? b->at->line : 0, text);
}

int build__wrap(struct build *b, int rc, struct err *e)
{
    size_t n = strlen(b->file.name);
    /* Once is enough. */
    if (e && strncmp(e->msg, b->file.name, n) == 0 && e->msg[n] == ':')
        return rc;
    return err_wrap(e, rc, "%s:%u", b->file.name, b->at ? b->at->line : 0);
}

/* ---- the scratch folder ---- */

/* What builds that died left behind has no lock. */
static void remove_leftovers(const char *root)
{
    AUTO(arena) struct arena *a = arena_new(1 << 20);
    DIR *d = opendir(root);
    if (!d)
        return;
    for (struct dirent *entry; (entry = readdir(d));) {
        if (strncmp(entry->d_name, "b-", 2) != 0)
            continue;
        AUTO_FD int fd = openat(dirfd(d), entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0)
            continue;
        int gone = fs_remove_tree(arena_printf(a, "%s/%s", root, entry->d_name), NULL);
        (void)gone;
    }
    (void)closedir(d);
}

static int make_scratch(struct build *b, struct err *e)
{
    const char *root = b->opts->scratch;
    if (!root)
        root = arena_printf(b->arena, "%s/build", image_store_folder(b->images));
    int rc = fs_mkdirs(root, 0700, e);
    if (rc < 0)
        return rc;
    AUTO_FD int all = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (all < 0 || flock(all, LOCK_EX) < 0)
        return err_sys(e, errno, "lock %s", root);
    remove_leftovers(root);
    char *path = arena_printf(b->arena, "%s/b-XXXXXX", root);
    if (!mkdtemp(path))
        return err_sys(e, errno, "create %s", path);
    b->solve->scratch_lock = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    (void)flock(b->solve->scratch_lock, LOCK_EX | LOCK_NB);
    b->solve->scratch = path;
    return 0;
}

static void remove_scratch(struct build *b)
{
    if (!b->solve->scratch)
        return;
    int gone = fs_remove_tree(b->solve->scratch, NULL);
    (void)gone;
    (void)close(b->solve->scratch_lock);
}

int build__folder(struct build *b, const char *what, const char **out, struct err *e)
{
    LOCK_SCOPE(&b->solve->lock);
    int rc = b->solve->scratch ? 0 : make_scratch(b, e);
    if (rc < 0)
        return rc;
    char *path = arena_printf(b->arena, "%s/%s-%u", b->solve->scratch, what, ++b->solve->serial);
    if (mkdir(path, 0755) < 0)
        return err_sys(e, errno, "create %s", path);
    *out = path;
    return 0;
}

int build__dirs(struct build *b, const struct layers *l, struct view_layers *out, struct err *e)
{
    const char **dirs = ARENA_ARRAY(b->arena, const char *, l->n + 1);
    if (b->opts->only_cached)
        return err_set(e, ERR_AGAIN, "a step is not cached");
    for (size_t i = 0; i < l->n; i++) {
        int rc = image_layer_dir(b->images, &l->list[i], b->arena, &dirs[i], e);
        if (rc < 0)
            return rc;
    }
    *out = (struct view_layers){dirs, l->n};
    return 0;
}

int stage__pack(struct build *b, const char *upper, struct made *out, struct err *e)
{
    const struct image_layer_opts o = {.epoch = b->epoch, .whiteouts = true, .adopt = true};
    int rc = image_layer_pack(b->images, upper, &o, &out->layer, e);
    out->ms = b->epoch >= 0 ? b->epoch * 1000 : clock_real_ms();
    return rc;
}

int stage__push(struct build *b, struct stage *s, const struct made *m, const char *created_by,
                struct err *e)
{
    if (s->layers.n >= LAYERS_MAX)
        return build__refuse(b, e, "the image has more than %d layers", LAYERS_MAX);
    struct image_layer *list = ARENA_ARRAY(b->arena, struct image_layer, s->layers.n + 1);
    if (s->layers.n)
        memcpy(list, s->layers.list, s->layers.n * sizeof *list);
    list[s->layers.n] = m->layer;
    if (m->ms > s->created_ms || b->epoch >= 0)
        s->created_ms = b->epoch >= 0 ? b->epoch * 1000 : m->ms;
    s->layers = (struct layers){list, s->layers.n + 1};
    config__history(b, s, created_by, false);
    return 0;
}

/* ---- preparing ---- */

const char *const *build__platform_parts(struct arena *a, const char *platform)
{
    char os[32] = "linux", arch[32] = "amd64", variant[32] = "";
    const char **parts = ARENA_ARRAY(a, const char *, 3);
    (void)sscanf(platform, "%31[^/]/%31[^/]/%31s", os, arch, variant);
    parts[0] = arena_strdup(a, os);
    parts[1] = arena_strdup(a, arch);
    parts[2] = arena_strdup(a, variant);
    return parts;
}

static void read_platform(struct build *b)
{
    b->platform = b->opts->platform ? b->opts->platform : manifest_host_platform();
    const char *const *parts = build__platform_parts(b->arena, b->platform);
    b->os = parts[0];
    b->arch = parts[1];
    b->variant = parts[2];
}

static void read_epoch(struct build *b)
{
    b->epoch = b->opts->has_epoch ? b->opts->epoch : -1;
    for (const char *const *p = b->opts->build_args; p && *p && b->epoch < 0; p++) {
        char *end;
        if (strncmp(*p, "SOURCE_DATE_EPOCH=", 18) != 0)
            continue;
        long long n = strtoll(*p + 18, &end, 10);
        if (!*end && end != *p + 18 && n >= 0)
            b->epoch = n;
    }
}

static int unpack_context(struct build *b, struct err *e)
{
    const struct build_opts *o = b->opts;
    const char *folder;
    AUTO_FD int opened = -1;
    int fd = o->context_fd;
    if (!o->has_context_fd && !o->context_tar) {
        b->context = o->context_dir;
        return 0;
    }
    if (!o->has_context_fd) {
        fd = opened = open(o->context_tar, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
            return err_sys(e, errno, "open the build context %s", o->context_tar);
    }
    int rc = build__folder(b, "context", &folder, e);
    if (rc < 0)
        return rc;
    AUTO_FD int into = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if ((rc = image_extract(fd, into, e)) < 0)
        return err_wrap(e, rc, "build context");
    b->context = folder;
    return 0;
}

/* A file of the context, or, when the path is absolute, of this machine. */
static int read_text(struct build *b, const char *path, size_t max, char **out, size_t *n,
                     struct err *e)
{
    if (path[0] == '/')
        return fs_read(path, max, b->arena, out, n, e);
    AUTO_FD int root = b->context ? open(b->context, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (root < 0)
        return err_set(e, ERR_NOT_FOUND, "there is no build context %s",
                       b->context ? b->context : "");
    if (!view_read(root, path, max, b->arena, out, n))
        return err_set(e, ERR_NOT_FOUND, "%s is not in the build context", path);
    return 0;
}

static int read_containerfile(struct build *b, struct err *e)
{
    const struct build_opts *o = b->opts;
    const char *name = o->containerfile ? o->containerfile : "Containerfile";
    char *text = NULL;
    size_t n = 0;
    int rc = 0;
    if (o->containerfile_text) {
        return containerfile_parse(name, o->containerfile_text, strlen(o->containerfile_text),
                                   b->arena, &b->file, e);
    }
    rc = read_text(b, name, CONTAINERFILE_MAX_BYTES, &text, &n, e);
    if (rc == ERR_NOT_FOUND && !o->containerfile) {
        name = "Dockerfile";
        rc = read_text(b, name, CONTAINERFILE_MAX_BYTES, &text, &n, e);
        if (rc == ERR_NOT_FOUND)
            rc = err_set(e, rc, "neither Containerfile nor Dockerfile is in the build context");
    }
    return rc < 0 ? rc : containerfile_parse(name, text, n, b->arena, &b->file, e);
}

static int add_pattern(struct build *b, char *line, struct err *e)
{
    line += strspn(line, " \t");
    size_t n = strlen(line);
    while (n > 0 && isspace((unsigned char)line[n - 1]))
        line[--n] = '\0';
    if (!*line || *line == '#')
        return 0;
    bool back = *line == '!';
    line += back;
    while (strncmp(line, "./", 2) == 0 || *line == '/')
        line += *line == '/' ? 1 : 2;
    n = strlen(line);
    while (n > 1 && line[n - 1] == '/')
        line[--n] = '\0';
    if (!*line)
        return 0;
    if (!glob_valid(line))
        return err_set(e, ERR_INVALID, ".dockerignore: pattern \"%s\" is malformed", line);
    if (b->n_ignore >= IGNORE_LINES_MAX)
        return err_set(e, ERR_TOO_LARGE, ".dockerignore has more than %d patterns",
                       IGNORE_LINES_MAX);
    b->ignore[b->n_ignore++] = arena_printf(b->arena, "%s%s", back ? "!" : "", line);
    return 0;
}

/* NAME.dockerignore beside the Containerfile goes before .dockerignore. */
static int read_ignore(struct build *b, struct err *e)
{
    char *text;
    size_t n;
    if (!b->context)
        return 0;
    const char *own = arena_printf(b->arena, "%s.dockerignore", b->file.name);
    if (read_text(b, own, IGNORE_MAX_BYTES, &text, &n, NULL) < 0 &&
        read_text(b, ".containerignore", IGNORE_MAX_BYTES, &text, &n, NULL) < 0 &&
        read_text(b, ".dockerignore", IGNORE_MAX_BYTES, &text, &n, NULL) < 0)
        return 0;
    b->ignore = ARENA_ARRAY(b->arena, const char *, IGNORE_LINES_MAX);
    for (char *line; (line = strsep(&text, "\n"));) {
        int rc = add_pattern(b, line, e);
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* ---- the result ---- */

static void add_labels(struct build *b, struct stage *s)
{
    struct value *labels = value_get_mut(s->config, "Labels");
    for (const char *const *p = b->opts->labels; p && *p; p++) {
        const char *eq = strchr(*p, '=');
        if (!value_is(labels, VALUE_OBJECT))
            labels = value_set(b->arena, s->config, "Labels", value_new_object(b->arena));
        size_t n = eq ? (size_t)(eq - *p) : strlen(*p);
        (void)value_set_str(b->arena, labels, arena_strndup(b->arena, *p, n), eq ? eq + 1 : "");
    }
}

static struct value *annotations(struct build *b)
{
    struct value *out = value_new_object(b->arena);
    for (const char *const *p = b->opts->annotations; p && *p; p++) {
        size_t n = strcspn(*p, "=");
        (void)value_set_str(b->arena, out, arena_strndup(b->arena, *p, n),
                            *p + n + ((*p)[n] == '='));
    }
    return out;
}

static int store_image(struct build *b, struct stage *s, struct build_result *out, struct err *e)
{
    struct build_result result = {.steps = b->solve->steps, .cached = b->solve->cached};
    struct image image;
    add_labels(b, s);
    char when[CLOCK_TEXT_MAX];
    clock_format_rfc3339_ms(s->created_ms, when);
    (void)value_set_str(b->arena, s->doc, "created", when);
    (void)value_set(b->arena, s->doc, "config", s->config);
    (void)value_set(b->arena, s->doc, "history", s->history);
    const char *lease = b->opts->lease ? b->opts->lease : "build/";
    int rc = image_store_assemble(b->images, b->arena, s->doc, s->layers.list, s->layers.n,
                                  annotations(b), lease, result.digest, e);
    if (rc < 0)
        return rc;
    if ((rc = image_store_find(b->images, result.digest, b->arena, &image, e)) < 0)
        return rc;
    (void)snprintf(result.config_digest, sizeof result.config_digest, "%s", image.config_digest);
    for (const char *const *t = b->opts->tags; t && *t; t++) {
        if ((rc = image_store_tag(b->images, *t, result.digest, e)) < 0)
            return rc;
    }
    *out = result;
    return 0;
}

static int run(struct build *b, struct build_result *out, struct err *e)
{
    int rc = unpack_context(b, e);
    if (rc < 0 || (rc = read_containerfile(b, e)) < 0 || (rc = read_ignore(b, e)) < 0 ||
        (rc = stages__plan(b, e)) < 0)
        return rc;
    struct stage *target = &b->stages[b->n_stages - 1];
    if (b->opts->target)
        target = stages__find(b, b->opts->target, (unsigned)b->n_stages);
    if ((rc = solve__run(b, target, e)) < 0)
        return build__wrap(b, rc, e);
    return store_image(b, target, out, e);
}

static void build_free(struct build *b)
{
    for (size_t i = 0; i < b->n_stages; i++) {
        map_done(&b->stages[i].args);
        arena_free(b->stages[i].arena);
    }
    map_done(&b->globals);
    map_done(&b->solve->claims);
    (void)pthread_cond_destroy(&b->solve->changed);
    (void)pthread_mutex_destroy(&b->solve->lock);
    arena_free(b->arena);
}

int build_run(const struct build_opts *o, struct build_result *out, struct err *e)
{
    struct solve all = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
    struct build b = {.solve = &all, .opts = o, .images = o->images};
    b.arena = arena_new(BUILD_ARENA_MAX_BYTES);
    b.stages = ARENA_ARRAY(b.arena, struct stage, STAGES_MAX);
    map_init(&b.globals);
    map_init(&all.claims);
    read_platform(&b);
    read_epoch(&b);
    int rc = run(&b, out, e);
    remove_scratch(&b);
    build_free(&b);
    return rc;
}
