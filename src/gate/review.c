#include "gate/review.h"

#include <string.h>

#include "base/own.h"
#include "codec/base64.h"
#include "codec/json.h"

struct reviewing {
    const struct gate_reviewer *by;
    bool mutating;
    const char *ns;
    struct arena *arena;
    struct value *warnings, *patch; /* arrays */
    const char *refusal;            /* NULL: allowed */
};

static void add_patch(struct reviewing *w, const char *op, const char *path, struct value *value)
{
    struct value *one = value_push(w->arena, w->patch, value_new_object(w->arena));
    (void)value_set_str(w->arena, one, "op", op);
    (void)value_set_str(w->arena, one, "path", path);
    (void)value_set(w->arena, one, "value", value);
}

/* ---- pods ---- */

static const char *refuse_tag(const struct reviewing *w, const char *image, const char *pinned)
{
    struct err why = {0};
    (void)err_set(&why, ERR_DENIED,
                  "until a node pulls it, its tag can become another image's; write %s", pinned);
    return image_gate_refusal(w->ns, image, &why, w->arena);
}

static int review_image(void *arg, struct value *container, const char *path)
{
    struct reviewing *w = arg;
    struct image_answer answer = {0};
    struct err e = {0};
    struct image_gate *gate = w->by->images;
    const char *image = value_at_str(container, "image", "");
    int r = gate->ops->admit(gate, w->ns, image, w->arena, &answer, &e);
    if (w->mutating) { /* the other webhook is asked, too, and refuses */
        if (r == 0 && answer.pinned)
            add_patch(w, "replace", arena_printf(w->arena, "%s/image", path),
                      value_new_str(w->arena, answer.pinned));
        return 0;
    }
    if (r < 0)
        w->refusal = image_gate_refusal(w->ns, image, &e, w->arena);
    else if (answer.pinned)
        w->refusal = refuse_tag(w, image, answer.pinned);
    if (answer.warning)
        (void)value_push_str(w->arena, w->warnings, answer.warning);
    return w->refusal ? ERR_DENIED : 0;
}

/* ---- allowances ---- */

static void review_allowance(struct reviewing *w, const struct value *request,
                             const struct value *object, const struct value *old)
{
    struct err e = {0};
    const struct value *user = value_get(request, "userInfo"), *spec = value_get(object, "spec");
    const char *owner = value_at_str(spec, "owner", ""), *who = value_at_str(user, "username", "");
    if (old && *owner && value_equal(spec, value_get(old, "spec")))
        return;
    if (!*owner && w->mutating && value_is(spec, VALUE_OBJECT))
        add_patch(w, "add", "/spec/owner", value_new_str(w->arena, who));
    if (w->mutating || (*owner && strcmp(owner, who) == 0))
        return;
    if (!*owner)
        w->refusal = "spec.owner is empty: say who answers for it";
    else if (w->by->may_act_as(w->by->arg, user, owner, &e) < 0)
        w->refusal = arena_printf(w->arena,
                                  "spec.owner is %s, but %s writes it, who may not act as them "
                                  "(%s): leave the owner out, and it is set",
                                  owner, who, e.msg);
}

/* ---- the answer ---- */

static void review_object(struct reviewing *w, const struct value *request)
{
    const char *group = value_at_str(request, "resource.group", "");
    const char *resource = value_at_str(request, "resource.resource", "");
    const struct value *old = value_get(request, "oldObject");
    struct value *object = value_copy(w->arena, value_get(request, "object"));
    if (!value_is(object, VALUE_OBJECT))
        w->refusal = "the request has no object";
    else if (!*group && strcmp(resource, "pods") == 0)
        (void)image_gate_walk(object, old, review_image, w, w->arena);
    else if (strcmp(group, "slipway.dev") == 0 && strcmp(resource, "imageallowances") == 0)
        review_allowance(w, request, object, value_is(old, VALUE_OBJECT) ? old : NULL);
    else
        w->refusal =
            arena_printf(w->arena, "nobody here judges %s of group \"%s\"", resource, group);
}

static struct value *answer(const struct reviewing *w, const struct value *review)
{
    struct arena *a = w->arena;
    struct value *out = value_new_object(a);
    (void)value_set_str(a, out, "apiVersion", value_at_str(review, "apiVersion", ""));
    (void)value_set_str(a, out, "kind", "AdmissionReview");
    struct value *response = value_make_object(a, out, "response");
    (void)value_set_str(a, response, "uid", value_at_str(review, "request.uid", ""));
    (void)value_set(a, response, "allowed", value_new_bool(a, !w->refusal));
    if (value_count(w->warnings))
        (void)value_set(a, response, "warnings", w->warnings);
    if (w->refusal) {
        struct value *status = value_make_object(a, response, "status");
        (void)value_set_int(a, status, "code", 403);
        (void)value_set_str(a, status, "reason", "Forbidden");
        (void)value_set_str(a, status, "message", w->refusal);
    } else if (value_count(w->patch)) {
        const char *text = json_text(a, w->patch, 0);
        (void)value_set_str(a, response, "patchType", "JSONPatch");
        (void)value_set_str(a, response, "patch", base64_encode(a, text, strlen(text), BASE64_STD));
    }
    return out;
}

