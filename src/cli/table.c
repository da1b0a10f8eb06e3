#include "cli/table.h"

#include <stdio.h>
#include <string.h>

struct table {
    struct arena *arena;
    size_t columns, rows, cap;
    const char **texts; /* titles first */
};

struct table *table_new(struct arena *a, const char *const *titles)
{
    struct table *t = ARENA_NEW(a, struct table);
    t->arena = a;
    while (titles[t->columns])
        t->columns++;
    table_row(t, titles);
    t->rows = 0;
    return t;
}

void table_row(struct table *t, const char *const *texts)
{
    size_t used = t->texts ? (t->rows + 1) * t->columns : 0;
    if (used + t->columns > t->cap) {
        size_t cap = t->cap ? t->cap * 2 : t->columns * 16;
        t->texts = arena_grow(t->arena, (void *)t->texts, t->cap * sizeof *t->texts,
                              cap * sizeof *t->texts);
        t->cap = cap;
    }
    memcpy((void *)(t->texts + used), (const void *)texts, t->columns * sizeof *texts);
    t->rows++;
}

size_t table_rows(const struct table *t)
{
    return t->rows;
}

void table_print(const struct table *t)
{
    for (size_t row = 0; row <= t->rows; row++) {
        for (size_t c = 0; c < t->columns; c++) {
            size_t width = 0;
            for (size_t r = 0; r <= t->rows; r++) {
                size_t n = strlen(t->texts[r * t->columns + c]);
                width = n > width ? n : width;
            }
            bool last = c + 1 == t->columns;
            (void)printf("%-*s%s", last ? 0 : (int)width, t->texts[row * t->columns + c],
                         last ? "\n" : "   ");
        }
    }
}
