#include "apiserver/image_gate.h"

#include <string.h>

#include "base/own.h"
#include "codec/value.h"

static const char *const kinds_of_containers[] = {"initContainers", "containers",
                                                  "ephemeralContainers"};

const char *image_gate_refusal(const char *ns, const char *image, const struct err *why,
                               struct arena *a)
{
    return arena_printf(a, "image %s in protected namespace %s: %s%s%s", image, ns, why->msg,
                        *why->hint ? "; what would allow it: " : "", why->hint);
}

/* The image that the container of that name has already. */
static const char *image_before(const struct value *old, const char *kind, const char *name)
{
    VALUE_EACH_ITEM (c, value_get(value_get(old, "spec"), kind))
        if (strcmp(value_at_str(c, "name", ""), name) == 0)
            return value_at_str(c, "image", "");
    return "";
}

int image_gate_walk(struct value *pod, const struct value *old, image_gate_ask ask, void *arg,
                    struct arena *a)
{
    for (size_t i = 0; i < ARRAY_LEN(kinds_of_containers); i++) {
        const char *kind = kinds_of_containers[i];
        struct value *list = value_at_mut(pod, arena_printf(a, "spec.%s", kind));
        for (size_t n = 0; n < value_count(list); n++) {
            struct value *container = &list->items[n];
            const char *image = value_at_str(container, "image", "");
            const char *name = value_at_str(container, "name", "");
            if (*image && strcmp(image_before(old, kind, name), image) == 0)
                continue;
            int rc = ask(arg, container, arena_printf(a, "/spec/%s/%zu", kind, n));
            if (rc < 0)
                return rc;
        }
    }
    return 0;
}
