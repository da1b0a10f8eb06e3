#include "scan/severity.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static const char *const names[] = {"UNKNOWN", "LOW", "MEDIUM", "HIGH", "CRITICAL"};

const char *severity_name(enum severity s)
{
    return names[s];
}

int severity_parse(const char *text, enum severity *out, struct err *e)
{
    for (int i = 0; i <= SEVERITY_CRITICAL; i++)
        if (strcasecmp(text, names[i]) == 0) {
            *out = (enum severity)i;
            return 0;
        }
    if (strcasecmp(text, "moderate") == 0) {
        *out = SEVERITY_MEDIUM;
        return 0;
    }
    return err_set(e, ERR_INVALID, "\"%.40s\" is no severity: low, medium, high or critical", text);
}

/* The letter behind "/NAME:" of a vector, 0 when it is not there. */
static char metric(const char *vector, const char *name)
{
    size_t n = strlen(name);
    for (const char *p = vector; (p = strchr(p, '/')); p++)
        if (strncmp(p + 1, name, n) == 0 && p[1 + n] == ':')
            return p[2 + n];
    return 0;
}

static double weight(char c, const char *letters, const double *weights)
{
    const char *p = c ? strchr(letters, c) : NULL;
    return p ? weights[p - letters] : -1;
}

/* Rounds up to one decimal, as the specification spells it out for 3.1. */
static double round_up(double v)
{
    long n = lround(v * 100000);
    return n % 10000 == 0 ? (double)n / 100000 : (floor((double)n / 10000) + 1) / 10;
}

static double cvss3(const char *vector)
{
    static const double av[] = {0.85, 0.62, 0.55, 0.2}, ac[] = {0.77, 0.44}, ui[] = {0.85, 0.62};
    static const double pr_same[] = {0.85, 0.62, 0.27}, pr_changed[] = {0.85, 0.68, 0.5};
    static const double cia[] = {0.56, 0.22, 0};
    int changed = metric(vector, "S") == 'C';
    double reach = weight(metric(vector, "AV"), "NALP", av),
           hard = weight(metric(vector, "AC"), "LH", ac);
    double rights = weight(metric(vector, "PR"), "NLH", changed ? pr_changed : pr_same);
    double user = weight(metric(vector, "UI"), "NR", ui);
    double c = weight(metric(vector, "C"), "HLN", cia), i = weight(metric(vector, "I"), "HLN", cia);
    double a = weight(metric(vector, "A"), "HLN", cia);
    if (reach < 0 || hard < 0 || rights < 0 || user < 0 || c < 0 || i < 0 || a < 0)
        return -1;
    double base = 1 - (1 - c) * (1 - i) * (1 - a);
    double impact = changed ? 7.52 * (base - 0.029) - 3.25 * pow(base - 0.02, 15) : 6.42 * base;
    if (impact <= 0)
        return 0;
    double sum = impact + 8.22 * reach * hard * rights * user;
    return round_up(fmin(changed ? 1.08 * sum : sum, 10));
}

/* Version 2 has no prefix; some write its parentheses. */
static double cvss2(const char *vector)
{
    static const double av[] = {0.395, 0.646, 1}, ac[] = {0.35, 0.61, 0.71},
                        au[] = {0.45, 0.56, 0.704};
    static const double cia[] = {0, 0.275, 0.66};
    char text[128];
    (void)snprintf(text, sizeof text, "/%s", vector + (*vector == '('));
    double reach = weight(metric(text, "AV"), "LAN", av),
           hard = weight(metric(text, "AC"), "HML", ac);
    double login = weight(metric(text, "Au"), "MSN", au), c = weight(metric(text, "C"), "NPC", cia);
    double i = weight(metric(text, "I"), "NPC", cia), a = weight(metric(text, "A"), "NPC", cia);
    if (reach < 0 || hard < 0 || login < 0 || c < 0 || i < 0 || a < 0)
        return -1;
    double impact = 10.41 * (1 - (1 - c) * (1 - i) * (1 - a)), ease = 20 * reach * hard * login;
    double score = (0.6 * impact + 0.4 * ease - 1.5) * (impact > 0 ? 1.176 : 0);
    return (double)lround(score * 10) / 10;
}

double severity_cvss(const char *vector)
{
    if (strncmp(vector, "CVSS:3.", 7) == 0)
        return cvss3(vector);
    return strncmp(vector, "CVSS:", 5) == 0 ? severity_cvss4(vector) : cvss2(vector);
}

enum severity severity_of_score(double score)
{
    return score <= 0  ? SEVERITY_UNKNOWN
           : score < 4 ? SEVERITY_LOW
           : score < 7 ? SEVERITY_MEDIUM
           : score < 9 ? SEVERITY_HIGH
                       : SEVERITY_CRITICAL;
}

/* "CVSS:4.0", "CVSS:3.1", none. */
static int generation(const char *vector)
{
    return strncmp(vector, "CVSS:", 5) == 0 ? vector[5] - '0' : 2;
}

/* The newest version; of one version the worst. */
static void take_list(const struct value *list, struct severity_score *best)
{
    VALUE_EACH_ITEM (s, list) {
        const char *vector = value_at_str(s, "score", "");
        double score = severity_cvss(vector);
        int newer = best->vector ? generation(vector) - generation(best->vector) : 1;
        if (score < 0 || newer < 0 || (newer == 0 && score <= best->score))
            continue;
        *best = (struct severity_score){severity_of_score(score), score, vector};
    }
}

struct severity_score severity_of(const struct value *record)
{
    struct severity_score s = {.level = SEVERITY_UNKNOWN};
    take_list(value_get(record, "severity"), &s);
    if (s.level == SEVERITY_UNKNOWN)
        take_list(value_at(record, "affected.severity"), &s);
    const char *said = value_at_str(record, "level", NULL);
    if (!said)
        said = value_at_str(record, "affected.ecosystem_specific.severity", NULL);
    if (!said)
        said = value_at_str(record, "affected.ecosystem_specific.urgency", NULL);
    if (s.level == SEVERITY_UNKNOWN && said)
        (void)(severity_parse(said, &s.level, NULL) == 0);
    return s;
}
