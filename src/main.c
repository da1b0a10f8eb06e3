/* main.c - the small program: renders at once, and for all else becomes the whole one. */
#include "cli/light.h"

int main(int argc, char **argv)
{
    int code;
    if (light_run(argc, argv, &code))
        return code;
    light_whole(argv);
    return 1;
}
