#include <string.h>

#include "base/own.h"
#include "codec/base64.h"
#include "codec/json.h"
#include "scan/purl.h"
#include "scan/sbom_int.h"

enum { COMPONENT_DEPTH = 32, WRAPPERS_MAX = 3 };

struct package *sbom__add(struct sbom_reading *r, const char *text)
{
    struct purl p;
    struct package k;
    struct inventory *inv = r->out;
    if (!text || inv->n > FOUND_PACKAGES_MAX || purl_parse(text, r->arena, &p, NULL) < 0 ||
        !purl_to_package(&p, r->arena, &k) || !*k.version)
        return NULL;
    if (inv->n == r->cap) {
        size_t cap = r->cap ? r->cap * 2 : 64, one = sizeof k;
        inv->packages = arena_grow(r->arena, inv->packages, r->cap * one, cap * one);
        r->cap = cap;
    }
    inv->packages[inv->n] = k;
    return &inv->packages[inv->n++];
}

/* ---- CycloneDX ---- */

static const char *property(const struct value *component, const char *name)
{
    VALUE_EACH_ITEM (p, value_get(component, "properties"))
        if (strcmp(value_at_str(p, "name", ""), name) == 0)
            return value_at_str(p, "value", NULL);
    return NULL;
}

static const char *licence_of(const struct value *component)
{
    const struct value *first = value_item(value_get(component, "licenses"), 0);
    return value_at_str(first, "license.id",
                        value_at_str(first, "license.name", value_at_str(first, "expression", "")));
}

static void take_component(struct sbom_reading *r, const struct value *c)
{
    static const char *const paths[] = {"aquasecurity:trivy:FilePath", "syft:location:0:path",
                                        "slipway:path"};
    struct package *k = sbom__add(r, value_at_str(c, "purl", NULL));
    if (strcmp(value_at_str(c, "type", ""), "operating-system") == 0) {
        r->out->os_id = value_at_str(c, "name", "");
        r->out->os_version = value_at_str(c, "version", "");
    }
    if (!k)
        return;
    const char *source = property(c, "aquasecurity:trivy:SrcName");
    if (source && k->binary == k->name && strchr(k->ecosystem, ':'))
        k->name = source;
    for (size_t i = 0; i < ARRAY_LEN(paths) && !*k->path; i++)
        if (property(c, paths[i]))
            k->path = property(c, paths[i]);
    k->licence = licence_of(c);
    k->dev = strcmp(value_at_str(c, "scope", "required"), "excluded") == 0;
}

static void take_components(struct sbom_reading *r, const struct value *list, int depth)
{
    VALUE_EACH_ITEM (c, list) {
        take_component(r, c);
        if (depth < COMPONENT_DEPTH)
            take_components(r, value_get(c, "components"), depth + 1);
    }
}

/* ---- SPDX ---- */

static void take_spdx_package(struct sbom_reading *r, const struct value *p)
{
    struct package *k = NULL;
    VALUE_EACH_ITEM (ref, value_get(p, "externalRefs"))
        if (strcmp(value_at_str(ref, "referenceType", ""), "purl") == 0)
            k = sbom__add(r, value_at_str(ref, "referenceLocator", NULL));
    if (strcmp(value_at_str(p, "primaryPackagePurpose", ""), "OPERATING-SYSTEM") == 0 ||
        strstr(value_at_str(p, "SPDXID", ""), "OperatingSystem")) {
        r->out->os_id = value_at_str(p, "name", "");
        r->out->os_version = value_at_str(p, "versionInfo", "");
    }
    if (!k)
        return;
    const char *said = value_at_str(p, "licenseDeclared", "NOASSERTION");
    if (strcmp(said, "NOASSERTION") != 0 && strcmp(said, "NONE") != 0)
        k->licence = said;
    const char *built = value_at_str(p, "sourceInfo", "");
    if (strncmp(built, "built package from: ", 20) == 0 && strchr(k->ecosystem, ':') &&
        k->name == k->binary)
        k->name = arena_strndup(r->arena, built + 20, strcspn(built + 20, " "));
}

static int check_spdx(const struct value *doc, struct err *e)
{
    static const char *const wanted[] = {"SPDXID", "spdxVersion", "name", "dataLicense"};
    for (size_t i = 0; i < ARRAY_LEN(wanted); i++)
        if (!value_str(value_get(doc, wanted[i]), NULL))
            return err_set(e, ERR_INVALID, "an SPDX document needs %s", wanted[i]);
    if (strncmp(value_at_str(doc, "spdxVersion", ""), "SPDX-2.", 7) != 0)
        return err_set(e, ERR_UNSUPPORTED, "%s cannot be read, SPDX-2.2 and SPDX-2.3 can",
                       value_at_str(doc, "spdxVersion", ""));
    size_t i = 0;
    VALUE_EACH_ITEM (p, value_get(doc, "packages")) {
        if (!value_at_str(p, "name", NULL) || !value_at_str(p, "SPDXID", NULL))
            return err_set(e, ERR_INVALID, "packages[%zu]: a package needs a name and an SPDXID",
                           i);
        i++;
    }
    return 0;
}

