/* become.c - the small programs turn into the others. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/become.h"
#include "cli/light.h"

enum { ARGUMENTS_MAX = 8 << 20 };

/* From the small program: beside it when it was built here, and where it is installed; from a
 * sibling: the same folder. */
static const char *const places[] = {"whole/", "../libexec/slipway/", ""};

/* What this process was called with, as an argument list. */
static char **own_arguments(struct arena *a)
{
    char *text = arena_alloc(a, ARGUMENTS_MAX + 1);
    size_t n = 0, count = 0;
    int fd = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
    for (ssize_t got = 1; fd >= 0 && got > 0 && n < ARGUMENTS_MAX; n += (size_t)got)
        if ((got = read(fd, text + n, ARGUMENTS_MAX - n)) < 0)
            got = 0;
    if (fd >= 0)
        (void)close(fd);
    for (size_t i = 0; i < n; i++)
        count += text[i] == '\0';
    char **argv = ARENA_ARRAY(a, char *, count + 1);
    count = 0;
    for (char *s = text; s < text + n; s += strlen(s) + 1)
        argv[count++] = s;
    return argv;
}

void become(const char *name, char **argv)
{
    char self[4096], path[4200] = "";
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    if (n <= 0)
        return;
    self[n] = '\0';
    char *slash = strrchr(self, '/');
    for (size_t i = 0; slash && i < sizeof places / sizeof *places; i++) {
        if (!*places[i] && strcmp(slash + 1, name) == 0)
            continue; /* this program itself */
        (void)snprintf(path, sizeof path, "%.*s%s%s", (int)(slash - self + 1), self, places[i],
                       name);
        (void)execv(path, argv);
    }
}

void light_whole(char **argv)
{
    AUTO(arena) struct arena *a = arena_new(0);
    become("slipway", argv ? argv : own_arguments(a));
    (void)fprintf(stderr, "slipway: the program's other half, %sslipway, cannot be started\n",
                  places[0]);
}
