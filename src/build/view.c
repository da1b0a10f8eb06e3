#include "build/view.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fs.h"
#include "base/own.h"
#include "base/thread.h"

struct job {
    const struct view_opts *opts;
    int (*fn)(void *arg, const struct view *v, struct err *e);
    void *arg;
    struct err *e;
    int rc;
};

/* overlayfs refuses a folder that stands twice, as empty layers do; what the upper one has hides
 * all of the lower. */
static bool is_covered(const struct view_layers *l, size_t i)
{
    for (size_t k = i + 1; k < l->n; k++) {
        if (strcmp(l->dirs[k], l->dirs[i]) == 0)
            return true;
    }
    return false;
}

/* One option a layer where the kernel can (6.5), else all in one page with short names. */
static int overlay_by_steps(const struct view_layers *l, const char *upper, const char *work,
                            const char *at)
{
    AUTO_FD int fs = fsopen("overlay", FSOPEN_CLOEXEC);
    if (fs < 0)
        return -1;
    for (size_t i = l->n; i > 0; i--) {
        if (!is_covered(l, i - 1) &&
            fsconfig(fs, FSCONFIG_SET_STRING, "lowerdir+", l->dirs[i - 1], 0) < 0)
            return -1;
    }
    if (fsconfig(fs, FSCONFIG_SET_STRING, "upperdir", upper, 0) < 0 ||
        fsconfig(fs, FSCONFIG_SET_STRING, "workdir", work, 0) < 0 ||
        fsconfig(fs, FSCONFIG_SET_FLAG, "volatile", NULL, 0) < 0 ||
        fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
        return -1;
    AUTO_FD int mnt = fsmount(fs, FSMOUNT_CLOEXEC, 0);
    return mnt < 0 ? -1 : move_mount(mnt, "", AT_FDCWD, at, MOVE_MOUNT_F_EMPTY_PATH);
}

static int overlay(const struct view_layers *l, const char *upper, const char *work, const char *at,
                   struct err *e)
{
    AUTO_BUF struct buf text;
    buf_init(&text, 4095);
    if (overlay_by_steps(l, upper, work, at) == 0)
        return 0;
    const char *separator = "lowerdir=";
    for (size_t i = l->n; i > 0; i--) {
        if (is_covered(l, i - 1))
            continue;
        buf_printf(&text, "%s%s", separator, l->dirs[i - 1]);
        separator = ":";
    }
    buf_printf(&text, ",upperdir=%s,workdir=%s,volatile", upper, work);
    int rc = buf_check(&text, e);
    if (rc < 0)
        return err_wrap(e, rc, "stack %zu layers", l->n);
    if (mount("overlay", at, "overlay", 0, buf_text(&text)) < 0)
        return err_sys(e, errno, "mount %zu layers", l->n);
    return 0;
}

/* Mounts one stack on scratch/<name>, with its own upper and work folders. */
static int show(const char *scratch, const char *name, const char *upper,
                const struct view_layers *l, int *out, struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(1 << 20);
    char *at = arena_printf(a, "%s/%s", scratch, name);
    char *up = arena_printf(a, "%s/%s", scratch, upper);
    char *work = arena_printf(a, "%s/%s.work", scratch, name);
    char *empty = arena_printf(a, "%s/empty", scratch);
    const char *const folders[] = {at, up, work, empty};
    for (size_t i = 0; i < ARRAY_LEN(folders); i++) {
        if (mkdir(folders[i], 0755) < 0 && errno != EEXIST)
            return err_sys(e, errno, "create %s", folders[i]);
        (void)chmod(folders[i], 0755);
    }
    const char *const nothing[] = {empty};
    const struct view_layers none = {nothing, 1};
    int rc = overlay(l->n ? l : &none, up, work, at, e);
    if (rc < 0)
        return rc;
    int fd = open(at, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return err_sys(e, errno, "open %s", at);
    *out = fd;
    return 0;
}

static int in_private(struct job *j, struct err *e)
{
    const struct view_opts *o = j->opts;
    AUTO_FD int root = -1;
    AUTO_FD int from = -1;
    if (unshare(CLONE_NEWNS) < 0)
        return err_sys(e, errno, "leave the host's mounts");
    if (fs_private_mounts(e) < 0)
        return (int)e->code;
    int rc = show(o->scratch, "root", "upper", &o->base, &root, e);
    if (rc == 0 && o->from)
        rc = show(o->scratch, "from", "from.upper", o->from, &from, e);
    if (rc < 0)
        return rc;
    (void)umask(022);
    struct view v = {root, from};
    return j->fn(j->arg, &v, e);
}

static void *run(void *arg)
{
    struct job *j = arg;
    j->rc = in_private(j, j->e);
    return NULL;
}

int view_run(const struct view_opts *o, int (*fn)(void *arg, const struct view *v, struct err *e),
             void *arg, struct err *e)
{
    pthread_t thread;
    struct err own = {0};
    struct job j = {.opts = o, .fn = fn, .arg = arg, .e = e ? e : &own};
    int rc = thread_start(&thread, "build-view", 1024, run, &j, e);
    if (rc < 0)
        return rc;
    (void)pthread_join(thread, NULL);
    return j.rc;
}

int view_open(int root, const char *path, int flags)
{
    struct open_how how = {.flags = (uint64_t)(flags | O_CLOEXEC), .resolve = RESOLVE_IN_ROOT};
    while (*path == '/')
        path++;
    return (int)syscall(SYS_openat2, root, *path ? path : ".", &how, sizeof how);
}

int view_open_parent(int root, const char *path, const char **name)
{
    char folder[4096];
    const char *slash = strrchr(path, '/');
    *name = slash ? slash + 1 : path;
    size_t n = slash ? (size_t)(slash - path) : 0;
    if (n >= sizeof folder) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(folder, path, n);
    folder[n] = '\0';
    return view_open(root, folder, O_RDONLY | O_DIRECTORY);
}

bool view_read(int root, const char *path, size_t max, struct arena *a, char **out, size_t *n)
{
    AUTO_FD int fd = view_open(root, path, O_RDONLY | O_NONBLOCK);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || (size_t)st.st_size > max)
        return false;
    char *text = arena_alloc(a, (size_t)st.st_size + 1);
    size_t got = 0;
    for (ssize_t k; got < (size_t)st.st_size; got += (size_t)k) {
        k = read(fd, text + got, (size_t)st.st_size - got);
        if (k <= 0)
            break;
    }
    *out = text;
    *n = got;
    return true;
}
