/* become.h - one of slipway's programs turns into another. */
#pragma once

/* "slipway" (the whole one), "files", "builds"; comes back when it is not there. */
void become(const char *program, char **argv);
