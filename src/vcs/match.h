/* match.h - which paths a list of patterns names: ? * ** [a-z] {a,b}, matched in bounded time. */
#pragma once
#include <stdbool.h>

/* '*' and '?' stay within one folder, "**" does not; a pattern that ends in '/' means all below
 * it. Braces do not nest. */
bool path_match(const char *pattern, const char *path);
