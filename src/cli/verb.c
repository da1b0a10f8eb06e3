#include "cli/verb.h"

#include <stdio.h>
#include <string.h>

int verb_fail(const struct err *e)
{
    (void)fprintf(stderr, "slipway: %s\n", e->msg);
    if (*e->hint)
        (void)fprintf(stderr, "  %s\n", e->hint);
    return EXIT_FAILED;
}

int verb_usage(const struct verb *v)
{
    (void)fprintf(stderr, "usage: slipway %s %s\n", v->name, v->usage);
    return EXIT_USAGE;
}

bool verb_begin(const struct verb *v, const struct option *table, int argc, char **argv,
                struct arena *a, struct arguments *out, int *out_code)
{
    struct err e = {0};
    if (options_parse(table, argc, argv, a, out, &e) < 0) {
        (void)verb_fail(&e);
        *out_code = EXIT_USAGE;
        return false;
    }
    if (out->help) {
        (void)printf("usage: slipway %s %s\n\n%s\n", v->name, v->usage, v->summary);
        if (table->name)
            (void)puts("");
        options_print(table);
        *out_code = EXIT_OK;
        return false;
    }
    return true;
}

const char *verb_data_dir(const char *given)
{
    const char *env = getenv("SLIPWAY_DATA_DIR");
    return given ? given : env && *env ? env : VERB_DEFAULT_DIR;
}

int verb_words(const struct verb *v, int argc, char **argv)
{
    const char *name = v->name;
    for (int words = 0; words < argc;) {
        size_t n = strcspn(name, " ");
        if (strlen(argv[words]) != n || strncmp(argv[words], name, n) != 0)
            return 0;
        words++;
        if (!name[n])
            return words;
        name += n + 1;
    }
    return 0;
}
