/* semver.h - semantic versions and ranges of them, as Helm and Kustomize understand them
 * (github.com/Masterminds/semver v3).
 *
 * Model      A version may have a leading v and one to three numbers. A constraint is
 *            "^1.2 || >=2.0, <3.0-0": = != > < >= <= ~ ^, wildcards (x X *), hyphen ranges;
 *            a pre-release matches only where the constraint has one.                  */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"

struct semver {
    uint64_t major, minor, patch;
    const char *pre;   /* "" when there is none */
    const char *build; /* "" when there is none */
};

int semver_parse(struct arena *a, const char *text, struct semver *out, struct err *e) MUST_CHECK;

/* Only MAJOR.MINOR.PATCH with the optional parts, no leading v (StrictNewVersion). */
int semver_parse_strict(struct arena *a, const char *text, struct semver *out,
                        struct err *e) MUST_CHECK;

/* -1, 0, 1; build metadata does not count. */
int semver_cmp(const struct semver *a, const struct semver *b);

/* "1.2.3-rc.1+b5" */
char *semver_text(struct arena *a, const struct semver *v);

struct semver_range;
int semver_range_parse(struct arena *a, const char *text, struct semver_range **out,
                       struct err *e) MUST_CHECK;
bool semver_range_has(const struct semver_range *r, const struct semver *v);
