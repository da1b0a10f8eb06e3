/* registry_policy.c - slipway registry policy: what the registry refuses and copies, and how full
 * its quotas are. */
#include <stdio.h>
#include <string.h>

#include "api/resource.h"
#include "base/clock.h"
#include "cli/registry.h"
#include "oci/images.h"
#include "registry/policy.h"

static int read_policy(const char *kubeconfig, struct arena *a, struct registry_policy **out,
                       struct err *e)
{
    AUTO(kube) struct kube *k = NULL;
    AUTO(object) struct object *map = NULL;
    int r = verb_connect(kubeconfig, a, &k, e);
    if (r == 0)
        r = kube_get(k, &RES_CONFIG_MAP, REGISTRY_POLICY_NAMESPACE, REGISTRY_POLICY_NAME, &map, e);
    if (r < 0)
        return r == ERR_NOT_FOUND
                   ? err_hint(e,
                              "docs/registry.md says what it may hold; until then all is allowed")
                   : r;
    const char *text = value_str(value_get(value_get(map->root, "data"), REGISTRY_POLICY_KEY), "");
    r = registry_policy_read(text, out, e);
    return r < 0 ? err_wrap(e, r, REGISTRY_POLICY_KEY) : 0;
}

static const char *list_text(const char *const *list, struct arena *a)
{
    const char *text = list[0];
    for (list++; *list; list++)
        text = arena_printf(a, "%s, %s", text, *list);
    return text;
}

static void print_policy(struct registry_policy *p, struct image_store *images, struct arena *a)
{
    const struct registry_rules *r = registry_policy_rules(p);
    for (size_t i = 0; i < r->n_fixed; i++)
        (void)printf("immutable  %-30s tags %s\n", list_text(r->fixed[i].repositories, a),
                     list_text(r->fixed[i].tags, a));
    for (size_t i = 0; i < r->n_quotas; i++) {
        uint64_t used =
            registry_policy_used(p, image_store_refs(images), image_store_blobs(images), i);
        (void)printf("quota      %-30s %s of %s\n", list_text(r->quotas[i].repositories, a),
                     registry_bytes_text(used, a), registry_bytes_text(r->quotas[i].max_bytes, a));
    }
    for (size_t i = 0; i < r->n_upstreams; i++) {
        const struct registry_upstream *u = &r->upstreams[i];
        char every[CLOCK_TEXT_MAX];
        clock_format_duration(u->revalidate_ms * 1000000, every);
        (void)printf("upstream   %-30s %s, asked again after %s%s%s\n",
                     arena_printf(a, "%s/", u->prefix), list_text(u->urls, a), every,
                     u->secret ? ", Secret " : "", u->secret ? u->secret : "");
    }
}

static int run_policy(int argc, char **argv)
{
    const char *data_dir = NULL, *kubeconfig = NULL;
    const struct option table[] = {
        {"data-dir",   'd', OPTION_TEXT, &data_dir, "DIR",
         "where everything is kept (" VERB_DEFAULT_DIR ")"},
        {"kubeconfig", 0, OPTION_TEXT, &kubeconfig, "FILE", "which API to ask"},
        {0      }
    };
    AUTO(arena) struct arena *a = arena_new(0);
    AUTO(image_store) struct image_store *images = NULL;
    AUTO(registry_policy) struct registry_policy *policy = NULL;
    struct arguments args;
    struct err e = {0};
    int code;
    if (!verb_begin(&verbs_registry_policy[0], table, argc, argv, a, &args, &code))
        return code;
    if (args.n)
        return verb_usage(&verbs_registry_policy[0]);
    if (read_policy(kubeconfig, a, &policy, &e) < 0 ||
        registry_open_images(data_dir, a, &images, &e) < 0)
        return verb_fail(&e);
    print_policy(policy, images, a);
    return EXIT_OK;
}

const struct verb verbs_registry_policy[] = {
    {"registry policy",                                                               "[options]",
     "its immutable tags, quotas and what they hold, and copies of other registries", run_policy},
    {0}
};
