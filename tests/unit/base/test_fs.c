#include "base/fs.h"

#include <limits.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "t.h"

static void round_trip(void)
{
    AUTO(arena) struct arena *a = arena_new(0);
    struct err e;
    char dir[] = "/tmp/slipway-fs-XXXXXX";
    T_OK(mkdtemp(dir), "mkdtemp");
    char *deep = arena_printf(a, "%s/a/b/c", dir), *file = arena_printf(a, "%s/f", deep), *text;
    size_t n;
    T_RC(fs_mkdirs(deep, 0755, &e), &e, "folders");
    T_RC(fs_mkdirs(deep, 0755, &e), &e, "folders that are there");
    T_RC(fs_write_atomic(file, 0600, "hello", 5, &e), &e, "write");
    T_RC(fs_read(file, 5, a, &text, &n, &e), &e, "read what just fits");
    T_EQ_STR(text, "hello", "text");
    T_EQ_INT(fs_read(file, 4, a, &text, &n, &e), ERR_TOO_LARGE, "too large");
    T_EQ_INT(fs_read(dir, 4, a, &text, &n, &e) < 0, 1, "a folder is no file");
    T_RC(fs_remove_tree(dir, &e), &e, "remove");
    T_RC(fs_remove_tree(dir, &e), &e, "remove what is gone");
}

static void several_at_once(void)
{
    AUTO(arena) struct arena *a = arena_new(0);
    struct err e;
    char dir[] = "/tmp/slipway-fs-XXXXXX", *text;
    T_OK(mkdtemp(dir), "mkdtemp");
    const struct fs_file files[] = {
        {arena_printf(a, "%s/key",       dir), 0600, "secret", 6},
        {arena_printf(a, "%s/crt",       dir), 0644, "public", 6},
        {arena_printf(a, "%s/no/folder", dir), 0644, "",       0},
    };
    T_EQ_INT(fs_write_all(files, 3, &e) < 0, 1, "all or, before any name changes, none");
    T_EQ_INT(access(files[0].path, F_OK), -1, "none");
    T_RC(fs_write_all(files, 2, &e), &e, "both");
    T_RC(fs_write_all(files, 0, &e), &e, "nothing to do");
    for (size_t i = 0; i < 2; i++) {
        struct stat st;
        T_RC(fs_read(files[i].path, 100, a, &text, NULL, &e), &e, files[i].path);
        T_EQ_STR(text, files[i].bytes, files[i].path);
        T_OK(stat(files[i].path, &st) == 0 && (st.st_mode & 0777) == files[i].mode, "mode");
    }
    struct stat st;
    T_OK(stat(dir, &st) == 0, "folder");
    T_RC(fs_remove_tree(dir, &e), &e, "remove");
}

/* In mounts of its own; without the right to have them there is nothing to see. */
static void unmounts(void)
{
    static const char *const below[] = {"a", "a/b", "with a space", "x"};
    char dir[] = "/tmp/slipway-fs-XXXXXX", path[PATH_MAX], way[PATH_MAX];
    struct err e = {0};
    struct stat there, on;
    if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
        return;
    T_OK(mkdtemp(dir) != NULL, "mkdtemp");
    for (size_t i = 0; i < ARRAY_LEN(below); i++) {
        (void)snprintf(path, sizeof path, "%s/in/%s", dir, below[i]);
        T_RC(fs_mkdirs(path, 0700, &e), &e, below[i]);
        for (int twice = 0; twice < 2; twice++)
            T_EQ_INT(mount("tmpfs", path, "tmpfs", 0, NULL), 0, below[i]);
    }
    (void)snprintf(path, sizeof path, "%s/inside", dir);
    T_RC(fs_mkdirs(path, 0700, &e), &e, path);
    T_EQ_INT(mount("tmpfs", path, "tmpfs", 0, NULL), 0, path);
    (void)snprintf(way, sizeof way, "%s/way", dir);
    T_EQ_INT(symlink("in", way), 0, way);
    (void)snprintf(way, sizeof way, "%s/./way/", dir);
    T_RC(fs_unmount_below(way, &e), &e, way);
    (void)snprintf(way, sizeof way, "%s/in", dir);
    T_RC(fs_remove_tree(way, &e), &e, way);
    T_EQ_INT(stat(dir, &there), 0, dir);
    T_EQ_INT(stat(path, &on), 0, path);
    T_OK(there.st_dev != on.st_dev, "a folder whose name begins the same way keeps its mount");
    T_RC(fs_unmount_below(dir, &e), &e, dir);
    T_RC(fs_remove_tree(dir, &e), &e, dir);
    T_RC(fs_unmount_below(dir, &e), &e, "what is not there");
}

T_MAIN(round_trip, several_at_once, unmounts)
