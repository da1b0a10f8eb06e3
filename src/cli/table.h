/* table.h - columns of text, as wide as they need to be. */
#pragma once
#include <stdbool.h>

#include "base/arena.h"

struct table;

/* Titles end with NULL. */
struct table *table_new(struct arena *a, const char *const *titles);
/* As many texts as there are titles; borrowed until printed. */
void table_row(struct table *t, const char *const *texts);
size_t table_rows(const struct table *t);
void table_print(const struct table *t); /* on standard output */
