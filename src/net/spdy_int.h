/* spdy_int.h - what header blocks are compressed with. */
#pragma once
#include <stddef.h>

enum { SPDY_DICTIONARY = 1423 };

/* The bytes that both sides of SPDY/3 begin with. */
void spdy__dictionary(unsigned char out[SPDY_DICTIONARY]);
