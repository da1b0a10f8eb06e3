#include "cli/light.h"

#include <string.h>

#include "cli/verb.h"

bool light_run(int argc, char **argv, int *code)
{
    for (int i = 1; i < argc; i++)
        if (strstr(argv[i], "://"))
            return false;
    const struct verb *const groups[] = {verbs_helm, verbs_kustomize};
    for (size_t i = 0; i < sizeof groups / sizeof *groups; i++)
        for (const struct verb *v = groups[i]; v->name; v++) {
            int words = verb_words(v, argc - 1, argv + 1);
            if (words == 0)
                continue;
            *code = v->run(argc - 1 - words, argv + 1 + words);
            return true;
        }
    return false;
}

int light_fetch(const char *url, size_t max, struct arena *a, const char **out, size_t *n,
                struct err *e)
{
    struct light_answer answer;
    int rc = light_get(url, max, a, &answer, e);
    if (rc < 0)
        return rc;
    if (answer.status != 200)
        return err_set(e, ERR_NOT_FOUND, "failed to fetch %s : %d", url, answer.status);
    *out = answer.body;
    *n = answer.n;
    return 0;
}
