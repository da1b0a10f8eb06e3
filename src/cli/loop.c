/* loop.c - following a push: repositories, users, status. */
#include <stdio.h>
#include <string.h>

#include "cli/verb.h"

enum { REPO_CREATE };

static int create_repository(struct kube *k, const char *ns, const char *name,
                             const struct option_list *readers, const struct option_list *writers,
                             struct arena *a, struct object **out, struct err *e)
{
    struct value *o = value_new_object(a), *access;
    (void)value_set_str(a, o, "apiVersion", "slipway.dev/v1");
    (void)value_set_str(a, o, "kind", "Repository");
    struct value *meta = value_make_object(a, o, "metadata");
    (void)value_set_str(a, meta, "name", name);
    (void)value_set_str(a, meta, "namespace", ns);
    access = value_make_array(a, o, "spec.access");
    const struct {
        const struct option_list *users;
        const char *role;
    } lists[] = {
        {readers, "read" },
        {writers, "write"}
    };
    for (size_t i = 0; i < ARRAY_LEN(lists); i++)
        for (size_t n = 0; n < lists[i].users->n; n++) {
            struct value *entry = value_push(a, access, value_new_object(a));
            (void)value_set_str(a, entry, "user", lists[i].users->items[n]);
            (void)value_set_str(a, entry, "role", lists[i].role);
        }
    return kube_create(k, &RES_REPOSITORY, ns, o, out, e);
}

static int run_repo_create(int argc, char **argv)
{
    const char *kubeconfig = NULL, *ns = "default";
    struct option_list readers = {0}, writers = {0};
    const struct option table[] = {
        {"namespace",  'n', OPTION_TEXT, &ns, "NAME", "namespace of the Repository (default)"},
        {"read", 'r', OPTION_LIST, &readers, "USER", "who may read; may be repeated"},
        {"write",      'w', OPTION_LIST, &writers, "USER", "who may push; may be repeated"},
        {"kubeconfig",            0, OPTION_TEXT, &kubeconfig, "FILE",
         "which server ($KUBECONFIG, or this machine's)"},
        {0        }
    };
    AUTO(arena) struct arena *a = arena_new(0);
    AUTO(kube) struct kube *k = NULL;
    AUTO(object) struct object *made = NULL;
    struct arguments args;
    struct err e = {0};
    int code;
    if (!verb_begin(&verbs_loop[REPO_CREATE], table, argc, argv, a, &args, &code))
        return code;
    if (args.n != 1)
        return verb_usage(&verbs_loop[REPO_CREATE]);
    if (verb_connect(kubeconfig, a, &k, &e) < 0 ||
        create_repository(k, ns, args.items[0], &readers, &writers, a, &made, &e) < 0)
        return verb_fail(&e);
    (void)printf("repository %s/%s created\n", ns, args.items[0]);
    return EXIT_OK;
}

const struct verb verbs_loop[] = {
    [REPO_CREATE] = {"repo create",                       "NAME [options]", "make a Git repository to push to",
                     run_repo_create},
    {0}
};
