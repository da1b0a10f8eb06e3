/* What extensions of a cluster bring: drivers of storage, admission webhooks. */
#include <string.h>

#include "api/validate_int.h"

/* ---- storage ---- */

void validate_csi_driver(const struct value *obj, struct field_errors *l)
{
    static const char *const policies[] = {"ReadWriteOnceWithFSType", "File", "None", NULL};
    static const char *const modes[] = {"Persistent", "Ephemeral", NULL};
    const struct value *spec = value_get(obj, "spec");
    size_t i = 0;
    one_of(l, "spec.fsGroupPolicy", str(spec, "fsGroupPolicy"), policies, true);
    VALUE_EACH_ITEM (m, value_get(spec, "volumeLifecycleModes"))
        one_of(l, path(l, "spec.volumeLifecycleModes[%zu]", i++), value_str(m, ""), modes, true);
    i = 0;
    VALUE_EACH_ITEM (t, value_get(spec, "tokenRequests")) {
        const struct value *s = value_get(t, "expirationSeconds");
        if (s && value_int(s, 0) < 600)
            bad(l, path(l, "spec.tokenRequests[%zu].expirationSeconds", i), s,
                "may not specify a duration less than 10 minutes");
        i++;
    }
}

void validate_csi_node(const struct value *obj, struct field_errors *l)
{
    size_t i = 0;
    VALUE_EACH_ITEM (d, value_at(obj, "spec.drivers")) {
        if (!*str(d, "name"))
            required(l, path(l, "spec.drivers[%zu].name", i), NULL);
        if (!*str(d, "nodeID"))
            required(l, path(l, "spec.drivers[%zu].nodeID", i), NULL);
        i++;
    }
}

void validate_storage_capacity(const struct value *obj, struct field_errors *l)
{
    if (!*str(obj, "storageClassName"))
        required(l, "storageClassName", NULL);
    validate__label_selector(l, "nodeTopology", value_get(obj, "nodeTopology"), false);
}

void validate_volume_attachment(const struct value *obj, struct field_errors *l)
{
    const struct value *spec = value_get(obj, "spec"), *source = value_get(spec, "source");
    if (!*str(spec, "attacher"))
        required(l, "spec.attacher", NULL);
    if (!*str(spec, "nodeName"))
        required(l, "spec.nodeName", NULL);
    if (!*str(source, "persistentVolumeName") && !value_get(source, "inlineVolumeSpec"))
        required(l, "spec.source",
                 "must specify exactly one of inlineVolumeSpec and "
                 "persistentVolumeName");
}

void validate__update_volume_attachment(const struct value *obj, const struct value *old,
                                        struct field_errors *l)
{
    immutable(l, "spec", value_get(obj, "spec"), value_get(old, "spec"));
}

/* ---- admission webhooks ---- */

static bool lists(const struct value *list, const char *text)
{
    VALUE_EACH_ITEM (v, list)
        if (is(value_str(v, ""), text))
            return true;
    return false;
}

/* "*" stands alone. */
static void check_list(struct field_errors *l, const char *at, const struct value *list)
{
    size_t i = 0;
    if (value_count(list) == 0)
        required(l, at, NULL);
    if (value_count(list) > 1 && lists(list, "*"))
        bad(l, at, list, "if '*' is present, must not specify others");
    VALUE_EACH_ITEM (v, list) {
        bool groups = strcmp(at + strlen(at) - 6, "Groups") == 0;
        if (!*value_str(v, "") && !groups)
            required(l, path(l, "%s[%zu]", at, i), NULL);
        i++;
    }
}

static void check_rule(struct field_errors *l, const char *at, const struct value *rule)
{
    static const char *const operations[] = {"*", "CONNECT", "CREATE", "DELETE", "UPDATE", NULL};
    static const char *const scopes[] = {"*", "Cluster", "Namespaced", NULL};
    size_t i = 0;
    check_list(l, path(l, "%s.apiGroups", at), value_get(rule, "apiGroups"));
    check_list(l, path(l, "%s.apiVersions", at), value_get(rule, "apiVersions"));
    check_list(l, path(l, "%s.resources", at), value_get(rule, "resources"));
    check_list(l, path(l, "%s.operations", at), value_get(rule, "operations"));
    VALUE_EACH_ITEM (o, value_get(rule, "operations"))
        one_of(l, path(l, "%s.operations[%zu]", at, i++), value_str(o, ""), operations, true);
    one_of(l, path(l, "%s.scope", at), str(rule, "scope"), scopes, true);
}

