/* unpack.h - archives that ADD takes apart: tar, plain or compressed by gzip, zstd, xz or bzip2. */
#pragma once
#include <stdbool.h>

#include "base/err.h"

/* Whether the file is one; its position does not matter and stays. */
bool unpack_is_archive(int fd);
/* Puts its content into a folder; nothing in it leads outside. */
int unpack_archive(int fd, int folder, struct err *e) MUST_CHECK;
