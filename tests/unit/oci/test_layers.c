#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "base/fs.h"
#include "codec/tar.h"
#include "oci/images.h"
#include "oci/store_int.h"
#include "t.h"

static char folder[64];
static struct image_store *store;

static const char *at(const char *path)
{
    static char text[4][PATH_MAX];
    static unsigned turn;
    char *out = text[turn++ % 4];
    (void)snprintf(out, PATH_MAX, "%s/%s", folder, path);
    return out;
}

static void fresh(void)
{
    struct err e = {0};
    (void)snprintf(folder, sizeof folder, "/tmp/slipway-oci-XXXXXX");
    T_OK(mkdtemp(folder) != NULL, "mkdtemp");
    struct image_store_opts o = {.folder = folder};
    T_RC(image_store_open(&o, &store, &e), &e, "open");
}

static void finish(void)
{
    struct err e = {0};
    image_store_free(store);
    T_RC(fs_remove_tree(folder, &e), &e, "remove");
}

static void put_file(const char *path, const char *text, mode_t mode)
{
    struct err e = {0};
    T_RC(fs_write_atomic(at(path), mode, text, strlen(text), &e), &e, path);
}

/* An upper directory becomes a layer; unpacked again it is an upper directory. */
static void packs_and_unpacks(void)
{
    struct err e = {0};
    struct image_layer one = {0}, two = {0};
    struct stat st;
    char text[16];
    AUTO(arena) struct arena *a = arena_new(1 << 20);
    fresh();
    T_EQ_INT(mkdir(at("up"), 0755), 0, "mkdir");
    T_EQ_INT(mkdir(at("up/dir"), 0750), 0, "mkdir");
    put_file("up/dir/file", "hello", 0640);
    T_EQ_INT(chown(at("up/dir/file"), 12, 34), 0, "chown");
    T_EQ_INT(chmod(at("up/dir/file"), 04755), 0, "chmod");
    T_EQ_INT(link(at("up/dir/file"), at("up/hard")), 0, "link");
    T_EQ_INT(symlink("../../../etc/passwd", at("up/soft")), 0, "symlink");
    T_EQ_INT(mknod(at("up/gone"), S_IFCHR, makedev(0, 0)), 0, "whiteout");
    T_EQ_INT(setxattr(at("up/dir"), "trusted.overlay.opaque", "y", 1, 0), 0, "opaque");
    const struct image_layer_opts o = {.epoch = 1000, .whiteouts = true};
    T_RC(image_layer_pack(store, at("up"), &o, &one, &e), &e, "pack");
    const char *fs = arena_printf(a, "%s/fs", layer__folder(store, one.diff_id, a));
    T_EQ_INT(lstat(arena_printf(a, "%s/dir/file", fs), &st), 0, "file");
    T_EQ_INT(st.st_mode & 07777, 04755, "mode");
    T_EQ_INT(st.st_uid * 100 + st.st_gid, 1234, "owner");
    T_EQ_INT(st.st_mtim.tv_sec, 1000, "time");
    T_EQ_INT(st.st_nlink, 2, "hard link");
    T_EQ_INT(lstat(arena_printf(a, "%s/gone", fs), &st), 0, "whiteout");
    T_OK(S_ISCHR(st.st_mode) && st.st_rdev == 0, "whiteout");
    T_EQ_INT(getxattr(arena_printf(a, "%s/dir", fs), "trusted.overlay.opaque", text, 16), 1,
             "opaque");
    T_EQ_INT(lstat(arena_printf(a, "%s/dir", fs), &st), 0, "dir");
    T_EQ_INT(st.st_mtim.tv_sec, 1000, "time of a folder");
    const struct image_layer_opts adopt = {.epoch = 1000, .whiteouts = true, .adopt = true};
    T_RC(fs_remove_tree(layer__folder(store, one.diff_id, a), &e), &e, "remove");
    T_RC(image_layer_pack(store, at("up"), &adopt, &two, &e), &e, "pack again");
    T_EQ_STR(two.digest, one.digest, "the same bytes");
    T_EQ_INT(access(at("up"), F_OK), -1, "adopted");
    T_OK(layer__ready(store, one.diff_id), "ready");
    finish();
}

