#include "base/fs.h"
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

T_MAIN(round_trip)
