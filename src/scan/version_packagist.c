/* Packagist: as PHP's version_compare(): parts at separators and where digits meet letters;
 * unknown words < dev < alpha < beta < rc < a number < pl. */
#include <string.h>

#include "base/own.h"
#include "scan/version_int.h"

enum { RANK_NUMBER = 4 };

static bool part_next(const char **at, struct version_token *t)
{
    *at += strspn(*at, ".-_+");
    const char *start = *at;
    t->number = version__digit(*start);
    *at += t->number ? strspn(start, "0123456789") : strcspn(start, ".-_+0123456789");
    t->at = start;
    t->n = (size_t)(*at - start);
    return t->n > 0;
}

static int rank(const struct version_token *t)
{
    static const struct {
        const char *prefix;
        int rank;
    } ranks[] = {
        {"dev", 0          },
        {"a",   1          },
        {"b",   2          },
        {"rc",  3          },
        {"RC",  3          },
        {"#",   RANK_NUMBER},
        {"p",   5          },
    };
    if (t->number)
        return RANK_NUMBER;
    for (size_t i = 0; i < ARRAY_LEN(ranks); i++)
        if (strncmp(t->at, ranks[i].prefix, strlen(ranks[i].prefix)) == 0)
            return ranks[i].rank;
    return -1;
}

/* What a version that goes on with `t` is to one that ended. */
static int rest(const char *at, struct version_token t)
{
    do {
        if (t.number)
            return 1;
        if (rank(&t) != RANK_NUMBER)
            return version__sign(rank(&t) - RANK_NUMBER);
    } while (part_next(&at, &t));
    return 0;
}

int version_compare_packagist(const char *a, const char *b)
{
    a = version__unprefixed(a);
    b = version__unprefixed(b);
    for (;;) {
        struct version_token x, y;
        bool more_a = part_next(&a, &x), more_b = part_next(&b, &y);
        if (!more_a && !more_b)
            return 0;
        if (!more_b)
            return rest(a, x);
        if (!more_a)
            return -rest(b, y);
        int c = x.number && y.number ? version__numbers(x.at, x.n, y.at, y.n)
                                     : version__sign(rank(&x) - rank(&y));
        if (c)
            return c;
    }
}
