/* cvss4.c - the base score of a CVSS 4.0 vector, as its specification (section 8.2) defines it.
 *
 * The metrics make six equivalence classes; each combination of levels (a macro vector) has a
 * score, given by experts, of its worst vector. A milder vector of the same combination loses a
 * share of the way to the next milder combination. */
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/own.h"
#include "scan/severity.h"

enum { AV, PR, UI, AC, AT, VC, VI, VA, SC, SI, SA, E, CR, IR, AR, METRICS };

static const struct {
    const char *name;
    const char *letters; /* from the worst; what is not said is the first */
    bool wanted;
} metrics[METRICS] = {
    [AV] = {"AV", "NALP", true },
      [PR] = {"PR", "NLH",  true },
      [UI] = {"UI", "NPA",  true },
    [AC] = {"AC", "LH",   true },
      [AT] = {"AT", "NP",   true },
      [VC] = {"VC", "HLN",  true },
    [VI] = {"VI", "HLN",  true },
      [VA] = {"VA", "HLN",  true },
      [SC] = {"SC", "SHLN", true },
    [SI] = {"SI", "SHLN", true },
      [SA] = {"SA", "SHLN", true },
      [E] = {"E",  "APU",  false},
    [CR] = {"CR", "HML",  false},
      [IR] = {"IR", "HML",  false},
      [AR] = {"AR", "HML",  false},
};

/* By the levels of classes 1 and 2, then of 3 with 6 (00, 01, 10, 11, 21), 4 and 5; in tenths. */
static const unsigned char scores[6][45] = {
    {100, 98, 95, 100, 93, 91, 93, 89, 81, 99, 95, 92, 96, 87, 81, 90, 80, 68, 98, 95, 90, 93, 89,
     81, 88, 78, 69, 95, 92, 84, 92, 81, 65, 80, 70, 48, 92, 82, 72, 79, 69, 50, 69, 55, 27},
    {99,  95, 92, 95,  90, 84, 92, 82, 72, 97, 92, 85, 91, 83, 71, 81, 71, 53, 95, 92, 85, 92, 80,
     70, 84, 71, 50, 93, 85, 73, 82, 72, 59, 70, 52, 30, 86, 75, 52, 71, 52, 29, 63, 29, 17},
    {98,  94, 91, 94,  86, 77, 87, 74, 63, 95, 87, 81, 89, 74, 64, 75, 63, 49, 94, 88, 76, 86, 74,
     59, 72, 57, 52, 89, 77, 67, 76, 58, 50, 57, 52, 25, 83, 70, 54, 65, 58, 26, 53, 21, 13},
    {95,  88, 76, 90,  75, 61, 77, 68, 52, 90, 76, 70, 77, 62, 53, 66, 59, 30, 89, 76, 62, 74, 57,
     47, 61, 57, 24, 78, 67, 58, 59, 57, 23, 52, 29, 16, 71, 59, 30, 58, 26, 15, 23, 13, 6 },
    {93,  86, 75, 86,  74, 56, 70, 52, 40, 87, 72, 58, 74, 61, 34, 54, 40, 22, 85, 74, 62, 72, 55,
     46, 53, 34, 19, 75, 55, 51, 57, 41, 19, 36, 19, 8,  64, 51, 20, 47, 21, 11, 24, 9,  4 },
    {88,  73, 60, 73,  59, 41, 54, 45, 20, 75, 53, 50, 55, 40, 20, 43, 22, 11, 75, 58, 40, 61, 48,
     20, 46, 17, 8,  55, 45, 21, 51, 18, 9,  18, 7,  2,  53, 24, 14, 24, 12, 5,  10, 3,  1 },
};

/* The worst vectors of each level, as levels of their metrics; the depth is how many steps down the
 * mildest is. */
struct level {
    int depth;
    const char *worst[6]; /* digits, one for each metric of the class */
};

static const int class1[] = {AV, PR, UI, -1}, class2[] = {AC, AT, -1},
                 class36[] = {VC, VI, VA, CR, IR, AR, -1}, class4[] = {SC, SI, SA, -1};

static const struct level levels1[] = {
    {1, {"000"}              },
    {4, {"100", "010", "001"}},
    {5, {"300", "111"}       },
};
static const struct level levels2[] = {
    {1, {"00"}      },
    {2, {"10", "01"}},
};
static const struct level levels36[] = {
    {7,  {"000000"}                                        },
    {6,  {"001110", "000111"}                              },
    {8,  {"100000", "010000"}                              },
    {8,  {"101010", "100011", "010101", "011100", "110001"}},
    {10, {"111000"}                                        },
};
static const struct level levels4[] = {
    {6, {"100"}},
    {5, {"111"}},
    {4, {"222"}},
};

/* ---- a vector ---- */

