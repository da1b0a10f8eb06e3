/* glob.h - patterns for paths.
 *
 * Model      * and ? match within one part of a path, [a-z] and [!a-z] (or [^a-z]) one
 *            character, \x the character x; ** as a whole part matches any number of parts,
 *            also none. A malformed pattern matches nothing.
 * Guarantees Time is bounded by pattern times path.                                       */
#pragma once
#include <stdbool.h>
#include <stddef.h>

enum glob_flag {
    GLOB_PREFIX = 1 << 0, /* a pattern that matches a parent matches what lies in it */
    GLOB_CASE = 1 << 1,   /* ASCII letters match in either case */
    GLOB_FLAT = 1 << 2,   /* no parts: * and ? match a slash, too (names of branches, images) */
};

bool glob_match(const char *pattern, const char *path, unsigned flags);

/* False for a pattern with an open [ or a \ at its end. */
bool glob_valid(const char *pattern);

/* Ordered patterns with exceptions, as in .dockerignore: the last one that matches decides, and
 * "!x" takes x back. Patterns match whole paths and what lies below. Empty patterns and those
 * that begin with # do not count. */
bool glob_ignored(const char *const *patterns, size_t n, const char *path);
