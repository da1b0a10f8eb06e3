/* files.c - the program that signs and verifies files. */
#include "cli/verb.h"

int main(int argc, char **argv)
{
    for (const struct verb *v = verbs_sign_blob; v->name; v++) {
        int words = verb_words(v, argc - 1, argv + 1);
        if (words)
            return v->run(argc - 1 - words, argv + 1 + words);
    }
    return EXIT_USAGE;
}
