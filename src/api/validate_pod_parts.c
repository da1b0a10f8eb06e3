#include <string.h>

#include "api/crd_int.h"
#include "api/pod_int.h"
#include "api/validate_int.h"

/* ---- volumes ---- */

static const char *const POD_VOLUMES[] = {
    "emptyDir",
    "hostPath",
    "gitRepo",
    "gcePersistentDisk",
    "awsElasticBlockStore",
    "secret",
    "nfs",
    "iscsi",
    "glusterfs",
    "flocker",
    "persistentVolumeClaim",
    "rbd",
    "cinder",
    "cephfs",
    "quobyte",
    "downwardAPI",
    "fc",
    "flexVolume",
    "configMap",
    "azureFile",
    "vsphereVolume",
    "photonPersistentDisk",
    "portworxVolume",
    "azureDisk",
    "storageos",
    "scaleIO",
    "projected",
    "csi",
    "ephemeral",
    "image",
    NULL,
};

static void need(const struct value *s, const char *at, const char *key, struct field_errors *l)
{
    if (!*str(s, key))
        required(l, path(l, "%s.%s", at, key), NULL);
}

static void check_dots(const char *p, const char *at, struct field_errors *l)
{
    for (const char *s = strstr(p, ".."); s; s = strstr(s + 1, ".."))
        if ((s == p || s[-1] == '/') && (!s[2] || s[2] == '/')) {
            bad_str(l, at, p, "must not contain '..'");
            return;
        }
}

/* Where a file of a volume goes. */
static void check_relative(const char *p, const char *at, struct field_errors *l)
{
    if (*p == '/')
        bad_str(l, at, p, "must be a relative path");
    check_dots(p, at, l);
    if (strncmp(p, "..", 2) == 0 && p[2] && p[2] != '/')
        bad_str(l, at, p, "must not start with '..'");
}

static void check_mode(const struct value *mode, const char *at, struct field_errors *l)
{
    if (mode && (value_int(mode, 0) < 0 || value_int(mode, 0) > 0777))
        bad(l, at, mode, "must be a number between 0 and 0777 (octal), both inclusive");
}

static void check_items(const struct value *s, const char *at, struct field_errors *l)
{
    size_t i = 0;
    check_mode(value_get(s, "defaultMode"), path(l, "%s.defaultMode", at), l);
    VALUE_EACH_ITEM (f, value_get(s, "items")) {
        const char *where = path(l, "%s.items[%zu]", at, i++);
        need(f, where, "key", l);
        need(f, where, "path", l);
        check_relative(str(f, "path"), path(l, "%s.path", where), l);
        check_mode(value_get(f, "mode"), path(l, "%s.mode", where), l);
    }
}

static void check_downward(const struct value *s, const char *at, struct field_errors *l)
{
    size_t i = 0;
    check_mode(value_get(s, "defaultMode"), path(l, "%s.defaultMode", at), l);
    VALUE_EACH_ITEM (f, value_get(s, "items")) {
        const char *where = path(l, "%s[%zu]", at, i++);
        const struct value *ref = value_get(f, "fieldRef"), *res = value_get(f, "resourceFieldRef");
        need(f, where, "path", l);
        check_relative(str(f, "path"), path(l, "%s.path", where), l);
        if (ref)
            validate__field_ref(ref, path(l, "%s.fieldRef", where), true, l);
        if (ref && res)
            bad_str(l, where, "resource",
                    "fieldRef and resourceFieldRef can not be specified simultaneously");
        else if (res)
            need(res, path(l, "%s.resourceFieldRef", where), "containerName", l);
        else if (!ref)
            required(l, where, "one of fieldRef and resourceFieldRef is required");
        check_mode(value_get(f, "mode"), path(l, "%s.mode", where), l);
    }
}

static void check_source_of(const struct value *source, const char *at, struct field_errors *l)
{
    static const char *const files[] = {"configMap", "secret"};
    const struct value *token = value_get(source, "serviceAccountToken");
    const struct value *life = value_get(token, "expirationSeconds");
    if (!value_count(source))
        required(l, at, "must specify a volume type");
    for (size_t i = 0; i < 2; i++) {
        const struct value *f = value_get(source, files[i]);
        if (!f)
            continue;
        need(f, path(l, "%s.%s", at, files[i]), "name", l);
        check_items(f, path(l, "%s.%s", at, files[i]), l);
    }
    if (value_get(source, "downwardAPI"))
        check_downward(value_get(source, "downwardAPI"), path(l, "%s.downwardAPI", at), l);
    if (life && value_int(life, 3600) < 600)
        bad(l, path(l, "%s.serviceAccountToken.expirationSeconds", at), life,
            "may not specify a duration less than 10 minutes");
    if (token)
        need(token, path(l, "%s.serviceAccountToken", at), "path", l);
}

