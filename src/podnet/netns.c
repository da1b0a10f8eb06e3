#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>

#include "base/thread.h"
#include "podnet/podnet_int.h"

struct pin {
    const char *path;
    int sys;
};

/* In a thread of its own, so that the process stays where it is. */
static void *pin_new(void *arg)
{
    struct pin *p = arg;
    char self[64];
    if (unshare(CLONE_NEWNET) < 0) {
        p->sys = errno;
        return NULL;
    }
    (void)snprintf(self, sizeof self, "/proc/self/task/%ld/ns/net", syscall(SYS_gettid));
    if (mount(self, p->path, NULL, MS_BIND, NULL) < 0)
        p->sys = errno;
    return NULL;
}

static bool is_pinned(const char *path)
{
    struct statfs fs;
    return statfs(path, &fs) == 0 && fs.f_type == NSFS_MAGIC;
}

int netns_make(const char *path, struct err *e)
{
    if (is_pinned(path))
        return 0;
    AUTO_FD int fd = open(path, O_RDONLY | O_CREAT | O_CLOEXEC, 0400);
    if (fd < 0)
        return err_sys(e, errno, "create %s", path);
    struct pin p = {.path = path};
    pthread_t t;
    int rc = thread_start(&t, "netns", 0, pin_new, &p, e);
    if (rc < 0)
        return rc;
    (void)pthread_join(t, NULL);
    return p.sys ? err_sys(e, p.sys, "make network namespace %s", path) : 0;
}

int netns_delete(const char *path, struct err *e)
{
    if (umount2(path, MNT_DETACH) < 0 && errno != EINVAL && errno != ENOENT)
        return err_sys(e, errno, "unpin %s", path);
    if (unlink(path) < 0 && errno != ENOENT)
        return err_sys(e, errno, "remove %s", path);
    return 0;
}
