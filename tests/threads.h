/* threads.h - which threads this process has. */
#pragma once
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* How many have names that begin so. */
static inline int threads_named(const char *name)
{
    char text[64];
    int n = 0;
    DIR *d = opendir("/proc/self/task");
    for (struct dirent *x; d && (x = readdir(d));) {
        (void)snprintf(text, sizeof text, "/proc/self/task/%.20s/comm", x->d_name);
        FILE *f = fopen(text, "re");
        n += f && fgets(text, sizeof text, f) && strncmp(text, name, strlen(name)) == 0;
        if (f)
            (void)fclose(f);
    }
    if (d)
        (void)closedir(d);
    return n;
}

/* The same, once it is as many as are wanted: joined threads are seen for a moment longer. */
static inline int threads_become(const char *name, int want)
{
    int n = threads_named(name);
    for (int i = 0; n != want && i < 12000; i++) {
        (void)usleep(5000);
        n = threads_named(name);
    }
    return n;
}
