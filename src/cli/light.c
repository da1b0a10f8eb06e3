#include "cli/light.h"

#include <string.h>

#include "cli/verb.h"

/* Whether it names a URL, or standard input ("-", "-f-", "--values=-"), which is read but once. */
static bool is_for_whole(const char *argument)
{
    size_t n = strlen(argument);
    return strstr(argument, "://") || strcmp(argument, "-") == 0 || strcmp(argument, "-f-") == 0 ||
           (n > 1 && strcmp(argument + n - 2, "=-") == 0);
}

bool light_is_for_whole(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        if (is_for_whole(argv[i]))
            return true;
    return false;
}

bool light_run(int argc, char **argv, int *code)
{
    if (light_is_for_whole(argc, argv))
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
