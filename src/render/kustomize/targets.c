/* targets.c - which objects a patch, a replacement or a plugin means. */
#include "api/selector.h"
#include "codec/regex.h"
#include "render/kustomize/kust_int.h"

enum part { GROUP, VERSION, KIND, NAME, NAMESPACE, PARTS };

struct kust_target {
    const char *text[PARTS]; /* "" fits all */
    struct regex *pattern[PARTS];
    const char *labels, *annotations;
    struct selector label_selector, annotation_selector;
};

static const char *const members[PARTS] = {"group", "version", "kind", "name", "namespace"};

void kust_target_free(struct kust_target *t)
{
    for (size_t i = 0; t && i < PARTS; i++)
        regex_free(t->pattern[i]);
    free(t);
}

static int compile(const struct kust_layer *l, const struct value *v, struct kust_target *t,
                   struct err *e)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < PARTS; i++) {
        t->text[i] = value_at_str(v, members[i], "");
        const char *pattern = t->text[i];
        if (*pattern)
            rc = regex_compile(pattern, strlen(pattern), REGEX_ANCHORED, &t->pattern[i], e);
        if (rc < 0)
            return err_wrap(e, rc, "%s:%u: %s", l->file, v->line, members[i]);
    }
    t->labels = value_at_str(v, "labelSelector", "");
    t->annotations = value_at_str(v, "annotationSelector", "");
    if (*t->labels)
        rc = selector_parse(t->labels, l->a, &t->label_selector, e);
    if (rc == 0 && *t->annotations)
        rc = selector_parse(t->annotations, l->a, &t->annotation_selector, e);
    return rc < 0 ? err_wrap(e, rc, "%s:%u", l->file, v->line) : 0;
}

int kust_target_new(const struct kust_layer *l, const struct value *v, struct kust_target **out,
                    struct err *e)
{
    static const char *const known[] = {
        "group", "version", "kind", "name", "namespace", "labelSelector", "annotationSelector",
        NULL};
    AUTO(kust_target) struct kust_target *t = calloc(1, sizeof *t);
    if (!t)
        return err_set(e, ERR_TOO_LARGE, "no memory for a target");
    int rc = kust_only(l, v, "target", known, e);
    if (rc == 0)
        rc = compile(l, v, t, e);
    if (rc < 0)
        return rc;
    *out = take_ptr(t);
    return 0;
}

static bool fits(const struct kust_target *t, enum part part, const char *text)
{
    bool hit = true;
    if (!t->pattern[part])
        return true;
    return regex_match(t->pattern[part], text, strlen(text), 0, NULL, 0, &hit, NULL) == 0 && hit;
}

static const char *version_of(const struct kust_resource *r)
{
    const char *text = value_at_str(r->object, "apiVersion", ""), *slash = strchr(text, '/');
    return slash ? slash + 1 : text;
}

static bool fits_rest(const struct kust_target *t, const struct kust_resource *r, struct arena *a)
{
    const struct value *meta = value_get(r->object, "metadata");
    return fits(t, KIND, kust_kind(r)) && fits(t, GROUP, kust_group(a, r)) &&
           fits(t, VERSION, version_of(r)) &&
           (!*t->labels || selector_matches(&t->label_selector, value_get(meta, "labels"))) &&
           (!*t->annotations ||
            selector_matches(&t->annotation_selector, value_get(meta, "annotations")));
}

static bool fits_names(const struct kust_target *t, const char *name, const char *ns)
{
    return fits(t, NAME, name) && fits(t, NAMESPACE, *ns ? ns : "default");
}

/* By its first name or the present one, and so its namespace. */
bool kust_target_selects(const struct kust_target *t, const struct kust_resource *r,
                         struct arena *a)
{
    const char *ns = r->was[0].ns, *now = kust_ns(r);
    return (fits(t, NAME, r->was[0].name) || fits(t, NAME, kust_name(r))) &&
           (fits(t, NAMESPACE, *ns ? ns : "default") ||
            fits(t, NAMESPACE, *now ? now : "default")) &&
           fits_rest(t, r, a);
}

bool kust_target_knew(const struct kust_target *t, const struct kust_resource *r, struct arena *a)
{
    for (size_t i = 0; i < r->n_was; i++)
        if (fits_names(t, r->was[i].name, r->was[i].ns))
            return fits_rest(t, r, a);
    return false;
}
