/* Input: a pattern, 0xff, a text. What outsiders send to the Git host: names, paths, ref lines,
 * Authorization headers, messages. Matching ends, and names that are valid stay inside the root. */
#include "fuzz.h"

#include "vcs/host_int.h"
#include "vcs/match.h"
#include "vcs/repo.h"
#include "vcs/tree.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *cut = size ? memchr(data, 0xff, size) : NULL;
    AUTO(arena) struct arena *a = arena_new(64 << 20);
    struct host_ref_change *changes;
    const char *user, *password, *joined;
    size_t n;
    struct err e;
    if (!cut || size > 8192)
        return 0;
    const char *pattern = arena_strndup(a, (const char *)data, (size_t)(cut - data));
    char *text = arena_strndup(a, (const char *)cut + 1, size - (size_t)(cut + 1 - data));
    bool match = path_match(pattern, text);
    MUST(path_match(pattern, text) == match);
    if (host_name_valid(text))
        MUST(!strstr(text, "..") && *text != '/' && *text != '.');
    if (tree_join(a, "base/dir", text, &joined, &e) == 0)
        MUST(!strstr(joined, "/../") && strncmp(joined, "../", 3) != 0);
    (void)host_basic(text, a, &user, &password);
    (void)host_token(text, a);
    (void)repo_trailer(a, text, "Slipway-Run");
    if (host__parse_changes(arena_strdup(a, text), a, &changes, &n, &e) == 0)
        for (size_t i = 0; i < n; i++)
            MUST(strlen(changes[i].old_sha) == 40 && *changes[i].ref);
    return 0;
}
