/* Input: a kustomization, 0xff, a file of resources. It is built or refused with a reason; what is
 * built has kinds, and building again gives the same. */
#include "fuzz.h"

#include "render/render.h"

static int build(const struct tree_file *files, struct arena *a, struct render_result *out)
{
    AUTO(tree) struct tree *t = tree_of_table(files);
    struct render_opts opts = {.path = ""};
    struct err e = {.code = ERR_OK};
    int rc = render_objects(t, &opts, a, out, &e);
    MUST(rc == 0 || *e.msg);
    return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *cut = size ? memchr(data, 0xff, size) : NULL;
    AUTO(arena) struct arena *a = arena_new(64 << 20);
    struct render_result first, second;
    if (!cut || size > 16384)
        return 0;
    const struct tree_file files[] = {
        {"kustomization.yaml",   arena_strndup(a, (const char *)data, (size_t)(cut - data))},
        {"r.yaml", arena_strndup(a,                (const char *)cut + 1, size - (size_t)(cut + 1 - data))},
        {NULL,       NULL},
    };
    int rc = build(files, a, &first);
    MUST(build(files, a, &second) == rc);
    MUST(rc || first.n == second.n);
    for (size_t i = 0; rc == 0 && i < first.n; i++)
        MUST(value_equal(first.objects[i], second.objects[i]));
    return 0;
}