static void check_projected(const struct value *s, const char *at, struct field_errors *l)
{
    size_t i = 0;
    check_mode(value_get(s, "defaultMode"), path(l, "%s.defaultMode", at), l);
    VALUE_EACH_ITEM (source, value_get(s, "sources"))
        check_source_of(source, path(l, "%s.sources[%zu]", at, i++), l);
}

static void check_source(const char *kind, const struct value *s, const char *at,
                         struct field_errors *l)
{
    static const char *const types[] = {
        "",           "DirectoryOrCreate", "Directory", "FileOrCreate", "File", "Socket",
        "CharDevice", "BlockDevice",       NULL};
    if (is(kind, "hostPath")) {
        need(s, at, "path", l);
        check_dots(str(s, "path"), path(l, "%s.path", at), l);
        one_of(l, path(l, "%s.type", at), str(s, "type"), types, false);
    } else if (is(kind, "nfs")) {
        need(s, at, "server", l);
        need(s, at, "path", l);
        if (*str(s, "path") && *str(s, "path") != '/')
            bad_str(l, path(l, "%s.path", at), str(s, "path"), "must be an absolute path");
    } else if (is(kind, "secret")) {
        need(s, at, "secretName", l);
        check_items(s, at, l);
    } else if (is(kind, "configMap")) {
        need(s, at, "name", l);
        check_items(s, at, l);
    } else if (is(kind, "downwardAPI")) {
        check_downward(s, at, l);
    } else if (is(kind, "projected")) {
        check_projected(s, at, l);
    } else if (is(kind, "persistentVolumeClaim")) {
        need(s, at, "claimName", l);
    } else if (is(kind, "csi")) {
        need(s, at, "driver", l);
    } else if (is(kind, "local")) {
        need(s, at, "path", l);
    } else if (is(kind, "ephemeral")) {
        if (!value_is(value_get(s, "volumeClaimTemplate"), VALUE_OBJECT))
            required(l, path(l, "%s.volumeClaimTemplate", at), NULL);
        else
            validate__claim_spec(l, path(l, "%s.volumeClaimTemplate.spec", at),
                                 value_at(s, "volumeClaimTemplate.spec"));
    } else if (is(kind, "emptyDir") && has(s, "sizeLimit")) {
        struct quantity q;
        if (quantity_parse(str(s, "sizeLimit"), &q, NULL) == 0 && q.nano < 0)
            forbidden(l, path(l, "%s.sizeLimit", at),
                      "SizeLimit field must be a valid resource quantity");
    }
}

void validate__volume_source(struct field_errors *l, const char *at, const struct value *v,
                             const char *const *kinds)
{
    size_t n = 0;
    for (size_t i = 0; kinds[i]; i++) {
        const struct value *s = value_get(v, kinds[i]);
        if (!value_is(s, VALUE_OBJECT))
            continue;
        const char *where = path(l, "%s.%s", at, kinds[i]);
        if (n++)
            forbidden(l, where, "may not specify more than 1 volume type");
        else
            check_source(kinds[i], s, where, l);
    }
    if (!n)
        required(l, at, "must specify a volume type");
}

void validate__volumes(const struct value *volumes, const char *at, struct field_errors *l)
{
    for (size_t i = 0; i < value_count(volumes); i++) {
        const struct value *v = &volumes->items[i];
        const char *where = path(l, "%s[%zu]", at, i), *name = str(v, "name");
        bool twice = false;
        validate__volume_source(l, where, v, POD_VOLUMES);
        for (size_t j = 0; j < i; j++)
            twice |= is(str(&volumes->items[j], "name"), name);
        if (!*name)
            required(l, path(l, "%s.name", where), NULL);
        else
            name_errors(l, path(l, "%s.name", where), name, name__dns1123_label(name, l->arena));
        if (twice)
            duplicate(l, path(l, "%s.name", where), name);
    }
}

/* ---- security ---- */

