/* feed_int.h - what the files of the feed share. */
#pragma once
#include "scan/feed.h"

enum { FEED_MANIFEST_MAX = 4 << 20, FEED_PIECE = 1 << 18 };
