/* banned.h - calls that have a safer spelling here; force-included in every file. */
#pragma once
/* The system headers that declare them come first, so that the poison hits only our uses. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#pragma GCC poison strcpy strcat sprintf vsprintf strtok atoi atol atof gmtime localtime ctime
#pragma GCC poison srand tmpnam tempnam mktemp
