/* helm_table.c - tables as Helm prints them: columns filled with blanks, tabs between. */
#include <stdio.h>
#include <string.h>

#include "cli/helm.h"

enum { COLUMNS_MAX = 16 };

static size_t width_of(const char *s)
{
    size_t n = 0;
    for (; *s; s++)
        n += ((unsigned char)*s & 0xc0) != 0x80;
    return n;
}

/* Cells that are too long end with dots. */
static const char *fitted(const char *cell, size_t max, struct arena *a)
{
    if (max == 0 || width_of(cell) <= max)
        return cell;
    size_t bytes = 0;
    for (size_t n = 0; cell[bytes] && n < max - 3; n++) {
        bytes++;
        while (((unsigned char)cell[bytes] & 0xc0) == 0x80)
            bytes++;
    }
    return arena_printf(a, "%.*s...", (int)bytes, cell);
}

void helm_cli_table(const char *const *cells, size_t rows, size_t columns, size_t max,
                    struct arena *a)
{
    size_t width[COLUMNS_MAX] = {0};
    const char **fit = ARENA_ARRAY(a, const char *, rows *columns + 1);
    for (size_t i = 0; i < rows * columns; i++) {
        fit[i] = fitted(cells[i], max, a);
        size_t n = width_of(fit[i]), *w = &width[i % columns];
        *w = n > *w ? n : *w;
    }
    for (size_t i = 0; i < rows * columns; i++) {
        bool last = i % columns == columns - 1;
        int blanks = (int)(width[i % columns] - width_of(fit[i]));
        (void)printf("%s%*s%c", fit[i], blanks, "", last ? '\n' : '\t');
    }
}
