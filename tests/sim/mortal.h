/* mortal.h - a kube that dies: the process ends, as far as its user can tell, at a chosen write.
 *
 * Model      Writes are counted. At the chosen one the call fails, either before it reached the
 *            API or after it was done there, and every later call fails too.              */
#pragma once
#include "kube/kube.h"

struct mortal {
    struct kube kube;
    struct kube *real;
    unsigned long writes; /* so far */
    unsigned long die_at; /* 0: never */
    bool after;           /* the fatal write is done first */
    bool dead;
    char point[128]; /* "create pods": where it died */
};

void mortal_init(struct mortal *m, struct kube *real, unsigned long die_at, bool after);
