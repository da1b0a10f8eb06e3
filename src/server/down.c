#include "server/down.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>

#include "base/arena.h"
#include "base/fs.h"
#include "podnet/podnet.h"
#include "runtime/runtime.h"

static void nothing(void *arg, const char *id, const struct container_end *end)
{
    (void)arg;
    (void)id;
    (void)end;
}

static int remove_containers(const char *dir, size_t *count, struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(0);
    AUTO(runtime) struct runtime *r = NULL;
    struct runtime_opts o = {.dir = dir, .on_end = nothing};
    struct container_info *all;
    size_t n;
    if (access(dir, F_OK) < 0)
        return 0;
    int rc = runtime_open(&o, &r, e);
    if (rc < 0)
        return rc;
    rc = runtime_watch(r, e); /* the end of a container is seen, not guessed */
    runtime_list(r, a, &all, &n);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        rc = runtime_remove(r, all[i].id, e);
        *count += all[i].running;
    }
    return rc;
}

/* Secrets and memory volumes of pods are mounts of their own. Innermost first: the table is read to
 * its end, then undone backwards. */
static int unmount_below(const char *dir, struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(0);
    char line[4096], at[2048];
    const char *found[4096];
    size_t n = 0, len = strlen(dir);
    FILE *f = fopen("/proc/self/mounts", "re");
    if (!f)
        return err_sys(e, errno, "read /proc/self/mounts");
    while (fgets(line, sizeof line, f) && n < ARRAY_LEN(found))
        if (sscanf(line, "%*s %2047s", at) == 1 && strncmp(at, dir, len) == 0 && at[len] == '/')
            found[n++] = arena_strdup(a, at);
    (void)fclose(f);
    while (n > 0)
        if (umount2(found[--n], MNT_DETACH) < 0)
            return err_sys(e, errno, "unmount %s", found[n]);
    return 0;
}

int server_take_down(const char *data_dir, int forget, size_t *out_containers, struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(0);
    size_t count = 0;
    AUTO_FD int lock = open(arena_printf(a, "%s/lock", data_dir), O_RDWR | O_CLOEXEC);
    if (lock < 0)
        return err_sys(e, errno, "there is no data folder %s", data_dir);
    if (flock(lock, LOCK_EX | LOCK_NB) < 0)
        return err_set(e, ERR_EXISTS, "a slipway still runs in %s", data_dir);
    struct podnet_opts net = {.state_dir = arena_printf(a, "%s/net", data_dir)};
    int r = remove_containers(arena_printf(a, "%s/run/runtime", data_dir), &count, e);
    if (r == 0)
        r = remove_containers(arena_printf(a, "%s/build", data_dir), &count, e);
    if (r == 0)
        r = podnet_remove_all(&net, e);
    if (r == 0)
        r = unmount_below(data_dir, e);
    if (r == 0 && forget)
        r = fs_remove_tree(data_dir, e);
    if (r == 0)
        *out_containers = count;
    return r;
}
