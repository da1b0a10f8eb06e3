/* spawn - runs a program again and again; a line a run: microseconds and KiB of resident memory at
 * its most.
 *
 *   spawn RUNS OUTPUT PROGRAM [ARGUMENT …]
 *
 * A process starts out with the peak of the one it was made from, so this one is small. Standard
 * output goes to the file, which each run writes anew. */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

extern char **environ;

static double now_us(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int run(char **argv, const char *output)
{
    posix_spawn_file_actions_t actions;
    struct rusage used;
    pid_t pid;
    int status;
    (void)posix_spawn_file_actions_init(&actions);
    (void)posix_spawn_file_actions_addopen(&actions, 1, output, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    double begin = now_us();
    int r = posix_spawn(&pid, argv[0], &actions, NULL, argv, environ);
    if (r == 0)
        while (wait4(pid, &status, 0, &used) < 0 && errno == EINTR)
            continue;
    double end = now_us();
    (void)posix_spawn_file_actions_destroy(&actions);
    if (r != 0 || status != 0) {
        (void)fprintf(stderr, "spawn: %s: %s\n", argv[0], r ? strerror(r) : "failed");
        return 1;
    }
    (void)printf("%.1f %ld\n", end - begin, used.ru_maxrss);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc < 4) {
        (void)fprintf(stderr, "usage: spawn RUNS OUTPUT PROGRAM [ARGUMENT …]\n");
        return 2;
    }
    long runs = strtol(argv[1], NULL, 10);
    for (long i = 0; i < runs; i++)
        if (run(argv + 3, argv[2]))
            return 1;
    return 0;
}
