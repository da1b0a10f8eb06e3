#include "base/own.h"
#include "fuzz.h"
#include "scan/inventory.h"

/* Property: whatever a file says, each package has a name and a version that a line can show, and
 * the same bytes say the same again. The first line is what the file is called. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(arena) struct arena *a = arena_new(0);
    const uint8_t *line = memchr(data, '\n', size);
    struct inventory one, again;
    if (!line || size > 1 << 16 || memchr(data, '\0', (size_t)(line - data)))
        return 0;
    char *path = arena_strndup(a, (const char *)data, (size_t)(line - data));
    const char *text = (const char *)line + 1;
    size_t n = size - (size_t)(line + 1 - data);
    int r = inventory_read(path, text, n, "Debian:12", a, &one, NULL);
    MUST(inventory_read(path, text, n, "Debian:12", a, &again, NULL) == r);
    for (size_t i = 0; r == 0 && i < one.n; i++) {
        const struct package *p = &one.packages[i];
        MUST(one.n == again.n && *p->name && *p->version && p->ecosystem && p->licence);
        MUST(!strpbrk(p->name, "\n\x1b") && !strpbrk(p->version, "\n\x1b"));
        MUST(strcmp(p->name, again.packages[i].name) == 0);
    }
    return 0;
}