static int extract(const struct tar_entry *list, size_t n, const char *into,
                   const struct lowers *below, struct err *e)
{
    AUTO_BUF struct buf tar;
    buf_init(&tar, 1 << 20);
    struct sink_buf out = sink_to_buf(&tar);
    AUTO(tar_writer) struct tar_writer *w = tar_writer_new(&out.sink, NULL);
    for (size_t i = 0; i < n; i++) {
        int rc = tar_writer_entry(w, &list[i], e);
        if (rc == 0 && list[i].size)
            rc = tar_writer_data(w, "data", 4, e);
        if (rc < 0)
            return rc;
    }
    if (tar_writer_end(w, e) < 0)
        return -1;
    struct source_mem from = source_from_mem(tar.data, tar.len);
    AUTO_FD int fd = open(into, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return layer__extract(&from.source, fd, below, e);
}

/* Whatever an archive says, nothing outside the folder is touched. */
static void stays_inside(void)
{
    struct err e = {0};
    fresh();
    put_file("victim", "before", 0644);
    static const char *const paths[] = {
        "../victim",   "/../victim",      "a/../../victim",
        "link/victim", "up/link2/victim", "./../victim",
    };
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        T_EQ_INT(mkdir(at("root"), 0755), 0, "mkdir");
        const struct tar_entry list[] = {
            {.type = TAR_SYMLINK, .path = "link", .link = "..", .mode = 0777},
            {.type = TAR_DIR,     .path = "up",   .mode = 0755},
            {.type = TAR_SYMLINK, .path = "up/link2", .link = folder, .mode = 0777            },
            {.type = TAR_FILE,   .path = paths[i],      .size = 4, .mode = 0644},
        };
        (void)extract(list, 4, at("root"), NULL, &e);
        AUTO(arena) struct arena *a = arena_new(1 << 20);
        char *text;
        size_t n;
        T_RC(fs_read(at("victim"), 100, a, &text, &n, &e), &e, paths[i]);
        T_EQ_STR(text, "before", paths[i]);
        T_RC(fs_remove_tree(at("root"), &e), &e, "remove");
    }
    T_EQ_INT(mkdir(at("root"), 0755), 0, "mkdir");
    const struct tar_entry hard[] = {
        {.type = TAR_HARDLINK, .path = "h", .link = "../victim"},
    };
    T_OK(extract(hard, 1, at("root"), NULL, &e) < 0, "hard link out");
    const struct tar_entry white[] = {
        {.type = TAR_FILE, .path = ".wh..."}
    };
    T_EQ_INT(extract(white, 1, at("root"), NULL, &e), ERR_INVALID, "whiteout of ..");
    const struct tar_entry dots[] = {
        {.type = TAR_FILE, .path = ".wh..", .mode = 0644}
    };
    T_EQ_INT(extract(dots, 1, at("root"), NULL, &e), ERR_INVALID, "whiteout of .");
    const struct tar_entry xattr[] = {
        {.type = TAR_DIR,
         .path = "d",
         .mode = 0755,
         .xattrs = &(struct tar_xattr){"trusted.overlay.opaque", "y", 1},
         .n_xattrs = 1},
    };
    T_RC(extract(xattr, 1, at("root"), NULL, &e), &e, "overlay attribute");
    char text[4];
    T_EQ_INT(getxattr(at("root/d"), "trusted.overlay.opaque", text, sizeof text), -1, "is dropped");
    finish();
}

