#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fs.h"
#include "runtime/runtime_int.h"

static void view_close(struct rootfs_view *v)
{
    const int fds[] = {v->mounts, v->root, v->cwd};
    for (size_t i = 0; i < ARRAY_LEN(fds); i++)
        if (fds[i] >= 0)
            (void)close(fds[i]);
    *v = (struct rootfs_view){-1, -1, -1};
}

void rootfs__remember_view(struct rootfs_view *v)
{
    v->mounts = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
    v->root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    v->cwd = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
}

int rootfs__private_mounts(struct err *e)
{
    if (unshare(CLONE_NEWNS) < 0)
        return err_sys(e, errno, "leave the host's mounts");
    if (fs_private_mounts(e) < 0)
        return (int)e->code;
    if (cgroup__is_hybrid() && umount2("/sys/fs/cgroup/unified", MNT_DETACH) < 0)
        return err_sys(e, errno, "hide the unified cgroup mount");
    return 0;
}

static int configure(int fs, const char *key, const char *value)
{
    return fsconfig(fs, FSCONFIG_SET_STRING, key, value, 0);
}

/* overlayfs refuses a folder that stands twice, as empty layers do; what the upper one has hides
 * all of the lower. */
static bool is_covered(const char *const *layers, size_t n, size_t i)
{
    for (size_t k = i + 1; k < n; k++)
        if (strcmp(layers[k], layers[i]) == 0)
            return true;
    return false;
}

/* One option a layer: no limit on the number of layers or the length of their paths, but only
 * since Linux 6.5. */
static int mount_by_steps(const char *const *layers, size_t n)
{
    AUTO_FD int fs = fsopen("overlay", FSOPEN_CLOEXEC);
    if (fs < 0)
        return -1;
    for (size_t i = n; i > 0; i--)
        if (!is_covered(layers, n, i - 1) && configure(fs, "lowerdir+", layers[i - 1]) < 0)
            return -1;
    if (configure(fs, "upperdir", "upper") < 0 || configure(fs, "workdir", "work") < 0 ||
        fsconfig(fs, FSCONFIG_SET_FLAG, "volatile", NULL, 0) < 0 ||
        fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
        return -1;
    AUTO_FD int mnt = fsmount(fs, FSMOUNT_CLOEXEC, 0);
    return mnt < 0 ? -1 : move_mount(mnt, "", AT_FDCWD, "rootfs", MOVE_MOUNT_F_EMPTY_PATH);
}

/* The classic way: all options in one page. */
static int mount_at_once(const char *const *layers, size_t n, struct err *e)
{
    AUTO_BUF struct buf b;
    buf_init(&b, (size_t)sysconf(_SC_PAGESIZE) - 1);
    const char *separator = "lowerdir=";
    for (size_t i = n; i > 0; i--) {
        if (is_covered(layers, n, i - 1))
            continue;
        buf_printf(&b, "%s%s", separator, layers[i - 1]);
        separator = ":";
    }
    buf_puts(&b, ",upperdir=upper,workdir=work,volatile");
    int r = buf_check(&b, e);
    if (r < 0)
        return err_wrap(e, r, "this kernel can't stack %zu layers with such long paths", n);
    if (mount("overlay", "rootfs", "overlay", 0, buf_text(&b)) < 0)
        return err_sys(e, errno, "mount %zu layers", n);
    return 0;
}

int rootfs__mount(const char *const *layers, size_t n, struct err *e)
{
    if (n == 0)
        return err_set(e, ERR_INVALID, "a container needs at least one layer");
    if (mount_by_steps(layers, n) == 0)
        return 0;
    return mount_at_once(layers, n, e);
}

int rootfs__leave_mounts(struct rootfs_view *before, struct err *e)
{
    /* entering a mount namespace leads to its own root, out of a chroot */
    bool back = setns(before->mounts, CLONE_NEWNS) == 0 && fchdir(before->root) == 0 &&
                chroot(".") == 0 && fchdir(before->cwd) == 0;
    int r = back ? 0 : err_sys(e, errno, "return to the host's mounts");
    view_close(before);
    return r;
}
