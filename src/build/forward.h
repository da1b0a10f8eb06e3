/* forward.h - a socket for a RUN that leads to another of this machine: the user's ssh agent.
 *
 * Model      A thread hands bytes both ways for as long as the object lives. The agent sees this
 *            process, whoever speaks in the container.                                   */
#pragma once
#include "base/err.h"
#include "base/own.h"

struct forward;

/* Listens at `at`, which must not exist; each who comes is led to `to`. */
int forward_open(const char *at, const char *to, struct forward **out, struct err *e) MUST_CHECK;
void forward_free(struct forward *f); /* NULL: nothing; everybody is cut off */
AUTO_DEFINE(forward)