static void check_service(struct field_errors *l, const char *at, const struct value *service)
{
    const char *p = str(service, "path");
    int64_t port = value_at_int(service, "port", 443);
    if (!*str(service, "name"))
        required(l, path(l, "%s.name", at), "service name is required");
    if (!*str(service, "namespace"))
        required(l, path(l, "%s.namespace", at), "service namespace is required");
    if (*p && *p != '/')
        bad_str(l, path(l, "%s.path", at), p, "must start with a '/'");
    if (port < 1 || port > 65535)
        bad(l, path(l, "%s.port", at), value_get(service, "port"),
            "port is not valid: must be between 1 and 65535, inclusive");
}

static void check_client(struct field_errors *l, const char *at, const struct value *client)
{
    const struct value *service = value_get(client, "service");
    const char *url = str(client, "url");
    if (!*url == !service) {
        required(l, at, "exactly one of url or service is required");
        return;
    }
    if (service)
        check_service(l, path(l, "%s.service", at), service);
    else if (strncmp(url, "https://", 8) != 0)
        bad_str(l, path(l, "%s.url", at), url,
                "'https' is the only allowed URL scheme; desired format: https://host[/path]");
    else if (!url[8] || url[8] == '/')
        bad_str(l, path(l, "%s.url", at), url,
                "host must be specified; desired format: https://host[/path]");
    else if (strpbrk(url, "@?#"))
        bad_str(l, path(l, "%s.url", at), url,
                "user information, query and fragment are not permitted in the URL");
}

static void check_webhook(struct field_errors *l, const char *at, const struct value *h)
{
    static const char *const failure[] = {"Fail", "Ignore", NULL};
    static const char *const match[] = {"Equivalent", "Exact", NULL};
    static const char *const effects[] = {"None", "NoneOnDryRun", NULL};
    static const char *const again[] = {"IfNeeded", "Never", NULL};
    int64_t timeout = value_at_int(h, "timeoutSeconds", 10);
    size_t i = 0;
    const char *name = str(h, "name"), *dot = strchr(name, '.');
    if (!*name)
        required(l, path(l, "%s.name", at), NULL);
    else if (!dot || !strchr(dot + 1, '.'))
        bad_str(l, path(l, "%s.name", at), name,
                "should be a domain with at least three segments separated by dots");
    if (value_count(value_get(h, "admissionReviewVersions")) == 0)
        required(l, path(l, "%s.admissionReviewVersions", at), "must specify one of v1, v1beta1");
    else if (!lists(value_get(h, "admissionReviewVersions"), "v1"))
        bad(l, path(l, "%s.admissionReviewVersions", at), value_get(h, "admissionReviewVersions"),
            "must include v1: it is the only version offered here");
    VALUE_EACH_ITEM (r, value_get(h, "rules"))
        check_rule(l, path(l, "%s.rules[%zu]", at, i++), r);
    one_of(l, path(l, "%s.failurePolicy", at), str(h, "failurePolicy"), failure, false);
    one_of(l, path(l, "%s.matchPolicy", at), str(h, "matchPolicy"), match, false);
    one_of(l, path(l, "%s.sideEffects", at), str(h, "sideEffects"), effects, true);
    one_of(l, path(l, "%s.reinvocationPolicy", at), str(h, "reinvocationPolicy"), again, false);
    if (timeout < 1 || timeout > 30)
        bad(l, path(l, "%s.timeoutSeconds", at), value_get(h, "timeoutSeconds"),
            "the timeout value must be between 1 and 30 seconds");
    validate__label_selector(l, path(l, "%s.namespaceSelector", at),
                             value_get(h, "namespaceSelector"), false);
    validate__label_selector(l, path(l, "%s.objectSelector", at), value_get(h, "objectSelector"),
                             false);
    check_client(l, path(l, "%s.clientConfig", at), value_get(h, "clientConfig"));
}

void validate_webhooks(const struct value *obj, struct field_errors *l)
{
    const struct value *list = value_get(obj, "webhooks");
    for (size_t i = 0; i < value_count(list); i++) {
        const char *at = path(l, "webhooks[%zu]", i), *name = str(&list->items[i], "name");
        check_webhook(l, at, &list->items[i]);
        for (size_t k = 0; k < i; k++)
            if (is(name, str(&list->items[k], "name"))) {
                duplicate(l, path(l, "%s.name", at), name);
                break;
            }
    }
}
