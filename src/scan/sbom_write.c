#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/map.h"
#include "base/own.h"
#include "scan/purl.h"
#include "scan/sbom.h"

/* SPDX's names for the licences that packages mostly have; others are given by what they say. */
static bool is_spdx_licence(const char *s)
{
    static const char *const ids[] = {
        "0BSD",
        "AFL-2.1",
        "AGPL-3.0-only",
        "Apache-2.0",
        "Artistic-2.0",
        "BSD-2-Clause",
        "BSD-3-Clause",
        "BSL-1.0",
        "CC-BY-3.0",
        "CC-BY-4.0",
        "CC0-1.0",
        "EPL-1.0",
        "EPL-2.0",
        "GPL-2.0-only",
        "GPL-2.0-or-later",
        "GPL-3.0-only",
        "GPL-3.0-or-later",
        "ISC",
        "LGPL-2.1-only",
        "LGPL-2.1-or-later",
        "LGPL-3.0-only",
        "LGPL-3.0-or-later",
        "MIT",
        "MIT-0",
        "MPL-2.0",
        "OFL-1.1",
        "PSF-2.0",
        "Python-2.0",
        "Ruby",
        "Unicode-DFS-2016",
        "Unlicense",
        "WTFPL",
        "ZPL-2.1",
        "Zlib",
    };
    for (size_t i = 0; i < ARRAY_LEN(ids); i++)
        if (strcmp(ids[i], s) == 0)
            return true;
    return false;
}

/* "MIT OR (Apache-2.0 AND …)": words that SPDX knows, joined as it joins them. */
static bool is_expression(struct arena *a, const char *s)
{
    char *rest = arena_strdup(a, s);
    bool joined = false;
    for (char *word; (word = strsep(&rest, " ()"));) {
        bool joins = strcmp(word, "AND") == 0 || strcmp(word, "OR") == 0;
        joined = joined || joins;
        if (*word && !joins && !is_spdx_licence(word))
            return false;
    }
    return joined;
}

/* 128 bits of the content, in the form of a UUID of version 8 (RFC 9562): the same inventory has
 * the same number. */
static char *uuid_of(struct arena *a, const struct inventory *inv, const struct sbom_about *about)
{
    uint64_t high = map_hash(about->name, strlen(about->name)), low = ~high;
    for (size_t i = 0; i < inv->n; i++) {
        const struct package *p = &inv->packages[i];
        const char *key = arena_join(a, p->ecosystem, "\n", p->binary, "\n", p->version, NULL);
        uint64_t one = map_hash(key, strlen(key));
        high = (high ^ one) * 0x9e3779b97f4a7c15u;
        low = (low + one) * 0xc2b2ae3d27d4eb4fu ^ low >> 29;
    }
    return arena_printf(a, "%08" PRIx64 "-%04" PRIx64 "-8%03" PRIx64 "-%04" PRIx64 "-%012" PRIx64,
                        high >> 32, high >> 16 & 0xffff, high & 0xfff,
                        (low >> 48 & 0x3fff) | 0x8000, low & 0xffffffffffff);
}

/* ---- CycloneDX ---- */

static void put_licence(struct arena *a, struct value *component, const char *licence)
{
    if (!*licence)
        return;
    struct value *one =
        value_push(a, value_make_array(a, component, "licenses"), value_new_object(a));
    if (is_expression(a, licence))
        (void)value_set_str(a, one, "expression", licence);
    else
        (void)value_set_str(a, value_make_object(a, one, "license"),
                            is_spdx_licence(licence) ? "id" : "name", licence);
}

static void put_property(struct arena *a, struct value *component, const char *name,
                         const char *value)
{
    if (!*value)
        return;
    struct value *p =
        value_push(a, value_make_array(a, component, "properties"), value_new_object(a));
    (void)value_set_str(a, p, "name", name);
    (void)value_set_str(a, p, "value", value);
}

