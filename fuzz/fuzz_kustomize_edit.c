/* Input: a kustomization. It is refused with a reason, or a resource is added and a namespace set:
 * what is written says so and, read again, is written as it stands. */
#include "fuzz.h"

#include "render/kustomize/edit.h"

static int edited(const char *text, bool change, struct arena *a, struct buf *out)
{
    struct kustomize_edit k;
    struct err e = {.code = ERR_OK};
    int rc = kustomize_edit_open(a, "kustomization.yaml", text, strlen(text), &k, &e);
    if (rc == 0 && change) {
        (void)value_push_str(a, value_make_array(a, k.doc, "resources"), "new.yaml");
        (void)value_set_str(a, k.doc, "namespace", "new");
    }
    if (rc == 0)
        rc = kustomize_edit_text(&k, out, &e);
    MUST(rc == 0 || *e.msg);
    return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(arena) struct arena *a = arena_new(64 << 20);
    AUTO_BUF struct buf first, second;
    struct kustomize_edit k;
    buf_init(&first, 1 << 20);
    buf_init(&second, 1 << 20);
    if (size > 16384 || memchr(data, '\0', size) ||
        edited(arena_strndup(a, (const char *)data, size), true, a, &first) < 0)
        return 0;
    MUST(kustomize_edit_open(a, "x", buf_text(&first), first.len, &k, NULL) == 0);
    const struct value *list = value_get(k.doc, "resources");
    MUST(strcmp(value_at_str(k.doc, "namespace", ""), "new") == 0);
    MUST(strcmp(value_str(value_item(list, value_count(list) - 1), ""), "new.yaml") == 0);
    MUST(edited(buf_text(&first), false, a, &second) == 0);
    MUST(first.len == second.len && memcmp(buf_text(&first), buf_text(&second), first.len) == 0);
    return 0;
}
