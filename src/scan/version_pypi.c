/* PyPI: PEP 440. What that does not allow is older than all it allows and ordered as setuptools
 * did before: by numbers and words. */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/own.h"
#include "scan/version_int.h"

struct span {
    const char *at;
    size_t n;
};

struct pep440 {
    struct span epoch, release, pre, post, dev, local;
    int phase; /* PHASE_… */
    bool has_post, has_dev, has_local;
};

enum { PHASE_ALPHA = 1, PHASE_BETA, PHASE_RC, PHASE_FINAL };

struct word {
    const char *text;
    int phase;
};

/* ---- reading ---- */

static struct span take_number(const char **v)
{
    struct span s = {*v, strspn(*v, "0123456789")};
    *v += s.n;
    return s;
}

/* [-_.] word [-_.] number, all but the word optional. 0: not there. */
static int take_tagged(const char **v, const struct word *words, size_t n, struct span *number)
{
    const char *at = *v;
    at += *at && strchr("-_.", *at);
    for (size_t i = 0; i < n; i++) {
        size_t len = strlen(words[i].text);
        if (strncasecmp(at, words[i].text, len) != 0)
            continue;
        at += len;
        at += *at && strchr("-_.", *at);
        *number = take_number(&at);
        *v = at;
        return words[i].phase;
    }
    return 0;
}

static void take_release(const char **v, struct pep440 *p)
{
    p->release = take_number(v);
    if (**v == '!') {
        p->epoch = p->release;
        ++*v;
        p->release = take_number(v);
    }
    while (**v == '.' && version__digit((*v)[1])) {
        ++*v;
        (void)take_number(v);
    }
    p->release.n = (size_t)(*v - p->release.at);
}

static void take_tags(const char **v, struct pep440 *p)
{
    static const struct word pre[] = {
        {"alpha",   PHASE_ALPHA},
        {"a",       PHASE_ALPHA},
        {"beta",    PHASE_BETA },
        {"b",       PHASE_BETA },
        {"preview", PHASE_RC   },
        {"pre",     PHASE_RC   },
        {"rc",      PHASE_RC   },
        {"c",       PHASE_RC   },
    };
    static const struct word post[] = {
        {"post", 1},
        {"rev",  1},
        {"r",    1}
    };
    static const struct word dev[] = {
        {"dev", 1}
    };
    int phase = take_tagged(v, pre, ARRAY_LEN(pre), &p->pre);
    p->phase = phase ? phase : PHASE_FINAL;
    if (**v == '-' && version__digit((*v)[1])) {
        ++*v;
        p->post = take_number(v);
        p->has_post = true;
    } else {
        p->has_post = take_tagged(v, post, ARRAY_LEN(post), &p->post) != 0;
    }
    p->has_dev = take_tagged(v, dev, ARRAY_LEN(dev), &p->dev) != 0;
}

static bool take_local(const char **v, struct pep440 *p)
{
    if (**v != '+')
        return true;
    p->has_local = true;
    p->local.at = ++*v;
    for (bool wants = true;; ++*v) {
        bool alnum = isalnum((unsigned char)**v);
        if (!alnum && (wants || !**v || !strchr("-_.", **v)))
            break;
        wants = !alnum;
    }
    p->local.n = (size_t)(*v - p->local.at);
    return p->local.n > 0 && isalnum((unsigned char)(*v)[-1]);
}

static bool pep440_parse(const char *v, struct pep440 *p)
{
    *p = (struct pep440){
        .epoch = {"", 0},
          .pre = {"", 0},
          .post = {"", 0},
          .dev = {"", 0}
    };
    v += strspn(v, " \t\r\n\f\v");
    v += *v == 'v' || *v == 'V';
    take_release(&v, p);
    if (p->release.n == 0)
        return false;
    take_tags(&v, p);
    return take_local(&v, p) && v[strspn(v, " \t\r\n\f\v")] == '\0';
}

/* ---- the order ---- */

static int span_numbers(struct span a, struct span b)
{
    return version__numbers(a.at, a.n, b.at, b.n);
}

