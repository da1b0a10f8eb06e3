/* main.c - the small program: renders at once, and for all else becomes another. */
#include "cli/light.h"

int main(int argc, char **argv)
{
    int code;
    light_heap();
    if (light_run(argc, argv, &code))
        return code;
    light_become(argc, argv);
    light_whole(argv);
    return 1;
}
