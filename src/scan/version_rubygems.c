/* RubyGems: numbers and words; a word makes a prerelease, a dash is ".pre.". Zeros at the end of
 * the release and of the prerelease do not count. */
#include <string.h>

#include "scan/version_int.h"

struct gem {
    struct version_token parts[VERSION_TOKENS];
    size_t n;
};

static bool word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static void drop_zeros(struct gem *g)
{
    while (g->n && version__is_zero(&g->parts[g->n - 1]))
        g->n--;
}

static void gem_push(struct gem *g, const char *at, size_t n, bool *prerelease)
{
    if (g->n == VERSION_TOKENS)
        return;
    bool number = version__digit(*at);
    if (!number && !*prerelease)
        drop_zeros(g);
    *prerelease = *prerelease || !number;
    g->parts[g->n++] = (struct version_token){.at = at, .n = n, .number = number};
}

static void gem_parse(const char *v, struct gem *g)
{
    bool prerelease = false;
    g->n = 0;
    while (*v) {
        const char *start = v;
        if (version__digit(*v))
            v += strspn(v, "0123456789");
        else
            while (word(*v))
                v++;
        if (v > start)
            gem_push(g, start, (size_t)(v - start), &prerelease);
        else if (*v++ == '-')
            gem_push(g, "pre", 3, &prerelease);
    }
    drop_zeros(g);
}

static int part_compare(const struct version_token *a, const struct version_token *b)
{
    if (a->number != b->number)
        return a->number ? 1 : -1;
    return a->number ? version__numbers(a->at, a->n, b->at, b->n)
                     : version__text(a->at, a->n, b->at, b->n);
}

int version_compare_rubygems(const char *a, const char *b)
{
    static const struct version_token zero = {.at = "0", .n = 1, .number = true};
    struct gem x, y;
    gem_parse(a, &x);
    gem_parse(b, &y);
    for (size_t i = 0; i < x.n || i < y.n; i++) {
        int c = part_compare(i < x.n ? &x.parts[i] : &zero, i < y.n ? &y.parts[i] : &zero);
        if (c)
            return c;
    }
    return 0;
}