static struct span list_next(struct span *list, const char *separators)
{
    struct span s = {list->at, 0};
    while (s.n < list->n && !strchr(separators, list->at[s.n]))
        s.n++;
    size_t used = s.n + (s.n < list->n);
    list->at += used;
    list->n -= used;
    return s;
}

static int releases(struct span a, struct span b)
{
    while (a.n || b.n) {
        int c = span_numbers(list_next(&a, "."), list_next(&b, "."));
        if (c)
            return c;
    }
    return 0;
}

static int locals(struct span a, struct span b)
{
    while (a.n && b.n) {
        struct span x = list_next(&a, "-_."), y = list_next(&b, "-_.");
        bool nx = strspn(x.at, "0123456789") >= x.n, ny = strspn(y.at, "0123456789") >= y.n;
        if (nx != ny)
            return nx ? 1 : -1;
        int c = nx ? span_numbers(x, y) : version__text_nocase(x.at, x.n, y.at, y.n);
        if (c)
            return c;
    }
    return (a.n > 0) - (b.n > 0);
}

/* 1.0.dev1 comes before 1.0a1, though it has no phase of its own. */
static int phase(const struct pep440 *p)
{
    return p->phase == PHASE_FINAL && !p->has_post && p->has_dev ? 0 : p->phase;
}

static int pep440_compare(const struct pep440 *a, const struct pep440 *b)
{
    int c = span_numbers(a->epoch, b->epoch);
    if (!c)
        c = releases(a->release, b->release);
    if (!c)
        c = version__sign(phase(a) - phase(b));
    if (!c)
        c = span_numbers(a->pre, b->pre);
    if (!c)
        c = a->has_post - b->has_post;
    if (!c)
        c = span_numbers(a->post, b->post);
    if (!c)
        c = b->has_dev - a->has_dev;
    if (!c)
        c = span_numbers(a->dev, b->dev);
    if (!c)
        c = a->has_local - b->has_local;
    return c || !a->has_local ? c : locals(a->local, b->local);
}

/* ---- before PEP 440 ---- */

/* Numbers and words; a dash is the word "final-", and so is the end, without the dash. */
static bool legacy_next(const char **v, struct version_token *t)
{
    *v += strcspn(*v, "-abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789");
    const char *start = *v;
    if (*start == '-') {
        ++*v;
        *t = (struct version_token){.at = "final-", .n = 6};
        return true;
    }
    bool number = version__digit(*start);
    while (number ? version__digit(**v) : isalpha((unsigned char)**v))
        ++*v;
    *t = (struct version_token){.at = start, .n = (size_t)(*v - start), .number = number};
    if (t->n == 0)
        *t = (struct version_token){.at = "final", .n = 5};
    return *start != '\0';
}

/* The words of prereleases, spelt so that their bytes are in order: dev, …, rc, final. */
static void legacy_spell(struct version_token *t)
{
    static const struct {
        const char *word, *spelt;
    } words[] = {
        {"dev",     "@"},
        {"pre",     "c"},
        {"preview", "c"},
        {"rc",      "c"}
    };
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (strlen(words[i].word) == t->n && strncasecmp(t->at, words[i].word, t->n) == 0)
            *t = (struct version_token){.at = words[i].spelt, .n = 1};
}

static int legacy_compare(const char *a, const char *b)
{
    for (;;) {
        struct version_token x, y;
        bool more_a = legacy_next(&a, &x), more_b = legacy_next(&b, &y);
        legacy_spell(&x);
        legacy_spell(&y);
        if (x.number != y.number)
            return x.number ? 1 : -1;
        int c = x.number ? version__numbers(x.at, x.n, y.at, y.n)
                         : version__text_nocase(x.at, x.n, y.at, y.n);
        if (c || (!more_a && !more_b))
            return c;
    }
}

int version_compare_pypi(const char *a, const char *b)
{
    struct pep440 x, y;
    bool new_a = pep440_parse(a, &x), new_b = pep440_parse(b, &y);
    if (new_a != new_b)
        return new_a ? 1 : -1;
    return new_a ? pep440_compare(&x, &y) : legacy_compare(a, b);
}
