#include "cli/pack.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/own.h"
#include "codec/tar.h"

enum { DEPTH_MAX = 200 };

struct packing {
    struct tar_writer *tar;
    char path[4096]; /* within the context */
    int depth;
};

static int pack_dir(struct packing *p, int dir, struct err *e);

static int pack_file(struct packing *p, int dir, const char *name, struct tar_entry *t,
                     struct err *e)
{
    AUTO_FD int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return err_sys(e, errno, "open %s", p->path);
    int r = tar_writer_entry(p->tar, t, e);
    char chunk[65536];
    for (uint64_t left = t->size; left > 0 && r == 0;) {
        ssize_t n = read(fd, chunk, left < sizeof chunk ? left : sizeof chunk);
        if (n <= 0)
            return err_sys(e, n < 0 ? errno : EIO, "read %s (it may have changed)", p->path);
        r = tar_writer_data(p->tar, chunk, (size_t)n, e);
        left -= (uint64_t)n;
    }
    return r;
}

static int pack_entry(struct packing *p, int dir, const char *name, struct err *e)
{
    struct stat st;
    char link[4096];
    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return err_sys(e, errno, "look at %s", p->path);
    struct tar_entry t = {.path = p->path, .mode = st.st_mode & 07777, .mtime = st.st_mtim.tv_sec};
    if (S_ISREG(st.st_mode)) {
        t.size = (uint64_t)st.st_size;
        return pack_file(p, dir, name, &t, e);
    }
    if (S_ISLNK(st.st_mode)) {
        ssize_t n = readlinkat(dir, name, link, sizeof link - 1);
        if (n < 0)
            return err_sys(e, errno, "read the link %s", p->path);
        link[n] = '\0';
        t.type = TAR_SYMLINK;
        t.link = link;
        return tar_writer_entry(p->tar, &t, e);
    }
    if (!S_ISDIR(st.st_mode))
        return 0; /* sockets and devices are no part of a build */
    t.type = TAR_DIR;
    int r = tar_writer_entry(p->tar, &t, e);
    if (r < 0)
        return r;
    AUTO_FD int sub = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return sub < 0 ? err_sys(e, errno, "open %s", p->path) : pack_dir(p, sub, e);
}

static int compare_names(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int pack_dir(struct packing *p, int dir, struct err *e)
{
    struct dirent **names;
    size_t base = strlen(p->path);
    if (p->depth++ > DEPTH_MAX)
        return err_set(e, ERR_TOO_LARGE, "%s: folders are nested too deeply", p->path);
    int n = scandirat(dir, ".", &names, NULL, compare_names), r = 0;
    if (n < 0)
        return err_sys(e, errno, "list %s", base ? p->path : ".");
    for (int i = 0; i < n; i++) {
        const char *name = names[i]->d_name;
        if (r == 0 && strcmp(name, ".") != 0 && strcmp(name, "..") != 0) {
            (void)snprintf(p->path + base, sizeof p->path - base, "%s%s", base ? "/" : "", name);
            r = pack_entry(p, dir, name, e);
            p->path[base] = '\0';
        }
        free(names[i]);
    }
    free(names);
    p->depth--;
    return r;
}

int pack_folder(const char *dir, int *out, struct err *e)
{
    AUTO_FD int from = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (from < 0)
        return err_sys(e, errno, "open the context %s", dir);
    AUTO_FD int fd = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0)
        fd = memfd_create("context", MFD_CLOEXEC);
    if (fd < 0)
        return err_sys(e, errno, "make a temporary file");
    struct sink_fd to = sink_to_fd(fd);
    struct packing p = {.tar = tar_writer_new(&to.sink, NULL)};
    int r = pack_dir(&p, from, e);
    if (r == 0)
        r = tar_writer_end(p.tar, e);
    tar_writer_free(p.tar);
    if (r == 0)
        *out = take_fd(&fd);
    return r;
}
