/* purl_package.c - package URLs of what is installed, and back: which type is which ecosystem. */
#include <string.h>

#include "base/own.h"
#include "scan/found.h"
#include "scan/purl.h"

/* Where a package's name is cut into namespace and name: behind the last of this character. */
static const struct mapping {
    const char *ecosystem, *type;
    char cut;
} mappings[] = {
    {"Bitnami",     "bitnami",   '\0'},
    {"CRAN",        "cran",      '\0'},
    {"CocoaPods",   "cocoapods", '\0'},
    {"ConanCenter", "conan",     '\0'},
    {"Conda",       "conda",     '\0'},
    {"Go",          "golang",    '/' },
    {"Hackage",     "hackage",   '\0'},
    {"Hex",         "hex",       '\0'},
    {"Maven",       "maven",     ':' },
    {"NuGet",       "nuget",     '\0'},
    {"Packagist",   "composer",  '/' },
    {"Pub",         "pub",       '\0'},
    {"PyPI",        "pypi",      '\0'},
    {"RubyGems",    "gem",       '\0'},
    {"SwiftURL",    "swift",     '/' },
    {"crates.io",   "cargo",     '\0'},
    {"npm",         "npm",       '/' },
};

static const char *distribution_type(const char *ecosystem)
{
    static const char *const deb[] = {"Debian", "Ubuntu"}, *const apk[] = {"Alpine", "Wolfi",
                                                                           "Chainguard",
                                                                           "Alpaquita"};
    size_t n = strcspn(ecosystem, ":");
    for (size_t i = 0; i < ARRAY_LEN(deb); i++)
        if (strlen(deb[i]) == n && strncmp(deb[i], ecosystem, n) == 0)
            return "deb";
    for (size_t i = 0; i < ARRAY_LEN(apk); i++)
        if (strlen(apk[i]) == n && strncmp(apk[i], ecosystem, n) == 0)
            return "apk";
    return "rpm";
}

static void add_qualifier(struct purl *p, const char *key, const char *value)
{
    p->qualifiers[p->n++] = (struct purl_qualifier){key, value};
}

static void of_distribution(struct purl *p, const struct package *k, const struct inventory *os,
                            struct arena *a)
{
    p->type = distribution_type(k->ecosystem);
    p->namespace = *os->os_id ? os->os_id : found__distribution_id(k->ecosystem);
    p->name = k->binary;
    if (*os->os_version)
        add_qualifier(p, "distro", arena_join(a, os->os_id, "-", os->os_version, NULL));
    if (strcmp(k->name, k->binary) != 0)
        add_qualifier(p, "upstream", k->name);
    const char *colon = strcmp(p->type, "rpm") == 0 ? strchr(k->version, ':') : NULL;
    if (colon) {
        add_qualifier(p, "epoch", arena_strndup(a, k->version, (size_t)(colon - k->version)));
        p->version = colon + 1;
    }
}

char *purl_of_package(const struct package *k, const struct inventory *of, struct arena *a)
{
    struct purl p = {.version = k->version};
    p.qualifiers = ARENA_ARRAY(a, struct purl_qualifier, 4);
    for (size_t i = 0; i < ARRAY_LEN(mappings) && !p.type; i++) {
        if (strcmp(mappings[i].ecosystem, k->ecosystem) != 0)
            continue;
        char *name = arena_strdup(a, k->name);
        char *cut = mappings[i].cut ? strrchr(name, mappings[i].cut) : NULL;
        p.type = mappings[i].type;
        p.name = cut ? cut + 1 : name;
        if (cut) {
            *cut = '\0';
            p.namespace = name;
        }
    }
    if (!p.type && (*of->os_id || found__distribution_id(k->ecosystem)))
        of_distribution(&p, k, of, a);
    return p.type && purl_canonical(&p, a, NULL) == 0 ? purl_print(&p, a) : NULL;
}

/* ---- and back ---- */

/* "debian-12", "opensuse-leap-15.5": the version begins with a digit. */
static bool to_distribution(const struct purl *p, struct arena *a, struct package *out)
{
    const char *distro = purl_qualifier(p, "distro"), *dash = distro ? strrchr(distro, '-') : NULL;
    const char *epoch = purl_qualifier(p, "epoch"), *upstream = purl_qualifier(p, "upstream");
    const char *id = p->namespace, *version = "";
    bool by_source;
    if (strcmp(p->type, "deb") != 0 && strcmp(p->type, "apk") != 0 && strcmp(p->type, "rpm") != 0)
        return false;
    if (dash && dash[1] >= '0' && dash[1] <= '9') {
        id = arena_strndup(a, distro, (size_t)(dash - distro));
        version = dash + 1;
    }
    out->ecosystem = id ? found__distribution(a, id, version, &by_source) : NULL;
    out->binary = p->name;
    if (upstream && out->ecosystem && by_source) {
        const char *at = strrchr(upstream, '@'); /* "name@version" of a package built elsewhere */
        out->name = at ? arena_strndup(a, upstream, (size_t)(at - upstream)) : upstream;
        if (at)
            out->version = at + 1;
    }
    if (epoch && strcmp(epoch, "0") != 0)
        out->version = arena_join(a, epoch, ":", out->version, NULL);
    return out->ecosystem != NULL;
}

bool purl_to_package(const struct purl *p, struct arena *a, struct package *out)
{
    struct package k = {.name = p->name,
                        .binary = p->name,
                        .version = p->version ? p->version : "",
                        .path = "",
                        .licence = ""};
    for (size_t i = 0; i < ARRAY_LEN(mappings); i++) {
        const char cut[] = {mappings[i].cut, '\0'};
        if (strcmp(mappings[i].type, p->type) != 0)
            continue;
        if (p->namespace && *cut)
            k.name = k.binary = arena_join(a, p->namespace, cut, p->name, NULL);
        k.ecosystem = mappings[i].ecosystem;
        *out = k;
        return true;
    }
    if (!to_distribution(p, a, &k))
        return false;
    *out = k;
    return true;
}
