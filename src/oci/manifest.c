#include "oci/manifest.h"

#include <string.h>
#include <sys/utsname.h>

#include "blob/blob.h"
#include "codec/json.h"
#include "oci/media.h"

static int check_descriptor(const struct value *d, const char *what, struct err *e)
{
    if (!value_is(d, VALUE_OBJECT))
        return err_set(e, ERR_INVALID, "manifest: %s is not a descriptor", what);
    int rc = blob_digest_check(value_at_str(d, "digest", ""), e);
    if (rc < 0)
        return err_wrap(e, rc, "manifest: %s", what);
    if (value_int(value_get(d, "size"), -1) < 0)
        return err_set(e, ERR_INVALID, "manifest: %s has no size", what);
    return 0;
}

static int check_list(const struct value *doc, const char *key, struct err *e)
{
    const struct value *list = value_get(doc, key);
    if (list && !value_is(list, VALUE_ARRAY) && !value_is(list, VALUE_NULL))
        return err_set(e, ERR_INVALID, "manifest: %s is not a list", key);
    if (!value_is(list, VALUE_ARRAY))
        return 0;
    VALUE_EACH_ITEM (d, list) {
        int rc = check_descriptor(d, key, e);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static bool is_index_type(const char *t)
{
    return strcmp(t, MEDIA_OCI_INDEX) == 0 || strcmp(t, MEDIA_DOCKER_LIST) == 0;
}

static bool is_image_type(const char *t)
{
    return strcmp(t, MEDIA_OCI_MANIFEST) == 0 || strcmp(t, MEDIA_DOCKER_MANIFEST) == 0;
}

static int find_kind(struct manifest *m, const char *header, struct err *e)
{
    const char *own = value_at_str(m->doc, "mediaType", NULL);
    if (own && header && strcmp(own, header) != 0)
        return err_set(e, ERR_INVALID, "manifest says it is %s, the content type says %s", own,
                       header);
    m->media_type = own ? own : header;
    if (!m->media_type)
        m->media_type = value_get(m->doc, "manifests") ? MEDIA_OCI_INDEX : MEDIA_OCI_MANIFEST;
    if (is_index_type(m->media_type))
        m->kind = MANIFEST_INDEX;
    else if (is_image_type(m->media_type))
        m->kind = MANIFEST_IMAGE;
    else
        return err_set(e, ERR_UNSUPPORTED, "manifest of type %s is not supported", m->media_type);
    return 0;
}

static int check_parts(struct manifest *m, struct err *e)
{
    int rc;
    const struct value *subject = value_get(m->doc, "subject");
    const struct value *artifact = value_get(m->doc, "artifactType");
    if (subject && !value_is(subject, VALUE_NULL)) {
        if ((rc = check_descriptor(subject, "subject", e)) < 0)
            return rc;
        m->subject = value_at_str(subject, "digest", NULL);
    }
    m->artifact_type = value_str(artifact, NULL);
    if (m->artifact_type && !m->artifact_type[0])
        m->artifact_type = NULL;
    if (m->kind == MANIFEST_INDEX)
        return check_list(m->doc, "manifests", e);
    const struct value *config = value_get(m->doc, "config");
    if ((rc = check_descriptor(config, "config", e)) < 0)
        return rc;
    if (!m->artifact_type)
        m->artifact_type = value_at_str(config, "mediaType", NULL);
    return check_list(m->doc, "layers", e);
}

int manifest_parse(struct arena *a, const char *json, size_t n, const char *media_type,
                   struct manifest *out, struct err *e)
{
    struct manifest m = {0};
    struct value *doc;
    int rc = json_parse(a, json, n, 0, &doc, e);
    if (rc < 0)
        return err_wrap(e, rc, "manifest");
    if (!value_is(doc, VALUE_OBJECT))
        return err_set(e, ERR_INVALID, "manifest is not an object");
    if (value_int(value_get(doc, "schemaVersion"), 0) != 2)
        return err_set(e, ERR_INVALID, "manifest: schemaVersion is not 2");
    m.doc = doc;
    if ((rc = find_kind(&m, media_type, e)) < 0 || (rc = check_parts(&m, e)) < 0)
        return rc;
    *out = m;
    return 0;
}

static void describe(const struct value *d, bool is_manifest, struct descriptor *out)
{
    out->doc = d;
    out->digest = value_at_str(d, "digest", "");
    out->media_type = value_at_str(d, "mediaType", "");
    out->size = (uint64_t)value_int(value_get(d, "size"), 0);
    out->is_manifest = is_manifest;
    out->foreign = value_count(value_get(d, "urls")) > 0 || strstr(out->media_type, ".foreign.") ||
                   strstr(out->media_type, ".nondistributable.");
}

bool manifest_next(const struct manifest *m, size_t *cursor, struct descriptor *out)
{
    size_t i = (*cursor)++;
    if (m->kind == MANIFEST_INDEX) {
        const struct value *d = value_item(value_get(m->doc, "manifests"), i);
        if (d)
            describe(d, true, out);
        return d != NULL;
    }
    const struct value *d =
        i == 0 ? value_get(m->doc, "config") : value_item(value_get(m->doc, "layers"), i - 1);
    if (d)
        describe(d, false, out);
    return d != NULL;
}

/* arm64 is the same as arm64/v8. */
static bool variant_fits(const char *arch, const char *have, const char *want)
{
    if (strcmp(arch, "arm64") == 0) {
        have = strcmp(have, "v8") == 0 ? "" : have;
        want = strcmp(want, "v8") == 0 ? "" : want;
    }
    return strcmp(have, want) == 0;
}

const struct value *manifest_choose(const struct manifest *index, const char *platform)
{
    char os[32] = "", arch[32] = "", variant[32] = "";
    const struct value *near = NULL;
    (void)sscanf(platform, "%31[^/]/%31[^/]/%31s", os, arch, variant);
    VALUE_EACH_ITEM (d, value_get(index->doc, "manifests")) {
        const char *has = value_at_str(d, "platform.variant", "");
        if (strcmp(value_at_str(d, "platform.os", ""), os) != 0 ||
            strcmp(value_at_str(d, "platform.architecture", ""), arch) != 0)
            continue;
        if (variant_fits(arch, has, variant))
            return d;
        if (!near && !variant[0])
            near = d;
    }
    /* An index with one image that does not say for what is an image. */
    const struct value *only = value_item(value_get(index->doc, "manifests"), 0);
    if (!near && value_count(value_get(index->doc, "manifests")) == 1 &&
        !value_get(only, "platform"))
        near = only;
    return near;
}

const char *manifest_host_platform(void)
{
    struct utsname u;
    if (uname(&u) < 0)
        return "linux/amd64";
    if (strcmp(u.machine, "aarch64") == 0)
        return "linux/arm64";
    if (strcmp(u.machine, "riscv64") == 0)
        return "linux/riscv64";
    if (strncmp(u.machine, "armv7", 5) == 0)
        return "linux/arm/v7";
    if (strcmp(u.machine, "ppc64le") == 0 || strcmp(u.machine, "s390x") == 0)
        return strcmp(u.machine, "s390x") == 0 ? "linux/s390x" : "linux/ppc64le";
    return "linux/amd64";
}