int gate_review(const struct gate_reviewer *by, bool mutating, const struct value *review,
                struct arena *a, struct value **out, struct err *e)
{
    const struct value *request = value_get(review, "request");
    if (strcmp(value_at_str(review, "kind", ""), "AdmissionReview") != 0 ||
        strcmp(value_at_str(review, "apiVersion", ""), "admission.k8s.io/v1") != 0 ||
        !*value_at_str(request, "uid", ""))
        return err_set(e, ERR_INVALID,
                       "this is no AdmissionReview of admission.k8s.io/v1 with a request");
    struct reviewing w = {.by = by,
                          .mutating = mutating,
                          .ns = value_at_str(request, "namespace", ""),
                          .arena = a,
                          .warnings = value_new_array(a),
                          .patch = value_new_array(a)};
    review_object(&w, request);
    *out = answer(&w, review);
    return 0;
}

/* ---- how a cluster is told to ask ---- */

/* Which namespaces: those that either label protects, each asked about once; NULL: all. */
struct hook {
    const char *name, *group, *version, *resources[3];
    const char *selector;
};

static const struct hook hooks[] = {
    {"protected.images.slipway.dev",
     "",                                             "v1",
     {"pods", "pods/ephemeralcontainers"},
     "{\"matchLabels\":{\"slipway.dev/protected\":\"true\"}}"                       },
    {"included.images.slipway.dev",
     "",                                             "v1",
     {"pods", "pods/ephemeralcontainers"},
     "{\"matchLabels\":{\"policy.sigstore.dev/include\":\"true\"},\"matchExpressions\":[{\"key\":"
     "\"slipway.dev/protected\",\"operator\":\"NotIn\",\"values\":[\"true\"]}]}"    },
    {"allowances.images.slipway.dev", "slipway.dev", "*",  {"imageallowances"}, NULL},
};

static struct value *texts(struct arena *a, const char *const *words)
{
    struct value *list = value_new_array(a);
    for (; *words; words++)
        (void)value_push_str(a, list, *words);
    return list;
}

static struct value *hook_value(const struct hook *h, const char *url, const char *ca,
                                struct arena *a)
{
    struct value *v = value_new_object(a), *selector;
    (void)value_set_str(a, v, "name", h->name);
    struct value *client = value_make_object(a, v, "clientConfig");
    (void)value_set_str(a, client, "url", url);
    (void)value_set_str(a, client, "caBundle", base64_encode(a, ca, strlen(ca), BASE64_STD));
    struct value *rule = value_push(a, value_make_array(a, v, "rules"), value_new_object(a));
    (void)value_set(a, rule, "apiGroups", texts(a, (const char *const[]){h->group, NULL}));
    (void)value_set(a, rule, "apiVersions", texts(a, (const char *const[]){h->version, NULL}));
    (void)value_set(a, rule, "operations",
                    texts(a, (const char *const[]){"CREATE", "UPDATE", NULL}));
    (void)value_set(a, rule, "resources", texts(a, h->resources));
    if (h->selector && json_parse(a, h->selector, strlen(h->selector), 0, &selector, NULL) == 0)
        (void)value_set(a, v, "namespaceSelector", selector);
    (void)value_set_str(a, v, "failurePolicy", "Fail");
    (void)value_set_str(a, v, "sideEffects", "None");
    (void)value_set_int(a, v, "timeoutSeconds", 10);
    (void)value_set(a, v, "admissionReviewVersions", texts(a, (const char *const[]){"v1", NULL}));
    return v;
}

struct value *gate_webhooks(bool mutating, const char *url, const char *ca, struct arena *a)
{
    struct value *v = value_new_object(a);
    const char *at = arena_printf(a, "%s/%s", url, mutating ? "pin" : "admit");
    (void)value_set_str(a, v, "apiVersion", "admissionregistration.k8s.io/v1");
    (void)value_set_str(
        a, v, "kind", mutating ? "MutatingWebhookConfiguration" : "ValidatingWebhookConfiguration");
    (void)value_set_str(a, value_make_object(a, v, "metadata"), "name", "slipway");
    struct value *list = value_make_array(a, v, "webhooks");
    for (size_t i = 0; i < ARRAY_LEN(hooks); i++)
        (void)value_push(a, list, hook_value(&hooks[i], at, ca, a));
    return v;
}
