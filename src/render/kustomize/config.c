/* configurations: more places where names, labels, images and variables are. */
#include "codec/yaml.h"
#include "render/kustomize/kust_int.h"

void kust_config_merge(struct kust_set *into, const struct value *config)
{
    VALUE_EACH_MEMBER (m, config) {
        struct value *list = value_make_array(into->a, into->config, m->key);
        VALUE_EACH_ITEM (spec, &m->value)
            (void)value_push(into->a, list, spec);
    }
}

static int load(struct kust_layer *l, const struct value *item, struct err *e)
{
    static const char *const known[] = {"namePrefix",
                                        "nameSuffix",
                                        "namespace",
                                        "labels",
                                        "commonLabels",
                                        "templateLabels",
                                        "images",
                                        "replicas",
                                        "commonAnnotations",
                                        "varReference",
                                        "nameReference",
                                        "volumeClaimTemplateLabels",
                                        NULL};
    const char *path;
    struct value *doc;
    int rc = kust_read_yaml(l, item, value_str(item, ""), &path, &doc, e);
    if (rc < 0)
        return rc;
    struct kust_layer of_file = *l;
    of_file.file = path;
    rc = kust_only(&of_file, doc, "", known, e);
    if (rc == 0)
        kust_config_merge(l->set, doc);
    return rc;
}

int kust_configurations(struct kust_layer *l, struct err *e)
{
    int rc = 0;
    VALUE_EACH_ITEM (item, value_get(l->doc, "configurations"))
        if (rc == 0)
            rc = load(l, item, e);
    return rc;
}
