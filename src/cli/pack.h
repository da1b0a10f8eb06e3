/* pack.h - a folder as a tar on an unnamed file.
 *
 * Guarantees Names in order, owners left out: the same folder gives the same bytes. Links are
 *            packed as links and never followed; sockets and devices are left out.          */
#pragma once
#include "base/err.h"

/* *out: at its end; the caller's to rewind and close. */
int pack_folder(const char *dir, int *out, struct err *e) MUST_CHECK;
