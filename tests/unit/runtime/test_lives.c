/* A container runs while somebody holds its lock; nobody need have opened the folder. */
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/fs.h"
#include "runtime/runtime.h"
#include "t.h"

static void as_long_as_the_lock_is_held(void)
{
    AUTO(arena) struct arena *a = arena_new(0);
    struct err e = {0};
    char dir[] = "/tmp/slipway-lives-XXXXXX";
    T_OK(mkdtemp(dir) != NULL, "folder");
    T_OK(!runtime_lives(arena_printf(a, "%s/nowhere", dir)), "no folder");
    T_OK(!runtime_lives(dir), "none was started");
    T_RC(fs_mkdirs(arena_printf(a, "%s/containers/one", dir), 0700, &e), &e, "one");
    T_OK(!runtime_lives(dir), "it has no lock yet");
    int fd =
        open(arena_printf(a, "%s/containers/one/lock", dir), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    T_OK(fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0, "its shim");
    T_OK(runtime_lives(dir), "runs");
    (void)close(fd);
    T_OK(!runtime_lives(dir), "ended");
    T_RC(fs_remove_tree(dir, &e), &e, "clean up");
}

T_MAIN(as_long_as_the_lock_is_held)