/* Where a letter stands among those of its metric; -1: nowhere. A modified one counts first. */
static int position(const char *vector, const char *name, const char *letters)
{
    size_t n = strlen(name);
    for (const char *p = vector; (p = strchr(p, '/')); p++)
        if (strncmp(p + 1, name, n) == 0 && p[1 + n] == ':' && p[2 + n] && p[2 + n] != 'X') {
            const char *at = strchr(letters, p[2 + n]);
            return at ? (int)(at - letters) : -1;
        }
    return -1;
}

static bool read_vector(const char *vector, int v[METRICS])
{
    for (int i = 0; i < METRICS; i++) {
        char modified[8];
        (void)snprintf(modified, sizeof modified, "M%s", metrics[i].name);
        v[i] = i < E ? position(vector, modified, metrics[i].letters) : -1;
        int plain = position(vector, metrics[i].name, metrics[i].letters);
        if (plain < 0 && metrics[i].wanted)
            return false;
        if (v[i] < 0)
            v[i] = plain < 0 ? 0 : plain;
    }
    return true;
}

struct macro {
    int one, two, three_six, four, five;
};

static struct macro macro_of(const int v[METRICS])
{
    struct macro m = {.five = v[E]};
    bool network = v[AV] == 0, no_rights = v[PR] == 0, no_user = v[UI] == 0;
    m.one = network && no_rights && no_user                   ? 0
            : (network || no_rights || no_user) && v[AV] != 3 ? 1
                                                              : 2;
    m.two = v[AC] != 0 || v[AT] != 0;
    int three = v[VC] == 0 && v[VI] == 0 ? 0 : v[VC] == 0 || v[VI] == 0 || v[VA] == 0 ? 1 : 2;
    int six =
        !((v[CR] == 0 && v[VC] == 0) || (v[IR] == 0 && v[VI] == 0) || (v[AR] == 0 && v[VA] == 0));
    m.three_six = three == 2 ? 4 : three * 2 + six;
    m.four = v[SI] == 0 || v[SA] == 0 ? 0 : v[SC] == 1 || v[SI] == 1 || v[SA] == 1 ? 1 : 2;
    return m;
}

static double score_of(const struct macro *m)
{
    return scores[m->one * 2 + m->two][m->three_six * 9 + m->four * 3 + m->five] / 10.0;
}

/* ---- how far it is from the worst of its kind ---- */

/* The steps down from the first worst vector that is worse in every metric, of all classes. */
static int distance(const int v[METRICS], const int *class, const struct level *level)
{
    for (size_t w = 0; w < ARRAY_LEN(level->worst) && level->worst[w]; w++) {
        int sum = 0;
        for (int i = 0; class[i] >= 0; i++) {
            int steps = v[class[i]] - (level->worst[w][i] - '0');
            if (steps < 0) {
                sum = -1;
                break;
            }
            sum += steps;
        }
        if (sum >= 0)
            return sum;
    }
    return 0;
}

/* What the vector loses in one class: its share of the way to the next milder score. */
struct loss {
    double sum;
    int n;
};

static void lose(struct loss *l, double score, double next, int steps, int depth)
{
    l->sum += (score - next) * steps / depth;
    l->n++;
}

static double next36(struct macro m)
{
    static const int milder[5][2] = {
        {1, 2},
        {3, 3},
        {3, 3},
        {4, 4},
        {4, 4}
    };
    struct macro a = m, b = m;
    a.three_six = milder[m.three_six][0];
    b.three_six = milder[m.three_six][1];
    return fmax(score_of(&a), score_of(&b));
}

double severity_cvss4(const char *vector)
{
    int v[METRICS];
    if (strncmp(vector, "CVSS:4.0/", 9) != 0 || !read_vector(vector + 8, v))
        return -1;
    if (v[VC] == 2 && v[VI] == 2 && v[VA] == 2 && v[SC] == 3 && v[SI] == 3 && v[SA] == 3)
        return 0;
    struct macro m = macro_of(v), next = m;
    struct loss l = {0};
    double score = score_of(&m);
    if (m.one < 2) {
        next.one++;
        lose(&l, score, score_of(&next), distance(v, class1, &levels1[m.one]),
             levels1[m.one].depth);
        next = m;
    }
    if (m.two < 1) {
        next.two++;
        lose(&l, score, score_of(&next), distance(v, class2, &levels2[m.two]),
             levels2[m.two].depth);
        next = m;
    }
    if (m.three_six < 4)
        lose(&l, score, next36(m), distance(v, class36, &levels36[m.three_six]),
             levels36[m.three_six].depth);
    if (m.four < 2) {
        next.four++;
        lose(&l, score, score_of(&next), distance(v, class4, &levels4[m.four]),
             levels4[m.four].depth);
        next = m;
    }
    l.n += m.five < 2; /* its way exists, and no vector is within it */
    return (double)lround((score - (l.n ? l.sum / l.n : 0)) * 10 + 1e-9) / 10;
}
