/* images and replicas. */
#include "render/kustomize/kust_int.h"

struct image {
    const char *name, *tag, *digest; /* "" when absent; tag with ':', digest with '@' left out */
};

static struct image image_split(struct arena *a, const char *text)
{
    struct image i = {.tag = "", .digest = ""};
    const char *at = strchr(text, '@');
    size_t n = at ? (size_t)(at - text) : strlen(text);
    const char *slash = memrchr(text, '/', n);
    const char *from = slash ? slash : text;
    const char *colon = memchr(from, ':', n - (size_t)(from - text));
    if (at)
        i.digest = arena_strdup(a, at + 1);
    if (colon)
        i.tag = arena_strndup(a, colon + 1, n - (size_t)(colon + 1 - text));
    i.name = arena_strndup(a, text, colon ? (size_t)(colon - text) : n);
    return i;
}

struct swap {
    struct arena *a;
    const char *name, *new_name, *new_tag, *digest, *tag_suffix;
};

static int swap_image(void *arg, struct value *at, struct err *e)
{
    struct swap *s = arg;
    (void)e;
    if (!value_is(at, VALUE_STRING))
        return 0;
    struct image i = image_split(s->a, at->text);
    if (strcmp(i.name, s->name) != 0)
        return 0;
    if (*s->new_name)
        i.name = s->new_name;
    if (*s->new_tag)
        i.tag = s->new_tag, i.digest = "";
    if (*s->digest)
        i.digest = s->digest, i.tag = *s->new_tag ? s->new_tag : "";
    if (*s->tag_suffix)
        i.tag = arena_printf(s->a, "%s%s", i.tag, s->tag_suffix);
    uint32_t line = at->line;
    *at = *value_new_strf(s->a, "%s%s%s%s%s", i.name, *i.tag ? ":" : "", i.tag,
                          *i.digest ? "@" : "", i.digest);
    at->line = line;
    return 0;
}

/* Every containers and initContainers list, wherever a kind keeps it. */
static int swap_everywhere(struct swap *s, struct value *v, int depth, struct err *e)
{
    static const char *const lists[] = {"containers", "initContainers"};
    int rc = 0;
    if (depth > 64)
        return 0;
    if (value_is(v, VALUE_ARRAY)) {
        for (size_t i = 0; rc == 0 && i < value_count(v); i++)
            rc = swap_everywhere(s, &v->items[i], depth + 1, e);
        return rc;
    }
    if (!value_is(v, VALUE_OBJECT))
        return 0;
    for (size_t i = 0; rc == 0 && i < v->n; i++) {
        struct member *m = &v->members[i];
        bool list = strcmp(m->key, lists[0]) == 0 || strcmp(m->key, lists[1]) == 0;
        if (list && value_is(&m->value, VALUE_ARRAY))
            rc = kust_visit(s->a, &m->value, "image", false, swap_image, s, e);
        else
            rc = swap_everywhere(s, &m->value, depth + 1, e);
    }
    return rc;
}

int kust_images(struct kust_layer *l, struct err *e)
{
    static const char *const known[] = {"name", "newName", "newTag", "digest", "tagSuffix", NULL};
    VALUE_EACH_ITEM (entry, value_get(l->doc, "images")) {
        int rc = kust_only(l, entry, "images", known, e);
        if (rc < 0)
            return rc;
        const struct value *tag = value_get(entry, "newTag");
        struct swap s = {l->a,
                         value_at_str(entry, "name", ""),
                         value_at_str(entry, "newName", ""),
                         tag && !value_is(tag, VALUE_NULL) && tag->text ? tag->text : "",
                         value_at_str(entry, "digest", ""),
                         value_at_str(entry, "tagSuffix", "")};
        if (tag && !value_is(tag, VALUE_STRING) && !value_is(tag, VALUE_NULL))
            return kust_error(l, tag, e, "images: newTag of %s is not a string; quote it", s.name);
        if (!*s.name)
            return kust_error(l, entry, e, "images: name is missing");
        for (size_t i = 0; rc == 0 && i < l->set->n; i++)
            if (strcmp(kust_kind(l->set->items[i]), "CustomResourceDefinition") != 0)
                rc = swap_everywhere(&s, l->set->items[i]->object, 0, e);
        if (rc == 0)
            rc = kust_at_places(l, "images", swap_image, &s, e);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int set_count(void *arg, struct value *at, struct err *e)
{
    (void)e;
    *at = *(const struct value *)arg;
    return 0;
}

/* Whether it ever had the name, and had it as one that is counted here. */
static bool counted(const struct kust_resource *r, const struct kust_place *p, const char *name)
{
    for (size_t k = 0; k < r->n_was; k++)
        if (strcmp(r->was[k].name, name) == 0)
            return kust_place_fits(p, r);
    return false;
}

int kust_replicas(struct kust_layer *l, struct err *e)
{
    static const char *const known[] = {"name", "count", NULL};
    size_t n;
    const struct kust_place *places = kust_places(l, "replicas", &n);
    VALUE_EACH_ITEM (entry, value_get(l->doc, "replicas")) {
        const char *name = value_at_str(entry, "name", "");
        const struct value *count = value_get(entry, "count");
        bool found = false;
        int rc = kust_only(l, entry, "replicas", known, e);
        if (rc < 0)
            return rc;
        if (!value_is(count, VALUE_INT))
            return kust_error(l, entry, e, "replicas: count of \"%s\" is not a number", name);
        for (size_t i = 0; i < l->set->n * n; i++) {
            struct kust_resource *r = l->set->items[i / n];
            const struct kust_place *p = &places[i % n];
            if (!counted(r, p, name))
                continue;
            found = true;
            rc = kust_visit(l->a, r->object, p->path, p->create, set_count, value_copy(l->a, count),
                            e);
            if (rc < 0)
                return rc;
        }
        if (!found)
            return kust_error(l, entry, e, "replicas: nothing that scales is named \"%s\"", name);
    }
    return 0;
}
