/* logread.h - a container's log file (CRI format) as kubectl logs shows it.             */
#pragma once
#include "node/node_int.h"

struct log_reader {
    /* Fails when the reader has gone; n == 0 only asks whether it has. */
    int (*write)(void *arg, const void *bytes, size_t n, struct err *e);
    bool (*runs)(void *arg); /* with follow: whether more may come */
    void *arg;
};

/* Rotated parts first. With tail_lines only the current file is looked at. */
int log_read(const char *path, const struct pod_log_opts *o, const struct log_reader *to,
             struct err *e) MUST_CHECK;

/* The highest N of N.log in the folder; -1: none. */
int log_newest(const char *folder);
