#include <string.h>

#include "oci/images.h"

static size_t count_of(const char *const *list)
{
    size_t n = 0;
    while (list && list[n])
        n++;
    return n;
}

/* "A=B" into its halves. */
static int split_pair(const char *what, const char *text, struct arena *a, const char **left,
                      const char **right, struct err *e)
{
    const char *equals = strchr(text, '=');
    if (!equals || equals == text || !equals[1])
        return err_set(e, ERR_INVALID, "%s %s: it needs the form A=B", what, text);
    *left = arena_strndup(a, text, (size_t)(equals - text));
    *right = equals + 1;
    return 0;
}

int image_sources_read(const char *const *mirrors, const char *const *aliases, struct arena *a,
                       struct image_store_opts *o, struct err *e)
{
    size_t n_mirrors = count_of(mirrors), n_aliases = count_of(aliases);
    struct image_mirror *m = ARENA_ARRAY(a, struct image_mirror, n_mirrors + 1);
    struct image_alias *l = ARENA_ARRAY(a, struct image_alias, n_aliases + 1);
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < n_mirrors; i++) {
        rc = split_pair("--registry-mirror", mirrors[i], a, &m[i].host, &m[i].url, e);
        m[i].insecure = rc == 0 && strncmp(m[i].url, "http://", 7) == 0;
    }
    for (size_t i = 0; rc == 0 && i < n_aliases; i++)
        rc = split_pair("--image-alias", aliases[i], a, &l[i].from, &l[i].to, e);
    if (rc < 0)
        return rc;
    o->mirrors = m;
    o->n_mirrors = n_mirrors;
    o->aliases = l;
    o->n_aliases = n_aliases;
    return 0;
}
