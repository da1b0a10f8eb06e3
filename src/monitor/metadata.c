#include "monitor/metadata.h"

#include <string.h>

#include "base/map.h"

enum { LINE_MAX_BYTES = 4096 };

struct reader {
    struct arena *arena;
    struct metric_note *notes;
    size_t n;
    struct map known; /* name → index + 1 */
};

static struct metric_note *note_of(struct reader *r, const char *name)
{
    uintptr_t at = (uintptr_t)map_get(&r->known, name);
    if (at)
        return &r->notes[at - 1];
    if (r->n == METRIC_NOTES_MAX)
        return NULL;
    r->notes =
        arena_grow(r->arena, r->notes, r->n * sizeof *r->notes, (r->n + 1) * sizeof *r->notes);
    r->notes[r->n] = (struct metric_note){name, "unknown", "", ""};
    (void)map_put(&r->known, name, (void *)(uintptr_t)(r->n + 1));
    return &r->notes[r->n++];
}

/* A help text's \n and \\. */
static const char *unescape(char *s)
{
    char *to = s;
    for (const char *p = s; *p; p++) {
        bool escaped = *p == '\\' && (p[1] == 'n' || p[1] == '\\');
        p += escaped;
        *to++ = escaped && *p == 'n' ? '\n' : *p;
    }
    *to = '\0';
    return s;
}

/* "# TYPE name rest" */
static void read_line(struct reader *r, const char *line, size_t n)
{
    static const char *const kinds[] = {"HELP", "TYPE", "UNIT"};
    char *text = arena_strndup(r->arena, line, n), *rest = text + 1;
    size_t kind = 0;
    rest += strspn(rest, " \t");
    char *word = strsep(&rest, " \t");
    while (kind < ARRAY_LEN(kinds) && strcmp(word, kinds[kind]) != 0)
        kind++;
    if (kind == ARRAY_LEN(kinds) || !rest)
        return;
    rest += strspn(rest, " \t");
    const char *name = strsep(&rest, " \t");
    struct metric_note *note = *name ? note_of(r, name) : NULL;
    if (!note)
        return;
    rest = rest ? rest + strspn(rest, " \t") : text + n;
    const char **to = kind == 0 ? &note->help : kind == 1 ? &note->type : &note->unit;
    *to = kind == 0 ? unescape(rest) : rest;
}

size_t metric_notes_read(const char *text, size_t n, struct arena *a, struct metric_note **out)
{
    struct reader r = {.arena = a};
    size_t kept = 0;
    map_init(&r.known);
    for (const char *at = text, *end = text + n; at < end;) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        size_t len = (size_t)((newline ? newline : end) - at);
        if (len > 2 && len <= LINE_MAX_BYTES && *at == '#' &&
            kept + len <= METRIC_NOTES_BYTES_MAX) {
            read_line(&r, at, at[len - 1] == '\r' ? len - 1 : len);
            kept += len;
        }
        at += len + 1;
    }
    map_done(&r.known);
    *out = r.notes;
    return r.n;
}