static void check_id(const struct value *v, const char *at, struct field_errors *l)
{
    int64_t id = value_int(v, 0);
    if (id < 0 || id > INT32_MAX)
        bad(l, at, v, "must be between 0 and 2147483647, inclusive");
}

static void check_seccomp(const struct value *p, const char *at, struct field_errors *l)
{
    static const char *const types[] = {"Localhost", "RuntimeDefault", "Unconfined", NULL};
    const char *type = str(p, "type");
    if (!value_is(p, VALUE_OBJECT))
        return;
    if (is(type, "Localhost")) {
        if (!has(p, "localhostProfile"))
            required(l, path(l, "%s.localhostProfile", at),
                     "must be set when seccomp type is Localhost");
    } else if (has(p, "localhostProfile")) {
        bad(l, path(l, "%s.localhostProfile", at), value_get(p, "localhostProfile"),
            "can only be set when seccomp type is Localhost");
    }
    one_of(l, path(l, "%s.type", at), type, types, true);
}

void validate__container_security(const struct value *s, const char *at, struct field_errors *l)
{
    static const char *const mounts[] = {"Default", "Unmasked", NULL};
    static const char *const ids[] = {"runAsUser", "runAsGroup"};
    if (!value_is(s, VALUE_OBJECT))
        return;
    for (size_t i = 0; i < 2; i++)
        if (has(s, ids[i]))
            check_id(value_get(s, ids[i]), path(l, "%s.%s", at, ids[i]), l);
    one_of(l, path(l, "%s.procMount", at), str(s, "procMount"), mounts, false);
    check_seccomp(value_get(s, "seccompProfile"), path(l, "%s.seccompProfile", at), l);
    if (value_bool(value_get(s, "allowPrivilegeEscalation"), true))
        return;
    if (value_bool(value_get(s, "privileged"), false))
        bad_shown(l, at, typed__go(s, l->arena),
                  "cannot set `allowPrivilegeEscalation` to false and `privileged` to true");
    VALUE_EACH_ITEM (c, value_at(s, "capabilities.add"))
        if (is(value_str(c, ""), "CAP_SYS_ADMIN"))
            bad_shown(l, at, typed__go(s, l->arena),
                      "cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` "
                      "CAP_SYS_ADMIN");
}

static void check_sysctls(const struct value *s, const char *at, struct field_errors *l)
{
    static const char pattern[] =
        "^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$";
    const struct value *list = value_get(s, "sysctls");
    for (size_t i = 0; i < value_count(list); i++) {
        const char *name = str(&list->items[i], "name");
        const char *where = path(l, "%s.sysctls[%zu].name", at, i);
        bool hit = true, twice = false;
        (void)crd__match(pattern, name, strlen(name), &hit, NULL);
        for (size_t j = 0; j < i; j++)
            twice |= is(str(&list->items[j], "name"), name);
        if (!*name)
            required(l, where, NULL);
        else if (!hit || strlen(name) > 253)
            bad_str(l, where, name,
                    path(l, "must have at most 253 characters and match regex %s", pattern));
        else if (twice)
            duplicate(l, where, name);
    }
}

void validate__pod_security(const struct value *spec, const char *base, struct field_errors *l)
{
    static const char *const policies[] = {"Always", "OnRootMismatch", NULL};
    static const char *const ids[] = {"runAsUser", "runAsGroup", "fsGroup"};
    const struct value *s = value_get(spec, "securityContext");
    const char *at = path(l, "%s.securityContext", base);
    if (!value_is(s, VALUE_OBJECT))
        return;
    for (size_t i = 0; i < 3; i++)
        if (has(s, ids[i]))
            check_id(value_get(s, ids[i]), path(l, "%s.%s", at, ids[i]), l);
    size_t i = 0;
    VALUE_EACH_ITEM (g, value_get(s, "supplementalGroups"))
        check_id(g, path(l, "%s.supplementalGroups[%zu]", at, i++), l);
    if (value_bool(value_get(spec, "shareProcessNamespace"), false) &&
        value_bool(value_get(spec, "hostPID"), false))
        bad(l, path(l, "%s.shareProcessNamespace", at), value_get(spec, "shareProcessNamespace"),
            "ShareProcessNamespace and HostPID cannot both be enabled");
    check_sysctls(s, at, l);
    one_of(l, path(l, "%s.fsGroupChangePolicy", at), str(s, "fsGroupChangePolicy"), policies,
           false);
    check_seccomp(value_get(s, "seccompProfile"), path(l, "%s.seccompProfile", at), l);
}

