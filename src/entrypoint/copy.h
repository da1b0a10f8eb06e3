/* copy.h - a command's output also goes to a file: stdoutConfig and stderrConfig. */
#pragma once
#include <pthread.h>

struct copy {
    pthread_t thread;
    int from, into, file; /* pipe's end, our own output, the file */
    int give;             /* for the command; closed once it runs */
};

/* Begins to copy what is written to c->give to fd `into` and to the file; 0, or errno. */
int copy_begin(struct copy *c, int into, const char *path);
void copy_given(struct copy *c); /* the command has its end */
void copy_end(struct copy *c);   /* waits until the last writer is gone */
