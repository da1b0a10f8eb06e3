#include "base/own.h"
#include "fuzz.h"
#include "scan/issues.h"

/* Property: each issue is on a line that the file has, and no other rule set finds more. The first
 * line is what the file is called. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(arena) struct arena *a = arena_new(0);
    const uint8_t *line = memchr(data, '\n', size);
    struct issue_list all = {0}, secrets = {0};
    if (!line || size > 1 << 16 || memchr(data, '\0', (size_t)(line - data)))
        return 0;
    char *path = arena_strndup(a, (const char *)data, (size_t)(line - data));
    size_t n = size - (size_t)(line + 1 - data);
    const char *text = arena_strndup(a, (const char *)line + 1, n);
    issues_read(path, text, n, ISSUE_SECRET | ISSUE_CONFIG, a, &all);
    issues_read(path, text, n, ISSUE_SECRET, a, &secrets);
    MUST(secrets.n <= all.n);
    for (size_t i = 0; i < all.n; i++)
        MUST(all.items[i].rule && all.items[i].line <= n + 1);
    return 0;
}
