/* What makes an object a hook: Argo CD's annotations, or Helm's where it has none of those. */
#include <string.h>

#include "ctl/gitops/app_int.h"

bool hook_lists(const char *list, const char *word)
{
    size_t n = strlen(word);
    for (const char *s = list; *s; s += strcspn(s, ",")) {
        s += strspn(s, " ,");
        if (strcspn(s, " ,") == n && strncmp(s, word, n) == 0)
            return true;
    }
    return false;
}

const char *hook_phases(const struct value *o)
{
    const char *own = note_of(o, "argocd.argoproj.io/hook"), *helm = note_of(o, "helm.sh/hook");
    if (*own || !*helm || strcmp(helm, "crd-install") == 0)
        return own;
    bool before = hook_lists(helm, "pre-install") || hook_lists(helm, "pre-upgrade");
    bool after = hook_lists(helm, "post-install") || hook_lists(helm, "post-upgrade");
    return before && after ? "PreSync,PostSync" : before ? "PreSync" : after ? "PostSync" : "Skip";
}

bool hook_is(const struct value *o)
{
    const char *phases = hook_phases(o);
    return *phases && strcmp(phases, "Skip") != 0;
}

int hook_wave(const struct value *o)
{
    const char *own = note_of(o, "argocd.argoproj.io/sync-wave");
    return (int)strtol(*own ? own : note_of(o, "helm.sh/hook-weight"), NULL, 10);
}

unsigned hook_policies(const struct value *o)
{
    static const struct {
        const char *own, *helm;
        unsigned policy;
    } policies[] = {
        {"HookSucceeded",      "hook-succeeded",       HOOK_SUCCEEDED},
        {"HookFailed",         "hook-failed",          HOOK_FAILED   },
        {"BeforeHookCreation", "before-hook-creation", HOOK_BEFORE   },
    };
    const char *own = note_of(o, "argocd.argoproj.io/hook-delete-policy");
    const char *helm = note_of(o, "helm.sh/hook-delete-policy");
    unsigned out = 0;
    for (size_t i = 0; i < ARRAY_LEN(policies); i++)
        if (hook_lists(own, policies[i].own) || hook_lists(helm, policies[i].helm))
            out |= policies[i].policy;
    return out ? out : HOOK_BEFORE;
}
