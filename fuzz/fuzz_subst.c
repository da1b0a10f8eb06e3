/* Properties of Tekton's variables: with nothing in scope a text stays as it is, byte for byte;
 * with something in scope, what was replaced once is not replaced again, and a reference that is
 * found in a text is one that the text spells. */
#include "ctl/tekton/subst.h"
#include "fuzz.h"

static void spelled(void *arg, const struct subst_ref *ref)
{
    const char *text = arg;
    if (!strstr(text, ref->spelled))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(arena) struct arena *a = arena_new(1 << 20);
    if (size > 4096 || memchr(data, 0, size))
        return 0;
    char *text = arena_strndup(a, (const char *)data, size);
    struct scope *none = scope_new(a), *some = scope_new(a);
    if (strcmp(subst_text(none, text), text) != 0)
        abort();
    scope_put_str(some, "plain", "params.a");
    struct value *list = value_new_array(a);
    (void)value_push_str(a, list, "one");
    scope_put(some, list, "params.list");
    const char *once = subst_text(some, text);
    if (!strstr(once, "$(") && strcmp(subst_text(some, once), once) != 0)
        abort();
    subst_each_ref(value_new_str(a, text), a, spelled, text);
    return 0;
}
