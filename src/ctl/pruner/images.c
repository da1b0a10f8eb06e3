/* images.c - limits by number and age over the images of each repository. */
#include "ctl/pruner/images.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "codec/glob.h"
#include "oci/reference.h"

enum { HEX = 64, WORD_MAX = 512, DEPTH_MAX = 64 };

struct image {
    const char *repository, *digest;
    const char *const *children;
    int64_t newest_ms;
    bool used;
    const char *why; /* it goes; NULL: it stays */
};

/* ---- what is in use ---- */

static void use_digests(struct map *used, const char *text)
{
    for (const char *at = text; (at = strstr(at, "sha256:")); at += 7) {
        char digest[7 + HEX + 1];
        if (strspn(at + 7, "0123456789abcdef") < HEX)
            continue;
        (void)snprintf(digest, sizeof digest, "%.*s", 7 + HEX, at);
        (void)map_put(used, digest, used);
    }
}

/* Whatever the host: the registry has several names. */
static void use_word(struct map *used, const char *word, size_t n)
{
    AUTO(arena) struct arena *a = arena_new(1 << 16);
    struct reference r;
    if (n == 0 || n > WORD_MAX || reference_parse(arena_strndup(a, word, n), a, &r, NULL) < 0)
        return;
    const char *path = r.path;
    const char *tag = r.tag ? r.tag : "latest";
    (void)map_put(used, arena_printf(a, "%s:%s", path, tag), used);
    if (strncmp(path, "library/", 8) == 0)
        (void)map_put(used, arena_printf(a, "%s:%s", path + 8, tag), used);
}

static void use_text(struct map *used, const char *text)
{
    static const char gaps[] = " \t\r\n\"'`=,;()<>[]{}|";
    use_digests(used, text);
    for (const char *at = text; *at;) {
        size_t n = strcspn(at, gaps);
        use_word(used, at, n);
        at += n;
        at += strspn(at, gaps);
    }
}

static void use_tree(struct map *used, const struct value *v, bool take, int depth)
{
    if (depth > DEPTH_MAX)
        return;
    if (take && value_is(v, VALUE_STRING))
        use_text(used, value_str(v, ""));
    VALUE_EACH_ITEM (item, v)
        use_tree(used, item, take, depth + 1);
    VALUE_EACH_MEMBER (m, v) {
        bool image = strcmp(m->key, "image") == 0 || strcmp(m->key, "imageID") == 0;
        use_tree(used, &m->value, take || image, depth + 1);
    }
}

void image_prune_use(struct map *used, const struct value *tree, bool only_images)
{
    use_tree(used, tree, !only_images, 0);
}

/* ---- images from tags ---- */

/* The digest that a tag like sha256-HEX.sig is about; false: it is a tag as any other. */
static bool subject_of(const char *tag, char out[7 + HEX + 1])
{
    if (strncmp(tag, "sha256-", 7) != 0 || strspn(tag + 7, "0123456789abcdef") != HEX)
        return false;
    (void)snprintf(out, 7 + HEX + 1, "sha256:%.*s", HEX, tag + 7);
    return true;
}

static int by_digest(const void *x, const void *y)
{
    const struct image_tag *a = *(const struct image_tag *const *)x;
    const struct image_tag *b = *(const struct image_tag *const *)y;
    int c = strcmp(a->repository, b->repository);
    return c ? c : strcmp(a->digest, b->digest);
}

/* What is said of a repository itself, or of the first pattern that it matches. */
static const struct value *own_limits(const struct image_prune_view *v, const char *repository)
{
    const struct value *all = value_get(v->config, "repositories");
    const struct value *own = value_get(all, repository);
    if (own)
        return own;
    VALUE_EACH_MEMBER (m, all)
        if (glob_match(m->key, repository, 0))
            return &m->value;
    return NULL;
}

static bool keeps_tag(const struct image_prune_view *v, const struct image_tag *t)
{
    const struct value *own = value_get(own_limits(v, t->repository), "keepTags");
    VALUE_EACH_ITEM (pattern, own ? own : value_get(v->config, "keepTags"))
        if (glob_match(value_str(pattern, ""), t->tag, GLOB_FLAT))
            return true;
    return false;
}

static bool tag_used(const struct image_prune_view *v, const struct image_tag *t, struct arena *a)
{
    bool used = map_has(v->used, t->digest) ||
                map_has(v->used, arena_printf(a, "%s:%s", t->repository, t->tag)) ||
                t->set_ms >= v->busy_since_ms || keeps_tag(v, t);
    for (const char *const *c = t->children; c && *c; c++)
        used |= map_has(v->used, *c);
    return used;
}

