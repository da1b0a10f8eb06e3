#include "ctl/namespace/plan.h"

#include "api/conditions.h"
#include "base/buf.h"

enum { MESSAGE_MAX = 8192 };

static const char *rests_text(const struct namespace_view *v, struct arena *a)
{
    AUTO_BUF struct buf b;
    buf_init(&b, MESSAGE_MAX);
    for (size_t i = 0; i < v->n_rests; i++)
        buf_printf(&b, "%s%s has %zu resource instances", i ? ", " : "", v->rests[i].resource,
                   v->rests[i].n);
    return arena_printf(a, "Some resources are remaining: %s", buf_text(&b));
}

static const char *holds_text(const struct namespace_view *v, struct arena *a)
{
    AUTO_BUF struct buf b;
    buf_init(&b, MESSAGE_MAX);
    for (size_t i = 0; i < v->n_holds; i++)
        buf_printf(&b, "%s%s in %zu resource instances", i ? ", " : "", v->holds[i].finalizer,
                   v->holds[i].n);
    return arena_printf(a, "Some content in the namespace has finalizers remaining: %s",
                        buf_text(&b));
}

struct value *namespace_status(const struct namespace_view *v, struct arena *a)
{
    const struct condition c[] = {
        {"NamespaceDeletionDiscoveryFailure",           "False", "ResourcesDiscovered",
         "All resources successfully discovered",                                                                                            0                              },
        {"NamespaceDeletionGroupVersionParsingFailure", "False", "ParsedGroupVersions",
         "All legacy kube types successfully parsed",                                                                                        0                              },
        v->failure
            ? (struct condition){"NamespaceDeletionContentFailure",             "True",  "ContentDeletionFailed",
         v->failure,                                                                                                                         0                              }
            : (struct condition){"NamespaceDeletionContentFailure",             "False", "ContentDeleted",
         "All content successfully deleted, may be waiting on finalization",                                                                 0                              },
        v->n_rests ? (struct condition){"NamespaceContentRemaining",                   "True",  "SomeResourcesRemain",
         rests_text(v,                                                                                                                       a),                              0}
                   : (struct condition){"NamespaceContentRemaining",                                             "False",                          "ContentRemoved",
         "All content successfully removed",      0                                                                                                                                 },
        v->n_holds
            ? (struct condition){"NamespaceFinalizersRemaining",                                             "True",                       "SomeFinalizersRemain",
         holds_text(v, a),                                                                                                                                                        0}
            : (struct condition){"NamespaceFinalizersRemaining",                                            "False",                                                   "ContentHasNoFinalizers",
         "All content-preserving finalizers finished",                                            0},
    };
    struct value *root = value_new_object(a);
    const struct value *had = value_get(v->namespace_->root, "status");
    (void)value_set(a, root, "status", had ? value_copy(a, had) : value_new_object(a));
    (void)value_set_str(a, value_get_mut(root, "status"), "phase", "Terminating");
    for (size_t i = 0; i < sizeof c / sizeof c[0]; i++)
        (void)condition_set(a, root, &c[i], v->now_ms);
    return value_get_mut(root, "status");
}
