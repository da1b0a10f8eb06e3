/* cancel_int.h - transfers of libcurl that somebody may end. */
#pragma once
#include <curl/curl.h>
#include <stdatomic.h>

/* Ends what the handle does soon after *cancel is true; NULL: nobody does. */
void http__cancel_by(CURL *h, const atomic_bool *cancel);
