/* The shim as a program of its own: small and static, because one of them stays in memory for
 * every container. slipway carries it inside; `slipway shim` does the same. */
#include "runtime/runtime.h"

#include <string.h>

int main(int argc, char **argv)
{
    if (argc < 2 || strcmp(argv[1], "shim") != 0)
        return 2;
    return shim_main(argc - 1, argv + 1);
}
