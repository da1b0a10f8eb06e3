/* tree_int.h - what the trees share. */
#pragma once
#include "vcs/tree.h"

void *tree__new(size_t size); /* zeroed */

/* Relative, without "." and ".."; "" is the root. */
int tree__path_check(const char *path, struct err *e) MUST_CHECK;