static size_t gather(const struct image_prune_view *v, struct arena *a, struct image *out)
{
    const struct image_tag **list = ARENA_ARRAY(a, const struct image_tag *, v->n_tags + 1);
    char about[7 + HEX + 1];
    size_t n = 0, images = 0;
    for (size_t i = 0; i < v->n_tags; i++) {
        if (!subject_of(v->tags[i].tag, about))
            list[n++] = &v->tags[i];
    }
    qsort(list, n, sizeof *list, by_digest);
    for (size_t i = 0; i < n; i++) {
        const struct image_tag *t = list[i];
        if (i == 0 || by_digest(&list[i - 1], &list[i]) != 0)
            out[images++] = (struct image){.repository = t->repository,
                                           .digest = t->digest,
                                           .children = t->children,
                                           .newest_ms = t->set_ms};
        struct image *x = &out[images - 1];
        x->used |= tag_used(v, t, a);
        if (t->set_ms > x->newest_ms)
            x->newest_ms = t->set_ms;
    }
    return images;
}

/* Is a tag about `digest` one of this image? */
static bool covers(const struct image *x, const char *repository, const char *digest)
{
    bool yes = strcmp(x->digest, digest) == 0;
    for (const char *const *c = x->children; c && *c; c++)
        yes |= strcmp(*c, digest) == 0;
    return yes && strcmp(x->repository, repository) == 0;
}

static void use_subjects(const struct image_prune_view *v, struct arena *a, struct image *list,
                         size_t n)
{
    char about[7 + HEX + 1];
    for (size_t i = 0; i < v->n_tags; i++) {
        const struct image_tag *t = &v->tags[i];
        if (!subject_of(t->tag, about) || !tag_used(v, t, a))
            continue;
        for (size_t k = 0; k < n; k++)
            list[k].used |= covers(&list[k], t->repository, about);
    }
}

/* ---- which of them go ---- */

static int64_t limit_of(const struct image_prune_view *v, const char *repository, const char *key)
{
    const struct value *own = own_limits(v, repository);
    return value_int(value_get(own, key), value_int(value_get(v->config, key), -1));
}

/* Newest first within a repository. */
static int by_age(const void *x, const void *y)
{
    const struct image *a = x, *b = y;
    int c = strcmp(a->repository, b->repository);
    if (c)
        return c;
    if (a->newest_ms != b->newest_ms)
        return a->newest_ms > b->newest_ms ? -1 : 1;
    return strcmp(a->digest, b->digest);
}

/* Says how long it is until the next one is too old. */
static int64_t choose(const struct image_prune_view *v, struct arena *a, struct image *list,
                      size_t n)
{
    int64_t next_ms = INT64_MAX;
    int64_t place = 0;
    for (size_t i = 0; i < n; i++) {
        struct image *x = &list[i];
        place = i > 0 && strcmp(x->repository, list[i - 1].repository) == 0 ? place + 1 : 0;
        int64_t keep = limit_of(v, x->repository, "historyLimit");
        int64_t ttl = limit_of(v, x->repository, "ttlSeconds");
        char kept[CLOCK_TEXT_MAX];
        if (place == 0 || x->used)
            continue;
        int64_t left_ms = ttl < 0 ? INT64_MAX : ttl * 1000 - (v->now_ms - x->newest_ms);
        if (keep >= 0 && place >= keep) {
            x->why = arena_printf(a, "%lld newer ones are kept", (long long)keep);
        } else if (left_ms <= 0) {
            clock_format_duration(ttl * 1000000000, kept);
            x->why = arena_printf(a, "it is kept for %s", kept);
        } else if (left_ms < next_ms) {
            next_ms = left_ms;
        }
    }
    return next_ms;
}

/* Why a tag goes: with its image, or with all the images that it is about. */
static const char *why_of(const struct image_tag *t, const struct image *list, size_t n)
{
    char about[7 + HEX + 1];
    bool is_about = subject_of(t->tag, about);
    const char *why = NULL;
    for (size_t i = 0; i < n; i++) {
        const struct image *x = &list[i];
        bool same = is_about ? covers(x, t->repository, about)
                             : strcmp(x->repository, t->repository) == 0 &&
                                   strcmp(x->digest, t->digest) == 0;
        if (same && !x->why)
            return NULL;
        if (same)
            why = x->why;
    }
    return why;
}

void image_prune_plan(const struct image_prune_view *v, struct arena *a,
                      struct image_prune_plan *out)
{
    *out = (struct image_prune_plan){.next_ms = INT64_MAX};
    if (!v->config)
        return;
    struct image *list = ARENA_ARRAY(a, struct image, v->n_tags + 1);
    size_t n = gather(v, a, list);
    use_subjects(v, a, list, n);
    qsort(list, n, sizeof *list, by_age);
    out->next_ms = choose(v, a, list, n);
    out->remove = ARENA_ARRAY(a, struct image_prune_action, v->n_tags + 1);
    for (size_t i = 0; i < v->n_tags; i++) {
        const char *why = why_of(&v->tags[i], list, n);
        if (why)
            out->remove[out->n++] = (struct image_prune_action){&v->tags[i], why};
    }
}