/* "PackageName: x" begins a package, "ExternalRef: PACKAGE-MANAGER purl pkg:…" gives its URL. */
static int read_tags(char *text, struct sbom_reading *r)
{
    struct value *package = NULL;
    static const struct {
        const char *tag, *key;
    } tags[] = {
        {"PackageVersion: ",         "versionInfo"          },
        {"SPDXID: ",                 "SPDXID"               },
        {"PackageLicenseDeclared: ", "licenseDeclared"      },
        {"PackageSourceInfo: ",      "sourceInfo"           },
        {"PrimaryPackagePurpose: ",  "primaryPackagePurpose"},
    };
    for (char *line; (line = found_line(&text));) {
        const char *purl;
        if (strncmp(line, "PackageName: ", 13) == 0) {
            if (package)
                take_spdx_package(r, package);
            package = value_new_object(r->arena);
            (void)value_set_str(r->arena, package, "name", line + 13);
        } else if (package && (purl = strstr(line, " purl pkg:")) &&
                   strncmp(line, "ExternalRef: ", 13) == 0) {
            struct value *ref = value_new_object(r->arena);
            (void)value_set_str(r->arena, ref, "referenceType", "purl");
            (void)value_set_str(r->arena, ref, "referenceLocator", purl + 6);
            (void)value_push(r->arena, value_make_array(r->arena, package, "externalRefs"), ref);
        }
        for (size_t i = 0; package && i < ARRAY_LEN(tags); i++)
            if (strncmp(line, tags[i].tag, strlen(tags[i].tag)) == 0)
                (void)value_set_str(r->arena, package, tags[i].key, line + strlen(tags[i].tag));
    }
    if (package)
        take_spdx_package(r, package);
    return 0;
}

/* ---- the document within ---- */

/* A statement's predicate, an envelope's payload. */
static int unwrap(struct arena *a, const struct value **doc, struct err *e)
{
    for (int i = 0; i < WRAPPERS_MAX; i++) {
        const char *payload = value_at_str(*doc, "payload", NULL);
        char *text;
        size_t n;
        struct value *inner;
        if (value_get(*doc, "predicate")) {
            *doc = value_get(*doc, "predicate");
            if (value_is(value_get(*doc, "Data"), VALUE_OBJECT)) /* cosign's own wrapping */
                *doc = value_get(*doc, "Data");
            continue;
        }
        if (!payload)
            return 0;
        int r = base64_decode(a, payload, strlen(payload), BASE64_STD, &text, &n, e);
        if (r == 0)
            r = json_parse(a, text, n, JSON_SHALLOW, &inner, e);
        if (r < 0)
            return err_wrap(e, r, "payload");
        *doc = inner;
    }
    return 0;
}

bool sbom_is(const char *text, size_t n)
{
    size_t head = n < 4096 ? n : 4096;
    return memmem(text, head, "CycloneDX", 9) || memmem(text, head, "spdxVersion", 11) ||
           memmem(text, head, "SPDXVersion:", 12) ||
           memmem(text, head, "application/vnd.in-toto+json", 28) ||
           memmem(text, head, "in-toto.io/Statement", 20);
}

static int read_json(const char *text, size_t n, struct sbom_reading *r, struct err *e)
{
    struct value *parsed;
    int rc = json_parse(r->arena, text, n, JSON_SHALLOW, &parsed, e);
    if (rc < 0)
        return rc;
    const struct value *doc = parsed;
    rc = unwrap(r->arena, &doc, e);
    if (rc < 0)
        return rc;
    if (value_get(doc, "spdxVersion")) {
        rc = check_spdx(doc, e);
        VALUE_EACH_ITEM (p, value_get(doc, "packages"))
            if (rc == 0)
                take_spdx_package(r, p);
        return rc;
    }
    rc = sbom__check_cyclonedx(doc, e);
    if (rc < 0)
        return rc;
    const struct value *root = value_at(doc, "metadata.component");
    if (root)
        take_component(r, root);
    take_components(r, value_get(doc, "components"), 0);
    return 0;
}

int sbom_read(const char *text, size_t n, struct arena *a, struct inventory *out, struct err *e)
{
    static const char *const nothing[] = {NULL};
    struct inventory inv = {.os_id = "", .os_version = "", .unread = nothing};
    struct sbom_reading r = {a, &inv, 0};
    size_t blank = strspn(text, " \t\r\n");
    int rc = text[blank] == '{' ? read_json(text, n, &r, e)
             : memmem(text, n, "SPDXVersion:", 12)
                 ? read_tags(arena_strndup(a, text, n), &r)
                 : err_set(e, ERR_INVALID, "this is neither a CycloneDX nor an SPDX document");
    if (rc == 0)
        *out = inv;
    return rc;
}
