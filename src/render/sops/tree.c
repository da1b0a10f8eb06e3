/* tree.c - a tree whose encrypted files read as they were. */
#include <stdlib.h>

#include "render/sops/sops.h"

struct decrypting {
    struct tree base;
    struct tree *real;
    struct sops_source source;
    struct arena *a;
    struct sops_keys keys;
    bool asked;
};

static struct decrypting *of(struct tree *t)
{
    return container_of(t, struct decrypting, base);
}

static int decrypting_stat(struct tree *t, const char *path, enum tree_kind *out, struct err *e)
{
    return tree_stat(of(t)->real, path, out, e);
}

static int decrypting_list(struct tree *t, const char *dir, struct arena *a,
                           struct tree_entry **out, size_t *n, struct err *e)
{
    return tree_list(of(t)->real, dir, a, out, n, e);
}

static int decrypting_read(struct tree *t, const char *path, struct arena *a, const char **out,
                           size_t *n, struct err *e)
{
    struct decrypting *d = of(t);
    int rc = tree_read(d->real, path, a, out, n, e);
    if (rc < 0 || !sops_is(path, *out, *n))
        return rc;
    if (!d->asked)
        rc = d->source.keys(d->source.arg, d->a, &d->keys, e);
    if (rc < 0)
        return rc;
    d->asked = true;
    return sops_decrypt(path, *out, *n, &d->keys, a, out, n, e);
}

static void decrypting_free(struct tree *t)
{
    arena_free(of(t)->a);
    free(of(t));
}

static const struct tree_ops ops = {"decrypting", decrypting_stat, decrypting_read, decrypting_list,
                                    decrypting_free};

struct tree *sops_tree(struct tree *real, const struct sops_source *source)
{
    struct decrypting *d = calloc(1, sizeof *d);
    if (!d)
        abort();
    *d = (struct decrypting){
        .base = {&ops}, .real = real, .source = *source, .a = arena_new(1 << 22)};
    return &d->base;
}
