/* fan.h - many small blocking calls side by side: 50 creates share the store's group commits
 * instead of waiting for one after the other.
 *
 * Threads    Any; callers take part in their own work, so that a busy fan is never a deadlock. */
#pragma once
#include <stddef.h>

#include "base/err.h"
#include "base/own.h"

struct fan;

struct fan *fan_new(unsigned threads); /* started when first needed */
void fan_free(struct fan *f);
AUTO_DEFINE(fan)

/* Calls fn(arg, i) for 0 <= i < n in any order, returns when all have returned. NULL: in turn. */
void fan_run(struct fan *f, size_t n, void (*fn)(void *arg, size_t i), void *arg);
