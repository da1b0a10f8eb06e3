#include "server/down.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

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

bool server_left_running(const char *data_dir)
{
    AUTO(arena) struct arena *a = arena_new(0);
    return runtime_lives(arena_printf(a, "%s/run/runtime", data_dir)) ||
           runtime_lives(arena_printf(a, "%s/build", data_dir));
}

int server_take_down(const char *folder, int forget, size_t *out_containers, struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(0);
    size_t count = 0;
    char data_dir[PATH_MAX];
    AUTO_FD int lock = realpath(folder, data_dir)
                           ? open(arena_printf(a, "%s/lock", data_dir), O_RDWR | O_CLOEXEC)
                           : -1;
    if (lock < 0) {
        (void)err_sys(e, errno, "%s is no data folder of slipway", folder);
        return err_hint(e, "--data-dir names another one");
    }
    if (flock(lock, LOCK_EX | LOCK_NB) < 0)
        return err_set(e, ERR_EXISTS, "a slipway still runs in %s", data_dir);
    struct podnet_opts net = {.state_dir = arena_printf(a, "%s/net", data_dir)};
    int r = remove_containers(arena_printf(a, "%s/run/runtime", data_dir), &count, e);
    if (r == 0)
        r = remove_containers(arena_printf(a, "%s/build", data_dir), &count, e);
    if (r == 0)
        r = podnet_remove_all(&net, e);
    if (r == 0)
        r = fs_unmount_below(data_dir, e); /* secrets and memory volumes of pods */
    if (r == 0 && forget)
        r = fs_remove_tree(data_dir, e);
    if (r == 0)
        *out_containers = count;
    return r;
}
