#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <net/if.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/thread.h"
#include "node/net_port.h"

struct loopback {
    struct pod_net net; /* first */
    char *dir;
};

struct job {
    const char *path;
    int rc;
    struct err *e;
};

static int loopback_up(struct err *e)
{
    AUTO_FD int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct ifreq q = {.ifr_name = "lo"};
    if (fd < 0 || ioctl(fd, SIOCGIFFLAGS, &q) < 0)
        return err_sys(e, errno, "find loopback");
    q.ifr_flags = (short)(q.ifr_flags | IFF_UP | IFF_RUNNING);
    if (ioctl(fd, SIOCSIFFLAGS, &q) < 0)
        return err_sys(e, errno, "bring loopback up");
    return 0;
}

static void *make(void *arg)
{
    struct job *j = arg;
    AUTO_FD int fd = open(j->path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || unshare(CLONE_NEWNET) < 0)
        j->rc = err_sys(j->e, errno, "make a network namespace");
    else if ((j->rc = loopback_up(j->e)) == 0 &&
             mount("/proc/thread-self/ns/net", j->path, NULL, MS_BIND, NULL) < 0)
        j->rc = err_sys(j->e, errno, "pin a network namespace on %s", j->path);
    return NULL;
}

static int add(struct pod_net *n, const struct net_want *w, struct arena *a, struct net_pod *out,
               struct err *e)
{
    struct loopback *l = container_of(n, struct loopback, net);
    char *path = arena_printf(a, "%s/%s", l->dir, w->uid);
    *out = (struct net_pod){.netns = path, .ip = "127.0.0.1", .inside_only = true};
    struct statfs st;
    if (statfs(path, &st) == 0 && st.f_type == NSFS_MAGIC)
        return 0;
    struct job j = {.path = path, .e = e};
    pthread_t t;
    int rc = thread_start(&t, "netns", 0, make, &j, e);
    if (rc < 0)
        return rc;
    (void)pthread_join(t, NULL);
    return j.rc;
}

static int del(struct pod_net *n, const char *uid, struct err *e)
{
    struct loopback *l = container_of(n, struct loopback, net);
    AUTO(arena) struct arena *a = arena_new(0);
    const char *path = arena_printf(a, "%s/%s", l->dir, uid);
    (void)umount2(path, MNT_DETACH);
    if (unlink(path) < 0 && errno != ENOENT)
        return err_sys(e, errno, "remove %s", path);
    return 0;
}

static int traffic(struct pod_net *n, const char *uid, struct net_traffic *out, struct err *e)
{
    (void)n;
    (void)uid;
    (void)e;
    *out = (struct net_traffic){0};
    return 0;
}

int pod_net_loopback(const char *dir, struct pod_net **out, struct err *e)
{
    static const struct pod_net_ops ops = {"loopback", add, del, traffic};
    int rc = fs_mkdirs(dir, 0700, e);
    if (rc < 0)
        return rc;
    struct loopback *l = calloc(1, sizeof *l);
    l->net.ops = &ops;
    l->dir = strdup(dir);
    *out = &l->net;
    return 0;
}

void pod_net_loopback_free(struct pod_net *n)
{
    if (!n)
        return;
    struct loopback *l = container_of(n, struct loopback, net);
    free(l->dir);
    free(l);
}
