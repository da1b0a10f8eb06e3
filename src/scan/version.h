/* version.h - which of two versions is newer, as each ecosystem counts.
 *
 * Ecosystems are named as in OSV: "Debian:12", "Alpine:v3.19", "Red Hat", "PyPI", "npm"; what
 * follows a colon does not matter here.                                                     */
#pragma once
#include "base/err.h"

/* *out < 0, 0, > 0. ERR_UNSUPPORTED: nobody here knows that ecosystem's order. */
int version_compare(const char *ecosystem, const char *a, const char *b, int *out,
                    struct err *e) MUST_CHECK;

int version_compare_apk(const char *a, const char *b);
int version_compare_cran(const char *a, const char *b);
int version_compare_dpkg(const char *a, const char *b);
int version_compare_hackage(const char *a, const char *b);
int version_compare_maven(const char *a, const char *b);
int version_compare_nuget(const char *a, const char *b);
int version_compare_packagist(const char *a, const char *b);
int version_compare_pub(const char *a, const char *b);
int version_compare_pypi(const char *a, const char *b);
int version_compare_rpm(const char *a, const char *b);
int version_compare_rubygems(const char *a, const char *b);
int version_compare_semver(const char *a, const char *b);
