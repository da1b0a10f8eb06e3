/* helm_table.c - tables as Helm prints them: columns filled with blanks, tabs between. */
#include <stdio.h>
#include <string.h>

#include "cli/helm.h"

static size_t width_of(const char *s, size_t n)
{
    size_t width = 0;
    for (size_t i = 0; i < n; i++)
        width += ((unsigned char)s[i] & 0xc0) != 0x80 && (unsigned char)s[i] >= ' ';
    return width;
}

static size_t widest_line(const char *s)
{
    size_t most = 0;
    for (size_t n;; s += n + 1) {
        n = strcspn(s, "\n");
        size_t width = width_of(s, n);
        most = width > most ? width : most;
        if (!s[n])
            return most;
    }
}

/* Helm's table cuts what is wider than its column, and that a text of several lines always is. */
static const char *cell(const char *s, size_t width, struct arena *a)
{
    size_t all = width_of(s, strlen(s)), used = 0, n = 0;
    if (all <= width)
        return arena_printf(a, "%s%*s", s, (int)(width - all), "");
    while (s[n]) {
        size_t len = 1;
        while (((unsigned char)s[n + len] & 0xc0) == 0x80)
            len++;
        size_t w = width_of(s + n, len);
        n += len;
        if (used + w + 3 >= width)
            break;
        used += w;
    }
    return arena_printf(a, "%.*s...", (int)n, s);
}

static void print_row(const char *const *texts, const size_t *widths, size_t columns,
                      struct arena *a)
{
    const char **rest = ARENA_ARRAY(a, const char *, columns);
    for (size_t c = 0; c < columns; c++)
        rest[c] = cell(texts[c], widths[c], a);
    for (bool more = true; more;) {
        more = false;
        for (size_t c = 0; c < columns; c++) {
            size_t n = rest[c] ? strcspn(rest[c], "\n") : 0;
            const char *line = rest[c] ? arena_strndup(a, rest[c], n) : " ";
            (void)printf("%s%s", c ? "\t" : "", cell(line, widths[c], a));
            rest[c] = rest[c] && rest[c][n] ? rest[c] + n + 1 : NULL;
            more |= rest[c] != NULL;
        }
        (void)puts("");
    }
}

void helm_cli_table(const char *const *cells, size_t rows, size_t columns, size_t max,
                    struct arena *a)
{
    size_t *widths = ARENA_ARRAY(a, size_t, columns);
    for (size_t i = 0; i < columns * rows; i++) {
        size_t n = widest_line(cells[i]);
        n = max && n > max ? max : n;
        widths[i % columns] = n > widths[i % columns] ? n : widths[i % columns];
    }
    for (size_t r = 0; r < rows; r++)
        print_row(cells + r * columns, widths, columns, a);
    if (rows == 0)
        (void)puts("");
}
