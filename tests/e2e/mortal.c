/* mortal.c - loaded into slipway by kill.sh: the process ends, as by kill -9, at a chosen call.
 *
 * While the file that $MORTAL names is there, its line says where: "before|after CALL TEXT".
 *   rename TEXT   a rename whose new name holds TEXT
 *   open TEXT     an open of a path that holds TEXT
 *   write TEXT    a write whose bytes hold TEXT
 * The file goes first: the next life is spared. Programs that slipway starts are spared, too. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static char order_file[4096], library[4096];

__attribute__((constructor)) static void begin(void)
{
    const char *name = getenv("MORTAL"), *self = getenv("LD_PRELOAD");
    (void)snprintf(order_file, sizeof order_file, "%s", name ? name : "");
    (void)snprintf(library, sizeof library, "%s", self ? self : "");
    (void)unsetenv("LD_PRELOAD");
    (void)unsetenv("MORTAL");
}

/* The order, read without the calls that are watched here. */
static bool read_order(char *out, size_t room)
{
    if (!*order_file || access(order_file, F_OK) < 0)
        return false;
    int fd = (int)syscall(SYS_openat, AT_FDCWD, order_file, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, out, room - 1);
    if (fd >= 0)
        (void)close(fd);
    if (n <= 0)
        return false;
    out[n] = '\0';
    out[strcspn(out, "\n")] = '\0';
    return true;
}

static void die_if_told(const char *when, const char *call, const void *bytes, size_t n)
{
    char order[1024], prefix[64];
    if (!read_order(order, sizeof order))
        return;
    size_t len = (size_t)snprintf(prefix, sizeof prefix, "%s %s ", when, call);
    if (strncmp(order, prefix, len) != 0 || !memmem(bytes, n, order + len, strlen(order + len)))
        return;
    if (unlink(order_file) == 0) /* two threads may be here */
        (void)kill(getpid(), SIGKILL);
}

#define REAL(name) ((typeof(&name))dlsym(RTLD_NEXT, #name))

int rename(const char *from, const char *to)
{
    die_if_told("before", "rename", to, strlen(to));
    int rc = REAL(rename)(from, to);
    die_if_told("after", "rename", to, strlen(to));
    return rc;
}

/* The small program becomes the whole one, which is meant. */
int execv(const char *path, char *const argv[])
{
    if (argv[0] && argv[1] && strcmp(argv[1], "up") == 0) {
        (void)setenv("LD_PRELOAD", library, 1);
        (void)setenv("MORTAL", order_file, 1);
    }
    return REAL(execv)(path, argv);
}

static int open_mode(const char *call, const char *path, int flags, mode_t mode)
{
    int (*real)(const char *, int, ...) = (int (*)(const char *, int, ...))dlsym(RTLD_NEXT, call);
    die_if_told("before", "open", path, strlen(path));
    int fd = real(path, flags, mode);
    die_if_told("after", "open", path, strlen(path));
    return fd;
}

#define DEFINE_OPEN(name)                                                                          \
    int name(const char *path, int flags, ...)                                                     \
    {                                                                                              \
        va_list ap;                                                                                \
        va_start(ap, flags);                                                                       \
        mode_t mode = flags & (O_CREAT | __O_TMPFILE) ? va_arg(ap, mode_t) : 0;                    \
        va_end(ap);                                                                                \
        return open_mode(#name, path, flags, mode);                                                \
    }
DEFINE_OPEN(open)
DEFINE_OPEN(open64)

ssize_t write(int fd, const void *bytes, size_t n)
{
    die_if_told("before", "write", bytes, n);
    ssize_t rc = REAL(write)(fd, bytes, n);
    die_if_told("after", "write", bytes, n);
    return rc;
}

ssize_t pwrite64(int fd, const void *bytes, size_t n, off64_t at)
{
    die_if_told("before", "write", bytes, n);
    ssize_t rc = REAL(pwrite64)(fd, bytes, n, at);
    die_if_told("after", "write", bytes, n);
    return rc;
}

ssize_t pwrite(int fd, const void *bytes, size_t n, off_t at)
{
    return pwrite64(fd, bytes, n, at);
}
