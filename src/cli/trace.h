/* trace.h - one causal chain: from a commit through run, steps, image, infrastructure commit and
 * sync to the verdict. */
#pragma once
#include "kube/kube.h"

/* `commit`: of the application, or of the infrastructure repository; a prefix of at least four
 * characters will do. Prints to standard output. ERR_NOT_FOUND: nothing knows it. */
int trace_print(struct kube *k, const char *commit, struct arena *a, struct err *e) MUST_CHECK;

/* "1.2s" between two RFC 3339 times; "" when one is missing. */
const char *trace_took(const char *from, const char *to, struct arena *a);
