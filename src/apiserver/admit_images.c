/* admit_images.c - in a protected namespace images start only with proof, and as what was proven:
 * a tag gets the digest that it had. */
#include "apiserver/admission_int.h"
#include "apiserver/image_gate.h"

struct admitting {
    struct call *call;
    const struct served *kind;
    const char *ns;
    const struct value *pod;
};

static int refuse_pod(const struct admitting *w, const char *sentence)
{
    const char *name =
        value_at_str(w->pod, "metadata.name", value_at_str(w->pod, "metadata.generateName", ""));
    return refuse_forbidden(w->call, w->kind, name, "%s", sentence);
}

static int admit_one(void *arg, struct value *container, const char *path)
{
    const struct admitting *w = arg;
    struct err e = {0};
    struct image_answer answer = {0};
    struct image_gate *gate = w->call->s->image_gate;
    const char *image = value_at_str(container, "image", "");
    (void)path;
    if (gate->ops->admit(gate, w->ns, image, w->call->a, &answer, &e) < 0)
        return refuse_pod(w, image_gate_refusal(w->ns, image, &e, w->call->a));
    if (answer.pinned)
        (void)value_set_str(w->call->a, container, "image", answer.pinned);
    if (answer.warning)
        call_warn(w->call, answer.warning);
    return 0;
}

int admit_images(struct call *c, const struct served *k, const char *ns, struct value *pod,
                 const struct value *old)
{
    AUTO(object) struct object *home = peek(c->s, &RES_NAMESPACE, NULL, ns);
    struct image_gate *gate = c->s->image_gate;
    struct admitting w = {c, k, ns, pod};
    if (!gate)
        return 0;
    if (!home)
        return refuse_pod(&w,
                          arena_printf(c->a,
                                       "namespace %s cannot be read, so that nobody knows whether "
                                       "it is protected",
                                       ns));
    return gate->ops->protects(gate, home->root) ? image_gate_walk(pod, old, admit_one, &w, c->a)
                                                 : 0;
}
