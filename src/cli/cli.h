/* cli.h - the commands of slipway. */
#pragma once

/* Runs `slipway VERB …`; the result is the process's exit code: 0 done, 1 failed, 2 wrong use. */
int cli_main(int argc, char **argv);
