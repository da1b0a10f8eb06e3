/* builds.c - the program that builds what was built before; for anything new it becomes the whole
 * one. */
#include "cli/verb.h"

int main(int argc, char **argv)
{
    int words = verb_words(verbs_build, argc - 1, argv + 1);
    return words ? verbs_build->run(argc - 1 - words, argv + 1 + words) : EXIT_USAGE;
}
