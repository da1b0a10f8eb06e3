/* table.h - cases in a text file: one a line, cells between " | ", the last one what is wanted.
 *
 * Lines that begin with '#' are comments. SLIPWAY_GOLDEN=write puts what was got in the place of
 * what was wanted; the difference is then reviewed as code.                              */
#pragma once
#include <stdlib.h>

#include "base/buf.h"
#include "base/fs.h"
#include "t.h"

enum { TABLE_CELLS = 8 };

/* What the cells before the last one give; in the arena. */
typedef const char *(*table_fn)(char **cells, size_t n, struct arena *a);

static inline size_t table_split(char *line, char **cells)
{
    size_t n = 0;
    for (char *at; n + 1 < TABLE_CELLS && (at = strstr(line, " | ")); line = at + 3) {
        char *end = at;
        while (end > line && end[-1] == ' ')
            end--;
        *end = '\0';
        cells[n++] = line + strspn(line, " ");
    }
    cells[n++] = line + strspn(line, " ");
    return n;
}

static inline void table_run(const char *path, table_fn fn)
{
    AUTO(arena) struct arena *a = arena_new(64 << 20);
    AUTO_BUF struct buf out;
    struct err e = {0};
    char *text, *cells[TABLE_CELLS];
    size_t len, cases = 0;
    const char *golden = getenv("SLIPWAY_GOLDEN");
    buf_init(&out, 1 << 20);
    int rc = fs_read(path, 1 << 20, a, &text, &len, &e);
    T_OK(rc == 0, path);
    for (char *line = rc == 0 ? text : NULL, *next; line && *line; line = next) {
        size_t n = strcspn(line, "\n");
        next = line + n + (line[n] == '\n');
        line[n] = '\0';
        const char *whole = arena_strdup(a, line);
        if (*line == '#' || !*line) {
            buf_printf(&out, "%s\n", whole);
            continue;
        }
        size_t count = table_split(line, cells);
        const char *want = cells[count - 1], *got = fn(cells, count - 1, a);
        cases++;
        buf_printf(&out, "%.*s%s\n", (int)(strlen(whole) - strlen(want)), whole, got);
        if (strcmp(got, want) != 0)
            T_FAIL(whole, "%s", got);
    }
    T_OK(cases > 0, path);
    if (golden && strcmp(golden, "write") == 0)
        T_RC(fs_write_atomic(path, 0644, out.data, out.len, &e), &e, path);
}
