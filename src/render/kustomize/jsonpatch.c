/* JSON patches as Kustomize applies them: "replace" also makes a member that is not there. */
#include "codec/patch.h"
#include "render/kustomize/kust_int.h"

/* The next step of a JSON pointer, with ~1 and ~0 put back. */
static const char *step(struct arena *a, const char **pointer)
{
    const char *p = *pointer + (**pointer == '/');
    size_t n = strcspn(p, "/");
    char *out = arena_strndup(a, p, n), *to = out;
    for (const char *from = out; *from; from++) {
        bool escape = from[0] == '~' && (from[1] == '0' || from[1] == '1');
        *to++ = !escape ? *from : from[1] == '0' ? '~' : '/';
        from += escape;
    }
    *to = '\0';
    *pointer = p + n;
    return out;
}

static bool makes_member(struct arena *a, const struct value *doc, const struct value *op)
{
    const char *path = value_at_str(op, "path", "");
    int64_t index;
    if (strcmp(value_at_str(op, "op", ""), "replace") != 0)
        return false;
    while (*path) {
        const char *key = step(a, &path);
        if (!*path)
            return value_is(doc, VALUE_OBJECT) && !value_get(doc, key);
        if (value_is(doc, VALUE_ARRAY))
            doc = value_int_from_text(key, &index) && index >= 0 ? value_item(doc, (size_t)index)
                                                                 : NULL;
        else
            doc = value_get(doc, key);
    }
    return false;
}

int kust_json_patch(struct arena *a, const struct value *doc, const struct value *patch,
                    struct value **out, struct err *e)
{
    *out = value_copy(a, doc);
    VALUE_EACH_ITEM (op, patch) {
        struct value *one = value_new_array(a), *at = value_push(a, one, value_copy(a, op));
        if (makes_member(a, *out, op))
            (void)value_set_str(a, at, "op", "add");
        int rc = patch_json(a, *out, one, out, e);
        if (rc < 0)
            return rc;
    }
    return 0;
}
