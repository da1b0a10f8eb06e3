#include "entrypoint/copy.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static void write_all(int fd, const char *bytes, ssize_t n)
{
    for (ssize_t done = 0; done < n;) {
        ssize_t w = write(fd, bytes + done, (size_t)(n - done));
        if (w < 0 && errno != EINTR)
            return;
        done += w > 0 ? w : 0;
    }
}

static void *run(void *arg)
{
    struct copy *c = arg;
    char bytes[16384];
    for (ssize_t n; (n = read(c->from, bytes, sizeof bytes)) != 0;) {
        if (n < 0 && errno != EINTR)
            break;
        write_all(c->into, bytes, n);
        write_all(c->file, bytes, n);
    }
    return NULL;
}

int copy_begin(struct copy *c, int into, const char *path)
{
    int ends[2];
    c->into = into;
    c->file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (c->file < 0 || pipe2(ends, O_CLOEXEC) < 0)
        return errno;
    c->from = ends[0];
    c->give = ends[1];
    return pthread_create(&c->thread, NULL, run, c);
}

void copy_given(struct copy *c)
{
    (void)close(c->give);
}

void copy_end(struct copy *c)
{
    (void)pthread_join(c->thread, NULL);
    (void)close(c->from);
    (void)close(c->file);
}
