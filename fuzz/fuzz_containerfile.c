/* Property: an instruction that was read, written down as one line, reads as the same again. */
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "build/containerfile.h"
#include "fuzz.h"

static void check(const struct containerfile *f, const struct instruction *i, struct arena *a)
{
    struct instruction again;
    if (i->n_heredocs > 0 || strchr(i->text, '\n'))
        return;
    if (containerfile_parse_one(f, i->line, i->text, a, &again, NULL) < 0)
        abort();
    if (again.kind != i->kind || again.n_words != i->n_words || again.n_flags != i->n_flags ||
        strcmp(again.rest, i->rest) != 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct containerfile f;
    if (size > 4096)
        return 0;
    AUTO(arena) struct arena *a = arena_new(64 << 20);
    char *text = arena_strndup(a, (const char *)data, size);
    if (containerfile_parse("Containerfile", text, size, a, &f, NULL) < 0)
        return 0;
    for (size_t i = 0; i < f.n; i++)
        check(&f, &f.list[i], a);
    return 0;
}