/* Each is listed once, whatever number of files names it. */
static void put_component(struct arena *a, struct value *list, const struct package *p,
                          const char *purl, const char *ref)
{
    struct value *c = value_push(a, list, value_new_object(a));
    (void)value_set_str(a, c, "type", "library");
    (void)value_set_str(a, c, "bom-ref", ref);
    (void)value_set_str(a, c, "name", p->binary);
    (void)value_set_str(a, c, "version", p->version);
    if (p->dev)
        (void)value_set_str(a, c, "scope", "excluded");
    put_licence(a, c, p->licence);
    if (purl)
        (void)value_set_str(a, c, "purl", purl);
    put_property(a, c, "slipway:path", p->path);
}

static void put_metadata(struct arena *a, struct value *doc, const struct sbom_about *about)
{
    char time[CLOCK_TEXT_MAX];
    struct value *m = value_make_object(a, doc, "metadata");
    clock_format_rfc3339(about->now_ms, time);
    (void)value_set_str(a, m, "timestamp", time);
    struct value *tool =
        value_push(a, value_make_array(a, m, "tools.components"), value_new_object(a));
    (void)value_set_str(a, tool, "type", "application");
    (void)value_set_str(a, tool, "name", "slipway");
    (void)value_set_str(a, tool, "version", about->version);
    struct value *c = value_make_object(a, m, "component");
    (void)value_set_str(a, c, "type", about->image ? "container" : "application");
    (void)value_set_str(a, c, "bom-ref", "root");
    (void)value_set_str(a, c, "name", about->name);
}

struct value *sbom_cyclonedx(const struct inventory *inv, const struct sbom_about *about,
                             const char **refs, struct arena *a)
{
    struct value *doc = value_new_object(a);
    struct map seen;
    (void)value_set_str(a, doc, "$schema", "http://cyclonedx.org/schema/bom-1.6.schema.json");
    (void)value_set_str(a, doc, "bomFormat", "CycloneDX");
    (void)value_set_str(a, doc, "specVersion", "1.6");
    (void)value_set(a, doc, "serialNumber",
                    value_new_strf(a, "urn:uuid:%s", uuid_of(a, inv, about)));
    (void)value_set_int(a, doc, "version", 1);
    put_metadata(a, doc, about);
    struct value *list = value_make_array(a, doc, "components");
    if (*inv->os_id) {
        struct value *os = value_push(a, list, value_new_object(a));
        (void)value_set_str(a, os, "type", "operating-system");
        (void)value_set_str(a, os, "bom-ref", "os");
        (void)value_set_str(a, os, "name", inv->os_id);
        (void)value_set_str(a, os, "version", inv->os_version);
    }
    map_init(&seen);
    for (size_t i = 0; i < inv->n; i++) {
        const struct package *p = &inv->packages[i];
        const char *purl = purl_of_package(p, inv, a);
        const char *ref =
            purl ? purl : arena_join(a, p->ecosystem, "/", p->binary, "@", p->version, NULL);
        if (refs)
            refs[i] = ref;
        if (!map_has(&seen, ref))
            put_component(a, list, p, purl, ref);
        (void)map_put(&seen, ref, (void *)(uintptr_t)1);
    }
    map_done(&seen);
    return doc;
}

/* ---- SPDX ---- */

static struct value *put_package(struct arena *a, struct value *list, const char *id,
                                 const char *name)
{
    struct value *p = value_push(a, list, value_new_object(a));
    (void)value_set_str(a, p, "SPDXID", id);
    (void)value_set_str(a, p, "name", name);
    (void)value_set_str(a, p, "downloadLocation", "NOASSERTION");
    (void)value_set_bool(a, p, "filesAnalyzed", false);
    return p;
}

static void put_relation(struct arena *a, struct value *list, const char *from, const char *type,
                         const char *to)
{
    struct value *r = value_push(a, list, value_new_object(a));
    (void)value_set_str(a, r, "spdxElementId", from);
    (void)value_set_str(a, r, "relationshipType", type);
    (void)value_set_str(a, r, "relatedSpdxElement", to);
}

