/* main.c - the small program: renders at once, and for all else becomes the whole one. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/light.h"

/* Beside this program when it was built here, and where it is installed. */
static const char *const places[] = {"whole/slipway", "../libexec/slipway/slipway"};

int main(int argc, char **argv)
{
    char self[4096], path[4200];
    int code;
    if (light_run(argc, argv, &code))
        return code;
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    char *slash = n > 0 ? memrchr(self, '/', (size_t)n) : NULL;
    for (size_t i = 0; slash && i < sizeof places / sizeof *places; i++) {
        (void)snprintf(path, sizeof path, "%.*s%s", (int)(slash - self + 1), self, places[i]);
        (void)execv(path, argv);
    }
    (void)fprintf(stderr, "slipway: the program's other half, %s, cannot be started\n", path);
    return 1;
}