/* ---- affinity ---- */

static void check_node_term(const struct value *t, const char *at, struct field_errors *l)
{
    static const char *const ops[] = {"In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"};
    size_t i = 0;
    VALUE_EACH_ITEM (x, value_get(t, "matchExpressions")) {
        const char *where = path(l, "%s.matchExpressions[%zu]", at, i++), *op = str(x, "operator");
        size_t n = value_count(value_get(x, "values")), o = 0;
        while (o < 6 && !is(ops[o], op))
            o++;
        if (o < 2 && !n)
            required(l, path(l, "%s.values", where),
                     "must be specified when `operator` is 'In' or 'NotIn'");
        else if ((o == 2 || o == 3) && n)
            forbidden(l, path(l, "%s.values", where),
                      "may not be specified when `operator` is 'Exists' or 'DoesNotExist'");
        else if ((o == 4 || o == 5) && n != 1)
            required(l, path(l, "%s.values", where),
                     "must be specified single value when `operator` is 'Lt' or 'Gt'");
        else if (o == 6)
            bad_str(l, path(l, "%s.operator", where), op, "not a valid selector operator");
        name_errors(l, path(l, "%s.key", where), str(x, "key"),
                    name__qualified(str(x, "key"), l->arena));
    }
}

void validate__node_selector(struct field_errors *l, const char *at, const struct value *s)
{
    size_t i = 0;
    const struct value *terms = value_get(s, "nodeSelectorTerms");
    if (!value_count(terms))
        required(l, path(l, "%s.nodeSelectorTerms", at),
                 "must have at least one node selector term");
    VALUE_EACH_ITEM (t, terms)
        check_node_term(t, path(l, "%s.nodeSelectorTerms[%zu]", at, i++), l);
}

static void check_pod_term(const struct value *t, const char *at, struct field_errors *l)
{
    const char *key = str(t, "topologyKey");
    validate__label_selector(l, path(l, "%s.labelSelector", at), value_get(t, "labelSelector"),
                             false);
    if (!*key)
        required(l, path(l, "%s.topologyKey", at), "can not be empty");
    name_errors(l, path(l, "%s.topologyKey", at), key, name__qualified(key, l->arena));
}

static void check_weight(const struct value *w, const char *at, struct field_errors *l)
{
    int64_t n = value_int(value_get(w, "weight"), 0);
    if (n < 1 || n > 100)
        field_errors_add_int(l, FIELD_INVALID, path(l, "%s.weight", at), n,
                             "must be in the range 1-100");
}

void validate__affinity(const struct value *a, const char *at, struct field_errors *l)
{
    static const char required_name[] = "requiredDuringSchedulingIgnoredDuringExecution";
    static const char preferred_name[] = "preferredDuringSchedulingIgnoredDuringExecution";
    static const char *const kinds[] = {"podAffinity", "podAntiAffinity"};
    const struct value *node = value_get(a, "nodeAffinity");
    if (value_get(node, required_name))
        validate__node_selector(l, path(l, "%s.nodeAffinity.%s", at, required_name),
                                value_get(node, required_name));
    size_t i = 0;
    VALUE_EACH_ITEM (p, value_get(node, preferred_name)) {
        const char *where = path(l, "%s.nodeAffinity.%s[%zu]", at, preferred_name, i++);
        if (value_int(value_get(p, "weight"), 0) <= 0 || value_int(value_get(p, "weight"), 0) > 100)
            check_weight(p, where, l);
        check_node_term(value_get(p, "preference"), path(l, "%s.preference", where), l);
    }
    for (size_t k = 0; k < 2; k++) {
        const struct value *s = value_get(a, kinds[k]);
        size_t n = 0;
        VALUE_EACH_ITEM (t, value_get(s, required_name))
            check_pod_term(t, path(l, "%s.%s.%s[%zu]", at, kinds[k], required_name, n++), l);
        n = 0;
        VALUE_EACH_ITEM (p, value_get(s, preferred_name)) {
            const char *where = path(l, "%s.%s.%s[%zu]", at, kinds[k], preferred_name, n++);
            check_weight(p, where, l);
            check_pod_term(value_get(p, "podAffinityTerm"), path(l, "%s.podAffinityTerm", where),
                           l);
        }
    }
}