static void put_spdx_package(struct arena *a, struct value *list, const char *id,
                             const struct package *p, const char *purl)
{
    bool known = is_spdx_licence(p->licence) || is_expression(a, p->licence);
    struct value *v = put_package(a, list, id, p->binary);
    (void)value_set_str(a, v, "versionInfo", p->version);
    (void)value_set_str(a, v, "licenseConcluded", "NOASSERTION");
    (void)value_set_str(a, v, "licenseDeclared", known ? p->licence : "NOASSERTION");
    (void)value_set_str(a, v, "copyrightText", "NOASSERTION");
    if (!known && *p->licence)
        (void)value_set(a, v, "licenseComments",
                        value_new_strf(a, "the package says: %s", p->licence));
    if (*p->path)
        (void)value_set(a, v, "sourceInfo", value_new_strf(a, "found in %s", p->path));
    if (!purl)
        return;
    struct value *ref = value_push(a, value_make_array(a, v, "externalRefs"), value_new_object(a));
    (void)value_set_str(a, ref, "referenceCategory", "PACKAGE-MANAGER");
    (void)value_set_str(a, ref, "referenceType", "purl");
    (void)value_set_str(a, ref, "referenceLocator", purl);
}

static struct value *spdx_head(const struct inventory *inv, const struct sbom_about *about,
                               struct arena *a)
{
    char time[CLOCK_TEXT_MAX];
    struct value *doc = value_new_object(a);
    clock_format_rfc3339(about->now_ms, time);
    (void)value_set_str(a, doc, "spdxVersion", "SPDX-2.3");
    (void)value_set_str(a, doc, "dataLicense", "CC0-1.0");
    (void)value_set_str(a, doc, "SPDXID", "SPDXRef-DOCUMENT");
    (void)value_set_str(a, doc, "name", about->name);
    (void)value_set(a, doc, "documentNamespace",
                    value_new_strf(a, "urn:uuid:%s", uuid_of(a, inv, about)));
    struct value *made = value_make_object(a, doc, "creationInfo");
    (void)value_set_str(a, made, "created", time);
    (void)value_push(a, value_make_array(a, made, "creators"),
                     value_new_strf(a, "Tool: slipway-%s", about->version));
    return doc;
}

struct value *sbom_spdx(const struct inventory *inv, const struct sbom_about *about,
                        struct arena *a)
{
    struct value *doc = spdx_head(inv, about, a);
    struct value *packages = value_new_array(a), *relations = value_new_array(a);
    struct map seen;
    struct value *root = put_package(a, packages, "SPDXRef-root", about->name);
    (void)value_set_str(a, root, "primaryPackagePurpose",
                        about->image ? "CONTAINER" : "APPLICATION");
    put_relation(a, relations, "SPDXRef-DOCUMENT", "DESCRIBES", "SPDXRef-root");
    if (*inv->os_id) {
        struct value *os = put_package(a, packages, "SPDXRef-OperatingSystem", inv->os_id);
        (void)value_set_str(a, os, "versionInfo", inv->os_version);
        (void)value_set_str(a, os, "primaryPackagePurpose", "OPERATING-SYSTEM");
        put_relation(a, relations, "SPDXRef-root", "CONTAINS", "SPDXRef-OperatingSystem");
    }
    map_init(&seen);
    for (size_t i = 0; i < inv->n; i++) {
        const struct package *p = &inv->packages[i];
        const char *key = arena_join(a, p->ecosystem, "\n", p->binary, "\n", p->version, NULL);
        const char *id = arena_printf(a, "SPDXRef-Package-%zu", i + 1);
        if (map_put(&seen, key, (void *)(uintptr_t)1))
            continue;
        put_spdx_package(a, packages, id, p, purl_of_package(p, inv, a));
        put_relation(a, relations, "SPDXRef-root", "CONTAINS", id);
    }
    map_done(&seen);
    (void)value_set(a, doc, "packages", packages);
    (void)value_set(a, doc, "relationships", relations);
    return doc;
}
