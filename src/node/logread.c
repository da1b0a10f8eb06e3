#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "node/logread.h"

enum { BLOCK = 64 * 1024, LINE_MAX_BYTES = 64 * 1024, QUIET_MS = 1000 };

struct reader {
    const struct pod_log_opts *o;
    int (*write)(void *arg, const void *bytes, size_t n, struct err *e);
    void *arg;
    struct err *e;
    struct buf in;  /* bytes read that are no whole line yet */
    struct buf out; /* what is to be written next */
    int64_t left;   /* of limit_bytes; < 0: no limit */
    bool partial;   /* the line before had no end */
    bool full;      /* the limit is reached */
};

/* ---- lines ---- */

/* "TIME STREAM TAG TEXT" without its newline. */
static void take_line(struct reader *r, const char *line, size_t n)
{
    const char *end = line + n;
    const char *stream = memchr(line, ' ', n);
    const char *tag = stream ? memchr(stream + 1, ' ', (size_t)(end - stream - 1)) : NULL;
    if (!tag || end - tag < 3)
        return;
    bool whole = tag[1] == 'F';
    if (r->o->since_ns > 0) {
        char stamp[CLOCK_TEXT_MAX];
        int64_t ns;
        (void)snprintf(stamp, sizeof stamp, "%.*s", (int)(stream - line), line);
        if (clock_parse_rfc3339(stamp, &ns, NULL) == 0 && ns < r->o->since_ns)
            return;
    }
    if (r->o->timestamps && !r->partial)
        buf_add(&r->out, line, (size_t)(stream + 1 - line));
    buf_add(&r->out, tag + 3, (size_t)(end - tag - 3));
    if (whole)
        buf_putc(&r->out, '\n');
    r->partial = !whole;
}

static int put(struct reader *r)
{
    size_t n = r->out.len;
    if (r->left >= 0 && (int64_t)n >= r->left) {
        n = (size_t)r->left;
        r->full = true;
    }
    int rc = n ? r->write(r->arg, buf_text(&r->out), n, r->e) : 0;
    if (r->left >= 0)
        r->left -= (int64_t)n;
    buf_clear(&r->out);
    return rc;
}

static int take_lines(struct reader *r)
{
    size_t done = 0;
    const char *text = buf_text(&r->in), *nl;
    while ((nl = memchr(text + done, '\n', r->in.len - done))) {
        take_line(r, text + done, (size_t)(nl - text) - done);
        done = (size_t)(nl - text) + 1;
    }
    if (done) {
        memmove(r->in.data, r->in.data + done, r->in.len - done);
        buf_cut(&r->in, r->in.len - done);
    }
    return put(r);
}

/* Everything that is in the file from where it stands; < 0 when the reader has gone. */
static int drain(struct reader *r, int fd)
{
    while (!r->full) {
        char *p = buf_reserve(&r->in, BLOCK);
        if (!p) { /* no line is that long: not one of ours */
            buf_clear(&r->in);
            r->in.overflow = false;
            continue;
        }
        ssize_t n = read(fd, p, BLOCK);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return 0;
        r->in.len += (size_t)n;
        int rc = take_lines(r);
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* Where the last `lines` lines begin. */
static off_t tail_start(int fd, int64_t lines)
{
    char block[BLOCK];
    struct stat st;
    if (fstat(fd, &st) < 0)
        return 0;
    if (lines == 0)
        return st.st_size;
    int64_t seen = 0;
    for (off_t at = st.st_size; at > 0;) {
        size_t n = at < BLOCK ? (size_t)at : BLOCK;
        at -= (off_t)n;
        if (pread(fd, block, n, at) != (ssize_t)n)
            return 0;
        for (size_t i = n; i > 0; i--)
            if (block[i - 1] == '\n' && at + (off_t)i < st.st_size && ++seen == lines)
                return at + (off_t)i;
    }
    return 0;
}

/* ---- following ---- */

static bool replaced(int fd, const char *path)
{
    struct stat here, there;
    return fstat(fd, &here) == 0 && stat(path, &there) == 0 && here.st_ino != there.st_ino;
}

static int follow(struct reader *r, int *fd, const char *path, bool (*runs)(void *arg), void *arg)
{
    AUTO_FD int watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (watch < 0 || inotify_add_watch(watch, path, IN_MODIFY | IN_MOVE_SELF) < 0)
        return err_sys(r->e, errno, "watch %s", path);
    for (;;) {
        bool last = !runs(arg); /* asked before reading: what it wrote last is read still */
        int rc = drain(r, *fd);
        if (rc < 0 || r->full)
            return rc;
        if (replaced(*fd, path)) {
            int fresh = open(path, O_RDONLY | O_CLOEXEC);
            if (fresh >= 0) {
                (void)close(*fd);
                *fd = fresh;
                (void)inotify_add_watch(watch, path, IN_MODIFY | IN_MOVE_SELF);
                continue;
            }
        }
        if (last)
            return 0;
        struct pollfd p = {.fd = watch, .events = POLLIN};
        if (poll(&p, 1, QUIET_MS) > 0) {
            char room[4096];
            (void)!read(watch, room, sizeof room);
        } else if ((rc = r->write(r->arg, "", 0, r->e)) < 0) {
            return rc;
        }
    }
}

/* ---- the whole ---- */

static int read_old(struct reader *r, const char *path)
{
    AUTO(arena) struct arena *a = arena_new(0);
    AUTO_FD int fd = open(arena_printf(a, "%s.1", path), O_RDONLY | O_CLOEXEC);
    return fd < 0 ? 0 : drain(r, fd);
}

int log_read(const char *path, const struct pod_log_opts *o, const struct log_reader *to,
             struct err *e)
{
    AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_sys(e, errno, "open log %s", path);
    struct reader r = {.o = o, .write = to->write, .arg = to->arg, .e = e, .left = o->limit_bytes};
    buf_init(&r.in, BLOCK + LINE_MAX_BYTES);
    buf_init(&r.out, 2 * (BLOCK + LINE_MAX_BYTES));
    int rc = 0;
    if (o->tail_lines >= 0)
        (void)lseek(fd, tail_start(fd, o->tail_lines), SEEK_SET);
    else
        rc = read_old(&r, path);
    if (rc == 0)
        rc = o->follow ? follow(&r, &fd, path, to->runs, to->arg) : drain(&r, fd);
    buf_done(&r.in);
    buf_done(&r.out);
    return rc;
}

/* ---- tails, for termination messages ---- */

static int keep(void *arg, const void *bytes, size_t n, struct err *e)
{
    (void)e;
    buf_add(arg, bytes, n);
    return 0;
}

char *log__tail(struct node *n, const char *uid, const char *container, int attempt, int lines,
                size_t max, struct arena *a)
{
    AUTO_BUF struct buf b;
    buf_init(&b, 4 << 20);
    struct pod_log_opts o = {.container = container, .tail_lines = lines, .limit_bytes = -1};
    struct log_reader to = {.write = keep, .arg = &b};
    struct err e;
    if (log_read(place__log(n, a, uid, container, attempt), &o, &to, &e) < 0)
        return NULL;
    size_t from = b.len > max ? b.len - max : 0;
    return arena_strdup(a, buf_text(&b) + from);
}

int log_newest(const char *folder)
{
    DIR *d = opendir(folder);
    int newest = -1;
    if (!d)
        return -1;
    for (const struct dirent *ent; (ent = readdir(d));) {
        char *end;
        long v = strtol(ent->d_name, &end, 10);
        if (end != ent->d_name && strcmp(end, ".log") == 0 && v > newest)
            newest = (int)v;
    }
    (void)closedir(d);
    return newest;
}