static void later_entries_win(void)
{
    struct err e = {0};
    struct stat st;
    fresh();
    T_EQ_INT(mkdir(at("root"), 0755), 0, "mkdir");
    const struct tar_entry list[] = {
        {.type = TAR_DIR,      .path = "x",         .mode = 0755   },
        {.type = TAR_FILE,     .path = "x/y",       .size = 4,       .mode = 0644},
        {.type = TAR_FILE,                    .path = "x",                        .size = 4,         .mode = 0600},
        {.type = TAR_FILE,        .path = "z",                           .size = 4,                   .mode = 0600},
        {.type = TAR_DIR,           .path = "z",.mode = 0711},
        {.type = TAR_DIR,.path = "z",               .mode = 0700                                         },
        {.type = TAR_FILE,           .path = "new/sub/f",    .size = 4,.mode = 0600},
        {.type = TAR_FIFO,.path = "pipe",.mode = 0622                       },
    };
    T_RC(extract(list, 8, at("root"), NULL, &e), &e, "extract");
    T_OK(stat(at("root/x"), &st) == 0 && S_ISREG(st.st_mode), "file over folder");
    T_OK(stat(at("root/z"), &st) == 0 && S_ISDIR(st.st_mode), "folder over file");
    T_EQ_INT(st.st_mode & 0777, 0700, "last mode");
    T_OK(stat(at("root/new/sub/f"), &st) == 0 && st.st_size == 4, "parents are made");
    T_OK(stat(at("root/pipe"), &st) == 0 && S_ISFIFO(st.st_mode), "fifo");
    T_EQ_INT(st.st_mode & 0777, 0622, "fifo's mode");
    finish();
}

/* Folders that an archive leaves out are made as the layers below have them. */
static void inherits_from_below(void)
{
    struct err e = {0};
    struct stat st;
    char text[64] = "";
    fresh();
    T_EQ_INT(mkdir(at("base"), 0755), 0, "mkdir");
    T_EQ_INT(mkdir(at("root"), 0755), 0, "mkdir");
    const struct tar_entry base[] = {
        {.type = TAR_DIR, .path = "tmp", .mode = 01777,      .uid = 3,                                       .gid = 4, .mtime = 99},
        {.type = TAR_DIR,    .path = "usr/lib",                 .mode = 0711                    },
        {.type = TAR_SYMLINK,               .path = "lib",          .link = "usr/lib",.mode = 0777                                              },
        {.type = TAR_SYMLINK,               .path = "out",          .link = "../../../../tmp", .mode = 0777},
    };
    const struct tar_entry list[] = {
        {.type = TAR_FILE, .path = "tmp/x",      .size = 4, .mode = 0644},
        {.type = TAR_FILE, .path = "lib/deep/y", .size = 4, .mode = 0644},
        {.type = TAR_FILE, .path = "out/z",      .size = 4, .mode = 0644},
        {.type = TAR_FILE, .path = "new/f",      .size = 4, .mode = 0644},
    };
    const char *const dirs[] = {at("base")};
    const struct lowers below = {dirs, 1};
    T_RC(extract(base, 4, at("base"), NULL, &e), &e, "base");
    T_RC(extract(list, 4, at("root"), &below, &e), &e, "layer");
    T_EQ_INT(stat(at("root/tmp"), &st), 0, "tmp");
    T_EQ_INT(st.st_mode & 07777, 01777, "mode");
    T_EQ_INT(st.st_uid * 10 + st.st_gid, 34, "owner");
    T_EQ_INT(readlink(at("root/lib"), text, sizeof text), 7, "the link is here, too");
    T_EQ_INT(lstat(at("root/usr/lib/deep/y"), &st), 0, "and what it names");
    T_EQ_INT(stat(at("root/usr/lib"), &st), 0, "usr/lib");
    T_EQ_INT(st.st_mode & 07777, 0711, "mode of what the link names");
    T_EQ_INT(lstat(at("root/tmp/z"), &st), 0, "links stay inside");
    T_EQ_INT(stat(at("root/new"), &st), 0, "new");
    T_EQ_INT(st.st_mode & 07777, 0755, "mode of a new one");
    finish();
}

T_MAIN(packs_and_unpacks, stays_inside, later_entries_win, inherits_from_below)
