#include "cli/cli.h"

#include <stdio.h>
#include <string.h>

int cli_main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "version") == 0) {
        (void)puts("slipway 0.1.0");
        return 0;
    }
    (void)fputs("usage: slipway VERB [options]\n", stderr);
    return 2;
}
