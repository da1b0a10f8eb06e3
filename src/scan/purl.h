/* purl.h - package URLs: pkg:type/namespace/name@version?qualifiers#subpath (ECMA-427).
 *
 * Guarantees What purl_parse() takes is in its canonical form, so that printing it and parsing it
 *            again changes nothing. What a type prohibits or requires is refused.             */
#pragma once
#include "scan/inventory.h"

struct purl_qualifier {
    const char *key, *value;
};

struct purl {
    const char *type, *name;                   /* never empty */
    const char *namespace, *version, *subpath; /* NULL: none */
    struct purl_qualifier *qualifiers;         /* by key */
    size_t n;
};

enum { PURL_QUALIFIERS_MAX = 64, PURL_TEXT_MAX = 8192 };

int purl_parse(const char *text, struct arena *a, struct purl *out, struct err *e) MUST_CHECK;

/* Brings parts that came from elsewhere into the canonical form of their type. */
int purl_canonical(struct purl *p, struct arena *a, struct err *e) MUST_CHECK;

char *purl_print(const struct purl *p, struct arena *a);

/* A qualifier's value, or NULL. */
const char *purl_qualifier(const struct purl *p, const char *key);

/* Of a package of an inventory; NULL where its ecosystem has no type. */
char *purl_of_package(const struct package *p, const struct inventory *of, struct arena *a);

/* The ecosystem, name and version that a package URL stands for; false where OSV has no such
 * ecosystem. Texts are new or borrowed from `p`. */
bool purl_to_package(const struct purl *p, struct arena *a, struct package *out);
