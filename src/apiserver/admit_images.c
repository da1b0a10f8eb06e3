/* admit_images.c - in a protected namespace images start only with proof, and as what was proven:
 * a tag gets the digest that it had. */
#include <string.h>

#include "apiserver/admission_int.h"
#include "apiserver/image_gate.h"

static const char *const kinds_of_containers[] = {"initContainers", "containers",
                                                  "ephemeralContainers"};

/* The image that the container of that name has already. */
static const char *image_before(const struct value *old, const char *kind, const char *name)
{
    VALUE_EACH_ITEM (c, value_get(value_get(old, "spec"), kind))
        if (strcmp(value_at_str(c, "name", ""), name) == 0)
            return value_at_str(c, "image", "");
    return "";
}

static int admit_one(struct call *c, const struct served *k, const char *ns, struct value *pod,
                     struct value *container)
{
    struct err e = {0};
    struct image_answer answer = {0};
    struct image_gate *gate = c->s->image_gate;
    const char *image = value_at_str(container, "image", "");
    if (gate->ops->admit(gate, ns, image, c->a, &answer, &e) < 0) {
        const char *name =
            value_at_str(pod, "metadata.name", value_at_str(pod, "metadata.generateName", ""));
        return refuse_forbidden(c, k, name, "image %s in protected namespace %s: %s%s%s", image, ns,
                                e.msg, *e.hint ? "; what would allow it: " : "", e.hint);
    }
    if (answer.pinned)
        (void)value_set_str(c->a, container, "image", answer.pinned);
    if (answer.warning)
        call_warn(c, answer.warning);
    return 0;
}

int admit_images(struct call *c, const struct served *k, const char *ns, struct value *pod,
                 const struct value *old)
{
    AUTO(object) struct object *home = peek(c->s, &RES_NAMESPACE, NULL, ns);
    struct image_gate *gate = c->s->image_gate;
    if (!gate || !home || !gate->ops->protects(gate, home->root))
        return 0;
    for (size_t i = 0; i < ARRAY_LEN(kinds_of_containers); i++) {
        struct value *list =
            value_at_mut(pod, arena_printf(c->a, "spec.%s", kinds_of_containers[i]));
        for (size_t n = 0; n < value_count(list); n++) {
            struct value *container = &list->items[n];
            const char *image = value_at_str(container, "image", "");
            const char *name = value_at_str(container, "name", "");
            if (*image && strcmp(image_before(old, kinds_of_containers[i], name), image) == 0)
                continue;
            int rc = admit_one(c, k, ns, pod, container);
            if (rc < 0)
                return rc;
        }
    }
    return 0;
}
