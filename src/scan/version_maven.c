/* Maven: parts at '.', '-' and where digits meet letters; a dash stands in front of every word.
 * Nulls ("", 0, final, ga, release) before a dash or the end are dropped; then part by part:
 * words < "-1" < ".1", known words around the release, others behind sp by name. */
#include <string.h>
#include <strings.h>

#include "base/own.h"
#include "scan/version_int.h"

struct maven {
    struct version_token parts[VERSION_TOKENS];
    size_t n;
};

enum { RANK_RELEASE = 5, RANK_OTHER = 7 };

static bool is_word(const struct version_token *t, const char *word)
{
    return strlen(word) == t->n && strncasecmp(t->at, word, t->n) == 0;
}

static int rank(const struct version_token *t)
{
    static const struct {
        const char *word;
        int rank;
    } ranks[] = {
        {"alpha",     0           },
        {"beta",      1           },
        {"milestone", 2           },
        {"rc",        3           },
        {"cr",        3           },
        {"snapshot",  4           },
        {"",          RANK_RELEASE},
        {"final",     RANK_RELEASE},
        {"ga",        RANK_RELEASE},
        {"release",   RANK_RELEASE},
        {"sp",        6           },
    };
    /* One letter is short for a word only right in front of a number. */
    if (t->n == 1 && version__digit(t->at[1]))
        switch (t->at[0] | 0x20) {
        case 'a':
            return 0;
        case 'b':
            return 1;
        case 'm':
            return 2;
        default:
            return RANK_OTHER;
        }
    for (size_t i = 0; i < ARRAY_LEN(ranks); i++)
        if (is_word(t, ranks[i].word))
            return ranks[i].rank;
    return RANK_OTHER;
}

static bool is_null(const struct version_token *t)
{
    return t->number ? version__is_zero(t) : rank(t) == RANK_RELEASE;
}

static void drop_nulls(struct maven *m)
{
    while (m->n > 1 && is_null(&m->parts[m->n - 1]))
        m->n--;
}

static size_t part_length(const char *v)
{
    return version__digit(*v) ? strspn(v, "0123456789") : strcspn(v, ".-0123456789");
}

static void maven_parse(const char *v, struct maven *m)
{
    char before = '.';
    m->n = 0;
    while (m->n < VERSION_TOKENS) {
        struct version_token t = {.at = v, .n = part_length(v), .before = before};
        t.number = t.n == 0 || version__digit(*v);
        if (!t.number)
            t.before = '-'; /* 1.0.RC1 is 1.0-RC1 */
        if (t.before == '-')
            drop_nulls(m);
        m->parts[m->n++] = t;
        v += t.n;
        if (!*v)
            break;
        before = *v == '.' ? '.' : '-';
        v += *v == '.' || *v == '-';
    }
    drop_nulls(m);
}

static int group(const struct version_token *t)
{
    return !t->number ? 0 : t->before == '-' ? 1 : 2;
}

static int part_compare(const struct version_token *a, const struct version_token *b)
{
    if (group(a) != group(b))
        return group(a) < group(b) ? -1 : 1;
    if (a->number)
        return version__numbers(a->at, a->n, b->at, b->n);
    int ra = rank(a), rb = rank(b);
    if (ra != rb || ra != RANK_OTHER)
        return version__sign(ra - rb);
    return version__text_nocase(a->at, a->n, b->at, b->n);
}

/* What stands where a version has no more parts: a null of the other's kind. */
static struct version_token padding(const struct version_token *other)
{
    return (struct version_token){
        .at = "",
        .number = other->number && other->before == '.',
        .before = other->before,
    };
}

int version_compare_maven(const char *a, const char *b)
{
    struct maven x, y;
    maven_parse(a, &x);
    maven_parse(b, &y);
    for (size_t i = 0; i < x.n || i < y.n; i++) {
        struct version_token p = i < x.n ? x.parts[i] : padding(&y.parts[i]);
        struct version_token q = i < y.n ? y.parts[i] : padding(&x.parts[i]);
        int c = part_compare(&p, &q);
        if (c)
            return c;
    }
    return 0;
}
